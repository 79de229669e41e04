//! What can be set about the backend: as written in a configuration, and as resolved.
//!
//! | module | what |
//! |---|---|
//! | [`keys`] | every option with its default, as data |
//! | `read` | how a text becomes a value; errors are collected |
//!
//! An option that a user set wins over the profile of `predefined-options`, which wins over the default. Defaults are
//! Flink's but for one: a full Bloom filter of 10 bits a key is on, because a read of a key that is not there costs a
//! block of every level without it. `state.backend.rocksdb.defaults: flink` leaves it off.

pub mod keys;
mod read;

use std::error::Error;
use std::fmt;

use plimsoll_memory::config::Configuration;
use plimsoll_memory::model::Ruleset;
use plimsoll_memory::model::rocksdb::Ratios;
use rocksdb::{DBCompactionStyle, DBCompressionType, LogLevel};

use self::read::Reader;
use super::metrics::MetricSet;
use super::profile::{PROFILES, Profile};
use crate::StateError;
use keys::{
    ARENA_BLOCK, BLOCK_SIZE, BLOOM, BLOOM_BITS, BLOOM_BLOCKS, CACHE_SIZE, COMPACTION_STYLE, COMPRESSION,
    DEFAULTS, DYNAMIC_LEVELS, FILES_OPEN, FIXED_PER_SLOT, FIXED_PER_TM, HIGH_PRIORITY_RATIO, HOT_FRACTION,
    ITERATORS_MAX, Key, LEVEL_BASE, LOG_DIR, LOG_FILE_SIZE, LOG_FILES, LOG_LEVEL, MANAGED,
    METADATA_BLOCK_SIZE, PARTITIONED, PERIODIC_COMPACTION, PINNED_LIMIT, PREDEFINED, STRICT,
    TARGET_FILE_SIZE, THREADS, TIMER_CACHE, TIMER_SERVICE, WRITE_BATCH, WRITE_BUFFER_RATIO,
    WRITE_BUFFER_SIZE, WRITE_BUFFERS, WRITE_BUFFERS_MERGED,
};

/// Everything about the backend, as resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct RocksDbSettings {
    /// What databases share.
    pub memory: MemorySettings,
    /// Each database.
    pub database: DatabaseSettings,
    /// Each column family that has no settings of its own.
    pub family: FamilySettings,
    /// Where timers are.
    pub timers: TimerService,
    /// Timers that are kept in memory for each key group, where they are in RocksDB.
    pub timer_cache_entries: u32,
    /// Bytes of a batch of writes; 0: only entries count.
    pub write_batch_bytes: u64,
    /// Native measures that are switched on.
    pub metrics: MetricSet,
    /// What a user should know about the settings: without effect, or unwise.
    pub notes: Vec<String>,
}

/// Where a slot's databases have their memory from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryScope {
    /// So many bytes for each slot, which are not managed memory.
    FixedPerSlot(u64),
    /// The slot's managed memory.
    Managed,
    /// So many bytes for all slots together.
    FixedPerTaskManager(u64),
    /// Nothing shared: each column family has its own cache and write buffers.
    Unshared,
}

/// Memory that databases share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MemorySettings {
    /// Where it comes from.
    pub scope: MemoryScope,
    /// How it is cut.
    pub ratios: Ratios,
    /// Whether indexes and filters are in pieces.
    pub partitioned_index_filters: bool,
    /// Whether the cache refuses rather than exceed its capacity.
    pub strict: bool,
    /// Bytes that iterators may pin before no more are opened; `None`: a quarter of the cache.
    pub pinned_limit_bytes: Option<u64>,
    /// Iterators that may be open at once.
    pub iterators_max: u32,
    /// Share of the slot's managed memory that decoded hot entries get.
    pub hot_fraction: f64,
}

/// One database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseSettings {
    /// Flushes and compactions at once.
    pub threads: u32,
    /// Open files; −1: no limit.
    pub files_open: i32,
    /// What RocksDB logs.
    pub log_level: LogLevel,
    /// Bytes of a log file; 0: no limit.
    pub log_file_bytes: u64,
    /// Log files that are kept.
    pub log_files: u32,
    /// Where the log is; `None`: beside the database.
    pub log_directory: Option<String>,
}

/// One column family.
#[derive(Debug, Clone, PartialEq)]
pub struct FamilySettings {
    /// How files are merged.
    pub compaction: Compaction,
    /// Whether level sizes follow the last level.
    pub dynamic_levels: bool,
    /// Compression of each level, the last for all that follow; never empty.
    pub compression: Vec<Compression>,
    /// Bytes of a file of level 1.
    pub target_file_bytes: u64,
    /// Bytes of level 1.
    pub level_base_bytes: u64,
    /// Bytes at which a memtable is flushed.
    pub write_buffer_bytes: u64,
    /// Memtables at once.
    pub write_buffers: u32,
    /// Memtables that a flush merges at least.
    pub write_buffers_merged: u32,
    /// Bytes of the pieces in which memtables grow; `None`: by the arena-block rule.
    pub arena_block_bytes: Option<u64>,
    /// Bytes of a data block before compression.
    pub block_bytes: u64,
    /// Bytes of a piece of an index or filter.
    pub metadata_block_bytes: u64,
    /// Bytes of the cache, where none is shared.
    pub cache_bytes: u64,
    /// Bits of a Bloom filter for each key; `None`: no filter.
    pub bloom_bits: Option<f64>,
    /// Age in seconds at which a file is rewritten; 0: never.
    pub periodic_compaction_seconds: u64,
}

/// Where timers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimerService {
    /// In a column family.
    RocksDb,
    /// In the heap of the task.
    Heap,
}

/// How files are merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compaction {
    /// Level by level: least space and least reads.
    Level,
    /// Runs of similar size: least writes.
    Universal,
}

/// How blocks are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// Snappy.
    Snappy,
    /// LZ4, fast.
    Lz4,
    /// LZ4, small.
    Lz4Hc,
}

impl From<Compression> for DBCompressionType {
    fn from(compression: Compression) -> Self {
        match compression {
            Compression::None => Self::None,
            Compression::Snappy => Self::Snappy,
            Compression::Lz4 => Self::Lz4,
            Compression::Lz4Hc => Self::Lz4hc,
        }
    }
}

impl From<Compaction> for DBCompactionStyle {
    fn from(compaction: Compaction) -> Self {
        match compaction {
            Compaction::Level => Self::Level,
            Compaction::Universal => Self::Universal,
        }
    }
}

impl Default for RocksDbSettings {
    fn default() -> Self {
        Self::of(&Configuration::new(), &plimsoll_memory::model::version::V2_3)
            .expect("the defaults are valid")
    }
}

impl RocksDbSettings {
    /// Resolves a configuration by the rules of a version of Flink.
    ///
    /// # Errors
    /// Everything that cannot be used, in Flink's words where Flink has some.
    pub fn of(configuration: &Configuration, rules: &Ruleset) -> Result<Self, SettingErrors> {
        let mut reader = Reader::new(configuration, rules, &PROFILES[0]);
        if let Some(name) = reader.set(&PREDEFINED) {
            match Profile::named(&name) {
                Some(profile) => reader.profile = profile,
                None => reader.refuse(
                    &PREDEFINED,
                    format!("No enum constant org.apache.flink.state.rocksdb.PredefinedOptions.{name}"),
                ),
            }
        }
        let mut notes = Vec::new();
        let memory = memory(&mut reader, &mut notes);
        let database = DatabaseSettings {
            threads: reader.positive(&THREADS),
            files_open: reader.int(&FILES_OPEN),
            log_level: reader.choice(&LOG_LEVEL, &LOG_LEVELS),
            log_file_bytes: reader.size(&LOG_FILE_SIZE).unwrap_or(0),
            log_files: reader.positive(&LOG_FILES),
            log_directory: reader.text(&LOG_DIR),
        };
        let family = family(&mut reader, &mut notes, memory.scope);
        let settings = Self {
            memory,
            database,
            family,
            timers: reader
                .choice(&TIMER_SERVICE, &[("ROCKSDB", TimerService::RocksDb), ("HEAP", TimerService::Heap)]),
            timer_cache_entries: reader.positive(&TIMER_CACHE),
            write_batch_bytes: reader.size(&WRITE_BATCH).unwrap_or(0),
            metrics: MetricSet::of(|metric| {
                let what = "a native measure, off by default";
                let name = metric.option;
                reader.boolean(&Key { name, default: "false", known: keys::Known::Always, what })
            }),
            notes,
        };
        SettingErrors::or(reader.errors, settings)
    }

    /// The settings of one column family: what `overrides` sets of the options of families, the rest as here.
    ///
    /// # Errors
    /// As [`of`](Self::of), for the overrides.
    pub fn family_with(
        &self,
        overrides: &Configuration,
        rules: &Ruleset,
    ) -> Result<FamilySettings, SettingErrors> {
        let mut reader = Reader::new(overrides, rules, &PROFILES[0]);
        let given = family(&mut reader, &mut Vec::new(), self.memory.scope);
        let base = &self.family;
        let is_set = |reader: &Reader<'_>, key: &Key| reader.set(key).is_some();
        macro_rules! choose {
            ($($field:ident: $($key:ident),+;)*) => {
                FamilySettings {
                    $($field: if $(is_set(&reader, &$key))||+ { given.$field } else { base.$field.clone() },)*
                }
            };
        }
        let chosen = choose! {
            compaction: COMPACTION_STYLE;
            dynamic_levels: DYNAMIC_LEVELS;
            compression: COMPRESSION;
            target_file_bytes: TARGET_FILE_SIZE;
            level_base_bytes: LEVEL_BASE;
            write_buffer_bytes: WRITE_BUFFER_SIZE;
            write_buffers: WRITE_BUFFERS;
            write_buffers_merged: WRITE_BUFFERS_MERGED;
            arena_block_bytes: ARENA_BLOCK;
            block_bytes: BLOCK_SIZE;
            metadata_block_bytes: METADATA_BLOCK_SIZE;
            cache_bytes: CACHE_SIZE;
            bloom_bits: BLOOM, BLOOM_BITS;
            periodic_compaction_seconds: PERIODIC_COMPACTION;
        };
        SettingErrors::or(reader.errors, chosen)
    }

    /// Cuts the managed memory of a slot: bytes of RocksDB, bytes of decoded hot entries. Nothing is lost.
    pub fn split(&self, slot_bytes: u64) -> (u64, u64) {
        let hot = share(slot_bytes, self.memory.hot_fraction).min(slot_bytes);
        (slot_bytes - hot, hot)
    }
}

/// A share of bytes, rounded down, in doubles as Flink's `computeMemorySize`.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "Flink computes in doubles too; Rust's cast saturates"
)]
pub(super) fn share(bytes: u64, fraction: f64) -> u64 {
    (bytes as f64 * fraction).floor() as u64
}

const LOG_LEVELS: [(&str, LogLevel); 6] = [
    ("DEBUG_LEVEL", LogLevel::Debug),
    ("INFO_LEVEL", LogLevel::Info),
    ("WARN_LEVEL", LogLevel::Warn),
    ("ERROR_LEVEL", LogLevel::Error),
    ("FATAL_LEVEL", LogLevel::Fatal),
    ("HEADER_LEVEL", LogLevel::Header),
];

/// Flink's names; what is not compiled in has no compression here.
const COMPRESSIONS: [(&str, Option<Compression>); 9] = [
    ("NO_COMPRESSION", Some(Compression::None)),
    ("SNAPPY_COMPRESSION", Some(Compression::Snappy)),
    ("ZLIB_COMPRESSION", None),
    ("BZLIB2_COMPRESSION", None),
    ("LZ4_COMPRESSION", Some(Compression::Lz4)),
    ("LZ4HC_COMPRESSION", Some(Compression::Lz4Hc)),
    ("XPRESS_COMPRESSION", None),
    ("ZSTD_COMPRESSION", None),
    ("DISABLE_COMPRESSION_OPTION", None),
];

/// Ratios pass the checks of Flink's setters, too, which its configuration does not go through: a write buffer ratio
/// of 0
/// would be no limit at all. A ratio of 0 for blocks of high priority is only unwise.
fn memory(reader: &mut Reader<'_>, notes: &mut Vec<String>) -> MemorySettings {
    let ratios = Ratios {
        write_buffer: reader.double(&WRITE_BUFFER_RATIO),
        high_priority: reader.double(&HIGH_PRIORITY_RATIO),
    };
    let refusal = |error: plimsoll_memory::model::rocksdb::RatioError| {
        error.chain().first().and_then(|exception| exception.message.clone()).unwrap_or_default()
    };
    let no_high_priority = ratios.high_priority == 0.0;
    let checked = if no_high_priority { Ratios { high_priority: 0.1, ..ratios } } else { ratios };
    if let Err(error) = checked.check_setters().and_then(|()| ratios.validate()) {
        let key = match error {
            plimsoll_memory::model::rocksdb::RatioError::HighPriority(_) => &HIGH_PRIORITY_RATIO,
            _ => &WRITE_BUFFER_RATIO,
        };
        reader.refuse(key, refusal(error));
    } else if no_high_priority {
        notes.push(format!(
            "{} is 0: a scan of data blocks drives indexes and filters out of the cache; Flink's default is 0.1",
            HIGH_PRIORITY_RATIO.name
        ));
    }
    let per_slot = reader.size(&FIXED_PER_SLOT);
    let per_tm = reader.size(&FIXED_PER_TM).filter(|bytes| *bytes > 0);
    let managed = reader.boolean(&MANAGED);
    let scope = match (per_slot, managed, per_tm) {
        (Some(bytes), _, _) => MemoryScope::FixedPerSlot(bytes),
        (None, true, _) => MemoryScope::Managed,
        (None, false, Some(bytes)) => MemoryScope::FixedPerTaskManager(bytes),
        (None, false, None) => MemoryScope::Unshared,
    };
    if managed && per_slot.is_none() && per_tm.is_some() {
        notes.push(format!("{} has no effect while {} is true", FIXED_PER_TM.name, MANAGED.name));
    }
    let hot_fraction = reader.double(&HOT_FRACTION);
    if !(0.0..1.0).contains(&hot_fraction) {
        reader.refuse(&HOT_FRACTION, format!("{hot_fraction} is not in [0, 1): RocksDB needs a share, too"));
    }
    MemorySettings {
        scope,
        ratios,
        partitioned_index_filters: reader.boolean(&PARTITIONED),
        strict: reader.boolean(&STRICT),
        pinned_limit_bytes: reader.size(&PINNED_LIMIT),
        iterators_max: reader.positive(&ITERATORS_MAX),
        hot_fraction,
    }
}

fn family(reader: &mut Reader<'_>, notes: &mut Vec<String>, scope: MemoryScope) -> FamilySettings {
    let flink = reader.choice(&DEFAULTS, &[("plimsoll", false), ("flink", true)]);
    let bloom = if reader.chosen(&BLOOM).is_some() || flink { reader.boolean(&BLOOM) } else { true };
    if reader.boolean(&BLOOM_BLOCKS) {
        notes
            .push(format!("{}: RocksDB has no such filters any more, full ones are used", BLOOM_BLOCKS.name));
    }
    let bits = reader.double(&BLOOM_BITS);
    if scope != MemoryScope::Unshared && reader.set(&CACHE_SIZE).is_some() {
        notes.push(format!("{} has no effect: all column families use the shared cache", CACHE_SIZE.name));
    }
    let style = reader.choice(
        &COMPACTION_STYLE,
        &[
            ("LEVEL", Some(Compaction::Level)),
            ("UNIVERSAL", Some(Compaction::Universal)),
            ("FIFO", None),
            ("NONE", None),
        ],
    );
    let compaction = style.unwrap_or_else(|| {
        reader.refuse(
            &COMPACTION_STYLE,
            "FIFO throws state away, NONE never merges files; use LEVEL or UNIVERSAL",
        );
        Compaction::Level
    });
    let names = reader.choices(&COMPRESSION, &COMPRESSIONS);
    if names.contains(&None) {
        reader.refuse(
            &COMPRESSION,
            "RocksDB is built with snappy and lz4 here: use NO_, SNAPPY_, LZ4_ or LZ4HC_COMPRESSION",
        );
    }
    FamilySettings {
        compaction,
        dynamic_levels: reader.boolean(&DYNAMIC_LEVELS),
        compression: names.into_iter().map(|name| name.unwrap_or(Compression::Snappy)).collect(),
        target_file_bytes: reader.positive_size(&TARGET_FILE_SIZE),
        level_base_bytes: reader.positive_size(&LEVEL_BASE),
        write_buffer_bytes: reader.positive_size(&WRITE_BUFFER_SIZE),
        write_buffers: reader.positive(&WRITE_BUFFERS),
        write_buffers_merged: reader.positive(&WRITE_BUFFERS_MERGED),
        arena_block_bytes: reader.size(&ARENA_BLOCK).filter(|bytes| *bytes > 0),
        block_bytes: reader.positive_size(&BLOCK_SIZE),
        metadata_block_bytes: reader.positive_size(&METADATA_BLOCK_SIZE),
        cache_bytes: reader.positive_size(&CACHE_SIZE),
        bloom_bits: bloom.then_some(bits),
        periodic_compaction_seconds: reader.seconds(&PERIODIC_COMPACTION),
    }
}

/// All that is wrong with a configuration.
#[derive(Debug)]
pub struct SettingErrors(pub Vec<StateError>);

impl SettingErrors {
    fn or<T>(errors: Vec<StateError>, value: T) -> Result<T, Self> {
        if errors.is_empty() { Ok(value) } else { Err(Self(errors)) }
    }
}

impl fmt::Display for SettingErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl Error for SettingErrors {}

impl From<SettingErrors> for StateError {
    fn from(errors: SettingErrors) -> Self {
        Self::Usage(errors.to_string())
    }
}
