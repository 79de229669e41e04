//! Where snapshots are kept.
//!
//! A [`CheckpointStorage`] is a folder or any store of the crate `object_store`. Its calls block and may come
//! from several threads at once. A local folder works on the calling thread. For any other store the futures
//! run on a runtime that belongs to the storage and has no thread of its own: it is made at the first call
//! (about 10 KiB) and driven by the threads that wait; a call costs a few microseconds beside the store's own
//! time. It must not be called inside an async runtime.
//!
//! Files are written once, under names that are never used again, and become visible whole. In a local folder
//! a finished file and all folders above it are synced, so that it survives a loss of power.

mod directory;
mod local;
mod objects;
mod store;
mod upload;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use object_store::ObjectStore;

pub use directory::CheckpointDirectory;
use objects::Objects;
pub use store::{PendingFile, Store};
pub use upload::{Stored, Upload};

use crate::StateError;
use crate::snapshot::format::ReadAt;
use crate::snapshot::storage_error;

/// Pieces in which files are copied.
const COPY_BYTES: usize = 256 << 10;
/// The longest name of a file, folders included.
const PATH_LIMIT: usize = 1024;

/// A file as a listing names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Where, from the root of the storage on.
    pub path: String,
    /// Its length.
    pub bytes: u64,
}

/// Files by name. Cheap to clone.
#[derive(Debug, Clone)]
pub struct CheckpointStorage {
    store: Arc<dyn Store>,
    root: Arc<str>,
}

impl CheckpointStorage {
    /// The files of a local folder, which is made where it is missing.
    ///
    /// # Errors
    /// [`StateError::Storage`]: the folder cannot be made or opened.
    pub fn local(folder: &Path) -> Result<Self, StateError> {
        let root = folder.display().to_string();
        let objects = Objects::local(folder).map_err(|error| storage_error("open", root.as_str(), error))?;
        Ok(Self::over_store(Arc::new(objects), &root))
    }

    /// The objects of a store; `root` is what errors call it: `s3://bucket`.
    pub fn over(objects: Arc<dyn ObjectStore>, root: &str) -> Self {
        Self::over_store(Arc::new(Objects::over(objects)), root)
    }

    /// The files of anything.
    pub fn over_store(store: Arc<dyn Store>, root: &str) -> Self {
        Self { store, root: root.trim_end_matches('/').into() }
    }

    /// What is below it, to be wrapped.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// What errors call a file.
    pub fn place(&self, path: &str) -> String {
        format!("{}/{path}", self.root)
    }

    /// Begins a file.
    ///
    /// # Errors
    /// [`StateError::Usage`]: the name cannot be one. [`StateError::Storage`]: the store says no.
    pub fn upload(&self, path: &str) -> Result<Upload, StateError> {
        check(path)?;
        Upload::begin(Arc::clone(&self.store), self.place(path), path)
    }

    /// Copies a local file into the storage.
    ///
    /// # Errors
    /// As [`upload`](Self::upload); nothing is left of the file then.
    pub fn upload_file(&self, local: &Path, path: &str) -> Result<Stored, StateError> {
        self.upload_file_while(local, path, || Ok(()))
    }

    pub(super) fn upload_file_while(
        &self,
        local: &Path,
        path: &str,
        go_on: impl Fn() -> Result<(), StateError>,
    ) -> Result<Stored, StateError> {
        let mut upload = self.upload(path)?;
        read_all(local, |piece| {
            go_on()?;
            upload.write_all(piece).map_err(|error| storage_error("write", self.place(path), error))
        })?;
        upload.finish()
    }

    /// Makes a local file, which nobody will ever write again, a file of the storage: by a hard link where
    /// that is possible, otherwise by a copy. A linked file is read once, for its sum.
    ///
    /// # Errors
    /// As [`upload_file`](Self::upload_file).
    pub fn link_or_copy(&self, local: &Path, path: &str) -> Result<Stored, StateError> {
        check(path)?;
        let linked = self.store.link(local, path);
        if !linked.map_err(|error| storage_error("link", self.place(path), error))? {
            return self.upload_file(local, path);
        }
        let (mut bytes, mut crc) = (0, crc32fast::Hasher::new());
        let read = read_all(local, |piece| {
            crc.update(piece);
            bytes += piece.len() as u64;
            Ok(())
        });
        if let Err(error) = read {
            let _ = self.store.delete(path);
            return Err(error);
        }
        Ok(Stored { path: path.to_owned(), bytes, crc: crc.finalize() })
    }

    /// Opens a file to read at any offset.
    ///
    /// # Errors
    /// [`StateError::Storage`], with the kind `NotFound` where there is none.
    pub fn open(&self, path: &str) -> Result<Arc<dyn ReadAt>, StateError> {
        check(path)?;
        self.store.open(path).map_err(|error| storage_error("open", self.place(path), error))
    }

    /// Copies a file to a local one, which is replaced, and checks it on the way.
    ///
    /// # Errors
    /// [`StateError::Corrupt`]: length or sum differ. [`StateError::Storage`]. The local file is removed
    /// then.
    pub fn download(&self, from: &Stored, local: &Path) -> Result<(), StateError> {
        self.download_while(from, local, || Ok(()))
    }

    pub(super) fn download_while(
        &self,
        from: &Stored,
        local: &Path,
        go_on: impl Fn() -> Result<(), StateError>,
    ) -> Result<(), StateError> {
        let source = self.open(&from.path)?;
        let copied = self.copy_out(&*source, from, local, go_on);
        if copied.is_err() {
            let _ = fs::remove_file(local);
        }
        copied
    }

    fn copy_out(
        &self,
        source: &dyn ReadAt,
        from: &Stored,
        local: &Path,
        go_on: impl Fn() -> Result<(), StateError>,
    ) -> Result<(), StateError> {
        let place = self.place(&from.path);
        if source.len() != from.bytes {
            let what = format!("it has {} bytes, {} were written", source.len(), from.bytes);
            return Err(StateError::corrupt(place, what));
        }
        let failed = |error| storage_error("write", local.display().to_string(), error);
        let mut file = File::create(local).map_err(failed)?;
        let mut crc = crc32fast::Hasher::new();
        let mut buffer = vec![0; COPY_BYTES];
        let mut offset = 0;
        while offset < from.bytes {
            go_on()?;
            let length = (from.bytes - offset).min(COPY_BYTES as u64);
            let piece = &mut buffer[..usize::try_from(length).expect("at most a piece")];
            source
                .read_exact_at(piece, offset)
                .map_err(|error| storage_error("read", place.as_str(), error))?;
            crc.update(piece);
            file.write_all(piece).map_err(failed)?;
            offset += length;
        }
        if crc.finalize() != from.crc {
            return Err(StateError::corrupt(place, "its checksum is not that of what was written"));
        }
        Ok(())
    }

    /// Reads all of a small file.
    ///
    /// # Errors
    /// [`StateError::Corrupt`]: it is larger than `limit_bytes`. [`StateError::Storage`].
    pub fn read(&self, path: &str, limit_bytes: usize) -> Result<Vec<u8>, StateError> {
        let source = self.open(path)?;
        let length = usize::try_from(source.len()).ok().filter(|length| *length <= limit_bytes);
        let length = length.ok_or_else(|| {
            let what = format!("it has {} bytes, more than the limit of {limit_bytes}", source.len());
            StateError::corrupt(self.place(path), what)
        })?;
        let mut bytes = vec![0; length];
        source
            .read_exact_at(&mut bytes, 0)
            .map_err(|error| storage_error("read", self.place(path), error))?;
        Ok(bytes)
    }

    /// Removes a file.
    ///
    /// # Errors
    /// [`StateError::Storage`], with the kind `NotFound` where there is none.
    pub fn delete(&self, path: &str) -> Result<(), StateError> {
        check(path)?;
        self.store.delete(path).map_err(|error| storage_error("delete", self.place(path), error))
    }

    /// Removes a file that may be gone already.
    ///
    /// # Errors
    /// [`StateError::Storage`]: it is there and cannot be removed.
    pub fn remove(&self, path: &str) -> Result<(), StateError> {
        match self.delete(path) {
            Err(StateError::Storage { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    /// The files below a folder, by name.
    ///
    /// # Errors
    /// [`StateError::Storage`].
    pub fn list(&self, folder: &str) -> Result<Vec<Listed>, StateError> {
        check(folder)?;
        self.store.list(folder).map_err(|error| storage_error("list", self.place(folder), error))
    }

    /// Removes what crashed processes have left of unfinished files below a folder; they are in no listing.
    /// Nobody may be writing there. Says how many there were. Object stores remove them by a rule of their
    /// own.
    ///
    /// # Errors
    /// [`StateError::Storage`].
    pub fn sweep(&self, folder: &str) -> Result<u64, StateError> {
        check(folder)?;
        self.store.sweep(folder).map_err(|error| storage_error("sweep", self.place(folder), error))
    }

    /// The length of a file.
    ///
    /// # Errors
    /// [`StateError::Storage`], with the kind `NotFound` where there is none.
    pub fn size(&self, path: &str) -> Result<u64, StateError> {
        check(path)?;
        self.store.size(path).map_err(|error| storage_error("look at", self.place(path), error))
    }
}

fn read_all(local: &Path, mut each: impl FnMut(&[u8]) -> Result<(), StateError>) -> Result<(), StateError> {
    let failed = |error| storage_error("read", local.display().to_string(), error);
    let mut file = File::open(local).map_err(failed)?;
    let mut buffer = vec![0; COPY_BYTES];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => each(&buffer[..length])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
}

/// Names that mean the same in every store: letters, digits and `. _ - = + @` between slashes.
fn check(path: &str) -> Result<(), StateError> {
    let segment = |segment: &str| {
        let plain = segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-=+@".contains(&byte));
        plain && !segment.is_empty() && segment != "." && segment != ".."
    };
    if path.len() <= PATH_LIMIT && path.split('/').all(segment) {
        return Ok(());
    }
    Err(StateError::Usage(format!(
        "{path:?} is no name of a file in a checkpoint storage: letters, digits and ._-=+@ between slashes, \
         at most {PATH_LIMIT} bytes"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "job-1/chk-17/op_1-0", "a/b.c/d=e+f@g"] {
            check(good).unwrap();
        }
        let long = "x".repeat(PATH_LIMIT + 1);
        for bad in ["", "/a", "a/", "a//b", ".", "a/../b", "a b", "a#1", "ä", "a\\b", &long] {
            assert!(check(bad).unwrap_err().to_string().contains("no name of a file"), "{bad}");
        }
    }
}
