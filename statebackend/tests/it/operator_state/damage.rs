//! Damaged files of operator state: a named error, never a panic and never a wrong element.

use plimsoll_statebackend::operator::{
    DistributionMode, OperatorBackend, OperatorStateHandle, OperatorStatePart, repartition,
};
use plimsoll_statebackend::serializer::{I64, Utf8};
use plimsoll_statebackend::snapshot::Place as At;
use plimsoll_statebackend::{ErrorKind, HeapMemory, StateError};

use super::{SLOT_BYTES, Task, request, settings, text};
use crate::support::Place;

/// What a restore gives, state by state.
struct Read {
    split: Result<Vec<String>, StateError>,
    union: Result<Vec<i64>, StateError>,
    rules: Result<Vec<(String, i64)>, StateError>,
}

fn read(place: &Place, memory: &HeapMemory, handle: &OperatorStateHandle) -> Result<Read, StateError> {
    let settings = plimsoll_statebackend::operator::OperatorSettings {
        name: "op".to_owned(),
        attempt: "1".to_owned(),
        memory: memory.clone(),
        storage: Some(place.storage.clone()),
        restore_owner: None,
    };
    let mut backend = OperatorBackend::open(settings, std::slice::from_ref(handle))?;
    Ok(Read {
        split: backend.list_state("split", Utf8).and_then(|list| list.get()),
        union: backend.union_list_state("union", I64).and_then(|list| list.get()),
        rules: backend.broadcast_state("rules", Utf8, I64).and_then(|map| map.entries()),
    })
}

fn written(task: &Task) -> (Vec<String>, Vec<i64>, Vec<(String, i64)>) {
    (task.split.get().unwrap(), task.union.get().unwrap(), task.rules.entries().unwrap())
}

fn filled(place: &Place) -> Task {
    let task = Task::open(place, 0, "a", &[]).unwrap();
    task.split.add_all(&(0..20).map(text).collect::<Vec<_>>()).unwrap();
    task.union.add_all(&(0..10).collect::<Vec<_>>()).unwrap();
    for n in 0..10 {
        task.rules.put(&text(n), &n).unwrap();
    }
    task
}

/// One state at least is an error, the others are as they were written.
fn assert_damaged(
    read: Result<Read, StateError>,
    (split, union, rules): &(Vec<String>, Vec<i64>, Vec<(String, i64)>),
    how: &str,
) {
    let corrupt = |error: &StateError| {
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{how}: {error}");
        assert!(
            error.to_string().starts_with("the state in the acknowledgement is damaged: "),
            "{how}: {error}"
        );
    };
    let read = match read {
        Ok(read) => read,
        Err(error) => return corrupt(&error),
    };
    let mut errors = 0;
    let mut check = |error: Option<&StateError>, same: bool| match error {
        Some(error) => {
            corrupt(error);
            errors += 1;
        }
        None => assert!(same, "{how}: a wrong element"),
    };
    check(read.split.as_ref().err(), read.split.as_ref().is_ok_and(|list| list == split));
    check(read.union.as_ref().err(), read.union.as_ref().is_ok_and(|list| list == union));
    check(read.rules.as_ref().err(), read.rules.as_ref().is_ok_and(|map| map == rules));
    assert!(errors > 0, "{how}: nobody noticed");
}

#[test]
fn every_byte_every_cut_and_what_is_appended() {
    let place = Place::new(SLOT_BYTES);
    let mut task = filled(&place);
    let memory = HeapMemory::new(&place.pool, "restores").unwrap();
    let expected = written(&task);
    let handle = task.snapshot(&request(&place, 1, 1 << 20));
    let At::Inline(good) = handle.place.clone() else { panic!("it is small") };
    let with = |bytes: Vec<u8>| OperatorStateHandle {
        bytes: bytes.len() as u64,
        place: At::Inline(bytes),
        ..handle.clone()
    };
    let whole = read(&place, &memory, &with(good.clone())).unwrap();
    assert_eq!((whole.split.unwrap(), whole.union.unwrap(), whole.rules.unwrap()), expected);
    for at in 0..good.len() {
        for flip in [0x01, 0x10, 0x80, 0xff] {
            let mut bad = good.clone();
            bad[at] ^= flip;
            let bad = with(bad);
            assert_eq!(bad.verify(&place.storage).unwrap_err().kind(), ErrorKind::Corrupt);
            assert_damaged(read(&place, &memory, &bad), &expected, &format!("byte {at} ^ {flip:#x}"));
        }
    }
    for length in 0..good.len() {
        assert_damaged(
            read(&place, &memory, &with(good[..length].to_vec())),
            &expected,
            &format!("cut to {length}"),
        );
    }
    for more in [1, 2, 31, 32, 33, 100] {
        let longer = [&good[..], &vec![0; more]].concat();
        assert_damaged(read(&place, &memory, &with(longer)), &expected, &format!("{more} zeros appended"));
        let again = [&good[..], &good[good.len() - more..]].concat();
        assert_damaged(read(&place, &memory, &with(again)), &expected, &format!("{more} bytes again"));
    }
    let other = OperatorStateHandle { bytes: handle.bytes + 1, ..handle.clone() };
    assert_damaged(read(&place, &memory, &other), &expected, "another length");
}

/// A subtask trusts the blocks that it reads, and is not stopped by damage in others.
#[test]
fn damage_stops_only_those_who_read_it() {
    let place = Place::new(SLOT_BYTES);
    let mut task = Task::open(&place, 0, "a", &[]).unwrap();
    let elements: Vec<String> = (0..40).map(|n| format!("{n}:{}", "x".repeat(10_000))).collect();
    task.split.add_all(&elements).unwrap();
    let handle = task.snapshot(&request(&place, 1, 0));
    let At::File { path } = &handle.place else { panic!("it is a file") };
    let file = place.path().join("checkpoints").join(path);
    let mut bytes = std::fs::read(&file).unwrap();
    let at = usize::try_from(handle.states[0].offsets[0]).unwrap() + 5;
    bytes[at] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    let shares = repartition(&[vec![handle.clone()]], 1, 4).unwrap();
    let mut read = Vec::new();
    for (at, share) in shares.iter().enumerate() {
        let mut backend = OperatorBackend::open(settings(&place, at, "b"), share).unwrap();
        match backend.list_state("split", Utf8) {
            Ok(list) => read.extend(list.get().unwrap()),
            Err(error) => {
                assert_eq!((at, error.kind()), (0, ErrorKind::Corrupt));
                let name = place.storage.place(path);
                assert!(error.to_string().starts_with(&format!("{name} is damaged: ")), "{error}");
                // it cannot be carried over either
                let carried = backend.snapshot(&request(&place, 2, 0)).unwrap().run();
                assert_eq!(carried.unwrap_err().kind(), ErrorKind::Corrupt);
                assert!(place.storage.list("job/chk-2").unwrap().is_empty(), "nothing is left of it");
            }
        }
    }
    assert_eq!(read, elements[10..]);
    let error = handle.verify(&place.storage).unwrap_err();
    assert!(error.to_string().ends_with("restore from another snapshot"), "{error}");
}

#[test]
fn a_file_that_is_gone_or_not_reached() {
    let place = Place::new(SLOT_BYTES);
    let handle = filled(&place).snapshot(&request(&place, 1, 0));
    let without =
        plimsoll_statebackend::operator::OperatorSettings { storage: None, ..settings(&place, 0, "b") };
    let error = OperatorBackend::open(without, std::slice::from_ref(&handle)).err().unwrap();
    assert_eq!(
        error.to_string(),
        "job/chk-1/op-0-a.operator cannot be restored without a checkpoint storage"
    );
    let At::File { path } = &handle.place else { panic!("it is a file") };
    std::fs::remove_file(place.path().join("checkpoints").join(path)).unwrap();
    let error = OperatorBackend::open(settings(&place, 0, "c"), &[handle]).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(error.to_string().contains("chk-1/op-0-a.operator"), "{error}");
}

#[test]
fn offsets_that_are_no_elements() {
    let place = Place::new(SLOT_BYTES);
    let mut task = filled(&place);
    let memory = HeapMemory::new(&place.pool, "restores").unwrap();
    let handle = task.snapshot(&request(&place, 1, 1 << 20));
    for part in 0..3 {
        let begins = handle.states[part].offsets.clone();
        for offset in (0..handle.bytes + 5).chain([u64::MAX - 1, u64::MAX]).filter(|at| !begins.contains(at))
        {
            let mut bad = handle.clone();
            bad.states[part].offsets = vec![offset];
            let read = read(&place, &memory, &bad).unwrap();
            let errors = [read.split.err(), read.union.err(), read.rules.err()];
            for (other, error) in errors.into_iter().enumerate() {
                assert_eq!(error.map(|error| error.kind()), (other == part).then_some(ErrorKind::Corrupt));
            }
        }
    }
    // a state that the file does not have, and one of another mode
    for (name, mode) in [("none", DistributionMode::Split), ("split", DistributionMode::Union)] {
        let mut bad = handle.clone();
        bad.states.push(OperatorStatePart { name: name.to_owned(), mode, offsets: vec![] });
        let error = read(&place, &memory, &bad).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains(&format!("its handle names {mode} \"{name}\"")), "{error}");
    }
}

/// Elements that a serializer cannot read under right checksums: somebody wrote them with another one of that name.
#[test]
fn elements_that_their_serializer_cannot_read() {
    let place = Place::new(SLOT_BYTES);
    let handle = filled(&place).snapshot(&request(&place, 1, 1 << 20));
    let At::Inline(mut bytes) = handle.place.clone() else { panic!("it is small") };
    // the list says `utf8` of the split list; make the block of the union list, eight bytes each, its own
    let mut bad = handle.clone();
    bad.states[0].offsets = handle.states[1].offsets[..1].to_vec();
    let memory = HeapMemory::new(&place.pool, "restores").unwrap();
    let error = read(&place, &memory, &bad).unwrap().split.unwrap_err();
    assert!(error.to_string().contains("nothing of state \"split\" begins at offset "), "{error}");
    // a length inside an element, and the checksum of its block made right again
    let first = usize::try_from(handle.states[0].offsets[0]).unwrap();
    let end = usize::try_from(handle.states[1].offsets[0]).unwrap();
    let old = crc32fast::hash(&bytes[first..end]);
    bytes[first + 4] += 1;
    let new = crc32fast::hash(&bytes[first..end]);
    let footer = bytes.len() - 32;
    let list = usize::try_from(u64::from_le_bytes(bytes[footer..footer + 8].try_into().unwrap())).unwrap();
    let varint = |mut number: u32| {
        let mut out = Vec::new();
        while number >= 0x80 {
            out.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
            number >>= 7;
        }
        out.push(u8::try_from(number).unwrap());
        out
    };
    let (old, new) = (varint(old), varint(new));
    assert_eq!(old.len(), new.len(), "the list keeps its length");
    let at = bytes[list..].windows(old.len()).position(|window| window == old).unwrap() + list;
    bytes[at..at + new.len()].copy_from_slice(&new);
    let crc = crc32fast::hash(&bytes[list..footer - 4]).to_le_bytes();
    bytes[footer - 4..footer].copy_from_slice(&crc);
    let bad = OperatorStateHandle { place: At::Inline(bytes), ..handle };
    let read = read(&place, &memory, &bad).unwrap();
    let error = read.split.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("the element of state \"split\" at offset 14: "), "{error}");
    assert!(read.union.is_ok() && read.rules.is_ok());
}

#[test]
fn handles_come_back_and_nothing_else_does() {
    let place = Place::new(SLOT_BYTES);
    for inline in [0, 1 << 20] {
        let handle = filled(&place).snapshot(&request(&place, 1, inline));
        let good = handle.encode().unwrap();
        assert_eq!(OperatorStateHandle::decode("the acknowledgement", &good).unwrap(), handle);
        for at in 0..good.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut bad = good.clone();
                bad[at] ^= flip;
                let error = OperatorStateHandle::decode("the acknowledgement", &bad).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Corrupt, "byte {at}");
            }
            let error = OperatorStateHandle::decode("the acknowledgement", &good[..at]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "cut to {at}");
        }
        handle.discard(&place.storage).unwrap();
    }
}
