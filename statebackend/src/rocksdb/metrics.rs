//! RocksDB's own measures under Flink's names, each off until its option switches it on.
//!
//! Properties are read of a column family, tickers of a database. Flink names a property's gauge after the property
//! and puts it into a group of the column family; a ticker's gauge is `rocksdb.` and the ticker in lower case,
//! without a
//! family. Reading a property takes the database's lock for a moment; tickers are counted by every operation, from the
//! moment a database is opened with one of them switched on.

use std::fmt;

use rocksdb::statistics::Ticker;
use rocksdb::{AsColumnFamilyRef, DBWithThreadMode, Options, ThreadMode};

use crate::StateError;

/// Where a measure comes from.
#[derive(Clone, Copy)]
pub enum Source {
    /// A property of a column family with this name.
    Property(&'static str),
    /// A property for each level, the level's number after this name.
    Levels(&'static str),
    /// A statistic of the whole database.
    Ticker(Ticker),
    /// No measure: column families become a variable of the metric's group rather than a group.
    FamilyAsVariable,
}

/// A measure that can be switched on.
#[derive(Clone, Copy)]
pub struct Metric {
    /// Flink's option: `true` switches it on.
    pub option: &'static str,
    /// Flink's name of it; for [`Source::Levels`] without the level.
    pub name: &'static str,
    /// Where it comes from.
    pub source: Source,
}

macro_rules! metrics {
    (
        properties: $($property:literal)*,
        levels: $levels:literal,
        tickers: $($ticker_option:literal = $ticker_name:literal, $ticker:ident;)*
    ) => {
        /// All measures, in Flink's order.
        pub const METRICS: &[Metric] = &[
            $(Metric {
                option: concat!("state.backend.rocksdb.metrics.", $property),
                name: concat!("rocksdb.", $property),
                source: Source::Property(concat!("rocksdb.", $property)),
            },)*
            Metric {
                option: "state.backend.rocksdb.metrics.column-family-as-variable",
                name: "column_family",
                source: Source::FamilyAsVariable,
            },
            Metric {
                option: concat!("state.backend.rocksdb.metrics.", $levels),
                name: concat!("rocksdb.", $levels),
                source: Source::Levels(concat!("rocksdb.", $levels)),
            },
            $(Metric {
                option: concat!("state.backend.rocksdb.metrics.", $ticker_option),
                name: concat!("rocksdb.", $ticker_name),
                source: Source::Ticker(Ticker::$ticker),
            },)*
        ];
    };
}

metrics! {
    properties:
        "num-immutable-mem-table"
        "mem-table-flush-pending"
        "compaction-pending"
        "background-errors"
        "cur-size-active-mem-table"
        "cur-size-all-mem-tables"
        "size-all-mem-tables"
        "num-entries-active-mem-table"
        "num-entries-imm-mem-tables"
        "num-deletes-active-mem-table"
        "num-deletes-imm-mem-tables"
        "estimate-num-keys"
        "estimate-table-readers-mem"
        "num-snapshots"
        "num-live-versions"
        "estimate-live-data-size"
        "total-sst-files-size"
        "live-sst-files-size"
        "estimate-pending-compaction-bytes"
        "num-running-compactions"
        "num-running-flushes"
        "actual-delayed-write-rate"
        "is-write-stopped"
        "block-cache-capacity"
        "block-cache-usage"
        "block-cache-pinned-usage",
    levels: "num-files-at-level",
    tickers:
        "block-cache-hit" = "block_cache_hit", BlockCacheHit;
        "block-cache-miss" = "block_cache_miss", BlockCacheMiss;
        "bloom-filter-useful" = "bloom_filter_useful", BloomFilterUseful;
        "bloom-filter-full-positive" = "bloom_filter_full_positive", BloomFilterFullPositive;
        "bloom-filter-full-true-positive" = "bloom_filter_full_true_positive", BloomFilterFullTruePositive;
        "bytes-read" = "bytes_read", BytesRead;
        "iter-bytes-read" = "iter_bytes_read", IterBytesRead;
        "bytes-written" = "bytes_written", BytesWritten;
        "compaction-read-bytes" = "compact_read_bytes", CompactReadBytes;
        "compaction-write-bytes" = "compact_write_bytes", CompactWriteBytes;
        "stall-micros" = "stall_micros", StallMicros;
}

const _: () = assert!(METRICS.len() <= 64, "a set of metrics is a word of bits");

/// Flink shows levels 0 to 6.
const LEVELS: u8 = 7;

/// The measures that are switched on.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct MetricSet(u64);

/// A measure that was read: Flink's name, and the value.
pub type Measured = (String, u64);

impl MetricSet {
    /// The measures that a predicate on options chooses.
    pub fn of(mut is_on: impl FnMut(&Metric) -> bool) -> Self {
        let on = METRICS.iter().enumerate().filter(|(_, metric)| is_on(metric));
        Self(on.fold(0, |bits, (index, _)| bits | 1 << index))
    }

    /// The measures that are on.
    pub fn iter(self) -> impl Iterator<Item = &'static Metric> {
        METRICS
            .iter()
            .enumerate()
            .filter(move |(index, _)| self.0 >> index & 1 == 1)
            .map(|(_, metric)| metric)
    }

    /// Whether none is on.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether a database must count statistics.
    pub fn needs_statistics(self) -> bool {
        self.iter().any(|metric| matches!(metric.source, Source::Ticker(_)))
    }

    /// Whether column families become a variable of a metric's group.
    pub fn family_as_variable(self) -> bool {
        self.iter().any(|metric| matches!(metric.source, Source::FamilyAsVariable))
    }

    /// Reads the properties of a column family that are on. A property that the database does not have is left out, as
    /// Flink does.
    ///
    /// # Errors
    /// The database is closing.
    pub fn read<T: ThreadMode>(
        self,
        db: &DBWithThreadMode<T>,
        family: &impl AsColumnFamilyRef,
    ) -> Result<Vec<Measured>, StateError> {
        let mut measured = Vec::new();
        let mut read = |name: String| -> Result<(), StateError> {
            let value = db.property_value_cf(family, name.as_str()).map_err(|error| {
                StateError::rocksdb("read a property", db.path().display().to_string(), error)
            })?;
            if let Some(value) = value.and_then(|text| text.trim().parse().ok()) {
                measured.push((name, value));
            }
            Ok(())
        };
        for metric in self.iter() {
            match metric.source {
                Source::Property(property) => read(property.to_owned())?,
                Source::Levels(property) => {
                    for level in 0..LEVELS {
                        read(format!("{property}{level}"))?;
                    }
                }
                Source::Ticker(_) | Source::FamilyAsVariable => {}
            }
        }
        Ok(measured)
    }

    /// Reads the statistics that are on, of the database that was opened with these options.
    pub fn read_tickers(self, options: &Options) -> Vec<Measured> {
        self.iter()
            .filter_map(|metric| match metric.source {
                Source::Ticker(ticker) => Some((metric.name.to_owned(), options.get_ticker_count(ticker))),
                _ => None,
            })
            .collect()
    }
}

impl fmt::Debug for MetricSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|metric| metric.option)).finish()
    }
}
