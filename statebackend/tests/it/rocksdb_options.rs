//! RocksDB's options are Flink's: defaults, profiles, checks and their texts; measures under Flink's names.

use plimsoll_memory::config::Configuration;
use plimsoll_memory::model::rocksdb::Ratios;
use plimsoll_memory::model::version::{V1_11, V2_3};
use plimsoll_statebackend::rocksdb::settings::{
    Compaction, Compression, FamilySettings, MemoryScope, TimerService, keys::KEYS,
};
use plimsoll_statebackend::rocksdb::{
    METRICS, MetricSet, PROFILES, Profile, RocksDbSettings, SlotMemory, Source, arena_block_bytes,
    arena_block_warning, unshared_family_bytes,
};
use tempfile::tempdir;

use crate::slot_share::{Base, MIB, key};

const PREFIX: &str = "state.backend.rocksdb.";

fn configuration(options: &[(&str, &str)]) -> Configuration {
    let mut configuration = Configuration::new();
    for (key, value) in options {
        configuration.set(&format!("{PREFIX}{key}"), *value, None);
    }
    configuration
}

fn settings(options: &[(&str, &str)]) -> RocksDbSettings {
    RocksDbSettings::of(&configuration(options), &V2_3).unwrap()
}

/// What is refused, an error a line.
fn refused(options: &[(&str, &str)]) -> Vec<String> {
    let errors = RocksDbSettings::of(&configuration(options), &V2_3).unwrap_err();
    errors.to_string().lines().map(str::to_owned).collect()
}

/// The defaults of Flink 2.3, and the one that is ours.
#[test]
fn defaults() {
    let flink = settings(&[("defaults", "flink")]);
    assert_eq!(
        flink.family,
        FamilySettings {
            compaction: Compaction::Level,
            dynamic_levels: false,
            compression: vec![Compression::Snappy],
            target_file_bytes: 64 * MIB,
            level_base_bytes: 256 * MIB,
            write_buffer_bytes: 64 * MIB,
            write_buffers: 2,
            write_buffers_merged: 1,
            arena_block_bytes: None,
            block_bytes: 4096,
            metadata_block_bytes: 4096,
            cache_bytes: 8 * MIB,
            bloom_bits: None,
            periodic_compaction_seconds: 30 * 24 * 60 * 60,
        }
    );
    let database = &flink.database;
    assert_eq!((database.threads, database.files_open, database.log_files), (2, -1, 4));
    assert_eq!((database.log_file_bytes, &database.log_directory), (25 * MIB, &None));
    let memory = flink.memory;
    assert_eq!((memory.scope, memory.ratios), (MemoryScope::Managed, Ratios::default()));
    assert!(!memory.partitioned_index_filters && !memory.strict && memory.pinned_limit_bytes.is_none());
    assert_eq!((flink.timers, flink.timer_cache_entries), (TimerService::RocksDb, 128));
    assert!(flink.write_batch_bytes == 2 * MIB && flink.metrics.is_empty() && flink.notes.is_empty());

    let ours = RocksDbSettings::default();
    assert_eq!(ours.family, FamilySettings { bloom_bits: Some(10.0), ..flink.family });
    assert_eq!(RocksDbSettings { family: ours.family.clone(), ..flink }, ours);
    assert_eq!(settings(&[("use-bloom-filter", "false")]).family.bloom_bits, None);
    for key in KEYS {
        assert!(key.name.starts_with(PREFIX) && !key.what.is_empty());
    }
}

/// Flink's profiles; what a user sets wins over them.
#[test]
fn profiles() {
    let names: Vec<_> = PROFILES.iter().map(|profile| profile.name).collect();
    assert_eq!(
        names,
        ["DEFAULT", "SPINNING_DISK_OPTIMIZED", "SPINNING_DISK_OPTIMIZED_HIGH_MEM", "FLASH_SSD_OPTIMIZED"]
    );
    assert!(Profile::named("default").is_none());
    let high_mem = settings(&[
        ("defaults", "flink"),
        ("predefined-options", "SPINNING_DISK_OPTIMIZED_HIGH_MEM"),
        ("writebuffer.count", "5"),
    ]);
    let family = &high_mem.family;
    assert_eq!((family.write_buffers, family.write_buffers_merged, family.dynamic_levels), (5, 3, true));
    assert_eq!((family.target_file_bytes, family.level_base_bytes), (256 * MIB, 1024 * MIB));
    assert_eq!(
        (family.block_bytes, family.cache_bytes, family.bloom_bits),
        (128 << 10, 256 * MIB, Some(10.0))
    );
    assert_eq!(high_mem.database.threads, 4);
    assert_eq!(settings(&[("predefined-options", "FLASH_SSD_OPTIMIZED")]).database.threads, 4);
    assert_eq!(
        refused(&[("predefined-options", "NOPE")]),
        ["state.backend.rocksdb.predefined-options: No enum constant \
         org.apache.flink.state.rocksdb.PredefinedOptions.NOPE"]
    );
}

/// Everything that is wrong, at once and in Flink's words.
#[test]
fn refusals() {
    let lines = refused(&[
        ("thread.num", "0"),
        ("writebuffer.size", "0"),
        ("block.blocksize", "many"),
        ("compression.per.level", "LZ4_COMPRESSION;ZSTD_COMPRESSION"),
        ("memory.write-buffer-ratio", "0.5"),
        ("memory.high-prio-pool-ratio", "0.6"),
        ("timer-service.factory", "foo"),
        ("compaction.style", "FIFO"),
        ("hot-cache.fraction", "1"),
        ("metrics.is-write-stopped", "maybe"),
    ]);
    let expected = [
        "Invalid configuration: writeBufferRatio 0.5 with highPriPoolRatio 0.6",
        "hot-cache.fraction: 1 is not in [0, 1)",
        "Configured value for key: state.backend.rocksdb.thread.num must be larger than 0.",
        "FIFO throws state away",
        "RocksDB is built with snappy and lz4",
        "Configured size for keystate.backend.rocksdb.writebuffer.size must be larger than 0.",
        "Could not parse value 'many' for key 'state.backend.rocksdb.block.blocksize'.",
        "Could not parse value 'foo' for key 'state.backend.rocksdb.timer-service.factory'. Expected one of: \
         [ROCKSDB, HEAP]",
        "Unrecognized option for boolean: maybe. Expected either true or false(case insensitive)",
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.contains(expected), "{line}\nis not\n{expected}");
    }
    for (write_buffer, high_priority, text) in [
        ("0.9", "0.2", "Invalid configuration: writeBufferRatio 0.9 with highPriPoolRatio 0.2"),
        ("0", "0.1", "Write Buffer ratio 0.0 must be in (0, 1)"),
        ("0.5", "-0.1", "High priority pool ratio -0.1 must be in (0, 1)"),
    ] {
        let ratios =
            [("memory.write-buffer-ratio", write_buffer), ("memory.high-prio-pool-ratio", high_priority)];
        assert!(refused(&ratios)[0].ends_with(text));
    }
    let fits = [("memory.write-buffer-ratio", "0.5"), ("memory.high-prio-pool-ratio", "0.59999")];
    assert!(settings(&fits).notes.is_empty());
}

/// What has no effect, or is unwise, is said.
#[test]
fn notes() {
    let notes = settings(&[
        ("memory.high-prio-pool-ratio", "0"),
        ("block.cache-size", "64m"),
        ("memory.fixed-per-tm", "1g"),
        ("bloom-filter.block-based-mode", "true"),
    ])
    .notes;
    assert_eq!(notes.len(), 4);
    assert!(
        notes[0].contains("high-prio-pool-ratio is 0") && notes[1].contains("fixed-per-tm has no effect")
    );
    assert!(notes.iter().any(|note| note.contains("block.cache-size has no effect")));
}

/// Flink 1.11 does not know the options that came later.
#[test]
fn options_of_later_versions() {
    let later = configuration(&[
        ("memory.partitioned-index-filters", "true"),
        ("memory.managed", "false"),
        ("memory.fixed-per-tm", "1g"),
    ]);
    let old = RocksDbSettings::of(&later, &V1_11).unwrap().memory;
    assert!(!old.partitioned_index_filters && old.scope == MemoryScope::Unshared);
    let new = RocksDbSettings::of(&later, &V2_3).unwrap().memory;
    assert!(new.partitioned_index_filters && new.scope == MemoryScope::FixedPerTaskManager(1024 * MIB));
}

/// A state with options of its own: what it does not set is as everywhere.
#[test]
fn options_of_one_family() {
    let all = settings(&[("writebuffer.size", "32m"), ("writebuffer.count", "3")]);
    let own = configuration(&[("writebuffer.size", "8m"), ("bloom-filter.bits-per-key", "16")]);
    let family = all.family_with(&own, &V2_3).unwrap();
    assert_eq!(
        family,
        FamilySettings { write_buffer_bytes: 8 * MIB, bloom_bits: Some(16.0), ..all.family.clone() }
    );
    assert_eq!(all.family_with(&Configuration::new(), &V2_3).unwrap(), all.family);
    assert!(all.family_with(&configuration(&[("writebuffer.count", "0")]), &V2_3).is_err());
}

/// Families times arena block is at most a quarter of the limit, as long as a block is worth it.
#[test]
fn arena_blocks() {
    let family = &RocksDbSettings::default().family;
    for (limit, families, expected) in [
        (None, 1, MIB),
        (Some(1024 * MIB), 10, MIB),
        (Some(64 * MIB), 20, 835_584),
        (Some(22_369_621), 160, 64 << 10),
        (Some(64 * MIB), 0, MIB),
    ] {
        assert_eq!(arena_block_bytes(family, limit, families), expected);
    }
    let small = FamilySettings { write_buffer_bytes: 256 << 10, ..family.clone() };
    assert_eq!(arena_block_bytes(&small, Some(64 * MIB), 1), 32 << 10);
    let set = FamilySettings { arena_block_bytes: Some(12_345_678), ..family.clone() };
    assert_eq!(arena_block_bytes(&set, Some(MIB), 100), 12_345_678);

    assert_eq!(arena_block_warning(family, 9_586_981), None);
    let warning = arena_block_warning(family, 9_586_980).unwrap();
    assert!(
        warning.ends_with(
            "Details: arenaBlockSize 8388608 > mutableLimit 8388607 (writeBufferSize = 67108864, \
             arenaBlockSizeConfigured = 0, defaultArenaBlockSize = 8388608, writeBufferManagerCapacity = 9586980)"
        ),
        "{warning}"
    );
    // Flink's rule of thumb of 140 MB a state and slot
    assert_eq!(unshared_family_bytes(family), 8 * MIB + 2 * 65 * MIB);
}

/// What RocksDB says that it was opened with.
#[test]
fn options_as_the_log_has_them() {
    let said = |options: &[(&str, &str)], shared: bool| {
        let settings = settings(options);
        let memory = shared.then(|| SlotMemory::new(64 * MIB, &settings).unwrap());
        let folder = tempdir().unwrap();
        drop(Base::open(folder.path(), 1, &settings, memory.as_ref(), 1));
        std::fs::read_to_string(folder.path().join("LOG")).unwrap()
    };
    let has = |log: &str, texts: &[&str]| {
        // keys are padded to a width
        let plain: String = log.split_whitespace().collect::<Vec<_>>().join(" ");
        for text in texts {
            assert!(plain.contains(text), "no {text} in\n{log}");
        }
    };
    let log = said(
        &[
            ("compression.per.level", "NO_COMPRESSION;LZ4_COMPRESSION"),
            ("compaction.level.use-dynamic-size", "true"),
            ("writebuffer.count", "4"),
            ("files.open", "500"),
            ("memory.partitioned-index-filters", "true"),
            ("log.file-num", "7"),
        ],
        true,
    );
    has(
        &log,
        &[
            "Options.max_write_buffer_number: 4",
            "Options.level_compaction_dynamic_level_bytes: 1",
            "Options.compression[0]: NoCompression",
            "Options.compression[1]: LZ4",
            "Options.max_open_files: 500",
            "Options.keep_log_file_num: 7",
            "Options.avoid_flush_during_shutdown: 1",
            "Options.stats_dump_period_sec: 0",
            "Options.use_fsync: 0",
            "Options.arena_block_size: 1048576",
            "index_type: 2",
            "partition_filters: 1",
            "pin_top_level_index_and_filter: 1",
            "filter_policy: bloomfilter",
            "cache_index_and_filter_blocks_with_high_priority: 1",
        ],
    );
    let log = said(&[("memory.managed", "false"), ("defaults", "flink"), ("block.cache-size", "5m")], false);
    has(&log, &["capacity : 5242880", "filter_policy: nullptr", "partition_filters: 0"]);
}

/// Flink's options and names: as its own classes list them.
#[test]
fn measures_have_the_names_of_flink() {
    assert_eq!(METRICS.len(), 39);
    let named = |option: &str| {
        METRICS
            .iter()
            .find(|metric| metric.option == format!("{PREFIX}metrics.{option}"))
            .map(|metric| metric.name)
    };
    for (option, name) in [
        ("num-immutable-mem-table", "rocksdb.num-immutable-mem-table"),
        ("is-write-stopped", "rocksdb.is-write-stopped"),
        ("block-cache-pinned-usage", "rocksdb.block-cache-pinned-usage"),
        ("num-files-at-level", "rocksdb.num-files-at-level"),
        ("block-cache-hit", "rocksdb.block_cache_hit"),
        ("bloom-filter-full-true-positive", "rocksdb.bloom_filter_full_true_positive"),
        ("compaction-read-bytes", "rocksdb.compact_read_bytes"),
        ("stall-micros", "rocksdb.stall_micros"),
    ] {
        assert_eq!(named(option), Some(name));
    }
}

/// All of them at once have a value, none has one where none is on.
#[test]
fn measures_are_read() {
    let on: Vec<(String, &str)> =
        METRICS.iter().map(|metric| (metric.option[PREFIX.len()..].to_owned(), "true")).collect();
    let on: Vec<(&str, &str)> = on.iter().map(|(key, value)| (&**key, *value)).collect();
    let settings = settings(&on);
    assert_eq!(settings.metrics, MetricSet::of(|_| true));
    let memory = SlotMemory::new(32 * MIB, &settings).unwrap();
    let folder = tempdir().unwrap();
    let base = Base::open(folder.path(), 2, &settings, Some(&memory), 2);
    base.put(1, &[(key(1), vec![1; 1000])]).unwrap();
    base.flush();
    base.put(1, &[(key(2), vec![1; 1000])]).unwrap();
    for number in 0..3 {
        base.db().get_cf(&base.families.family(1), key(number)).unwrap();
    }
    let family = base.families.family(1);
    let measured = settings.metrics.read(base.db(), &family).unwrap();
    let properties = METRICS.iter().filter(|metric| matches!(metric.source, Source::Property(_))).count();
    assert_eq!(measured.len(), properties + 7, "{measured:?}");
    let of = |name: &str| measured.iter().find(|(found, _)| found == name).map(|(_, value)| *value);
    assert_eq!(of("rocksdb.num-entries-active-mem-table"), Some(1));
    assert_eq!(of("rocksdb.num-files-at-level0"), Some(1));
    assert_eq!(of("rocksdb.block-cache-capacity"), Some(memory.cache_capacity_bytes()));
    let tickers = settings.metrics.read_tickers(&base.options);
    assert_eq!(tickers.len(), 11, "{tickers:?}");
    let ticker = |name: &str| tickers.iter().find(|(found, _)| found == name).map(|(_, value)| *value);
    assert!(ticker("rocksdb.bytes_written").unwrap() > 2000, "{tickers:?}");
    assert!(ticker("rocksdb.bytes_read").unwrap() >= 2000, "{tickers:?}");
    let off = RocksDbSettings::default().metrics;
    assert!(off.read(base.db(), &family).unwrap().is_empty() && !off.needs_statistics());
}
