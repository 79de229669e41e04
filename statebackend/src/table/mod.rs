//! Hash tables in a capped arena that can be frozen in place: the memory of state.
//!
//! | module | what |
//! |---|---|
//! | `segment` | [`Table`]: a table cut into segments, copied only where it is written while a snapshot reads it |
//! | `row` | [`Row`]: key, namespace and what is kept for them |
//! | `map` | [`CellMap`]: the entries of one map, scanned while few, indexed when many |
//!
//! What it promises: every byte comes out of the arena, and where it refuses the table is as it was; freezing costs a
//! pointer for each segment, whatever the rows hold; what was frozen never changes; no insert moves more than two
//! segments.
//!
//! What it does not cover: two writers. A table belongs to one thread; frozen copies may go to any.

mod map;
mod row;
mod segment;

pub(crate) use map::CellMap;
pub(crate) use row::{CellList, Payload, Row, RowKeys};
pub(crate) use segment::{Frozen, Table};
