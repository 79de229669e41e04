//! A file on its way into a storage.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use super::store::{PendingFile, Store};
use crate::StateError;
use crate::snapshot::storage_error;

/// A file of a storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Where, from the root of the storage on.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// The CRC-32 of its content.
    pub crc: u32,
}

/// A file that is being written. It becomes visible with [`finish`](Self::finish), whole and durable; dropped
/// before, it leaves nothing. Keeps one piece of the store: 256 KiB for a local folder, 8 MiB otherwise.
pub struct Upload {
    store: Arc<dyn Store>,
    /// The whole name, for errors.
    place: String,
    path: String,
    pending: Option<Box<dyn PendingFile>>,
    part: Vec<u8>,
    part_bytes: usize,
    bytes: u64,
    crc: crc32fast::Hasher,
}

impl Upload {
    pub(super) fn begin(store: Arc<dyn Store>, place: String, path: &str) -> Result<Self, StateError> {
        let pending = store.begin(path).map_err(|error| storage_error("create", place.as_str(), error))?;
        let part_bytes = store.part_bytes();
        Ok(Self {
            store,
            place,
            path: path.to_owned(),
            pending: Some(pending),
            part: Vec::new(),
            part_bytes,
            bytes: 0,
            crc: crc32fast::Hasher::new(),
        })
    }

    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Makes the file visible and durable.
    ///
    /// # Errors
    /// The store says no. Nothing is left of the file then.
    pub fn finish(mut self) -> Result<Stored, StateError> {
        self.put_part()?;
        if let Some(mut pending) = self.pending.take()
            && let Err(error) = pending.complete()
        {
            let _ = pending.abort();
            return Err(storage_error("finish", self.place.as_str(), error));
        }
        Ok(Stored {
            path: std::mem::take(&mut self.path),
            bytes: self.bytes,
            crc: std::mem::take(&mut self.crc).finalize(),
        })
    }

    fn put_part(&mut self) -> Result<(), StateError> {
        let Some(pending) = &mut self.pending else {
            let gone = io::Error::new(io::ErrorKind::BrokenPipe, "an earlier write has failed");
            return Err(storage_error("write", self.place.as_str(), gone));
        };
        if self.part.is_empty() {
            return Ok(());
        }
        pending.put(std::mem::take(&mut self.part)).map_err(|error| {
            if let Some(mut pending) = self.pending.take() {
                let _ = pending.abort();
            }
            storage_error("write", self.place.as_str(), error)
        })
    }
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.part.capacity() == 0 {
            self.part.reserve_exact(self.part_bytes);
        }
        let taken = bytes.len().min(self.part_bytes - self.part.len());
        self.part.extend_from_slice(&bytes[..taken]);
        self.crc.update(&bytes[..taken]);
        self.bytes += taken as u64;
        if self.part.len() == self.part_bytes {
            self.put_part().map_err(io::Error::other)?;
        }
        Ok(taken)
    }

    /// Does nothing: a file is durable when it is finished, and not in pieces.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(mut pending) = self.pending.take() {
            let _ = pending.abort();
        }
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload")
            .field("place", &self.place)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}
