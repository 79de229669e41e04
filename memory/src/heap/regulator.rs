//! The edge that carries out the governor's orders: purge, ask reclaimers, raise the flag.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use super::governor::{Governor, Orders, Sight};
use super::{reserve, tally};
use crate::arena::mallctl;

static BACKPRESSURE: AtomicBool = AtomicBool::new(false);

/// True while those who bring work shall slow down: at [`super::Level::Reclaim`] and above, as of the last tick.
pub fn backpressure() -> bool {
    BACKPRESSURE.load(Ordering::Relaxed)
}

/// Frees up to about the wanted bytes of the general heap and says how many. Called by the thread that ticks, under no
/// lock.
type Reclaim = Box<dyn FnMut(u64) -> u64 + Send>;

/// Watches the general heap when it is told to. One is enough for a process; its tick belongs into the sampler's
/// thread.
#[derive(Default)]
pub struct Regulator {
    governor: Governor,
    reclaimers: Vec<Reclaim>,
}

impl fmt::Debug for Regulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.reclaimers.len();
        f.debug_struct("Regulator").field("governor", &self.governor).field("reclaimers", &count).finish()
    }
}

impl Regulator {
    /// A regulator without reclaimers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one who can free bytes. They are asked in this order, each for what those before it did not free.
    #[must_use]
    pub fn reclaimer(mut self, reclaim: impl FnMut(u64) -> u64 + Send + 'static) -> Self {
        self.reclaimers.push(Box::new(reclaim));
        self
    }

    /// Looks, and does what is to be done. Says what that was.
    pub fn tick(&mut self) -> Orders {
        let sight = Sight {
            held_bytes: tally::held_bytes(),
            limit_bytes: tally::limit_bytes(),
            short: reserve::is_short(),
        };
        let orders = self.governor.step(sight);
        BACKPRESSURE.store(orders.backpressure, Ordering::Relaxed);
        let mut wanted = orders.reclaim_bytes;
        for reclaim in &mut self.reclaimers {
            if wanted == 0 {
                break;
            }
            wanted = wanted.saturating_sub(reclaim(wanted));
        }
        if orders.purge {
            // After the reclaimers, so that what they freed goes too. A purge that fails leaves pages where they are:
            // the next tick tries again.
            let _ = mallctl::purge_all();
        }
        if orders.refill_reserve {
            reserve::ask();
        }
        orders
    }
}
