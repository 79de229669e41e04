//! Snapshots of a database that upload what is new.
//!
//! A database of sorted files never changes a file once it is written, so a snapshot uploads those that no
//! confirmed snapshot has and refers to the rest. What is small and changes (the list of files, options)
//! belongs to one checkpoint alone.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use super::handle::{KeyedStateHandle, Place, PrivateFile, SharedFile};
use super::meta::{BackendMeta, META_LIMIT_BYTES};
use super::sealed::Seal;
use super::storage::{CheckpointDirectory, CheckpointStorage, Stored};
use super::target::SnapshotTarget;
use super::transfer;
use crate::StateError;

/// The most bytes of an encoded [`Manifest`].
pub const MANIFEST_LIMIT_BYTES: usize = 64 << 20;

/// Flink's default of `state.backend.rocksdb.checkpoint.transfer.thread.num`.
pub const TRANSFER_THREADS: usize = 4;

/// The most bytes that each thread of a transfer keeps.
pub const TRANSFER_BYTES: usize = 1 << 20;

const SEAL: Seal = Seal {
    magic: *b"PLMI",
    version: 1,
    limit: MANIFEST_LIMIT_BYTES + META_LIMIT_BYTES,
    what: "the list of an incremental snapshot",
};

/// A column family.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Family {
    /// Its name in the database.
    pub name: String,
    /// The state in it, by its id in the list of states.
    pub state: u16,
}

/// A file of the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    /// Its name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Its CRC-32.
    pub crc: u32,
    /// Whether other checkpoints may refer to it.
    pub shared: bool,
}

/// What an incremental snapshot consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Which database.
    pub backend: String,
    /// Which checkpoint.
    pub checkpoint: u64,
    /// The states.
    pub meta: BackendMeta,
    /// The column families.
    pub families: Vec<Family>,
    /// The files, by name.
    pub files: Vec<ManifestFile>,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    backend: String,
    checkpoint: u64,
    meta: Vec<u8>,
    families: Vec<Family>,
    files: Vec<ManifestFile>,
}

impl Manifest {
    /// As a checksummed section.
    ///
    /// # Errors
    /// [`StateError::Usage`]: it is larger than its limit, or the list of states contradicts itself.
    pub fn encode(&self) -> Result<Vec<u8>, StateError> {
        SEAL.encode(&Wire {
            backend: self.backend.clone(),
            checkpoint: self.checkpoint,
            meta: self.meta.encode()?,
            families: self.families.clone(),
            files: self.files.clone(),
        })
    }

    /// The content of a section that takes all of `bytes`; `place` is what errors call it.
    ///
    /// # Errors
    /// [`StateError::Corrupt`].
    pub fn decode(place: &str, bytes: &[u8]) -> Result<Self, StateError> {
        let Wire { backend, checkpoint, meta, families, files } = SEAL.decode(place, bytes)?;
        let meta = BackendMeta::decode(place, &meta)?;
        Ok(Self { backend, checkpoint, meta, families, files })
    }
}

/// A file of the database that is to be in the snapshot. It must not change any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalFile {
    /// Its name in the database.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
}

/// What a snapshot does with the files of a database.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Files that the confirmed checkpoint has: referred to.
    pub reuse: Vec<SharedFile>,
    /// Sorted files that are new: uploaded, to be shared.
    pub upload: Vec<LocalFile>,
    /// The rest: uploaded for this checkpoint alone.
    pub private: Vec<LocalFile>,
}

/// Decides what to upload. `confirmed` are the shared files of the newest checkpoint of this database whose
/// completion the task was told; empty for the first. A file is the same where name and length are.
pub fn plan(confirmed: &[SharedFile], live: &[LocalFile]) -> Plan {
    let mut plan = Plan::default();
    for file in live {
        if !is_shared(&file.name) {
            plan.private.push(file.clone());
            continue;
        }
        match confirmed.iter().find(|old| old.name == file.name && old.bytes == file.bytes) {
            Some(old) => plan.reuse.push(SharedFile { fresh: false, ..old.clone() }),
            None => plan.upload.push(file.clone()),
        }
    }
    plan
}

/// Sorted files and blob files are written once.
pub(super) fn is_shared(name: &str) -> bool {
    [".sst", ".blob"].iter().any(|end| name.ends_with(end))
}

/// How files are carried.
#[derive(Debug, Clone, Copy)]
pub struct Transfer<'a> {
    /// How many at once, at least 1.
    pub threads: usize,
    /// Whether sorted files are linked into a local storage instead of copied.
    pub link: bool,
    /// Set to true by somebody else: the transfer ends with an error, soon.
    pub abort: &'a AtomicBool,
}

impl Transfer<'_> {
    pub(super) fn check(&self, place: &str) -> Result<(), StateError> {
        if self.abort.load(Ordering::Relaxed) {
            let aborted = std::io::Error::new(std::io::ErrorKind::Interrupted, "the snapshot was aborted");
            return Err(StateError::storage("go on with", place, aborted));
        }
        Ok(())
    }
}

/// An incremental snapshot to be uploaded.
#[derive(Debug)]
pub struct Incremental<'a> {
    /// Which database.
    pub backend: &'a str,
    /// Which checkpoint.
    pub checkpoint: u64,
    /// The states.
    pub meta: &'a BackendMeta,
    /// The column families.
    pub families: &'a [Family],
    /// All files of the database.
    pub live: &'a [LocalFile],
    /// See [`plan`].
    pub confirmed: &'a [SharedFile],
    /// Where the job's files are.
    pub directory: &'a CheckpointDirectory,
    /// What begins the names of its files: unique in the job to this task and this attempt of it.
    pub unique: &'a str,
    /// Up to which length the manifest rides in the acknowledgement.
    pub inline_bytes: usize,
}

impl Incremental<'_> {
    /// Uploads it.
    ///
    /// # Errors
    /// [`StateError::Storage`], also where it was aborted; [`StateError::Corrupt`]: a local file has another
    /// length than was said. What was uploaded is removed then.
    pub fn upload(&self, transfer: Transfer<'_>) -> Result<KeyedStateHandle, StateError> {
        let storage = self.directory.storage();
        let plan = plan(self.confirmed, self.live);
        let jobs: Vec<(&LocalFile, String)> = plan
            .upload
            .iter()
            .map(|file| (file, self.path(&self.directory.shared(), &file.name)))
            .chain(
                plan.private
                    .iter()
                    .map(|file| (file, self.path(&self.directory.exclusive(self.checkpoint), &file.name))),
            )
            .collect();
        let stored = transfer::upload(storage, &jobs, transfer)?;
        let written = self.finish(&plan, &stored, transfer);
        if written.is_err() {
            for file in &stored {
                let _ = storage.remove(&file.path);
            }
        }
        written
    }

    fn path(&self, folder: &str, name: &str) -> String {
        format!("{folder}/{}-{}-{name}", self.unique, self.checkpoint)
    }

    fn finish(
        &self,
        plan: &Plan,
        stored: &[Stored],
        transfer: Transfer<'_>,
    ) -> Result<KeyedStateHandle, StateError> {
        let (fresh, private) = stored.split_at(plan.upload.len());
        let mut shared = plan.reuse.clone();
        shared.extend(plan.upload.iter().zip(fresh).map(|(file, stored)| SharedFile {
            name: file.name.clone(),
            path: stored.path.clone(),
            bytes: stored.bytes,
            crc: stored.crc,
            fresh: true,
        }));
        shared.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let private: Vec<PrivateFile> = plan
            .private
            .iter()
            .zip(private)
            .map(|(file, stored)| PrivateFile {
                name: file.name.clone(),
                path: stored.path.clone(),
                bytes: stored.bytes,
                crc: stored.crc,
            })
            .collect();
        let shared_files = shared.iter().map(|f| ManifestFile {
            name: f.name.clone(),
            bytes: f.bytes,
            crc: f.crc,
            shared: true,
        });
        let private_files = private.iter().map(|f| ManifestFile {
            name: f.name.clone(),
            bytes: f.bytes,
            crc: f.crc,
            shared: false,
        });
        let manifest = Manifest {
            backend: self.backend.to_owned(),
            checkpoint: self.checkpoint,
            meta: self.meta.clone(),
            families: self.families.to_vec(),
            files: shared_files.chain(private_files).collect(),
        };
        let path = self.path(&self.directory.exclusive(self.checkpoint), "manifest");
        transfer.check(&path)?;
        let target = SnapshotTarget::files(self.directory.storage().clone(), self.inline_bytes)?;
        let mut sink = target.sink("the list of an incremental snapshot", &path);
        std::io::Write::write_all(&mut sink, &manifest.encode()?)
            .map_err(|error| super::storage_error("write", path.as_str(), error))?;
        let finished = sink.finish()?;
        Ok(KeyedStateHandle::Incremental {
            range: self.meta.range,
            backend: self.backend.to_owned(),
            checkpoint: self.checkpoint,
            meta: finished.place,
            meta_bytes: finished.bytes,
            meta_crc: finished.crc,
            shared,
            private,
        })
    }
}

/// Reads the manifest of an incremental handle and checks it against the handle.
///
/// # Errors
/// [`StateError::Corrupt`], [`StateError::Storage`]; [`StateError::Usage`] for the handle of a full snapshot.
pub fn manifest(handle: &KeyedStateHandle, storage: &CheckpointStorage) -> Result<Manifest, StateError> {
    let KeyedStateHandle::Incremental {
        backend,
        checkpoint,
        meta,
        meta_bytes,
        meta_crc,
        shared,
        private,
        ..
    } = handle
    else {
        return Err(StateError::Usage("the handle of a full snapshot lists no files".to_owned()));
    };
    let place = meta.text(storage);
    let bytes = match meta {
        Place::Inline(bytes) => bytes.clone(),
        Place::File { path } => storage.read(path, MANIFEST_LIMIT_BYTES + META_LIMIT_BYTES)?,
    };
    if bytes.len() as u64 != *meta_bytes || crc32fast::hash(&bytes) != *meta_crc {
        return Err(StateError::corrupt(
            place,
            "the list of an incremental snapshot is not what the handle says",
        ));
    }
    let manifest = Manifest::decode(&place, &bytes)?;
    let files = shared
        .iter()
        .map(|f| (&f.name, f.bytes, f.crc, true))
        .chain(private.iter().map(|f| (&f.name, f.bytes, f.crc, false)));
    let listed = manifest.files.iter().map(|f| (&f.name, f.bytes, f.crc, f.shared));
    if manifest.backend != *backend || manifest.checkpoint != *checkpoint || !files.eq(listed) {
        return Err(StateError::corrupt(
            place,
            "the list of an incremental snapshot names other files than the handle",
        ));
    }
    Ok(manifest)
}

/// Brings all files of an incremental snapshot into a folder, checked, under the names that the database
/// knows.
///
/// # Errors
/// As [`manifest`]. What was brought is removed then.
pub fn download(
    handle: &KeyedStateHandle,
    storage: &CheckpointStorage,
    folder: &Path,
    transfer: Transfer<'_>,
) -> Result<Manifest, StateError> {
    let manifest = manifest(handle, storage)?;
    let KeyedStateHandle::Incremental { shared, private, .. } = handle else {
        unreachable!("the handle has a manifest")
    };
    let mut jobs: Vec<(Stored, PathBuf)> = Vec::new();
    let files =
        shared.iter().map(|f| (&f.name, f.stored())).chain(private.iter().map(|f| (&f.name, f.stored())));
    for (name, stored) in files {
        let plain = !name.is_empty() && name != ".." && name != "." && !name.contains(['/', '\\', '\0']);
        if !plain {
            return Err(StateError::corrupt(
                storage.place(&stored.path),
                format!("{name:?} is no name of a file"),
            ));
        }
        jobs.push((stored, folder.join(name)));
    }
    transfer::download(storage, &jobs, transfer)?;
    Ok(manifest)
}
