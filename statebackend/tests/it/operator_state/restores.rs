//! Restores: any parallelism from any other, states that nobody asks for, types that do not fit, and migrations.

use std::collections::BTreeSet;

use plimsoll_statebackend::operator::{OperatorBackend, OperatorStateHandle, repartition};
use plimsoll_statebackend::serializer::{
    I32, I64, Identity, Inline, KeySerializer, Pair, ReadError, Serializer, Utf8,
};
use plimsoll_statebackend::{ErrorKind, StateError};

use super::{SLOT_BYTES, Task, request, settings, text};
use crate::support::Place;

fn parallelism(of: &[Vec<OperatorStateHandle>]) -> u32 {
    u32::try_from(of.len()).unwrap()
}

/// Snapshots of all tasks, dealt to as many as there are now.
fn dealt(place: &Place, tasks: &mut [Task], checkpoint: u64, now: u32) -> Vec<Vec<OperatorStateHandle>> {
    // some files, some in the handle
    let inline = |at: usize| if at.is_multiple_of(2) { 0 } else { 1 << 20 };
    let handle =
        |(at, task): (usize, &mut Task)| vec![task.snapshot(&request(place, checkpoint, inline(at)))];
    let handles: Vec<_> = tasks.iter_mut().enumerate().map(handle).collect();
    repartition(&handles, parallelism(&handles), now).unwrap()
}

fn open_all(place: &Place, attempt: &str, shares: &[Vec<OperatorStateHandle>]) -> Vec<Task> {
    let open = |(at, share): (usize, &Vec<_>)| Task::open(place, at, attempt, share).unwrap();
    shares.iter().enumerate().map(open).collect()
}

#[test]
fn every_parallelism_from_every_other() {
    let all = [1_u32, 2, 3, 4, 7];
    for (round, before) in all.into_iter().enumerate() {
        for (turn, after) in all.into_iter().enumerate() {
            let place = Place::new(SLOT_BYTES);
            let mut tasks = open_all(&place, "before", &vec![Vec::new(); before as usize]);
            let mut unions = Vec::new();
            for (at, task) in tasks.iter().enumerate() {
                // uneven, and one subtask without any
                let elements: Vec<String> = (0..at * 13).map(|n| text(format_args!("{at}.{n}"))).collect();
                task.split.add_all(&elements).unwrap();
                let numbers: Vec<i64> = (0..5).map(|n| i64::try_from(at * 100 + n).unwrap()).collect();
                task.union.add_all(&numbers).unwrap();
                unions.extend(numbers);
                for n in 0..50 {
                    task.rules.put(&text(n), &(n * n)).unwrap();
                }
            }
            let elements: BTreeSet<String> =
                tasks.iter().flat_map(|task| task.split.get().unwrap()).collect();
            let old: Vec<_> = tasks.iter().map(|task| task.split.get().unwrap()).collect();
            let rules = tasks[0].rules.entries().unwrap();
            let checkpoint = (round * 10 + turn) as u64;
            let shares = dealt(&place, &mut tasks, checkpoint, after);
            let tasks = open_all(&place, "after", &shares);

            let new: Vec<_> = tasks.iter().map(|task| task.split.get().unwrap()).collect();
            let count: usize = new.iter().map(Vec::len).sum();
            assert_eq!(count, elements.len(), "{before} to {after}: none is twice");
            assert_eq!(new.iter().flatten().cloned().collect::<BTreeSet<_>>(), elements);
            if before == after {
                assert_eq!(new, old, "everybody keeps what is theirs");
            } else {
                let lengths = || new.iter().map(Vec::len);
                assert!(lengths().max().unwrap() - lengths().min().unwrap() <= 1, "{before} to {after}");
            }
            for task in &tasks {
                assert_eq!(task.union.get().unwrap(), unions, "{before} to {after}");
                assert_eq!(task.rules.entries().unwrap(), rules, "{before} to {after}");
            }
        }
    }
}

/// Small snapshots ride in their handles, and those of two subtasks may be the same bytes.
#[test]
fn handles_of_the_same_bytes_are_of_several_subtasks() {
    let place = Place::new(SLOT_BYTES);
    let handle = |at: usize| {
        let mut task = Task::open(&place, at, "before", &[]).unwrap();
        task.split.add(&text("alike")).unwrap();
        task.union.add(&1).unwrap();
        vec![task.snapshot(&request(&place, 1, 1 << 20))]
    };
    let handles = [0, 1, 2].map(handle);
    assert_eq!(handles[0], handles[1], "the same bytes");
    for after in 1..5 {
        let shares = repartition(&handles, 3, after).unwrap();
        let tasks = open_all(&place, &format!("after-{after}"), &shares);
        let elements: Vec<String> = tasks.iter().flat_map(|task| task.split.get().unwrap()).collect();
        assert_eq!(elements, [text("alike"), text("alike"), text("alike")], "3 to {after}: each once");
        assert!(tasks.iter().all(|task| task.union.get().unwrap() == [1, 1, 1]), "3 to {after}: all of all");
    }
}

/// Nobody asks for any state, at two parallelisms in a row; then somebody does.
#[test]
fn states_are_carried_over_unread() {
    let place = Place::new(SLOT_BYTES);
    let mut tasks = open_all(&place, "a", &vec![Vec::new(); 3]);
    for (at, task) in tasks.iter().enumerate() {
        task.split.add_all(&(0..100).map(|n| text(format_args!("{at}.{n}"))).collect::<Vec<_>>()).unwrap();
        task.rules.put(&text("one"), &1).unwrap();
        task.rules.put(&text("two"), &2).unwrap();
    }
    // a union list that lives on grows with each restart, as in Flink: only one subtask has elements here
    tasks[1].union.add_all(&[7, 8]).unwrap();
    let mut shares = dealt(&place, &mut tasks, 1, 2);
    for (checkpoint, after) in [(2, 5), (3, 5), (4, 1)] {
        let mut handles = Vec::new();
        for (at, share) in shares.iter().enumerate() {
            let mut backend =
                OperatorBackend::open(settings(&place, at, &checkpoint.to_string()), share).unwrap();
            assert!(!backend.is_empty());
            let fresh = backend.list_state("fresh", I64).unwrap();
            fresh.add(&i64::try_from(at).unwrap()).unwrap();
            let handle = backend.snapshot(&request(&place, checkpoint, 0)).unwrap().run().unwrap().handle;
            assert!(
                handle.state("rules", plimsoll_statebackend::operator::DistributionMode::Broadcast).is_some()
            );
            handles.push(vec![handle]);
        }
        shares = repartition(&handles, parallelism(&handles), after).unwrap();
    }
    let tasks = open_all(&place, "last", &shares);
    let [task] = &tasks[..] else { panic!("one subtask is left") };
    let elements = task.split.get().unwrap();
    assert_eq!((elements.len(), elements.iter().collect::<BTreeSet<_>>().len()), (300, 300));
    assert_eq!(task.rules.entries().unwrap().len(), 2);
    assert_eq!(task.rules.get(&text("two")).unwrap(), Some(2));
    // two subtasks had both, five had those, and five again
    assert_eq!(task.union.get().unwrap(), [7, 8].repeat(2 * 5 * 5));
}

/// A list that is asked for later than others is loaded then, and one that could not be loaded may be asked for again.
#[test]
fn states_are_loaded_when_they_are_asked_for() {
    let place = Place::new(SLOT_BYTES);
    let mut task = Task::open(&place, 0, "a", &[]).unwrap();
    task.split.add(&text(1)).unwrap();
    task.union.add(&5).unwrap();
    let handle = task.snapshot(&request(&place, 1, 0));
    let mut backend = OperatorBackend::open(settings(&place, 0, "b"), &[handle]).unwrap();
    assert!(backend.list_state("split", I32).is_err());
    let split = backend.list_state("split", Utf8).unwrap();
    split.add(&text(2)).unwrap();
    let again = backend.list_state("split", Utf8).unwrap();
    assert_eq!(again.get().unwrap(), [text(1), text(2)], "the same list");
    let handle = backend.snapshot(&request(&place, 2, 0)).unwrap().run().unwrap().handle;
    let task = Task::open(&place, 0, "c", &[handle]).unwrap();
    assert_eq!((task.split.len().unwrap(), task.union.get().unwrap()), (2, vec![5]));
}

fn said<T>(answer: Result<T, StateError>, kind: ErrorKind) -> String {
    let error = answer.err().expect("it cannot be");
    assert_eq!(error.kind(), kind, "{error}");
    error.to_string()
}

#[test]
fn other_types_and_modes_in_use() {
    let place = Place::new(SLOT_BYTES);
    let mut backend = Task::open(&place, 0, "a", &[]).unwrap().backend;
    assert_eq!(
        said(backend.list_state("split", I64), ErrorKind::Usage),
        "state \"split\" is in use as a list of utf8, and is asked for as a list of i64: give one of the two another \
         name"
    );
    assert_eq!(
        said(backend.union_list_state("split", Utf8), ErrorKind::Usage),
        "state \"split\" is in use as a list of utf8, and is asked for as a union list of utf8: give one of the two \
         another name"
    );
    assert_eq!(
        said(backend.broadcast_state("rules", Utf8, Pair(I64, I32)), ErrorKind::Usage),
        "state \"rules\" is in use as broadcast state of utf8 and i64, and is asked for as broadcast state of utf8 and \
         pair<i64, i32>: give one of the two another name"
    );
    // lists and broadcast states have names of their own
    let list = backend.list_state("rules", I64).unwrap();
    list.add(&1).unwrap();
    let rules = backend.broadcast_state("rules", Utf8, I64).unwrap();
    rules.put(&text(1), &2).unwrap();
    let handle = backend.snapshot(&request(&place, 1, 0)).unwrap().run().unwrap().handle;
    for (attempt, after) in [("b", 1), ("c", 2)] {
        let shares = repartition(&[vec![handle.clone()]], 1, after).unwrap();
        let mut backend = OperatorBackend::open(settings(&place, 0, attempt), &shares[0]).unwrap();
        assert_eq!(backend.broadcast_state("rules", Utf8, I64).unwrap().entries().unwrap(), [(text(1), 2)]);
        assert_eq!(backend.list_state("rules", I64).unwrap().get().unwrap(), [1]);
    }
}

#[test]
fn other_types_and_modes_restored() {
    let place = Place::new(SLOT_BYTES);
    let handle = Task::open(&place, 0, "a", &[]).unwrap().snapshot(&request(&place, 1, 0));
    let mut backend = OperatorBackend::open(settings(&place, 0, "b"), &[handle]).unwrap();
    let rest = "; use the serializers that wrote it, or a newer version that reads them";
    let named = |mode: &str, asked: &str| {
        format!(
            "cannot be restored: it was {mode}, and is asked for as {asked}: ask for it as it was, or give the new one \
             another name{rest}"
        )
    };
    assert_eq!(
        said(backend.union_list_state("split", Utf8), ErrorKind::Incompatible),
        format!("state \"split\" {}", named("a list", "a union list"))
    );
    assert_eq!(
        said(backend.list_state("rules", Utf8), ErrorKind::Incompatible),
        format!("state \"rules\" {}", named("broadcast state", "a list"))
    );
    assert_eq!(
        said(backend.broadcast_state("union", Utf8, I64), ErrorKind::Incompatible),
        format!("state \"union\" {}", named("a union list", "broadcast state"))
    );
    assert_eq!(
        said(backend.list_state("split", I64), ErrorKind::Incompatible),
        format!("state \"split\" cannot be restored: utf8 was written, i64 is to read it{rest}")
    );
    assert_eq!(
        said(backend.broadcast_state("rules", I64, I64), ErrorKind::Incompatible),
        format!("state \"rules\" cannot be restored: its keys: utf8 was written, i64 is to read it{rest}")
    );
    // what was refused has changed nothing
    assert!(backend.list_state("split", Utf8).is_ok() && backend.union_list_state("union", I64).is_ok());
    assert!(backend.broadcast_state("rules", Utf8, I64).is_ok());
}

/// A length: of four bytes in version 1, of eight in version 2.
#[derive(Clone)]
struct Length(u32);

impl Serializer for Length {
    type Value = i64;
    type Cell = Inline<i64>;

    fn identity(&self) -> Identity {
        Identity::new("length", self.0)
    }

    fn write(&self, value: &i64, out: &mut Vec<u8>) {
        if self.0 == 1 {
            I32.write(&i32::try_from(*value).unwrap(), out);
        } else {
            I64.write(value, out);
        }
    }

    fn read(&self, input: &mut &[u8]) -> Result<i64, ReadError> {
        if self.0 == 1 { I32.read(input).map(i64::from) } else { I64.read(input) }
    }

    fn read_written(&self, written: &Identity, input: &mut &[u8]) -> Result<i64, ReadError> {
        Self(written.version).read(input)
    }
}

impl KeySerializer for Length {
    fn java_hash(&self, value: &i64) -> i32 {
        I64.java_hash(value)
    }
}

#[test]
fn another_version_is_migrated_and_a_newer_one_is_not() {
    let place = Place::new(SLOT_BYTES);
    let mut backend = OperatorBackend::open(settings(&place, 0, "a"), &[]).unwrap();
    backend.list_state("list", Length(1)).unwrap().add_all(&[1, -2, 3]).unwrap();
    backend.broadcast_state("map", Length(1), Utf8).unwrap().put(&-4, &text(4)).unwrap();
    let old = backend.snapshot(&request(&place, 1, 0)).unwrap().run().unwrap().handle;

    let mut backend = OperatorBackend::open(settings(&place, 0, "b"), &[old]).unwrap();
    assert_eq!(backend.list_state("list", Length(2)).unwrap().get().unwrap(), [1, -2, 3]);
    let map = backend.broadcast_state("map", Length(2), Utf8).unwrap();
    assert_eq!(map.entries().unwrap(), [(-4, text(4))]);
    assert_eq!(map.get(&-4).unwrap(), Some(text(4)), "found by the key of the new version");
    let new = backend.snapshot(&request(&place, 2, 0)).unwrap().run().unwrap().handle;

    let mut backend = OperatorBackend::open(settings(&place, 0, "c"), &[new]).unwrap();
    let error = said(backend.list_state("list", Length(1)), ErrorKind::Incompatible);
    assert!(error.contains("length v2 was written by a newer version than length"), "{error}");
    assert_eq!(backend.list_state("list", Length(2)).unwrap().get().unwrap(), [1, -2, 3]);
}

/// Some subtasks have asked for a list with a new version, others have carried it over: both are read.
#[test]
fn elements_of_two_versions_in_one_list() {
    let place = Place::new(SLOT_BYTES);
    let written = |attempt: &str, version: u32, elements: &[i64]| {
        let mut backend = OperatorBackend::open(settings(&place, 0, attempt), &[]).unwrap();
        backend.list_state("list", Length(version)).unwrap().add_all(elements).unwrap();
        backend.snapshot(&request(&place, 1, 0)).unwrap().run().unwrap().handle
    };
    let handles = [written("a", 1, &[1, 2]), written("b", 2, &[3]), written("c", 1, &[4])];
    // carried over into one file, as three sections
    let mut backend = OperatorBackend::open(settings(&place, 0, "d"), &handles).unwrap();
    let carried = backend.snapshot(&request(&place, 2, 0)).unwrap().run().unwrap().handle;
    let mut backend = OperatorBackend::open(settings(&place, 0, "e"), &[carried]).unwrap();
    assert_eq!(backend.list_state("list", Length(2)).unwrap().get().unwrap(), [1, 2, 3, 4]);
}
