//! What a task hands over in its acknowledgement of a checkpoint: where its operator state is.

use serde::{Deserialize, Serialize};

use crate::StateError;
use crate::snapshot::storage::CheckpointStorage;
use crate::snapshot::{HANDLE_LIMIT_BYTES, Place, Seal};

const SEAL: Seal =
    Seal { magic: *b"PLMQ", version: 1, limit: HANDLE_LIMIT_BYTES, what: "the handle of operator state" };

/// How a state comes to the subtasks after a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Distribution {
    /// Each element goes to one subtask, round robin: Flink's `SPLIT_DISTRIBUTE`.
    Split,
    /// All elements go to all subtasks.
    Union,
    /// Each subtask gets a whole copy of one subtask's.
    Broadcast,
}

/// Elements of one state in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partitions {
    /// The state.
    pub name: String,
    /// How it comes to subtasks.
    pub mode: Distribution,
    /// Where elements begin, in bytes from the beginning of the file.
    pub offsets: Vec<u64>,
}

/// Operator state of one subtask in one checkpoint, or the part of it that another one restores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorStateHandle {
    /// Where the file is.
    pub place: Place,
    /// Its length.
    pub bytes: u64,
    /// Its CRC-32.
    pub crc: u32,
    /// What of it is meant.
    pub states: Vec<Partitions>,
}

impl OperatorStateHandle {
    /// The bytes that ride in the acknowledgement.
    pub fn inline_bytes(&self) -> u64 {
        self.place.inline_bytes()
    }

    /// Removes the file, which is its checkpoint's alone; one that is gone counts as removed.
    ///
    /// # Errors
    /// [`StateError::Storage`].
    pub fn discard(&self, storage: &CheckpointStorage) -> Result<(), StateError> {
        match &self.place {
            Place::Inline(_) => Ok(()),
            Place::File { path } => storage.remove(path),
        }
    }

    /// As a checksummed section.
    ///
    /// # Errors
    /// [`StateError::Usage`]: it is larger than [`HANDLE_LIMIT_BYTES`].
    pub fn encode(&self) -> Result<Vec<u8>, StateError> {
        SEAL.encode(self)
    }

    /// The content of a section that takes all of `bytes`; `place` is what errors call it.
    ///
    /// # Errors
    /// [`StateError::Corrupt`].
    pub fn decode(place: &str, bytes: &[u8]) -> Result<Self, StateError> {
        SEAL.decode(place, bytes)
    }
}
