//! Rounds of calls, ours and the bare library in turn, and what they come to.

use std::time::{Duration, Instant};

use crate::arguments::Arguments;
use crate::clock::{process_cpu, thread_cpu};
use crate::keys::Keys;
use crate::ours::System;

/// One operation: ours and the bare one, each called with the number of the call.
pub(crate) type Operation<'a> = (Box<dyn FnMut(usize) + 'a>, Box<dyn FnMut(usize) + 'a>);

/// How often an operation is called.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Calls beforehand: state that runs for hours has been used before.
    pub(crate) warm: usize,
    /// No more of them are begun after so long.
    pub(crate) warm_max: Duration,
    /// The number of the first call of a round.
    pub(crate) first: usize,
    /// Rounds that count; one before them does not.
    pub(crate) rounds: usize,
    pub(crate) calls: usize,
    /// Entries of a call.
    pub(crate) unit: usize,
    /// Without the bare library.
    pub(crate) alone: bool,
}

/// Results of one operation, in nanoseconds.
pub(crate) struct Row {
    operation: String,
    /// Calls of ours beforehand.
    warmed: usize,
    pub(crate) ours: f64,
    /// Of all threads of the process, the mean over the rounds: compactions come when they come. It says something only
    /// where ours runs alone.
    process: f64,
    bare: f64,
    pub(crate) ratio: f64,
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// How many calls were made.
fn warm_up(calls: usize, max: Duration, run: &mut dyn FnMut(usize)) -> usize {
    let begun = Instant::now();
    let mut made = 0;
    while made < calls && begun.elapsed() < max {
        let next = calls.min(made + 1000);
        (made..next).for_each(&mut *run);
        made = next;
    }
    made
}

/// `--warm-seconds`; without it there is no end but that of the calls.
pub(crate) fn warm_max(arguments: &Arguments) -> Duration {
    Duration::from_secs(arguments.number("warm-seconds", 1 << 30) as u64)
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub(crate) fn measure(name: &str, plan: Plan, (mut ours, mut bare): Operation<'_>) -> Row {
    let Plan { warm, warm_max, first, rounds, calls, unit, alone } = plan;
    let (mut a, mut process, mut b) = (Vec::new(), 0.0, Vec::new());
    let warmed = warm_up(warm, warm_max, &mut ours);
    if !alone {
        warm_up(warm, warm_max, &mut bare);
    }
    for round in 0..=rounds {
        let time = |run: &mut dyn FnMut(usize)| {
            let before = (process_cpu(), thread_cpu());
            (first + round * calls..first + (round + 1) * calls).for_each(run);
            let after = (process_cpu(), thread_cpu());
            let each = |from, to: Duration| to.saturating_sub(from).as_nanos() as f64 / (calls * unit) as f64;
            (each(before.1, after.1), each(before.0, after.0))
        };
        let figures = (time(&mut ours), if alone { (f64::NAN, f64::NAN) } else { time(&mut bare) });
        if round > 0 {
            a.push(figures.0.0);
            process += figures.0.1 / rounds as f64;
            b.push(figures.1.0);
        }
    }
    let ratio = median(a.iter().zip(&b).map(|(ours, bare)| ours / bare).collect());
    Row { operation: name.to_owned(), warmed, ours: median(a), process, bare: median(b), ratio }
}

pub(crate) fn print_row(system: System, row: &Row, keys: &Keys, arguments: &Arguments) {
    let Row { operation, warmed, ours, process, bare, ratio } = row;
    match (alone(arguments), arguments.has("json")) {
        (true, true) => println!(
            "{{\"system\":\"{system:?}\",\"operation\":\"{operation}\",\"thread_ns\":{ours:.1},\
             \"process_ns\":{process:.1},\"warm\":{warmed},\"sequence\":{}}}",
            sequence(keys)
        ),
        (true, false) => {
            println!("{system:<6?} {operation:<18} {ours:>9.1} ns   process {process:>9.1} ns");
        }
        (false, true) => println!(
            "{{\"system\":\"{system:?}\",\"operation\":\"{operation}\",\"ours_ns\":{ours:.1},\"bare_ns\":{bare:.1},\
             \"ratio\":{ratio:.3}}}"
        ),
        (false, false) => {
            println!("{system:<6?} {operation:<18} {ours:>9.1} ns   bare {bare:>9.1} ns   {ratio:>6.2}×");
        }
    }
}

/// Whether the bare libraries are left out.
pub(crate) fn alone(arguments: &Arguments) -> bool {
    arguments.text("only").is_some_and(|only| {
        assert_eq!(only, "ours", "--only knows nothing but ours");
        true
    })
}

/// Tells sequences of keys apart: two programs with the same number asked for the same keys in the same order.
fn sequence(keys: &Keys) -> i64 {
    (0..1_000_000).fold(0, |sum: i64, call| sum.wrapping_mul(31).wrapping_add(keys.at(call)))
}

#[expect(clippy::cast_precision_loss, reason = "a mean")]
pub(crate) fn mean(rows: &[Row], figure: impl Fn(&Row) -> f64) -> f64 {
    (rows.iter().map(|row| figure(row).ln()).sum::<f64>() / rows.len() as f64).exp()
}
