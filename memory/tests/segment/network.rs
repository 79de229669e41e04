//! Network buffers: minima, shares, waiting, closing.

use std::time::Duration;

use plimsoll_memory::segment::network::{LocalPoolSize, RequestError};
use plimsoll_memory::segment::{LocalBufferPool, NetworkBuffer, NetworkBufferPool};

use super::{after, owner};

const BUFFER: u64 = 4096;

fn pool_of(buffers: u64) -> NetworkBufferPool {
    let (_, owner) = owner(buffers * BUFFER);
    NetworkBufferPool::new(&owner, BUFFER, buffers * BUFFER).unwrap()
}

const fn size(required: u32, max: u32) -> LocalPoolSize {
    LocalPoolSize { required, max, overdraft_max: 0 }
}

fn take_all(pool: &LocalBufferPool) -> Vec<NetworkBuffer> {
    std::iter::from_fn(|| pool.request()).collect()
}

#[test]
fn all_bytes_are_charged_and_resident_from_the_start() {
    let (budget, owner) = owner(16 * BUFFER);
    let pool = NetworkBufferPool::new(&owner, BUFFER, 16 * BUFFER).unwrap();
    assert_eq!((pool.total(), budget.held_bytes()), (16, 16 * BUFFER));
    assert_eq!(pool.resident_bytes(), Some(16 * BUFFER));
    let local = pool.create_local("map → reduce", size(1, u32::MAX)).unwrap();
    let out = take_all(&local);
    assert_eq!(out.len(), 16);
    let complaint = pool.verify_empty().unwrap_err();
    assert_eq!(complaint.to_string(), "16 of 16 network buffers are not back: 16 of map → reduce");
    drop((local, pool));
    assert_eq!(budget.held_bytes(), 16 * BUFFER, "the buffers are still there");
    drop(out);
    budget.verify_empty().unwrap();
}

#[test]
fn minima_beyond_the_total_are_refused() {
    let pool = pool_of(10);
    let first = pool.create_local("first", size(7, 7)).unwrap();
    let refused = pool.create_local("second", size(4, 8)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "Insufficient number of network buffers: required 4, but only 3 available. The total number of network \
         buffers is currently set to 10 of 4096 bytes each. You can increase this number by setting the configuration \
         keys 'taskmanager.memory.network.fraction', 'taskmanager.memory.network.min', and \
         'taskmanager.memory.network.max'."
    );
    assert_eq!(
        pool.create_local("second", size(4, 3)).unwrap_err().to_string(),
        "Maximum number of memory segments (3) should not be smaller than minimum (4)."
    );
    assert_eq!(
        pool.create_local("second", size(0, 3)).unwrap_err().to_string(),
        "Required number of memory segments (0) should be larger than 0."
    );
    assert_eq!((first.size(), pool.required()), (7, 7));
    drop(first);
    assert_eq!(pool.create_local("second", size(4, 8)).unwrap().size(), 8);
}

#[test]
fn shares_follow_pools_that_come_and_go() {
    let pool = pool_of(10);
    let first = pool.create_local("first", size(2, u32::MAX)).unwrap();
    assert_eq!(first.size(), 10);
    let out = take_all(&first);
    let second = pool.create_local("second", size(2, u32::MAX)).unwrap();
    assert_eq!((first.size(), second.size()), (5, 5));
    // the first one's buffers are out: nothing is there yet
    assert!(second.request().is_none() && !second.is_available());
    let mut out = out.into_iter();
    out.by_ref().take(3).for_each(drop);
    assert_eq!(first.held(), 7);
    assert_eq!(take_all(&second).len(), 3);
    drop(out);
    assert_eq!((first.held(), second.held()), (5, 3));
    assert_eq!(take_all(&first).len(), 5);
    drop(second);
    assert_eq!(take_all(&first).len(), 10);
    assert_eq!(first.held(), 10);
    drop(first);
    pool.verify_empty().unwrap();
}

/// Buffers parked at home above a smaller share go to the others without anybody asking.
#[test]
fn parked_buffers_go_when_the_share_shrinks() {
    let pool = pool_of(8);
    let first = pool.create_local("first", size(1, u32::MAX)).unwrap();
    drop(take_all(&first));
    assert_eq!(first.held(), 8);
    let second = pool.create_local("second", size(5, 5)).unwrap();
    assert_eq!((first.size(), first.held()), (3, 3));
    assert_eq!(take_all(&second).len(), 5);
}

#[test]
fn overdraft_is_beyond_the_share_and_never_parked() {
    let pool = pool_of(4);
    let sizes = LocalPoolSize { required: 1, max: 2, overdraft_max: 1 };
    let local = pool.create_local("half a record", sizes).unwrap();
    let mut out = take_all(&local);
    assert_eq!(out.len(), 2);
    out.push(local.request_overdraft().unwrap());
    assert!(local.request_overdraft().is_none());
    assert_eq!(local.held(), 3);
    drop(out);
    assert_eq!((local.held(), local.size()), (2, 2));
}

#[test]
fn who_waits_gets_what_comes_back() {
    let pool = pool_of(2);
    let local = pool.create_local("one", size(2, 2)).unwrap();
    let out = take_all(&local);
    let soon = after(Duration::from_millis(20));
    assert_eq!(local.request_until(soon).unwrap_err(), RequestError::Timeout);
    assert_eq!(local.wait_available(soon).unwrap_err(), RequestError::Timeout);
    std::thread::scope(|scope| {
        let waiters: Vec<_> =
            (0..2).map(|_| scope.spawn(|| local.request_until(after(Duration::from_mins(1))))).collect();
        drop(out);
        let got: Vec<_> = waiters.into_iter().map(|waiter| waiter.join().unwrap().unwrap()).collect();
        assert_eq!(got.len(), 2);
    });
    local.wait_available(soon).unwrap();
}

/// Buffers of another pool, above its share, wake those who wait here.
#[test]
fn who_waits_gets_what_others_send() {
    let pool = pool_of(4);
    let first = pool.create_local("first", size(1, u32::MAX)).unwrap();
    let out = take_all(&first);
    let second = pool.create_local("second", size(3, 3)).unwrap();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| second.request_until(after(Duration::from_mins(1))));
        drop(out);
        waiter.join().unwrap().unwrap();
    });
    assert_eq!((first.size(), second.size()), (1, 3));
}

#[test]
fn closing_wakes_and_refuses() {
    let pool = pool_of(2);
    let local = pool.create_local("one", size(2, 2)).unwrap();
    let out = take_all(&local);
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| local.request_until(after(Duration::from_mins(1))));
        local.close();
        assert_eq!(waiter.join().unwrap().unwrap_err(), RequestError::Closed);
    });
    assert!(local.request().is_none() && !local.is_available());
    assert_eq!(pool.verify_empty().unwrap_err().to_string(), "2 of 2 network buffers are not back: 2 of one");
    let next = pool.create_local("next", size(2, 2)).unwrap();
    assert!(next.request().is_none());
    drop(out);
    pool.verify_empty().unwrap();
    assert_eq!(take_all(&next).len(), 2);
}

/// Threads request, recycle, wait; pools come, shrink and go. At the end every buffer is back and usable.
#[test]
fn threads_share_local_pools() {
    let pool = pool_of(12);
    let (sizes, hold) = ([size(1, u32::MAX), size(2, 6), size(3, u32::MAX)], Duration::from_mins(1));
    std::thread::scope(|scope| {
        for (id, size) in sizes.into_iter().enumerate() {
            let pool = &pool;
            scope.spawn(move || {
                for round in 0..60 {
                    let local = pool.create_local(&format!("{id}.{round}"), size).unwrap();
                    let mut out = Vec::new();
                    for turn in 0..40_usize {
                        let mut buffer = local.request_until(after(hold)).unwrap();
                        buffer[..8].copy_from_slice(&(id * 1000 + turn).to_le_bytes());
                        out.push(buffer);
                        // never wait while holding as much as is guaranteed
                        if out.len() >= size.required as usize {
                            std::thread::yield_now();
                            for (back, buffer) in out.drain(..).rev().enumerate() {
                                let written = (id * 1000 + turn - back).to_le_bytes();
                                assert_eq!(buffer[..8], written);
                            }
                        }
                    }
                    drop(local);
                }
            });
        }
    });
    pool.verify_empty().unwrap();
    let last = pool.create_local("last", size(12, 12)).unwrap();
    assert_eq!(take_all(&last).len(), 12);
}
