//! Segments and network buffers under random schedules: the same files as in the crate, built on a scheduler that
//! chooses every step.
//!
//! No slot is in two hands, none is lost, no waiter is left behind: a lost wake-up would be a deadlock, which the
//! scheduler reports. `PLIMSOLL_SCHEDULES` says how many schedules each test explores; a failure prints its own, to be
//! replayed.

#![cfg(feature = "enforce")]
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(unused_imports, dead_code, reason = "what the budget needs of it as well")]
#[path = "../schedules/sync.rs"]
mod sync;

#[path = "../../src/arena"]
mod arena {
    pub(crate) mod home;
    pub(crate) mod ring;
    #[expect(unreachable_pub, reason = "public in the crate")]
    pub(crate) mod slab;
    pub(crate) mod stack;
}

#[expect(dead_code, unreachable_pub, unused_imports, reason = "all of it is built, a part of it is tested")]
#[path = "../../src/segment/mod.rs"]
mod segment;

pub(crate) use plimsoll_memory::budget;

mod network;
mod pool;

/// Explores schedules of one scenario.
fn explore(scenario: impl Fn() + Send + Sync + 'static) {
    let count = std::env::var("PLIMSOLL_SCHEDULES").ok().and_then(|text| text.parse().ok()).unwrap_or(2_000);
    shuttle::check_random(scenario, count);
}

/// A budget of so many pages and an owner in it.
fn owner(pages: u64) -> (budget::Pool, std::sync::Arc<budget::Owner>) {
    let pool = budget::Pool::root("network", pages * 4096).unwrap();
    let owner = pool.owner("buffers").register().unwrap();
    (pool, owner)
}
