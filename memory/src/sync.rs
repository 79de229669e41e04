//! The primitives that the budget is built of, in one place: tests build the same files on those of a model checker.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
pub(crate) use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
pub(crate) use std::thread_local;
use std::time::Instant;

/// Waits for a signal, at most until the deadline. Says whether the deadline has passed.
#[expect(clippy::disallowed_methods, reason = "a deadline is a moment of the clock")]
pub(crate) fn wait_until<'a, T>(
    signal: &Condvar,
    guard: MutexGuard<'a, T>,
    deadline: Instant,
) -> (MutexGuard<'a, T>, bool) {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return (guard, true);
    }
    let (guard, _) = signal.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner);
    (guard, false)
}

/// This moment.
#[expect(clippy::disallowed_methods, reason = "how long somebody waited is told in the refusal")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Milliseconds since a moment.
pub(crate) fn millis_since(started: Instant) -> u64 {
    u64::try_from(now().saturating_duration_since(started).as_millis()).unwrap_or(u64::MAX)
}
