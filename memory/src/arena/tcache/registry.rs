//! A pool's list of its caches, and the numbers by which threads find theirs.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::CACHED_POOLS_MAX;
use super::cache::Face;

/// Which of the thread-local tables' places are taken by living pools.
static PLACES: Mutex<[bool; CACHED_POOLS_MAX]> = Mutex::new([false; CACHED_POOLS_MAX]);

/// The id of the next pool; 0 is nobody's.
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// What one thread may keep of a pool with this cap, in bytes: 256 KiB or a 128th of the cap, whichever is less.
pub(in super::super) fn cached_bytes_max(cap_bytes: u64) -> u64 {
    (256 << 10).min(cap_bytes / 128)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No invariant spans a panic: each critical section changes one thing.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct State {
    alive: bool,
    /// A cache is in the list from its birth to its end, which it reaches under this mutex.
    faces: Vec<NonNull<Face>>,
}

/// What the caches of a pool have in common. Outlives the pool for as long as a cache exists.
pub(in super::super) struct Registry {
    /// Never used for another pool.
    pub(in super::super) id: u64,
    /// The pool's place in the threads' tables; [`CACHED_POOLS_MAX`] if there was none left.
    pub(in super::super) place: usize,
    pub(super) bytes_max: u64,
    state: Mutex<State>,
}

// SAFETY: the faces behind the pointers hold atomics only, and are looked at under the mutex, while they are in the
// list and therefore alive.
unsafe impl Send for Registry {}
// SAFETY: as above.
unsafe impl Sync for Registry {}

impl Registry {
    /// For a new pool, with an id and a place of its own.
    pub(in super::super) fn for_pool(cap_bytes: u64) -> Self {
        let mut places = lock(&PLACES);
        let place = places.iter().position(|taken| !taken).unwrap_or(CACHED_POOLS_MAX);
        if let Some(taken) = places.get_mut(place) {
            *taken = true;
        }
        Self::new(NEXT_ID.fetch_add(1, Relaxed), place, cap_bytes)
    }

    pub(super) fn new(id: u64, place: usize, cap_bytes: u64) -> Self {
        let state = Mutex::new(State { alive: true, faces: Vec::new() });
        Self { id, place, bytes_max: cached_bytes_max(cap_bytes), state }
    }

    /// Puts a new cache on the list. False if there is no memory for the list.
    pub(super) fn enter(&self, face: NonNull<Face>) -> bool {
        let mut state = lock(&self.state);
        if state.faces.try_reserve(1).is_err() {
            return false;
        }
        state.faces.push(face);
        true
    }

    /// Takes a cache off the list. While the pool lives, and so that it cannot die meanwhile, `flush` is called first.
    pub(super) fn leave(&self, face: NonNull<Face>, flush: impl FnOnce()) {
        let mut state = lock(&self.state);
        if state.alive {
            flush();
        }
        state.faces.retain(|other| *other != face);
    }

    /// Asks every thread to give back what it keeps of the pool, at its next operation.
    pub(in super::super) fn press(&self) {
        for face in &lock(&self.state).faces {
            // SAFETY: it is in the list, so it is alive, and it stays while we hold the mutex.
            unsafe { face.as_ref() }.key.store(0, Relaxed);
        }
    }

    /// Bytes that all threads keep of the pool at this moment.
    pub(in super::super) fn cached_bytes(&self) -> u64 {
        let state = lock(&self.state);
        // SAFETY: as in `press`.
        state.faces.iter().map(|face| unsafe { face.as_ref() }.cached_bytes.load(Relaxed)).sum()
    }

    /// The pool is about to end: from now on, no cache gives anything back. Its place is free for another pool.
    pub(in super::super) fn close(&self) {
        lock(&self.state).alive = false;
        if let Some(taken) = lock(&PLACES).get_mut(self.place) {
            *taken = false;
        }
    }
}
