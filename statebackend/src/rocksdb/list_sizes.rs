//! How long lists may have become by appending, without reading them.
//!
//! RocksDB appends blindly and fails only when it reads: a list beyond 2³¹−1 bytes is lost. So bytes that were appended
//! are counted for each bucket of keys; a bucket is never less than the longest list in it. Below half of the limit
//! nothing more is asked; above, the row itself is measured before each append.

use std::cell::{Cell, RefCell};
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
    /// Rows that are so long that what is pending in memory might break them.
    near: RefCell<HashSet<Vec<u8>>>,
    watching: Cell<bool>,
}

impl ListSizes {
    pub(crate) fn new(limit_bytes: u64) -> Self {
        Self {
            limit_bytes,
            buckets: RefCell::new(Vec::new()),
            near: RefCell::default(),
            watching: Cell::new(false),
        }
    }

    /// The most that may be pending for one list.
    pub(crate) fn kept_bytes_max(&self) -> u64 {
        KEPT_BYTES_MAX.min(self.limit_bytes / 8)
    }

    /// Whether some row is near the limit: then every append is measured, also those that stay in memory.
    #[inline]
    pub(crate) fn is_watching(&self) -> bool {
        self.watching.get()
    }

    /// Counts an append. True if the list is surely within the limit.
    #[inline]
    pub(crate) fn appended(&self, key: &[u8], bytes: u64) -> bool {
        let at = Self::bucket(key);
        let mut buckets = self.buckets.borrow_mut();
        if buckets.is_empty() {
            buckets.resize(BUCKETS, 0);
        }
        buckets[at] += bytes;
        // what was restored and not noted is shorter than this
        buckets[at] + self.limit_bytes / REMEMBERED_SHARE <= self.limit_bytes / 2
    }

    /// A list has this length.
    pub(crate) fn note(&self, key: &[u8], bytes: u64) {
        let at = Self::bucket(key);
        let mut buckets = self.buckets.borrow_mut();
        if buckets.is_empty() {
            buckets.resize(BUCKETS, 0);
        }
        buckets[at] = buckets[at].max(bytes);
        drop(buckets);
        if bytes + 2 * self.kept_bytes_max() > self.limit_bytes {
            self.near.borrow_mut().insert(key.to_vec());
            self.watching.set(true);
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
        assert!(other.is_watching());
        assert_eq!(ListSizes::new(1000).remembered(), None);
    }
}
