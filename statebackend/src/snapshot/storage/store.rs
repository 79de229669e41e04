//! What a checkpoint storage needs of the place that keeps its files.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::Listed;
use crate::snapshot::format::ReadAt;

/// A place that keeps files under names with slashes. Calls block; several threads may call at once.
///
/// [`CheckpointStorage`](super::CheckpointStorage) is built on it and adds names, sums and errors. Implement
/// it for a store that [`object_store`] does not cover, or to inject faults in tests.
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Begins a file; it is not visible before [`PendingFile::complete`].
    ///
    /// # Errors
    /// The store says no.
    fn begin(&self, path: &str) -> io::Result<Box<dyn PendingFile>>;

    /// Opens a file to read.
    ///
    /// # Errors
    /// The store says no; [`io::ErrorKind::NotFound`] where there is no such file.
    fn open(&self, path: &str) -> io::Result<Arc<dyn ReadAt>>;

    /// The length of a file.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    fn size(&self, path: &str) -> io::Result<u64>;

    /// Removes a file.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    fn delete(&self, path: &str) -> io::Result<()>;

    /// All files below a folder; none where there is no such folder.
    ///
    /// # Errors
    /// The store says no.
    fn list(&self, folder: &str) -> io::Result<Vec<Listed>>;

    /// Makes a finished local file a file of the store without copying it, durably. `false`: this store
    /// cannot, or not this file; nothing has changed then.
    ///
    /// # Errors
    /// It could, and failed.
    fn link(&self, local: &Path, path: &str) -> io::Result<bool> {
        let _ = (local, path);
        Ok(false)
    }

    /// Removes what crashed processes have left of unfinished files below a folder. Says how many there were;
    /// 0 where the store does that by itself.
    ///
    /// # Errors
    /// The store says no.
    fn sweep(&self, folder: &str) -> io::Result<u64> {
        let _ = folder;
        Ok(0)
    }

    /// The size of the pieces in which [`PendingFile::put`] is called; the last one is smaller.
    fn part_bytes(&self) -> usize;
}

/// A file that is being written.
pub trait PendingFile: Send {
    /// Appends a piece.
    ///
    /// # Errors
    /// The store says no; [`abort`](Self::abort) is called then.
    fn put(&mut self, part: Vec<u8>) -> io::Result<()>;

    /// Makes the file visible, whole, and durable.
    ///
    /// # Errors
    /// The store says no; the file is not visible then, and [`abort`](Self::abort) is called.
    fn complete(&mut self) -> io::Result<()>;

    /// Removes what was written. Called at most once, and never after a successful
    /// [`complete`](Self::complete).
    ///
    /// # Errors
    /// The store says no; then pieces may be left that nobody sees.
    fn abort(&mut self) -> io::Result<()>;
}
