//! Keyed state of stream processors on three backends, inside a memory budget.

mod backend;
mod error;
mod heap;
mod hot;
pub mod key_group;
pub mod rocksdb;
pub mod serializer;
pub mod snapshot;
pub mod state;
mod table;

pub use backend::{
    BackendSettings, Keep, KeyedBackend, PendingSnapshot, SnapshotKind, SnapshotRequest, SnapshotResult,
};
pub use error::{ErrorKind, StateError};
pub use heap::HeapMemory;
pub use hot::HotMemory;
