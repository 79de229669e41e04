//! Where each byte comes from: facts, the facts behind them, down to options and lines.

mod fact;
mod jobmanager;
mod taskmanager;
mod text;

use plimsoll_memory::config::KnownKey;
use plimsoll_memory::model::{JobManager, TaskManager};
use serde::Serialize;

pub use fact::{Fact, Place, Texts};
pub use text::render;

/// A pool and its fact.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pool {
    /// What the user calls it: `managed`, `network`, …
    pub name: &'static str,
    /// The keys that have a say in it.
    #[serde(skip)]
    pub keys: &'static [KnownKey],
    /// Its size and the reason.
    #[serde(flatten)]
    pub fact: Fact,
}

impl Pool {
    fn new(name: &'static str, keys: &'static [KnownKey], fact: Fact) -> Self {
        Self { name, keys, fact }
    }
}

/// The pools of a TaskManager.
pub fn task_manager(texts: Texts<'_>, process: &TaskManager) -> Vec<Pool> {
    taskmanager::pools(texts, process)
}

/// The pools of a JobManager.
pub fn job_manager(texts: Texts<'_>, process: &JobManager) -> Vec<Pool> {
    jobmanager::pools(texts, process)
}

/// The names of all pools of a process, for completions and suggestions.
pub const TASK_MANAGER_POOLS: [&str; 13] = [
    "process",
    "flink",
    "framework-heap",
    "task-heap",
    "managed",
    "framework-off-heap",
    "task-off-heap",
    "network",
    "metaspace",
    "overhead",
    "heap",
    "direct",
    "cpu",
];

/// As [`TASK_MANAGER_POOLS`].
pub const JOB_MANAGER_POOLS: [&str; 6] = ["process", "flink", "heap", "off-heap", "metaspace", "overhead"];
