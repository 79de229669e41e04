//! Operator state: what a subtask keeps beside its keys, such as the offsets of a source or the rules of a broadcast
//! stream.
//!
//! ```
//! use std::time::Duration;
//!
//! use plimsoll_memory::budget::Pool;
//! use plimsoll_statebackend::operator::{OperatorBackend, OperatorSettings, repartition};
//! use plimsoll_statebackend::serializer::{I64, Utf8};
//! use plimsoll_statebackend::snapshot::SnapshotTarget;
//! use plimsoll_statebackend::snapshot::acknowledge::{AcknowledgeLimits, Frame};
//! use plimsoll_statebackend::snapshot::format::Compression;
//! use plimsoll_statebackend::{HeapMemory, SnapshotKind, SnapshotRequest};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let slot = Pool::root("slot 0", 64 << 20)?;
//! let settings = |name: &str| -> Result<OperatorSettings, plimsoll_statebackend::StateError> {
//!     Ok(OperatorSettings {
//!         name: name.to_owned(),
//!         attempt: "1".to_owned(),
//!         memory: HeapMemory::new(&slot, name)?,
//!         storage: None,
//!         restore_owner: None,
//!     })
//! };
//! let mut source = OperatorBackend::open(settings("source-0")?, &[])?;
//! source.list_state("offsets", I64)?.add_all(&[4, 8, 15])?;
//! source.broadcast_state("rules", Utf8, I64)?.put(&"limit".to_owned(), &16)?;
//!
//! let snapshot = source.snapshot(&SnapshotRequest {
//!     checkpoint: 1,
//!     kind: SnapshotKind::Full(Compression::None),
//!     target: SnapshotTarget::Acknowledgement(Frame::new(AcknowledgeLimits::default(), None)),
//!     directory: None,
//!     clock: || Duration::ZERO,
//! })?;
//! let handle = snapshot.run()?.handle;
//!
//! // two subtasks go on where there was one
//! let shares = repartition(&[vec![handle]], 1, 2)?;
//! let mut second = OperatorBackend::open(settings("source-1")?, &shares[1])?;
//! assert_eq!(second.list_state("offsets", I64)?.get()?, [15]);
//! assert_eq!(second.broadcast_state("rules", Utf8, I64)?.get(&"limit".to_owned())?, Some(16));
//! # Ok(())
//! # }
//! ```
//!
//! | state | Flink's mode | after a restore |
//! |---|---|---|
//! | [`list_state`](OperatorBackend::list_state) | `SPLIT_DISTRIBUTE` | each element is in one subtask |
//! | [`union_list_state`](OperatorBackend::union_list_state) | `UNION` | every subtask has all elements |
//! | [`broadcast_state`](OperatorBackend::broadcast_state) | `BROADCAST` | every subtask has a copy of the map |
//!
//! | module | what |
//! |---|---|
//! | `backend` | [`OperatorBackend`]: states by name |
//! | `list`, `cells` | [`OperatorListState`], and its elements in chunks that a snapshot shares |
//! | `broadcast` | [`BroadcastState`]: a map in shards that a snapshot shares |
//! | `kept` | a state as its backend sees it |
//! | `snapshot` | [`PendingOperatorSnapshot`]: the asynchronous part |
//! | `file`, `writer`, `reader` | the file: its layout, how it is written, how some elements of it are read |
//! | `restored` | what was restored and not asked for yet |
//! | `handle` | [`OperatorStateHandle`]: where the elements of each state begin |
//! | [`repartition`](repartition()) | who gets which elements, as Flink deals them |
//!
//! # Freezing
//!
//! A snapshot takes reference-counted pointers to chunks of a list and shards of a map, and the state copies the one it
//! writes next. A copy of everything in the arena would be simpler. But it would need as much room again at every
//! checkpoint, and be refused where the budget is just large enough for the state, while most operator state is not
//! written at all while a snapshot runs; and the task would stand still for it. Here it stands still for a pointer for
//! each 256 elements, a list that grows copies 256 elements at most, and a map a 64th of it for each shard written.
//!
//! # What it promises
//!
//! Elements and their structures lie in the arena; a refused write changes nothing and names the state. What a snapshot
//! has frozen does not change. A subtask writes one file a checkpoint, which is visible as a whole; small ones ride in
//! the acknowledgement, whose limits hold. Each block of it has a checksum, so whoever reads a part of it trusts that
//! part; a damaged byte is an error that names the place. What nobody asks for is carried over unread.
//!
//! # What it does not cover
//!
//! - Offsets in a handle: 8 bytes an element on the general heap while it is made, and the limits of an
//!   acknowledgement do not count them, as Flink's do not. A pointer for each 256 elements and 6 KiB for each map lie
//!   there too.
//! - Two serializers of one list at once: a list is read whole with the one that is asked for.
//! - An element over 2 GiB: it is kept, and fails the snapshot by name.
//! - Raw operator state, Flink's second kind, which is a stream of the operator's own.

mod backend;
mod broadcast;
mod cells;
mod file;
mod handle;
mod kept;
mod list;
mod reader;
mod repartition;
mod restored;
mod snapshot;
mod writer;

pub use backend::{OperatorBackend, OperatorSettings};
pub use broadcast::BroadcastState;
pub use handle::{DistributionMode, OperatorStateHandle, OperatorStatePart};
pub use list::OperatorListState;
pub use repartition::repartition;
pub use snapshot::{OperatorSnapshotResult, PendingOperatorSnapshot};

use crate::StateError;
use crate::snapshot::format::RECORD_LIMIT_BYTES;

/// What a refusal says was asked for: the arena grows by pages.
const REFUSED_BYTES: usize = 4096;

/// What errors call a state.
fn what(name: &str) -> String {
    format!("operator state \"{name}\"")
}

/// An element that no file takes.
fn too_large(name: &str, bytes: usize) -> StateError {
    StateError::TooLarge {
        what: format!("an element of operator state \"{name}\""),
        key: "(none)".to_owned(),
        bytes: bytes as u64,
        limit_bytes: RECORD_LIMIT_BYTES as u64,
        remedy: "cut it into several elements",
    }
}
