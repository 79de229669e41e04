//! Timers: popped once, in order, as a plain set says; on every backend, through every kind of snapshot, at every
//! parallelism, from one backend to another.

use std::collections::BTreeSet;

use plimsoll_statebackend::key_group::{KeyGroupRange, KeyGroups};
use plimsoll_statebackend::rocksdb::settings::TimerService;
use plimsoll_statebackend::serializer::{I64, KeySerializer, TimeWindow, Utf8, Window};
use plimsoll_statebackend::snapshot::KeyedStateHandle;
use plimsoll_statebackend::state::ValueDescriptor;
use plimsoll_statebackend::timer::{Timer, TimerDescriptor, Timers};
use plimsoll_statebackend::{
    BackendSettings, ErrorKind, HeapMemory, Keep, KeyedBackend, PendingSnapshot, SnapshotKind, StateError,
};

use crate::support::{FULL, Kind, Place, whole};

/// Where timers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    Heap,
    /// In a column family, with so many of each key group in memory.
    Rocks(u32),
    /// In memory, with RocksDB for the rest.
    HeapBesideRocks,
}

const EVERYWHERE: [Where; 5] =
    [Where::Heap, Where::Rocks(1), Where::Rocks(5), Where::Rocks(128), Where::HeapBesideRocks];

impl Where {
    const fn incremental(self) -> bool {
        !matches!(self, Self::Heap)
    }
}

fn open_range(
    place: &Place,
    at: Where,
    groups: KeyGroups,
    range: KeyGroupRange,
    attempt: &str,
    restore: &[KeyedStateHandle],
) -> Result<KeyedBackend<I64>, StateError> {
    let name = format!("op-{}-{}", range.first, range.last);
    let files = format!("{name}-{attempt}");
    let mut keep = place.keep(if at == Where::Heap { Kind::Heap } else { Kind::Hot }, &files);
    if let Keep::RocksDb(rocks) = &mut keep {
        if let Where::Rocks(cached) = at {
            rocks.settings.timer_cache_entries = cached;
        } else {
            rocks.settings.timers = TimerService::Heap;
            rocks.timers = Some(HeapMemory::capped(&place.pool, &files, 8 << 20)?);
        }
    }
    let settings = BackendSettings {
        keep,
        name,
        attempt: attempt.to_owned(),
        groups,
        range,
        storage: Some(place.storage.clone()),
        restore_owner: None,
    };
    KeyedBackend::open(settings, I64, restore)
}

fn open(place: &Place, at: Where, attempt: &str, restore: &[KeyedStateHandle]) -> KeyedBackend<I64> {
    let (groups, range) = whole(128);
    open_range(place, at, groups, range, attempt, restore).unwrap()
}

fn window(number: i64) -> TimeWindow {
    TimeWindow { start_ms: number, end_ms: number + 10 }
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.0 >> 33).unwrap() % end
    }
}

type Model = BTreeSet<Timer<i64, TimeWindow>>;

struct Subtask {
    backend: KeyedBackend<I64>,
    timers: Timers<I64, Window>,
}

struct System {
    place: Place,
    at: Where,
    groups: KeyGroups,
    subtasks: Vec<Subtask>,
    attempt: u32,
}

impl System {
    fn start(&mut self, parallelism: u32, handles: &[KeyedStateHandle]) {
        self.subtasks.clear();
        self.attempt += 1;
        for subtask in 0..parallelism {
            let range = self.groups.range(parallelism, subtask).unwrap();
            let attempt = self.attempt.to_string();
            let mut backend =
                open_range(&self.place, self.at, self.groups, range, &attempt, handles).unwrap();
            let timers = backend.timers(&TimerDescriptor::new("timers").namespaced(Window)).unwrap();
            self.subtasks.push(Subtask { backend, timers });
        }
    }

    fn of(&self, key: i64) -> &Timers<I64, Window> {
        let group = self.groups.of_hash(I64.java_hash(&key));
        let has = |subtask: &&Subtask| subtask.backend.range().contains(group);
        &self.subtasks.iter().find(has).unwrap().timers
    }

    fn snapshot(&mut self, checkpoint: u64, kind: SnapshotKind) -> Vec<PendingSnapshot> {
        let request = self.place.request(checkpoint, kind);
        self.subtasks.iter_mut().map(|subtask| subtask.backend.snapshot(&request).unwrap()).collect()
    }

    fn verify(&self, model: &Model) {
        let mut all = Model::new();
        for subtask in &self.subtasks {
            subtask.timers.for_each(|timer| assert!(all.insert(timer), "{timer:?} is there twice")).unwrap();
        }
        assert_eq!(all, *model);
    }
}

/// A random history; what was popped, in order.
fn history(at: Where, seed: u64, steps: i64) -> Vec<Timer<i64, TimeWindow>> {
    println!("{at:?}, seed {seed}");
    let groups = KeyGroups::new(13).unwrap();
    let mut system = System { place: Place::new(96 << 20), at, groups, subtasks: Vec::new(), attempt: 0 };
    system.start(1, &[]);
    let mut random = Random(seed);
    let mut model = Model::new();
    let mut popped = Vec::new();
    let mut completed: Option<(Vec<KeyedStateHandle>, Model)> = None;
    let mut pending: Option<(u64, Vec<PendingSnapshot>, Model)> = None;
    let mut checkpoint = 0;
    for step in 0..steps {
        let (key, time) = (random.below(40), random.below(200) - 60);
        let timer = Timer { timestamp_ms: time, key, namespace: window(random.below(3)) };
        match random.below(100) {
            0..52 => {
                system.of(key).register(&key, &timer.namespace, time).unwrap();
                model.insert(timer);
            }
            52..64 => {
                system.of(key).delete(&key, &timer.namespace, time).unwrap();
                model.remove(&timer);
            }
            64..95 => {
                let until = time - 30;
                for subtask in &system.subtasks {
                    let next = subtask.timers.next_timestamp_ms().unwrap();
                    let mine = |timer: &&Timer<i64, TimeWindow>| {
                        subtask.backend.range().contains(groups.of_hash(I64.java_hash(&timer.key)))
                    };
                    assert_eq!(next, model.iter().find(mine).map(|timer| timer.timestamp_ms));
                    for _ in 0..3 {
                        let Some(timer) = subtask.timers.pop_due(until).unwrap() else { break };
                        assert!(timer.timestamp_ms <= until);
                        let first = model.iter().find(mine).unwrap().timestamp_ms;
                        assert_eq!(timer.timestamp_ms, first, "the next one is popped");
                        assert!(model.remove(&timer), "{timer:?} is popped once");
                        popped.push(timer);
                    }
                }
            }
            95..97 => {
                if let Some((number, snapshots, then)) = pending.take() {
                    // other threads write it
                    let run = |pending: PendingSnapshot| {
                        std::thread::spawn(move || pending.run().unwrap().handle).join().unwrap()
                    };
                    completed = Some((snapshots.into_iter().map(run).collect(), then));
                    for subtask in &mut system.subtasks {
                        subtask.backend.checkpoint_completed(number, None);
                    }
                }
                checkpoint += 1;
                let kind =
                    if at.incremental() && random.below(2) == 0 { SnapshotKind::Incremental } else { FULL };
                pending = Some((checkpoint, system.snapshot(checkpoint, kind), model.clone()));
            }
            _ if step % 3 == 0 => {
                let Some((handles, then)) = &completed else { continue };
                pending = None;
                let parallelism = [1, 2, 3, 5][usize::try_from(random.below(4)).unwrap()];
                system.start(parallelism, handles);
                model.clone_from(then);
                system.verify(&model);
            }
            _ => system.verify(&model),
        }
    }
    while let Some(first) = model.first().copied() {
        let key = first.key;
        let timer = system.of(key).pop_due(i64::MAX).unwrap().unwrap();
        assert!(model.remove(&timer));
        popped.push(timer);
    }
    assert!(system.subtasks.iter().all(|subtask| subtask.timers.pop_due(i64::MAX).unwrap().is_none()));
    popped
}

#[test]
fn histories_as_a_set_says() {
    for seed in [1, 2] {
        let rocks = history(Where::Rocks(128), seed, 2_000);
        assert!(rocks.len() > 250, "{}", rocks.len());
        // the order of timers of one time is the same however many are in memory
        assert_eq!(rocks, history(Where::Rocks(1), seed, 2_000));
        assert_eq!(rocks, history(Where::Rocks(5), seed, 2_000));
        assert_eq!(rocks, history(Where::HeapBesideRocks, seed, 2_000));
    }
    history(Where::Heap, 3, 8_000);
}

#[test]
fn from_any_to_any() {
    for from in EVERYWHERE {
        for to in EVERYWHERE {
            let kinds = if from.incremental() && to.incremental() {
                vec![FULL, SnapshotKind::Incremental]
            } else {
                vec![FULL]
            };
            for kind in kinds {
                let place = Place::new(96 << 20);
                let mut backend = open(&place, from, "1", &[]);
                let timers = backend.timers(&TimerDescriptor::new("timers")).unwrap();
                let value = backend.value_state(&ValueDescriptor::new("value", Utf8)).unwrap();
                for key in 0..50 {
                    timers.register(&key, &(), 1_000 - key).unwrap();
                    value.set(&key, &(), &format!("of {key}")).unwrap();
                }
                timers.delete(&7, &(), 993).unwrap();
                let handle = backend.snapshot(&place.request(1, kind)).unwrap().run().unwrap().handle;
                drop((timers, value, backend));
                // a restore that never asks for the timers carries them over
                let mut idle = open(&place, to, "2", std::slice::from_ref(&handle));
                let next = if to.incremental() { kind } else { FULL };
                let carried = idle.snapshot(&place.request(2, next)).unwrap().run().unwrap().handle;
                drop(idle);
                for (attempt, handle) in [("3", handle), ("4", carried)] {
                    let mut backend = open(&place, to, attempt, &[handle]);
                    let timers = backend.timers(&TimerDescriptor::new("timers")).unwrap();
                    let value = backend.value_state(&ValueDescriptor::new("value", Utf8)).unwrap();
                    assert_eq!(timers.next_timestamp_ms().unwrap(), Some(951));
                    for key in (0..50).rev().filter(|key| *key != 7) {
                        let timer = Timer { timestamp_ms: 1_000 - key, key, namespace: () };
                        assert_eq!(
                            timers.pop_due(1_000).unwrap(),
                            Some(timer),
                            "{from:?} to {to:?}, {kind:?}"
                        );
                    }
                    assert_eq!(timers.pop_due(i64::MAX).unwrap(), None);
                    assert_eq!(value.get(&9, &()).unwrap().as_deref(), Some("of 9"));
                }
            }
        }
    }
}

#[test]
fn one_of_each() {
    for at in EVERYWHERE {
        let place = Place::new(96 << 20);
        let mut backend = open(&place, at, "1", &[]);
        let timers = backend.timers(&TimerDescriptor::new("timers")).unwrap();
        let again = backend.timers(&TimerDescriptor::new("timers")).unwrap();
        timers.register(&1, &(), 5).unwrap();
        again.register(&1, &(), 5).unwrap();
        timers.register(&1, &(), i64::MIN).unwrap();
        timers.register(&2, &(), i64::MAX).unwrap();
        timers.delete(&3, &(), 5).unwrap();
        assert_eq!(
            again.pop_due(i64::MIN).unwrap(),
            Some(Timer { timestamp_ms: i64::MIN, key: 1, namespace: () })
        );
        assert_eq!(timers.pop_due(4).unwrap(), None);
        assert_eq!(timers.pop_due(5).unwrap(), Some(Timer { timestamp_ms: 5, key: 1, namespace: () }));
        assert_eq!(timers.pop_due(i64::MAX - 1).unwrap(), None);
        // before what was popped already
        timers.register(&4, &(), -3).unwrap();
        assert_eq!(timers.next_timestamp_ms().unwrap(), Some(-3));
        timers.delete(&4, &(), -3).unwrap();
        assert_eq!(timers.next_timestamp_ms().unwrap(), Some(i64::MAX));
        // other types under the same name
        let other = backend.timers(&TimerDescriptor::new("timers").namespaced(Utf8)).err().unwrap();
        assert_eq!(other.kind(), ErrorKind::Usage);
        let value = backend.value_state(&ValueDescriptor::new("timers", I64)).err().unwrap();
        assert_eq!(value.kind(), ErrorKind::Usage);
        let handle = backend.snapshot(&place.request(1, FULL)).unwrap().run().unwrap().handle;
        drop((timers, again, backend));
        let mut backend = open(&place, at, "2", &[handle]);
        let value = backend.value_state(&ValueDescriptor::new("timers", I64)).err().unwrap();
        assert_eq!(
            (value.kind(), value.to_string().lines().next().unwrap()),
            (
                ErrorKind::Incompatible,
                "state \"timers\" cannot be restored: it was timers, and is asked for as a value; use the serializers \
                 that wrote it, or a newer version that reads them"
            )
        );
    }
}

#[test]
fn a_key_of_another_subtask() {
    for at in EVERYWHERE {
        let place = Place::new(96 << 20);
        let groups = KeyGroups::new(128).unwrap();
        let range = groups.range(2, 0).unwrap();
        let mut backend = open_range(&place, at, groups, range, "1", &[]).unwrap();
        let timers = backend.timers(&TimerDescriptor::new("timers")).unwrap();
        let stranger = (0..1_000).find(|key| groups.of_hash(I64.java_hash(key)) >= 64).unwrap();
        assert_eq!(timers.register(&stranger, &(), 1).unwrap_err().kind(), ErrorKind::Usage);
        assert_eq!(timers.delete(&stranger, &(), 1).unwrap_err().kind(), ErrorKind::Usage);
        assert_eq!(timers.next_timestamp_ms().unwrap(), None);
    }
}

#[test]
fn memory_without_room() {
    let place = Place::new(4 << 20);
    let (groups, range) = whole(128);
    let mut backend = open_range(&place, Where::Heap, groups, range, "1", &[]).unwrap();
    let timers = backend.timers(&TimerDescriptor::new("timers")).unwrap();
    let mut count = 0i64;
    let refused = loop {
        match timers.register(&(count % 1_000), &(), count * 7 % 100_003) {
            Ok(()) => count += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(refused.kind(), ErrorKind::Refused);
    assert!(refused.to_string().starts_with("no room for timers \"timers\""), "{refused}");
    println!("{count} timers in {} bytes", place.pool.peak_bytes());
    assert!(count > 50_000, "a timer of a long key takes some 30 bytes: {count}");
    // all but the refused one are there, in order
    let mut last = i64::MIN;
    for _ in 0..count {
        let timer = timers.pop_due(i64::MAX).unwrap().unwrap();
        assert!(timer.timestamp_ms >= last);
        last = timer.timestamp_ms;
    }
    assert_eq!(timers.pop_due(i64::MAX).unwrap(), None);
    drop((timers, backend));
    place.pool.verify_empty().unwrap();
}

/// In the memory of a small slot, a queue may be as long as the disk allows.
#[test]
fn many_in_a_small_slot() {
    const COUNT: i64 = 300_000;
    let place = Place::new(24 << 20);
    let mut backend = open(&place, Where::Rocks(128), "1", &[]);
    let timers = backend.timers(&TimerDescriptor::new("timers")).unwrap();
    let time = |key: i64| key * 7_919 % COUNT;
    for key in 0..COUNT {
        timers.register(&key, &(), time(key)).unwrap();
    }
    for at in 0..COUNT {
        if at % 1_000 == 500 {
            // one that comes late, and one that is taken back
            timers.register(&1, &(), at - 400).unwrap();
            let late = timers.pop_due(at).unwrap().unwrap();
            assert_eq!((late.timestamp_ms, late.key), (at - 400, 1));
        }
        let timer = timers.pop_due(at).unwrap().unwrap();
        assert_eq!((timer.timestamp_ms, time(timer.key)), (at, at));
    }
    assert_eq!(timers.pop_due(i64::MAX).unwrap(), None);
    assert!(place.pool.peak_bytes() <= 24 << 20);
}

#[test]
fn timers_in_memory_need_memory() {
    let place = Place::new(32 << 20);
    let mut rocks = place.rocks(Kind::Rocks, "op");
    rocks.settings.timers = TimerService::Heap;
    let (groups, range) = whole(128);
    let settings = BackendSettings {
        name: "op".to_owned(),
        attempt: "1".to_owned(),
        groups,
        range,
        keep: Keep::RocksDb(rocks),
        storage: None,
        restore_owner: None,
    };
    let error = KeyedBackend::open(settings, I64, &[]).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().contains("state.backend.rocksdb.timer-service.factory"), "{error}");
}
