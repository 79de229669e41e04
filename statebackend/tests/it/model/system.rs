//! The states as they are: subtasks of one operator on one backend.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use plimsoll_memory::budget::Pool;
use plimsoll_statebackend::key_group::KeyGroups;
use plimsoll_statebackend::serializer::{Bytes, I64, KeySerializer, Pair, Utf8};
use plimsoll_statebackend::snapshot::KeyedStateHandle;
use plimsoll_statebackend::state::{
    AggregateFunction, AggregatingDescriptor, AggregatingState, ListDescriptor, ListState, MapDescriptor,
    MapState, ReducingDescriptor, ReducingState, ValueDescriptor, ValueState,
};
use plimsoll_statebackend::{
    BackendSettings, HeapMemory, Keep, KeyedBackend, PendingSnapshot, SnapshotKind, StateError,
};
use proptest_state_machine::StateMachineTest;

use super::reference::{
    At, FoldStep, KEYS, ListStep, MapStep, Model, NumbersStep, Reference, SPACES, Transition, ValueStep,
    join, keeps, piece, removes,
};
use crate::support::{FULL, Kind, Place};

/// Operations of all runs.
pub(super) static STEPS: AtomicUsize = AtomicUsize::new(0);

const MAX_PARALLELISM: u32 = 13;

type Join = fn(&String, &String) -> String;

fn join_texts(one: &String, other: &String) -> String {
    join(one, other)
}

/// The mean of what is added, rounded down.
#[derive(Debug, Clone, Copy)]
struct Mean;

impl AggregateFunction for Mean {
    type Input = i64;
    type Accumulator = (i64, i64);
    type Output = i64;

    fn create(&self) -> (i64, i64) {
        (0, 0)
    }

    fn add(&self, (sum, count): (i64, i64), input: &i64) -> (i64, i64) {
        (sum + input, count + 1)
    }

    fn result(&self, (sum, count): &(i64, i64)) -> i64 {
        sum * 1000 / count
    }

    fn merge(&self, one: (i64, i64), other: (i64, i64)) -> (i64, i64) {
        (one.0 + other.0, one.1 + other.1)
    }
}

/// One subtask. Pairs are a state without namespaces and one with them.
struct Subtask {
    backend: KeyedBackend<Utf8>,
    values: (ValueState<Utf8, Bytes>, ValueState<Utf8, Bytes, I64>),
    lists: (ListState<Utf8, Bytes>, ListState<Utf8, Bytes, I64>),
    maps: (MapState<Utf8, Utf8, Bytes>, MapState<Utf8, Utf8, Bytes, I64>),
    numbers: MapState<Utf8, I64, I64>,
    texts: (ReducingState<Utf8, Utf8, Join>, ReducingState<Utf8, Utf8, Join, I64>),
    means: (AggregatingState<Utf8, Pair<I64, I64>, Mean>, AggregatingState<Utf8, Pair<I64, I64>, Mean, I64>),
}

enum Pending {
    Begun(Vec<PendingSnapshot>),
    Running(JoinHandle<Vec<Result<KeyedStateHandle, StateError>>>),
}

pub(super) struct System {
    place: Place,
    /// Tables in memory need more than hot entries get.
    tables: Pool,
    groups: KeyGroups,
    subtasks: Vec<Subtask>,
    pending: Option<(u64, Pending)>,
    completed: Vec<KeyedStateHandle>,
    checkpoint: u64,
    attempt: u32,
}

fn key_of(number: u8) -> String {
    // of different lengths
    format!("{}{number}", "key ".repeat(usize::from(number % 5)))
}

fn user_key_of(number: u8) -> String {
    format!("entry {}{number}", ".".repeat(usize::from(number)))
}

/// A state of a pair, and its namespace.
macro_rules! of {
    ($pair:expr, $at:expr, |$state:ident, $space:ident| $answer:expr) => {
        if $at.space == 0 {
            let ($state, $space) = (&$pair.0, &());
            $answer
        } else {
            let ($state, $space) = (&$pair.1, &i64::from($at.space));
            $answer
        }
    };
}

fn run(pending: Vec<PendingSnapshot>) -> Vec<Result<KeyedStateHandle, StateError>> {
    pending.into_iter().map(|pending| pending.run().map(|result| result.handle)).collect()
}

impl System {
    fn keep(&self, kind: Kind, name: &str) -> Keep {
        if kind == Kind::Heap {
            return Keep::Heap(HeapMemory::new(&self.tables, name).unwrap());
        }
        let mut place = self.place.rocks(kind, name);
        // so little that entries give way, are bypassed and forgotten all the time
        place.settings.memory.hot_fraction = if kind == Kind::Hot { 0.09 } else { 0.0 };
        Keep::RocksDb(place)
    }

    fn open(&mut self, kind: Kind, parallelism: u32, handles: &[KeyedStateHandle]) {
        self.subtasks.clear();
        self.attempt += 1;
        let attempt = self.attempt.to_string();
        for index in 0..parallelism {
            let name = format!("op-{index}");
            let settings = BackendSettings {
                keep: self.keep(kind, &format!("{name}-{attempt}")),
                name,
                attempt: attempt.clone(),
                groups: self.groups,
                range: self.groups.range(parallelism, index).unwrap(),
                storage: Some(self.place.storage.clone()),
                restore_owner: None,
            };
            let mut b = KeyedBackend::open(settings, Utf8, handles).unwrap();
            let (values, lists) = (ValueDescriptor::new("value", Bytes), ListDescriptor::new("list", Bytes));
            let maps = MapDescriptor::new("map", Utf8, Bytes);
            let texts = |name| ReducingDescriptor::new(name, Utf8, join_texts as Join);
            let means = |name| AggregatingDescriptor::new(name, Pair(I64, I64), Mean);
            let values_of = ValueDescriptor::new("value of", Bytes).namespaced(I64);
            let lists_of = ListDescriptor::new("list of", Bytes).namespaced(I64);
            let maps_of = MapDescriptor::new("map of", Utf8, Bytes).namespaced(I64);
            self.subtasks.push(Subtask {
                values: (b.value_state(&values).unwrap(), b.value_state(&values_of).unwrap()),
                lists: (b.list_state(&lists).unwrap(), b.list_state(&lists_of).unwrap()),
                maps: (b.map_state(&maps).unwrap(), b.map_state(&maps_of).unwrap()),
                numbers: b.map_state(&MapDescriptor::new("numbers", I64, I64)).unwrap(),
                texts: (
                    b.reducing_state(&texts("text")).unwrap(),
                    b.reducing_state(&texts("text of").namespaced(I64)).unwrap(),
                ),
                means: (
                    b.aggregating_state(&means("mean")).unwrap(),
                    b.aggregating_state(&means("mean of").namespaced(I64)).unwrap(),
                ),
                backend: b,
            });
        }
    }

    fn of(&self, key: u8) -> (&Subtask, String) {
        let key = key_of(key);
        let group = self.groups.of_hash(Utf8.java_hash(&key));
        let parallelism = u32::try_from(self.subtasks.len()).unwrap();
        (&self.subtasks[self.groups.index_of(parallelism, group) as usize], key)
    }

    fn value(&self, at: At, step: &ValueStep, model: &Model) {
        let (subtask, key) = self.of(at.key);
        of!(subtask.values, at, |state, space| match step {
            ValueStep::Set(blob) => state.set(&key, space, &blob.bytes()).unwrap(),
            ValueStep::Remove => state.remove(&key, space).unwrap(),
            ValueStep::Update(blob) => {
                let change =
                    |old: Option<Vec<u8>>| (!old.is_some_and(|old| removes(old.len()))).then(|| blob.bytes());
                state.update(&key, space, change).unwrap();
            }
            ValueStep::Get => {
                let expected = model.values.get(&at).map(|blob| blob.bytes());
                assert!(state.get(&key, space).unwrap() == expected, "the value of {at:?}");
            }
        });
    }

    fn list(&self, at: At, step: &ListStep, model: &Model) {
        let (subtask, key) = self.of(at.key);
        let all =
            |blobs: &[super::reference::Blob]| blobs.iter().map(|blob| blob.bytes()).collect::<Vec<_>>();
        of!(subtask.lists, at, |state, space| match step {
            ListStep::Add(blob) => state.add(&key, space, &blob.bytes()).unwrap(),
            ListStep::AddAll(blobs) => state.add_all(&key, space, &all(blobs)).unwrap(),
            ListStep::Replace(blobs) => state.update(&key, space, &all(blobs)).unwrap(),
            ListStep::Remove => state.remove(&key, space).unwrap(),
            ListStep::Get => {
                let expected = model.lists.get(&at).map_or_else(Vec::new, |blobs| all(blobs));
                assert!(state.get(&key, space).unwrap() == expected, "the list of {at:?}");
                let viewed = state.view(&key, space, |list| list.iter().collect::<Vec<_>>()).unwrap();
                assert!(viewed == expected, "the view of {at:?}");
            }
            ListStep::Merge(_) => {}
        });
        if let ListStep::Merge(sources) = step
            && at.space > 0
        {
            let sources: Vec<i64> = sources.iter().map(|space| i64::from(*space)).collect();
            subtask.lists.1.merge_namespaces(&key, &i64::from(at.space), &sources).unwrap();
        }
    }

    fn map(&self, at: At, step: &MapStep, model: &Model) {
        let (subtask, key) = self.of(at.key);
        let expected = model.maps.get(&at);
        let of = |number: &u8| expected.and_then(|map| map.get(number)).map(|blob| blob.bytes());
        of!(subtask.maps, at, |state, space| match step {
            MapStep::Put(number, blob) => {
                state.put(&key, space, &user_key_of(*number), &blob.bytes()).unwrap();
            }
            MapStep::Remove(number) => state.remove(&key, space, &user_key_of(*number)).unwrap(),
            MapStep::Get(number) => {
                assert!(state.get(&key, space, &user_key_of(*number)).unwrap() == of(number), "{at:?}");
            }
            MapStep::Contains(number) => {
                let found = state.contains(&key, space, &user_key_of(*number)).unwrap();
                assert_eq!(found, of(number).is_some());
            }
            MapStep::Entries => {
                let expected: BTreeMap<String, Vec<u8>> = expected
                    .into_iter()
                    .flatten()
                    .map(|(number, blob)| (user_key_of(*number), blob.bytes()))
                    .collect();
                let entries = state.entries(&key, space).unwrap();
                assert_eq!(entries.len(), expected.len(), "an entry comes once");
                assert!(entries.into_iter().collect::<BTreeMap<_, _>>() == expected, "{at:?}");
            }
            MapStep::Retain(by) => {
                let keep = |user_key: &String, _: &Vec<u8>| {
                    keeps(user_key.trim_start_matches("entry ").trim_matches('.').parse().unwrap(), *by)
                };
                state.retain(&key, space, keep).unwrap();
            }
            MapStep::IsEmpty => {
                assert_eq!(state.is_empty(&key, space).unwrap(), expected.is_none_or(BTreeMap::is_empty));
            }
            MapStep::Clear => state.clear(&key, space).unwrap(),
        });
    }

    fn numbers(&self, number: u8, step: &NumbersStep, model: &Model) {
        let (subtask, key) = self.of(number);
        let (state, expected) = (&subtask.numbers, model.numbers.get(&number));
        match step {
            NumbersStep::PutAll(from, count) => {
                let entries: Vec<(i64, i64)> = (*from..from + count).map(|at| (at, at ^ count)).collect();
                state.put_all(&key, &(), entries.iter().map(|(at, value)| (at, value))).unwrap();
            }
            NumbersStep::Remove(at) => state.remove(&key, &(), at).unwrap(),
            NumbersStep::Get(at) => {
                let expected = expected.and_then(|map| map.get(at)).copied();
                assert_eq!(state.get(&key, &(), at).unwrap(), expected);
            }
            NumbersStep::Entries => {
                let entries = state.entries(&key, &()).unwrap();
                let expected = expected.cloned().unwrap_or_default();
                assert_eq!(entries.len(), expected.len(), "an entry comes once");
                assert!(entries.into_iter().collect::<BTreeMap<_, _>>() == expected, "numbers of {number}");
            }
            NumbersStep::Retain(by) => state.retain(&key, &(), |at, _| at % by != 0).unwrap(),
            NumbersStep::IsEmpty => {
                assert_eq!(state.is_empty(&key, &()).unwrap(), expected.is_none_or(BTreeMap::is_empty));
            }
            NumbersStep::Clear => state.clear(&key, &()).unwrap(),
        }
    }

    fn text(&self, at: At, step: &FoldStep, model: &Model) {
        let (subtask, key) = self.of(at.key);
        of!(subtask.texts, at, |state, space| match step {
            FoldStep::Add(number) => state.add(&key, space, &piece(*number)).unwrap(),
            FoldStep::Get => {
                assert_eq!(state.get(&key, space).unwrap(), model.texts.get(&at).cloned(), "{at:?}");
            }
            FoldStep::Remove => state.remove(&key, space).unwrap(),
            FoldStep::Merge(_) => {}
        });
        if let FoldStep::Merge(sources) = step
            && at.space > 0
        {
            let sources: Vec<i64> = sources.iter().map(|space| i64::from(*space)).collect();
            subtask.texts.1.merge_namespaces(&key, &i64::from(at.space), &sources).unwrap();
        }
    }

    fn mean(&self, at: At, step: &FoldStep, model: &Model) {
        let (subtask, key) = self.of(at.key);
        of!(subtask.means, at, |state, space| match step {
            FoldStep::Add(number) => state.add(&key, space, &i64::from(*number)).unwrap(),
            FoldStep::Get => {
                let expected = model.means.get(&at).map(|mean| Mean.result(mean));
                assert_eq!(state.get(&key, space).unwrap(), expected, "{at:?}");
            }
            FoldStep::Remove => state.remove(&key, space).unwrap(),
            FoldStep::Merge(_) => {}
        });
        if let FoldStep::Merge(sources) = step
            && at.space > 0
        {
            let sources: Vec<i64> = sources.iter().map(|space| i64::from(*space)).collect();
            subtask.means.1.merge_namespaces(&key, &i64::from(at.space), &sources).unwrap();
        }
    }

    fn begin(&mut self, full: bool) {
        self.finish();
        self.checkpoint += 1;
        let request =
            self.place.request(self.checkpoint, if full { FULL } else { SnapshotKind::Incremental });
        let begun = self.subtasks.iter_mut().map(|subtask| subtask.backend.snapshot(&request).unwrap());
        self.pending = Some((self.checkpoint, Pending::Begun(begun.collect())));
    }

    /// Writes the snapshot on a thread of its own, while the state goes on.
    fn spawn(&mut self) {
        self.pending = self.pending.take().map(|(checkpoint, pending)| match pending {
            Pending::Begun(begun) => (checkpoint, Pending::Running(std::thread::spawn(|| run(begun)))),
            running @ Pending::Running(_) => (checkpoint, running),
        });
    }

    fn finish(&mut self) {
        let Some((checkpoint, pending)) = self.pending.take() else { return };
        let written = match pending {
            Pending::Begun(begun) => run(begun),
            Pending::Running(thread) => thread.join().unwrap(),
        };
        self.completed = written.into_iter().map(Result::unwrap).collect();
        for (subtask, handle) in self.subtasks.iter_mut().zip(&self.completed) {
            // what the register would say, and its silence, mean the same here
            let registered = checkpoint.is_multiple_of(2).then_some(handle);
            subtask.backend.checkpoint_completed(checkpoint, registered);
        }
    }

    fn abort(&mut self) {
        let Some((checkpoint, pending)) = self.pending.take() else { return };
        self.subtasks.iter_mut().for_each(|subtask| subtask.backend.checkpoint_aborted(checkpoint));
        if let Pending::Running(thread) = pending {
            // it may have been written already; it may say that it was given up, and nothing else
            for written in thread.join().unwrap() {
                let given_up = written.as_ref().err().is_none_or(|error| error.to_string().contains("abort"));
                assert!(given_up, "{written:?}");
            }
        }
    }

    fn verify(&self, model: &Model) {
        for key in 0..KEYS {
            for space in 0..SPACES {
                let at = At { key, space };
                self.value(at, &ValueStep::Get, model);
                self.list(at, &ListStep::Get, model);
                self.map(at, &MapStep::Entries, model);
                self.text(at, &FoldStep::Get, model);
                self.mean(at, &FoldStep::Get, model);
            }
            self.numbers(key, &NumbersStep::Entries, model);
        }
    }
}

impl StateMachineTest for System {
    type SystemUnderTest = Self;
    type Reference = Reference;

    fn init_test(reference: &Reference) -> Self {
        let mut system = Self {
            place: Place::new(48 << 20),
            tables: Pool::root("tables", 512 << 20).unwrap(),
            groups: KeyGroups::new(MAX_PARALLELISM).unwrap(),
            subtasks: Vec::new(),
            pending: None,
            completed: Vec::new(),
            checkpoint: 0,
            attempt: 0,
        };
        system.open(reference.kind, reference.parallelism, &[]);
        system
    }

    fn apply(mut system: Self, reference: &Reference, transition: Transition) -> Self {
        STEPS.fetch_add(1, Ordering::Relaxed);
        let model = &reference.model;
        match &transition {
            Transition::Value(at, step) => system.value(*at, step, model),
            Transition::List(at, step) => system.list(*at, step, model),
            Transition::Map(at, step) => system.map(*at, step, model),
            Transition::Numbers(key, step) => system.numbers(*key, step, model),
            Transition::Text(at, step) => system.text(*at, step, model),
            Transition::Mean(at, step) => system.mean(*at, step, model),
            Transition::Prefetch => {
                for subtask in &system.subtasks {
                    let keys: Vec<String> = (0..KEYS).map(key_of).collect();
                    subtask.values.0.prefetch(&keys, &()).unwrap();
                }
            }
            Transition::WriteBack => {
                system.subtasks.iter().for_each(|subtask| subtask.backend.write_back().unwrap());
            }
            Transition::Begin { full } => {
                let full = *full || reference.kind == Kind::Heap;
                system.begin(full);
            }
            Transition::Spawn => system.spawn(),
            Transition::Finish => system.finish(),
            Transition::Abort => system.abort(),
            Transition::Restore { .. } => {
                system.abort();
                if reference.completed.is_some() {
                    let handles = system.completed.clone();
                    system.open(reference.kind, reference.parallelism, &handles);
                }
                system.verify(model);
            }
            Transition::Verify => system.verify(model),
        }
        system
    }

    fn teardown(mut system: Self, reference: Reference) {
        system.verify(&reference.model);
        system.abort();
        let pools = [system.place.pool.clone(), system.tables.clone()];
        drop(system);
        pools.iter().for_each(|pool| pool.verify_empty().unwrap());
    }
}
