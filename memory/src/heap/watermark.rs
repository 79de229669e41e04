//! How full is too full: the levels, and the pure function from bytes to level.

use serde::{Deserialize, Serialize};

/// How full the general heap is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Level {
    /// Nothing to do.
    Calm = 0,
    /// Give the allocator's unused pages back to the kernel.
    Purge = 1,
    /// Also ask caches to shrink, and slow down those who bring work.
    Reclaim = 2,
    /// Also refuse new work.
    Refuse = 3,
}

impl Level {
    /// All levels, the calmest first.
    pub const ALL: [Self; 4] = [Self::Calm, Self::Purge, Self::Reclaim, Self::Refuse];

    pub(super) fn from_number(number: u8) -> Self {
        Self::ALL.get(usize::from(number)).copied().unwrap_or(Self::Refuse)
    }
}

/// Where the levels begin, in thousandths of the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watermarks {
    /// From here on purge.
    pub purge_permille: u32,
    /// From here on reclaim and slow down.
    pub reclaim_permille: u32,
    /// From here on refuse new work.
    pub refuse_permille: u32,
    /// A level ends this much below where it begins, so that it does not flicker.
    pub back_permille: u32,
}

impl Watermarks {
    /// 0.90, 0.95 and 1.00, each ending 0.02 below.
    pub const DEFAULT: Self =
        Self { purge_permille: 900, reclaim_permille: 950, refuse_permille: 1000, back_permille: 20 };

    /// Thousandths of a limit in bytes, rounded down, without overflow.
    fn share(limit_bytes: u64, permille: u32) -> u64 {
        let permille = u64::from(permille);
        let whole = (limit_bytes / 1000).saturating_mul(permille);
        whole.saturating_add(limit_bytes % 1000 * permille / 1000)
    }

    /// Where a level begins, in bytes; 0 for [`Level::Calm`].
    pub fn begins_bytes(&self, level: Level, limit_bytes: u64) -> u64 {
        let permille = match level {
            Level::Calm => 0,
            Level::Purge => self.purge_permille,
            Level::Reclaim => self.reclaim_permille,
            Level::Refuse => self.refuse_permille,
        };
        Self::share(limit_bytes, permille)
    }

    /// Below how many bytes a level ends.
    pub fn ends_bytes(&self, level: Level, limit_bytes: u64) -> u64 {
        let back = Self::share(limit_bytes, self.back_permille);
        self.begins_bytes(level, limit_bytes).saturating_sub(back)
    }

    /// The level for so many bytes, where the level was `before`. Upwards at once; downwards only below where the
    /// level ends. Without a limit it is calm.
    pub fn level(&self, held_bytes: u64, limit_bytes: Option<u64>, before: Level) -> Level {
        let Some(limit) = limit_bytes else { return Level::Calm };
        let stands = |level: &Level| {
            let from = if *level <= before {
                self.ends_bytes(*level, limit)
            } else {
                self.begins_bytes(*level, limit)
            };
            held_bytes >= from
        };
        Level::ALL.into_iter().rev().find(stands).unwrap_or(Level::Calm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKS: Watermarks = Watermarks::DEFAULT;

    #[test]
    fn up_at_the_mark_and_down_below_it() {
        let level = |held, before| MARKS.level(held, Some(1000), before);
        assert_eq!(level(899, Level::Calm), Level::Calm);
        assert_eq!(level(900, Level::Calm), Level::Purge);
        assert_eq!(level(880, Level::Purge), Level::Purge);
        assert_eq!(level(879, Level::Purge), Level::Calm);
        assert_eq!(level(950, Level::Calm), Level::Reclaim, "levels may be skipped upwards");
        assert_eq!(level(930, Level::Reclaim), Level::Reclaim);
        assert_eq!(level(929, Level::Reclaim), Level::Purge);
        assert_eq!(level(1000, Level::Purge), Level::Refuse);
        assert_eq!(level(980, Level::Refuse), Level::Refuse);
        assert_eq!(level(979, Level::Refuse), Level::Reclaim);
        assert_eq!(level(0, Level::Refuse), Level::Calm, "and downwards");
        assert_eq!(level(5000, Level::Refuse), Level::Refuse);
    }

    #[test]
    fn no_limit_and_extreme_limits() {
        assert_eq!(MARKS.level(u64::MAX, None, Level::Refuse), Level::Calm);
        assert_eq!(MARKS.level(0, Some(0), Level::Calm), Level::Refuse, "nothing is allowed");
        assert_eq!(MARKS.level(u64::MAX - 1, Some(u64::MAX), Level::Calm), Level::Reclaim);
        assert_eq!(MARKS.begins_bytes(Level::Refuse, u64::MAX), u64::MAX);
        assert_eq!(MARKS.begins_bytes(Level::Purge, 1), 0);
    }

    #[test]
    fn numbers_and_levels() {
        for level in Level::ALL {
            assert_eq!(Level::from_number(level as u8), level);
        }
        assert_eq!(Level::from_number(200), Level::Refuse);
    }
}
