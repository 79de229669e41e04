//! Network buffers: how many there are, and how many a gate or a partition takes.
//!
//! `NettyShuffleEnvironmentConfiguration`, `ResultPartitionFactory`, `GateBuffersSpec` and `BatchShuffleReadBufferPool`
//! of Flink. Sizes are bytes, counts are buffers of one page each.

use super::Ruleset;
use crate::MemorySize;
use crate::java::exception::{Exception, ILLEGAL_ARGUMENT, ILLEGAL_CONFIGURATION};

/// `Integer.MAX_VALUE`: as many as there are.
pub const UNLIMITED: u32 = i32::MAX as u32;

/// The smallest page, in bytes.
pub const PAGE_SIZE_MIN: u64 = 4096;

/// Why there are no buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkError {
    /// The page is beyond a Java `int`.
    PageTooLarge(MemorySize),
    /// The page is below [`PAGE_SIZE_MIN`].
    PageTooSmall(MemorySize),
    /// The page is no power of two.
    PageUneven(MemorySize),
    /// More buffers than a Java `int` counts.
    TooManyPages(MemorySize),
    /// The batch-shuffle read memory is smaller than one page of so many bytes.
    BatchShuffleTooSmall(u32),
}

impl NetworkError {
    /// The exception.
    pub fn chain(self) -> Vec<Exception> {
        let page = |size: MemorySize, why: &str| {
            let bytes = size.bytes();
            let text =
                format!("Invalid configuration value for taskmanager.memory.segment-size : {bytes} - {why}");
            Exception::new(ILLEGAL_CONFIGURATION, text)
        };
        vec![match self {
            Self::PageTooLarge(size) => Exception::new(
                ILLEGAL_ARGUMENT,
                format!("Cannot downcast long value {} to integer.", size.bytes()),
            ),
            Self::PageTooSmall(size) => page(size, "Minimum memory segment size is 4096"),
            Self::PageUneven(size) => page(size, "Memory segment size must be a power of 2."),
            Self::TooManyPages(size) => Exception::new(
                ILLEGAL_ARGUMENT,
                format!(
                    "The given number of memory bytes ({}) corresponds to more than MAX_INT pages.",
                    size.bytes()
                ),
            ),
            Self::BatchShuffleTooSmall(page) => Exception::new(
                ILLEGAL_ARGUMENT,
                format!(
                    "Illegal configuration, config value for \
                     'taskmanager.memory.framework.off-heap.batch-shuffle.size' must be no smaller than \
                     'taskmanager.memory.segment-size', please increase \
                     'taskmanager.memory.framework.off-heap.batch-shuffle.size' to at least {page} bytes."
                ),
            ),
        }]
    }
}

/// The bytes of a page, checked as when a TaskManager starts (`ConfigurationParserUtils.getPageSize`).
///
/// # Errors
/// Beyond an `int`, below 4096, no power of two; in this order.
pub fn page_size(segment_size: MemorySize) -> Result<u32, NetworkError> {
    match u32::try_from(segment_size.bytes()) {
        Ok(page) if page <= UNLIMITED => {
            if segment_size.bytes() < PAGE_SIZE_MIN {
                Err(NetworkError::PageTooSmall(segment_size))
            } else if !page.is_power_of_two() {
                Err(NetworkError::PageUneven(segment_size))
            } else {
                Ok(page)
            }
        }
        _ => Err(NetworkError::PageTooLarge(segment_size)),
    }
}

/// How many whole pages fit the network memory (`calculateNumberOfNetworkBuffers`). None is legal, until somebody asks.
///
/// # Errors
/// [`NetworkError::TooManyPages`].
pub fn buffer_count(network: MemorySize, page_size: u32) -> Result<u32, NetworkError> {
    let pages = network.bytes().checked_div(u64::from(page_size)).unwrap_or(0);
    u32::try_from(pages).ok().filter(|n| *n <= UNLIMITED).ok_or(NetworkError::TooManyPages(network))
}

/// Options that decide how many buffers gates and partitions take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BufferOptions {
    /// `taskmanager.network.memory.buffers-per-channel`
    pub per_channel: u32,
    /// `taskmanager.network.memory.floating-buffers-per-gate`
    pub floating_per_gate: u32,
    /// `taskmanager.network.memory.read-buffer.required-per-gate.max` (1.20 and later), if set.
    pub required_per_gate_max: Option<u32>,
    /// `taskmanager.network.sort-shuffle.min-buffers` (1.20 and later)
    pub sort_shuffle_min_buffers: u32,
    /// `taskmanager.network.sort-shuffle.min-parallelism` (1.20)
    pub sort_shuffle_min_parallelism: u32,
}

impl Default for BufferOptions {
    /// Flink's defaults, the same in all versions.
    fn default() -> Self {
        Self {
            per_channel: 2,
            floating_per_gate: 8,
            required_per_gate_max: None,
            sort_shuffle_min_buffers: 512,
            sort_shuffle_min_parallelism: 1,
        }
    }
}

/// `ResultPartitionType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartitionType {
    /// `BLOCKING` and `BLOCKING_PERSISTENT`.
    Blocking,
    /// `PIPELINED`, with as many buffers as there are.
    Pipelined,
    /// `PIPELINED_BOUNDED`: streaming.
    PipelinedBounded,
    /// `PIPELINED_APPROXIMATE` (1.12 and later).
    PipelinedApproximate,
    /// `HYBRID_FULL` and `HYBRID_SELECTIVE` (1.16 and later), not tiered.
    Hybrid,
}

/// Least and most buffers of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolSize {
    /// Guaranteed.
    pub min: u32,
    /// At most; [`UNLIMITED`] where nothing but the supply ends it.
    pub max: u32,
}

/// The pool of a result partition with so many subpartitions.
pub fn output_pool(
    rules: &Ruleset,
    options: &BufferOptions,
    kind: PartitionType,
    subpartitions: u32,
) -> PoolSize {
    let modern = is_modern(rules);
    let one_each = count(u64::from(subpartitions) + 1);
    let bounded = count(
        u64::from(subpartitions) * u64::from(options.per_channel) + u64::from(options.floating_per_gate),
    );
    match kind {
        PartitionType::Blocking if modern && subpartitions >= options.sort_shuffle_min_parallelism => {
            let min = options.sort_shuffle_min_buffers;
            PoolSize { min, max: min.max(count(u64::from(subpartitions) * 4)) }
        }
        PartitionType::PipelinedBounded | PartitionType::PipelinedApproximate if modern => {
            PoolSize { min: one_each, max: one_each.max(bounded) }
        }
        PartitionType::PipelinedBounded => PoolSize { min: one_each, max: bounded },
        _ => PoolSize { min: one_each, max: UNLIMITED },
    }
}

/// The buffers of an input gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputGate {
    /// Of each remote channel alone.
    pub exclusive_per_channel: u32,
    /// Guaranteed beyond them, for all channels.
    pub floating_min: u32,
    /// At most beyond them.
    pub floating_max: u32,
    /// All of them at most: the exclusive ones of all channels and `floating_max`.
    pub total: u32,
}

/// The buffers of an input gate with so many channels, all taken as remote: a local channel has no exclusive buffers
/// before 1.12.
pub fn input_gate(rules: &Ruleset, options: &BufferOptions, kind: PartitionType, channels: u32) -> InputGate {
    /// What a gate that need not keep up with a stream may be guaranteed.
    const BATCH_LIMIT: u32 = 1000;
    let BufferOptions { per_channel, floating_per_gate, .. } = *options;
    let wanted = u64::from(channels) * u64::from(per_channel);
    if !is_modern(rules) {
        let total = count(wanted + u64::from(floating_per_gate));
        // 1.10 guarantees a gate nothing but its channels' buffers
        let floating_min = u32::from(rules.job_manager_model);
        return InputGate {
            exclusive_per_channel: per_channel,
            floating_min,
            floating_max: floating_per_gate,
            total,
        };
    }
    let default_limit = match kind {
        PartitionType::Pipelined | PartitionType::PipelinedBounded | PartitionType::Hybrid => UNLIMITED,
        PartitionType::Blocking | PartitionType::PipelinedApproximate => BATCH_LIMIT,
    };
    let limit = options.required_per_gate_max.unwrap_or(default_limit);
    let required = u64::from(limit).min(wanted + 1);
    let exclusive =
        required.saturating_sub(1).checked_div(u64::from(channels)).unwrap_or(0).min(u64::from(per_channel));
    let all_exclusive = exclusive * u64::from(channels);
    let total = wanted + u64::from(floating_per_gate);
    InputGate {
        exclusive_per_channel: count(exclusive),
        floating_min: count(required.saturating_sub(all_exclusive)),
        floating_max: count(total.saturating_sub(all_exclusive)),
        total: count(total),
    }
}

/// The pool that batch shuffles read through, within framework off-heap memory (1.12 and later).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchShuffleRead {
    /// All buffers.
    pub buffers: u32,
    /// Buffers of one request: 4 MiB, at least one.
    pub per_request: u32,
    /// Requests that can be served at once.
    pub concurrent_requests: u32,
}

/// Cuts `taskmanager.memory.framework.off-heap.batch-shuffle.size` (`BatchShuffleReadBufferPool`).
///
/// # Errors
/// [`NetworkError::BatchShuffleTooSmall`].
pub fn batch_shuffle_read(size: MemorySize, page_size: u32) -> Result<BatchShuffleRead, NetworkError> {
    const REQUEST_BYTES: u32 = 4 << 20;
    let pages = size.bytes().checked_div(u64::from(page_size)).unwrap_or(0);
    if pages == 0 {
        return Err(NetworkError::BatchShuffleTooSmall(page_size));
    }
    let buffers = count(pages);
    let per_request = buffers.min((REQUEST_BYTES / page_size.max(1)).max(1));
    Ok(BatchShuffleRead { buffers, per_request, concurrent_requests: buffers / per_request })
}

/// Whether gates and partitions follow the rules of 1.20; versions up to 1.16 are answered with those of 1.11.
fn is_modern(rules: &Ruleset) -> bool {
    rules.modern_resources
}

/// At most what a Java `int` counts.
fn count(n: u64) -> u32 {
    u32::try_from(n).map_or(UNLIMITED, |n| n.min(UNLIMITED))
}

#[cfg(test)]
mod tests {
    use super::super::version::{V1_10, V1_11, V1_20};
    use super::*;

    #[test]
    fn pages() {
        let size = MemorySize::from_bytes;
        assert_eq!(page_size(size(32 << 10)), Ok(32 << 10));
        assert_eq!(page_size(size(PAGE_SIZE_MIN)), Ok(4096));
        assert_eq!(page_size(size(1 << 30)), Ok(1 << 30));
        assert_eq!(page_size(size(1 << 31)), Err(NetworkError::PageTooLarge(size(1 << 31))));
        assert_eq!(page_size(size(2048)), Err(NetworkError::PageTooSmall(size(2048))));
        assert_eq!(
            page_size(size(33_792)).map_err(|e| e.chain()[0].to_string()),
            Err("org.apache.flink.configuration.IllegalConfigurationException: Invalid configuration value for \
                 taskmanager.memory.segment-size : 33792 - Memory segment size must be a power of 2."
                .to_owned())
        );
        assert_eq!(buffer_count(size(359_703_515), 32 << 10), Ok(10_977));
        assert_eq!(buffer_count(size(32_767), 32 << 10), Ok(0));
        assert!(buffer_count(MemorySize::MAX, 32 << 10).is_err());
    }

    #[test]
    fn output_pools() {
        use PartitionType::{Blocking, Hybrid, PipelinedBounded};
        let options = BufferOptions::default();
        for (kind, subpartitions, min, max) in [
            (Blocking, 1, 512, 512),
            (Blocking, 200, 512, 800),
            (PipelinedBounded, 1, 2, 10),
            (PipelinedBounded, 4, 5, 16),
            (PipelinedBounded, 200, 201, 408),
            (Hybrid, 4, 5, UNLIMITED),
        ] {
            assert_eq!(output_pool(&V1_20, &options, kind, subpartitions), PoolSize { min, max });
        }
        assert_eq!(output_pool(&V1_11, &options, Blocking, 4), PoolSize { min: 5, max: UNLIMITED });
        assert_eq!(output_pool(&V1_11, &options, PipelinedBounded, 4), PoolSize { min: 5, max: 16 });
        // only later versions lift a maximum that the options put below the minimum
        let few = BufferOptions { per_channel: 0, floating_per_gate: 1, ..options };
        assert_eq!(output_pool(&V1_20, &few, PipelinedBounded, 5), PoolSize { min: 6, max: 6 });
        assert_eq!(output_pool(&V1_11, &few, PipelinedBounded, 5), PoolSize { min: 6, max: 1 });
    }

    #[test]
    fn input_gates() {
        use PartitionType::{Blocking, PipelinedBounded};
        for (kind, channels, limit, expected) in [
            (PipelinedBounded, 1, None, (2, 1, 8, 10)),
            (PipelinedBounded, 600, None, (2, 1, 8, 1208)),
            (Blocking, 600, None, (1, 400, 608, 1208)),
            (PipelinedBounded, 4, Some(1), (0, 1, 16, 16)),
            (PipelinedBounded, 4, Some(5), (1, 1, 12, 16)),
            (PipelinedBounded, 4, Some(9), (2, 1, 8, 16)),
        ] {
            let options = BufferOptions { required_per_gate_max: limit, ..BufferOptions::default() };
            let gate = input_gate(&V1_20, &options, kind, channels);
            let numbers = (gate.exclusive_per_channel, gate.floating_min, gate.floating_max, gate.total);
            assert_eq!(numbers, expected);
        }
        let options = BufferOptions::default();
        assert_eq!(input_gate(&V1_11, &options, PipelinedBounded, 4).floating_min, 1);
        assert_eq!(input_gate(&V1_11, &options, PipelinedBounded, 4).total, 16);
        assert_eq!(input_gate(&V1_10, &options, PipelinedBounded, 4).floating_min, 0);
    }

    #[test]
    fn batch_shuffle() {
        let pool = batch_shuffle_read(MemorySize::from_mebibytes(64), 32 << 10);
        assert_eq!(pool, Ok(BatchShuffleRead { buffers: 2048, per_request: 128, concurrent_requests: 16 }));
        assert_eq!(
            batch_shuffle_read(MemorySize::from_bytes(4095), 4096),
            Err(NetworkError::BatchShuffleTooSmall(4096))
        );
    }
}
