//! Everything a rule looks at.

mod connectors;
mod environment;
mod lookup;
mod scope;

pub use connectors::Connector;
pub use environment::Variable;
pub(crate) use lookup::{resolve, size_of};
pub use scope::Processes;

use plimsoll_memory::config::{Configuration, KnownKey, Loaded, Source, SourceId, SourceKind};
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
    /// The image environments; their ids follow those of the configuration's sources.
    environments: Vec<Source>,
}

impl<'a> Subject<'a> {
    /// Derives the processes and reads the environments.
    pub fn new(inputs: Inputs<'a>) -> Self {
        let Inputs { loaded, version, deployment, processes, environments, connectors } = inputs;
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
        let task_manager = scope.task_manager.then(|| task_manager(conf, rules, legacy("FLINK_TM_HEAP")));
        let job_manager = scope.job_manager.then(|| job_manager(conf, rules, legacy("FLINK_JM_HEAP")));
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
        self.images().next().is_some()
    }

    /// The environments of images by their place; the variables of memcalc's own process are none.
    fn images(&self) -> impl Iterator<Item = usize> {
        let of_image = |(_, source): &(usize, &Source)| source.kind != SourceKind::Environment;
        self.environments.iter().enumerate().filter(of_image).map(|(i, _)| i)
    }

    /// The id of the first image environment.
    pub(crate) fn first_environment(&self) -> Option<SourceId> {
        let place = self.loaded.sources.len() + self.images().next()?;
        u16::try_from(place).ok().map(SourceId)
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

fn task_manager(conf: &Configuration, rules: &'static Ruleset, legacy: Option<&str>) -> Process<TaskManager> {
    let mut events = Vec::new();
    let derived = taskmanager::derive(conf, rules, legacy, &mut events);
    let derived =
        derived.map_err(|first| real(diagnose::task_manager(conf, rules, legacy), *first, TM_SIZES, conf));
    Process { derived, events }
}

fn job_manager(conf: &Configuration, rules: &'static Ruleset, legacy: Option<&str>) -> Process<JobManager> {
    let mut events = Vec::new();
    let derived = jobmanager::derive(conf, rules, legacy, &mut events);
    let derived =
        derived.map_err(|first| real(diagnose::job_manager(conf, rules, legacy), *first, JM_SIZES, conf));
    Process { derived, events }
}

const TM_SIZES: &[KnownKey] = &[KnownKey::TmProcessSize, KnownKey::TmFlinkSize];
const JM_SIZES: &[KnownKey] = &[KnownKey::JmProcessSize, KnownKey::JmFlinkSize, KnownKey::JmHeap];

/// The failures that are worth telling: where a size is set and cannot be read, the search for further failures takes
/// it away, and then misses it.
fn real(mut all: Vec<Failure>, first: Failure, sizes: &[KnownKey], conf: &Configuration) -> Vec<Failure> {
    if sizes.iter().any(|key| resolve(conf, *key, true).is_some()) {
        all.retain(|failure| failure.kind != Kind::Missing);
    }
    if all.is_empty() { vec![first] } else { all }
}
