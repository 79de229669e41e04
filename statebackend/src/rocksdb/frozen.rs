//! A database as it was at a snapshot: a folder of linked files that nobody writes.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rocksdb::{ColumnFamilyDescriptor, DBRawIteratorWithThreadMode};

use super::bridge::{Db, Family};
use super::database::{OWN_FAMILY, Opening};
use super::store::{RocksStore, files_of};
use crate::StateError;
use crate::backend::SnapshotWriter;
use crate::key_group::KeyGroups;
use crate::snapshot::incremental::{self, Incremental, TRANSFER_THREADS, Transfer};
use crate::snapshot::storage::CheckpointDirectory;
use crate::snapshot::{BackendMeta, KeyedStateHandle, SharedFile};

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
    checkpoint: u64,
    directory: Option<CheckpointDirectory>,
    identity: String,
    unique: String,
    opening: Opening,
    uploads: Uploads,
    confirmed: Vec<SharedFile>,
    abort: Arc<AtomicBool>,
}

impl FrozenDatabase {
    pub(super) fn new(
        store: &RocksStore,
        folder: PathBuf,
        checkpoint: u64,
        directory: Option<CheckpointDirectory>,
    ) -> Self {
        let (abort, confirmed) = store.uploads.begin(checkpoint);
        Self {
            folder,
            checkpoint,
            directory,
            identity: store.identity.clone(),
            unique: store.unique.clone(),
            opening: store.opening.clone(),
            uploads: store.uploads.clone(),
            confirmed,
            abort,
        }
    }

    /// Uploads the files that no confirmed snapshot has.
    pub(crate) fn upload(&self, meta: &BackendMeta) -> Result<Uploaded, StateError> {
        let directory = self.directory.as_ref().ok_or_else(|| {
            StateError::Usage("an incremental snapshot needs a checkpoint directory".to_owned())
        })?;
        let families: Vec<incremental::Family> = meta
            .states
            .iter()
            .map(|state| incremental::Family { name: state.name.clone(), state: state.id })
            .collect();
        let incremental = Incremental {
            backend: &self.identity,
            checkpoint: self.checkpoint,
            meta,
            families: &families,
            live: &files_of(&self.folder)?,
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

    /// Writes all rows in key-group order.
    pub(crate) fn write_full(
        &self,
        meta: &BackendMeta,
        writer: &mut SnapshotWriter<'_>,
    ) -> Result<(), StateError> {
        let place = || self.folder.display().to_string();
        let options = self.opening.database()?;
        let mut described = Vec::new();
        for name in std::iter::once(OWN_FAMILY).chain(meta.states.iter().map(|state| state.name.as_str())) {
            described.push(ColumnFamilyDescriptor::new(name, self.opening.family(name)?));
        }
        let db = Db::open_cf_descriptors_read_only(&options, &self.folder, described, false);
        let db = Arc::new(db.map_err(|error| StateError::rocksdb("open", place(), error))?);
        let groups = KeyGroups::new(meta.max_parallelism)?;
        let families: Vec<(u16, Family)> =
            meta.states.iter().filter_map(|state| Some((state.id, Family::of(&db, &state.name)?))).collect();
        let mut all: Vec<(u16, DBRawIteratorWithThreadMode<'_, Db>)> =
            families.iter().map(|(id, family)| (*id, db.raw_iterator_cf(family.handle()))).collect();
        let mut prefix = Vec::new();
        groups.write_prefix(meta.range.first, &mut prefix);
        for (_, rows) in &mut all {
            rows.seek(&prefix);
        }
        for group in meta.range.first..=meta.range.last {
            prefix.clear();
            groups.write_prefix(group, &mut prefix);
            for (id, rows) in &mut all {
                writer.begin(group, *id)?;
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

impl Drop for FrozenDatabase {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
        // empty only where the backend is gone and this was the last snapshot
        if let Some(folder) = self.folder.parent() {
            let _ = fs::remove_dir(folder);
        }
    }
}
