//! A pool's arena: jemalloc's allocator over a reserved mapping, with a cap that refuses.

use std::ffi::{c_int, c_void};
use std::fmt;
use std::io;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tikv_jemalloc_sys as sys;

use super::address_space::{AddressSpace, page_bytes};
use super::charge::{Charge, Unpaid};
use super::error::ArenaError;
use super::hooks::Control;
use super::mallctl;
use super::tcache::{self, Registry};

/// What an arena commits for its own bookkeeping when it is made, in bytes.
pub const BASE_BYTES: u64 = 2 << 20;

/// Memory with a cap that refuses.
///
/// Every page of it is committed before it can be touched, and counted while it is committed; at the cap the answer is
/// no. jemalloc's bookkeeping for the pool is inside the cap, too: [`BASE_BYTES`] from the start, more as extents come.
/// Not inside: the pages that the kernel needs to map it, and the threads' tables of cached pointers (see `tcache`).
///
/// As an [`Allocator`](allocator_api2::alloc::Allocator) it is used by reference, or shared as a
/// [`PoolAllocator`](super::PoolAllocator).
pub struct PoolArena {
    /// What the fast path needs, in one line of the processor's cache.
    pub(super) id: u64,
    pub(super) place: usize,
    flags: c_int,
    arena: u32,
    control: NonNull<Control>,
    pub(super) registry: Arc<Registry>,
    /// Objects in use that lie in more memory than their size's class has: those that a refused `shrink` left as they
    /// were. While there are any, what is freed is looked at before a cache takes it.
    pub(super) oversized: AtomicU64,
    refusals: AtomicU64,
    name: Box<str>,
}

// SAFETY: jemalloc's functions may be called from any thread; `Control` is shared by reference only, and its parts are
// `Sync` (atomics, a mapping, an `Arc<dyn Charge>` of `Send + Sync`).
unsafe impl Send for PoolArena {}
// SAFETY: as above.
unsafe impl Sync for PoolArena {}

impl PoolArena {
    /// An arena of at most `cap_bytes`, whose pages `charge` pays for.
    ///
    /// # Errors
    /// [`ArenaError`]: the cap is too small or too large, or the kernel, the charge or jemalloc refused.
    pub fn new(name: &str, cap_bytes: u64, charge: Arc<dyn Charge>) -> Result<Self, ArenaError> {
        let min_bytes = BASE_BYTES + page_bytes() as u64;
        if cap_bytes < min_bytes {
            return Err(ArenaError::CapTooSmall { name: name.into(), cap_bytes, min_bytes });
        }
        // Extents of all sizes leave gaps in the addresses; four times the cap was enough in every run.
        let length = cap_bytes.checked_mul(4).and_then(|bytes| bytes.checked_add(64 << 20));
        let length = length.filter(|bytes| *bytes <= 1 << 46).and_then(|bytes| usize::try_from(bytes).ok());
        let Some(length) = length else {
            return Err(ArenaError::CapTooLarge { name: name.into(), cap_bytes });
        };
        let space = AddressSpace::reserve(length).map_err(|source| ArenaError::Addresses {
            name: name.into(),
            length_bytes: length as u64,
            source,
        })?;
        let control = Box::into_raw(Box::new(Control::new(space, cap_bytes, charge)));
        // SAFETY: the hooks come first in `Control`, which stays where it is until the arena is gone.
        let arena = match unsafe { mallctl::create_arena(control.cast()) } {
            Ok(arena) => arena,
            Err(source) => {
                // SAFETY: from `Box::into_raw` above; jemalloc made no arena, so it keeps no pointer.
                let control = unsafe { Box::from_raw(control) };
                return Err(if control.unpaid() > 0 {
                    ArenaError::Unpaid { name: name.into(), bytes: control.unpaid_bytes() }
                } else {
                    ArenaError::Jemalloc { name: name.into(), source }
                });
            }
        };
        let registry = Arc::new(Registry::for_pool(cap_bytes));
        Ok(Self {
            id: registry.id,
            place: registry.place,
            flags: sys::MALLOCX_ARENA(arena as usize) | sys::MALLOCX_TCACHE_NONE,
            arena,
            // SAFETY: `Box::into_raw` is never null.
            control: unsafe { NonNull::new_unchecked(control) },
            registry,
            oversized: AtomicU64::new(0),
            refusals: AtomicU64::new(0),
            name: name.into(),
        })
    }

    /// An arena that nobody pays for: its cap is all.
    ///
    /// # Errors
    /// As [`new`](Self::new), without [`ArenaError::Unpaid`].
    pub fn capped(name: &str, cap_bytes: u64) -> Result<Self, ArenaError> {
        Self::new(name, cap_bytes, Arc::new(Unpaid))
    }

    fn control(&self) -> &Control {
        // SAFETY: made in `new`, freed in `drop`; only shared references to it exist.
        unsafe { self.control.as_ref() }
    }

    /// The pool's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The cap in bytes.
    pub fn cap_bytes(&self) -> u64 {
        self.control().cap_bytes
    }

    /// Bytes of pages that are committed now: objects, jemalloc's bookkeeping, freed and not yet purged pages.
    pub fn committed_bytes(&self) -> u64 {
        self.control().committed_bytes()
    }

    /// The most that was ever committed at once, in bytes.
    pub fn committed_peak_bytes(&self) -> u64 {
        self.control().peak_bytes()
    }

    /// Bytes of freed small objects in the caches of all threads. They are committed, and free to those threads only.
    pub fn cached_bytes(&self) -> u64 {
        self.registry.cached_bytes()
    }

    /// The most that one thread may keep in its cache of this pool, in bytes.
    pub fn cached_bytes_max(&self) -> u64 {
        tcache::cached_bytes_max(self.cap_bytes())
    }

    /// How many requests were refused, after everything was tried.
    pub fn refusals(&self) -> u64 {
        self.refusals.load(Relaxed)
    }

    /// Bytes of the pool with memory behind them at this moment, asked of the kernel page by page: milliseconds a GiB.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn resident_bytes(&self) -> io::Result<u64> {
        self.control().space.resident_bytes()
    }

    /// True if the address lies in the pool's range of addresses, in use or not.
    pub fn contains(&self, address: *const u8) -> bool {
        self.control().space.contains(address)
    }

    /// Gives back what is not in use: this thread's cache and all freed pages at once, the caches of other threads when
    /// they next use the pool. Returns the bytes that are no longer committed.
    pub fn purge(&self) -> u64 {
        let before = self.committed_bytes();
        self.relieve();
        before.saturating_sub(self.committed_bytes())
    }

    fn relieve(&self) {
        tcache::flush(&self.registry);
        self.registry.press();
        // It cannot be refused while the arena lives, and if it were, the retry finds nothing new.
        let _ = mallctl::purge_arena(self.arena);
    }

    /// Asks jemalloc, past all caches.
    pub(super) fn mallocx(&self, size: usize, align: usize, extra: c_int) -> Option<NonNull<u8>> {
        // SAFETY: the size is not 0 (callers), the alignment a power of two, the arena ours and alive.
        let object = unsafe { sys::mallocx(size, self.flags | sys::MALLOCX_ALIGN(align) | extra) };
        NonNull::new(object.cast())
    }

    /// Asks jemalloc to resize a large object, in place or by moving it; refused, the object is as it was.
    ///
    /// # Safety
    /// The object is one of this arena's, not in use otherwise, and is not used under the old address afterwards.
    pub(super) unsafe fn rallocx(
        &self,
        object: NonNull<u8>,
        size: usize,
        align: usize,
    ) -> Option<NonNull<u8>> {
        let flags = self.flags | sys::MALLOCX_ALIGN(align);
        // SAFETY: the caller's promise; the size is not 0.
        let object = unsafe { sys::rallocx(object.as_ptr().cast::<c_void>(), size, flags) };
        NonNull::new(object.cast())
    }

    /// What follows a first refusal: give back what is unused, try again; ask others to give, try again; refuse.
    #[cold]
    #[inline(never)]
    pub(super) fn insist<T>(&self, size: usize, attempt: impl Fn() -> Option<T>) -> Option<T> {
        self.relieve();
        let control = self.control();
        let unpaid = control.unpaid();
        if let Some(got) = attempt() {
            return Some(got);
        }
        if control.unpaid() != unpaid && control.charge.make_room(control.unpaid_bytes().max(size as u64)) {
            // Others may have freed objects of this pool, on this thread, too.
            self.relieve();
            if let Some(got) = attempt() {
                return Some(got);
            }
        }
        self.refusals.fetch_add(1, Relaxed);
        None
    }
}

impl Drop for PoolArena {
    fn drop(&mut self) {
        self.registry.close();
        // SAFETY: we are the last to know the arena. Every object of it was borrowed from us or from a clone of the
        // `Arc` around us, and the caches that hold freed ones were told by `close` to forget them.
        if unsafe { mallctl::destroy_arena(self.arena) }.is_err() {
            // Then jemalloc may still use the hooks and the pages: both stay, and stay charged, rather than dangle.
            return;
        }
        // SAFETY: from `Box::into_raw` in `new`; the arena is gone and with it jemalloc's pointer.
        let control = unsafe { Box::from_raw(ptr::from_mut(self.control.as_mut())) };
        debug_assert_eq!(control.committed_bytes(), 0, "jemalloc gives back all that it committed");
        if control.committed_bytes() > 0 {
            control.charge.uncharge(control.committed_bytes());
        }
    }
}

impl fmt::Debug for PoolArena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolArena")
            .field("name", &self.name)
            .field("cap_bytes", &self.cap_bytes())
            .field("committed_bytes", &self.committed_bytes())
            .finish_non_exhaustive()
    }
}
