//! Threads take and give while the pool is dropped or trimmed.

use std::sync::Arc;

use shuttle::thread;

use crate::segment::{Access, Commit, MemorySegment, SegmentPool};
use crate::{explore, owner};

/// Writes, lets others run, and looks whether anybody else wrote.
fn stamp(segment: &mut MemorySegment, id: u64) {
    segment.put(0, id).unwrap();
    thread::yield_now();
    assert_eq!(segment.get::<u64>(0), Ok(id));
}

fn takers_beside(commit: Commit, beside: impl Fn(&SegmentPool)) {
    let (budget, owner) = owner(2);
    let pool = Arc::new(SegmentPool::new(&owner, 4096, 2 * 4096, commit).unwrap());
    let takers: Vec<_> = (0..2)
        .map(|id| {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                let mut last = None;
                for turn in 0..2 {
                    if let Some(mut segment) = pool.take() {
                        stamp(&mut segment, id * 100 + turn);
                        last = Some(segment);
                    }
                }
                // the pool's handle goes first, perhaps as the last one
                drop(pool);
                if let Some(segment) = &mut last {
                    stamp(segment, id * 100 + 50);
                }
            })
        })
        .collect();
    beside(&pool);
    drop(pool);
    for taker in takers {
        taker.join().unwrap();
    }
    budget.verify_empty().unwrap();
}

#[test]
fn a_pool_is_dropped_while_segments_come_back() {
    explore(|| takers_beside(Commit::AtStart, |_| {}));
}

#[test]
fn parked_segments_are_reclaimed_while_others_take() {
    explore(|| {
        takers_beside(Commit::Lazily, |pool| {
            pool.trim(4096);
            pool.trim(u64::MAX);
        });
    });
}
