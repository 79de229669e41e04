//! The five kinds of state do on every backend what they say.

use plimsoll_statebackend::rocksdb::MetricSet;
use plimsoll_statebackend::serializer::{F64, I64};
use plimsoll_statebackend::state::{ListDescriptor, MapDescriptor, ReducingDescriptor, Ttl, ValueDescriptor};
use plimsoll_statebackend::{BackendSettings, ErrorKind, Keep, KeyedBackend, SnapshotKind};

use crate::support::{FULL, Kind, Place, whole};

#[test]
fn every_kind_on_every_backend_and_back() {
    for kind in Kind::ALL {
        let place = Place::new(64 << 20);
        let (groups, range) = whole(128);
        let mut backend = place.open(kind, I64, groups, range, "1", &[]).unwrap();
        let value = backend.value_state(&ValueDescriptor::new("value", I64)).unwrap();
        let list = backend.list_state(&ListDescriptor::new("list", I64)).unwrap();
        let map = backend.map_state(&MapDescriptor::new("map", I64, F64)).unwrap();
        let sum =
            backend.reducing_state(&ReducingDescriptor::new("sum", I64, |a: &i64, b: &i64| a + b)).unwrap();
        for key in 0..1000 {
            value.set(&key, &(), &(key * 2)).unwrap();
            list.add(&key, &(), &key).unwrap();
            list.add_all(&key, &(), &[1, 2]).unwrap();
            for entry in 0..20 {
                #[expect(clippy::cast_precision_loss, reason = "small")]
                map.put(&key, &(), &entry, &(entry as f64)).unwrap();
            }
            sum.add(&key, &(), &5).unwrap();
            sum.add(&key, &(), &6).unwrap();
            if key % 2 == 0 {
                value.remove(&key, &()).unwrap();
                map.remove(&key, &(), &3).unwrap();
                list.update(&key, &(), &[9]).unwrap();
            }
            if key % 10 == 0 {
                map.clear(&key, &()).unwrap();
            }
        }
        let request = place.request(1, FULL);
        let full = backend.snapshot(&request).unwrap().run().unwrap().handle;
        let mut handles = vec![full];
        let request = place.request(2, SnapshotKind::Incremental);
        if kind == Kind::Heap {
            let error = backend.snapshot(&request).map(|_| ()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
        } else {
            handles.push(backend.snapshot(&request).unwrap().run().unwrap().handle);
        }
        drop((value, list, map, sum, backend));
        for (at, handle) in handles.into_iter().enumerate() {
            for other in Kind::ALL {
                if at == 1 && other == Kind::Heap {
                    continue;
                }
                let attempt = format!("restored-{at}-{other:?}");
                let mut backend =
                    place.open(other, I64, groups, range, &attempt, std::slice::from_ref(&handle)).unwrap();
                let value = backend.value_state(&ValueDescriptor::new("value", I64)).unwrap();
                let list = backend.list_state(&ListDescriptor::new("list", I64)).unwrap();
                let map = backend.map_state(&MapDescriptor::new("map", I64, F64)).unwrap();
                let sum = backend
                    .reducing_state(&ReducingDescriptor::new("sum", I64, |a: &i64, b: &i64| a + b))
                    .unwrap();
                for key in 0..1000 {
                    let even = key % 2 == 0;
                    assert_eq!(value.get(&key, &()).unwrap(), (!even).then_some(key * 2));
                    assert_eq!(list.get(&key, &()).unwrap(), if even { vec![9] } else { vec![key, 1, 2] });
                    assert_eq!(sum.get(&key, &()).unwrap(), Some(11));
                    let mut keys = map.keys(&key, &()).unwrap();
                    keys.sort_unstable();
                    let expected: Vec<i64> = match key % 10 {
                        0 => vec![],
                        2 | 4 | 6 | 8 => (0..20).filter(|entry| *entry != 3).collect(),
                        _ => (0..20).collect(),
                    };
                    assert_eq!(keys, expected, "{kind:?} to {other:?}, key {key}");
                    assert_eq!(map.is_empty(&key, &()).unwrap(), expected.is_empty());
                    assert_eq!(map.get(&key, &(), &3).unwrap(), expected.contains(&3).then_some(3.0));
                    assert_eq!(map.contains(&key, &(), &4).unwrap(), expected.contains(&4));
                }
            }
        }
    }
}

#[test]
fn a_state_with_another_type_is_refused() {
    let place = Place::new(64 << 20);
    let (groups, range) = whole(128);
    let mut backend = place.open(Kind::Heap, I64, groups, range, "1", &[]).unwrap();
    backend.value_state(&ValueDescriptor::new("a", I64)).unwrap().set(&1, &(), &2).unwrap();
    let error = backend.list_state(&ListDescriptor::new("a", I64)).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "state \"a\" is in use with other types; give one of the two another name");
    let handle = backend.snapshot(&place.request(1, FULL)).unwrap().run().unwrap().handle;
    drop(backend);
    for kind in Kind::ALL {
        let handles = std::slice::from_ref(&handle);
        let mut backend = place.open(kind, I64, groups, range, &format!("{kind:?}"), handles).unwrap();
        let error = backend.list_state(&ListDescriptor::new("a", I64)).map(|_| ()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "state \"a\" cannot be restored: it was a value, and is asked for as a list; use the serializers that \
             wrote it, or a newer version that reads them"
        );
        let error = backend.value_state(&ValueDescriptor::new("a", F64)).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("i64 was written, f64 is to read it"), "{error}");
        let timed = ValueDescriptor::new("a", I64).ttl(Ttl::of_ms(1));
        let error = backend.value_state(&timed).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("without a time to live"), "{error}");
        let value = backend.value_state(&ValueDescriptor::new("a", I64)).unwrap();
        assert_eq!(value.get(&1, &()).unwrap(), Some(2));
    }
}

#[test]
fn using_a_state_inside_its_iteration_is_an_error() {
    for kind in Kind::ALL {
        let place = Place::new(64 << 20);
        let (groups, range) = whole(128);
        let mut backend = place.open(kind, I64, groups, range, "1", &[]).unwrap();
        let map = backend.map_state(&MapDescriptor::new("map", I64, I64)).unwrap();
        map.put(&1, &(), &2, &3).unwrap();
        let mut inside = Ok(());
        map.for_each(&1, &(), |user_key, _| inside = map.remove(&1, &(), user_key)).unwrap();
        assert_eq!(inside.unwrap_err().kind(), ErrorKind::Usage);
        map.retain(&1, &(), |_, _| false).unwrap();
        assert!(map.is_empty(&1, &()).unwrap());
    }
}

#[test]
fn native_measures_are_off_and_come_by_state_once_they_are_on() {
    let place = Place::new(64 << 20);
    let (groups, range) = whole(128);
    let open = |on: bool, name: &str| {
        let mut rocks = place.rocks(Kind::Rocks, name);
        rocks.settings.metrics = MetricSet::of(|metric| on && metric.option.ends_with("estimate-num-keys"));
        let settings = BackendSettings {
            name: name.to_owned(),
            attempt: "1".to_owned(),
            groups,
            range,
            keep: Keep::RocksDb(rocks),
            storage: None,
            restore_owner: None,
        };
        let mut backend = KeyedBackend::open(settings, I64, &[]).unwrap();
        let state = backend.value_state(&ValueDescriptor::new("orders", I64)).unwrap();
        (0..10).for_each(|key| state.set(&key, &(), &1).unwrap());
        backend.rocksdb().unwrap().measures().unwrap()
    };
    assert_eq!(open(false, "off"), []);
    let measures = open(true, "on");
    assert_eq!(measures.len(), 1, "{measures:?}");
    let measure = &measures[0];
    assert_eq!((measure.state.as_deref(), measure.value), (Some("orders"), 10));
    assert!(measure.name.contains("estimate-num-keys"), "{measure:?}");
}
