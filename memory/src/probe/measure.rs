//! The edge that asks: the kernel's files, `sysinfo` for facts of process and machine, jemalloc for its counts.

use std::error::Error;
use std::fmt;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use super::{AllocatorBytes, MachineFacts, Observation, ProcessBytes, ProcessFacts, parse};
use crate::cgroup::Cgroup;

/// A process cannot be measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeError {
    /// Its file cannot be read: it has ended, or belongs to somebody else.
    Unreadable {
        /// The file.
        file: String,
        /// The system's words.
        why: String,
    },
    /// Its file lacks a line: it is ending, or a thread of the kernel; or the kernel is older than Linux 4.5.
    Incomplete {
        /// The file.
        file: String,
        /// The line's name.
        missing: &'static str,
    },
    /// The sampler's thread could not be started: try again when the system has room.
    Thread {
        /// The system's words.
        why: String,
    },
}

impl fmt::Display for ProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, why } => write!(f, "{file} cannot be read: {why}"),
            Self::Incomplete { file, missing } => {
                write!(f, "{file} has no {missing}: the process is ending or has no memory of its own")
            }
            Self::Thread { why } => write!(f, "the sampler's thread cannot be started: {why}"),
        }
    }
}

impl Error for ProbeError {}

/// Measures one process, again and again.
pub struct Probe {
    pid: u32,
    own: bool,
    walk: bool,
    sequence: u64,
    /// `None` where `sysinfo` does not know this system: its facts then stay empty.
    system: Option<System>,
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe")
            .field("pid", &self.pid)
            .field("sequence", &self.sequence)
            .finish_non_exhaustive()
    }
}

impl Probe {
    /// A probe of this process, its allocator included.
    pub fn own() -> Self {
        Self { own: true, ..Self::of(std::process::id()) }
    }

    /// A probe of any process, from outside.
    pub fn of(pid: u32) -> Self {
        Self { pid, own: false, walk: false, sequence: 0, system: System::new().ok() }
    }

    /// Walks the page tables each time for exact bytes: milliseconds for each GiB, and needs the right to trace.
    #[must_use]
    pub fn walking(mut self) -> Self {
        self.walk = true;
        self
    }

    /// One observation, without a drift: that needs somebody who accounts.
    ///
    /// # Errors
    /// [`ProbeError`] where the process's `status` cannot be read. Anything less is a note in the observation.
    pub fn observe(&mut self) -> Result<Observation, ProbeError> {
        let mut notes = Vec::new();
        let mut bytes = status(self.pid)?;
        if self.walk {
            match walk(self.pid) {
                Ok(walked) => bytes.walked = Some(walked),
                Err(error) => notes.push(error.to_string()),
            }
        }
        let cgroup = if self.own { Cgroup::own() } else { Cgroup::of(self.pid) };
        let cgroup = cgroup.map_err(|error| notes.push(error.to_string())).ok();
        let allocator = if self.own { allocator(&mut notes) } else { None };
        let (process, machine) = self.facts(cgroup.as_ref(), &mut notes);
        self.sequence += 1;
        Ok(Observation {
            sequence: self.sequence,
            at_unix_millis: unix_millis(),
            process,
            bytes,
            machine,
            cgroup,
            allocator,
            drift: None,
            notes,
        })
    }

    /// Measures the process's bytes once more and what changes as fast; returns its anonymous bytes.
    ///
    /// # Errors
    /// The process is gone, or the kernel says what it never said.
    pub(super) fn refresh(&mut self, observation: &mut Observation) -> Result<u64, ProbeError> {
        let walked = if self.walk { walk(self.pid).ok() } else { None };
        observation.bytes = ProcessBytes { walked, ..status(self.pid)? };
        if self.own {
            observation.allocator = allocator(&mut Vec::new());
        }
        Ok(walked.map_or(observation.bytes.anonymous_bytes, |walked| walked.anonymous_bytes))
    }

    fn facts(&mut self, cgroup: Option<&Cgroup>, notes: &mut Vec<String>) -> (ProcessFacts, MachineFacts) {
        let mut process = ProcessFacts { pid: self.pid, ..ProcessFacts::default() };
        let cpus = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
        let quota = cgroup.and_then(Cgroup::cpu_quota).map_or(u64::MAX, |milli| milli.div_ceil(1000));
        let mut machine = MachineFacts { cpus_count: cpus.min(quota), ..MachineFacts::default() };
        let Some(system) = &mut self.system else {
            notes.push("sysinfo does not know this system: no facts of process and machine".to_owned());
            return (process, machine);
        };
        system.refresh_memory();
        machine.memory_bytes = system.total_memory();
        machine.available_bytes = system.available_memory();
        let pid = Pid::from_u32(self.pid);
        let kind = ProcessRefreshKind::nothing().with_cpu().without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, kind);
        if let Some(found) = system.process(pid) {
            process.name = found.name().to_string_lossy().into_owned();
            process.started_unix_seconds = found.start_time();
            process.cpu_percent = found.cpu_usage();
        }
        (process, machine)
    }
}

fn read(file: String) -> Result<(String, String), ProbeError> {
    match fs::read(&file) {
        // A process may have any bytes in its name.
        Ok(bytes) => Ok((file, String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) => Err(ProbeError::Unreadable { file, why: error.to_string() }),
    }
}

fn status(pid: u32) -> Result<ProcessBytes, ProbeError> {
    let (file, text) = read(format!("/proc/{pid}/status"))?;
    parse::status(&text).map_err(|missing| ProbeError::Incomplete { file, missing })
}

fn walk(pid: u32) -> Result<super::WalkedBytes, ProbeError> {
    let (file, text) = read(format!("/proc/{pid}/smaps_rollup"))?;
    parse::smaps_rollup(&text).map_err(|missing| ProbeError::Incomplete { file, missing })
}

#[cfg(feature = "enforce")]
fn allocator(notes: &mut Vec<String>) -> Option<AllocatorBytes> {
    let stats = crate::arena::mallctl::stats().map_err(|error| notes.push(error.to_string())).ok()?;
    Some(AllocatorBytes {
        allocated_bytes: stats.allocated_bytes,
        active_bytes: stats.active_bytes,
        metadata_bytes: stats.metadata_bytes,
        resident_bytes: stats.resident_bytes,
    })
}

#[cfg(not(feature = "enforce"))]
fn allocator(_: &mut Vec<String>) -> Option<AllocatorBytes> {
    None
}

#[expect(clippy::disallowed_methods, reason = "an observation says when it was made")]
fn unix_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
