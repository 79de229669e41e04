//! At the limits: memtables stall, blocks of high priority stay, iterators are refused, roles add up.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use plimsoll_statebackend::rocksdb::{SlotMemory, arena_block_bytes};
use tempfile::tempdir;

use super::{Base, MIB, Random, key, settings};

/// Indexes and filters that fit their share of the cache are still there after a scan through ten times the cache.
#[test]
fn blocks_of_high_priority_survive_a_scan() {
    let left = |ratio: &str| {
        let settings = settings(&[
            ("memory.high-prio-pool-ratio", ratio),
            ("compaction.level.target-file-size-base", "2m"),
        ]);
        let memory = SlotMemory::new(12 * MIB, &settings).unwrap();
        let folder = tempdir().unwrap();
        let base = Base::open(folder.path(), 1, &settings, Some(&memory), 1);
        let mut random = Random::new(1);
        // Files that overlap: others would only move down a level, and stay pinned as they were on level 0.
        for first in 0..80_u64 {
            let entries: Vec<_> = (0..1000).map(|i| (key(first + i * 80), random.value(1000))).collect();
            base.put(0, &entries).unwrap();
        }
        base.flush();
        base.compact(0);
        let meta = || -> u64 {
            let roles = memory.roles();
            let of = |name: &str| roles.iter().find(|role| role.role == name).map_or(0, |role| role.bytes);
            of("index-block") + of("filter-block")
        };
        memory.evict();
        for number in (0..80_000).step_by(100) {
            base.db().get_cf(&base.families.family(0), key(number)).unwrap();
        }
        let warm = meta();
        let (mut from, mut seen) = (Vec::new(), 0);
        loop {
            let (read, last) = base.chunk(0, &from, 10_000);
            seen += read;
            if read < 10_000 {
                break;
            }
            from = [&last[..], b"\0"].concat();
        }
        assert_eq!(seen, 80_000);
        (warm, meta())
    };
    let (warm, after) = left("0.5");
    assert!(warm > 100 << 10, "{warm} bytes of indexes and filters are too few to show anything");
    assert_eq!(after, warm, "all indexes and filters stay");
    let (warm, after) = left("0");
    assert!(after < warm / 2, "without a share {after} of {warm} bytes stay: the scan was no test");
}

/// Memtables exceed their limit by at most one arena block of each writer, and writers go on.
#[test]
fn writers_stall_at_the_limit() {
    let settings = settings(&[("writebuffer.size", "4m")]);
    let memory = SlotMemory::new(24 * MIB, &settings).unwrap();
    let (databases, families) = (2, 8);
    let block = arena_block_bytes(&settings.family, Some(memory.memtable_limit_bytes()), 16);
    assert!(block * 16 <= memory.memtable_limit_bytes() / 4);
    let folder = tempdir().unwrap();
    let bases: Vec<_> = (0..databases)
        .map(|i| Base::open(&folder.path().join(i.to_string()), families, &settings, Some(&memory), 16))
        .collect();
    let (done, peak) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        let watch = scope.spawn(|| {
            while !done.load(Relaxed) {
                peak.fetch_max(memory.memtable_bytes(), Relaxed);
                thread::yield_now();
            }
        });
        let writers: Vec<_> = bases
            .iter()
            .enumerate()
            .map(|(seed, base)| {
                scope.spawn(move || {
                    let mut random = Random::new(seed as u64);
                    for _ in 0..3000 {
                        let entries: Vec<_> =
                            (0..10).map(|_| (key(random.below(1 << 40)), random.value(1000))).collect();
                        base.put(usize::try_from(random.below(8)).unwrap(), &entries).unwrap();
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Relaxed);
        watch.join().unwrap();
    });
    let (peak, limit) = (peak.load(Relaxed), memory.memtable_limit_bytes());
    // A batch of 10 KiB may take a second block where the first is nearly full.
    assert!(
        peak <= limit + databases * block,
        "memtables of {peak} bytes, the limit is {limit}, a block {block}"
    );
    assert!(peak > limit / 2, "{peak} of {limit}: nobody came near the limit");
    assert_eq!(memory.fallbacks(), 0);
}

/// RocksDB alone would let the second database wait for ever: the memtables are the first one's, and that is idle.
#[test]
fn an_idle_database_does_not_stall_the_others() {
    let settings = settings(&[]);
    let memory = SlotMemory::new(12 * MIB, &settings).unwrap();
    let folder = tempdir().unwrap();
    let open = |name: &str| Base::open(&folder.path().join(name), 4, &settings, Some(&memory), 8);
    let (idle, busy) = (open("idle"), open("busy"));
    let limit = usize::try_from(memory.memtable_limit_bytes()).unwrap();
    // one write that alone is more than the limit, into several families
    for round in 0..4_usize {
        for family in 0..4 {
            idle.put(family, &[(key(1), vec![1; limit / 6])]).unwrap();
        }
        idle.put(round % 4, &[(key(2), vec![1; limit + 1000])]).unwrap();
        let (sender, receiver) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..200 {
                    busy.put(1, &[(key(number), vec![2; 1000])]).unwrap();
                }
                sender.send(()).unwrap();
            });
            receiver
                .recv_timeout(Duration::from_mins(1))
                .expect("the busy writer waits for the idle database");
        });
    }
}

/// What the roles hold is what the cache holds.
#[test]
fn the_roles_sum_to_the_usage() {
    let settings = settings(&[]);
    let memory = SlotMemory::new(32 * MIB, &settings).unwrap();
    let folder = tempdir().unwrap();
    let base = Base::open(folder.path(), 3, &settings, Some(&memory), 3);
    let mut random = Random::new(3);
    for family in 0..3 {
        let entries: Vec<_> = (0..4000).map(|i| (key(i), random.value(700))).collect();
        base.put(family, &entries).unwrap();
        if family < 2 {
            base.flush();
            assert_eq!(base.chunk(family, b"", 9000).0, 4000);
        }
    }
    let roles = memory.roles();
    let sum: u64 = roles.iter().map(|role| role.bytes).sum();
    assert_eq!(sum, memory.cache_usage_bytes(), "{roles:?}");
    let of = |name: &str| roles.iter().find(|role| role.role == name).map_or(0, |role| role.bytes);
    for role in [
        "data-block",
        "index-block",
        "filter-block",
        "write-buffer",
        "block-based-table-reader",
        "file-metadata",
    ] {
        assert!(of(role) > 0, "nothing is charged for {role}: {roles:?}");
    }
    assert!(of("write-buffer") >= memory.memtable_charge_bytes());
    assert!(memory.memtable_charge_bytes() + (256 << 10) >= memory.memtable_bytes());
}

/// Blocks lie in the arena: its cap holds, and in a normal run it never refuses.
#[test]
fn block_bytes_lie_in_the_arena() {
    let settings = settings(&[]);
    let memory = SlotMemory::new(16 * MIB, &settings).unwrap();
    let folder = tempdir().unwrap();
    let base = Base::open(folder.path(), 2, &settings, Some(&memory), 2);
    let mut random = Random::new(5);
    for chunk in 0..40_u64 {
        let entries: Vec<_> = (0..1000).map(|i| (key(chunk * 1000 + i), random.value(1000))).collect();
        base.put(0, &entries).unwrap();
    }
    base.flush();
    for _ in 0..3 {
        for number in (0..40_000).step_by(7) {
            base.db().get_cf(&base.families.family(0), key(number)).unwrap();
        }
    }
    assert!(memory.cache_usage_bytes() > memory.cache_capacity_bytes() / 10 * 9);
    assert!(memory.arena_committed_bytes() > memory.cache_capacity_bytes() / 2);
    assert!(memory.arena_peak_bytes() <= memory.arena_cap_bytes());
    assert_eq!((memory.fallbacks(), memory.fallback_bytes()), (0, 0));
    let freed = memory.evict();
    assert!(freed > memory.cache_capacity_bytes() / 2, "{freed} bytes came back");
}

/// A new iterator is refused while those that are open pin more than the limit, and passes when they are closed.
#[test]
fn the_gate_refuses_by_pinned_bytes() {
    let settings = settings(&[("memory.pinned-limit", "64k"), ("memory.iterators-max", "1000")]);
    let memory = SlotMemory::new(16 * MIB, &settings).unwrap();
    let folder = tempdir().unwrap();
    let base = Base::open(folder.path(), 1, &settings, Some(&memory), 1);
    let entries: Vec<_> = (0..4000).map(|i| (key(i), vec![3; 1000])).collect();
    base.put(0, &entries).unwrap();
    base.flush();
    let family = base.families.family(0);
    let mut open = Vec::new();
    let refused = loop {
        match memory.enter() {
            Ok(permit) => {
                let mut iterator = base.db().raw_iterator_cf(&family);
                iterator.seek(key(open.len() as u64 * 40));
                assert!(iterator.valid());
                open.push((iterator, permit));
            }
            Err(refused) => break refused,
        }
        assert!(open.len() < 100, "100 iterators pin {} bytes", memory.cache_pinned_bytes());
    };
    assert!(open.len() > 3 && refused.to_string().contains("and 65536 may be"), "{refused}");
    assert_eq!((memory.open_iterators() as usize, memory.refused_iterators()), (open.len(), 1));
    open.clear();
    drop(memory.enter().unwrap());
    assert_eq!(memory.open_iterators(), 0);
}
