//! A report in Prometheus' text exposition format, version 0.0.4.
//!
//! Base units, one sample a series: where two pools or owners have the same path and name, their bytes are added up.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::data::{HeapLevel, Report};
use super::usage::PoolUsage;

/// The report as metrics. Serve it as `text/plain; version=0.0.4`.
pub fn prometheus(report: &Report) -> String {
    let mut page = Page::default();
    process(report, &mut page);
    for pool in &report.pools {
        top_level(pool, &mut page);
        levels(&pool.name, pool, "", &mut page);
    }
    for arena in &report.arenas {
        let labels = [("arena", arena.name.as_str())];
        page.gauge("plimsoll_arena_cap_bytes", "What the arena may commit.", &labels, arena.cap_bytes);
        page.gauge(
            "plimsoll_arena_committed_bytes",
            "What it has committed.",
            &labels,
            arena.committed_bytes,
        );
        page.gauge("plimsoll_arena_committed_peak_bytes", "The most it ever had.", &labels, arena.peak_bytes);
        page.counter("plimsoll_arena_refusals_total", "Allocations it refused.", &labels, arena.refusals);
    }
    heap(report, &mut page);
    observation(report, &mut page);
    page.text()
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Gauge,
    Counter,
}

struct Family {
    name: &'static str,
    help: &'static str,
    kind: Kind,
    /// Labels as they are written, and the value.
    samples: BTreeMap<String, i128>,
}

/// Families in the order of their first sample.
#[derive(Default)]
struct Page {
    families: Vec<Family>,
    places: BTreeMap<&'static str, usize>,
}

type Labels<'a> = [(&'static str, &'a str)];

impl Page {
    fn add(&mut self, kind: Kind, name: &'static str, help: &'static str, labels: &Labels<'_>, value: i128) {
        let place = *self.places.entry(name).or_insert_with(|| {
            self.families.push(Family { name, help, kind, samples: BTreeMap::new() });
            self.families.len() - 1
        });
        if let Some(family) = self.families.get_mut(place) {
            let sample = family.samples.entry(labels_text(labels)).or_insert(0);
            *sample = sample.saturating_add(value);
        }
    }

    fn gauge(&mut self, name: &'static str, help: &'static str, labels: &Labels<'_>, value: u64) {
        self.add(Kind::Gauge, name, help, labels, i128::from(value));
    }

    fn signed(&mut self, name: &'static str, help: &'static str, labels: &Labels<'_>, value: i64) {
        self.add(Kind::Gauge, name, help, labels, i128::from(value));
    }

    fn counter(&mut self, name: &'static str, help: &'static str, labels: &Labels<'_>, value: u64) {
        self.add(Kind::Counter, name, help, labels, i128::from(value));
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for family in &self.families {
            let kind = match family.kind {
                Kind::Gauge => "gauge",
                Kind::Counter => "counter",
            };
            let _ = writeln!(text, "# HELP {} {}", family.name, family.help);
            let _ = writeln!(text, "# TYPE {} {kind}", family.name);
            for (labels, value) in &family.samples {
                let _ = writeln!(text, "{}{labels} {value}", family.name);
            }
        }
        text
    }
}

/// `{a="x",b="y"}`, or nothing. Backslash, quote and line end are escaped; anything else stands as it is.
fn labels_text(labels: &Labels<'_>) -> String {
    let escaped = |value: &str| value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', "\\n");
    let pairs: Vec<String> =
        labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) }
}

fn process(report: &Report, page: &mut Page) {
    let process = &report.process;
    let pid = process.pid.to_string();
    let labels = [
        ("name", process.name.as_str()),
        ("pid", pid.as_str()),
        ("profile", report.profile.word()),
        ("role", process.role.word()),
    ];
    page.gauge("plimsoll_process_info", "Which process, 1.", &labels, 1);
    let help = "When the process began, in seconds since 1970.";
    page.gauge("plimsoll_process_start_time_seconds", help, &[], process.started_unix_ms / 1000);
    if let Some(total) = report.total_bytes {
        page.gauge("plimsoll_process_size_bytes", "The size of the process by the model.", &[], total);
    }
}

/// What is counted for a pool as a whole.
fn top_level(pool: &PoolUsage, page: &mut Page) {
    let labels = [("pool", pool.name.as_str())];
    page.counter("plimsoll_pool_refusals_total", "Reservations that were refused.", &labels, pool.refusals);
    let help = "How often more was given back than held: each a bug of an owner.";
    page.counter("plimsoll_pool_over_releases_total", help, &labels, pool.over_releases);
    page.gauge(
        "plimsoll_pool_waiting_bytes",
        "What those who wait have asked for.",
        &labels,
        pool.waiting_bytes,
    );
}

/// A pool and the levels below it; the label `level` is the path below the pool, empty for the pool itself.
fn levels(top: &str, pool: &PoolUsage, level: &str, page: &mut Page) {
    let labels = [("pool", top), ("level", level)];
    page.gauge("plimsoll_pool_limit_bytes", "What the pool may hand out.", &labels, pool.limit_bytes);
    page.gauge("plimsoll_pool_held_bytes", "What its owners hold.", &labels, pool.held_bytes);
    let help = "What is handed out: held, guaranteed, and unused credit.";
    page.gauge("plimsoll_pool_granted_bytes", help, &labels, pool.granted_bytes);
    page.gauge("plimsoll_pool_peak_bytes", "The most that was ever handed out.", &labels, pool.peak_bytes);
    for owner in &pool.owners {
        let labels = [("pool", top), ("level", level), ("owner", owner.name.as_str())];
        page.gauge("plimsoll_owner_held_bytes", "What an owner holds.", &labels, owner.held_bytes);
        page.gauge("plimsoll_owner_peak_bytes", "The most it ever held.", &labels, owner.peak_bytes);
        let help = "What an owner has in any case.";
        page.gauge("plimsoll_owner_guaranteed_bytes", help, &labels, owner.guaranteed_bytes);
        if owner.gone {
            let help = "Held by an owner that is gone.";
            page.gauge("plimsoll_owner_leaked_bytes", help, &labels, owner.held_bytes);
        }
    }
    for child in &pool.pools {
        let below = if level.is_empty() { child.name.clone() } else { format!("{level} / {}", child.name) };
        levels(top, child, &below, page);
    }
}

fn heap(report: &Report, page: &mut Page) {
    let Some(heap) = &report.heap else { return };
    page.gauge("plimsoll_heap_counted_bytes", "Bytes of the general heap.", &[], heap.counted_bytes);
    page.gauge("plimsoll_heap_peak_bytes", "The most that was ever counted.", &[], heap.peak_bytes);
    if let Some(limit) = heap.limit_bytes {
        page.gauge("plimsoll_heap_limit_bytes", "The size of the general heap.", &[], limit);
    }
    for level in HeapLevel::ALL {
        let labels = [("level", level.word())];
        page.gauge(
            "plimsoll_heap_level",
            "How full: 1 at the level it is at.",
            &labels,
            u64::from(level == heap.level),
        );
    }
    for owner in &heap.owners {
        let labels = [("owner", owner.name.as_str())];
        let said = "Allocated less freed in an owner's name.";
        page.signed("plimsoll_heap_owner_held_bytes", said, &labels, owner.held_bytes);
        page.gauge("plimsoll_heap_owner_peak_bytes", "The most it ever held.", &labels, owner.peak_bytes);
    }
}

fn observation(report: &Report, page: &mut Page) {
    let Some(observation) = &report.observation else { return };
    let bytes = &observation.bytes;
    for (kind, bytes) in
        [("anonymous", bytes.anonymous_bytes), ("file", bytes.file_bytes), ("shared", bytes.shmem_bytes)]
    {
        page.gauge("plimsoll_resident_bytes", "What is in memory, by kind.", &[("kind", kind)], bytes);
    }
    page.gauge("plimsoll_swapped_bytes", "Anonymous memory swapped out.", &[], bytes.swap_bytes);
    page.gauge("plimsoll_threads", "Threads.", &[], bytes.threads_count);
    if let Some(group) = &observation.cgroup {
        if let Some(limit) = &group.limit {
            page.gauge("plimsoll_cgroup_limit_bytes", "What the control group may hold.", &[], limit.bytes);
        }
        if let Some(current) = group.current_bytes {
            page.gauge("plimsoll_cgroup_current_bytes", "What it holds, page cache included.", &[], current);
        }
        if let Some(kills) = group.events.oom_kill {
            page.counter(
                "plimsoll_cgroup_oom_kills_total",
                "Processes of it that the kernel killed.",
                &[],
                kills,
            );
        }
    }
    if let Some(drift) = &observation.drift {
        page.gauge("plimsoll_measured_bytes", "What the process has in memory.", &[], drift.measured_bytes);
        page.gauge("plimsoll_accounted_bytes", "What somebody accounts for.", &[], drift.accounted_bytes);
        page.signed("plimsoll_drift_bytes", "Measured less accounted.", &[], drift.drift_bytes);
    }
}
