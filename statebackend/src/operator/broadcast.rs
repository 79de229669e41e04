//! Maps that every subtask of an operator has alike.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use allocator_api2::alloc::AllocError;

use super::backend::{Elements, Frozen, State};
use crate::StateError;
use crate::heap::{HeapMemory, ValueCell};
use crate::serializer::{Cell, KeySerializer, Serializer};
use crate::state::{reading, writing};
use crate::table::{CellMap, Payload};

/// The entries of one state. A snapshot shares them; the first write afterwards copies them if it is not done yet.
pub(super) struct BroadcastStore<U: KeySerializer, S: Serializer> {
    name: Arc<str>,
    key: U,
    value: S,
    map: Arc<CellMap<U, ValueCell<S>>>,
    memory: HeapMemory,
}

impl<U: KeySerializer, S: Serializer> BroadcastStore<U, S> {
    pub(super) fn new(name: &Arc<str>, key: U, value: S, memory: &HeapMemory) -> Self {
        let map = Arc::new(CellMap::new(memory.arena()));
        Self { name: Arc::clone(name), key, value, map, memory: memory.clone() }
    }

    fn or_refused<T>(&self, answer: Result<T, AllocError>) -> Result<T, StateError> {
        self.memory.or_refused(&format!("operator state \"{}\"", self.name), answer)
    }

    fn own(&mut self) -> Result<&mut CellMap<U, ValueCell<S>>, StateError> {
        if Arc::get_mut(&mut self.map).is_none() {
            self.map = Arc::new(self.or_refused(self.map.try_clone())?);
        }
        Ok(Arc::get_mut(&mut self.map).expect("it was just made ours alone"))
    }

    pub(super) fn put(&mut self, key: &U::Value, value: &S::Value) -> Result<(), StateError> {
        let cell = self.or_refused(S::Cell::pack(&self.value, value, self.memory.arena()))?;
        let serializer = self.key.clone();
        let map = self.own()?;
        if let Some(there) = map.get_mut(&serializer, key) {
            *there = ValueCell(cell);
            return Ok(());
        }
        let added = map.add(&serializer, key, ValueCell(cell)).map(|_| ());
        self.or_refused(added)
    }
}

/// A map of an operator. Whoever writes it must write the same in every subtask: each restores a copy of one of them.
///
/// A handle: clones mean the same map, of the thread that made its backend.
pub struct BroadcastState<U: KeySerializer, S: Serializer> {
    store: Rc<RefCell<BroadcastStore<U, S>>>,
}

impl<U: KeySerializer, S: Serializer> Clone for BroadcastState<U, S> {
    fn clone(&self) -> Self {
        Self { store: Rc::clone(&self.store) }
    }
}

impl<U: KeySerializer, S: Serializer> BroadcastState<U, S> {
    pub(super) fn new(store: Rc<RefCell<BroadcastStore<U, S>>>) -> Self {
        Self { store }
    }

    /// Sets the value of a key.
    ///
    /// # Errors
    /// The arena refuses; the map is as it was.
    pub fn put(&self, key: &U::Value, value: &S::Value) -> Result<(), StateError> {
        writing(&self.store)?.put(key, value)
    }

    /// The value of a key.
    ///
    /// # Errors
    /// The map is being changed.
    pub fn get(&self, key: &U::Value) -> Result<Option<S::Value>, StateError> {
        let store = reading(&self.store)?;
        Ok(store.map.get(&store.key, key).map(|cell| cell.0.unpack(&store.value)))
    }

    /// Whether a key has a value.
    ///
    /// # Errors
    /// The map is being changed.
    pub fn contains(&self, key: &U::Value) -> Result<bool, StateError> {
        let store = reading(&self.store)?;
        Ok(store.map.get(&store.key, key).is_some())
    }

    /// Removes a key.
    ///
    /// # Errors
    /// The arena refuses the copy that is needed while a snapshot reads the map; it is as it was.
    pub fn remove(&self, key: &U::Value) -> Result<(), StateError> {
        let mut store = writing(&self.store)?;
        let serializer = store.key.clone();
        if store.map.get(&serializer, key).is_some() {
            store.own()?.remove(&serializer, key);
        }
        Ok(())
    }

    /// Removes all keys.
    ///
    /// # Errors
    /// The map is being iterated.
    pub fn clear(&self) -> Result<(), StateError> {
        let mut store = writing(&self.store)?;
        store.map = Arc::new(CellMap::new(store.memory.arena()));
        Ok(())
    }

    /// How many keys there are.
    ///
    /// # Errors
    /// The map is being changed.
    pub fn len(&self) -> Result<usize, StateError> {
        Ok(reading(&self.store)?.map.len())
    }

    /// Whether there are none.
    ///
    /// # Errors
    /// The map is being changed.
    pub fn is_empty(&self) -> Result<bool, StateError> {
        Ok(self.len()? == 0)
    }

    /// All entries, in the order of their puts, but that the last takes the place of a removed one.
    ///
    /// # Errors
    /// The map is being changed.
    pub fn entries(&self) -> Result<Vec<(U::Value, S::Value)>, StateError> {
        let store = reading(&self.store)?;
        let entry =
            |(key, cell): &(U::Cell, ValueCell<S>)| (key.unpack(&store.key), cell.0.unpack(&store.value));
        Ok(store.map.entries().iter().map(entry).collect())
    }
}

impl<U: KeySerializer, S: Serializer> State for RefCell<BroadcastStore<U, S>> {
    fn freeze(&self) -> Result<Box<dyn Frozen>, StateError> {
        let BroadcastStore { key, value, map, .. } = &*reading(self)?;
        Ok(Box::new(FrozenMap { key: key.clone(), value: value.clone(), map: Arc::clone(map) }))
    }
}

struct FrozenMap<U: KeySerializer, S: Serializer> {
    key: U,
    value: S,
    map: Arc<CellMap<U, ValueCell<S>>>,
}

impl<U: KeySerializer, S: Serializer> Frozen for FrozenMap<U, S> {
    fn for_each(&self, see: &mut Elements<'_>) -> Result<(), StateError> {
        let mut bytes = Vec::new();
        self.map.entries().iter().try_for_each(|(key, cell)| {
            bytes.clear();
            key.write(&self.key, &mut bytes);
            cell.0.write(&self.value, &mut bytes);
            see(&bytes)
        })
    }
}
