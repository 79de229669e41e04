//! The RocksDB backend: databases that live inside a slot's memory.
//!
//! | module | what |
//! |---|---|
//! | `settings` | [`RocksDbSettings`]: every option, Flink's and ours, as written and as resolved |
//! | `profile` | [`PROFILES`]: Flink's predefined options |
//! | `memory` | [`SlotMemory`]: one block cache and one write buffer manager for all databases of a slot |
//! | `lease` | [`MemorySource`]: where that memory comes from |
//! | `options` | [`db_options`], [`family_options`]: options of databases and column families inside it |
//! | `database` | a database of one backend, opened inside the slot's memory |
//! | `store` | [`RocksStore`]: the states of one backend, a column family each |
//! | `rows` | encoding, reading, writing, bounded scans |
//! | `value`, `list`, `map` | the kinds of state, with hot entries in front |
//! | `list_sizes` | how long lists may have become by appending |
//! | `frozen`, `restore` | a database as it was at a snapshot; bringing it back |
//! | `gate` | [`Permit`]: iterators, as many as the cache can bear |
//! | `relief` | [`Writer`]: writers that free memtables before they can stall for ever |
//! | `metrics` | [`METRICS`]: RocksDB's own measures under Flink's names |
//! | `bridge` | RocksDB's C++ interface where the C interface lacks something; unsafe |
//!
//! What it promises: blocks, memtables, table readers, file metadata and filters under construction of all databases
//! are charged to one cache, whose capacity is Flink's share of the slot's memory; memtables exceed their limit by no
//! more than one arena block for each writer, and the 2 KiB with which each memtable begins; block bytes lie in an
//! arena
//! with a cap. Metadata of files is charged only where there are few families: see [`SlotMemory::charges_files`].
//!
//! What it does not cover: buffers of flushes and compactions and RocksDB's own structures, which are terms of
//! [`SlotMemory::terms`] and lie in the general heap.

mod bridge;
mod database;
mod frozen;
mod gate;
mod lease;
mod list;
mod list_sizes;
mod map;
mod memory;
mod metrics;
mod options;
mod profile;
mod relief;
mod restore;
mod rows;
pub mod settings;
mod store;
mod value;

pub use bridge::RoleUsage;
pub use database::{Limits, Measure};
pub use gate::{IteratorRefused, Permit};
pub use lease::{MemoryLease, MemorySource, ProcessMemory};
pub use memory::{SlotMemory, Term};
pub use metrics::{METRICS, Measured, Metric, MetricSet, Source};
pub use options::{
    arena_block_bytes, arena_block_warning, db_options, family_options, unshared_family_bytes,
};
pub use profile::{PROFILES, Profile};
pub use relief::{Flush, Writer, flush_memtable, memtable_bytes};
pub use settings::RocksDbSettings;
pub use store::{RocksPlace, RocksStore};

pub(crate) use frozen::{FrozenDatabase, Uploaded};
pub(crate) use list::RocksLists;
pub(crate) use map::RocksMaps;
pub(crate) use rows::{Rows, Seen};
pub(crate) use value::RocksValues;
