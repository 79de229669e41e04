//! Time to live: what is expired is not seen, reads and writes make young again as configured, and a restore keeps the
//! times.

use plimsoll_statebackend::serializer::{I64, Utf8};
use plimsoll_statebackend::snapshot::KeyedStateHandle;
use plimsoll_statebackend::state::{
    ListDescriptor, ListState, MapDescriptor, MapState, ReducingDescriptor, ReducingState, Ttl, TtlUpdate,
    TtlVisibility, ValueDescriptor, ValueState,
};
use plimsoll_statebackend::{KeyedBackend, SnapshotKind};

use crate::support::{FULL, Kind, Place, whole};

const LIVES_MS: i64 = 100;

type Add = fn(&i64, &i64) -> i64;

struct States {
    backend: KeyedBackend<I64>,
    value: ValueState<I64, Utf8>,
    list: ListState<I64, I64>,
    map: MapState<I64, Utf8, I64>,
    sum: ReducingState<I64, I64, Add>,
}

fn open(place: &Place, kind: Kind, ttl: Ttl, attempt: &str, handles: &[KeyedStateHandle]) -> States {
    let (groups, range) = whole(128);
    let mut backend = place.open(kind, I64, groups, range, attempt, handles).unwrap();
    let add: Add = |one, other| one + other;
    States {
        value: backend.value_state(&ValueDescriptor::new("value", Utf8).ttl(ttl)).unwrap(),
        list: backend.list_state(&ListDescriptor::new("list", I64).ttl(ttl)).unwrap(),
        map: backend.map_state(&MapDescriptor::new("map", Utf8, I64).ttl(ttl)).unwrap(),
        sum: backend.reducing_state(&ReducingDescriptor::new("sum", I64, add).ttl(ttl)).unwrap(),
        backend,
    }
}

fn ttl(update: TtlUpdate, visibility: TtlVisibility) -> Ttl {
    Ttl { lives_ms: LIVES_MS, update, visibility }
}

fn text(text: &str) -> String {
    text.to_owned()
}

/// Runs a claim on every kind of backend, with everything in memory and with everything written back between its steps.
fn everywhere(ttl: Ttl, claim: impl Fn(&States, &dyn Fn(i64))) {
    for kind in Kind::ALL {
        for write_back in [false, true] {
            let place = Place::new(64 << 20);
            let states = open(&place, kind, ttl, "1", &[]);
            let at = |now_ms| {
                if write_back {
                    states.backend.write_back().unwrap();
                }
                states.backend.set_now_ms(now_ms);
            };
            at(1000);
            claim(&states, &at);
        }
    }
}

#[test]
fn written_and_then_expired() {
    everywhere(ttl(TtlUpdate::OnWrite, TtlVisibility::Never), |States { value, list, map, sum, .. }, at| {
        value.set(&1, &(), &text("a")).unwrap();
        list.add(&1, &(), &1).unwrap();
        map.put(&1, &(), &text("x"), &1).unwrap();
        sum.add(&1, &(), &5).unwrap();
        at(1050);
        list.add(&1, &(), &2).unwrap();
        map.put(&1, &(), &text("y"), &2).unwrap();
        at(1099);
        // reads make nothing young here
        assert_eq!(value.get(&1, &()).unwrap(), Some(text("a")));
        assert_eq!(list.get(&1, &()).unwrap(), [1, 2]);
        assert_eq!(map.entries(&1, &()).unwrap().len(), 2);
        assert_eq!(sum.get(&1, &()).unwrap(), Some(5));
        at(1100);
        assert_eq!(value.get(&1, &()).unwrap(), None);
        assert_eq!(list.get(&1, &()).unwrap(), [2]);
        assert_eq!(map.get(&1, &(), &text("x")).unwrap(), None);
        assert!(!map.contains(&1, &(), &text("x")).unwrap() && map.contains(&1, &(), &text("y")).unwrap());
        assert_eq!(map.entries(&1, &()).unwrap(), [(text("y"), 2)]);
        assert_eq!(sum.get(&1, &()).unwrap(), None);
        // what is expired is not added to
        sum.add(&1, &(), &7).unwrap();
        assert_eq!(sum.get(&1, &()).unwrap(), Some(7));
        value.update(&1, &(), |old| old.or(Some(text("new")))).unwrap();
        assert_eq!(value.get(&1, &()).unwrap(), Some(text("new")));
        at(1150);
        assert!(list.get(&1, &()).unwrap().is_empty());
        assert!(list.view(&1, &(), |list| list.is_empty()).unwrap());
        assert!(map.is_empty(&1, &()).unwrap() && map.keys(&1, &()).unwrap().is_empty());
        // what was cleaned up stays away, whatever the time
        at(1000);
        assert!(list.get(&1, &()).unwrap().is_empty() && map.is_empty(&1, &()).unwrap());
    });
}

#[test]
fn a_write_makes_young_again() {
    everywhere(ttl(TtlUpdate::OnWrite, TtlVisibility::Never), |States { value, list, map, sum, .. }, at| {
        value.set(&1, &(), &text("a")).unwrap();
        list.update(&1, &(), &[1, 2]).unwrap();
        map.put(&1, &(), &text("x"), &1).unwrap();
        sum.add(&1, &(), &5).unwrap();
        at(1090);
        value.update(&1, &(), |old| old.map(|old| old + "b")).unwrap();
        list.update(&1, &(), &[3]).unwrap();
        map.put(&1, &(), &text("x"), &2).unwrap();
        sum.add(&1, &(), &5).unwrap();
        at(1189);
        assert_eq!(value.get(&1, &()).unwrap(), Some(text("ab")));
        assert_eq!(list.get(&1, &()).unwrap(), [3]);
        assert_eq!(map.get(&1, &(), &text("x")).unwrap(), Some(2));
        assert_eq!(sum.get(&1, &()).unwrap(), Some(10));
        at(1190);
        assert_eq!(value.get(&1, &()).unwrap(), None);
        assert!(list.get(&1, &()).unwrap().is_empty() && map.is_empty(&1, &()).unwrap());
        assert_eq!(sum.get(&1, &()).unwrap(), None);
    });
}

#[test]
fn a_read_makes_young_again_where_it_should() {
    let ttl = ttl(TtlUpdate::OnReadAndWrite, TtlVisibility::Never);
    everywhere(ttl, |States { value, list, map, sum, .. }, at| {
        value.set(&1, &(), &text("a")).unwrap();
        list.add_all(&1, &(), &[1, 2]).unwrap();
        map.put(&1, &(), &text("read"), &1).unwrap();
        map.put(&1, &(), &text("left"), &2).unwrap();
        map.put(&2, &(), &text("iterated"), &3).unwrap();
        sum.add(&1, &(), &5).unwrap();
        for now_ms in [1060, 1120, 1180] {
            at(now_ms);
            assert_eq!(value.get(&1, &()).unwrap(), Some(text("a")));
            assert_eq!(list.get(&1, &()).unwrap(), [1, 2]);
            assert_eq!(map.get(&1, &(), &text("read")).unwrap(), Some(1));
            assert_eq!(map.entries(&2, &()).unwrap(), [(text("iterated"), 3)]);
            assert_eq!(sum.get(&1, &()).unwrap(), Some(5));
        }
        assert_eq!(map.get(&1, &(), &text("left")).unwrap(), None);
        at(1279);
        assert_eq!(map.entries(&1, &()).unwrap(), [(text("read"), 1)]);
        at(1280);
        assert_eq!(value.get(&1, &()).unwrap(), None);
        assert!(list.get(&1, &()).unwrap().is_empty());
        assert_eq!(map.entries(&1, &()).unwrap(), [(text("read"), 1)], "read at 1279");
        assert!(map.is_empty(&2, &()).unwrap());
        assert_eq!(sum.get(&1, &()).unwrap(), None);
    });
}

#[test]
fn what_is_expired_and_still_there_is_seen_once() {
    let ttl = ttl(TtlUpdate::OnWrite, TtlVisibility::WhileThere);
    everywhere(ttl, |States { value, list, map, sum, .. }, at| {
        value.set(&1, &(), &text("a")).unwrap();
        list.add_all(&1, &(), &[1, 2]).unwrap();
        map.put(&1, &(), &text("x"), &1).unwrap();
        map.put(&2, &(), &text("y"), &2).unwrap();
        sum.add(&1, &(), &5).unwrap();
        at(2000);
        for there in [true, false] {
            assert_eq!(value.get(&1, &()).unwrap().is_some(), there);
            assert_eq!(list.get(&1, &()).unwrap().len(), if there { 2 } else { 0 });
            assert_eq!(map.get(&1, &(), &text("x")).unwrap().is_some(), there);
            assert_eq!(map.entries(&2, &()).unwrap().len(), usize::from(there));
            assert_eq!(sum.get(&1, &()).unwrap().is_some(), there);
        }
    });
}

#[test]
fn a_restore_keeps_the_times() {
    let ttl = ttl(TtlUpdate::OnWrite, TtlVisibility::Never);
    for kind in Kind::ALL {
        let place = Place::new(64 << 20);
        let mut states = open(&place, kind, ttl, "1", &[]);
        for (key, now_ms) in [(1, 1000), (2, 1050)] {
            states.backend.set_now_ms(now_ms);
            states.value.set(&key, &(), &text("a")).unwrap();
            states.list.add(&9, &(), &key).unwrap();
            states.map.put(&9, &(), &format!("{key}"), &key).unwrap();
            states.sum.add(&key, &(), &key).unwrap();
        }
        let snapshots = if kind == Kind::Heap { vec![FULL] } else { vec![FULL, SnapshotKind::Incremental] };
        let mut handles = Vec::new();
        for (checkpoint, snapshot) in (1..).zip(snapshots) {
            let pending = states.backend.snapshot(&place.request(checkpoint, snapshot)).unwrap();
            handles.push(pending.run().unwrap().handle);
        }
        drop(states);
        for (at, handle) in handles.iter().enumerate() {
            let others = if at == 0 { Kind::ALL.to_vec() } else { vec![Kind::Rocks, Kind::Hot] };
            for other in others {
                let attempt = format!("2-{at}-{other:?}");
                let restored = open(&place, other, ttl, &attempt, std::slice::from_ref(handle));
                let States { backend, value, list, map, sum } = restored;
                backend.set_now_ms(1099);
                assert_eq!(value.get(&1, &()).unwrap(), Some(text("a")));
                backend.set_now_ms(1100);
                assert_eq!(value.get(&1, &()).unwrap(), None);
                assert_eq!(value.get(&2, &()).unwrap(), Some(text("a")));
                assert_eq!(list.get(&9, &()).unwrap(), [2]);
                assert_eq!(map.entries(&9, &()).unwrap(), [(text("2"), 2)]);
                assert_eq!((sum.get(&1, &()).unwrap(), sum.get(&2, &()).unwrap()), (None, Some(2)));
                backend.set_now_ms(1150);
                assert_eq!(value.get(&2, &()).unwrap(), None);
                assert!(list.get(&9, &()).unwrap().is_empty() && map.is_empty(&9, &()).unwrap());
                assert_eq!(sum.get(&2, &()).unwrap(), None);
            }
        }
    }
}

#[test]
fn merging_namespaces_keeps_the_times_of_elements() {
    for kind in Kind::ALL {
        let place = Place::new(64 << 20);
        let mut states = open(&place, kind, Ttl::of_ms(LIVES_MS), "1", &[]);
        let descriptor = ListDescriptor::new("windows", I64).namespaced(I64).ttl(Ttl::of_ms(LIVES_MS));
        let list = states.backend.list_state(&descriptor).unwrap();
        for (namespace, now_ms) in [(1, 1000), (2, 1050)] {
            states.backend.set_now_ms(now_ms);
            list.add(&1, &namespace, &namespace).unwrap();
        }
        list.merge_namespaces(&1, &2, &[1]).unwrap();
        assert_eq!(list.get(&1, &2).unwrap(), [2, 1]);
        states.backend.set_now_ms(1100);
        assert_eq!(list.get(&1, &2).unwrap(), [2]);
        states.backend.set_now_ms(1150);
        assert!(list.get(&1, &2).unwrap().is_empty() && list.get(&1, &1).unwrap().is_empty());
    }
}
