//! The share of a slot's managed memory for hot entries.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use plimsoll_memory::arena::{BASE_BYTES, PoolAllocator, PoolArena};

use crate::StateError;

/// What an arena may lose between objects: an eighth. Tables stop before it, so that the arena itself seldom refuses.
const SLACK_DIVISOR: u64 = 8;

/// The least share that is worth an arena, in bytes.
pub(super) const MIN_BYTES: u64 = 2 * BASE_BYTES;

/// Memory that all hot entries of a slot live in.
#[derive(Debug)]
pub struct HotMemory {
    arena: PoolAllocator,
    limit_bytes: u64,
    held_bytes: AtomicU64,
    tables: AtomicU64,
    /// A table below its fair share found no room: those above theirs give way.
    short: AtomicBool,
}

impl HotMemory {
    /// An arena of so many bytes, which the caller has reserved.
    ///
    /// # Errors
    /// Less than [`MIN_BYTES`], or no address space.
    pub fn new(cap_bytes: u64) -> Result<Arc<Self>, StateError> {
        if cap_bytes < MIN_BYTES {
            return Err(StateError::Setting {
                key: "state.backend.rocksdb.hot-cache.fraction".to_owned(),
                what: format!(
                    "leaves {cap_bytes} bytes for hot entries, {MIN_BYTES} at least: raise it or the slot's managed \
                     memory, or set it to 0"
                ),
            });
        }
        let arena = PoolArena::capped("hot entries", cap_bytes)
            .map_err(|error| StateError::Usage(error.to_string()))?;
        let usable_bytes = cap_bytes - BASE_BYTES;
        Ok(Arc::new(Self {
            arena: PoolAllocator::new(arena),
            limit_bytes: usable_bytes - usable_bytes / SLACK_DIVISOR,
            held_bytes: AtomicU64::new(0),
            tables: AtomicU64::new(0),
            short: AtomicBool::new(false),
        }))
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

    /// The share of each table, where all want more.
    fn fair_bytes(&self) -> u64 {
        self.limit_bytes / self.tables.load(Relaxed).max(1)
    }

    /// Whether a table that holds so many bytes gives way now.
    pub(super) fn gives_way(&self, own_bytes: u64) -> bool {
        let full = self.held_bytes() > self.limit_bytes;
        let fair = own_bytes <= self.fair_bytes();
        if full && fair {
            self.short.store(true, Relaxed);
        }
        if !full && self.short.load(Relaxed) {
            self.short.store(false, Relaxed);
        }
        // the slack of the arena carries those below their share until the others have given way
        full && (!fair || self.held_bytes() > self.limit_bytes + self.limit_bytes / 16)
    }

    /// Whether a table above its share should give way although it asks for nothing.
    pub(super) fn is_wanted(&self, own_bytes: u64) -> bool {
        self.short.load(Relaxed) && own_bytes > self.fair_bytes()
    }
}
