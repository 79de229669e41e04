//! What a process holds and measures, as data and as text: for refusals, for `memcalc top`, for Prometheus.
//!
//! Plain data: it is made by the budget of a running process and read by whoever watches it.
//!
//! | module | what |
//! |---|---|
//! | `data` | [`Report`]: process, pools, arenas, heap, observation, with a version |
//! | `usage`, `tree` | pools and owners, and the plain tree that refusals print |
//! | `gather` | (feature `enforce`) a report of this process |
//! | `text`, `table`, [`bar`](bar()) | for people: tree with bars, owners, drift |
//! | `prometheus` | for Prometheus: text exposition format 0.0.4 |
//! | [`publish`] | a report as a file that other processes of the user find |
//! | [`proc`] | which process, since when, whose |
//! | [`printable`], `number` | texts from outside made fit to print; sizes and shares |
//!
//! What it promises: renderers do no I/O, do not panic, and say the same for the same report, whatever is in it; a text
//! from outside reaches no terminal unchanged; JSON keeps its names within a version. What it does not cover: how the
//! numbers come about (`budget`, `heap`, `probe`), and a moment that is the same for all of them: pools are read one
//! after the other.

mod bar;
mod data;
mod error;
#[cfg(feature = "enforce")]
mod gather;
mod number;
pub mod printable;
pub mod proc;
mod prometheus;
pub mod publish;
mod table;
mod text;
mod tree;
mod usage;

#[cfg(test)]
mod tests;

pub use bar::{bar, fill};
pub use data::{ArenaUsage, HeapLevel, HeapOwnerUsage, HeapUsage, Process, Profile, Report, Role, VERSION};
pub use error::ReportError;
pub use number::{bytes_exact, bytes_text, share};
pub use prometheus::prometheus;
pub use text::{TextStyle, duration_text, text};
pub use tree::tree;
pub use usage::{OwnerUsage, PoolUsage};
