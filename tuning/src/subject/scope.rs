//! Which processes a configuration is meant for.
//!
//! A file that only sizes the one process is common: the other is sized by a flag, an operator or another file. Its
//! missing size is no mistake, so that process is left out, unless the file sets other memory options of it, or sizes
//! neither.

use plimsoll_memory::config::{Configuration, KnownKey};
use plimsoll_memory::model::Ruleset;

use super::Variable;

/// Which processes the configuration is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Processes {
    /// Found out from the options that are set.
    #[default]
    Detect,
    /// A TaskManager only.
    TaskManager,
    /// A JobManager only.
    JobManager,
    /// Both.
    Both,
}

/// The processes to derive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) task_manager: bool,
    pub(super) job_manager: bool,
}

/// Options that say nothing about who the file is for: everybody leaves them in.
const NEUTRAL: [KnownKey; 2] = [KnownKey::TmSlots, KnownKey::TmConsumerWeights];

pub(super) fn of(
    conf: &Configuration,
    rules: &Ruleset,
    processes: Processes,
    variables: &[Variable],
) -> Scope {
    let scope = match processes {
        Processes::TaskManager => Scope { task_manager: true, job_manager: false },
        Processes::JobManager => Scope { task_manager: false, job_manager: true },
        Processes::Both => Scope { task_manager: true, job_manager: true },
        Processes::Detect => {
            let meant = |name: &str, variable: &str| {
                let option = |key: KnownKey| key.as_str().starts_with(name) && !NEUTRAL.contains(&key);
                KnownKey::ALL.iter().any(|key| option(*key) && conf.get(*key).is_some())
                    || rules.legacy_heap && variables.iter().any(|v| v.name == variable)
            };
            let task_manager = meant("taskmanager.", "FLINK_TM_HEAP");
            let job_manager = meant("jobmanager.", "FLINK_JM_HEAP");
            let neither = !task_manager && !job_manager;
            Scope { task_manager: task_manager || neither, job_manager: job_manager || neither }
        }
    };
    Scope { job_manager: scope.job_manager && rules.job_manager_model, ..scope }
}
