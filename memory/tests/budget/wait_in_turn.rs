//! Reservations with a deadline.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use plimsoll_memory::budget::Pool;

use crate::MIB;

#[expect(clippy::disallowed_methods, reason = "deadlines are moments of the clock")]
fn within(millis: u64) -> Instant {
    Instant::now() + Duration::from_millis(millis)
}

#[test]
fn a_deadline_that_passes_is_a_refusal() {
    let pool = Pool::root("pool", 10 * MIB).unwrap();
    let (one, two) = (pool.owner("one").register().unwrap(), pool.owner("two").register().unwrap());
    let held = one.try_reserve(8 * MIB).unwrap();
    let refusal = two.reserve(4 * MIB, within(30)).unwrap_err();
    assert!(refusal.tried.waited_ms.is_some_and(|waited| waited >= 29), "{refusal}");
    assert_eq!(one.take_wanted_bytes(), 2 * MIB, "the holder was not told what is wanted");
    assert_eq!(one.take_wanted_bytes(), 0);
    // nobody waits any more: the next one is not in anybody's way
    assert!(two.try_reserve(2 * MIB).is_ok());
    drop(held);
}

#[test]
fn what_can_never_be_is_refused_at_once() {
    let pool = Pool::root("pool", 10 * MIB).unwrap();
    let slot = pool.child("slot 0", 5 * MIB).unwrap();
    let owner = slot.owner("owner").register().unwrap();
    let refusal = owner.reserve(6 * MIB, within(3_600_000)).unwrap_err();
    assert_eq!(refusal.tried.waited_ms, None);
}

#[test]
fn those_who_wait_are_served_in_order() {
    let pool = Pool::root("pool", 10 * MIB).unwrap();
    let holder = pool.owner("holder").register().unwrap();
    let mut held = holder.try_reserve(10 * MIB).unwrap();
    let (done, served) = mpsc::channel();
    let waiting: Vec<_> = (0..3)
        .map(|i| {
            let owner = pool.owner(&format!("waiter {i}")).register().unwrap();
            let done = done.clone();
            let thread = thread::spawn(move || {
                let got = owner.reserve(4 * MIB, within(20_000)).unwrap();
                done.send(i).unwrap();
                got.bytes()
            });
            // it is in the queue before the next one comes
            while !pool_waits_for(&pool, (i + 1) * 4 * MIB) {
                thread::yield_now();
            }
            thread
        })
        .collect();
    // each gives back at once, so whoever was served first makes room for the next
    held.shrink(4 * MIB);
    for thread in waiting {
        assert_eq!(thread.join().unwrap(), 4 * MIB);
    }
    assert_eq!(served.try_iter().collect::<Vec<_>>(), [0, 1, 2]);
}

fn pool_waits_for(pool: &Pool, bytes: u64) -> bool {
    let asking = pool.owner("probe").register().unwrap();
    asking.refusal(0).waiting_bytes == bytes
}

/// Others may take what fits while a large one waits, but not for ever.
#[test]
fn the_first_in_the_queue_is_overtaken_a_number_of_times() {
    let pool = Pool::root("pool", 10 * MIB).unwrap();
    let holder = pool.owner("holder").register().unwrap();
    let held = holder.try_reserve(5 * MIB).unwrap();
    let large = pool.owner("large").register().unwrap();
    let thread = thread::spawn(move || large.reserve(8 * MIB, within(20_000)).map(|got| got.bytes()));
    while !pool_waits_for(&pool, 8 * MIB) {
        thread::yield_now();
    }
    let small = pool.owner("small").register().unwrap();
    let passed = (0..200).take_while(|_| small.try_reserve(4 * MIB).is_ok()).count();
    assert_eq!(passed, 64);
    drop(held);
    assert_eq!(thread.join().unwrap().unwrap(), 8 * MIB);
    assert!(Arc::strong_count(&small) == 1 && small.try_reserve(4 * MIB).is_ok());
}

/// The first gives up; whoever it was holding back is told, and does not wait for its own deadline.
#[test]
fn the_next_is_woken_when_the_first_gives_up() {
    let pool = Pool::root("pool", 10 * MIB).unwrap();
    let holder = pool.owner("holder").register().unwrap();
    let held = holder.try_reserve(5 * MIB).unwrap();
    let large = pool.owner("large").register().unwrap();
    let asking = Arc::clone(&large);
    let first = thread::spawn(move || asking.reserve(8 * MIB, within(300)).is_ok());
    while !pool_waits_for(&pool, 8 * MIB) {
        thread::yield_now();
    }
    let small = pool.owner("small").register().unwrap();
    while small.try_reserve(4 * MIB).is_ok() {}
    // nothing passes the first any more, so this one waits behind it, far longer than the first does
    let got = small.reserve(4 * MIB, within(600_000)).map(|got| got.bytes());
    assert_eq!(got.unwrap(), 4 * MIB);
    assert!(!first.join().unwrap());
    // an owner that leaves wakes others too: this one stays until here
    drop((large, held));
}

/// Bytes that move to another level make room at the one they leave: whoever waits there is told.
#[test]
fn a_move_wakes_those_who_wait_where_it_came_from() {
    let pool = Pool::root("pool", 10 * MIB).unwrap();
    let (left, right) = (pool.child("left", 6 * MIB).unwrap(), pool.child("right", 6 * MIB).unwrap());
    let holder = left.owner("holder").register().unwrap();
    let held = holder.try_reserve(5 * MIB).unwrap();
    let receiver = right.owner("receiver").register().unwrap();
    let waiter = left.owner("waiter").register().unwrap();
    let asking = Arc::clone(&waiter);
    let thread = thread::spawn(move || asking.reserve(4 * MIB, within(600_000)).map(|got| got.bytes()));
    while pool.usage().waiting_bytes != 4 * MIB {
        thread::yield_now();
    }
    let moved = held.move_to(&*receiver).map_err(|(_, refusal)| refusal).unwrap();
    assert_eq!(thread.join().unwrap().unwrap(), 4 * MIB);
    // an owner that leaves wakes others too: these stay until here
    drop((moved, waiter));
}

/// Unused credit is taken back before a move is refused, as before any other refusal.
#[test]
fn a_move_takes_unused_credit_back() {
    let pool = Pool::root("pool", 10 * MIB).unwrap();
    let (left, right) = (pool.child("left", 6 * MIB).unwrap(), pool.child("right", 64 << 10).unwrap());
    let idle = right.owner("idle").register().unwrap();
    drop(idle.try_reserve(1).unwrap());
    assert!(right.available_bytes() < 64 << 10, "no credit was kept: this test shows nothing");
    let giver = left.owner("giver").register().unwrap();
    let receiver = right.owner("receiver").register().unwrap();
    let held = giver.try_reserve(64 << 10).unwrap();
    let moved = held.move_to(&*receiver).map_err(|(_, refusal)| refusal).unwrap();
    assert_eq!((moved.bytes(), right.available_bytes()), (64 << 10, 0));
}
