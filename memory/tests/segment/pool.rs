//! A pool of segments: what is charged, what is resident, what is refused.

use plimsoll_memory::segment::{Access, Commit, MemorySegment, SegmentError, SegmentPool};

use super::owner;

const SEGMENT: u64 = 32 << 10;

fn take_all(pool: &SegmentPool) -> Vec<MemorySegment> {
    std::iter::from_fn(|| pool.take()).collect()
}

fn fill(segments: &mut [MemorySegment]) {
    for segment in segments {
        segment.fill(0xa5);
    }
}

#[test]
fn all_at_start_is_charged_and_resident_at_start() {
    let (budget, owner) = owner(64 * SEGMENT);
    let pool = SegmentPool::new(&owner, SEGMENT, 64 * SEGMENT, Commit::AtStart).unwrap();
    assert_eq!((pool.segments(), pool.segment_bytes()), (64, SEGMENT));
    assert_eq!(budget.held_bytes(), 64 * SEGMENT);
    assert_eq!(pool.resident_bytes(), Some(64 * SEGMENT));
    let all = take_all(&pool);
    assert_eq!(all.len(), 64);
    assert!(all.iter().all(|segment| segment.iter().all(|byte| *byte == 0)));
    drop(all);
    assert_eq!(take_all(&pool).len(), 64);
    drop(pool);
    budget.verify_empty().unwrap();
}

#[test]
fn lazily_is_charged_as_it_is_taken() {
    let (budget, owner) = owner(8 * SEGMENT);
    let pool = SegmentPool::new(&owner, SEGMENT, 64 * SEGMENT, Commit::Lazily).unwrap();
    assert_eq!((budget.held_bytes(), pool.resident_bytes()), (0, Some(0)));
    let mut all = take_all(&pool);
    assert_eq!(all.len(), 8, "the budget holds eight");
    fill(&mut all);
    assert_eq!(pool.resident_bytes(), Some(8 * SEGMENT));
    drop(all);
    // parked ones are a cache: charged until somebody needs the bytes
    assert_eq!(budget.held_bytes(), 8 * SEGMENT);
    let other = budget.owner("other").register().unwrap();
    let held = other.try_reserve(5 * SEGMENT).unwrap();
    assert!(pool.committed_bytes() <= 3 * SEGMENT);
    assert_eq!(pool.resident_bytes(), Some(pool.committed_bytes()));
    drop(held);
    let again = take_all(&pool);
    assert_eq!(again.len(), 8);
    drop((again, pool));
    budget.verify_empty().unwrap();
}

#[test]
fn a_segment_outlives_its_pool_and_then_goes_at_once() {
    let (budget, owner) = owner(8 * SEGMENT);
    let pool = SegmentPool::new(&owner, SEGMENT, 8 * SEGMENT, Commit::AtStart).unwrap();
    let mut out: Vec<MemorySegment> = (0..3).map(|_| pool.take().unwrap()).collect();
    drop(pool);
    assert_eq!(budget.held_bytes(), 3 * SEGMENT);
    fill(&mut out);
    out.pop();
    assert_eq!(budget.held_bytes(), 2 * SEGMENT);
    assert!(out[0].iter().all(|byte| *byte == 0xa5));
    drop(out);
    budget.verify_empty().unwrap();
}

#[test]
fn numbers_have_places() {
    let (_, owner) = owner(SEGMENT);
    let pool = SegmentPool::new(&owner, SEGMENT, SEGMENT, Commit::AtStart).unwrap();
    let mut segment = pool.take().unwrap();
    segment.put(32_764, 0x1234_5678_u32).unwrap();
    assert_eq!(segment.get::<u8>(32_767), Ok(0x12));
    let refused = segment.put(32_765, 1_u32).unwrap_err();
    assert_eq!(refused.to_string(), "4 bytes at offset 32765 do not lie in a segment of 32768 bytes");
    // what one holder wrote the next one finds
    drop(segment);
    assert_eq!(pool.take().unwrap().get::<u32>(32_764), Ok(0x1234_5678));
}

fn refusal(segment_bytes: u64, total_bytes: u64) -> String {
    let (budget, owner) = owner(1 << 20);
    let refused = SegmentPool::new(&owner, segment_bytes, total_bytes, Commit::AtStart).unwrap_err();
    budget.verify_empty().unwrap();
    refused.to_string()
}

#[test]
fn sizes_that_do_not_fit_are_refused_with_the_numbers() {
    for size in [0, 1, 2048, 5000, 12288, (32 << 10) + 1, 1 << 32] {
        assert_eq!(
            refusal(size, 1 << 20),
            format!(
                "segments of {size} bytes: the size must be a power of two and at least 4096 bytes, the page of this \
                 machine; set taskmanager.memory.segment-size"
            )
        );
    }
    assert_eq!(
        refusal(32768, 32767),
        "32767 bytes do not hold one segment of 32768 bytes; give the pool more memory or set a smaller \
         taskmanager.memory.segment-size"
    );
    assert_eq!(
        refusal(4096, u64::MAX),
        "4503599627370495 segments of 4096 bytes are more than the 67108863 that can be numbered; set a larger \
         taskmanager.memory.segment-size"
    );
}

#[test]
fn a_pool_beyond_the_budget_is_refused() {
    let (budget, owner) = owner(4 * SEGMENT);
    let error = SegmentPool::new(&owner, SEGMENT, 5 * SEGMENT, Commit::AtStart).unwrap_err();
    let SegmentError::Refused(refusal) = error else { panic!("{error}") };
    assert_eq!(refusal.missing_bytes, SEGMENT);
    budget.verify_empty().unwrap();
}

/// Two threads pass segments to and fro while the pool is dropped: nothing is lost, nothing is used twice.
#[test]
fn threads_share_a_pool() {
    let (budget, owner) = owner(4 * SEGMENT);
    for round in 0..200_u64 {
        let pool = SegmentPool::new(&owner, SEGMENT, 4 * SEGMENT, Commit::Lazily).unwrap();
        let mine = |id: u64| {
            let mut last = None;
            for turn in 0..50 {
                if let Some(mut segment) = pool.take() {
                    let stamp = id << 32 | turn;
                    segment.put(0, stamp).unwrap();
                    std::thread::yield_now();
                    assert_eq!(segment.get::<u64>(0), Ok(stamp));
                    last = Some(segment);
                }
            }
            last
        };
        let left = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..3).map(|id| scope.spawn(move || mine(round * 3 + id))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        let dropper = std::thread::spawn(move || drop(left));
        drop(pool);
        dropper.join().unwrap();
        budget.verify_empty().unwrap();
    }
}
