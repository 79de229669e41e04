//! Operator state by name: asked for, restored, written.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use plimsoll_memory::budget::{Owner, Reservation};

use super::broadcast::{BroadcastState, BroadcastStore};
use super::file::{Meta, Reader, Writer};
use super::handle::{Distribution, OperatorStateHandle, Partitions};
use super::list::{ListStore, OperatorList};
use crate::heap::{HeapMemory, whole};
use crate::serializer::{Compatibility, KeySerializer, ReadError, Serializer};
use crate::snapshot::storage::CheckpointStorage;
use crate::snapshot::{Place, SnapshotTarget};
use crate::{SnapshotRequest, StateError};

/// Shows elements, one by one, as they stand in a file.
pub(super) type Elements<'e> = dyn FnMut(&[u8]) -> Result<(), StateError> + 'e;

/// A state as its backend sees it.
pub(super) trait State {
    /// Its elements as they are now.
    fn freeze(&self) -> Result<Box<dyn Frozen>, StateError>;
}

/// Elements as they were.
pub(super) trait Frozen: Send {
    fn for_each(&self, see: &mut Elements<'_>) -> Result<(), StateError>;
}

/// What a backend of operator state is made of.
#[derive(Debug)]
pub struct OperatorSettings {
    /// Names its files: the operator's uid and the subtask, unique in a job.
    pub name: String,
    /// Where elements are kept.
    pub memory: HeapMemory,
    /// Where snapshots are that are restored.
    pub storage: Option<CheckpointStorage>,
    /// Who pays for the buffers of a restore; `None`: they are bounded by the longest element, but nobody's.
    pub restore_owner: Option<Arc<Owner>>,
}

struct Known {
    meta: Meta,
    state: Rc<dyn State>,
    typed: Rc<dyn Any>,
}

/// Part of a file that waits to be asked for.
struct Waiting {
    reader: Arc<Reader>,
    name: String,
    offsets: Vec<u64>,
}

/// The operator state of one subtask.
///
/// It belongs to the thread that made it, and so do its states. The asynchronous part of a snapshot may go anywhere.
pub struct OperatorBackend {
    name: String,
    memory: HeapMemory,
    states: Vec<Known>,
    waiting: Vec<Waiting>,
}

impl OperatorBackend {
    /// A backend, with what is restored: what [`repartition`](super::repartition) gives this subtask.
    ///
    /// # Errors
    /// A file cannot be read or is damaged.
    pub fn open(settings: OperatorSettings, restore: &[OperatorStateHandle]) -> Result<Self, StateError> {
        let OperatorSettings { name, memory, storage, restore_owner } = settings;
        let mut waiting = Vec::new();
        for handle in restore {
            let reader = Arc::new(open(handle, storage.as_ref(), restore_owner.clone())?);
            for Partitions { name, mode, offsets } in &handle.states {
                if !reader.meta(name).is_some_and(|meta| meta.mode == *mode) {
                    let what = format!("it has no {} \"{name}\", which its handle names", text(*mode));
                    return Err(StateError::corrupt(&*reader.place, what));
                }
                waiting.push(Waiting {
                    reader: Arc::clone(&reader),
                    name: name.clone(),
                    offsets: offsets.clone(),
                });
            }
        }
        Ok(Self { name, memory, states: Vec::new(), waiting })
    }

    /// A list whose elements are dealt out to the subtasks of a restore; the same list for the same name.
    ///
    /// # Errors
    /// The name is taken by another type, what was restored has another type, is damaged, or does not fit into memory.
    pub fn list_state<S: Serializer>(
        &mut self,
        name: &str,
        element: S,
    ) -> Result<OperatorList<S>, StateError> {
        self.list(name, Distribution::Split, element)
    }

    /// A list of which every subtask of a restore gets all elements of all; the same list for the same name.
    ///
    /// # Errors
    /// As [`list_state`](Self::list_state).
    pub fn union_list_state<S: Serializer>(
        &mut self,
        name: &str,
        element: S,
    ) -> Result<OperatorList<S>, StateError> {
        self.list(name, Distribution::Union, element)
    }

    fn list<S: Serializer>(
        &mut self,
        name: &str,
        mode: Distribution,
        element: S,
    ) -> Result<OperatorList<S>, StateError> {
        let meta = Meta { name: name.to_owned(), mode, parts: vec![element.identity()] };
        let answers = |written: &Meta| match &*written.parts {
            [part] => vec![element.compatibility(part)],
            _ => vec![missing()],
        };
        let make = |name: &Arc<str>, memory: &HeapMemory| ListStore::new(name, element.clone(), memory);
        let load = |store: &mut ListStore<S>, written: &Meta, migrates: bool, bytes: &[u8]| {
            let value = if migrates {
                let mut rest = bytes;
                element.read_written(&written.parts[0], &mut rest).and_then(|value| all_read(rest, value))
            } else {
                whole(&element, bytes)
            };
            store.add(&value.map_err(|error| damaged(name, &error))?)
        };
        Ok(OperatorList::new(self.register(meta, answers, make, load)?))
    }

    /// A map that every subtask has alike; the same map for the same name.
    ///
    /// # Errors
    /// As [`list_state`](Self::list_state).
    pub fn broadcast_state<U: KeySerializer, S: Serializer>(
        &mut self,
        name: &str,
        key: U,
        value: S,
    ) -> Result<BroadcastState<U, S>, StateError> {
        let parts = vec![key.identity(), value.identity()];
        let meta = Meta { name: name.to_owned(), mode: Distribution::Broadcast, parts };
        let answers = |written: &Meta| match &*written.parts {
            [first, second] => vec![key.compatibility(first), value.compatibility(second)],
            _ => vec![missing()],
        };
        let make = |name: &Arc<str>, memory: &HeapMemory| {
            BroadcastStore::new(name, key.clone(), value.clone(), memory)
        };
        let load = |store: &mut BroadcastStore<U, S>, written: &Meta, migrates: bool, bytes: &[u8]| {
            let mut rest = bytes;
            let entry = if migrates {
                key.read_written(&written.parts[0], &mut rest)
                    .and_then(|key| Ok((key, value.read_written(&written.parts[1], &mut rest)?)))
            } else {
                key.read(&mut rest).and_then(|key| Ok((key, value.read(&mut rest)?)))
            };
            let (key, value) =
                entry.and_then(|entry| all_read(rest, entry)).map_err(|error| damaged(name, &error))?;
            store.put(&key, &value)
        };
        Ok(BroadcastState::new(self.register(meta, answers, make, load)?))
    }

    /// Finds a state or makes it, loads what is restored for it, and remembers it.
    fn register<T: 'static>(
        &mut self,
        meta: Meta,
        answers: impl Fn(&Meta) -> Vec<Compatibility>,
        make: impl FnOnce(&Arc<str>, &HeapMemory) -> T,
        load: impl Fn(&mut T, &Meta, bool, &[u8]) -> Result<(), StateError>,
    ) -> Result<Rc<RefCell<T>>, StateError>
    where
        RefCell<T>: State,
    {
        if let Some(known) = self.states.iter().find(|known| known.meta.name == meta.name) {
            let typed = Rc::clone(&known.typed).downcast::<RefCell<T>>().ok();
            return typed.filter(|_| known.meta == meta).ok_or_else(|| {
                StateError::Usage(format!(
                    "operator state \"{}\" is in use with other types or as {}; give one of the two another name",
                    meta.name,
                    text(known.meta.mode)
                ))
            });
        }
        let mut store = make(&meta.name.as_str().into(), &self.memory);
        for waiting in self.waiting.iter().filter(|waiting| waiting.name == meta.name) {
            let written = waiting.reader.meta(&waiting.name).expect("it was looked for when it was opened");
            let no = |why: String| StateError::Incompatible { state: meta.name.clone(), why };
            if written.mode != meta.mode {
                let (was, is) = (text(written.mode), text(meta.mode));
                return Err(no(format!("it was {was}, and is asked for as {is}")));
            }
            let mut migrates = false;
            for answer in answers(written) {
                match answer {
                    Compatibility::AsIs => {}
                    Compatibility::Migrate => migrates = true,
                    Compatibility::Incompatible(why) => return Err(no(why)),
                }
            }
            waiting.reader.for_each(&waiting.offsets, |bytes| load(&mut store, written, migrates, bytes))?;
        }
        self.waiting.retain(|waiting| waiting.name != meta.name);
        let store = Rc::new(RefCell::new(store));
        self.states.push(Known { meta, state: Rc::clone(&store) as _, typed: Rc::clone(&store) as _ });
        Ok(store)
    }

    /// Begins a snapshot: a pointer for each state. Until it has run, a state that is changed is copied once. Operator
    /// state is always written whole: the request's kind is not looked at.
    ///
    /// # Errors
    /// A state is being changed; files without a checkpoint directory.
    pub fn snapshot(&mut self, request: &SnapshotRequest) -> Result<PendingOperatorSnapshot, StateError> {
        let SnapshotRequest { checkpoint, target, directory, clock, .. } = request;
        let begun = clock();
        if matches!(target, SnapshotTarget::Files { .. }) && directory.is_none() {
            return Err(StateError::Usage("a snapshot into files needs a checkpoint directory".to_owned()));
        }
        let path = directory.as_ref().map_or_else(String::new, |directory| {
            format!("{}/{}.operator", directory.exclusive(*checkpoint), self.name)
        });
        let mut parts: Vec<(Meta, Vec<Part>)> = Vec::new();
        for known in &self.states {
            parts.push((known.meta.clone(), vec![Part::Frozen(known.state.freeze()?)]));
        }
        for Waiting { reader, name, offsets, .. } in &self.waiting {
            let part = Part::Carried(Arc::clone(reader), offsets.clone());
            let meta = reader.meta(name).expect("it was looked for when it was opened");
            match parts.iter_mut().find(|(known, _)| known.name == *name) {
                Some((known, parts)) if *known == *meta => parts.push(part),
                Some(_) => {
                    let why = "subtasks do not agree on its types".to_owned();
                    return Err(StateError::Incompatible { state: name.clone(), why });
                }
                None => parts.push((meta.clone(), vec![part])),
            }
        }
        let what = format!("operator state of {}", self.name);
        let sync = clock().saturating_sub(begun);
        Ok(PendingOperatorSnapshot { parts, what, path, target: target.clone(), clock: *clock, sync })
    }
}

enum Part {
    Frozen(Box<dyn Frozen>),
    /// Elements that nobody has asked for, as they stand in an older file.
    Carried(Arc<Reader>, Vec<u64>),
}

/// The rest of a snapshot, for any thread. Dropped, it is as if it had never been asked for.
pub struct PendingOperatorSnapshot {
    parts: Vec<(Meta, Vec<Part>)>,
    what: String,
    path: String,
    target: SnapshotTarget,
    clock: fn() -> Duration,
    sync: Duration,
}

/// What a snapshot of operator state came to.
#[derive(Debug)]
pub struct OperatorSnapshotResult {
    /// Where the state is; `None` where there are no states.
    pub handle: Option<OperatorStateHandle>,
    /// How long the task stood still.
    pub sync: Duration,
    /// How long the rest took.
    pub rest: Duration,
    /// What the JobManager is charged for state in the acknowledgement, as long as it is retained.
    pub held: Option<Reservation>,
}

impl PendingOperatorSnapshot {
    /// Writes the snapshot, and makes it visible as a whole.
    ///
    /// # Errors
    /// A limit, the budget or the storage. Nothing visible is left behind; the state lives on.
    pub fn run(self) -> Result<OperatorSnapshotResult, StateError> {
        let Self { parts, what, path, target, clock, sync } = self;
        let begun = clock();
        if parts.is_empty() {
            return Ok(OperatorSnapshotResult { handle: None, sync, rest: Duration::ZERO, held: None });
        }
        let metas: Vec<Meta> = parts.iter().map(|(meta, _)| meta.clone()).collect();
        let mut sink = target.sink(&what, &path);
        let mut writer = Writer::new(&mut sink, &metas)?;
        let mut states = Vec::with_capacity(parts.len());
        for (meta, parts) in parts {
            let mut offsets = Vec::new();
            let mut write = |bytes: &[u8]| {
                offsets.push(writer.element(bytes)?);
                Ok(())
            };
            for part in parts {
                match part {
                    Part::Frozen(frozen) => frozen.for_each(&mut write)?,
                    Part::Carried(reader, from) => reader.for_each(&from, &mut write)?,
                }
            }
            states.push(Partitions { name: meta.name, mode: meta.mode, offsets });
        }
        let finished = sink.finish()?;
        let (place, bytes, crc) = (finished.place, finished.bytes, finished.crc);
        let handle = Some(OperatorStateHandle { place, bytes, crc, states });
        Ok(OperatorSnapshotResult { handle, sync, rest: clock().saturating_sub(begun), held: finished.held })
    }
}

fn open(
    handle: &OperatorStateHandle,
    storage: Option<&CheckpointStorage>,
    owner: Option<Arc<Owner>>,
) -> Result<Reader, StateError> {
    let (source, place): (Arc<dyn crate::snapshot::format::ReadAt>, String) = match (&handle.place, storage) {
        (Place::Inline(bytes), _) => {
            (Arc::new(bytes.clone()), "the operator state in the acknowledgement".to_owned())
        }
        (Place::File { path }, Some(storage)) => (storage.open(path)?, storage.place(path)),
        (Place::File { path }, None) => {
            return Err(StateError::Usage(format!("{path} cannot be restored without a checkpoint storage")));
        }
    };
    if source.len() != handle.bytes {
        let what = format!("it has {} bytes, {} were written", source.len(), handle.bytes);
        return Err(StateError::corrupt(place, what));
    }
    Reader::open(source, place, owner)
}

fn all_read<T>(rest: &[u8], value: T) -> Result<T, ReadError> {
    if rest.is_empty() {
        return Ok(value);
    }
    Err(ReadError::new("an element", format!("{} bytes are left over", rest.len())))
}

fn damaged(name: &str, error: &ReadError) -> StateError {
    StateError::corrupt(format!("an element of operator state \"{name}\""), error.to_string())
}

fn missing() -> Compatibility {
    Compatibility::Incompatible("the snapshot does not say who wrote it".to_owned())
}

fn text(mode: Distribution) -> &'static str {
    match mode {
        Distribution::Split => "a list that is split",
        Distribution::Union => "a list that is united",
        Distribution::Broadcast => "broadcast state",
    }
}
