//! The data path allocates nothing: each operation is run with its first allocation failing, and none fails.

use std::time::Duration;

use plimsoll_memory::arena::failing::FailingAlloc;
use plimsoll_memory::segment::network::LocalPoolSize;
use plimsoll_memory::segment::{Access, Commit, NetworkBufferPool, SegmentPool};

use super::{after, owner};

const PAGE: u64 = 4096;

/// Runs an operation; says how many allocations it made, where one fails the test.
fn allocations(operation: impl FnOnce()) -> u64 {
    FailingAlloc::fail_nth(1, operation).1
}

#[test]
fn the_count_counts() {
    let ((), failed) = FailingAlloc::fail_nth(1, || assert!(Vec::<u8>::new().try_reserve(100).is_err()));
    assert_eq!(failed, 1);
}

#[test]
fn taking_and_giving() {
    let (_budget, owner) = owner(8 * PAGE);
    let pool = SegmentPool::new(&owner, PAGE, 8 * PAGE, Commit::AtStart).unwrap();
    let turns = || {
        for turn in 0..100_u64 {
            let (mut first, second) = (pool.take().unwrap(), pool.take());
            first.put(8, turn).unwrap();
            drop(second);
        }
    };
    assert_eq!(allocations(turns), 0);
}

#[test]
fn requesting_and_recycling() {
    let (_budget, owner) = owner(8 * PAGE);
    let pool = NetworkBufferPool::new(&owner, PAGE, 8 * PAGE).unwrap();
    let size = LocalPoolSize { required: 2, max: 4, overdraft_max: 1 };
    let (first, second) = (pool.create_local("a", size).unwrap(), pool.create_local("b", size).unwrap());
    let turns = || {
        for _ in 0..100 {
            // from the common pool, from home, beyond the share, and waiting in vain
            let out = [first.request(), first.request(), first.request(), first.request()];
            let more = (first.request(), first.request_overdraft());
            assert!(out.iter().all(Option::is_some) && more.0.is_none() && more.1.is_some());
            assert!(first.request_until(after(Duration::ZERO)).is_err());
            drop((second.request(), out, more));
            assert!(first.is_available());
        }
    };
    assert_eq!(allocations(turns), 0);
}
