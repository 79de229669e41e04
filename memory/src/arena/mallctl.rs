//! jemalloc's control interface, typed: a name and the type of its value are written down once.
//!
//! A name is resolved to numbers (jemalloc's *MIB*) at its first use, so that asking again costs no text search.

use std::error::Error;
use std::ffi::{CStr, c_int, c_void};
use std::fmt;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;

use tikv_jemalloc_sys as sys;

/// jemalloc said no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MallctlError {
    /// The name in jemalloc's tree, with `<i>` as 0.
    pub name: &'static str,
    /// What to do about it.
    pub kind: MallctlErrorKind,
}

/// The kinds of [`MallctlError`], by what the caller should do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MallctlErrorKind {
    /// This jemalloc has no such name, or no such arena: it was built without a feature, or the arena is destroyed.
    Unknown,
    /// The value is of another type than we wrote down: the versions of jemalloc and of this crate do not fit.
    Type,
    /// The memory for the request could not be had: enlarge the pool or free memory, then try again.
    Memory,
    /// Refused for another reason, by its errno.
    Refused(i32),
}

impl fmt::Display for MallctlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name;
        match self.kind {
            MallctlErrorKind::Unknown => {
                write!(f, "jemalloc has no {name} here; it was built without it or the arena is gone")
            }
            MallctlErrorKind::Type => {
                write!(f, "jemalloc's {name} is of another type; use the jemalloc of Cargo.lock")
            }
            MallctlErrorKind::Memory => {
                write!(f, "jemalloc could not get the memory for {name}; enlarge the pool or free some")
            }
            MallctlErrorKind::Refused(errno) => write!(f, "jemalloc refused {name} with error {errno}"),
        }
    }
}

impl Error for MallctlError {}

/// Types that jemalloc reads and writes, plain bytes of C.
///
/// # Safety
/// Any bytes that jemalloc writes for a name of this type are a value of it.
pub(super) unsafe trait Plain: Copy {}
// SAFETY: integers have no invalid bytes; jemalloc writes its bool as 0 or 1 only.
unsafe impl Plain for u64 {}
// SAFETY: as above.
unsafe impl Plain for usize {}
// SAFETY: as above.
unsafe impl Plain for isize {}
// SAFETY: as above.
unsafe impl Plain for u32 {}
// SAFETY: as above; C's bool has Rust's size and values.
unsafe impl Plain for bool {}
// SAFETY: a pointer has no invalid bytes.
unsafe impl Plain for *mut sys::extent_hooks_t {}

/// A name of jemalloc's tree with `N` parts, whose value is a `T`.
#[derive(Debug)]
pub(super) struct Name<T, const N: usize> {
    text: &'static CStr,
    mib: OnceLock<[usize; N]>,
    value: PhantomData<fn() -> T>,
}

impl<T, const N: usize> Name<T, N> {
    /// # Safety
    /// `T` is the type that jemalloc's manual states for this name, and setting it cannot harm memory that is in use.
    pub(super) const unsafe fn new(text: &'static CStr) -> Self {
        Self { text, mib: OnceLock::new(), value: PhantomData }
    }

    fn error(&self, errno: c_int) -> MallctlError {
        let kind = match errno {
            libc::ENOENT => MallctlErrorKind::Unknown,
            libc::EINVAL => MallctlErrorKind::Type,
            libc::EAGAIN | libc::ENOMEM => MallctlErrorKind::Memory,
            other => MallctlErrorKind::Refused(other),
        };
        MallctlError { name: self.text.to_str().unwrap_or("a name that is no text"), kind }
    }

    fn mib(&self) -> Result<[usize; N], MallctlError> {
        if let Some(mib) = self.mib.get() {
            return Ok(*mib);
        }
        let mut mib = [0; N];
        let mut length = N;
        // SAFETY: the text ends with NUL, the array has room for the `length` parts that it says.
        let errno = unsafe { sys::mallctlnametomib(self.text.as_ptr(), mib.as_mut_ptr(), &raw mut length) };
        if errno != 0 {
            return Err(self.error(errno));
        }
        if length != N {
            return Err(self.error(libc::EINVAL));
        }
        Ok(*self.mib.get_or_init(|| mib))
    }

    /// The same name below another index: part `1` of `arena.<i>.…`, part `2` of `stats.arenas.<i>.…`.
    fn mib_at(&self, part: usize, index: u32) -> Result<[usize; N], MallctlError> {
        let mut mib = self.mib()?;
        mib[part] = index as usize;
        Ok(mib)
    }

    fn call<Out: Plain, In: Plain>(
        &self,
        mib: &[usize; N],
        out: Option<&mut MaybeUninit<Out>>,
        new: Option<In>,
    ) -> Result<(), MallctlError> {
        let mut size = size_of::<Out>();
        let reads = out.is_some();
        let old = out.map_or(ptr::null_mut(), |out| out.as_mut_ptr().cast::<c_void>());
        let mut value = new;
        let (new, new_size) = match &mut value {
            Some(value) => (ptr::from_mut(value).cast::<c_void>(), size_of::<In>()),
            None => (ptr::null_mut(), 0),
        };
        let size_pointer = if reads { &raw mut size } else { ptr::null_mut() };
        // SAFETY: the MIB came from this name; jemalloc checks both sizes against the name's type before it copies, and
        // both places live through the call. That the effect is harmless was promised in `new`.
        let errno = unsafe { sys::mallctlbymib(mib.as_ptr(), N, old, size_pointer, new, new_size) };
        if errno != 0 {
            return Err(self.error(errno));
        }
        if reads && size != size_of::<Out>() {
            return Err(self.error(libc::EINVAL));
        }
        Ok(())
    }
}

impl<T: Plain, const N: usize> Name<T, N> {
    fn get(&self, mib: &[usize; N]) -> Result<T, MallctlError> {
        let mut out = MaybeUninit::uninit();
        self.call(mib, Some(&mut out), None::<T>)?;
        // SAFETY: the call succeeded and wrote the whole of `out`; `Plain` takes any bytes that jemalloc writes.
        Ok(unsafe { out.assume_init() })
    }

    /// The value.
    pub(super) fn read(&self) -> Result<T, MallctlError> {
        self.get(&self.mib()?)
    }

    /// The value of one arena.
    #[cfg(test)]
    pub(super) fn read_arena(&self, arena: u32) -> Result<T, MallctlError> {
        self.get(&self.mib_at(1, arena)?)
    }

    /// Sets the value.
    pub(super) fn write(&self, value: T) -> Result<(), MallctlError> {
        self.call::<T, T>(&self.mib()?, None, Some(value))
    }

    /// Hands in a value of another type and returns the name's own: `arenas.create`.
    pub(super) fn exchange<In: Plain>(&self, value: In) -> Result<T, MallctlError> {
        let mut out = MaybeUninit::uninit();
        self.call(&self.mib()?, Some(&mut out), Some(value))?;
        // SAFETY: the call succeeded and wrote the whole of `out`.
        Ok(unsafe { out.assume_init() })
    }
}

impl<const N: usize> Name<(), N> {
    /// Does what the name says for one arena: `arena.<i>.purge`.
    pub(super) fn act(&self, arena: u32) -> Result<(), MallctlError> {
        self.call::<u64, u64>(&self.mib_at(1, arena)?, None, None)
    }
}

/// jemalloc's own counts, of all arenas together, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JemallocStats {
    /// In objects that the program holds (those in thread caches included).
    pub allocated_bytes: u64,
    /// In pages that hold at least one object.
    pub active_bytes: u64,
    /// In jemalloc's own bookkeeping.
    pub metadata_bytes: u64,
    /// At most this much is in physical memory: active, metadata and unused dirty pages.
    pub resident_bytes: u64,
    /// In extents that are in use by jemalloc, touched or not.
    pub mapped_bytes: u64,
    /// Address space that jemalloc keeps without memory behind it.
    pub retained_bytes: u64,
}

/// What jemalloc counts at this moment. Costs a few microseconds for each arena: jemalloc sums them anew.
///
/// # Errors
/// [`MallctlErrorKind::Unknown`] where jemalloc was built without statistics.
pub fn stats() -> Result<JemallocStats, MallctlError> {
    // SAFETY (all seven): an unsigned 64 bit epoch, and sizes as the manual states; reading them changes nothing,
    // writing the epoch makes jemalloc sum its counts.
    static EPOCH: Name<u64, 1> = unsafe { Name::new(c"epoch") };
    static ALLOCATED: Name<usize, 2> = unsafe { Name::new(c"stats.allocated") };
    static ACTIVE: Name<usize, 2> = unsafe { Name::new(c"stats.active") };
    static METADATA: Name<usize, 2> = unsafe { Name::new(c"stats.metadata") };
    static RESIDENT: Name<usize, 2> = unsafe { Name::new(c"stats.resident") };
    static MAPPED: Name<usize, 2> = unsafe { Name::new(c"stats.mapped") };
    static RETAINED: Name<usize, 2> = unsafe { Name::new(c"stats.retained") };
    EPOCH.write(1)?;
    Ok(JemallocStats {
        allocated_bytes: ALLOCATED.read()? as u64,
        active_bytes: ACTIVE.read()? as u64,
        metadata_bytes: METADATA.read()? as u64,
        resident_bytes: RESIDENT.read()? as u64,
        mapped_bytes: MAPPED.read()? as u64,
        retained_bytes: RETAINED.read()? as u64,
    })
}

/// The start-up options of jemalloc that decide how much of a pool is usable, as this process runs with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JemallocOptions {
    /// Large objects are padded by a page to spread them over cache sets. A pool wants `false`.
    pub cache_oblivious: bool,
    /// Large objects are rounded up to pages only, which makes freed extents fit few others. A pool wants `false`.
    pub disable_large_size_classes: bool,
    /// Address space is kept rather than returned. A pool wants `true`.
    pub retain: bool,
    /// Arenas for threads at large.
    pub narenas: u32,
    /// Milliseconds until unused dirty pages are purged, -1 for never.
    pub dirty_decay_ms: i64,
}

impl JemallocOptions {
    /// True if a pool can hand out what its usable share promises.
    pub fn suits_pools(&self) -> bool {
        !self.cache_oblivious && !self.disable_large_size_classes && self.retain
    }
}

/// Reads the options back from the running jemalloc.
///
/// # Errors
/// [`MallctlErrorKind::Unknown`] where jemalloc is older than 5.3.1.
pub fn options() -> Result<JemallocOptions, MallctlError> {
    // SAFETY (all five): types as the manual states; these names can only be read.
    static CACHE_OBLIVIOUS: Name<bool, 2> = unsafe { Name::new(c"opt.cache_oblivious") };
    static DISABLE: Name<bool, 2> = unsafe { Name::new(c"opt.disable_large_size_classes") };
    static RETAIN: Name<bool, 2> = unsafe { Name::new(c"opt.retain") };
    static NARENAS: Name<u32, 2> = unsafe { Name::new(c"opt.narenas") };
    static DIRTY_DECAY: Name<isize, 2> = unsafe { Name::new(c"opt.dirty_decay_ms") };
    Ok(JemallocOptions {
        cache_oblivious: CACHE_OBLIVIOUS.read()?,
        disable_large_size_classes: DISABLE.read()?,
        retain: RETAIN.read()?,
        narenas: NARENAS.read()?,
        dirty_decay_ms: DIRTY_DECAY.read()? as i64,
    })
}

/// Gives jemalloc's unused dirty pages of every arena back to the kernel. Milliseconds for each GiB of them.
///
/// # Errors
/// Those of jemalloc; none is known for this name.
pub fn purge_all() -> Result<(), MallctlError> {
    /// jemalloc's index for all arenas at once (`MALLCTL_ARENAS_ALL`).
    const ALL: u32 = 4096;
    purge_arena(ALL)
}

/// Creates an arena whose pages come through `hooks`.
///
/// # Safety
/// The hooks follow jemalloc's rules and stay where they are until the arena is destroyed.
///
/// # Errors
/// [`MallctlErrorKind::Memory`] if the hooks refused the arena's first pages, or if there are too many arenas.
pub(super) unsafe fn create_arena(hooks: *mut sys::extent_hooks_t) -> Result<u32, MallctlError> {
    // SAFETY: an unsigned out, hooks in, as the manual states; that the hooks are good is our caller's promise.
    static CREATE: Name<u32, 2> = unsafe { Name::new(c"arenas.create") };
    CREATE.exchange(hooks)
}

/// Ends an arena and all objects in it.
///
/// # Safety
/// Nobody uses an object of the arena, or asks it for one, now or later.
///
/// # Errors
/// [`MallctlErrorKind::Refused`] while a thread is bound to the arena.
pub(super) unsafe fn destroy_arena(arena: u32) -> Result<(), MallctlError> {
    // SAFETY: takes no value; that the arena is unused is our caller's promise.
    static DESTROY: Name<(), 3> = unsafe { Name::new(c"arena.0.destroy") };
    DESTROY.act(arena)
}

/// Gives one arena's unused dirty pages back.
pub(super) fn purge_arena(arena: u32) -> Result<(), MallctlError> {
    // SAFETY: takes no value; purging drops only pages that hold no object.
    static PURGE: Name<(), 3> = unsafe { Name::new(c"arena.0.purge") };
    PURGE.act(arena)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_follow_an_allocation() {
        let before = stats().unwrap();
        // SAFETY: a plain allocation, freed below with the same pointer.
        let block = unsafe { sys::malloc(64 << 20) };
        assert!(!block.is_null());
        let during = stats().unwrap();
        // SAFETY: the block came from `malloc` and is freed once.
        unsafe { sys::free(block) };
        assert!(during.allocated_bytes >= before.allocated_bytes + (60 << 20), "{before:?} {during:?}");
        assert!(during.active_bytes >= during.allocated_bytes, "{during:?}");
        assert!(during.mapped_bytes >= during.active_bytes, "{during:?}");
        purge_all().unwrap();
    }

    #[test]
    fn a_name_that_is_not_there_is_unknown() {
        // SAFETY: the name does not exist, so nothing is read.
        static ABSENT: Name<u64, 2> = unsafe { Name::new(c"opt.plimsoll") };
        let error = ABSENT.read().unwrap_err();
        assert_eq!(error.kind, MallctlErrorKind::Unknown);
        assert_eq!(
            error.to_string(),
            "jemalloc has no opt.plimsoll here; it was built without it or the arena is gone"
        );
    }

    #[test]
    fn a_value_of_another_type_is_no_value() {
        // SAFETY: the type is wrong on purpose; jemalloc compares the size first and copies no more than it.
        static WRONG: Name<u64, 2> = unsafe { Name::new(c"opt.retain") };
        assert_eq!(WRONG.read().unwrap_err().kind, MallctlErrorKind::Type);
    }

    #[test]
    fn an_arena_is_asked_by_its_index() {
        // SAFETY: the type is that of the manual; only read.
        static DECAY: Name<isize, 3> = unsafe { Name::new(c"arena.0.dirty_decay_ms") };
        assert!(DECAY.read_arena(0).unwrap() >= -1);
        assert_eq!(DECAY.read_arena(4000).unwrap_err().kind, MallctlErrorKind::Unknown);
    }

    #[test]
    fn the_options_of_this_process_can_be_read() {
        assert!(options().unwrap().narenas >= 1);
    }
}
