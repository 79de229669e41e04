//! Operator state: dealt out as Flink deals it, refused without a change, damaged only by name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use plimsoll_memory::budget::Pool;
use plimsoll_statebackend::operator::{
    BroadcastState, Distribution, OperatorBackend, OperatorList, OperatorSettings, OperatorStateHandle,
    Partitions, repartition,
};
use plimsoll_statebackend::serializer::{Bytes, I64, Utf8};
use plimsoll_statebackend::snapshot::{Place as FilePlace, SnapshotTarget};
use plimsoll_statebackend::{ErrorKind, HeapMemory, StateError};

use crate::support::{FULL, Place};

/// Subtask, file, state, mode, offsets.
type Line = (usize, String, String, char, Vec<u64>);

fn line(words: &[&str]) -> Line {
    let offsets = match words[4] {
        "-" => Vec::new(),
        offsets => offsets.split(',').map(|offset| offset.parse().unwrap()).collect(),
    };
    (
        words[0].parse().unwrap(),
        words[1].to_owned(),
        words[2].to_owned(),
        words[3].chars().next().unwrap(),
        offsets,
    )
}

fn handles(lines: &[Line], parallelism: usize) -> Vec<Vec<OperatorStateHandle>> {
    let mut subtasks: Vec<Vec<OperatorStateHandle>> = vec![Vec::new(); parallelism];
    for (subtask, path, name, mode, offsets) in lines {
        let mode = match mode {
            'S' => Distribution::Split,
            'U' => Distribution::Union,
            _ => Distribution::Broadcast,
        };
        let place = FilePlace::File { path: path.clone() };
        let partitions = Partitions { name: name.clone(), mode, offsets: offsets.clone() };
        match subtasks[*subtask].iter_mut().find(|handle| handle.place == place) {
            Some(handle) => handle.states.push(partitions),
            None => subtasks[*subtask].push(OperatorStateHandle {
                place,
                bytes: 0,
                crc: 0,
                states: vec![partitions],
            }),
        }
    }
    subtasks
}

fn lines(subtasks: &[Vec<OperatorStateHandle>]) -> Vec<Line> {
    let mut lines = Vec::new();
    for (subtask, handles) in subtasks.iter().enumerate() {
        for handle in handles {
            let FilePlace::File { path } = &handle.place else { panic!("{handle:?}") };
            for Partitions { name, mode, offsets } in &handle.states {
                let mode = match mode {
                    Distribution::Split => 'S',
                    Distribution::Union => 'U',
                    Distribution::Broadcast => 'B',
                };
                lines.push((subtask, path.clone(), name.clone(), mode, offsets.clone()));
            }
        }
    }
    lines.sort();
    lines
}

#[test]
fn dealt_out_as_flink_does() {
    let text = include_str!("../data/operator-repartition.txt");
    let mut cases: Vec<(usize, usize, Vec<Line>, Vec<Line>)> = Vec::new();
    for text in text.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = text.split(' ').collect();
        match words[0] {
            "C" => {
                let number = |at: usize| words[at].parse().unwrap();
                cases.push((number(1), number(2), Vec::new(), Vec::new()));
            }
            "I" => cases.last_mut().unwrap().2.push(line(&words[1..])),
            _ => cases.last_mut().unwrap().3.push(line(&words[1..])),
        }
    }
    assert_eq!(cases.len(), 240);
    for (at, (from, to, before, mut after)) in cases.into_iter().enumerate() {
        let ours = repartition(&handles(&before, from), to).unwrap();
        assert_eq!(ours.len(), to);
        after.sort();
        assert_eq!(lines(&ours), after, "case {at}, from {from} to {to}");
    }
    assert_eq!(repartition(&[], 0).unwrap_err().kind(), ErrorKind::Usage);
}

struct Subtask {
    backend: OperatorBackend,
    split: OperatorList<Utf8>,
    union: OperatorList<I64>,
    rules: BroadcastState<Utf8, I64>,
}

fn settings(place: &Place, name: &str) -> OperatorSettings {
    OperatorSettings {
        name: name.to_owned(),
        memory: HeapMemory::capped(&place.pool, name, 4 << 20).unwrap(),
        storage: Some(place.storage.clone()),
        restore_owner: Some(place.pool.owner(&format!("restore of {name}")).register().unwrap()),
    }
}

fn open(place: &Place, name: &str, restore: &[OperatorStateHandle]) -> Result<Subtask, StateError> {
    let mut backend = OperatorBackend::open(settings(place, name), restore)?;
    Ok(Subtask {
        split: backend.list_state("split", Utf8)?,
        union: backend.union_list_state("union", I64)?,
        rules: backend.broadcast_state("rules", Utf8, I64)?,
        backend,
    })
}

fn snapshot(place: &Place, backend: &mut OperatorBackend, checkpoint: u64) -> OperatorStateHandle {
    backend.snapshot(&place.request(checkpoint, FULL)).unwrap().run().unwrap().handle.unwrap()
}

#[test]
fn every_parallelism_from_every_other() {
    for from in [1usize, 2, 3, 4, 7] {
        for to in [1usize, 2, 3, 4, 7] {
            let place = Place::new(96 << 20);
            let (mut all, mut united) = (BTreeSet::new(), Vec::new());
            let mut taken = Vec::new();
            for subtask in 0..from {
                let mut one = open(&place, &format!("a{subtask}"), &[]).unwrap();
                for element in 0..subtask * 3 + 1 {
                    let element = format!("{subtask}-{element}");
                    one.split.add(&element).unwrap();
                    all.insert(element);
                }
                let number = i64::try_from(subtask).unwrap();
                one.union.add_all(&[number, number + 100]).unwrap();
                united.extend([number, number + 100]);
                one.rules.put(&"limit".to_owned(), &7).unwrap();
                one.rules.put(&"gone".to_owned(), &8).unwrap();
                one.rules.remove(&"gone".to_owned()).unwrap();
                taken.push(vec![snapshot(&place, &mut one.backend, 1)]);
            }
            let mut found = BTreeSet::new();
            let mut counts = Vec::new();
            for (subtask, handles) in repartition(&taken, to).unwrap().iter().enumerate() {
                let one = open(&place, &format!("b{subtask}"), handles).unwrap();
                let elements = one.split.get().unwrap();
                counts.push(elements.len());
                elements.into_iter().for_each(|element| assert!(found.insert(element)));
                let mut union = one.union.get().unwrap();
                union.sort_unstable();
                let mut expected = united.clone();
                expected.sort_unstable();
                assert_eq!(union, expected);
                assert_eq!(one.rules.entries().unwrap(), [("limit".to_owned(), 7)]);
            }
            assert_eq!(found, all, "{from} to {to}");
            if from != to {
                assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1, "{counts:?}");
            }
        }
    }
}

#[test]
fn a_snapshot_sees_what_was() {
    let place = Place::new(32 << 20);
    let mut one = open(&place, "a", &[]).unwrap();
    one.split.add_all(&["x".to_owned(), "y".to_owned()]).unwrap();
    one.rules.put(&"k".to_owned(), &1).unwrap();
    let pending = one.backend.snapshot(&place.request(1, FULL)).unwrap();
    one.split.add(&"late".to_owned()).unwrap();
    one.rules.put(&"k".to_owned(), &2).unwrap();
    one.rules.remove(&"k".to_owned()).unwrap();
    one.union.update(&[5]).unwrap();
    let handle = std::thread::spawn(move || pending.run().unwrap().handle.unwrap()).join().unwrap();
    assert_eq!(one.split.get().unwrap(), ["x", "y", "late"]);
    assert!(one.rules.is_empty().unwrap() && !one.rules.contains(&"k".to_owned()).unwrap());
    one.split.clear().unwrap();
    assert!(one.split.is_empty().unwrap());
    let restored = open(&place, "b", std::slice::from_ref(&handle)).unwrap();
    assert_eq!(restored.split.get().unwrap(), ["x", "y"]);
    assert_eq!(restored.rules.get(&"k".to_owned()).unwrap(), Some(1));
    assert!(restored.union.is_empty().unwrap());
    // and through the acknowledgement, encoded
    let bytes = handle.encode().unwrap();
    assert_eq!(OperatorStateHandle::decode("here", &bytes).unwrap(), handle);
    handle.discard(&place.storage).unwrap();
    let error = open(&place, "c", &[handle]).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(error.to_string().contains("a.operator"), "{error}");
}

#[test]
fn states_that_nobody_asks_for_are_carried_over() {
    let place = Place::new(32 << 20);
    let mut one = open(&place, "a", &[]).unwrap();
    one.split.add_all(&["x".to_owned(), "y".to_owned(), "z".to_owned()]).unwrap();
    one.rules.put(&"k".to_owned(), &1).unwrap();
    let taken = vec![vec![snapshot(&place, &mut one.backend, 1)]];
    // two subtasks that ask for nothing, then one that has both of their files
    let mut carried = Vec::new();
    for (subtask, handles) in repartition(&taken, 2).unwrap().iter().enumerate() {
        let mut idle = OperatorBackend::open(settings(&place, &format!("b{subtask}")), handles).unwrap();
        idle.union_list_state("union", I64).unwrap();
        carried.push(vec![snapshot(&place, &mut idle, 2)]);
    }
    let back = repartition(&carried, 1).unwrap();
    let restored = open(&place, "c", &back[0]).unwrap();
    assert_eq!(restored.split.get().unwrap(), ["x", "y", "z"]);
    assert_eq!(restored.rules.entries().unwrap(), [("k".to_owned(), 1)]);
    // a backend without any state has nothing to write
    let mut none = OperatorBackend::open(settings(&place, "d"), &[]).unwrap();
    let result = none.snapshot(&place.request(3, FULL)).unwrap().run().unwrap();
    assert!(result.handle.is_none());
}

#[test]
fn refusals_change_nothing() {
    let place = Place::new(32 << 20);
    let settings = settings(&place, "a");
    let mut backend = OperatorBackend::open(settings, &[]).unwrap();
    let list = backend.list_state("list", Bytes).unwrap();
    let map = backend.broadcast_state("map", I64, Bytes).unwrap();
    let row = vec![7u8; 10_000];
    let mut count = 0;
    let refused = loop {
        match list.add(&row) {
            Ok(()) => count += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(refused.kind(), ErrorKind::Refused);
    assert!(
        refused.to_string().starts_with("no room for operator state \"list\": managed refuses"),
        "{refused}"
    );
    let many = vec![row.clone(); 50];
    assert_eq!(list.add_all(&many).unwrap_err().kind(), ErrorKind::Refused);
    assert_eq!(list.update(&vec![row.clone(); count]).unwrap_err().kind(), ErrorKind::Refused);
    assert_eq!(list.get().unwrap(), vec![row.clone(); count]);
    let mut model = BTreeMap::new();
    for key in 0..10 {
        match map.put(&key, &row) {
            Ok(()) => _ = model.insert(key, row.clone()),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Refused),
        }
    }
    assert!(model.len() < 10);
    // while a snapshot reads the list, a change needs a copy of it
    let pending = backend.snapshot(&place.request(1, FULL)).unwrap();
    assert_eq!(list.add(&vec![1]).unwrap_err().kind(), ErrorKind::Refused);
    drop(pending);
    assert_eq!(map.entries().unwrap().into_iter().collect::<BTreeMap<_, _>>(), model);
    list.clear().unwrap();
    list.add_all(&many).unwrap();
    map.clear().unwrap();
    let pool: Pool = place.pool.clone();
    drop((list, map, backend, place));
    pool.verify_empty().unwrap();
}

#[test]
fn types_that_do_not_fit() {
    let place = Place::new(32 << 20);
    let mut one = open(&place, "a", &[]).unwrap();
    one.split.add(&"x".to_owned()).unwrap();
    let busy = std::cell::RefCell::new(None);
    one.split.for_each(|_| *busy.borrow_mut() = one.split.add(&"y".to_owned()).err()).unwrap();
    assert_eq!(busy.into_inner().unwrap().kind(), ErrorKind::Usage);
    let taken = one.backend.union_list_state("split", Utf8).err().unwrap();
    assert_eq!(
        taken.to_string(),
        "operator state \"split\" is in use with other types or as a list that is split; give one of the two another \
         name"
    );
    assert_eq!(one.backend.list_state("split", I64).err().unwrap().kind(), ErrorKind::Usage);
    let handle = snapshot(&place, &mut one.backend, 1);
    let mut backend = OperatorBackend::open(settings(&place, "b"), &[handle]).unwrap();
    let remedy = "use the serializers that wrote it, or a newer version that reads them";
    assert_eq!(
        backend.union_list_state("split", Utf8).err().unwrap().to_string(),
        format!(
            "state \"split\" cannot be restored: it was a list that is split, and is asked for as a list that is \
             united; {remedy}"
        )
    );
    assert_eq!(backend.list_state("split", I64).err().unwrap().kind(), ErrorKind::Incompatible);
    assert_eq!(backend.broadcast_state("split", I64, I64).err().unwrap().kind(), ErrorKind::Incompatible);
    // none of the refusals has taken the state
    assert_eq!(backend.list_state("split", Utf8).unwrap().get().unwrap(), ["x"]);
}

#[test]
fn any_byte_of_the_file() {
    let place = Place::new(64 << 20);
    let mut one = open(&place, "a", &[]).unwrap();
    one.split.add_all(&["some".to_owned(), "words".to_owned()]).unwrap();
    one.union.add_all(&[1, -1]).unwrap();
    one.rules.put(&"k".to_owned(), &1).unwrap();
    let handle = snapshot(&place, &mut one.backend, 1);
    let FilePlace::File { path } = &handle.place else { panic!("{handle:?}") };
    let file = place.path().join("checkpoints").join(path);
    let good = fs::read(&file).unwrap();
    let check = |what: &str| match open(&place, "b", std::slice::from_ref(&handle)) {
        Ok(_) => panic!("{what} is not noticed"),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{what}: {error}");
            assert!(error.to_string().contains("a.operator"), "{error}");
        }
    };
    for at in 0..good.len() {
        for flip in [0x01, 0x80, 0xFF] {
            let mut bad = good.clone();
            bad[at] ^= flip;
            fs::write(&file, &bad).unwrap();
            check(&format!("byte {at} xor {flip:#x}"));
        }
        fs::write(&file, &good[..at]).unwrap();
        check("a part");
    }
    fs::write(&file, &good).unwrap();
    // offsets that mean something else
    for offset in [0, 3, 11, handle.bytes - 1, handle.bytes, u64::MAX] {
        let mut other = handle.clone();
        other.states[0].offsets[0] = offset;
        let error = open(&place, "c", &[other]).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{offset}: {error}");
    }
    assert_eq!(open(&place, "d", &[handle]).unwrap().split.get().unwrap(), ["some", "words"]);
}

#[test]
fn limits_of_the_acknowledgement_hold() {
    use plimsoll_statebackend::snapshot::acknowledge::{AcknowledgeLimits, Frame};

    let place = Place::new(32 << 20);
    let mut backend = OperatorBackend::open(settings(&place, "a"), &[]).unwrap();
    let list = backend.list_state("list", Bytes).unwrap();
    list.add(&vec![1; 900]).unwrap();
    let limits = AcknowledgeLimits { state_bytes: 1_000, ..AcknowledgeLimits::default() };
    let mut request = place.request(1, FULL);
    request.target = SnapshotTarget::Acknowledgement(Frame::new(limits, None));
    request.directory = None;
    let handle = backend.snapshot(&request).unwrap().run().unwrap().handle.unwrap();
    assert!(handle.inline_bytes() > 900);
    list.add(&vec![2; 900]).unwrap();
    let error = backend.snapshot(&request).unwrap().run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(error.to_string().starts_with("operator state of a: Size of the state is larger"), "{error}");
    let mut restored = OperatorBackend::open(settings(&place, "b"), &[handle]).unwrap();
    assert_eq!(restored.list_state("list", Bytes).unwrap().len().unwrap(), 1);
}
