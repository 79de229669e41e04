//! A report for people: the tree of pools with bars, the owners, the drift.

use std::fmt::Write as _;

use super::bar::fill;
use super::data::{Profile, Report, Role};
use super::number::{bytes_text, share};
use super::printable::{ascii, char_columns, columns, elide, visible};
use super::table::{Cell, Column, Table, Tone};
use super::usage::PoolUsage;
use crate::probe::DriftLevel;

/// How to write a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextStyle {
    /// Columns of the terminal; no line is longer.
    pub width: usize,
    /// Box drawing and block characters; otherwise ASCII.
    pub unicode: bool,
    /// Colours.
    pub colour: bool,
    /// How many owners are listed, of the pools and of the heap each.
    pub owners_max: usize,
    /// The reader's clock, in milliseconds since 1970: for how old the report is.
    pub now_unix_ms: u64,
}

/// A report older than that is no longer what the process holds: it is made once a second.
const OLD_MS: u64 = 5_000;

/// Bars are between these columns wide.
const BAR_MIN: usize = 6;
const BAR_MAX: usize = 32;
/// Between columns.
pub(super) const GAP: usize = 2;

/// The report as lines, each with a line end. The same text for the same report and style.
pub fn text(report: &Report, style: &TextStyle) -> String {
    let mut out = String::new();
    heading(report, style, &mut out);
    if report.profile == Profile::Observed {
        let said = "It publishes no pools: this is what the kernel tells.";
        let _ = writeln!(out, "\n{}", fit(said, style));
    }
    pools(report, style, &mut out);
    owners(report, style, &mut out);
    arenas(report, style, &mut out);
    heap(report, style, &mut out);
    out
}

/// A line cut to the width, and to ASCII where that is all there is.
fn fit(line: &str, style: &TextStyle) -> String {
    let line = if style.unicode { line.to_owned() } else { line.replace(" · ", ", ") };
    let line = elide(&visible(&line), style.width, char_columns);
    if style.unicode { line } else { ascii(&line).into_owned() }
}

fn heading(report: &Report, style: &TextStyle, out: &mut String) {
    let process = &report.process;
    let role =
        if process.role == Role::Other { String::new() } else { format!(" ({})", process.role.name()) };
    let age = style.now_unix_ms.saturating_sub(report.at_unix_ms);
    let up = report.at_unix_ms.saturating_sub(process.started_unix_ms);
    let mut line = format!("{}{role}, process {} · up {}", process.name, process.pid, duration_text(up));
    if age > OLD_MS {
        let _ = write!(line, " · REPORT {} OLD", duration_text(age).to_uppercase());
    } else if report.profile == Profile::Native {
        let _ = write!(line, " · report {} old", duration_text(age));
    }
    let tone = if age > OLD_MS { Tone::Bad } else { Tone::Strong };
    for line in wrap(&line, style.width) {
        let _ = writeln!(out, "{}", tone.paint(&fit(&line, style), style.colour));
    }
    for (tone, line) in facts(report) {
        for line in wrap(&line, style.width) {
            let _ = writeln!(out, "{}", tone.paint(&fit(&line, style), style.colour));
        }
    }
}

/// Lines of at most so many columns, broken between facts; a fact that is longer is left for [`fit`] to cut.
fn wrap(line: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for fact in line.split(" · ") {
        match lines.last_mut() {
            Some(last) if columns(last) + 3 + columns(fact) <= width => {
                last.push_str(" · ");
                last.push_str(fact);
            }
            Some(_) => lines.push(format!("  {fact}")),
            None => lines.push(fact.to_owned()),
        }
    }
    lines
}

/// What is known of the process as a whole.
fn facts(report: &Report) -> Vec<(Tone, String)> {
    let mut lines = Vec::new();
    let mut sizes = Vec::new();
    if let Some(total) = report.total_bytes {
        sizes.push(format!("process size {}", bytes_text(total)));
    }
    let observation = report.observation.as_ref();
    if let Some(group) = observation.and_then(|observation| observation.cgroup.as_ref()) {
        match (&group.limit, group.current_bytes) {
            (Some(limit), Some(current)) => {
                sizes.push(format!("control group {} of {}", bytes_text(current), bytes_text(limit.bytes)));
            }
            (Some(limit), None) => sizes.push(format!("control group limit {}", bytes_text(limit.bytes))),
            (None, Some(current)) => sizes.push(format!("control group {}, unlimited", bytes_text(current))),
            (None, None) => {}
        }
        if let Some(kills @ 1..) = group.events.oom_kill {
            sizes.push(format!("killed by the kernel there: {kills}"));
        }
    }
    if !sizes.is_empty() {
        lines.push((Tone::Plain, sizes.join(" · ")));
    }
    if let Some(bytes) = observation.map(|observation| &observation.bytes) {
        let mut kinds = vec![format!("resident {}", bytes_text(bytes.resident_bytes))];
        for (kind, bytes, always) in [
            ("anonymous", bytes.anonymous_bytes, true),
            ("file", bytes.file_bytes, true),
            ("shared", bytes.shmem_bytes, true),
            ("swapped", bytes.swap_bytes, false),
        ] {
            if always || bytes > 0 {
                kinds.push(format!("{kind} {}", bytes_text(bytes)));
            }
        }
        lines.push((Tone::Plain, kinds.join(" · ")));
    }
    if let Some(drift) = observation.and_then(|observation| observation.drift.as_ref()) {
        let sign = if drift.drift_bytes < 0 { '−' } else { '+' };
        let size = drift.drift_bytes.unsigned_abs();
        let part = report
            .total_bytes
            .map_or_else(String::new, |total| format!(" ({} of the process)", share(size, total)));
        let sums = format!(
            "measured {}, accounted {}",
            bytes_text(drift.measured_bytes),
            bytes_text(drift.accounted_bytes)
        );
        let (tone, said) = match drift.level {
            DriftLevel::Within => (Tone::Plain, String::new()),
            DriftLevel::Above => {
                (Tone::Bad, " · ALARM: somebody holds memory that is not counted".to_owned())
            }
            DriftLevel::Below => (Tone::Warn, " · ALARM: more is accounted for than is in memory".to_owned()),
        };
        let sign = if size == 0 { String::new() } else { sign.to_string() };
        lines.push((tone, format!("drift {sign}{}{part} · {sums}{said}", bytes_text(size))));
    }
    lines
}

const POOL_COLUMNS: [Column; 5] = [
    Column { head: "pool", right: false, keep: u8::MAX },
    Column { head: "limit", right: true, keep: 4 },
    Column { head: "held", right: true, keep: u8::MAX },
    Column { head: "share", right: true, keep: 3 },
    Column { head: "peak", right: true, keep: 2 },
];

fn pools(report: &Report, style: &TextStyle, out: &mut String) {
    if report.pools.is_empty() {
        return;
    }
    let mut rows = Vec::new();
    for pool in &report.pools {
        collect(pool, "", "", style.unicode, &mut rows);
    }
    let cells = |(guide, pool): &(String, &PoolUsage)| {
        let tone = if guide.is_empty() { Tone::Strong } else { Tone::Plain };
        vec![
            Cell::with_guide(guide, &pool.name, tone),
            Cell::plain(bytes_text(pool.limit_bytes)),
            Cell::plain(bytes_text(pool.held_bytes)),
            Cell::plain(share(pool.held_bytes, pool.limit_bytes)),
            Cell::plain(bytes_text(pool.peak_bytes)),
        ]
    };
    let table = Table { columns: &POOL_COLUMNS, rows: rows.iter().map(cells).collect() };
    let lines = table.lines(style);
    let taken = lines.iter().map(|line| line.columns).max().unwrap_or(0);
    let room = style.width.saturating_sub(taken + GAP);
    let bar = if room < BAR_MIN { 0 } else { room.min(BAR_MAX) };
    out.push('\n');
    for (i, line) in lines.iter().enumerate() {
        let _ = write!(out, "{}", line.text);
        if let Some((_, pool)) = i.checked_sub(1).and_then(|row| rows.get(row)).filter(|_| bar > 0) {
            let drawn = fill(pool.held_bytes, pool.peak_bytes, pool.limit_bytes, bar, style.unicode);
            let pad = " ".repeat(taken - line.columns + GAP);
            let _ = write!(out, "{pad}{}", fullness(pool).paint(&drawn, style.colour));
        }
        out.push('\n');
    }
    let troubled = report.pools.iter().filter_map(trouble).collect::<Vec<_>>();
    for line in troubled.iter().flat_map(|line| wrap(line, style.width)) {
        let _ = writeln!(out, "{}", Tone::Warn.paint(&fit(&line, style), style.colour));
    }
}

fn collect<'a>(
    pool: &'a PoolUsage,
    lead: &str,
    below: &str,
    unicode: bool,
    rows: &mut Vec<(String, &'a PoolUsage)>,
) {
    rows.push((lead.to_owned(), pool));
    let last = pool.pools.len().saturating_sub(1);
    for (i, child) in pool.pools.iter().enumerate() {
        let (branch, rest) = match (i == last, unicode) {
            (true, true) => ("└─ ", "   "),
            (false, true) => ("├─ ", "│  "),
            (true, false) => ("`- ", "   "),
            (false, false) => ("|- ", "|  "),
        };
        collect(child, &format!("{below}{branch}"), &format!("{below}{rest}"), unicode, rows);
    }
}

/// The watermarks of the general heap, for every pool: from 95 % on it is serious, from 90 % on it is worth a look.
fn fullness(pool: &PoolUsage) -> Tone {
    let held = u128::from(pool.held_bytes) * 100;
    let limit = u128::from(pool.limit_bytes);
    match () {
        () if limit == 0 => Tone::Faint,
        () if held >= limit * 95 => Tone::Bad,
        () if held >= limit * 90 => Tone::Warn,
        () => Tone::Good,
    }
}

/// What went wrong in a pool, in a line.
fn trouble(pool: &PoolUsage) -> Option<String> {
    let mut said = Vec::new();
    if pool.refusals > 0 {
        said.push(count(pool.refusals, "reservation refused", "reservations refused"));
    }
    if pool.waiting_bytes > 0 {
        said.push(format!("{} waited for", bytes_text(pool.waiting_bytes)));
    }
    if pool.over_releases > 0 {
        said.push(format!(
            "given back more than held: {} (a bug of an owner)",
            count(pool.over_releases, "time", "times")
        ));
    }
    (!said.is_empty()).then(|| format!("{}: {}", pool.name, said.join(" · ")))
}

fn count(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

const OWNER_COLUMNS: [Column; 5] = [
    Column { head: "owner", right: false, keep: u8::MAX },
    Column { head: "held", right: true, keep: u8::MAX },
    Column { head: "peak", right: true, keep: 3 },
    Column { head: "guaranteed", right: true, keep: 2 },
    Column { head: "pool", right: false, keep: 4 },
];

fn owners(report: &Report, style: &TextStyle, out: &mut String) {
    let mut holders: Vec<_> = report.pools.iter().flat_map(PoolUsage::holders).collect();
    if holders.is_empty() {
        return;
    }
    holders.sort_by(|(p, a), (q, b)| {
        b.held_bytes.cmp(&a.held_bytes).then_with(|| a.name.cmp(&b.name)).then_with(|| p.cmp(q))
    });
    let all = holders.len();
    holders.truncate(style.owners_max);
    let rows = holders.iter().map(|(path, owner)| {
        let gone = if owner.gone { " (gone: leaked)" } else { "" };
        let tone = if owner.gone { Tone::Bad } else { Tone::Plain };
        let guaranteed =
            if owner.guaranteed_bytes == 0 { String::new() } else { bytes_text(owner.guaranteed_bytes) };
        vec![
            Cell::new(&format!("{}{gone}", owner.name), tone),
            Cell::plain(bytes_text(owner.held_bytes)),
            Cell::plain(bytes_text(owner.peak_bytes)),
            Cell::plain(guaranteed),
            Cell::new(path, Tone::Faint),
        ]
    });
    let table = Table { columns: &OWNER_COLUMNS, rows: rows.collect() };
    section(&table, style, out);
    more(all, holders.len(), style, out);
}

fn section(table: &Table<'_>, style: &TextStyle, out: &mut String) {
    out.push('\n');
    for line in table.lines(style) {
        let _ = writeln!(out, "{}", line.text);
    }
}

fn more(all: usize, shown: usize, style: &TextStyle, out: &mut String) {
    if all > shown {
        let line = fit(&format!("… {} more of {all}", all - shown), style);
        let _ = writeln!(out, "{}", Tone::Faint.paint(&line, style.colour));
    }
}

const ARENA_COLUMNS: [Column; 6] = [
    Column { head: "arena", right: false, keep: u8::MAX },
    Column { head: "cap", right: true, keep: 4 },
    Column { head: "committed", right: true, keep: u8::MAX },
    Column { head: "share", right: true, keep: 3 },
    Column { head: "peak", right: true, keep: 2 },
    Column { head: "refused", right: true, keep: 5 },
];

fn arenas(report: &Report, style: &TextStyle, out: &mut String) {
    if report.arenas.is_empty() {
        return;
    }
    let rows = report.arenas.iter().map(|arena| {
        vec![
            Cell::new(&arena.name, Tone::Plain),
            Cell::plain(bytes_text(arena.cap_bytes)),
            Cell::plain(bytes_text(arena.committed_bytes)),
            Cell::plain(share(arena.committed_bytes, arena.cap_bytes)),
            Cell::plain(bytes_text(arena.peak_bytes)),
            Cell::new(&arena.refusals.to_string(), if arena.refusals > 0 { Tone::Warn } else { Tone::Plain }),
        ]
    });
    section(&Table { columns: &ARENA_COLUMNS, rows: rows.collect() }, style, out);
}

const HEAP_COLUMNS: [Column; 3] = [
    Column { head: "heap owner", right: false, keep: u8::MAX },
    Column { head: "held", right: true, keep: u8::MAX },
    Column { head: "peak", right: true, keep: 2 },
];

fn heap(report: &Report, style: &TextStyle, out: &mut String) {
    let Some(heap) = &report.heap else { return };
    let counted = bytes_text(heap.counted_bytes);
    let of = heap.limit_bytes.map_or_else(
        || ", unlimited".to_owned(),
        |limit| format!(" of {} ({})", bytes_text(limit), share(heap.counted_bytes, limit)),
    );
    let level = heap.level.word();
    let line = format!("general heap {counted}{of} · level {level} · peak {}", bytes_text(heap.peak_bytes));
    out.push('\n');
    for line in wrap(&line, style.width) {
        let _ = writeln!(out, "{}", fit(&line, style));
    }
    let shown = heap.owners.len().min(style.owners_max);
    let rows = heap.owners.iter().take(shown).map(|owner| {
        let sign = if owner.held_bytes < 0 { "-" } else { "" };
        let held = format!("{sign}{}", bytes_text(owner.held_bytes.unsigned_abs()));
        vec![
            Cell::new(&owner.name, Tone::Plain),
            Cell::plain(held),
            Cell::plain(bytes_text(owner.peak_bytes)),
        ]
    });
    let table = Table { columns: &HEAP_COLUMNS, rows: rows.collect() };
    if shown > 0 {
        for line in table.lines(style) {
            let _ = writeln!(out, "{}", line.text);
        }
    }
    more(heap.owners.len(), shown, style, out);
}

/// How long, in the two largest units that say something: `0.4 s`, `75 s`, `13 min`, `2 h 13 min`, `3 d 4 h`.
pub fn duration_text(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match seconds {
        0..10 => format!("{seconds}.{} s", milliseconds % 1000 / 100),
        10..120 => format!("{seconds} s"),
        120..7200 => format!("{minutes} min"),
        7200..172_800 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{} d {} h", hours / 24, hours % 24),
    }
}
