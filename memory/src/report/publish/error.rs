//! Why a report cannot be published or read.

use std::fmt;
use std::path::PathBuf;

use super::super::ReportError;
use super::REPORT_MAX_BYTES;

/// Why a report cannot be published or read. Nothing was published or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublishError {
    /// The directory cannot be made or looked at: make it, or name another by `XDG_RUNTIME_DIR`.
    Directory {
        /// The directory.
        path: PathBuf,
        /// The system's words.
        why: String,
    },
    /// Something else stands in the directory's place, such as a link: remove it.
    NotADirectory {
        /// The path.
        path: PathBuf,
    },
    /// The directory or file belongs to another user than the process: somebody put it there.
    Foreign {
        /// The path.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Whose it has to be.
        user: u32,
    },
    /// Other users may read or write the directory: close it.
    Open {
        /// The directory.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The report cannot be written: the next one may be.
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The system's words.
        why: String,
    },
    /// The report cannot be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's words.
        why: String,
    },
    /// What stands in the report's place is no file, such as a link: remove it.
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The report is too long: the process has too many owners to list.
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        bytes: u64,
    },
    /// What stands in the file is no report that can be read here.
    Malformed {
        /// The file.
        path: PathBuf,
        /// What it is.
        error: ReportError,
    },
    /// The report is of an earlier process of the same number, which did not end cleanly: remove it.
    Stale {
        /// The file.
        path: PathBuf,
        /// The number.
        pid: u32,
    },
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory { path, why } => write!(
                f,
                "reports cannot be kept in {}: {why}\nhelp: make it, or set XDG_RUNTIME_DIR to a directory of your own",
                path.display()
            ),
            Self::NotADirectory { path } => {
                write!(f, "{} is no directory, and reports are kept in one\nhelp: remove it", path.display())
            }
            Self::Foreign { path, owner, user } => write!(
                f,
                "{} belongs to user {owner}, and the process to user {user}: what is in it is not trusted\n\
                 help: remove it, or set XDG_RUNTIME_DIR to a directory of your own",
                path.display()
            ),
            Self::Open { path, mode } => write!(
                f,
                "{} has mode {mode:04o}, and others than its owner may not enter\nhelp: chmod 700 {}",
                path.display(),
                path.display()
            ),
            Self::Unwritable { path, why } => write!(f, "cannot write {}: {why}", path.display()),
            Self::Unreadable { path, why } => write!(f, "cannot read {}: {why}", path.display()),
            Self::NotAFile { path } => {
                write!(f, "{} is no file, and a report is one\nhelp: remove it", path.display())
            }
            Self::TooLarge { path, bytes } => write!(
                f,
                "the report {} has {bytes} bytes, more than the {REPORT_MAX_BYTES} that are written and read",
                path.display()
            ),
            Self::Malformed { path, error } => write!(
                f,
                "{} is no report that can be read: {error}\nhelp: use the memcalc of the same release as the process",
                path.display()
            ),
            Self::Stale { path, pid } => write!(
                f,
                "{} is of an earlier process {pid}, which ended without removing it\n\
                 help: remove it; the process {pid} of now publishes nothing",
                path.display()
            ),
        }
    }
}

impl std::error::Error for PublishError {}
