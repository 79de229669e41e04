//! What one owner holds, and the credit it holds it from: three counters, changed without a lock.
//!
//! `used ≤ granted` at all times for everybody who was told yes. Credit is raised and withdrawn only under the ledger's
//! lock; bytes are taken and given without it. A withdrawal lowers the credit first and looks at the use afterwards; a
//! taker raises the use first and looks at the credit afterwards. All four are sequentially consistent, so at least one
//! of the two sees the other and steps back.

use crate::sync::{AtomicU64, Ordering::SeqCst};

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
        let mut used = self.used.load(SeqCst);
        let after = loop {
            let Some(after) = used.checked_add(bytes) else { return false };
            if after > self.granted.load(SeqCst) {
                return false;
            }
            match self.used.compare_exchange_weak(used, after, SeqCst, SeqCst) {
                Ok(_) => break after,
                Err(now) => used = now,
            }
        };
        if self.granted.load(SeqCst) < after {
            // a withdrawal came between
            self.used.fetch_sub(bytes, SeqCst);
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
        let mut used = self.used.load(SeqCst);
        let after = loop {
            let Some(after) = used.checked_sub(bytes) else { return Err(OverRelease { held_bytes: used }) };
            match self.used.compare_exchange_weak(used, after, SeqCst, SeqCst) {
                Ok(_) => break after,
                Err(now) => used = now,
            }
        };
        Ok(self.granted.load(SeqCst).saturating_sub(after))
    }

    /// Raises the credit. Only under the ledger's lock.
    pub(crate) fn grant(&self, bytes: u64) {
        self.granted.fetch_add(bytes, SeqCst);
    }

    /// Withdraws unused credit, down to the floor (a guaranteed minimum) and leaving `keep` unused; returns how much.
    /// Only under the ledger's lock.
    pub(crate) fn withdraw(&self, floor: u64, keep: u64) -> u64 {
        let granted = self.granted.load(SeqCst);
        let target = self.used.load(SeqCst).saturating_add(keep).max(floor);
        let wanted = granted.saturating_sub(target);
        if wanted == 0 {
            return 0;
        }
        let lowered = granted - wanted;
        self.granted.store(lowered, SeqCst);
        let excess = self.used.load(SeqCst).saturating_sub(lowered).min(wanted);
        self.granted.fetch_add(excess, SeqCst);
        wanted - excess
    }

    /// Takes bytes that come with their own credit. Only under the ledger's lock; the use rises first, so that nobody
    /// takes the credit away.
    pub(crate) fn receive(&self, bytes: u64) {
        let after = self.used.fetch_add(bytes, SeqCst) + bytes;
        self.granted.fetch_add(bytes, SeqCst);
        self.note(after);
    }

    /// Gives bytes away together with their credit. Only under the ledger's lock; the credit falls first.
    ///
    /// # Errors
    /// More than is held: nothing was changed.
    pub(crate) fn hand_over(&self, bytes: u64) -> Result<(), OverRelease> {
        if bytes > self.granted.load(SeqCst) {
            return Err(OverRelease { held_bytes: self.used.load(SeqCst) });
        }
        self.granted.fetch_sub(bytes, SeqCst);
        self.give(bytes).map(|_| ()).inspect_err(|_| {
            self.granted.fetch_add(bytes, SeqCst);
        })
    }

    #[inline]
    fn note(&self, used: u64) {
        if used > self.peak.load(SeqCst) {
            self.peak.fetch_max(used, SeqCst);
        }
    }

    /// What is held.
    pub(crate) fn used(&self) -> u64 {
        self.used.load(SeqCst)
    }

    /// What may be held without asking.
    pub(crate) fn granted(&self) -> u64 {
        self.granted.load(SeqCst)
    }

    /// The most that was ever held.
    pub(crate) fn peak(&self) -> u64 {
        self.peak.load(SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_was_granted_and_no_more() {
        let account = Account::default();
        assert!(!account.try_take(1));
        account.grant(10);
        assert!(account.try_take(7));
        assert!(!account.try_take(4));
        assert!(account.try_take(3));
        assert_eq!(account.give(4), Ok(4));
        assert_eq!(account.give(7), Err(OverRelease { held_bytes: 6 }));
        assert_eq!((account.used(), account.granted(), account.peak()), (6, 10, 10));
        assert!(!account.try_take(u64::MAX));
    }

    #[test]
    fn withdraws_only_what_is_unused_above_the_floor() {
        let account = Account::default();
        account.grant(100);
        assert!(account.try_take(30));
        assert_eq!(account.withdraw(0, 20), 50);
        assert_eq!(account.granted(), 50);
        assert_eq!(account.withdraw(45, 0), 5);
        assert_eq!(account.withdraw(45, 0), 0);
        assert_eq!(account.withdraw(0, 0), 15);
        assert_eq!((account.used(), account.granted()), (30, 30));
    }

    #[test]
    fn moves_bytes_with_their_credit() {
        let (from, to) = (Account::default(), Account::default());
        from.grant(10);
        assert!(from.try_take(8));
        assert_eq!(from.hand_over(9), Err(OverRelease { held_bytes: 8 }));
        assert_eq!(from.granted(), 10);
        assert_eq!(from.hand_over(5), Ok(()));
        to.receive(5);
        assert_eq!((from.used(), from.granted()), (3, 5));
        assert_eq!((to.used(), to.granted(), to.peak()), (5, 5, 5));
    }
}
