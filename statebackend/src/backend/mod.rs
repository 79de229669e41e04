//! A keyed backend: the states of one subtask, their snapshots and their restore.
//!
//! | module | what |
//! |---|---|
//! | `core` | what all states of a backend share: serializer of keys, key groups, time |
//! | `keyed` | [`KeyedBackend`]: states by name |
//! | `registered` | a state as its backend sees it, whatever its types |
//! | `restored` | what is restored and not asked for yet |
//! | `snapshot` | [`PendingSnapshot`]: the asynchronous part |

mod core;
mod keyed;
mod registered;
pub(crate) mod restored;
mod snapshot;

pub use keyed::{BackendSettings, Keep, KeyedBackend};
pub use snapshot::{PendingSnapshot, SnapshotKind, SnapshotRequest, SnapshotResult};

pub(crate) use self::core::Core;
pub(crate) use snapshot::{Frozen, SnapshotWriter, Sorted, sorted};
