//! Keyed state of stream processors on three backends, every byte inside a memory budget.
//!
//! ```
//! use plimsoll_memory::budget::Pool;
//! use plimsoll_statebackend::key_group::KeyGroups;
//! use plimsoll_statebackend::serializer::I64;
//! use plimsoll_statebackend::state::ValueDescriptor;
//! use plimsoll_statebackend::{BackendSettings, HeapMemory, Keep, KeyedBackend};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let slot = Pool::root("slot 0", 64 << 20)?;
//! let groups = KeyGroups::new(128)?;
//! let settings = BackendSettings {
//!     name: "count-0".to_owned(),
//!     attempt: "1".to_owned(),
//!     groups,
//!     range: groups.range(1, 0)?,
//!     keep: Keep::Heap(HeapMemory::new(&slot, "count")?),
//!     storage: None,
//!     restore_owner: None,
//! };
//! let mut backend = KeyedBackend::open(settings, I64, &[])?;
//! let counts = backend.value_state(&ValueDescriptor::new("counts", I64))?;
//! for key in [7, 8, 7] {
//!     counts.update(&key, &(), |count| Some(count.unwrap_or(0) + 1))?;
//! }
//! assert_eq!(counts.get(&7, &())?, Some(2));
//! # Ok(())
//! # }
//! ```
//!
//! With RocksDB, `keep` is [`Keep::RocksDb`] and nothing else changes; see [`rocksdb::RocksPlace`]. A snapshot is
//! [begun](KeyedBackend::snapshot) on the task's thread and [run](PendingSnapshot::run) on any; what it hands over is
//! given to [`KeyedBackend::open`] to restore it, by as many subtasks as there are then.
//!
//! | module | what |
//! |---|---|
//! | [`state`] | value, list, map, reducing and aggregating state; descriptors; time to live |
//! | [`timer`] | what keys wait for, in the order of time |
//! | [`BackendChoice`] | what a configuration asks for |
//! | [`KeyedBackend`] | the states of one subtask, their snapshots and their restore |
//! | [`operator`] | state of an operator beside its keys: split, union and broadcast, dealt as Flink does |
//! | [`serializer`] | how keys and values become bytes, and what may read what |
//! | [`key_group`] | key groups, assigned as Flink does |
//! | [`HeapMemory`] | tables in a capped arena, frozen in place for a snapshot |
//! | [`rocksdb`] | RocksDB inside the memory of a slot |
//! | [`HotMemory`] | decoded hot entries in front of it |
//! | [`snapshot`] | the format, the storage, handles, the register of shared files |
//!
//! # The three backends
//!
//! | Flink's name | `keep` | the snapshot's target |
//! |---|---|---|
//! | memory (`hashmap`, `jobmanager` storage) | [`Keep::Heap`] | [`SnapshotTarget::Acknowledgement`](snapshot::SnapshotTarget) |
//! | filesystem (`hashmap`, `filesystem` storage) | [`Keep::Heap`] | [`SnapshotTarget::Files`](snapshot::SnapshotTarget) |
//! | `rocksdb` | [`Keep::RocksDb`] | either; incremental snapshots are files |
//!
//! # What is counted and what is not
//!
//! | bytes | held by |
//! |---|---|
//! | rows and timers in memory, their copies while a snapshot runs | the arena of [`HeapMemory`]: refused by name, nothing changes |
//! | hot entries | the arena of [`HotMemory`], a share of the slot's managed memory: what finds no room goes to RocksDB |
//! | RocksDB's blocks, indexes, filters, memtables, table readers | the slot's cache; writers stall, iterators are refused |
//! | RocksDB's jobs and structures | [terms](rocksdb::SlotMemory::terms) of the process's overhead |
//! | state in an acknowledgement | the JobManager's heap, before it is allocated |
//! | buffers of a restore | an owner of the caller's, or bounded by a constant |
//! | a running snapshot's index: 8 bytes a row; batches that are written back: 1 MiB a state | the general heap |
//! | the next timers of each key group, where timers are in RocksDB: 1 MiB a queue | the general heap |
//! | values while a program holds them | the program |
//!
//! Errors are of [few kinds](ErrorKind), each with what to do. After a refused or failed write the state is as it was.

mod backend;
mod choice;
mod error;
mod heap;
mod hot;
pub mod key_group;
pub mod operator;
pub mod rocksdb;
pub mod serializer;
pub mod snapshot;
pub mod state;
mod table;
pub mod timer;

pub use backend::{
    BackendSettings, Keep, KeyedBackend, PendingSnapshot, SnapshotKind, SnapshotRequest, SnapshotResult,
};
pub use choice::{BackendChoice, BackendKind, StorageKind};
pub use error::{ErrorKind, StateError};
pub use heap::HeapMemory;
pub use hot::HotMemory;
pub use operator::{OperatorBackend, OperatorSettings, OperatorStateHandle};
