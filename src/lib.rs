//! The parts of the `memcalc` command: arguments in, text out. What it answers is derived in `plimsoll-memory`, what it
//! reports is found in `plimsoll-tuning`.

pub mod args;
pub mod batch;
pub mod command;
pub mod exit;
pub mod explain;
pub mod fleet;
pub mod input;
mod nearest;
mod output;
pub mod render;
pub mod startup;
mod top;
