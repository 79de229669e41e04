//! Owners that ask each other.

use shuttle::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use shuttle::sync::{Arc, Mutex};
use shuttle::thread;

use crate::budget::{Owner, Pool, Reclaimer, Reservation, Stage};
use crate::explore;

/// A cache as a careful owner writes it: its lock is held while it reserves, and only tried while it gives.
struct Cache {
    owner: Arc<Owner>,
    entries: Mutex<Vec<Reservation>>,
    evicted: AtomicU64,
}

impl Cache {
    fn of(pool: &Pool, name: &str, stage: Stage) -> Arc<Self> {
        let owner = pool.owner(name).register().unwrap();
        let cache = Arc::new(Self { owner, entries: Mutex::new(Vec::new()), evicted: AtomicU64::new(0) });
        cache.owner.on_reclaim(stage, &cache);
        cache
    }

    /// Puts an entry in, or drops its own last one where there is no room.
    fn put(&self, bytes: u64) {
        let mut entries = self.entries.lock().unwrap();
        match self.owner.try_reserve_shared(bytes) {
            Ok(entry) => entries.push(entry),
            Err(_) => drop(entries.pop()),
        }
    }
}

impl Reclaimer for Cache {
    fn reclaim(&self, wanted_bytes: u64) -> u64 {
        let Ok(mut entries) = self.entries.try_lock() else { return 0 };
        let mut freed = 0;
        while freed < wanted_bytes
            && let Some(entry) = entries.pop()
        {
            freed += entry.bytes();
        }
        self.evicted.fetch_add(freed, SeqCst);
        freed
    }
}

#[test]
fn caches_that_ask_each_other_do_not_deadlock() {
    explore(|| {
        let pool = Pool::root("pool", 1000).unwrap();
        let caches =
            [Stage::Cache, Stage::Cache, Stage::Spill].map(|stage| Cache::of(&pool, stage.name(), stage));
        let threads = caches.each_ref().map(|cache| {
            let cache = Arc::clone(cache);
            thread::spawn(move || (0..3).for_each(|_| cache.put(400)))
        });
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(pool.held_bytes() <= 1000);
        drop(caches);
        assert_eq!(pool.usage().granted_bytes, 0);
    });
}

/// A reclaimer that itself wants bytes is answered at once; it cannot start another round.
struct Greedy {
    owner: Arc<Owner>,
    inside: AtomicBool,
    held: Mutex<Option<Reservation>>,
}

impl Reclaimer for Greedy {
    fn reclaim(&self, _: u64) -> u64 {
        assert!(!self.inside.swap(true, SeqCst), "a reclaimer at work was asked again");
        let freed = match self.owner.try_reserve(900) {
            Ok(_) => 0,
            Err(refusal) => {
                assert!(refusal.tried.inside_reclaimer && refusal.tried.asked.is_empty());
                self.held.try_lock().ok().and_then(|mut held| held.take()).map_or(0, |held| held.bytes())
            }
        };
        self.inside.store(false, SeqCst);
        freed
    }
}

#[test]
fn reclaimers_do_not_recurse() {
    explore(|| {
        let pool = Pool::root("pool", 1000).unwrap();
        let both = ["one", "two"].map(|name| {
            let owner = pool.owner(name).register().unwrap();
            let held = owner.try_reserve_shared(400).unwrap();
            let greedy =
                Arc::new(Greedy { owner, inside: AtomicBool::new(false), held: Mutex::new(Some(held)) });
            greedy.owner.on_reclaim(Stage::Spill, &greedy);
            greedy
        });
        let threads = ["three", "four"].map(|name| {
            let pool = pool.clone();
            thread::spawn(move || {
                let owner = pool.owner(name).register().unwrap();
                owner.try_reserve(300).map_or(0, |held| held.bytes())
            })
        });
        let got: u64 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert!(got > 0, "800 bytes could be had, and nobody got 300");
        drop(both);
        assert_eq!(pool.usage().granted_bytes, 0);
    });
}
