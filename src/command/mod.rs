//! The commands: input, derivation, rendering.

mod batch;
mod explain;
mod startup;

use clap::CommandFactory as _;

use crate::args::{Cli, Command};
use crate::exit::Exit;
use crate::input::InputError;
use crate::output::{self, Terminal};

/// Runs the command line.
pub fn run(cli: Cli) -> Exit {
    let terminal = Terminal::of(cli.color);
    let result = match cli.command {
        Command::Explain(args) => explain::run(&args),
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
        _ => {
            let _ = terminal;
            Ok(Exit::Clean)
        }
    };
    result.unwrap_or_else(|exit| exit)
}

/// What a command comes to: an exit status either way, so that `?` can be used.
type Outcome = Result<Exit, Exit>;

/// Tells why a command cannot go on.
fn fail(exit: Exit, message: impl std::fmt::Display) -> Exit {
    output::message(&format!("error: {message}\n"));
    exit
}

/// Tells why there is no configuration.
fn refuse(error: &InputError) -> Exit {
    let exit = if matches!(error, InputError::Malformed(_)) { Exit::Refused } else { Exit::Usage };
    fail(exit, error)
}
