//! A state as its backend sees it, whatever its types.

use std::cell::RefCell;

use crate::StateError;
use crate::heap::{FrozenRows, HeapTable, Kind};
use crate::serializer::{KeySerializer, Serializer};
use crate::state::{ListStore, MapStore, ValueStore, reading, writing};
use crate::timer::TimerStore;

/// What a backend does with all of its states.
pub(crate) trait Registered {
    /// Loads a record of a snapshot; in memory only.
    fn load(&self, key: &[u8], value: &[u8]) -> Result<(), StateError>;

    /// The rows as they are now; `None` where the database has them.
    fn freeze(&self) -> Result<Option<Box<dyn FrozenRows>>, StateError>;

    /// Lets the database know what only memory knows.
    fn write_back(&self) -> Result<(), StateError>;

    /// Rows in memory: keys with their namespaces; `None` where the database has them.
    fn rows(&self) -> Result<Option<usize>, StateError>;
}

fn load<K: KeySerializer, N: KeySerializer, D: Kind>(
    heap: &mut HeapTable<K, N, D>,
    key: &[u8],
    value: &[u8],
) -> Result<(), StateError> {
    heap.load(key, value)
}

macro_rules! registered {
    ($store:ident<$($parameter:ident: $bound:path),*>) => {
        impl<$($parameter: $bound),*> Registered for RefCell<$store<$($parameter),*>> {
            fn load(&self, key: &[u8], value: &[u8]) -> Result<(), StateError> {
                match &mut *writing(self)? {
                    $store::Heap(heap) => load(heap, key, value),
                    $store::Rocks(_) => Ok(()),
                }
            }

            fn freeze(&self) -> Result<Option<Box<dyn FrozenRows>>, StateError> {
                match &mut *writing(self)? {
                    $store::Heap(heap) => Ok(Some(heap.freeze())),
                    $store::Rocks(_) => Ok(None),
                }
            }

            fn write_back(&self) -> Result<(), StateError> {
                match &mut *writing(self)? {
                    $store::Heap(_) => Ok(()),
                    $store::Rocks(rocks) => match &mut rocks.hot {
                        Some(hot) => hot.write_back(&rocks.rows.place),
                        None => Ok(()),
                    },
                }
            }

            fn rows(&self) -> Result<Option<usize>, StateError> {
                match &*reading(self)? {
                    $store::Heap(heap) => Ok(Some(heap.table.len())),
                    $store::Rocks(_) => Ok(None),
                }
            }
        }
    };
}

registered!(ValueStore<K: KeySerializer, N: KeySerializer, S: Serializer>);
registered!(ListStore<K: KeySerializer, N: KeySerializer, S: Serializer>);
registered!(MapStore<K: KeySerializer, N: KeySerializer, U: KeySerializer, S: Serializer>);

impl<K: KeySerializer, N: KeySerializer> Registered for RefCell<TimerStore<K, N>> {
    fn load(&self, key: &[u8], value: &[u8]) -> Result<(), StateError> {
        match &mut *writing(self)? {
            TimerStore::Heap(timers) => timers.load(key, value),
            TimerStore::Rocks(_) => Ok(()),
        }
    }

    fn freeze(&self) -> Result<Option<Box<dyn FrozenRows>>, StateError> {
        match &mut *writing(self)? {
            TimerStore::Heap(timers) => Ok(Some(timers.freeze())),
            TimerStore::Rocks(_) => Ok(None),
        }
    }

    fn write_back(&self) -> Result<(), StateError> {
        Ok(())
    }

    fn rows(&self) -> Result<Option<usize>, StateError> {
        match &*reading(self)? {
            TimerStore::Heap(timers) => Ok(Some(timers.len())),
            TimerStore::Rocks(_) => Ok(None),
        }
    }
}
