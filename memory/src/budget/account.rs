//! What one owner holds, and the credit it holds it from: three counters, changed without a lock.
//!
//! `used ≤ granted` for everybody who was told yes. Credit is raised and withdrawn only under the ledger's lock; bytes
//! are taken and given without it. A withdrawal lowers the credit first and looks at the use afterwards; a taker raises
//! the use first and looks at the credit afterwards. The withdrawal looks by a read-modify-write: either it comes after
//! the taker's and sees the use, or before it, and then the taker has synchronised with it and sees the credit. At
//! least one of the two steps back. `memory/tests/interleavings/` checks this in every order.

use crate::sync::{AtomicU64, Ordering};

use Ordering::{AcqRel, Acquire, Relaxed};

/// The counters of one owner, in bytes.
#[derive(Debug, Default)]
pub(crate) struct Account {
    used: AtomicU64,
    granted: AtomicU64,
    peak: AtomicU64,
}

/// More was given back than is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OverRelease {
    /// What is held.
    pub(crate) held_bytes: u64,
}

impl Account {
    /// Takes bytes out of the credit. `false`: the credit does not hold them, nothing was changed.
    #[inline]
    pub(crate) fn try_take(&self, bytes: u64) -> bool {
        let mut used = self.used.load(Acquire);
        let after = loop {
            let Some(after) = used.checked_add(bytes) else { return false };
            if after > self.granted.load(Acquire) {
                return false;
            }
            match self.used.compare_exchange_weak(used, after, AcqRel, Acquire) {
                Ok(_) => break after,
                Err(now) => used = now,
            }
        };
        if self.granted.load(Acquire) < after {
            // a withdrawal came between
            self.used.fetch_sub(bytes, AcqRel);
            return false;
        }
        self.note(after);
        true
    }

    /// Gives bytes back into the credit; returns what of the credit is unused now.
    ///
    /// # Errors
    /// More than is held: nothing was changed.
    #[inline]
    pub(crate) fn give(&self, bytes: u64) -> Result<u64, OverRelease> {
        let mut used = self.used.load(Acquire);
        let after = loop {
            let Some(after) = used.checked_sub(bytes) else { return Err(OverRelease { held_bytes: used }) };
            match self.used.compare_exchange_weak(used, after, AcqRel, Acquire) {
                Ok(_) => break after,
                Err(now) => used = now,
            }
        };
        Ok(self.granted.load(Acquire).saturating_sub(after))
    }

    /// Raises the credit. Only under the ledger's lock.
    pub(crate) fn grant(&self, bytes: u64) {
        self.granted.fetch_add(bytes, AcqRel);
    }

    /// Withdraws unused credit, down to the floor (a guaranteed minimum) and leaving `keep` unused; returns how much.
    /// Only under the ledger's lock.
    pub(crate) fn withdraw(&self, floor: u64, keep: u64) -> u64 {
        let granted = self.granted.load(Acquire);
        let target = self.look().saturating_add(keep).max(floor);
        let wanted = granted.saturating_sub(target);
        if wanted == 0 {
            return 0;
        }
        self.granted.fetch_sub(wanted, AcqRel);
        let excess = self.look().saturating_sub(granted - wanted).min(wanted);
        self.granted.fetch_add(excess, AcqRel);
        wanted - excess
    }

    /// The use, by a read-modify-write: it orders this thread before or after every taker.
    fn look(&self) -> u64 {
        self.used.fetch_add(0, AcqRel)
    }

    /// Takes bytes that come with their own credit. Only under the ledger's lock; the use rises first, so that nobody
    /// takes the credit away.
    pub(crate) fn receive(&self, bytes: u64) {
        let after = self.used.fetch_add(bytes, AcqRel) + bytes;
        self.granted.fetch_add(bytes, AcqRel);
        self.note(after);
    }

    /// Gives bytes away together with their credit. Only under the ledger's lock; the credit falls first.
    ///
    /// # Errors
    /// More than is held: nothing was changed.
    pub(crate) fn hand_over(&self, bytes: u64) -> Result<(), OverRelease> {
        if bytes > self.granted.load(Acquire) {
            return Err(OverRelease { held_bytes: self.used.load(Acquire) });
        }
        self.granted.fetch_sub(bytes, AcqRel);
        self.give(bytes).map(|_| ()).inspect_err(|_| {
            self.granted.fetch_add(bytes, AcqRel);
        })
    }

    #[inline]
    fn note(&self, used: u64) {
        if used > self.peak.load(Relaxed) {
            self.peak.fetch_max(used, Relaxed);
        }
    }

    /// What is held.
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Acquire)
    }

    /// What may be held without asking.
    pub(crate) fn granted(&self) -> u64 {
        self.granted.load(Acquire)
    }

    /// The most that was ever held.
    pub(crate) fn peak(&self) -> u64 {
        self.peak.load(Relaxed)
    }
}
