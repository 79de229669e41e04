//! What the states should be: plain maps, and what may happen to them.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;

use crate::support::Kind;

/// Keys of all states.
pub(super) const KEYS: u8 = 24;
/// 0 is the state without namespaces; the others are namespaces of the one that has some.
pub(super) const SPACES: u8 = 4;

/// Bytes of a value, as short as a failure should print them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Blob {
    len: u32,
    seed: u8,
}

impl Blob {
    pub(super) fn bytes(self) -> Vec<u8> {
        vec![self.seed; self.len as usize]
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    pub(super) key: u8,
    pub(super) space: u8,
}

#[derive(Debug, Clone)]
pub(super) enum ValueStep {
    Set(Blob),
    Remove,
    Update(Blob),
    Get,
}

#[derive(Debug, Clone)]
pub(super) enum ListStep {
    Add(Blob),
    AddAll(Vec<Blob>),
    Replace(Vec<Blob>),
    Remove,
    Get,
    Merge(Vec<u8>),
}

#[derive(Debug, Clone)]
pub(super) enum MapStep {
    Put(u8, Blob),
    Remove(u8),
    Get(u8),
    Contains(u8),
    Entries,
    Retain(u8),
    IsEmpty,
    Clear,
}

#[derive(Debug, Clone)]
pub(super) enum NumbersStep {
    PutAll(i64, i64),
    Remove(i64),
    Get(i64),
    Entries,
    Retain(i64),
    IsEmpty,
    Clear,
}

#[derive(Debug, Clone)]
pub(super) enum FoldStep {
    Add(u8),
    Get,
    Remove,
    Merge(Vec<u8>),
}

#[derive(Debug, Clone)]
pub(super) enum Transition {
    Value(At, ValueStep),
    List(At, ListStep),
    Map(At, MapStep),
    Numbers(u8, NumbersStep),
    Text(At, FoldStep),
    Mean(At, FoldStep),
    Prefetch,
    WriteBack,
    Begin { full: bool },
    Spawn,
    Finish,
    Abort,
    Restore { kind: Kind, parallelism: u32 },
    Verify,
}

/// All states.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Model {
    pub(super) values: BTreeMap<At, Blob>,
    pub(super) lists: BTreeMap<At, Vec<Blob>>,
    pub(super) maps: BTreeMap<At, BTreeMap<u8, Blob>>,
    pub(super) numbers: BTreeMap<u8, BTreeMap<i64, i64>>,
    pub(super) texts: BTreeMap<At, String>,
    pub(super) means: BTreeMap<At, (i64, i64)>,
}

/// The text of an addition.
pub(super) fn piece(number: u8) -> String {
    format!("<{number}>")
}

/// What texts are reduced by: not commutative, so that the order shows.
pub(super) fn join(one: &str, other: &str) -> String {
    let both = format!("{one}{other}");
    both[both.len().saturating_sub(60)..].to_owned()
}

/// Whether an update removes what was there.
pub(super) fn removes(old_bytes: usize) -> bool {
    old_bytes.is_multiple_of(4)
}

impl Model {
    fn value(&mut self, at: At, step: &ValueStep) {
        match step {
            ValueStep::Set(blob) => _ = self.values.insert(at, *blob),
            ValueStep::Remove => _ = self.values.remove(&at),
            ValueStep::Update(blob) => match self.values.get(&at) {
                Some(old) if removes(old.len as usize) => _ = self.values.remove(&at),
                _ => _ = self.values.insert(at, *blob),
            },
            ValueStep::Get => {}
        }
    }

    fn list(&mut self, at: At, step: &ListStep) {
        match step {
            ListStep::Add(blob) => self.lists.entry(at).or_default().push(*blob),
            ListStep::AddAll(blobs) => self.lists.entry(at).or_default().extend(blobs),
            ListStep::Replace(blobs) => _ = self.lists.insert(at, blobs.clone()),
            ListStep::Remove => _ = self.lists.remove(&at),
            ListStep::Get => {}
            ListStep::Merge(sources) => {
                for source in others(at, sources) {
                    let merged = self.lists.remove(&source).unwrap_or_default();
                    self.lists.entry(at).or_default().extend(merged);
                }
            }
        }
    }

    fn map(&mut self, at: At, step: &MapStep) {
        let map = self.maps.entry(at).or_default();
        match step {
            MapStep::Put(key, blob) => _ = map.insert(*key, *blob),
            MapStep::Remove(key) => _ = map.remove(key),
            MapStep::Retain(by) => map.retain(|key, _| keeps(*key, *by)),
            MapStep::Clear => map.clear(),
            MapStep::Get(_) | MapStep::Contains(_) | MapStep::Entries | MapStep::IsEmpty => {}
        }
    }

    fn number(&mut self, key: u8, step: &NumbersStep) {
        let map = self.numbers.entry(key).or_default();
        match step {
            NumbersStep::PutAll(from, count) => map.extend((*from..from + count).map(|at| (at, at ^ count))),
            NumbersStep::Remove(at) => _ = map.remove(at),
            NumbersStep::Retain(by) => map.retain(|at, _| at % by != 0),
            NumbersStep::Clear => map.clear(),
            NumbersStep::Get(_) | NumbersStep::Entries | NumbersStep::IsEmpty => {}
        }
    }

    fn text(&mut self, at: At, step: &FoldStep) {
        match step {
            FoldStep::Add(number) => {
                let text =
                    self.texts.get(&at).map_or_else(|| piece(*number), |old| join(old, &piece(*number)));
                self.texts.insert(at, text);
            }
            FoldStep::Remove => _ = self.texts.remove(&at),
            FoldStep::Get => {}
            FoldStep::Merge(sources) => {
                for source in others(at, sources) {
                    let Some(merged) = self.texts.remove(&source) else { continue };
                    let text = self.texts.get(&at).map_or_else(|| merged.clone(), |old| join(old, &merged));
                    self.texts.insert(at, text);
                }
            }
        }
    }

    fn mean(&mut self, at: At, step: &FoldStep) {
        match step {
            FoldStep::Add(number) => {
                let (sum, count) = self.means.entry(at).or_default();
                *sum += i64::from(*number);
                *count += 1;
            }
            FoldStep::Remove => _ = self.means.remove(&at),
            FoldStep::Get => {}
            FoldStep::Merge(sources) => {
                for source in others(at, sources) {
                    let Some((sum, count)) = self.means.remove(&source) else { continue };
                    let mean = self.means.entry(at).or_default();
                    *mean = (mean.0 + sum, mean.1 + count);
                }
            }
        }
    }
}

/// Entries that a `Retain` keeps.
pub(super) fn keeps(key: u8, by: u8) -> bool {
    !key.is_multiple_of(by)
}

fn others(at: At, sources: &[u8]) -> impl Iterator<Item = At> {
    sources
        .iter()
        .filter(move |space| at.space > 0 && **space != at.space)
        .map(move |space| At { space: *space, ..at })
}

/// A snapshot, as the model knows it.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    pub(super) model: Rc<Model>,
    pub(super) full: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Reference {
    pub(super) model: Model,
    pub(super) kind: Kind,
    pub(super) parallelism: u32,
    pub(super) pending: Option<Taken>,
    pub(super) completed: Option<Taken>,
}

impl ReferenceStateMachine for Reference {
    type State = Self;
    type Transition = Transition;

    fn init_state() -> BoxedStrategy<Self> {
        thread_local!(static TURN: Cell<usize> = const { Cell::new(0) });
        let kind = Kind::ALL[TURN.replace(TURN.get() + 1) % Kind::ALL.len()];
        let first = move |parallelism| Self {
            model: Model::default(),
            kind,
            parallelism,
            pending: None,
            completed: None,
        };
        (1..4u32).prop_map(first).boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Transition> {
        thread_local!(static ALL: BoxedStrategy<Transition> = transitions());
        ALL.with(BoxedStrategy::clone)
    }

    fn apply(mut state: Self, transition: &Transition) -> Self {
        let Self { model, kind, parallelism, pending, completed } = &mut state;
        match transition {
            Transition::Value(at, step) => model.value(*at, step),
            Transition::List(at, step) => model.list(*at, step),
            Transition::Map(at, step) => model.map(*at, step),
            Transition::Numbers(key, step) => model.number(*key, step),
            Transition::Text(at, step) => model.text(*at, step),
            Transition::Mean(at, step) => model.mean(*at, step),
            Transition::Prefetch | Transition::WriteBack | Transition::Spawn | Transition::Verify => {}
            Transition::Begin { full } => {
                *completed = pending.take().or(completed.take());
                let full = *full || *kind == Kind::Heap;
                *pending = Some(Taken { model: Rc::new(model.clone()), full });
            }
            Transition::Finish => *completed = pending.take().or(completed.take()),
            Transition::Abort => *pending = None,
            Transition::Restore { kind: other, parallelism: new } => {
                *pending = None;
                if let Some(taken) = completed {
                    *model = Model::clone(&taken.model);
                    *parallelism = *new;
                    if taken.full || *other != Kind::Heap {
                        *kind = *other;
                    }
                }
            }
        }
        state
    }
}

fn blob() -> impl Strategy<Value = Blob> {
    let len = prop_oneof![30 => 0..40u32, 5 => 1_000..6_000u32, 2 => 30_000..300_000u32];
    (len, any::<u8>()).prop_map(|(len, seed)| Blob { len, seed })
}

fn blobs() -> impl Strategy<Value = Vec<Blob>> {
    prop::collection::vec(blob(), 0..5)
}

/// Namespaces to merge.
fn sources() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(1..SPACES, 1..3)
}

fn fold() -> impl Strategy<Value = FoldStep> {
    prop_oneof![
        6 => any::<u8>().prop_map(FoldStep::Add),
        3 => Just(FoldStep::Get),
        1 => Just(FoldStep::Remove),
        1 => sources().prop_map(FoldStep::Merge),
    ]
}

fn transitions() -> BoxedStrategy<Transition> {
    let at = || (0..KEYS, 0..SPACES).prop_map(|(key, space)| At { key, space });
    let value = prop_oneof![
        6 => blob().prop_map(ValueStep::Set),
        2 => Just(ValueStep::Remove),
        3 => blob().prop_map(ValueStep::Update),
        4 => Just(ValueStep::Get),
    ];
    let list = prop_oneof![
        5 => blob().prop_map(ListStep::Add),
        2 => blobs().prop_map(ListStep::AddAll),
        2 => blobs().prop_map(ListStep::Replace),
        1 => Just(ListStep::Remove),
        3 => Just(ListStep::Get),
        1 => sources().prop_map(ListStep::Merge),
    ];
    let map = prop_oneof![
        8 => (0..30u8, blob()).prop_map(|(key, blob)| MapStep::Put(key, blob)),
        3 => (0..30u8).prop_map(MapStep::Remove),
        3 => (0..30u8).prop_map(MapStep::Get),
        2 => (0..30u8).prop_map(MapStep::Contains),
        2 => Just(MapStep::Entries),
        1 => (2..5u8).prop_map(MapStep::Retain),
        1 => Just(MapStep::IsEmpty),
        1 => Just(MapStep::Clear),
    ];
    let numbers = prop_oneof![
        4 => (0..1500i64, 1..400i64).prop_map(|(from, count)| NumbersStep::PutAll(from, count)),
        4 => (0..1900i64).prop_map(NumbersStep::Remove),
        4 => (0..1900i64).prop_map(NumbersStep::Get),
        1 => Just(NumbersStep::Entries),
        1 => (2..7i64).prop_map(NumbersStep::Retain),
        1 => Just(NumbersStep::IsEmpty),
        1 => Just(NumbersStep::Clear),
    ];
    let restore = (prop::sample::select(Kind::ALL.to_vec()), prop::sample::select(vec![1, 2, 3, 5]));
    prop_oneof![
        300 => (at(), value).prop_map(|(at, step)| Transition::Value(at, step)),
        300 => (at(), list).prop_map(|(at, step)| Transition::List(at, step)),
        300 => (at(), map).prop_map(|(at, step)| Transition::Map(at, step)),
        30 => (0..KEYS / 6, numbers).prop_map(|(key, step)| Transition::Numbers(key, step)),
        120 => (at(), fold()).prop_map(|(at, step)| Transition::Text(at, step)),
        120 => (at(), fold()).prop_map(|(at, step)| Transition::Mean(at, step)),
        4 => Just(Transition::Prefetch),
        6 => Just(Transition::WriteBack),
        8 => any::<bool>().prop_map(|full| Transition::Begin { full }),
        6 => Just(Transition::Spawn),
        8 => Just(Transition::Finish),
        2 => Just(Transition::Abort),
        4 => restore.prop_map(|(kind, parallelism)| Transition::Restore { kind, parallelism }),
        1 => Just(Transition::Verify),
    ]
    .boxed()
}
