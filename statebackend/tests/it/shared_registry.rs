//! The register of shared files against a plain model, and against a thousand snapshots with real files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::atomic::AtomicBool;

use plimsoll_statebackend::snapshot::incremental::{Incremental, LocalFile, Transfer, download};
use plimsoll_statebackend::snapshot::registry::{
    Action, Event, FileKey, FileReference, SharedRegistry, delete, refer, references,
};
use plimsoll_statebackend::snapshot::storage::{CheckpointDirectory, CheckpointStorage};
use plimsoll_statebackend::snapshot::{KeyedStateHandle, SharedFile};
use proptest::prelude::*;

use crate::snapshot_samples::{Random, meta};

/// A backend as the register sees it: files come and go, checkpoints are told to be complete, late or never.
#[derive(Default)]
struct Task {
    live: BTreeSet<u64>,
    next: u64,
    /// Checkpoint and files of the newest one whose completion it was told.
    confirmed: Option<(u64, Vec<FileReference>)>,
}

/// A world with a set of file names as its store.
#[derive(Default)]
struct World {
    registry: SharedRegistry,
    tasks: Vec<Task>,
    store: BTreeSet<String>,
    next_checkpoint: u64,
    pending: BTreeMap<u64, Vec<Vec<FileReference>>>,
    /// What each retained checkpoint's handles name.
    retained: BTreeMap<u64, Vec<FileReference>>,
    /// Uploads whose handles are still on their way although their checkpoint has ended.
    late: Vec<Vec<FileReference>>,
}

impl World {
    fn new(tasks: usize) -> Self {
        let task = |_| Task { live: (0..4).collect(), next: 4, confirmed: None };
        Self { tasks: (0..tasks).map(task).collect(), next_checkpoint: 1, ..Self::default() }
    }

    fn step(&mut self, event: Event) -> Vec<Action> {
        let actions = self.registry.step(event);
        for action in &actions {
            if let Action::Delete { path } = action {
                self.store.remove(path);
            }
        }
        actions
    }

    /// Some files are merged into new ones.
    fn compact(&mut self, random: &mut Random) {
        let at = random.below(self.tasks.len());
        let task = &mut self.tasks[at];
        for _ in 0..random.below(3) {
            if let Some(gone) = task.live.iter().nth(random.below(task.live.len().max(1))).copied() {
                task.live.remove(&gone);
            }
        }
        for _ in 0..random.below(3) {
            task.live.insert(task.next);
            task.next += 1;
        }
    }

    fn begin(&mut self) {
        let checkpoint = self.next_checkpoint;
        self.next_checkpoint += 1;
        assert!(self.step(Event::Begin { checkpoint }).is_empty());
        let mut handles = Vec::new();
        for (at, task) in self.tasks.iter().enumerate() {
            let mut files = Vec::new();
            for number in &task.live {
                let key = FileKey {
                    backend: format!("backend {at}"),
                    name: format!("{number}.sst"),
                    bytes: 100 + number,
                    crc: 7,
                };
                let known = task.confirmed.iter().flat_map(|(_, files)| files).find(|file| file.key == key);
                files.push(match known {
                    Some(file) => FileReference { fresh: false, ..file.clone() },
                    None => {
                        FileReference { path: format!("shared/{at}-{checkpoint}-{number}"), key, fresh: true }
                    }
                });
            }
            self.store.extend(files.iter().filter(|file| file.fresh).map(|file| file.path.clone()));
            handles.push(files);
        }
        self.pending.insert(checkpoint, handles);
    }

    fn complete(&mut self, checkpoint: u64, random: &mut Random) {
        let handles = self.pending.remove(&checkpoint).unwrap();
        let mut files: Vec<FileReference> = handles.iter().flatten().cloned().collect();
        let actions = self.step(Event::Complete { checkpoint, files: files.clone() });
        for action in actions {
            match action {
                Action::Refer { checkpoint: whose, key, path } => {
                    assert_eq!(whose, checkpoint);
                    for file in files.iter_mut().filter(|file| file.key == key) {
                        file.path.clone_from(&path);
                    }
                }
                Action::Reject { why, .. } => panic!("{why}"),
                Action::Delete { .. } => {}
            }
        }
        self.retained.insert(checkpoint, files);
        for (at, handle) in handles.into_iter().enumerate() {
            // the task knows its own handle, and not what became of it
            let task = &mut self.tasks[at];
            // and one in five never hears of it
            if random.below(5) > 0 && task.confirmed.as_ref().is_none_or(|(newest, _)| *newest < checkpoint) {
                task.confirmed = Some((checkpoint, handle));
            }
        }
    }

    fn abort(&mut self, checkpoint: u64, random: &mut Random) {
        let handles = self.pending.remove(&checkpoint).unwrap();
        self.step(Event::Abort { checkpoint });
        for files in handles {
            if random.below(2) == 0 {
                self.late.push(files);
            } else {
                self.step(Event::Discard { files });
            }
        }
    }

    fn drop_oldest(&mut self) {
        // a task that was told of a checkpoint may build on it; the coordinator waits for none, but tells in
        // order
        let Some(oldest) = self.retained.keys().next().copied() else { return };
        if self.retained.len() < 2 {
            return;
        }
        self.retained.remove(&oldest);
        self.step(Event::Drop { checkpoint: oldest });
        // who built on it builds on nothing until it is told of a newer one
        for task in &mut self.tasks {
            if task.confirmed.as_ref().is_some_and(|(confirmed, _)| *confirmed == oldest) {
                task.confirmed = None;
            }
        }
    }

    /// What must be there is there; what is there must be.
    fn check(&self) {
        let mut allowed = BTreeSet::new();
        for file in self.retained.values().flatten() {
            assert!(self.store.contains(&file.path), "{} of a retained checkpoint is gone", file.path);
            allowed.insert(file.path.as_str());
        }
        for file in self.pending.values().flatten().flatten() {
            if file.fresh {
                assert!(self.store.contains(&file.path), "{} of a checkpoint under way is gone", file.path);
                allowed.insert(&file.path);
            } else {
                // it may name a copy that was deleted; the file itself must be known, with a copy that is
                // there
                assert!(self.registry.knows(&file.path) || self.copy_of(file), "{} is gone", file.path);
            }
        }
        allowed.extend(self.late.iter().flatten().filter(|file| file.fresh).map(|file| file.path.as_str()));
        for path in &self.store {
            let waits = !self.pending.is_empty() && self.registry.knows(path);
            assert!(allowed.contains(path.as_str()) || waits, "{path} is an orphan");
        }
        let known: BTreeSet<&str> = self.registry.paths().collect();
        assert!(known.iter().all(|path| self.store.contains(*path)));
    }

    fn copy_of(&self, file: &FileReference) -> bool {
        let mut probe = self.registry.clone();
        let one = vec![FileReference { fresh: false, ..file.clone() }];
        let answer = probe.step(Event::Complete { checkpoint: u64::MAX, files: one });
        matches!(&answer[..], [Action::Refer { path, .. }] if self.store.contains(path))
    }

    fn end(&mut self, random: &mut Random) {
        for checkpoint in self.pending.keys().copied().collect::<Vec<_>>() {
            self.abort(checkpoint, random);
        }
        for files in std::mem::take(&mut self.late) {
            self.step(Event::Discard { files });
        }
        self.check();
        let live: BTreeSet<&String> = self.retained.values().flatten().map(|file| &file.path).collect();
        assert!(self.store.iter().eq(live), "nothing but what retained checkpoints refer to");
        for checkpoint in self.retained.keys().copied().collect::<Vec<_>>() {
            self.retained.remove(&checkpoint);
            self.step(Event::Drop { checkpoint });
        }
        assert!(self.store.is_empty(), "{:?}", self.store);
        assert_eq!(self.registry, SharedRegistry::new());
    }
}

fn history(seed: u64, steps: &[u8]) {
    let mut random = Random(seed);
    let mut world = World::new(1 + random.below(3));
    for step in steps {
        let some = |pending: &BTreeMap<u64, _>, random: &mut Random| {
            let at = random.below(pending.len().max(1));
            pending.keys().nth(at).copied()
        };
        match step % 12 {
            0..=2 => world.compact(&mut random),
            3..=5 => {
                if world.pending.len() < 4 {
                    world.begin();
                }
            }
            6..=7 => {
                if let Some(checkpoint) = some(&world.pending, &mut random) {
                    world.complete(checkpoint, &mut random);
                }
            }
            8 => {
                if let Some(checkpoint) = some(&world.pending, &mut random) {
                    world.abort(checkpoint, &mut random);
                }
            }
            9 => world.drop_oldest(),
            10 => {
                if let Some(files) = world.late.pop() {
                    world.step(Event::Discard { files });
                }
            }
            _ => {
                // the register survives being written and read
                let bytes = world.registry.encode().unwrap();
                world.registry = SharedRegistry::decode("the register", &bytes).unwrap();
            }
        }
        world.check();
    }
    world.end(&mut random);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 10_000, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn no_orphan_and_no_early_deletion(
        seed in any::<u64>(), steps in prop::collection::vec(any::<u8>(), 0..80)
    ) {
        history(seed, &steps);
    }
}

fn reference(name: &str, path: &str, fresh: bool) -> FileReference {
    let key = FileKey { backend: "b".to_owned(), name: name.to_owned(), bytes: 1, crc: 2 };
    FileReference { key, path: path.to_owned(), fresh }
}

fn deleted(actions: &[Action]) -> Vec<&str> {
    let mut paths = Vec::new();
    for action in actions {
        if let Action::Delete { path } = action {
            paths.push(path.as_str());
        }
    }
    paths
}

/// Both upload the same file; whichever completes first keeps its copy.
#[test]
fn of_two_copies_one_stays() {
    let mut registry = SharedRegistry::new();
    registry.step(Event::Begin { checkpoint: 5 });
    registry.step(Event::Begin { checkpoint: 6 });
    assert!(
        registry.step(Event::Complete { checkpoint: 6, files: vec![reference("1", "B", true)] }).is_empty()
    );
    let actions = registry.step(Event::Complete { checkpoint: 5, files: vec![reference("1", "A", true)] });
    assert_eq!(deleted(&actions), ["A"]);
    assert!(actions.contains(&Action::Refer {
        checkpoint: 5,
        key: reference("1", "", true).key,
        path: "B".to_owned()
    }));
    // the task means the file, not the copy
    let actions = registry.step(Event::Complete { checkpoint: 7, files: vec![reference("1", "A", false)] });
    assert!(matches!(&actions[..], [Action::Refer { checkpoint: 7, path, .. }] if path == "B"));
    assert!(registry.step(Event::Drop { checkpoint: 5 }).is_empty());
    assert!(registry.step(Event::Drop { checkpoint: 6 }).is_empty());
    assert_eq!(deleted(&registry.step(Event::Drop { checkpoint: 7 })), ["B"]);
}

#[test]
fn what_cannot_be_changes_nothing() {
    let mut registry = SharedRegistry::new();
    registry.step(Event::Complete { checkpoint: 1, files: vec![reference("1", "A", true)] });
    let before = registry.clone();
    for (event, text) in [
        (
            Event::Complete { checkpoint: 2, files: vec![reference("9", "X", false)] },
            "no retained checkpoint has",
        ),
        (Event::Complete { checkpoint: 2, files: vec![reference("2", "A", true)] }, "two files to A"),
        (
            Event::Complete {
                checkpoint: 2,
                files: vec![reference("2", "X", true), reference("3", "X", true)],
            },
            "two files to X",
        ),
        (Event::Complete { checkpoint: 1, files: vec![] }, "retained already"),
        (Event::Begin { checkpoint: 1 }, "retained already"),
        (Event::Restore { checkpoint: 1, files: vec![], claim: true }, "retained already"),
        (Event::Drop { checkpoint: 2 }, "not retained"),
    ] {
        let actions = registry.step(event);
        assert!(matches!(&actions[..], [Action::Reject { why, .. }] if why.contains(text)), "{actions:?}");
        assert_eq!(registry, before);
    }
}

/// An acknowledgement that comes twice, the second time too late.
#[test]
fn what_is_registered_is_not_discarded() {
    let mut registry = SharedRegistry::new();
    registry.step(Event::Complete { checkpoint: 1, files: vec![reference("1", "A", true)] });
    let files = vec![reference("1", "A", true), reference("1", "B", true), reference("2", "C", false)];
    assert_eq!(deleted(&registry.step(Event::Discard { files })), ["B"]);
}

/// A checkpoint under way builds on one that is dropped meanwhile.
#[test]
fn files_wait_for_checkpoints_under_way() {
    let mut registry = SharedRegistry::new();
    registry.step(Event::Complete {
        checkpoint: 1,
        files: vec![reference("1", "A", true), reference("2", "B", true)],
    });
    registry.step(Event::Begin { checkpoint: 2 });
    registry.step(Event::Complete { checkpoint: 3, files: vec![] });
    assert!(registry.step(Event::Drop { checkpoint: 1 }).is_empty(), "checkpoint 2 may refer to them");
    registry.step(Event::Begin { checkpoint: 4 });
    let actions = registry.step(Event::Complete { checkpoint: 2, files: vec![reference("1", "A", false)] });
    assert_eq!(
        deleted(&actions),
        ["B"],
        "nobody waits for it: checkpoint 4 began when it was retained no more"
    );
    assert_eq!(
        deleted(&registry.step(Event::Drop { checkpoint: 2 })),
        [""; 0],
        "checkpoint 4 may refer to it"
    );
    assert_eq!(deleted(&registry.step(Event::Abort { checkpoint: 4 })), ["A"]);
}

#[test]
fn restored_files_are_deleted_only_where_they_were_claimed() {
    for claim in [true, false] {
        let mut registry = SharedRegistry::new();
        let files = vec![reference("1", "A", true), reference("2", "B", false)];
        registry.step(Event::Restore { checkpoint: 7, files, claim });
        let files = vec![reference("1", "A", false), reference("3", "C", true)];
        assert!(registry.step(Event::Complete { checkpoint: 8, files }).is_empty());
        let first = registry.step(Event::Drop { checkpoint: 7 });
        let second = registry.step(Event::Drop { checkpoint: 8 });
        if claim {
            assert_eq!((deleted(&first), deleted(&second)), (vec!["B"], vec!["A", "C"]));
        } else {
            assert_eq!((deleted(&first), deleted(&second)), (vec![], vec!["C"]));
        }
    }
    // two retained checkpoints that name different copies keep both
    let mut registry = SharedRegistry::new();
    registry.step(Event::Restore { checkpoint: 1, files: vec![reference("1", "A", true)], claim: true });
    registry.step(Event::Restore { checkpoint: 2, files: vec![reference("1", "B", true)], claim: true });
    assert_eq!(registry.paths().collect::<Vec<_>>(), ["A", "B"]);
    assert_eq!(deleted(&registry.step(Event::Drop { checkpoint: 1 })), ["A"]);
    assert_eq!(deleted(&registry.step(Event::Drop { checkpoint: 2 })), ["B"]);
}

/// Names and bytes of files.
type Contents = Vec<(String, Vec<u8>)>;

/// Sorted files of a database that writes, merges and forgets, with real bytes.
struct Database {
    folder: tempfile::TempDir,
    live: Vec<LocalFile>,
    next: u64,
}

impl Database {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), live: Vec::new(), next: 1 }
    }

    fn write(&mut self, random: &mut Random) {
        let name = format!("{:06}.sst", self.next);
        self.next += 1;
        let path = self.folder.path().join(&name);
        let length = 200 + random.below(4000);
        fs::write(&path, random.bytes(length)).unwrap();
        self.live.push(LocalFile { name, path, bytes: length as u64 });
    }

    fn turn(&mut self, random: &mut Random) {
        for _ in 0..=random.below(3) {
            self.write(random);
        }
        while self.live.len() > 24 {
            let at = random.below(self.live.len());
            fs::remove_file(self.live.remove(at).path).unwrap();
        }
        let list = self.folder.path().join("MANIFEST-000001");
        let text: Vec<u8> = self.live.iter().flat_map(|file| file.name.bytes()).collect();
        fs::write(list, text).unwrap();
    }

    fn files(&self) -> Vec<LocalFile> {
        let path = self.folder.path().join("MANIFEST-000001");
        let bytes = fs::metadata(&path).unwrap().len();
        let list = LocalFile { name: "MANIFEST-000001".to_owned(), path, bytes };
        self.live.iter().cloned().chain([list]).collect()
    }
}

fn same_files(handle: &KeyedStateHandle, storage: &CheckpointStorage, expected: &Contents) {
    let folder = tempfile::tempdir().unwrap();
    let never = AtomicBool::new(false);
    download(handle, storage, folder.path(), Transfer { threads: 4, link: false, abort: &never }).unwrap();
    let mut found: Contents = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    found.sort();
    assert!(found == *expected, "the files of the checkpoint");
}

/// A thousand generations; up to three are retained, some are aborted, of some the task never hears.
#[test]
fn a_thousand_snapshots_leave_what_is_live() {
    let seed = 11;
    println!("seed {seed}");
    let mut random = Random(seed);
    let folder = tempfile::tempdir().unwrap();
    let storage = CheckpointStorage::local(folder.path()).unwrap();
    let directory = CheckpointDirectory::new(storage.clone(), "job-1");
    let mut database = Database::new();
    let mut registry = SharedRegistry::new();
    let mut retained: Vec<(u64, KeyedStateHandle, Contents)> = Vec::new();
    let mut confirmed: Vec<SharedFile> = Vec::new();
    let never = AtomicBool::new(false);
    let (mut uploaded, mut changed, mut worst) = (0_u64, 0_u64, 0.0_f64);
    let mut before: BTreeSet<String> = BTreeSet::new();
    let meta = meta(2);
    for checkpoint in 1..=1000_u64 {
        database.turn(&mut random);
        let live = database.files();
        registry.step(Event::Begin { checkpoint });
        let snapshot = Incremental {
            backend: "backend-1",
            checkpoint,
            meta: &meta,
            families: &[],
            live: &live,
            confirmed: &confirmed,
            directory: &directory,
            unique: "task-1",
            inline_bytes: 20 << 10,
        };
        let transfer = Transfer { threads: 3, link: checkpoint % 2 == 0, abort: &never };
        let mut handle = snapshot.upload(transfer).unwrap();
        if random.below(10) == 0 {
            assert!(delete(&storage, &registry.step(Event::Abort { checkpoint })).is_empty());
            let late = registry.step(Event::Discard { files: references(&handle) });
            assert!(delete(&storage, &late).is_empty());
            handle.discard(&storage).unwrap();
            continue;
        }
        let names: BTreeSet<String> = live.iter().map(|file| file.name.clone()).collect();
        let is_new = |file: &&LocalFile| !before.contains(&file.name) && !file.name.starts_with("MANIFEST");
        changed += live.iter().filter(is_new).map(|file| file.bytes).sum::<u64>();
        uploaded += handle.shared().iter().filter(|file| file.fresh).map(|file| file.bytes).sum::<u64>();
        before = names;
        let actions = registry.step(Event::Complete { checkpoint, files: references(&handle) });
        for action in &actions {
            match action {
                Action::Refer { key, path, .. } => assert!(refer(&mut handle, key, path)),
                Action::Delete { .. } => {}
                Action::Reject { why, .. } => panic!("{why}"),
            }
        }
        assert!(delete(&storage, &actions).is_empty());
        // in one of seven the task does not hear of it, and uploads the same files once more
        if random.below(7) != 0 {
            confirmed = handle.shared().to_vec();
        }
        let content = |file: &LocalFile| (file.name.clone(), fs::read(&file.path).unwrap());
        let mut contents: Contents = live.iter().map(content).collect();
        contents.sort();
        retained.push((checkpoint, handle, contents));
        while retained.len() > 2 + usize::try_from(checkpoint % 2).unwrap() {
            let (dropped, handle, _) = retained.remove(0);
            assert!(delete(&storage, &registry.step(Event::Drop { checkpoint: dropped })).is_empty());
            handle.discard(&storage).unwrap();
        }
        // what the task builds on is retained, or it would build on nothing
        if !retained.iter().any(|(.., handle, _)| confirmed.iter().all(|file| has(handle, file))) {
            confirmed.clear();
        }
        if checkpoint % 20 == 0 {
            let listed = storage.list(&directory.shared()).unwrap();
            assert!(
                listed.iter().map(|file| file.path.as_str()).eq(registry.paths()),
                "no orphan, nothing missing"
            );
            let live: u64 = database.live.iter().map(|file| file.bytes).sum();
            let there: u64 = listed.iter().map(|file| file.bytes).sum();
            worst = worst.max(ratio(there, live));
            assert!(there <= 2 * live, "{there} bytes are shared, {live} are live");
            for (_, handle, contents) in &retained {
                same_files(handle, &storage, contents);
            }
        }
    }
    println!("uploaded {uploaded} bytes where {changed} changed; shared folder at most {worst:.2} x live");
    // one in seven completions is not heard of, and its files are uploaded once more
    assert!(uploaded * 2 <= changed * 3);
    for (dropped, handle, _) in retained {
        assert!(delete(&storage, &registry.step(Event::Drop { checkpoint: dropped })).is_empty());
        handle.discard(&storage).unwrap();
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left, not even a folder");
}

fn has(handle: &KeyedStateHandle, file: &SharedFile) -> bool {
    handle.shared().iter().any(|there| there.name == file.name && there.bytes == file.bytes)
}

#[expect(clippy::cast_precision_loss, reason = "a ratio to be printed")]
fn ratio(there: u64, live: u64) -> f64 {
    there as f64 / live as f64
}
