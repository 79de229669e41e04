//! The check at start: a process whose model exceeds its control group is not started.

use std::error::Error;
use std::fmt;

use super::{Cgroup, Limit};
use crate::size::MemorySize;

/// Two numbers that disagree: the process wants more than its group may hold. Start it with either number changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// What the model derived for the whole process.
    pub process_bytes: u64,
    /// Where that number came from, as the caller says it: `taskmanager.memory.process.size (flink-conf.yaml:12)`.
    pub source: String,
    /// What the group may hold, and the file that says so.
    pub limit: Limit,
}

/// A size as Flink writes it; the kernel's numbers may be above Flink's largest.
fn size(bytes: u64) -> String {
    let known = Some(bytes).filter(|bytes| *bytes <= MemorySize::MAX.bytes()).map(MemorySize::from_bytes);
    known.map_or_else(|| format!("{bytes} bytes"), |size| size.human().to_string())
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (wanted, source) = (self.process_bytes, &self.source);
        let Limit { bytes: limit, file } = &self.limit;
        write!(
            f,
            "the process does not fit into its control group, so it is not started:\n  \
             the process may take  {} by {source}\n  \
             the kernel allows     {} by {file}\n\
             The kernel would kill it (exit status 137) {} bytes before its own pools refuse.\n\
             Either raise the group's limit to {wanted} bytes or more, or lower the process size to {limit} bytes or less.",
            size(wanted),
            size(*limit),
            wanted.saturating_sub(*limit),
        )
    }
}

impl Error for Misfit {}

/// Refuses a process that its group cannot hold. Equal numbers fit; no limit fits everything.
///
/// # Errors
/// [`Misfit`] with both numbers and where each came from.
pub fn check_fits(process_bytes: u64, source_text: &str, cgroup: &Cgroup) -> Result<(), Misfit> {
    match &cgroup.limit {
        Some(limit) if process_bytes > limit.bytes => {
            Err(Misfit { process_bytes, source: source_text.to_owned(), limit: limit.clone() })
        }
        _ => Ok(()),
    }
}
