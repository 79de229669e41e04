//! Bytes that a pool of segments has charged to an owner of the budget, given back at the latest when it ends.

use crate::budget::{Owner, Refusal};
use crate::sync::{Arc, AtomicU64, Ordering};

/// What is charged. A field that stands after the memory it is charged for, so that the memory goes first.
pub(crate) struct Charge {
    owner: Arc<Owner>,
    bytes: AtomicU64,
}

impl Charge {
    pub(crate) fn new(owner: &Arc<Owner>) -> Self {
        Self { owner: Arc::clone(owner), bytes: AtomicU64::new(0) }
    }

    /// Charges more; asks others to make room, once. To be called under no lock: others may be asked to give.
    pub(crate) fn take(&self, bytes: u64) -> Result<(), Box<Refusal>> {
        let charged = |owner: &Owner| owner.try_charge(bytes);
        let granted = charged(&self.owner) || self.owner.make_room(bytes) && charged(&self.owner);
        if !granted {
            return Err(self.owner.refusal(bytes));
        }
        self.bytes.fetch_add(bytes, Ordering::AcqRel);
        Ok(())
    }

    /// Gives back what was charged.
    pub(crate) fn give(&self, bytes: u64) {
        self.bytes.fetch_sub(bytes, Ordering::AcqRel);
        self.owner.uncharge(bytes);
    }

    /// Gives back so many bytes, and not more than are charged; returns how many.
    pub(crate) fn give_up_to(&self, bytes: u64) -> u64 {
        let lower = |charged: u64| Some(charged.saturating_sub(bytes));
        let before =
            self.bytes.fetch_update(Ordering::AcqRel, Ordering::Acquire, lower).unwrap_or_else(|same| same);
        let given = before.min(bytes);
        self.owner.uncharge(given);
        given
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Acquire)
    }

    pub(crate) fn owner(&self) -> &Arc<Owner> {
        &self.owner
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        let left = self.bytes.load(Ordering::Acquire);
        if left > 0 {
            self.owner.uncharge(left);
        }
    }
}
