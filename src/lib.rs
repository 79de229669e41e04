//! The parts of the `memcalc` command: arguments in, text out. What it answers is derived in `plimsoll-memory`, what it
//! reports is found in `plimsoll-tuning`.

pub mod batch;
pub mod render;
pub mod startup;
