//! The general heap: what the program allocates outside of the pools, counted, attributed and watched.
//!
//! | module | what |
//! |---|---|
//! | [`tally`] | counting in thread-local batches, and the sums |
//! | [`owner`] | [`HeapOwner`]: whose bytes they are, by name |
//! | [`watermark`] | the levels, as data and as a pure function with hysteresis |
//! | [`governor`] | what to do at which level: a pure state machine |
//! | [`regulator`] | the thin edge that does it, called once a second |
//! | [`refusal`] | [`admit`] and its typed refusal |
//! | [`reserve`] | whether the emergency reserve is there |
//!
//! A program counts its heap with one line:
//!
//! ```
//! use plimsoll_memory::arena::counting::CountingAlloc;
//!
//! #[global_allocator]
//! static HEAP: CountingAlloc = CountingAlloc::jemalloc();
//! ```
//!
//! **What is counted**: the sizes that the program asked for, of every block it holds, through the global allocator.
//! Each thread keeps up to 64 KiB (added or freed) to itself, so that every sum here may be off by *threads × 64 KiB*
//! in either direction; a thread that ends hands over what it kept. A block that is freed is credited to the owner
//! that is current where it is freed, not to the one that allocated it: an owner's bytes are exact where it frees its
//! own, and may be negative where it frees others'. The owners' bytes always add up to the total.
//!
//! **What is not counted**: the allocator's rounding and caches (jemalloc's `resident` less what is counted here is its
//! slack: see `probe`), pools and segments (they count themselves), thread stacks, C libraries with their own
//! `malloc`. The emergency reserve of 8 MiB of address space is not counted either: it is part of the overhead.
//!
//! **What it promises**: no allocation is refused here, because Rust's collections abort where one is. New work is
//! refused instead ([`admit`]) before the heap is full. An allocation that fails below is tried once more after a
//! purge and with the reserve given back, so that a single failure never ends the process; when that fails too, the
//! caller gets the null that Rust aborts on.
//!
//! No lock is taken to count. The list of owners has a lock, taken when an owner is first used and when a report is
//! made; nothing is called under it.

pub mod governor;
pub mod owner;
pub mod refusal;
pub mod regulator;
pub mod reserve;
pub mod tally;
pub mod watermark;

pub use governor::{Governor, Orders, Sight};
pub use owner::{Attribution, HeapOwner, OwnerBytes, attribute, owners};
pub use refusal::{HeapRefusal, admit};
pub use regulator::{Regulator, backpressure};
pub use tally::{BATCH_BYTES, flush_thread, held_bytes, level, limit_bytes, peak_bytes, set_limit};
pub use watermark::{Level, Watermarks};
