//! Snapshots: what is written, where, and how it is read back.
//!
//! | module | what |
//! |---|---|
//! | [`meta`] | what a snapshot says about the states in it |
//! | [`mod@format`] | the full snapshot: one format for every backend |
//! | [`storage`] | where files are kept |
//! | [`target`] | where a backend writes to: a file, or the acknowledgement |
//! | [`acknowledge`] | the limits on state in the acknowledgement |
//! | [`handle`] | what a task hands over: where its state is |
//! | [`incremental`] | snapshots of a database that upload what is new |
//! | [`registry`] | who still refers to a shared file |

pub mod acknowledge;
pub mod format;
pub mod handle;
pub mod incremental;
pub mod meta;
pub mod registry;
pub(crate) mod sealed;
pub mod storage;
pub mod target;
mod transfer;
pub(crate) mod varint;

use std::io;

pub use handle::{KeyedStateHandle, Place, PrivateFile, SharedFile};
pub use meta::{BackendMeta, StateKind, StateMeta};
pub use target::{Finished, SnapshotSink, SnapshotTarget};

use crate::StateError;

/// A failed operation; where an error of our own went through a writer, that one.
pub(crate) fn storage_error(
    operation: &'static str,
    place: impl Into<String>,
    error: io::Error,
) -> StateError {
    match error.downcast::<StateError>() {
        Ok(own) => own,
        Err(error) => StateError::storage(operation, place, error),
    }
}
