//! Reservations that wait. Time stands still, so one that is never woken is a deadlock.

use shuttle::sync::Arc;
use shuttle::thread;

use crate::budget::Pool;
use crate::{explore, sync};

#[test]
fn whoever_waits_is_woken() {
    explore(|| {
        let pool = Pool::root("pool", 1000).unwrap();
        let holder = pool.owner("holder").register().unwrap();
        let held = [600, 300].map(|bytes| holder.try_reserve_shared(bytes).unwrap());
        let waiting = [700, 200, 900].map(|bytes| {
            let owner = pool.owner(&format!("wants {bytes}")).register().unwrap();
            thread::spawn(move || owner.reserve(bytes, sync::now()).unwrap().bytes())
        });
        for reservation in held {
            thread::yield_now();
            drop(reservation);
        }
        let got = waiting.map(|thread| thread.join().unwrap());
        assert_eq!(got, [700, 200, 900]);
        drop(holder);
        assert_eq!(pool.usage().granted_bytes, 0);
    });
}

/// Small reservations go on beside a large one that waits, and end: the large one gets its turn.
#[test]
fn small_ones_do_not_starve_a_large_one() {
    explore(|| {
        let pool = Pool::root("pool", 1000).unwrap();
        let small = Arc::new(pool.clone());
        let threads: Vec<_> = (0..2)
            .map(|i| {
                let pool = Arc::clone(&small);
                thread::spawn(move || {
                    let owner = pool.owner(&format!("small {i}")).register().unwrap();
                    for _ in 0..3 {
                        drop(owner.reserve(300, sync::now()).unwrap());
                    }
                })
            })
            .collect();
        let owner = pool.owner("large").register().unwrap();
        assert_eq!(owner.reserve(1000, sync::now()).unwrap().bytes(), 1000);
        for thread in threads {
            thread.join().unwrap();
        }
        drop(owner);
        assert_eq!(pool.usage().granted_bytes, 0);
    });
}

/// What is given back is less than an owner may keep as credit; somebody waits for it all the same.
#[test]
fn nobody_keeps_credit_while_somebody_waits() {
    const LIMIT: u64 = 1 << 20;
    explore(|| {
        let pool = Pool::root("pool", LIMIT).unwrap();
        let holder = pool.owner("holder").register().unwrap();
        let held = holder.try_reserve_shared(LIMIT / 4096).unwrap();
        let owner = pool.owner("wants all").register().unwrap();
        let waiting = thread::spawn(move || owner.reserve(LIMIT, sync::now()).unwrap().bytes());
        drop(held);
        assert_eq!(waiting.join().unwrap(), LIMIT);
    });
}
