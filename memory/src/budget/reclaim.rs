//! Asking others for bytes before saying no.
//!
//! The order: unused credit of all owners below the level that is short; then those with a [`Stage::Cache`], then those
//! with a [`Stage::Spill`]; within a stage the one that holds most above its guaranteed minimum first, equals by name.
//! After each answer the reservation is tried again, so nobody is asked in vain.
//!
//! Who asks is a thread that wants bytes, and it holds no lock of the budget while it asks. So that nothing recurses or
//! waits in a circle: an owner is never asked on behalf of itself; an owner that is being asked is not asked again by
//! another thread; a reservation made inside a reclaimer is granted or refused at once, it asks nobody.

use std::cell::Cell;

use super::book::{NodeId, Short};
use super::ledger::Ledger;
use super::seat::Seat;
use crate::sync::{Arc, Ordering::SeqCst, thread_local};

/// When an owner is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// First: what is lost is only time, as with a cache.
    Cache,
    /// Then: what is held must be written elsewhere first.
    Spill,
}

impl Stage {
    /// All, in the order they are asked.
    pub const ALL: [Self; 2] = [Self::Cache, Self::Spill];

    /// The name in refusals and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cache => "cache",
            Self::Spill => "spill",
        }
    }
}

/// Gives bytes back when others need them.
///
/// It is called by the thread that needs them, under no lock of the budget. It must not wait for anything that its
/// owner may hold while it reserves: take locks by `try_lock` and return 0 where they are taken. What it frees it gives
/// back by shrinking or dropping reservations of its owner.
pub trait Reclaimer: Send + Sync {
    /// Frees bytes, about as many as wanted; returns how many it freed.
    fn reclaim(&self, wanted_bytes: u64) -> u64;
}

/// One owner that was asked, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Its name.
    pub owner: String,
    /// The stage it was asked at.
    pub stage: Stage,
    /// What was asked for.
    pub wanted_bytes: u64,
    /// What it says it freed.
    pub freed_bytes: u64,
}

/// What was tried before a refusal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tried {
    /// Unused credit that was taken back from owners.
    pub swept_bytes: u64,
    /// The owners that were asked, in order.
    pub asked: Vec<Asked>,
    /// How long a reservation with a deadline waited, in milliseconds.
    pub waited_ms: Option<u64>,
    /// The reservation was made inside a reclaimer, so nobody was asked.
    pub inside_reclaimer: bool,
}

thread_local! {
    /// Whether this thread is inside a reclaimer.
    static RECLAIMING: Cell<bool> = const { Cell::new(false) };
}

/// Marks a thread and a seat while a reclaimer runs; both marks fall even if it panics.
struct Mark<'a>(&'a Seat);

impl<'a> Mark<'a> {
    fn set(seat: &'a Seat) -> Option<Self> {
        if seat.reclaiming.swap(true, SeqCst) {
            return None;
        }
        RECLAIMING.with(|inside| inside.set(true));
        Some(Self(seat))
    }
}

impl Drop for Mark<'_> {
    fn drop(&mut self) {
        RECLAIMING.with(|inside| inside.set(false));
        self.0.reclaiming.store(false, SeqCst);
    }
}

impl Ledger {
    /// Takes bytes for an owner, asking others where that is needed.
    pub(crate) fn take_or_ask(&self, seat: &Arc<Seat>, bytes: u64, tried: &mut Tried) -> Result<(), Short> {
        let mut short = match self.take(seat, bytes, tried) {
            Ok(()) => return Ok(()),
            Err(short) => short,
        };
        if RECLAIMING.with(Cell::get) {
            tried.inside_reclaimer = true;
            return Err(short);
        }
        for stage in Stage::ALL {
            for other in self.askable(short.node, seat, stage) {
                let Some(reclaimer) = other.reclaimer(stage) else { continue };
                let Some(mark) = Mark::set(&other) else { continue };
                let freed_bytes = reclaimer.reclaim(short.missing);
                drop(mark);
                let owner = other.name.clone();
                tried.asked.push(Asked { owner, stage, wanted_bytes: short.missing, freed_bytes });
                // what comes back now is what this owner gave, not unused credit
                match self.take(seat, bytes, &mut Tried::default()) {
                    Ok(()) => return Ok(()),
                    Err(now) => short = now,
                }
            }
        }
        Err(short)
    }

    /// Who may be asked for bytes of a level, in order.
    fn askable(&self, node: NodeId, asking: &Arc<Seat>, stage: Stage) -> Vec<Arc<Seat>> {
        let mut seats = self.seats_below(node);
        seats.retain(|seat| {
            !Arc::ptr_eq(seat, asking) && seat.reclaimable() > 0 && seat.reclaimer(stage).is_some()
        });
        // the amounts change while we sort: read each once
        let mut keyed: Vec<(u64, Arc<Seat>)> =
            seats.into_iter().map(|seat| (seat.reclaimable(), seat)).collect();
        keyed.sort_by(|(a, x), (b, y)| b.cmp(a).then_with(|| x.name.cmp(&y.name)));
        keyed.into_iter().map(|(_, seat)| seat).collect()
    }
}
