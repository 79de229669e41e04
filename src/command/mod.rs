//! The commands: input, derivation, rendering.

mod batch;
mod check;
mod draw;
mod explain;
mod fleet;
mod process;
mod rule;
mod startup;
mod top;

use std::path::Path;

use clap::CommandFactory as _;
use plimsoll_memory::model::Failure;
use plimsoll_tuning::render::{self, TextStyle};
use plimsoll_tuning::{Inputs, Processes, Selection, Severity, check};

use crate::args::{BashJavaUtilsArgs, Cli, Command, InputArgs, ProcessKind};
use crate::exit::Exit;
use crate::input::{self, Input, InputError};
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
        Command::Top(args) => top::run(&args, cli.color),
        Command::Batch(args) => batch::run(&args),
        Command::BashJavaUtils(args) => startup::run(&args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "memcalc", &mut script);
            output::data(&String::from_utf8_lossy(&script)).map(|()| Exit::Clean)
        }
        Command::Man => output::data(&manual()).map(|()| Exit::Clean),
    };
    result.unwrap_or_else(|exit| exit)
}

/// The manual: the page of memcalc, then those of its commands.
fn manual() -> String {
    let mut whole = Cli::command();
    whole.build();
    let mut page = Vec::new();
    // writing to memory does not fail
    let _ = clap_mangen::Man::new(whole.clone()).render(&mut page);
    for command in whole.get_subcommands().filter(|command| command.get_name() != "help") {
        let name = format!("memcalc {}", command.get_name());
        let _ = clap_mangen::Man::new(command.clone().display_name(name)).render(&mut page);
    }
    String::from_utf8_lossy(&page).into_owned()
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

/// Loads the configuration and says on standard error what the user should know about it.
fn load(conf: Option<&Path>, args: &InputArgs, terminal: Terminal) -> Result<Input, Exit> {
    let input = input::load(conf, args).map_err(|error| refuse(&error, terminal))?;
    for note in &input.notes {
        output::message(&format!("note: {note}\n"));
    }
    Ok(input)
}

/// Tells why there is no configuration.
fn refuse(error: &InputError, terminal: Terminal) -> Exit {
    match error {
        InputError::Malformed(failure) => {
            let style = TextStyle { colour: terminal.color_stderr, width: terminal.columns };
            output::message(&render::refusal(failure, style));
            // without an exception of Flink's the refusal is ours alone
            if failure.chain.is_empty() { Exit::Usage } else { Exit::Refused }
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

/// Findings that are no errors but may be why Flink refuses: keys and lines it never saw.
const OVERLOOKED: [&str; 4] = ["MEM0014", "MEM0015", "MEM0016", "MEM0024"];

/// Tells all that keeps Flink from starting a process, in the manner of `memcalc check`.
fn refused(input: &Input, processes: Processes, failure: &Failure, terminal: Terminal) -> Exit {
    let subject = input.subject(Inputs { processes, ..Inputs::new(&input.loaded, input.version) });
    let mut report = check(&subject, &Selection::default());
    report.diagnostics.retain(|found| found.severity == Severity::Error || OVERLOOKED.contains(&found.code));
    let style = TextStyle { colour: terminal.color_stderr, width: terminal.columns };
    output::message(&render::text(&report, &subject, style));
    // the findings quote Flink; without any its own words are all there is to say
    let said =
        if report.count(Severity::Error) == 0 { format!(": {}", failure.message()) } else { String::new() };
    let process = match processes {
        Processes::JobManager => "JobManager",
        _ => "TaskManager",
    };
    fail(Exit::Refused, format!("Flink {} would refuse to start this {process}{said}", input.version))
}
