//! A stack of slot numbers without locks: the free list of segments.
//!
//! A stack and not a queue, for two reasons. The slot given last is taken next, so that few pages are ever touched. And
//! giving ends with *one* compare-exchange, after which the giver touches nothing: whoever takes the slot may free the
//! stack at once. A queue's push touches the queue after the element is visible, so that each giver would have to own a
//! count of the queue, at two atomic additions a pair.
//!
//! The top is one word: a number, a flag, and a tag that changes with each push, so that a thread that slept between
//! reading the word and replacing it does not take an old top for the present one (37 bits: more than an hour of
//! pushing without a pause).

use crate::sync::{AtomicU32, AtomicU64, Ordering};

const NUMBER_BITS: u32 = 26;
const NONE: u64 = (1 << NUMBER_BITS) - 1;
const SLOW: u64 = 1 << NUMBER_BITS;
const TAG_ONE: u64 = SLOW << 1;

/// The most numbers that stacks can hold.
pub(crate) const NUMBERS_MAX: u64 = NONE;

/// What lies below each number; shared by all stacks of these numbers, since a number lies in at most one.
pub(crate) struct Links(Box<[AtomicU32]>);

impl Links {
    pub(crate) fn new(count: u32) -> Self {
        Self((0..count).map(|_| AtomicU32::new(0)).collect())
    }
}

/// The word of a stack as it was read.
#[derive(Clone, Copy)]
pub(crate) struct Top(u64);

impl Top {
    /// Whether pushing quickly is not allowed now.
    pub(crate) fn is_slow(self) -> bool {
        self.0 & SLOW != 0
    }
}

/// Numbers, the last one pushed first. On a cache line of its own: threads fight for nothing else.
#[repr(align(128))]
pub(crate) struct Stack(AtomicU64);

impl Stack {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(NONE))
    }

    /// Reads the word, for [`Self::replace`].
    #[inline]
    pub(crate) fn top(&self) -> Top {
        Top(self.0.load(Ordering::Acquire))
    }

    /// The atomic word itself: the one thing that [`Self::replacement`]'s user touches last.
    #[inline]
    pub(crate) fn word(&self) -> &AtomicU64 {
        &self.0
    }

    /// Links a number above `top` and returns the words to exchange: `(old, new)`. The flag stays as it is.
    #[inline]
    pub(crate) fn replacement(top: Top, links: &Links, number: u32) -> (u64, u64) {
        let below = (top.0 & NONE) as u32;
        links.0[number as usize].store(below, Ordering::Relaxed);
        (top.0, (top.0 & !NONE).wrapping_add(TAG_ONE) | u64::from(number))
    }

    /// Pushes, whatever the flag says.
    pub(crate) fn push(&self, links: &Links, number: u32) {
        loop {
            let (old, new) = Self::replacement(self.top(), links, number);
            if self.0.compare_exchange_weak(old, new, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                return;
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

    /// Sets the flag: from now on nobody pushes quickly; what was pushed before is visible.
    pub(crate) fn set_slow(&self) {
        self.0.fetch_or(SLOW, Ordering::AcqRel);
    }

    /// Clears the flag.
    pub(crate) fn clear_slow(&self) {
        self.0.fetch_and(!SLOW, Ordering::AcqRel);
    }

    /// Makes every push begin again that read the word before now: it then sees what was stored before this call.
    pub(crate) fn begin_again(&self) {
        self.0.fetch_add(TAG_ONE, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(stack: &Stack, links: &Links) -> Vec<u32> {
        std::iter::from_fn(|| stack.pop(links)).collect()
    }

    #[test]
    fn the_last_pushed_is_the_first_taken() {
        let (stack, links) = (Stack::new(), Links::new(4));
        assert!(stack.is_empty());
        assert_eq!(stack.pop(&links), None);
        for number in [2, 0, 3] {
            stack.push(&links, number);
        }
        assert!(!stack.is_empty());
        assert_eq!(stack.pop(&links), Some(3));
        stack.push(&links, 1);
        assert_eq!(drain(&stack, &links), [1, 0, 2]);
        assert!(stack.is_empty());
    }

    #[test]
    fn the_flag_survives_pushes_and_pops() {
        let (stack, links) = (Stack::new(), Links::new(2));
        stack.set_slow();
        stack.push(&links, 1);
        assert!(stack.top().is_slow());
        assert_eq!(stack.pop(&links), Some(1));
        assert!(stack.top().is_slow() && stack.is_empty());
        stack.clear_slow();
        assert!(!stack.top().is_slow());
    }

    #[test]
    fn a_push_begins_again_after_a_change() {
        let (stack, links) = (Stack::new(), Links::new(2));
        let (old, new) = Stack::replacement(stack.top(), &links, 0);
        stack.begin_again();
        assert!(stack.word().compare_exchange(old, new, Ordering::AcqRel, Ordering::Relaxed).is_err());
        assert!(stack.is_empty());
    }

    /// The tag is what stops a sleeper: taken and given back, the same number lies on top, over something else.
    #[test]
    fn an_old_top_is_not_taken_for_the_present_one() {
        let (stack, links) = (Stack::new(), Links::new(3));
        stack.push(&links, 0);
        stack.push(&links, 1);
        let before = stack.top();
        assert_eq!(stack.pop(&links), Some(1));
        assert_eq!(stack.pop(&links), Some(0));
        stack.push(&links, 2);
        stack.push(&links, 1);
        let (old, new) = (before.0, before.0 & !NONE);
        assert!(stack.word().compare_exchange(old, new, Ordering::AcqRel, Ordering::Relaxed).is_err());
        assert_eq!(drain(&stack, &links), [1, 2]);
    }

    #[test]
    fn the_tag_wraps() {
        let (stack, links) = (Stack::new(), Links::new(1));
        stack.0.fetch_add(u64::MAX << (NUMBER_BITS + 1), Ordering::Relaxed);
        stack.set_slow();
        stack.push(&links, 0);
        assert!(stack.top().is_slow());
        stack.begin_again();
        assert_eq!(drain(&stack, &links), [0]);
        assert!(stack.top().is_slow());
    }
}
