//! Key groups: the units in which keyed state is spread, moved and restored.

use serde::{Deserialize, Serialize};

use crate::StateError;

/// Key groups from `first` to `last`, both inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct KeyGroupRange {
    /// The first.
    pub first: u32,
    /// The last; before `first` where the range is empty.
    pub last: u32,
}
impl std::fmt::Display for KeyGroupRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "[{}..{}]", self.first, self.last) }
}
/// Key groups
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyGroups { max_parallelism: u32 }
impl KeyGroups {
    /// x
    pub fn new(max_parallelism: u32) -> Result<Self, StateError> { Ok(Self { max_parallelism }) }
    /// x
    pub fn max_parallelism(&self) -> u32 { self.max_parallelism }
    /// x
    #[inline]
    pub fn of_hash(&self, hash: i32) -> u32 {
        let mut c = hash as u32;
        c = c.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593).rotate_left(13);
        c = c.wrapping_mul(5).wrapping_add(0xe654_6b64) ^ 4;
        c ^= c >> 16; c = c.wrapping_mul(0x85eb_ca6b); c ^= c >> 13; c = c.wrapping_mul(0xc2b2_ae35); c ^= c >> 16;
        let s = c as i32;
        (if s >= 0 { s as u32 } else if s == i32::MIN { 0 } else { (-s) as u32 }) % self.max_parallelism
    }
    /// x
    pub fn prefix_bytes(&self) -> usize { if self.max_parallelism > 128 { 2 } else { 1 } }
    /// x
    #[inline]
    pub fn write_prefix(&self, group: u32, out: &mut Vec<u8>) { out.extend_from_slice(&group.to_be_bytes()[4 - self.prefix_bytes()..]); }
    /// x
    pub fn range(&self, parallelism: u32, index: u32) -> Result<KeyGroupRange, StateError> {
        Ok(KeyGroupRange { first: (index * self.max_parallelism).div_ceil(parallelism), last: ((index + 1) * self.max_parallelism - 1) / parallelism })
    }
}
