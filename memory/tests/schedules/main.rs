//! The budget under random schedules: the same files as in the crate, built on a scheduler that chooses every step.
//!
//! Nothing is granted above a limit, nothing is lost, nobody hangs: a lost wake-up would be a deadlock, which the
//! scheduler reports. `PLIMSOLL_SCHEDULES` says how many schedules each test explores; each failure prints its own, to
//! be replayed.

#![cfg(feature = "enforce")]
#![expect(clippy::unwrap_used, reason = "a test")]

mod sync;

#[expect(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "the whole budget is built, a part of it is tested"
)]
#[path = "../../src/budget/mod.rs"]
mod budget;

pub(crate) use plimsoll_memory::{MemorySize, config, model, report};

mod reclaim;
mod reserve;
mod waiting;

/// Explores schedules of one scenario: half of them chosen at random, half with few switches at unlikely places.
fn explore(scenario: impl Fn() + Send + Sync + Copy + 'static) {
    let count = std::env::var("PLIMSOLL_SCHEDULES").ok().and_then(|text| text.parse().ok()).unwrap_or(2_000);
    shuttle::check_random(scenario, count / 2);
    shuttle::check_pct(scenario, count / 2, 3);
}
