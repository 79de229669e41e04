//! Reserving and giving back, from several threads.

use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::Arc;
use shuttle::sync::atomic::{AtomicU64, Ordering::SeqCst};
use shuttle::thread;

use crate::budget::{Owner, Pool};
use crate::explore;

const LIMIT: u64 = 4096;

/// What the test itself counts: it may never be above the limit.
struct Witness {
    held: AtomicU64,
    limit: u64,
}

impl Witness {
    fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self { held: AtomicU64::new(0), limit })
    }

    fn took(&self, bytes: u64) {
        let held = self.held.fetch_add(bytes, SeqCst) + bytes;
        assert!(held <= self.limit, "{held} bytes are out, {} are the limit", self.limit);
    }

    fn gives(&self, bytes: u64) {
        self.held.fetch_sub(bytes, SeqCst);
    }
}

fn churn(owner: &Arc<Owner>, witness: &Witness, largest: u64) {
    let mut held = Vec::new();
    for _ in 0..4 {
        let bytes = thread_rng().gen_range(1..=largest);
        match owner.try_reserve_shared(bytes) {
            Ok(reservation) => {
                witness.took(bytes);
                held.push(reservation);
            }
            Err(refusal) => assert_eq!(refusal.asked_bytes, bytes),
        }
        if thread_rng().gen_bool(0.5)
            && let Some(reservation) = held.pop()
        {
            witness.gives(reservation.bytes());
            drop(reservation);
        }
    }
    for reservation in held {
        witness.gives(reservation.bytes());
    }
}

/// Everything is given back to the last byte.
fn assert_empty(pool: &Pool) {
    pool.verify_empty().unwrap();
    assert_eq!(pool.over_releases(), 0);
}

#[test]
fn owners_of_one_pool_never_hold_more_than_it_has() {
    explore(|| {
        let pool = Pool::root("pool", LIMIT).unwrap();
        let witness = Witness::new(LIMIT);
        let threads: Vec<_> = (0..3)
            .map(|i| {
                let owner = pool.owner(&format!("owner {i}")).register().unwrap();
                let witness = Arc::clone(&witness);
                thread::spawn(move || churn(&owner, &witness, LIMIT / 2))
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_empty(&pool);
        assert_eq!(pool.usage().granted_bytes, 0);
    });
}

#[test]
fn threads_of_one_owner_never_hold_more_than_it_may() {
    explore(|| {
        let pool = Pool::root("pool", LIMIT).unwrap();
        let witness = Witness::new(LIMIT);
        let owner = pool.owner("shared").guaranteed(100).register().unwrap();
        // its appetite makes the ledger withdraw the credit of the first
        let other = pool.owner("other").register().unwrap();
        let threads: Vec<_> = [Arc::clone(&owner), Arc::clone(&owner), other]
            .into_iter()
            .map(|owner| {
                let witness = Arc::clone(&witness);
                thread::spawn(move || churn(&owner, &witness, LIMIT))
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_empty(&pool);
        drop(owner);
        assert_eq!(pool.usage().granted_bytes, 0);
    });
}

#[test]
fn levels_hold_each_for_itself() {
    explore(|| {
        let pool = Pool::root("pool", LIMIT).unwrap();
        let threads: Vec<_> = (0..3)
            .map(|i| {
                let limit = LIMIT / 2;
                let slot = pool.child(&format!("slot {i}"), limit).unwrap();
                thread::spawn(move || {
                    let owner = slot.owner("task").register().unwrap();
                    churn(&owner, &Witness { held: AtomicU64::new(0), limit }, limit);
                    drop(owner);
                    assert_eq!(slot.usage().granted_bytes, 0);
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(pool.peak_bytes() <= LIMIT);
        assert_eq!(pool.usage().granted_bytes, 0);
    });
}

#[test]
fn moved_bytes_are_never_free() {
    explore(|| {
        let pool = Pool::root("pool", LIMIT).unwrap();
        let from = pool.owner("from").register().unwrap();
        let to = pool.owner("to").register().unwrap();
        let thief = pool.owner("thief").register().unwrap();
        let mut all = from.try_reserve_shared(LIMIT).unwrap();
        let stealing = thread::spawn(move || {
            for bytes in [1, LIMIT / 4, LIMIT] {
                assert!(thief.try_reserve(bytes).is_err(), "bytes on the move were free");
            }
        });
        let piece = all.split(LIMIT / 4);
        let piece = piece.move_to(Arc::clone(&to)).map_err(|(_, refusal)| refusal).unwrap();
        let all = all.move_to(Arc::clone(&to)).map_err(|(_, refusal)| refusal).unwrap();
        stealing.join().unwrap();
        assert_eq!((from.held_bytes(), to.held_bytes()), (0, LIMIT));
        drop((piece, all));
        assert_empty(&pool);
    });
}
