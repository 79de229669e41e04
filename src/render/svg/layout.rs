//! Where everything stands.

use super::labels::{self, Columns, Entry};
use super::scene::{Anchor, Cell, Face, Line, Rect, Scene, Text};
use super::{DrawOptions, colour, header};
use crate::render::map::{Area, MemoryMap};
use crate::render::number::{human, ratio, share};

/// Around everything.
pub(super) const MARGIN: f64 = 32.0;
/// Between the map and the list: room for the lines.
const LEADERS: f64 = 60.0;
const COLUMN_MIN: f64 = 86.0;
const COLUMN_MAX: f64 = 200.0;
const MAP_HEIGHT_MIN: f64 = 420.0;
const WIDTH_DEFAULT: u32 = 1000;
const WIDTH_MAX: u32 = 4000;
/// Slots closer than this would be a grey veil.
const SLOT_WIDTH_MIN: f64 = 3.0;

/// The ground plan of the map.
struct Plan {
    left: f64,
    column: f64,
    /// Columns of areas with parts; one more follows for those without.
    groups: u8,
    /// Where byte 0, the top of the process, lies.
    top: f64,
    /// The pixels of the whole process.
    height: f64,
    whole: u64,
}

impl Plan {
    fn rect(&self, column: u8, offset: u64, bytes: u64) -> Rect {
        let y = |at: u64| self.top + self.height * ratio(at, self.whole);
        let top = y(offset);
        let x = self.left + f64::from(column) * self.column;
        Rect { x, y: top, width: self.column, height: y(offset.saturating_add(bytes)) - top }
    }

    fn leaf_left(&self) -> f64 {
        self.left + f64::from(self.groups) * self.column
    }

    fn right(&self) -> f64 {
        self.leaf_left() + self.column
    }
}

/// Lays the picture out.
pub(super) fn scene(map: &MemoryMap, options: &DrawOptions) -> Scene {
    let walk = map.root.walk();
    let groups =
        walk.iter().filter(|(_, _, area)| !area.is_leaf()).map(|(depth, ..)| depth + 1).max().unwrap_or(0);
    let groups = u8::try_from(groups).unwrap_or(u8::MAX);
    let whole = map.root.bytes;
    let mut entries = entries(&walk, options.slots.filter(|slots| *slots > 1));
    let columns = Columns::of(&entries, whole);
    let mut scene = Scene { title: header::title(map, options), ..Scene::default() };
    let asked = f64::from(options.width.unwrap_or(WIDTH_DEFAULT).min(WIDTH_MAX));
    let fixed = 2.0 * MARGIN + LEADERS + columns.width;
    // two thirds of what is to spare go to the map, the rest to the causes
    let spare = (asked - fixed - COLUMN_MIN * f64::from(groups + 1)).max(0.0);
    let column = (COLUMN_MIN + spare * 2.0 / 3.0 / f64::from(groups + 1)).min(COLUMN_MAX);
    scene.width = (fixed + column * f64::from(groups + 1)).max(asked).ceil();
    scene.description = description(map, options);
    let top = header::place(map, options, &mut scene);
    let list = labels::height(&entries);
    let full = list.max(MAP_HEIGHT_MIN);
    let limit = header::drawn_limit(map, options);
    // the process fills its share of the height from the bottom up; a limit above it leaves the rest free
    let height = full * ratio(whole, whole.max(limit.unwrap_or(0)));
    let plan = Plan { left: MARGIN, column, groups, top: top + full - height, height, whole };
    let bottom = top + full;
    scene.height = (bottom + MARGIN - 6.0).ceil();
    let limit_y = limit.map(|limit| bottom - height * ratio(limit, whole));
    for (depth, offset, area) in &walk {
        place_area(&plan, u8::try_from(*depth).unwrap_or(u8::MAX), *offset, area, whole, limit_y, &mut scene);
    }
    place_slots(&plan, &walk, options.slots, &mut scene);
    if height < full || whole == 0 {
        let free = Rect { x: plan.left, y: top, width: plan.right() - plan.left, height: full - height };
        scene.lines.push(outline(free, whole == 0));
    }
    if whole == 0 {
        let (x, y) = (plan.left + 14.0, top + 26.0);
        scene.texts.push(Text::new(x, y, 12.5, "All areas are empty.").muted());
    }
    if let (Some(limit), Some(y)) = (limit, limit_y) {
        scene.limit = Some(header::mark(whole, limit, y, plan.right() + 6.0));
    }
    let mut targets = walk.iter().filter(|(_, _, area)| area.is_leaf()).map(|(_, offset, area)| {
        let rect = plan.rect(groups, *offset, area.bytes);
        rect.y + rect.height / 2.0
    });
    for entry in &mut entries {
        entry.target = entry.target.and_then(|_| targets.next());
    }
    let x = plan.right() + LEADERS;
    let columns = columns.widened(scene.width - MARGIN - x);
    labels::place(&entries, &columns, whole, x, plan.right(), (top, bottom), &mut scene);
    scene
}

fn entries<'a>(walk: &[(usize, u64, &'a Area)], slots: Option<u32>) -> Vec<Entry<'a>> {
    let listed = walk.iter().filter(|(depth, _, area)| area.is_leaf() || *depth >= 2);
    listed
        .map(|(depth, _, area)| {
            let slots = slots.filter(|_| area.per_slot && area.bytes > 0).map(|slots| {
                // network memory is divided for bookkeeping, its buffers are one pool
                if area.id == "network" {
                    format!("shared by {slots} slots")
                } else {
                    format!("{slots} slots × {}", human(area.bytes / u64::from(slots)))
                }
            });
            let indent = u8::try_from(depth.saturating_sub(2)).unwrap_or(0);
            Entry { area, indent, target: area.is_leaf().then_some(0.0), slots }
        })
        .collect()
}

fn place_area(
    plan: &Plan,
    depth: u8,
    offset: u64,
    area: &Area,
    whole: u64,
    limit_y: Option<f64>,
    scene: &mut Scene,
) {
    let column = if area.is_leaf() { plan.groups } else { depth };
    let rect = plan.rect(column, offset, area.bytes);
    let fill = colour::fill(area);
    if !area.is_leaf() {
        scene.bands.push((Rect { width: plan.leaf_left() - rect.x, ..rect }, fill));
        place_name(area, rect, whole, limit_y, scene);
    }
    scene.cells.push(Cell { rect, fill, id: area.id, bytes: area.bytes, tooltip: sentence(area, whole) });
}

/// The name inside an area, with as many of its numbers as have room, away from the load line.
fn place_name(area: &Area, rect: Rect, whole: u64, limit_y: Option<f64>, scene: &mut Scene) {
    const LINE: f64 = 17.0;
    const CLEAR: f64 = 5.0;
    let lines = [
        Text::new(0.0, 0.0, 12.5, area.short).face(Face::Bold),
        Text::new(0.0, 0.0, 12.0, human(area.bytes)),
        Text::new(0.0, 0.0, 12.0, share(area.bytes, whole)).muted(),
    ];
    if lines.iter().any(|line| line.width() > rect.width - 2.0 * CLEAR) {
        return;
    }
    let cut = limit_y.filter(|y| rect.y < *y && *y < rect.bottom());
    let spaces = match cut {
        Some(y) => [(rect.y, y - CLEAR), (y + CLEAR, rect.bottom())],
        None => [(rect.y, rect.bottom()), (rect.y, rect.y)],
    };
    let Some((top, bottom)) = spaces.into_iter().max_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0))) else {
        return;
    };
    for count in [3_u8, 2, 1] {
        let height = f64::from(count) * LINE;
        if height + 2.0 > bottom - top {
            continue;
        }
        let mut y = f64::midpoint(top, bottom) - height / 2.0 + 13.0;
        for line in lines.into_iter().take(usize::from(count)) {
            scene.texts.push(Text { x: rect.x + rect.width / 2.0, y, ..line }.anchor(Anchor::Middle));
            y += LINE;
        }
        return;
    }
}

fn place_slots(plan: &Plan, walk: &[(usize, u64, &Area)], slots: Option<u32>, scene: &mut Scene) {
    let slots = slots.unwrap_or(1);
    let step = plan.column / f64::from(slots.max(1));
    if step < SLOT_WIDTH_MIN {
        return;
    }
    for (_, offset, area) in walk.iter().filter(|(_, _, area)| area.per_slot) {
        let rect = plan.rect(plan.groups, *offset, area.bytes);
        if rect.height < 2.0 {
            continue;
        }
        let class = if area.id == "network" { "shared" } else { "slot" };
        for slot in 1..slots {
            let x = rect.x + f64::from(slot) * step;
            scene.lines.push(Line { points: vec![(x, rect.y), (x, rect.bottom())], class });
        }
    }
}

/// A dashed frame; open below where it stands on the process.
fn outline(rect: Rect, closed: bool) -> Line {
    let (left, right) = (rect.x, rect.right());
    let mut points = vec![(left, rect.bottom()), (left, rect.y), (right, rect.y), (right, rect.bottom())];
    if closed {
        points.push((left, rect.bottom()));
    }
    Line { points, class: "free" }
}

fn sentence(area: &Area, whole: u64) -> String {
    let key = area.key.map(|key| format!(" [{key}]")).unwrap_or_default();
    let flag = area.flag.as_ref().map(|flag| format!("; {flag}")).unwrap_or_default();
    let share = share(area.bytes, whole);
    format!(
        "{}: {} ({} bytes), {share} of the process; {}{key}{flag}",
        area.label,
        human(area.bytes),
        area.bytes,
        area.cause
    )
}

fn description(map: &MemoryMap, options: &DrawOptions) -> String {
    let whole = map.root.bytes;
    let mut lines: Vec<String> =
        map.root.walk().into_iter().map(|(_, _, area)| sentence(area, whole)).collect();
    lines.extend(options.limit.map(|limit| header::limit_text(whole, limit)));
    lines.extend(options.slots.map(|slots| format!("Task slots: {slots}")));
    lines.join(".\n") + "."
}
