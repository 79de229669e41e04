//! A reservation and its release: by one thread, and by two threads of one pool.
//!
//! Not covered: reclaim, waiting, refusals; they are as slow as what the reclaimers do.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a bench has a clock and talks"
)]

use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use plimsoll_memory::budget::{Owner, Pool};

/// What a pair may take, in nanoseconds: one thread, two threads on one pool.
const GOALS_NS: [f64; 2] = [10.0, 40.0];
const MIB: u64 = 1 << 20;

fn pool() -> Pool {
    Pool::root("managed", 1024 * MIB).unwrap()
}

/// As a task has it: below a slot, below an operator.
fn owner(pool: &Pool, name: &str) -> Arc<Owner> {
    let slot = pool.child(name, 512 * MIB).unwrap();
    slot.child("operator", 256 * MIB).unwrap().owner(name).register().unwrap()
}

#[inline]
fn pair(owner: &Owner, bytes: u64) {
    let held = owner.try_reserve(black_box(bytes)).unwrap();
    black_box(&held);
}

/// Wall time for so many pairs in each of several threads that start together.
fn together(owners: &[&Arc<Owner>], bytes: u64, pairs: u64) -> Duration {
    let start = Barrier::new(owners.len());
    let times = thread::scope(|scope| {
        let threads: Vec<_> = owners
            .iter()
            .map(|owner| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    let begin = Instant::now();
                    for _ in 0..pairs {
                        pair(owner, bytes);
                    }
                    begin.elapsed()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    times.into_iter().max().unwrap()
}

/// The median and the best of many rounds, against the goal; judges nothing.
fn summary(name: &str, goal_ns: f64, mut round: impl FnMut(u64) -> Duration) {
    const ROUNDS: usize = 41;
    const PAIRS: u64 = 100_000;
    round(PAIRS);
    let mut times: Vec<f64> = (0..ROUNDS).map(|_| round(PAIRS).as_secs_f64() * 1e9 / 1e5).collect();
    times.sort_by(f64::total_cmp);
    let (best, median) = (times[0], times[ROUNDS / 2]);
    println!(
        "{name:<44} median {median:>6.1} ns  best {best:>6.1} ns  {:>5.2} of the goal of {goal_ns} ns",
        median / goal_ns
    );
}

fn benches(c: &mut Criterion) {
    let pool = pool();
    let (one, two) = (owner(&pool, "one"), owner(&pool, "two"));
    // a reservation that stays, as in a task at work
    let _held = (one.try_reserve(MIB).unwrap(), two.try_reserve(MIB).unwrap());

    summary("one thread, 64 B", GOALS_NS[0], |pairs| together(&[&one], 64, pairs));
    summary("one thread, 4 KiB", GOALS_NS[0], |pairs| together(&[&one], 4096, pairs));
    summary("two threads, an owner each, 64 B", GOALS_NS[1], |pairs| together(&[&one, &two], 64, pairs));
    summary("two threads, the same owner, 64 B", GOALS_NS[1], |pairs| together(&[&one, &one], 64, pairs));
    summary("one thread, 1 MiB: past the credit", GOALS_NS[1], |pairs| together(&[&one], MIB, pairs));
    summary("two threads, an owner each, 1 MiB", GOALS_NS[1], |pairs| together(&[&one, &two], MIB, pairs));
    let mut grown = one.try_reserve_shared(1).unwrap();
    summary("one thread, grow and shrink by 64 B", GOALS_NS[0], |pairs| {
        let begin = Instant::now();
        for _ in 0..pairs {
            grown.try_grow(black_box(64)).unwrap();
            grown.shrink(black_box(64));
        }
        begin.elapsed()
    });
    println!();

    let mut group = c.benchmark_group("reserve");
    group.bench_function("one thread/64 B", |b| b.iter(|| pair(&one, 64)));
    group.bench_function("one thread/shared", |b| b.iter(|| drop(one.try_reserve_shared(64).unwrap())));
    group.bench_function("two threads/64 B", |b| b.iter_custom(|pairs| together(&[&one, &two], 64, pairs)));
    group.bench_function("two threads/one owner", |b| {
        b.iter_custom(|pairs| together(&[&one, &one], 64, pairs));
    });
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
