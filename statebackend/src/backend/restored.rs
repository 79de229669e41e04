//! What is restored into memory and not asked for yet.
//!
//! Tables need their types, and a program names those when it asks for a state. Until then the snapshot itself is kept
//! open; what is never asked for is carried over into the next snapshot as it stands.

use std::sync::Arc;

use plimsoll_memory::budget::Owner;

use crate::StateError;
use crate::key_group::KeyGroupRange;
use crate::serializer::{Compatibility, Identity};
use crate::snapshot::format::{FullReader, ReadAt};
use crate::snapshot::storage::CheckpointStorage;
use crate::snapshot::{BackendMeta, KeyedStateHandle, Place, StateKind, StateMeta};

pub(crate) type Reader = FullReader<Arc<dyn ReadAt>>;

/// A full snapshot, open.
pub(crate) fn open(
    handle: &KeyedStateHandle,
    storage: Option<&CheckpointStorage>,
    budget: Option<&Arc<Owner>>,
) -> Result<Arc<Reader>, StateError> {
    let KeyedStateHandle::Full { place, bytes, .. } = handle else {
        return Err(StateError::Usage(
            "an incremental snapshot is the files of a database; only a RocksDB backend can restore it"
                .to_owned(),
        ));
    };
    let (source, name) = source(place, *bytes, storage)?;
    Ok(Arc::new(FullReader::open(source, &name)?.with_budget(budget.cloned())))
}

/// The bytes of a snapshot, of the length that was written, and what errors call them.
pub(crate) fn source(
    place: &Place,
    bytes: u64,
    storage: Option<&CheckpointStorage>,
) -> Result<(Arc<dyn ReadAt>, String), StateError> {
    let (source, name): (Arc<dyn ReadAt>, String) = match (place, storage) {
        (Place::Inline(inline), _) => {
            (Arc::new(inline.clone()), "the state in the acknowledgement".to_owned())
        }
        (Place::File { path }, Some(storage)) => (storage.open(path)?, storage.place(path)),
        (Place::File { path }, None) => {
            return Err(StateError::Usage(format!("{path} cannot be restored without a checkpoint storage")));
        }
    };
    if source.len() != bytes {
        let what = format!("it has {} bytes, {bytes} were written", source.len());
        return Err(StateError::corrupt(name, what));
    }
    Ok((source, name))
}

/// Whether a snapshot fits a backend.
pub(crate) fn check(
    meta: &BackendMeta,
    place: &str,
    key: &Identity,
    max_parallelism: u32,
) -> Result<(), StateError> {
    if meta.max_parallelism != max_parallelism {
        return Err(StateError::Incompatible {
            state: place.to_owned(),
            why: format!(
                "it was written with a maximum parallelism of {}, the operator has {max_parallelism}; key groups \
                 would be others",
                meta.max_parallelism
            ),
        });
    }
    match key.reads(&meta.key) {
        Compatibility::AsIs => Ok(()),
        Compatibility::Migrate => Err(StateError::Incompatible {
            state: place.to_owned(),
            why: format!("its keys were written by {}, and keys cannot migrate to {key}", meta.key),
        }),
        Compatibility::Incompatible(why) => {
            Err(StateError::Incompatible { state: place.to_owned(), why: format!("its keys: {why}") })
        }
    }
}

/// What a program asks a state to be.
pub(crate) struct Asked<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: StateKind,
    pub(crate) namespace: Identity,
    pub(crate) parts: Vec<Identity>,
    pub(crate) ttl: bool,
}

impl Asked<'_> {
    pub(crate) fn meta(&self, id: u16) -> StateMeta {
        StateMeta {
            id,
            name: self.name.to_owned(),
            kind: self.kind,
            namespace: self.namespace.clone(),
            parts: self.parts.clone(),
            ttl: self.ttl,
        }
    }

    /// Whether what was written can be read; true if its values must be written anew. `compatible` are the answers of
    /// the serializers to what was written.
    pub(crate) fn compare(
        &self,
        written: &StateMeta,
        namespace: Compatibility,
        parts: Vec<Compatibility>,
    ) -> Result<bool, StateError> {
        let no = |why: String| Err(StateError::Incompatible { state: self.name.to_owned(), why });
        if stored(written.kind) != stored(self.kind) {
            return no(format!("it was {}, and is asked for as {}", text(written.kind), text(self.kind)));
        }
        if written.ttl != self.ttl {
            let with = |ttl: bool| if ttl { "with" } else { "without" };
            return no(format!(
                "it was written {} a time to live, and is asked for {} one",
                with(written.ttl),
                with(self.ttl)
            ));
        }
        match namespace {
            Compatibility::AsIs => {}
            Compatibility::Migrate => return no("namespaces cannot migrate to another version".to_owned()),
            Compatibility::Incompatible(why) => return no(format!("its namespaces: {why}")),
        }
        let mut migrates = false;
        let last = parts.len().saturating_sub(1);
        for (at, part) in parts.into_iter().enumerate() {
            match part {
                Compatibility::AsIs => {}
                Compatibility::Migrate if at == last => migrates = true,
                Compatibility::Migrate => {
                    return no("keys of a map cannot migrate to another version".to_owned());
                }
                Compatibility::Incompatible(why) => return no(why),
            }
        }
        Ok(migrates)
    }
}

/// Reducing and aggregating states are stored as a value is.
fn stored(kind: StateKind) -> StateKind {
    match kind {
        StateKind::Reducing | StateKind::Aggregating => StateKind::Value,
        kind => kind,
    }
}

fn text(kind: StateKind) -> &'static str {
    match kind {
        StateKind::Value => "a value",
        StateKind::List => "a list",
        StateKind::Map => "a map",
        StateKind::Reducing => "reducing state",
        StateKind::Aggregating => "aggregating state",
        StateKind::Timer => "timers",
    }
}

/// Snapshots whose states wait to be asked for.
#[derive(Default)]
pub(crate) struct Waiting {
    readers: Vec<Arc<Reader>>,
    /// Names that were loaded.
    loaded: Vec<String>,
}

impl Waiting {
    pub(crate) fn new(readers: Vec<Arc<Reader>>) -> Self {
        Self { readers, loaded: Vec::new() }
    }

    /// What was written for a state, if anything; a state has one meta in all snapshots.
    pub(crate) fn find(&self, name: &str) -> Vec<(Arc<Reader>, StateMeta)> {
        if self.loaded.iter().any(|loaded| loaded == name) {
            return Vec::new();
        }
        let has =
            |reader: &Arc<Reader>| reader.meta().state(name).map(|meta| (Arc::clone(reader), meta.clone()));
        self.readers.iter().filter_map(has).collect()
    }

    /// A state is in its table now. Snapshots that nobody waits for are closed.
    pub(crate) fn done(&mut self, name: &str) {
        self.loaded.push(name.to_owned());
        let loaded = &self.loaded;
        self.readers.retain(|reader| reader.meta().states.iter().any(|state| !loaded.contains(&state.name)));
    }

    /// States that were not asked for, by name.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for state in self.readers.iter().flat_map(|reader| &reader.meta().states) {
            if !self.loaded.contains(&state.name) && !names.contains(&state.name) {
                names.push(state.name.clone());
            }
        }
        names
    }
}

/// A state that is carried over unread: its id in the new snapshot, and where it is in the old ones.
pub(crate) struct Carried {
    pub(crate) id: u16,
    pub(crate) from: Vec<(Arc<Reader>, u16)>,
    pub(crate) range: KeyGroupRange,
}
