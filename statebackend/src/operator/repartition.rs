//! Who restores what, as Flink's `RoundRobinOperatorStateRepartitioner` decides it.

use std::collections::BTreeMap;

use super::handle::{Distribution, OperatorStateHandle, Partitions};
use crate::StateError;
use crate::serializer::{KeySerializer, Utf8};

/// Elements of one state, by the number of the handle that has them.
type Located<'h> = Vec<(usize, &'h [u64])>;

/// What each subtask is to restore. `previous` are the handles of each subtask of the checkpoint.
///
/// With the same parallelism, split state stays where it is and union state goes to all; broadcast state stays too,
/// unless a subtask has less of it than another, which happens where some had finished before the checkpoint. With
/// another parallelism, elements of split state are dealt out in their order, as evenly as can be, each state beginning
/// with the subtask that has least so far; union state goes to all, broadcast state to each from one subtask in turn.
///
/// # Errors
/// [`StateError::Usage`]: a parallelism of 0.
pub fn repartition(
    previous: &[Vec<OperatorStateHandle>],
    parallelism: usize,
) -> Result<Vec<Vec<OperatorStateHandle>>, StateError> {
    if parallelism == 0 {
        return Err(StateError::Usage("operator state cannot be restored by 0 subtasks".to_owned()));
    }
    // handles of one file are one
    let mut files: Vec<&OperatorStateHandle> = Vec::new();
    let mut numbered: Vec<Vec<(usize, &OperatorStateHandle)>> = Vec::new();
    for subtask in previous {
        let mut own = Vec::new();
        for handle in subtask {
            let known = files.iter().position(|file| file.place == handle.place);
            let number = known.unwrap_or(files.len());
            if known.is_none() {
                files.push(handle);
            }
            own.push((number, handle));
        }
        numbered.push(own);
    }
    let mut dealt: Vec<Dealt> = vec![Dealt::default(); parallelism];
    if previous.len() == parallelism {
        let unions = of_mode(&numbered, Distribution::Union);
        let partly = partly_broadcast(&numbered);
        if unions.is_empty() && partly.is_empty() {
            return Ok(previous.to_vec());
        }
        for (subtask, own) in numbered.iter().enumerate() {
            for (number, handle) in own {
                let there = dealt[subtask].entry(*number).or_default();
                for Partitions { name, mode, offsets } in &handle.states {
                    there.insert(name.clone(), (*mode, offsets.clone()));
                }
            }
        }
        unite(&unions, &mut dealt);
        broadcast(&partly, &mut dealt);
    } else {
        split(&of_mode(&numbered, Distribution::Split), &mut dealt);
        unite(&of_mode(&numbered, Distribution::Union), &mut dealt);
        broadcast(&of_mode(&numbered, Distribution::Broadcast), &mut dealt);
    }
    let handle = |(number, states): (usize, BTreeMap<String, (Distribution, Vec<u64>)>)| {
        let states = states.into_iter().map(|(name, (mode, offsets))| Partitions { name, mode, offsets });
        OperatorStateHandle { states: states.collect(), ..files[number].clone() }
    };
    Ok(dealt.into_iter().map(|subtask| subtask.into_iter().map(handle).collect()).collect())
}

/// What a subtask gets: of which handle which offsets of which state.
type Dealt = BTreeMap<usize, BTreeMap<String, (Distribution, Vec<u64>)>>;

/// States of a mode in the order in which Flink goes through them, which decides where each one's deal begins.
fn of_mode<'h>(
    previous: &[Vec<(usize, &'h OperatorStateHandle)>],
    mode: Distribution,
) -> Vec<(&'h str, Located<'h>)> {
    let mut found: Vec<(&str, Located<'_>)> = Vec::new();
    for (number, handle) in previous.iter().flatten() {
        for states in handle.states.iter().filter(|states| states.mode == mode) {
            match found.iter_mut().find(|(name, _)| *name == states.name) {
                Some((_, located)) => located.push((*number, &states.offsets)),
                None => found.push((&states.name, vec![(*number, &states.offsets)])),
            }
        }
    }
    in_hash_order(&mut found);
    found
}

/// The order of a Java hash map that the names were put into by `computeIfAbsent`: of those in one bucket the last is
/// first.
fn in_hash_order<T>(named: &mut [(&str, T)]) {
    let mut buckets = 16usize;
    while named.len() * 4 > buckets * 3 {
        buckets *= 2;
    }
    let bucket = |name: &str| {
        let hash = Utf8.java_hash(&name.to_owned()).cast_unsigned();
        (hash ^ (hash >> 16)) as usize & (buckets - 1)
    };
    named.reverse();
    named.sort_by_key(|(name, _)| bucket(name));
}

fn split(states: &[(&str, Located<'_>)], dealt: &mut [Dealt]) {
    let parallelism = dealt.len();
    let mut begin = 0;
    for (name, located) in states {
        let total: usize = located.iter().map(|(_, offsets)| offsets.len()).sum();
        let (each, odd) = (total / parallelism, total % parallelism);
        let mut rest = located.iter();
        let mut current: Option<(usize, &[u64])> = None;
        for turn in 0..parallelism {
            let subtask = &mut dealt[(begin + turn) % parallelism];
            let mut wanted = each + usize::from(turn < odd);
            while wanted > 0 {
                let Some((number, offsets)) = current.take().or_else(|| rest.next().copied()) else { break };
                let (taken, left) = offsets.split_at(wanted.min(offsets.len()));
                wanted -= taken.len();
                let there = subtask.entry(number).or_default();
                there.insert((*name).to_owned(), (Distribution::Split, taken.to_vec()));
                current = (!left.is_empty()).then_some((number, left));
            }
        }
        begin = (begin + odd) % parallelism;
    }
}

fn unite(states: &[(&str, Located<'_>)], dealt: &mut [Dealt]) {
    for subtask in dealt {
        for (name, located) in states {
            for (number, offsets) in located {
                let there = subtask.entry(*number).or_default();
                there.insert((*name).to_owned(), (Distribution::Union, offsets.to_vec()));
            }
        }
    }
}

fn broadcast(states: &[(&str, Located<'_>)], dealt: &mut [Dealt]) {
    for (at, subtask) in dealt.iter_mut().enumerate() {
        for (name, located) in states {
            let (number, offsets) = located[at % located.len()];
            let there = subtask.entry(number).or_default();
            there.insert((*name).to_owned(), (Distribution::Broadcast, offsets.to_vec()));
        }
    }
}

/// Broadcast states that some subtasks have and others do not.
fn partly_broadcast<'h>(previous: &[Vec<(usize, &'h OperatorStateHandle)>]) -> Vec<(&'h str, Located<'h>)> {
    let mut states = of_mode(previous, Distribution::Broadcast);
    let has = |handle: &OperatorStateHandle, name: &str| {
        handle.states.iter().any(|state| state.mode == Distribution::Broadcast && state.name == name)
    };
    states.retain(|(name, _)| {
        previous.iter().any(|subtask| !subtask.iter().any(|(_, handle)| has(handle, name)))
    });
    states
}
