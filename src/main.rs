//! memcalc
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let version: plimsoll_memory::model::Version = args[3].parse().expect("version");
    let rules = plimsoll_memory::model::Ruleset::of(version);
    if args[1] == "batch" {
        memcalc::batch::run(rules, std::io::stdin().lock(), std::io::stdout().lock()).expect("io");
    } else {
        let t = memcalc::startup::run(rules, &args[4..], &memcalc::startup::LegacyHeap::from_environment());
        use std::io::Write;
        std::io::stdout().write_all(t.stdout(rules).as_bytes()).expect("io");
        std::io::stderr().write_all(t.stderr().as_bytes()).expect("io");
        if !t.error.is_empty() {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
