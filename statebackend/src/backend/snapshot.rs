//! Snapshots: a short synchronous part on the task's thread, the rest on any thread.

use std::sync::Arc;
use std::time::Duration;

use plimsoll_memory::budget::Reservation;

use super::keyed::{KeyedBackend, State, Store};
use super::restored::Carried;
use crate::StateError;
use crate::heap::{FrozenRows, SortedRows};
use crate::key_group::KeyGroupRange;
use crate::rocksdb::{FrozenDatabase, Uploaded};
use crate::serializer::KeySerializer;
use crate::snapshot::format::{Block, BlockBuffer, Compression, FullWriter};
use crate::snapshot::storage::CheckpointDirectory;
use crate::snapshot::{BackendMeta, KeyedStateHandle, SnapshotTarget, StateMeta};

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotKind {
    /// All rows in key-group order, in the one format that every backend restores.
    Full(Compression),
    /// The files of the database, of which those that an earlier completed snapshot has are not uploaded again.
    Incremental,
}

/// A snapshot to be taken.
#[derive(Debug, Clone)]
pub struct SnapshotRequest {
    /// The checkpoint.
    pub checkpoint: u64,
    /// What is written.
    pub kind: SnapshotKind,
    /// Where full snapshots go.
    pub target: SnapshotTarget,
    /// Where files are kept; `None` only where everything rides in the acknowledgement.
    pub directory: Option<CheckpointDirectory>,
    /// A clock for the report of the synchronous part; it counts from any moment.
    pub clock: fn() -> Duration,
}

/// What a snapshot came to.
#[derive(Debug)]
pub struct SnapshotResult {
    /// Where the state is.
    pub handle: KeyedStateHandle,
    /// How long the task stood still.
    pub sync: Duration,
    /// How long the rest took.
    pub rest: Duration,
    /// What the JobManager is charged for state in the acknowledgement, as long as it is retained.
    pub held: Option<Reservation>,
}

/// The rest of a snapshot, for any thread. Dropped, it is as if it had never been asked for.
pub struct PendingSnapshot {
    sync: Duration,
    clock: fn() -> Duration,
    work: Work,
}

enum Work {
    Heap(HeapWork),
    Rocks(Box<FrozenDatabase>, SnapshotKind, Where),
}

struct Where {
    meta: BackendMeta,
    what: String,
    path: String,
    target: SnapshotTarget,
}

/// States in memory as they were, by id.
pub(crate) type Frozen = Vec<(u16, Box<dyn FrozenRows>)>;

fn freeze(states: &[State]) -> Result<Frozen, StateError> {
    let mut frozen = Vec::with_capacity(states.len());
    for state in states {
        if let Some(rows) = state.table.freeze()? {
            frozen.push((state.meta.id, rows));
        }
    }
    Ok(frozen)
}

/// Their rows by key group.
pub(crate) fn sorted(frozen: &Frozen, range: KeyGroupRange) -> Result<Vec<(u16, Sorted<'_>)>, StateError> {
    frozen.iter().map(|(id, rows)| Ok((*id, rows.sorted(range)?))).collect()
}

/// Rows of a state by key group.
pub(crate) type Sorted<'f> = Box<dyn SortedRows + 'f>;

struct HeapWork {
    place: Where,
    frozen: Frozen,
    carried: Vec<Carried>,
    compression: Compression,
}

impl<K: KeySerializer> KeyedBackend<K> {
    /// Begins a snapshot: in memory the tables are frozen in place; with RocksDB what only memory knows is written, and
    /// the database's files are linked. Until it has run, each segment of a table that is written is copied once.
    ///
    /// # Errors
    /// The state is being iterated; the database fails; incremental, and there is no database. The state lives on.
    pub fn snapshot(&mut self, request: &SnapshotRequest) -> Result<PendingSnapshot, StateError> {
        let SnapshotRequest { checkpoint, kind, target, directory, clock } = request;
        let begun = clock();
        let what = format!("state of {}", self.name);
        let path = directory.as_ref().map_or_else(String::new, |directory| {
            format!("{}/{}.state", directory.exclusive(*checkpoint), self.name)
        });
        if matches!(target, SnapshotTarget::Files { .. }) && directory.is_none() {
            return Err(StateError::Usage("a snapshot into files needs a checkpoint directory".to_owned()));
        }
        let (meta, carried) = self.describe()?;
        let place = Where { meta, what, path, target: target.clone() };
        self.write_back()?;
        let work = match (&mut self.store, kind) {
            (Store::Heap(_), SnapshotKind::Incremental) => {
                return Err(StateError::Usage(
                    "only RocksDB has incremental snapshots: set state.backend.type to rocksdb, or \
                     execution.checkpointing.incremental to false"
                        .to_owned(),
                ));
            }
            (Store::Heap(_), SnapshotKind::Full(compression)) => {
                let frozen = freeze(&self.states)?;
                Work::Heap(HeapWork { place, frozen, carried, compression: *compression })
            }
            (Store::Rocks(rocks), kind) => {
                let in_memory = freeze(&self.states)?;
                let frozen = rocks.freeze(*checkpoint, directory.as_ref(), in_memory)?;
                Work::Rocks(Box::new(frozen), *kind, place)
            }
        };
        Ok(PendingSnapshot { sync: clock().saturating_sub(begun), clock: *clock, work })
    }

    /// A checkpoint is complete: later incremental snapshots build on it. `registered` is its handle as the
    /// [registry](crate::snapshot::registry) left it; without one, as it was handed over, which is right where one
    /// checkpoint is taken at a time.
    pub fn checkpoint_completed(&mut self, checkpoint: u64, registered: Option<&KeyedStateHandle>) {
        if let Store::Rocks(rocks) = &mut self.store {
            rocks.completed(checkpoint, registered);
        }
    }

    /// A checkpoint was given up: nothing builds on it.
    pub fn checkpoint_aborted(&mut self, checkpoint: u64) {
        if let Store::Rocks(rocks) = &mut self.store {
            rocks.aborted(checkpoint);
        }
    }

    /// All states, and which of them nobody has asked for since the restore.
    fn describe(&self) -> Result<(BackendMeta, Vec<Carried>), StateError> {
        let mut states: Vec<StateMeta> = self.states.iter().map(|state| state.meta.clone()).collect();
        let mut carried = Vec::new();
        let id_of = |count: usize| {
            let id = u16::try_from(count).ok().filter(|id| *id < u16::MAX);
            id.ok_or_else(|| StateError::Usage("a backend has 65,534 states at most".to_owned()))
        };
        for name in self.waiting.names() {
            let id = id_of(states.len())?;
            let found = self.waiting.find(&name);
            if let Some((_, meta)) = found.first() {
                states.push(StateMeta { id, ..meta.clone() });
            }
            let from = found.into_iter().map(|(reader, meta)| (reader, meta.id)).collect();
            carried.push(Carried { id, from, range: self.core.range });
        }
        if let Store::Rocks(rocks) = &self.store {
            let unasked: Vec<StateMeta> =
                rocks.unasked(|name| states.iter().any(|state| state.name == name)).collect();
            for meta in unasked {
                states.push(StateMeta { id: id_of(states.len())?, ..meta });
            }
        }
        let meta = BackendMeta {
            key: self.core.key.identity(),
            max_parallelism: self.core.groups.max_parallelism(),
            range: self.core.range,
            states,
        };
        Ok((meta, carried))
    }
}

impl PendingSnapshot {
    /// How long the task stood still.
    pub fn sync(&self) -> Duration {
        self.sync
    }

    /// Writes the snapshot, and makes it visible as a whole.
    ///
    /// # Errors
    /// A limit, the budget, the storage or the database. Nothing visible is left behind; the state lives on, and the
    /// next snapshot knows nothing of this one.
    pub fn run(self) -> Result<SnapshotResult, StateError> {
        let Self { sync, clock, work } = self;
        let begun = clock();
        let (handle, held) = match work {
            Work::Heap(work) => work.run()?,
            Work::Rocks(frozen, SnapshotKind::Incremental, place) => {
                let Uploaded { handle } = frozen.upload(&place.meta)?;
                (handle, None)
            }
            Work::Rocks(frozen, SnapshotKind::Full(compression), place) => {
                let meta = &place.meta;
                write_full(&place, compression, |writer| frozen.write_full(meta, writer))?
            }
        };
        Ok(SnapshotResult { handle, sync, rest: clock().saturating_sub(begun), held })
    }
}

/// A writer whose sink may be anywhere.
pub(crate) type SnapshotWriter<'w> = FullWriter<&'w mut crate::snapshot::SnapshotSink>;

fn write_full(
    place: &Where,
    compression: Compression,
    fill: impl FnOnce(&mut SnapshotWriter<'_>) -> Result<(), StateError>,
) -> Result<(KeyedStateHandle, Option<Reservation>), StateError> {
    let mut sink = place.target.sink(&place.what, &place.path);
    let mut writer = FullWriter::new(&mut sink, &place.meta, compression)?;
    fill(&mut writer)?;
    let summary = writer.finish()?;
    let finished = sink.finish()?;
    let handle = KeyedStateHandle::Full {
        range: place.meta.range,
        place: finished.place,
        bytes: finished.bytes,
        crc: finished.crc,
        records: summary.records,
    };
    Ok((handle, finished.held))
}

impl HeapWork {
    fn run(self) -> Result<(KeyedStateHandle, Option<Reservation>), StateError> {
        let Self { place, frozen, carried, compression } = self;
        let range: KeyGroupRange = place.meta.range;
        write_full(&place, compression, |writer| {
            let sorted = sorted(&frozen, range)?;
            let mut old = Vec::new();
            for state in &carried {
                for (reader, id) in &state.from {
                    for block in reader.blocks(*id, state.range) {
                        old.push((state.id, Arc::clone(reader), block?));
                    }
                }
            }
            old.sort_by_key(|(id, _, block): &(u16, Arc<_>, Block)| (block.key_group, *id));
            let mut old = old.into_iter().peekable();
            let mut buffer = BlockBuffer::default();
            for group in range.first..=range.last {
                for (id, rows) in &sorted {
                    writer.begin(group, *id)?;
                    rows.emit(group, &mut |key, value| writer.record(key, value))?;
                }
                while let Some((id, reader, block)) = old.next_if(|(.., block)| block.key_group == group) {
                    let bytes = reader.read(&block, &mut buffer)?;
                    writer.raw_block(id, &block, bytes)?;
                }
            }
            Ok(())
        })
    }
}
