//! What a pool's arena asks of whoever pays for its pages.

/// Pays for pages before an arena may touch them.
///
/// `try_charge` and `uncharge` are called from inside jemalloc, under its locks: they must not allocate from or free
/// into the arena that asks, must not call anybody back, must not panic (a panic there aborts), and should take no more
/// than a short leaf lock.
pub trait Charge: Send + Sync {
    /// Charges `bytes` (whole pages) or says no. What was charged here is given back by [`uncharge`](Self::uncharge).
    fn try_charge(&self, bytes: u64) -> bool;

    /// Takes back `bytes` that were charged.
    fn uncharge(&self, bytes: u64);

    /// Asks others to give, after `try_charge` said no to `bytes`. Called outside of jemalloc and under no lock, so it
    /// may call reclaimers, and these may free into this very arena. True if asking again is worth it.
    fn make_room(&self, bytes: u64) -> bool {
        let _ = bytes;
        false
    }
}

/// Nobody pays: the arena has its cap and nothing else.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unpaid;

impl Charge for Unpaid {
    fn try_charge(&self, _: u64) -> bool {
        true
    }

    fn uncharge(&self, _: u64) {}
}

/// The bytes of an arena are an owner's: they count in its pool at the moment they are committed.
impl Charge for crate::budget::Owner {
    fn try_charge(&self, bytes: u64) -> bool {
        Self::try_charge(self, bytes)
    }

    fn uncharge(&self, bytes: u64) {
        Self::uncharge(self, bytes);
    }

    fn make_room(&self, bytes: u64) -> bool {
        Self::make_room(self, bytes)
    }
}
