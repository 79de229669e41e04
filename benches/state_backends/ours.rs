//! Ours, opened in a folder.

use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use plimsoll_memory::budget::Pool;
use plimsoll_memory::segment::ManagedMemory;
use plimsoll_statebackend::key_group::KeyGroups;
use plimsoll_statebackend::rocksdb::{RocksDbSettings, RocksPlace};
use plimsoll_statebackend::serializer::I64;
use plimsoll_statebackend::snapshot::storage::{CheckpointDirectory, CheckpointStorage};
use plimsoll_statebackend::snapshot::{KeyedStateHandle, SnapshotTarget};
use plimsoll_statebackend::{BackendSettings, HeapMemory, Keep, KeyedBackend, SnapshotKind, SnapshotRequest};

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum System {
    Heap,
    Rocks,
    Hot,
}

/// One backend, and where its snapshots go.
pub(crate) struct Ours {
    pub(crate) backend: KeyedBackend<I64>,
    folder: tempfile::TempDir,
    directory: CheckpointDirectory,
    storage: CheckpointStorage,
}

/// A backend's memory, in a slot of its own.
fn keep(system: System, slot_bytes: u64, folder: &Path) -> Keep {
    let slot = Pool::root("slot", if system == System::Heap { 8 << 30 } else { slot_bytes }).unwrap();
    match system {
        System::Heap => Keep::Heap(HeapMemory::new(&slot, "tables").unwrap()),
        System::Rocks | System::Hot => {
            let managed = ManagedMemory::new(&slot, 32 << 10, 0).unwrap();
            let mut settings = RocksDbSettings::default();
            settings.memory.hot_fraction = if system == System::Hot { 0.5 } else { 0.0 };
            Keep::RocksDb(RocksPlace::new(&managed, settings, folder.join("state")))
        }
    }
}

impl Ours {
    pub(crate) fn open(system: System, slot_bytes: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let groups = KeyGroups::new(128).unwrap();
        let settings = BackendSettings {
            name: "bench".to_owned(),
            attempt: "1".to_owned(),
            groups,
            range: groups.range(1, 0).unwrap(),
            keep: keep(system, slot_bytes, folder.path()),
            storage: None,
            restore_owner: None,
        };
        let storage = CheckpointStorage::local(&folder.path().join("checkpoints")).unwrap();
        let directory = CheckpointDirectory::new(storage.clone(), "job");
        let backend = KeyedBackend::open(settings, I64, &[]).unwrap();
        Self { backend, folder, directory, storage }
    }

    pub(crate) fn request(&self, checkpoint: u64, kind: SnapshotKind) -> SnapshotRequest {
        SnapshotRequest {
            checkpoint,
            kind,
            target: SnapshotTarget::files(self.storage.clone(), 0).unwrap(),
            directory: Some(self.directory.clone()),
            clock: now,
        }
    }

    /// Drops the backend; its snapshots stay.
    pub(crate) fn close(self) -> Snapshots {
        Snapshots { folder: self.folder, storage: self.storage }
    }
}

/// Snapshots of a backend that is no more.
pub(crate) struct Snapshots {
    folder: tempfile::TempDir,
    storage: CheckpointStorage,
}

impl Snapshots {
    /// One of `parallelism` subtasks with what one of these has of its key groups. A pool pays for the buffers.
    pub(crate) fn restore(
        &self,
        system: System,
        slot_bytes: u64,
        (parallelism, subtask): (u32, u32),
        handle: &KeyedStateHandle,
        buffers: &Pool,
    ) -> KeyedBackend<I64> {
        let groups = KeyGroups::new(128).unwrap();
        let settings = BackendSettings {
            name: format!("bench-{subtask}"),
            attempt: "2".to_owned(),
            groups,
            range: groups.range(parallelism, subtask).unwrap(),
            keep: keep(system, slot_bytes, self.folder.path()),
            storage: Some(self.storage.clone()),
            restore_owner: Some(buffers.owner("restore").register().unwrap()),
        };
        KeyedBackend::open(settings, I64, std::slice::from_ref(handle)).unwrap()
    }
}

/// Time since the first call.
fn now() -> Duration {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    BEGAN.get_or_init(Instant::now).elapsed()
}
