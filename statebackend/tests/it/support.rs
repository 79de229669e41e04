//! Backends of every kind, in a budget of their own, for all tests.

use std::path::Path;
use std::time::Duration;

use plimsoll_memory::budget::Pool;
use plimsoll_memory::segment::ManagedMemory;
use plimsoll_statebackend::key_group::{KeyGroupRange, KeyGroups};
use plimsoll_statebackend::rocksdb::{RocksDbSettings, RocksPlace};
use plimsoll_statebackend::serializer::KeySerializer;
use plimsoll_statebackend::snapshot::format::Compression;
use plimsoll_statebackend::snapshot::storage::{CheckpointDirectory, CheckpointStorage};
use plimsoll_statebackend::snapshot::{KeyedStateHandle, SnapshotTarget};
use plimsoll_statebackend::{
    BackendSettings, HeapMemory, Keep, KeyedBackend, SnapshotKind, SnapshotRequest, StateError,
};

/// The kinds of backend that every test of all of them runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Heap,
    /// RocksDB alone.
    Rocks,
    /// RocksDB with hot entries in front.
    Hot,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Heap, Self::Rocks, Self::Hot];
}

/// A folder with everything a backend needs, and its budget.
pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) managed: ManagedMemory,
    pub(crate) pool: Pool,
    pub(crate) storage: CheckpointStorage,
    pub(crate) directory: CheckpointDirectory,
}

impl Place {
    pub(crate) fn new(slot_bytes: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pool = Pool::root("managed", slot_bytes).unwrap();
        let managed = ManagedMemory::new(&pool, 32 << 10, 0).unwrap();
        let storage = CheckpointStorage::local(&folder.path().join("checkpoints")).unwrap();
        let directory = CheckpointDirectory::new(storage.clone(), "job");
        Self { folder, managed, pool, storage, directory }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn keep(&self, kind: Kind, name: &str) -> Keep {
        match kind {
            Kind::Heap => Keep::Heap(HeapMemory::new(&self.pool, name).unwrap()),
            Kind::Rocks | Kind::Hot => Keep::RocksDb(self.rocks(kind, name)),
        }
    }

    pub(crate) fn rocks(&self, kind: Kind, name: &str) -> RocksPlace {
        let mut settings = RocksDbSettings::default();
        settings.memory.hot_fraction = if kind == Kind::Hot { 0.5 } else { 0.0 };
        RocksPlace::new(&self.managed, settings, self.path().join(name))
    }

    /// A backend of a subtask, restored from handles.
    pub(crate) fn open<K: KeySerializer>(
        &self,
        kind: Kind,
        key: K,
        groups: KeyGroups,
        range: KeyGroupRange,
        attempt: &str,
        restore: &[KeyedStateHandle],
    ) -> Result<KeyedBackend<K>, StateError> {
        let name = format!("op-{}-{}", range.first, range.last);
        let settings = BackendSettings {
            keep: self.keep(kind, &format!("{name}-{attempt}")),
            name,
            attempt: attempt.to_owned(),
            groups,
            range,
            storage: Some(self.storage.clone()),
            restore_owner: None,
        };
        KeyedBackend::open(settings, key, restore)
    }

    pub(crate) fn request(&self, checkpoint: u64, kind: SnapshotKind) -> SnapshotRequest {
        SnapshotRequest {
            checkpoint,
            kind,
            target: SnapshotTarget::files(self.storage.clone(), 0).unwrap(),
            directory: Some(self.directory.clone()),
            clock: || Duration::ZERO,
        }
    }
}

/// All key groups of one subtask.
pub(crate) fn whole(max_parallelism: u32) -> (KeyGroups, KeyGroupRange) {
    (KeyGroups::new(max_parallelism).unwrap(), KeyGroupRange { first: 0, last: max_parallelism - 1 })
}

pub(crate) const FULL: SnapshotKind = SnapshotKind::Full(Compression::Snappy);
