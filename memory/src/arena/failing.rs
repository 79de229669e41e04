//! An allocator that fails where a test wants it to: every public operation is run with its first allocation failing,
//! then its second, and so on.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::ptr;

use tikv_jemallocator::Jemalloc;

thread_local! {
    /// Allocations until one fails; 0: none fails.
    static COUNTDOWN: Cell<u64> = const { Cell::new(0) };
    static FAILED: Cell<u64> = const { Cell::new(0) };
}

/// jemalloc, but for the allocations that [`FailingAlloc::fail_nth`] chose. For tests, below a
/// [`super::counting::CountingAlloc`] or alone.
#[derive(Debug, Default)]
pub struct FailingAlloc(Jemalloc);

impl FailingAlloc {
    /// An allocator that fails nothing yet.
    pub const fn new() -> Self {
        Self(Jemalloc)
    }

    /// Runs an operation whose `nth` allocation fails, counted from 1 in this thread alone; 0: none does. Growing a
    /// block counts as an allocation. Says also how many failed: 0 tells that the operation has fewer than `nth`.
    pub fn fail_nth<T>(nth: u64, operation: impl FnOnce() -> T) -> (T, u64) {
        /// Disarms, also where the operation panics.
        struct Disarm;
        impl Drop for Disarm {
            fn drop(&mut self) {
                COUNTDOWN.set(0);
            }
        }
        FAILED.set(0);
        let disarm = Disarm;
        COUNTDOWN.set(nth);
        let result = operation();
        drop(disarm);
        (result, FAILED.replace(0))
    }

    /// True for the one call that shall fail.
    #[inline]
    fn fails() -> bool {
        match COUNTDOWN.get() {
            0 => false,
            left => {
                COUNTDOWN.set(left - 1);
                if left == 1 {
                    FAILED.set(FAILED.get() + 1);
                }
                left == 1
            }
        }
    }
}

// SAFETY: every call is jemalloc's own with the same arguments, or a null, which any call may answer; a realloc that
// answers null leaves the block as it was.
unsafe impl GlobalAlloc for FailingAlloc {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if Self::fails() {
            return ptr::null_mut();
        }
        // SAFETY: the caller's promise is handed on.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is handed on; the block came from jemalloc.
        unsafe { self.0.dealloc(pointer, layout) };
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if Self::fails() {
            return ptr::null_mut();
        }
        // SAFETY: the caller's promise is handed on.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if Self::fails() {
            return ptr::null_mut();
        }
        // SAFETY: the caller's promise is handed on; the block came from jemalloc.
        unsafe { self.0.realloc(pointer, layout, size) }
    }
}
