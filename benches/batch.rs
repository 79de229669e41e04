//! Requests per second on one core: the recorded requests of each version, from bytes to bytes.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a bench has a clock and talks"
)]

use std::fs::File;
use std::hint::black_box;
use std::io::Read as _;
use std::path::Path;
use std::time::Instant;

use memcalc::batch;
use plimsoll_memory::model::{Ruleset, Version};
use serde_json::Value;

/// What one core should answer in a second.
const GOAL: f64 = 200_000.0;
const ROUNDS: usize = 41;

/// The recorded requests of a version, a line each, and how many.
fn requests(version: &str) -> (String, u32) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/golden/{version}.jsonl.gz"));
    let mut text = String::new();
    flate2::read::GzDecoder::new(File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    let mut requests = String::new();
    let mut count = 0;
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        requests += &line["request"].to_string();
        requests.push('\n');
        count += 1;
    }
    (requests, count)
}

fn main() {
    // `cargo test --benches` runs this too: one round shows that it works
    let rounds = if std::env::args().any(|arg| arg == "--bench") { ROUNDS } else { 1 };
    for version in ["1.11.4", "1.20.5", "2.3.0"] {
        let rules = Ruleset::of(version.parse::<Version>().unwrap());
        let (requests, count) = requests(version);
        let mut answers = Vec::with_capacity(requests.len() * 8);
        let mut rates: Vec<f64> = Vec::with_capacity(rounds);
        for _ in 0..rounds {
            answers.clear();
            let start = Instant::now();
            batch::run(rules, black_box(requests.as_bytes()), &mut answers).unwrap();
            rates.push(f64::from(count) / start.elapsed().as_secs_f64());
            black_box(&answers);
        }
        rates.sort_by(f64::total_cmp);
        let (median, best) = (rates[rounds / 2], rates[rounds - 1]);
        println!(
            "batch {version:<7} median {median:>9.0}/s  best {best:>9.0}/s  {:>5.2} times the goal of {GOAL}/s",
            median / GOAL
        );
    }
}
