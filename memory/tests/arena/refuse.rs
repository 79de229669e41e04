//! Refusals: clean, complete, and over as soon as there is room.

use std::sync::Arc;

use allocator_api2::vec::Vec as PoolVec;
use hashbrown::HashMap;
use plimsoll_memory::arena::{ArenaError, BASE_BYTES, PoolAllocator, PoolArena};

use super::support::{Ledger, MIB, obtain};

#[test]
fn a_cap_below_the_smallest_arena_is_refused_with_the_numbers() {
    let error = PoolArena::capped("heap", BASE_BYTES).unwrap_err();
    assert_eq!(
        error.to_string(),
        "pool heap: a cap of 2097152 bytes is below the smallest arena, 2101248 bytes; raise it"
    );
    assert!(matches!(error, ArenaError::CapTooSmall { min_bytes: 2_101_248, .. }));
    let pool = PoolArena::capped("heap", BASE_BYTES + 4096).unwrap();
    let page = obtain(&pool, 4096);
    assert!(page.is_some());
    assert!(obtain(&pool, 4096).is_none());
    assert_eq!(pool.refusals(), 1);
    assert_eq!(pool.committed_bytes(), BASE_BYTES + 4096);
}

#[test]
fn a_cap_beyond_all_addresses_is_refused() {
    for cap_bytes in [u64::MAX, u64::MAX / 4, 1 << 50] {
        let error = PoolArena::capped("heap", cap_bytes).unwrap_err();
        assert!(matches!(error, ArenaError::CapTooLarge { .. }), "{error}");
    }
    assert_eq!(
        PoolArena::capped("heap", 1 << 50).unwrap_err().to_string(),
        "pool heap: a cap of 1125899906842624 bytes is beyond the address space; lower it"
    );
}

#[test]
fn an_owner_that_does_not_pay_for_the_base_gets_no_arena() {
    let ledger = Arc::new(Ledger::refusing_at(0));
    let error = PoolArena::new("slot 1", 64 * MIB, ledger.clone()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "pool slot 1: its first 2097152 bytes were refused by its owner; make room there"
    );
    assert_eq!(ledger.held(), 0);
}

#[test]
fn a_refused_vector_is_intact_and_the_pool_serves_on() {
    let pool = PoolAllocator::new(PoolArena::capped("vector", 16 * MIB).unwrap());
    let mut numbers: PoolVec<u64, _> = PoolVec::new_in(pool.clone());
    let mut next = 0;
    while numbers.try_reserve(1).is_ok() {
        for _ in numbers.len()..numbers.capacity() {
            numbers.push(next);
            next += 1;
        }
    }
    assert!(numbers.len() >= 1 << 19, "4 MiB fit beside their double: {}", numbers.len());
    assert!(numbers.iter().copied().eq(0..next));
    assert!(pool.refusals() > 0);
    assert!(obtain(&pool, 64).is_some());
    numbers.truncate(10);
    numbers.shrink_to_fit();
    assert!(numbers.iter().copied().eq(0..10));
    numbers.try_reserve(1 << 19).unwrap();
    assert!(pool.committed_peak_bytes() <= pool.cap_bytes());
}

#[test]
fn a_refused_table_is_intact_and_the_pool_serves_on() {
    let pool = PoolAllocator::new(PoolArena::capped("table", 16 * MIB).unwrap());
    let mut table: HashMap<u64, u64, _, _> =
        HashMap::with_hasher_in(hashbrown::DefaultHashBuilder::default(), &pool);
    let mut key = 0;
    while table.try_reserve(1).is_ok() {
        for _ in table.len()..table.capacity() {
            table.insert(key, !key);
            key += 1;
        }
    }
    assert!(table.len() > 100_000, "{}", table.len());
    assert!((0..key).all(|key| table.get(&key) == Some(&!key)));
    table.clear();
    table.shrink_to_fit();
    table.try_reserve(1000).unwrap();
    assert!(pool.committed_peak_bytes() <= pool.cap_bytes());
}
