//! Where memory ends state says no by name, and is as it was: tables that are full, copies that a running snapshot
//! needs, acknowledgements, and every single reservation of every backend.

use std::collections::BTreeMap;
use std::sync::Arc;

use plimsoll_memory::budget::Pool;
use plimsoll_memory::segment::ManagedMemory;
use plimsoll_statebackend::rocksdb::{RocksDbSettings, RocksPlace};
use plimsoll_statebackend::serializer::{Bytes, I64};
use plimsoll_statebackend::snapshot::acknowledge::{AcknowledgeLimits, Frame, STATE_LIMIT_BYTES};
use plimsoll_statebackend::snapshot::{KeyedStateHandle, SnapshotTarget};
use plimsoll_statebackend::state::{
    ListDescriptor, ListState, MapDescriptor, MapState, ValueDescriptor, ValueState,
};
use plimsoll_statebackend::{
    BackendSettings, ErrorKind, HeapMemory, Keep, KeyedBackend, SnapshotRequest, StateError,
};

use crate::support::{FULL, Kind, Place, whole};

const KEYS: i64 = 40;

/// What the states should be.
#[derive(Debug, Clone, Default, PartialEq)]
struct Model {
    values: BTreeMap<i64, Vec<u8>>,
    lists: BTreeMap<i64, Vec<Vec<u8>>>,
    maps: BTreeMap<i64, BTreeMap<i64, Vec<u8>>>,
}

struct States {
    backend: KeyedBackend<I64>,
    value: ValueState<I64, Bytes>,
    list: ListState<I64, Bytes>,
    map: MapState<I64, I64, Bytes>,
}

fn describe(mut backend: KeyedBackend<I64>) -> Result<States, StateError> {
    Ok(States {
        value: backend.value_state(&ValueDescriptor::new("value", Bytes))?,
        list: backend.list_state(&ListDescriptor::new("list", Bytes))?,
        map: backend.map_state(&MapDescriptor::new("map", I64, Bytes))?,
        backend,
    })
}

fn open(place: &Place, kind: Kind, attempt: &str, handles: &[KeyedStateHandle]) -> States {
    let (groups, range) = whole(128);
    describe(place.open(kind, I64, groups, range, attempt, handles).unwrap()).unwrap()
}

/// A write of some kind. The model follows where it was not refused.
fn write(states: &States, model: &mut Model, step: i64, bytes: &[u8]) -> Result<(), StateError> {
    let (key, bytes) = (step * 7 % KEYS, bytes.to_vec());
    match step % 8 {
        0 | 1 => {
            states.value.set(&key, &(), &bytes)?;
            model.values.insert(key, bytes);
        }
        2 => {
            states.list.add(&key, &(), &bytes)?;
            model.lists.entry(key).or_default().push(bytes);
        }
        3 => {
            states.list.add_all(&key, &(), &[bytes.clone(), bytes.clone()])?;
            model.lists.entry(key).or_default().extend([bytes.clone(), bytes]);
        }
        4 => {
            states.list.update(&key, &(), &[bytes.clone(), bytes.clone()])?;
            model.lists.insert(key, vec![bytes.clone(), bytes]);
        }
        5 | 6 => {
            states.map.put(&key, &(), &step, &bytes)?;
            model.maps.entry(key).or_default().insert(step, bytes);
        }
        _ => {
            let old = model.values.get(&key).cloned();
            states.value.update(&key, &(), |found| {
                assert!(found == old);
                Some(bytes.clone())
            })?;
            model.values.insert(key, bytes);
        }
    }
    Ok(())
}

fn verify(states: &States, model: &Model) {
    for key in 0..KEYS {
        assert!(states.value.get(&key, &()).unwrap() == model.values.get(&key).cloned());
        assert!(states.list.get(&key, &()).unwrap() == model.lists.get(&key).cloned().unwrap_or_default());
        let entries: BTreeMap<i64, Vec<u8>> = states.map.entries(&key, &()).unwrap().into_iter().collect();
        assert!(entries == model.maps.get(&key).cloned().unwrap_or_default());
    }
}

/// Writes until it was refused some times; the first refusal.
fn fill(states: &States, model: &mut Model, bytes: usize) -> StateError {
    let mut refused = Vec::new();
    let mut step = 0;
    while refused.len() < 24 {
        if let Err(error) = write(states, model, step, &vec![step.to_be_bytes()[7]; bytes]) {
            assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
            refused.push(error);
        }
        step += 1;
        assert!(step < 100_000, "there is an end");
    }
    refused.swap_remove(0)
}

#[test]
fn a_full_arena_refuses_and_changes_nothing() {
    for bytes in [100, 1_000, 30_000] {
        let place = Place::new(8 << 20);
        let states = open(&place, Kind::Heap, "1", &[]);
        let mut model = Model::default();
        let refused = fill(&states, &mut model, bytes).to_string();
        println!("{refused}");
        let first = refused.lines().next().unwrap();
        assert!(first.starts_with("no room for state \""), "{first}");
        assert!(first.contains("refuses 4 KiB (4096 bytes) to \"op-0-127-1\""), "{first}");
        verify(&states, &model);
        // what is removed makes room again
        for key in 0..KEYS {
            states.map.clear(&key, &()).unwrap();
            states.list.remove(&key, &()).unwrap();
        }
        (model.maps, model.lists) = (BTreeMap::new(), BTreeMap::new());
        for step in 0..40 {
            write(&states, &mut model, step, &vec![9; bytes]).unwrap();
        }
        verify(&states, &model);
        let pool = place.pool.clone();
        assert!(pool.peak_bytes() <= 8 << 20);
        drop((states, place));
        pool.verify_empty().unwrap();
    }
}

#[test]
fn a_copy_that_a_running_snapshot_needs_is_refused_until_it_ends() {
    let place = Place::new(8 << 20);
    let mut states = open(&place, Kind::Heap, "1", &[]);
    let mut model = Model::default();
    fill(&states, &mut model, 100);
    let taken = model.clone();
    let pending = states.backend.snapshot(&place.request(1, FULL)).unwrap();
    let (mut refused, mut removals) = (0, 0);
    for key in 0..KEYS {
        match states.value.set(&key, &(), &vec![1; 100]) {
            Ok(()) => _ = model.values.insert(key, vec![1; 100]),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
                refused += 1;
            }
        }
        // even to remove something needs a copy of where it stands
        for removed in [states.list.remove(&key, &()), states.map.clear(&key, &())] {
            removals += usize::from(removed.is_err_and(|error| error.kind() == ErrorKind::Refused));
        }
        let (list, map) = (states.list.get(&key, &()).unwrap(), states.map.is_empty(&key, &()).unwrap());
        if list.is_empty() {
            model.lists.remove(&key);
        }
        if map {
            model.maps.remove(&key);
        }
    }
    println!("{refused} writes and {removals} removals refused");
    assert!(refused > 0 && removals > 0);
    verify(&states, &model);
    let handle = pending.run().unwrap().handle;
    for key in 0..KEYS {
        states.map.clear(&key, &()).unwrap();
        states.list.remove(&key, &()).unwrap();
    }
    for key in 0..KEYS {
        states.value.set(&key, &(), &vec![2; 100]).unwrap();
        assert_eq!(states.value.get(&key, &()).unwrap(), Some(vec![2; 100]));
    }
    drop(states);
    verify(&open(&place, Kind::Heap, "2", &[handle]), &taken);
}

#[test]
fn state_that_rides_in_the_acknowledgement() {
    let heap = Pool::root("JobManager heap", 8 << 20).unwrap();
    let retained = heap.owner("retained checkpoints").register().unwrap();
    for kind in Kind::ALL {
        let place = Place::new(64 << 20);
        let mut states = open(&place, kind, "1", &[]);
        let mut model = Model::default();
        let request = |checkpoint, state_bytes| {
            let limits = AcknowledgeLimits { state_bytes, ..AcknowledgeLimits::default() };
            let frame = Frame::new(limits, Some(Arc::clone(&retained)));
            SnapshotRequest {
                target: SnapshotTarget::Acknowledgement(frame),
                directory: None,
                ..place.request(checkpoint, FULL)
            }
        };
        for step in 0..200 {
            write(&states, &mut model, step, &[5; 100]).unwrap();
        }
        let small = states.backend.snapshot(&request(1, STATE_LIMIT_BYTES)).unwrap().run().unwrap();
        assert!(small.handle.inline_bytes() > 0 && retained.held_bytes() >= small.handle.inline_bytes());
        let taken = model.clone();
        // a state that is too long for one handle, and one that is too long for what the JobManager has left
        for step in 0..50i64 {
            let noise: Vec<u8> =
                (0..150_000u32).map(|at| at.wrapping_mul(0x9E37_79B1).to_be_bytes()[0]).collect();
            let noise: Vec<u8> = noise.iter().map(|byte| byte ^ step.to_be_bytes()[7]).collect();
            states.value.set(&(step % KEYS), &(), &noise).unwrap();
            model.values.insert(step % KEYS, noise);
        }
        let too_large = states.backend.snapshot(&request(2, 1 << 20)).unwrap().run().unwrap_err();
        assert_eq!(too_large.kind(), ErrorKind::TooLarge);
        let text = too_large.to_string();
        assert!(
            text.starts_with("state of op-0-127: Size of the state is larger than the maximum permitted"),
            "{text}"
        );
        verify(&states, &model);
        let other = retained.try_reserve(heap.available_bytes() - (1 << 20)).unwrap();
        let refused = states.backend.snapshot(&request(3, STATE_LIMIT_BYTES)).unwrap().run().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Refused, "{refused}");
        assert!(refused.to_string().contains("in the JobManager's heap"), "{refused}");
        drop(other);
        verify(&states, &model);
        drop(states);
        verify(&open(&place, kind, "2", std::slice::from_ref(&small.handle)), &taken);
        drop(small);
        heap.verify_empty().unwrap();
        place.pool.verify_empty().unwrap();
    }
}

/// Says it again where it was refused once.
#[track_caller]
fn insist<T>(refused: &mut u32, mut ask: impl FnMut() -> Result<T, StateError>) -> T {
    match ask() {
        Ok(answer) => answer,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
            *refused += 1;
            ask().unwrap()
        }
    }
}

/// A folder, and a budget of its own that may be told to refuse.
struct Small {
    place: Place,
    pool: Pool,
    managed: ManagedMemory,
}

impl Small {
    fn open(&self, kind: Kind, attempt: &str, handles: &[KeyedStateHandle]) -> Result<States, StateError> {
        let (groups, range) = whole(128);
        let keep = match kind {
            Kind::Heap => Keep::Heap(HeapMemory::capped(&self.pool, "tables", 16 << 20)?),
            Kind::Rocks | Kind::Hot => {
                let mut settings = RocksDbSettings::default();
                settings.memory.hot_fraction = if kind == Kind::Hot { 0.25 } else { 0.0 };
                Keep::RocksDb(RocksPlace::new(&self.managed, settings, self.place.path().join(attempt)))
            }
        };
        let settings = BackendSettings {
            name: "op".to_owned(),
            attempt: attempt.to_owned(),
            groups,
            range,
            keep,
            storage: Some(self.place.storage.clone()),
            restore_owner: Some(self.pool.owner("restore").register()?),
        };
        describe(KeyedBackend::open(settings, I64, handles)?)
    }
}

/// Everything that a backend does, with its n-th reservation refused. Whether there were so many, and how many errors
/// came of it: an arena may find other pages.
fn refused_once(kind: Kind, nth: u64) -> (bool, u32) {
    let place = Place::new(4 << 20);
    let pool = Pool::root("small", 40 << 20).unwrap();
    // databases take all managed memory: a restore has its own beside it
    let managed = pool.child("managed", 32 << 20).unwrap();
    let small = Small { managed: ManagedMemory::new(&managed, 32 << 10, 0).unwrap(), pool, place };
    small.pool.fail_nth(Some(nth));
    let mut refused = 0;
    let mut states = insist(&mut refused, || small.open(kind, "1", &[]));
    let mut model = Model::default();
    for step in 0..300 {
        insist(&mut refused, || write(&states, &mut model, step, &vec![3; 3_000]));
    }
    verify(&states, &model);
    let request = small.place.request(1, FULL);
    let taken = model.clone();
    let pending = insist(&mut refused, || states.backend.snapshot(&request));
    for step in 300..350 {
        insist(&mut refused, || write(&states, &mut model, step, &vec![4; 3_000]));
    }
    let handle = pending.run().unwrap().handle;
    verify(&states, &model);
    drop(states);
    let restored = insist(&mut refused, || small.open(kind, "2", std::slice::from_ref(&handle)));
    verify(&restored, &taken);
    drop(restored);
    let Small { place, pool, managed } = small;
    // if it has not come to it yet, it does so now
    let probe = pool.owner("probe").register().unwrap();
    let struck = (0..nth).all(|_| probe.try_reserve(1).is_ok());
    pool.fail_nth(None);
    drop((managed, place));
    pool.verify_empty().unwrap();
    assert_eq!(pool.over_releases(), 0);
    (struck, refused)
}

#[test]
fn any_reservation_may_be_refused() {
    for kind in Kind::ALL {
        let mut errors = 0;
        for nth in 1.. {
            let (struck, refused) = refused_once(kind, nth);
            errors += refused;
            if !struck {
                println!("{kind:?}: {} reservations, {errors} errors", nth - 1);
                assert!(nth > 4 && errors > 0, "{kind:?}");
                break;
            }
        }
    }
}
