//! Whatever happens to state, in whatever order, it answers as plain maps do: random histories of every kind of state
//! on every backend, with snapshots that are written while the state goes on, restores, other parallelisms and other
//! backends.
//!
//! A failing history prints its seed and shrinks. `PLIMSOLL_CASES` raises the number of histories.

use std::cell::Cell;
use std::collections::BTreeMap;

use plimsoll_statebackend::key_group::KeyGroups;
use plimsoll_statebackend::rocksdb::RocksDbSettings;
use plimsoll_statebackend::serializer::{I64, KeySerializer, TimeWindow, Utf8, Window};
use plimsoll_statebackend::snapshot::KeyedStateHandle;
use plimsoll_statebackend::state::{
    ListDescriptor, ListState, MapDescriptor, MapState, ReducingDescriptor, ReducingState, ValueDescriptor,
    ValueState,
};
use plimsoll_statebackend::{BackendSettings, Keep, KeyedBackend, PendingSnapshot, SnapshotKind};
use proptest::prelude::*;

use crate::support::{FULL, Kind, Place};

const CASES: u32 = 42;
const STEPS: usize = 2_500;
const MAX_PARALLELISM: u32 = 13;

/// What the state should be.
#[derive(Debug, Clone, Default, PartialEq)]
struct Model {
    value: BTreeMap<(i64, i64), i64>,
    list: BTreeMap<i64, Vec<i64>>,
    map: BTreeMap<i64, BTreeMap<String, i64>>,
    sum: BTreeMap<i64, i64>,
    text: BTreeMap<i64, String>,
}

type Add = fn(&i64, &i64) -> i64;

/// One subtask.
struct Subtask {
    backend: KeyedBackend<I64>,
    value: ValueState<I64, I64, Window>,
    list: ListState<I64, I64>,
    map: MapState<I64, Utf8, I64>,
    sum: ReducingState<I64, I64, Add>,
    text: ValueState<I64, Utf8>,
}

struct System {
    place: Place,
    kind: Kind,
    groups: KeyGroups,
    subtasks: Vec<Subtask>,
    model: Model,
    /// Snapshots that were begun and not written: state goes on meanwhile.
    pending: Option<(u64, Vec<PendingSnapshot>, Model, bool)>,
    completed: Option<(Vec<KeyedStateHandle>, Model, bool)>,
    checkpoint: u64,
    attempt: u32,
    operations: usize,
}

fn window(at: i64) -> TimeWindow {
    TimeWindow { start_ms: at, end_ms: at + 10 }
}

impl System {
    fn new(kind: Kind) -> Self {
        let mut system = Self {
            place: Place::new(48 << 20),
            kind,
            groups: KeyGroups::new(MAX_PARALLELISM).unwrap(),
            subtasks: Vec::new(),
            model: Model::default(),
            pending: None,
            completed: None,
            checkpoint: 0,
            attempt: 0,
            operations: 0,
        };
        system.open(1, &[]);
        system
    }

    fn keep(&self, name: &str) -> Keep {
        match self.place.keep(self.kind, name) {
            Keep::RocksDb(mut place) => {
                let mut settings = RocksDbSettings::default();
                // so little that entries give way, are bypassed and forgotten all the time
                settings.memory.hot_fraction = if self.kind == Kind::Hot { 0.095 } else { 0.0 };
                place.settings = Box::new(settings);
                Keep::RocksDb(place)
            }
            keep @ Keep::Heap(_) => keep,
        }
    }

    fn open(&mut self, parallelism: u32, handles: &[KeyedStateHandle]) {
        self.subtasks.clear();
        self.attempt += 1;
        for index in 0..parallelism {
            let name = format!("op-{index}");
            let attempt = self.attempt.to_string();
            let settings = BackendSettings {
                keep: self.keep(&format!("{name}-{attempt}")),
                name,
                attempt,
                groups: self.groups,
                range: self.groups.range(parallelism, index).unwrap(),
                storage: Some(self.place.storage.clone()),
                restore_owner: None,
            };
            let mut backend = KeyedBackend::open(settings, I64, handles).unwrap();
            let add: Add = |a, b| a.wrapping_add(*b);
            self.subtasks.push(Subtask {
                value: backend.value_state(&ValueDescriptor::new("value", I64).namespaced(Window)).unwrap(),
                list: backend.list_state(&ListDescriptor::new("list", I64)).unwrap(),
                map: backend.map_state(&MapDescriptor::new("map", Utf8, I64)).unwrap(),
                sum: backend.reducing_state(&ReducingDescriptor::new("sum", I64, add)).unwrap(),
                text: backend.value_state(&ValueDescriptor::new("text", Utf8)).unwrap(),
                backend,
            });
        }
    }

    fn of(&self, key: i64) -> &Subtask {
        let group = self.groups.of_hash(I64.java_hash(&key));
        let parallelism = u32::try_from(self.subtasks.len()).unwrap();
        &self.subtasks[self.groups.index_of(parallelism, group) as usize]
    }

    #[expect(clippy::too_many_lines, reason = "a table of what may happen")]
    fn step(&mut self, what: u8, key: i64, other: i64) -> Result<(), TestCaseError> {
        self.operations += 1;
        let at = window(other % 3);
        let user_key = format!("entry {other}");
        let subtask = self.of(key);
        match what {
            0..20 => {
                subtask.value.set(&key, &at, &other).unwrap();
                self.model.value.insert((key, other % 3), other);
            }
            20..28 => {
                subtask.value.remove(&key, &at).unwrap();
                self.model.value.remove(&(key, other % 3));
            }
            28..40 => {
                let change =
                    |old: Option<i64>| old.map_or(Some(other), |old| (old % 5 != 0).then_some(old + 1));
                subtask.value.update(&key, &at, change).unwrap();
                let new = change(self.model.value.get(&(key, other % 3)).copied());
                match new {
                    Some(new) => self.model.value.insert((key, other % 3), new),
                    None => self.model.value.remove(&(key, other % 3)),
                };
            }
            40..55 => {
                let expected = self.model.value.get(&(key, other % 3)).copied();
                prop_assert_eq!(subtask.value.get(&key, &at).unwrap(), expected);
            }
            55..70 => {
                subtask.list.add(&key, &(), &other).unwrap();
                self.model.list.entry(key).or_default().push(other);
            }
            70..76 => {
                subtask.list.add_all(&key, &(), &[other, key, 7]).unwrap();
                self.model.list.entry(key).or_default().extend([other, key, 7]);
            }
            76..82 => {
                let new: Vec<i64> = (0..other % 4).collect();
                subtask.list.update(&key, &(), &new).unwrap();
                self.model.list.insert(key, new);
            }
            82..86 => {
                subtask.list.remove(&key, &()).unwrap();
                self.model.list.remove(&key);
            }
            86..98 => {
                let expected = self.model.list.get(&key).cloned().unwrap_or_default();
                prop_assert_eq!(subtask.list.get(&key, &()).unwrap(), expected.clone());
                let viewed = subtask.list.view(&key, &(), |list| list.iter().collect::<Vec<_>>()).unwrap();
                prop_assert_eq!(viewed, expected);
            }
            98..125 => {
                subtask.map.put(&key, &(), &user_key, &other).unwrap();
                self.model.map.entry(key).or_default().insert(user_key, other);
            }
            125..138 => {
                subtask.map.remove(&key, &(), &user_key).unwrap();
                self.model.map.entry(key).or_default().remove(&user_key);
            }
            138..150 => {
                let expected = self.model.map.get(&key).and_then(|map| map.get(&user_key)).copied();
                prop_assert_eq!(subtask.map.contains(&key, &(), &user_key).unwrap(), expected.is_some());
                prop_assert_eq!(subtask.map.get(&key, &(), &user_key).unwrap(), expected);
            }
            150..158 => {
                let entries: BTreeMap<String, i64> =
                    subtask.map.entries(&key, &()).unwrap().into_iter().collect();
                prop_assert_eq!(entries, self.model.map.get(&key).cloned().unwrap_or_default());
            }
            158..162 => {
                subtask.map.clear(&key, &()).unwrap();
                self.model.map.remove(&key);
            }
            162..168 => {
                subtask.map.retain(&key, &(), |_, value| value % 3 != 0).unwrap();
                self.model.map.entry(key).or_default().retain(|_, value| *value % 3 != 0);
            }
            168..174 => {
                let expected = self.model.map.get(&key).is_none_or(BTreeMap::is_empty);
                prop_assert_eq!(subtask.map.is_empty(&key, &()).unwrap(), expected);
            }
            174..188 => {
                subtask.sum.add(&key, &(), &other).unwrap();
                *self.model.sum.entry(key).or_default() += other;
            }
            188..196 => {
                prop_assert_eq!(subtask.sum.get(&key, &()).unwrap(), self.model.sum.get(&key).copied());
            }
            196..226 => {
                let text = "many words ".repeat(usize::try_from(other).unwrap() * 150);
                subtask.text.set(&key, &(), &text).unwrap();
                self.model.text.insert(key, text);
            }
            226..244 => {
                prop_assert_eq!(&subtask.text.get(&key, &()).unwrap(), &self.model.text.get(&key).cloned());
            }
            244..247 => {
                let keys: Vec<i64> = (0..60).filter(|key| std::ptr::eq(self.of(*key), self.of(0))).collect();
                self.of(0).text.prefetch(&keys, &()).unwrap();
            }
            247..249 => subtask.backend.write_back().unwrap(),
            249..252 => self.begin(what == 249 || self.kind == Kind::Heap),
            252..254 => self.finish(),
            254 if key < 12 => self.restore(other)?,
            _ => self.verify()?,
        }
        Ok(())
    }

    fn begin(&mut self, full: bool) {
        self.finish();
        self.checkpoint += 1;
        let request =
            self.place.request(self.checkpoint, if full { FULL } else { SnapshotKind::Incremental });
        let begun = self.subtasks.iter_mut().map(|subtask| subtask.backend.snapshot(&request).unwrap());
        self.pending = Some((self.checkpoint, begun.collect(), self.model.clone(), full));
    }

    /// Writes the snapshot that was begun, on a thread of its own.
    fn finish(&mut self) {
        let Some((checkpoint, pending, model, full)) = self.pending.take() else { return };
        // one in four is given up
        if checkpoint % 4 == 3 {
            drop(pending);
            self.subtasks.iter_mut().for_each(|subtask| subtask.backend.checkpoint_aborted(checkpoint));
            return;
        }
        let written = std::thread::spawn(|| {
            pending.into_iter().map(|pending| pending.run().unwrap().handle).collect::<Vec<_>>()
        });
        let handles = written.join().unwrap();
        self.subtasks.iter_mut().for_each(|subtask| subtask.backend.checkpoint_completed(checkpoint, None));
        self.completed = Some((handles, model, full));
    }

    fn restore(&mut self, other: i64) -> Result<(), TestCaseError> {
        self.finish();
        let Some((handles, model, full)) = self.completed.clone() else { return Ok(()) };
        if full {
            self.kind = Kind::ALL[usize::try_from(other % 3).unwrap()];
        }
        self.model = model;
        self.open([1, 2, 3, 5][usize::try_from(other % 4).unwrap()], &handles);
        self.verify()
    }

    /// Everything is as the model says.
    fn verify(&self) -> Result<(), TestCaseError> {
        for key in 0..60 {
            let subtask = self.of(key);
            for at in 0..3 {
                let expected = self.model.value.get(&(key, at)).copied();
                prop_assert_eq!(subtask.value.get(&key, &window(at)).unwrap(), expected);
            }
            let list = self.model.list.get(&key).cloned().unwrap_or_default();
            prop_assert_eq!(subtask.list.get(&key, &()).unwrap(), list);
            let entries: BTreeMap<String, i64> =
                subtask.map.entries(&key, &()).unwrap().into_iter().collect();
            prop_assert_eq!(entries, self.model.map.get(&key).cloned().unwrap_or_default());
            prop_assert_eq!(subtask.sum.get(&key, &()).unwrap(), self.model.sum.get(&key).copied());
            let text = subtask.text.get(&key, &()).unwrap();
            prop_assert!(text == self.model.text.get(&key).cloned(), "the text of {}", key);
        }
        Ok(())
    }
}

#[test]
fn any_history_on_any_backend() {
    let cases = std::env::var("PLIMSOLL_CASES").map_or(CASES, |cases| cases.parse().unwrap());
    let config = ProptestConfig {
        cases,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let operations = Cell::new(0);
    let turn = Cell::new(0);
    let steps = prop::collection::vec((any::<u8>(), 0..60i64, 0..60i64), STEPS..STEPS + 1);
    runner
        .run(&steps, |steps| {
            let kind = Kind::ALL[turn.replace(turn.get() + 1) % 3];
            let mut system = System::new(kind);
            for (at, (what, key, other)) in steps.into_iter().enumerate() {
                system
                    .step(what, key, other)
                    .map_err(|error| TestCaseError::fail(format!("{kind:?}, step {at} ({what}): {error}")))?;
            }
            system.verify()?;
            operations.set(operations.get() + system.operations);
            let pool = system.place.pool.clone();
            let System { place, subtasks, pending, .. } = system;
            drop((subtasks, pending));
            drop(place);
            pool.verify_empty().map_err(|leaks| TestCaseError::fail(leaks.to_string()))
        })
        .unwrap();
    println!("{} operations", operations.get());
    assert!(operations.get() >= 100_000 || cases < CASES);
}
