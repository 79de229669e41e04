//! Per-thread caches of small objects, one for each pool that a thread uses.
//!
//! A hit costs a look into a thread-local table, a comparison of the pool's id, and a push or pop on an array of
//! pointers. jemalloc's own explicit caches cost more than twice as much, because their way leads through its slow
//! path; and its automatic caches mix the objects of all arenas.
//!
//! **Bound.** A thread keeps at most 256 KiB of a pool, or a 128th of the pool's cap if that is less; of one class at
//! most 64 KiB (a few objects more where these are large) and 1024 objects. These bytes stay inside the cap. The cache
//! itself lies outside of the pool: 2 KiB for each thread and pool, and 8 bytes for each place in the stacks of the
//! size classes that the thread used, 8 KiB for the smallest classes and 85 KiB for all.
//!
//! **Whose objects.** A cache belongs to one thread and one pool, and is found only through the pool's id, which is
//! never used twice. What it hands out came in through the same pool, so pools and ordinary memory never mix.
//!
//! **Ends.** A pool keeps a list of its caches, under a mutex (`registry`). *Thread first*: at the thread's end the
//! cache gives its objects back and leaves the list, both under the mutex and only if the pool still lives. *Pool
//! first*: the pool marks itself dead under the mutex before its arena goes; a cache that finds it dead forgets its
//! pointers without looking at them. As flush and death exclude each other, no pointer is freed into an arena that is
//! gone. Operations need no lock: each borrows the pool, and a pool that is borrowed is not dropped.
//!
//! **Under pressure** a pool spoils the key of every cache in its list; a thread that finds its key spoiled gives back
//! what it has, then repairs the key. Objects of a thread that does nothing stay in its cache, within the bound.
//!
//! **Lock order.** The registry's mutex, then jemalloc's, then the [`Charge`](super::Charge)'s. The mutex of the
//! numbers is taken alone.

mod cache;
mod local;
mod registry;

pub(super) use local::{flush, free, own, peek};
pub(super) use registry::{Registry, cached_bytes_max};

/// Pools that can have caches at the same time. A pool beyond them works, without caches.
pub(super) const CACHED_POOLS_MAX: usize = 128;
