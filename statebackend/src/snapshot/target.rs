//! Where a backend writes a snapshot to, without knowing where that is.

use std::io::{self, Write};
use std::sync::Arc;

use plimsoll_memory::budget::Reservation;

use super::acknowledge::{Frame, Piece};
use super::handle::Place;
use super::storage::{CheckpointStorage, Upload};
use crate::StateError;

/// Flink's default of `state.storage.fs.memory-threshold`: 20 KiB.
pub const INLINE_DEFAULT_BYTES: usize = 20 << 10;

/// Flink's limit of `state.storage.fs.memory-threshold`: 1 MiB.
pub const INLINE_LIMIT_BYTES: usize = 1 << 20;

/// Where snapshots go.
#[derive(Debug, Clone)]
pub enum SnapshotTarget {
    /// Into the acknowledgement.
    Acknowledgement(Arc<Frame>),
    /// Into a file; what is no longer than `inline_bytes` rides in the acknowledgement.
    Files {
        /// Where files are kept.
        storage: CheckpointStorage,
        /// `state.storage.fs.memory-threshold`.
        inline_bytes: usize,
    },
}

impl SnapshotTarget {
    /// Files, with a threshold in bytes.
    ///
    /// # Errors
    /// [`StateError::Setting`]: the threshold is larger than [`INLINE_LIMIT_BYTES`].
    pub fn files(storage: CheckpointStorage, inline_bytes: usize) -> Result<Self, StateError> {
        if inline_bytes > INLINE_LIMIT_BYTES {
            return Err(StateError::Setting {
                key: "state.storage.fs.memory-threshold".to_owned(),
                what: format!("{inline_bytes} bytes are more than the limit of {INLINE_LIMIT_BYTES}"),
            });
        }
        Ok(Self::Files { storage, inline_bytes })
    }

    /// A place for one snapshot. `what` is what errors call it: `the snapshot of "orders"`; `path` is the
    /// name of the file if there will be one.
    pub fn sink(&self, what: &str, path: &str) -> SnapshotSink {
        let to = match self {
            Self::Acknowledgement(frame) => To::Memory(frame.piece(what)),
            Self::Files { storage, inline_bytes } => {
                To::Buffer { storage: storage.clone(), path: path.to_owned(), inline_bytes: *inline_bytes }
            }
        };
        SnapshotSink { to, buffer: Vec::new(), crc: crc32fast::Hasher::new(), bytes: 0 }
    }
}

/// A snapshot that is being written. Dropped before [`finish`](Self::finish), it leaves nothing. After an
/// error it is of no use any more.
///
/// Errors of writing are [`StateError`]s inside an [`io::Error`];
/// [`FullWriter`](super::format::FullWriter) takes them out again.
#[derive(Debug)]
pub struct SnapshotSink {
    to: To,
    buffer: Vec<u8>,
    crc: crc32fast::Hasher,
    bytes: u64,
}

enum To {
    Memory(Piece),
    /// Not yet longer than the threshold.
    Buffer {
        storage: CheckpointStorage,
        path: String,
        inline_bytes: usize,
    },
    File(Upload),
    Failed,
}

impl std::fmt::Debug for To {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Memory(_) => "the acknowledgement",
            Self::Buffer { .. } => "a buffer",
            Self::File(_) => "a file",
            Self::Failed => "failed",
        })
    }
}

/// A finished snapshot.
#[derive(Debug)]
pub struct Finished {
    /// Where it is.
    pub place: Place,
    /// Its length.
    pub bytes: u64,
    /// The CRC-32 of its bytes.
    pub crc: u32,
    /// What the JobManager holds for it: kept as long as the handle is.
    pub held: Option<Reservation>,
}

impl SnapshotSink {
    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Makes the snapshot visible and durable.
    ///
    /// # Errors
    /// The store says no, or an earlier write has failed. Nothing is left then.
    pub fn finish(self) -> Result<Finished, StateError> {
        let Self { to, mut buffer, crc, bytes } = self;
        let crc = crc.finalize();
        match to {
            To::Memory(mut piece) => {
                buffer.shrink_to_fit();
                piece.settle(buffer.capacity() as u64);
                Ok(Finished { place: Place::Inline(buffer), bytes, crc, held: piece.keep() })
            }
            To::Buffer { .. } => {
                buffer.shrink_to_fit();
                Ok(Finished { place: Place::Inline(buffer), bytes, crc, held: None })
            }
            To::File(upload) => {
                let stored = upload.finish()?;
                Ok(Finished { place: Place::File { path: stored.path }, bytes, crc, held: None })
            }
            To::Failed => Err(StateError::Usage("a snapshot that has failed cannot be finished".to_owned())),
        }
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        match &mut self.to {
            To::Memory(piece) => {
                let length = self.buffer.len() + bytes.len();
                piece.admit(length as u64)?;
                if length > self.buffer.capacity() {
                    let most = usize::try_from(piece.limit_bytes()).unwrap_or(usize::MAX);
                    let capacity = length.max((self.buffer.capacity() * 2).min(most)).max(4096.min(most));
                    piece.charge(capacity as u64)?;
                    self.buffer.reserve_exact(capacity - self.buffer.len());
                    piece.settle(capacity as u64);
                }
                self.buffer.extend_from_slice(bytes);
            }
            To::Buffer { storage, path, inline_bytes } => {
                if self.buffer.len() + bytes.len() <= *inline_bytes {
                    self.buffer.extend_from_slice(bytes);
                } else {
                    let mut upload = storage.upload(path)?;
                    for piece in [&self.buffer[..], bytes] {
                        upload
                            .write_all(piece)
                            .map_err(|error| super::storage_error("write", path.as_str(), error))?;
                    }
                    self.buffer = Vec::new();
                    self.to = To::File(upload);
                }
            }
            To::File(upload) => {
                upload
                    .write_all(bytes)
                    .map_err(|error| super::storage_error("write", "the snapshot", error))?;
            }
            To::Failed => {
                return Err(StateError::Usage("an earlier write of this snapshot has failed".to_owned()));
            }
        }
        self.crc.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }
}

impl Write for SnapshotSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.put(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(error) => {
                // what was written is given back at once, not when somebody drops the sink
                self.to = To::Failed;
                self.buffer = Vec::new();
                Err(io::Error::other(error))
            }
        }
    }

    /// Does nothing: a snapshot is durable when it is finished.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
