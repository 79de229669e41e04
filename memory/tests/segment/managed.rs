//! Managed memory: pages, bytes, shared resources; the resident bytes beside those that others reserve.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier};

use plimsoll_memory::budget::{Owner, Pool, Reservation};
use plimsoll_memory::segment::managed::{Released, SharedError};
use plimsoll_memory::segment::{ManagedMemory, Page};

const PAGE: u64 = 4096;

fn managed(pages: u64, cached: u32) -> (Pool, ManagedMemory) {
    let pool = Pool::root("managed", pages * PAGE + 100).unwrap();
    let managed = ManagedMemory::new(&pool, PAGE, cached).unwrap();
    (pool, managed)
}

fn owner(pool: &Pool, name: &str) -> Arc<Owner> {
    pool.owner(name).register().unwrap()
}

fn fill(pages: &mut [Page]) {
    for page in pages {
        page.fill(0x5a);
    }
}

#[test]
fn all_pages_or_none() {
    let (pool, managed) = managed(10, 0);
    let (sort, join) = (owner(&pool, "sort"), owner(&pool, "join"));
    assert_eq!((managed.pages_max(), managed.page_bytes()), (10, PAGE));
    let six = managed.allocate_pages(&sort, 6).unwrap();
    assert_eq!((six.len(), sort.held_bytes()), (6, 6 * PAGE));
    let refusal = managed.allocate_pages(&join, 5).unwrap_err();
    assert_eq!((refusal.missing_bytes, join.held_bytes()), (PAGE - 100, 0));
    assert!(managed.allocate_pages(&join, 11).is_err());
    assert!(managed.allocate_pages(&join, u32::MAX).is_err());
    assert_eq!(managed.allocate_pages(&join, 4).unwrap().len(), 4);
    drop(six);
    assert_eq!(managed.allocate_pages(&join, 10).unwrap().len(), 10);
    assert!(managed.allocate_pages(&join, 0).unwrap().is_empty());
    managed.verify_empty().unwrap();
    pool.verify_empty().unwrap();
}

/// The point of it all: freed pages, whose bytes others get, are not resident beside the others' bytes.
#[test]
fn resident_and_reserved_bytes_stay_within_the_limit() {
    let (pool, managed) = managed(256, 64);
    let (sort, rocksdb) = (owner(&pool, "sort"), owner(&pool, "rocksdb"));
    let limit = pool.limit_bytes();
    let mut pages = managed.allocate_pages(&sort, 256).unwrap();
    fill(&mut pages);
    assert_eq!(managed.resident_bytes(), Some(256 * PAGE));
    let mut reserved = Vec::new();
    while !pages.is_empty() {
        pages.truncate(pages.len().saturating_sub(7));
        while let Ok(more) = rocksdb.try_reserve_shared(3 * PAGE) {
            reserved.push(more);
            let others: u64 = reserved.iter().map(Reservation::bytes).sum();
            let resident = managed.resident_bytes().unwrap();
            assert!(resident + others <= limit, "{resident} resident and {others} reserved of {limit}");
            assert!(resident <= managed.committed_bytes());
        }
    }
    // the attempt that was refused had asked for the last cached page as well
    assert_eq!((managed.resident_bytes(), managed.committed_bytes()), (Some(0), 0));
    assert_eq!(reserved.len(), 85);
    drop(reserved);
    let mut pages = managed.allocate_pages(&sort, 256).unwrap();
    fill(&mut pages);
    drop(pages);
    assert_eq!(managed.resident_bytes(), Some(64 * PAGE), "the cache's bound");
    drop(managed);
    pool.verify_empty().unwrap();
}

#[test]
fn cached_pages_serve_the_next_request_and_are_nobodys() {
    let (pool, managed) = managed(8, 8);
    let (sort, join) = (owner(&pool, "sort"), owner(&pool, "join"));
    let mut pages = managed.allocate_pages(&sort, 8).unwrap();
    fill(&mut pages);
    drop(pages);
    assert_eq!((sort.held_bytes(), pool.held_bytes()), (0, 8 * PAGE));
    managed.verify_empty().unwrap();
    let again = managed.allocate_pages(&join, 5).unwrap();
    assert!(again.iter().all(|page| page[0] == 0x5a), "from the cache");
    assert_eq!((join.held_bytes(), managed.committed_bytes()), (5 * PAGE, 8 * PAGE));
    drop(again);
    let held = sort.try_reserve(pool.limit_bytes()).unwrap();
    assert_eq!((managed.committed_bytes(), managed.resident_bytes()), (0, Some(0)));
    drop(held);
}

#[test]
fn what_a_task_leaves_behind_is_released_and_named() {
    let (pool, managed) = managed(8, 2);
    let sort = owner(&pool, "sort");
    managed.reserve(&sort, 5000).unwrap();
    managed.reserve(&sort, 1000).unwrap();
    assert_eq!(managed.release(&sort, 500), 500);
    assert!(managed.reserve(&sort, pool.limit_bytes()).is_err());
    let leaked = managed.allocate_pages(&sort, 2).unwrap();
    let lease = managed.shared("block cache", 10, |_| Ok::<_, String>(())).unwrap();
    assert_eq!(
        managed.verify_empty().unwrap_err().to_string(),
        "managed memory of managed is not empty: sort holds 2 pages and 5500 reserved bytes; somebody leases the \
         shared block cache"
    );
    assert_eq!(managed.release_all(&sort), Released { reserved_bytes: 5500, pages_out: 2 });
    assert_eq!(sort.held_bytes(), 2 * PAGE);
    drop(lease);
    assert_eq!(
        managed.verify_empty().unwrap_err().to_string(),
        "managed memory of managed is not empty: sort holds 2 pages and 0 reserved bytes"
    );
    drop(leaked);
    assert_eq!(managed.release_all(&sort), Released { reserved_bytes: 0, pages_out: 0 });
    assert_eq!(managed.release(&sort, 1), 0);
    managed.verify_empty().unwrap();
}

#[test]
fn a_shared_resource_is_made_once_and_ended_once() {
    struct Cache<'a>(&'a AtomicU32);
    impl Drop for Cache<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    static MADE: AtomicU32 = AtomicU32::new(0);
    static ENDED: AtomicU32 = AtomicU32::new(0);
    let (pool, managed) = managed(8, 0);
    for round in 1..50 {
        let barrier = Barrier::new(4);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    barrier.wait();
                    let init = |owner: &Arc<Owner>| {
                        assert_eq!((owner.name(), owner.held_bytes()), ("cache", 6 * PAGE));
                        std::thread::yield_now();
                        MADE.fetch_add(1, Ordering::SeqCst);
                        Ok::<_, String>(Cache(&ENDED))
                    };
                    // six of eight pages: two at once would be refused
                    let lease = managed.shared("cache", 6 * PAGE, init).unwrap();
                    barrier.wait();
                    drop(lease);
                });
            }
        });
        assert_eq!((MADE.load(Ordering::SeqCst), ENDED.load(Ordering::SeqCst)), (round, round));
    }
    managed.verify_empty().unwrap();
    pool.verify_empty().unwrap();
}

#[test]
fn a_failing_init_leaves_nothing_behind() {
    let (pool, managed) = managed(8, 0);
    let error = managed.shared::<(), _, _>("cache", PAGE, |_| Err("no disk")).unwrap_err();
    assert!(matches!(error, SharedError::Init("no disk")));
    let refused = managed.shared("cache", 9 * PAGE, |_| Ok::<_, String>(())).unwrap_err();
    assert!(matches!(refused, SharedError::Refused(_)), "{refused}");
    let panicked = std::panic::catch_unwind(|| {
        let init = |_: &Arc<Owner>| -> Result<(), String> { panic!("on purpose") };
        managed.shared("cache", PAGE, init)
    });
    assert!(panicked.is_err());
    managed.verify_empty().unwrap();
    pool.verify_empty().unwrap();
    let inner = Cell::new(String::new());
    let lease = managed.shared("cache", PAGE, |_| {
        let again = managed.shared("cache", PAGE, |_| Ok::<_, String>(0_u8));
        inner.set(again.unwrap_err().to_string());
        Ok::<_, String>(7_u32)
    });
    assert_eq!(inner.take(), "the shared cache asks for itself while it is made or ended");
    let wrong = managed.shared("cache", PAGE, |_| Ok::<_, String>(String::new())).unwrap_err();
    assert_eq!(
        wrong.to_string(),
        "the shared cache is no alloc::string::String; two users mean different things by one key"
    );
    let lease = lease.unwrap();
    assert_eq!(*managed.shared("cache", 0, |_| Err::<u32, _>("not asked")).unwrap(), 7);
    assert_eq!((*lease, pool.held_bytes()), (7, PAGE));
    drop(lease);
    pool.verify_empty().unwrap();
}

#[test]
fn a_pool_smaller_than_a_page_is_refused() {
    let pool = Pool::root("managed", PAGE - 1).unwrap();
    assert_eq!(
        ManagedMemory::new(&pool, PAGE, 0).unwrap_err().to_string(),
        "4095 bytes do not hold one segment of 4096 bytes; give the pool more memory or set a smaller \
         taskmanager.memory.segment-size"
    );
}
