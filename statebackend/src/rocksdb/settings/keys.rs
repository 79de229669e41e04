//! Every option of the backend: its key, its default as Flink writes it, and what it is for.

/// An option, as data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The key.
    pub name: &'static str,
    /// The default, as text; empty: none.
    pub default: &'static str,
    /// Who knows it.
    pub known: Known,
    /// What it is for; units where there are some.
    pub what: &'static str,
}

/// Who knows an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// All versions of Flink that we follow.
    Always,
    /// Flink after 1.11.
    Later,
    /// Only we.
    Here,
}

macro_rules! keys {
    ($($id:ident = $name:literal, $default:literal, $known:ident, $what:literal;)*) => {
        $(pub(crate) const $id: Key = Key {
            name: concat!("state.backend.rocksdb.", $name),
            default: $default,
            known: Known::$known,
            what: $what,
        };)*

        /// All options but those of metrics, which are in [`METRICS`](crate::rocksdb::METRICS).
        pub const KEYS: &[Key] = &[$($id),*];
    };
}

keys! {
    DEFAULTS = "defaults", "plimsoll", Here,
        "`flink`: Flink's defaults throughout; `plimsoll`: with a Bloom filter";
    MANAGED = "memory.managed", "true", Always, "whether the shared memory is managed memory of the slot";
    FIXED_PER_SLOT = "memory.fixed-per-slot", "", Always, "shared memory of a slot, instead of managed memory";
    FIXED_PER_TM = "memory.fixed-per-tm", "", Later,
        "shared memory of the whole TaskManager, where `memory.managed` is off";
    WRITE_BUFFER_RATIO = "memory.write-buffer-ratio", "0.5", Always, "share of the shared memory for memtables";
    HIGH_PRIORITY_RATIO = "memory.high-prio-pool-ratio", "0.1", Always,
        "share of the cache that indexes and filters keep";
    PARTITIONED = "memory.partitioned-index-filters", "false", Later,
        "indexes and filters in pieces, of which only the top stays in the cache";
    STRICT = "memory.strict", "false", Here,
        "the cache fails reads and writes rather than exceed its capacity: a fuse, after which the task fails";
    PINNED_LIMIT = "memory.pinned-limit", "", Here,
        "bytes that open iterators may pin before no more are opened; default: a quarter of the cache";
    ITERATORS_MAX = "memory.iterators-max", "256", Here, "iterators that a slot may have open at once";
    HOT_FRACTION = "hot-cache.fraction", "0.5", Here,
        "share of the slot's managed memory for decoded hot entries, 0: none; RocksDB gets the rest";
    TIMER_SERVICE = "timer-service.factory", "ROCKSDB", Always, "where timers are: ROCKSDB or HEAP";
    TIMER_CACHE = "timer-service.cache-size", "128", Later, "timers in memory for each key group";
    PREDEFINED = "predefined-options", "DEFAULT", Always, "a profile: other defaults for the options below";
    THREADS = "thread.num", "2", Always, "flushes and compactions at once";
    FILES_OPEN = "files.open", "-1", Always, "open files of a database, -1: no limit";
    LOG_LEVEL = "log.level", "INFO_LEVEL", Later, "what RocksDB writes to its own log";
    LOG_FILE_SIZE = "log.max-file-size", "25mb", Later, "size at which a log file is closed, 0: never";
    LOG_FILES = "log.file-num", "4", Later, "log files to keep";
    LOG_DIR = "log.dir", "", Later, "where RocksDB's log is; default: beside the database";
    COMPACTION_STYLE = "compaction.style", "LEVEL", Always, "LEVEL or UNIVERSAL";
    DYNAMIC_LEVELS = "compaction.level.use-dynamic-size", "false", Always, "level sizes follow the last level";
    COMPRESSION = "compression.per.level", "SNAPPY_COMPRESSION", Later,
        "compression of each level, the last for all that follow";
    TARGET_FILE_SIZE = "compaction.level.target-file-size-base", "64mb", Always, "size of a file of level 1";
    LEVEL_BASE = "compaction.level.max-size-level-base", "256mb", Always, "size of level 1";
    WRITE_BUFFER_SIZE = "writebuffer.size", "64mb", Always, "size at which a memtable is flushed";
    WRITE_BUFFERS = "writebuffer.count", "2", Always, "memtables of a column family, the flushed ones included";
    WRITE_BUFFERS_MERGED = "writebuffer.number-to-merge", "1", Always, "memtables that a flush merges at least";
    ARENA_BLOCK = "arena-block-size", "0", Here,
        "piece in which memtables grow; 0: as large as a quarter of the write buffers allows, at most 1 MiB";
    BLOCK_SIZE = "block.blocksize", "4kb", Always, "bytes of a data block before compression";
    METADATA_BLOCK_SIZE = "block.metadata-blocksize", "4kb", Later, "bytes of a piece of an index or filter";
    CACHE_SIZE = "block.cache-size", "8mb", Always, "cache of a column family where none is shared";
    BLOOM = "use-bloom-filter", "false", Later, "a Bloom filter in each file (here on, unless `defaults` is `flink`)";
    BLOOM_BITS = "bloom-filter.bits-per-key", "10.0", Later, "bits of a filter for each key";
    BLOOM_BLOCKS = "bloom-filter.block-based-mode", "false", Later,
        "a filter for each block: RocksDB has dropped it, so the filter is a full one";
    WRITE_BATCH = "write-batch-size", "2mb", Always, "bytes of a batch of writes, 0: only entries count";
    PERIODIC_COMPACTION = "compaction.filter.periodic-compaction-time", "30 d", Later,
        "age at which a file is rewritten, so that expired entries go; 0: never";
}
