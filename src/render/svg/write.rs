//! The scene as XML.

use std::fmt::Write as _;

use super::colour::style_sheet;
use super::measure::{DIGIT_GAP, pieces};
use super::scene::{Anchor, Face, Rect, Scene, Text};
use crate::render::text::visible;

/// Writes the picture.
pub(super) fn svg(scene: &Scene) -> String {
    let id = format!("memory-{:016x}", fingerprint(scene));
    let (w, h) = (Number(scene.width), Number(scene.height));
    let mut out = String::with_capacity(16 << 10);
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" id=\"{id}\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" \
         role=\"img\" aria-labelledby=\"{id}-title {id}-desc\">\n<title id=\"{id}-title\">"
    );
    escape(&mut out, &scene.title);
    let _ = write!(out, "</title>\n<desc id=\"{id}-desc\">");
    for (i, line) in scene.description.lines().enumerate() {
        out.push_str(if i == 0 { "" } else { "\n" });
        escape(&mut out, line);
    }
    let _ = writeln!(out, "</desc>\n<style>{}</style>", style_sheet(&id));
    let ground = Rect { x: 0.0, y: 0.0, width: scene.width, height: scene.height };
    rect(&mut out, ground, "class=\"ground\" rx=\"8\"", None);
    for (band, class) in &scene.bands {
        rect(&mut out, *band, &format!("class=\"{class}\""), None);
    }
    for cell in &scene.cells {
        let attributes =
            format!("class=\"{}\" data-area=\"{}\" data-bytes=\"{}\"", cell.fill, cell.id, cell.bytes);
        rect(&mut out, cell.rect, &attributes, Some(&cell.tooltip));
    }
    for line in &scene.lines {
        let _ = write!(out, "<polyline class=\"{}\" points=\"", line.class);
        for (i, (x, y)) in line.points.iter().enumerate() {
            let blank = if i == 0 { "" } else { " " };
            let _ = write!(out, "{blank}{},{}", Number(*x), Number(*y));
        }
        out.push_str("\"/>\n");
    }
    for (swatch, class) in &scene.swatches {
        rect(&mut out, *swatch, &format!("class=\"{class}\" rx=\"2\""), None);
    }
    if let Some(mark) = &scene.limit {
        let (y, class) = (Number(mark.y), mark.class);
        let middle = Number(mark.left + 11.0);
        let (left, right) = (Number(mark.left), Number(mark.right));
        let _ = writeln!(
            out,
            "<line class=\"{class}\" x1=\"{left}\" y1=\"{y}\" x2=\"{right}\" y2=\"{y}\"/>\n\
             <circle class=\"{class}\" cx=\"{middle}\" cy=\"{y}\" r=\"7\"/>"
        );
    }
    for line in &scene.texts {
        text(&mut out, line);
    }
    out.push_str("</svg>\n");
    out
}

fn rect(out: &mut String, rect: Rect, attributes: &str, tooltip: Option<&str>) {
    let Rect { x, y, width, height } = rect;
    let _ = write!(
        out,
        "<rect {attributes} x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"",
        Number(x),
        Number(y),
        Number(width),
        Number(height)
    );
    let Some(tooltip) = tooltip else {
        out.push_str("/>\n");
        return;
    };
    out.push_str("><title>");
    escape(out, tooltip);
    out.push_str("</title></rect>\n");
}

fn text(out: &mut String, text: &Text) {
    let mut classes = Vec::new();
    match text.face {
        Face::Plain => {}
        Face::Bold => classes.push("b"),
        Face::Mono => classes.push("m"),
    }
    if text.muted {
        classes.push("muted");
    }
    let _ = write!(
        out,
        "<text x=\"{}\" y=\"{}\" font-size=\"{}\"",
        Number(text.x),
        Number(text.y),
        Number(text.size)
    );
    if !classes.is_empty() {
        let _ = write!(out, " class=\"{}\"", classes.join(" "));
    }
    match text.anchor {
        Anchor::Start => {}
        Anchor::Middle => out.push_str(" text-anchor=\"middle\""),
        Anchor::End => out.push_str(" text-anchor=\"end\""),
    }
    out.push('>');
    // the gaps are no characters: a copied number is one number
    for (piece, gap) in pieces(&text.text) {
        if gap && text.face != Face::Mono {
            let _ = write!(out, "<tspan dx=\"{}\">", Number(DIGIT_GAP * text.size));
            escape(out, piece);
            out.push_str("</tspan>");
        } else {
            escape(out, piece);
        }
    }
    out.push_str("</text>\n");
}

/// Appends text as XML character data that is also fit for an attribute in double quotes.
fn escape(out: &mut String, text: &str) {
    for c in visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
}

/// FNV-1a: pictures in one page need ids that differ, and the same picture the same id each time.
fn fingerprint(scene: &Scene) -> u64 {
    let words = scene.title.bytes().chain([0]).chain(scene.description.bytes());
    words.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A coordinate with at most three decimals: less than any screen shows, and the same on every machine.
struct Number(f64);

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = format!("{:.3}", self.0);
        let text = text.trim_end_matches('0').trim_end_matches('.');
        f.write_str(if text == "-0" { "0" } else { text })
    }
}
