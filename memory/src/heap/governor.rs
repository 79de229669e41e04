//! What to do at which level: a pure state machine, stepped by its caller, say once a second.

use super::watermark::{Level, Watermarks};

/// What the governor looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    /// Bytes counted.
    pub held_bytes: u64,
    /// The size of the heap in bytes; `None`: unlimited.
    pub limit_bytes: Option<u64>,
    /// An allocation failed below and the emergency reserve was given back.
    pub short: bool,
}

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Orders {
    /// How full it is.
    pub level: Level,
    /// Give unused pages back to the kernel.
    pub purge: bool,
    /// Ask the reclaimers for so many bytes; 0: do not ask.
    pub reclaim_bytes: u64,
    /// Those who bring work shall slow down.
    pub backpressure: bool,
    /// Try to set the emergency reserve aside again.
    pub refill_reserve: bool,
}

/// A purge repeats after so many steps as long as the level is [`Level::Purge`]; above, each step purges.
const PURGE_AGAIN_STEPS: u32 = 10;

/// What is asked of reclaimers where an allocation failed although the heap is not full, in bytes.
const SHORT_RECLAIM_BYTES: u64 = 4 << 20;

/// From what is seen to what is to be done. It has no clock: its caller is the clock.
#[derive(Debug, Clone)]
pub struct Governor {
    marks: Watermarks,
    level: Level,
    steps_since_purge: u32,
}

impl Default for Governor {
    fn default() -> Self {
        Self::new(Watermarks::DEFAULT)
    }
}

impl Governor {
    /// A governor that saw nothing yet.
    pub const fn new(marks: Watermarks) -> Self {
        Self { marks, level: Level::Calm, steps_since_purge: 0 }
    }

    /// One step.
    pub fn step(&mut self, sight: Sight) -> Orders {
        let before = self.level;
        let level = self.marks.level(sight.held_bytes, sight.limit_bytes, before);
        let level = if sight.short { Level::Refuse } else { level };
        self.level = level;
        self.steps_since_purge = self.steps_since_purge.saturating_add(1);
        let purge = match level {
            Level::Calm => false,
            Level::Purge => before < Level::Purge || self.steps_since_purge >= PURGE_AGAIN_STEPS,
            Level::Reclaim | Level::Refuse => true,
        };
        if purge {
            self.steps_since_purge = 0;
        }
        Orders {
            level,
            purge,
            reclaim_bytes: self.wanted_bytes(sight),
            backpressure: level >= Level::Reclaim,
            refill_reserve: sight.short,
        }
    }

    /// So much that the level of reclaiming ends.
    fn wanted_bytes(&self, sight: Sight) -> u64 {
        if self.level < Level::Reclaim {
            return 0;
        }
        let ends = sight.limit_bytes.map(|limit| self.marks.ends_bytes(Level::Reclaim, limit));
        // The level ends below that many bytes, so one more.
        let above = ends.map_or(0, |ends| (sight.held_bytes + 1).saturating_sub(ends));
        if sight.short { above.max(SHORT_RECLAIM_BYTES) } else { above }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sight(held_bytes: u64) -> Sight {
        Sight { held_bytes, limit_bytes: Some(1000), short: false }
    }

    #[test]
    fn a_rise_and_a_fall() {
        let mut governor = Governor::default();
        let orders = |governor: &mut Governor, held| governor.step(sight(held));
        let calm = orders(&mut governor, 500);
        assert_eq!(
            (calm.level, calm.purge, calm.reclaim_bytes, calm.backpressure),
            (Level::Calm, false, 0, false)
        );
        let purge = orders(&mut governor, 910);
        assert_eq!(
            (purge.level, purge.purge, purge.reclaim_bytes, purge.backpressure),
            (Level::Purge, true, 0, false)
        );
        assert!(!orders(&mut governor, 910).purge, "not each time");
        let reclaim = orders(&mut governor, 960);
        assert_eq!((reclaim.purge, reclaim.reclaim_bytes, reclaim.backpressure), (true, 31, true));
        let settled = orders(&mut governor, 960 - 31);
        assert_eq!((settled.level, settled.reclaim_bytes), (Level::Purge, 0), "what was asked is enough");
        let refuse = orders(&mut governor, 1200);
        assert_eq!((refuse.level, refuse.reclaim_bytes), (Level::Refuse, 271));
        assert_eq!(orders(&mut governor, 10).level, Level::Calm);
    }

    #[test]
    fn a_purge_repeats() {
        let mut governor = Governor::default();
        let purges = (0..21).filter(|_| governor.step(sight(910)).purge).count();
        assert_eq!(purges, 3);
    }

    #[test]
    fn a_failed_allocation_is_as_bad_as_a_full_heap() {
        let mut governor = Governor::default();
        let orders = governor.step(Sight { held_bytes: 10, limit_bytes: None, short: true });
        assert_eq!(orders.level, Level::Refuse);
        assert!(orders.purge && orders.backpressure && orders.refill_reserve);
        assert_eq!(orders.reclaim_bytes, SHORT_RECLAIM_BYTES);
        let after = governor.step(Sight { held_bytes: 10, limit_bytes: None, short: false });
        assert_eq!((after.level, after.refill_reserve, after.backpressure), (Level::Calm, false, false));
    }
}
