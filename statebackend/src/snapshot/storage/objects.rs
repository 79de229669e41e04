//! A store over the crate `object_store`.

use std::error::Error as _;
use std::fmt;
use std::fs::{self, File};
use std::future::Future;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};
use tokio::runtime::{Builder, Handle, Runtime};

use super::Listed;
use super::local;
use super::store::{PendingFile, Store};
use crate::snapshot::format::{OpenFile, ReadAt};

/// Small, so that a task with several uploads at once stays small.
const LOCAL_PART_BYTES: usize = 256 << 10;
/// Object stores refuse smaller pieces; at ten thousand pieces a file may have 80 GB.
const REMOTE_PART_BYTES: usize = 8 << 20;
/// How often a file is begun whose folder vanishes.
const BEGIN_ATTEMPTS: u32 = 8;

/// Any object store, with calls that block.
#[derive(Clone)]
pub(super) struct Objects {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn ObjectStore>,
    drive: Drive,
}

/// Who polls the futures.
enum Drive {
    /// The calling thread: the local store works inside of `poll`, and a runtime would only send each call to
    /// another thread and back. Files lie in this folder.
    Local(PathBuf),
    /// A runtime without threads of its own: the calling threads drive it, in turns.
    Runtime(OnceLock<Runtime>),
}

impl Objects {
    /// Files of a folder, which is made where it is missing. Everything is synced before it counts as
    /// written; folders below it that become empty are removed.
    pub(super) fn local(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let folder = fs::canonicalize(folder)?;
        let store = LocalFileSystem::new_with_prefix(&folder).map_err(error)?;
        let store = store.with_fsync(true).with_automatic_cleanup(true);
        Ok(Self { inner: Arc::new(Inner { store: Arc::new(store), drive: Drive::Local(folder) }) })
    }

    pub(super) fn over(store: Arc<dyn ObjectStore>) -> Self {
        Self { inner: Arc::new(Inner { store, drive: Drive::Runtime(OnceLock::new()) }) }
    }

    /// The folder, where it is a local one.
    pub(super) fn folder(&self) -> Option<&Path> {
        match &self.inner.drive {
            Drive::Local(folder) => Some(folder),
            Drive::Runtime(_) => None,
        }
    }
}

impl Inner {
    fn wait<T>(&self, future: impl Future<Output = object_store::Result<T>>) -> io::Result<T> {
        match &self.drive {
            Drive::Local(_) => block_on(future).map_err(error),
            Drive::Runtime(cell) => {
                if Handle::try_current().is_ok() {
                    return Err(io::Error::new(
                        ErrorKind::WouldBlock,
                        "a checkpoint storage blocks and was called inside an async runtime: call it on a \
                         thread of its own (spawn_blocking)",
                    ));
                }
                let runtime = if let Some(runtime) = cell.get() {
                    runtime
                } else {
                    let built = Builder::new_current_thread().enable_all().max_blocking_threads(4).build()?;
                    // of two that are built at once one is dropped, unused
                    cell.get_or_init(|| built)
                };
                runtime.block_on(future).map_err(error)
            }
        }
    }
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Objects({})", self.inner.store)
    }
}

/// Polls a future on this thread until it is ready.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(answer) => return answer,
            // only where the caller is inside somebody's async runtime, which the local store then uses
            Poll::Pending => thread::park(),
        }
    }
}

/// The error as an [`io::Error`] of the kind that is buried in it, with the store's whole text.
fn error(error: object_store::Error) -> io::Error {
    let mut kind = match &error {
        object_store::Error::NotFound { .. } => ErrorKind::NotFound,
        object_store::Error::AlreadyExists { .. } => ErrorKind::AlreadyExists,
        object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
            ErrorKind::PermissionDenied
        }
        _ => ErrorKind::Other,
    };
    if kind == ErrorKind::Other {
        let mut source = error.source();
        while let Some(inner) = source {
            if let Some(io) = inner.downcast_ref::<io::Error>() {
                kind = io.kind();
                break;
            }
            source = inner.source();
        }
    }
    io::Error::new(kind, error)
}

fn object_path(path: &str) -> io::Result<ObjectPath> {
    ObjectPath::parse(path).map_err(|error| io::Error::new(ErrorKind::InvalidInput, error))
}

impl Store for Objects {
    fn begin(&self, path: &str) -> io::Result<Box<dyn PendingFile>> {
        let object = object_path(path)?;
        let mut attempts = 0;
        let upload = loop {
            match self.inner.wait(self.inner.store.put_multipart(&object)) {
                // another snapshot was given up, and its folder, which is ours too, removed while it was empty
                Err(error)
                    if error.kind() == ErrorKind::NotFound
                        && self.folder().is_some()
                        && attempts < BEGIN_ATTEMPTS =>
                {
                    attempts += 1;
                }
                begun => break begun?,
            }
        };
        Ok(Box::new(Pending { inner: Arc::clone(&self.inner), upload, path: path.to_owned() }))
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn ReadAt>> {
        if let Some(folder) = self.folder() {
            return Ok(Arc::new(OpenFile::new(File::open(folder.join(path))?)?));
        }
        let path = object_path(path)?;
        let bytes = self.inner.wait(self.inner.store.head(&path))?.size;
        Ok(Arc::new(Remote { inner: Arc::clone(&self.inner), path, bytes }))
    }

    fn size(&self, path: &str) -> io::Result<u64> {
        let path = object_path(path)?;
        Ok(self.inner.wait(self.inner.store.head(&path))?.size)
    }

    fn delete(&self, path: &str) -> io::Result<()> {
        let path = object_path(path)?;
        self.inner.wait(self.inner.store.delete(&path))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<Listed>> {
        let mut found = Vec::new();
        let mut open = vec![object_path(folder)?];
        while let Some(folder) = open.pop() {
            let listed = match self.inner.wait(self.inner.store.list_with_delimiter(Some(&folder))) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                listed => listed?,
            };
            open.extend(listed.common_prefixes);
            found.extend(
                listed
                    .objects
                    .into_iter()
                    .map(|object| Listed { path: object.location.as_ref().to_owned(), bytes: object.size }),
            );
        }
        found.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    fn link(&self, from: &Path, path: &str) -> io::Result<bool> {
        match self.folder() {
            Some(folder) => local::link(from, folder, path),
            None => Ok(false),
        }
    }

    fn sweep(&self, folder: &str) -> io::Result<u64> {
        match self.folder() {
            Some(root) => local::sweep(root, &root.join(folder)),
            None => Ok(0),
        }
    }

    fn part_bytes(&self) -> usize {
        if self.folder().is_some() { LOCAL_PART_BYTES } else { REMOTE_PART_BYTES }
    }
}

struct Pending {
    inner: Arc<Inner>,
    upload: Box<dyn MultipartUpload>,
    path: String,
}

impl PendingFile for Pending {
    fn put(&mut self, part: Vec<u8>) -> io::Result<()> {
        let Self { inner, upload, .. } = self;
        let part = upload.put_part(PutPayload::from(part));
        inner.wait(part)
    }

    fn complete(&mut self) -> io::Result<()> {
        let Self { inner, upload, path } = self;
        let completed = inner.wait(upload.complete());
        if let (Err(_), Drive::Local(folder)) = (&completed, &inner.drive) {
            // it may have failed at its last step, when the name was there already
            let _ = fs::remove_file(folder.join(path));
        }
        completed.map(|_| ())
    }

    fn abort(&mut self) -> io::Result<()> {
        let Self { inner, upload, path } = self;
        let aborted = inner.wait(upload.abort());
        match &inner.drive {
            Drive::Local(folder) => {
                // where the completion has failed, there is nothing to abort any more, and a file is left
                local::remove_staged(folder, path);
                Ok(())
            }
            Drive::Runtime(_) => aborted,
        }
    }
}

struct Remote {
    inner: Arc<Inner>,
    path: ObjectPath,
    bytes: u64,
}

impl ReadAt for Remote {
    fn len(&self) -> u64 {
        self.bytes
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        if buffer.is_empty() {
            return Ok(());
        }
        let end = offset.checked_add(buffer.len() as u64).filter(|end| *end <= self.bytes);
        let end = end.ok_or(ErrorKind::UnexpectedEof)?;
        let bytes = self.inner.wait(self.inner.store.get_range(&self.path, offset..end))?;
        if bytes.len() != buffer.len() {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        buffer.copy_from_slice(&bytes);
        Ok(())
    }
}
