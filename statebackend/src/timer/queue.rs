//! The queue of timers as a program uses it.

use std::cell::RefCell;
use std::rc::Rc;

use super::{HeapTimers, RocksTimers, row};
use crate::StateError;
use crate::backend::Core;
use crate::serializer::{KeySerializer, Serializer, Unit};
use crate::state::writing;

/// What a program says of a queue of timers.
#[derive(Debug, Clone)]
pub struct TimerDescriptor<N: KeySerializer = Unit> {
    pub(crate) name: String,
    pub(crate) namespace: N,
}

impl TimerDescriptor {
    /// A queue whose timers have no namespaces.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), namespace: Unit }
    }
}

impl<N: KeySerializer> TimerDescriptor<N> {
    /// With namespaces, as windows have.
    #[must_use]
    pub fn namespaced<M: KeySerializer>(self, namespace: M) -> TimerDescriptor<M> {
        TimerDescriptor { name: self.name, namespace }
    }

    /// The name: unique among the states of a backend, and how it is found again at a restore.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// A timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timer<K, N = ()> {
    /// When, in milliseconds of whatever time the queue is about.
    pub timestamp_ms: i64,
    /// Whose.
    pub key: K,
    /// In which namespace.
    pub namespace: N,
}

/// A timer of a queue.
pub(crate) type TimerOf<K, N> = Timer<<K as Serializer>::Value, <N as Serializer>::Value>;

/// Where a queue is kept.
pub(crate) enum TimerStore<K: KeySerializer, N: KeySerializer> {
    Heap(HeapTimers<K, N>),
    Rocks(RocksTimers<K, N>),
}

/// The timers of one queue: event time and processing time have one each.
///
/// A handle: clones mean the same queue, of the thread that made its backend.
pub struct Timers<K: KeySerializer, N: KeySerializer = Unit> {
    store: Rc<RefCell<TimerStore<K, N>>>,
}

impl<K: KeySerializer, N: KeySerializer> Clone for Timers<K, N> {
    fn clone(&self) -> Self {
        Self { store: Rc::clone(&self.store) }
    }
}

fn timer<K: KeySerializer, N: KeySerializer>(
    core: &Core<K>,
    namespace: &N,
    row: &[u8],
) -> Result<TimerOf<K, N>, StateError> {
    let (timestamp_ms, key, namespace) = row::read(&core.key, namespace, row)
        .map_err(|error| StateError::corrupt("a timer", error.to_string()))?;
    Ok(Timer { timestamp_ms, key, namespace })
}

impl<K: KeySerializer, N: KeySerializer> Timers<K, N> {
    pub(crate) fn new(store: Rc<RefCell<TimerStore<K, N>>>) -> Self {
        Self { store }
    }

    /// Registers a timer; one that is there already stays as it is.
    ///
    /// # Errors
    /// Memory is refused, the key is of another subtask, it is too large, or the database fails. Nothing has changed
    /// then.
    pub fn register(
        &self,
        key: &K::Value,
        namespace: &N::Value,
        timestamp_ms: i64,
    ) -> Result<(), StateError> {
        match &mut *writing(&self.store)? {
            TimerStore::Heap(timers) => timers.register(key, namespace, timestamp_ms),
            TimerStore::Rocks(timers) => timers.register(key, namespace, timestamp_ms),
        }
    }

    /// Deletes a timer, whether it is there or not.
    ///
    /// # Errors
    /// As [`register`](Self::register); memory may be needed while a snapshot reads the timers.
    pub fn delete(&self, key: &K::Value, namespace: &N::Value, timestamp_ms: i64) -> Result<(), StateError> {
        match &mut *writing(&self.store)? {
            TimerStore::Heap(timers) => timers.delete(key, namespace, timestamp_ms),
            TimerStore::Rocks(timers) => timers.delete(key, namespace, timestamp_ms),
        }
    }

    /// The time of the next timer, in milliseconds.
    ///
    /// # Errors
    /// The database fails.
    pub fn next_timestamp_ms(&self) -> Result<Option<i64>, StateError> {
        match &mut *writing(&self.store)? {
            TimerStore::Heap(timers) => Ok(timers.next()),
            TimerStore::Rocks(timers) => timers.next(),
        }
    }

    /// Takes the next timer, if its time is `until_ms` or before. What a program does about it may register and delete
    /// others: ask again until there is none.
    ///
    /// # Errors
    /// The database fails, or memory is refused while a snapshot reads the timers. The timer is still there then.
    pub fn pop_due(&self, until_ms: i64) -> Result<Option<TimerOf<K, N>>, StateError> {
        match &mut *writing(&self.store)? {
            TimerStore::Heap(timers) => timers.pop(until_ms, timer),
            TimerStore::Rocks(timers) => timers.pop(until_ms, timer),
        }
    }

    /// Shows all timers, those of a key group in their order.
    ///
    /// # Errors
    /// The database fails.
    pub fn for_each(&self, mut see: impl FnMut(TimerOf<K, N>)) -> Result<(), StateError> {
        match &mut *writing(&self.store)? {
            TimerStore::Heap(timers) => {
                let (core, namespace) = (&timers.core, &timers.namespace);
                timers.rows().try_for_each(|row| {
                    see(timer(core, namespace, row)?);
                    Ok(())
                })
            }
            TimerStore::Rocks(timers) => timers.for_each(&mut |core, namespace, row| {
                see(timer(core, namespace, row)?);
                Ok(())
            }),
        }
    }
}
