//! Pools as allocators: what `hashbrown` tables and `allocator_api2` vectors take.

use std::alloc::Layout;
use std::fmt;
use std::ops::Deref;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use allocator_api2::alloc::{AllocError, Allocator};
use tikv_jemalloc_sys as sys;

use super::class::Class;
use super::pool::PoolArena;
use super::tcache;

/// A shared [`PoolArena`], as collections want it: cheap to clone, and the arena lives as long as any of its objects.
///
/// A collection that asks with `try_reserve` gets an error at the cap and is as it was. The same collections abort the
/// process where they cannot return an error: `push` and `insert` beyond what was reserved, `clone`, and hashbrown's
/// `shrink_to_fit`, which allocates. A vector's `shrink_to_fit` is never refused here.
#[derive(Clone)]
pub struct PoolAllocator {
    arena: Arc<PoolArena>,
}

impl PoolAllocator {
    /// Shares an arena.
    pub fn new(arena: PoolArena) -> Self {
        Self { arena: Arc::new(arena) }
    }
}

impl From<Arc<PoolArena>> for PoolAllocator {
    fn from(arena: Arc<PoolArena>) -> Self {
        Self { arena }
    }
}

impl Deref for PoolAllocator {
    type Target = PoolArena;

    fn deref(&self) -> &PoolArena {
        &self.arena
    }
}

impl fmt::Debug for PoolAllocator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.arena.fmt(f)
    }
}

fn aligned(object: NonNull<u8>, align: usize) -> bool {
    object.addr().get() & (align - 1) == 0
}

/// Bytes that lie behind an object which is in use.
fn usable_bytes(object: NonNull<u8>) -> usize {
    // SAFETY: the object is one of jemalloc's, and in use (callers).
    unsafe { sys::sallocx(object.as_ptr().cast(), 0) }
}

impl PoolArena {
    #[inline]
    fn obtain(&self, layout: Layout) -> Option<NonNull<u8>> {
        let Some(class) = Class::of(layout) else { return self.obtain_large(layout, 0) };
        if let Some(cache) = tcache::peek(self.place)
            && cache.is_ready(self.id)
            && let Some(object) = cache.pop(class)
        {
            return Some(object);
        }
        self.obtain_slowly(class)
    }

    #[cold]
    #[inline(never)]
    fn obtain_slowly(&self, class: Class) -> Option<NonNull<u8>> {
        let fetch = || self.mallocx(class.bytes(), class.align(), 0);
        let object = match tcache::own(&self.registry) {
            Some(cache) => cache.pop(class).or_else(|| cache.fill(class, fetch)),
            None => fetch(),
        };
        object.or_else(|| self.insist(class.bytes(), fetch))
    }

    #[cold]
    #[inline(never)]
    fn obtain_large(&self, layout: Layout, extra: i32) -> Option<NonNull<u8>> {
        if layout.size() == 0 {
            return NonNull::new(ptr::without_provenance_mut(layout.align()));
        }
        let fetch = || self.mallocx(layout.size(), layout.align(), extra);
        fetch().or_else(|| self.insist(layout.size(), fetch))
    }

    #[inline]
    fn release(&self, object: NonNull<u8>, layout: Layout) {
        if let Some(class) = Class::of(layout) {
            if self.oversized.load(Relaxed) == 0
                && let Some(cache) = tcache::peek(self.place)
                && cache.is_ready(self.id)
                && cache.push(class, object)
            {
                return;
            }
            self.release_slowly(object, class);
        } else if layout.size() != 0 {
            tcache::free(object);
        }
    }

    #[cold]
    #[inline(never)]
    fn release_slowly(&self, object: NonNull<u8>, class: Class) {
        if self.oversized.load(Relaxed) > 0 && usable_bytes(object) > class.bytes() {
            // In a cache it would count as its class's bytes, and might be aligned to less than them.
            tcache::free(object);
            self.oversized.fetch_sub(1, Relaxed);
            return;
        }
        let kept = tcache::own(&self.registry)
            .is_some_and(|cache| cache.make_room(class, tcache::free) && cache.push(class, object));
        if !kept {
            tcache::free(object);
        }
    }

    /// An object that serves the new layout and begins with what the old one held.
    ///
    /// # Safety
    /// `object` is in use with layout `old`; on `Some` it is no longer.
    unsafe fn resize(&self, object: NonNull<u8>, old: Layout, new: Layout) -> Option<NonNull<u8>> {
        let (from, to) = (Class::of(old), Class::of(new));
        if from == to && from.is_some() && aligned(object, new.align()) {
            return Some(object);
        }
        if from.is_none() && to.is_none() && old.size() > 0 && new.size() > 0 {
            // SAFETY: both large and not empty; the caller's promise covers the rest.
            let attempt = || unsafe { self.rallocx(object, new.size(), new.align()) };
            return attempt().or_else(|| self.insist(new.size(), attempt));
        }
        let moved = self.obtain(new)?;
        // SAFETY: two distinct objects, each at least as long as the shorter of the layouts.
        unsafe { ptr::copy_nonoverlapping(object.as_ptr(), moved.as_ptr(), old.size().min(new.size())) };
        self.release(object, old);
        Some(moved)
    }
}

fn block(object: Option<NonNull<u8>>, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
    Ok(NonNull::slice_from_raw_parts(object.ok_or(AllocError)?, layout.size()))
}

// SAFETY: objects come from jemalloc with at least the layout's size and alignment, each handed out once until it is
// deallocated, and live until the arena is dropped: not before its last borrower. Moving a `PoolArena` moves no object.
unsafe impl Allocator for PoolArena {
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        block(self.obtain(layout), layout)
    }

    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if Class::of(layout).is_none() {
            return block(self.obtain_large(layout, sys::MALLOCX_ZERO), layout);
        }
        let object = self.obtain(layout);
        if let Some(object) = object {
            // SAFETY: the object has at least the layout's size.
            unsafe { object.write_bytes(0, layout.size()) };
        }
        block(object, layout)
    }

    #[inline]
    unsafe fn deallocate(&self, object: NonNull<u8>, layout: Layout) {
        self.release(object, layout);
    }

    unsafe fn grow(
        &self,
        object: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller's promise: the object is in use with `old`.
        block(unsafe { self.resize(object, old, new) }, new)
    }

    unsafe fn grow_zeroed(
        &self,
        object: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller's promise: the object is in use with `old`.
        let grown = unsafe { self.resize(object, old, new) };
        if let Some(grown) = grown {
            // SAFETY: the object has the new size, which is not less than the old.
            unsafe { grown.add(old.size()).write_bytes(0, new.size() - old.size()) };
        }
        block(grown, new)
    }

    /// Never refused where the alignment does not grow: without memory for a smaller object, the larger one serves.
    unsafe fn shrink(
        &self,
        object: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller's promise: the object is in use with `old`.
        let shrunk = unsafe { self.resize(object, old, new) };
        if shrunk.is_some() || old.size() == 0 || !aligned(object, new.align()) {
            return block(shrunk, new);
        }
        if let Some(to) = Class::of(new) {
            let usable_bytes = usable_bytes(object);
            if usable_bytes < to.bytes() {
                // A larger alignment asks for a larger class, for which the object must never be taken.
                return Err(AllocError);
            }
            // Each object counts once, however often it is shrunk, so that the count is never below what there are.
            if usable_bytes > to.bytes() && Class::of(old).is_none_or(|from| usable_bytes <= from.bytes()) {
                self.oversized.fetch_add(1, Relaxed);
            }
        }
        block(Some(object), new)
    }
}

// SAFETY: every method is that of the arena, which the `Arc` keeps alive as long as any clone is.
unsafe impl Allocator for PoolAllocator {
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.arena.allocate(layout)
    }

    #[inline]
    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.arena.allocate_zeroed(layout)
    }

    #[inline]
    unsafe fn deallocate(&self, object: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { self.arena.deallocate(object, layout) };
    }

    #[inline]
    unsafe fn grow(
        &self,
        object: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller's promise.
        unsafe { self.arena.grow(object, old, new) }
    }

    #[inline]
    unsafe fn grow_zeroed(
        &self,
        object: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller's promise.
        unsafe { self.arena.grow_zeroed(object, old, new) }
    }

    #[inline]
    unsafe fn shrink(
        &self,
        object: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller's promise.
        unsafe { self.arena.shrink(object, old, new) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).unwrap()
    }

    /// The bytes of an object that the test holds.
    fn bytes<'a>(object: NonNull<[u8]>) -> &'a mut [u8] {
        // SAFETY: the tests look at live objects only, one at a time.
        unsafe { &mut *object.as_ptr() }
    }

    #[test]
    fn an_object_keeps_its_beginning_through_every_size_and_alignment() {
        let pool = PoolArena::capped("resize", 64 << 20).unwrap();
        let steps = [0, 1, 8, 9, 64, 100, 4000, 32_768, 32_769, 100_000, 3 << 20];
        for (from, to) in steps.iter().flat_map(|from| steps.iter().map(move |to| (*from, *to))) {
            for (old_align, new_align) in [(1, 1), (1, 64), (4096, 8), (8, 8192), (16384, 16384)] {
                let (old, new) = (layout(from, old_align), layout(to, new_align));
                let object = pool.allocate(old).unwrap();
                bytes(object).fill(9);
                // SAFETY: the object is live with `old`; the sizes tell which way it goes.
                let moved = unsafe {
                    if to >= from {
                        pool.grow_zeroed(object.cast(), old, new)
                    } else {
                        pool.shrink(object.cast(), old, new)
                    }
                };
                let moved = moved.unwrap();
                assert_eq!(moved.len(), to);
                assert_eq!(moved.cast::<u8>().addr().get() % new_align, 0, "{old:?} {new:?}");
                let (kept, added) = bytes(moved).split_at(from.min(to));
                assert!(kept.iter().all(|byte| *byte == 9), "{old:?} {new:?}");
                assert!(added.iter().all(|byte| *byte == 0), "{old:?} {new:?}");
                // SAFETY: live with `new`, freed once.
                unsafe { pool.deallocate(moved.cast(), new) };
            }
        }
    }

    #[test]
    fn zeroed_memory_is_zero_where_something_was_before() {
        let pool = PoolArena::capped("zeroed", 64 << 20).unwrap();
        for size in [0, 24, 500, 30_000, 70_000, 2 << 20] {
            let layout = layout(size, 8);
            for _ in 0..3 {
                let object = pool.allocate_zeroed(layout).unwrap();
                assert!(bytes(object).iter().all(|byte| *byte == 0));
                bytes(object).fill(255);
                // SAFETY: live with this layout, freed once.
                unsafe { pool.deallocate(object.cast(), layout) };
            }
        }
    }

    #[test]
    fn shrinking_is_not_refused_in_a_full_pool() {
        let pool = PoolArena::capped("full", 8 << 20).unwrap();
        let (large, small) = (layout(1 << 20, 8), layout(100, 8));
        let object = pool.allocate(large).unwrap();
        bytes(object).fill(4);
        let mut rest = Vec::new();
        for size in [1 << 20, 4096, 112] {
            let layout = layout(size, 8);
            rest.extend(std::iter::from_fn(|| Some((pool.allocate(layout).ok()?, layout))));
        }
        assert!(pool.allocate(small).is_err());
        // SAFETY: live with `large`.
        let shrunk = unsafe { pool.shrink(object.cast(), large, small) }.unwrap();
        assert_eq!(shrunk.cast::<u8>(), object.cast::<u8>(), "no other memory was to be had");
        assert_eq!(bytes(shrunk), [4; 100]);
        // SAFETY: live with `small`.
        let shrunk = unsafe { pool.shrink(shrunk.cast(), small, layout(50, 8)) }.unwrap();
        assert_eq!(pool.oversized.load(Relaxed), 1, "once for an object");
        let small = layout(50, 8);
        // SAFETY: each live with its layout, freed once.
        unsafe {
            let cached_bytes = pool.cached_bytes();
            pool.deallocate(shrunk.cast(), small);
            assert_eq!((pool.cached_bytes(), pool.oversized.load(Relaxed)), (cached_bytes, 0), "not cached");
            for (object, layout) in rest {
                pool.deallocate(object.cast(), layout);
            }
        }
        pool.purge();
        assert_eq!((pool.cached_bytes(), pool.committed_bytes() % 4096), (0, 0));
        assert!(pool.committed_bytes() <= 2 * super::super::BASE_BYTES);
    }

    #[test]
    fn an_object_is_never_taken_for_a_larger_class() {
        let pool = PoolArena::capped("align", 4 << 20).unwrap();
        // 112 bytes, of which one in four is aligned to 64; 90 aligned to 64 are of class 128.
        let (old, new) = (layout(100, 8), layout(90, 64));
        let held: Vec<_> = std::iter::from_fn(|| pool.allocate(old).ok()).collect();
        let full = std::iter::from_fn(|| pool.allocate(new).ok()).collect::<Vec<_>>();
        let aligned = held.iter().find(|object| aligned(object.cast(), 64)).unwrap();
        // SAFETY: live with `old`.
        assert!(unsafe { pool.shrink(aligned.cast(), old, new) }.is_err());
        // SAFETY: each live with its layout, freed once.
        unsafe {
            for object in held {
                pool.deallocate(object.cast(), old);
            }
            for object in full {
                pool.deallocate(object.cast(), new);
            }
        }
    }
}
