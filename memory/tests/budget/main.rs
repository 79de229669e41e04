//! The budget as its users meet it: a module per claim.

#![cfg(feature = "enforce")]
#![expect(clippy::unwrap_used, reason = "a test")]

mod ask_others;
mod bad_input;
mod every_nth;
mod leaks;
mod one_process;
mod plain_model;
mod refusal_text;
mod wait_in_turn;

use std::sync::{Arc, Mutex};

use plimsoll_memory::budget::{Owner, Pool, Reclaimer, Reservation, Stage};

/// Mebibytes.
const MIB: u64 = 1 << 20;

/// An owner that gives back what it holds, in whole reservations, and writes down that it was asked.
struct Giving {
    owner: Arc<Owner>,
    held: Mutex<Vec<Reservation>>,
    journal: Arc<Mutex<Vec<String>>>,
}

impl Giving {
    fn new(
        pool: &Pool,
        name: &str,
        stage: Stage,
        guaranteed: u64,
        journal: &Arc<Mutex<Vec<String>>>,
    ) -> Arc<Self> {
        let owner = pool.owner(name).guaranteed(guaranteed).register().unwrap();
        let giving = Arc::new(Self { owner, held: Mutex::default(), journal: Arc::clone(journal) });
        giving.owner.on_reclaim(stage, &giving);
        giving
    }

    fn hold(&self, bytes: u64) {
        let held = self.owner.try_reserve_shared(bytes).unwrap();
        self.held.lock().unwrap().push(held);
    }
}

impl Reclaimer for Giving {
    fn reclaim(&self, wanted_bytes: u64) -> u64 {
        self.journal.lock().unwrap().push(self.owner.name().to_owned());
        let Ok(mut held) = self.held.try_lock() else { return 0 };
        let mut freed = 0;
        while freed < wanted_bytes
            && self.owner.held_bytes() > self.owner.guaranteed_bytes()
            && let Some(piece) = held.pop()
        {
            freed += piece.bytes();
        }
        freed
    }
}
