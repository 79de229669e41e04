//! Which subtask gets which elements when a job starts again: Flink's `RoundRobinOperatorStateRepartitioner`.
//!
//! Lists that are split are dealt in one go, state after state: each subtask gets a run of elements, and the next state
//! begins with the subtask after the last that got one more than others. Which state is the next one decides who gets
//! what, and Flink asks a hash map for that; so the order of that map is computed here, as Java has it.

use std::collections::{BTreeMap, HashMap};

use super::{DistributionMode, OperatorStateHandle, OperatorStatePart};
use crate::StateError;
use crate::serializer::{KeySerializer, Utf8};

/// A handle among the previous ones: subtask, then its place in the subtask.
type Source = (usize, usize);

/// The parts of one state, as they came in.
struct Group<'h> {
    name: &'h str,
    parts: Vec<(Source, &'h OperatorStatePart)>,
}

/// Shares among `new_parallelism` subtasks what `old_parallelism` of them have handed over. Each may restore all that
/// it is given; its handles are in the order of the subtasks before.
///
/// Where the parallelism stays, split lists and broadcast state stay where they are; only a broadcast state that some
/// subtask did not hand over is given to all again. Bytes that ride in a handle are copied with it.
///
/// # Errors
/// [`StateError::Usage`]: there are no new subtasks, or not as many lists of handles as there were subtasks.
pub fn repartition(
    previous: &[Vec<OperatorStateHandle>],
    old_parallelism: u32,
    new_parallelism: u32,
) -> Result<Vec<Vec<OperatorStateHandle>>, StateError> {
    if new_parallelism == 0 {
        return Err(StateError::Usage("operator state cannot be given to 0 subtasks".to_owned()));
    }
    if previous.len() != old_parallelism as usize {
        return Err(StateError::Usage(format!(
            "handles of {} subtasks were given for an old parallelism of {old_parallelism}: each subtask needs a list, \
             if an empty one",
            previous.len()
        )));
    }
    let mut shares = Shares { previous, subtasks: vec![BTreeMap::new(); new_parallelism as usize] };
    if old_parallelism == new_parallelism {
        let unions = groups(previous, DistributionMode::Union);
        let broadcasts: Vec<Group<'_>> = groups(previous, DistributionMode::Broadcast)
            .into_iter()
            .filter(|group| reporters(group) < previous.len())
            .collect();
        if unions.is_empty() && broadcasts.is_empty() {
            return Ok(previous.to_vec());
        }
        shares.keep();
        shares.unite(&unions);
        shares.broadcast(&broadcasts);
    } else {
        shares.deal(&groups(previous, DistributionMode::Split));
        shares.unite(&groups(previous, DistributionMode::Union));
        shares.broadcast(&groups(previous, DistributionMode::Broadcast));
    }
    Ok(shares.handles())
}

/// The states of a mode, in the order of Java's hash map.
fn groups(previous: &[Vec<OperatorStateHandle>], mode: DistributionMode) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut at: HashMap<&str, usize> = HashMap::new();
    let mut map = JavaMap::default();
    for (subtask, handles) in previous.iter().enumerate() {
        for (place, handle) in handles.iter().enumerate() {
            for part in handle.states.iter().filter(|part| part.mode == mode) {
                let name = part.name.as_str();
                let next = groups.len();
                let group = *at.entry(name).or_insert(next);
                map.ask(group == next);
                if group == next {
                    groups.push(Group { name, parts: Vec::new() });
                }
                groups[group].parts.push(((subtask, place), part));
            }
        }
    }
    // inside a bucket what came last stands first
    groups.reverse();
    groups.sort_by_key(|group| map.bucket(group.name));
    groups
}

/// How many subtasks have handed a state over.
fn reporters(group: &Group<'_>) -> usize {
    let mut subtasks: Vec<usize> = group.parts.iter().map(|((subtask, _), _)| *subtask).collect();
    subtasks.dedup();
    subtasks.len()
}

/// How many buckets a `java.util.HashMap` has that is filled by `computeIfAbsent`: it grows before an insertion, at the
/// first question after it is more than three quarters full. Buckets of eight and more names, which Java makes a tree
/// of, are not followed.
struct JavaMap {
    buckets: u32,
    names: u32,
}

impl Default for JavaMap {
    fn default() -> Self {
        Self { buckets: 16, names: 0 }
    }
}

impl JavaMap {
    fn ask(&mut self, is_new: bool) {
        if self.names > self.buckets / 4 * 3 {
            self.buckets *= 2;
        }
        self.names += u32::from(is_new);
    }

    fn bucket(&self, name: &str) -> u32 {
        let hash = Utf8.java_hash(&name.to_owned()).cast_unsigned();
        (hash ^ (hash >> 16)) & (self.buckets - 1)
    }
}

/// What each new subtask gets so far.
struct Shares<'h> {
    previous: &'h [Vec<OperatorStateHandle>],
    subtasks: Vec<BTreeMap<Source, Vec<OperatorStatePart>>>,
}

impl Shares<'_> {
    /// Everybody keeps what is theirs.
    fn keep(&mut self) {
        for (subtask, handles) in self.previous.iter().enumerate() {
            for (place, handle) in handles.iter().enumerate() {
                self.subtasks[subtask].insert((subtask, place), handle.states.clone());
            }
        }
    }

    fn give(&mut self, subtask: usize, source: Source, part: OperatorStatePart) {
        let parts = self.subtasks[subtask].entry(source).or_default();
        match parts.iter_mut().find(|other| other.name == part.name && other.mode == part.mode) {
            Some(other) => *other = part,
            None => parts.push(part),
        }
    }

    /// Deals the elements of split lists.
    fn deal(&mut self, groups: &[Group<'_>]) {
        let count = self.subtasks.len();
        let mut first = 0;
        for group in groups {
            let total: usize = group.parts.iter().map(|(_, part)| part.offsets.len()).sum();
            let (each, more) = (total / count, total % count);
            let (mut at, mut from) = (0, 0);
            for turn in 0..count {
                let subtask = (first + turn) % count;
                let mut wanted = each + usize::from(turn < more);
                while wanted > 0 {
                    let (source, part) = group.parts[at];
                    let run = wanted.min(part.offsets.len() - from);
                    let offsets = part.offsets[from..from + run].to_vec();
                    self.give(subtask, source, OperatorStatePart { offsets, ..bare(part) });
                    wanted -= run;
                    from += run;
                    if from == part.offsets.len() {
                        (at, from) = (at + 1, 0);
                    }
                }
            }
            first = (first + more) % count;
        }
    }

    /// Everybody gets all.
    fn unite(&mut self, groups: &[Group<'_>]) {
        for subtask in 0..self.subtasks.len() {
            for (source, part) in groups.iter().flat_map(|group| &group.parts) {
                self.give(subtask, *source, (*part).clone());
            }
        }
    }

    /// Everybody gets one copy, in turn.
    fn broadcast(&mut self, groups: &[Group<'_>]) {
        for subtask in 0..self.subtasks.len() {
            for group in groups {
                let (source, part) = group.parts[subtask % group.parts.len()];
                self.give(subtask, source, part.clone());
            }
        }
    }

    fn handles(self) -> Vec<Vec<OperatorStateHandle>> {
        let handle = |((subtask, place), states): (Source, Vec<OperatorStatePart>)| {
            let OperatorStateHandle { place, bytes, crc, .. } = &self.previous[subtask][place];
            OperatorStateHandle { place: place.clone(), bytes: *bytes, crc: *crc, states }
        };
        self.subtasks.into_iter().map(|handles| handles.into_iter().map(handle).collect()).collect()
    }
}

/// A part without its elements.
fn bare(part: &OperatorStatePart) -> OperatorStatePart {
    OperatorStatePart { name: part.name.clone(), mode: part.mode, offsets: Vec::new() }
}
