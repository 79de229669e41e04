//! The lines above the map, and the load line they speak of.

use super::scene::{Face, LimitMark, Scene, Text};
use super::{DrawOptions, layout};
use crate::render::map::MemoryMap;
use crate::render::number::human;

/// A limit beyond so many times the process is told in words only: drawn to scale it would crush the map.
const DRAWN_LIMIT_MAX_PERCENT: u128 = 150;

const LINE: f64 = 19.0;

/// The limit, if it is drawn to scale.
pub(super) fn drawn_limit(map: &MemoryMap, options: &DrawOptions) -> Option<u64> {
    let process = u128::from(map.root.bytes);
    options.limit.filter(|limit| process > 0 && u128::from(*limit) * 100 <= process * DRAWN_LIMIT_MAX_PERCENT)
}

/// The title as given, or the process's name.
pub(super) fn title(map: &MemoryMap, options: &DrawOptions) -> String {
    options.title.clone().unwrap_or_else(|| format!("{} memory", map.process.name()))
}

/// Puts the header into the scene; returns where the map may begin.
pub(super) fn place(map: &MemoryMap, options: &DrawOptions, scene: &mut Scene) -> f64 {
    let x = layout::MARGIN;
    let room = scene.width - 2.0 * layout::MARGIN;
    let mut y = 40.0;
    scene.texts.push(Text::new(x, y, 19.0, scene.title.clone()).face(Face::Bold).clipped(room));
    y += 26.0;
    let line = |y, text: String| Text::new(x, y, 13.0, text).muted();
    for area in [Some(&map.root), map.root.children.first()].into_iter().flatten() {
        let numbers = format!("{}: {}, {} bytes; ", area.label, human(area.bytes), area.bytes);
        // where it was set can be long; the numbers always stand
        let cause = line(y, area.brief.clone()).within(room - line(y, numbers.clone()).width());
        scene.texts.push(line(y, numbers + &cause.text));
        y += LINE;
    }
    if let Some(limit) = options.limit {
        scene.texts.push(line(y, limit_text(map.root.bytes, limit)).clipped(room));
        y += LINE;
    }
    y + 12.0 // below: the heads of the list's columns
}

/// What is free below a limit, or how much is over it.
pub(super) fn limit_text(process: u64, limit: u64) -> String {
    let (rest, what) =
        if process <= limit { (limit - process, "free") } else { (process - limit, "over it") };
    format!("Container limit: {}, {limit} bytes; {}, {rest} bytes {what}", human(limit), human(rest))
}

/// The load line at a height.
pub(super) fn mark(process: u64, limit: u64, y: f64, right: f64) -> LimitMark {
    let class = if process <= limit { "fits" } else { "over" };
    LimitMark { y, left: 5.0, right, class }
}
