//! Control groups, version 2 and version 1: what the kernel allows this process, and which file says so.
//!
//! | module | what |
//! |---|---|
//! | [`locate`] | pure: which group a process is in, and which directory shows it here |
//! | [`parse`] | pure: the kernel's small files |
//! | [`read`] | the thin edge that opens files, below a root directory that tests choose |
//! | [`fit`] | the check at start: does the model's process size fit below the limit? |
//! | [`error`] | [`CgroupError`] |
//!
//! What it promises: the limit is the *effective* one, the tightest of the group's own and those of all groups above
//! it that can be seen, and its file is named. A file that is not there is a number that is not there; a file with
//! content that the kernel does not write is a named error. No file makes it panic. What it does not cover: changing
//! a group; limits above the top of the mount, which version 2 does not show to a container (version 1 does, in
//! `memory.stat`); swap. Page cache counts in [`Cgroup::current_bytes`], as the kernel counts it: [`Split`] takes it
//! apart.

pub mod error;
pub mod fit;
pub mod locate;
pub mod parse;
pub mod read;

use serde::{Deserialize, Serialize};

pub use error::CgroupError;
pub use fit::{Misfit, check_fits};
pub use read::Reader;

/// Which of the kernel's interfaces governs memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hierarchy {
    /// One tree for all controllers (`memory.max`).
    V2,
    /// A tree for each controller (`memory.limit_in_bytes`); also the hybrid layout, where version 2 governs no
    /// memory.
    V1,
    /// No group governs this process's memory: only the machine limits it.
    Absent,
}

/// A number of bytes and the file that says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// The limit.
    pub bytes: u64,
    /// The file that says so; in version 1 also `…/memory.stat (hierarchical_memory_limit)`.
    pub file: String,
}

/// How much CPU time the group may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuQuota {
    /// Thousandths of a CPU, rounded down, at least 1.
    pub milli_cores: u64,
    /// The file that says so.
    pub file: String,
}

/// How often the kernel had to act. Counts since the group was made; `None` where the kernel does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Events {
    /// Reclaimed although below `memory.low` (version 2).
    pub low: Option<u64>,
    /// Throttled because above `memory.high` (version 2).
    pub high: Option<u64>,
    /// The limit was hit: `max` in version 2, `memory.failcnt` in version 1.
    pub max: Option<u64>,
    /// Reclaim at the limit failed (version 2).
    pub oom: Option<u64>,
    /// Processes killed. Anything but 0 is an exit with status 137.
    pub oom_kill: Option<u64>,
}

/// Shares of time in which tasks waited for memory, in percent, and the sum of the waits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Averages {
    /// Over the last 10 seconds, in percent.
    pub avg10_percent: f64,
    /// Over the last 60 seconds, in percent.
    pub avg60_percent: f64,
    /// Over the last 300 seconds, in percent.
    pub avg300_percent: f64,
    /// Since the start, in microseconds.
    pub total_micros: u64,
}

/// Pressure stall information for memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pressure {
    /// At least one task waited.
    pub some: Averages,
    /// All tasks waited at once.
    pub full: Option<Averages>,
    /// Where it stands: the group's own file, or the whole machine's where the group has none.
    pub file: String,
}

/// What the group's bytes are, as `memory.stat` says. `None` where the kernel does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// Anonymous memory: heaps, stacks. It cannot be dropped.
    pub anon_bytes: u64,
    /// Page cache, shared memory included.
    pub file_bytes: u64,
    /// Shared memory and tmpfs: counted as file, and cannot be dropped either.
    pub shmem_bytes: u64,
    /// Page cache that must be written before it can be dropped.
    pub dirty_bytes: u64,
    /// The kernel's own memory for this group, all kinds.
    pub kernel_bytes: Option<u64>,
    /// Of it, kernel stacks.
    pub kernel_stack_bytes: Option<u64>,
    /// Of it, page tables.
    pub page_tables_bytes: Option<u64>,
    /// Of it, slab.
    pub slab_bytes: Option<u64>,
    /// Network buffers of the kernel.
    pub sock_bytes: Option<u64>,
}

/// What the kernel says about the group of a process, at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cgroup {
    /// Which interface governs memory.
    pub hierarchy: Hierarchy,
    /// The directory of the memory group; empty where none governs.
    pub directory: String,
    /// The tightest hard limit; `None`: unlimited.
    pub limit: Option<Limit>,
    /// The tightest soft limit: `memory.high` (throttles) or version 1's `memory.soft_limit_in_bytes` (reclaims
    /// first).
    pub high: Option<Limit>,
    /// What the group holds now, page cache included.
    pub current_bytes: Option<u64>,
    /// The most it ever held; `None` before Linux 5.19 in version 2.
    pub peak_bytes: Option<u64>,
    /// What happened at the limits.
    pub events: Events,
    /// How long tasks waited for memory.
    pub pressure: Option<Pressure>,
    /// What the bytes are.
    pub split: Option<Split>,
    /// The tightest CPU quota; `None`: unlimited.
    pub cpu: Option<CpuQuota>,
}

impl Cgroup {
    /// The group of this process.
    ///
    /// # Errors
    /// [`CgroupError`] where `/proc` cannot be read or a file has content that no kernel writes.
    pub fn own() -> Result<Self, CgroupError> {
        Reader::new("/").own()
    }

    /// The group of another process.
    ///
    /// # Errors
    /// As [`Cgroup::own`]; [`CgroupError::Unreadable`] also where the process has ended.
    pub fn of(pid: u32) -> Result<Self, CgroupError> {
        Reader::new("/").of(pid)
    }

    /// Thousandths of a CPU that the group may use; `None`: as many as the machine has.
    pub fn cpu_quota(&self) -> Option<u64> {
        self.cpu.as_ref().map(|quota| quota.milli_cores)
    }
}
