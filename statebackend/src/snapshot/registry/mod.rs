//! Who still refers to a shared file: a state machine without files, clocks or threads.
//!
//! [`SharedRegistry::step`] takes what has happened and says what to do. It promises, if its answers are
//! carried out: no file of a retained checkpoint is deleted, and no file stays that no retained checkpoint
//! refers to once the checkpoints under way have ended.
//!
//! A file is known by what it is ([`FileKey`]), not by where: two checkpoints under way at the same time may
//! both upload it. The first that completes keeps its copy; the other one is told to refer to it
//! ([`Action::Refer`]), and its own copy is deleted. A backend that later refers to the deleted copy means
//! the file, and is answered the same way.
//!
//! A checkpoint under way may refer to files of any checkpoint that was retained when it began. So a file
//! that nobody retains any more waits for those that were under way at that moment.

mod checked;
mod step;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::handle::KeyedStateHandle;
use super::sealed::Seal;
use super::storage::CheckpointStorage;
use crate::StateError;

const SEAL: Seal =
    Seal { magic: *b"PLMR", version: 1, limit: 256 << 20, what: "the register of shared files" };

/// What a shared file is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileKey {
    /// The database that wrote it.
    pub backend: String,
    /// Its name there.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Its CRC-32: a database restored from an older checkpoint may give a name a second time.
    pub crc: u32,
}

/// A reference of a checkpoint to a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileReference {
    /// What it is.
    pub key: FileKey,
    /// Where the task believes it to be, from the root of the storage on.
    pub path: String,
    /// Whether this checkpoint has uploaded it.
    pub fresh: bool,
}

/// What has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A checkpoint is under way.
    Begin {
        /// Its number.
        checkpoint: u64,
    },
    /// All tasks have acknowledged; from now on it is retained. Checkpoints may complete in any order.
    Complete {
        /// Its number.
        checkpoint: u64,
        /// What all of its handles refer to.
        files: Vec<FileReference>,
    },
    /// A checkpoint under way has ended without completing. What its tasks have uploaded is told by
    /// [`Discard`](Self::Discard), now or whenever they say so.
    Abort {
        /// Its number.
        checkpoint: u64,
    },
    /// A handle that belongs to no checkpoint: late, or of a checkpoint that was aborted or rejected.
    Discard {
        /// What it refers to.
        files: Vec<FileReference>,
    },
    /// A retained checkpoint is retained no more: it was subsumed, or removed.
    Drop {
        /// Its number.
        checkpoint: u64,
    },
    /// A completed checkpoint was read back after a restart. It is retained.
    Restore {
        /// Its number.
        checkpoint: u64,
        /// What all of its handles refer to.
        files: Vec<FileReference>,
        /// Whether its files are ours to delete (Flink's restore mode `CLAIM`); otherwise they belong to
        /// somebody else.
        claim: bool,
    },
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Delete this file. It may be gone already.
    Delete {
        /// Where it is.
        path: String,
    },
    /// This checkpoint's handles must name another copy of a file, before they are stored.
    Refer {
        /// The checkpoint.
        checkpoint: u64,
        /// What the file is.
        key: FileKey,
        /// Where it is.
        path: String,
    },
    /// The event cannot be, and nothing has changed. A checkpoint that was to complete must be aborted, and
    /// its handles discarded.
    Reject {
        /// The checkpoint.
        checkpoint: u64,
        /// Why.
        why: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    path: String,
    /// Ours to delete.
    ours: bool,
    /// How many retained checkpoints refer to it.
    references: u64,
    /// Where nobody does: checkpoints under way that still may.
    waiting: BTreeSet<u64>,
}

/// The register.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedRegistry {
    pending: BTreeSet<u64>,
    retained: BTreeMap<u64, BTreeSet<FileKey>>,
    files: BTreeMap<FileKey, Entry>,
    /// Which file is where.
    places: BTreeMap<String, FileKey>,
}

impl SharedRegistry {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Retained checkpoints, in order.
    pub fn retained(&self) -> impl Iterator<Item = u64> {
        self.retained.keys().copied()
    }

    /// Where the files are that it knows, in order; those that wait to be deleted too.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(String::as_str)
    }

    /// Whether it knows a file at this place.
    pub fn knows(&self, path: &str) -> bool {
        self.places.contains_key(path)
    }

    /// The bytes of the files that it knows.
    pub fn bytes(&self) -> u64 {
        self.files.keys().map(|key| key.bytes).sum()
    }

    /// As a checksummed section.
    ///
    /// # Errors
    /// [`StateError::Usage`]: it is larger than 256 MiB, some million files.
    pub fn encode(&self) -> Result<Vec<u8>, StateError> {
        SEAL.encode(self)
    }

    /// The content of a section that takes all of `bytes`; `place` is what errors call it.
    ///
    /// # Errors
    /// [`StateError::Corrupt`].
    pub fn decode(place: &str, bytes: &[u8]) -> Result<Self, StateError> {
        let registry: Self = SEAL.decode(place, bytes)?;
        match registry.contradiction() {
            None => Ok(registry),
            Some(why) => Err(StateError::corrupt(place, format!("{}: {why}", SEAL.what))),
        }
    }
}

/// The references of a handle.
pub fn references(handle: &KeyedStateHandle) -> Vec<FileReference> {
    let KeyedStateHandle::Incremental { backend, shared, .. } = handle else { return Vec::new() };
    let reference = |file: &super::SharedFile| FileReference {
        key: FileKey { backend: backend.clone(), name: file.name.clone(), bytes: file.bytes, crc: file.crc },
        path: file.path.clone(),
        fresh: file.fresh,
    };
    shared.iter().map(reference).collect()
}

/// Carries [`Action::Refer`] out on a handle of the checkpoint. Says whether it was meant.
pub fn refer(handle: &mut KeyedStateHandle, key: &FileKey, path: &str) -> bool {
    let KeyedStateHandle::Incremental { backend, shared, .. } = handle else { return false };
    let mut meant = false;
    if *backend == key.backend {
        for file in shared {
            if file.name == key.name && file.bytes == key.bytes && file.crc == key.crc {
                path.clone_into(&mut file.path);
                meant = true;
            }
        }
    }
    meant
}

/// Carries out every [`Action::Delete`]. Answers what could not be deleted, to be tried again.
pub fn delete(storage: &CheckpointStorage, actions: &[Action]) -> Vec<(String, StateError)> {
    let mut failed = Vec::new();
    for action in actions {
        if let Action::Delete { path } = action
            && let Err(error) = storage.remove(path)
        {
            failed.push((path.clone(), error));
        }
    }
    failed
}
