//! A pool filled to refusal: how much of its cap is usable, and that nothing ever exceeds it.

use allocator_api2::vec::Vec as PoolVec;
use plimsoll_memory::arena::{BASE_BYTES, PoolArena, mallctl};

use super::support::{MIB, obtain};

const CAP_BYTES: u64 = 64 * MIB;

/// Every size class from 64 bytes to 3 MiB: four to each doubling.
fn sizes() -> Vec<usize> {
    let steps = (6..22).flat_map(|log2| (4..8).map(move |quarter| (1 << log2) / 4 * quarter));
    steps.filter(|size| *size <= 3 << 20).collect()
}

/// In thousandths of the cap.
fn usable(count: usize, size: usize) -> u64 {
    count as u64 * size as u64 * 1000 / CAP_BYTES
}

fn fill(pool: &PoolArena, size: usize) -> Vec<PoolVec<u8, &PoolArena>> {
    let mut objects = Vec::new();
    while let Some(object) = obtain(pool, size) {
        assert!(pool.committed_bytes() <= pool.cap_bytes());
        objects.push(object);
    }
    assert!(pool.committed_peak_bytes() <= pool.cap_bytes());
    objects
}

#[test]
fn every_size_class_uses_its_cap_and_refills_to_the_same_count() {
    let options = mallctl::options().unwrap();
    assert!(options.suits_pools(), "{options:?}");
    let mut failures = Vec::new();
    for size in sizes() {
        let pool = PoolArena::capped("fill", CAP_BYTES).unwrap();
        let objects = fill(&pool, size);
        let share = usable(objects.len(), size);
        println!("{size:>8} bytes: {:>8} objects, {}.{} % usable", objects.len(), share / 10, share % 10);
        // 62 MiB beside the base are 24 objects of 2.5 MiB or 20 of 3 MiB, and the rest is too short for another.
        let least = if size > 2 << 20 { 930 } else { 950 };
        if share < least {
            failures.push((size, share));
        }
        let count = objects.len();
        drop(objects);
        let again = fill(&pool, size);
        if again.len() != count {
            failures.push((size, again.len() as u64));
        }
        drop(again);
        pool.purge();
        assert_eq!(pool.cached_bytes(), 0);
        let left = pool.committed_bytes();
        assert!(left <= 3 * BASE_BYTES, "{size}: {left} bytes committed in an empty pool");
    }
    assert!(failures.is_empty(), "size and thousandths (or a second count that differs): {failures:?}");
}
