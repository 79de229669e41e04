//! The hooks through which jemalloc gets an arena's pages: addresses freely, memory only up to the cap.
//!
//! jemalloc asks in two steps. `alloc` hands out addresses that are not *committed*; `commit` is where pages are paid
//! for, and where the answer may be no. A page is charged exactly while it is committed: `decommit` drops the memory
//! behind it and takes the charge back, and jemalloc tells in `destroy` what was still committed at the end.
//!
//! The hooks run under jemalloc's locks. They allocate nothing, wait for nobody, and call nobody but the [`Charge`].

use std::ffi::{c_uint, c_void};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::AcqRel, Ordering::Relaxed};

use tikv_jemalloc_sys::extent_hooks_t;

use super::address_space::AddressSpace;
use super::charge::Charge;

/// One arena's hooks and what they count. Lives at a fixed address from before the arena until after it.
#[repr(C)]
pub(super) struct Control {
    /// First, so that jemalloc's pointer to the hooks is a pointer to all of this.
    hooks: extent_hooks_t,
    pub(super) space: AddressSpace,
    pub(super) cap_bytes: u64,
    committed_bytes: AtomicU64,
    peak_bytes: AtomicU64,
    pub(super) charge: Arc<dyn Charge>,
    /// How often the charge said no, though the cap would not have.
    unpaid: AtomicU64,
    /// What it said no to, the last time.
    unpaid_bytes: AtomicU64,
}

impl Control {
    pub(super) fn new(space: AddressSpace, cap_bytes: u64, charge: Arc<dyn Charge>) -> Self {
        let hooks = extent_hooks_t {
            alloc: Some(alloc),
            dalloc: None,
            destroy: Some(destroy),
            commit: Some(commit),
            decommit: Some(decommit),
            purge_lazy: None,
            purge_forced: None,
            split: Some(split),
            merge: Some(merge),
        };
        Self {
            hooks,
            space,
            cap_bytes,
            committed_bytes: AtomicU64::new(0),
            peak_bytes: AtomicU64::new(0),
            charge,
            unpaid: AtomicU64::new(0),
            unpaid_bytes: AtomicU64::new(0),
        }
    }

    pub(super) fn committed_bytes(&self) -> u64 {
        self.committed_bytes.load(Relaxed)
    }

    pub(super) fn peak_bytes(&self) -> u64 {
        self.peak_bytes.load(Relaxed)
    }

    /// How often the charge said no.
    pub(super) fn unpaid(&self) -> u64 {
        self.unpaid.load(Relaxed)
    }

    /// What the charge last said no to.
    pub(super) fn unpaid_bytes(&self) -> u64 {
        self.unpaid_bytes.load(Relaxed)
    }

    /// Commits `bytes`, or refuses. The counter never exceeds the cap, not even between two instructions: it is moved
    /// by compare-exchange, before anybody may touch the pages. Nor is the owner charged for more than the counter
    /// says: it is charged after the counter grew, and gets back before the counter shrinks.
    fn try_commit(&self, bytes: u64) -> bool {
        let mut now = self.committed_bytes.load(Relaxed);
        let after = loop {
            let Some(after) = now.checked_add(bytes).filter(|after| *after <= self.cap_bytes) else {
                return false;
            };
            match self.committed_bytes.compare_exchange_weak(now, after, AcqRel, Relaxed) {
                Ok(_) => break after,
                Err(other) => now = other,
            }
        };
        if !self.charge.try_charge(bytes) {
            self.committed_bytes.fetch_sub(bytes, Relaxed);
            self.unpaid_bytes.store(bytes, Relaxed);
            self.unpaid.fetch_add(1, Relaxed);
            return false;
        }
        self.peak_bytes.fetch_max(after, Relaxed);
        true
    }

    fn uncommit(&self, bytes: u64) {
        // The owner first: the other way round, a commit in between would charge it for more than the cap.
        self.charge.uncharge(bytes);
        let before = self.committed_bytes.fetch_sub(bytes, AcqRel);
        debug_assert!(before >= bytes, "jemalloc decommits what it committed");
    }
}

/// # Safety
/// `hooks` is the pointer that the arena was created with: the start of a living [`Control`].
unsafe fn control<'a>(hooks: *mut extent_hooks_t) -> &'a Control {
    // SAFETY: the caller's promise; `Control` is `repr(C)` with the hooks first, and only shared references to it
    // exist.
    unsafe { &*hooks.cast::<Control>() }
}

unsafe extern "C" fn alloc(
    hooks: *mut extent_hooks_t,
    new_address: *mut c_void,
    size: usize,
    alignment: usize,
    zero: *mut bool,
    commit: *mut bool,
    _arena: c_uint,
) -> *mut c_void {
    if !new_address.is_null() {
        return ptr::null_mut();
    }
    // SAFETY: jemalloc hands its arena's hooks and two places of its own stack.
    let (control, zero, commit) = unsafe { (control(hooks), &mut *zero, &mut *commit) };
    // Asked for committed pages (its own bookkeeping, and a last try after a refusal), it must get them at once.
    if *commit && !control.try_commit(size as u64) {
        return ptr::null_mut();
    }
    let Some(start) = control.space.take(size, alignment) else {
        if *commit {
            control.uncommit(size as u64);
        }
        return ptr::null_mut();
    };
    *zero = true;
    start.as_ptr().cast()
}

unsafe extern "C" fn commit(
    hooks: *mut extent_hooks_t,
    _start: *mut c_void,
    _size: usize,
    _offset: usize,
    length: usize,
    _arena: c_uint,
) -> bool {
    // SAFETY: jemalloc hands its arena's hooks.
    let control = unsafe { control(hooks) };
    !control.try_commit(length as u64)
}

unsafe extern "C" fn decommit(
    hooks: *mut extent_hooks_t,
    start: *mut c_void,
    _size: usize,
    offset: usize,
    length: usize,
    _arena: c_uint,
) -> bool {
    // SAFETY: jemalloc hands its arena's hooks.
    let control = unsafe { control(hooks) };
    // SAFETY: jemalloc decommits whole pages of an extent that came from `alloc` and that holds no object.
    let gone = unsafe { control.space.discard(start.cast::<u8>().wrapping_add(offset), length) };
    if gone.is_err() {
        return true;
    }
    control.uncommit(length as u64);
    false
}

unsafe extern "C" fn destroy(
    hooks: *mut extent_hooks_t,
    start: *mut c_void,
    size: usize,
    committed: bool,
    _arena: c_uint,
) {
    if committed {
        // SAFETY: jemalloc hands its arena's hooks.
        let control = unsafe { control(hooks) };
        // The whole mapping goes soon after the arena; a refusal here would leave pages until then.
        // SAFETY: the extent came from `alloc`, and its arena ends.
        let _ = unsafe { control.space.discard(start.cast(), size) };
        control.uncommit(size as u64);
    }
}

unsafe extern "C" fn split(
    _hooks: *mut extent_hooks_t,
    _start: *mut c_void,
    _size: usize,
    _left: usize,
    _right: usize,
    _committed: bool,
    _arena: c_uint,
) -> bool {
    false
}

unsafe extern "C" fn merge(
    _hooks: *mut extent_hooks_t,
    _left: *mut c_void,
    _left_size: usize,
    _right: *mut c_void,
    _right_size: usize,
    _committed: bool,
    _arena: c_uint,
) -> bool {
    // All of an arena's extents lie in one mapping, so neighbours may always become one.
    false
}
