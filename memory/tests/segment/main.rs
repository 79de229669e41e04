//! Segments as their users meet them: pools, network buffers, refusals to the letter.

#![expect(clippy::unwrap_used, reason = "a test that finds nothing there has failed")]

mod managed;
mod network;
mod pool;

use std::sync::Arc;

use plimsoll_memory::budget::{Owner, Pool};

/// A root pool and one owner in it.
fn owner(limit_bytes: u64) -> (Pool, Arc<Owner>) {
    let pool = Pool::root("network", limit_bytes).unwrap();
    let owner = pool.owner("buffers").register().unwrap();
    (pool, owner)
}
