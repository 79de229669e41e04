//! The counting global allocator: the unsafe shell around `heap`, which has the counting and the policy.

use std::alloc::{GlobalAlloc, Layout};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use tikv_jemallocator::Jemalloc;

use super::{mallctl, startup};
use crate::heap::{reserve, tally};

/// Counts what the program allocates through it; see [`crate::heap`] for what is counted and what is not.
///
/// One for a process, as `#[global_allocator]`. It adds an addition to each call, and a few atomic ones to every 64
/// KiB.
#[derive(Debug)]
pub struct CountingAlloc<A = Jemalloc> {
    below: A,
    /// The emergency reserve; null while it is not set aside.
    reserve: AtomicPtr<u8>,
}

impl CountingAlloc<Jemalloc> {
    /// Counts above jemalloc.
    pub const fn jemalloc() -> Self {
        Self::new(Jemalloc)
    }
}

/// Address space of the reserve, from the kernel and not from the allocator: a block of the allocator goes back to
/// the arena it came from, where a thread of another arena cannot have it.
fn map_reserve() -> *mut u8 {
    let (rights, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping at an address of the kernel's choice touches nothing that is there.
    let block = unsafe { libc::mmap(ptr::null_mut(), reserve::RESERVE_BYTES, rights, kind, -1, 0) };
    if block == libc::MAP_FAILED { ptr::null_mut() } else { block.cast() }
}

/// # Safety
/// The block came from [`map_reserve`], and nobody else has it.
unsafe fn unmap_reserve(block: *mut u8) {
    // SAFETY: by the caller's promise it is a whole mapping of ours, of this size. That cannot fail.
    unsafe { libc::munmap(block.cast(), reserve::RESERVE_BYTES) };
}

/// A layout's size as a signed number: a layout is never larger than `isize::MAX`.
#[inline]
const fn signed(bytes: usize) -> i64 {
    bytes.cast_signed() as i64
}

impl<A> CountingAlloc<A> {
    /// Counts above another allocator.
    pub const fn new(below: A) -> Self {
        Self { below, reserve: AtomicPtr::new(ptr::null_mut()) }
    }

    /// The allocator below.
    pub const fn below(&self) -> &A {
        &self.below
    }
}

impl<A: GlobalAlloc> CountingAlloc<A> {
    #[inline]
    fn count(&self, bytes: i64) {
        if tally::count(bytes) {
            self.now_and_then();
        }
    }

    /// Sets the reserve aside where it is wanted.
    #[cold]
    fn now_and_then(&self) {
        if !reserve::take_wanted() {
            return;
        }
        startup::keep_linked();
        let block = map_reserve();
        let unused = if block.is_null() {
            ptr::null_mut()
        } else {
            // Whoever comes second gives its own block back.
            match self.reserve.compare_exchange(ptr::null_mut(), block, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => ptr::null_mut(),
                Err(_) => block,
            }
        };
        reserve::tried(!block.is_null());
        if !unused.is_null() {
            // SAFETY: mapped just now, and nobody else has it.
            unsafe { unmap_reserve(unused) };
        }
    }

    /// The allocator below said no: makes room and tries once more.
    #[cold]
    fn again(&self, bytes: usize, attempt: impl FnOnce() -> *mut u8) -> *mut u8 {
        // The result does not matter: whether there is room now is what the attempt finds out.
        let _ = mallctl::purge_all();
        // The reserve cannot help a larger request, whose failure says little about the small ones of the others.
        if bytes <= reserve::RESERVE_BYTES {
            let block = self.reserve.swap(ptr::null_mut(), Ordering::AcqRel);
            reserve::failed();
            if !block.is_null() {
                // SAFETY: it was mapped by `now_and_then`, and the swap made us its only holder.
                unsafe { unmap_reserve(block) };
            }
        }
        let pointer = attempt();
        reserve::tried_again(!pointer.is_null());
        pointer
    }
}

// SAFETY: every block comes from the allocator below and goes back to it with its own layout; counting touches
// neither. Nothing here unwinds: counting is arithmetic on cells and atomics.
unsafe impl<A: GlobalAlloc> GlobalAlloc for CountingAlloc<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is handed on.
        let mut pointer = unsafe { self.below.alloc(layout) };
        if pointer.is_null() {
            // SAFETY: as above.
            pointer = self.again(layout.size(), || unsafe { self.below.alloc(layout) });
            if pointer.is_null() {
                return pointer;
            }
        }
        self.count(signed(layout.size()));
        pointer
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is handed on; the block came from the allocator below.
        unsafe { self.below.dealloc(pointer, layout) };
        self.count(-signed(layout.size()));
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is handed on.
        let mut pointer = unsafe { self.below.alloc_zeroed(layout) };
        if pointer.is_null() {
            // SAFETY: as above.
            pointer = self.again(layout.size(), || unsafe { self.below.alloc_zeroed(layout) });
            if pointer.is_null() {
                return pointer;
            }
        }
        self.count(signed(layout.size()));
        pointer
    }

    #[inline]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise is handed on; the block came from the allocator below.
        let mut moved = unsafe { self.below.realloc(pointer, layout, size) };
        if moved.is_null() {
            // SAFETY: as above; a realloc that failed left the block as it was.
            moved = self.again(size, || unsafe { self.below.realloc(pointer, layout, size) });
            if moved.is_null() {
                return moved;
            }
        }
        self.count(signed(size) - signed(layout.size()));
        moved
    }
}
