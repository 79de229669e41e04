//! The report of a process: plain data with a version, made inside the process and read by whoever watches it.

use serde::{Deserialize, Serialize};

use super::error::ReportError;
use super::usage::PoolUsage;
use crate::probe::Observation;

/// The version of the report's JSON. Fields may be added to a version; what is there keeps its name and its meaning.
pub const VERSION: u32 = 1;

/// What a process holds, measures and may use, at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`VERSION`].
    pub version: u32,
    /// When it was made, in milliseconds since 1970 by the clock of the process's machine.
    pub at_unix_ms: u64,
    /// Whose report it is.
    pub process: Process,
    /// Who tells it.
    pub profile: Profile,
    /// The size of the process that the model derived; `None` where nobody derived one.
    pub total_bytes: Option<u64>,
    /// The pools, each from its top level.
    pub pools: Vec<PoolUsage>,
    /// The arenas with a cap.
    #[serde(default)]
    pub arenas: Vec<ArenaUsage>,
    /// The general heap, where it is counted.
    #[serde(default)]
    pub heap: Option<HeapUsage>,
    /// What the kernel and the allocator say, and how far that is from what is accounted for.
    #[serde(default)]
    pub observation: Option<Observation>,
}

/// Which process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its name, as `ps` shows it.
    pub name: String,
    /// What it does.
    pub role: Role,
    /// When it began, in milliseconds since 1970, to a second or so: the kernel counts from its own start.
    pub started_unix_ms: u64,
    /// The same as the kernel has it, in hundredths of a second since the machine began: with the number it tells a
    /// process from a later one of the same number.
    pub started_ticks: u64,
}

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A TaskManager.
    TaskManager,
    /// A JobManager.
    JobManager,
    /// Anything else.
    Other,
}

/// Who tells what the report says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// The process itself: its pools are those of the `native` profile of the model.
    Native,
    /// The kernel alone: the process publishes nothing, and what it has inside is not known.
    Observed,
}

/// An arena with a cap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArenaUsage {
    /// Its name.
    pub name: String,
    /// What it may commit.
    pub cap_bytes: u64,
    /// What it has committed.
    pub committed_bytes: u64,
    /// The most it ever had.
    pub peak_bytes: u64,
    /// How many allocations it refused.
    pub refusals: u64,
}

/// The general heap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeapUsage {
    /// What is counted.
    pub counted_bytes: u64,
    /// Its size; `None`: unlimited.
    pub limit_bytes: Option<u64>,
    /// The most that was ever counted.
    pub peak_bytes: u64,
    /// How full it is.
    pub level: HeapLevel,
    /// Whose bytes they are, the largest first.
    pub owners: Vec<HeapOwnerUsage>,
}

/// How full the general heap is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeapLevel {
    /// Nothing to do.
    Calm,
    /// Unused pages go back to the kernel.
    Purge,
    /// Caches shrink, and those who bring work are slowed down.
    Reclaim,
    /// New work is refused.
    Refuse,
}

/// An owner of the general heap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeapOwnerUsage {
    /// Its name.
    pub name: String,
    /// Bytes allocated less bytes freed in its name; negative where it frees what others allocated.
    pub held_bytes: i64,
    /// The most it ever held.
    pub peak_bytes: u64,
}

impl Role {
    /// As people write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TaskManager => "TaskManager",
            Self::JobManager => "JobManager",
            Self::Other => "other",
        }
    }

    /// As it stands in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::TaskManager => "taskmanager",
            Self::JobManager => "jobmanager",
            Self::Other => "other",
        }
    }
}

impl Profile {
    /// As it stands in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Observed => "observed",
        }
    }
}

impl HeapLevel {
    /// All levels, the calmest first.
    pub const ALL: [Self; 4] = [Self::Calm, Self::Purge, Self::Reclaim, Self::Refuse];

    /// As it stands in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Purge => "purge",
            Self::Reclaim => "reclaim",
            Self::Refuse => "refuse",
        }
    }
}

impl Report {
    /// A report about a process of which nothing else is known yet.
    pub const fn new(process: Process, profile: Profile, at_unix_ms: u64) -> Self {
        Self {
            version: VERSION,
            at_unix_ms,
            process,
            profile,
            total_bytes: None,
            pools: Vec::new(),
            arenas: Vec::new(),
            heap: None,
            observation: None,
        }
    }

    /// As JSON, with a line end.
    ///
    /// # Panics
    /// Never: a report is plain data with texts for keys.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("plain data has a JSON");
        text.push('\n');
        text
    }

    /// A report out of its JSON. Fields that are not known here are passed over.
    ///
    /// # Errors
    /// [`ReportError`]: no JSON, another version, or JSON that is no report. The remedy is with the writer.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ReportError> {
        /// The version first: of another one nothing else is known.
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        let head: Head = serde_json::from_slice(bytes).map_err(|error| ReportError::of(&error, bytes))?;
        if head.version != VERSION {
            return Err(ReportError::Version { found: head.version });
        }
        serde_json::from_slice(bytes).map_err(|error| ReportError::of(&error, bytes))
    }
}
