//! The parts of the `memcalc` command.

pub mod batch;
