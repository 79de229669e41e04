//! The memory of Apache Flink's processes: derived to the byte, and enforced.
//!
//! | module | what |
//! |---|---|
//! | [`size`] | [`MemorySize`]: Flink's sizes, their texts and exact arithmetic |
//! | [`java`] | the few pieces of Java's own behaviour that Flink's answers depend on |
//! | [`config`] | the flat map of dotted keys, each value with the place it came from; the file readers |
//! | [`model`] | the derivation: TaskManager, JobManager, slots, network buffers, RocksDB, consumer weights |
//! | `report` | (feature `observe`) what a process holds and measures, as data and as text |
//! | `cgroup` | (feature `observe`) what the kernel allows this process, and the check that the model fits |
//! | `probe` | (feature `observe`) what a process measures, and how far that is from what it accounts for |
//! | `budget` | (feature `enforce`) pools that hand out bytes and refuse |
//! | `arena` | (feature `enforce`) jemalloc arenas with a cap; the only unsafe code |
//! | `segment` | (feature `enforce`) memory in pieces of one size: managed pages, network buffers |
//! | `heap` | (feature `enforce`) the general heap: counted, attributed, watched |
//!
//! The first four are pure: no I/O, no clock, no panic; the answers of the real Flink to the byte and to the letter.
//!
//! # What is counted and what is not
//!
//! A process takes the sizes that the model derived. Three layers hold it to them: accounting that refuses, physical
//! caps below it, and the kernel's limit below that, which is not reached.
//!
//! | bytes | held by | exact to |
//! |---|---|---|
//! | reservations of a `budget::Pool` | refused past the limit of any level; counting is up to the caller | the byte |
//! | a `PoolArena`: tables, vectors, caches | the arena's commit hook: pages past the cap are never committed | the page; 2 MiB of each arena are its own bookkeeping, inside the cap |
//! | managed pages and network buffers | carved from a mapping; charged before they are touched, decommitted before they are given back | the page |
//! | the general heap (`String`, `Vec`, …) | counted; new work is refused, an allocation is not: the standard library aborts where one fails | 64 KiB a thread |
//! | thread stacks, jemalloc's slack and tables, page tables | nobody: `budget::OverheadLoad` says term by term what the overhead must hold | an upper estimate |
//! | C libraries with a `malloc` of their own | nobody; seen as drift | |
//! | file pages: the program, mapped files, the page cache | nobody; the kernel takes them back when it needs room | |
//! | socket buffers and other kernel memory | nobody; counted by the control group, shown apart | |
//!
//! What nobody counts shows as *drift*: measured less accounted bytes, once a second, with an alarm at 2 % of the
//! process by default.

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
