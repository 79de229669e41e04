//! Elements are dealt as the real Flink 2.3.0 deals them: `tests/data/operator-repartition.txt` was recorded from its
//! `RoundRobinOperatorStateRepartitioner`, called in a JVM.
//!
//! Offsets are compared in their order. Handles of a subtask and states of a handle are not: there Flink iterates hash
//! maps, the former by the hashes of file names.

use std::collections::BTreeMap;

use plimsoll_statebackend::operator::{
    DistributionMode, OperatorStateHandle, OperatorStatePart, repartition,
};
use plimsoll_statebackend::snapshot::Place;

const RECORDED: &str = include_str!("../../data/operator-repartition.txt");

type States = BTreeMap<String, (DistributionMode, Vec<u64>)>;
/// By subtask, then by handle.
type Answer = Vec<BTreeMap<String, States>>;

struct Case {
    parallelism: [u32; 2],
    previous: Vec<Vec<OperatorStateHandle>>,
    answer: Answer,
}

fn offsets(text: &str) -> Vec<u64> {
    let number = |text: &str| text.parse::<u64>().unwrap();
    let runs = text.split(',').filter(|run| !run.is_empty());
    runs.flat_map(|run| match run.split_once('-') {
        Some((first, last)) => number(first)..=number(last),
        None => number(run)..=number(run),
    })
    .collect()
}

fn mode(letter: &str) -> DistributionMode {
    match letter {
        "s" => DistributionMode::Split,
        "u" => DistributionMode::Union,
        "b" => DistributionMode::Broadcast,
        other => panic!("{other}"),
    }
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut given: BTreeMap<String, States> = BTreeMap::new();
    for line in RECORDED.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').collect();
        if words[0] == "case" {
            let parallelism = [words[1].parse().unwrap(), words[2].parse().unwrap()];
            let [old, new] = parallelism.map(|p: u32| p as usize);
            cases.push(Case {
                parallelism,
                previous: vec![Vec::new(); old],
                answer: vec![BTreeMap::new(); new],
            });
            given.clear();
            continue;
        }
        let case = cases.last_mut().unwrap();
        let (subtask, handle) = (words[1].parse::<usize>().unwrap(), words[2].to_owned());
        let part = |word: &&str| {
            let (name, rest) = word.split_once(':').unwrap();
            let state = match rest.split_once(':') {
                Some((letter, text)) => (mode(letter), offsets(text)),
                None => given[&handle][name].clone(),
            };
            (name.to_owned(), state)
        };
        let parts: Vec<(String, (DistributionMode, Vec<u64>))> = words[3..].iter().map(part).collect();
        if words[0] == "in" {
            given.insert(handle.clone(), parts.iter().cloned().collect());
            let part = |(name, (mode, offsets))| OperatorStatePart { name, mode, offsets };
            let states = parts.into_iter().map(part).collect();
            let place = Place::File { path: handle };
            case.previous[subtask].push(OperatorStateHandle { place, bytes: 1, crc: 2, states });
        } else {
            case.answer[subtask].insert(handle, parts.into_iter().collect());
        }
    }
    cases
}

fn as_recorded(shares: Vec<Vec<OperatorStateHandle>>) -> Answer {
    let handles = |share: Vec<OperatorStateHandle>| {
        let mut handles = BTreeMap::new();
        for handle in share {
            let Place::File { path } = handle.place else { panic!("{:?}", handle.place) };
            assert_eq!((handle.bytes, handle.crc), (1, 2));
            let count = handle.states.len();
            let states: States =
                handle.states.into_iter().map(|part| (part.name, (part.mode, part.offsets))).collect();
            assert_eq!(states.len(), count, "a state stands once in a handle");
            assert!(handles.insert(path, states).is_none(), "a handle stands once in a subtask");
        }
        handles
    };
    shares.into_iter().map(handles).collect()
}

#[test]
fn elements_are_dealt_as_in_flink() {
    let cases = cases();
    assert_eq!(cases.len(), 324);
    let mut seen = [[false; 14]; 14];
    for (at, case) in cases.iter().enumerate() {
        let [old, new] = case.parallelism;
        seen[old as usize][new as usize] = true;
        let shares = repartition(&case.previous, old, new).unwrap();
        assert_eq!(as_recorded(shares), case.answer, "case {at}: {old} to {new}");
    }
    let all = [1, 2, 3, 4, 5, 6, 7, 13];
    assert!(all.iter().all(|old| all.iter().all(|new| seen[*old][*new])), "every pair was recorded");
}

#[test]
fn what_cannot_be_dealt_is_said() {
    let text = |previous: &[Vec<OperatorStateHandle>], old, new| {
        repartition(previous, old, new).unwrap_err().to_string()
    };
    assert_eq!(text(&[vec![]], 1, 0), "operator state cannot be given to 0 subtasks");
    assert_eq!(
        text(&[vec![], vec![]], 3, 1),
        "handles of 2 subtasks were given for an old parallelism of 3: each subtask needs a list, if an empty one"
    );
    assert_eq!(repartition(&[], 0, 2).unwrap(), [vec![], vec![]]);
}
