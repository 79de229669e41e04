//! Rows that RocksDB could not read again are refused when they are written, with and without hot entries, whatever a
//! list has grown by, also after restores; and what is refused has changed nothing.

use plimsoll_statebackend::rocksdb::Limits;
use plimsoll_statebackend::serializer::{Bytes, I64};
use plimsoll_statebackend::snapshot::KeyedStateHandle;
use plimsoll_statebackend::state::{
    ListDescriptor, ListState, MapDescriptor, MapState, ValueDescriptor, ValueState,
};
use plimsoll_statebackend::{BackendSettings, ErrorKind, Keep, KeyedBackend, SnapshotKind, StateError};

use crate::support::{FULL, Kind, Place, whole};

/// In place of 2³¹−1.
const LIMIT_BYTES: u64 = 100_000;
/// What `Bytes` writes before the bytes.
const COUNT_BYTES: usize = 4;
const KINDS: [Kind; 2] = [Kind::Rocks, Kind::Hot];

struct States {
    backend: KeyedBackend<I64>,
    value: ValueState<I64, Bytes>,
    list: ListState<I64, Bytes>,
    map: MapState<I64, Bytes, Bytes>,
}

fn open(place: &Place, kind: Kind, attempt: &str, handles: &[KeyedStateHandle]) -> States {
    let (groups, range) = whole(128);
    let mut rocks = place.rocks(kind, attempt);
    rocks.limits = Limits { row_bytes_max: LIMIT_BYTES };
    let settings = BackendSettings {
        name: "op".to_owned(),
        attempt: attempt.to_owned(),
        groups,
        range,
        keep: Keep::RocksDb(rocks),
        storage: Some(place.storage.clone()),
        restore_owner: None,
    };
    let mut backend = KeyedBackend::open(settings, I64, handles).unwrap();
    States {
        value: backend.value_state(&ValueDescriptor::new("value", Bytes)).unwrap(),
        list: backend.list_state(&ListDescriptor::new("list", Bytes)).unwrap(),
        map: backend.map_state(&MapDescriptor::new("map", Bytes, Bytes)).unwrap(),
        backend,
    }
}

fn bytes(length: u64) -> Vec<u8> {
    vec![7; usize::try_from(length).unwrap()]
}

/// The longest value that is allowed, without its count.
fn longest() -> u64 {
    LIMIT_BYTES - COUNT_BYTES as u64
}

#[track_caller]
fn too_large(written: Result<(), StateError>, what: &str, bytes: u64) {
    let error = written.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
    let text = error.to_string();
    assert!(text.starts_with(&format!("the {what} of state \"{what}\" for key 0x")), "{text}");
    let numbers =
        format!("would have {bytes} bytes, more than the limit of {LIMIT_BYTES}: keep less for one key");
    assert!(text.contains(&numbers), "{text}, expected {numbers}");
}

#[test]
fn values_and_entries() {
    for kind in KINDS {
        let place = Place::new(48 << 20);
        let States { backend, value, map, .. } = open(&place, kind, "1", &[]);
        let (small, large, beyond) = (bytes(10), bytes(longest()), bytes(longest() + 1));
        value.set(&1, &(), &large).unwrap();
        too_large(value.set(&1, &(), &beyond), "value", LIMIT_BYTES + 1);
        assert!(value.get(&1, &()).unwrap() == Some(large.clone()));
        too_large(value.set(&2, &(), &beyond), "value", LIMIT_BYTES + 1);
        assert!(value.get(&2, &()).unwrap().is_none());
        value.set(&3, &(), &small).unwrap();
        too_large(value.set(&3, &(), &beyond), "value", LIMIT_BYTES + 1);
        too_large(value.update(&3, &(), |_| Some(beyond.clone())), "value", LIMIT_BYTES + 1);
        too_large(value.update(&4, &(), |_| Some(beyond.clone())), "value", LIMIT_BYTES + 1);
        value.remove(&5, &()).unwrap();
        too_large(value.set(&5, &(), &beyond), "value", LIMIT_BYTES + 1);

        map.put(&1, &(), &small, &large).unwrap();
        for (key, user_key) in [(1, 10), (1, 11), (2, 10)] {
            let put = map.put(&key, &(), &bytes(user_key), &beyond);
            let error = put.unwrap_err().to_string();
            assert!(error.starts_with("the value of state \"map\" for key 0x"), "{error}");
        }
        assert!(map.put(&3, &(), &beyond, &small).unwrap_err().kind() == ErrorKind::TooLarge);
        assert!(map.put(&1, &(), &beyond, &small).unwrap_err().kind() == ErrorKind::TooLarge);
        backend.write_back().unwrap();
        for _ in 0..2 {
            assert!(value.get(&3, &()).unwrap() == Some(small.clone()));
            assert!([2, 4, 5].iter().all(|key| value.get(key, &()).unwrap().is_none()));
            assert!(map.entries(&1, &()).unwrap() == [(small.clone(), large.clone())]);
            assert!(map.is_empty(&2, &()).unwrap() && map.is_empty(&3, &()).unwrap());
        }
    }
}

/// Appends until it is refused; what was appended, and what it would have been.
fn fill(list: &ListState<I64, Bytes>, key: i64, mut held: u64, element: u64) -> u64 {
    loop {
        let added = list.add(&key, &(), &bytes(element));
        let next = held + element + COUNT_BYTES as u64;
        if next > LIMIT_BYTES {
            too_large(added, "list", next);
            return held;
        }
        added.unwrap();
        held = next;
    }
}

/// The bytes of a list as RocksDB has it.
fn length(list: &ListState<I64, Bytes>, key: i64) -> u64 {
    list.get(&key, &()).unwrap().iter().map(|element| (element.len() + COUNT_BYTES) as u64).sum()
}

#[test]
fn lists_that_grow() {
    for kind in KINDS {
        let place = Place::new(48 << 20);
        let States { backend, list, .. } = open(&place, kind, "1", &[]);
        let mut held = Vec::new();
        for (key, element) in [(1, 96), (2, 996), (3, 9_996), (4, 49_997), (5, 60_000), (6, longest())] {
            let full = fill(&list, key, 0, element);
            // full as it is, it takes what still fits
            if full + COUNT_BYTES as u64 <= LIMIT_BYTES {
                let rest = bytes(LIMIT_BYTES - full - COUNT_BYTES as u64);
                list.add(&key, &(), &rest).unwrap();
            }
            too_large(list.add(&key, &(), &bytes(0)), "list", LIMIT_BYTES + COUNT_BYTES as u64);
            let two = [bytes(1), bytes(2)];
            too_large(list.add_all(&key, &(), &two), "list", LIMIT_BYTES + 2 * COUNT_BYTES as u64 + 3);
            held.push((key, LIMIT_BYTES));
        }
        too_large(list.add(&7, &(), &bytes(longest() + 1)), "list", LIMIT_BYTES + 1);
        too_large(list.add_all(&7, &(), &[bytes(60_000), bytes(60_000)]), "list", 120_008);
        held.push((7, 0));
        for round in 0..3 {
            for (key, bytes) in &held {
                assert_eq!(length(&list, *key), *bytes, "{kind:?}, key {key}, round {round}");
            }
            backend.write_back().unwrap();
        }
        // a list that was too long is free again once it is replaced
        list.update(&1, &(), &[bytes(50)]).unwrap();
        list.add(&1, &(), &bytes(60_000)).unwrap();
        assert_eq!(length(&list, 1), 60_058);
        let error = list.update(&1, &(), &[bytes(60_000), bytes(60_000)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
        assert_eq!(length(&list, 1), 60_058);
        list.remove(&2, &()).unwrap();
        list.add(&2, &(), &bytes(10)).unwrap();
        backend.write_back().unwrap();
        assert_eq!(length(&list, 2), 14);
    }
}

/// Reads between appends make hot entries know what the row has; write-backs between them make them part of it.
#[test]
fn lists_that_grow_while_they_are_read_and_written_back() {
    for kind in KINDS {
        for (read, write_back) in [(1, 7), (3, 2), (5, 50)] {
            let place = Place::new(48 << 20);
            let States { backend, list, .. } = open(&place, kind, "1", &[]);
            // another list near the limit: then all are watched
            if read == 3 {
                fill(&list, 9, 0, 9_000);
            }
            let (mut held, element) = (0, 1_300);
            for step in 0.. {
                let next = held + element + COUNT_BYTES as u64;
                let added = list.add(&1, &(), &bytes(element));
                if next > LIMIT_BYTES {
                    too_large(added, "list", next);
                    break;
                }
                added.unwrap();
                held = next;
                if step % read == 0 {
                    assert_eq!(length(&list, 1), held);
                }
                if step % write_back == 0 {
                    backend.write_back().unwrap();
                }
            }
            assert_eq!(length(&list, 1), held);
            backend.write_back().unwrap();
            assert_eq!(length(&list, 1), held);
        }
    }
}

#[test]
fn lists_that_were_long_before_a_restore() {
    for kind in KINDS {
        for snapshot in [FULL, SnapshotKind::Incremental] {
            for read in [false, true] {
                let place = Place::new(48 << 20);
                let mut states = open(&place, kind, "1", &[]);
                let mut held = Vec::new();
                for (key, bytes_of) in [(1, 20_000), (2, 45_000), (3, 80_000), (4, 98_000)] {
                    for _ in 0..bytes_of / 1_000 {
                        states.list.add(&key, &(), &bytes(1_000 - COUNT_BYTES as u64)).unwrap();
                    }
                    held.push((key, bytes_of));
                }
                let request = place.request(1, snapshot);
                let handle = states.backend.snapshot(&request).unwrap().run().unwrap().handle;
                drop(states);
                let States { backend, list, .. } = open(&place, kind, "2", &[handle]);
                for (key, bytes_of) in held {
                    if read {
                        assert_eq!(length(&list, key), bytes_of);
                    }
                    let full = fill(&list, key, bytes_of, 700);
                    assert_eq!(length(&list, key), full, "{kind:?} {snapshot:?} key {key}");
                    backend.write_back().unwrap();
                    assert_eq!(length(&list, key), full);
                }
            }
        }
    }
}

/// Namespaces that merge into a list that has no room for all of them: those that fit are merged, the others stay.
#[test]
fn merged_namespaces_do_not_exceed_it() {
    for kind in KINDS {
        let place = Place::new(48 << 20);
        let mut states = open(&place, kind, "1", &[]);
        let list = states.backend.list_state(&ListDescriptor::new("windows", Bytes).namespaced(I64)).unwrap();
        for namespace in 1..4 {
            list.add(&1, &namespace, &bytes(40_000)).unwrap();
        }
        let error = list.merge_namespaces(&1, &1, &[2, 3]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
        states.backend.write_back().unwrap();
        let counts = [1, 2, 3].map(|namespace| list.get(&1, &namespace).unwrap().len());
        assert_eq!(counts, [2, 0, 1]);
    }
}
