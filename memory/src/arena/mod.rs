//! Memory that physically refuses: jemalloc arenas with a cap, and the only unsafe code of the crate.
//!
//! | module | what |
//! |---|---|
//! | [`counting`] | the global allocator that counts, for [`crate::heap`] |
//! | [`failing`] | an allocator whose n-th call fails, for tests |
//! | [`mallctl`] | jemalloc's control interface, typed: statistics, options, arenas |
//! | [`startup`] | jemalloc's start-up options, the number of arenas from the container's CPU quota |
//!
//! What it promises: every call into jemalloc and into the kernel's memory interface stands here, each unsafe block
//! with its proof; what is public here is safe to call with any arguments.
//! What it does not cover: who may have how much. That is counted in pools and owners above this module.

#[expect(unsafe_code, reason = "a global allocator is an unsafe trait")]
pub mod counting;
#[expect(unsafe_code, reason = "a global allocator is an unsafe trait")]
pub mod failing;
#[expect(unsafe_code, reason = "jemalloc's control interface is C")]
pub mod mallctl;
#[expect(unsafe_code, reason = "a symbol that C reads, and a constructor that runs before main")]
pub mod startup;
