//! What a process holds and measures, as data and as text: for refusals, for `memcalc top`, for Prometheus.
//!
//! Plain data: it is made by the budget of a running process and read by whoever watches it.

mod number;
mod tree;
mod usage;

pub use number::{bytes_exact, bytes_text};
pub use tree::tree;
pub use usage::{OwnerUsage, PoolUsage};
