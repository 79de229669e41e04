//! A map that every subtask holds a copy of: broadcast state.
//!
//! Entries are cut into shards by the hash that their key has in Java, so that while a snapshot runs a write copies one
//! shard and not the map. Nothing in that is random: the same writes in the same order give the same order of entries
//! in every subtask and after every restore, as a program expects of state that must be alike everywhere.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use allocator_api2::alloc::AllocError;

use super::DistributionMode;
use super::kept::{FrozenState, Kept, Loaded};
use super::restored::{LoadError, at_end};
use super::writer::Writer;
use crate::StateError;
use crate::heap::{HeapMemory, ValueCell};
use crate::serializer::{Cell, Compatibility, Identity, KeySerializer, Serializer};
use crate::state::{reading, writing};
use crate::table::{CellMap, Payload};

/// Shards of a map, a power of two. Together they hold some 6 KiB outside the arena.
const SHARDS: usize = 64;

type Shard<U, S> = Arc<CellMap<U, ValueCell<S>>>;
type Entries<U, S> = Vec<(<U as Serializer>::Value, <S as Serializer>::Value)>;

/// The map and how it is read.
pub(super) struct BroadcastStore<U: KeySerializer, S: Serializer> {
    name: Arc<str>,
    key: U,
    value: S,
    memory: HeapMemory,
    shards: Vec<Shard<U, S>>,
}

impl<U: KeySerializer, S: Serializer> BroadcastStore<U, S> {
    pub(super) fn new(name: &str, key: U, value: S, memory: &HeapMemory) -> Self {
        let shards = (0..SHARDS).map(|_| Arc::new(CellMap::new(memory.arena()))).collect();
        Self { name: name.into(), key, value, memory: memory.clone(), shards }
    }

    /// The shard of a key: the upper bits of a product, as hashes in Java are often small numbers.
    fn place(&self, key: &U::Value) -> usize {
        let mixed = self.key.java_hash(key).cast_unsigned().wrapping_mul(0x9e37_79b9);
        (mixed >> 26) as usize % SHARDS
    }

    fn find(&self, key: &U::Value) -> Option<&ValueCell<S>> {
        self.shards[self.place(key)].get(&self.key, key)
    }

    fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.len()).sum()
    }

    fn cells(&self) -> impl Iterator<Item = &(U::Cell, ValueCell<S>)> {
        self.shards.iter().flat_map(|shard| shard.entries())
    }

    /// A shard to be written: the one that is there, or a copy where a snapshot has it.
    fn own(&mut self, at: usize) -> Result<&mut CellMap<U, ValueCell<S>>, AllocError> {
        let shard = &mut self.shards[at];
        if Arc::get_mut(shard).is_none() {
            *shard = Arc::new(shard.try_clone()?);
        }
        Ok(Arc::get_mut(shard).expect("it is ours, or has just been copied"))
    }

    fn refused(&self) -> StateError {
        self.memory.refused(&super::what(&self.name), super::REFUSED_BYTES)
    }

    fn put(&mut self, key: &U::Value, value: &S::Value) -> Result<(), StateError> {
        self.try_put(key, value).map_err(|_| self.refused())
    }

    fn try_put(&mut self, key: &U::Value, value: &S::Value) -> Result<(), AllocError> {
        let (serializer, at) = (self.key.clone(), self.place(key));
        let cell = ValueCell(S::Cell::pack(&self.value, value, self.memory.arena())?);
        let shard = self.own(at)?;
        match shard.get_mut(&serializer, key) {
            Some(old) => *old = cell,
            None => {
                shard.add(&serializer, key, cell)?;
            }
        }
        Ok(())
    }

    fn remove(&mut self, key: &U::Value) -> Result<(), StateError> {
        if self.find(key).is_none() {
            return Ok(());
        }
        let (serializer, at) = (self.key.clone(), self.place(key));
        if self.shards[at].len() == 1 {
            self.shards[at] = Arc::new(CellMap::new(self.memory.arena()));
            return Ok(());
        }
        match self.own(at) {
            Ok(shard) => {
                shard.remove(&serializer, key);
                Ok(())
            }
            Err(_) => Err(self.refused()),
        }
    }

    fn clear(&mut self) {
        for shard in &mut self.shards {
            *shard = Arc::new(CellMap::new(self.memory.arena()));
        }
    }
}

impl<U: KeySerializer, S: Serializer> Loaded for BroadcastStore<U, S> {
    fn answers(&self, written: &[Identity]) -> Vec<Compatibility> {
        let [by_key, by_value] = written else { return Vec::new() };
        let of_keys = match self.key.compatibility(by_key) {
            Compatibility::Incompatible(why) => Compatibility::Incompatible(format!("its keys: {why}")),
            answer => answer,
        };
        vec![of_keys, self.value.compatibility(by_value)]
    }

    fn load(&mut self, written: &[Identity], migrates: bool, mut element: &[u8]) -> Result<(), LoadError> {
        let (key, value) = match written {
            [by_key, by_value] if migrates => {
                let key = self.key.read_written(by_key, &mut element)?;
                (key, self.value.read_written(by_value, &mut element)?)
            }
            _ => (self.key.read(&mut element)?, self.value.read(&mut element)?),
        };
        at_end(element)?;
        Ok(self.put(&key, &value)?)
    }
}

impl<U: KeySerializer, S: Serializer> Kept for RefCell<BroadcastStore<U, S>> {
    fn len(&self) -> Result<usize, StateError> {
        Ok(reading(self)?.len())
    }

    fn freeze(&self) -> Result<Box<dyn FrozenState>, StateError> {
        let BroadcastStore { name, key, value, shards, .. } = &*reading(self)?;
        let (name, key, value, shards) = (Arc::clone(name), key.clone(), value.clone(), shards.clone());
        Ok(Box::new(FrozenMap { name, key, value, shards }))
    }
}

struct FrozenMap<U: KeySerializer, S: Serializer> {
    name: Arc<str>,
    key: U,
    value: S,
    shards: Vec<Shard<U, S>>,
}

impl<U: KeySerializer, S: Serializer> FrozenState for FrozenMap<U, S> {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), StateError> {
        let parts = [self.key.identity(), self.value.identity()];
        writer.begin(&self.name, DistributionMode::Broadcast, &parts)?;
        let mut bytes = Vec::new();
        for (key, value) in self.shards.iter().flat_map(|shard| shard.entries()) {
            bytes.clear();
            key.write(&self.key, &mut bytes);
            value.0.write(&self.value, &mut bytes);
            writer.element(&bytes)?;
        }
        Ok(())
    }
}

/// A map that every subtask holds a copy of. Clones are the same map, of the thread that made its backend.
///
/// The order of entries is decided by the writes alone, and is the same in every subtask that has seen the same ones.
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

    /// The value of a key.
    ///
    /// # Errors
    /// None but [`StateError::Usage`]: the map is being written.
    pub fn get(&self, key: &U::Value) -> Result<Option<S::Value>, StateError> {
        let store = reading(&self.store)?;
        Ok(store.find(key).map(|value| value.0.unpack(&store.value)))
    }

    /// Whether a key is there.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn contains(&self, key: &U::Value) -> Result<bool, StateError> {
        Ok(reading(&self.store)?.find(key).is_some())
    }

    /// How many entries there are.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn len(&self) -> Result<usize, StateError> {
        Ok(reading(&self.store)?.len())
    }

    /// Whether there are none.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn is_empty(&self) -> Result<bool, StateError> {
        Ok(self.len()? == 0)
    }

    /// Shows each entry. The map must not be written meanwhile.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn for_each(&self, mut see: impl FnMut(&U::Value, &S::Value)) -> Result<(), StateError> {
        let store = reading(&self.store)?;
        for (key, value) in store.cells() {
            see(&key.unpack(&store.key), &value.0.unpack(&store.value));
        }
        Ok(())
    }

    /// All entries.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn entries(&self) -> Result<Entries<U, S>, StateError> {
        let store = reading(&self.store)?;
        let entry =
            |(key, value): &(U::Cell, ValueCell<S>)| (key.unpack(&store.key), value.0.unpack(&store.value));
        Ok(store.cells().map(entry).collect())
    }

    /// Sets the value of a key.
    ///
    /// # Errors
    /// The budget refuses it, or the map is being iterated. It is then as it was.
    pub fn put(&self, key: &U::Value, value: &S::Value) -> Result<(), StateError> {
        writing(&self.store)?.put(key, value)
    }

    /// Removes an entry.
    ///
    /// # Errors
    /// The map is being iterated; or, while a snapshot runs, the copy that this needs is refused.
    pub fn remove(&self, key: &U::Value) -> Result<(), StateError> {
        writing(&self.store)?.remove(key)
    }

    /// Removes all entries.
    ///
    /// # Errors
    /// The map is being iterated.
    pub fn clear(&self) -> Result<(), StateError> {
        writing(&self.store)?.clear();
        Ok(())
    }
}
