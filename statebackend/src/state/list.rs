//! A list of elements for each key and namespace.

use std::cell::RefCell;
use std::rc::Rc;

use super::ttl::Ttl;
use super::writing;
use crate::StateError;
use crate::backend::Core;
use crate::heap::{HeapTable, ListKind};
use crate::rocksdb::RocksLists;
use crate::serializer::{Cell, KeySerializer, Serializer, Stamped, Unit};
use crate::table::CellList;

/// Where the lists of a state are.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one for each state, and a pointer would be followed for each call"
)]
pub(crate) enum ListStore<K: KeySerializer, N: KeySerializer, S: Serializer> {
    Heap(HeapTable<K, N, ListKind<S>>),
    Rocks(RocksLists<K, N, S>),
}

/// Elements of a list as they are kept, and their serializer.
type Kept<'l, S> = (&'l [<S as Serializer>::Cell], &'l S);

impl<K: KeySerializer, N: KeySerializer, S: Serializer> ListStore<K, N, S> {
    /// The elements, where memory has all of them.
    #[inline]
    fn cells(&mut self, key: &K::Value, namespace: &N::Value) -> Result<Option<Kept<'_, S>>, StateError> {
        match self {
            Self::Heap(heap) => {
                let list = heap.find(key, namespace);
                Ok(Some((list.map_or(&[], |list| &list.cells), &heap.kind.0)))
            }
            Self::Rocks(rocks) => rocks.cells(key, namespace),
        }
    }

    #[inline]
    fn for_each(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
        mut see: impl FnMut(S::Value),
    ) -> Result<(), StateError> {
        match self {
            Self::Heap(heap) => {
                if let Some(list) = heap.find(key, namespace) {
                    for cell in &list.cells {
                        see(cell.unpack(&heap.kind.0));
                    }
                }
                Ok(())
            }
            Self::Rocks(rocks) => rocks.for_each(key, namespace, see),
        }
    }

    #[inline]
    fn add(&mut self, key: &K::Value, namespace: &N::Value, value: &S::Value) -> Result<(), StateError> {
        match self {
            Self::Heap(heap) => change(heap, key, namespace, |kind, list| list.push(&kind.0, value)),
            Self::Rocks(rocks) => rocks.add_all(key, namespace, std::slice::from_ref(value)),
        }
    }

    #[inline]
    fn add_all(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
        values: &[S::Value],
    ) -> Result<(), StateError> {
        match self {
            _ if values.is_empty() => Ok(()),
            Self::Heap(heap) => change(heap, key, namespace, |kind, list| list.extend(&kind.0, values)),
            Self::Rocks(rocks) => rocks.add_all(key, namespace, values),
        }
    }

    fn replace(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
        values: &[S::Value],
    ) -> Result<(), StateError> {
        match self {
            Self::Heap(heap) if values.is_empty() => heap.remove(key, namespace).map(|_| ()),
            Self::Heap(heap) => {
                let mut list = CellList::new(heap.memory.arena());
                if list.extend_exactly(&heap.kind.0, values).is_err() {
                    return Err(heap.refused());
                }
                match heap.find_mut(key, namespace)? {
                    Ok(old) => *old = list,
                    Err(hash) => {
                        heap.insert(hash, key, namespace, list)?;
                    }
                }
                Ok(())
            }
            Self::Rocks(rocks) => rocks.replace(key, namespace, values),
        }
    }

    fn remove(&mut self, key: &K::Value, namespace: &N::Value) -> Result<(), StateError> {
        match self {
            Self::Heap(heap) => heap.remove(key, namespace).map(|_| ()),
            Self::Rocks(rocks) => rocks.replace(key, namespace, &[]),
        }
    }
}

/// Changes the list of a key, which is made where there is none.
#[inline]
fn change<K: KeySerializer, N: KeySerializer, S: Serializer>(
    heap: &mut HeapTable<K, N, ListKind<S>>,
    key: &K::Value,
    namespace: &N::Value,
    change: impl Fn(&ListKind<S>, &mut CellList<S>) -> Result<(), allocator_api2::alloc::AllocError>,
) -> Result<(), StateError> {
    let HeapTable { keys, table, kind, memory, .. } = &mut *heap;
    let hash = keys.hash(table, key, namespace);
    let changed = match table.find_mut(hash, |row| keys.is(row, key, namespace)) {
        Ok(Some(row)) => change(kind, &mut row.payload),
        Ok(None) => {
            let mut list = CellList::new(memory.arena());
            if change(kind, &mut list).is_ok() {
                return heap.insert(hash, key, namespace, list).map(|_| ());
            }
            return Err(heap.refused());
        }
        Err(refused) => Err(refused),
    };
    changed.map_err(|_| heap.refused())
}

type Shared<T> = Rc<RefCell<T>>;

/// A list of elements for each key and namespace. An empty list and none are the same.
pub struct ListState<K: KeySerializer, S: Serializer, N: KeySerializer = Unit> {
    inner: Inner<K, N, S>,
}

enum Inner<K: KeySerializer, N: KeySerializer, S: Serializer> {
    Plain(Shared<ListStore<K, N, S>>),
    Timed(Shared<ListStore<K, N, Stamped<S>>>, Ttl, Rc<Core<K>>),
}

impl<K: KeySerializer, S: Serializer, N: KeySerializer> Clone for ListState<K, S, N> {
    fn clone(&self) -> Self {
        let inner = match &self.inner {
            Inner::Plain(store) => Inner::Plain(Rc::clone(store)),
            Inner::Timed(store, ttl, core) => Inner::Timed(Rc::clone(store), *ttl, Rc::clone(core)),
        };
        Self { inner }
    }
}

impl<K: KeySerializer, S: Serializer, N: KeySerializer> ListState<K, S, N> {
    pub(crate) fn plain(store: Shared<ListStore<K, N, S>>) -> Self {
        Self { inner: Inner::Plain(store) }
    }

    pub(crate) fn timed(store: Shared<ListStore<K, N, Stamped<S>>>, ttl: Ttl, core: Rc<Core<K>>) -> Self {
        Self { inner: Inner::Timed(store, ttl, core) }
    }

    /// All elements, in the order they were added.
    ///
    /// # Errors
    /// The database cannot be read or a row is damaged; never in memory.
    pub fn get(&self, key: &K::Value, namespace: &N::Value) -> Result<Vec<S::Value>, StateError> {
        let mut elements = Vec::new();
        self.for_each(key, namespace, |element| elements.push(element))?;
        Ok(elements)
    }

    /// Shows each element, in the order they were added. The state must not be used meanwhile.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    #[inline]
    pub fn for_each(
        &self,
        key: &K::Value,
        namespace: &N::Value,
        mut see: impl FnMut(S::Value),
    ) -> Result<(), StateError> {
        match &self.inner {
            Inner::Plain(store) => writing(store)?.for_each(key, namespace, see),
            Inner::Timed(store, ttl, core) => {
                for_each_timed(store, *ttl, core.now_ms(), key, namespace, &mut see)
            }
        }
    }

    /// Shows the list as a whole, without copying it where it is in memory. The state must not be used meanwhile.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    #[inline]
    pub fn view<R>(
        &self,
        key: &K::Value,
        namespace: &N::Value,
        see: impl FnOnce(ListView<'_, S>) -> R,
    ) -> Result<R, StateError> {
        if let Inner::Plain(store) = &self.inner
            && let Some(cells) = writing(store)?.cells(key, namespace)?
        {
            return Ok(see(ListView(Elements::Cells(cells.0, cells.1))));
        }
        Ok(see(ListView(Elements::Values(&self.get(key, namespace)?))))
    }

    /// Adds an element at the end.
    ///
    /// # Errors
    /// The budget refuses it, the list becomes too large, the key is of another subtask, or the database fails. The
    /// list
    /// is then as it was.
    #[inline]
    pub fn add(&self, key: &K::Value, namespace: &N::Value, value: &S::Value) -> Result<(), StateError> {
        match &self.inner {
            Inner::Plain(store) => writing(store)?.add(key, namespace, value),
            Inner::Timed(store, _, core) => {
                writing(store)?.add(key, namespace, &(core.now_ms(), value.clone()))
            }
        }
    }

    /// Adds elements at the end: all or none.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn add_all(
        &self,
        key: &K::Value,
        namespace: &N::Value,
        values: &[S::Value],
    ) -> Result<(), StateError> {
        match &self.inner {
            Inner::Plain(store) => writing(store)?.add_all(key, namespace, values),
            Inner::Timed(store, _, core) => {
                writing(store)?.add_all(key, namespace, &stamped(values, core.now_ms()))
            }
        }
    }

    /// Replaces the list. None left removes it.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn update(
        &self,
        key: &K::Value,
        namespace: &N::Value,
        values: &[S::Value],
    ) -> Result<(), StateError> {
        match &self.inner {
            Inner::Plain(store) => writing(store)?.replace(key, namespace, values),
            Inner::Timed(store, _, core) => {
                writing(store)?.replace(key, namespace, &stamped(values, core.now_ms()))
            }
        }
    }

    /// Removes the list.
    ///
    /// # Errors
    /// The database fails; in memory, while a snapshot runs, the copy that this needs is refused.
    pub fn remove(&self, key: &K::Value, namespace: &N::Value) -> Result<(), StateError> {
        match &self.inner {
            Inner::Plain(store) => writing(store)?.remove(key, namespace),
            Inner::Timed(store, ..) => writing(store)?.remove(key, namespace),
        }
    }

    /// Appends the lists of other namespaces of a key to one, and removes them, as merging windows do.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn merge_namespaces(
        &self,
        key: &K::Value,
        target: &N::Value,
        sources: &[N::Value],
    ) -> Result<(), StateError> {
        fn merge<K: KeySerializer, N: KeySerializer, S: Serializer>(
            store: &mut ListStore<K, N, S>,
            key: &K::Value,
            target: &N::Value,
            sources: &[N::Value],
        ) -> Result<(), StateError> {
            for source in sources.iter().filter(|source| *source != target) {
                let mut elements = Vec::new();
                store.for_each(key, source, |element| elements.push(element))?;
                store.add_all(key, target, &elements)?;
                store.remove(key, source)?;
            }
            Ok(())
        }
        match &self.inner {
            Inner::Plain(store) => merge(&mut *writing(store)?, key, target, sources),
            Inner::Timed(store, ..) => merge(&mut *writing(store)?, key, target, sources),
        }
    }
}

/// A list while it is seen.
pub struct ListView<'l, S: Serializer>(Elements<'l, S>);

enum Elements<'l, S: Serializer> {
    Cells(&'l [S::Cell], &'l S),
    Values(&'l [S::Value]),
}

impl<S: Serializer> ListView<'_, S> {
    /// How many elements there are.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.0 {
            Elements::Cells(cells, _) => cells.len(),
            Elements::Values(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An element by its place.
    pub fn get(&self, at: usize) -> Option<S::Value> {
        match &self.0 {
            Elements::Cells(cells, serializer) => cells.get(at).map(|cell| cell.unpack(serializer)),
            Elements::Values(values) => values.get(at).cloned(),
        }
    }

    /// All elements, in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = S::Value> {
        (0..self.len()).filter_map(|at| self.get(at))
    }
}

type Timed<K, N, S> = Shared<ListStore<K, N, Stamped<S>>>;

// apart, so that state without a time to live stays small where it is used
#[inline(never)]
fn for_each_timed<K: KeySerializer, N: KeySerializer, S: Serializer>(
    store: &Timed<K, N, S>,
    ttl: Ttl,
    now_ms: i64,
    key: &K::Value,
    namespace: &N::Value,
    see: &mut dyn FnMut(S::Value),
) -> Result<(), StateError> {
    let mut store = writing(store)?;
    let (mut young, mut expired) = (Vec::new(), false);
    store.for_each(key, namespace, |(stamp_ms, element)| {
        let old = ttl.is_expired(stamp_ms, now_ms);
        expired |= old;
        if !old || ttl.shows_expired() {
            see(element.clone());
        }
        if !old {
            young.push((if ttl.touches() { now_ms } else { stamp_ms }, element));
        }
    })?;
    if expired || ttl.touches() && !young.is_empty() {
        store.replace(key, namespace, &young)?;
    }
    Ok(())
}

fn stamped<V: Clone>(values: &[V], now_ms: i64) -> Vec<(i64, V)> {
    values.iter().map(|value| (now_ms, value.clone())).collect()
}
