//! One value for each key and namespace.

use std::cell::RefCell;
use std::rc::Rc;

use super::ttl::Ttl;
use super::writing;
use crate::StateError;
use crate::backend::Core;
use crate::heap::{HeapTable, ValueCell, ValueKind};
use crate::rocksdb::RocksValues;
use crate::serializer::{Cell, KeySerializer, Serializer, Stamped, Unit};

/// Where the values of a state are.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one for each state, and a pointer would be followed for each call"
)]
pub(crate) enum ValueStore<K: KeySerializer, N: KeySerializer, S: Serializer> {
    Heap(HeapTable<K, N, ValueKind<S>>),
    Rocks(RocksValues<K, N, S>),
}

impl<K: KeySerializer, N: KeySerializer, S: Serializer> ValueStore<K, N, S> {
    #[inline]
    pub(crate) fn get(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
    ) -> Result<Option<S::Value>, StateError> {
        match self {
            Self::Heap(heap) => Ok(heap.find(key, namespace).map(|cell| cell.0.unpack(&heap.kind.0))),
            Self::Rocks(rocks) => rocks.get(key, namespace),
        }
    }

    #[inline]
    pub(crate) fn set(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
        value: &S::Value,
    ) -> Result<(), StateError> {
        match self {
            Self::Heap(heap) => set_in_heap(heap, key, namespace, value),
            Self::Rocks(rocks) => rocks.set(key, namespace, value),
        }
    }

    #[inline]
    pub(crate) fn remove(&mut self, key: &K::Value, namespace: &N::Value) -> Result<(), StateError> {
        match self {
            Self::Heap(heap) => heap.remove(key, namespace).map(|_| ()),
            Self::Rocks(rocks) => rocks.remove(key, namespace),
        }
    }

    #[inline]
    pub(crate) fn update(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
        change: impl FnOnce(Option<S::Value>) -> Option<S::Value>,
    ) -> Result<(), StateError> {
        match self {
            Self::Heap(heap) => update_in_heap(heap, key, namespace, change),
            Self::Rocks(rocks) => rocks.update(key, namespace, change),
        }
    }
}

type Heap<K, N, S> = HeapTable<K, N, ValueKind<S>>;

#[inline]
fn set_in_heap<K: KeySerializer, N: KeySerializer, S: Serializer>(
    heap: &mut Heap<K, N, S>,
    key: &K::Value,
    namespace: &N::Value,
    value: &S::Value,
) -> Result<(), StateError> {
    let HeapTable { keys, table, kind, memory, .. } = &mut *heap;
    let hash = keys.hash(table, key, namespace);
    match table.find_mut(hash, |row| keys.is(row, key, namespace)) {
        Ok(Some(row)) => match row.payload.0.set(&kind.0, value, memory.arena()) {
            Ok(()) => Ok(()),
            Err(_) => Err(heap.refused()),
        },
        Ok(None) => match S::Cell::pack(&kind.0, value, memory.arena()) {
            Ok(cell) => heap.insert(hash, key, namespace, ValueCell(cell)).map(|_| ()),
            Err(_) => Err(heap.refused()),
        },
        Err(_) => Err(heap.refused()),
    }
}

#[inline]
fn update_in_heap<K: KeySerializer, N: KeySerializer, S: Serializer>(
    heap: &mut Heap<K, N, S>,
    key: &K::Value,
    namespace: &N::Value,
    change: impl FnOnce(Option<S::Value>) -> Option<S::Value>,
) -> Result<(), StateError> {
    let HeapTable { keys, table, kind, memory, .. } = &mut *heap;
    let hash = keys.hash(table, key, namespace);
    let Ok(found) = table.find_mut(hash, |row| keys.is(row, key, namespace)) else {
        return Err(heap.refused());
    };
    if let Some(row) = found {
        let Some(value) = change(Some(row.payload.0.unpack(&kind.0))) else {
            return heap.remove(key, namespace).map(|_| ());
        };
        return match row.payload.0.set(&kind.0, &value, memory.arena()) {
            Ok(()) => Ok(()),
            Err(_) => Err(heap.refused()),
        };
    }
    let Some(value) = change(None) else { return Ok(()) };
    match S::Cell::pack(&kind.0, &value, memory.arena()) {
        Ok(cell) => heap.insert(hash, key, namespace, ValueCell(cell)).map(|_| ()),
        Err(_) => Err(heap.refused()),
    }
}

pub(crate) type Shared<T> = Rc<RefCell<T>>;

/// One value for each key and namespace.
pub struct ValueState<K: KeySerializer, S: Serializer, N: KeySerializer = Unit> {
    inner: Inner<K, N, S>,
}

enum Inner<K: KeySerializer, N: KeySerializer, S: Serializer> {
    Plain(Shared<ValueStore<K, N, S>>),
    Timed(Shared<ValueStore<K, N, Stamped<S>>>, Ttl, Rc<Core<K>>),
}

impl<K: KeySerializer, S: Serializer, N: KeySerializer> Clone for ValueState<K, S, N> {
    fn clone(&self) -> Self {
        let inner = match &self.inner {
            Inner::Plain(store) => Inner::Plain(Rc::clone(store)),
            Inner::Timed(store, ttl, core) => Inner::Timed(Rc::clone(store), *ttl, Rc::clone(core)),
        };
        Self { inner }
    }
}

impl<K: KeySerializer, S: Serializer, N: KeySerializer> ValueState<K, S, N> {
    pub(crate) fn plain(store: Shared<ValueStore<K, N, S>>) -> Self {
        Self { inner: Inner::Plain(store) }
    }

    pub(crate) fn timed(store: Shared<ValueStore<K, N, Stamped<S>>>, ttl: Ttl, core: Rc<Core<K>>) -> Self {
        Self { inner: Inner::Timed(store, ttl, core) }
    }

    /// The value.
    ///
    /// # Errors
    /// The database cannot be read or a row is damaged; never in memory.
    #[inline]
    pub fn get(&self, key: &K::Value, namespace: &N::Value) -> Result<Option<S::Value>, StateError> {
        match &self.inner {
            Inner::Plain(store) => writing(store)?.get(key, namespace),
            Inner::Timed(store, ttl, core) => get_timed(store, *ttl, core.now_ms(), key, namespace),
        }
    }

    /// Sets the value.
    ///
    /// # Errors
    /// The budget refuses it, it is too large, the key is of another subtask, or the database fails. The value is then
    /// as it was.
    #[inline]
    pub fn set(&self, key: &K::Value, namespace: &N::Value, value: &S::Value) -> Result<(), StateError> {
        match &self.inner {
            Inner::Plain(store) => writing(store)?.set(key, namespace, value),
            Inner::Timed(store, _, core) => {
                writing(store)?.set(key, namespace, &(core.now_ms(), value.clone()))
            }
        }
    }

    /// Removes the value.
    ///
    /// # Errors
    /// The database fails; in memory, while a snapshot runs, the copy that this needs is refused.
    #[inline]
    pub fn remove(&self, key: &K::Value, namespace: &N::Value) -> Result<(), StateError> {
        match &self.inner {
            Inner::Plain(store) => writing(store)?.remove(key, namespace),
            Inner::Timed(store, ..) => writing(store)?.remove(key, namespace),
        }
    }

    /// Replaces the value by what `change` makes of it, found once for both; `None` removes it.
    ///
    /// # Errors
    /// As [`get`](Self::get) and [`set`](Self::set).
    #[inline]
    pub fn update(
        &self,
        key: &K::Value,
        namespace: &N::Value,
        change: impl FnOnce(Option<S::Value>) -> Option<S::Value>,
    ) -> Result<(), StateError> {
        match &self.inner {
            Inner::Plain(store) => writing(store)?.update(key, namespace, change),
            Inner::Timed(store, ttl, core) => {
                update_timed(store, *ttl, core.now_ms(), key, namespace, change)
            }
        }
    }

    /// Reads the values of many keys at once into the hot entries, so that using them next costs no read each. Nothing
    /// where there is nothing to gain: in memory, or without a hot cache.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn prefetch<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k K::Value>,
        namespace: &N::Value,
    ) -> Result<(), StateError>
    where
        K::Value: 'k,
    {
        match &self.inner {
            Inner::Plain(store) => match &mut *writing(store)? {
                ValueStore::Heap(_) => Ok(()),
                ValueStore::Rocks(rocks) => rocks.prefetch(keys, namespace),
            },
            Inner::Timed(store, ..) => match &mut *writing(store)? {
                ValueStore::Heap(_) => Ok(()),
                ValueStore::Rocks(rocks) => rocks.prefetch(keys, namespace),
            },
        }
    }
}

type Timed<K, N, S> = Shared<ValueStore<K, N, Stamped<S>>>;

// apart, so that state without a time to live stays small where it is used
#[inline(never)]
fn get_timed<K: KeySerializer, N: KeySerializer, S: Serializer>(
    store: &Timed<K, N, S>,
    ttl: Ttl,
    now_ms: i64,
    key: &K::Value,
    namespace: &N::Value,
) -> Result<Option<S::Value>, StateError> {
    let mut store = writing(store)?;
    let Some((stamp_ms, value)) = store.get(key, namespace)? else { return Ok(None) };
    if ttl.is_expired(stamp_ms, now_ms) {
        store.remove(key, namespace)?;
        return Ok(ttl.shows_expired().then_some(value));
    }
    if ttl.touches() {
        let stamped = (now_ms, value);
        store.set(key, namespace, &stamped)?;
        return Ok(Some(stamped.1));
    }
    Ok(Some(value))
}

#[inline(never)]
fn update_timed<K: KeySerializer, N: KeySerializer, S: Serializer>(
    store: &Timed<K, N, S>,
    ttl: Ttl,
    now_ms: i64,
    key: &K::Value,
    namespace: &N::Value,
    change: impl FnOnce(Option<S::Value>) -> Option<S::Value>,
) -> Result<(), StateError> {
    writing(store)?.update(key, namespace, |stamped| {
        let seen = stamped.filter(|(stamp_ms, _)| !ttl.is_expired(*stamp_ms, now_ms));
        change(seen.map(|(_, value)| value)).map(|value| (now_ms, value))
    })
}
