//! The tree with bars, for a terminal.
//!
//! A bar stands where the area lies in the process, so the bars of an area's parts stand below its own. Columns give
//! way from the right where the terminal is narrow: cause, bar, share, exact bytes.

use super::map::{Area, MemoryMap, Tone};
use super::number::{human, share};
use super::text::{ascii, char_columns, columns, elide};

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

/// Escape sequences by meaning; all empty where no colour is wanted. The sixteen basic colours, so that the user's own
/// theme decides how they look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette {
    /// Names of areas that have parts, and the header.
    pub strong: &'static str,
    /// What is there to be looked up: guides, causes.
    pub faint: &'static str,
    /// Heap.
    pub heap: &'static str,
    /// Managed memory.
    pub managed: &'static str,
    /// Direct memory.
    pub direct: &'static str,
    /// Metaspace.
    pub metaspace: &'static str,
    /// Overhead.
    pub overhead: &'static str,
    /// Ends any of them.
    pub reset: &'static str,
}

impl Palette {
    /// No colour.
    pub const PLAIN: Self = Self {
        strong: "",
        faint: "",
        heap: "",
        managed: "",
        direct: "",
        metaspace: "",
        overhead: "",
        reset: "",
    };

    /// ANSI colours.
    pub const ANSI: Self = Self {
        strong: "\x1b[1m",
        faint: "\x1b[2m",
        heap: "\x1b[34m",
        managed: "\x1b[33m",
        direct: "\x1b[36m",
        metaspace: "\x1b[35m",
        overhead: "\x1b[90m",
        reset: "\x1b[0m",
    };

    const fn of(&self, tone: Tone) -> &'static str {
        match tone {
            Tone::Total | Tone::OffHeap => "",
            Tone::Heap => self.heap,
            Tone::Managed => self.managed,
            Tone::Direct => self.direct,
            Tone::Metaspace => self.metaspace,
            Tone::Overhead => self.overhead,
        }
    }
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
    let columns_ = Columns::fit(&rows, map.process.name(), style);
    let Palette { strong, faint, reset, .. } = style.palette;
    let mut out = String::new();
    let header = columns_.line(map.process.name().to_owned(), HEADER.map(str::to_owned));
    out.push_str(&format!("{strong}{}{reset}\n", header.trim_end()));
    for row in &rows {
        let name_style = if row.area.is_leaf() { "" } else { strong };
        let name_reset = if name_style.is_empty() { "" } else { reset };
        let used = columns(&row.guide) + columns(row.area.short);
        let pad = columns_.name.saturating_sub(used);
        let guide_reset = if row.guide.is_empty() { "" } else { reset };
        let guide_faint = if row.guide.is_empty() { "" } else { faint };
        out.push_str(&format!(
            "{guide_faint}{}{guide_reset}{name_style}{}{name_reset}",
            row.guide, row.area.short
        ));
        let mut line = " ".repeat(pad);
        line.push_str(&columns_.numbers_text(&row.cells));
        let bar = bar(row.offset, row.area.bytes, map.root.bytes, columns_.bar, style.unicode);
        let cause = columns_.cause_text(row.area, style);
        if !bar.trim_end().is_empty() {
            let colour = style.palette.of(row.area.tone);
            let bar_reset = if colour.is_empty() { "" } else { reset };
            let drawn = if cause.is_empty() { bar.trim_end() } else { &bar };
            line.push_str(&format!("{:GAP$}{colour}{drawn}{bar_reset}", ""));
        } else if !cause.is_empty() && columns_.bar > 0 {
            line.push_str(&" ".repeat(GAP + columns_.bar));
        }
        if !cause.is_empty() {
            line.push_str(&format!("{:GAP$}{faint}{cause}{reset}", ""));
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

    fn line(&self, mut name: String, cells: [String; 3]) -> String {
        let pad = self.name.saturating_sub(columns(&name));
        name.push_str(&" ".repeat(pad));
        name.push_str(&self.numbers_text(&cells));
        name
    }

    fn cause_text(&self, area: &Area, style: &TreeStyle) -> String {
        if self.cause == 0 {
            return String::new();
        }
        let fitted = elide(&area.cause_within(self.cause), self.cause, char_columns);
        if style.unicode { fitted } else { ascii(&fitted).into_owned() }
    }
}

/// A bar of so many columns: blank up to where the area begins, in halves of a column. An area too small for a half is
/// a thin mark, an empty one is blank.
fn bar(offset: u64, bytes: u64, whole: u64, width: usize, unicode: bool) -> String {
    if width == 0 || bytes == 0 || whole == 0 {
        return " ".repeat(width);
    }
    let halves = |at: u64| {
        let halves = u128::from(at) * 2 * (width as u128) * 2 / u128::from(whole);
        usize::try_from(halves.div_ceil(2)).unwrap_or(usize::MAX).min(2 * width)
    };
    let (start, end) = (halves(offset), halves(offset.saturating_add(bytes)));
    let thin = (start / 2).min(width - 1);
    (0..width)
        .map(|column| {
            let covers = |half: usize| start <= half && half < end;
            match (covers(2 * column), covers(2 * column + 1), unicode) {
                (true, true, true) => '█',
                (true, false, true) => '▌',
                (false, true, true) => '▐',
                (true, _, false) => '#',
                (false, false, true) if start == end && column == thin => '▏',
                (false, false, false) if end - start < 2 && column == thin => '|',
                _ => ' ',
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
            for width in 36..200 {
                for line in tree(&map, &style(width)).lines() {
                    assert!(columns(line) <= width, "{name} at {width}: {line}");
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

    proptest! {
        #[test]
        fn bars_stay_inside_and_join(a in any::<u32>(), b in any::<u32>(), width in 1usize..80) {
            let (a, b) = (u64::from(a) << 31, u64::from(b) << 31);
            let whole = a + b;
            let (first, second) = (bar(0, a, whole, width, true), bar(a, b, whole, width, true));
            prop_assert_eq!(columns(&first), width);
            prop_assert_eq!(columns(&second), width);
            let ink = |text: &str| text.chars().map(|c| match c { '█' => 2, '▌' | '▐' => 1, _ => 0 }).sum::<usize>();
            prop_assert_eq!(ink(&first) + ink(&second), if whole == 0 { 0 } else { 2 * width });
        }
    }
}
