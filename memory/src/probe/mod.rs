//! What a process measures of itself, and how far that is from what it accounts for.
//!
//! | module | what |
//! |---|---|
//! | [`parse`] | pure: `/proc/PID/status` and `/proc/PID/smaps_rollup` |
//! | [`measure`] | the thin edge that asks the kernel, `sysinfo`, and jemalloc |
//! | [`drift`] | pure: measured less accounted, term by term, and its alarm with hysteresis |
//! | [`sampler`] | a thread that observes once a second and publishes |
//!
//! **What is counted as measured**: bytes that the process alone keeps in memory and that nobody can drop:
//! anonymous pages (heaps, stacks, pools, segments), shared memory, and what of these is swapped out. Pages that
//! were set free lazily (`MADV_FREE`) count until the kernel takes them.
//!
//! **What is not**: file pages (the program's image, mapped files: the kernel drops them when it needs room), and the
//! kernel's own bytes for this process, which are stated apart: page tables as the kernel says, kernel stacks as an
//! estimate of 16 KiB a thread. Both count against a control group's limit, and [`crate::cgroup::Split`] has the
//! group's part. Page cache and network buffers of the kernel are only known for a whole control group.
//!
//! **How exact**: the kernel keeps resident bytes in batches for each CPU, so `status` may be some hundred KiB off;
//! `smaps_rollup` is exact and walks all page tables for it (milliseconds for each GiB), so it is asked for on
//! demand only. jemalloc's counts are as of the moment of asking, and other threads go on meanwhile.

pub mod drift;
pub mod measure;
pub mod parse;
pub mod sampler;

use serde::{Deserialize, Serialize};

use crate::cgroup::Cgroup;
pub use drift::{Alarm, Drift, DriftLevel, Side, Term};
pub use measure::{Probe, ProbeError};
pub use sampler::{Sampler, Sampling};

/// An estimate of a thread's kernel stack, in bytes: what Linux allocates on x86-64 and on arm64.
pub const KERNEL_STACK_BYTES: u64 = 16 << 10;

/// What a process has in memory, by kind, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessBytes {
    /// All resident user pages: anonymous, file and shared memory.
    pub resident_bytes: u64,
    /// The most that was ever resident.
    pub resident_peak_bytes: u64,
    /// Anonymous pages.
    pub anonymous_bytes: u64,
    /// Pages of files: the program's image and what it mapped.
    pub file_bytes: u64,
    /// Shared memory.
    pub shmem_bytes: u64,
    /// Anonymous pages that are swapped out.
    pub swap_bytes: u64,
    /// Page tables: the kernel's bytes, not part of the resident ones.
    pub page_tables_bytes: u64,
    /// Kernel stacks, estimated from the number of threads: the kernel's bytes too.
    pub kernel_stacks_bytes: u64,
    /// Threads.
    pub threads_count: u64,
    /// What only a walk of the page tables knows, where it was asked for.
    pub walked: Option<WalkedBytes>,
}

impl ProcessBytes {
    /// The kernel's own bytes for this process, as far as they are known for one process.
    pub const fn kernel_bytes(&self) -> u64 {
        self.page_tables_bytes.saturating_add(self.kernel_stacks_bytes)
    }
}

/// From `smaps_rollup`: exact at the moment of the walk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalkedBytes {
    /// Resident pages.
    pub resident_bytes: u64,
    /// The process's share of them, where pages are shared with others.
    pub proportional_bytes: u64,
    /// Anonymous pages.
    pub anonymous_bytes: u64,
    /// Of these, pages set free lazily, which the kernel takes when it needs them.
    pub lazily_free_bytes: u64,
    /// Huge pages among the anonymous ones.
    pub huge_bytes: u64,
}

/// Who it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ProcessFacts {
    /// Its number.
    pub pid: u32,
    /// Its name, as the kernel shortens it to 15 bytes.
    pub name: String,
    /// When it started, in seconds since 1970.
    pub started_unix_seconds: u64,
    /// CPU time since the observation before, in percent of one CPU; 0 at the first.
    pub cpu_percent: f32,
}

/// Where it runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineFacts {
    /// The machine's memory in bytes.
    pub memory_bytes: u64,
    /// What could be had without swapping, in bytes.
    pub available_bytes: u64,
    /// CPUs that this process may use by its affinity mask and quota.
    pub cpus_count: u64,
}

/// What jemalloc counts, of this process alone, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllocatorBytes {
    /// In objects that the program holds, pools included.
    pub allocated_bytes: u64,
    /// In pages with at least one object.
    pub active_bytes: u64,
    /// In jemalloc's own bookkeeping.
    pub metadata_bytes: u64,
    /// In memory at most: active, bookkeeping, and unused pages not given back yet.
    pub resident_bytes: u64,
}

impl AllocatorBytes {
    /// What jemalloc has in memory beyond what the program holds: rounding, caches, unused pages, bookkeeping.
    pub const fn slack_bytes(&self) -> u64 {
        self.resident_bytes.saturating_sub(self.allocated_bytes)
    }
}

/// One process at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Counts up from 1 with each observation of one probe.
    pub sequence: u64,
    /// When, in milliseconds since 1970.
    pub at_unix_millis: u64,
    /// Who.
    pub process: ProcessFacts,
    /// What it has in memory.
    pub bytes: ProcessBytes,
    /// Where it runs.
    pub machine: MachineFacts,
    /// What its control group says; `None` where that could not be read (see `notes`).
    pub cgroup: Option<Cgroup>,
    /// What its allocator says; `None` for another process, and without feature `enforce`.
    pub allocator: Option<AllocatorBytes>,
    /// Measured less accounted; `None` where nobody accounts.
    pub drift: Option<Drift>,
    /// What could not be measured, and why.
    pub notes: Vec<String>,
}
