//! Operator state: split lists, union lists and broadcast state, through snapshots, restores and any parallelism.

mod damage;
mod golden;
mod limits;
mod model;
mod restores;

use std::time::Duration;

use plimsoll_statebackend::operator::{
    BroadcastState, OperatorBackend, OperatorListState, OperatorSettings, OperatorStateHandle,
};
use plimsoll_statebackend::serializer::{I64, Utf8};
use plimsoll_statebackend::snapshot::SnapshotTarget;
use plimsoll_statebackend::{ErrorKind, HeapMemory, SnapshotRequest, StateError};

use crate::support::{FULL, Place};

const SLOT_BYTES: u64 = 256 << 20;

pub(super) fn settings(place: &Place, subtask: usize, attempt: &str) -> OperatorSettings {
    let name = format!("op-{subtask}");
    OperatorSettings {
        memory: HeapMemory::new(&place.pool, &format!("{name}-{attempt}")).unwrap(),
        name,
        attempt: attempt.to_owned(),
        storage: Some(place.storage.clone()),
        restore_owner: None,
    }
}

pub(super) fn request(place: &Place, checkpoint: u64, inline_bytes: usize) -> SnapshotRequest {
    SnapshotRequest {
        checkpoint,
        kind: FULL,
        target: SnapshotTarget::files(place.storage.clone(), inline_bytes).unwrap(),
        directory: Some(place.directory.clone()),
        clock: || Duration::ZERO,
    }
}

/// Backends, each with one state of each mode.
pub(super) struct Task {
    pub(super) backend: OperatorBackend,
    pub(super) split: OperatorListState<Utf8>,
    pub(super) union: OperatorListState<I64>,
    pub(super) rules: BroadcastState<Utf8, I64>,
}

impl Task {
    pub(super) fn open(
        place: &Place,
        subtask: usize,
        attempt: &str,
        restore: &[OperatorStateHandle],
    ) -> Result<Self, StateError> {
        let mut backend = OperatorBackend::open(settings(place, subtask, attempt), restore)?;
        Ok(Self {
            split: backend.list_state("split", Utf8)?,
            union: backend.union_list_state("union", I64)?,
            rules: backend.broadcast_state("rules", Utf8, I64)?,
            backend,
        })
    }

    pub(super) fn snapshot(&mut self, request: &SnapshotRequest) -> OperatorStateHandle {
        self.backend.snapshot(request).unwrap().run().unwrap().handle
    }
}

pub(super) fn text(n: impl std::fmt::Display) -> String {
    format!("element {n}")
}

#[test]
fn every_mode_comes_back_as_it_was() {
    let place = Place::new(SLOT_BYTES);
    for (checkpoint, inline) in [(1, 0), (2, 1 << 20)] {
        let mut task = Task::open(&place, 0, &format!("a{checkpoint}"), &[]).unwrap();
        let elements: Vec<String> = (0..1_000).map(text).collect();
        task.split.add_all(&elements[..900]).unwrap();
        elements[900..].iter().for_each(|element| task.split.add(element).unwrap());
        task.union.update(&[5, 4, 3]).unwrap();
        for n in 0..500 {
            task.rules.put(&text(n), &n).unwrap();
        }
        for n in (0..500).step_by(3) {
            task.rules.remove(&text(n)).unwrap();
        }
        task.rules.put(&text(1), &-1).unwrap();
        let rules = task.rules.entries().unwrap();
        assert_eq!((rules.len(), task.rules.len().unwrap()), (333, 333));
        let handle = task.snapshot(&request(&place, checkpoint, inline));
        assert_eq!(handle.inline_bytes() > 0, inline > 0);
        assert_eq!(handle.states.iter().map(|part| part.offsets.len()).collect::<Vec<_>>(), [1_000, 3, 1]);
        handle.verify(&place.storage).unwrap();

        let again = Task::open(&place, 0, &format!("b{checkpoint}"), std::slice::from_ref(&handle)).unwrap();
        assert_eq!(again.split.get().unwrap(), elements);
        assert_eq!(again.union.get().unwrap(), [5, 4, 3]);
        assert_eq!(again.rules.entries().unwrap(), rules, "the order too");
        assert_eq!(again.rules.get(&text(1)).unwrap(), Some(-1));
        assert!(!again.rules.contains(&text(3)).unwrap());

        handle.discard(&place.storage).unwrap();
        handle.discard(&place.storage).unwrap();
        let gone = OperatorBackend::open(settings(&place, 0, &format!("c{checkpoint}")), &[handle]);
        assert_eq!(gone.err().map(|error| error.kind()), (inline == 0).then_some(ErrorKind::Storage));
    }
    assert!(place.storage.list("job").unwrap().is_empty(), "nothing is left behind");
}

#[test]
fn empty_states_and_an_empty_backend() {
    let place = Place::new(SLOT_BYTES);
    let mut backend = OperatorBackend::open(settings(&place, 0, "a"), &[]).unwrap();
    assert!(backend.is_empty());
    let handle = backend.snapshot(&request(&place, 1, 0)).unwrap().run().unwrap().handle;
    assert!(handle.states.is_empty());
    let mut task = Task::open(&place, 0, "b", &[handle]).unwrap();
    task.split.add(&text(1)).unwrap();
    task.split.clear().unwrap();
    task.rules.put(&text(1), &1).unwrap();
    task.rules.clear().unwrap();
    let handle = task.snapshot(&request(&place, 2, 0));
    let mut again = Task::open(&place, 0, "c", &[handle]).unwrap();
    assert!(
        again.split.is_empty().unwrap() && again.union.is_empty().unwrap() && again.rules.is_empty().unwrap()
    );
    let handle = again.snapshot(&request(&place, 3, 0));
    // the serializers of empty states are held to as well
    let mut other = OperatorBackend::open(settings(&place, 0, "d"), &[handle]).unwrap();
    assert!(!other.is_empty());
    let error = other.list_state("split", I64).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Incompatible);
}

/// A snapshot sees what was there when it was taken, whatever is written until it has run, on another thread too.
#[test]
fn a_snapshot_sees_the_old_elements() {
    let place = Place::new(SLOT_BYTES);
    let mut task = Task::open(&place, 0, "a", &[]).unwrap();
    let elements: Vec<String> = (0..777).map(text).collect();
    task.split.add_all(&elements).unwrap();
    task.union.add_all(&[1, 2, 3]).unwrap();
    for n in 0..300 {
        task.rules.put(&text(n), &n).unwrap();
    }
    let rules = task.rules.entries().unwrap();
    let mut pending = Vec::new();
    for checkpoint in 1..4 {
        pending.push(task.backend.snapshot(&request(&place, checkpoint, 0)).unwrap());
    }
    task.split.add(&text("late")).unwrap();
    task.union.clear().unwrap();
    for n in 0..300 {
        task.rules.put(&text(n), &(n + 1)).unwrap();
        if n % 2 == 0 {
            task.rules.remove(&text(n)).unwrap();
        }
    }
    task.rules.put(&text("late"), &0).unwrap();
    let mut handles: Vec<OperatorStateHandle> = pending
        .into_iter()
        .map(|pending| std::thread::spawn(|| pending.run().unwrap().handle).join().unwrap())
        .collect();
    handles.push(task.snapshot(&request(&place, 9, 0)));
    for (at, handle) in handles.into_iter().enumerate() {
        let again = Task::open(&place, 0, &format!("b{at}"), &[handle]).unwrap();
        let (split, union) = (again.split.get().unwrap(), again.union.get().unwrap());
        if at < 3 {
            assert_eq!((split, union), (elements.clone(), vec![1, 2, 3]));
            assert_eq!(again.rules.entries().unwrap(), rules);
        } else {
            assert_eq!((split.len(), union.len()), (778, 0));
            assert_eq!(again.rules.entries().unwrap(), task.rules.entries().unwrap());
        }
    }
}

/// The same writes give the same order in every subtask: nothing in it is random.
#[test]
fn broadcast_state_has_one_order() {
    let place = Place::new(SLOT_BYTES);
    let order = |attempt: &str| {
        let task = Task::open(&place, 0, attempt, &[]).unwrap();
        for n in 0..2_000_i64 {
            task.rules.put(&text(n * 7 % 1_000), &n).unwrap();
            task.rules.remove(&text(n * 11 % 1_300)).unwrap();
        }
        task.rules.entries().unwrap()
    };
    let first = order("a");
    assert!(first.len() > 300);
    assert_eq!(first, order("b"));
}

#[test]
fn a_state_inside_its_own_iteration() {
    let place = Place::new(SLOT_BYTES);
    let task = Task::open(&place, 0, "a", &[]).unwrap();
    task.split.add_all(&[text(1), text(2)]).unwrap();
    task.rules.put(&text(1), &1).unwrap();
    let mut errors = Vec::new();
    task.split
        .for_each(|element| {
            assert_eq!(task.split.len().unwrap(), 2, "reading is no harm");
            errors.extend([
                task.split.add(&element).unwrap_err(),
                task.split.add_all(std::slice::from_ref(&element)).unwrap_err(),
                task.split.update(&[]).unwrap_err(),
                task.split.clear().unwrap_err(),
            ]);
        })
        .unwrap();
    task.rules
        .for_each(|key, value| {
            errors.extend([
                task.rules.put(key, value).unwrap_err(),
                task.rules.remove(key).unwrap_err(),
                task.rules.clear().unwrap_err(),
            ]);
        })
        .unwrap();
    assert_eq!(errors.len(), 11);
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.to_string().starts_with("a state is used inside its own iteration"), "{error}");
    }
    assert_eq!((task.split.len().unwrap(), task.rules.len().unwrap()), (2, 1));
}
