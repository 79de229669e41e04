//! From arguments to a loaded configuration: which file, which version, which format.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf, absolute};

use plimsoll_memory::config::{
    self, ConfigFile, Format, LoadFailure, Loaded, SourceKind, choose_file, command_line,
};
use plimsoll_memory::model::{
    Fallible, JobManager, Ruleset, Silent, TaskManager, Version, jobmanager, taskmanager,
};
use plimsoll_tuning::{Inputs, Processes, Subject};

use crate::args::{FileFormat, InputArgs, ProcessKind};
use crate::render::MemoryMap;
use crate::render::json::{Derivation, Ground};
use crate::startup::{LegacyHeap, bounded, read_bounded};

/// A loaded configuration and the rules for it.
#[derive(Debug)]
pub struct Input {
    /// The version asked for, or the default.
    pub version: Version,
    /// The rules that answer for it.
    pub rules: &'static Ruleset,
    /// The configuration with its sources.
    pub loaded: Loaded,
    /// The environment variables that Flink 1.x reads.
    pub legacy_heap: LegacyHeap,
    /// What the user calls it: the path, `-`, or the command line.
    pub name: String,
    /// What the user should know about the choice of file and rules.
    pub notes: Vec<String>,
}

/// A derived process.
#[derive(Debug)]
pub enum Process {
    /// A TaskManager.
    TaskManager(Box<TaskManager>),
    /// A JobManager.
    JobManager(Box<JobManager>),
}

impl Input {
    /// Derives a process.
    ///
    /// # Errors
    /// Flink's refusal.
    pub fn derive(&self, kind: ProcessKind) -> Fallible<Process> {
        let conf = &self.loaded.configuration;
        let legacy = &self.legacy_heap;
        match kind {
            ProcessKind::Taskmanager => {
                let environment = legacy.task_manager.as_deref();
                let process = taskmanager::derive(conf, self.rules, environment, &mut Silent)?;
                Ok(Process::TaskManager(Box::new(process)))
            }
            ProcessKind::Jobmanager => {
                let environment = legacy.job_manager.as_deref();
                let process = jobmanager::derive(conf, self.rules, environment, &mut Silent)?;
                Ok(Process::JobManager(Box::new(process)))
            }
        }
    }

    /// A derived process as data.
    pub fn data(&self, process: &Process) -> Derivation {
        let Loaded { configuration, sources, .. } = &self.loaded;
        let ground = Ground { version: self.version, rules: self.rules, configuration, sources };
        match process {
            Process::TaskManager(process) => Derivation::task_manager(process, &ground),
            Process::JobManager(process) => Derivation::job_manager(process, &ground),
        }
    }

    /// What the rules look at: this process's environment besides what else is known.
    pub fn subject<'a>(&'a self, mut inputs: Inputs<'a>) -> Subject<'a> {
        inputs.own_environment = self.legacy_heap.sources();
        Subject::new(inputs)
    }

    /// The memory map of a derived process.
    pub fn map(&self, process: &Process) -> MemoryMap {
        let Loaded { configuration, sources, .. } = &self.loaded;
        match process {
            Process::TaskManager(process) => MemoryMap::task_manager(process, configuration, sources),
            Process::JobManager(process) => MemoryMap::job_manager(process, configuration, sources),
        }
    }
}

impl From<ProcessKind> for Processes {
    fn from(kind: ProcessKind) -> Self {
        match kind {
            ProcessKind::Taskmanager => Self::TaskManager,
            ProcessKind::Jobmanager => Self::JobManager,
        }
    }
}

/// Why there is no configuration.
#[derive(Debug)]
pub enum InputError {
    /// The arguments name no configuration, or a wrong one.
    Usage(String),
    /// A file cannot be read.
    Read {
        /// Its path.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is larger than any configuration.
    TooLarge {
        /// Its name.
        name: String,
        /// Its size, where that is known.
        bytes: Option<u64>,
    },
    /// It was read but is not in its format. Flink refuses it too where the failure holds its exceptions.
    Malformed(Box<LoadFailure>),
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) => f.write_str(message),
            Self::Read { path, error } => write!(f, "cannot read {}: {error}", path.display()),
            Self::TooLarge { name, bytes } => {
                let limit = config::MAX_FILE_BYTES;
                match bytes {
                    Some(bytes) => write!(f, "{name} has {bytes} bytes")?,
                    None => write!(f, "{name} is longer")?,
                }
                write!(f, ", more than the {limit} that are read: is this the configuration?")
            }
            Self::Malformed(failure) => {
                write!(f, "{}", failure.source.name)?;
                if let Some(span) = failure.span {
                    write!(f, ":{}:{}", span.line, span.column)?;
                }
                write!(f, ": {}", failure.message)
            }
        }
    }
}

impl std::error::Error for InputError {}

/// The default version for a file of this name: the last that reads it.
fn default_version(name: &str, format: Option<FileFormat>) -> Version {
    let lines = format.map_or_else(|| name.starts_with("flink-conf"), |format| format == FileFormat::Lines);
    let (major, minor) = if lines { (1, 20) } else { (2, 3) };
    Version { major, minor, patch: None }
}

/// The format of a file of this name.
fn default_format(name: &str, rules: &Ruleset) -> Format {
    let is_toml = Path::new(name).extension().is_some_and(|e| e.eq_ignore_ascii_case("toml"));
    if is_toml {
        Format::Toml
    } else if rules.legacy_yaml && (!rules.standard_yaml || name.starts_with("flink-conf")) {
        Format::Lines
    } else {
        Format::Yaml
    }
}

/// What stands in a configuration directory.
enum Found {
    File(PathBuf, Option<Format>),
    Stdin,
    Nothing,
}

/// Loads what the arguments name.
///
/// # Errors
/// [`InputError`], which names the place and what to do.
pub fn load(conf: Option<&Path>, args: &InputArgs) -> Result<Input, InputError> {
    let dynamic = dynamic_properties(&args.dynamic)?;
    let mut notes = Vec::new();
    let found = find(conf, args, &mut notes)?;
    let (path, bytes, kind, given_format) = match found {
        Found::Stdin => {
            let bytes = bounded(io::stdin().lock())
                .map_err(|error| InputError::Read { path: PathBuf::from("-"), error })?;
            if bytes.len() > config::MAX_FILE_BYTES {
                return Err(InputError::TooLarge { name: "standard input".to_owned(), bytes: None });
            }
            (PathBuf::from("<stdin>"), bytes, SourceKind::Stdin, None)
        }
        Found::File(path, format) => {
            let bytes =
                read_bounded(&path).map_err(|error| InputError::Read { path: path.clone(), error })?;
            if bytes.len() > config::MAX_FILE_BYTES {
                let size = std::fs::metadata(&path).map(|metadata| metadata.len()).ok();
                return Err(InputError::TooLarge { name: path.to_string_lossy().into_owned(), bytes: size });
            }
            (path, bytes, SourceKind::File, format)
        }
        Found::Nothing if dynamic.is_empty() => {
            let message = "no configuration: name a file, a directory or '-', set FLINK_CONF_DIR, or give properties \
                           with -D key=value";
            return Err(InputError::Usage(message.to_owned()));
        }
        Found::Nothing => (PathBuf::from("<none>"), Vec::new(), SourceKind::Default, Some(Format::Toml)),
    };
    let file_name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let version = args.flink_version.unwrap_or_else(|| default_version(&file_name, args.format));
    let rules = Ruleset::of(version);
    let format =
        args.format.map(Format::from).or(given_format).unwrap_or_else(|| default_format(&file_name, rules));
    let shown = path.to_string_lossy();
    let full = absolute(&path).unwrap_or_else(|_| path.clone());
    let absolute_path = full.to_string_lossy();
    let file = ConfigFile { path: &shown, absolute_path: &absolute_path, bytes: &bytes, format, kind };
    let loaded = config::load(rules, &file, &dynamic).map_err(InputError::Malformed)?;
    notes.extend(notes_on(version, rules, &file_name));
    let name = if kind == SourceKind::Default { "the command line".to_owned() } else { shown.into_owned() };
    Ok(Input { version, rules, loaded, legacy_heap: LegacyHeap::from_environment(), name, notes })
}

/// What the user should know about the rules that answer, and about a file that the version does not read.
fn notes_on(version: Version, rules: &Ruleset, file_name: &str) -> Vec<String> {
    let mut notes = Vec::new();
    if !rules.is_verified_for(version) {
        notes.push(format!(
            "Flink {version} was not run for its answers; the rules of {} stand in",
            rules.name
        ));
    }
    if file_name == "flink-conf.yaml" && !rules.legacy_yaml {
        notes.push(format!(
            "Flink {version} reads config.yaml only; the answers are for {file_name} all the same"
        ));
    }
    if file_name == "config.yaml" && !rules.standard_yaml {
        notes.push(format!(
            "Flink {version} reads flink-conf.yaml only; the answers are for {file_name} all the same"
        ));
    }
    notes
}

impl From<FileFormat> for Format {
    fn from(format: FileFormat) -> Self {
        match format {
            FileFormat::Lines => Self::Lines,
            FileFormat::Yaml => Self::Yaml,
            FileFormat::Toml => Self::Toml,
        }
    }
}

fn dynamic_properties(args: &[String]) -> Result<Vec<(String, String)>, InputError> {
    let pair = |text: &String| {
        command_line::key_value(text)
            .ok_or_else(|| InputError::Usage(format!("'-D {text}' has no '=': write -D key=value")))
    };
    args.iter().map(pair).collect()
}

fn find(conf: Option<&Path>, args: &InputArgs, notes: &mut Vec<String>) -> Result<Found, InputError> {
    match (conf, &args.config_dir) {
        (Some(_), Some(dir)) => Err(InputError::Usage(format!(
            "both CONF and --configDir {} are given: leave one out",
            dir.display()
        ))),
        (Some(path), None) if path.as_os_str() == "-" => Ok(Found::Stdin),
        (Some(path), None) if path.is_dir() => in_directory(path, args, notes),
        (Some(path), None) => Ok(Found::File(path.to_owned(), None)),
        (None, Some(dir)) => in_directory(dir, args, notes),
        (None, None) => match std::env::var_os("FLINK_CONF_DIR") {
            Some(dir) => in_directory(Path::new(&dir), args, notes),
            None => Ok(Found::Nothing),
        },
    }
}

/// The file that Flink would read in a directory; our own `plimsoll.toml` where there is none of Flink's.
fn in_directory(dir: &Path, args: &InputArgs, notes: &mut Vec<String>) -> Result<Found, InputError> {
    if let Err(error) = std::fs::read_dir(dir) {
        return Err(InputError::Read { path: dir.to_owned(), error });
    }
    let exists = |name: &str| dir.join(name).is_file();
    if args.flink_version.is_none() && exists("config.yaml") && exists("flink-conf.yaml") {
        let shown = dir.display();
        notes.push(format!(
            "{shown} holds config.yaml and flink-conf.yaml; config.yaml is taken, as Flink 2.x does; Flink 1.20 takes the \
             other: say --flink-version"
        ));
    }
    let chosen = match args.flink_version {
        Some(version) => choose_file(Ruleset::of(version), exists).ok(),
        None => [("config.yaml", Format::Yaml), ("flink-conf.yaml", Format::Lines)]
            .into_iter()
            .find(|(name, _)| exists(name)),
    };
    let own = || exists("plimsoll.toml").then_some(("plimsoll.toml", Format::Toml));
    if let Some((name, format)) = chosen.or_else(own) {
        return Ok(Found::File(dir.join(name), Some(format)));
    }
    let wanted = match args.flink_version.map(Ruleset::of) {
        Some(rules) if !rules.standard_yaml => "flink-conf.yaml",
        Some(rules) if !rules.legacy_yaml => "config.yaml",
        _ => "config.yaml, flink-conf.yaml",
    };
    Err(InputError::Usage(format!(
        "{} holds no configuration: none of {wanted}, plimsoll.toml",
        dir.display()
    )))
}
