//! What a task hands over in its acknowledgement of a checkpoint: where its keyed state is.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::format::ReadAt;
use super::sealed::Seal;
use super::storage::{CheckpointStorage, Stored};
use crate::StateError;
use crate::key_group::KeyGroupRange;

/// The most bytes of an encoded handle.
pub const HANDLE_LIMIT_BYTES: usize = 256 << 20;

const SEAL: Seal =
    Seal { magic: *b"PLMH", version: 1, limit: HANDLE_LIMIT_BYTES, what: "the handle of keyed state" };

/// Where some bytes are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// In the handle itself.
    Inline(#[serde(with = "bytes")] Vec<u8>),
    /// In a file of the checkpoint storage, from its root on.
    File {
        /// The name.
        path: String,
    },
}

/// A file that several checkpoints may refer to. Its content never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedFile {
    /// What the database calls it: `000017.sst`.
    pub name: String,
    /// Where it is, from the root of the storage on.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// Its CRC-32.
    pub crc: u32,
    /// Whether this checkpoint has uploaded it; otherwise an earlier one has.
    pub fresh: bool,
}

/// A file of one checkpoint alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivateFile {
    /// What the database calls it: `MANIFEST-000004`.
    pub name: String,
    /// Where it is, from the root of the storage on.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// Its CRC-32.
    pub crc: u32,
}

/// Keyed state of one subtask in one checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyedStateHandle {
    /// A full snapshot.
    Full {
        /// The key groups in it.
        range: KeyGroupRange,
        /// Where it is.
        place: Place,
        /// Its length.
        bytes: u64,
        /// Its CRC-32.
        crc: u32,
        /// Records in it.
        records: u64,
    },
    /// The files of a database.
    Incremental {
        /// The key groups in it.
        range: KeyGroupRange,
        /// Which database: names of shared files are unique inside it.
        backend: String,
        /// The checkpoint.
        checkpoint: u64,
        /// Where the [`Manifest`](super::incremental::Manifest) is.
        meta: Place,
        /// Its length.
        meta_bytes: u64,
        /// Its CRC-32.
        meta_crc: u32,
        /// Files that later checkpoints may refer to.
        shared: Vec<SharedFile>,
        /// Files of this checkpoint alone.
        private: Vec<PrivateFile>,
    },
}

impl SharedFile {
    /// The file as the storage sees it.
    pub fn stored(&self) -> Stored {
        Stored { path: self.path.clone(), bytes: self.bytes, crc: self.crc }
    }
}

impl PrivateFile {
    /// The file as the storage sees it.
    pub fn stored(&self) -> Stored {
        Stored { path: self.path.clone(), bytes: self.bytes, crc: self.crc }
    }
}

impl Place {
    /// Opens it to be read, and checks its length. Bytes that are in the handle are not copied.
    ///
    /// # Errors
    /// [`StateError::Corrupt`]: it has another length. [`StateError::Storage`].
    pub fn open<'a>(
        &'a self,
        storage: &CheckpointStorage,
        bytes: u64,
    ) -> Result<Arc<dyn ReadAt + 'a>, StateError> {
        let source: Arc<dyn ReadAt + 'a> = match self {
            Self::Inline(inline) => Arc::new(inline.as_slice()),
            Self::File { path } => storage.open(path)?,
        };
        if source.len() == bytes {
            return Ok(source);
        }
        let what = format!("it has {} bytes, {bytes} were written", source.len());
        Err(StateError::corrupt(self.text(storage), what))
    }

    /// What errors call it.
    pub fn text(&self, storage: &CheckpointStorage) -> String {
        match self {
            Self::Inline(_) => "the state in the acknowledgement".to_owned(),
            Self::File { path } => storage.place(path),
        }
    }

    /// Its bytes in the handle itself.
    pub fn inline_bytes(&self) -> u64 {
        match self {
            Self::Inline(inline) => inline.len() as u64,
            Self::File { .. } => 0,
        }
    }

    pub(crate) fn path(&self) -> Option<&str> {
        match self {
            Self::Inline(_) => None,
            Self::File { path } => Some(path),
        }
    }
}

impl KeyedStateHandle {
    /// The key groups in it.
    pub fn range(&self) -> KeyGroupRange {
        match self {
            Self::Full { range, .. } | Self::Incremental { range, .. } => *range,
        }
    }

    /// The bytes of the state, wherever they are and whoever uploaded them.
    pub fn state_bytes(&self) -> u64 {
        match self {
            Self::Full { bytes, .. } => *bytes,
            Self::Incremental { meta_bytes, shared, private, .. } => {
                let shared: u64 = shared.iter().map(|file| file.bytes).sum();
                let private: u64 = private.iter().map(|file| file.bytes).sum();
                meta_bytes + shared + private
            }
        }
    }

    /// The bytes that this checkpoint has written.
    pub fn checkpointed_bytes(&self) -> u64 {
        match self {
            Self::Full { bytes, .. } => *bytes,
            Self::Incremental { shared, .. } => {
                let reused: u64 = shared.iter().filter(|file| !file.fresh).map(|file| file.bytes).sum();
                self.state_bytes() - reused
            }
        }
    }

    /// The bytes that ride in the acknowledgement.
    pub fn inline_bytes(&self) -> u64 {
        match self {
            Self::Full { place, .. } | Self::Incremental { meta: place, .. } => place.inline_bytes(),
        }
    }

    /// The files that are this checkpoint's alone.
    pub fn private_paths(&self) -> Vec<&str> {
        match self {
            Self::Full { place, .. } => place.path().into_iter().collect(),
            Self::Incremental { meta, private, .. } => {
                meta.path().into_iter().chain(private.iter().map(|file| file.path.as_str())).collect()
            }
        }
    }

    /// The files that the [registry](super::registry::SharedRegistry) counts.
    pub fn shared(&self) -> &[SharedFile] {
        match self {
            Self::Full { .. } => &[],
            Self::Incremental { shared, .. } => shared,
        }
    }

    /// Removes the files that are this checkpoint's alone; shared ones are the registry's. All are tried,
    /// files that are gone already count as removed.
    ///
    /// # Errors
    /// [`StateError::Storage`], of the first that could not be removed.
    pub fn discard(&self, storage: &CheckpointStorage) -> Result<(), StateError> {
        let mut failed = Ok(());
        for path in self.private_paths() {
            let removed = storage.remove(path);
            if failed.is_ok() {
                failed = removed;
            }
        }
        failed
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

/// Bytes as bytes: a sequence would be written number by number.
mod bytes {
    use std::fmt;

    use serde::de::{Deserializer, Error, Visitor};
    use serde::ser::Serializer;

    #[expect(clippy::ptr_arg, reason = "serde passes the field as it is")]
    pub(super) fn serialize<S: Serializer>(bytes: &Vec<u8>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Vec<u8>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }

            fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
                Ok(bytes)
            }
        }
        deserializer.deserialize_byte_buf(Bytes)
    }
}
