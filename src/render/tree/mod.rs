//! The tree with bars, for a terminal.
//!
//! A bar stands where the area lies in the process, so the bars of an area's parts stand below its own. Columns give
//! way from the right where the terminal is narrow: cause, bar, share, exact bytes.

use plimsoll_memory::report::bar;

use super::map::{Area, MemoryMap};
use super::number::{human, share};
use super::text::{ascii, char_columns, columns, elide};

mod palette;

pub use palette::Palette;

/// How to write the tree.
#[derive(Debug, Clone, Copy)]
pub struct TreeStyle {
    /// Columns of the terminal.
    pub width: usize,
    /// Box drawing and block characters; otherwise ASCII.
    pub unicode: bool,
    /// Colours.
    pub palette: Palette,
}

/// Between columns.
const GAP: usize = 2;
/// Shorter bars tell apart too little.
const BAR_MIN: usize = 6;
const BAR_MAX: usize = 32;
/// Less of a cause is not worth its column.
const CAUSE_MIN: usize = 24;

struct Row<'a> {
    area: &'a Area,
    offset: u64,
    guide: String,
    cells: [String; 3],
}

/// The columns that have room: how wide the number columns are (0: left out), the bar, the cause.
struct Columns {
    name: usize,
    numbers: [usize; 3],
    bar: usize,
    cause: usize,
}

/// Writes the tree, a line per area under a header.
pub fn tree(map: &MemoryMap, style: &TreeStyle) -> String {
    let mut rows = Vec::new();
    collect(&map.root, map.root.bytes, 0, &Guide { style, above: String::new() }, &mut rows);
    let fitted = Columns::fit(&rows, map.process.name(), style);
    let Palette { strong, faint, .. } = style.palette;
    let paint = |out: &mut String, colour: &str, text: &str| {
        let reset = if colour.is_empty() || text.is_empty() { "" } else { style.palette.reset };
        let colour = if text.is_empty() { "" } else { colour };
        out.extend([colour, text, reset]);
    };
    let mut out = String::new();
    paint(&mut out, strong, fitted.header(map.process.name()).trim_end());
    out.push('\n');
    for row in &rows {
        let Row { area, .. } = row;
        paint(&mut out, faint, &row.guide);
        paint(&mut out, if area.is_leaf() { "" } else { strong }, area.short);
        let pad = fitted.name.saturating_sub(columns(&row.guide) + columns(area.short));
        let mut line = " ".repeat(pad) + &fitted.numbers_text(&row.cells);
        let bar = bar(row.offset, area.bytes, map.root.bytes, fitted.bar, style.unicode);
        let cause = fitted.cause_text(area, style);
        let bar = if cause.is_empty() { bar.trim_end() } else { &bar };
        if !bar.is_empty() {
            line.push_str(&" ".repeat(GAP));
            paint(&mut line, if bar.trim_end().is_empty() { "" } else { style.palette.of(area.tone) }, bar);
        }
        if !cause.is_empty() {
            line.push_str(&" ".repeat(GAP));
            paint(&mut line, faint, &cause);
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

const HEADER: [&str; 3] = ["size", "bytes", "share"];

struct Guide<'a> {
    style: &'a TreeStyle,
    above: String,
}

fn collect<'a>(area: &'a Area, whole: u64, offset: u64, guide: &Guide<'_>, rows: &mut Vec<Row<'a>>) {
    let cells = [human(area.bytes), area.bytes.to_string(), share(area.bytes, whole)];
    let own = if rows.is_empty() { String::new() } else { guide.above.clone() };
    rows.push(Row { area, offset, guide: own, cells });
    let wide = guide.style.width >= 80;
    let (branch, last, bar, none) = match (guide.style.unicode, wide) {
        (true, true) => ("├─ ", "└─ ", "│  ", "   "),
        (true, false) => ("├ ", "└ ", "│ ", "  "),
        (false, true) => ("|- ", "`- ", "|  ", "   "),
        (false, false) => ("| ", "` ", "| ", "  "),
    };
    // what was a branch to this area is a bar, or nothing, beside its parts
    let continued = if let Some(stem) = guide.above.strip_suffix(branch) {
        format!("{stem}{bar}")
    } else if let Some(stem) = guide.above.strip_suffix(last) {
        format!("{stem}{none}")
    } else {
        String::new()
    };
    let mut offset = offset;
    for (i, child) in area.children.iter().enumerate() {
        let mark = if i + 1 == area.children.len() { last } else { branch };
        let below = Guide { style: guide.style, above: format!("{continued}{mark}") };
        collect(child, whole, offset, &below, rows);
        offset = offset.saturating_add(child.bytes);
    }
}

impl Columns {
    fn fit(rows: &[Row<'_>], title: &str, style: &TreeStyle) -> Self {
        let name = rows.iter().map(|row| columns(&row.guide) + columns(row.area.short)).max().unwrap_or(0);
        let name = name.max(columns(title));
        let mut left = style.width.saturating_sub(name);
        let mut numbers = [0; 3];
        for (i, header) in HEADER.iter().enumerate() {
            let widest = rows.iter().map(|row| columns(&row.cells[i])).max().unwrap_or(0).max(header.len());
            if left < GAP + widest {
                break; // and nothing to the right of it either
            }
            numbers[i] = widest;
            left -= GAP + widest;
        }
        let mut bar = if numbers[2] > 0 && left >= GAP + BAR_MIN { (left - GAP).min(BAR_MAX) } else { 0 };
        let mut cause = 0;
        if bar > 0 && left >= GAP + 2 * BAR_MIN + GAP + CAUSE_MIN {
            // the longest short cause first, then the bar, then whatever is left for longer causes
            let briefs =
                rows.iter().map(|row| columns(&row.area.cause_within(0))).max().unwrap_or(0).max(CAUSE_MIN);
            let room = left - 2 * GAP;
            bar = room.saturating_sub(briefs).clamp(2 * BAR_MIN, BAR_MAX);
            cause = room - bar;
        }
        Self { name, numbers, bar, cause }
    }

    fn numbers_text(&self, cells: &[String; 3]) -> String {
        let mut text = String::new();
        for (cell, width) in cells.iter().zip(self.numbers).filter(|(_, width)| *width > 0) {
            let pad = GAP + width.saturating_sub(columns(cell));
            text.push_str(&" ".repeat(pad));
            text.push_str(cell);
        }
        text
    }

    fn header(&self, title: &str) -> String {
        let pad = self.name.saturating_sub(columns(title));
        title.to_owned() + &" ".repeat(pad) + &self.numbers_text(&HEADER.map(str::to_owned))
    }

    fn cause_text(&self, area: &Area, style: &TreeStyle) -> String {
        if self.cause == 0 {
            return String::new();
        }
        let fitted = elide(&area.cause_within(self.cause), self.cause, char_columns);
        if style.unicode { fitted } else { ascii(&fitted).into_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_golden, job_manager_map, samples, task_manager_map};
    use super::*;

    fn style(width: usize) -> TreeStyle {
        TreeStyle { width, unicode: true, palette: Palette::PLAIN }
    }

    #[test]
    fn golden() {
        let maps = [task_manager_map("process.size: 1728m"), job_manager_map("process.size: 1600m")];
        for width in [60, 80, 120] {
            let text: Vec<String> = maps.iter().map(|map| tree(map, &style(width))).collect();
            assert_golden(&format!("tree-{width}.txt"), &text.join("\n"));
        }
        let ascii = TreeStyle { unicode: false, ..style(80) };
        assert_golden("tree-80-ascii.txt", &tree(&maps[0], &ascii));
        let colour = TreeStyle { palette: Palette::ANSI, ..style(120) };
        assert_golden("tree-120-colour.txt", &tree(&maps[0], &colour));
    }

    #[test]
    fn ascii_is_ascii() {
        for (name, map) in samples() {
            for width in [40, 80, 160] {
                let text = tree(&map, &TreeStyle { unicode: false, ..style(width) });
                assert!(text.is_ascii(), "{name}: {text}");
            }
        }
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for (name, map) in samples() {
            for width in 0..200 {
                for line in tree(&map, &style(width)).lines() {
                    // below that only names are left, and they are never cut
                    assert!(columns(line) <= width.max(24), "{name} at {width}: {line}");
                    assert_eq!(line, line.trim_end());
                }
            }
        }
    }

    #[test]
    fn colour_adds_nothing_but_escapes() {
        for (_, map) in samples() {
            let mut text = tree(&map, &TreeStyle { palette: Palette::ANSI, ..style(120) });
            for code in
                ["\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[33m", "\x1b[34m", "\x1b[35m", "\x1b[36m", "\x1b[90m"]
            {
                text = text.replace(code, "");
            }
            assert!(!text.contains('\x1b'));
            let trimmed: Vec<&str> = text.lines().map(str::trim_end).collect();
            assert_eq!(trimmed.join("\n") + "\n", tree(&map, &style(120)));
        }
    }
}
