//! How RocksDB's shared memory of a slot is cut, and whether its ratios are accepted.
//!
//! `RocksDBMemoryControllerUtils` and `RocksDBMemoryConfiguration` of Flink, with Java's arithmetic: doubles are cast
//! to `long` towards zero and saturate, products of two `long`s wrap silently. Sizes are bytes, and signed: a ratio out
//! of range makes them negative, and Flink does not mind.

use super::Ruleset;
use crate::java::double_to_string;
use crate::java::exception::{Exception, ILLEGAL_ARGUMENT};

/// Default of `state.backend.rocksdb.memory.write-buffer-ratio`.
pub const DEFAULT_WRITE_BUFFER_RATIO: f64 = 0.5;
/// Default of `state.backend.rocksdb.memory.high-prio-pool-ratio`.
pub const DEFAULT_HIGH_PRIORITY_RATIO: f64 = 0.1;
/// Default of `state.backend.rocksdb.writebuffer.size`: 64 MiB.
pub const DEFAULT_WRITE_BUFFER_SIZE: i64 = 64 << 20;

/// Java's conversion of a `long` to a `double`.
#[expect(clippy::cast_precision_loss, reason = "Flink converts to double too")]
const fn double(value: i64) -> f64 {
    value as f64
}

/// Java's cast to `long`: towards zero, saturating, NaN to 0.
#[expect(clippy::cast_possible_truncation, reason = "the cast of Java does the same")]
const fn long(value: f64) -> i64 {
    value as i64
}

/// Capacity in bytes of the block cache (`calculateActualCacheCapacity`): what is left of `total` once half of the
/// write buffers, which may exceed their limit by as much, are set aside.
pub fn cache_capacity(total: i64, write_buffer_ratio: f64) -> i64 {
    long((3.0 - write_buffer_ratio) * double(total) / 3.0)
}

/// Capacity in bytes of the write buffer manager (`calculateWriteBufferManagerCapacity`). Twice the total overflows
/// silently above 2⁶² bytes.
pub fn write_buffer_manager_capacity(total: i64, write_buffer_ratio: f64) -> i64 {
    long(double(total.wrapping_mul(2)) * write_buffer_ratio / 3.0)
}

/// RocksDB's arena block size in bytes for a write buffer of so many bytes (`calculateRocksDBDefaultArenaBlockSize`):
/// an eighth, up to the next 4 KiB.
pub fn default_arena_block_size(write_buffer_size: i64) -> i64 {
    const ALIGNMENT: i64 = 4096;
    (write_buffer_size / 8).wrapping_add(ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT
}

/// Bytes of mutable write buffers from which RocksDB flushes (`calculateRocksDBMutableLimit`): seven eighths of the
/// write buffer manager's capacity. Overflows silently.
pub fn mutable_limit(write_buffer_manager_capacity: i64) -> i64 {
    write_buffer_manager_capacity.wrapping_mul(7) / 8
}

/// Whether an arena block fits the mutable limit (`validateArenaBlockSize`); if not, RocksDB flushes all the time.
pub fn is_valid_arena_block_size(arena_block_size: i64, mutable_limit: i64) -> bool {
    arena_block_size <= mutable_limit
}

/// `RocksDBOperationUtils.sanityCheckArenaBlockSize`: as [`is_valid_arena_block_size`], a configured size of 0 and less
/// meaning the default for the write buffer.
pub fn is_sane_arena_block_size(
    write_buffer_size: i64,
    configured: i64,
    write_buffer_manager_capacity: i64,
) -> bool {
    let size = if configured > 0 { configured } else { default_arena_block_size(write_buffer_size) };
    is_valid_arena_block_size(size, mutable_limit(write_buffer_manager_capacity))
}

/// Whether a version looks at arena blocks at all: 1.10 and 1.11 do not.
pub fn checks_arena_blocks(rules: &Ruleset) -> bool {
    rules.consumer_weights
}

/// The two ratios of `RocksDBMemoryConfiguration`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratios {
    /// Share of the shared memory for write buffers.
    pub write_buffer: f64,
    /// Share of the cache for indexes and filters.
    pub high_priority: f64,
}

impl Default for Ratios {
    fn default() -> Self {
        Self { write_buffer: DEFAULT_WRITE_BUFFER_RATIO, high_priority: DEFAULT_HIGH_PRIORITY_RATIO }
    }
}

/// Why ratios are refused; all are `IllegalArgumentException`s.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RatioError {
    /// `setWriteBufferRatio`
    WriteBuffer(f64),
    /// `setHighPriorityPoolRatio`
    HighPriority(f64),
    /// `validate`: write buffers and high-priority blocks leave no room in the cache.
    Together(Ratios),
}

impl RatioError {
    /// The exception.
    pub fn chain(self) -> Vec<Exception> {
        let message = match self {
            Self::WriteBuffer(ratio) => {
                format!("Write Buffer ratio {} must be in (0, 1)", double_to_string(ratio))
            }
            Self::HighPriority(ratio) => {
                format!("High priority pool ratio {} must be in (0, 1)", double_to_string(ratio))
            }
            Self::Together(ratios) => format!(
                "Invalid configuration: writeBufferRatio {} with highPriPoolRatio {}",
                double_to_string(ratios.write_buffer),
                double_to_string(ratios.high_priority)
            ),
        };
        vec![Exception::new(ILLEGAL_ARGUMENT, message)]
    }
}

impl Ratios {
    /// The checks of the Java setters, which ratios from the configuration do not pass through.
    ///
    /// # Errors
    /// [`RatioError::WriteBuffer`], then [`RatioError::HighPriority`]: not above 0 and below 1.
    pub fn check_setters(self) -> Result<(), RatioError> {
        let inside = |ratio: f64| ratio > 0.0 && ratio < 1.0;
        if !inside(self.write_buffer) {
            return Err(RatioError::WriteBuffer(self.write_buffer));
        }
        if !inside(self.high_priority) {
            return Err(RatioError::HighPriority(self.high_priority));
        }
        Ok(())
    }

    /// `RocksDBMemoryConfiguration.validate`, run whenever the backend is configured.
    ///
    /// # Errors
    /// [`RatioError::Together`].
    pub fn validate(self) -> Result<(), RatioError> {
        let write_buffers_in_cache = 2.0 * self.write_buffer / (3.0 - self.write_buffer);
        if write_buffers_in_cache + self.high_priority >= 1.0 {
            return Err(RatioError::Together(self));
        }
        Ok(())
    }

    /// [`Ratios::check_setters`], then [`Ratios::validate`].
    ///
    /// # Errors
    /// The first of them.
    pub fn check(self) -> Result<(), RatioError> {
        self.check_setters()?;
        self.validate()
    }
}

/// The memory that all RocksDB instances of a slot share; bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharedMemory {
    /// Capacity of the block cache, to which write buffers are charged.
    pub cache_capacity: i64,
    /// Capacity of the write buffer manager.
    pub write_buffer_manager_capacity: i64,
}

impl SharedMemory {
    /// Cuts `total` bytes (`allocateRocksDBSharedResources`).
    pub fn of(total: i64, write_buffer_ratio: f64) -> Self {
        Self {
            cache_capacity: cache_capacity(total, write_buffer_ratio),
            write_buffer_manager_capacity: write_buffer_manager_capacity(total, write_buffer_ratio),
        }
    }

    /// [`mutable_limit`] of its write buffer manager.
    pub fn mutable_limit(self) -> i64 {
        mutable_limit(self.write_buffer_manager_capacity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacities() {
        for (total, ratio, cache, buffers, limit) in [
            (1000, 0.5, 833, 333, 291),
            (536_870_920, 0.3, 483_183_828, 107_374_184, 93_952_411),
            (i64::MAX, 0.5, 7_686_143_364_045_646_848, 0, 0),
            (1000, f64::NAN, 0, 0, 0),
            (1000, -1.0, 1333, -666, -582),
        ] {
            let shared = SharedMemory::of(total, ratio);
            assert_eq!((shared.cache_capacity, shared.write_buffer_manager_capacity), (cache, buffers));
            assert_eq!(shared.mutable_limit(), limit);
        }
    }

    #[test]
    fn the_smallest_quiet_total() {
        let sane = |total| {
            let buffers = write_buffer_manager_capacity(total, DEFAULT_WRITE_BUFFER_RATIO);
            is_sane_arena_block_size(DEFAULT_WRITE_BUFFER_SIZE, 0, buffers)
        };
        assert!(sane(28_760_943) && !sane(28_760_942));
        assert_eq!(default_arena_block_size(i64::MIN), 4096 - (1 << 60));
    }

    #[test]
    fn ratios() {
        let text = |write_buffer, high_priority| {
            let refused = Ratios { write_buffer, high_priority }.check().expect_err("refused");
            refused.chain()[0].message.clone().unwrap_or_default()
        };
        assert_eq!(Ratios::default().check(), Ok(()));
        assert_eq!(text(-0.0, 2.0), "Write Buffer ratio -0.0 must be in (0, 1)");
        assert_eq!(text(0.5, f64::NAN), "High priority pool ratio NaN must be in (0, 1)");
        assert_eq!(text(0.5, 0.6), "Invalid configuration: writeBufferRatio 0.5 with highPriPoolRatio 0.6");
    }
}
