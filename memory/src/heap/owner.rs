//! Whose bytes they are: owners by name, and the scope in which one is current.

use std::cmp::Reverse;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};

use super::tally;

/// A part of the program whose heap is counted apart: `static PARSER: HeapOwner = HeapOwner::new("parser");`.
#[derive(Debug)]
pub struct HeapOwner {
    name: &'static str,
    held: AtomicI64,
    peak: AtomicI64,
    listed: AtomicBool,
    next: OnceLock<&'static HeapOwner>,
}

/// Whatever is allocated outside of any scope.
static REST: HeapOwner = HeapOwner::new("(unattributed)");

/// The owner that was first used last; the others hang on it. [`REST`] is not in the list: it is always there.
static LAST: Mutex<Option<&'static HeapOwner>> = Mutex::new(None);

impl HeapOwner {
    /// An owner of nothing yet. Two owners may have the same name; they are reported apart.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            held: AtomicI64::new(0),
            peak: AtomicI64::new(0),
            listed: AtomicBool::new(false),
            next: OnceLock::new(),
        }
    }

    pub(super) const fn rest() -> &'static Self {
        &REST
    }

    /// Its name in reports and refusals.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Bytes allocated less bytes freed while it was current; negative where it freed what others allocated. Within
    /// [`tally::BATCH_BYTES`] for each thread in which it is current now, and exact for scopes that ended.
    pub fn held_bytes(&self) -> i64 {
        self.held.load(Ordering::Relaxed)
    }

    /// The most it ever held, in bytes, within the same slack.
    pub fn peak_bytes(&self) -> u64 {
        tally::positive(self.peak.load(Ordering::Relaxed))
    }

    pub(super) fn add(&self, bytes: i64) {
        let held = self.held.fetch_add(bytes, Ordering::Relaxed) + bytes;
        tally::raise(&self.peak, held);
    }

    fn list(&'static self) {
        if self.listed.load(Ordering::Relaxed) || self.listed.swap(true, Ordering::Relaxed) {
            return;
        }
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = last.replace(self) {
            // Only whoever set `listed` comes here, so it is set once.
            let _ = self.next.set(before);
        }
    }
}

/// Every owner that was ever current, the unattributed rest first.
fn all() -> impl Iterator<Item = &'static HeapOwner> {
    let last = *LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let listed = std::iter::successors(last, |owner| owner.next.get().copied());
    std::iter::once(HeapOwner::rest()).chain(listed)
}

/// While this lives, what its thread allocates and frees belongs to one owner. Scopes nest; they end in the reverse
/// order of their beginning. Begin and end cost a hand-over each (some tens of nanoseconds), so a scope is a task or a
/// request, not a call.
#[derive(Debug)]
#[must_use = "the scope ends where this is dropped"]
pub struct Attribution {
    before: &'static HeapOwner,
    /// It belongs to its thread.
    thread: PhantomData<*const ()>,
}

/// Makes an owner the current one of this thread until the returned guard is dropped.
pub fn attribute(owner: &'static HeapOwner) -> Attribution {
    owner.list();
    Attribution { before: tally::switch(owner), thread: PhantomData }
}

impl Drop for Attribution {
    fn drop(&mut self) {
        tally::switch(self.before);
    }
}

/// An owner's bytes, for reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerBytes {
    /// Its name.
    pub name: String,
    /// Bytes allocated less bytes freed while it was current.
    pub held_bytes: i64,
    /// The most it ever held.
    pub peak_bytes: u64,
}

/// Every owner that was ever current, the largest first, by name where equal. Their bytes add up to the total.
pub fn owners() -> Vec<OwnerBytes> {
    let bytes = |owner: &HeapOwner| OwnerBytes {
        name: owner.name.to_owned(),
        held_bytes: owner.held_bytes(),
        peak_bytes: owner.peak_bytes(),
    };
    let mut list: Vec<OwnerBytes> = all().map(bytes).collect();
    list.sort_by(|a, b| (Reverse(a.held_bytes), &a.name).cmp(&(Reverse(b.held_bytes), &b.name)));
    list
}

/// The largest owners and their bytes, the largest first; owners that hold nothing are left out. Allocates nothing,
/// for it is asked when memory is short.
pub(super) fn largest<const N: usize>() -> [Option<(&'static str, u64)>; N] {
    let mut largest = [None; N];
    for owner in all() {
        let mut next = Some((owner.name, tally::positive(owner.held_bytes())));
        for place in &mut largest {
            let bytes = |entry: &Option<(&str, u64)>| entry.map_or(0, |(_, bytes)| bytes);
            if bytes(&next) > bytes(place) {
                std::mem::swap(place, &mut next);
            }
        }
    }
    largest
}
