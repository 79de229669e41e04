//! Whatever fails in the middle of a snapshot: it fails by name, nothing visible is left, and the next one
//! succeeds.

use std::fs;
use std::io::{self, ErrorKind as Io};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use plimsoll_statebackend::snapshot::format::{Compression, FullReader, FullWriter, ReadAt};
use plimsoll_statebackend::snapshot::incremental::{Incremental, LocalFile, Transfer, download};
use plimsoll_statebackend::snapshot::storage::{
    CheckpointDirectory, CheckpointStorage, Listed, PendingFile, Store, Stored,
};
use plimsoll_statebackend::snapshot::{KeyedStateHandle, SnapshotTarget};
use plimsoll_statebackend::{ErrorKind, StateError};

use crate::snapshot_samples::{RANGE, Random, Record, meta, records};

/// A store whose n-th operation of a kind fails.
#[derive(Debug)]
struct Faulty {
    inner: Arc<dyn Store>,
    plan: Arc<Plan>,
}

#[derive(Debug, Default)]
struct Plan {
    /// Which operation fails, and after how many that succeed.
    fault: Mutex<Option<(&'static str, u64)>>,
    struck: AtomicBool,
    calls: AtomicU64,
}

impl Plan {
    fn set(&self, operation: &'static str, after: u64) {
        *self.fault.lock().unwrap() = Some((operation, after));
        self.struck.store(false, Ordering::Relaxed);
    }

    fn heal(&self) -> bool {
        *self.fault.lock().unwrap() = None;
        self.struck.load(Ordering::Relaxed)
    }

    fn call(&self, operation: &'static str) -> io::Result<()> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let mut fault = self.fault.lock().unwrap();
        match &mut *fault {
            Some((failing, after)) if *failing == operation => {
                if *after == 0 {
                    // from now on it goes on failing, as a full disk does
                    self.struck.store(true, Ordering::Relaxed);
                    return Err(io::Error::new(Io::StorageFull, "no space left, says the test"));
                }
                *after -= 1;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Store for Faulty {
    fn begin(&self, path: &str) -> io::Result<Box<dyn PendingFile>> {
        self.plan.call("begin")?;
        Ok(Box::new(FaultyFile { inner: self.inner.begin(path)?, plan: Arc::clone(&self.plan) }))
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn ReadAt>> {
        self.plan.call("open")?;
        Ok(Arc::new(FaultyRead { inner: self.inner.open(path)?, plan: Arc::clone(&self.plan) }))
    }

    fn size(&self, path: &str) -> io::Result<u64> {
        self.inner.size(path)
    }

    fn delete(&self, path: &str) -> io::Result<()> {
        self.inner.delete(path)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<Listed>> {
        self.plan.call("list")?;
        self.inner.list(folder)
    }

    fn link(&self, local: &Path, path: &str) -> io::Result<bool> {
        self.plan.call("link")?;
        self.inner.link(local, path)
    }

    fn part_bytes(&self) -> usize {
        10_000
    }
}

struct FaultyFile {
    inner: Box<dyn PendingFile>,
    plan: Arc<Plan>,
}

impl PendingFile for FaultyFile {
    fn put(&mut self, mut part: Vec<u8>) -> io::Result<()> {
        if let Err(error) = self.plan.call("put") {
            // half of it is written, as a disk does that becomes full
            part.truncate(part.len() / 2);
            self.inner.put(part)?;
            return Err(error);
        }
        self.inner.put(part)
    }

    fn complete(&mut self) -> io::Result<()> {
        self.plan.call("complete")?;
        self.inner.complete()
    }

    fn abort(&mut self) -> io::Result<()> {
        self.inner.abort()
    }
}

struct FaultyRead {
    inner: Arc<dyn ReadAt>,
    plan: Arc<Plan>,
}

impl ReadAt for FaultyRead {
    fn len(&self) -> u64 {
        self.inner.len()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.plan.call("read")?;
        self.inner.read_exact_at(buffer, offset)
    }
}

/// A local folder behind faults.
fn faulty(folder: &Path) -> (CheckpointStorage, Arc<Plan>) {
    let plan = Arc::new(Plan::default());
    let inner = Arc::clone(CheckpointStorage::local(folder).unwrap().store());
    let root = folder.display().to_string();
    (CheckpointStorage::over_store(Arc::new(Faulty { inner, plan: Arc::clone(&plan) }), &root), plan)
}

/// All files below a folder, those too that a listing does not show.
fn everything(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(everything(&path)) } else { found.push(path) }
    }
    found
}

fn full(storage: &CheckpointStorage, path: &str, records: &[Record]) -> Result<KeyedStateHandle, StateError> {
    let target = SnapshotTarget::files(storage.clone(), 20 << 10)?;
    let mut sink = target.sink("the state", path);
    let mut writer = FullWriter::new(&mut sink, &meta(3), Compression::Snappy)?;
    for (group, state, key, value) in records {
        writer.begin(*group, *state)?;
        writer.record(key, value)?;
    }
    let summary = writer.finish()?;
    let finished = sink.finish()?;
    assert_eq!((finished.bytes, finished.crc), (summary.bytes, summary.crc));
    Ok(KeyedStateHandle::Full {
        range: RANGE,
        place: finished.place,
        bytes: finished.bytes,
        crc: finished.crc,
        records: summary.records,
    })
}

fn read_back(handle: &KeyedStateHandle, storage: &CheckpointStorage) -> Result<Vec<Record>, StateError> {
    let KeyedStateHandle::Full { place, bytes, crc, .. } = handle else { panic!("{handle:?}") };
    let reader = FullReader::open(place.open(storage, *bytes)?, &place.text(storage))?;
    assert_eq!(reader.verify()?.crc, *crc);
    let mut found = Vec::new();
    for state in 0..3 {
        reader.for_each(state, RANGE, |group, key, value| {
            found.push((group, state, key.to_vec(), value.to_vec()));
            Ok(())
        })?;
    }
    found.sort_by_key(|record| (record.0, record.1));
    Ok(found)
}

fn assert_named(error: &StateError, folder: &Path) {
    assert_eq!(error.kind(), ErrorKind::Storage, "{error}");
    let text = error.to_string();
    assert!(text.starts_with("cannot ") && text.contains(&*folder.display().to_string()), "{text}");
}

#[test]
fn every_operation_of_a_full_snapshot_fails_once() {
    let folder = tempfile::tempdir().unwrap();
    let (storage, plan) = faulty(folder.path());
    let written = records(21, 30, 3, 20);
    let mut failures = 0;
    for operation in ["begin", "put", "complete"] {
        for after in 0.. {
            plan.set(operation, after);
            let path = format!("job/chk-{after}/{operation}");
            let done = full(&storage, &path, &written);
            if !plan.heal() {
                done.unwrap().discard(&storage).unwrap();
                break;
            }
            failures += 1;
            let error = done.unwrap_err();
            assert_named(&error, folder.path());
            assert!(error.to_string().contains(&path), "{error}");
            assert!(error.to_string().contains("no space left"), "{error}");
            assert_eq!(everything(folder.path()), [""; 0].map(PathBuf::from), "{operation} {after}");
            let next = full(&storage, &format!("{path}-next"), &written).unwrap();
            assert!(read_back(&next, &storage).unwrap() == written);
            next.discard(&storage).unwrap();
        }
    }
    for operation in ["open", "read"] {
        let handle = full(&storage, "job/chk-1/read", &written).unwrap();
        for after in 0.. {
            plan.set(operation, after);
            let found = read_back(&handle, &storage);
            if !plan.heal() {
                assert!(found.unwrap() == written);
                break;
            }
            failures += 1;
            assert_named(&found.unwrap_err(), folder.path());
        }
    }
    println!("{failures} failures, {} calls", plan.calls.load(Ordering::Relaxed));
    assert!(failures > 20);
}

/// A database of a few files.
fn database(folder: &Path) -> Vec<LocalFile> {
    let mut random = Random(22);
    let names = ["000001.sst", "000002.sst", "000003.sst", "000004.sst", "CURRENT", "MANIFEST-000001"];
    let file = |name: &str| {
        let path = folder.join(name);
        let bytes = 15_000 + random.below(20_000);
        fs::write(&path, random.bytes(bytes)).unwrap();
        LocalFile { name: name.to_owned(), path, bytes: bytes as u64 }
    };
    names.map(file).into()
}

fn incremental(
    storage: &CheckpointStorage,
    checkpoint: u64,
    live: &[LocalFile],
    transfer: Transfer<'_>,
) -> Result<KeyedStateHandle, StateError> {
    let directory = CheckpointDirectory::new(storage.clone(), "job");
    let snapshot = Incremental {
        backend: "backend-1",
        checkpoint,
        meta: &meta(2),
        families: &[],
        live,
        confirmed: &[],
        directory: &directory,
        unique: "task-1",
        // the manifest is a file
        inline_bytes: 0,
    };
    snapshot.upload(transfer)
}

fn assert_same(live: &[LocalFile], folder: &Path) {
    for file in live {
        assert!(fs::read(&file.path).unwrap() == fs::read(folder.join(&file.name)).unwrap(), "{}", file.name);
    }
}

#[test]
fn every_operation_of_an_incremental_snapshot_fails_once() {
    let (folder, local) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (storage, plan) = faulty(folder.path());
    let live = database(local.path());
    let never = AtomicBool::new(false);
    let mut checkpoint = 0;
    let mut failures = 0;
    for threads in [1, 4] {
        let copy = Transfer { threads, link: false, abort: &never };
        for (operation, link) in
            [("begin", false), ("put", false), ("complete", false), ("link", true), ("complete", true)]
        {
            for after in 0.. {
                checkpoint += 2;
                plan.set(operation, after);
                let done = incremental(&storage, checkpoint, &live, Transfer { link, ..copy });
                if !plan.heal() {
                    remove(&done.unwrap(), &storage);
                    break;
                }
                failures += 1;
                assert_named(&done.unwrap_err(), folder.path());
                assert!(everything(folder.path()).is_empty(), "{operation} {after}");
                let next = incremental(&storage, checkpoint + 1, &live, copy).unwrap();
                let into = tempfile::tempdir().unwrap();
                download(&next, &storage, into.path(), copy).unwrap();
                assert_same(&live, into.path());
                remove(&next, &storage);
            }
        }
        let handle = incremental(&storage, checkpoint, &live, copy).unwrap();
        for operation in ["open", "read"] {
            for after in 0.. {
                let into = tempfile::tempdir().unwrap();
                plan.set(operation, after);
                let done = download(&handle, &storage, into.path(), copy);
                if !plan.heal() {
                    done.unwrap();
                    break;
                }
                failures += 1;
                assert_named(&done.unwrap_err(), folder.path());
                assert!(everything(into.path()).is_empty(), "{operation} {after}");
            }
        }
        remove(&handle, &storage);
    }
    println!("{failures} failures");
    assert!(failures > 60);
    assert!(everything(folder.path()).is_empty());
}

fn remove(handle: &KeyedStateHandle, storage: &CheckpointStorage) {
    handle.discard(storage).unwrap();
    for file in handle.shared() {
        storage.delete(&file.path).unwrap();
    }
}

#[test]
fn files_that_vanish() {
    let (folder, local) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let storage = CheckpointStorage::local(folder.path()).unwrap();
    let live = database(local.path());
    let never = AtomicBool::new(false);
    let copy = Transfer { threads: 4, link: false, abort: &never };
    // of the database, before the upload
    for link in [false, true] {
        let hidden = local.path().join("hidden");
        fs::rename(&live[2].path, &hidden).unwrap();
        let error = incremental(&storage, 1, &live, Transfer { link, ..copy }).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Storage);
        let named = link || error.to_string().contains("000003.sst");
        assert!(named && error.to_string().contains("No such file"), "{error}");
        assert!(everything(folder.path()).is_empty());
        fs::rename(&hidden, &live[2].path).unwrap();
    }
    // a file that has grown since it was listed
    let listed: Vec<LocalFile> =
        live.iter().map(|file| LocalFile { bytes: file.bytes - 1, ..file.clone() }).collect();
    assert_eq!(incremental(&storage, 2, &listed, copy).unwrap_err().kind(), ErrorKind::Corrupt);
    assert!(everything(folder.path()).is_empty());
    // of the storage, before the restore; and one that was damaged there
    let handle = incremental(&storage, 3, &live, copy).unwrap();
    let paths: Vec<String> =
        everything(folder.path()).iter().map(|path| path.display().to_string()).collect();
    assert_eq!(paths.len(), live.len() + 1);
    for path in &paths {
        let into = tempfile::tempdir().unwrap();
        let good = fs::read(path).unwrap();
        fs::remove_file(path).unwrap();
        let error = download(&handle, &storage, into.path(), copy).unwrap_err();
        assert_named(&error, folder.path());
        assert!(error.to_string().contains(path) && error.to_string().contains("No such file"), "{error}");
        assert!(everything(into.path()).is_empty());
        for at in (0..good.len()).step_by(1 + good.len() / 20) {
            let mut bad = good.clone();
            bad[at] ^= 2;
            fs::write(path, bad).unwrap();
            let error = download(&handle, &storage, into.path(), copy).unwrap_err();
            assert!(error.kind() == ErrorKind::Corrupt && error.to_string().contains(path), "{error}");
            assert!(everything(into.path()).is_empty());
        }
        fs::write(path, good).unwrap();
        download(&handle, &storage, into.path(), copy).unwrap();
        assert_same(&live, into.path());
    }
    // a full snapshot
    let written = records(23, 30, 3, 20);
    let handle = full(&storage, "job/chk-4/state", &written).unwrap();
    fs::remove_file(folder.path().join("job/chk-4/state")).unwrap();
    assert_named(&read_back(&handle, &storage).unwrap_err(), folder.path());
    // the whole folder, in the middle of writing
    let mut upload = storage.upload("job/chk-5/state").unwrap();
    io::Write::write_all(&mut upload, &vec![1; 1 << 20]).unwrap();
    fs::remove_dir_all(folder.path().join("job")).unwrap();
    let error = upload.finish().unwrap_err();
    assert_named(&error, folder.path());
    assert!(full(&storage, "job/chk-6/state", &written).is_ok());
}

#[test]
fn an_aborted_snapshot_leaves_nothing() {
    let (folder, local) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let storage = CheckpointStorage::local(folder.path()).unwrap();
    let live = database(local.path());
    let abort = AtomicBool::new(true);
    let copy = Transfer { threads: 2, link: false, abort: &abort };
    let error = incremental(&storage, 1, &live, copy).unwrap_err();
    assert!(error.to_string().contains("the snapshot was aborted"), "{error}");
    assert!(everything(folder.path()).is_empty());
    // an upload, and a sink, that nobody finishes
    let mut upload = storage.upload("job/chk-1/a").unwrap();
    io::Write::write_all(&mut upload, &vec![1; 1 << 20]).unwrap();
    assert_eq!(everything(folder.path()).len(), 1, "it is being written");
    assert!(storage.list("job").unwrap().is_empty(), "and not visible");
    drop(upload);
    assert!(everything(folder.path()).is_empty());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "not even a folder");
    // a process that was killed meanwhile
    fs::create_dir_all(folder.path().join("job/chk-9")).unwrap();
    fs::write(folder.path().join("job/chk-9/state#1"), "half").unwrap();
    fs::write(folder.path().join("job/state"), "whole").unwrap();
    assert_eq!(storage.list("job").unwrap().len(), 1);
    assert_eq!((storage.sweep("job").unwrap(), storage.sweep("nowhere").unwrap()), (1, 0));
    assert_eq!(everything(folder.path()), [folder.path().join("job/state")]);
    assert!(!folder.path().join("job/chk-9").exists());
    abort.store(false, Ordering::Relaxed);
    incremental(&storage, 2, &live, copy).unwrap();
}

#[test]
fn a_linked_file_is_the_same_file() {
    let (folder, local) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let storage = CheckpointStorage::local(folder.path()).unwrap();
    let live = database(local.path());
    let never = AtomicBool::new(false);
    let handle = incremental(&storage, 1, &live, Transfer { threads: 2, link: true, abort: &never }).unwrap();
    for (shared, file) in handle.shared().iter().zip(&live) {
        use std::os::unix::fs::MetadataExt;
        let inode = |path: &Path| fs::metadata(path).unwrap().ino();
        assert_eq!(inode(&folder.path().join(&shared.path)), inode(&file.path));
        assert_eq!(shared.crc, crc32fast::hash(&fs::read(&file.path).unwrap()));
        let again = storage.link_or_copy(&file.path, &shared.path).unwrap_err();
        assert!(again.to_string().starts_with("cannot link "), "names are used once: {again}");
    }
}

/// Any other store: here the crate's own in memory, driven by the storage's runtime, from several threads at
/// once.
#[test]
fn another_object_store() {
    let storage = CheckpointStorage::over(Arc::new(object_store::memory::InMemory::new()), "memory:");
    let written = records(24, 30, 3, 20);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (storage, written) = (&storage, &written);
            scope.spawn(move || {
                for round in 0..20 {
                    let path = format!("job/chk-{round}/{thread}");
                    let handle = full(storage, &path, written).unwrap();
                    assert!(read_back(&handle, storage).unwrap() == *written);
                    assert_eq!(storage.size(&path).unwrap(), handle.state_bytes());
                }
            });
        }
    });
    assert_eq!(storage.list("job").unwrap().len(), 80);
    let large = vec![3; 20 << 20];
    let mut upload = storage.upload("job/large").unwrap();
    io::Write::write_all(&mut upload, &large).unwrap();
    let stored = upload.finish().unwrap();
    assert_eq!(
        stored,
        Stored { path: "job/large".to_owned(), bytes: 20 << 20, crc: crc32fast::hash(&large) }
    );
    storage.delete("job/large").unwrap();
    let error = storage.open("job/large").map(|_| ()).unwrap_err();
    assert!(error.to_string().starts_with("cannot open memory:/job/large: "), "{error}");
    storage.remove("job/large").unwrap();
    // inside an async runtime it says what to do, and does not panic
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let error = runtime.block_on(async { storage.size("job/chk-1/1") }).unwrap_err();
    assert!(error.to_string().contains("spawn_blocking"), "{error}");
}

/// The variable that tells a child process which folder to fail in.
const CHILD: &str = "PLIMSOLL_TEST_FOLDER";
/// The variable that tells it where the database's files are, which it could not write itself.
const DATABASE: &str = "PLIMSOLL_TEST_DATABASE";

/// In a child process, where the disk is really full or really closed: each snapshot fails by name and leaves
/// nothing; a small one succeeds where there is some room.
fn child(room: bool) -> bool {
    let Some(folder) = std::env::var_os(CHILD).map(PathBuf::from) else { return false };
    let before = everything(&folder);
    let storage = CheckpointStorage::local(&folder).unwrap();
    let local = PathBuf::from(std::env::var_os(DATABASE).unwrap());
    let file = |path: PathBuf| LocalFile {
        name: path.file_name().unwrap().to_str().unwrap().to_owned(),
        bytes: fs::metadata(&path).unwrap().len(),
        path,
    };
    let live: Vec<LocalFile> = everything(&local).into_iter().map(file).collect();
    let written = records(25, 39, 3, 300);
    let never = AtomicBool::new(false);
    for round in 0..3 {
        let error = full(&storage, &format!("job/chk-{round}/state"), &written).unwrap_err();
        assert_named(&error, &folder);
        println!("child: {error}");
        assert_eq!(everything(&folder), before);
        let error = incremental(&storage, round, &live, Transfer { threads: 4, link: false, abort: &never });
        assert_named(&error.unwrap_err(), &folder);
        assert_eq!(everything(&folder), before);
        if room {
            let few = &written[..700];
            let handle = full(&storage, &format!("job/chk-{round}/small"), few).unwrap();
            assert!(read_back(&handle, &storage).unwrap() == few);
            handle.discard(&storage).unwrap();
        }
    }
    true
}

/// Runs one test of this binary again, by a shell line in which `$0` is the binary and `$1` the folder.
fn in_child(test: &str, line: &str, folder: &Path) -> bool {
    let me = std::env::current_exe().unwrap();
    let line = line.replace("TEST", &format!("\"$0\" --exact snapshot_faults::{test} --nocapture"));
    let local = tempfile::tempdir().unwrap();
    database(local.path());
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(&line).arg(me).arg(folder).env(CHILD, folder).env(DATABASE, local.path());
    let done = shell.output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    print!("{said}");
    if said.contains("cannot be arranged here") {
        return false;
    }
    assert!(done.status.success() && said.contains("child: cannot "), "{said}");
    true
}

#[test]
fn a_limit_on_the_length_of_files() {
    if child(true) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // 24 blocks of 512 bytes; the signal is ignored, so that the write fails instead
    assert!(in_child("a_limit_on_the_length_of_files", "trap '' XFSZ; ulimit -f 24; TEST", folder.path()));
}

#[test]
fn a_disk_that_is_full() {
    if child(true) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mount = "mount -t tmpfs -o size=64k tmpfs \"$1\" 2>&1 || { echo cannot be arranged here; exit; }; ";
    let inside = format!("{mount}TEST");
    // a mount of its own, which goes with the process; where one must be root for it, as root of a user
    // namespace
    for unshare in ["unshare -m", "unshare -rm"] {
        let line = format!(
            "{unshare} sh -c '{inside}' \"$0\" \"$1\" || {{ [ $? = 1 ] && echo cannot be arranged here; }}"
        );
        if in_child("a_disk_that_is_full", &line, folder.path()) {
            return;
        }
    }
    println!("skipped: no tmpfs can be mounted here");
}

#[test]
fn a_folder_that_is_read_only() {
    if child(false) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mount = "mount -t tmpfs -o ro tmpfs \"$1\" 2>&1 || { echo cannot be arranged here; exit; }; ";
    let inside = format!("{mount}TEST");
    for unshare in ["unshare -m", "unshare -rm"] {
        let line = format!(
            "{unshare} sh -c '{inside}' \"$0\" \"$1\" || {{ [ $? = 1 ] && echo cannot be arranged here; }}"
        );
        if in_child("a_folder_that_is_read_only", &line, folder.path()) {
            return;
        }
    }
    println!("skipped: no tmpfs can be mounted here");
}
