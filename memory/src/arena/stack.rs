//! A stack of slot numbers without locks: the slots that belong to no home.
//!
//! All stacks of a slab share one array of links, since a number lies in at most one: an empty stack costs a word. The
//! slot pushed last is taken next, so that few pages are ever touched.
//!
//! The top is one word: a number, a mark, and a tag that changes with each push, so that a thread that slept between
//! reading the word and replacing it does not take an old top for the present one (37 bits: more than an hour of
//! pushing without a pause).

use crate::sync::{AtomicU32, AtomicU64, Ordering};

pub(super) const NUMBER_BITS: u32 = 26;
pub(super) const NONE: u64 = (1 << NUMBER_BITS) - 1;
const MARK: u64 = 1 << NUMBER_BITS;
const TAG_ONE: u64 = MARK << 1;

/// The most numbers that stacks can hold.
pub(crate) const NUMBERS_MAX: u64 = NONE;

/// What lies below each number; shared by all stacks of these numbers, since a number lies in at most one.
pub(crate) struct Links(Box<[AtomicU32]>);

impl Links {
    pub(crate) fn new(count: u32) -> Self {
        Self((0..count).map(|_| AtomicU32::new(0)).collect())
    }
}

/// Numbers, the last one pushed first. On a cache line of its own: threads fight for nothing else.
#[repr(align(128))]
pub(crate) struct Stack(pub(super) AtomicU64);

impl Stack {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(NONE))
    }

    /// Pushes; says whether the mark was set at that moment.
    pub(crate) fn push(&self, links: &Links, number: u32) -> bool {
        let mut old = self.0.load(Ordering::Acquire);
        loop {
            links.0[number as usize].store((old & NONE) as u32, Ordering::Relaxed);
            let new = (old & !NONE).wrapping_add(TAG_ONE) | u64::from(number);
            match self.0.compare_exchange_weak(old, new, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return old & MARK != 0,
                Err(now) => old = now,
            }
        }
    }

    /// Takes the number pushed last.
    #[inline]
    pub(crate) fn pop(&self, links: &Links) -> Option<u32> {
        let mut old = self.0.load(Ordering::Acquire);
        loop {
            let number = (old & NONE) as u32;
            // an empty stack's number lies beyond the links
            let below = links.0.get(number as usize)?.load(Ordering::Relaxed);
            let new = (old & !NONE) | u64::from(below);
            match self.0.compare_exchange_weak(old, new, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(number),
                Err(now) => old = now,
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.load(Ordering::Acquire) & NONE == NONE
    }

    /// Sets the mark: each push from now on says so.
    pub(crate) fn mark(&self) {
        self.0.fetch_or(MARK, Ordering::AcqRel);
    }

    /// Clears the mark.
    pub(crate) fn unmark(&self) {
        self.0.fetch_and(!MARK, Ordering::AcqRel);
    }
}
