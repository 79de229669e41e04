//! Objects of a capped pool beside jemalloc's own default arena: malloc and free, in pairs and in batches.
//!
//! Both sides take turns in the same run, so that a busy machine slows both; the least of many rounds counts.
//! Not covered: pools at their cap (see `memory/tests/arena/`), several threads on one pool.

#![expect(unsafe_code, reason = "allocators are compared by their raw calls")]
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a bench has a clock and talks"
)]

use std::alloc::Layout;
use std::hint::black_box;
use std::ptr::NonNull;
use std::time::Instant;

use allocator_api2::alloc::Allocator;
use criterion::{Criterion, criterion_group, criterion_main};
use plimsoll_memory::arena::{PoolAllocator, PoolArena};
use tikv_jemalloc_sys as sys;

/// How much slower a pool may be than the default arena, for pairs of 64 bytes.
const LIMIT: f64 = 1.5;
const ROUNDS: usize = 40;
const SIZES: [usize; 6] = [64, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 1 << 20];

fn pool() -> PoolAllocator {
    PoolAllocator::new(PoolArena::capped("bench", 2 << 30).unwrap())
}

/// One side of the comparison.
trait Side {
    fn get(&self, layout: Layout) -> NonNull<u8>;
    fn put(&self, object: NonNull<u8>, layout: Layout);
}

struct Default;

impl Side for Default {
    #[inline]
    fn get(&self, layout: Layout) -> NonNull<u8> {
        // SAFETY: the size is not 0.
        NonNull::new(unsafe { sys::malloc(layout.size()) }).unwrap().cast()
    }

    #[inline]
    fn put(&self, object: NonNull<u8>, layout: Layout) {
        // SAFETY: from `get` with this size, and freed once.
        unsafe { sys::sdallocx(object.as_ptr().cast(), layout.size(), 0) };
    }
}

impl Side for PoolAllocator {
    #[inline]
    fn get(&self, layout: Layout) -> NonNull<u8> {
        self.allocate(layout).unwrap().cast()
    }

    #[inline]
    fn put(&self, object: NonNull<u8>, layout: Layout) {
        // SAFETY: from `get` with this layout, and freed once.
        unsafe { self.deallocate(object, layout) };
    }
}

/// Allocated and freed at once, `count` times.
fn pairs(side: &impl Side, layout: Layout, count: usize) {
    for _ in 0..count {
        let object = side.get(black_box(layout));
        side.put(black_box(object), black_box(layout));
    }
}

/// Allocated until `held` is full, then all freed; as often as makes `count` pairs.
fn batches(side: &impl Side, layout: Layout, count: usize, held: &mut Vec<NonNull<u8>>) {
    for _ in 0..count / held.capacity() {
        for _ in 0..held.capacity() {
            held.push(side.get(black_box(layout)));
        }
        for object in held.drain(..) {
            side.put(object, black_box(layout));
        }
    }
}

fn nanoseconds(count: usize, act: impl FnOnce()) -> f64 {
    let start = Instant::now();
    act();
    start.elapsed().as_secs_f64() * 1e9 / f64::from(u32::try_from(count).unwrap())
}

/// The least time of each side, taking turns.
fn turns(mut a: impl FnMut() -> f64, mut b: impl FnMut() -> f64) -> (f64, f64) {
    (0..ROUNDS).fold((f64::MAX, f64::MAX), |(least_a, least_b), _| (least_a.min(a()), least_b.min(b())))
}

fn compare(_: &mut Criterion) {
    let pool = pool();
    println!("ns a pair of malloc and free     default      pool     ratio");
    for size in SIZES {
        let layout = Layout::from_size_align(size, 8).unwrap();
        let count = (64 << 20) / (size + 640);
        let (default, capped) = turns(
            || nanoseconds(count, || pairs(&Default, layout, count)),
            || nanoseconds(count, || pairs(&pool, layout, count)),
        );
        let goal = if size == 64 { format!(" (limit {LIMIT})") } else { String::new() };
        println!(
            "{size:>8} B, at once          {default:>10.1} {capped:>10.1} {:>8.2}{goal}",
            capped / default
        );
        let lengths = [100, 1000, 10_000];
        for length in lengths.into_iter().filter(|length| length * size <= 128 << 20) {
            let count = (count / 4).next_multiple_of(length);
            let (mut held, mut other) = (Vec::with_capacity(length), Vec::with_capacity(length));
            let (default, capped) = turns(
                || nanoseconds(count, || batches(&Default, layout, count, &mut held)),
                || nanoseconds(count, || batches(&pool, layout, count, &mut other)),
            );
            let title = format!("{size:>8} B, {length} at a time");
            println!("{title:<28}{default:>10.1} {capped:>10.1} {:>8.2}", capped / default);
        }
    }
}

fn hot(criterion: &mut Criterion) {
    let pool = pool();
    let layout = Layout::from_size_align(64, 8).unwrap();
    criterion.bench_function("arena/default, 64 B pair", |bencher| {
        bencher.iter(|| pairs(&Default, layout, 1));
    });
    criterion.bench_function("arena/pool, 64 B pair", |bencher| {
        bencher.iter(|| pairs(&pool, layout, 1));
    });
}

criterion_group!(benches, compare, hot);
criterion_main!(benches);
