//! How the process ends.

use std::process::ExitCode;

/// The exit status: the same table for all commands, printed by `memcalc --help`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Nothing to complain about.
    Clean = 0,
    /// Findings at or above `--fail-on`.
    Findings = 1,
    /// Wrong usage, an unreadable file, or output that failed.
    Usage = 2,
    /// Flink would refuse to start.
    Refused = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
