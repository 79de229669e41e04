//! Operator state: what belongs to a subtask of an operator and not to a key, as offsets of a source do.
//!
//! ```
//! use plimsoll_memory::budget::Pool;
//! use plimsoll_statebackend::HeapMemory;
//! use plimsoll_statebackend::operator::{OperatorBackend, OperatorSettings};
//! use plimsoll_statebackend::serializer::{I64, Pair, Utf8};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let heap = Pool::root("task heap", 16 << 20)?;
//! let settings = OperatorSettings {
//!     name: "source-0".to_owned(),
//!     memory: HeapMemory::new(&heap, "source")?,
//!     storage: None,
//!     restore_owner: None,
//! };
//! let mut backend = OperatorBackend::open(settings, &[])?;
//! let offsets = backend.list_state("offsets", Pair(Utf8, I64))?;
//! offsets.add(&("orders.csv".to_owned(), 4_711))?;
//! let rules = backend.broadcast_state("rules", Utf8, I64)?;
//! rules.put(&"limit".to_owned(), &10)?;
//! assert_eq!(rules.get(&"limit".to_owned())?, Some(10));
//! # Ok(())
//! # }
//! ```
//!
//! | module | what |
//! |---|---|
//! | `backend` | [`OperatorBackend`]: states by name, their snapshot and their restore |
//! | `list` | [`OperatorList`]: elements that are split or united at a restore |
//! | `broadcast` | [`BroadcastState`]: a map that every subtask has alike |
//! | `file` | the file of a subtask, each element with a checksum of its own |
//! | `handle` | [`OperatorStateHandle`]: where the elements are |
//! | `repartition` | [`repartition()`]: who restores which of them, as Flink decides it |
//!
//! What it promises: elements live in the arena, and a refused change has changed nothing; a snapshot stops the task for
//! a pointer a state; a restore reads the elements of its own subtask alone; states that are not asked for are carried
//! over as they stand; any damaged byte is an error that names its place.
//!
//! What it does not cover: large state. A list or a map is copied as a whole where it is changed while a snapshot reads
//! it: operator state is small (a few elements a split of a source), and what is large has keys. RocksDB keeps none.

mod backend;
mod broadcast;
mod file;
mod handle;
mod list;
mod repartition;

pub use backend::{OperatorBackend, OperatorSettings, OperatorSnapshotResult, PendingOperatorSnapshot};
pub use broadcast::BroadcastState;
pub use handle::{Distribution, OperatorStateHandle, Partitions};
pub use list::OperatorList;
pub use repartition::repartition;
