//! Golden reports: a process with everything in it, in each form, and what hostile reports come to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::printable::columns;
use super::*;
use crate::cgroup::{Cgroup, Events, Hierarchy, Limit};
use crate::probe::{Alarm, Drift, DriftLevel, Observation, ProcessBytes, Term};

const MIB: u64 = 1 << 20;

fn owner(name: &str, held: u64, peak: u64) -> OwnerUsage {
    OwnerUsage { name: name.to_owned(), held_bytes: held, peak_bytes: peak, guaranteed_bytes: 0, gone: false }
}

fn pool(name: &str, limit: u64, peak: u64, pools: Vec<PoolUsage>, owners: Vec<OwnerUsage>) -> PoolUsage {
    let held =
        pools.iter().map(|pool| pool.held_bytes).chain(owners.iter().map(|owner| owner.held_bytes)).sum();
    PoolUsage {
        name: name.to_owned(),
        key: None,
        limit_bytes: limit,
        held_bytes: held,
        granted_bytes: held,
        peak_bytes: peak,
        refusals: 0,
        over_releases: 0,
        waiting_bytes: 0,
        pools,
        owners,
    }
}

fn observation() -> Observation {
    let bytes = ProcessBytes {
        resident_bytes: 812 * MIB,
        anonymous_bytes: 700 * MIB,
        file_bytes: 112 * MIB,
        threads_count: 12,
        ..ProcessBytes::default()
    };
    let mut terms = crate::probe::drift::measured(&bytes);
    terms.push(Term::accounted("managed", 560 * MIB, "held"));
    terms.push(Term::accounted("general heap", 100 * MIB, "counted"));
    let alarm = Alarm::of_process(1728 * MIB, Alarm::DEFAULT_PERMILLE);
    Observation {
        sequence: 7,
        at_unix_millis: 1_700_000_000_000,
        process: crate::probe::ProcessFacts::default(),
        bytes,
        machine: crate::probe::MachineFacts::default(),
        cgroup: Some(Cgroup {
            hierarchy: Hierarchy::V2,
            directory: "/sys/fs/cgroup/job".to_owned(),
            limit: Some(Limit { bytes: 2048 * MIB, file: "/sys/fs/cgroup/job/memory.max".to_owned() }),
            high: None,
            current_bytes: Some(901 * MIB),
            peak_bytes: None,
            events: Events { oom_kill: Some(0), ..Events::default() },
            pressure: None,
            split: None,
            cpu: None,
        }),
        allocator: None,
        drift: Some(Drift::of(terms, &alarm, DriftLevel::Within)),
        notes: Vec::new(),
    }
}

/// A TaskManager of 1728 MiB with two slots.
fn full() -> Report {
    let process = Process {
        pid: 4711,
        name: "taskmanager".to_owned(),
        role: Role::TaskManager,
        started_unix_ms: 1_699_992_000_000,
        started_ticks: 8731,
    };
    let slot = |n: u32, owners| pool(&format!("slot {n}"), 256 * MIB, 250 * MIB, Vec::new(), owners);
    let mut state = owner("window state", 180 * MIB, 200 * MIB);
    state.guaranteed_bytes = 32 * MIB;
    let mut leaked = owner("sort \"run\" 3\\4", 12 * MIB, 96 * MIB);
    leaked.gone = true;
    let slots = vec![slot(0, vec![state, leaked]), slot(1, vec![owner("join buffer", 248 * MIB, 248 * MIB)])];
    let mut managed = pool("managed", 512 * MIB, 500 * MIB, slots, Vec::new());
    managed.key = Some("taskmanager.memory.managed.size".to_owned());
    (managed.refusals, managed.waiting_bytes, managed.over_releases) = (3, 8 * MIB, 1);
    let heap = pool(
        "heap",
        512 * MIB,
        120 * MIB,
        vec![
            pool("framework heap", 128 * MIB, 20 * MIB, Vec::new(), Vec::new()),
            pool(
                "task heap",
                384 * MIB,
                100 * MIB,
                Vec::new(),
                vec![owner("user code", 100 * MIB, 100 * MIB)],
            ),
        ],
        Vec::new(),
    );
    let network =
        pool("network", 128 * MIB, 127 * MIB, Vec::new(), vec![owner("exchange", 120 * MIB, 127 * MIB)]);
    Report {
        total_bytes: Some(1728 * MIB),
        pools: vec![heap, network, managed, pool("image", 256 * MIB, 0, Vec::new(), Vec::new())],
        arenas: vec![ArenaUsage {
            name: "task heap".to_owned(),
            cap_bytes: 384 * MIB,
            committed_bytes: 102 * MIB,
            peak_bytes: 110 * MIB,
            refusals: 2,
        }],
        heap: Some(HeapUsage {
            counted_bytes: 100 * MIB,
            limit_bytes: Some(512 * MIB),
            peak_bytes: 130 * MIB,
            level: HeapLevel::Calm,
            owners: vec![
                HeapOwnerUsage {
                    name: "checkpoint".to_owned(),
                    held_bytes: 101 << 20,
                    peak_bytes: 120 * MIB,
                },
                HeapOwnerUsage { name: "rest".to_owned(), held_bytes: -(1 << 20), peak_bytes: 130 * MIB },
            ],
        }),
        observation: Some(observation()),
        ..Report::new(process, Profile::Native, 1_700_000_000_000)
    }
}

fn style(width: usize) -> TextStyle {
    TextStyle { width, unicode: true, colour: false, owners_max: 4, now_unix_ms: 1_700_000_000_400 }
}

/// A text against its golden file. A new file is written by hand, after reading what has changed: it stands in the
/// directory for temporary files then.
fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/report/testdata").join(name);
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    if text != expected {
        let now = std::env::temp_dir().join(format!("plimsoll-{name}"));
        std::fs::write(&now, text).unwrap();
        panic!("not {}: see {}\n{text}", path.display(), now.display());
    }
}

#[test]
fn golden_text() {
    let report = full();
    golden("text-100.txt", &text(&report, &style(100)));
    golden("text-60.txt", &text(&report, &style(60)));
    golden("text-80-ascii.txt", &text(&report, &TextStyle { unicode: false, ..style(80) }));
    golden("text-80-colour.txt", &text(&report, &TextStyle { colour: true, owners_max: 1, ..style(80) }));
    let mut old = report;
    old.profile = Profile::Observed;
    (old.pools, old.arenas, old.heap, old.total_bytes) = (Vec::new(), Vec::new(), None, None);
    let style = TextStyle { now_unix_ms: 1_700_000_075_000, ..style(80) };
    golden("text-observed.txt", &text(&old, &style));
}

#[test]
fn golden_json() {
    let json = full().to_json();
    golden("report.json", &json);
    assert_eq!(Report::from_json(json.as_bytes()).unwrap(), full());
}

/// Whoever reads version 1 reads it as it was first written, and as it may grow.
#[test]
fn json_with_less_and_with_more() {
    let least = r#"{"version":1,"at_unix_ms":5,"process":{"pid":1,"name":"x","role":"other","started_unix_ms":1,
        "started_ticks":2},"profile":"native","total_bytes":null,"new":{"a":[1]},
        "pools":[{"name":"p","limit_bytes":1,"held_bytes":0,"granted_bytes":0,"peak_bytes":0,"new":1}]}"#;
    let report = Report::from_json(least.as_bytes()).unwrap();
    assert_eq!((report.pools.len(), report.pools[0].refusals, report.heap), (1, 0, None));
}

#[test]
fn golden_prometheus() {
    golden("report.prom", &prometheus(&full()));
}

#[test]
fn no_line_is_wider_than_the_terminal_and_colour_adds_nothing_but_escapes() {
    let mut report = full();
    report.pools[0].name =
        "a pool with a name that is longer than any terminal is wide, 日本語 included".to_owned();
    for width in 0..200 {
        let plain = text(&report, &style(width));
        for line in plain.lines() {
            // below that only the numbers that always stay are left
            assert!(columns(line) <= width.max(24), "{width}: {line}");
            assert_eq!(line, line.trim_end());
        }
        let mut painted = text(&report, &TextStyle { colour: true, ..style(width) });
        for code in ["\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m"] {
            painted = painted.replace(code, "");
        }
        assert_eq!(painted, plain);
        assert!(text(&report, &TextStyle { unicode: false, ..style(width) }).is_ascii());
    }
}

#[test]
fn a_hostile_report_reaches_no_terminal_unchanged() {
    let mut report = full();
    let hostile = "\x1b]0;x\x07\n\u{202e}\"}\\";
    report.process.name = hostile.to_owned();
    for pool in &mut report.pools {
        pool.name = hostile.to_owned();
        (pool.limit_bytes, pool.held_bytes, pool.peak_bytes) = (0, u64::MAX, u64::MAX);
        pool.owners = vec![owner(hostile, u64::MAX, u64::MAX), owner(hostile, u64::MAX, 0)];
    }
    report.at_unix_ms = u64::MAX;
    for width in [0, 1, 40, 200] {
        let shown = text(&report, &style(width));
        assert!(!shown.contains(['\x1b', '\x07', '\u{202e}']), "{shown}");
        // no name breaks a line; where it is narrow, long numbers do
        let lines = text(&full(), &style(width)).lines().count();
        assert!(width < 200 || shown.lines().count() == lines, "{shown}");
    }
    let page = parse(&prometheus(&report));
    let name = vec![("level".to_owned(), String::new()), ("pool".to_owned(), hostile.to_owned())];
    assert_eq!(page.samples[&("plimsoll_pool_limit_bytes".to_owned(), name)], "0");
}

#[test]
fn the_page_is_what_prometheus_reads() {
    let page = parse(&prometheus(&full()));
    let value = |name: &str, labels: &[(&str, &str)]| {
        let mut labels: Vec<_> = labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        labels.sort();
        page.samples[&(name.to_owned(), labels)].clone()
    };
    assert_eq!(
        value("plimsoll_pool_limit_bytes", &[("pool", "managed"), ("level", "")]),
        (512 * MIB).to_string()
    );
    assert_eq!(
        value("plimsoll_pool_held_bytes", &[("pool", "managed"), ("level", "slot 0")]),
        (192 * MIB).to_string()
    );
    let leaked = [("pool", "managed"), ("level", "slot 0"), ("owner", "sort \"run\" 3\\4")];
    assert_eq!(value("plimsoll_owner_leaked_bytes", &leaked), (12 * MIB).to_string());
    assert_eq!(value("plimsoll_pool_refusals_total", &[("pool", "managed")]), "3");
    assert_eq!(value("plimsoll_heap_owner_held_bytes", &[("owner", "rest")]), (-(1_i64 << 20)).to_string());
    assert_eq!(value("plimsoll_drift_bytes", &[]), (40 * MIB).to_string());
    assert_eq!(value("plimsoll_heap_level", &[("level", "calm")]), "1");
    for (family, kind) in &page.kinds {
        assert_eq!(kind == "counter", family.ends_with("_total"), "{family} is a {kind}");
    }
}

/// Two of the same path and name are one series.
#[test]
fn a_series_has_one_sample() {
    let mut report = full();
    let twice = report.pools[1].clone();
    report.pools.push(twice);
    let page = parse(&prometheus(&report));
    let labels = vec![("level".to_owned(), String::new()), ("pool".to_owned(), "network".to_owned())];
    assert_eq!(page.samples[&("plimsoll_pool_held_bytes".to_owned(), labels)], (240 * MIB).to_string());
}

type Series = (String, Vec<(String, String)>);

struct Page {
    kinds: BTreeMap<String, String>,
    samples: BTreeMap<Series, String>,
}

/// The format's grammar once more, from its description, in another way than it is written: letter by letter.
fn parse(text: &str) -> Page {
    assert!(text.ends_with('\n') && !text.ends_with("\n\n"));
    let mut page = Page { kinds: BTreeMap::new(), samples: BTreeMap::new() };
    let mut helped = BTreeSet::new();
    let mut current = String::new();
    let is_name = |name: &str| {
        name.chars()
            .enumerate()
            .all(|(i, c)| c.is_ascii_alphabetic() || "_:".contains(c) || i > 0 && c.is_ascii_digit())
            && !name.is_empty()
    };
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(is_name(name) && !help.is_empty() && helped.insert(name.to_owned()), "{line}");
            current = name.to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(name == current && ["gauge", "counter"].contains(&kind), "{line}");
            assert!(page.kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "{line}");
        } else {
            let at = line.find(['{', ' ']).unwrap();
            let (name, mut rest) = line.split_at(at);
            // samples of a family stand together, below its type
            assert!(name == current && page.kinds.contains_key(name), "{line}");
            let mut labels = Vec::new();
            if let Some(inside) = rest.strip_prefix('{') {
                let (found, after) = labels_of(inside);
                labels = found;
                rest = after;
            }
            labels.sort();
            assert!(labels.iter().all(|(name, _)| is_name(name)), "{line}");
            let value = rest.strip_prefix(' ').unwrap();
            assert!(value.parse::<f64>().is_ok(), "{line}");
            assert!(
                page.samples.insert((name.to_owned(), labels), value.to_owned()).is_none(),
                "twice: {line}"
            );
        }
    }
    page
}

fn labels_of(inside: &str) -> (Vec<(String, String)>, &str) {
    let mut labels = Vec::new();
    let mut rest = inside;
    loop {
        let (name, after) = rest.split_once("=\"").unwrap();
        let mut value = String::new();
        let mut letters = after.char_indices();
        let end = loop {
            match letters.next().expect("a quote ends the value") {
                (at, '"') => break at,
                (_, '\\') => match letters.next().unwrap().1 {
                    'n' => value.push('\n'),
                    c @ ('"' | '\\') => value.push(c),
                    other => panic!("\\{other}"),
                },
                (_, c) => value.push(c),
            }
        };
        labels.push((name.to_owned(), value));
        rest = &after[end + 1..];
        match rest.split_at(1) {
            (",", next) => rest = next,
            ("}", next) => return (labels, next),
            other => panic!("{other:?}"),
        }
    }
}
