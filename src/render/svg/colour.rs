//! Colours, light and dark.

use std::fmt::Write as _;

use crate::render::map::{Area, Tone};

/// A colour in light surroundings and in dark ones.
type Pair = [&'static str; 2];

pub(super) const GROUND: Pair = ["#ffffff", "#0f141a"];
pub(super) const TEXT: Pair = ["#1b1f24", "#e6edf3"];
pub(super) const MUTED: Pair = ["#505a64", "#a9b4bf"];
const HAIRLINE: Pair = ["#8c959f", "#6e7883"];
const OVER: Pair = ["#b42318", "#ff8a7a"];

/// Grounds of areas that have parts; their names stand on them.
#[rustfmt::skip]
pub(super) const GROUPS: [(&str, Pair); 5] = [
    ("g-process",  ["#f0f2f4", "#1a2129"]),
    ("g-flink",    ["#e3e7eb", "#252e38"]),
    ("g-heap",     ["#d3e3f5", "#163454"]),
    ("g-off-heap", ["#eeeadf", "#33332c"]),
    ("g-direct",   ["#cfece2", "#123f34"]),
];

/// Areas without parts. Neighbours differ in lightness too, not only in hue.
#[rustfmt::skip]
pub(super) const LEAVES: [(&str, Pair); 8] = [
    ("framework-heap",     ["#5b93cc", "#3b78bd"]),
    ("task-heap",          ["#1d5aa0", "#7cb5f2"]),
    ("managed",            ["#b8720a", "#e8a93d"]),
    ("framework-off-heap", ["#3d9a7d", "#2f8f72"]),
    ("task-off-heap",      ["#0a5a48", "#8fe3c8"]),
    ("network",            ["#247f66", "#4fbd9a"]),
    ("metaspace",          ["#8f3fa0", "#b565c9"]),
    ("overhead",           ["#888f97", "#78828d"]),
];

/// The class that paints an area.
pub(super) fn fill(area: &Area) -> &'static str {
    match (area.is_leaf(), area.tone, area.id) {
        (false, Tone::Total, "process") => "g-process",
        (false, Tone::Heap, _) => "g-heap",
        (false, Tone::OffHeap, _) => "g-off-heap",
        (false, Tone::Direct, _) => "g-direct",
        (false, ..) => "g-flink",
        (true, Tone::Heap, "framework_heap") => "framework-heap",
        (true, Tone::Heap, _) => "task-heap",
        (true, Tone::Managed, _) => "managed",
        (true, Tone::Direct, "framework_off_heap") => "framework-off-heap",
        (true, Tone::Direct, "task_off_heap") => "task-off-heap",
        (true, Tone::Direct | Tone::OffHeap, _) => "network",
        (true, Tone::Metaspace, _) => "metaspace",
        (true, Tone::Overhead | Tone::Total, _) => "overhead",
    }
}

/// The style sheet. Each rule is under the picture's id: where several are inlined in a page, none touches another.
pub(super) fn style_sheet(id: &str) -> String {
    let mut css = String::new();
    let rules = [
        "{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,'DejaVu Sans',sans-serif;\
         font-variant-numeric:tabular-nums}",
        " .b{font-weight:600}",
        " .m{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}",
        " line,#ID polyline,#ID circle{fill:none;stroke-width:1}",
        " .slot{stroke-opacity:.6}",
        " .shared{stroke-opacity:.6;stroke-dasharray:3 3}",
        " .free{stroke-dasharray:4 3}",
        " .fits,#ID .over{stroke-width:2}",
    ];
    for rule in rules {
        let _ = write!(css, "#{id}{}", rule.replace("#ID", &format!("#{id}")));
    }
    colours(&mut css, id, 0);
    css.push_str("@media (prefers-color-scheme:dark){");
    colours(&mut css, id, 1);
    css.push('}');
    css
}

fn colours(css: &mut String, id: &str, mode: usize) {
    let rules = [
        ("fill", "rect.ground", GROUND),
        ("fill", "text", TEXT),
        ("fill", ".muted", MUTED),
        ("stroke", ".free", HAIRLINE),
        ("stroke", ".slot", GROUND),
        ("stroke", ".shared", GROUND),
        ("stroke", ".fits", TEXT),
        ("stroke", ".over", OVER),
    ];
    for (property, selector, pair) in rules {
        let _ = write!(css, "#{id} {selector}{{{property}:{}}}", pair[mode]);
    }
    for (class, pair) in GROUPS.iter().chain(&LEAVES) {
        let _ = write!(css, "#{id} rect.{class}{{fill:{}}}", pair[mode]);
    }
    for (class, pair) in &LEAVES {
        let _ = write!(css, "#{id} polyline.{class}{{stroke:{}}}", pair[mode]);
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    /// Red, green, blue, each 0 to 1.
    fn channels(colour: &str) -> [f64; 3] {
        [1, 3, 5].map(|i| f64::from(u8::from_str_radix(&colour[i..i + 2], 16).expect("two digits")) / 255.0)
    }

    /// WCAG 2: relative luminance.
    fn luminance(colour: &str) -> f64 {
        let linear = |c: f64| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
        channels(colour).map(linear).iter().zip([0.2126, 0.7152, 0.0722]).map(|(c, weight)| c * weight).sum()
    }

    fn contrast(a: &str, b: &str) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_is_legible() {
        for mode in 0..2 {
            for (name, ground) in GROUPS.iter().chain(&[("ground", GROUND)]) {
                for text in [TEXT, MUTED] {
                    let contrast = contrast(text[mode], ground[mode]);
                    assert!(contrast >= 4.5, "{name} in mode {mode}: {contrast:.2}");
                }
            }
        }
    }

    #[test]
    fn areas_stand_out() {
        for mode in 0..2 {
            for (name, fill) in LEAVES {
                let contrast = contrast(fill[mode], GROUND[mode]);
                assert!(contrast >= 3.0, "{name} in mode {mode}: {contrast:.2}");
            }
            for line in [OVER, HAIRLINE] {
                assert!(contrast(line[mode], GROUND[mode]) >= 3.0);
            }
        }
    }

    /// Viénot, Brettel, Mollon 1999: what remains of a colour for a reader without long or without medium cones.
    fn simulated(colour: &str, matrix: [[f64; 3]; 3]) -> [f64; 3] {
        let linear = channels(colour).map(|c| c.powf(2.2));
        matrix.map(|row| row.iter().zip(linear).map(|(m, c)| m * c).sum::<f64>().clamp(0.0, 1.0))
    }

    #[test]
    fn neighbours_are_told_apart_by_the_colour_blind() {
        let protan = [[0.1124, 0.8876, 0.0], [0.1124, 0.8876, 0.0], [0.004, -0.004, 1.0]];
        let deutan = [[0.2928, 0.7072, 0.0], [0.2928, 0.7072, 0.0], [-0.0223, 0.0223, 1.0]];
        for mode in 0..2 {
            // an area between two others may be empty
            for (i, first) in LEAVES.iter().enumerate() {
                for second in LEAVES.iter().skip(i + 1).take(2) {
                    for matrix in [protan, deutan] {
                        let [a, b] = [first, second].map(|(_, fill)| {
                            simulated(fill[mode], matrix).map(|channel| channel.powf(1.0 / 2.2))
                        });
                        let distance = a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt();
                        assert!(distance >= 0.15, "{} {} in mode {mode}: {distance:.3}", first.0, second.0);
                    }
                }
            }
        }
    }
}
