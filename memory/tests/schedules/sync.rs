//! The primitives of the budget, each a step of the scheduler. Time stands still: a deadline never passes.

use std::time::Instant;

pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
pub(crate) use shuttle::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};
pub(crate) use shuttle::thread_local;
pub(crate) use std::sync::PoisonError;

pub(crate) fn wait_until<'a, T>(
    signal: &Condvar,
    guard: MutexGuard<'a, T>,
    _: Instant,
) -> (MutexGuard<'a, T>, bool) {
    (signal.wait(guard).unwrap_or_else(PoisonError::into_inner), false)
}

#[expect(clippy::disallowed_methods, reason = "any moment does: it is never compared")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

pub(crate) fn millis_since(_: Instant) -> u64 {
    0
}
