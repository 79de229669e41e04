//! The share of a slot's managed memory for hot entries.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use plimsoll_memory::arena::{BASE_BYTES, PoolAllocator, PoolArena};
use plimsoll_memory::budget::{Owner, Reclaimer, Stage};

use crate::StateError;

/// What an arena may lose between objects: an eighth. Tables stop before it, so that the arena itself seldom refuses.
const SLACK_DIVISOR: u64 = 8;

/// By how much the ceiling falls and rises, at least.
const STEP_BYTES: u64 = 256 << 10;
/// What the ceiling falls by where the arena has refused: a share of what is held. The arena refuses below its cap
/// where entries change their size: pages of the old one are free only when all of their entries are gone.
const REFUSED_DIVISOR: u64 = 64;
/// What the ceiling rises by whenever entries have given way: a share of the limit, four times what went on a slot of
/// 512 MiB, so that it is back soon after sizes have settled.
const RISE_DIVISOR: u64 = 256;
/// The least share that is worth an arena, in bytes.
pub(super) const MIN_BYTES: u64 = 2 * BASE_BYTES;

/// Memory that all hot entries of a slot live in.
///
/// Its pages are charged as they are committed, so what entries do not need is free for others of the slot. Others that
/// find none left ask: entries then give way as soon as their tasks next use them, and their pages go back.
#[derive(Debug)]
pub struct HotMemory {
    arena: PoolAllocator,
    limit_bytes: u64,
    /// Bytes from which entries give way at the moment: less than the limit while others need room, or after the arena
    /// has refused.
    ceiling_bytes: AtomicU64,
    held_bytes: AtomicU64,
    tables: AtomicU64,
    /// A table below its fair share found no room: those above theirs give way.
    short: AtomicBool,
    /// Bytes that others have asked for and not got yet.
    wanted_bytes: AtomicU64,
}

impl HotMemory {
    /// An arena of at most so many bytes, which an owner pays for.
    ///
    /// # Errors
    /// Less than 4 MiB, no address space, or the owner's pool has no room for the arena's own 2 MiB.
    pub fn new(cap_bytes: u64, owner: &Arc<Owner>) -> Result<Arc<Self>, StateError> {
        if cap_bytes < MIN_BYTES {
            return Err(StateError::Setting {
                key: "state.backend.rocksdb.hot-cache.fraction".to_owned(),
                what: format!(
                    "leaves {cap_bytes} bytes for hot entries, {MIN_BYTES} at least: raise it or the slot's managed \
                     memory, or set it to 0"
                ),
            });
        }
        let arena = PoolArena::new("hot entries", cap_bytes, Arc::clone(owner) as _)
            .map_err(|error| StateError::of_arena(&error, "hot entries", owner))?;
        let usable_bytes = cap_bytes - BASE_BYTES;
        let limit_bytes = usable_bytes - usable_bytes / SLACK_DIVISOR;
        let memory = Arc::new(Self {
            arena: PoolAllocator::new(arena),
            limit_bytes,
            ceiling_bytes: AtomicU64::new(limit_bytes),
            held_bytes: AtomicU64::new(0),
            tables: AtomicU64::new(0),
            short: AtomicBool::new(false),
            wanted_bytes: AtomicU64::new(0),
        });
        owner.on_reclaim(Stage::Spill, &memory);
        Ok(memory)
    }

    /// Where entries live.
    pub fn arena(&self) -> &PoolAllocator {
        &self.arena
    }

    /// Bytes from which entries give way.
    pub fn limit_bytes(&self) -> u64 {
        self.limit_bytes
    }

    /// Bytes that entries hold, to a few KiB for each state.
    pub fn held_bytes(&self) -> u64 {
        self.held_bytes.load(Relaxed)
    }

    pub(super) fn enter(&self) {
        self.tables.fetch_add(1, Relaxed);
    }

    pub(super) fn leave(&self, told_bytes: u64) {
        self.tables.fetch_sub(1, Relaxed);
        self.held_bytes.fetch_sub(told_bytes, Relaxed);
    }

    /// Replaces what a table said it holds.
    pub(super) fn tell(&self, before_bytes: u64, now_bytes: u64) {
        if now_bytes >= before_bytes {
            self.held_bytes.fetch_add(now_bytes - before_bytes, Relaxed);
        } else {
            self.held_bytes.fetch_sub(before_bytes - now_bytes, Relaxed);
        }
    }

    /// The arena has refused: entries give way earlier, so that it is not asked in vain again and again.
    pub(super) fn refused(&self) {
        let held = self.held_bytes();
        self.ceiling_bytes.fetch_min((held - held / REFUSED_DIVISOR).max(STEP_BYTES), Relaxed);
    }

    /// The share of each table, where all want more.
    fn fair_bytes(&self) -> u64 {
        self.ceiling_bytes.load(Relaxed) / self.tables.load(Relaxed).max(1)
    }

    /// Whether a table that holds so many bytes gives way now.
    #[inline]
    pub(super) fn gives_way(&self, own_bytes: u64) -> bool {
        let (held, ceiling) = (self.held_bytes(), self.ceiling_bytes.load(Relaxed));
        if self.wanted_bytes.load(Relaxed) > 0 && own_bytes > 0 {
            return true;
        }
        if held <= ceiling && !self.short.load(Relaxed) {
            return false;
        }
        self.gives_way_by_share(own_bytes, held, ceiling)
    }

    fn gives_way_by_share(&self, own_bytes: u64, held: u64, ceiling: u64) -> bool {
        let fair = own_bytes <= self.fair_bytes();
        if held <= ceiling {
            // somebody was short: those above their share give way until it has got on
            if held + ceiling / 16 <= ceiling {
                self.short.store(false, Relaxed);
            }
            return !fair;
        }
        if fair {
            self.short.store(true, Relaxed);
        }
        // the slack of the arena carries those below their share until the others have given way
        !fair || held > ceiling + ceiling / 16
    }

    /// A table has given way: what others asked for goes back to the pool, and the ceiling rises again, a step at a
    /// time.
    pub(super) fn gave_way(&self) {
        self.ceiling_bytes.fetch_add((self.limit_bytes / RISE_DIVISOR).max(STEP_BYTES), Relaxed);
        self.ceiling_bytes.fetch_min(self.limit_bytes, Relaxed);
        if self.wanted_bytes.load(Relaxed) > 0 {
            let freed = self.arena.purge();
            let left = |wanted: u64| Some(wanted.saturating_sub(freed.max(STEP_BYTES)));
            let _ = self.wanted_bytes.fetch_update(Relaxed, Relaxed, left);
            // what was given is not taken back at once
            self.ceiling_bytes.store(self.held_bytes().max(STEP_BYTES), Relaxed);
        }
    }
}

/// Others of the slot need room. Entries belong to their tasks, so nothing is free at once: it is when they are next
/// used, and whoever waits with a deadline gets it then.
impl Reclaimer for HotMemory {
    fn reclaim(&self, wanted_bytes: u64) -> u64 {
        self.wanted_bytes.fetch_max(wanted_bytes.min(self.held_bytes()), Relaxed);
        self.arena.purge()
    }
}
