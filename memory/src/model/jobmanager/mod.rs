//! The JobManager: heap, off-heap, metaspace, overhead (FLIP-116, Flink 1.11 and later).

mod derive;
pub(super) mod options;
mod output;
mod v1_10;

pub use derive::derive;
pub use v1_10::{StandaloneHeap, standalone_heap};

use super::option::Read;
use super::part::Part;
use super::taskmanager::Sizing;
use crate::MemorySize;

/// The derived memory of a JobManager process (`JobManagerProcessSpec`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JobManager {
    /// How the process was sized.
    pub sizing: Sizing,
    /// JVM heap.
    pub heap: Part,
    /// Direct and native memory.
    pub off_heap: Part,
    /// JVM metaspace.
    pub metaspace: Part,
    /// JVM overhead.
    pub overhead: Part,
    /// Whether off-heap memory is enforced as the JVM's direct memory limit.
    pub direct_limit: Read<bool>,
    /// `jobmanager.memory.flink.size`, where it decided something.
    pub configured_flink: Option<Read<MemorySize>>,
    /// `jobmanager.memory.process.size`, where it decided something.
    pub configured_process: Option<Read<MemorySize>>,
    total_flink: MemorySize,
    total_process: MemorySize,
}

impl JobManager {
    /// Total process memory.
    pub const fn total_process(&self) -> MemorySize {
        self.total_process
    }

    /// Total Flink memory.
    pub const fn total_flink(&self) -> MemorySize {
        self.total_flink
    }
}
