//! A mapping cut into slots of one size, and the right to each slot.
//!
//! Address space is reserved without swap behind it; a page costs memory from its first touch until it is decommitted.
//! A [`Token`] is the right to one slot: each is made once, and there is no way to copy one.
#![expect(unsafe_code, reason = "the slots' memory is the kernel's; each block has its proof")]

use std::error::Error;
use std::fmt;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64 as CountOfSlabs;

use super::stack::{Links, NUMBERS_MAX, Stack};
use crate::sync::{AtomicBool, AtomicU64, Ordering};

/// What is wrong with the sizes of segments, or why there is no address space for them. Nothing was allocated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SlabError {
    /// The size of a segment is not a power of two, or smaller than a page: choose another.
    SegmentSize {
        /// The size asked for, in bytes.
        segment_bytes: u64,
        /// The page of this machine, in bytes.
        page_bytes: u64,
    },
    /// Not one segment fits into the memory: give more, or choose smaller segments.
    TooSmall {
        /// What there is, in bytes.
        total_bytes: u64,
        /// The size of a segment, in bytes.
        segment_bytes: u64,
    },
    /// More segments than can be numbered: choose larger ones.
    TooMany {
        /// How many were asked for.
        segments: u64,
        /// The size of a segment, in bytes.
        segment_bytes: u64,
    },
    /// The kernel has no address space for them: look at its limits (`ulimit -v`, `vm.max_map_count`).
    Mapping {
        /// How much was asked for, in bytes.
        total_bytes: u64,
        /// What the kernel said.
        reason: String,
    },
}

impl fmt::Display for SlabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SegmentSize { segment_bytes, page_bytes } => write!(
                f,
                "segments of {segment_bytes} bytes: the size must be a power of two and at least {page_bytes} bytes, \
                 the page of this machine; set taskmanager.memory.segment-size"
            ),
            Self::TooSmall { total_bytes, segment_bytes } => write!(
                f,
                "{total_bytes} bytes do not hold one segment of {segment_bytes} bytes; give the pool more memory or \
                 set a smaller taskmanager.memory.segment-size"
            ),
            Self::TooMany { segments, segment_bytes } => write!(
                f,
                "{segments} segments of {segment_bytes} bytes are more than the {NUMBERS_MAX} that can be numbered; \
                 set a larger taskmanager.memory.segment-size"
            ),
            Self::Mapping { total_bytes, reason } => write!(
                f,
                "no address space for {total_bytes} bytes of segments ({reason}); look at `ulimit -v` and \
                 vm.max_map_count"
            ),
        }
    }
}

impl Error for SlabError {}

/// The page of this machine in bytes, and never less than Flink's smallest segment.
pub(crate) fn page_bytes() -> u64 {
    const SMALLEST: u64 = 4096;
    // SAFETY: sysconf reads a number and has no preconditions.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u64::try_from(page).unwrap_or(SMALLEST).max(SMALLEST)
}

/// The memory behind the slots: zeroed, writable, at one address until it is dropped.
#[cfg(not(miri))]
mod source {
    use std::io;
    use std::ptr::NonNull;

    pub(super) struct Source(memmap2::MmapRaw);

    impl Source {
        pub(super) fn new(bytes: usize) -> io::Result<Self> {
            let map = memmap2::MmapOptions::new().len(bytes).no_reserve_swap().map_anon()?;
            Ok(Self(map.into()))
        }

        pub(super) fn base(&self) -> NonNull<u8> {
            NonNull::new(self.0.as_mut_ptr()).expect("a mapping is never at address zero")
        }

        /// # Safety
        /// No reference into the range is alive.
        pub(super) unsafe fn discard(&self, offset: usize, bytes: usize) -> io::Result<()> {
            // SAFETY: the content is lost, and nobody looks at it, by this function's own contract.
            unsafe { self.0.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, offset, bytes) }
        }
    }
}

/// The same from the allocator: Miri knows neither advice nor mappings without reserve.
#[cfg(miri)]
mod source {
    use std::alloc::{Layout, alloc_zeroed, dealloc};
    use std::io;
    use std::ptr::NonNull;

    pub(super) struct Source(NonNull<u8>, Layout);

    // SAFETY: the pointer is the only one to memory of its own.
    unsafe impl Send for Source {}
    // SAFETY: nothing is read or written through a shared `Source`.
    unsafe impl Sync for Source {}

    impl Source {
        pub(super) fn new(bytes: usize) -> io::Result<Self> {
            let layout = Layout::from_size_align(bytes, 4096).map_err(io::Error::other)?;
            // SAFETY: a slab has at least one slot, so the size is not zero.
            let base = NonNull::new(unsafe { alloc_zeroed(layout) });
            Ok(Self(base.ok_or(io::ErrorKind::OutOfMemory)?, layout))
        }

        pub(super) fn base(&self) -> NonNull<u8> {
            self.0
        }

        /// # Safety
        /// No reference into the range is alive.
        pub(super) unsafe fn discard(&self, offset: usize, bytes: usize) -> io::Result<()> {
            // SAFETY: the range lies inside; nobody looks at it, by this function's own contract.
            unsafe { self.0.add(offset).write_bytes(0, bytes) };
            Ok(())
        }
    }

    impl Drop for Source {
        fn drop(&mut self) {
            // SAFETY: allocated in `new` with this layout.
            unsafe { dealloc(self.0.as_ptr(), self.1) }
        }
    }
}

/// The right to one slot of one slab. Dropped, the slot is lost until the slab ends.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) struct Token {
    number: u32,
    slab: u64,
}

impl Token {
    /// Makes the token anew for a number that a stack kept: only where the old one was consumed.
    pub(super) fn again(number: u32, slab: u64) -> Self {
        Self { number, slab }
    }

    /// Gives the right away: to a stack, or to a slot.
    pub(super) fn spend(self) -> u32 {
        self.number
    }
}

/// All tokens of a new slab, in order.
#[derive(Debug)]
pub(crate) struct Tokens {
    next: u32,
    end: u32,
    slab: u64,
}

impl Iterator for Tokens {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let number = self.next;
        (number < self.end).then(|| {
            self.next += 1;
            Token { number, slab: self.slab }
        })
    }
}

/// A mapping cut into slots of one size.
pub(crate) struct Slab {
    source: source::Source,
    /// Tells the tokens of this slab from those of another.
    id: u64,
    slot_bytes: u32,
    slot_count: u32,
    links: Links,
    touched: Box<[AtomicBool]>,
    committed_bytes: AtomicU64,
}

impl Slab {
    /// Reserves address space for `total_bytes / slot_bytes` slots, rounded down.
    ///
    /// # Errors
    /// Sizes that do not fit, and what the kernel refuses.
    pub(crate) fn new(slot_bytes: u64, total_bytes: u64) -> Result<(Self, Tokens), SlabError> {
        // the standard library's own: a name and no part of any schedule
        static NEXT: CountOfSlabs = CountOfSlabs::new(0);
        let slot_count = Self::count(slot_bytes, total_bytes)?;
        let mapped_bytes = slot_bytes * u64::from(slot_count);
        let refused = |reason: String| SlabError::Mapping { total_bytes: mapped_bytes, reason };
        let bytes = usize::try_from(mapped_bytes).map_err(|error| refused(error.to_string()))?;
        let source = source::Source::new(bytes).map_err(|error| refused(error.to_string()))?;
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let slab = Self {
            source,
            id,
            slot_bytes: u32::try_from(slot_bytes).expect("checked in count"),
            slot_count,
            links: Links::new(slot_count),
            touched: (0..slot_count).map(|_| AtomicBool::new(false)).collect(),
            committed_bytes: AtomicU64::new(0),
        };
        Ok((slab, Tokens { next: 0, end: slot_count, slab: id }))
    }

    /// How many slots fit.
    ///
    /// # Errors
    /// Sizes that do not fit.
    pub(crate) fn count(slot_bytes: u64, total_bytes: u64) -> Result<u32, SlabError> {
        let page_bytes = page_bytes();
        let is_size = slot_bytes.is_power_of_two() && slot_bytes >= page_bytes;
        if !is_size || u32::try_from(slot_bytes).is_err() {
            return Err(SlabError::SegmentSize { segment_bytes: slot_bytes, page_bytes });
        }
        let slots = total_bytes / slot_bytes;
        match u32::try_from(slots) {
            Ok(0) => Err(SlabError::TooSmall { total_bytes, segment_bytes: slot_bytes }),
            Ok(count) if slots <= NUMBERS_MAX => Ok(count),
            _ => Err(SlabError::TooMany { segments: slots, segment_bytes: slot_bytes }),
        }
    }

    pub(crate) fn slot_bytes(&self) -> u32 {
        self.slot_bytes
    }

    pub(crate) fn slot_count(&self) -> u32 {
        self.slot_count
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Where the first slot begins.
    pub(super) fn base(&self) -> NonNull<u8> {
        self.source.base()
    }

    fn offset(&self, number: u32) -> usize {
        number as usize * self.slot_bytes as usize
    }

    /// Whether the token was made by this slab.
    pub(super) fn owns(&self, token: &Token) -> bool {
        token.slab == self.id
    }

    fn check(&self, token: &Token) {
        assert!(self.owns(token), "a token of another slab");
    }

    /// Counts a slot as committed, before it is handed to somebody who will touch it.
    pub(crate) fn commit(&self, token: &Token) {
        self.check(token);
        if !self.touched[token.number as usize].swap(true, Ordering::AcqRel) {
            self.committed_bytes.fetch_add(u64::from(self.slot_bytes), Ordering::AcqRel);
        }
    }

    /// Commits a slot and makes its pages resident now, so that nobody waits for the kernel later. Its bytes are zero.
    pub(crate) fn populate(&self, token: &Token) {
        self.commit(token);
        let offset = self.offset(token.number);
        for page in (0..self.slot_bytes as usize).step_by(4096) {
            // SAFETY: inside the slot, and the token is the only right to it: no reference into it is alive.
            unsafe { self.base().add(offset + page).write_volatile(0) };
        }
    }

    /// Gives a slot's pages back to the kernel; its bytes are zero when it is touched again.
    ///
    /// Returns whether the kernel did: if not (locked memory), the slot stays committed.
    pub(crate) fn decommit(&self, token: &Token) -> bool {
        self.check(token);
        let touched = &self.touched[token.number as usize];
        if !touched.load(Ordering::Acquire) {
            return true;
        }
        // SAFETY: the token is the only right to the slot: no reference into it is alive.
        let done =
            unsafe { self.source.discard(self.offset(token.number), self.slot_bytes as usize) }.is_ok();
        if done {
            touched.store(false, Ordering::Release);
            self.committed_bytes.fetch_sub(u64::from(self.slot_bytes), Ordering::AcqRel);
        }
        done
    }

    /// Bytes of slots that may have been touched.
    pub(crate) fn committed_bytes(&self) -> u64 {
        self.committed_bytes.load(Ordering::Acquire)
    }

    /// Bytes that the kernel holds in memory for the mapping; `None` where it does not say.
    #[cfg(not(miri))]
    pub(crate) fn resident_bytes(&self) -> Option<u64> {
        const PAGES: usize = 4096;
        let page = usize::try_from(page_bytes()).ok()?;
        let (base, end) = (self.source.base(), self.slot_count as usize * self.slot_bytes as usize);
        let mut states = [0_u8; PAGES];
        let mut resident = 0;
        for from in (0..end).step_by(PAGES * page) {
            let length = (end - from).min(PAGES * page);
            // SAFETY: the range lies inside the mapping, page-aligned; one byte a page is written, and `states` has
            // that many.
            let failed =
                unsafe { libc::mincore(base.add(from).as_ptr().cast(), length, states.as_mut_ptr()) } != 0;
            if failed {
                return None;
            }
            resident += states[..length / page].iter().filter(|state| **state & 1 == 1).count();
        }
        Some(resident as u64 * page as u64)
    }

    #[cfg(miri)]
    pub(crate) fn resident_bytes(&self) -> Option<u64> {
        None
    }
}

/// Tokens nobody uses, last in first out, without a lock and without an allocation.
pub(crate) struct TokenStack {
    stack: Stack,
    slab: u64,
}

impl TokenStack {
    pub(crate) fn new(slab: &Slab) -> Self {
        Self { stack: Stack::new(), slab: slab.id }
    }

    /// Pushes; says whether the stack was marked when it did.
    pub(crate) fn push(&self, slab: &Slab, token: Token) -> bool {
        slab.check(&token);
        assert_eq!(self.slab, slab.id, "a stack of another slab");
        self.stack.push(&slab.links, token.spend())
    }

    pub(crate) fn pop(&self, slab: &Slab) -> Option<Token> {
        assert_eq!(self.slab, slab.id, "a stack of another slab");
        self.stack.pop(&slab.links).map(|number| Token { number, slab: self.slab })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.stack.is_empty()
    }

    /// Asks those who push from now on to say so.
    pub(crate) fn mark(&self) {
        self.stack.mark();
    }

    /// Ends [`Self::mark`].
    pub(crate) fn unmark(&self) {
        self.stack.unmark();
    }
}
