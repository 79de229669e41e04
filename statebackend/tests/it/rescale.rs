//! State that was written by some subtasks is restored by any other number of them, with every number of key groups.

use std::collections::BTreeSet;

use plimsoll_statebackend::key_group::{KeyGroupRange, KeyGroups};
use plimsoll_statebackend::serializer::{I64, KeySerializer, Utf8};
use plimsoll_statebackend::snapshot::KeyedStateHandle;
use plimsoll_statebackend::state::{
    ListDescriptor, ListState, MapDescriptor, MapState, ValueDescriptor, ValueState,
};
use plimsoll_statebackend::{ErrorKind, KeyedBackend, SnapshotKind};

use crate::support::{FULL, Kind, Place};

const PARALLELISMS: [u32; 7] = [1, 2, 3, 4, 7, 13, 128];
const MAX_PARALLELISMS: [u32; 3] = [13, 128, 32_768];

/// Some hundred keys, among them some of the first and the last group of every subtask of every parallelism.
fn keys(groups: KeyGroups) -> Vec<i64> {
    let max = groups.max_parallelism();
    let mut edges = BTreeSet::new();
    for parallelism in PARALLELISMS.into_iter().filter(|parallelism| *parallelism <= max) {
        for index in 0..parallelism {
            let KeyGroupRange { first, last } = groups.range(parallelism, index).unwrap();
            edges.extend([first, last]);
        }
    }
    let mut keys: Vec<i64> = (0..100).collect();
    let mut key = 1000;
    while !edges.is_empty() {
        if edges.remove(&groups.of_hash(I64.java_hash(&key))) {
            keys.push(key);
        }
        key += 1;
    }
    keys
}

/// One subtask.
struct Subtask {
    range: KeyGroupRange,
    backend: KeyedBackend<I64>,
    value: ValueState<I64, I64>,
    list: ListState<I64, Utf8>,
    map: MapState<I64, I64, Utf8, I64>,
}

struct Operator {
    groups: KeyGroups,
    subtasks: Vec<Subtask>,
}

impl Operator {
    fn open(
        place: &Place,
        kind: Kind,
        groups: KeyGroups,
        parallelism: u32,
        attempt: &str,
        handles: &[KeyedStateHandle],
    ) -> Self {
        let open = |index| {
            let range = groups.range(parallelism, index).unwrap();
            let mut backend = place.open(kind, I64, groups, range, attempt, handles).unwrap();
            Subtask {
                range,
                value: backend.value_state(&ValueDescriptor::new("value", I64)).unwrap(),
                list: backend.list_state(&ListDescriptor::new("list", Utf8)).unwrap(),
                map: backend.map_state(&MapDescriptor::new("map", I64, Utf8).namespaced(I64)).unwrap(),
                backend,
            }
        };
        Self { groups, subtasks: (0..parallelism).map(open).collect() }
    }

    fn of(&self, key: i64) -> &Subtask {
        let group = self.groups.of_hash(I64.java_hash(&key));
        let parallelism = u32::try_from(self.subtasks.len()).unwrap();
        let subtask = &self.subtasks[self.groups.index_of(parallelism, group) as usize];
        assert!(subtask.range.contains(group));
        subtask
    }

    fn write(&self, keys: &[i64]) {
        for key in keys {
            let subtask = self.of(*key);
            subtask.value.set(key, &(), &(key * 3)).unwrap();
            subtask.list.add_all(key, &(), &[format!("first of {key}"), format!("second of {key}")]).unwrap();
            for namespace in 0..2 {
                subtask.map.put(key, &namespace, &(key + namespace), &format!("entry of {key}")).unwrap();
            }
        }
    }

    /// Every key is where it belongs, and nowhere else.
    fn verify(&self, keys: &[i64]) {
        for key in keys {
            let subtask = self.of(*key);
            assert_eq!(subtask.value.get(key, &()).unwrap(), Some(key * 3));
            let expected = [format!("first of {key}"), format!("second of {key}")];
            assert_eq!(subtask.list.get(key, &()).unwrap(), expected);
            for namespace in 0..2 {
                let expected = [(key + namespace, format!("entry of {key}"))];
                assert_eq!(subtask.map.entries(key, &namespace).unwrap(), expected);
            }
        }
    }

    fn rows(&self) -> usize {
        self.subtasks.iter().filter_map(|subtask| subtask.backend.rows("value").unwrap()).sum()
    }

    fn snapshot(&mut self, place: &Place, checkpoint: u64, kind: SnapshotKind) -> Vec<KeyedStateHandle> {
        let request = place.request(checkpoint, kind);
        let snapshot = |subtask: &mut Subtask| subtask.backend.snapshot(&request).unwrap().run().unwrap();
        self.subtasks.iter_mut().map(|subtask| snapshot(subtask).handle).collect()
    }
}

#[test]
fn every_parallelism_from_every_other_in_memory() {
    let mut pairs = 0;
    for max in MAX_PARALLELISMS {
        let groups = KeyGroups::new(max).unwrap();
        let keys = keys(groups);
        for from in PARALLELISMS.into_iter().filter(|parallelism| *parallelism <= max) {
            let place = Place::new(2 << 30);
            let mut written = Operator::open(&place, Kind::Heap, groups, from, "1", &[]);
            written.write(&keys);
            let handles = written.snapshot(&place, 1, FULL);
            drop(written);
            for to in PARALLELISMS.into_iter().filter(|parallelism| *parallelism <= max) {
                let restored = Operator::open(&place, Kind::Heap, groups, to, &format!("2-{to}"), &handles);
                restored.verify(&keys);
                assert_eq!(restored.rows(), keys.len(), "{from} to {to} of {max}: none comes twice");
                pairs += 1;
            }
            place.pool.verify_empty().unwrap();
        }
    }
    println!("{pairs} pairs");
    assert_eq!(pairs, 7 * 7 + 7 * 7 + 6 * 6);
}

#[test]
fn rocksdb_with_another_parallelism() {
    for max in MAX_PARALLELISMS {
        let groups = KeyGroups::new(max).unwrap();
        let keys = keys(groups);
        for (from, to) in [(1, 2), (2, 3), (3, 1), (4, 7)] {
            let hot = (max == 128).then_some(Kind::Hot);
            for kind in std::iter::once(Kind::Rocks).chain(hot) {
                let place = Place::new(96 << 20);
                let mut written = Operator::open(&place, kind, groups, from, "1", &[]);
                written.write(&keys);
                let full = written.snapshot(&place, 1, FULL);
                let incremental = written.snapshot(&place, 2, SnapshotKind::Incremental);
                drop(written);
                Operator::open(&place, kind, groups, to, "full", &full).verify(&keys);
                Operator::open(&place, Kind::Heap, groups, to, "heap", &full).verify(&keys);
                let mut restored = Operator::open(&place, kind, groups, to, "incremental", &incremental);
                restored.verify(&keys);
                // and back, from what the others have written
                let again = restored.snapshot(&place, 3, SnapshotKind::Incremental);
                drop(restored);
                Operator::open(&place, kind, groups, from, "back", &again).verify(&keys);
            }
        }
    }
}

#[test]
fn another_maximum_is_another_assignment() {
    let place = Place::new(64 << 20);
    let groups = KeyGroups::new(128).unwrap();
    let mut written = Operator::open(&place, Kind::Rocks, groups, 1, "1", &[]);
    written.write(&[1, 2, 3]);
    let handles =
        [written.snapshot(&place, 1, FULL), written.snapshot(&place, 2, SnapshotKind::Incremental)].concat();
    drop(written);
    let other = KeyGroups::new(256).unwrap();
    for (handle, kinds) in handles.iter().zip([&Kind::ALL[..], &[Kind::Rocks, Kind::Hot]]) {
        for kind in kinds {
            let range = other.range(1, 0).unwrap();
            let handles = std::slice::from_ref(handle);
            let opened = place.open(*kind, I64, other, range, &format!("other-{kind:?}"), handles);
            let error = opened.map(|_| ()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Incompatible);
            assert!(
                error.to_string().contains("with a maximum parallelism of 128, the operator has 256"),
                "{error}"
            );
        }
    }
}

#[test]
fn a_key_of_another_subtask_is_refused() {
    let groups = KeyGroups::new(128).unwrap();
    for kind in Kind::ALL {
        let place = Place::new(64 << 20);
        let operator = Operator::open(&place, kind, groups, 2, "1", &[]);
        let key = (0..1000).find(|key| groups.of_hash(I64.java_hash(key)) >= 64).unwrap();
        let Subtask { value, list, map, .. } = &operator.subtasks[0];
        let refused = [
            value.set(&key, &(), &1),
            value.update(&key, &(), |_| Some(1)),
            list.add(&key, &(), &"a".to_owned()),
            list.update(&key, &(), &["a".to_owned()]),
            map.put(&key, &1, &1, &"a".to_owned()),
        ];
        for error in refused.map(Result::unwrap_err) {
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert!(
                error.to_string().contains("the stream is partitioned by another key than the state"),
                "{error}"
            );
        }
        assert_eq!(value.get(&key, &()).unwrap(), None);
        assert!(list.get(&key, &()).unwrap().is_empty() && map.is_empty(&key, &1).unwrap());
    }
}
