//! State of several times its managed memory: what an operation costs, and whether the bytes stay inside.
//!
//! `cargo bench -p plimsoll-statebackend --bench state_budget -- [--managed-mib 64,128,256] [--backends rocksdb,hot]
//! [--times N] [--rounds N] [--calls N] [--warm N] [--zipf] [--json]`
//!
//! A process for each configuration, so that its memory is its own: four states with values of 100 bytes, together
//! `--times` (3) the managed memory, filled, then operated on. Figures are nanoseconds of CPU time for each operation,
//! of the task's thread (the median of the rounds) and of the whole process (their mean), and the most that was seen
//! while it ran, looked at each 10 ms: what the slot's pool is charged, what cache and memtables hold, by how much the
//! process has grown since before its backend was opened.
//!
//! Growth beyond managed memory is what lies in the general heap: RocksDB's structures and jobs, the allocator's own
//! holes. Not covered: several backends in a slot, snapshots; see `statebackend/tests/it/slot_share/`.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench prints, and stops where anything fails"
)]
#![expect(clippy::disallowed_methods, reason = "a bench has a clock, and waits between two looks")]

use std::hint::black_box;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use plimsoll_memory::budget::Pool;
use plimsoll_memory::segment::ManagedMemory;
use plimsoll_statebackend::key_group::KeyGroups;
use plimsoll_statebackend::rocksdb::{MemorySource, ProcessMemory, RocksDbSettings, RocksPlace, SlotMemory};
use plimsoll_statebackend::serializer::{Bytes, I64};
use plimsoll_statebackend::state::{ListDescriptor, MapDescriptor, ValueDescriptor};
use plimsoll_statebackend::{BackendSettings, Keep, KeyedBackend};
use serde_json::{Value, json};

#[path = "state_backends/arguments.rs"]
mod arguments;
#[path = "state_backends/clock.rs"]
mod clock;
#[path = "state_backends/keys.rs"]
mod keys;

use arguments::Arguments;
use clock::{process_cpu, thread_cpu};
use keys::Keys;

const STATES: usize = 4;
/// A value of 100 bytes with its key and its key group.
const ROW_BYTES: usize = 110;
/// Entries of a map.
const MAP_ENTRIES: i64 = 4;
/// Between two looks at the memory.
const LOOK: Duration = Duration::from_millis(10);

/// Bytes of this process that have memory behind them.
#[expect(unsafe_code, reason = "the standard library does not know the size of a page")]
fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    // SAFETY: asks for a constant.
    let page_bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * page_bytes.cast_unsigned()
}

/// The most that was seen since it was last asked.
#[derive(Default)]
struct Seen {
    cache: AtomicU64,
    memtables: AtomicU64,
    slot: AtomicU64,
    resident: AtomicU64,
    ended: AtomicBool,
}

impl Seen {
    fn look(&self, memory: &SlotMemory) {
        self.cache.fetch_max(memory.cache_usage_bytes(), Relaxed);
        self.memtables.fetch_max(memory.memtable_bytes(), Relaxed);
        self.slot.fetch_max(memory.held_bytes(), Relaxed);
        self.resident.fetch_max(resident_bytes(), Relaxed);
    }

    fn look_until_ended(&self, memory: &SlotMemory) {
        while !self.ended.load(Relaxed) {
            self.look(memory);
            std::thread::sleep(LOOK);
        }
    }

    fn forget(&self) {
        for seen in [&self.cache, &self.memtables, &self.slot, &self.resident] {
            seen.store(0, Relaxed);
        }
    }
}

/// Ends the looking when it is dropped, also where something fails: the thread would be waited for for ever.
struct Looking<'a>(&'a Seen);

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        self.0.ended.store(true, Relaxed);
    }
}

/// How often an operation is called.
#[derive(Clone, Copy)]
struct Plan {
    warm: usize,
    rounds: usize,
    calls: usize,
}

/// A configuration, and what is said of it.
struct Bench<'a> {
    backend: &'a str,
    managed_bytes: u64,
    before_bytes: u64,
    slot: Pool,
    memory: &'a SlotMemory,
    seen: &'a Seen,
}

impl Bench<'_> {
    /// Calls an operation with the numbers of its calls, and prints what it took and held.
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    fn measure(&self, operation: &str, plan: Plan, mut act: impl FnMut(usize)) {
        (0..plan.warm).for_each(&mut act);
        self.seen.forget();
        let (mut thread, mut process) = (Vec::new(), 0.0);
        for round in 0..plan.rounds {
            let before = (process_cpu(), thread_cpu());
            (round * plan.calls..(round + 1) * plan.calls).for_each(&mut act);
            let each =
                |from: Duration, to: Duration| to.saturating_sub(from).as_nanos() as f64 / plan.calls as f64;
            thread.push(each(before.1, thread_cpu()));
            process += each(before.0, process_cpu()) / plan.rounds as f64;
        }
        self.seen.look(self.memory);
        thread.sort_by(f64::total_cmp);
        let grown = self.seen.resident.load(Relaxed).saturating_sub(self.before_bytes);
        let row = json!({
            "backend": self.backend,
            "operation": operation,
            "managed_bytes": self.managed_bytes,
            "thread_ns": thread[thread.len() / 2],
            "process_ns": process,
            "pool_limit_bytes": self.slot.limit_bytes(),
            "pool_peak_bytes": self.slot.peak_bytes(),
            "cache_bytes": self.seen.cache.load(Relaxed),
            "memtable_bytes": self.seen.memtables.load(Relaxed),
            "slot_bytes": self.seen.slot.load(Relaxed),
            "slot_total_bytes": self.memory.total_bytes(),
            "grown_bytes": grown,
            "grown_of_managed": grown as f64 / self.managed_bytes as f64,
        });
        println!("{row}");
    }
}

/// One configuration, in a process of its own.
#[expect(clippy::cast_possible_wrap, reason = "small numbers")]
fn one(backend: &str, managed_mib: usize, arguments: &Arguments) {
    let managed_bytes = (managed_mib as u64) << 20;
    let count = (managed_mib << 20) * arguments.number("times", 3) / (STATES * ROW_BYTES);
    let keys = Keys::new(count, arguments.has("zipf"));
    let plan = Plan {
        warm: arguments.number("warm", 30_000),
        rounds: arguments.number("rounds", 3),
        calls: arguments.number("calls", 30_000),
    };
    let folder = tempfile::tempdir().unwrap();
    let before_bytes = resident_bytes();
    let slot = Pool::root("slot", managed_bytes).unwrap();
    let managed = ManagedMemory::new(&slot, 32 << 10, 0).unwrap();
    let mut settings = RocksDbSettings::default();
    settings.memory.hot_fraction = if backend == "hot" { 0.5 } else { 0.0 };
    // the same memory that the backend has: a slot shares it
    let nobody = ProcessMemory::default();
    let source = MemorySource { managed: &managed, fraction: 1.0, fixed: None, process: &nobody };
    let memory = source.lease(&settings).unwrap().unwrap();
    let (memory, seen) = (&*memory, Seen::default());
    let bench = Bench { backend, managed_bytes, before_bytes, slot, memory, seen: &seen };
    std::thread::scope(|scope| {
        let _looking = Looking(&seen);
        scope.spawn(|| seen.look_until_ended(memory));
        let groups = KeyGroups::new(128).unwrap();
        let settings = BackendSettings {
            name: "bench".to_owned(),
            attempt: "1".to_owned(),
            groups,
            range: groups.range(1, 0).unwrap(),
            keep: Keep::RocksDb(RocksPlace::new(&managed, settings, folder.path().join("state"))),
            storage: None,
            restore_owner: None,
        };
        let mut backend = KeyedBackend::open(settings, I64, &[]).unwrap();
        let values = backend.value_state(&ValueDescriptor::new("values", Bytes)).unwrap();
        let changed = backend.value_state(&ValueDescriptor::new("changed", Bytes)).unwrap();
        let maps = backend.map_state(&MapDescriptor::new("maps", I64, Bytes)).unwrap();
        let lists = backend.list_state(&ListDescriptor::new("lists", Bytes)).unwrap();
        // half of it does not compress
        let mut value = vec![7u8; 100];
        let mut fresh = |call: usize| {
            for (at, piece) in value.chunks_exact_mut(8).take(6).enumerate() {
                let number = (call as u64 ^ (at as u64) << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                piece.copy_from_slice(&number.to_le_bytes());
            }
            value.clone()
        };
        // a row of a map: several of its entries have one key
        let entry = |row: i64| (row / MAP_ENTRIES, row % MAP_ENTRIES);
        let fill = Plan { warm: 0, rounds: 1, calls: count * STATES };
        bench.measure("fill", fill, |call| {
            let (row, value) = ((call / STATES) as i64, fresh(call));
            match call % STATES {
                0 => values.set(&row, &(), &value).unwrap(),
                1 => changed.set(&row, &(), &value).unwrap(),
                2 => maps.put(&entry(row).0, &(), &entry(row).1, &value).unwrap(),
                _ => lists.add(&row, &(), &value).unwrap(),
            }
        });
        bench.measure("update", plan, |call| values.set(&keys.at(call), &(), &fresh(call)).unwrap());
        bench.measure("get", plan, |call| {
            black_box(values.get(&keys.at(call), &()).unwrap());
        });
        bench.measure("readModifyWrite", plan, |call| {
            let change = |old: Option<Vec<u8>>| {
                let mut value = old.unwrap();
                value[9] ^= 1;
                Some(value)
            };
            changed.update(&keys.at(call), &(), change).unwrap();
        });
        bench.measure("mapPut", plan, |call| {
            let (key, entry) = entry(keys.at(call));
            maps.put(&key, &(), &entry, &fresh(call)).unwrap();
        });
        bench.measure("listAppend", plan, |call| lists.add(&keys.at(call), &(), &fresh(call)).unwrap());
    });
}

/// The rows of a configuration, from a process that has nothing else.
fn rows_of(backend: &str, managed_mib: &str) -> Vec<Value> {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(std::env::args().skip(1))
        .args(["--child", &format!("{backend}:{managed_mib}")])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(child.status.success(), "{backend} with {managed_mib} MiB: {}", child.status);
    String::from_utf8(child.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn main() {
    let arguments = Arguments::parse();
    if let Some((backend, managed_mib)) = arguments.text("child").and_then(|child| child.split_once(':')) {
        return one(backend, managed_mib.parse().unwrap(), &arguments);
    }
    let mut largest = 0.0;
    if !arguments.has("json") {
        println!(
            "{:<8} {:>7}  {:<16} {:>10} {:>10}  {:>15}  {:>15} {:>9}  {:>9} {:>6}",
            "backend",
            "managed",
            "operation",
            "thread",
            "process",
            "pool's peak",
            "cache of slot",
            "memtables",
            "grown",
            "ratio",
        );
    }
    for managed_mib in arguments.list("managed-mib", "64,128,256") {
        for backend in arguments.list("backends", "rocksdb,hot") {
            for row in rows_of(&backend, &managed_mib) {
                if arguments.has("json") {
                    println!("{row}");
                    continue;
                }
                let number = |name: &str| row[name].as_f64().unwrap();
                let mib = |name: &str| number(name) / f64::from(1 << 20);
                let ratio = number("grown_of_managed");
                largest = f64::max(largest, ratio);
                println!(
                    "{backend:<8} {managed_mib:>3} MiB  {:<16} {:>7.0} ns {:>7.0} ns  {:>5.1} of {:>3.0} MiB  {:>5.1} of \
                     {:>3.0} MiB {:>5.1} MiB  {:>5.1} MiB {ratio:>6.2}",
                    row["operation"].as_str().unwrap(),
                    number("thread_ns"),
                    number("process_ns"),
                    mib("pool_peak_bytes"),
                    mib("pool_limit_bytes"),
                    mib("slot_bytes"),
                    mib("slot_total_bytes"),
                    mib("memtable_bytes"),
                    mib("grown_bytes"),
                );
            }
        }
    }
    if !arguments.has("json") {
        println!("the process grew by {largest:.2} of its managed memory at most");
    }
}
