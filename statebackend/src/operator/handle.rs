//! What a task hands over in its acknowledgement of a checkpoint: where its operator state is.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::StateError;
use crate::snapshot::Place;
use crate::snapshot::handle::HANDLE_LIMIT_BYTES;
use crate::snapshot::sealed::Seal;
use crate::snapshot::storage::CheckpointStorage;
use crate::snapshot::storage_error;

/// Pieces in which a file is verified.
const VERIFY_BYTES: usize = 64 << 10;

const SEAL: Seal =
    Seal { magic: *b"PLMO", version: 1, limit: HANDLE_LIMIT_BYTES, what: "the handle of operator state" };

/// How the elements of a state are spread over subtasks at a restore (Flink's `OperatorStateHandle.Mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DistributionMode {
    /// Each element goes to one subtask: Flink's `SPLIT_DISTRIBUTE`.
    Split,
    /// Every subtask gets all elements: `UNION`.
    Union,
    /// Every subtask gets one copy: `BROADCAST`.
    Broadcast,
}

impl fmt::Display for DistributionMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Split => "a list",
            Self::Union => "a union list",
            Self::Broadcast => "broadcast state",
        })
    }
}

/// The elements of one state that a handle stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorStatePart {
    /// The state.
    pub name: String,
    /// How it is spread.
    pub mode: DistributionMode,
    /// Where its elements begin in the file; of broadcast state, where the whole of it begins.
    pub offsets: Vec<u64>,
}

/// Operator state in one file of one checkpoint: all of it as its subtask hands it over, or the share that
/// [`repartition`](super::repartition) gives to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorStateHandle {
    /// Where the file is.
    pub place: Place,
    /// Its length.
    pub bytes: u64,
    /// Its CRC-32.
    pub crc: u32,
    /// Which elements of it.
    pub states: Vec<OperatorStatePart>,
}

impl OperatorStateHandle {
    /// The bytes of the file, wherever it is.
    pub fn state_bytes(&self) -> u64 {
        self.bytes
    }

    /// The bytes that ride in the acknowledgement, without the offsets.
    pub fn inline_bytes(&self) -> u64 {
        self.place.inline_bytes()
    }

    /// The elements of a state that it stands for, if any.
    pub fn state(&self, name: &str, mode: DistributionMode) -> Option<&OperatorStatePart> {
        self.states.iter().find(|state| state.name == name && state.mode == mode)
    }

    /// Removes the file. One that is gone already counts as removed.
    ///
    /// # Errors
    /// [`StateError::Storage`].
    pub fn discard(&self, storage: &CheckpointStorage) -> Result<(), StateError> {
        self.place.path().map_or(Ok(()), |path| storage.remove(path))
    }

    /// Reads the whole file and compares its checksum: a savepoint can be trusted before it is needed. A restore does
    /// without, as each piece that it reads has a checksum of its own.
    ///
    /// # Errors
    /// [`StateError::Corrupt`], [`StateError::Storage`].
    pub fn verify(&self, storage: &CheckpointStorage) -> Result<(), StateError> {
        let source = self.place.open(storage, self.bytes)?;
        let (mut crc, mut offset) = (crc32fast::Hasher::new(), 0);
        let mut buffer = vec![0; VERIFY_BYTES];
        while offset < self.bytes {
            let length = usize::try_from(self.bytes - offset).unwrap_or(VERIFY_BYTES).min(VERIFY_BYTES);
            let piece = &mut buffer[..length];
            source
                .read_exact_at(piece, offset)
                .map_err(|error| storage_error("read", self.place.text(storage), error))?;
            crc.update(piece);
            offset += length as u64;
        }
        if crc.finalize() == self.crc {
            return Ok(());
        }
        Err(StateError::corrupt(self.place.text(storage), "its bytes are not those that were written"))
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
