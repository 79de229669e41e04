//! The start-up call of Flink's scripts, `BashJavaUtils`, line for line: a start script cannot tell the difference.
//!
//! Covered: `GET_TM_RESOURCE_PARAMS`, `GET_JM_RESOURCE_PARAMS` (1.11 and later), `GET_TM_RESOURCE_DYNAMIC_CONFIGS`,
//! `GET_TM_RESOURCE_JVM_PARAMS` (1.10). Not covered: the commands of 1.19 and later that rewrite configuration files,
//! stack frames, the usage text that Flink prints for a wrong command line.

use std::io::{self, Read};
use std::path::{Path, PathBuf, absolute};

use plimsoll_memory::config::{
    self, CommandLine, ConfigFile, Configuration, Source, SourceKind, choose_file, command_line,
    directory_missing, file_missing,
};
use plimsoll_memory::java::exception::ILLEGAL_ARGUMENT;
use plimsoll_memory::java::{Exception, LogLine};
use plimsoll_memory::model::{Event, Ruleset, jobmanager, taskmanager};

/// The prefix of a result line.
pub const RESULT_PREFIX: &str = "BASH_JAVA_UTILS_EXEC_RESULT:";

/// The environment variables that Flink 1.x reads.
#[derive(Debug, Clone, Default)]
pub struct LegacyHeap {
    /// `FLINK_TM_HEAP`
    pub task_manager: Option<String>,
    /// `FLINK_JM_HEAP`
    pub job_manager: Option<String>,
}

impl LegacyHeap {
    /// The variables that are set, as a source that findings can point at.
    pub fn sources(&self) -> Vec<Source> {
        let variables = [("FLINK_TM_HEAP", &self.task_manager), ("FLINK_JM_HEAP", &self.job_manager)];
        let source = |(name, value): (&str, &Option<String>)| {
            let text = format!("{name}={}", value.as_ref()?);
            Some(Source { name: "environment".to_owned(), text, kind: SourceKind::Environment })
        };
        variables.into_iter().filter_map(source).collect()
    }

    /// From this process's environment.
    pub fn from_environment() -> Self {
        Self {
            task_manager: std::env::var("FLINK_TM_HEAP").ok(),
            job_manager: std::env::var("FLINK_JM_HEAP").ok(),
        }
    }
}

/// What the call prints.
#[derive(Debug, Default)]
pub struct Transcript {
    /// Log lines, in order.
    pub log: Vec<LogLine>,
    /// Result lines, without their prefix.
    pub result: Vec<String>,
    /// The exceptions it fails with, outermost first; none: it succeeds.
    pub error: Vec<Exception>,
}

impl Transcript {
    /// The lines on standard output.
    pub fn stdout(&self, rules: &Ruleset) -> String {
        let mut out = String::new();
        for line in &self.log {
            if rules.job_manager_model {
                out.push_str(&format!("{:<5} [] - {}\n", line.level.as_str(), line.message));
            } else {
                out.push_str(&format!(" - {}\n", line.message));
            }
        }
        for line in &self.result {
            out.push_str(&format!("{RESULT_PREFIX}{line}\n"));
        }
        out
    }

    /// The lines on standard error: the exceptions without their stack frames.
    pub fn stderr(&self) -> String {
        let mut out = String::new();
        for (i, exception) in self.error.iter().enumerate() {
            let intro = if i == 0 { "Exception in thread \"main\" " } else { "Caused by: " };
            out.push_str(&format!("{intro}{exception}\n"));
        }
        out
    }
}

enum Command {
    TaskManager,
    JobManager,
    JvmParams,
    DynamicConfigs,
}

impl Command {
    fn of(name: &str, rules: &Ruleset) -> Option<Self> {
        match (name, rules.job_manager_model) {
            ("GET_TM_RESOURCE_PARAMS", true) => Some(Self::TaskManager),
            ("GET_JM_RESOURCE_PARAMS", true) => Some(Self::JobManager),
            ("GET_TM_RESOURCE_JVM_PARAMS", false) => Some(Self::JvmParams),
            ("GET_TM_RESOURCE_DYNAMIC_CONFIGS", false) => Some(Self::DynamicConfigs),
            _ => None,
        }
    }
}

/// Runs the call: `args` is the command and what follows it.
pub fn run(rules: &'static Ruleset, args: &[String], legacy: &LegacyHeap) -> Transcript {
    let mut transcript = Transcript::default();
    if let Err(chain) = run_command(rules, args, legacy, &mut transcript) {
        transcript.error = chain;
    }
    transcript
}

fn run_command(
    rules: &'static Ruleset,
    args: &[String],
    legacy: &LegacyHeap,
    transcript: &mut Transcript,
) -> Result<(), Vec<Exception>> {
    let Some((name, args)) = args.split_first() else {
        return Err(vec![Exception::new(ILLEGAL_ARGUMENT, "Command not specified.")]);
    };
    let command = Command::of(name, rules).ok_or_else(|| {
        let class = if rules.job_manager_model { "util.bash" } else { "util" };
        let message =
            format!("No enum constant org.apache.flink.runtime.{class}.BashJavaUtils.Command.{name}");
        vec![Exception::new(ILLEGAL_ARGUMENT, message)]
    })?;
    let line = command_line::parse(rules, args).map_err(|failure| {
        transcript.log.extend(failure.log);
        failure.chain
    })?;
    let configuration = load(rules, &line, transcript)?;
    derive(rules, &command, &configuration, legacy, transcript)
}

fn derive(
    rules: &'static Ruleset,
    command: &Command,
    configuration: &Configuration,
    legacy: &LegacyHeap,
    transcript: &mut Transcript,
) -> Result<(), Vec<Exception>> {
    let mut events: Vec<Event> = Vec::new();
    let result = match command {
        Command::JobManager => {
            jobmanager::derive(configuration, rules, legacy.job_manager.as_deref(), &mut events).map(
                |process| {
                    let mut lines = vec![process.jvm_args()];
                    if rules.modern_resources {
                        lines.push(process.dynamic_line(rules));
                    }
                    lines
                },
            )
        }
        _ => taskmanager::derive(configuration, rules, legacy.task_manager.as_deref(), &mut events).map(
            |process| match command {
                Command::JvmParams => vec![process.jvm_args()],
                Command::DynamicConfigs => vec![process.dynamic_line(rules)],
                _ => vec![process.jvm_args(), process.dynamic_line(rules)],
            },
        ),
    };
    transcript.log.extend(events.iter().map(|event| event.line(rules)));
    transcript.result = result.map_err(|failure| failure.chain)?;
    Ok(())
}

fn load(
    rules: &'static Ruleset,
    line: &CommandLine,
    transcript: &mut Transcript,
) -> Result<Configuration, Vec<Exception>> {
    let given = Path::new(&line.config_dir);
    let full: PathBuf = absolute(given).unwrap_or_else(|_| given.to_owned());
    let shown = |path: &Path| path.to_string_lossy().trim_end_matches('/').to_owned();
    if !given.is_dir() {
        return Err(vec![directory_missing(&line.config_dir, &shown(&full))]);
    }
    let (name, format) = choose_file(rules, |name| given.join(name).is_file())
        .map_err(|_| vec![file_missing(rules, &shown(given), &shown(&full))])?;
    let bytes = read_bounded(&given.join(name)).map_err(|error| {
        vec![Exception::new(
            "java.lang.RuntimeException",
            format!("Error parsing YAML configuration. {error}"),
        )]
    })?;
    let path = format!("{}/{name}", shown(given));
    let absolute_path = format!("{}/{name}", shown(&full));
    let file = ConfigFile {
        path: &path,
        absolute_path: &absolute_path,
        bytes: &bytes,
        format,
        kind: SourceKind::File,
    };
    match config::load(rules, &file, &line.dynamic) {
        Ok(loaded) => {
            transcript.log.extend(loaded.log);
            Ok(loaded.configuration)
        }
        Err(failure) => {
            transcript.log.extend(failure.log);
            if failure.chain.is_empty() {
                return Err(vec![Exception::new("java.lang.RuntimeException", failure.message)]);
            }
            Err(failure.chain)
        }
    }
}

/// Reads a file, but never much more than the loader takes.
///
/// # Errors
/// Those of the file system.
pub fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    bounded(std::fs::File::open(path)?)
}

/// Reads to the end, but never much more than the loader takes.
///
/// # Errors
/// Those of reading.
pub fn bounded(input: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(config::MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
