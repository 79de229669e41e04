//! The commands: input, derivation, rendering.

mod batch;
mod check;
mod draw;
mod explain;
mod fleet;
mod process;
mod rule;
mod startup;

use clap::CommandFactory as _;
use plimsoll_tuning::render::{self, TextStyle};
use plimsoll_tuning::{Inputs, Processes, Selection, Severity, Subject, check};

use crate::args::{BashJavaUtilsArgs, Cli, Command, ProcessKind};
use crate::exit::Exit;
use crate::input::{Input, InputError};
use crate::output::{self, Terminal};

/// Runs the command line.
pub fn run(cli: Cli) -> Exit {
    let terminal = Terminal::of(cli.color);
    let result = match cli.command {
        Command::Taskmanager(args) => process::run(ProcessKind::Taskmanager, &args, terminal),
        Command::Jobmanager(args) => process::run(ProcessKind::Jobmanager, &args, terminal),
        Command::Explain(args) => explain::run(&args, terminal),
        Command::Check(args) => check::run(&args, terminal),
        Command::Draw(args) => draw::run(&args, terminal),
        Command::Fleet(args) => fleet::run(&args),
        Command::Rule(args) => rule::run(&args),
        Command::Batch(args) => batch::run(&args),
        Command::BashJavaUtils(args) => startup::run(&args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "memcalc", &mut script);
            output::data(&String::from_utf8_lossy(&script)).map(|()| Exit::Clean)
        }
        Command::Man => {
            let mut page = Vec::new();
            // writing to memory does not fail
            let _ = clap_mangen::Man::new(Cli::command()).render(&mut page);
            output::data(&String::from_utf8_lossy(&page)).map(|()| Exit::Clean)
        }
    };
    result.unwrap_or_else(|exit| exit)
}

/// Answers the start-up call of Flink's scripts.
pub fn start_up(args: &BashJavaUtilsArgs) -> Exit {
    startup::run(args).unwrap_or_else(|exit| exit)
}

/// What a command comes to: an exit status either way, so that `?` can be used.
type Outcome = Result<Exit, Exit>;

/// Tells why a command cannot go on.
fn fail(exit: Exit, message: impl std::fmt::Display) -> Exit {
    output::message(&format!("error: {message}\n"));
    exit
}

/// Tells why there is no configuration.
fn refuse(error: &InputError, terminal: Terminal) -> Exit {
    match error {
        InputError::Malformed(failure) => {
            let style = TextStyle { colour: terminal.color_stderr, width: terminal.columns.max(100) };
            output::message(&render::refusal(failure, style));
            Exit::Refused
        }
        other => fail(Exit::Usage, other),
    }
}

/// Refuses what Flink 1.10 has not: memory of a JobManager beyond its heap.
fn require_model(kind: ProcessKind, input: &Input) -> Result<(), Exit> {
    if kind == ProcessKind::Taskmanager || input.rules.job_manager_model {
        return Ok(());
    }
    let message = "Flink 1.10 has no memory model for the JobManager, only a heap: see memcalc jobmanager";
    Err(fail(Exit::Usage, message))
}

/// Tells all that keeps Flink from starting a process, in the manner of `memcalc check`.
fn refused(input: &Input, processes: Processes, terminal: Terminal) -> Exit {
    let subject = Subject::new(Inputs { processes, ..Inputs::new(&input.loaded, input.version) });
    let mut report = check(&subject, &Selection::default());
    report.diagnostics.retain(|diagnostic| diagnostic.severity == Severity::Error);
    let style = TextStyle { colour: terminal.color_stderr, width: terminal.columns.max(100) };
    output::message(&render::text(&report, &subject, style));
    let failures = subject.task_manager.iter().flat_map(plimsoll_tuning::subject::Process::failures);
    let first = failures
        .chain(subject.job_manager.iter().flat_map(plimsoll_tuning::subject::Process::failures))
        .next();
    let said = first.map(|failure| format!(": {}", failure.message())).unwrap_or_default();
    fail(Exit::Refused, format!("Flink {} would refuse to start{said}", input.version))
}
