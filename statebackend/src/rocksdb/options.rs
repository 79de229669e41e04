//! Options of databases and column families, as Flink sets them, inside a slot's memory.

use plimsoll_memory::model::rocksdb::{default_arena_block_size, is_sane_arena_block_size, mutable_limit};
use rocksdb::{BlockBasedIndexType, BlockBasedOptions, Cache, DBCompressionType, Options};

use super::memory::TableShape;
use super::settings::{DatabaseSettings, FamilySettings};
use super::{RocksDbSettings, SlotMemory, bridge};
use crate::StateError;

/// RocksDB never makes larger arena blocks by itself.
const ARENA_BLOCK_MAX: u64 = 1 << 20;
/// Nor are smaller ones worth their bookkeeping.
const ARENA_BLOCK_MIN: u64 = 64 << 10;
/// The unit of arena blocks.
const ARENA_ALIGN: u64 = 4 << 10;
/// The filter that partitioned filters replace any other by.
const PARTITIONED_BLOOM_BITS: f64 = 10.0;

/// Options of a database. The caller may set more, but not the write buffer manager.
///
/// # Errors
/// A size beyond what RocksDB takes.
pub fn db_options(settings: &RocksDbSettings, memory: Option<&SlotMemory>) -> Result<Options, StateError> {
    let DatabaseSettings { threads, files_open, log_level, log_file_bytes, log_files, log_directory } =
        &settings.database;
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_use_fsync(false);
    options.set_stats_dump_period_sec(0);
    // RocksDB would keep a history of statistics in memory that nobody counts.
    options.set_stats_persist_period_sec(0);
    bridge::avoid_flush_during_shutdown(&mut options);
    options.set_max_background_jobs(number(u64::from(*threads))?);
    options.set_max_open_files(*files_open);
    options.set_log_level(*log_level);
    options.set_max_log_file_size(bytes(*log_file_bytes)?);
    options.set_keep_log_file_num(bytes(u64::from(*log_files))?);
    if let Some(directory) = log_directory {
        options.set_db_log_dir(directory);
    }
    if settings.metrics.needs_statistics() {
        options.enable_statistics();
    }
    if let Some(memory) = memory {
        memory.apply_to_database(&mut options)?;
    }
    Ok(options)
}

/// Options of a column family, one of `families` of all databases of the slot. The caller may set more, a merge
/// operator
/// for one, but not the table factory: the memory of the family would be charged nowhere.
/// [`SlotMemory::verify_family`] tells after the opening.
///
/// # Errors
/// A size beyond what RocksDB takes; tables that are not block based.
pub fn family_options(
    settings: &RocksDbSettings,
    family: &FamilySettings,
    memory: Option<&SlotMemory>,
    families: u32,
) -> Result<Options, StateError> {
    let mut options = Options::default();
    options.set_compaction_style(family.compaction.into());
    options.set_level_compaction_dynamic_level_bytes(family.dynamic_levels);
    let compression: Vec<DBCompressionType> = family.compression.iter().map(|one| (*one).into()).collect();
    options.set_compression_per_level(&compression);
    options.set_target_file_size_base(family.target_file_bytes);
    options.set_max_bytes_for_level_base(family.level_base_bytes);
    options.set_write_buffer_size(bytes(family.write_buffer_bytes)?);
    options.set_max_write_buffer_number(number(u64::from(family.write_buffers))?);
    options.set_min_write_buffer_number_to_merge(number(u64::from(family.write_buffers_merged))?);
    options.set_periodic_compaction_seconds(family.periodic_compaction_seconds);
    let limit = memory.map(SlotMemory::memtable_limit_bytes);
    options.set_arena_block_size(bytes(arena_block_bytes(family, limit, families))?);
    let shape = TableShape {
        block_bytes: family.block_bytes,
        metadata_block_bytes: family.metadata_block_bytes,
        bloom_bits: family.bloom_bits,
        partitioned: memory.is_some() && settings.memory.partitioned_index_filters,
        charges_files: memory.is_some_and(|memory| memory.charges_files(families)),
    };
    options.set_block_based_table_factory(&table(family, shape, memory.is_some())?);
    if let Some(memory) = memory {
        memory.apply_to_family(&mut options, shape)?;
    }
    Ok(options)
}

fn table(family: &FamilySettings, shape: TableShape, shared: bool) -> Result<BlockBasedOptions, StateError> {
    let mut table = BlockBasedOptions::default();
    table.set_block_size(bytes(shape.block_bytes)?);
    table.set_metadata_block_size(bytes(shape.metadata_block_bytes)?);
    // Flink leaves indexes and filters outside of a cache that is not shared; then nothing bounds them.
    table.set_cache_index_and_filter_blocks(true);
    table.set_cache_index_and_filter_blocks_with_high_priority(true);
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    if let Some(bits) = shape.bloom_bits {
        table.set_bloom_filter(if shape.partitioned { PARTITIONED_BLOOM_BITS } else { bits }, false);
    }
    if shape.partitioned {
        table.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
        table.set_partition_filters(true);
        table.set_pin_top_level_index_and_filter(true);
    }
    if !shared {
        table.set_block_cache(&Cache::new_lru_cache(bytes(family.cache_bytes)?));
    }
    Ok(table)
}

/// The bytes in which a family's memtables grow. By themselves at most 1 MiB and an eighth of the write buffer; under a
/// limit for all memtables together, `families × arena blocks` is at most a quarter of it, because each family holds
/// one
/// at least and writers would stall all the time; but never less than 64 KiB. What a user set holds.
pub fn arena_block_bytes(family: &FamilySettings, limit_bytes: Option<u64>, families: u32) -> u64 {
    if let Some(bytes) = family.arena_block_bytes {
        return bytes;
    }
    let write_buffer = i64::try_from(family.write_buffer_bytes).unwrap_or(i64::MAX);
    let default = u64::try_from(default_arena_block_size(write_buffer)).unwrap_or(ARENA_BLOCK_MAX);
    let share = limit_bytes.map_or(u64::MAX, |limit| limit / 4 / u64::from(families.max(1)));
    let bytes = default.min(ARENA_BLOCK_MAX).min(share) / ARENA_ALIGN * ARENA_ALIGN;
    // A memtable smaller than this is not helped by larger pieces.
    bytes.max(ARENA_BLOCK_MIN.min(default))
}

/// Flink's warning where one arena block is more than what memtables may hold before they are flushed, so that RocksDB
/// flushes all the time. `None` where there is no reason for it.
pub fn arena_block_warning(family: &FamilySettings, limit_bytes: u64) -> Option<String> {
    let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    let write_buffer = signed(family.write_buffer_bytes);
    let configured = signed(family.arena_block_bytes.unwrap_or(0));
    let limit = signed(limit_bytes);
    if is_sane_arena_block_size(write_buffer, configured, limit) {
        return None;
    }
    let default = default_arena_block_size(write_buffer);
    let arena = if configured > 0 { configured } else { default };
    Some(format!(
        "RocksDBStateBackend performance will be poor because of the current Flink memory configuration! RocksDB will \
         flush memtable constantly, causing high IO and CPU. Typically the easiest fix is to increase task manager \
         managed memory size. If running locally, see the parameter taskmanager.memory.managed.size. Details: \
         arenaBlockSize {arena} > mutableLimit {} (writeBufferSize = {write_buffer}, arenaBlockSizeConfigured = \
         {configured}, defaultArenaBlockSize = {default}, writeBufferManagerCapacity = {limit})",
        mutable_limit(limit)
    ))
}

/// The most that a column family holds where nothing is shared: its cache, and its memtables, each one arena block past
/// its size. The process must have that for every family of every slot; it is part of no pool.
pub fn unshared_family_bytes(family: &FamilySettings) -> u64 {
    let memtable = family.write_buffer_bytes.saturating_add(arena_block_bytes(family, None, 1));
    family.cache_bytes.saturating_add(memtable.saturating_mul(u64::from(family.write_buffers)))
}

fn bytes(bytes: u64) -> Result<usize, StateError> {
    usize::try_from(bytes)
        .map_err(|_| StateError::Usage(format!("{bytes} bytes are beyond this machine's addresses")))
}

fn number(number: u64) -> Result<i32, StateError> {
    i32::try_from(number)
        .map_err(|_| StateError::Usage(format!("{number} is more than RocksDB counts: {}", i32::MAX)))
}
