//! A database as it was at a snapshot: a folder of linked files that nobody writes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rocksdb::{ColumnFamilyDescriptor, DBRawIteratorWithThreadMode};

use super::bridge::{Db, Family};
use super::database::{OWN_FAMILY, Opening};
use super::store::RocksStore;
use crate::StateError;
use crate::backend::{Frozen, SnapshotWriter, Sorted, sorted};
use crate::key_group::KeyGroups;
use crate::snapshot::format::{Compression, FullWriter};
use crate::snapshot::incremental::{self, Incremental, LocalFile, TRANSFER_THREADS, Transfer};
use crate::snapshot::storage::CheckpointDirectory;
use crate::snapshot::{BackendMeta, KeyedStateHandle, SharedFile, StateMeta};

/// A file of an incremental snapshot with the rows of states that are in memory, as a full snapshot has them.
pub(super) const MEMORY_FILE: &str = "in-memory";

/// What snapshots have uploaded, and what of it a later one may refer to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Uploads {
    state: Arc<Mutex<UploadState>>,
}

#[derive(Debug, Default)]
struct UploadState {
    confirmed: Vec<SharedFile>,
    newest: u64,
    pending: BTreeMap<u64, (Arc<AtomicBool>, Vec<SharedFile>)>,
}

impl Uploads {
    fn state(&self) -> MutexGuard<'_, UploadState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, checkpoint: u64) -> (Arc<AtomicBool>, Vec<SharedFile>) {
        let mut state = self.state();
        let abort = Arc::new(AtomicBool::new(false));
        state.pending.insert(checkpoint, (Arc::clone(&abort), Vec::new()));
        (abort, state.confirmed.clone())
    }

    fn uploaded(&self, checkpoint: u64, files: Vec<SharedFile>) {
        if let Some((_, pending)) = self.state().pending.get_mut(&checkpoint) {
            *pending = files;
        }
    }

    /// Later snapshots build on this one; `files` are what the registry made of those it uploaded.
    pub(super) fn completed(&self, checkpoint: u64, files: Option<&[SharedFile]>) {
        let mut state = self.state();
        let pending = state.pending.remove(&checkpoint).map(|(_, files)| files);
        let Some(files) = files.map(<[SharedFile]>::to_vec).or(pending) else { return };
        if checkpoint >= state.newest {
            state.newest = checkpoint;
            state.confirmed = files;
        }
        // earlier ones are subsumed
        state.pending = state.pending.split_off(&checkpoint);
    }

    pub(super) fn aborted(&self, checkpoint: u64) {
        if let Some((abort, _)) = self.state().pending.remove(&checkpoint) {
            abort.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    }

    /// What was restored is there already.
    pub(super) fn restored(&self, files: Vec<SharedFile>) {
        self.state().confirmed = files;
    }
}

/// What was uploaded.
pub(crate) struct Uploaded {
    pub(crate) handle: KeyedStateHandle,
}

/// A database as it was.
pub(crate) struct FrozenDatabase {
    folder: PathBuf,
    files: Vec<LocalFile>,
    checkpoint: u64,
    directory: Option<CheckpointDirectory>,
    identity: String,
    unique: String,
    opening: Opening,
    uploads: Uploads,
    confirmed: Vec<SharedFile>,
    abort: Arc<AtomicBool>,
    /// States that have a family.
    families: Vec<String>,
    /// States that are in memory instead: timers.
    in_memory: Frozen,
}

impl FrozenDatabase {
    pub(super) fn new(
        store: &RocksStore,
        (folder, files): (PathBuf, Vec<LocalFile>),
        checkpoint: u64,
        directory: Option<CheckpointDirectory>,
        in_memory: Frozen,
    ) -> Self {
        let (abort, confirmed) = store.uploads.begin(checkpoint);
        Self {
            folder,
            files,
            checkpoint,
            directory,
            identity: store.identity.clone(),
            unique: store.unique.clone(),
            opening: store.opening.clone(),
            uploads: store.uploads.clone(),
            confirmed,
            abort,
            families: store.database().states(),
            in_memory,
        }
    }

    /// Uploads the files that no confirmed snapshot has.
    pub(crate) fn upload(&self, meta: &BackendMeta) -> Result<Uploaded, StateError> {
        let directory = self.directory.as_ref().ok_or_else(|| {
            StateError::Usage("an incremental snapshot needs a checkpoint directory".to_owned())
        })?;
        let mut live = self.files.clone();
        if !self.in_memory.is_empty() {
            live.push(self.write_memory(meta)?);
        }
        let families: Vec<incremental::Family> = meta
            .states
            .iter()
            .filter(|state| self.families.contains(&state.name))
            .map(|state| incremental::Family { name: state.name.clone(), state: state.id })
            .collect();
        let incremental = Incremental {
            backend: &self.identity,
            checkpoint: self.checkpoint,
            meta,
            families: &families,
            live: &live,
            confirmed: &self.confirmed,
            directory,
            unique: &self.unique,
            inline_bytes: 0,
        };
        let transfer = Transfer { threads: TRANSFER_THREADS, link: false, abort: &self.abort };
        let handle = incremental.upload(transfer)?;
        self.uploads.uploaded(self.checkpoint, handle.shared().to_vec());
        Ok(Uploaded { handle })
    }

    /// Writes what is in memory to a file beside the database's.
    fn write_memory(&self, meta: &BackendMeta) -> Result<LocalFile, StateError> {
        let path = self.folder.join(MEMORY_FILE);
        let failed = |error| StateError::storage("write", path.display().to_string(), error);
        let mut file = BufWriter::new(File::create(&path).map_err(failed)?);
        let of_memory = |state: &&StateMeta| self.in_memory.iter().any(|(id, _)| *id == state.id);
        let states = meta.states.iter().filter(of_memory).cloned().collect();
        let mut writer =
            FullWriter::new(&mut file, &BackendMeta { states, ..meta.clone() }, Compression::None)?;
        let sorted = sorted(&self.in_memory, meta.range)?;
        for group in meta.range.first..=meta.range.last {
            for (id, rows) in &sorted {
                writer.begin(group, *id)?;
                rows.emit(group, &mut |key, value| writer.record(key, value))?;
            }
        }
        let bytes = writer.finish()?.bytes;
        file.flush().map_err(failed)?;
        Ok(LocalFile { name: MEMORY_FILE.to_owned(), path: path.clone(), bytes })
    }

    /// Writes all rows in key-group order.
    pub(crate) fn write_full(
        &self,
        meta: &BackendMeta,
        writer: &mut SnapshotWriter<'_>,
    ) -> Result<(), StateError> {
        let place = || self.folder.display().to_string();
        let options = self.opening.database()?;
        let sorted = sorted(&self.in_memory, meta.range)?;
        let in_family = |state: &&StateMeta| {
            self.families.contains(&state.name) && self.in_memory.iter().all(|(id, _)| *id != state.id)
        };
        let mut described = Vec::new();
        let names = meta.states.iter().filter(in_family).map(|state| state.name.as_str());
        for name in std::iter::once(OWN_FAMILY).chain(names) {
            described.push(ColumnFamilyDescriptor::new(name, self.opening.family(name)?));
        }
        let db = Db::open_cf_descriptors_read_only(&options, &self.folder, described, false);
        let db = Arc::new(db.map_err(|error| StateError::rocksdb("open", place(), error))?);
        let groups = KeyGroups::new(meta.max_parallelism)?;
        let families: Vec<(u16, Family)> = meta
            .states
            .iter()
            .filter(in_family)
            .filter_map(|state| Some((state.id, Family::of(&db, &state.name)?)))
            .collect();
        let mut prefix = Vec::new();
        groups.write_prefix(meta.range.first, &mut prefix);
        let mut all: Vec<(u16, Source<'_>)> = Vec::with_capacity(meta.states.len());
        for (id, family) in &families {
            let mut rows = db.raw_iterator_cf(family.handle());
            rows.seek(&prefix);
            all.push((*id, Source::Family(rows)));
        }
        all.extend(sorted.into_iter().map(|(id, rows)| (id, Source::Memory(rows))));
        all.sort_by_key(|(id, _)| *id);
        for group in meta.range.first..=meta.range.last {
            prefix.clear();
            groups.write_prefix(group, &mut prefix);
            for (id, source) in &mut all {
                writer.begin(group, *id)?;
                let rows = match source {
                    Source::Family(rows) => rows,
                    Source::Memory(rows) => {
                        rows.emit(group, &mut |key, value| writer.record(key, value))?;
                        continue;
                    }
                };
                while let Some((key, value)) = rows.item() {
                    let Some(key) = key.strip_prefix(&*prefix) else { break };
                    writer.record(key, value)?;
                    rows.next();
                }
                rows.status().map_err(|error| StateError::rocksdb("read", place(), error))?;
            }
            if self.abort.load(std::sync::atomic::Ordering::Relaxed) {
                return Err(StateError::Usage(format!("snapshot {} was aborted", self.checkpoint)));
            }
        }
        Ok(())
    }
}

/// Where the rows of a state are.
enum Source<'f> {
    Family(DBRawIteratorWithThreadMode<'f, Db>),
    Memory(Sorted<'f>),
}

impl Drop for FrozenDatabase {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
        // empty only where the backend is gone and this was the last snapshot
        if let Some(folder) = self.folder.parent() {
            let _ = fs::remove_dir(folder);
        }
    }
}
