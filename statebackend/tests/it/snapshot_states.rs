//! Snapshots of whole backends: any byte may be damaged, any file may be gone, any call of the storage may fail; and a
//! thousand incremental ones leave nothing behind.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

use plimsoll_statebackend::serializer::{I64, Utf8};
use plimsoll_statebackend::snapshot::KeyedStateHandle;
use plimsoll_statebackend::snapshot::format::{Compression, ReadAt};
use plimsoll_statebackend::snapshot::registry::{self, Action, Event, SharedRegistry};
use plimsoll_statebackend::snapshot::storage::{
    CheckpointDirectory, CheckpointStorage, Listed, PendingFile, Store,
};
use plimsoll_statebackend::state::{
    ListDescriptor, ListState, MapDescriptor, MapState, ValueDescriptor, ValueState,
};
use plimsoll_statebackend::{ErrorKind, KeyedBackend, SnapshotKind, StateError};

use crate::support::{FULL, Kind, Place, whole};

struct States {
    backend: KeyedBackend<I64>,
    value: ValueState<I64, Utf8>,
    list: ListState<I64, I64>,
    map: MapState<I64, I64, Utf8>,
}

fn open(
    place: &Place,
    kind: Kind,
    attempt: &str,
    handles: &[KeyedStateHandle],
) -> Result<States, StateError> {
    let (groups, range) = whole(13);
    let mut backend = place.open(kind, I64, groups, range, attempt, handles)?;
    Ok(States {
        value: backend.value_state(&ValueDescriptor::new("value", Utf8))?,
        list: backend.list_state(&ListDescriptor::new("list", I64))?,
        map: backend.map_state(&MapDescriptor::new("map", I64, Utf8))?,
        backend,
    })
}

/// Writes a version of everything.
fn write(states: &States, version: i64) {
    for key in 0..6 {
        states.value.set(&key, &(), &format!("value {key} of {version}")).unwrap();
        states.list.update(&key, &(), &[key, version]).unwrap();
        states.list.add(&key, &(), &7).unwrap();
        states.map.put(&key, &(), &(version % 2), &format!("entry of {version}")).unwrap();
        states.map.remove(&key, &(), &((version + 1) % 2)).unwrap();
    }
}

/// Everything is of that version.
fn verify(states: &States, version: i64) {
    for key in 0..6 {
        assert_eq!(states.value.get(&key, &()).unwrap(), Some(format!("value {key} of {version}")));
        assert_eq!(states.list.get(&key, &()).unwrap(), [key, version, 7]);
        let entries = states.map.entries(&key, &()).unwrap();
        assert_eq!(entries, [(version % 2, format!("entry of {version}"))]);
    }
    assert_eq!(states.value.get(&6, &()).unwrap(), None);
}

fn taken(place: &Place, kind: Kind, snapshot: SnapshotKind) -> KeyedStateHandle {
    let mut states = open(place, kind, "1", &[]).unwrap();
    write(&states, 1);
    states.backend.snapshot(&place.request(1, snapshot)).unwrap().run().unwrap().handle
}

/// The files of a handle, as they are on the disk.
fn files(place: &Place, handle: &KeyedStateHandle) -> Vec<PathBuf> {
    let shared = handle.shared().iter().map(|file| file.path.as_str());
    let all = handle.private_paths().into_iter().chain(shared);
    all.map(|path| place.path().join("checkpoints").join(path)).collect()
}

/// A damaged snapshot is an error that says so.
#[track_caller]
fn refuses(place: &Place, kind: Kind, handle: &KeyedStateHandle, what: &str) {
    match open(place, kind, "damaged", std::slice::from_ref(handle)) {
        Ok(_) => panic!("{what} is not noticed by {kind:?}"),
        Err(error) => {
            let named = [ErrorKind::Corrupt, ErrorKind::Storage, ErrorKind::Incompatible, ErrorKind::Usage];
            assert!(named.contains(&error.kind()), "{what}: {error}");
        }
    }
}

#[test]
fn any_byte_of_a_full_snapshot() {
    let mut restores = 0;
    for (kind, compression) in [(Kind::Heap, Compression::None), (Kind::Rocks, Compression::Snappy)] {
        let place = Place::new(32 << 20);
        let handle = taken(&place, kind, SnapshotKind::Full(compression));
        let [file] = &*files(&place, &handle) else { panic!("{handle:?}") };
        let good = fs::read(file).unwrap();
        for at in 0..good.len() {
            for flip in [0x01, 0x80, 0xFF] {
                let mut bad = good.clone();
                bad[at] ^= flip;
                fs::write(file, &bad).unwrap();
                let what = format!("byte {at} of {} xor {flip:#x}", good.len());
                refuses(&place, Kind::Heap, &handle, &what);
                restores += 1;
                if at % 40 == 0 && flip == 0xFF {
                    refuses(&place, Kind::Rocks, &handle, &what);
                    restores += 1;
                }
            }
            // cut off
            fs::write(file, &good[..at]).unwrap();
            refuses(&place, Kind::Heap, &handle, "a part");
        }
        fs::write(file, [&good[..], &[0]].concat()).unwrap();
        refuses(&place, Kind::Heap, &handle, "a byte more");
        fs::remove_file(file).unwrap();
        for kind in Kind::ALL {
            refuses(&place, kind, &handle, "no file");
        }
        fs::write(file, &good).unwrap();
        for kind in Kind::ALL {
            verify(&open(&place, kind, "good", std::slice::from_ref(&handle)).unwrap(), 1);
        }
    }
    println!("{restores} restores");
}

#[test]
fn any_byte_of_an_incremental_snapshot() {
    use plimsoll_statebackend::snapshot::incremental::{Transfer, download};

    let never = std::sync::atomic::AtomicBool::new(false);
    let transfer = Transfer { threads: 1, link: false, abort: &never };
    let place = Place::new(32 << 20);
    let handle = taken(&place, Kind::Rocks, SnapshotKind::Incremental);
    let into = place.path().join("downloaded");
    fs::create_dir_all(&into).unwrap();
    let (mut downloads, mut restores) = (0, 0);
    for file in files(&place, &handle) {
        let good = fs::read(&file).unwrap();
        // the file of options is long and no different from the others
        let stride = good.len().div_ceil(2_000);
        for at in (0..good.len()).filter(|at| at % stride == 0 || at + 1 == good.len()) {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            fs::write(&file, &bad).unwrap();
            let error = download(&handle, &place.storage, &into, transfer).map(|_| ()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            downloads += 1;
            if at == 0 || at + 1 == good.len() {
                refuses(&place, Kind::Rocks, &handle, &format!("byte {at} of {}", file.display()));
                restores += 1;
            }
        }
        if !good.is_empty() {
            fs::write(&file, &good[..good.len() / 2]).unwrap();
            refuses(&place, Kind::Rocks, &handle, "a part");
        }
        fs::remove_file(&file).unwrap();
        refuses(&place, Kind::Rocks, &handle, "no file");
        fs::write(&file, &good).unwrap();
    }
    println!("{downloads} downloads, {restores} restores");
    verify(&open(&place, Kind::Rocks, "good", &[handle]).unwrap(), 1);
}

/// A store whose calls fail from one on, until it is healed.
#[derive(Debug)]
struct Failing {
    inner: Arc<dyn Store>,
    left: Arc<AtomicI64>,
}

fn call(left: &AtomicI64) -> io::Result<()> {
    if left.fetch_sub(1, SeqCst) > 0 {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::StorageFull, "no space left, says the test"))
}

impl Store for Failing {
    fn begin(&self, path: &str) -> io::Result<Box<dyn PendingFile>> {
        call(&self.left)?;
        Ok(Box::new(FailingFile { inner: self.inner.begin(path)?, left: Arc::clone(&self.left) }))
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn ReadAt>> {
        self.inner.open(path)
    }

    fn size(&self, path: &str) -> io::Result<u64> {
        self.inner.size(path)
    }

    fn delete(&self, path: &str) -> io::Result<()> {
        self.inner.delete(path)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<Listed>> {
        self.inner.list(folder)
    }

    fn link(&self, local: &Path, path: &str) -> io::Result<bool> {
        call(&self.left)?;
        self.inner.link(local, path)
    }

    fn part_bytes(&self) -> usize {
        4096
    }
}

struct FailingFile {
    inner: Box<dyn PendingFile>,
    left: Arc<AtomicI64>,
}

impl PendingFile for FailingFile {
    fn put(&mut self, part: Vec<u8>) -> io::Result<()> {
        call(&self.left)?;
        self.inner.put(part)
    }

    fn complete(&mut self) -> io::Result<()> {
        call(&self.left)?;
        self.inner.complete()
    }

    fn abort(&mut self) -> io::Result<()> {
        self.inner.abort()
    }
}

/// The place with a storage that fails after so many calls.
fn failing(mut place: Place) -> (Place, Arc<AtomicI64>) {
    let left = Arc::new(AtomicI64::new(i64::MAX));
    let inner = Arc::clone(place.storage.store());
    place.storage =
        CheckpointStorage::over_store(Arc::new(Failing { inner, left: Arc::clone(&left) }), "store");
    place.directory = CheckpointDirectory::new(place.storage.clone(), "job");
    (place, left)
}

#[test]
fn any_call_of_the_storage_may_fail() {
    for (kind, snapshot) in [
        (Kind::Heap, FULL),
        (Kind::Rocks, FULL),
        (Kind::Rocks, SnapshotKind::Incremental),
        (Kind::Hot, SnapshotKind::Incremental),
    ] {
        let (place, left) = failing(Place::new(32 << 20));
        let mut states = open(&place, kind, "1", &[]).unwrap();
        let mut kept: Vec<(KeyedStateHandle, i64)> = Vec::new();
        let mut failures = 0;
        // the first calls one by one; then every fifth, until there are no more
        for calls in (0..24).chain((24..).step_by(5)) {
            let checkpoint = u64::try_from(2 * calls + 1).unwrap();
            write(&states, calls);
            left.store(calls, SeqCst);
            let pending = states.backend.snapshot(&place.request(checkpoint, snapshot)).unwrap();
            // the state goes on, whatever becomes of it
            write(&states, calls + 1000);
            let run = pending.run();
            left.store(i64::MAX, SeqCst);
            let done = run.is_ok();
            if let Err(error) = run {
                assert_eq!(error.kind(), ErrorKind::Storage, "{error}");
                assert!(error.to_string().contains("no space left, says the test"), "{error}");
                states.backend.checkpoint_aborted(checkpoint);
                assert_eq!(place.storage.list(&place.directory.exclusive(checkpoint)).unwrap(), []);
                failures += 1;
            }
            verify(&states, calls + 1000);
            let next = place.request(checkpoint + 1, snapshot);
            let handle = states.backend.snapshot(&next).unwrap().run().unwrap().handle;
            states.backend.checkpoint_completed(checkpoint + 1, None);
            if calls % 8 == 0 || done {
                kept.push((handle, calls + 1000));
            }
            if done {
                break;
            }
        }
        println!("{kind:?} {snapshot:?}: {failures} failures");
        assert!(failures > 2);
        drop(states);
        for (at, (handle, version)) in kept.into_iter().enumerate() {
            verify(&open(&place, kind, &format!("2-{at}"), &[handle]).unwrap(), version);
        }
    }
}

/// The files that a snapshot of a database is made of vanish before it has run.
#[test]
fn linked_files_that_vanish() {
    for snapshot in [FULL, SnapshotKind::Incremental] {
        let place = Place::new(32 << 20);
        let mut states = open(&place, Kind::Rocks, "1", &[]).unwrap();
        write(&states, 1);
        let pending = states.backend.snapshot(&place.request(1, snapshot)).unwrap();
        let folder = place.path().join("op-0-12-1");
        let linked: Vec<PathBuf> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("snapshot-"))
            .collect();
        let [linked] = &*linked else { panic!("{linked:?}") };
        for file in fs::read_dir(linked).unwrap() {
            let file = file.unwrap().path();
            if file.extension().is_some_and(|extension| extension == "sst") {
                fs::remove_file(file).unwrap();
            }
        }
        write(&states, 2);
        let error = pending.run().unwrap_err();
        println!("{error}");
        assert!(matches!(error.kind(), ErrorKind::Storage | ErrorKind::Database), "{error}");
        assert!(error.to_string().contains(".sst"), "{error}");
        verify(&states, 2);
        let handle = states.backend.snapshot(&place.request(2, snapshot)).unwrap().run().unwrap().handle;
        drop(states);
        verify(&open(&place, Kind::Rocks, "2", &[handle]).unwrap(), 2);
    }
}

const ROWS: i64 = 20_000;
const CHECKPOINTS: u64 = 1_000;

#[test]
fn a_thousand_incremental_snapshots() {
    let place = Place::new(64 << 20);
    let (groups, range) = whole(128);
    let mut backend = place.open(Kind::Rocks, I64, groups, range, "1", &[]).unwrap();
    let value = backend.value_state(&ValueDescriptor::new("value", Utf8)).unwrap();
    let text = |key: i64, version: u64| {
        // not to be compressed away
        let mixed = (key.cast_unsigned() + version).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        format!("{mixed:064b}{version}")
    };
    let mut versions: Vec<u64> = vec![0; usize::try_from(ROWS).unwrap()];
    let mut shared = SharedRegistry::new();
    let mut retained: Vec<(u64, KeyedStateHandle)> = Vec::new();
    // bytes that changed, bytes that were uploaded beside the few of each checkpoint, bytes of all files
    let (mut small, mut large): (Vec<u64>, Vec<u64>) = (Vec::new(), Vec::new());
    let mut uploaded = 0;
    for checkpoint in 1..=CHECKPOINTS {
        let step = i64::try_from(checkpoint).unwrap();
        let changed = if step % 100 == 1 { ROWS / 4 } else { 20 };
        for at in 0..changed {
            let key = (step * 7919 + at * 31) % ROWS;
            value.set(&key, &(), &text(key, checkpoint)).unwrap();
            versions[usize::try_from(key).unwrap()] = checkpoint;
        }
        shared.step(Event::Begin { checkpoint });
        let request = place.request(checkpoint, SnapshotKind::Incremental);
        let mut handle = backend.snapshot(&request).unwrap().run().unwrap().handle;
        uploaded += handle.checkpointed_bytes();
        let fresh: u64 = handle.shared().iter().filter(|file| file.fresh).map(|file| file.bytes).sum();
        if changed == 20 {
            small.push(fresh);
        } else {
            large.push(fresh);
        }
        let mut actions = shared.step(Event::Complete { checkpoint, files: registry::references(&handle) });
        for action in &actions {
            match action {
                Action::Refer { key, path, .. } => assert!(registry::refer(&mut handle, key, path)),
                Action::Reject { why, .. } => panic!("{why}"),
                Action::Delete { .. } => {}
            }
        }
        backend.checkpoint_completed(checkpoint, Some(&handle));
        retained.push((checkpoint, handle));
        if retained.len() > 3 {
            let (old, handle) = retained.remove(0);
            actions.extend(shared.step(Event::Drop { checkpoint: old }));
            handle.discard(&place.storage).unwrap();
        }
        assert!(registry::delete(&place.storage, &actions).is_empty());
    }
    let median = |bytes: &mut Vec<u64>| {
        bytes.sort_unstable();
        bytes[bytes.len() / 2]
    };
    let (small, large) = (median(&mut small), median(&mut large));
    let listed = place.storage.list(&place.directory.shared()).unwrap();
    let folder: u64 = listed.iter().map(|file| file.bytes).sum();
    let live: u64 = retained[2].1.shared().iter().map(|file| file.bytes).sum();
    println!(
        "a change of 20 rows uploads {small} bytes, of {} rows {large}; {uploaded} in all; shared folder {folder} bytes \
         in {} files, live {live}",
        ROWS / 4,
        listed.len(),
    );
    // 250 times as much was changed
    assert!(small * 50 < large, "{small} and {large}");
    assert!(folder <= 2 * live, "{folder} of {live}");
    let there: BTreeSet<&str> = listed.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(there, shared.paths().collect(), "no file is left, and none is missing");
    let private: BTreeSet<&str> = retained.iter().flat_map(|(_, handle)| handle.private_paths()).collect();
    let all = place.storage.list("job").unwrap();
    let all: BTreeSet<&str> = all.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(all, there.union(&private).copied().collect());
    drop((value, backend));
    for (checkpoint, handle) in retained {
        let mut backend =
            place.open(Kind::Rocks, I64, groups, range, &format!("2-{checkpoint}"), &[handle]).unwrap();
        let value = backend.value_state(&ValueDescriptor::new("value", Utf8)).unwrap();
        let old = |key: &i64| versions[usize::try_from(*key).unwrap()] <= CHECKPOINTS - 3;
        for key in (0..ROWS).filter(old) {
            let version = versions[usize::try_from(key).unwrap()];
            let expected = (version > 0).then(|| text(key, version));
            assert_eq!(value.get(&key, &()).unwrap(), expected);
        }
    }
}
