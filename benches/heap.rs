//! What counting the general heap costs: malloc and free through the counting allocator against jemalloc alone, in
//! turns in one run.
//!
//! Not covered: several threads at once (a batch is handed over with two atomic additions for each 64 KiB), and the
//! cost of a scope of attribution as a share of real work; its price is printed.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    unsafe_code,
    reason = "a bench has a clock and talks; allocators are called directly, so that both are in one program"
)]

use std::alloc::{GlobalAlloc, Layout};
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use plimsoll_memory::arena::counting::CountingAlloc;
use plimsoll_memory::heap::{HeapOwner, attribute};

/// What counting may add to one malloc and free.
const LIMIT_NS: f64 = 2.0;

const SIZES: [usize; 6] = [16, 64, 1 << 10, 8 << 10, 64 << 10, 1 << 20];

static COUNTING: CountingAlloc = CountingAlloc::jemalloc();

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, 8).expect("a small power of two is a layout")
}

/// One malloc and free.
#[inline(never)]
fn pair(allocator: &impl GlobalAlloc, layout: Layout, runs: u32) {
    for _ in 0..runs {
        // SAFETY: the size is not 0; the block is freed once, with its layout, by the allocator it came from.
        unsafe {
            let block = black_box(allocator.alloc(black_box(layout)));
            allocator.dealloc(block, layout);
        }
    }
}

/// Many blocks at once: the counter leaves its batch.
#[inline(never)]
fn many(allocator: &impl GlobalAlloc, layout: Layout, blocks: &mut [*mut u8]) {
    // SAFETY: the size is not 0; each block is freed once, with its layout, by the allocator it came from.
    unsafe {
        for block in blocks.iter_mut() {
            *block = black_box(allocator.alloc(black_box(layout)));
        }
        for block in blocks.iter() {
            allocator.dealloc(*block, layout);
        }
    }
}

fn nanoseconds(runs: u32, work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1e9 / f64::from(runs)
}

/// The best and the median.
fn summary(mut times: Vec<f64>) -> (f64, f64) {
    times.sort_by(f64::total_cmp);
    (times[0], times[times.len() / 2])
}

/// Alternates the two, prints both and the difference.
fn compare(name: &str, runs: u32, mut plain: impl FnMut(), mut counting: impl FnMut()) {
    const ROUNDS: usize = 201;
    let (mut plain_ns, mut counting_ns) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        plain_ns.push(nanoseconds(runs, &mut plain));
        counting_ns.push(nanoseconds(runs, &mut counting));
    }
    let ((plain, plain_median), (counting, counting_median)) = (summary(plain_ns), summary(counting_ns));
    println!(
        "{name:<22} jemalloc best {plain:>8.2} ns, median {plain_median:>8.2};  counted best {counting:>8.2}, median \
         {counting_median:>8.2};  added {:>+6.2} best, {:>+6.2} median: {:>5.2} of the limit of +{LIMIT_NS} ns",
        counting - plain,
        counting_median - plain_median,
        (counting_median - plain_median) / LIMIT_NS,
    );
}

fn benches(c: &mut Criterion) {
    static OWNER: HeapOwner = HeapOwner::new("bench");
    let plain = COUNTING.below();
    for bytes in SIZES {
        let layout = layout(bytes);
        let runs = if bytes > 8 << 10 { 1000 } else { 10_000 };
        compare(
            &format!("pair {bytes} B"),
            runs,
            || pair(plain, layout, runs),
            || pair(&COUNTING, layout, runs),
        );
    }
    for bytes in SIZES.into_iter().filter(|bytes| *bytes <= 64 << 10) {
        let layout = layout(bytes);
        let mut blocks = vec![std::ptr::null_mut(); 1000];
        let mut others = blocks.clone();
        compare(
            &format!("1000 at once {bytes} B"),
            1000,
            || many(plain, layout, &mut blocks),
            || many(&COUNTING, layout, &mut others),
        );
    }
    let scopes: Vec<f64> = (0..101)
        .map(|_| {
            nanoseconds(1000, || {
                for _ in 0..1000 {
                    let scope = attribute(&OWNER);
                    // SAFETY: as in `pair`.
                    unsafe { COUNTING.dealloc(COUNTING.alloc(layout(64)), layout(64)) };
                    drop(scope);
                }
            })
        })
        .collect();
    println!("a scope of attribution with one pair inside: median {:.1} ns\n", summary(scopes).1);

    let mut group = c.benchmark_group("heap");
    group.measurement_time(Duration::from_secs(1)).warm_up_time(Duration::from_millis(200));
    for bytes in SIZES {
        let layout = layout(bytes);
        group.bench_function(format!("jemalloc/{bytes}"), |b| b.iter(|| pair(plain, layout, 1)));
        group.bench_function(format!("counted/{bytes}"), |b| b.iter(|| pair(&COUNTING, layout, 1)));
    }
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
