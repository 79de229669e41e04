//! State against the raw limit: the operations of Flink's own state benchmarks, ours and bare libraries in turn.
//!
//! `cargo bench -p plimsoll-statebackend --bench state_backends -- [--ops a,b] [--systems heap,rocksdb,hot,snapshot]
//! [--keys N] [--rounds N] [--calls N] [--warm N] [--warm-seconds N] [--slot-mib N] [--times N] [--zipf]
//! [--only ours] [--json]
//! [--snapshot-gb N | --snapshot-keys N] [--value-bytes N]`
//!
//! Each round runs ours and the bare library back to back; figures are nanoseconds of the thread's CPU time for each
//! operation, medians over the rounds; ratios are medians of the rounds' ratios. With `--times` values carry as many
//! bytes as make the state so many times the slot. With `--only ours` the bare side is left out, and what all threads
//! of the process used is printed, too: so `benches/flink/compare.py` runs it beside the real Flink.
//!
//! A restore takes until the state can be asked for. Not covered: storage that is slower than a local folder.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench prints, and stops where anything fails"
)]
#![expect(clippy::disallowed_methods, reason = "a bench has a clock")]

#[path = "state_backends/arguments.rs"]
mod arguments;
#[path = "state_backends/bare.rs"]
mod bare;
#[path = "state_backends/beyond.rs"]
mod beyond;
#[path = "state_backends/bytes.rs"]
mod bytes;
#[path = "state_backends/clock.rs"]
mod clock;
#[path = "state_backends/keys.rs"]
mod keys;
#[path = "state_backends/measure.rs"]
mod measure;
#[path = "state_backends/operations.rs"]
mod operations;
#[path = "state_backends/ours.rs"]
mod ours;
#[path = "state_backends/snapshots.rs"]
mod snapshots;

use arguments::Arguments;
use bare::{BareMaps, BareRocks};
use measure::{alone, mean};
use operations::operations;
use ours::System;

fn main() {
    let arguments = Arguments::parse();
    let systems = arguments.list("systems", "heap,rocksdb,hot,snapshot");
    if let Some(times) = arguments.text("times") {
        return beyond::beyond(&arguments, times.parse().unwrap());
    }
    let slot_bytes = (arguments.number("slot-mib", 512) as u64) << 20;
    let alone = alone(&arguments);
    let say = |text: &dyn Fn() -> String| {
        if !alone {
            println!("{}\n", text());
        }
    };
    for system in &systems {
        match system.as_str() {
            "heap" => {
                let rows = operations(System::Heap, &arguments, |_| BareMaps::default());
                say(&|| {
                    format!("in memory against a bare map: {:.2}× (goal 1.2)", mean(&rows, |row| row.ratio))
                });
            }
            "rocksdb" => {
                let rows =
                    operations(System::Rocks, &arguments, |path| BareRocks::open(path, slot_bytes, true));
                say(&|| {
                    format!(
                        "RocksDB without hot entries against bare RocksDB: {:.2}× (goal 1.05)",
                        mean(&rows, |row| row.ratio)
                    )
                });
            }
            "hot" => {
                let rows =
                    operations(System::Hot, &arguments, |path| BareRocks::open(path, slot_bytes, false));
                say(&|| {
                    format!(
                        "RocksDB with hot entries: {:.2}× faster than bare RocksDB as Flink opens it",
                        mean(&rows, |row| 1.0 / row.ratio)
                    )
                });
            }
            _ => snapshots::snapshots(&arguments),
        }
    }
}
