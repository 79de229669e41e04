//! The list at the right: an entry for each area, near the area it belongs to, none over another.

use super::layout::MARGIN;
use super::scene::{Anchor, Face, Line, Rect, Scene, Text};
use super::{colour, measure};
use crate::render::map::Area;
use crate::render::number::{human, share};

const NAME_SIZE: f64 = 13.0;
const NUMBER_SIZE: f64 = 12.5;
const CAUSE_SIZE: f64 = 11.5;
const NAME_LINE: f64 = 18.0;
const CAUSE_LINE: f64 = 15.5;
/// Below an entry.
const SPACE: f64 = 7.0;
/// Below an entry that stands over its parts' entries.
const HEADING_SPACE: f64 = 2.5;
const INDENT: f64 = 14.0;
/// From the colour to the name.
const SWATCH: f64 = 10.0;
const AFTER_SWATCH: f64 = 7.0;
const GAP: f64 = 16.0;
/// Over the numbers.
const HEADS: [&str; 3] = ["size", "bytes", "share"];

/// An entry of the list.
pub(super) struct Entry<'a> {
    pub(super) area: &'a Area,
    pub(super) indent: u8,
    /// The middle of the area in the map; none for an area with parts, whose entry stands over that of its first part.
    pub(super) target: Option<f64>,
    /// `32.00 MiB for each of 16 slots`, where slots divide it.
    pub(super) slots: Option<String>,
}

/// Where the columns of the list end.
pub(super) struct Columns {
    size: f64,
    bytes: f64,
    share: f64,
    /// All of it.
    pub(super) width: f64,
}

impl Entry<'_> {
    fn height(&self) -> f64 {
        let cause = if self.target.is_some() { CAUSE_LINE } else { 0.0 };
        let flag = if self.area.flag.is_some() { CAUSE_LINE } else { 0.0 };
        NAME_LINE + cause + flag + if self.target.is_some() { SPACE } else { HEADING_SPACE }
    }

    fn text_x(&self) -> f64 {
        f64::from(self.indent) * INDENT + SWATCH + AFTER_SWATCH
    }
}

/// The height of the whole list.
pub(super) fn height(entries: &[Entry<'_>]) -> f64 {
    entries.iter().map(Entry::height).sum()
}

impl Columns {
    /// As wide as the widest of each.
    pub(super) fn of(entries: &[Entry<'_>], whole: u64) -> Self {
        let widest = |width: &dyn Fn(&Entry<'_>) -> f64| entries.iter().map(width).fold(0.0, f64::max);
        let name = widest(&|e| e.text_x() + measure::width(e.area.label, NAME_SIZE, Face::Bold));
        let column = |head: &str, text: &dyn Fn(&Entry<'_>) -> String| {
            let number = widest(&|e| measure::grouped_width(&text(e), NUMBER_SIZE, Face::Bold));
            number.max(measure::width(head, CAUSE_SIZE, Face::Plain))
        };
        let size = name + GAP + column(HEADS[0], &|e| human(e.area.bytes));
        let bytes = size + GAP + column(HEADS[1], &|e| e.area.bytes.to_string());
        let share = bytes + GAP + column(HEADS[2], &|e| share(e.area.bytes, whole));
        Self { size, bytes, share, width: share }
    }

    /// With more room between names and numbers: the numbers stand at the right edge.
    pub(super) fn widened(self, width: f64) -> Self {
        let more = (width - self.width).max(0.0);
        Self {
            size: self.size + more,
            bytes: self.bytes + more,
            share: self.share + more,
            width: self.width + more,
        }
    }
}

/// Puts the entries into the scene: `x` is the left of the list, `map_right` where the lines to it begin.
pub(super) fn place(
    entries: &[Entry<'_>],
    columns: &Columns,
    whole: u64,
    x: f64,
    map_right: f64,
    (top, bottom): (f64, f64),
    scene: &mut Scene,
) {
    for (right, head) in [columns.size, columns.bytes, columns.share].into_iter().zip(HEADS) {
        scene.texts.push(Text::new(x + right, top - 7.0, CAUSE_SIZE, head).anchor(Anchor::End).muted());
    }
    let mut tops = Vec::with_capacity(entries.len());
    for (block, top) in blocks(entries).into_iter().zip(block_tops(entries, top, bottom)) {
        let mut y = top;
        for entry in block {
            tops.push(y);
            y += entry.height();
        }
    }
    for (entry, top) in entries.iter().zip(tops) {
        let anchor = top + NAME_LINE / 2.0;
        write_entry(entry, columns, whole, x, top, scene);
        let left = x + f64::from(entry.indent) * INDENT;
        if let Some(target) = entry.target {
            let swatch = Rect { x: left, y: anchor - SWATCH / 2.0, width: SWATCH, height: SWATCH };
            scene.swatches.push((swatch, colour::fill(entry.area)));
            if whole == 0 {
                continue; // nothing to lead from
            }
            let points =
                vec![(map_right, target), (map_right + 6.0, target), (x - 8.0, anchor), (left - 3.0, anchor)];
            scene.lines.push(Line { points, class: colour::fill(entry.area) });
        }
    }
}

fn write_entry(entry: &Entry<'_>, columns: &Columns, whole: u64, x: f64, top: f64, scene: &mut Scene) {
    let Entry { area, .. } = entry;
    let group = entry.target.is_none();
    let face = if group { Face::Bold } else { Face::Plain };
    let baseline = top + 13.5;
    let text_x = if group { x + f64::from(entry.indent) * INDENT } else { x + entry.text_x() };
    scene.texts.push(Text::new(text_x, baseline, NAME_SIZE, area.label).face(Face::Bold));
    let numbers = [
        (columns.size, human(area.bytes)),
        (columns.bytes, area.bytes.to_string()),
        (columns.share, share(area.bytes, whole)),
    ];
    for (i, (right, number)) in numbers.into_iter().enumerate() {
        let text = Text::new(x + right, baseline, NUMBER_SIZE, number).anchor(Anchor::End).face(face);
        scene.texts.push(if i == 0 { text } else { text.muted() });
    }
    let room = scene.width - MARGIN - text_x;
    let mut baseline = baseline;
    if !group {
        baseline += CAUSE_LINE;
        scene.texts.push(cause(entry, text_x, baseline, room));
    }
    if let Some(flag) = &area.flag {
        baseline += CAUSE_LINE;
        scene.texts.push(
            Text::new(text_x, baseline, CAUSE_SIZE - 0.5, flag.clone()).face(Face::Mono).muted().within(room),
        );
    }
}

/// The cause in a sentence where it fits, else in a few words.
fn cause(entry: &Entry<'_>, x: f64, y: f64, room: f64) -> Text {
    let slots = entry.slots.as_ref().map(|slots| format!("{slots}; ")).unwrap_or_default();
    let text = |cause: &str| Text::new(x, y, CAUSE_SIZE, format!("{slots}{cause}")).muted();
    let full = text(&entry.area.cause);
    if full.width() <= room { full } else { text(&entry.area.brief).within(room) }
}

/// Each entry with a target, with those over it that have none.
fn blocks<'e, 'a>(entries: &'e [Entry<'a>]) -> Vec<&'e [Entry<'a>]> {
    entries.split_inclusive(|entry| entry.target.is_some()).collect()
}

/// Where the blocks begin: each as near to its target as the others let it, in their order, between top and bottom.
///
/// That is the least sum of squared distances under the order: pooling of adjacent violators.
fn block_tops(entries: &[Entry<'_>], top: f64, bottom: f64) -> Vec<f64> {
    let blocks = blocks(entries);
    let mut before = 0.0;
    // (sum of wished tops, how many) of pools; a wish is taken as if all blocks had no height
    let mut pools: Vec<(f64, u32)> = Vec::new();
    let mut heights = Vec::with_capacity(blocks.len());
    for block in blocks {
        let height = block.iter().map(Entry::height).sum::<f64>();
        let last = block.last().map_or(0.0, Entry::height);
        let target = block.last().and_then(|entry| entry.target).unwrap_or(bottom);
        heights.push(height);
        pools.push((target - NAME_LINE / 2.0 - (height - last) - before, 1));
        before += height;
        while let [.., (a, n), (b, m)] = pools[..] {
            if a / f64::from(n) <= b / f64::from(m) {
                break;
            }
            pools.truncate(pools.len() - 2);
            pools.push((a + b, n + m));
        }
    }
    let slack = (bottom - before).max(top);
    let wishes = pools.iter().flat_map(|(sum, n)| (0..*n).map(move |_| sum / f64::from(*n)));
    let mut before = 0.0;
    wishes
        .zip(heights)
        .map(|(wish, height)| {
            let at = wish.clamp(top, slack) + before;
            before += height;
            at
        })
        .collect()
}
