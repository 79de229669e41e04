//! State against the raw limit: the operations of Flink's own state benchmarks, ours and bare libraries in turn.
//!
//! `cargo bench -p plimsoll-statebackend --bench state_backends -- [--ops a,b] [--systems heap,rocksdb,hot,snapshot]
//! [--keys N] [--rounds N] [--calls N] [--slot-mib N] [--times N] [--zipf] [--only ours] [--json]`
//!
//! Each round runs ours and the bare library back to back; figures are nanoseconds of the thread's CPU time for each
//! operation, medians over the rounds; ratios are medians of the rounds' ratios. With `--times` values carry as many
//! bytes as make the state so many times the slot.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench prints, and stops where anything fails"
)]
#![expect(clippy::disallowed_methods, reason = "a bench has a clock")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use plimsoll_memory::budget::Pool;
use plimsoll_memory::segment::ManagedMemory;
use plimsoll_statebackend::key_group::KeyGroups;
use plimsoll_statebackend::rocksdb::{RocksDbSettings, RocksPlace};
use plimsoll_statebackend::serializer::{Bytes, F64, I64, KeySerializer};
use plimsoll_statebackend::snapshot::SnapshotTarget;
use plimsoll_statebackend::snapshot::format::Compression;
use plimsoll_statebackend::snapshot::storage::{CheckpointDirectory, CheckpointStorage};
use plimsoll_statebackend::state::{ListDescriptor, MapDescriptor, ValueDescriptor};
use plimsoll_statebackend::{BackendSettings, HeapMemory, Keep, KeyedBackend, SnapshotKind, SnapshotRequest};

#[path = "state_backends/bare.rs"]
mod bare;
#[path = "state_backends/keys.rs"]
mod keys;

use bare::{BareMaps, BareRocks, Nothing};
use keys::{Keys, process_cpu, thread_cpu};

/// Entries of a map and elements of a long list, as in Flink's benchmarks.
const MAP_ENTRIES: i64 = 10;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum System {
    Heap,
    Rocks,
    Hot,
}

struct Arguments(BTreeMap<String, String>);

impl Arguments {
    fn parse() -> Self {
        let words: Vec<String> = std::env::args().skip(1).collect();
        let mut found = BTreeMap::new();
        let mut words = words.iter().peekable();
        while let Some(word) = words.next() {
            let Some(name) = word.strip_prefix("--") else { continue };
            let value = words.next_if(|next| !next.starts_with("--")).cloned().unwrap_or_default();
            found.insert(name.to_owned(), value);
        }
        Self(found)
    }

    fn number(&self, name: &str, default: usize) -> usize {
        self.0.get(name).map_or(default, |text| text.parse().unwrap())
    }

    fn only_ours(&self) -> bool {
        self.0.get("only").is_some_and(|only| only == "ours")
    }

    fn list(&self, name: &str, default: &str) -> Vec<String> {
        let text = self.0.get(name).map_or(default, String::as_str);
        text.split(',').map(str::to_owned).collect()
    }
}

/// Ours, opened in a folder.
struct Ours {
    backend: KeyedBackend<I64>,
    _folder: tempfile::TempDir,
    directory: CheckpointDirectory,
    storage: CheckpointStorage,
}

impl Ours {
    fn open(system: System, slot_bytes: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let slot = Pool::root("slot", if system == System::Heap { 8 << 30 } else { slot_bytes }).unwrap();
        let groups = KeyGroups::new(128).unwrap();
        let keep = match system {
            System::Heap => Keep::Heap(HeapMemory::new(&slot, "tables").unwrap()),
            System::Rocks | System::Hot => {
                let managed = ManagedMemory::new(&slot, 32 << 10, 0).unwrap();
                let mut settings = RocksDbSettings::default();
                settings.memory.hot_fraction = if system == System::Hot { 0.5 } else { 0.0 };
                Keep::RocksDb(RocksPlace::new(&managed, settings, folder.path().join("state")))
            }
        };
        let settings = BackendSettings {
            name: "bench".to_owned(),
            attempt: "1".to_owned(),
            groups,
            range: groups.range(1, 0).unwrap(),
            keep,
            storage: None,
            restore_owner: None,
        };
        let storage = CheckpointStorage::local(&folder.path().join("checkpoints")).unwrap();
        let directory = CheckpointDirectory::new(storage.clone(), "job");
        let backend = KeyedBackend::open(settings, I64, &[]).unwrap();
        Self { backend, _folder: folder, directory, storage }
    }
}

impl Ours {
    fn request(&self, checkpoint: u64, kind: SnapshotKind) -> SnapshotRequest {
        SnapshotRequest {
            checkpoint,
            kind,
            target: SnapshotTarget::files(self.storage.clone(), 0).unwrap(),
            directory: Some(self.directory.clone()),
            clock: keys::now,
        }
    }
}

/// One operation: ours and the bare one, each called with the number of the call.
type Operation<'a> = (Box<dyn FnMut(usize) + 'a>, Box<dyn FnMut(usize) + 'a>);

/// Results of one operation.
struct Row {
    operation: String,
    ours: f64,
    /// Of all threads.
    ours_process: f64,
    bare: f64,
    ratio: f64,
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn measure(
    name: &str,
    (warm, rounds, calls): (usize, usize, usize),
    unit: usize,
    (mut ours, mut bare): Operation<'_>,
) -> Row {
    let (mut a, mut b, mut process) = (Vec::new(), Vec::new(), Vec::new());
    // state that runs for hours has been used before
    (0..warm).for_each(&mut ours);
    (0..warm).for_each(&mut bare);
    for round in 0..=rounds {
        let time = |run: &mut dyn FnMut(usize)| {
            let (before, all) = (thread_cpu(), process_cpu());
            (round * calls..(round + 1) * calls).for_each(run);
            let used =
                |now: Duration, before| now.saturating_sub(before).as_nanos() as f64 / (calls * unit) as f64;
            (used(thread_cpu(), before), used(process_cpu(), all))
        };
        let figures = (time(&mut ours), time(&mut bare));
        if round > 0 {
            a.push(figures.0.0);
            process.push(figures.0.1);
            b.push(figures.1.0);
        }
    }
    let ratio = median(a.iter().zip(&b).map(|(ours, bare)| ours / bare).collect());
    Row { operation: name.to_owned(), ours: median(a), ours_process: median(process), bare: median(b), ratio }
}

/// All operations of a kind of system against a bare one that has the same ones.
trait Bare {
    fn value_set(&mut self, key: i64, value: i64);
    fn value_get(&mut self, key: i64) -> Option<i64>;
    fn value_update(&mut self, key: i64);
    fn list_set(&mut self, key: i64, value: i64);
    fn list_add(&mut self, key: i64, value: i64);
    fn list_add_all(&mut self, key: i64, values: &[i64]);
    fn list_len(&mut self, key: i64) -> usize;
    fn list_each(&mut self, key: i64, see: &mut dyn FnMut(i64));
    fn map_put(&mut self, key: i64, user_key: i64, value: f64);
    fn map_get(&mut self, key: i64, user_key: i64) -> Option<f64>;
    fn map_remove(&mut self, key: i64, user_key: i64);
    fn map_each(&mut self, key: i64, see: &mut dyn FnMut(i64, f64));
    fn settle(&mut self) {}
}

const VALUES: [&str; 4] = ["valueUpdate", "valueAdd", "valueGet", "valueRmw"];
const LISTS: [&str; 6] =
    ["listUpdate", "listAdd", "listAppend", "listGet", "listGetAndIterate", "listAddAll"];
const MAPS: [&str; 6] = ["mapUpdate", "mapAdd", "mapGet", "mapContains", "mapIterator", "mapRemove"];

#[expect(clippy::cast_possible_wrap, clippy::cast_precision_loss, reason = "small numbers")]
#[expect(clippy::too_many_lines, reason = "a table of operations")]
fn operations<B: Bare>(
    system: System,
    arguments: &Arguments,
    mut open_bare: impl FnMut(&Path) -> B,
) -> Vec<Row> {
    let all: Vec<&str> = VALUES.iter().chain(&LISTS).chain(&MAPS).copied().collect();
    let wanted = arguments.list("ops", &all.join(","));
    let count = arguments.number("keys", 500_000);
    let rounds = arguments.number("rounds", 5);
    let calls = arguments.number("calls", if system == System::Heap { 500_000 } else { 100_000 });
    let slot_bytes = (arguments.number("slot-mib", 512) as u64) << 20;
    let keys = Keys::new(count, arguments.0.contains_key("zipf"));
    let warm_default = if system == System::Hot { count } else { 0 };
    let mut rows = Vec::new();
    for name in wanted {
        let folder = tempfile::tempdir().unwrap();
        let mut bare = open_bare(&folder.path().join("bare"));
        let mut ours = Ours::open(system, slot_bytes);
        let fresh = |call: usize| (count + call) as i64;
        let number = |call: usize| call as i64 * 7;
        let key = |call: usize| keys.at(call);
        let entry = |call: usize| call as i64 % MAP_ENTRIES;
        let name = name.as_str();
        // additions are of fresh keys, each once
        let warm_default = if name.starts_with("map") { warm_default * 4 } else { warm_default };
        let warm = if name.ends_with("Add") { 0 } else { arguments.number("warm", warm_default) };
        let bare = &mut bare;
        let row = if name.starts_with("value") {
            let state = ours.backend.value_state(&ValueDescriptor::new("value", I64)).unwrap();
            for key in 0..count as i64 {
                state.set(&key, &(), &key).unwrap();
                bare.value_set(key, key);
            }
            settle(&mut ours, bare);
            let pair: Operation<'_> = match name {
                "valueUpdate" => (
                    Box::new(|call| state.set(&key(call), &(), &number(call)).unwrap()),
                    Box::new(|call| bare.value_set(key(call), number(call))),
                ),
                "valueAdd" => (
                    Box::new(|call| state.set(&fresh(call), &(), &number(call)).unwrap()),
                    Box::new(|call| bare.value_set(fresh(call), number(call))),
                ),
                "valueGet" => (
                    Box::new(|call| {
                        black_box(state.get(&key(call), &()).unwrap());
                    }),
                    Box::new(|call| {
                        black_box(bare.value_get(key(call)));
                    }),
                ),
                _ => (
                    Box::new(|call| {
                        state.update(&key(call), &(), |old| Some(old.unwrap_or(0).wrapping_add(1))).unwrap();
                    }),
                    Box::new(|call| bare.value_update(key(call))),
                ),
            };
            measure(name, (warm, rounds, calls), 1, pair)
        } else if name.starts_with("list") {
            let state = ours.backend.list_state(&ListDescriptor::new("list", I64)).unwrap();
            for key in 0..count as i64 {
                state.add(&key, &(), &key).unwrap();
                bare.list_add(key, key);
            }
            settle(&mut ours, bare);
            let many: Vec<i64> = (0..10).collect();
            let pair: Operation<'_> = match name {
                "listUpdate" => (
                    Box::new(|call| state.update(&key(call), &(), &[number(call)]).unwrap()),
                    Box::new(|call| bare.list_set(key(call), number(call))),
                ),
                "listAdd" => (
                    Box::new(|call| state.add(&fresh(call), &(), &number(call)).unwrap()),
                    Box::new(|call| bare.list_add(fresh(call), number(call))),
                ),
                "listAppend" => (
                    Box::new(|call| state.add(&key(call), &(), &number(call)).unwrap()),
                    Box::new(|call| bare.list_add(key(call), number(call))),
                ),
                "listGet" => (
                    Box::new(|call| {
                        black_box(state.view(&key(call), &(), |list| list.len()).unwrap());
                    }),
                    Box::new(|call| {
                        black_box(bare.list_len(key(call)));
                    }),
                ),
                "listGetAndIterate" => (
                    Box::new(|call| {
                        state
                            .for_each(&key(call), &(), |element| {
                                black_box(element);
                            })
                            .unwrap();
                    }),
                    Box::new(|call| {
                        bare.list_each(key(call), &mut |element| {
                            black_box(element);
                        });
                    }),
                ),
                _ => (
                    Box::new(|call| state.add_all(&key(call), &(), &many).unwrap()),
                    Box::new(|call| bare.list_add_all(key(call), &many)),
                ),
            };
            measure(name, (warm, rounds, calls.min(count)), 1, pair)
        } else {
            let state = ours.backend.map_state(&MapDescriptor::new("map", I64, F64)).unwrap();
            for key in 0..count as i64 {
                for entry in 0..MAP_ENTRIES {
                    state.put(&key, &(), &entry, &(key as f64)).unwrap();
                    bare.map_put(key, entry, key as f64);
                }
            }
            settle(&mut ours, bare);
            let value = |call: usize| call as f64;
            let pair: Operation<'_> = match name {
                "mapUpdate" => (
                    Box::new(|call| state.put(&key(call), &(), &entry(call), &value(call)).unwrap()),
                    Box::new(|call| bare.map_put(key(call), entry(call), value(call))),
                ),
                "mapAdd" => (
                    Box::new(|call| state.put(&fresh(call), &(), &entry(call), &value(call)).unwrap()),
                    Box::new(|call| bare.map_put(fresh(call), entry(call), value(call))),
                ),
                "mapGet" => (
                    Box::new(|call| {
                        black_box(state.get(&key(call), &(), &entry(call)).unwrap());
                    }),
                    Box::new(|call| {
                        black_box(bare.map_get(key(call), entry(call)));
                    }),
                ),
                "mapContains" => (
                    Box::new(|call| {
                        black_box(state.contains(&key(call), &(), &(entry(call) << 1)).unwrap());
                    }),
                    Box::new(|call| {
                        black_box(bare.map_get(key(call), entry(call) << 1).is_some());
                    }),
                ),
                "mapRemove" => (
                    Box::new(|call| state.remove(&key(call), &(), &entry(call)).unwrap()),
                    Box::new(|call| bare.map_remove(key(call), entry(call))),
                ),
                _ => (
                    Box::new(|call| {
                        state
                            .for_each(&key(call), &(), |key, value| {
                                black_box((*key, *value));
                            })
                            .unwrap();
                    }),
                    Box::new(|call| {
                        bare.map_each(key(call), &mut |key, value| {
                            black_box((key, value));
                        });
                    }),
                ),
            };
            let unit = if name == "mapIterator" { 10 } else { 1 };
            measure(name, (warm, rounds, calls / unit), unit, pair)
        };
        print_row(system, &row, arguments);
        rows.push(row);
    }
    rows
}

/// Both begin with empty memtables: ours writes them for a snapshot, which is then given up.
fn settle(ours: &mut Ours, bare: &mut impl Bare) {
    if ours.backend.rocksdb().is_some() {
        drop(ours.backend.snapshot(&ours.request(1, SnapshotKind::Incremental)).unwrap());
        ours.backend.checkpoint_aborted(1);
        bare.settle();
        std::thread::sleep(Duration::from_secs(3));
    }
}

fn print_row(system: System, row: &Row, arguments: &Arguments) {
    let Row { operation, ours, ours_process, bare, ratio } = row;
    if arguments.0.contains_key("json") {
        let beside = if arguments.only_ours() {
            String::new()
        } else {
            format!(",\"bare_ns\":{bare:.1},\"ratio\":{ratio:.3}")
        };
        println!(
            "{{\"system\":\"{system:?}\",\"operation\":\"{operation}\",\"thread_ns\":{ours:.1},\"process_ns\":\
             {ours_process:.1}{beside}}}"
        );
    } else if arguments.only_ours() {
        println!("{system:<6?} {operation:<18} {ours:>9.1} ns   all threads {ours_process:>9.1} ns");
    } else {
        println!("{system:<6?} {operation:<18} {ours:>9.1} ns   bare {bare:>9.1} ns   {ratio:>6.2}×");
    }
}

#[expect(clippy::cast_precision_loss, reason = "a mean")]
fn mean(rows: &[Row], figure: impl Fn(&Row) -> f64) -> f64 {
    (rows.iter().map(|row| figure(row).ln()).sum::<f64>() / rows.len() as f64).exp()
}

/// State so many times larger than its slot: values of 100 bytes, read, changed and written.
#[expect(clippy::cast_possible_wrap, reason = "small numbers")]
fn beyond(arguments: &Arguments, times: usize) {
    let slot_bytes = (arguments.number("slot-mib", 32) as u64) << 20;
    let row_bytes = 110;
    let count = usize::try_from(slot_bytes).unwrap() * times / row_bytes;
    let (rounds, calls) = (arguments.number("rounds", 5), arguments.number("calls", 50_000));
    let keys = Keys::new(count, arguments.0.contains_key("zipf"));
    let warm = arguments.number("warm", 400_000);
    let folder = tempfile::tempdir().unwrap();
    let mut bare =
        (!arguments.only_ours()).then(|| BareRocks::open(&folder.path().join("bare"), slot_bytes, false));
    let mut ours = Ours::open(System::Hot, slot_bytes);
    let state = ours.backend.value_state(&ValueDescriptor::new("value", Bytes)).unwrap();
    let mut value = vec![7u8; 100];
    for key in 0..count as i64 {
        value[..8].copy_from_slice(&key.wrapping_mul(0x9e37_79b9_7f4a_7c15u64.cast_signed()).to_le_bytes());
        state.set(&key, &(), &value).unwrap();
        if let Some(bare) = &mut bare {
            bare.bytes_set(key, &value);
        }
    }
    match &mut bare {
        Some(bare) => settle(&mut ours, bare),
        None => settle(&mut ours, &mut Nothing),
    }
    let (mut rows, value) = (Vec::new(), vec![9u8; 100]);
    let bare = std::cell::RefCell::new(bare);
    let named: [(&str, Operation<'_>); 3] = [
        (
            "valueGet",
            (
                Box::new(|call| {
                    black_box(state.get(&keys.at(call), &()).unwrap());
                }),
                Box::new(|call| {
                    if let Some(bare) = &mut *bare.borrow_mut() {
                        black_box(bare.bytes_get(keys.at(call)));
                    }
                }),
            ),
        ),
        (
            "valueUpdate",
            (
                Box::new(|call| state.set(&keys.at(call), &(), &value).unwrap()),
                Box::new(|call| {
                    if let Some(bare) = &mut *bare.borrow_mut() {
                        bare.bytes_set(keys.at(call), &value);
                    }
                }),
            ),
        ),
        (
            "valueRmw",
            (
                Box::new(|call| {
                    state
                        .update(&keys.at(call), &(), |old| {
                            old.map(|mut old| {
                                old[9] ^= 1;
                                old
                            })
                        })
                        .unwrap();
                }),
                Box::new(|call| {
                    if let Some(bare) = &mut *bare.borrow_mut() {
                        let mut old = bare.bytes_get(keys.at(call)).unwrap_or_default();
                        old[9] ^= 1;
                        bare.bytes_set(keys.at(call), &old);
                    }
                }),
            ),
        ),
    ];
    println!("\n{count} keys of {row_bytes} bytes, {times} times the slot of {slot_bytes} bytes");
    let wanted = arguments.list("ops", "valueGet,valueUpdate,valueRmw");
    for (name, pair) in named.into_iter().filter(|(name, _)| wanted.iter().any(|wanted| wanted == name)) {
        let row = measure(name, (warm, rounds, calls), 1, pair);
        print_row(System::Hot, &row, arguments);
        rows.push(row);
    }
    if !arguments.only_ours() {
        println!(
            "hot entries against bare RocksDB as Flink opens it: {:.2}× faster",
            mean(&rows, |row| 1.0 / row.ratio)
        );
    }
}

/// Snapshots: how long the task stands still, how fast the rest is, and the way back.
#[expect(clippy::cast_possible_wrap, clippy::cast_precision_loss, reason = "figures for people")]
fn snapshots(arguments: &Arguments) {
    let count = arguments.number("snapshot-keys", 1_000_000) as i64;
    let value = vec![5u8; arguments.number("value-bytes", 100)];
    for system in [System::Heap, System::Rocks, System::Hot] {
        let mut ours = Ours::open(system, 512 << 20);
        let state = ours.backend.value_state(&ValueDescriptor::new("value", Bytes)).unwrap();
        (0..count).for_each(|key| state.set(&key, &(), &value).unwrap());
        let kinds = [SnapshotKind::Full(Compression::None), SnapshotKind::Incremental];
        for (at, kind) in kinds.into_iter().enumerate().take(if system == System::Heap { 1 } else { 2 }) {
            let request = ours.request(at as u64 + 1, kind);
            let pending = ours.backend.snapshot(&request).unwrap();
            let snapshot = std::thread::spawn(move || pending.run().unwrap());
            let before = Instant::now();
            let mut worst = Duration::ZERO;
            let mut writes = 0;
            while !snapshot.is_finished() {
                let one = Instant::now();
                state.set(&(writes * 7919 % count), &(), &value).unwrap();
                worst = worst.max(one.elapsed());
                writes += 1;
            }
            let running = before.elapsed();
            let result = snapshot.join().unwrap();
            let bytes = result.handle.state_bytes() as f64 / 1e6;
            println!(
                "{system:<6?} {kind:?}: {count} keys, sync {:.3} ms, rest {:.0} ms, {bytes:.0} MB, {:.0} MB/s; meanwhile {:.0} \
                 writes/s, the slowest {:.2} ms",
                result.sync.as_secs_f64() * 1e3,
                result.rest.as_secs_f64() * 1e3,
                bytes / result.rest.as_secs_f64(),
                writes as f64 / running.as_secs_f64(),
                worst.as_secs_f64() * 1e3,
            );
        }
    }
}

fn main() {
    let arguments = Arguments::parse();
    let systems = arguments.list("systems", "heap,rocksdb,hot,snapshot");
    if let Some(times) = arguments.0.get("times") {
        return beyond(&arguments, times.parse().unwrap());
    }
    let slot_bytes = (arguments.number("slot-mib", 512) as u64) << 20;
    for system in &systems {
        if arguments.only_ours() {
            let system = match system.as_str() {
                "heap" => System::Heap,
                "rocksdb" => System::Rocks,
                "hot" => System::Hot,
                other => panic!("{other} has nothing beside it"),
            };
            operations(system, &arguments, |_| Nothing);
            continue;
        }
        match system.as_str() {
            "heap" => {
                let rows = operations(System::Heap, &arguments, |_| BareMaps::default());
                println!("in memory against a bare map: {:.2}× (goal 1.2)\n", mean(&rows, |row| row.ratio));
            }
            "rocksdb" => {
                let rows =
                    operations(System::Rocks, &arguments, |path| BareRocks::open(path, slot_bytes, true));
                println!(
                    "RocksDB without hot entries against bare RocksDB: {:.2}× (goal 1.05)\n",
                    mean(&rows, |row| row.ratio)
                );
            }
            "hot" => {
                let rows =
                    operations(System::Hot, &arguments, |path| BareRocks::open(path, slot_bytes, false));
                println!(
                    "RocksDB with hot entries: {:.2}× faster than bare RocksDB as Flink opens it\n",
                    mean(&rows, |row| 1.0 / row.ratio)
                );
            }
            _ => snapshots(&arguments),
        }
    }
    let _ = I64.java_hash(&0);
}
