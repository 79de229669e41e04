//! `memcalc`: see `memcalc --help`.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    memcalc::command::run(memcalc::args::Cli::parse()).into()
}
