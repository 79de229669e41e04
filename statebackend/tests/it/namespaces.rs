//! Namespaces are apart from each other, and merge as windows do.

use plimsoll_statebackend::serializer::{I64, Pair, TimeWindow, Utf8, Window};
use plimsoll_statebackend::state::{
    AggregateFunction, AggregatingDescriptor, ListDescriptor, MapDescriptor, ReducingDescriptor,
    ValueDescriptor,
};
use plimsoll_statebackend::{KeyedBackend, SnapshotKind};

use crate::support::{FULL, Kind, Place, whole};

const fn window(start: i64) -> TimeWindow {
    TimeWindow { start_ms: start, end_ms: start + 10 }
}

/// A sum and how many were added, in the order of merging.
#[derive(Debug, Clone, Copy)]
struct Sum;

impl AggregateFunction for Sum {
    type Input = i64;
    type Accumulator = (i64, i64);
    type Output = (i64, i64);

    fn create(&self) -> (i64, i64) {
        (0, 0)
    }

    fn add(&self, (sum, count): (i64, i64), input: &i64) -> (i64, i64) {
        (sum + input, count + 1)
    }

    fn result(&self, accumulator: &(i64, i64)) -> (i64, i64) {
        *accumulator
    }

    fn merge(&self, one: (i64, i64), other: (i64, i64)) -> (i64, i64) {
        (one.0 + other.0, one.1 + other.1)
    }
}

fn open(place: &Place, kind: Kind) -> KeyedBackend<Utf8> {
    let (groups, range) = whole(128);
    place.open(kind, Utf8, groups, range, "1", &[]).unwrap()
}

#[test]
fn namespaces_do_not_touch_each_other() {
    for kind in Kind::ALL {
        let place = Place::new(64 << 20);
        let mut backend = open(&place, kind);
        let value = backend.value_state(&ValueDescriptor::new("value", I64).namespaced(Window)).unwrap();
        let list = backend.list_state(&ListDescriptor::new("list", I64).namespaced(Window)).unwrap();
        let map = backend.map_state(&MapDescriptor::new("map", Utf8, I64).namespaced(Utf8)).unwrap();
        // keys and namespaces that are the same end to end
        let keys = ["", "a", "ab", "abc"].map(str::to_owned);
        for key in &keys {
            for start in 0..5 {
                value.set(key, &window(start), &start).unwrap();
                list.add_all(key, &window(start), &vec![start; usize::try_from(start).unwrap()]).unwrap();
            }
            for namespace in &keys {
                for user_key in &keys {
                    let length = i64::try_from(key.len() * 100 + namespace.len() * 10 + user_key.len());
                    map.put(key, namespace, user_key, &length.unwrap()).unwrap();
                }
            }
        }
        let (some, other) = (&keys[2], &keys[1]);
        value.remove(some, &window(2)).unwrap();
        list.remove(some, &window(3)).unwrap();
        map.clear(some, other).unwrap();
        map.remove(other, some, other).unwrap();
        for _ in 0..2 {
            for key in &keys {
                for start in 0..5 {
                    let there = key != some || start != 2;
                    assert_eq!(value.get(key, &window(start)).unwrap(), there.then_some(start));
                    let length = if key == some && start == 3 { 0 } else { start };
                    assert_eq!(
                        list.get(key, &window(start)).unwrap().len(),
                        usize::try_from(length).unwrap()
                    );
                }
                for namespace in &keys {
                    let expected = match (key == some, namespace == other) {
                        (true, true) => 0,
                        _ if key == other && namespace == some => 3,
                        _ => 4,
                    };
                    let entries = map.entries(key, namespace).unwrap();
                    assert_eq!(entries.len(), expected, "{key:?} {namespace:?}");
                    for (user_key, value) in entries {
                        let length = key.len() * 100 + namespace.len() * 10 + user_key.len();
                        assert_eq!(value, i64::try_from(length).unwrap());
                    }
                }
            }
            backend.write_back().unwrap();
        }
    }
}

#[test]
fn windows_merge() {
    for kind in Kind::ALL {
        for write_back in [false, true] {
            let place = Place::new(64 << 20);
            let mut backend = open(&place, kind);
            let list = backend.list_state(&ListDescriptor::new("list", I64).namespaced(Window)).unwrap();
            let texts =
                ReducingDescriptor::new("text", Utf8, |one: &String, other: &String| format!("{one}{other}"));
            let text = backend.reducing_state(&texts.namespaced(Window)).unwrap();
            let sum = AggregatingDescriptor::new("sum", Pair(I64, I64), Sum).namespaced(Window);
            let sum = backend.aggregating_state(&sum).unwrap();
            let key = "k".to_owned();
            for start in [1, 2, 4] {
                list.add_all(&key, &window(start), &[start, start * 10]).unwrap();
                text.add(&key, &window(start), &format!("{start},")).unwrap();
                sum.add(&key, &window(start), &start).unwrap();
                sum.add(&key, &window(start), &100).unwrap();
            }
            if write_back {
                backend.write_back().unwrap();
                // the end of a list that memory does not know the beginning of
                list.add(&key, &window(2), &200).unwrap();
            } else {
                list.add(&key, &window(2), &200).unwrap();
            }
            let merged = [2, 3, 4, 4, 1].map(window);
            list.merge_namespaces(&key, &window(1), &merged).unwrap();
            text.merge_namespaces(&key, &window(1), &merged).unwrap();
            sum.merge_namespaces(&key, &window(1), &merged).unwrap();
            assert_eq!(list.get(&key, &window(1)).unwrap(), [1, 10, 2, 20, 200, 4, 40]);
            assert_eq!(text.get(&key, &window(1)).unwrap().unwrap(), "1,2,4,");
            assert_eq!(sum.get(&key, &window(1)).unwrap(), Some((307, 6)));
            // into one that has nothing
            list.merge_namespaces(&key, &window(9), &[window(8), window(1)]).unwrap();
            text.merge_namespaces(&key, &window(9), &[window(8), window(1)]).unwrap();
            sum.merge_namespaces(&key, &window(9), &[window(8), window(1)]).unwrap();
            for start in [1, 2, 3, 4, 8] {
                assert!(list.get(&key, &window(start)).unwrap().is_empty());
                assert_eq!(text.get(&key, &window(start)).unwrap(), None);
                assert_eq!(sum.get(&key, &window(start)).unwrap(), None);
            }
            assert_eq!(list.get(&key, &window(9)).unwrap().len(), 7);
            assert_eq!(text.get(&key, &window(9)).unwrap().unwrap(), "1,2,4,");
            assert_eq!(sum.get(&key, &window(9)).unwrap(), Some((307, 6)));
            backend.write_back().unwrap();
            assert_eq!(list.get(&key, &window(9)).unwrap(), [1, 10, 2, 20, 200, 4, 40]);
        }
    }
}

#[test]
fn namespaces_survive_a_restore() {
    for kind in Kind::ALL {
        let place = Place::new(64 << 20);
        let mut backend = open(&place, kind);
        let descriptor = MapDescriptor::new("map", Utf8, I64).namespaced(Window);
        let map = backend.map_state(&descriptor).unwrap();
        for number in 0..200 {
            let (key, user_key) = (format!("{}", number % 7), format!("{}", number % 11));
            map.put(&key, &window(number % 5), &user_key, &number).unwrap();
        }
        let kinds = if kind == Kind::Heap { vec![FULL] } else { vec![FULL, SnapshotKind::Incremental] };
        let mut handles = Vec::new();
        for (checkpoint, snapshot) in (1..).zip(kinds) {
            let pending = backend.snapshot(&place.request(checkpoint, snapshot)).unwrap();
            handles.push(pending.run().unwrap().handle);
        }
        let expected: Vec<_> = (0..200)
            .map(|number| {
                map.get(&format!("{}", number % 7), &window(number % 5), &format!("{}", number % 11))
            })
            .map(Result::unwrap)
            .collect();
        drop((backend, map));
        for (at, handle) in handles.iter().enumerate() {
            let (groups, range) = whole(128);
            let handle = std::slice::from_ref(handle);
            let mut backend = place.open(kind, Utf8, groups, range, &format!("2-{at}"), handle).unwrap();
            let other = MapDescriptor::new("map", Utf8, I64).namespaced(I64);
            let error = backend.map_state(&other).map(|_| ()).unwrap_err();
            assert!(error.to_string().contains("its namespaces: "), "{error}");
            let map = backend.map_state(&descriptor).unwrap();
            for (number, expected) in (0..).zip(&expected) {
                let (key, user_key) = (format!("{}", number % 7), format!("{}", number % 11));
                assert_eq!(map.get(&key, &window(number % 5), &user_key).unwrap(), *expected);
            }
        }
    }
}
