//! Memory that physically refuses: jemalloc arenas with a cap, and the only unsafe code of the crate.
//!
//! | module | what |
//! |---|---|
//! | [`counting`] | the global allocator that counts, for [`crate::heap`] |
//! | [`failing`] | an allocator whose n-th call fails, for tests |
//! | [`mallctl`] | jemalloc's control interface, typed: statistics, options, arenas |
//! | `slab`, `home` | a mapping cut into slots; slots that go home when they are dropped |
//! | `ring`, `stack` | slots at home and slots of no home, without locks |
//! | [`startup`] | jemalloc's start-up options, the number of arenas from the container's CPU quota |
//! | `address_space` | a mapping without memory behind it, for a pool's addresses |
//! | `charge` | [`Charge`]: who pays for an arena's pages |
//! | `hooks` | how jemalloc gets pages: addresses freely, memory up to the cap |
//! | `class` | size classes of small objects |
//! | `tcache` | each thread's cache of small objects, one for each pool |
//! | `pool` | [`PoolArena`]: an arena with its cap, its counts and its end |
//! | `allocator` | [`PoolAllocator`]: the same, for collections |
//!
//! What it promises: committed pages of a pool never exceed its cap, not for an instant; at the cap a request is
//! refused and nothing else happens; objects of different pools never mix; an ended pool has given back every page.
//! Every call into jemalloc and into the kernel's memory interface stands here, each unsafe block with its proof; what
//! is public here is safe to call with any arguments.
//! What it does not cover: who may have how much, which is counted in pools and owners above this module; and objects
//! that jemalloc allocates for threads at large.

#![expect(unsafe_code, reason = "jemalloc and the kernel speak C; nothing else in the crate is unsafe")]

mod address_space;
mod allocator;
mod charge;
mod class;
pub mod counting;
mod error;
pub mod failing;
pub(crate) mod home;
mod hooks;
pub mod mallctl;
mod pool;
pub(crate) mod ring;
pub(crate) mod slab;
pub(crate) mod stack;
pub mod startup;
mod tcache;

pub use allocator::PoolAllocator;
pub use charge::{Charge, Unpaid};
pub use error::ArenaError;
pub use pool::{BASE_BYTES, PoolArena};

#[cfg(test)]
mod places;
