//! Everything a rule looks at.

mod connectors;
mod environment;
mod lookup;
mod scope;

pub use connectors::Connector;
pub use environment::Variable;
pub(crate) use lookup::{resolve, size_of, toml_value};
pub use scope::Processes;

use std::collections::HashSet;

use plimsoll_memory::config::{Configuration, FindingKind, Key, KnownKey, Loaded, Source, SourceId};
use plimsoll_memory::model::{
    Event, Failure, JobManager, Kind, Ruleset, TaskManager, Version, diagnose, jobmanager, taskmanager,
};

/// Where the processes run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Deployment {
    /// Started by scripts on hosts: nobody enforces the process size.
    Standalone,
    /// Containers of Kubernetes.
    Kubernetes,
    /// Containers of YARN.
    Yarn,
    /// Not said.
    #[default]
    Unknown,
}

/// What a caller knows.
#[derive(Debug, Clone)]
pub struct Inputs<'a> {
    /// The configuration.
    pub loaded: &'a Loaded,
    /// The version asked for.
    pub version: Version,
    /// Where it runs.
    pub deployment: Deployment,
    /// Which processes the configuration is for.
    pub processes: Processes,
    /// Environments of images: `KEY=VALUE` lines or a Dockerfile.
    pub environments: Vec<Source>,
    /// The variables of the process that asks, where they count: `KEY=VALUE` lines.
    pub own_environment: Vec<Source>,
    /// Names of connector or job jars.
    pub connectors: Vec<String>,
}

impl<'a> Inputs<'a> {
    /// A configuration for a version, nothing else known.
    pub fn new(loaded: &'a Loaded, version: Version) -> Self {
        Self {
            loaded,
            version,
            deployment: Deployment::Unknown,
            processes: Processes::Detect,
            environments: Vec::new(),
            own_environment: Vec::new(),
            connectors: Vec::new(),
        }
    }
}

/// A process as derived.
#[derive(Debug, Clone)]
pub struct Process<T> {
    /// Its memory, or all failures, Flink's first one first.
    pub derived: Result<T, Vec<Failure>>,
    /// What Flink logs meanwhile.
    pub events: Vec<Event>,
}

impl<T> Process<T> {
    /// Its memory.
    pub fn memory(&self) -> Option<&T> {
        self.derived.as_ref().ok()
    }

    /// Its failures.
    pub fn failures(&self) -> &[Failure] {
        self.derived.as_ref().err().map_or(&[], Vec::as_slice)
    }
}

/// Everything a rule looks at.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// The version asked for.
    pub version: Version,
    /// Its rules.
    pub rules: &'static Ruleset,
    /// The configuration with its sources and what its reader noticed.
    pub loaded: &'a Loaded,
    /// Where it runs.
    pub deployment: Deployment,
    /// The TaskManager, where the configuration is for one.
    pub task_manager: Option<Process<TaskManager>>,
    /// The JobManager, where the configuration is for one.
    pub job_manager: Option<Process<JobManager>>,
    /// The variables of the image environments, and those that the configuration itself passes to containers.
    pub variables: Vec<Variable>,
    /// Jars that hint at what a job needs.
    pub connectors: Vec<Connector>,
    /// The environments, those of images first; their ids follow those of the configuration's sources.
    environments: Vec<Source>,
    /// How many of them are of images.
    images: usize,
    /// What the model reads of the configuration: trials run on it.
    pub(crate) lean: Configuration,
    /// Keys that are set more than once in one source.
    twice: HashSet<Box<str>>,
}

impl<'a> Subject<'a> {
    /// Derives the processes and reads the environments.
    pub fn new(inputs: Inputs<'a>) -> Self {
        let Inputs { loaded, version, deployment, processes, mut environments, own_environment, connectors } =
            inputs;
        let images = environments.len();
        environments.extend(own_environment);
        let rules = Ruleset::of(version);
        let conf = &loaded.configuration;
        let mut variables = environment::of_configuration(conf);
        for (i, source) in environments.iter().enumerate() {
            let id = u16::try_from(loaded.sources.len() + i).unwrap_or(u16::MAX);
            variables.extend(environment::of_text(SourceId(id), &source.text));
        }
        let connectors = connectors::collect(loaded, &connectors);
        let legacy = |name: &str| variables.iter().rfind(|v| v.name == name).map(|v| v.value.as_str());
        let scope = scope::of(conf, rules, processes, &variables);
        let lean = lean(conf);
        let tm = || task_manager(conf, &lean, rules, legacy("FLINK_TM_HEAP"));
        let jm = || job_manager(conf, &lean, rules, legacy("FLINK_JM_HEAP"));
        // of a process that the file does not size, what is set for it may still be wrong
        let detect = processes == Processes::Detect;
        let task_manager = if scope.task_manager { Some(tm()) } else { detect.then(tm).and_then(apart) };
        let job_manager = if scope.job_manager {
            Some(jm())
        } else {
            (detect && rules.job_manager_model).then(jm).and_then(apart)
        };
        let twice = loaded.findings.iter().filter_map(|finding| match &finding.kind {
            FindingKind::Duplicate { key, .. } => Some(key.clone()),
            _ => None,
        });
        let twice = twice.collect();
        Self {
            version,
            rules,
            loaded,
            deployment,
            task_manager,
            job_manager,
            variables,
            connectors,
            environments,
            images,
            lean,
            twice,
        }
    }

    /// The configuration's entries.
    pub fn conf(&self) -> &'a Configuration {
        &self.loaded.configuration
    }

    /// A source by its id: those of the configuration, then the environments.
    pub fn source(&self, id: SourceId) -> Option<&Source> {
        let index = usize::from(id.0);
        let loaded = &self.loaded.sources;
        loaded.get(index).or_else(|| self.environments.get(index.checked_sub(loaded.len())?))
    }

    /// Whether an image environment was given.
    pub fn has_environment(&self) -> bool {
        self.images > 0
    }

    /// The id of the first image environment.
    pub(crate) fn first_environment(&self) -> Option<SourceId> {
        let id = u16::try_from(self.loaded.sources.len()).ok()?;
        self.has_environment().then_some(SourceId(id))
    }

    /// The memory of the TaskManager, where it can be derived.
    pub fn tm(&self) -> Option<&TaskManager> {
        self.task_manager.as_ref()?.memory()
    }

    /// The memory of the JobManager, where it can be derived.
    pub fn jm(&self) -> Option<&JobManager> {
        self.job_manager.as_ref()?.memory()
    }
}

/// The configuration without what the model does not read: a file may hold any number of other keys.
fn lean(conf: &Configuration) -> Configuration {
    conf.without(|_, entry| {
        matches!(&entry.key, Key::Other(_)) && !entry.key.as_str().starts_with("external-resource")
    })
}

/// A process that the configuration is not for: only its failures beside the missing size.
fn apart<T>(process: Process<T>) -> Option<Process<T>> {
    let Process { derived: Err(mut failures), events } = process else { return None };
    failures.retain(|failure| failure.kind != Kind::Missing);
    (!failures.is_empty()).then_some(Process { derived: Err(failures), events })
}

fn task_manager(
    conf: &Configuration,
    lean: &Configuration,
    rules: &'static Ruleset,
    legacy: Option<&str>,
) -> Process<TaskManager> {
    let mut events = Vec::new();
    let derived = taskmanager::derive(conf, rules, legacy, &mut events);
    let derived =
        derived.map_err(|first| real(diagnose::task_manager(lean, rules, legacy), *first, TM_SIZES, lean));
    Process { derived, events }
}

fn job_manager(
    conf: &Configuration,
    lean: &Configuration,
    rules: &'static Ruleset,
    legacy: Option<&str>,
) -> Process<JobManager> {
    let mut events = Vec::new();
    let derived = jobmanager::derive(conf, rules, legacy, &mut events);
    let derived =
        derived.map_err(|first| real(diagnose::job_manager(lean, rules, legacy), *first, JM_SIZES, lean));
    Process { derived, events }
}

pub(crate) const TM_SIZES: &[KnownKey] = &[KnownKey::TmProcessSize, KnownKey::TmFlinkSize];
pub(crate) const JM_SIZES: &[KnownKey] = &[KnownKey::JmProcessSize, KnownKey::JmFlinkSize, KnownKey::JmHeap];

/// The failures that are worth telling: where a size is set and cannot be read, the search for further failures takes
/// it away, and then misses it.
pub(crate) fn real(
    mut all: Vec<Failure>,
    first: Failure,
    sizes: &[KnownKey],
    conf: &Configuration,
) -> Vec<Failure> {
    if sizes.iter().any(|key| resolve(conf, *key, true).is_some()) {
        all.retain(|failure| failure.kind != Kind::Missing);
    }
    if all.is_empty() { vec![first] } else { all }
}
