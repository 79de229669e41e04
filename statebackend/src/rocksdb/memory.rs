//! The memory of a slot's databases: one block cache, one write buffer manager, one arena for block bytes.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use plimsoll_memory::arena::{BASE_BYTES, PoolArena};
use plimsoll_memory::budget::Reservation;
use plimsoll_memory::model::rocksdb::{Ratios, SharedMemory};
use rocksdb::{AsColumnFamilyRef, Options};

use super::RocksDbSettings;
use super::bridge::{self, BlockArena, Buffers, Cache, CacheShape, Charged, RoleUsage, Tables};
use super::gate::Gate;
use super::relief::Relief;
use super::settings::MemorySettings;
use crate::StateError;

/// What all databases and column families of a slot share.
///
/// Made of a number of bytes by Flink's formulas: the cache gets `(3 − r) / 3` of them and the write buffer manager,
/// which is charged to the cache, `2r / 3`, where `r` is the ratio of write buffers. Since RocksDB 7.6 memtables may
/// grow without bound where writers do not stall, so here they do.
///
/// Databases share what is in here by counted pointers, so this may be dropped before them. The bytes are charged to
/// the budget as long as this lives: keep it until the last database is closed.
pub struct SlotMemory {
    buffers: Arc<Buffers>,
    cache: Cache,
    blocks: Arc<BlockArena>,
    /// One factory for all families whose tables are alike.
    tables: Mutex<Vec<(TableShape, Tables)>>,
    total_bytes: u64,
    threads: u32,
    pub(super) gate: Gate,
    pub(super) relief: Arc<Relief>,
    _charge: Option<Reservation>,
}

/// A part of what a slot's databases need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// What it is.
    pub name: &'static str,
    /// How large it may become, in bytes.
    pub bytes: u64,
    /// Whether the slot's bytes cover it; if not, the overhead of the process must.
    pub in_slot: bool,
    /// Why there are so many.
    pub reason: &'static str,
}

/// What makes the tables of two column families differ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct TableShape {
    pub(super) block_bytes: u64,
    pub(super) metadata_block_bytes: u64,
    pub(super) bloom_bits: Option<f64>,
    pub(super) partitioned: bool,
    pub(super) charges_files: bool,
}

/// What a memtable is charged for when it begins, even while writers are stalled.
const MEMTABLE_BYTES: u64 = 2 << 10;
/// In pieces of so many bytes RocksDB charges what are no blocks.
const CHARGE_BYTES: u64 = 256 << 10;
/// What a file's metadata holds: its place, its first and last key.
const FILE_BYTES: u64 = 1 << 10;
/// Files of a column family, with a state of a GiB: what is larger has larger families, too.
const FAMILY_FILES: u64 = 16;

/// What may be in the arena beyond the cache's capacity: a sixteenth, for size classes and freed pages.
const ARENA_SLACK: u64 = 16;
/// The least capacity of a shard. A filter is one block: of a file of 64 MiB of short rows it has 4 MiB, and a shard
/// that is smaller would read it again, checksum and all, for every look-up.
const SHARD_BYTES_MIN: usize = 32 << 20;
/// RocksDB makes no more than 64 shards by itself.
const SHARD_BITS_MAX: u32 = 6;

impl SlotMemory {
    /// Cuts so many bytes by the settings' ratios. Charges them to nobody: [`MemorySource`](super::MemorySource) does.
    ///
    /// # Errors
    /// Too few bytes for a cache, ratios that leave no room, no address space.
    pub fn new(total_bytes: u64, settings: &RocksDbSettings) -> Result<Self, StateError> {
        Self::charged(total_bytes, settings, None)
    }

    pub(super) fn charged(
        total_bytes: u64,
        settings: &RocksDbSettings,
        charge: Option<Reservation>,
    ) -> Result<Self, StateError> {
        let MemorySettings { ratios, strict, pinned_limit_bytes, iterators_max, .. } = settings.memory;
        let (capacity_bytes, buffers_bytes) = cut(total_bytes, ratios)?;
        let arena = PoolArena::capped("rocksdb blocks", arena_cap_bytes(capacity_bytes as u64))
            .map_err(|error| StateError::Usage(format!("no memory for RocksDB's cache: {error}")))?;
        let blocks = Arc::new(BlockArena::new(arena));
        let shape = CacheShape {
            capacity_bytes,
            shard_bits: shard_bits(capacity_bytes),
            strict,
            high_priority: ratios.high_priority,
            low_priority: 0.0,
        };
        let cache = Cache::new(shape, Arc::clone(&blocks)).ok_or_else(|| {
            StateError::Usage(format!(
                "RocksDB makes no cache of {capacity_bytes} bytes with ratios {ratios:?}"
            ))
        })?;
        let pinned_limit = pinned_limit_bytes.unwrap_or(capacity_bytes as u64 / 4);
        let buffers = Arc::new(Buffers::new(buffers_bytes, &cache));
        Ok(Self {
            relief: Arc::new(Relief::new(Arc::clone(&buffers))),
            buffers,
            cache,
            blocks,
            tables: Mutex::default(),
            total_bytes,
            threads: settings.database.threads,
            gate: Gate::new(pinned_limit, iterators_max),
            _charge: charge,
        })
    }

    /// The bytes that it was made of.
    pub const fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// The capacity of the cache, as RocksDB has it, in bytes.
    pub fn cache_capacity_bytes(&self) -> u64 {
        self.cache.capacity_bytes() as u64
    }

    /// What the cache holds, charges included, in bytes.
    pub fn cache_usage_bytes(&self) -> u64 {
        self.cache.usage_bytes() as u64
    }

    /// What of that cannot be evicted, in bytes: blocks in use, memtables, table readers.
    pub fn cache_pinned_bytes(&self) -> u64 {
        self.cache.pinned_bytes() as u64
    }

    /// The share of the cache that blocks of high priority keep, as RocksDB has it.
    pub fn high_priority_ratio(&self) -> f64 {
        self.cache.high_priority()
    }

    /// Whether the cache refuses rather than exceed its capacity.
    pub fn is_strict(&self) -> bool {
        self.cache.is_strict()
    }

    /// Where writers stall, in bytes of memtables.
    pub fn memtable_limit_bytes(&self) -> u64 {
        self.buffers.limit_bytes() as u64
    }

    /// Bytes of memtables, those being written to files included.
    pub fn memtable_bytes(&self) -> u64 {
        self.buffers.usage_bytes() as u64
    }

    /// Bytes of memtables that still take writes.
    pub fn mutable_memtable_bytes(&self) -> u64 {
        self.buffers.mutable_bytes() as u64
    }

    /// What the cache is charged for memtables, in bytes: whole quarters of a MiB.
    pub fn memtable_charge_bytes(&self) -> u64 {
        self.buffers.charged_bytes() as u64
    }

    /// Whether writers are being stalled at this moment.
    pub fn is_stalled(&self) -> bool {
        self.buffers.is_stalled()
    }

    /// What the cache holds and memtables hold beyond what it is charged for them, in bytes: all that the slot's bytes
    /// are meant for.
    pub fn held_bytes(&self) -> u64 {
        self.cache_usage_bytes() + self.memtable_bytes().saturating_sub(self.memtable_charge_bytes())
    }

    /// What the cache holds for what, largest first. Walks the whole cache: for a person who asks, not for a loop.
    pub fn roles(&self) -> Vec<RoleUsage> {
        self.cache.roles()
    }

    /// The cap of the arena for blocks, in bytes.
    pub fn arena_cap_bytes(&self) -> u64 {
        self.blocks.arena().cap_bytes()
    }

    /// Bytes of the arena that have memory behind them.
    pub fn arena_committed_bytes(&self) -> u64 {
        self.blocks.arena().committed_bytes()
    }

    /// The most that the arena ever had committed, in bytes.
    pub fn arena_peak_bytes(&self) -> u64 {
        self.blocks.arena().committed_peak_bytes()
    }

    /// How many blocks the arena ever refused, so that the general heap took them.
    pub fn fallbacks(&self) -> u64 {
        self.blocks.fallbacks()
    }

    /// Bytes of blocks that are in the general heap now.
    pub fn fallback_bytes(&self) -> u64 {
        self.blocks.fallback_bytes()
    }

    /// Iterators that are open.
    pub fn open_iterators(&self) -> u32 {
        self.gate.open()
    }

    /// How many iterators were refused.
    pub fn refused_iterators(&self) -> u64 {
        self.gate.refused()
    }

    /// Drops all blocks that are not in use, and gives their memory back. Returns the bytes given back.
    pub fn evict(&self) -> u64 {
        let before = self.arena_committed_bytes();
        self.cache.evict_unpinned();
        self.blocks.arena().purge();
        before.saturating_sub(self.arena_committed_bytes())
    }

    /// Lets the cache hold less than its share, or its share again. What is in use stays. Never more than the capacity
    /// that the bytes gave.
    pub fn set_cache_capacity(&self, bytes: u64) {
        let full = self.blocks.arena().cap_bytes();
        let bytes = bytes.min((full - BASE_BYTES) / (ARENA_SLACK + 1) * ARENA_SLACK);
        self.cache.set_capacity(usize::try_from(bytes).unwrap_or(usize::MAX));
    }

    /// Checks that a column family of an open database charges to this memory.
    ///
    /// # Errors
    /// It has another cache: RocksDB gives 32 MiB to every family that is opened with options of its own.
    pub fn verify_family(&self, name: &str, family: &impl AsColumnFamilyRef) -> Result<(), StateError> {
        let has = bridge::family_has_cache(family, &self.cache);
        if has { Ok(()) } else { Err(foreign(&format!("column family \"{name}\""), "cache")) }
    }

    /// Checks that options of a database charge to this memory.
    ///
    /// # Errors
    /// They have another write buffer manager.
    pub fn verify_database(&self, options: &Options) -> Result<(), StateError> {
        let has = bridge::have_buffers(options, &self.buffers);
        if has { Ok(()) } else { Err(foreign("the database", "write buffer manager")) }
    }

    /// Gives options of a family tables that use the cache: the factory of `shape`, made of these options where it is
    /// the first of its shape.
    pub(super) fn apply_to_family(&self, options: &mut Options, shape: TableShape) -> Result<(), StateError> {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = tables.iter().find(|(known, _)| *known == shape) {
            known.apply(options);
        } else {
            let charged = if shape.charges_files { Charged::TABLES_AND_FILES } else { Charged::TABLES };
            let made = Tables::new(options, &self.cache, charged).ok_or_else(|| {
                let what = "We currently only support BlockBasedTableConfig When bounding total memory.";
                StateError::Usage(what.to_owned())
            })?;
            made.apply(options);
            tables.push((shape, made));
        }
        drop(tables);
        let has = bridge::have_cache(options, &self.cache);
        if has { Ok(()) } else { Err(foreign("a column family", "cache")) }
    }

    /// Whether the metadata of files is charged to the cache, with so many families: RocksDB charges it in pieces of
    /// 256 KiB for each family, so that many families would fill the cache with nothing.
    pub fn charges_files(&self, families: u32) -> bool {
        u64::from(families) * CHARGE_BYTES <= self.cache_capacity_bytes() / 16
    }

    pub(super) fn apply_to_database(&self, options: &mut Options) -> Result<(), StateError> {
        bridge::use_buffers(options, &self.buffers);
        self.verify_database(options)
    }

    /// What the databases of the slot need, as a sum: each part with its reason. Those in the slot sum to its bytes;
    /// the
    /// overhead of the process must hold the others. `databases` and `families` are all of the slot;
    /// `arena_block_bytes` is the largest among the families.
    pub fn terms(&self, databases: u32, families: u32, arena_block_bytes: u64) -> Vec<Term> {
        let capacity = self.cache_capacity_bytes();
        let reserve = self.total_bytes.saturating_sub(capacity);
        let blocks = arena_block_bytes.saturating_mul(u64::from(databases.min(families)));
        let blocks = blocks.saturating_add(MEMTABLE_BYTES * u64::from(families));
        let slack = capacity / ARENA_SLACK + BASE_BYTES;
        let (blocks_inside, slack_inside) = (blocks.min(reserve), slack.min(reserve - blocks.min(reserve)));
        let files = if self.charges_files(families) { 0 } else { FAMILY_FILES * FILE_BYTES };
        let term = |name, in_slot, bytes, reason| Term { name, bytes, in_slot, reason };
        vec![
            term(
                "cache",
                true,
                capacity,
                "blocks, memtables, table readers, filters under construction, metadata of files: all charged to it",
            ),
            term(
                "last arena blocks",
                true,
                blocks_inside,
                "each writer may take one arena block past the limit before it stalls; 2 KiB begin each memtable",
            ),
            term(
                "arena slack",
                true,
                slack_inside,
                "2 MiB for the arena of blocks, a sixteenth of the cache for its size classes and freed pages",
            ),
            term(
                "reserve",
                true,
                reserve - blocks_inside - slack_inside,
                "what is left of the half of the write buffers that Flink sets aside",
            ),
            term(
                "beyond the reserve",
                false,
                blocks - blocks_inside + slack - slack_inside,
                "last arena blocks and slack of the arena that the slot is too small for",
            ),
            term(
                "metadata of files",
                false,
                files * u64::from(families),
                "1 KiB for each of 16 files of a family, where there are too many families to charge them",
            ),
            term(
                "databases",
                false,
                DATABASE_BYTES * u64::from(databases),
                "structures of a database: versions, column families, threads' caches",
            ),
            term(
                "background jobs",
                false,
                JOB_BYTES * u64::from(self.threads) * u64::from(databases),
                "readahead of each input, buffer of each output, blocks under construction",
            ),
        ]
    }
}

/// What an open database holds that is charged nowhere.
const DATABASE_BYTES: u64 = 1 << 20;
/// What a flush or a compaction holds: 2 MiB of readahead, 1 MiB of a file's buffer, blocks.
const JOB_BYTES: u64 = (2 << 20) + (1 << 20) + (256 << 10);

/// Two to how many shards a cache is cut into.
fn shard_bits(capacity_bytes: usize) -> i32 {
    let shards = (capacity_bytes / SHARD_BYTES_MIN).max(1);
    shards.ilog2().min(SHARD_BITS_MAX).cast_signed()
}

/// Cache and write buffers of so many bytes.
fn cut(total_bytes: u64, ratios: Ratios) -> Result<(usize, usize), StateError> {
    let total = i64::try_from(total_bytes).unwrap_or(i64::MAX);
    let shared = SharedMemory::of(total, ratios.write_buffer);
    let size = |bytes: i64| usize::try_from(bytes).ok().filter(|bytes| *bytes > 0);
    size(shared.cache_capacity).zip(size(shared.write_buffer_manager_capacity)).ok_or_else(|| {
        StateError::Usage(format!(
            "{total_bytes} bytes for RocksDB with a write-buffer-ratio of {} leave {} bytes for the cache and {} for \
             memtables, and 0 would mean no limit; give the slot more managed memory",
            ratios.write_buffer, shared.cache_capacity, shared.write_buffer_manager_capacity
        ))
    })
}

/// The cap of the arena for the blocks of a cache.
fn arena_cap_bytes(capacity_bytes: u64) -> u64 {
    capacity_bytes
        .saturating_add(capacity_bytes / ARENA_SLACK)
        .saturating_add(BASE_BYTES)
        .saturating_add(64 << 10)
}

fn foreign(what: &str, part: &str) -> StateError {
    StateError::Usage(format!(
        "{what} does not use the slot's {part}, so its memory would be charged nowhere; open it with the options of \
         family_options and db_options, and do not replace their table factory"
    ))
}

impl fmt::Debug for SlotMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlotMemory")
            .field("total_bytes", &self.total_bytes)
            .field("cache", &self.cache)
            .field("buffers", &self.buffers)
            .field("arena_committed_bytes", &self.arena_committed_bytes())
            .field("fallbacks", &self.fallbacks())
            .finish_non_exhaustive()
    }
}
