//! Key groups: the units in which keyed state is spread, moved and restored.
//!
//! A key belongs to one of `max_parallelism` groups, by a hash of the hash that the key has in Java; a subtask has a
//! range of groups. Everything here is Flink's `KeyGroupRangeAssignment` and `MathUtils.murmurHash`, number for number,
//! so that a stream and its state may be handed to a real Flink.
//!
//! What it promises: every group belongs to one subtask, whatever the parallelism; a key's group never changes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::StateError;

/// The largest number of key groups (`Transformation.UPPER_BOUND_MAX_PARALLELISM`).
pub const MAX_PARALLELISM_LIMIT: u32 = 1 << 15;
/// The least number that Flink chooses by itself (`DEFAULT_LOWER_BOUND_MAX_PARALLELISM`).
const DEFAULT_MIN: u32 = 1 << 7;
/// Up to so many groups one byte names a group (`CompositeKeySerializationUtils`).
const ONE_BYTE_MAX: u32 = 128;

/// Key groups from `first` to `last`, both inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct KeyGroupRange {
    /// The first.
    pub first: u32,
    /// The last; before `first` where the range is empty.
    pub last: u32,
}

impl KeyGroupRange {
    /// How many groups.
    pub const fn len(self) -> u32 {
        (self.last + 1).saturating_sub(self.first)
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Whether a group is inside.
    pub const fn contains(self, group: u32) -> bool {
        self.first <= group && group <= self.last
    }

    /// The groups of both; `None` where there are none.
    pub fn intersect(self, other: Self) -> Option<Self> {
        let both = Self { first: self.first.max(other.first), last: self.last.min(other.last) };
        (both.first <= both.last).then_some(both)
    }

    /// All groups, ascending.
    pub fn iter(self) -> impl Iterator<Item = u32> {
        self.first..self.first + self.len()
    }
}

impl fmt::Display for KeyGroupRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.first, self.last)
    }
}

/// The key groups of an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyGroups {
    max_parallelism: u32,
}

impl KeyGroups {
    /// So many groups.
    ///
    /// # Errors
    /// None, or more than [`MAX_PARALLELISM_LIMIT`].
    pub fn new(max_parallelism: u32) -> Result<Self, StateError> {
        if max_parallelism == 0 || max_parallelism > MAX_PARALLELISM_LIMIT {
            return Err(StateError::Usage(format!(
                "a maximum parallelism of {max_parallelism} is not possible: 1 to {MAX_PARALLELISM_LIMIT} are"
            )));
        }
        Ok(Self { max_parallelism })
    }

    /// As many groups as Flink chooses for a parallelism: half as many again, up to the next power of two, 128 at least
    /// and [`MAX_PARALLELISM_LIMIT`] at most (`computeDefaultMaxParallelism`).
    ///
    /// # Errors
    /// A parallelism that is 0 or above the limit.
    pub fn default_for(parallelism: u32) -> Result<Self, StateError> {
        Self::new(parallelism)?;
        let wanted = (parallelism + parallelism / 2).next_power_of_two();
        Self::new(wanted.clamp(DEFAULT_MIN, MAX_PARALLELISM_LIMIT))
    }

    /// How many there are.
    pub const fn max_parallelism(self) -> u32 {
        self.max_parallelism
    }

    /// The group of a key with this hash in Java (`assignToKeyGroup`).
    #[inline]
    pub fn of_hash(self, java_hash: i32) -> u32 {
        murmur(java_hash) % self.max_parallelism
    }

    /// The groups of a subtask (`computeKeyGroupRangeForOperatorIndex`).
    ///
    /// # Errors
    /// A parallelism of 0 or above the number of groups; an index that is not below it.
    pub fn range(self, parallelism: u32, index: u32) -> Result<KeyGroupRange, StateError> {
        let max = self.max_parallelism;
        if parallelism == 0 || parallelism > max {
            return Err(StateError::Usage(format!(
                "a parallelism of {parallelism} is not possible with a maximum of {max}: 1 to {max} are"
            )));
        }
        if index >= parallelism {
            return Err(StateError::Usage(format!("there is no subtask {index} among {parallelism}")));
        }
        // at most 2³⁰: both are at most 2¹⁵
        let first = (index * max).div_ceil(parallelism);
        let last = ((index + 1) * max - 1) / parallelism;
        Ok(KeyGroupRange { first, last })
    }

    /// The subtask that has a group (`computeOperatorIndexForKeyGroup`).
    #[inline]
    pub const fn index_of(self, parallelism: u32, group: u32) -> u32 {
        group * parallelism / self.max_parallelism
    }

    /// Bytes that name a group before a key.
    #[inline]
    pub const fn prefix_bytes(self) -> usize {
        if self.max_parallelism > ONE_BYTE_MAX { 2 } else { 1 }
    }

    /// Appends a group's name, big endian, so that names compare as groups do.
    #[inline]
    pub fn write_prefix(self, group: u32, out: &mut Vec<u8>) {
        let [.., high, low] = group.to_be_bytes();
        if self.max_parallelism > ONE_BYTE_MAX {
            out.push(high);
        }
        out.push(low);
    }
}

/// Flink's `MathUtils.murmurHash`: one round of Murmur3 on four bytes, made non-negative.
#[inline]
#[expect(clippy::cast_sign_loss, clippy::cast_possible_wrap, reason = "Java's int, bit for bit")]
fn murmur(code: i32) -> u32 {
    let mut hash = (code as u32).wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    hash = hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64) ^ 4;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    // Java's Math.abs, and 0 for the one value that has no positive twin
    ((hash ^ (hash >> 16)) as i32).checked_abs().map_or(0, |hash| hash as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_has_one_subtask() {
        for max in [1, 13, 127, 128, 129, 4096] {
            let groups = KeyGroups::new(max).unwrap();
            for parallelism in (1..=max).filter(|p| *p < 40 || p % 97 == 0 || *p == max) {
                let mut next = 0;
                for index in 0..parallelism {
                    let range = groups.range(parallelism, index).unwrap();
                    assert_eq!(range.first, next);
                    assert!(range.iter().all(|group| groups.index_of(parallelism, group) == index));
                    next = range.last + 1;
                }
                assert_eq!(next, max);
            }
        }
    }

    #[test]
    fn what_is_not_possible_is_said() {
        let text = |answer: Result<KeyGroups, StateError>| answer.unwrap_err().to_string();
        assert_eq!(text(KeyGroups::new(0)), "a maximum parallelism of 0 is not possible: 1 to 32768 are");
        assert_eq!(
            text(KeyGroups::new(32_769)),
            "a maximum parallelism of 32769 is not possible: 1 to 32768 are"
        );
        let groups = KeyGroups::new(128).unwrap();
        let text = |answer: Result<KeyGroupRange, StateError>| answer.unwrap_err().to_string();
        assert_eq!(
            text(groups.range(129, 0)),
            "a parallelism of 129 is not possible with a maximum of 128: 1 to 128 are"
        );
        assert_eq!(text(groups.range(3, 3)), "there is no subtask 3 among 3");
    }

    #[test]
    fn ranges() {
        let range = KeyGroupRange { first: 3, last: 5 };
        assert_eq!((range.len(), range.to_string().as_str()), (3, "3 to 5"));
        assert_eq!(
            range.intersect(KeyGroupRange { first: 5, last: 9 }),
            Some(KeyGroupRange { first: 5, last: 5 })
        );
        assert_eq!(range.intersect(KeyGroupRange { first: 6, last: 9 }), None);
        assert!(KeyGroupRange { first: 1, last: 0 }.is_empty());
    }
}
