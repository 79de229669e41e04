//! What can go wrong with state, in few kinds.

use std::error::Error;
use std::fmt;
use std::io;

use plimsoll_memory::arena::ArenaError;
use plimsoll_memory::budget::{BudgetError, Owner, Refusal};

/// An error of a state backend. [`kind`](Self::kind) says what the caller should do.
#[derive(Debug)]
#[non_exhaustive]
pub enum StateError {
    /// The budget has no room, after reclaimers were asked: see [`ErrorKind::Refused`].
    Refused {
        /// What was to be kept: the state's name, `hot entries`, `block cache`.
        what: String,
        /// Who holds the bytes, what was tried, which option to raise.
        refusal: Box<Refusal>,
    },
    /// The slot's open iterators pin too much of the block cache: see [`ErrorKind::Refused`].
    IteratorRefused {
        /// How many are open, what they pin, what may be, and which option raises it.
        why: String,
    },
    /// Something is larger than a limit that does not depend on memory.
    TooLarge {
        /// What: `the value of state "orders"`, `the list of …`.
        what: String,
        /// The key it belongs to, as hexadecimal bytes or text.
        key: String,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit_bytes: u64,
        /// What to do instead.
        remedy: &'static str,
    },
    /// State is larger than what may ride in the acknowledgement of a checkpoint.
    Acknowledgement {
        /// What: `the snapshot of "orders"`.
        what: String,
        /// Its size, the limit and what to do, in Flink's words.
        text: String,
    },
    /// The program asks for something that cannot be meant.
    Usage(String),
    /// A setting that cannot be used, with its key.
    Setting {
        /// The option.
        key: String,
        /// What is wrong, and what would be right.
        what: String,
    },
    /// What was restored has another type than what the program asks for.
    Incompatible {
        /// The state.
        state: String,
        /// Which serializers, and why.
        why: String,
    },
    /// Bytes of a snapshot are not what was written.
    Corrupt {
        /// The file, or `the acknowledgement`.
        place: String,
        /// What does not fit, with the offset where there is one.
        what: String,
    },
    /// A file or an object could not be read or written.
    Storage {
        /// What was tried: `write`, `rename`, `read`.
        operation: &'static str,
        /// The file.
        place: String,
        /// The system's word.
        source: io::Error,
    },
    /// RocksDB's own word.
    RocksDb {
        /// What was tried.
        operation: &'static str,
        /// The database.
        place: String,
        /// Its message.
        message: String,
    },
}

/// What to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The budget said no; nothing has changed. Wait, hold less, or give the slot more memory.
    Refused,
    /// A limit that no memory lifts; nothing has changed. Make the thing smaller.
    TooLarge,
    /// The program or its settings are wrong: mend them.
    Usage,
    /// A restore does not fit the program: use the serializers that wrote it, or a migration.
    Incompatible,
    /// A snapshot is damaged: restore from another one.
    Corrupt,
    /// The file system or the store failed: the state lives on; try again when it is mended.
    Storage,
    /// The database failed; where a write failed the backend must be restored.
    Database,
}

impl StateError {
    /// What to do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused { .. } | Self::IteratorRefused { .. } => ErrorKind::Refused,
            Self::TooLarge { .. } | Self::Acknowledgement { .. } => ErrorKind::TooLarge,
            Self::Usage(_) | Self::Setting { .. } => ErrorKind::Usage,
            Self::Incompatible { .. } => ErrorKind::Incompatible,
            Self::Corrupt { .. } => ErrorKind::Corrupt,
            Self::Storage { .. } => ErrorKind::Storage,
            Self::RocksDb { .. } => ErrorKind::Database,
        }
    }

    /// A damaged snapshot.
    pub fn corrupt(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Corrupt { place: place.into(), what: what.into() }
    }

    /// A failed file operation.
    pub fn storage(operation: &'static str, place: impl Into<String>, source: io::Error) -> Self {
        Self::Storage { operation, place: place.into(), source }
    }

    /// An arena that cannot be made: the budget has no room, or it was asked for what cannot be.
    pub(crate) fn of_arena(error: &ArenaError, what: &str, owner: &Owner) -> Self {
        match error {
            ArenaError::Unpaid { bytes, .. } => {
                Self::Refused { what: what.to_owned(), refusal: owner.refusal(*bytes) }
            }
            error => Self::Usage(error.to_string()),
        }
    }

    /// A failed database operation.
    pub fn rocksdb(operation: &'static str, place: impl Into<String>, error: impl fmt::Display) -> Self {
        Self::RocksDb { operation, place: place.into(), message: error.to_string() }
    }
}

impl From<BudgetError> for StateError {
    fn from(error: BudgetError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { what, refusal } => write!(f, "no room for {what}: {refusal}"),
            Self::IteratorRefused { why } => f.write_str(why),
            Self::TooLarge { what, key, bytes, limit_bytes, remedy } => write!(
                f,
                "{what} for key {key} would have {bytes} bytes, more than the limit of {limit_bytes}: {remedy}"
            ),
            Self::Acknowledgement { what, text } => write!(f, "{what}: {text}"),
            Self::Usage(what) => f.write_str(what),
            Self::Setting { key, what } => write!(f, "{key}: {what}"),
            Self::Incompatible { state, why } => write!(
                f,
                "state \"{state}\" cannot be restored: {why}; use the serializers that wrote it, or a newer version \
                 that reads them"
            ),
            Self::Corrupt { place, what } => {
                write!(f, "{place} is damaged: {what}; restore from another snapshot")
            }
            Self::Storage { operation, place, source } => write!(f, "cannot {operation} {place}: {source}"),
            Self::RocksDb { operation, place, message } => {
                write!(f, "RocksDB cannot {operation} in {place}: {message}")
            }
        }
    }
}

impl Error for StateError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Storage { source, .. } => Some(source),
            _ => None,
        }
    }
}
