//! Where the blocks of a cache lie: in an arena with a cap, each behind a header that remembers its size.
//!
//! RocksDB does not check what its allocator returns, and frees a block without its size. So a refusal of the arena
//! becomes an allocation of the general heap, which is counted, and 16 bytes before each block say how long it is and
//! where it came from.

use std::alloc::{self, Layout};
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use allocator_api2::alloc::Allocator;
use plimsoll_memory::arena::PoolArena;

use super::ffi;

/// Blocks of a cache, in an arena as long as it has room.
#[derive(Debug)]
pub(crate) struct BlockArena {
    arena: PoolArena,
    fallbacks: AtomicU64,
    fallback_bytes: AtomicU64,
}

/// What stands before a block. As long as the alignment, so that the block is aligned too.
#[repr(C, align(16))]
struct Header {
    /// Bytes of header and block together.
    bytes: usize,
    /// Whether they are the arena's.
    in_arena: bool,
}

const HEADER_BYTES: usize = size_of::<Header>();
const ALIGN: usize = align_of::<Header>();
const _: () = assert!(HEADER_BYTES == ALIGN, "a block behind a header is aligned as the header is");

/// The layout of a block with its header.
fn layout(bytes: usize) -> Layout {
    let whole = bytes.checked_add(HEADER_BYTES);
    let layout = whole.and_then(|whole| Layout::from_size_align(whole, ALIGN).ok());
    layout.expect("a block is smaller than the address space")
}

/// Bytes that lie behind a request for so many: the arena's size classes, four to each doubling, and whole pages above
/// them. An estimate of at most 3 % too little where an object spans many pages.
fn occupied_bytes(whole: usize) -> usize {
    const PAGE: usize = 4096;
    const SMALL_MAX: usize = 32 << 10;
    if whole <= 128 {
        whole.next_multiple_of(ALIGN)
    } else if whole <= SMALL_MAX {
        whole.next_multiple_of(1 << ((whole - 1).ilog2() - 2))
    } else {
        whole.next_multiple_of(PAGE)
    }
}

impl BlockArena {
    pub(crate) const fn new(arena: PoolArena) -> Self {
        Self { arena, fallbacks: AtomicU64::new(0), fallback_bytes: AtomicU64::new(0) }
    }

    /// The arena.
    pub(crate) const fn arena(&self) -> &PoolArena {
        &self.arena
    }

    /// How many blocks the arena ever refused, so that the general heap took them.
    pub(crate) fn fallbacks(&self) -> u64 {
        self.fallbacks.load(Relaxed)
    }

    /// Bytes of blocks that are in the general heap now.
    pub(crate) fn fallback_bytes(&self) -> u64 {
        self.fallback_bytes.load(Relaxed)
    }

    /// Memory for a block of so many bytes; never null.
    fn allocate(&self, bytes: usize) -> NonNull<u8> {
        let layout = layout(bytes);
        let (start, in_arena) = if let Ok(block) = self.arena.allocate(layout) {
            (block.cast::<u8>(), true)
        } else {
            self.fallbacks.fetch_add(1, Relaxed);
            self.fallback_bytes.fetch_add(layout.size() as u64, Relaxed);
            // SAFETY: the layout has the size of the header at least.
            let block = unsafe { alloc::alloc(layout) };
            let Some(block) = NonNull::new(block) else { alloc::handle_alloc_error(layout) };
            (block, false)
        };
        // SAFETY: the memory is ours, aligned as a header and longer than one.
        unsafe { start.cast::<Header>().write(Header { bytes: layout.size(), in_arena }) };
        // SAFETY: still inside of the memory, which is longer than a header or ends with it.
        unsafe { start.add(HEADER_BYTES) }
    }

    /// # Safety
    /// The block came from [`Self::allocate`] of this arena and is not used any more.
    unsafe fn deallocate(&self, block: NonNull<u8>) {
        // SAFETY: a header stands before each block.
        let start = unsafe { block.sub(HEADER_BYTES) };
        // SAFETY: as above; it was written when the block was allocated.
        let Header { bytes, in_arena } = unsafe { start.cast::<Header>().read() };
        let layout = layout(bytes - HEADER_BYTES);
        if in_arena {
            // SAFETY: the arena gave it with this layout.
            unsafe { self.arena.deallocate(start, layout) };
        } else {
            self.fallback_bytes.fetch_sub(layout.size() as u64, Relaxed);
            // SAFETY: the general heap gave it with this layout.
            unsafe { alloc::dealloc(start.as_ptr(), layout) };
        }
    }

    /// Shares the arena with C++, which gives its share back by `drop`.
    pub(super) fn share(arena: Arc<Self>) -> ffi::Arena {
        ffi::Arena {
            state: Arc::into_raw(arena).cast_mut().cast(),
            allocate,
            deallocate,
            usable,
            drop: release,
        }
    }
}

/// # Safety
/// The state is that of an [`ffi::Arena`] that was not dropped.
unsafe fn arena<'a>(state: *const c_void) -> &'a BlockArena {
    // SAFETY: `share` made it of an `Arc`, which lives until `release`.
    unsafe { &*state.cast::<BlockArena>() }
}

extern "C" fn allocate(state: *mut c_void, bytes: usize) -> *mut c_void {
    // SAFETY: only the allocator of bridge.cc calls this, with its state, while it lives.
    unsafe { arena(state) }.allocate(bytes).as_ptr().cast()
}

unsafe extern "C" fn deallocate(state: *mut c_void, block: *mut c_void) {
    let Some(block) = NonNull::new(block.cast()) else { return };
    // SAFETY: as in `allocate`; RocksDB frees each block once, with the allocator that it came from.
    unsafe { arena(state).deallocate(block) };
}

/// What a cache charges for a block: all that it occupies.
unsafe extern "C" fn usable(_: *const c_void, block: *const c_void) -> usize {
    // SAFETY: RocksDB asks for blocks of this allocator that are in use; a header stands before each.
    let header = unsafe { &*block.cast::<Header>().sub(1) };
    occupied_bytes(header.bytes)
}

unsafe extern "C" fn release(state: *mut c_void) {
    // SAFETY: `share` made it with `into_raw`, and the allocator of bridge.cc calls this once, at its end.
    drop(unsafe { Arc::from_raw(state.cast::<BlockArena>()) });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_beyond_the_cap_lie_in_the_general_heap() {
        let arena = BlockArena::new(PoolArena::capped("blocks", (2 << 20) + (256 << 10)).unwrap());
        let sizes = [1, 15, 16, 100, 4096, 4112, 40_000, 70_000];
        let blocks: Vec<_> = (0..64)
            .map(|i| {
                let bytes: usize = sizes[i % sizes.len()];
                let block = arena.allocate(bytes);
                // SAFETY: the block has so many bytes.
                unsafe { block.write_bytes(7, bytes) };
                assert_eq!(block.addr().get() % ALIGN, 0);
                // SAFETY: the block is in use.
                let usable = unsafe { usable(std::ptr::null(), block.as_ptr().cast()) };
                assert!(usable >= bytes + HEADER_BYTES && usable < bytes + bytes / 4 + 4096 + HEADER_BYTES);
                block
            })
            .collect();
        assert!(arena.fallbacks() > 0 && arena.fallback_bytes() > 0);
        assert!(arena.arena().committed_peak_bytes() <= arena.arena().cap_bytes());
        for block in blocks {
            // SAFETY: each once.
            unsafe { arena.deallocate(block) };
        }
        assert_eq!(arena.fallback_bytes(), 0);
    }

    #[test]
    fn occupied_bytes_are_size_classes() {
        for (whole, occupied) in
            [(17, 32), (128, 128), (129, 160), (4096, 4096), (4097, 5120), (32768, 32768), (32769, 36864)]
        {
            assert_eq!(occupied_bytes(whole), occupied);
        }
    }
}
