//! A map for each key and namespace.

use std::cell::RefCell;
use std::rc::Rc;

use super::ttl::Ttl;
use super::writing;
use crate::StateError;
use crate::backend::Core;
use crate::heap::{HeapTable, MapKind, ValueCell};
use crate::rocksdb::RocksMaps;
use crate::serializer::{Cell, KeySerializer, Serializer, Stamped, Unit};
use crate::table::CellMap;

/// Where the maps of a state are.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one for each state, and a pointer would be followed for each call"
)]
pub(crate) enum MapStore<K: KeySerializer, N: KeySerializer, U: KeySerializer, S: Serializer> {
    Heap(HeapTable<K, N, MapKind<U, S>>),
    Rocks(RocksMaps<K, N, U, S>),
}

impl<K: KeySerializer, N: KeySerializer, U: KeySerializer, S: Serializer> MapStore<K, N, U, S> {
    #[inline]
    fn get(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
        user_key: &U::Value,
    ) -> Result<Option<S::Value>, StateError> {
        match self {
            Self::Heap(heap) => {
                let MapKind { user_key: serializer, value } = &heap.kind;
                let found = heap.find(key, namespace).and_then(|map| map.get(serializer, user_key));
                Ok(found.map(|cell| cell.0.unpack(value)))
            }
            Self::Rocks(rocks) => rocks.get(key, namespace, user_key),
        }
    }

    #[inline]
    fn contains(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
        user_key: &U::Value,
    ) -> Result<bool, StateError> {
        match self {
            Self::Heap(heap) => {
                let serializer = &heap.kind.user_key;
                Ok(heap.find(key, namespace).is_some_and(|map| map.get(serializer, user_key).is_some()))
            }
            Self::Rocks(rocks) => rocks.contains(key, namespace, user_key),
        }
    }

    #[inline]
    fn put(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
        user_key: &U::Value,
        value: &S::Value,
    ) -> Result<(), StateError> {
        match self {
            Self::Heap(heap) => put_in_heap(heap, key, namespace, user_key, value),
            Self::Rocks(rocks) => rocks.put(key, namespace, user_key, value),
        }
    }

    #[inline]
    fn remove(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
        user_key: &U::Value,
    ) -> Result<(), StateError> {
        match self {
            Self::Heap(heap) => {
                let HeapTable { keys, table, kind, .. } = &mut *heap;
                let hash = keys.hash(table, key, namespace);
                match table.find_mut(hash, |row| keys.is(row, key, namespace)) {
                    Ok(None) => Ok(()),
                    Ok(Some(row)) => {
                        row.payload.remove(&kind.user_key, user_key);
                        if row.payload.len() == 0 {
                            heap.remove(key, namespace)?;
                        }
                        Ok(())
                    }
                    Err(_) => Err(heap.refused()),
                }
            }
            Self::Rocks(rocks) => rocks.remove(key, namespace, user_key),
        }
    }

    #[inline]
    fn for_each(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
        mut see: impl FnMut(U::Value, S::Value),
    ) -> Result<(), StateError> {
        match self {
            Self::Heap(heap) => {
                let MapKind { user_key, value } = &heap.kind;
                if let Some(map) = heap.find(key, namespace) {
                    for (cell, kept) in map.entries() {
                        see(cell.unpack(user_key), kept.0.unpack(value));
                    }
                }
                Ok(())
            }
            Self::Rocks(rocks) => rocks.for_each(key, namespace, see),
        }
    }

    fn is_empty(&mut self, key: &K::Value, namespace: &N::Value) -> Result<bool, StateError> {
        match self {
            // a map that has become empty is removed
            Self::Heap(heap) => Ok(heap.find(key, namespace).is_none()),
            Self::Rocks(rocks) => rocks.is_empty(key, namespace),
        }
    }

    fn clear(&mut self, key: &K::Value, namespace: &N::Value) -> Result<(), StateError> {
        match self {
            Self::Heap(heap) => heap.remove(key, namespace).map(|_| ()),
            Self::Rocks(rocks) => rocks.clear(key, namespace),
        }
    }
}

#[inline]
fn put_in_heap<K: KeySerializer, N: KeySerializer, U: KeySerializer, S: Serializer>(
    heap: &mut HeapTable<K, N, MapKind<U, S>>,
    key: &K::Value,
    namespace: &N::Value,
    user_key: &U::Value,
    value: &S::Value,
) -> Result<(), StateError> {
    let HeapTable { keys, table, kind, memory, .. } = &mut *heap;
    let arena = memory.arena();
    let add = |map: &mut CellMap<U, ValueCell<S>>| {
        let cell = S::Cell::pack(&kind.value, value, arena)?;
        map.add(&kind.user_key, user_key, ValueCell(cell)).map(|_| ())
    };
    let hash = keys.hash(table, key, namespace);
    let put = match table.find_mut(hash, |row| keys.is(row, key, namespace)) {
        Ok(Some(row)) => match row.payload.get_mut(&kind.user_key, user_key) {
            Some(cell) => cell.0.set(&kind.value, value, arena),
            None => add(&mut row.payload),
        },
        Ok(None) => {
            let mut map = CellMap::new(arena);
            match add(&mut map) {
                Ok(()) => return heap.insert(hash, key, namespace, map).map(|_| ()),
                Err(refused) => Err(refused),
            }
        }
        Err(refused) => Err(refused),
    };
    put.map_err(|_| heap.refused())
}

type Shared<T> = Rc<RefCell<T>>;

/// A map for each key and namespace. An empty map and none are the same.
pub struct MapState<K: KeySerializer, U: KeySerializer, S: Serializer, N: KeySerializer = Unit> {
    inner: Inner<K, N, U, S>,
}

enum Inner<K: KeySerializer, N: KeySerializer, U: KeySerializer, S: Serializer> {
    Plain(Shared<MapStore<K, N, U, S>>),
    Timed(Shared<MapStore<K, N, U, Stamped<S>>>, Ttl, Rc<Core<K>>),
}

impl<K: KeySerializer, U: KeySerializer, S: Serializer, N: KeySerializer> Clone for MapState<K, U, S, N> {
    fn clone(&self) -> Self {
        let inner = match &self.inner {
            Inner::Plain(store) => Inner::Plain(Rc::clone(store)),
            Inner::Timed(store, ttl, core) => Inner::Timed(Rc::clone(store), *ttl, Rc::clone(core)),
        };
        Self { inner }
    }
}

/// Entries that were collected.
type Entries<U, S> = Vec<(<U as Serializer>::Value, <S as Serializer>::Value)>;

impl<K: KeySerializer, U: KeySerializer, S: Serializer, N: KeySerializer> MapState<K, U, S, N> {
    pub(crate) fn plain(store: Shared<MapStore<K, N, U, S>>) -> Self {
        Self { inner: Inner::Plain(store) }
    }

    pub(crate) fn timed(store: Shared<MapStore<K, N, U, Stamped<S>>>, ttl: Ttl, core: Rc<Core<K>>) -> Self {
        Self { inner: Inner::Timed(store, ttl, core) }
    }

    /// The value of a user key.
    ///
    /// # Errors
    /// The database cannot be read or a row is damaged; never in memory.
    #[inline]
    pub fn get(
        &self,
        key: &K::Value,
        namespace: &N::Value,
        user_key: &U::Value,
    ) -> Result<Option<S::Value>, StateError> {
        match &self.inner {
            Inner::Plain(store) => writing(store)?.get(key, namespace, user_key),
            Inner::Timed(store, ttl, core) => get_timed(store, *ttl, core.now_ms(), key, namespace, user_key),
        }
    }

    /// Whether there is an entry.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    #[inline]
    pub fn contains(
        &self,
        key: &K::Value,
        namespace: &N::Value,
        user_key: &U::Value,
    ) -> Result<bool, StateError> {
        match &self.inner {
            Inner::Plain(store) => writing(store)?.contains(key, namespace, user_key),
            Inner::Timed(..) => Ok(self.get(key, namespace, user_key)?.is_some()),
        }
    }

    /// Sets the value of a user key.
    ///
    /// # Errors
    /// The budget refuses it, it is too large, the key is of another subtask, or the database fails. The map is then as
    /// it was.
    #[inline]
    pub fn put(
        &self,
        key: &K::Value,
        namespace: &N::Value,
        user_key: &U::Value,
        value: &S::Value,
    ) -> Result<(), StateError> {
        match &self.inner {
            Inner::Plain(store) => writing(store)?.put(key, namespace, user_key, value),
            Inner::Timed(store, _, core) => {
                writing(store)?.put(key, namespace, user_key, &(core.now_ms(), value.clone()))
            }
        }
    }

    /// Sets many entries, one after the other.
    ///
    /// # Errors
    /// As [`put`](Self::put); those before the one that was refused are set.
    pub fn put_all<'e>(
        &self,
        key: &K::Value,
        namespace: &N::Value,
        entries: impl IntoIterator<Item = (&'e U::Value, &'e S::Value)>,
    ) -> Result<(), StateError>
    where
        U::Value: 'e,
        S::Value: 'e,
    {
        entries.into_iter().try_for_each(|(user_key, value)| self.put(key, namespace, user_key, value))
    }

    /// Removes an entry.
    ///
    /// # Errors
    /// The database fails; in memory, while a snapshot runs, the copy that this needs is refused.
    #[inline]
    pub fn remove(
        &self,
        key: &K::Value,
        namespace: &N::Value,
        user_key: &U::Value,
    ) -> Result<(), StateError> {
        match &self.inner {
            Inner::Plain(store) => writing(store)?.remove(key, namespace, user_key),
            Inner::Timed(store, ..) => writing(store)?.remove(key, namespace, user_key),
        }
    }

    /// Shows each entry, in no order. The state must not be used meanwhile.
    ///
    /// # Errors
    /// As [`get`](Self::get); [`ErrorKind::Refused`](crate::ErrorKind) where too much of the block cache is pinned.
    #[inline]
    pub fn for_each(
        &self,
        key: &K::Value,
        namespace: &N::Value,
        mut see: impl FnMut(&U::Value, &S::Value),
    ) -> Result<(), StateError> {
        match &self.inner {
            Inner::Plain(store) => {
                writing(store)?.for_each(key, namespace, |user_key, value| see(&user_key, &value))
            }
            Inner::Timed(store, ttl, core) => {
                for_each_timed(store, *ttl, core.now_ms(), key, namespace, &mut see)
            }
        }
    }

    /// All entries, in no order.
    ///
    /// # Errors
    /// As [`for_each`](Self::for_each).
    pub fn entries(&self, key: &K::Value, namespace: &N::Value) -> Result<Entries<U, S>, StateError> {
        let mut entries = Vec::new();
        self.for_each(key, namespace, |user_key, value| entries.push((user_key.clone(), value.clone())))?;
        Ok(entries)
    }

    /// All user keys, in no order.
    ///
    /// # Errors
    /// As [`for_each`](Self::for_each).
    pub fn keys(&self, key: &K::Value, namespace: &N::Value) -> Result<Vec<U::Value>, StateError> {
        let mut keys = Vec::new();
        self.for_each(key, namespace, |user_key, _| keys.push(user_key.clone()))?;
        Ok(keys)
    }

    /// Removes the entries that `keep` says no to: all are shown first, then those are removed.
    ///
    /// # Errors
    /// As [`for_each`](Self::for_each) and [`remove`](Self::remove).
    pub fn retain(
        &self,
        key: &K::Value,
        namespace: &N::Value,
        mut keep: impl FnMut(&U::Value, &S::Value) -> bool,
    ) -> Result<(), StateError> {
        let mut gone = Vec::new();
        self.for_each(key, namespace, |user_key, value| {
            if !keep(user_key, value) {
                gone.push(user_key.clone());
            }
        })?;
        gone.iter().try_for_each(|user_key| self.remove(key, namespace, user_key))
    }

    /// Whether there are no entries.
    ///
    /// # Errors
    /// As [`for_each`](Self::for_each).
    pub fn is_empty(&self, key: &K::Value, namespace: &N::Value) -> Result<bool, StateError> {
        match &self.inner {
            Inner::Plain(store) => writing(store)?.is_empty(key, namespace),
            Inner::Timed(..) => {
                let mut any = false;
                self.for_each(key, namespace, |_, _| any = true)?;
                Ok(!any)
            }
        }
    }

    /// Removes the map.
    ///
    /// # Errors
    /// As [`remove`](Self::remove).
    pub fn clear(&self, key: &K::Value, namespace: &N::Value) -> Result<(), StateError> {
        match &self.inner {
            Inner::Plain(store) => writing(store)?.clear(key, namespace),
            Inner::Timed(store, ..) => writing(store)?.clear(key, namespace),
        }
    }
}

type Timed<K, N, U, S> = Shared<MapStore<K, N, U, Stamped<S>>>;

// apart, so that state without a time to live stays small where it is used
#[inline(never)]
fn get_timed<K: KeySerializer, N: KeySerializer, U: KeySerializer, S: Serializer>(
    store: &Timed<K, N, U, S>,
    ttl: Ttl,
    now_ms: i64,
    key: &K::Value,
    namespace: &N::Value,
    user_key: &U::Value,
) -> Result<Option<S::Value>, StateError> {
    let mut store = writing(store)?;
    let Some((stamp_ms, value)) = store.get(key, namespace, user_key)? else { return Ok(None) };
    if ttl.is_expired(stamp_ms, now_ms) {
        store.remove(key, namespace, user_key)?;
        return Ok(ttl.shows_expired().then_some(value));
    }
    if ttl.touches() {
        let stamped = (now_ms, value);
        store.put(key, namespace, user_key, &stamped)?;
        return Ok(Some(stamped.1));
    }
    Ok(Some(value))
}

#[inline(never)]
fn for_each_timed<K: KeySerializer, N: KeySerializer, U: KeySerializer, S: Serializer>(
    store: &Timed<K, N, U, S>,
    ttl: Ttl,
    now_ms: i64,
    key: &K::Value,
    namespace: &N::Value,
    see: &mut dyn FnMut(&U::Value, &S::Value),
) -> Result<(), StateError> {
    let mut store = writing(store)?;
    let (mut expired, mut touched) = (Vec::new(), Vec::new());
    store.for_each(key, namespace, |user_key, (stamp_ms, value)| {
        let old = ttl.is_expired(stamp_ms, now_ms);
        if !old || ttl.shows_expired() {
            see(&user_key, &value);
        }
        if old {
            expired.push(user_key);
        } else if ttl.touches() {
            touched.push((user_key, (now_ms, value)));
        }
    })?;
    for user_key in &expired {
        store.remove(key, namespace, user_key)?;
    }
    for (user_key, stamped) in &touched {
        store.put(key, namespace, user_key, stamped)?;
    }
    Ok(())
}
