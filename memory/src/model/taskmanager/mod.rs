//! The TaskManager: eight parts, their sums, CPU cores, slots, external resources.

mod derive;
mod network;
pub(super) mod options;
mod output;
mod resources;

pub use derive::derive;
pub(super) use output::Items;
pub use output::PropertyValue;
pub use resources::{Cpu, ExternalResource};
pub(super) use resources::{external as external_resources, list_text as resource_list_text};

use super::option::Read;
use super::part::Part;
use crate::MemorySize;

/// The derived memory of a TaskManager process (`TaskExecutorProcessSpec`).
#[derive(Debug, Clone, PartialEq)]
pub struct TaskManager {
    /// How the process was sized.
    pub sizing: Sizing,
    /// JVM heap for the framework.
    pub framework_heap: Part,
    /// JVM heap for user code.
    pub task_heap: Part,
    /// Direct and native memory for the framework.
    pub framework_off_heap: Part,
    /// Direct and native memory for user code.
    pub task_off_heap: Part,
    /// Network buffers (direct).
    pub network: Part,
    /// Managed memory (native): RocksDB, batch operators, Python.
    pub managed: Part,
    /// JVM metaspace.
    pub metaspace: Part,
    /// JVM overhead: thread stacks, code cache, garbage collector, allocator.
    pub overhead: Part,
    /// `taskmanager.memory.flink.size`, where it decided something.
    pub configured_flink: Option<Read<MemorySize>>,
    /// `taskmanager.memory.process.size`, where it decided something.
    pub configured_process: Option<Read<MemorySize>>,
    /// CPU cores.
    pub cpu: Cpu,
    /// Task slots, as configured (the process takes −1 for 1); `None` before 1.12, where the derivation ignores them.
    pub slots: Option<Read<i32>>,
    /// External resources, in the order of Java's map.
    pub external_resources: Vec<ExternalResource>,
    total_flink: MemorySize,
    total_process: MemorySize,
}

/// Which options sized a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sizing {
    /// Task heap and managed memory (JobManager: heap); everything else follows.
    FineGrained,
    /// Total Flink memory.
    Flink,
    /// Total process memory.
    Process,
}

impl TaskManager {
    /// Total process memory.
    pub const fn total_process(&self) -> MemorySize {
        self.total_process
    }

    /// Total Flink memory.
    pub const fn total_flink(&self) -> MemorySize {
        self.total_flink
    }

    /// `-Xmx` and `-Xms`: framework and task heap.
    pub fn jvm_heap(&self) -> MemorySize {
        bounded_sum([self.framework_heap, self.task_heap])
    }

    /// `-XX:MaxDirectMemorySize`: framework and task off-heap, network.
    pub fn jvm_direct(&self) -> MemorySize {
        bounded_sum([self.framework_off_heap, self.task_off_heap, self.network])
    }

    /// Managed and direct memory.
    pub fn total_off_heap(&self) -> MemorySize {
        bounded_sum([self.framework_off_heap, self.task_off_heap, self.network, self.managed])
    }
}

/// A sum of some of the parts; all of them add up to a `MemorySize`, so some of them do.
fn bounded_sum<const N: usize>(parts: [Part; N]) -> MemorySize {
    MemorySize::from_bytes(
        parts.iter().map(|part| part.size.bytes()).fold(0, u64::saturating_add).min(MemorySize::MAX.bytes()),
    )
}
