//! The calling thread's caches: a table with a place for each pool, and what happens at the thread's end.

use std::alloc::{Layout, alloc};
use std::cell::Cell;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use tikv_jemalloc_sys as sys;

use super::CACHED_POOLS_MAX;
use super::cache::{Cache, Face};
use super::registry::Registry;

/// Gives back every cache of the thread when the thread ends.
struct Guard;

thread_local! {
    /// Plain cells without a destructor, so that looking costs an address and a load.
    static TABLE: [Cell<*const Cache>; CACHED_POOLS_MAX] =
        const { [const { Cell::new(ptr::null()) }; CACHED_POOLS_MAX] };
    static GUARD: Guard = const { Guard };
}

/// The cache in a place of this thread's table: of this pool, of another, or of none.
///
/// It may be used until the thread's next call of [`own`]; that is why it is not handed out of this module's callers.
#[inline]
pub(in super::super) fn peek<'a>(place: usize) -> Option<&'a Cache> {
    let cache = TABLE.with(|table| table[place % CACHED_POOLS_MAX].get());
    // SAFETY: the table holds null or a cache of this thread, which lives until `retire` takes it out of the table.
    // That happens in `own`, for the cache of a dead pool, and at the thread's end; in neither is a cache borrowed.
    unsafe { cache.as_ref() }
}

/// This thread's cache of a living pool, made if need be and flushed if asked. `None` if it cannot have one: there is
/// no place, no memory, or the thread is ending.
#[cold]
pub(in super::super) fn own<'a>(registry: &Arc<Registry>) -> Option<&'a Cache> {
    let place = registry.place;
    if place >= CACHED_POOLS_MAX {
        return None;
    }
    if let Some(cache) = peek(place) {
        if cache.registry.id == registry.id {
            if !cache.is_ready(registry.id) {
                // The key first: pressure that comes during the flush is not lost.
                cache.face.key.store(registry.id, Relaxed);
                cache.drain_all(free);
            }
            return Some(cache);
        }
        retire(place);
    }
    // Registers the guard; fails once the guard is gone.
    GUARD.try_with(|_| ()).ok()?;
    // SAFETY: a cache is not of size 0.
    let cache = NonNull::new(unsafe { alloc(Layout::new::<Cache>()) })?.cast::<Cache>();
    // SAFETY: fresh memory of the right layout.
    unsafe { cache.write(Cache::new(Arc::clone(registry))) };
    if !registry.enter(face(cache)) {
        // SAFETY: allocated above with the layout that `Box` uses, and known to nobody else.
        drop(unsafe { Box::from_raw(cache.as_ptr()) });
        return None;
    }
    TABLE.with(|table| table[place].set(cache.as_ptr()));
    peek(place)
}

/// Gives back what this thread keeps of a living pool.
#[cold]
pub(in super::super) fn flush(registry: &Registry) {
    if let Some(cache) = peek(registry.place).filter(|cache| cache.registry.id == registry.id)
        && registry.place < CACHED_POOLS_MAX
    {
        cache.drain_all(free);
    }
}

/// An object of some pool goes back to jemalloc.
pub(in super::super) fn free(object: NonNull<u8>) {
    // SAFETY: caches hold only objects that jemalloc handed out for their pool, each once, and the pool lives: it is
    // borrowed by the caller, or the registry's mutex keeps it from dying.
    unsafe { sys::dallocx(object.as_ptr().cast(), sys::MALLOCX_TCACHE_NONE) };
}

fn face(cache: NonNull<Cache>) -> NonNull<Face> {
    // SAFETY: the cache is alive; only the address of its field is computed.
    unsafe { NonNull::new_unchecked(&raw mut (*cache.as_ptr()).face) }
}

/// Ends the cache in a place of the table.
fn retire(place: usize) {
    let cache = TABLE.with(|table| table[place].replace(ptr::null()));
    let Some(cache) = NonNull::new(cache.cast_mut()) else { return };
    // SAFETY: it was in the table, so it is alive; nobody finds it there any more.
    let shared = unsafe { cache.as_ref() };
    shared.registry.leave(face(cache), || shared.drain_all(free));
    // SAFETY: out of the table and off the list, it is ours alone; it was allocated with the layout of a `Cache`.
    drop(unsafe { Box::from_raw(cache.as_ptr()) });
}

impl Drop for Guard {
    fn drop(&mut self) {
        // `own` makes no new cache from here on: the guard counts as gone already.
        (0..CACHED_POOLS_MAX).for_each(retire);
    }
}
