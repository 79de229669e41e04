//! Timers: what a key waits for, in the order of time.
//!
//! A timer is a time, a key and a namespace; there is one of each at most. Those of a key group are kept sorted by
//! time, so that a snapshot, a rescale and a search for the next one read them in the order they are in. Of timers
//! of one time, those of the lower key group come first, then those whose encoding is less: the same on every backend.
//!
//! | module | what |
//! |---|---|
//! | `queue` | [`Timers`]: the queue as a program uses it, and its descriptor |
//! | `row` | how a timer becomes a row |
//! | `page` | some sorted rows, end to end |
//! | `sorted` | sorted pages: a set of rows that a snapshot may read while it is written |
//! | `order` | which key group has the next timer |
//! | `heap` | timers in the arena |
//! | `rocks` | timers in a column family, the next of each key group in memory |
//!
//! Where they are: with tables in memory, in the same arena. With RocksDB, in a column family by default; with
//! `state.backend.rocksdb.timer-service.factory: HEAP` in an arena of their own, from where they go into every
//! snapshot. A restore may change from one to the other.
//!
//! What it promises: a timer that was registered is popped once, in order, unless it is deleted before; a refused or
//! failed call has changed nothing.
//!
//! What it does not cover: when to pop. Watermarks and clocks are the engine's.

mod heap;
mod order;
mod page;
mod queue;
mod rocks;
mod row;
mod sorted;

pub use queue::{Timer, TimerDescriptor, Timers};

pub(crate) use heap::HeapTimers;
pub(crate) use queue::TimerStore;
pub(crate) use rocks::RocksTimers;
