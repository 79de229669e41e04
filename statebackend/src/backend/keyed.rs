//! States by name.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use plimsoll_memory::budget::Owner;

use super::core::Core;
use super::registered::Registered;
use super::restored::{self, Asked, Waiting};
use crate::StateError;
use crate::heap::{HeapMemory, HeapTable, ListKind, MapKind, ValueKind};
use crate::key_group::{KeyGroupRange, KeyGroups};
use crate::rocksdb::{RocksPlace, RocksStore};
use crate::serializer::{Compatibility, KeySerializer, ReadError, Serializer, Stamped};
use crate::snapshot::storage::CheckpointStorage;
use crate::snapshot::{KeyedStateHandle, StateKind, StateMeta};
use crate::state::{
    AggregateFunction, AggregatingDescriptor, AggregatingState, ListDescriptor, ListState, ListStore,
    MapDescriptor, MapState, MapStore, ReducingDescriptor, ReducingState, ValueDescriptor, ValueState,
    ValueStore,
};
use crate::timer::{HeapTimers, TimerDescriptor, TimerStore, Timers};

/// Where a backend keeps its states.
#[derive(Debug)]
pub enum Keep {
    /// In tables of a capped arena: Flink's `hashmap`, with any checkpoint storage.
    Heap(HeapMemory),
    /// In RocksDB, with the memory of a slot.
    RocksDb(RocksPlace),
}

/// What a backend is made of.
#[derive(Debug)]
pub struct BackendSettings {
    /// Names its files: the operator's uid and the subtask, unique in a job.
    pub name: String,
    /// Names what this run of the job uploads: another for each attempt, so that no two meet.
    pub attempt: String,
    /// The operator's key groups.
    pub groups: KeyGroups,
    /// Those of this subtask.
    pub range: KeyGroupRange,
    /// Where states are kept.
    pub keep: Keep,
    /// Where snapshots are that are restored.
    pub storage: Option<CheckpointStorage>,
    /// Who pays for the buffers of a restore; `None`: they are bounded, but nobody's.
    pub restore_owner: Option<Arc<Owner>>,
}

/// Where states are kept, opened.
pub(crate) enum Store {
    Heap(HeapMemory),
    Rocks(Box<RocksStore>),
}

pub(crate) struct State {
    pub(crate) meta: StateMeta,
    pub(crate) table: Rc<dyn Registered>,
    typed: Rc<dyn Any>,
}

/// The states of one subtask.
///
/// It belongs to the thread that made it, and so do its states. The asynchronous part of a snapshot may go anywhere.
pub struct KeyedBackend<K: KeySerializer> {
    pub(crate) name: String,
    pub(crate) core: Rc<Core<K>>,
    pub(crate) store: Store,
    pub(crate) states: Vec<State>,
    pub(crate) waiting: Waiting,
}

type Shared<T> = Rc<RefCell<T>>;

impl<K: KeySerializer> KeyedBackend<K> {
    /// A backend, with what is restored: the handles of all subtasks whose key groups overlap with ours, in any order.
    ///
    /// # Errors
    /// Memory is refused, the database cannot be opened, a snapshot is damaged, or it was written with other keys or
    /// another maximum parallelism.
    pub fn open(settings: BackendSettings, key: K, restore: &[KeyedStateHandle]) -> Result<Self, StateError> {
        let BackendSettings { name, attempt, groups, range, keep, storage, restore_owner } = settings;
        let (identity, max_parallelism) = (key.identity(), groups.max_parallelism());
        let overlaps = |handle: &&KeyedStateHandle| {
            let theirs = handle.range();
            theirs.first <= range.last && theirs.last >= range.first
        };
        let handles: Vec<&KeyedStateHandle> = restore.iter().filter(overlaps).collect();
        let core = Rc::new(Core::new(key, groups, range));
        let (store, waiting) = match keep {
            Keep::Heap(memory) => {
                let mut readers = Vec::new();
                for handle in handles {
                    let reader = restored::open(handle, storage.as_ref(), restore_owner.as_ref())?;
                    restored::check(reader.meta(), reader.place(), &identity, max_parallelism)?;
                    readers.push(reader);
                }
                (Store::Heap(memory), Waiting::new(readers))
            }
            Keep::RocksDb(place) => {
                let mut store = RocksStore::open(&name, &format!("{name}-{attempt}"), place)?;
                store.restore(
                    &handles,
                    storage.as_ref(),
                    restore_owner.as_ref(),
                    &identity,
                    groups,
                    range,
                )?;
                (Store::Rocks(Box::new(store)), Waiting::default())
            }
        };
        Ok(Self { name, core, store, states: Vec::new(), waiting })
    }

    /// The key groups of this backend.
    pub fn range(&self) -> KeyGroupRange {
        self.core.range
    }

    /// Says what time it is, in milliseconds since 1970: state with a time to live goes by it.
    pub fn set_now_ms(&self, now_ms: i64) {
        self.core.set_now_ms(now_ms);
    }

    /// Keys with their namespaces that a state holds in memory; `None` for a state that is not there or in RocksDB.
    ///
    /// # Errors
    /// The state is being iterated.
    pub fn rows(&self, name: &str) -> Result<Option<usize>, StateError> {
        self.states.iter().find(|state| state.meta.name == name).map_or(Ok(None), |state| state.table.rows())
    }

    /// The database's own view, where there is one.
    pub fn rocksdb(&self) -> Option<&RocksStore> {
        match &self.store {
            Store::Heap(_) => None,
            Store::Rocks(store) => Some(store),
        }
    }

    /// Writes all that only memory knows to RocksDB, as every snapshot does.
    ///
    /// # Errors
    /// The database fails.
    pub fn write_back(&self) -> Result<(), StateError> {
        self.states.iter().try_for_each(|state| state.table.write_back())
    }

    /// A state with one value a key and namespace; the same state for the same name.
    ///
    /// # Errors
    /// The name is taken by another type, what was restored has another type, is damaged, or does not fit into memory.
    pub fn value_state<N: KeySerializer, S: Serializer>(
        &mut self,
        descriptor: &ValueDescriptor<S, N>,
    ) -> Result<ValueState<K, S, N>, StateError> {
        self.value_kind(
            &descriptor.name,
            StateKind::Value,
            &descriptor.namespace,
            &descriptor.value,
            descriptor.ttl,
        )
    }

    /// A state with a list a key and namespace; the same state for the same name.
    ///
    /// # Errors
    /// As [`value_state`](Self::value_state).
    pub fn list_state<N: KeySerializer, S: Serializer>(
        &mut self,
        descriptor: &ListDescriptor<S, N>,
    ) -> Result<ListState<K, S, N>, StateError> {
        let ListDescriptor { name, namespace, ttl, element } = descriptor;
        match ttl {
            None => Ok(ListState::plain(self.list_store(name, namespace, element, false)?)),
            Some(ttl) => {
                let store = self.list_store(name, namespace, &Stamped(element.clone()), true)?;
                Ok(ListState::timed(store, *ttl, Rc::clone(&self.core)))
            }
        }
    }

    /// A state with a map a key and namespace; the same state for the same name.
    ///
    /// # Errors
    /// As [`value_state`](Self::value_state).
    pub fn map_state<N: KeySerializer, U: KeySerializer, S: Serializer>(
        &mut self,
        descriptor: &MapDescriptor<U, S, N>,
    ) -> Result<MapState<K, U, S, N>, StateError> {
        let MapDescriptor { name, namespace, ttl, user_key, value } = descriptor;
        match ttl {
            None => Ok(MapState::plain(self.map_store(name, namespace, user_key, value, false)?)),
            Some(ttl) => {
                let store = self.map_store(name, namespace, user_key, &Stamped(value.clone()), true)?;
                Ok(MapState::timed(store, *ttl, Rc::clone(&self.core)))
            }
        }
    }

    /// A state that reduces what is added; the same state for the same name.
    ///
    /// # Errors
    /// As [`value_state`](Self::value_state).
    pub fn reducing_state<N: KeySerializer, S: Serializer, F>(
        &mut self,
        descriptor: &ReducingDescriptor<S, F, N>,
    ) -> Result<ReducingState<K, S, F, N>, StateError>
    where
        F: Fn(&S::Value, &S::Value) -> S::Value + Clone + 'static,
    {
        let ReducingDescriptor { name, namespace, ttl, value, reduce } = descriptor;
        let value = self.value_kind(name, StateKind::Reducing, namespace, value, *ttl)?;
        Ok(ReducingState::new(value, reduce.clone()))
    }

    /// A state that aggregates what is added; the same state for the same name.
    ///
    /// # Errors
    /// As [`value_state`](Self::value_state).
    pub fn aggregating_state<N: KeySerializer, S: Serializer, A>(
        &mut self,
        descriptor: &AggregatingDescriptor<S, A, N>,
    ) -> Result<AggregatingState<K, S, A, N>, StateError>
    where
        A: AggregateFunction<Accumulator = S::Value>,
    {
        let AggregatingDescriptor { name, namespace, ttl, accumulator, function } = descriptor;
        let value = self.value_kind(name, StateKind::Aggregating, namespace, accumulator, *ttl)?;
        Ok(AggregatingState::new(value, function.clone()))
    }

    /// A queue of timers; the same queue for the same name.
    ///
    /// # Errors
    /// As [`value_state`](Self::value_state).
    pub fn timers<N: KeySerializer>(
        &mut self,
        descriptor: &TimerDescriptor<N>,
    ) -> Result<Timers<K, N>, StateError> {
        let TimerDescriptor { name, namespace } = descriptor;
        let kind = StateKind::Timer;
        let asked = Asked { name, kind, namespace: namespace.identity(), parts: Vec::new(), ttl: false };
        let answers = |written: &StateMeta| (namespace.compatibility(&written.namespace), Vec::new());
        let migrate = |_: &StateMeta, _: &[u8], _: &mut Vec<u8>| Ok(());
        let store = self.register(&asked, answers, migrate, |backend, name| match &mut backend.store {
            Store::Heap(memory) => {
                Ok(TimerStore::Heap(HeapTimers::new(name, namespace.clone(), memory, &backend.core)?))
            }
            Store::Rocks(rocks) => rocks.timers(name, namespace.clone(), &backend.core),
        })?;
        Ok(Timers::new(store))
    }

    fn value_kind<N: KeySerializer, S: Serializer>(
        &mut self,
        name: &str,
        kind: StateKind,
        namespace: &N,
        value: &S,
        ttl: Option<crate::state::Ttl>,
    ) -> Result<ValueState<K, S, N>, StateError> {
        match ttl {
            None => Ok(ValueState::plain(self.value_store(name, kind, namespace, value, false)?)),
            Some(ttl) => {
                let store = self.value_store(name, kind, namespace, &Stamped(value.clone()), true)?;
                Ok(ValueState::timed(store, ttl, Rc::clone(&self.core)))
            }
        }
    }

    fn value_store<N: KeySerializer, S: Serializer>(
        &mut self,
        name: &str,
        kind: StateKind,
        namespace: &N,
        value: &S,
        ttl: bool,
    ) -> Result<Shared<ValueStore<K, N, S>>, StateError> {
        let asked = Asked { name, kind, namespace: namespace.identity(), parts: vec![value.identity()], ttl };
        let answers = |written: &StateMeta| {
            let part = written.parts.first().map_or(missing(), |part| value.compatibility(part));
            (namespace.compatibility(&written.namespace), vec![part])
        };
        let migrate = |written: &StateMeta, mut bytes: &[u8], out: &mut Vec<u8>| {
            value.write(&value.read_written(&written.parts[0], &mut bytes)?, out);
            Ok(())
        };
        self.register(&asked, answers, migrate, |backend, name| match &mut backend.store {
            Store::Heap(memory) => {
                let kind = ValueKind(value.clone());
                Ok(ValueStore::Heap(HeapTable::new(name, namespace.clone(), kind, memory, &backend.core)?))
            }
            Store::Rocks(rocks) => {
                let values =
                    rocks.values(name, namespace.clone(), ValueKind(value.clone()), &backend.core)?;
                Ok(ValueStore::Rocks(values))
            }
        })
    }

    fn list_store<N: KeySerializer, S: Serializer>(
        &mut self,
        name: &str,
        namespace: &N,
        element: &S,
        ttl: bool,
    ) -> Result<Shared<ListStore<K, N, S>>, StateError> {
        let (kind, parts) = (StateKind::List, vec![element.identity()]);
        let asked = Asked { name, kind, namespace: namespace.identity(), parts, ttl };
        let answers = |written: &StateMeta| {
            let part = written.parts.first().map_or(missing(), |part| element.compatibility(part));
            (namespace.compatibility(&written.namespace), vec![part])
        };
        let migrate = |written: &StateMeta, mut bytes: &[u8], out: &mut Vec<u8>| {
            while !bytes.is_empty() {
                let before = bytes.len();
                element.write(&element.read_written(&written.parts[0], &mut bytes)?, out);
                if bytes.len() == before {
                    return Err(ReadError::new("list", "an element has no bytes"));
                }
            }
            Ok(())
        };
        self.register(&asked, answers, migrate, |backend, name| match &mut backend.store {
            Store::Heap(memory) => {
                let kind = ListKind(element.clone());
                Ok(ListStore::Heap(HeapTable::new(name, namespace.clone(), kind, memory, &backend.core)?))
            }
            Store::Rocks(rocks) => {
                let lists = rocks.lists(name, namespace.clone(), ListKind(element.clone()), &backend.core)?;
                Ok(ListStore::Rocks(lists))
            }
        })
    }

    fn map_store<N: KeySerializer, U: KeySerializer, S: Serializer>(
        &mut self,
        name: &str,
        namespace: &N,
        user_key: &U,
        value: &S,
        ttl: bool,
    ) -> Result<Shared<MapStore<K, N, U, S>>, StateError> {
        let (kind, parts) = (StateKind::Map, vec![user_key.identity(), value.identity()]);
        let asked = Asked { name, kind, namespace: namespace.identity(), parts, ttl };
        let answers = |written: &StateMeta| {
            let parts = match written.parts.as_slice() {
                [key, part] => vec![user_key.compatibility(key), value.compatibility(part)],
                _ => vec![missing()],
            };
            (namespace.compatibility(&written.namespace), parts)
        };
        let migrate = |written: &StateMeta, mut bytes: &[u8], out: &mut Vec<u8>| {
            value.write(&value.read_written(&written.parts[1], &mut bytes)?, out);
            Ok(())
        };
        let kind = MapKind { user_key: user_key.clone(), value: value.clone() };
        self.register(&asked, answers, migrate, |backend, name| match &mut backend.store {
            Store::Heap(memory) => {
                Ok(MapStore::Heap(HeapTable::new(name, namespace.clone(), kind, memory, &backend.core)?))
            }
            Store::Rocks(rocks) => {
                Ok(MapStore::Rocks(rocks.maps(name, namespace.clone(), kind, &backend.core)?))
            }
        })
    }

    /// Finds a state or makes it, loads what is restored for it, and remembers it.
    pub(crate) fn register<T: 'static>(
        &mut self,
        asked: &Asked<'_>,
        answers: impl Fn(&StateMeta) -> (Compatibility, Vec<Compatibility>),
        migrate: impl Fn(&StateMeta, &[u8], &mut Vec<u8>) -> Result<(), ReadError>,
        make: impl FnOnce(&mut Self, &Arc<str>) -> Result<T, StateError>,
    ) -> Result<Shared<T>, StateError>
    where
        RefCell<T>: Registered,
    {
        if let Some(state) = self.states.iter().find(|state| state.meta.name == asked.name) {
            return Rc::clone(&state.typed)
                .downcast::<RefCell<T>>()
                .ok()
                .filter(|_| state.meta == asked.meta(state.meta.id))
                .ok_or_else(|| {
                    StateError::Usage(format!(
                        "state \"{}\" is in use with other types; give one of the two another name",
                        asked.name
                    ))
                });
        }
        let id = u16::try_from(self.states.len()).ok().filter(|id| *id < u16::MAX).ok_or_else(|| {
            StateError::Usage(format!("a backend has 65,534 states at most, \"{}\" is one more", asked.name))
        })?;
        let restored = match &self.store {
            Store::Heap(_) => self.waiting.find(asked.name),
            Store::Rocks(_) => Vec::new(),
        };
        let rewrite = |written: &StateMeta, value: &[u8], out: &mut Vec<u8>| {
            out.clear();
            migrate(written, value, out).map_err(|error| {
                StateError::corrupt(format!("a row of state \"{}\"", asked.name), error.to_string())
            })
        };
        if let Store::Rocks(rocks) = &mut self.store
            && let Some(written) = rocks.restored_meta(asked.name)
        {
            let (namespace, parts) = answers(&written);
            if asked.compare(&written, namespace, parts)? {
                rocks.rewrite(asked.name, |value, out| rewrite(&written, value, out))?;
            }
        }
        let table = Rc::new(RefCell::new(make(self, &asked.name.into())?));
        for (reader, written) in restored {
            let (namespace, parts) = answers(&written);
            let migrates = asked.compare(&written, namespace, parts)?;
            let mut new = Vec::new();
            reader.for_each(written.id, self.core.range, |_, key, value| {
                if migrates {
                    rewrite(&written, value, &mut new)?;
                    return table.load(key, &new);
                }
                table.load(key, value)
            })?;
        }
        self.waiting.done(asked.name);
        self.states.push(State {
            meta: asked.meta(id),
            table: Rc::clone(&table) as _,
            typed: Rc::clone(&table) as _,
        });
        Ok(table)
    }
}

fn missing() -> Compatibility {
    Compatibility::Incompatible("the snapshot does not say who wrote it".to_owned())
}
