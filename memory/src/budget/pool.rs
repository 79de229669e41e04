//! A limit on bytes, in levels: pool, slot, operator.

use std::fmt;

use super::book::NodeId;
use super::error::{BudgetError, Leak, Leaks};
use super::ledger::{Ledger, View};
use super::owner::OwnerBuilder;
use crate::report::{OwnerUsage, PoolUsage};
use crate::sync::{Arc, Ordering::SeqCst};

/// A limit on bytes, or a level below one: a slot's share, an operator's share of that. Cheap to clone.
///
/// What is handed out at a level counts at all levels above it, and none ever hands out more than its limit.
#[derive(Clone)]
pub struct Pool {
    ledger: Arc<Ledger>,
    node: NodeId,
}

impl Pool {
    /// A pool of its own.
    ///
    /// # Errors
    /// A limit of 0 bytes.
    pub fn root(name: &str, limit_bytes: u64) -> Result<Self, BudgetError> {
        if limit_bytes == 0 {
            return Err(BudgetError::Empty { pool: name.to_owned() });
        }
        Ok(Self::of_part(name, limit_bytes, None))
    }

    /// A pool for a part of a process, which may be empty: then it refuses everything.
    pub(super) fn of_part(name: &str, limit_bytes: u64, key: Option<&'static str>) -> Self {
        Self { ledger: Arc::new(Ledger::new(name.to_owned(), limit_bytes, key)), node: 0 }
    }

    /// A level below this one. The levels below may add up to more than this: the sum is still bound by this limit.
    ///
    /// # Errors
    /// A limit of 0 bytes, or above this level's.
    pub fn child(&self, name: &str, limit_bytes: u64) -> Result<Self, BudgetError> {
        if limit_bytes == 0 {
            return Err(BudgetError::Empty { pool: name.to_owned() });
        }
        if limit_bytes > self.limit_bytes() {
            return Err(BudgetError::Larger {
                pool: name.to_owned(),
                limit_bytes,
                above: self.path(),
                above_bytes: self.limit_bytes(),
            });
        }
        Ok(self.level(name, limit_bytes, None))
    }

    pub(super) fn level(&self, name: &str, limit_bytes: u64, key: Option<&'static str>) -> Self {
        let node = self.ledger.add_node(self.node, name.to_owned(), limit_bytes, key);
        Self { ledger: Arc::clone(&self.ledger), node }
    }

    /// A new owner of bytes at this level.
    pub fn owner(&self, name: &str) -> OwnerBuilder {
        OwnerBuilder::new(self.clone(), name)
    }

    /// What it may hand out.
    pub fn limit_bytes(&self) -> u64 {
        self.ledger.view(|view| view.book.node(self.node).limit)
    }

    /// The most that it could ever hand out: the smallest limit from here to the top.
    pub fn capacity_bytes(&self) -> u64 {
        self.ledger.view(|view| view.book.capacity(self.node))
    }

    /// What its owners hold.
    pub fn held_bytes(&self) -> u64 {
        self.usage().held_bytes
    }

    /// What it can still hand out: what this level and those above have left. Unused credit of owners counts as handed
    /// out, though it is taken back before anybody is refused.
    pub fn available_bytes(&self) -> u64 {
        self.ledger.view(|view| view.book.available(self.node))
    }

    /// The most that was ever handed out, in bytes, guaranteed minima and unused credit included: for each owner at
    /// most its minimum and 128 KiB above what was held.
    pub fn peak_bytes(&self) -> u64 {
        self.ledger.view(|view| view.book.node(self.node).peak)
    }

    /// The name of this level.
    pub fn name(&self) -> String {
        self.ledger.view(|view| view.book.node(self.node).name.clone())
    }

    /// The names from the top level to this one: `managed / slot 0`.
    pub fn path(&self) -> String {
        self.ledger.view(|view| view.book.path_text(self.node))
    }

    /// What this level and all below hold, at this moment.
    pub fn usage(&self) -> PoolUsage {
        let usage = self.ledger.view(|view| usage(view, self.node));
        if self.node != 0 {
            return usage;
        }
        PoolUsage { refusals: self.refusals(), over_releases: self.over_releases(), ..usage }
    }

    /// How many reservations were refused, in the whole pool.
    pub fn refusals(&self) -> u64 {
        self.ledger.refusals()
    }

    /// How often more was given back than was held, in the whole pool: each is a bug of an owner.
    pub fn over_releases(&self) -> u64 {
        self.ledger.over_releases()
    }

    /// That nobody holds anything at this level or below: for the end of a task, a slot, a process.
    ///
    /// # Errors
    /// Who holds how much.
    pub fn verify_empty(&self) -> Result<(), Leaks> {
        let usage = self.usage();
        let above = self.path();
        let above = above.strip_suffix(&usage.name).unwrap_or("").to_owned();
        let holders = usage.holders().into_iter().filter(|(_, owner)| owner.held_bytes > 0);
        let leak = |(path, owner): (String, &OwnerUsage)| Leak {
            pool: format!("{above}{path}"),
            owner: owner.name.clone(),
            bytes: owner.held_bytes,
            gone: owner.gone,
        };
        let leaks: Vec<Leak> = holders.map(leak).collect();
        if leaks.is_empty() { Ok(()) } else { Err(Leaks { leaks }) }
    }

    /// Fault injection for tests: the `nth` reservation from now on, in the whole pool, is refused, once, whatever is
    /// free. Reservations out of a guaranteed minimum do not count. `None` ends it.
    pub fn fail_nth(&self, nth: Option<u64>) {
        self.ledger.fail_nth(nth);
    }

    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(super) const fn ledger_arc(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    pub(super) const fn id(&self) -> NodeId {
        self.node
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("path", &self.path()).field("limit_bytes", &self.limit_bytes()).finish()
    }
}

/// One level and all below it, as data.
pub(super) fn usage(view: &View<'_>, node: NodeId) -> PoolUsage {
    let here = view.book.node(node);
    let below = view.book.nodes().iter().enumerate().filter(|(_, other)| other.parent == Some(node));
    let pools: Vec<PoolUsage> = below.map(|(id, _)| usage(view, id)).collect();
    let at_home = view.seats.iter().filter(|seat| seat.node == node);
    let owners: Vec<OwnerUsage> = at_home
        .map(|seat| OwnerUsage {
            name: seat.name.clone(),
            held_bytes: seat.account.used(),
            peak_bytes: seat.account.peak(),
            guaranteed_bytes: seat.guaranteed,
            gone: seat.closed.load(SeqCst),
        })
        .collect();
    let held = pools.iter().map(|pool| pool.held_bytes).chain(owners.iter().map(|owner| owner.held_bytes));
    PoolUsage {
        name: here.name.clone(),
        key: here.key.map(str::to_owned),
        limit_bytes: here.limit,
        held_bytes: held.fold(0, u64::saturating_add),
        granted_bytes: here.granted,
        peak_bytes: here.peak,
        refusals: 0,
        over_releases: 0,
        waiting_bytes: if node == 0 { view.waiting_bytes } else { 0 },
        pools,
        owners,
    }
}
