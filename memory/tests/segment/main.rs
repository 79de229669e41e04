//! Segments as their users meet them: pools, network buffers, refusals to the letter.

#![expect(clippy::unwrap_used, reason = "a test that finds nothing there has failed")]

mod failure;
mod managed;
mod model;
mod network;
mod pool;
mod quiet;

use std::sync::Arc;
use std::time::{Duration, Instant};

use plimsoll_memory::arena::failing::FailingAlloc;
use plimsoll_memory::budget::{Owner, Pool};

#[global_allocator]
static HEAP: FailingAlloc = FailingAlloc::new();

/// A root pool and one owner in it.
fn owner(limit_bytes: u64) -> (Pool, Arc<Owner>) {
    let pool = Pool::root("network", limit_bytes).unwrap();
    let owner = pool.owner("buffers").register().unwrap();
    (pool, owner)
}

#[expect(clippy::disallowed_methods, reason = "a deadline is a moment of the clock")]
fn after(wait: Duration) -> Instant {
    Instant::now() + wait
}
