//! Why there is no report to show, and what to do.

use std::fmt;

use plimsoll_memory::report::publish::{PublishError, Publishing};
use plimsoll_memory::report::{ReportError, bytes_text};

/// Why there is no report.
#[derive(Debug)]
pub(crate) enum TopError {
    /// Neither a number nor an address.
    Target { text: String },
    /// An address of a kind that is not spoken.
    Encrypted { address: String },
    /// No such process; who could be looked at instead.
    NoProcess { pid: u32, publishing: Vec<Publishing> },
    /// The process was there, and has ended.
    Ended { pid: u32 },
    /// The process cannot be looked at.
    Unobservable { pid: u32, why: String },
    /// There is a report, and it cannot be used.
    Published(PublishError),
    /// Nobody answers at the address, or not in time.
    Connection { address: String, why: String },
    /// The answer is a status that is no success.
    Status { address: String, status: u16, location: Option<String> },
    /// The answer is longer than any report.
    TooLarge { address: String, limit_bytes: u64 },
    /// The answer is no report.
    Malformed { address: String, error: ReportError },
}

impl fmt::Display for TopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target { text } => write!(
                f,
                "'{}' is neither the number of a process nor an http:// address\n\
                 help: memcalc top 4711, or memcalc top http://localhost:8081/report",
                text.escape_debug()
            ),
            Self::Encrypted { address } => write!(
                f,
                "{address}: https:// is not spoken here, only http://\n\
                 help: forward the port (ssh -L 8081:localhost:8081 HOST) and look at http://localhost:8081"
            ),
            Self::NoProcess { pid, publishing } if publishing.is_empty() => write!(
                f,
                "there is no process {pid}\nhelp: none of this user's processes publishes its pools; pgrep finds others"
            ),
            Self::NoProcess { pid, publishing } => {
                let list: Vec<String> =
                    publishing.iter().map(|p| format!("{} ({})", p.pid, p.name.escape_debug())).collect();
                write!(f, "there is no process {pid}\nhelp: these publish their pools: {}", list.join(", "))
            }
            Self::Ended { pid } => write!(f, "process {pid} has ended"),
            Self::Unobservable { pid, why } => {
                write!(f, "process {pid} cannot be looked at: {why}\nhelp: try as its user, or as root")
            }
            Self::Published(error) => error.fmt(f),
            Self::Connection { address, why } => {
                write!(
                    f,
                    "no report from {address}: {why}\nhelp: is the process running, and is this its port?"
                )
            }
            Self::Status { address, status, location: Some(location) } => write!(
                f,
                "{address} answers with status {status} and points to {}\nhelp: give that address, if you trust it",
                location.escape_debug()
            ),
            Self::Status { address, status, location: None } => write!(
                f,
                "{address} answers with status {status}\nhelp: the address has to be that of the report, path included"
            ),
            Self::TooLarge { address, limit_bytes } => write!(
                f,
                "{address} answers with more than the {} that are read: it is no report",
                bytes_text(*limit_bytes)
            ),
            Self::Malformed { address, error } => {
                write!(f, "{address} answers, but with no report: {error}")?;
                let help = match error {
                    ReportError::Version { .. } => "use the memcalc of the same release as the process",
                    _ => "the address has to be that of the report, path included",
                };
                write!(f, "\nhelp: {help}")
            }
        }
    }
}
