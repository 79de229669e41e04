//! How long lists may have become by appending, without reading them.
//!
//! RocksDB appends blindly and fails only when it reads: a list beyond 2³¹−1 bytes is lost. So bytes that were
//! appended are counted for each bucket of keys; a bucket is never less than the longest list in it, but for a
//! sixteenth of the limit. Below half of the limit nothing more is asked; above, the row itself is measured before
//! each append. Lists near the limit, and those that may be after a restore, are measured before each append and never
//! wait in memory.

use std::cell::{Cell, RefCell, RefMut};
use std::collections::HashSet;

const BUCKETS: usize = 4096;
/// Pending elements of one list in memory, at most: a longer one goes to its row.
const KEPT_BYTES_MAX: u64 = 256 << 10;
/// The least bucket that is worth being remembered in a snapshot, as a share of the limit.
const REMEMBERED_SHARE: u64 = 16;

/// Upper bounds of list lengths.
pub(crate) struct ListSizes {
    limit_bytes: u64,
    buckets: RefCell<Vec<u64>>,
    /// What a bucket begins with.
    first_bytes: Cell<u64>,
    /// Rows that are so long that what is pending in memory might break them.
    near: RefCell<HashSet<Vec<u8>>>,
    /// Buckets in which a restored database may have such rows.
    suspect: RefCell<Vec<bool>>,
    watching: Cell<bool>,
}

impl ListSizes {
    pub(crate) fn new(limit_bytes: u64) -> Self {
        Self {
            limit_bytes,
            buckets: RefCell::new(Vec::new()),
            first_bytes: Cell::new(0),
            suspect: RefCell::default(),
            near: RefCell::default(),
            watching: Cell::new(false),
        }
    }

    /// The most that may be pending for one list.
    pub(crate) fn kept_bytes_max(&self) -> u64 {
        KEPT_BYTES_MAX.min(self.limit_bytes / 8)
    }

    /// Whether some row is near the limit: then each append asks whether it [is to this one](Self::is_near).
    #[inline]
    pub(crate) fn is_watching(&self) -> bool {
        self.watching.get()
    }

    /// Whether what is pending in memory might make this row too long.
    pub(crate) fn is_near(&self, key: &[u8]) -> bool {
        let suspect = self.suspect.borrow().get(Self::bucket(key)).copied().unwrap_or(false);
        suspect || self.near.borrow().contains(key)
    }

    fn is_long(&self, bytes: u64) -> bool {
        bytes + 2 * self.kept_bytes_max() > self.limit_bytes
    }

    fn buckets(&self) -> RefMut<'_, Vec<u64>> {
        let mut buckets = self.buckets.borrow_mut();
        if buckets.is_empty() {
            buckets.resize(BUCKETS, self.first_bytes.get());
        }
        buckets
    }

    /// Counts an append. True if the list is surely within the limit.
    #[inline]
    pub(crate) fn appended(&self, key: &[u8], bytes: u64) -> bool {
        let at = Self::bucket(key);
        let mut buckets = self.buckets();
        buckets[at] = buckets[at].saturating_add(bytes);
        // what was restored and not noted is shorter than this
        buckets[at].saturating_add(self.limit_bytes / REMEMBERED_SHARE) <= self.limit_bytes / 2
    }

    /// A list has this length.
    pub(crate) fn note(&self, key: &[u8], bytes: u64) {
        let at = Self::bucket(key);
        let mut buckets = self.buckets();
        buckets[at] = buckets[at].max(bytes);
        drop(buckets);
        if self.is_long(bytes) {
            self.near.borrow_mut().insert(key.to_vec());
            self.watching.set(true);
        } else if self.is_watching() {
            self.near.borrow_mut().remove(key);
        }
    }

    /// A row was restored: of whatever kind, it is no longer than this.
    pub(crate) fn note_restored(&self, key: &[u8], bytes: u64) {
        if bytes >= self.limit_bytes / REMEMBERED_SHARE {
            self.note(key, bytes);
        }
    }

    /// Not seeded by chance: a snapshot remembers the buckets.
    #[inline]
    fn bucket(key: &[u8]) -> usize {
        crc32fast::hash(key) as usize % BUCKETS
    }

    /// What a snapshot must remember, if anything.
    pub(crate) fn remembered(&self) -> Option<Vec<u8>> {
        let buckets = self.buckets.borrow();
        let worth = buckets.iter().any(|bytes| *bytes >= self.limit_bytes / REMEMBERED_SHARE);
        worth.then(|| buckets.iter().flat_map(|bytes| bytes.to_be_bytes()).collect())
    }

    /// What a snapshot remembered: with that of others, where it is restored from several.
    pub(crate) fn remember(&self, bytes: &[u8]) {
        let mut buckets = self.buckets.borrow_mut();
        buckets.resize(BUCKETS, 0);
        for (bucket, bytes) in buckets.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *bucket = (*bucket).max(u64::from_be_bytes(*bytes));
        }
        let suspect: Vec<bool> = buckets.iter().map(|bytes| self.is_long(*bytes)).collect();
        if suspect.contains(&true) {
            self.watching.set(true);
            *self.suspect.borrow_mut() = suspect;
        }
    }

    /// A snapshot of lists was restored that found nothing worth remembering: none has this length, but they add up
    /// from one restore to the next.
    pub(crate) fn remember_nothing(&self) {
        self.first_bytes.set(self.limit_bytes / REMEMBERED_SHARE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_never_less_than_a_list_in_it() {
        let sizes = ListSizes::new(1000);
        assert!(sizes.appended(b"a", 400) && sizes.appended(b"a", 38) && !sizes.appended(b"a", 1));
        assert!(sizes.appended(b"b", 1), "another bucket");
        let other = ListSizes::new(1000);
        other.remember(&sizes.remembered().unwrap());
        assert!(!other.appended(b"a", 0));
        assert!(!other.is_watching());
        other.note(b"c", 800);
        assert!(other.is_watching() && other.is_near(b"c") && !other.is_near(b"b"));
        other.note(b"c", 100);
        assert!(!other.is_near(b"c"), "it was replaced");
        let third = ListSizes::new(1000);
        third.remember(&other.remembered().unwrap());
        assert!(third.is_watching() && third.is_near(b"c"), "it may be long again");
        assert_eq!(ListSizes::new(1000).remembered(), None);
        let restored = ListSizes::new(1000);
        restored.remember_nothing();
        assert!(restored.appended(b"a", 1) && restored.remembered().is_some());
    }
}
