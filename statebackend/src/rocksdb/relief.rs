//! Writers that free memtables before they can stall for ever.
//!
//! RocksDB stalls every writer of the slot while memtables hold more than their limit, and a stalled writer is woken
//! when a flush has freed enough. But a flush is only started by the writer, before it stalls, and only of the oldest
//! memtable of its own database. Where the bytes are in other memtables of it, or in another database whose task is
//! idle, nobody ever starts another flush. So here each write is followed by a look at the sum: past three quarters of
//! the limit the largest memtables of all databases of the slot are flushed, until half is free.
//!
//! Why nobody waits for ever: what carries the sum past the limit is written by somebody who then frees what it wrote,
//! its own memtables first, without waiting for anybody. A database in the middle of a write may be stalled, and a
//! flush of it would wait with it, so it is passed over; its own writer looks after it.

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rocksdb::{AsColumnFamilyRef, DBWithThreadMode, FlushOptions, ThreadMode};

use super::SlotMemory;
use super::bridge::Buffers;
use crate::StateError;

/// A database whose memtables can be flushed, by any thread.
pub trait Flush: Send + Sync {
    /// The bytes of each column family's memtable: [`memtable_bytes`] of each.
    fn memtables(&self) -> Vec<u64>;

    /// Starts to flush the memtable of a column family, by its place in [`memtables`](Self::memtables), and does not
    /// wait for it: [`flush_memtable`].
    ///
    /// # Errors
    /// The database refuses; what it held it still holds.
    fn flush(&self, family: usize) -> Result<(), StateError>;
}

/// The bytes that a column family's memtable uses; 0 where the database does not say.
pub fn memtable_bytes<T: ThreadMode>(db: &DBWithThreadMode<T>, family: &impl AsColumnFamilyRef) -> u64 {
    db.property_int_value_cf(family, "rocksdb.cur-size-active-mem-table").ok().flatten().unwrap_or(0)
}

/// Starts to flush a column family's memtable, without waiting for it.
///
/// # Errors
/// The database refuses.
pub fn flush_memtable<T: ThreadMode>(
    db: &DBWithThreadMode<T>,
    family: &impl AsColumnFamilyRef,
) -> Result<(), StateError> {
    let mut options = FlushOptions::new();
    options.set_wait(false);
    db.flush_cf_opt(family, &options)
        .map_err(|error| StateError::rocksdb("flush a memtable", db.path().display().to_string(), error))
}

/// All databases of a slot.
pub(super) struct Relief {
    buffers: Arc<Buffers>,
    seats: Mutex<Vec<Weak<Seat>>>,
    /// Held while memtables of others are flushed: one at a time is enough.
    flushing_others: Mutex<()>,
}

struct Seat {
    database: Weak<dyn Flush>,
    /// Writes that have begun and not ended.
    writing: AtomicU32,
}

/// The writer of a database. All writes go through it.
pub struct Writer {
    relief: Arc<Relief>,
    seat: Arc<Seat>,
}

/// A write that has begun; also where it panics.
struct Writing<'a>(&'a Seat);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.writing.fetch_sub(1, SeqCst);
    }
}

impl SlotMemory {
    /// Makes a database known to the others of the slot, and gives its writer. The database is known until either is
    /// dropped.
    pub fn writer<F: Flush + 'static>(&self, database: &Arc<F>) -> Writer {
        let weak: Weak<F> = Arc::downgrade(database);
        let seat = Arc::new(Seat { database: weak, writing: AtomicU32::new(0) });
        let mut seats = self.relief.seats.lock().unwrap_or_else(PoisonError::into_inner);
        seats.retain(|seat| seat.strong_count() > 0);
        seats.push(Arc::downgrade(&seat));
        drop(seats);
        Writer { relief: Arc::clone(&self.relief), seat }
    }
}

impl Writer {
    /// Writes, and then starts to flush memtables where they hold too much together.
    ///
    /// # Errors
    /// Those of the write. A failed flush is none: the next write of that database says so.
    pub fn write<T, E>(&self, write: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.seat.writing.fetch_add(1, SeqCst);
        let writing = Writing(&self.seat);
        let written = write();
        drop(writing);
        self.relief.after_write(&self.seat);
        written
    }
}

impl Relief {
    pub(super) fn new(buffers: Arc<Buffers>) -> Self {
        Self { buffers, seats: Mutex::default(), flushing_others: Mutex::new(()) }
    }

    #[inline]
    fn after_write(&self, own: &Seat) {
        let limit = self.buffers.limit_bytes();
        if self.buffers.mutable_bytes() > limit / 4 * 3 {
            self.relieve(own, limit);
        }
    }

    #[cold]
    fn relieve(&self, own: &Seat, limit: usize) {
        let enough = || self.buffers.mutable_bytes() <= limit / 2;
        if self.buffers.usage_bytes() >= limit {
            // others may be stalled by what was written: free that before anything that could wait
            flush(&own.database.upgrade().into_iter().collect::<Vec<_>>(), enough);
        }
        if enough() {
            return;
        }
        let Ok(_one) = self.flushing_others.try_lock() else {
            return flush(&own.database.upgrade().into_iter().collect::<Vec<_>>(), enough);
        };
        let seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = seats.iter().filter_map(Weak::upgrade).filter(|seat| seat.writing.load(SeqCst) == 0);
        let databases: Vec<_> = idle.filter_map(|seat| seat.database.upgrade()).collect();
        drop(seats);
        flush(&databases, enough);
    }
}

/// Flushes the largest memtables until there is enough room, or none is left.
fn flush(databases: &[Arc<dyn Flush>], enough: impl Fn() -> bool) {
    let mut memtables: Vec<(u64, &Arc<dyn Flush>, usize)> = databases
        .iter()
        .flat_map(|database| {
            database.memtables().into_iter().enumerate().map(move |(family, bytes)| (bytes, database, family))
        })
        .collect();
    memtables.sort_by_key(|(bytes, ..)| std::cmp::Reverse(*bytes));
    for (_, database, family) in memtables {
        if enough() {
            return;
        }
        // A database that cannot flush says so at its next write; the others are not to blame.
        drop(database.flush(family));
    }
}
