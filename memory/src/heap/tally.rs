//! Counting: one addition in thread-local memory for each call, an atomic one for each 64 KiB.

use std::cell::Cell;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

use super::owner::HeapOwner;
use super::watermark::{Level, Watermarks};

/// What a thread may keep to itself, added or freed, in bytes. The sums may be off by this much for each thread.
pub const BATCH_BYTES: i64 = 64 << 10;

/// What [`PENDING`] starts from. So far out of range that the first call of a thread leaves the fast path, which has
/// no check of its own for it.
const NEW: i64 = i64::MIN / 2;

/// What [`PENDING`] rests at once the thread's destructors ran: every later call leaves the fast path, and is handed
/// over at once, because nothing would hand it over later.
const ENDED: i64 = i64::MAX / 2;

/// On its own cache line: every thread writes it.
#[repr(align(128))]
struct Shared {
    held: AtomicI64,
    peak: AtomicI64,
}

static TOTAL: Shared = Shared { held: AtomicI64::new(0), peak: AtomicI64::new(0) };
/// `i64::MAX`: no limit.
static LIMIT: AtomicI64 = AtomicI64::new(i64::MAX);
static LEVEL: AtomicU8 = AtomicU8::new(Level::Calm as u8);

thread_local! {
    /// Bytes not handed over yet, from [`NEW`] or [`ENDED`] or 0 up.
    static PENDING: Cell<i64> = const { Cell::new(NEW) };
    static OWNER: Cell<&'static HeapOwner> = const { Cell::new(HeapOwner::rest()) };
    /// Hands over when the thread ends. Apart from the other two, which must stay without a destructor to be fast.
    static END: End = const { End };
}

struct End;

impl Drop for End {
    fn drop(&mut self) {
        settle();
        PENDING.set(ENDED);
    }
}

/// Counts bytes, negative ones for a free. True if a batch was handed over: time for what is done now and then.
#[inline]
pub(crate) fn count(bytes: i64) -> bool {
    PENDING.with(|pending| {
        let sum = pending.get().wrapping_add(bytes);
        pending.set(sum);
        // One comparison for both ends: within ±BATCH_BYTES.
        if sum.wrapping_add(BATCH_BYTES).cast_unsigned() <= 2 * BATCH_BYTES.cast_unsigned() {
            return false;
        }
        settle();
        true
    })
}

/// Hands this thread's pending bytes over to its owner and to the total.
#[cold]
pub(super) fn settle() {
    let pending = PENDING.get();
    if pending < NEW / 2 {
        // Registering the destructor may allocate below: those calls then count from 0.
        PENDING.set(pending - NEW);
        if END.try_with(|_| ()).is_err() {
            hand_over(PENDING.replace(ENDED));
            return;
        }
        if PENDING.get().unsigned_abs() <= BATCH_BYTES.unsigned_abs() {
            return;
        }
        hand_over(PENDING.replace(0));
    } else if pending > ENDED / 2 {
        hand_over(PENDING.replace(ENDED) - ENDED);
    } else {
        hand_over(PENDING.replace(0));
    }
}

fn hand_over(bytes: i64) {
    if bytes == 0 {
        return;
    }
    OWNER.get().add(bytes);
    let held = TOTAL.held.fetch_add(bytes, Ordering::Relaxed) + bytes;
    raise(&TOTAL.peak, held);
    let limit = LIMIT.load(Ordering::Relaxed);
    if limit != i64::MAX {
        set_level(held, limit);
    }
}

/// Two threads may store their levels in the wrong order; the next batch and the next step of the governor mend it,
/// and [`super::admit`] looks at the bytes.
fn set_level(held: i64, limit: i64) {
    let before = level();
    let limit = (limit != i64::MAX).then_some(limit.unsigned_abs());
    let now = Watermarks::DEFAULT.level(positive(held), limit, before);
    if now != before {
        LEVEL.store(now as u8, Ordering::Relaxed);
    }
}

pub(super) fn raise(peak: &AtomicI64, held: i64) {
    if held > peak.load(Ordering::Relaxed) {
        peak.fetch_max(held, Ordering::Relaxed);
    }
}

pub(super) fn positive(bytes: i64) -> u64 {
    u64::try_from(bytes).unwrap_or(0)
}

/// Makes another owner the current one of this thread, and says which it was.
pub(super) fn switch(owner: &'static HeapOwner) -> &'static HeapOwner {
    flush_thread();
    OWNER.replace(owner)
}

/// Hands over what this thread kept to itself, so that the sums are exact for its part.
pub fn flush_thread() {
    settle();
    // A thread's first call does not hand over.
    settle();
}

/// Bytes that the program holds, within threads × [`BATCH_BYTES`].
pub fn held_bytes() -> u64 {
    positive(TOTAL.held.load(Ordering::Relaxed))
}

/// The most bytes that were ever held, within the same slack.
pub fn peak_bytes() -> u64 {
    positive(TOTAL.peak.load(Ordering::Relaxed))
}

/// Sets the size of the general heap in bytes; `None`: unlimited. It may be changed at any time, and counts from the
/// next batch on.
pub fn set_limit(bytes: Option<u64>) {
    let limit = bytes.map_or(i64::MAX, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
    LIMIT.store(limit, Ordering::Relaxed);
    set_level(TOTAL.held.load(Ordering::Relaxed), limit);
}

/// The size of the general heap in bytes; `None`: unlimited.
pub fn limit_bytes() -> Option<u64> {
    let limit = LIMIT.load(Ordering::Relaxed);
    (limit != i64::MAX).then_some(limit.unsigned_abs())
}

/// How full the heap is, as of the last batch that was handed over.
pub fn level() -> Level {
    Level::from_number(LEVEL.load(Ordering::Relaxed))
}
