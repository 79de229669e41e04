//! The command line as typed. What it means on this machine is worked out in [`crate::input`] and the commands.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use plimsoll_memory::MemorySize;
use plimsoll_memory::model::Version;

const TEMPLATE: &str = "\
{about}

{before-help}{usage-heading} {usage}

{all-args}{after-help}";

const EXIT_STATUS: &str = "\
Exit status (all commands):
  0  clean
  1  findings at or above --fail-on
  2  wrong usage, unreadable file, failed output
  3  Flink would refuse to start
bash-java-utils ends as the JVM does, with 1 where Flink refuses; batch with 0: its answers say what is refused.";

const TOP_HELP: &str = "\
A Plimsoll process publishes a report once a second, in $XDG_RUNTIME_DIR/plimsoll or /tmp/plimsoll-UID, readable by its
user and root. Of any other process the kernel's numbers are shown. A URL is fetched by plain HTTP, and no other one is.

JSON, version 1 (sizes in bytes; fields may be added):
  version, at_unix_ms            1; when the report was made
  process                        pid, name, role (taskmanager, jobmanager, other), started_unix_ms, started_ticks
  profile                        native: by the process itself; observed: by the kernel alone
  total_bytes                    the size of the process by the model, or null
  pools[]                        name, key, limit_bytes, held_bytes, granted_bytes, peak_bytes, refusals, over_releases,
                                 waiting_bytes, pools[] (the levels below), owners[] (name, held_bytes, peak_bytes,
                                 guaranteed_bytes, gone)
  arenas[]                       name, cap_bytes, committed_bytes, peak_bytes, refusals
  heap                           counted_bytes, limit_bytes, peak_bytes, level (calm, purge, reclaim, refuse), owners[]
  observation                    bytes (resident, by kind), cgroup, allocator, drift (measured_bytes, accounted_bytes,
                                 drift_bytes, level, terms[]), notes[]

Exit status: 0 clean, also when the process has ended while it was looked at; 2 nothing to look at.";

/// Derives, explains and checks the process memory of Apache Flink, byte for byte.
#[derive(Debug, Parser)]
#[command(
    name = "memcalc",
    version,
    help_template = TEMPLATE,
    after_help = EXIT_STATUS,
    subcommand_required = true,
    infer_subcommands = true,
    term_width = 0,
    before_help = "\
Examples:
  memcalc taskmanager conf/                        the pools of a TaskManager, as Flink would derive them
  memcalc taskmanager -D taskmanager.memory.process.size=4g
  memcalc explain managed conf/                    where each byte of a pool comes from
  memcalc check conf/                              every mistake at once, with its line
  memcalc draw conf/ > memory.svg                  the memory map as a picture
"
)]
pub struct Cli {
    /// When to colour the output: `auto` obeys the terminal, `NO_COLOR` and `CLICOLOR_FORCE`
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Derive the memory of a TaskManager
    #[command(
        help_template = TEMPLATE,
        visible_alias = "tm",
        before_help = "\
Examples:
  memcalc taskmanager conf/                        a directory with flink-conf.yaml or config.yaml
  memcalc taskmanager flink-conf.yaml --flink-version 1.11
  memcalc taskmanager -o flags -D taskmanager.memory.process.size=4g
  cat config.yaml | memcalc taskmanager -
"
    )]
    Taskmanager(ProcessArgs),
    /// Derive the memory of a JobManager
    #[command(
        help_template = TEMPLATE,
        visible_alias = "jm",
        before_help = "\
Examples:
  memcalc jobmanager conf/
  memcalc jobmanager -o json -D jobmanager.memory.process.size=1600m
"
    )]
    Jobmanager(ProcessArgs),
    /// Explain where each byte comes from: option, line, formula, clamp
    #[command(
        help_template = TEMPLATE,
        before_help = "\
Examples:
  memcalc explain conf/                            everything
  memcalc explain network conf/                    one pool
  memcalc explain taskmanager.memory.network.max conf/
  memcalc explain --process jobmanager heap conf/
"
    )]
    Explain(ExplainArgs),
    /// Check a configuration: every mistake at once, with the line that holds it
    #[command(
        help_template = TEMPLATE,
        before_help = "\
Examples:
  memcalc check conf/
  memcalc check conf/ --env-file docker.env --target kubernetes
  memcalc check conf/ -o sarif > memcalc.sarif
  memcalc check conf/ --ignore MEM0011 --fail-on error
"
    )]
    Check(CheckArgs),
    /// Draw the memory map as SVG
    #[command(
        help_template = TEMPLATE,
        before_help = "\
Examples:
  memcalc draw conf/ > memory.svg
  memcalc draw --process jobmanager conf/ --out jobmanager.svg
"
    )]
    Draw(DrawArgs),
    /// Answer JSON requests, one a line, until the end of input
    #[command(
        help_template = TEMPLATE,
        before_help = "\
Examples:
  memcalc batch --flink-version 1.20 < requests.jsonl > answers.jsonl
  echo '{\"id\":1,\"target\":\"taskmanager\",\"conf\":{\"taskmanager.memory.process.size\":\"4g\"}}' | memcalc batch --flink-version 2.3
"
    )]
    Batch(BatchArgs),
    /// Stand in for Flink's start-up call: the same standard output, without a JVM
    #[command(
        help_template = TEMPLATE,
        before_help = "\
Examples:
  memcalc bash-java-utils GET_TM_RESOURCE_PARAMS --configDir conf
  memcalc bash-java-utils --flink-version 1.11 GET_JM_RESOURCE_PARAMS --configDir conf -D jobmanager.memory.process.size=2g
"
    )]
    BashJavaUtils(BashJavaUtilsArgs),
    /// One row per configuration: totals, the largest pool, findings
    #[command(
        help_template = TEMPLATE,
        before_help = "\
Examples:
  memcalc fleet clusters/                          every configuration below a directory
  memcalc fleet a/flink-conf.yaml b/config.yaml --sort findings -o csv
"
    )]
    Fleet(FleetArgs),
    /// Tell the long story of a rule, or list all rules
    #[command(
        help_template = TEMPLATE,
        before_help = "\
Examples:
  memcalc rule                                     all of them
  memcalc rule MEM0008                             one, with a wrong and a right example
"
    )]
    Rule(RuleArgs),
    /// Show the pools, owners and drift of a running process, live
    #[command(
        help_template = TEMPLATE,
        after_help = TOP_HELP,
        before_help = "\
Examples:
  memcalc top 4711                                 redraws every second; Ctrl-C ends
  memcalc top 4711 --once
  memcalc top http://localhost:8081/report -o json
"
    )]
    Top(TopArgs),
    /// Print a completion script for a shell
    #[command(
        help_template = TEMPLATE,
        before_help = "\
Example:
  memcalc completions bash > /etc/bash_completion.d/memcalc
"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    #[command(
        help_template = TEMPLATE,
        before_help = "\
Example:
  memcalc man | man -l -
"
    )]
    Man,
}

/// Where the configuration comes from.
#[derive(Debug, Clone, Args)]
pub struct InputArgs {
    /// Configuration directory; `FLINK_CONF_DIR` where neither this nor CONF is given
    #[arg(long = "configDir", alias = "config-dir", value_name = "DIR")]
    pub config_dir: Option<PathBuf>,
    /// Set a property over the file; may be repeated, the last of a key wins
    #[arg(short = 'D', value_name = "KEY=VALUE")]
    pub dynamic: Vec<String>,
    /// Flink version, 1.10 to 2.3 [default: 1.20 for flink-conf.yaml, else 2.3]
    #[arg(long, value_name = "VERSION")]
    pub flink_version: Option<Version>,
    /// How the file is written [default: by its name]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<FileFormat>,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FileFormat {
    /// Flink 1.x's lines (flink-conf.yaml).
    Lines,
    /// YAML (config.yaml).
    Yaml,
    /// TOML (plimsoll.toml).
    Toml,
}

/// `taskmanager`, `jobmanager`
#[derive(Debug, Args)]
pub struct ProcessArgs {
    /// Configuration file or directory, `-` for standard input
    #[arg(value_name = "CONF")]
    pub conf: Option<PathBuf>,
    /// Where it comes from
    #[command(flatten)]
    pub input: InputArgs,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub output: ProcessOutput,
}

/// Output formats of a derivation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProcessOutput {
    /// A tree with bars.
    Text,
    /// JSON with a schema version and raw bytes.
    Json,
    /// The same as YAML.
    Yaml,
    /// A table.
    Markdown,
    /// JVM arguments, and dynamic properties on a second line.
    Flags,
    /// Shell assignments.
    Env,
}

/// Which process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProcessKind {
    /// A TaskManager.
    #[value(alias = "tm")]
    Taskmanager,
    /// A JobManager.
    #[value(alias = "jm")]
    Jobmanager,
}

/// Text or JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TextOrJson {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// `explain`
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A pool (managed, network, heap …) or a key; and a configuration file or directory, `-` for standard input
    #[arg(value_name = "POOL|KEY|CONF", num_args = 0..=2)]
    pub what: Vec<String>,
    /// Which process [default: jobmanager for its keys, else taskmanager]
    #[arg(long)]
    pub process: Option<ProcessKind>,
    /// Where the configuration comes from
    #[command(flatten)]
    pub input: InputArgs,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub output: TextOrJson,
}

/// `check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Configuration file or directory, `-` for standard input
    #[arg(value_name = "CONF")]
    pub conf: Option<PathBuf>,
    /// Where it comes from
    #[command(flatten)]
    pub input: InputArgs,
    /// The environment of the image: `KEY=VALUE` lines, or a Dockerfile; may be repeated
    #[arg(long, value_name = "FILE")]
    pub env_file: Vec<PathBuf>,
    /// Where it will run
    #[arg(long, default_value = "unknown")]
    pub target: Target,
    /// A connector or library that the job uses (kafka, s3, …); may be repeated
    #[arg(long, value_name = "NAME")]
    pub connector: Vec<String>,
    /// Only these rules, by code or name
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub select: Vec<String>,
    /// Not these rules, by code or name
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub ignore: Vec<String>,
    /// The least severity that makes the exit status 1
    #[arg(long, value_name = "SEVERITY", default_value = "warning")]
    pub fail_on: FailOn,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub output: CheckOutput,
}

/// Where a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// Not known.
    Unknown,
    /// A standalone cluster.
    Standalone,
    /// Kubernetes.
    Kubernetes,
    /// YARN.
    Yarn,
}

/// A severity, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Everything counts.
    Note,
    /// Warnings and errors count.
    Warning,
    /// Errors count.
    Error,
    /// Nothing counts.
    Never,
}

/// Output formats of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CheckOutput {
    /// Reports with the lines they are about.
    Text,
    /// JSON with a schema version.
    Json,
    /// SARIF 2.1.0.
    Sarif,
    /// GitHub workflow commands.
    Github,
}

/// `draw`
#[derive(Debug, Args)]
pub struct DrawArgs {
    /// Configuration file or directory, `-` for standard input
    #[arg(value_name = "CONF")]
    pub conf: Option<PathBuf>,
    /// Which process
    #[arg(long, default_value = "taskmanager")]
    pub process: ProcessKind,
    /// Where the configuration comes from
    #[command(flatten)]
    pub input: InputArgs,
    /// Width in pixels, 480 to 4096
    #[arg(long, default_value_t = 960, value_parser = clap::value_parser!(u32).range(480..=4096))]
    pub width: u32,
    /// Limit of the container (16g): draws the load line
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub limit: Option<MemorySize>,
    /// File to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// A size in Flink's spelling.
fn size(text: &str) -> Result<MemorySize, String> {
    MemorySize::parse(text).map_err(|error| error.to_string())
}

/// `batch`
#[derive(Debug, Args)]
pub struct BatchArgs {
    /// Flink version, 1.10 to 2.3
    #[arg(long, value_name = "VERSION")]
    pub flink_version: Version,
}

/// `bash-java-utils`
#[derive(Debug, Args)]
#[command(disable_help_flag = false)]
pub struct BashJavaUtilsArgs {
    /// Flink version, 1.10 to 2.3 [default: `FLINK_VERSION`, else by the file in the directory]
    #[arg(long, value_name = "VERSION")]
    pub flink_version: Option<Version>,
    /// The command and its arguments, as Flink's scripts pass them
    #[arg(value_name = "COMMAND", trailing_var_arg = true, allow_hyphen_values = true)]
    pub args: Vec<String>,
}

impl BashJavaUtilsArgs {
    /// The arguments, where they are in the plain form of Flink's scripts:
    /// `bash-java-utils [--flink-version V] COMMAND …`. `None` for every other form, which is the parser's business.
    pub fn plain(words: impl IntoIterator<Item = OsString>) -> Option<Self> {
        let mut words = words.into_iter().skip(1);
        if words.next()? != "bash-java-utils" {
            return None;
        }
        let mut args: Vec<String> = words.map(OsString::into_string).collect::<Result<_, _>>().ok()?;
        let mut flink_version = None;
        if args.first()? == "--flink-version" {
            flink_version = Some(args.get(1)?.parse().ok()?);
            args.drain(..2);
        }
        let is_command = args.first().is_some_and(|word| !word.starts_with('-'));
        is_command.then_some(Self { flink_version, args })
    }
}

/// `fleet`
#[derive(Debug, Args)]
pub struct FleetArgs {
    /// Configuration files, or directories to search for them
    #[arg(value_name = "FILE|DIR", required = true)]
    pub paths: Vec<PathBuf>,
    /// Flink version, 1.10 to 2.3 [default: 1.20 for flink-conf.yaml, else 2.3]
    #[arg(long, value_name = "VERSION")]
    pub flink_version: Option<Version>,
    /// Sort rows by
    #[arg(long, default_value = "process")]
    pub sort: FleetSort,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub output: FleetOutput,
}

/// What a fleet is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FleetSort {
    /// Process size, largest first.
    Process,
    /// Findings, most first.
    Findings,
    /// Path.
    Path,
}

/// Output formats of a fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FleetOutput {
    /// An aligned table.
    Text,
    /// Comma-separated values.
    Csv,
    /// JSON with a schema version.
    Json,
    /// A table.
    Markdown,
}

/// `rule`
#[derive(Debug, Args)]
pub struct RuleArgs {
    /// A code (MEM0008) or a name; none: all
    #[arg(value_name = "RULE")]
    pub rule: Option<String>,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub output: TextOrJson,
}

/// `top`
#[derive(Debug, Args)]
pub struct TopArgs {
    /// A process by its number, or the address of a report
    #[arg(value_name = "PID|URL")]
    pub target: String,
    /// Time between two looks, 0.1 to 3600
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    pub interval: Duration,
    /// One report, then end
    #[arg(long)]
    pub once: bool,
    /// Short for `--output json`
    #[arg(long, conflicts_with = "output")]
    pub json: bool,
    /// Output format; json and prometheus end after one report
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub output: TopOutput,
    /// How many owners to list, the largest first
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    pub owners: usize,
    /// How long an address may take to answer in full, 0.1 to 3600
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub timeout: Duration,
}

/// Output formats of a running process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TopOutput {
    /// A tree with bars, live.
    Text,
    /// The report.
    Json,
    /// Metrics: text exposition format 0.0.4.
    Prometheus,
}

/// A time in seconds.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    if (0.1..=3600.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("not between 0.1 and 3600 seconds".to_owned())
    }
}
