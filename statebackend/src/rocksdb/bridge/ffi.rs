//! The functions of `bridge.cc`, as C sees them.

use std::ffi::{c_char, c_int, c_void};

use librocksdb_sys as sys;

/// A shared pointer to a block cache.
#[repr(C)]
pub(super) struct Cache {
    _opaque: [u8; 0],
}

/// A shared pointer to a write buffer manager.
#[repr(C)]
pub(super) struct Buffers {
    _opaque: [u8; 0],
}

/// A shared pointer to a table factory.
#[repr(C)]
pub(super) struct Tables {
    _opaque: [u8; 0],
}

/// Where a cache's blocks lie. The state is null or owned by whoever holds this, and dropped with `drop`.
#[repr(C)]
pub(super) struct Arena {
    pub(super) state: *mut c_void,
    pub(super) allocate: extern "C" fn(state: *mut c_void, bytes: usize) -> *mut c_void,
    pub(super) deallocate: unsafe extern "C" fn(state: *mut c_void, block: *mut c_void),
    pub(super) usable: unsafe extern "C" fn(state: *const c_void, block: *const c_void) -> usize,
    pub(super) drop: unsafe extern "C" fn(state: *mut c_void),
}

/// What entries of one role hold.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct Role {
    pub(super) bytes: u64,
    pub(super) entries: u64,
}

unsafe extern "C" {
    pub(super) fn plimsoll_cache_new(
        capacity: usize,
        shard_bits: c_int,
        strict: bool,
        high_priority: f64,
        low_priority: f64,
        arena: *const Arena,
    ) -> *mut Cache;
    pub(super) fn plimsoll_cache_free(cache: *mut Cache);
    pub(super) fn plimsoll_cache_capacity(cache: *const Cache) -> usize;
    pub(super) fn plimsoll_cache_usage(cache: *const Cache) -> usize;
    pub(super) fn plimsoll_cache_pinned(cache: *const Cache) -> usize;
    pub(super) fn plimsoll_cache_is_strict(cache: *const Cache) -> bool;
    pub(super) fn plimsoll_cache_high_priority(cache: *const Cache) -> f64;
    pub(super) fn plimsoll_cache_set_capacity(cache: *mut Cache, capacity: usize);
    pub(super) fn plimsoll_cache_evict_unpinned(cache: *mut Cache);
    pub(super) fn plimsoll_cache_roles(cache: *mut Cache, roles: *mut Role, count: usize);
    pub(super) fn plimsoll_role_count() -> usize;
    pub(super) fn plimsoll_role_name(role: usize) -> *const c_char;

    pub(super) fn plimsoll_buffers_new(bytes: usize, cache: *const Cache, stall: bool) -> *mut Buffers;
    pub(super) fn plimsoll_buffers_free(buffers: *mut Buffers);
    pub(super) fn plimsoll_buffers_limit(buffers: *const Buffers) -> usize;
    pub(super) fn plimsoll_buffers_usage(buffers: *const Buffers) -> usize;
    pub(super) fn plimsoll_buffers_mutable(buffers: *const Buffers) -> usize;
    pub(super) fn plimsoll_buffers_charged(buffers: *const Buffers) -> usize;
    pub(super) fn plimsoll_buffers_is_stalled(buffers: *const Buffers) -> bool;

    pub(super) fn plimsoll_tables_new(
        options: *const sys::rocksdb_options_t,
        cache: *const Cache,
        charged: u32,
    ) -> *mut Tables;
    pub(super) fn plimsoll_tables_free(tables: *mut Tables);
    pub(super) fn plimsoll_options_use_tables(options: *mut sys::rocksdb_options_t, tables: *const Tables);
    pub(super) fn plimsoll_options_have_cache(
        options: *const sys::rocksdb_options_t,
        cache: *const Cache,
    ) -> bool;
    pub(super) fn plimsoll_options_use_buffers(options: *mut sys::rocksdb_options_t, buffers: *const Buffers);
    pub(super) fn plimsoll_options_have_buffers(
        options: *const sys::rocksdb_options_t,
        buffers: *const Buffers,
    ) -> bool;
    pub(super) fn plimsoll_family_has_cache(
        family: *const sys::rocksdb_column_family_handle_t,
        cache: *const Cache,
    ) -> bool;
}
