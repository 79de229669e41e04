//! One derivation, hot: alone, and with everything that a start-up call prints.
//!
//! Not covered: reading a file (see `cold.sh` for a whole process) and a first, cold derivation.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a bench has a clock and talks"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use plimsoll_memory::config::Configuration;
use plimsoll_memory::model::version::V1_20;
use plimsoll_memory::model::{Silent, jobmanager, taskmanager};

/// What one derivation may take.
const GOAL_NS: f64 = 1200.0;

/// Counts allocations: the derivation's cost is mostly theirs.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

#[expect(unsafe_code, reason = "an allocator is an unsafe trait; every call is handed on unchanged")]
// SAFETY: all methods are those of `System`, with the same arguments; the counter has no part in it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise is handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is handed on; the pointer came from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise is handed on; the pointer came from `System`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static GLOBAL: Counting = Counting;

fn configuration(pairs: &[(&str, &str)]) -> Configuration {
    let mut configuration = Configuration::new();
    for (key, value) in pairs {
        configuration.set(key, *value, None);
    }
    configuration
}

/// The size in Flink's own sample, and nothing else.
fn default() -> Configuration {
    configuration(&[("taskmanager.memory.process.size", "1728m")])
}

/// As in a cluster that somebody has tuned.
fn rich() -> Configuration {
    configuration(&[
        ("taskmanager.memory.process.size", "24g"),
        ("taskmanager.numberOfTaskSlots", "4"),
        ("taskmanager.cpu.cores", "3.5"),
        ("taskmanager.memory.managed.fraction", "0.55"),
        ("taskmanager.memory.network.fraction", "0.12"),
        ("taskmanager.memory.network.min", "512m"),
        ("taskmanager.memory.network.max", "3g"),
        ("taskmanager.memory.task.off-heap.size", "768m"),
        ("taskmanager.memory.framework.off-heap.size", "256m"),
        ("taskmanager.memory.framework.heap.size", "256m"),
        ("taskmanager.memory.jvm-metaspace.size", "512m"),
        ("taskmanager.memory.jvm-overhead.fraction", "0.15"),
        ("taskmanager.memory.jvm-overhead.max", "4g"),
        ("state.backend.type", "rocksdb"),
        ("env.java.opts.taskmanager", "-XX:+UseG1GC"),
        ("jobmanager.memory.process.size", "1600m"),
    ])
}

fn job_manager() -> Configuration {
    configuration(&[("jobmanager.memory.process.size", "1600m")])
}

/// Two sizes that leave the overhead outside its range.
fn refused() -> Configuration {
    configuration(&[("taskmanager.memory.process.size", "4g"), ("taskmanager.memory.flink.size", "3900m")])
}

fn derive_task_manager(configuration: &Configuration) {
    let _ = black_box(taskmanager::derive(black_box(configuration), &V1_20, None, &mut Silent));
}

fn derive_job_manager(configuration: &Configuration) {
    let _ = black_box(jobmanager::derive(black_box(configuration), &V1_20, None, &mut Silent));
}

fn print_task_manager(configuration: &Configuration, out: &mut String) {
    out.clear();
    let process = taskmanager::derive(black_box(configuration), &V1_20, None, &mut Silent).unwrap();
    process.push_jvm_args(out);
    process.push_dynamic_line(&V1_20, out);
    black_box(&*out);
}

fn print_job_manager(configuration: &Configuration, out: &mut String) {
    out.clear();
    let process = jobmanager::derive(black_box(configuration), &V1_20, None, &mut Silent).unwrap();
    process.push_jvm_args(out);
    out.push_str(&process.dynamic_line(&V1_20));
    black_box(&*out);
}

/// Prints the median of rounds and the allocations of one run; says how that compares with the goal, and judges
/// nothing.
fn summary(name: &str, mut run: impl FnMut()) {
    const ROUNDS: usize = 101;
    const RUNS: u32 = 1000;
    run();
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    run();
    let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
    let mut times: Vec<f64> = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..RUNS {
            run();
        }
        times.push(start.elapsed().as_secs_f64() * 1e9 / f64::from(RUNS));
    }
    times.sort_by(f64::total_cmp);
    let (best, median) = (times[0], times[ROUNDS / 2]);
    println!(
        "{name:<28} median {median:>7.0} ns  best {best:>7.0} ns  {:>5.2} of the goal of {GOAL_NS} ns  \
         allocations per derivation: {allocations}",
        median / GOAL_NS
    );
}

fn benches(c: &mut Criterion) {
    let (default, rich, job_manager, refused) = (default(), rich(), job_manager(), refused());
    assert!(taskmanager::derive(&refused, &V1_20, None, &mut Silent).is_err());
    let mut out = String::with_capacity(4096);

    summary("taskmanager 1728m", || derive_task_manager(&default));
    summary("taskmanager rich", || derive_task_manager(&rich));
    summary("jobmanager 1600m", || derive_job_manager(&job_manager));
    summary("taskmanager refused", || derive_task_manager(&refused));
    summary("taskmanager 1728m, printed", || print_task_manager(&default, &mut out));
    summary("taskmanager rich, printed", || print_task_manager(&rich, &mut out));
    summary("jobmanager 1600m, printed", || print_job_manager(&job_manager, &mut out));
    println!();

    let mut group = c.benchmark_group("derive");
    group.bench_function("taskmanager/1728m", |b| b.iter(|| derive_task_manager(&default)));
    group.bench_function("taskmanager/rich", |b| b.iter(|| derive_task_manager(&rich)));
    group.bench_function("jobmanager/1600m", |b| b.iter(|| derive_job_manager(&job_manager)));
    group.bench_function("taskmanager/refused", |b| b.iter(|| derive_task_manager(&refused)));
    group.finish();

    let mut group = c.benchmark_group("print");
    group.bench_function("taskmanager/1728m", |b| b.iter(|| print_task_manager(&default, &mut out)));
    group.bench_function("taskmanager/rich", |b| b.iter(|| print_task_manager(&rich, &mut out)));
    group.bench_function("jobmanager/1600m", |b| b.iter(|| print_job_manager(&job_manager, &mut out)));
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
