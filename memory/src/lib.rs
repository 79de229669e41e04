//! The memory of Apache Flink's processes: configuration in, bytes out, each byte with its origin.
//!
//! | module | what |
//! |---|---|
//! | [`size`] | [`MemorySize`]: Flink's sizes, their texts and exact arithmetic |
//! | [`java`] | the few pieces of Java's own behaviour that Flink's answers depend on |
//! | [`config`] | the flat map of dotted keys, each value with the place it came from; the file readers |
//! | `budget` | (feature `enforce`) pools that hand out bytes and refuse |
//! | `report` | (feature `observe`) what a process holds and measures, as data and as text |
//! | `arena` | (feature `enforce`) jemalloc arenas with a cap; the only unsafe code |
//! | `segment` | (feature `enforce`) memory in pieces of one size: managed pages, network buffers |
//! | `cgroup` | (feature `observe`) what the kernel allows this process, and the check that the model fits |
//! | `probe` | (feature `observe`) what a process measures, and how far that is from what it accounts for |
//! | `heap` | (feature `enforce`) the general heap: counted, attributed, watched |
//! | [`model`] | the derivation: TaskManager, JobManager, slots, network buffers, RocksDB, consumer weights |
//!
//! What it promises: no I/O, no clock, no panic; the answers of the real Flink to the byte and to the letter.
//! What it does not cover: enforcing the sizes (no allocation is counted or refused here).

#[cfg(feature = "enforce")]
pub mod arena;
#[cfg(feature = "enforce")]
pub mod budget;
#[cfg(feature = "observe")]
pub mod cgroup;
pub mod config;
#[cfg(feature = "enforce")]
pub mod heap;
pub mod java;
pub mod model;
#[cfg(feature = "observe")]
pub mod probe;
#[cfg(feature = "observe")]
pub mod report;
#[cfg(feature = "enforce")]
pub mod segment;
pub mod size;
#[cfg(feature = "enforce")]
mod sync;

pub use size::MemorySize;
