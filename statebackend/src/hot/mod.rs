//! Hot entries: decoded state in front of RocksDB, in a budget of its own.
//!
//! | module | what |
//! |---|---|
//! | `memory` | [`HotMemory`]: the share of a slot's managed memory that all hot entries of the slot live in |
//! | `table` | the entries of one state; which of them go when there is no room |
//! | `batch` | what is written back, in the order of its keys |
//! | `unit` | what is kept for a key: a value, a list, a map, each knowing what RocksDB has not seen yet |
//!
//! A read that finds its entry costs a look into a hash table, a write changes it there; RocksDB sees a key once for
//! all
//! its changes, in sorted batches: when entries give way, and at snapshots. Entries that were used stay, those that
//! were
//! not go first.
//!
//! What it promises: no byte beyond the share, and where there is no room the state goes to RocksDB directly; what is
//! not written back yet is never dropped; after [`write_back`](HotTable::write_back) RocksDB knows everything.
//!
//! What it does not cover: other threads. A table belongs to its task; the share is divided by what tables ask for.

mod batch;
mod memory;
mod table;
mod unit;

pub use memory::HotMemory;

pub(crate) use batch::{Batch, Change};
pub(crate) use table::{HotTable, Sink};
pub(crate) use unit::{HotEntry, HotList, HotMap, HotValue, ListBase, Unit};
