//! Fills every pool of a TaskManager to its refusal, all at once, and tells the story; then, if asked, works inside the
//! budget for a while and measures its drift.
//!
//! ```sh
//! cargo run --release -p plimsoll-memory --features enforce --example fill -- taskmanager.memory.process.size=1g
//! cargo run --release -p plimsoll-memory --features enforce --example fill -- --seconds 30
//! ```
//!
//! While it works, `memcalc top PID` shows it; with `--listen 127.0.0.1:9464` so does `memcalc top URL`, and
//! Prometheus.
//!
//! Arguments are options of Flink, `key=value`; those in `ship.rs` hold where nothing else is said.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example talks")]

mod desk;
mod fill;
mod load;
mod random;
mod ship;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use plimsoll_memory::arena::counting::CountingAlloc;
use plimsoll_memory::cgroup::{Cgroup, check_fits};
use plimsoll_memory::report::{bytes_exact, bytes_text};

use desk::Desk;
use fill::Filled;
use ship::Ship;

#[global_allocator]
static HEAP: CountingAlloc = CountingAlloc::jemalloc();

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut arguments: impl Iterator<Item = String>) -> Result<(), Box<dyn Error>> {
    let mut seconds = None;
    let mut seed = 1_u64;
    let mut listen = None;
    let mut options = Vec::new();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seconds" => seconds = Some(number("--seconds", arguments.next())?),
            "--listen" => listen = Some(arguments.next().ok_or("--listen needs an address")?),
            "--seed" => seed = number("--seed", arguments.next())?,
            pair => options.push(
                pair.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())).ok_or_else(|| {
                    format!("{pair} is no option of the form key=value; also known: --seconds N, --listen ADDRESS, --seed N")
                })?,
            ),
        }
    }
    let ship = Arc::new(Ship::build(&options)?);
    let cgroup = Cgroup::own()?;
    check_fits(ship.budget.total_bytes(), &ship.source, &cgroup)?;
    println!("a TaskManager of {}, seed {seed}", bytes_exact(ship.budget.total_bytes()));
    if let Some(limit) = &cgroup.limit {
        println!("the kernel allows {} ({})", bytes_exact(limit.bytes), limit.file);
    }
    match seconds {
        None => tell(&ship, &fill::all(&ship, seed)?)?,
        Some(seconds) => {
            let desk = Desk::open()?;
            if let Some(address) = listen {
                desk.listen(&address)?;
            }
            load::run(&ship, seconds, seed, &desk)?;
        }
    }
    let budget = ship.budget.clone();
    drop(Arc::into_inner(ship).ok_or("somebody is still on board")?);
    budget.verify_empty()?;
    println!("everything was given back");
    Ok(())
}

/// The number behind a flag.
fn number(flag: &str, found: Option<String>) -> Result<u64, String> {
    let found = found.ok_or_else(|| format!("{flag} needs a whole number"))?;
    found.parse().map_err(|_| format!("{flag} needs a whole number, not \"{found}\""))
}

/// What became of each pool, and of the process.
fn tell(ship: &Ship, filled: &[Filled]) -> Result<(), Box<dyn Error>> {
    println!("\neverything full at once:\n");
    for Filled { part, limit_bytes, payload_bytes, refusal } in filled {
        let permille = payload_bytes.saturating_mul(1000) / (*limit_bytes).max(1);
        println!(
            "{part}: {} of {} used by its owners ({}.{} %)",
            bytes_text(*payload_bytes),
            bytes_text(*limit_bytes),
            permille / 10,
            permille % 10
        );
        for line in refusal.lines() {
            println!("    {line}");
        }
        println!();
    }
    let cgroup = Cgroup::own()?;
    if let (Some(limit), Some(peak)) = (&cgroup.limit, cgroup.peak_bytes) {
        println!("the kernel counted {} at most, of {}", bytes_text(peak), bytes_text(limit.bytes));
    }
    println!("overhead: {} in the plan, of which", bytes_text(ship.overhead_bytes()));
    for term in ship.overhead().terms() {
        println!("    {:>9}  {}: {}", bytes_text(term.bytes), term.name, term.reason);
    }
    Ok(())
}
