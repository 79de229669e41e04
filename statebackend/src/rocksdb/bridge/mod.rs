//! RocksDB's C++ interface where the C interface lacks something; the only unsafe code of the crate.
//!
//! | C interface | here |
//! |---|---|
//! | a cache with the default ratio of 0.5 | [`Cache`]: ratios, strictness, an arena for its blocks; all read back |
//! | a write buffer manager with a cache of its own kind | [`Buffers`] |
//! | no way to give such a cache to options | [`Tables`], with what is charged to it |
//!
//! `bridge.cc` repeats two structs of RocksDB's `db/c.cc`. `build.rs` reads that file and fails the build
//! where they changed; the versions are pinned. What is public here is safe to call with any arguments.
//!
//! Ownership: RocksDB shares caches and write buffer managers by counted pointers, so databases, caches and managers
//! may be dropped in any order, and the arena lives until the last block is gone.

#![expect(unsafe_code, reason = "RocksDB speaks C++; nothing else in the crate is unsafe")]

mod blocks;
mod family;
mod ffi;

use std::ffi::CStr;
use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use librocksdb_sys as sys;
use rocksdb::{AsColumnFamilyRef, AsRawPtr, Options};

pub(crate) use blocks::BlockArena;
pub(crate) use family::{Db, Family};

/// How a cache is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct CacheShape {
    /// What it may hold, in bytes.
    pub(crate) capacity_bytes: usize,
    /// Two to the power of this many shards; −1: RocksDB chooses by capacity.
    pub(crate) shard_bits: i32,
    /// Whether it refuses to hold more, rather than hold what is pinned.
    pub(crate) strict: bool,
    /// Share of it that blocks of high priority keep.
    pub(crate) high_priority: f64,
    /// Share of it that blocks of low priority keep before those of the lowest.
    pub(crate) low_priority: f64,
}

/// A block cache.
pub(crate) struct Cache {
    raw: NonNull<ffi::Cache>,
}

// SAFETY: a counted pointer to an object whose methods RocksDB makes safe for any thread.
unsafe impl Send for Cache {}
// SAFETY: as above.
unsafe impl Sync for Cache {}

impl Cache {
    /// `None` where RocksDB refuses the ratios or the number of shards.
    pub(crate) fn new(shape: CacheShape, blocks: Arc<BlockArena>) -> Option<Self> {
        let CacheShape { capacity_bytes, shard_bits, strict, high_priority, low_priority } = shape;
        let arena = BlockArena::share(blocks);
        // SAFETY: the arena is valid for the call, which takes its state over.
        let raw = unsafe {
            let arena = ptr::from_ref(&arena);
            ffi::plimsoll_cache_new(capacity_bytes, shard_bits, strict, high_priority, low_priority, arena)
        };
        NonNull::new(raw).map(|raw| Self { raw })
    }

    fn raw(&self) -> *const ffi::Cache {
        self.raw.as_ptr()
    }

    /// What it may hold, in bytes.
    pub(crate) fn capacity_bytes(&self) -> usize {
        // SAFETY: the cache lives as long as `self`; so in all functions below.
        unsafe { ffi::plimsoll_cache_capacity(self.raw()) }
    }

    /// What it holds, charges of memtables and table readers included.
    pub(crate) fn usage_bytes(&self) -> usize {
        // SAFETY: as above.
        unsafe { ffi::plimsoll_cache_usage(self.raw()) }
    }

    /// What of that is in use and cannot be evicted.
    pub(crate) fn pinned_bytes(&self) -> usize {
        // SAFETY: as above.
        unsafe { ffi::plimsoll_cache_pinned(self.raw()) }
    }

    /// Whether it refuses beyond its capacity.
    pub(crate) fn is_strict(&self) -> bool {
        // SAFETY: as above.
        unsafe { ffi::plimsoll_cache_is_strict(self.raw()) }
    }

    /// The share of high priority blocks, as the cache has it.
    pub(crate) fn high_priority(&self) -> f64 {
        // SAFETY: as above; `new` makes LRU caches only, which the function relies on.
        unsafe { ffi::plimsoll_cache_high_priority(self.raw()) }
    }

    /// Lets it hold more or less from now on. What is pinned stays.
    pub(crate) fn set_capacity(&self, bytes: usize) {
        // SAFETY: as above.
        unsafe { ffi::plimsoll_cache_set_capacity(self.raw.as_ptr(), bytes) };
    }

    /// Drops everything that is not in use.
    pub(crate) fn evict_unpinned(&self) {
        // SAFETY: as above.
        unsafe { ffi::plimsoll_cache_evict_unpinned(self.raw.as_ptr()) };
    }

    /// What entries of each role hold, largest first, without empty roles. Walks the whole cache.
    pub(crate) fn roles(&self) -> Vec<RoleUsage> {
        // SAFETY: takes nothing.
        let count = unsafe { ffi::plimsoll_role_count() };
        let mut roles = vec![ffi::Role::default(); count];
        // SAFETY: there is room for `count` roles.
        unsafe { ffi::plimsoll_cache_roles(self.raw.as_ptr(), roles.as_mut_ptr(), count) };
        let held = roles.iter().enumerate().filter(|(_, role)| role.entries > 0);
        let mut usage: Vec<RoleUsage> = held
            .map(|(index, role)| RoleUsage {
                role: role_name(index),
                bytes: role.bytes,
                entries: role.entries,
            })
            .collect();
        usage.sort_by_key(|usage| std::cmp::Reverse(usage.bytes));
        usage
    }
}

fn role_name(role: usize) -> &'static str {
    // SAFETY: a string of C++ that lives as long as the process, or an empty one.
    let name = unsafe { CStr::from_ptr(ffi::plimsoll_role_name(role)) };
    name.to_str().unwrap_or("unknown")
}

impl Drop for Cache {
    fn drop(&mut self) {
        // SAFETY: made by `new` and not freed; databases have pointers of their own.
        unsafe { ffi::plimsoll_cache_free(self.raw.as_ptr()) };
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("capacity_bytes", &self.capacity_bytes())
            .field("usage_bytes", &self.usage_bytes())
            .field("pinned_bytes", &self.pinned_bytes())
            .finish_non_exhaustive()
    }
}

/// What the cache holds for one purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoleUsage {
    /// RocksDB's name of it: `data-block`, `index-block`, `filter-block`, `write-buffer`, …
    pub role: &'static str,
    /// Bytes, with what the cache keeps about each entry.
    pub bytes: u64,
    /// Entries.
    pub entries: u64,
}

/// The write buffer manager of all databases that share a cache.
pub(crate) struct Buffers {
    raw: NonNull<ffi::Buffers>,
}

// SAFETY: as for `Cache`.
unsafe impl Send for Buffers {}
// SAFETY: as for `Cache`.
unsafe impl Sync for Buffers {}

impl Buffers {
    /// A manager that charges memtables to the cache and stalls writers at its limit. A limit of 0 is none at all.
    pub(crate) fn new(limit_bytes: usize, cache: &Cache) -> Self {
        // SAFETY: the cache lives for the call; the manager has a pointer of its own afterwards.
        let raw = unsafe { ffi::plimsoll_buffers_new(limit_bytes, cache.raw(), true) };
        Self { raw: NonNull::new(raw).expect("C++'s new does not return null") }
    }

    fn raw(&self) -> *const ffi::Buffers {
        self.raw.as_ptr()
    }

    /// Where it stalls writers, in bytes.
    pub(crate) fn limit_bytes(&self) -> usize {
        // SAFETY: the manager lives as long as `self`; so in all functions below.
        unsafe { ffi::plimsoll_buffers_limit(self.raw()) }
    }

    /// Bytes of memtables, those being written to files included.
    pub(crate) fn usage_bytes(&self) -> usize {
        // SAFETY: as above.
        unsafe { ffi::plimsoll_buffers_usage(self.raw()) }
    }

    /// Bytes of memtables that still take writes.
    pub(crate) fn mutable_bytes(&self) -> usize {
        // SAFETY: as above.
        unsafe { ffi::plimsoll_buffers_mutable(self.raw()) }
    }

    /// Bytes that the cache is charged for memtables: whole quarters of a MiB.
    pub(crate) fn charged_bytes(&self) -> usize {
        // SAFETY: as above.
        unsafe { ffi::plimsoll_buffers_charged(self.raw()) }
    }

    /// Whether writers are being stalled.
    pub(crate) fn is_stalled(&self) -> bool {
        // SAFETY: as above.
        unsafe { ffi::plimsoll_buffers_is_stalled(self.raw()) }
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        // SAFETY: made by `new` and not freed; databases have pointers of their own.
        unsafe { ffi::plimsoll_buffers_free(self.raw.as_ptr()) };
    }
}

impl fmt::Debug for Buffers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffers")
            .field("limit_bytes", &self.limit_bytes())
            .field("usage_bytes", &self.usage_bytes())
            .field("mutable_bytes", &self.mutable_bytes())
            .finish_non_exhaustive()
    }
}

/// What is charged to the cache beyond blocks and memtables: bits of RocksDB's `CacheEntryRole`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Charged(u32);

impl Charged {
    /// Buffers from which compression dictionaries are trained, filters under construction, table readers.
    pub(crate) const TABLES: Self = Self(1 << 7 | 1 << 8 | 1 << 9);
    /// The same, and the metadata of files.
    pub(crate) const TABLES_AND_FILES: Self = Self(Self::TABLES.0 | 1 << 10);
}

/// A table factory that uses a cache and charges to it. RocksDB charges table readers by the factory, in pieces of
/// 256 KiB: column families with the same tables should share one.
pub(crate) struct Tables {
    raw: NonNull<ffi::Tables>,
}

// SAFETY: a counted pointer to an object that RocksDB shares between threads.
unsafe impl Send for Tables {}
// SAFETY: as above.
unsafe impl Sync for Tables {}

impl Tables {
    /// A factory for tables as these options have them. `None` where they are not block based.
    pub(crate) fn new(options: &Options, cache: &Cache, charged: Charged) -> Option<Self> {
        // SAFETY: both live for the call; the factory has pointers of its own afterwards.
        let raw = unsafe { ffi::plimsoll_tables_new(options.as_raw_ptr(), cache.raw(), charged.0) };
        NonNull::new(raw).map(|raw| Self { raw })
    }

    /// Gives it to options, in place of the factory that they have.
    pub(crate) fn apply(&self, options: &mut Options) {
        // SAFETY: both live for the call; the options are ours alone.
        unsafe { ffi::plimsoll_options_use_tables(options.as_raw_ptr(), self.raw.as_ptr()) };
    }
}

impl Drop for Tables {
    fn drop(&mut self) {
        // SAFETY: made by `new` and not freed; options and databases have pointers of their own.
        unsafe { ffi::plimsoll_tables_free(self.raw.as_ptr()) };
    }
}

/// Whether options have this cache and no other.
pub(crate) fn have_cache(options: &Options, cache: &Cache) -> bool {
    // SAFETY: both live for the call, which reads only.
    unsafe { ffi::plimsoll_options_have_cache(options.as_raw_ptr(), cache.raw()) }
}

/// Gives the options of a database the manager.
pub(crate) fn use_buffers(options: &mut Options, buffers: &Buffers) {
    // SAFETY: both live for the call; the options are ours alone.
    unsafe { ffi::plimsoll_options_use_buffers(options.as_raw_ptr(), buffers.raw()) };
}

/// Whether options have this manager and no other.
pub(crate) fn have_buffers(options: &Options, buffers: &Buffers) -> bool {
    // SAFETY: both live for the call, which reads only.
    unsafe { ffi::plimsoll_options_have_buffers(options.as_raw_ptr(), buffers.raw()) }
}

/// Whether a family of an open database has this cache.
pub(crate) fn family_has_cache(family: &impl AsColumnFamilyRef, cache: &Cache) -> bool {
    // SAFETY: a handle lives no longer than its database, and is borrowed for the call.
    unsafe { ffi::plimsoll_family_has_cache(family.inner(), cache.raw()) }
}

/// Lets a database close without writing its memtables: what is not in a snapshot is lost anyway.
pub(crate) fn avoid_flush_during_shutdown(options: &mut Options) {
    // SAFETY: the options live for the call and are ours alone.
    unsafe { sys::rocksdb_options_set_avoid_flush_during_shutdown(options.as_raw_ptr(), 1) };
}
