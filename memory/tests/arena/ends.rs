//! Whose objects are whose, and what is left when threads and pools end in any order.

use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::thread;

use allocator_api2::boxed::Box as PoolBox;
use allocator_api2::vec::Vec as PoolVec;
use plimsoll_memory::arena::{BASE_BYTES, PoolAllocator, PoolArena};

use super::support::{Ledger, MIB, Object, obtain};

const OBJECTS: usize = 100_000;

#[test]
fn objects_of_pools_and_ordinary_memory_never_mix() {
    let pools = ["a", "b"].map(|name| PoolArena::capped(name, 64 * MIB).unwrap());
    for size in [16, 64, 200] {
        for round in 0..2 {
            // Every other object is freed at once, so that caches are full of what came before.
            let mut kept = Vec::new();
            for index in 0..OBJECTS {
                let pool = &pools[index % 2];
                let object = obtain(pool, size).unwrap();
                assert!(pool.contains(object.as_ptr()), "round {round}");
                assert!(!pools[1 - index % 2].contains(object.as_ptr()));
                if index % 4 < 2 {
                    kept.push(object);
                }
            }
            drop(kept);
            let ordinary: Vec<Vec<u8>> = (0..OBJECTS).map(|_| Vec::with_capacity(size)).collect();
            for object in &ordinary {
                assert!(pools.iter().all(|pool| !pool.contains(object.as_ptr())));
            }
        }
    }
}

#[test]
fn a_pool_that_ends_has_given_everything_back() {
    let ledger = Arc::new(Ledger::new());
    for _ in 0..20 {
        let pool = PoolArena::new("short", 32 * MIB, ledger.clone()).unwrap();
        let objects: Vec<_> =
            (0..100).map(|index| Object::new(&pool, 1000 * (index + 1), 1).unwrap()).collect();
        assert_eq!(ledger.held(), pool.committed_bytes());
        assert!(pool.committed_bytes() > BASE_BYTES + 5_000_000);
        assert!(pool.resident_bytes().unwrap() >= 5_000_000);
        drop(objects);
        drop(pool);
        assert_eq!(ledger.held(), 0);
    }
}

#[test]
fn purging_an_unused_pool_leaves_the_base_and_no_resident_objects() {
    let pool = PoolArena::capped("purged", 64 * MIB).unwrap();
    let objects: Vec<_> = (0..60).map(|_| Object::new(&pool, 1 << 20, 3).unwrap()).collect();
    drop(objects);
    // jemalloc may have given back some on its own: neighbours that became one large extent.
    pool.purge();
    assert_eq!(pool.committed_bytes(), BASE_BYTES);
    assert!(pool.resident_bytes().unwrap() <= BASE_BYTES / 2, "{}", pool.resident_bytes().unwrap());
}

#[test]
fn a_thread_that_ends_gives_its_cache_back() {
    let pool = PoolArena::capped("threads", 64 * MIB).unwrap();
    for _ in 0..10 {
        thread::scope(|scope| {
            let used = scope.spawn(|| {
                drop((0..1000).map(|_| obtain(&pool, 64).unwrap()).collect::<Vec<_>>());
                let cached = pool.cached_bytes();
                assert!(cached > 0 && cached <= pool.cached_bytes_max(), "{cached}");
            });
            // Not left to the scope: it does not wait for what a thread does at its end.
            used.join().unwrap();
        });
        assert_eq!(pool.cached_bytes(), 0);
    }
    pool.purge();
    assert_eq!(pool.committed_bytes(), BASE_BYTES);
}

#[test]
fn a_pool_may_end_before_the_threads_that_cached_its_objects() {
    let ledger = Arc::new(Ledger::new());
    let pool = PoolAllocator::new(PoolArena::new("first", 32 * MIB, ledger.clone()).unwrap());
    let (used, ended) = (Barrier::new(5), Barrier::new(5));
    thread::scope(|scope| {
        for _ in 0..4 {
            let mine = pool.clone();
            scope.spawn(|| {
                let mine = mine;
                drop((0..500).map(|_| obtain(&mine, 256).unwrap()).collect::<Vec<_>>());
                drop(mine);
                used.wait();
                ended.wait();
                // A pool in the old one's place in the table finds nothing of it.
                let next = PoolArena::capped("next", 32 * MIB).unwrap();
                assert_eq!(next.cached_bytes(), 0);
                let object = obtain(&next, 256).unwrap();
                assert!(next.contains(object.as_ptr()));
            });
        }
        used.wait();
        assert!(pool.cached_bytes() > 0);
        drop(pool);
        assert_eq!(ledger.held(), 0);
        ended.wait();
    });
}

#[test]
fn an_object_outlives_the_thread_and_the_handle_that_made_it() {
    let ledger = Arc::new(Ledger::new());
    let pool = PoolAllocator::new(PoolArena::new("moved", 32 * MIB, ledger.clone()).unwrap());
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for index in 0..1000u64 {
            sender.send(PoolBox::try_new_in([index; 8], pool.clone()).unwrap()).unwrap();
        }
    })
    .join()
    .unwrap();
    for (index, object) in receiver.iter().enumerate() {
        assert_eq!(*object, [index as u64; 8]);
    }
    assert_eq!(ledger.held(), 0);
}

#[test]
fn objects_that_are_freed_while_their_thread_ends_are_freed() {
    struct Last(PoolAllocator, Option<PoolVec<u8, PoolAllocator>>);
    impl Drop for Last {
        fn drop(&mut self) {
            self.1 = None;
            let mut late = PoolVec::new_in(self.0.clone());
            late.extend_from_slice(&[1u8; 300]);
        }
    }
    thread_local! {
        static LAST: std::cell::RefCell<Option<Last>> = const { std::cell::RefCell::new(None) };
    }
    let ledger = Arc::new(Ledger::new());
    let pool = PoolAllocator::new(PoolArena::new("late", 32 * MIB, ledger.clone()).unwrap());
    for early in [false, true] {
        let mine = pool.clone();
        thread::spawn(move || {
            // The order in which a thread's locals end follows the order of their first use: both are tried.
            if early {
                LAST.with_borrow_mut(|last| *last = Some(Last(mine.clone(), None)));
            }
            let mut object = PoolVec::new_in(mine.clone());
            object.extend_from_slice(&[7u8; 300]);
            LAST.with_borrow_mut(|last| *last = Some(Last(mine, Some(object))));
        })
        .join()
        .unwrap();
    }
    assert_eq!(pool.cached_bytes(), 0);
    drop(pool);
    assert_eq!(ledger.held(), 0);
}

#[test]
fn more_pools_than_places_work_without_caches() {
    let pools: Vec<_> = (0..140).map(|_| PoolArena::capped("many", 4 * MIB).unwrap()).collect();
    for pool in &pools {
        let objects: Vec<_> = (0..100).map(|_| obtain(pool, 48).unwrap()).collect();
        assert!(objects.iter().all(|object| pool.contains(object.as_ptr())));
    }
    assert!(pools.iter().any(|pool| pool.cached_bytes() == 0));
    assert!(pools.iter().any(|pool| pool.cached_bytes() > 0));
}
