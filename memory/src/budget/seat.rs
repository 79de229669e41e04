//! An owner's place in the ledger: its name, its account, and whom to ask for bytes.

use super::account::Account;
use super::book::NodeId;
use super::reclaim::{Reclaimer, Stage};
use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, Ordering, PoisonError, Weak};

/// One owner, as its ledger knows it. Lives on after the owner as long as bytes of it are out.
pub(crate) struct Seat {
    pub(crate) name: String,
    pub(crate) node: NodeId,
    /// Granted at registration and never withdrawn.
    pub(crate) guaranteed: u64,
    pub(crate) account: Account,
    /// The owner is gone.
    pub(crate) closed: AtomicBool,
    /// What others miss: a request to give bytes back, for owners that can only do so at a time of their own.
    pub(crate) wanted: AtomicU64,
    /// A reclaimer is at work here: none is entered twice.
    pub(crate) reclaiming: AtomicBool,
    reclaimer: Mutex<Option<(Stage, Weak<dyn Reclaimer>)>>,
}

impl Seat {
    pub(crate) fn new(name: String, node: NodeId, guaranteed: u64) -> Self {
        Self {
            name,
            node,
            guaranteed,
            account: Account::default(),
            closed: AtomicBool::new(false),
            wanted: AtomicU64::new(0),
            reclaiming: AtomicBool::new(false),
            reclaimer: Mutex::new(None),
        }
    }

    pub(crate) fn set_reclaimer(&self, stage: Stage, reclaimer: Weak<dyn Reclaimer>) {
        *self.reclaimer.lock().unwrap_or_else(PoisonError::into_inner) = Some((stage, reclaimer));
    }

    /// Whom to ask, at a stage. The lock is given back before anybody is asked.
    pub(crate) fn reclaimer(&self, stage: Stage) -> Option<Arc<dyn Reclaimer>> {
        let set = self.reclaimer.lock().unwrap_or_else(PoisonError::into_inner);
        set.as_ref().filter(|(at, _)| *at == stage).and_then(|(_, reclaimer)| reclaimer.upgrade())
    }

    /// What could be asked for: everything above the guaranteed minimum.
    pub(crate) fn reclaimable(&self) -> u64 {
        self.account.used().saturating_sub(self.guaranteed)
    }

    /// Takes back unused credit.
    pub(crate) fn withdraw(&self, keep: u64) -> u64 {
        self.account.withdraw(self.guaranteed_now(), keep)
    }

    /// An owner that is gone has no claim any more.
    fn guaranteed_now(&self) -> u64 {
        if self.closed.load(Ordering::SeqCst) { 0 } else { self.guaranteed }
    }
}
