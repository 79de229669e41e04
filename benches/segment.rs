//! Taking and giving a segment beside the bare queue that the simplest pool would be: in turns, in the same run, alone
//! and against another thread.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench measures time, prints, and may stop at the first surprise"
)]

use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use crossbeam::queue::ArrayQueue;
use plimsoll_memory::budget::Pool;
use plimsoll_memory::segment::network::LocalPoolSize;
use plimsoll_memory::segment::{Commit, LocalBufferPool, NetworkBufferPool, SEGMENT_BYTES, SegmentPool};

const SEGMENTS: u64 = 64;
/// Of the bare queue's time, at most.
const GOAL: f64 = 1.2;
const ROUNDS: usize = 61;
const PAIRS: u32 = 20_000;

fn pair_of_queue(queue: &ArrayQueue<usize>) {
    let taken = queue.pop().unwrap();
    queue.push(black_box(taken)).unwrap();
}

fn pair_of_pool(pool: &SegmentPool) {
    drop(black_box(pool.take().unwrap()));
}

fn pair_of_network(local: &LocalBufferPool) {
    drop(black_box(local.request().unwrap()));
}

/// Nanoseconds a pair, of one thread.
fn time(pair: &impl Fn()) -> f64 {
    let start = Instant::now();
    for _ in 0..PAIRS {
        pair();
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(PAIRS)
}

/// The same while a second thread does nothing else. `None`: it did not run at the same time, as on a busy machine, so
/// that nothing was fought for.
fn time_beside(pair: &(impl Fn() + Sync)) -> Option<f64> {
    let (barrier, done, others) = (Barrier::new(2), AtomicBool::new(false), AtomicU32::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            barrier.wait();
            while !done.load(Ordering::Relaxed) {
                (0..64).for_each(|_| pair());
                others.fetch_add(64, Ordering::Relaxed);
            }
        });
        barrier.wait();
        (0..PAIRS / 10).for_each(|_| pair());
        let before = others.load(Ordering::Relaxed);
        let taken = time(pair);
        let others = others.load(Ordering::Relaxed) - before;
        done.store(true, Ordering::Relaxed);
        (PAIRS / 20..PAIRS * 20).contains(&others).then_some(taken)
    })
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Measures both in turns and prints the medians and the ratio.
fn compare(name: &str, threads: usize, bare: &(impl Fn() + Sync), ours: &(impl Fn() + Sync)) {
    let (mut bare_times, mut our_times) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS * threads * threads {
        if threads == 1 {
            bare_times.push(time(bare));
            our_times.push(time(ours));
        } else {
            bare_times.extend(time_beside(bare));
            our_times.extend(time_beside(ours));
        }
    }
    let rounds = bare_times.len().min(our_times.len());
    if rounds == 0 {
        return println!("{name:<28} {threads} thread(s)  not measured: they never ran at the same time");
    }
    let (bare, ours) = (median(bare_times), median(our_times));
    println!(
        "{name:<28} {threads} thread(s)  bare queue {bare:>6.1} ns  ours {ours:>6.1} ns  ratio {:>5.2}  limit {GOAL}  \
         ({rounds} rounds)",
        ours / bare
    );
}

fn benches(c: &mut Criterion) {
    let budget = Pool::root("segments", 3 * SEGMENTS * SEGMENT_BYTES).unwrap();
    let owner = budget.owner("bench").register().unwrap();
    let total = SEGMENTS * SEGMENT_BYTES;
    let queue = ArrayQueue::new(usize::try_from(SEGMENTS).unwrap());
    (0..queue.capacity()).for_each(|number| queue.push(number).unwrap());
    let at_start = SegmentPool::new(&owner, SEGMENT_BYTES, total, Commit::AtStart).unwrap();
    let lazily = SegmentPool::new(&owner, SEGMENT_BYTES, total, Commit::Lazily).unwrap();
    let network = NetworkBufferPool::new(&owner, SEGMENT_BYTES, total).unwrap();
    let size = LocalPoolSize { required: 1, max: u32::MAX, overdraft_max: 0 };
    let local = network.create_local("bench", size).unwrap();

    for threads in [1, 2] {
        let bare = || pair_of_queue(&queue);
        compare("segment take+give, at start", threads, &bare, &|| pair_of_pool(&at_start));
        compare("segment take+give, lazily", threads, &bare, &|| pair_of_pool(&lazily));
        compare("buffer request+recycle", threads, &bare, &|| pair_of_network(&local));
    }
    println!();

    let mut group = c.benchmark_group("segment");
    group.bench_function("bare queue", |b| b.iter(|| pair_of_queue(&queue)));
    group.bench_function("take+give", |b| b.iter(|| pair_of_pool(&at_start)));
    group.bench_function("request+recycle", |b| b.iter(|| pair_of_network(&local)));
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
