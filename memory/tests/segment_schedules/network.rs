//! Tasks request, wait and recycle while pools come, shrink and go.

use std::sync::Arc;
use std::time::{Duration, Instant};

use shuttle::thread;

use crate::segment::network::{LocalPoolSize, RequestError};
use crate::segment::{Access, LocalBufferPool, NetworkBuffer, NetworkBufferPool};
use crate::{explore, owner};

const fn size(required: u32, max: u32) -> LocalPoolSize {
    LocalPoolSize { required, max, overdraft_max: 1 }
}

fn pool_of(buffers: u64) -> (crate::budget::Pool, NetworkBufferPool) {
    let (budget, owner) = owner(buffers);
    let pool = NetworkBufferPool::new(&owner, 4096, buffers * 4096).unwrap();
    (budget, pool)
}

#[expect(clippy::disallowed_methods, reason = "a deadline is a moment of the clock")]
fn never() -> Instant {
    Instant::now() + Duration::from_hours(24)
}

fn stamp(buffer: &mut NetworkBuffer, id: u64) {
    buffer.put(0, id).unwrap();
    thread::yield_now();
    assert_eq!(buffer.get::<u64>(0), Ok(id));
}

/// All buffers are back and can be had.
fn all_back(pool: &NetworkBufferPool) {
    pool.verify_empty().unwrap();
    let all = pool.create_local("all", size(pool.total(), pool.total())).unwrap();
    let out: Vec<_> = std::iter::from_fn(|| all.request()).collect();
    assert_eq!(out.len(), pool.total() as usize);
}

/// Waits for a buffer as often as told, each time with none in hand, so that somebody can always go on.
fn run(local: &LocalBufferPool, id: u64, turns: u64) {
    for turn in 0..turns {
        let mut buffer = local.request_until(never()).unwrap();
        stamp(&mut buffer, id * 100 + turn);
    }
}

#[test]
fn who_waits_is_woken() {
    explore(|| {
        let (_budget, pool) = pool_of(1);
        let local = Arc::new(pool.create_local("one", size(1, 1)).unwrap());
        let waiters: Vec<_> = (0..3)
            .map(|id| {
                let local = Arc::clone(&local);
                thread::spawn(move || run(&local, id, 2))
            })
            .collect();
        for waiter in waiters {
            waiter.join().unwrap();
        }
        assert_eq!(local.held(), 1);
        drop(local);
        all_back(&pool);
    });
}

/// A pool takes everything; another comes, whose minimum must come back; shares never exceed the total.
#[test]
fn a_new_pool_gets_its_minimum() {
    explore(|| {
        let (_budget, pool) = pool_of(3);
        let pool = Arc::new(pool);
        let greedy = pool.create_local("greedy", size(1, u32::MAX)).unwrap();
        let mut out: Vec<_> = std::iter::from_fn(|| greedy.request()).collect();
        assert_eq!(out.len(), 3);
        let late: Vec<_> = (0..2)
            .map(|id| {
                let pool = Arc::clone(&pool);
                thread::spawn(move || {
                    let local = pool.create_local("late", size(1, 2)).unwrap();
                    run(&local, id, 2);
                })
            })
            .collect();
        for buffer in &mut out {
            stamp(buffer, 7);
        }
        drop(out);
        run(&greedy, 9, 2);
        for late in late {
            late.join().unwrap();
        }
        assert!(greedy.size() == 3 && greedy.held() <= 3);
        drop(greedy);
        all_back(&pool);
    });
}

#[test]
fn overdrafts_do_not_stay() {
    explore(|| {
        let (_budget, pool) = pool_of(3);
        let local = Arc::new(pool.create_local("one", size(1, 1)).unwrap());
        let tasks: Vec<_> = (0..2)
            .map(|id| {
                let local = Arc::clone(&local);
                thread::spawn(move || {
                    let first = local.request();
                    let mut second = local.request_overdraft();
                    if let Some(buffer) = &mut second {
                        stamp(buffer, id);
                    }
                    drop(first);
                })
            })
            .collect();
        for task in tasks {
            task.join().unwrap();
        }
        assert!(local.held() <= 1, "{} held", local.held());
        let other = pool.create_local("other", size(2, 2)).unwrap();
        let got: Vec<_> = std::iter::from_fn(|| other.request()).collect();
        assert_eq!(got.len(), 2, "nothing is stuck above the share");
        drop((got, other, local));
        all_back(&pool);
    });
}

#[test]
fn closing_wakes_and_returns() {
    explore(|| {
        let (budget, pool) = pool_of(2);
        let local = Arc::new(pool.create_local("one", size(1, 2)).unwrap());
        let out = local.request().unwrap();
        let waiters: Vec<_> = (0..2)
            .map(|id| {
                let local = Arc::clone(&local);
                thread::spawn(move || match local.request_until(never()) {
                    Ok(mut buffer) => stamp(&mut buffer, id),
                    Err(error) => assert_eq!(error, RequestError::Closed),
                })
            })
            .collect();
        let closer = Arc::clone(&local);
        let closer = thread::spawn(move || closer.close());
        drop(out);
        for waiter in waiters {
            waiter.join().unwrap();
        }
        closer.join().unwrap();
        assert_eq!(local.held(), 0);
        drop(local);
        all_back(&pool);
        drop(pool);
        budget.verify_empty().unwrap();
    });
}
