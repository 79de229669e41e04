//! Every public operation with its n-th reservation refused, for every n until it succeeds: a refusal is an answer, and
//! nothing is left behind.

use std::sync::Arc;

use plimsoll_memory::budget::{Owner, Pool};
use plimsoll_memory::segment::network::LocalPoolSize;
use plimsoll_memory::segment::{Commit, ManagedMemory, NetworkBufferPool, SegmentPool};

const PAGE: u64 = 4096;

/// Runs an operation with the n-th reservation failing until one run is whole; returns how many runs were not.
fn every_nth(operation: impl Fn(&Pool, &Arc<Owner>) -> bool) -> u64 {
    for nth in 1..1000 {
        let pool = Pool::root("pool", 64 * PAGE).unwrap();
        let owner = pool.owner("task").register().unwrap();
        pool.fail_nth(Some(nth));
        let whole = operation(&pool, &owner);
        pool.fail_nth(None);
        pool.verify_empty().unwrap();
        assert_eq!((pool.held_bytes(), pool.over_releases()), (0, 0));
        if whole {
            return nth - 1;
        }
    }
    panic!("never whole");
}

#[test]
fn a_pool_of_segments() {
    let at_start = every_nth(|_, owner| {
        let Ok(pool) = SegmentPool::new(owner, PAGE, 8 * PAGE, Commit::AtStart) else { return false };
        std::iter::from_fn(|| pool.take()).take(8).collect::<Vec<_>>().len() == 8
    });
    assert!(at_start > 0, "one reservation at least was made to fail");
    let lazily = every_nth(|_, owner| {
        let pool = SegmentPool::new(owner, PAGE, 8 * PAGE, Commit::Lazily).unwrap();
        let taken: Vec<_> = (0..8).map(|_| pool.take()).collect();
        // one refusal is no end: the next one is had
        assert!(taken.iter().flatten().count() >= 7);
        taken.iter().all(Option::is_some)
    });
    assert!(lazily >= 8, "{lazily}");
}

#[test]
fn network_buffers() {
    let refused = every_nth(|_, owner| {
        let Ok(pool) = NetworkBufferPool::new(owner, PAGE, 8 * PAGE) else { return false };
        // from here on nothing is reserved
        let size = LocalPoolSize { required: 2, max: 8, overdraft_max: 1 };
        let local = pool.create_local("one", size).unwrap();
        assert_eq!(std::iter::from_fn(|| local.request()).collect::<Vec<_>>().len(), 8);
        true
    });
    assert!(refused > 0);
}

#[test]
fn managed_memory() {
    let refused = every_nth(|pool, owner| {
        let managed = ManagedMemory::new(pool, PAGE, 4).unwrap();
        let other = pool.owner("other").register().unwrap();
        let whole = || -> Option<()> {
            let mut pages = managed.allocate_pages(owner, 10).ok()?;
            managed.reserve(owner, 5000).ok()?;
            let lease = managed.shared("cache", 3 * PAGE, |_| Ok::<_, String>(1_u8)).ok()?;
            pages.truncate(3);
            // three cached pages change hands, the others are new
            let more = managed.allocate_pages(&other, 6).ok()?;
            assert_eq!((more.len(), pages.len(), *lease), (6, 3, 1));
            Some(())
        };
        let whole = whole().is_some();
        let released = managed.release_all(owner);
        assert_eq!(released.pages_out, 0);
        managed.verify_empty().unwrap();
        whole
    });
    assert!(refused >= 4, "{refused}");
}
