//! How many iterators may be open, by what they pin.
//!
//! An iterator pins blocks of the cache and keeps memtables from being freed. Iterators are short here: a chunk is
//! read, the iterator is closed, the next one seeks. The gate refuses a new one while those that are open pin too much,
//! and lets one through whenever none is open, so that somebody always gets on.

use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use super::SlotMemory;
use super::settings::keys::{ITERATORS_MAX, PINNED_LIMIT};
use crate::StateError;

/// The gate of a slot.
#[derive(Debug)]
pub(super) struct Gate {
    pinned_limit_bytes: u64,
    open_max: u32,
    open: AtomicU32,
    refused: AtomicU64,
    /// What is pinned while no iterator is open: table readers, indexes and filters of level 0.
    always_pinned_bytes: AtomicU64,
}

/// The right to have one iterator open, until it is dropped. Drop it after the iterator.
#[derive(Debug)]
#[must_use = "the iterator counts as closed as soon as this is dropped"]
pub struct Permit<'a> {
    gate: &'a Gate,
}

/// No iterator now: close some, or read in chunks, and ask again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IteratorRefused {
    /// How many are open, what they pin, the limit.
    pub why: String,
}

impl fmt::Display for IteratorRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no more iterators on RocksDB's state now: {}; close some, or raise {} or {}",
            self.why, PINNED_LIMIT.name, ITERATORS_MAX.name
        )
    }
}

impl Error for IteratorRefused {}

impl From<IteratorRefused> for StateError {
    fn from(refused: IteratorRefused) -> Self {
        Self::IteratorRefused { why: refused.to_string() }
    }
}

impl Gate {
    pub(super) fn new(pinned_limit_bytes: u64, open_max: u32) -> Self {
        Self {
            pinned_limit_bytes,
            open_max,
            open: AtomicU32::new(0),
            refused: AtomicU64::new(0),
            always_pinned_bytes: AtomicU64::new(0),
        }
    }

    pub(super) fn open(&self) -> u32 {
        self.open.load(Relaxed)
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    /// Counts an iterator, unless there are too many.
    fn enter(&self, pinned_bytes: impl Fn() -> u64) -> Result<Permit<'_>, IteratorRefused> {
        let before = self.open.fetch_add(1, Relaxed);
        let permit = Permit { gate: self };
        let pinned = pinned_bytes();
        if before == 0 {
            self.always_pinned_bytes.store(pinned, Relaxed);
            return Ok(permit);
        }
        let by_iterators = pinned.saturating_sub(self.always_pinned_bytes.load(Relaxed));
        let why = if before >= self.open_max {
            format!("{before} are open, and {} may be", self.open_max)
        } else if by_iterators > self.pinned_limit_bytes {
            format!("{before} are open and pin {by_iterators} bytes, and {} may be", self.pinned_limit_bytes)
        } else {
            return Ok(permit);
        };
        drop(permit);
        self.refused.fetch_add(1, Relaxed);
        Err(IteratorRefused { why })
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.gate.open.fetch_sub(1, Relaxed);
    }
}

impl SlotMemory {
    /// Asks to open an iterator on any database of the slot.
    ///
    /// # Errors
    /// Those that are open pin more than the limit, or are too many. Close some, or read in chunks; then ask again.
    pub fn enter(&self) -> Result<Permit<'_>, IteratorRefused> {
        self.gate.enter(|| self.cache_pinned_bytes().saturating_sub(self.memtable_charge_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_always_passes() {
        let gate = Gate::new(100, 3);
        let first = gate.enter(|| 1000).unwrap();
        let second = gate.enter(|| 1100).unwrap();
        let refused = gate.enter(|| 1101).unwrap_err();
        assert!(refused.to_string().contains("2 are open and pin 101 bytes, and 100 may be"), "{refused}");
        let third = gate.enter(|| 900).unwrap();
        let refused = gate.enter(|| 900).unwrap_err();
        assert!(refused.to_string().contains("3 are open, and 3 may be"), "{refused}");
        assert_eq!((gate.open(), gate.refused()), (3, 2));
        drop((first, second, third));
        let _again = gate.enter(|| 5000).unwrap();
    }
}
