//! Bringing snapshots back into a database, by the same parallelism or another.
//!
//! The files of one incremental snapshot of just our key groups are the database. Everything else is read row by row,
//! only the rows of our key groups, and written in batches of a bounded size.

use std::fs::{File, remove_file};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use plimsoll_memory::budget::{Owner, Reservation};
use rocksdb::WriteBatch;

use super::bridge::Family;
use super::database::{Database, make_folder, remove_folder};
use super::frozen::MEMORY_FILE;
use super::rows::behind_prefix;
use super::store::RocksStore;
use crate::StateError;
use crate::backend::restored;
use crate::key_group::{KeyGroupRange, KeyGroups};
use crate::serializer::Identity;
use crate::snapshot::format::{FullReader, OpenFile, ReadAt};
use crate::snapshot::incremental::{self, TRANSFER_BYTES, TRANSFER_THREADS, Transfer};
use crate::snapshot::storage::CheckpointStorage;
use crate::snapshot::{BackendMeta, KeyedStateHandle};

/// Bytes of rows that are written at once.
const BATCH_BYTES: usize = 1 << 20;

/// What a restore holds beside the database, as a sum.
const RESTORE_BYTES: u64 = (TRANSFER_THREADS * TRANSFER_BYTES) as u64 // files on their way
    + 2 * BATCH_BYTES as u64; // a batch, and RocksDB's copy of it

/// Rows on their way into a family.
struct Load<'d> {
    database: &'d Database,
    family: Family,
    batch: WriteBatch,
    row: Vec<u8>,
}

impl<'d> Load<'d> {
    fn new(database: &'d Database, name: &str) -> Result<Self, StateError> {
        let family = database.family_or_new(name)?;
        Ok(Self { database, family, batch: WriteBatch::default(), row: Vec::new() })
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), StateError> {
        self.batch.put_cf(self.family.handle(), key, value);
        self.database.lists.note_restored(key, value.len() as u64);
        if self.batch.size_in_bytes() >= BATCH_BYTES { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<(), StateError> {
        let batch = std::mem::take(&mut self.batch);
        let Self { database, .. } = self;
        database.writing("write", || database.db.write_opt(batch, &database.write))
    }
}

impl RocksStore {
    /// Restores the handles; they overlap with the range.
    pub(crate) fn restore(
        &mut self,
        handles: &[&KeyedStateHandle],
        storage: Option<&CheckpointStorage>,
        owner: Option<&Arc<Owner>>,
        key: &Identity,
        groups: KeyGroups,
        range: KeyGroupRange,
    ) -> Result<(), StateError> {
        if handles.is_empty() {
            return Ok(());
        }
        let _held: Option<Reservation> =
            owner.map(|owner| owner.try_reserve_shared(RESTORE_BYTES)).transpose().map_err(|refusal| {
                StateError::Refused { what: "the buffers of a restore".to_owned(), refusal }
            })?;
        let fits =
            |meta: &BackendMeta, place: &str| restored::check(meta, place, key, groups.max_parallelism());
        if let [handle @ KeyedStateHandle::Incremental { range: theirs, backend, checkpoint, .. }] = handles
            && *theirs == range
        {
            let storage = needed(storage)?;
            self.database = None;
            let folder = self.database_folder();
            remove_folder(&folder)?;
            make_folder(&folder)?;
            let manifest = download(handle, storage, &folder)?;
            fits(&manifest.meta, &storage.place(&format!("checkpoint {checkpoint}")))?;
            let families: Vec<String> = manifest.families.iter().map(|family| family.name.clone()).collect();
            self.open_database(&families)?;
            self.load_memory(&folder, owner, &fits, groups, range)?;
            self.identity.clone_from(backend);
            self.uploads.restored(handle.shared().to_vec());
            self.remember_states(&manifest.meta)?;
            return Ok(());
        }
        for (at, handle) in handles.iter().enumerate() {
            match handle {
                KeyedStateHandle::Full { .. } => {
                    let reader = restored::open(handle, storage, owner)?;
                    fits(reader.meta(), reader.place())?;
                    self.remember_states(reader.meta())?;
                    self.load_full(&reader, groups, range)?;
                }
                KeyedStateHandle::Incremental { .. } => {
                    let storage = needed(storage)?;
                    let folder = self.folder.join(format!("restore-{at}"));
                    remove_folder(&folder)?;
                    make_folder(&folder)?;
                    let copied = self
                        .copy(handle, storage, &folder, groups, range, &fits)
                        .and_then(|()| self.load_memory(&folder, owner, &fits, groups, range));
                    remove_folder(&folder)?;
                    copied?;
                }
            }
        }
        Ok(())
    }

    /// Loads the rows of our key groups out of a full snapshot.
    fn load_full<S: ReadAt>(
        &self,
        reader: &FullReader<S>,
        groups: KeyGroups,
        range: KeyGroupRange,
    ) -> Result<(), StateError> {
        for state in &reader.meta().states {
            let mut load = Load::new(self.database(), &state.name)?;
            let mut row = Vec::new();
            reader.for_each(state.id, range, |group, key, value| {
                row.clear();
                groups.write_prefix(group, &mut row);
                row.extend_from_slice(key);
                load.put(&row, value)
            })?;
            load.write()?;
        }
        Ok(())
    }

    /// Loads what was in memory when an incremental snapshot was taken, if anything was, and removes its file.
    fn load_memory(
        &self,
        folder: &Path,
        owner: Option<&Arc<Owner>>,
        fits: &dyn Fn(&BackendMeta, &str) -> Result<(), StateError>,
        groups: KeyGroups,
        range: KeyGroupRange,
    ) -> Result<(), StateError> {
        let path = folder.join(MEMORY_FILE);
        let place = path.display().to_string();
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(StateError::storage("open", place, error)),
        };
        let file = OpenFile::new(file).map_err(|error| StateError::storage("read", place.as_str(), error))?;
        let reader = FullReader::open(file, &place)?.with_budget(owner.cloned());
        fits(reader.meta(), &place)?;
        self.load_full(&reader, groups, range)?;
        drop(reader);
        remove_file(&path).map_err(|error| StateError::storage("remove", place, error))
    }

    /// Copies the rows of our key groups out of a database that was restored beside ours.
    fn copy(
        &mut self,
        handle: &KeyedStateHandle,
        storage: &CheckpointStorage,
        folder: &Path,
        groups: KeyGroups,
        range: KeyGroupRange,
        fits: &dyn Fn(&BackendMeta, &str) -> Result<(), StateError>,
    ) -> Result<(), StateError> {
        let manifest = download(handle, storage, folder)?;
        fits(&manifest.meta, &folder.display().to_string())?;
        self.remember_states(&manifest.meta)?;
        let families: Vec<String> = manifest.families.iter().map(|family| family.name.clone()).collect();
        let from = Database::open(folder, &families, &self.opening)?;
        let (mut first, mut last) = (Vec::new(), Vec::new());
        groups.write_prefix(range.first, &mut first);
        groups.write_prefix(range.last, &mut last);
        let end = behind_prefix(&last);
        for name in &families {
            let mut load = Load::new(self.database(), name)?;
            let family = from.family(name)?;
            let mut rows = from.db.raw_iterator_cf(family.handle());
            rows.seek(&first);
            while let Some((key, value)) = rows.item() {
                if end.as_deref().is_some_and(|end| key >= end) {
                    break;
                }
                let mut row = std::mem::take(&mut load.row);
                row.clear();
                row.extend_from_slice(key);
                load.put(&row, value)?;
                load.row = row;
                rows.next();
            }
            rows.status().map_err(|error| from.error("read", error))?;
            load.write()?;
        }
        Ok(())
    }

    fn remember_states(&mut self, meta: &BackendMeta) -> Result<(), StateError> {
        for state in &meta.states {
            if let Some(known) = self.restored.get(&state.name) {
                let same = (known.kind, &known.namespace, &known.parts, known.ttl)
                    == (state.kind, &state.namespace, &state.parts, state.ttl);
                if !same {
                    return Err(StateError::Incompatible {
                        state: state.name.clone(),
                        why: "snapshots of two subtasks do not agree on its types".to_owned(),
                    });
                }
            }
            self.restored.insert(state.name.clone(), state.clone());
        }
        Ok(())
    }
}

fn needed(storage: Option<&CheckpointStorage>) -> Result<&CheckpointStorage, StateError> {
    storage.ok_or_else(|| {
        StateError::Usage(
            "an incremental snapshot cannot be restored without a checkpoint storage".to_owned(),
        )
    })
}

fn download(
    handle: &KeyedStateHandle,
    storage: &CheckpointStorage,
    folder: &Path,
) -> Result<incremental::Manifest, StateError> {
    let never = AtomicBool::new(false);
    let transfer = Transfer { threads: TRANSFER_THREADS, link: false, abort: &never };
    incremental::download(handle, storage, folder, transfer)
}
