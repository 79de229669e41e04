//! `memcalc`: see `memcalc --help`.

use std::process::ExitCode;

use clap::Parser as _;
use memcalc::args::{BashJavaUtilsArgs, Cli};
use memcalc::command;

fn main() -> ExitCode {
    // The start-up call stands in every container's way, and building the parser takes longer than answering it.
    if let Some(args) = BashJavaUtilsArgs::plain(std::env::args_os()) {
        return command::start_up(&args).into();
    }
    command::run(Cli::parse()).into()
}
