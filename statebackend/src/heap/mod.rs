//! State in tables of a capped arena: Flink's memory and filesystem backends.
//!
//! | module | what |
//! |---|---|
//! | `memory` | [`HeapMemory`]: the arena that a slot's tables live in |
//! | `kind` | what differs between a value, a list and a map: how a row is written and loaded |
//! | `table` | one state: a table and the serializers it is read by |
//! | `frozen` | what a snapshot reads, in key-group order |
//!
//! What it promises: tables never take a byte beyond the arena's cap; a refused write changes nothing and says who
//! holds the memory; a snapshot stops writers for a pointer a segment.
//!
//! What it does not cover: values while they are used. What `get` returns is the caller's, on the general heap.

mod frozen;
mod kind;
mod memory;
mod table;

pub use memory::HeapMemory;

pub(crate) use frozen::{FrozenRows, SortedRows};
pub(crate) use kind::{Emit, Kind, ListKind, MapKind, ValueCell, ValueKind, whole};
pub(crate) use table::HeapTable;
