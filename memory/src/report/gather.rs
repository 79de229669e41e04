//! A report of this process: from its budget, its arenas and its heap.

use std::io;

use super::data::{ArenaUsage, HeapLevel, HeapOwnerUsage, HeapUsage, Profile, Report, Role};
use super::proc;
use crate::arena::PoolArena;
use crate::budget::ProcessBudget;
use crate::heap;
use crate::probe::Observation;

impl Report {
    /// This process: its pools now, its general heap where that is counted, and what was last observed. Arenas are
    /// added by who has them: see [`ArenaUsage::of`].
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn of_this_process(
        role: Role,
        budget: &ProcessBudget,
        observation: Option<Observation>,
    ) -> io::Result<Self> {
        let process = proc::own_process(role)?;
        Ok(Self {
            total_bytes: Some(budget.total_bytes()),
            pools: budget.usage(),
            heap: HeapUsage::of_this_process(),
            observation,
            ..Self::new(process, Profile::Native, proc::now_unix_ms())
        })
    }
}

impl ArenaUsage {
    /// An arena at this moment.
    pub fn of(arena: &PoolArena) -> Self {
        Self {
            name: arena.name().to_owned(),
            cap_bytes: arena.cap_bytes(),
            committed_bytes: arena.committed_bytes(),
            peak_bytes: arena.committed_peak_bytes(),
            refusals: arena.refusals(),
        }
    }
}

impl HeapUsage {
    /// The general heap of this process; `None` where the counting allocator is not installed, or nothing was counted
    /// yet.
    pub fn of_this_process() -> Option<Self> {
        let peak_bytes = heap::peak_bytes();
        if peak_bytes == 0 {
            return None;
        }
        let owner = |owner: heap::OwnerBytes| HeapOwnerUsage {
            name: owner.name,
            held_bytes: owner.held_bytes,
            peak_bytes: owner.peak_bytes,
        };
        Some(Self {
            counted_bytes: heap::held_bytes(),
            limit_bytes: heap::limit_bytes(),
            peak_bytes,
            level: heap::level().into(),
            owners: heap::owners().into_iter().map(owner).collect(),
        })
    }
}

impl From<heap::Level> for HeapLevel {
    fn from(level: heap::Level) -> Self {
        match level {
            heap::Level::Calm => Self::Calm,
            heap::Level::Purge => Self::Purge,
            heap::Level::Reclaim => Self::Reclaim,
            heap::Level::Refuse => Self::Refuse,
        }
    }
}
