//! Eight databases of twenty families in one slot, written, read and scanned at once, watched a thousand times a
//! second.
//!
//! `PLIMSOLL_SECONDS` says how long (5). The watcher sees the cache's usage and the memtables: what they hold together
//! never exceeds the slot's bytes, and memtables exceed their limit by one arena block for each writer at most,
//! beside the
//! 2 KiB with which RocksDB begins each memtable: a flush begins one, also while writers are stalled.

#![expect(clippy::disallowed_methods, reason = "a soak takes its time, and looks every millisecond")]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use plimsoll_statebackend::rocksdb::{SlotMemory, arena_block_bytes};
use tempfile::tempdir;

use super::{Base, MIB, Random, key, settings};

pub(super) const DATABASES: usize = 8;
pub(super) const FAMILIES: usize = 20;
pub(super) const SLOT: u64 = 64 * MIB;
pub(super) const TEST: &str = "slot_share::soak::eight_databases_of_twenty_families_stay_within_their_slot";
/// What a memtable is charged for when it begins.
const MEMTABLE_BYTES: u64 = 2 << 10;
/// Entries of a chunk, as Flink reads them.
const CHUNK: usize = 128;

/// What the watcher saw at most.
#[derive(Debug, Default)]
struct Peaks {
    samples: u64,
    held: u64,
    cache: u64,
    pinned: u64,
    memtables: u64,
}

impl Peaks {
    fn see(&mut self, memory: &SlotMemory) {
        self.samples += 1;
        self.held = self.held.max(memory.held_bytes());
        self.cache = self.cache.max(memory.cache_usage_bytes());
        self.pinned = self.pinned.max(memory.cache_pinned_bytes());
        self.memtables = self.memtables.max(memory.memtable_bytes());
    }
}

/// What the workers did.
#[derive(Debug, Default)]
struct Done {
    written_bytes: AtomicU64,
    gets: AtomicU64,
    chunks: AtomicU64,
    refused: AtomicU64,
}

fn seconds() -> u64 {
    std::env::var("PLIMSOLL_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(5)
}

/// Writes, reads and scans a database until it is told to end.
fn work(base: &Base, memory: &SlotMemory, seed: u64, stop: &AtomicBool, done: &Done) {
    let mut random = Random::new(seed + 100);
    while !stop.load(Relaxed) {
        let family = usize::try_from(random.below(FAMILIES as u64)).unwrap();
        let entries: Vec<_> = (0..20)
            .map(|_| {
                let bytes = 50 + usize::try_from(random.below(1500)).unwrap();
                (key(random.below(200_000)), random.value(bytes))
            })
            .collect();
        base.put(family, &entries).unwrap();
        done.written_bytes.fetch_add(entries.iter().map(|(k, v)| (k.len() + v.len()) as u64).sum(), Relaxed);
        for _ in 0..5 {
            base.db().get_cf(&base.families.family(family), key(random.below(200_000))).unwrap();
            done.gets.fetch_add(1, Relaxed);
        }
        if random.below(4) == 0 {
            let Ok(permit) = memory.enter() else {
                done.refused.fetch_add(1, Relaxed);
                continue;
            };
            base.chunk(family, &key(random.below(200_000)), CHUNK);
            drop(permit);
            done.chunks.fetch_add(1, Relaxed);
        }
    }
}

#[test]
fn eight_databases_of_twenty_families_stay_within_their_slot() {
    let settings = settings(&[]);
    let memory = SlotMemory::new(SLOT, &settings).unwrap();
    let families = u32::try_from(DATABASES * FAMILIES).unwrap();
    let block = arena_block_bytes(&settings.family, Some(memory.memtable_limit_bytes()), families);
    let folder = tempdir().unwrap();
    let bases: Vec<_> = (0..DATABASES)
        .map(|i| Base::open(&folder.path().join(i.to_string()), FAMILIES, &settings, Some(&memory), families))
        .collect();
    let (stop, done, mut peaks) = (AtomicBool::new(false), Done::default(), Peaks::default());
    let until = Instant::now() + Duration::from_secs(seconds());
    thread::scope(|scope| {
        for (seed, base) in bases.iter().enumerate() {
            let (memory, stop, done) = (&memory, &stop, &done);
            scope.spawn(move || work(base, memory, seed as u64, stop, done));
        }
        while Instant::now() < until {
            peaks.see(&memory);
            thread::sleep(Duration::from_millis(1));
        }
        stop.store(true, Relaxed);
    });
    let limit = memory.memtable_limit_bytes();
    let above = |value: u64, bound: u64| i64::try_from(value).unwrap() - i64::try_from(bound).unwrap();
    println!(
        "{} s, {} samples; held at most {} of the slot's {} ({} against the cache's capacity); cache {}, pinned {}, \
         memtables {} of {limit} ({} against it, a block is {block}); arena {} of {}, {} fallbacks; {done:?}",
        seconds(),
        peaks.samples,
        peaks.held,
        memory.total_bytes(),
        above(peaks.held, memory.cache_capacity_bytes()),
        peaks.cache,
        peaks.pinned,
        peaks.memtables,
        above(peaks.memtables, limit),
        memory.arena_peak_bytes(),
        memory.arena_cap_bytes(),
        memory.fallbacks(),
    );
    assert!(peaks.held <= memory.total_bytes(), "{peaks:?}");
    let begun = u64::from(families) * MEMTABLE_BYTES;
    assert!(peaks.memtables <= limit + DATABASES as u64 * block + begun, "{peaks:?}");
    assert!(memory.arena_peak_bytes() <= memory.arena_cap_bytes());
    assert_eq!(memory.fallbacks(), 0);
    assert!(done.written_bytes.load(Relaxed) > 0 && done.chunks.load(Relaxed) > 0);
}
