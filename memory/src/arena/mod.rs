//! Memory that physically refuses: jemalloc arenas with a cap, and the only unsafe code of the crate.
//!
//! | module | what |
//! |---|---|
//! | [`mallctl`] | jemalloc's control interface, typed: statistics, options, arenas |
//! | `slab`, `home` | a mapping cut into slots; slots that go home when they are dropped |
//! | `stack` | the free list of slots, without locks |
//!
//! What it promises: every call into jemalloc and into the kernel's memory interface stands here, each unsafe block
//! with its proof; what is public here is safe to call with any arguments.
//! What it does not cover: who may have how much. That is counted in pools and owners above this module.

#[expect(unsafe_code, reason = "jemalloc's control interface is C")]
pub mod mallctl;

pub(crate) mod home;
pub(crate) mod slab;
pub(crate) mod stack;
