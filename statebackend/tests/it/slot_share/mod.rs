//! The databases of a slot share its memory and stay within it.

mod base;
mod kernel;
mod limits;
mod soak;

use plimsoll_memory::budget::Pool;
use plimsoll_memory::model::rocksdb::SharedMemory;
use plimsoll_memory::segment::ManagedMemory;
use plimsoll_statebackend::rocksdb::{MemorySource, ProcessMemory, SlotMemory};
use plimsoll_statebackend::{ErrorKind, StateError};
use rocksdb::Options;
use tempfile::tempdir;

pub(crate) use base::{Base, MIB, Random, key, settings};

fn source<'a>(managed: &'a ManagedMemory, process: &'a ProcessMemory) -> MemorySource<'a> {
    MemorySource { managed, fraction: 1.0, fixed: None, process }
}

/// What RocksDB has is what Flink's formulas say: read back from C++ and from the log.
#[test]
fn capacities_and_ratios_are_really_applied() {
    for (total, write_buffer, high_priority) in
        [(64 * MIB, "0.5", "0.1"), (64 * MIB, "0.4", "0.3"), (100_000_007, "0.8", "0.2")]
    {
        let settings = settings(&[
            ("memory.write-buffer-ratio", write_buffer),
            ("memory.high-prio-pool-ratio", high_priority),
        ]);
        let memory = SlotMemory::new(total, &settings).unwrap();
        let expected = SharedMemory::of(total.try_into().unwrap(), write_buffer.parse().unwrap());
        assert_eq!(i64::try_from(memory.cache_capacity_bytes()).unwrap(), expected.cache_capacity);
        let buffers = i64::try_from(memory.memtable_limit_bytes()).unwrap();
        assert_eq!(buffers, expected.write_buffer_manager_capacity);
        assert_eq!(memory.high_priority_ratio().to_bits(), high_priority.parse::<f64>().unwrap().to_bits());
        assert!(!memory.is_strict());
        for (databases, families) in [(1, 1), (8, 160), (100, 1000)] {
            let terms = memory.terms(databases, families, MIB);
            let inside: u64 = terms.iter().filter(|term| term.in_slot).map(|term| term.bytes).sum();
            assert_eq!(inside, total, "{terms:#?}");
        }

        let folder = tempdir().unwrap();
        let base = Base::open(folder.path(), 2, &settings, Some(&memory), 2);
        let log = std::fs::read_to_string(folder.path().join("LOG")).unwrap();
        let said = |text: String| assert!(log.contains(&text), "the log does not say {text}\n{log}");
        said(format!("high_pri_pool_ratio: {:.3}", memory.high_priority_ratio()));
        said(format!("capacity : {}", memory.cache_capacity_bytes()));
        said("memory_allocator : PlimsollArena".to_owned());
        said("cache_index_and_filter_blocks: 1".to_owned());
        said("pin_l0_filter_and_index_blocks_in_cache: 1".to_owned());
        drop(base);
    }
}

/// All tasks of a slot get the same memory, which is charged once, as long as one of them has it.
#[test]
fn one_memory_for_each_slot() {
    let pool = Pool::root("managed", 64 * MIB).unwrap();
    let managed = ManagedMemory::new(&pool, 32 << 10, 0).unwrap();
    let process = ProcessMemory::default();
    let settings = settings(&[("hot-cache.fraction", "0.25")]);
    let first = source(&managed, &process).lease(&settings).unwrap().unwrap();
    let second = source(&managed, &process).lease(&settings).unwrap().unwrap();
    assert!(std::ptr::eq(&raw const *first, &raw const *second));
    assert_eq!((first.total_bytes(), pool.held_bytes()), (48 * MIB, 48 * MIB));
    assert_eq!(settings.split(64 * MIB), (48 * MIB, 16 * MIB));
    drop(first);
    assert_eq!(pool.held_bytes(), 48 * MIB);
    drop(second);
    managed.verify_empty().unwrap();

    let held = pool.owner("sort").register().unwrap();
    let _sorting = held.try_reserve(20 * MIB).unwrap();
    let refused = source(&managed, &process).lease(&settings).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused);
    let text = refused.to_string();
    assert!(
        text.contains("50331648 bytes of the slot's managed memory") && text.contains("\"sort\""),
        "{text}"
    );
}

/// `fixed-per-slot` is beside managed memory, `fixed-per-tm` the same for all slots, and without both nothing is
/// shared.
#[test]
fn memory_that_is_not_managed() {
    let pool = Pool::root("managed", 64 * MIB).unwrap();
    let heap = Pool::root("task off-heap", 64 * MIB).unwrap();
    let (one, two) =
        (ManagedMemory::new(&pool, 32 << 10, 0).unwrap(), ManagedMemory::new(&pool, 32 << 10, 0).unwrap());
    let payer = heap.owner("rocksdb").register().unwrap();
    let process = ProcessMemory::paid_by(payer.clone());

    let fixed = settings(&[("memory.fixed-per-slot", "24m")]);
    let with_payer = MemorySource { fixed: Some(&payer), ..source(&one, &process) };
    let first = with_payer.lease(&fixed).unwrap().unwrap();
    let again = with_payer.lease(&fixed).unwrap().unwrap();
    assert!(std::ptr::eq(&raw const *first, &raw const *again));
    assert_eq!((first.total_bytes(), pool.held_bytes(), heap.held_bytes()), (24 * MIB, 0, 24 * MIB));
    let unpaid = source(&two, &process).lease(&fixed).unwrap().unwrap();
    assert_eq!((unpaid.total_bytes(), heap.held_bytes()), (24 * MIB, 24 * MIB));
    drop((first, again, unpaid));
    assert_eq!(heap.held_bytes(), 0);

    let shared = settings(&[("memory.managed", "false"), ("memory.fixed-per-tm", "32m")]);
    let first = source(&one, &process).lease(&shared).unwrap().unwrap();
    let second = source(&two, &process).lease(&shared).unwrap().unwrap();
    assert!(std::ptr::eq(&raw const *first, &raw const *second));
    assert_eq!((pool.held_bytes(), heap.held_bytes()), (0, 32 * MIB));
    drop((first, second));
    assert_eq!(heap.held_bytes(), 0);

    let nothing = settings(&[("memory.managed", "false")]);
    assert!(source(&one, &process).lease(&nothing).unwrap().is_none());
    one.verify_empty().unwrap();
    two.verify_empty().unwrap();
}

/// A family that was opened with other options has a cache of its own, which nobody counts. That is found.
#[test]
fn every_family_has_the_cache_of_the_slot() {
    let settings = settings(&[]);
    let memory = SlotMemory::new(16 * MIB, &settings).unwrap();
    let folder = tempdir().unwrap();
    let base = Base::open(folder.path(), 3, &settings, Some(&memory), 3);
    base.db().create_cf("foreign", &Options::default()).unwrap();
    let found = memory.verify_family("foreign", &base.db().cf_handle("foreign").unwrap()).unwrap_err();
    assert!(
        found.to_string().starts_with("column family \"foreign\" does not use the slot's cache"),
        "{found}"
    );
    let other = SlotMemory::new(16 * MIB, &settings).unwrap();
    assert!(other.verify_family("default", &base.db().cf_handle("default").unwrap()).is_err());
    assert!(matches!(other.verify_database(&base.options), Err(StateError::Usage(_))));
}

/// Too little is refused by name.
#[test]
fn a_slot_too_small_for_a_cache() {
    let refused = SlotMemory::new(2, &settings(&[])).unwrap_err().to_string();
    assert!(refused.contains("give the slot more managed memory"), "{refused}");
    assert!(SlotMemory::new(u64::MAX, &settings(&[])).is_err());
    assert_eq!(SlotMemory::new(MIB, &settings(&[])).unwrap().total_bytes(), MIB);
}

/// The fuse: a cache that refuses rather than exceed its capacity.
#[test]
fn strictness_is_really_applied() {
    let memory = SlotMemory::new(16 * MIB, &settings(&[("memory.strict", "true")])).unwrap();
    assert!(memory.is_strict());
}

/// Databases, memory and iterators may end in any order: what C++ still needs lives on.
#[test]
fn the_order_of_ends_does_not_matter() {
    let settings = settings(&[]);
    let folder = tempdir().unwrap();
    for order in 0..3 {
        let memory = SlotMemory::new(16 * MIB, &settings).unwrap();
        let base = Base::open(&folder.path().join(order.to_string()), 2, &settings, Some(&memory), 2);
        let entries: Vec<_> = (0..2000).map(|i| (key(i), vec![7; 500])).collect();
        base.put(1, &entries).unwrap();
        base.flush();
        assert_eq!(base.chunk(1, b"", 5000).0, 2000);
        match order {
            0 => drop((base, memory)),
            1 => {
                drop(memory);
                base.put(1, &entries).unwrap();
                base.flush();
                assert_eq!(base.chunk(1, b"", 5000).0, 2000);
            }
            _ => {
                let options = base.options.clone();
                drop(base);
                drop(memory);
                drop(options);
            }
        }
    }
}
