//! Memory and acknowledgements have limits: what is refused is refused by name, and has changed nothing.

use std::time::Duration;

use plimsoll_memory::budget::{Owner, Pool};
use plimsoll_statebackend::operator::{BroadcastState, OperatorBackend, OperatorListState, OperatorSettings};
use plimsoll_statebackend::serializer::{Bytes, I64};
use plimsoll_statebackend::snapshot::SnapshotTarget;
use plimsoll_statebackend::snapshot::acknowledge::{AcknowledgeLimits, Frame, STATE_LIMIT_BYTES};
use plimsoll_statebackend::{ErrorKind, HeapMemory, SnapshotRequest, StateError};

use super::{SLOT_BYTES, request, settings};
use crate::support::{FULL, Place};

/// A backend in an arena of a few MiB.
fn tight(place: &Place, attempt: &str, mebibytes: u64) -> OperatorSettings {
    let memory = HeapMemory::capped(&place.pool, &format!("tight-{attempt}"), mebibytes << 20).unwrap();
    OperatorSettings { memory, ..settings(place, 0, attempt) }
}

#[track_caller]
fn refused<T>(answer: Result<T, StateError>, name: &str) {
    let error = answer.err().expect("there is no room");
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert!(error.to_string().starts_with(&format!("no room for operator state \"{name}\": ")), "{error}");
}

fn element(n: i64, bytes: usize) -> Vec<u8> {
    let mut element = n.to_le_bytes().to_vec();
    element.resize(bytes, b'x');
    element
}

/// Adds until there is no room.
fn fill(list: &OperatorListState<Bytes>, name: &str) -> Vec<Vec<u8>> {
    let mut kept = Vec::new();
    for n in 0.. {
        let next = element(n, 20_000);
        match list.add(&next) {
            Ok(()) => kept.push(next),
            refusal => {
                refused(refusal, name);
                return kept;
            }
        }
    }
    unreachable!("an arena is finite")
}

#[test]
fn a_full_arena_refuses_by_name_and_changes_nothing() {
    let place = Place::new(SLOT_BYTES);
    let mut backend = OperatorBackend::open(tight(&place, "a", 6), &[]).unwrap();
    let list = backend.list_state("list", Bytes).unwrap();
    let map: BroadcastState<I64, Bytes> = backend.broadcast_state("map", I64, Bytes).unwrap();
    map.put(&1, &element(1, 100)).unwrap();
    let kept = fill(&list, "list");
    assert!(kept.len() > 100);
    assert_eq!(list.get().unwrap(), kept);

    let many: Vec<Vec<u8>> = (0..40).map(|n| element(n, 100_000)).collect();
    refused(list.add_all(&many), "list");
    refused(list.update(&many), "list");
    refused(map.put(&1, &element(2, 3 << 20)), "map");
    refused(map.put(&2, &element(2, 3 << 20)), "map");
    assert_eq!(list.get().unwrap(), kept);
    assert_eq!(map.entries().unwrap(), [(1, element(1, 100))]);

    // a snapshot takes no room at all, and what it holds comes back when it has run
    let pending = backend.snapshot(&request(&place, 1, 0)).unwrap();
    list.clear().unwrap();
    refused(list.add_all(&vec![element(0, 20_000); kept.len()]), "list");
    let handle = pending.run().unwrap().handle;
    list.add_all(&kept).unwrap();

    // and a restore that does not fit is refused, and may be tried again
    let mut small = OperatorBackend::open(tight(&place, "b", 3), std::slice::from_ref(&handle)).unwrap();
    refused(small.list_state("list", Bytes), "list");
    assert_eq!(small.broadcast_state("map", I64, Bytes).unwrap().entries().unwrap(), [(1, element(1, 100))]);
    refused(small.list_state("list", Bytes), "list");
    let handle = small.snapshot(&request(&place, 2, 0)).unwrap().run().unwrap().handle;
    let mut large = OperatorBackend::open(tight(&place, "c", 6), &[handle]).unwrap();
    assert_eq!(large.list_state("list", Bytes).unwrap().get().unwrap(), kept, "it was carried over");
}

/// While a snapshot runs the first write to a shard needs a copy of it.
#[test]
fn a_copy_that_finds_no_room_changes_nothing() {
    let place = Place::new(SLOT_BYTES);
    let mut backend = OperatorBackend::open(tight(&place, "a", 6), &[]).unwrap();
    let map: BroadcastState<I64, Bytes> = backend.broadcast_state("map", I64, Bytes).unwrap();
    for n in 0..64 {
        map.put(&n, &element(n, 30_000)).unwrap();
    }
    let filler = backend.list_state("filler", Bytes).unwrap();
    fill(&filler, "filler");
    let entries = map.entries().unwrap();
    let pending = backend.snapshot(&request(&place, 1, 0)).unwrap();
    let mut refusals = 0;
    for n in 0..64 {
        // a shard with this key alone is dropped and not copied
        match map.remove(&n) {
            Ok(()) => map.put(&n, &element(n, 30_000)).unwrap_or_else(|error| {
                assert_eq!(error.kind(), ErrorKind::Refused);
                refusals += 1;
            }),
            refusal => {
                refused(refusal, "map");
                refusals += 1;
                assert!(map.contains(&n).unwrap());
            }
        }
    }
    assert!(refusals > 0, "the arena is full");
    let handle = pending.run().unwrap().handle;
    let mut backend = OperatorBackend::open(settings(&place, 0, "b"), &[handle]).unwrap();
    assert_eq!(backend.broadcast_state("map", I64, Bytes).unwrap().entries().unwrap(), entries);
}

#[test]
fn the_limits_of_an_acknowledgement_hold() {
    let place = Place::new(SLOT_BYTES);
    let mut backend = OperatorBackend::open(settings(&place, 0, "a"), &[]).unwrap();
    let list = backend.list_state("list", Bytes).unwrap();
    let owner = Pool::root("JobManager heap", 64 << 20).unwrap().owner("retained").register().unwrap();
    let take = |backend: &mut OperatorBackend| {
        let frame = Frame::new(AcknowledgeLimits::default(), Some(owner.clone()));
        let request = SnapshotRequest {
            checkpoint: 1,
            kind: FULL,
            target: SnapshotTarget::Acknowledgement(frame),
            directory: None,
            clock: || Duration::ZERO,
        };
        backend.snapshot(&request).unwrap().run()
    };
    list.add(&element(0, 1_000)).unwrap();
    let small = take(&mut backend).unwrap();
    assert_eq!(small.handle.inline_bytes(), small.handle.state_bytes());
    assert!(owner.held_bytes() >= small.handle.state_bytes());
    drop(small);
    list.add(&element(1, usize::try_from(STATE_LIMIT_BYTES).unwrap())).unwrap();
    let error = take(&mut backend).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(error.to_string().starts_with("operator state of op-0: Size of the state is larger"), "{error}");
    assert_eq!(owner.held_bytes(), 0);
    assert_eq!(list.len().unwrap(), 2, "the state lives on");
}

/// Buffers of a restore are the owner's: one block at a time.
#[test]
fn a_restore_stays_inside_its_budget() {
    let place = Place::new(SLOT_BYTES);
    let mut backend = OperatorBackend::open(settings(&place, 0, "a"), &[]).unwrap();
    backend.list_state("list", Bytes).unwrap().add_all(&vec![element(7, 10_000); 300]).unwrap();
    let handle = backend.snapshot(&request(&place, 1, 0)).unwrap().run().unwrap().handle;
    assert!(handle.state_bytes() > 3_000_000);
    let open = |attempt: &str, bytes: u64| {
        let owner: std::sync::Arc<Owner> =
            Pool::root("restore", bytes).unwrap().owner("restore").register().unwrap();
        let restore_owner = Some(owner.clone());
        let settings = OperatorSettings { restore_owner, ..settings(&place, 0, attempt) };
        let mut backend = OperatorBackend::open(settings, std::slice::from_ref(&handle)).unwrap();
        let answer = backend.list_state("list", Bytes).map(|list| list.len().unwrap());
        assert_eq!(owner.held_bytes(), 0);
        (answer, owner.peak_bytes())
    };
    let (answer, peak) = open("b", 128 << 10);
    assert_eq!(answer.unwrap(), 300);
    assert!(peak <= 68 << 10, "{peak} bytes");
    let error = open("c", 16 << 10).0.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("a block of "), "{error}");
}

#[test]
fn files_need_a_directory() {
    let place = Place::new(SLOT_BYTES);
    let mut backend = OperatorBackend::open(settings(&place, 0, "a"), &[]).unwrap();
    let request = SnapshotRequest { directory: None, ..request(&place, 1, 0) };
    let error = backend.snapshot(&request).err().unwrap();
    assert_eq!(error.to_string(), "a snapshot into files needs a checkpoint directory");
}
