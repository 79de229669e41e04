//! memcalc
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let version: plimsoll_memory::model::Version = args[2].parse().expect("version");
    let rules = plimsoll_memory::model::Ruleset::of(version);
    memcalc::batch::run(rules, std::io::stdin().lock(), std::io::stdout().lock()).expect("io");
    ExitCode::SUCCESS
}
