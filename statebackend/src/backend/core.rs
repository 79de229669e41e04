//! What all states of a backend share.

use std::cell::Cell;

use crate::StateError;
use crate::key_group::{KeyGroupRange, KeyGroups};
use crate::serializer::KeySerializer;

/// Keys, their groups, and the time.
pub(crate) struct Core<K> {
    pub(crate) key: K,
    pub(crate) groups: KeyGroups,
    pub(crate) range: KeyGroupRange,
    now_ms: Cell<i64>,
}

impl<K: KeySerializer> Core<K> {
    pub(crate) fn new(key: K, groups: KeyGroups, range: KeyGroupRange) -> Self {
        Self { key, groups, range, now_ms: Cell::new(0) }
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.now_ms.get()
    }

    pub(crate) fn set_now_ms(&self, now_ms: i64) {
        self.now_ms.set(now_ms);
    }

    /// The key group of a key.
    #[inline]
    pub(crate) fn group(&self, key: &K::Value) -> u32 {
        self.groups.of_hash(self.key.java_hash(key))
    }

    /// Whether a key is of one of our key groups.
    #[inline]
    pub(crate) fn check(&self, key: &K::Value) -> Result<(), StateError> {
        self.check_group(self.group(key))
    }

    #[inline]
    pub(crate) fn check_group(&self, group: u32) -> Result<(), StateError> {
        if group >= self.range.first && group <= self.range.last { Ok(()) } else { Err(self.outside(group)) }
    }

    #[cold]
    fn outside(&self, group: u32) -> StateError {
        StateError::Usage(format!(
            "a key of key group {group} was sent to the subtask of the key groups {}: the stream is partitioned by \
             another key than the state",
            self.range
        ))
    }
}
