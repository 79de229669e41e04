//! Whether the emergency reserve is there. The block itself belongs to the allocator, in `arena::counting`.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Set aside at the first batch of a process, and given back to the kernel when an allocation fails, in bytes. Part of
/// the process's overhead; untouched, so that it costs address space and no page. Twice what jemalloc may map at once
/// for its bookkeeping.
pub const RESERVE_BYTES: usize = 8 << 20;

static WANTED: AtomicBool = AtomicBool::new(true);
static SHORT: AtomicBool = AtomicBool::new(false);
static HELD_AT_FAILURE: AtomicU64 = AtomicU64::new(0);
static RESCUES: AtomicU64 = AtomicU64::new(0);
static FAILURES: AtomicU64 = AtomicU64::new(0);

/// True from the moment an allocation failed until the reserve is set aside again or as much was freed: no new work
/// is admitted.
pub fn is_short() -> bool {
    SHORT.load(Ordering::Relaxed)
}

/// Allocations that failed at first and then succeeded, since the start.
pub fn rescue_count() -> u64 {
    RESCUES.load(Ordering::Relaxed)
}

/// Allocations that failed for good, since the start.
pub fn failure_count() -> u64 {
    FAILURES.load(Ordering::Relaxed)
}

/// Asks for the reserve: the next batch that is handed over tries to set it aside.
///
/// jemalloc keeps address space that it once had, so that under a limit on address space the reserve may never come
/// back. Then as much as the reserve, freed since the failure, is as good: jemalloc has it at hand.
pub(super) fn ask() {
    let freed = HELD_AT_FAILURE.load(Ordering::Relaxed).saturating_sub(super::tally::held_bytes());
    if freed >= RESERVE_BYTES as u64 {
        SHORT.store(false, Ordering::Relaxed);
    }
    WANTED.store(true, Ordering::Relaxed);
}

/// True for one caller, who then tries.
pub(crate) fn take_wanted() -> bool {
    WANTED.load(Ordering::Relaxed) && WANTED.swap(false, Ordering::Relaxed)
}

/// Says how the try ended. A failed one is repeated when the governor asks, or at once where nothing is short yet.
pub(crate) fn tried(set_aside: bool) {
    if set_aside {
        SHORT.store(false, Ordering::Relaxed);
    } else if !is_short() {
        WANTED.store(true, Ordering::Relaxed);
    }
}

/// An allocation failed.
pub(crate) fn failed() {
    HELD_AT_FAILURE.store(super::tally::held_bytes(), Ordering::Relaxed);
    SHORT.store(true, Ordering::Relaxed);
}

/// Its second try ended.
pub(crate) fn tried_again(succeeded: bool) {
    let counter = if succeeded { &RESCUES } else { &FAILURES };
    counter.fetch_add(1, Ordering::Relaxed);
}
