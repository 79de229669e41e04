//! A ring of slot numbers without locks: where the slots of a home are parked.
//!
//! As `crossbeam`'s `ArrayQueue`, with two differences that a home needs. The word that a push exchanges carries a flag
//! and a generation, so that a push fails when the home was closed, or when what was asked before the push holds no
//! more. And a push ends with *one* store, after which it touches nothing: whoever takes the number may free the ring
//! at once. `ArrayQueue::push` holds a reference to the queue until it returns, so that each giver would have to own a
//! count of the queue, at two atomic additions a pair.
//!
//! Each cell is one word: the number, and a stamp that says whose turn it is. At position `p`, a cell with stamp `p`
//! may be pushed to, one with `p + 1` popped from; a pop leaves `p + capacity`. Stamps are cut to 38 bits: they are
//! compared only with positions less than a lap away. The tail is a generation (16 bits), a position (47), the flag
//! (1).

use crossbeam::utils::Backoff;

use crate::sync::{AtomicU64, Ordering};

pub(super) const NUMBER_BITS: u32 = 26;
const NUMBER: u64 = (1 << NUMBER_BITS) - 1;
pub(super) const STAMP: u64 = u64::MAX >> NUMBER_BITS;
const SLOW: u64 = 1;
pub(super) const POSITION_ONE: u64 = 2;
pub(super) const POSITION: u64 = (1 << 47) - 1;
const GENERATION_ONE: u64 = 1 << 48;

/// On a cache line of its own, and apart from the line that is fetched along.
#[repr(align(128))]
pub(super) struct Line(pub(super) AtomicU64);

/// Numbers in the order in which they came.
pub(crate) struct Ring {
    pub(super) head: Line,
    pub(super) tail: Line,
    pub(super) cells: Box<[AtomicU64]>,
}

/// The tail as it was read: what a push is about to replace.
#[derive(Clone, Copy)]
pub(crate) struct Tail(u64);

impl Tail {
    /// Whether pushing quickly is not allowed now.
    #[inline]
    pub(crate) fn is_slow(self) -> bool {
        self.0 & SLOW != 0
    }

    #[inline]
    fn position(self) -> u64 {
        (self.0 / POSITION_ONE) & POSITION
    }
}

/// What became of the first half of a push.
pub(crate) enum Claim<'a> {
    /// The cell is this push's: one store of the word ends it.
    Cell(&'a AtomicU64, u64),
    /// The tail was changed: look again.
    Again,
    /// There is no room.
    Full,
}

impl Ring {
    /// Room for so many numbers, and up to twice as many.
    pub(crate) fn new(capacity: u32) -> Self {
        // with one cell, "taken" and "free in the next lap" would be the same stamp
        let capacity = u64::from(capacity.max(2)).next_power_of_two();
        let cells = (0..capacity).map(|position| AtomicU64::new(position << NUMBER_BITS)).collect();
        Self { head: Line(AtomicU64::new(0)), tail: Line(AtomicU64::new(0)), cells }
    }

    #[inline]
    fn cell(&self, position: u64) -> &AtomicU64 {
        // the mask keeps it below the length, whatever is cut off
        #[expect(clippy::cast_possible_truncation, reason = "masked to the length of a slice in memory")]
        let index = position as usize & (self.cells.len() - 1);
        &self.cells[index]
    }

    /// Reads the tail, for [`Self::claim`].
    #[inline]
    pub(crate) fn tail(&self) -> Tail {
        Tail(self.tail.0.load(Ordering::Acquire))
    }

    /// The first half of a push: claims the cell at the tail, if that is still as it was read. The number is not
    /// visible before the word is stored in the cell, with [`Ordering::Release`].
    #[inline]
    pub(crate) fn claim(&self, tail: Tail, number: u32) -> Claim<'_> {
        let position = tail.position();
        let cell = self.cell(position);
        if cell.load(Ordering::Acquire) >> NUMBER_BITS != position & STAMP {
            return self.not_free(tail);
        }
        let next = tail.0.wrapping_add(POSITION_ONE);
        match self.tail.0.compare_exchange_weak(tail.0, next, Ordering::AcqRel, Ordering::Relaxed) {
            Ok(_) => Claim::Cell(cell, (position + 1) << NUMBER_BITS | u64::from(number)),
            Err(_) => Claim::Again,
        }
    }

    #[cold]
    fn not_free(&self, tail: Tail) -> Claim<'_> {
        let used = tail.position().wrapping_sub(self.head.0.load(Ordering::Acquire)) & POSITION;
        // else somebody else has pushed meanwhile, or somebody is about to leave the cell
        if used == self.cells.len() as u64 && self.tail().0 == tail.0 {
            return Claim::Full;
        }
        Claim::Again
    }

    /// Pushes, whatever the flag says; says whether there was room.
    pub(crate) fn push(&self, number: u32) -> bool {
        let backoff = Backoff::new();
        loop {
            match self.claim(self.tail(), number) {
                Claim::Cell(cell, word) => {
                    cell.store(word, Ordering::Release);
                    return true;
                }
                Claim::Again => backoff.spin(),
                Claim::Full => return false,
            }
        }
    }

    /// Takes the number that came first.
    #[inline]
    pub(crate) fn pop(&self) -> Option<u32> {
        // who fails steps back, so that the word stays with one processor for a while
        let backoff = Backoff::new();
        let mut head = self.head.0.load(Ordering::Acquire);
        loop {
            let cell = self.cell(head);
            let word = cell.load(Ordering::Acquire);
            if word >> NUMBER_BITS != (head + 1) & STAMP {
                if self.is_empty_at(head) {
                    return None;
                }
                backoff.spin();
                head = self.head.0.load(Ordering::Acquire);
                continue;
            }
            // the head has its word for itself and runs on beyond the tail's bits
            match self.head.0.compare_exchange_weak(head, head + 1, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => {
                    let free = head + self.cells.len() as u64;
                    cell.store(free << NUMBER_BITS, Ordering::Release);
                    return Some((word & NUMBER) as u32);
                }
                Err(now) => {
                    backoff.spin();
                    head = now;
                }
            }
        }
    }

    #[cold]
    fn is_empty_at(&self, head: u64) -> bool {
        self.tail().position() == head & POSITION
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.is_empty_at(self.head.0.load(Ordering::Acquire))
    }

    /// Sets the flag: from now on nobody pushes quickly; who has claimed a cell before is waited for by [`Self::pop`].
    pub(crate) fn set_slow(&self) {
        self.tail.0.fetch_or(SLOW, Ordering::AcqRel);
    }

    /// Clears the flag.
    pub(crate) fn clear_slow(&self) {
        self.tail.0.fetch_and(!SLOW, Ordering::AcqRel);
    }

    /// Makes every push begin again that read the tail before now: it then sees what was stored before this call.
    pub(crate) fn begin_again(&self) {
        self.tail.0.fetch_add(GENERATION_ONE, Ordering::AcqRel);
    }
}
