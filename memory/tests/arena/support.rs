//! What the tests of arenas share: owners that count or refuse, objects with a pattern, random numbers with a seed.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use allocator_api2::vec::Vec as PoolVec;
use plimsoll_memory::arena::{Charge, PoolArena};

pub(crate) const MIB: u64 = 1 << 20;

/// An owner with a ledger, that can be told to refuse one call.
#[derive(Debug)]
pub(crate) struct Ledger {
    held_bytes: AtomicU64,
    calls: AtomicU64,
    refused: Range<u64>,
    rooms: AtomicU64,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self::refusing(0..0)
    }

    /// Refuses the call with this number, counted from 0.
    pub(crate) fn refusing_at(call: u64) -> Self {
        Self::refusing(call..call.saturating_add(1))
    }

    /// Refuses the call with this number and all after it.
    pub(crate) fn refusing_from(call: u64) -> Self {
        Self::refusing(call..u64::MAX)
    }

    fn refusing(refused: Range<u64>) -> Self {
        let [held_bytes, calls, rooms] = [0; 3].map(AtomicU64::new);
        Self { held_bytes, calls, refused, rooms }
    }

    /// How often it was asked to make room.
    pub(crate) fn rooms(&self) -> u64 {
        self.rooms.load(SeqCst)
    }

    pub(crate) fn held(&self) -> u64 {
        self.held_bytes.load(SeqCst)
    }

    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(SeqCst)
    }
}

impl Charge for Ledger {
    fn try_charge(&self, bytes: u64) -> bool {
        let call = self.calls.fetch_add(1, SeqCst);
        if self.refused.contains(&call) {
            return false;
        }
        self.held_bytes.fetch_add(bytes, SeqCst);
        true
    }

    fn uncharge(&self, bytes: u64) {
        let before = self.held_bytes.fetch_sub(bytes, SeqCst);
        assert!(before >= bytes, "uncharged {bytes} of {before}");
    }

    fn make_room(&self, _: u64) -> bool {
        self.rooms.fetch_add(1, SeqCst);
        false
    }
}

/// Numbers without end from a seed (xorshift).
pub(crate) struct Random(pub u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Between `min` and `max`, each doubling as likely as the others.
    pub(crate) fn size(&mut self, min: u64, max: u64) -> usize {
        let doublings = u64::from((max / min).ilog2());
        let low = min << self.below(doublings);
        usize::try_from(low + self.below(low)).expect("a size")
    }
}

/// Memory of a pool, `size` bytes that nobody has written yet; `None` if refused.
pub(crate) fn obtain(pool: &PoolArena, size: usize) -> Option<PoolVec<u8, &PoolArena>> {
    let mut memory = PoolVec::new_in(pool);
    memory.try_reserve_exact(size).ok()?;
    Some(memory)
}

/// A live object that knows what it should hold: a word of its own at each page, and at its end.
#[derive(Debug)]
pub(crate) struct Object<'a> {
    pub(crate) bytes: PoolVec<u8, &'a PoolArena>,
    pattern: u64,
}

impl<'a> Object<'a> {
    pub(crate) fn new(pool: &'a PoolArena, size: usize, pattern: u64) -> Option<Self> {
        let mut bytes = obtain(pool, size)?;
        bytes.resize(size, 0);
        let mut object = Self { bytes, pattern };
        object.stamp();
        Some(object)
    }

    /// Where the pattern's words stand. The last may overlap the one before, and is written first.
    fn places(size: usize) -> impl Iterator<Item = usize> {
        size.checked_sub(8).into_iter().chain((0..size.saturating_sub(15)).step_by(4096))
    }

    fn stamp(&mut self) {
        let pattern = self.pattern.to_le_bytes();
        for place in Self::places(self.bytes.len()) {
            self.bytes[place..place + 8].copy_from_slice(&pattern);
        }
    }

    /// Panics if somebody else wrote into the object.
    pub(crate) fn check(&self) {
        let pattern = self.pattern.to_le_bytes();
        for place in Self::places(self.bytes.len()) {
            assert_eq!(self.bytes[place..place + 8], pattern, "at {place} of {}", self.bytes.len());
        }
    }

    /// Makes the object longer or shorter; refused, it is as it was.
    pub(crate) fn resize(&mut self, size: usize) -> bool {
        let old = self.bytes.len();
        if size > old && self.bytes.try_reserve_exact(size - old).is_err() {
            self.check();
            return false;
        }
        let kept = if size >= 8 && old >= 16 && size > old { self.bytes[..8].to_vec() } else { Vec::new() };
        self.bytes.resize(size, 0);
        if !kept.is_empty() {
            assert_eq!(kept, self.pattern.to_le_bytes(), "the beginning moved with the object");
        }
        self.bytes.shrink_to_fit();
        self.stamp();
        true
    }
}

/// Does something again and again: for three seconds, or for as many as `PLIMSOLL_SECONDS` says.
#[expect(
    clippy::disallowed_methods,
    reason = "a churn lasts a time, not a number of steps; nothing depends on it"
)]
pub(crate) fn until_time_is_up(mut act: impl FnMut()) {
    let seconds = std::env::var("PLIMSOLL_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(3);
    let start = std::time::Instant::now();
    while start.elapsed().as_secs() < seconds {
        act();
        std::thread::yield_now();
    }
}
