//! The states of one backend in RocksDB: a column family each, opened, restored, frozen.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use plimsoll_memory::budget::Owner;
use plimsoll_memory::segment::ManagedMemory;
use plimsoll_memory::segment::managed::{Lease, SharedError};
use rocksdb::WriteBatch;
use rocksdb::checkpoint::Checkpoint;

use super::database::{Database, Limits, OWN_FAMILY, Opening, make_folder, remove_folder};
use super::frozen::FrozenDatabase;
use super::list::RocksLists;
use super::map::RocksMaps;
use super::rows::Rows;
use super::settings::{FamilySettings, TimerService};
use super::value::RocksValues;
use super::{MemorySource, ProcessMemory, RocksDbSettings, SlotMemory};
use crate::StateError;
use crate::backend::{Core, Frozen};
use crate::heap::{HeapMemory, ListKind, MapKind, ValueKind};
use crate::hot::{HotMemory, HotTable};
use crate::serializer::{KeySerializer, Serializer};
use crate::snapshot::incremental::LocalFile;
use crate::snapshot::storage::CheckpointDirectory;
use crate::snapshot::{KeyedStateHandle, StateMeta};
use crate::table::RowKeys;
use crate::timer::{HeapTimers, RocksTimers, TimerStore};

/// The resource under which the backends of a slot share their hot entries.
const HOT_RESOURCE: &str = "state-hot-entries";

/// Where a backend's databases are, and whose memory they use.
#[derive(Debug)]
pub struct RocksPlace {
    /// The slot's managed memory, which its backends share.
    pub managed: ManagedMemory,
    /// The share of it for state backends, by the weights of its consumers: 1 where there are no others.
    pub fraction: f64,
    /// Who pays for `fixed-per-slot`, which is not managed memory.
    pub fixed: Option<Arc<Owner>>,
    /// What all slots of the process share, for `fixed-per-tm`.
    pub process: Arc<ProcessMemory>,
    /// How.
    pub settings: Box<RocksDbSettings>,
    /// Settings of single states, by name, in place of those for all ([`RocksDbSettings::family_with`]).
    pub families: BTreeMap<String, FamilySettings>,
    /// About how many states all backends of the slot have together: their arena blocks share the write buffers.
    pub slot_families: u32,
    /// Where timers are, if the settings want them in memory.
    pub timers: Option<HeapMemory>,
    /// Limits that memory does not lift.
    pub limits: Limits,
    /// A folder of its own: made, emptied, and removed when the backend is dropped.
    pub folder: PathBuf,
}

impl RocksPlace {
    /// A backend in the managed memory of a slot, with nothing else to share it with.
    pub fn new(managed: &ManagedMemory, settings: RocksDbSettings, folder: PathBuf) -> Self {
        Self {
            managed: managed.clone(),
            fraction: 1.0,
            fixed: None,
            process: Arc::default(),
            settings: Box::new(settings),
            families: BTreeMap::new(),
            slot_families: 8,
            timers: None,
            limits: Limits::default(),
            folder,
        }
    }
}

/// The states of one backend in RocksDB.
pub struct RocksStore {
    pub(crate) name: String,
    /// `None` only while it is replaced.
    pub(super) database: Option<Rc<Database>>,
    pub(super) opening: Opening,
    hot: Option<Rc<Lease<Arc<HotMemory>>>>,
    /// Where timers are that are not in the database.
    timers: Option<HeapMemory>,
    pub(super) folder: PathBuf,
    /// What was restored and not asked for yet, by name.
    pub(super) restored: BTreeMap<String, StateMeta>,
    /// Which database the shared files of snapshots are of.
    pub(super) identity: String,
    /// Names what this run uploads, so that it never meets what another run has uploaded.
    pub(super) unique: String,
    /// Shared files of snapshots that are not confirmed yet, by checkpoint; and of the newest confirmed one.
    pub(super) uploads: super::frozen::Uploads,
    links: Cell<u64>,
}

impl RocksStore {
    pub(crate) fn open(name: &str, unique: &str, place: RocksPlace) -> Result<Self, StateError> {
        let RocksPlace {
            managed,
            fraction,
            fixed,
            process,
            settings,
            families,
            slot_families,
            timers,
            limits,
            folder,
        } = place;
        if settings.timers == TimerService::Heap && timers.is_none() {
            return Err(StateError::Setting {
                key: "state.backend.rocksdb.timer-service.factory".to_owned(),
                what: "HEAP needs memory for the timers: give the backend some, or say ROCKSDB".to_owned(),
            });
        }
        let timers = timers.filter(|_| settings.timers == TimerService::Heap);
        let source = MemorySource { managed: &managed, fraction, fixed: fixed.as_ref(), process: &process };
        let (_, hot_bytes) = settings.split(source.managed_bytes());
        let hot = if hot_bytes > 0 {
            let made = managed.shared(HOT_RESOURCE, 0, |owner| HotMemory::new(hot_bytes, owner));
            Some(Rc::new(made.map_err(|error| match error {
                SharedError::Refused(refusal) => {
                    StateError::Refused { what: format!("{hot_bytes} bytes of hot entries"), refusal }
                }
                SharedError::Init(error) => error,
                other => StateError::Usage(other.to_string()),
            })?))
        } else {
            None
        };
        let memory = source.lease(&settings)?.map(Arc::new);
        remove_folder(&folder)?;
        make_folder(&folder)?;
        let opening = Opening { settings: *settings, families, slot_families, limits, memory };
        let mut store = Self {
            name: name.to_owned(),
            database: None,
            opening,
            hot,
            timers,
            folder,
            restored: BTreeMap::new(),
            identity: unique.to_owned(),
            unique: unique.to_owned(),
            uploads: super::frozen::Uploads::default(),
            links: Cell::new(0),
        };
        store.open_database(&[])?;
        Ok(store)
    }

    /// Where the database is.
    pub(super) fn database_folder(&self) -> PathBuf {
        self.folder.join("db")
    }

    pub(super) fn open_database(&mut self, families: &[String]) -> Result<(), StateError> {
        let path = self.database_folder();
        let database = Database::open(&path, families, &self.opening)?;
        self.database = Some(Rc::new(database));
        Ok(())
    }

    pub(super) fn database(&self) -> &Rc<Database> {
        self.database.as_ref().expect("a store has its database once it is opened")
    }

    /// The memory of the slot's databases; `None` where each has its own.
    pub fn slot_memory(&self) -> Option<&SlotMemory> {
        self.opening.slot()
    }

    /// The memory of the slot's hot entries; `None` where there are none.
    pub fn hot_memory(&self) -> Option<&HotMemory> {
        self.hot.as_deref().map(|lease| &***lease)
    }

    /// The native measures that the settings switch on; none is by default, and each costs RocksDB something.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn measures(&self) -> Result<Vec<super::Measure>, StateError> {
        self.database().measures()
    }

    /// A property of a state's column family, as RocksDB names it.
    ///
    /// # Errors
    /// There is no such state, or the database fails.
    pub fn property(&self, state: &str, property: &str) -> Result<Option<u64>, StateError> {
        let database = self.database();
        let family = database.family(state)?;
        let read = database.db.property_int_value_cf(family.handle(), property);
        read.map_err(|error| database.error("read", error))
    }

    pub(crate) fn restored_meta(&self, name: &str) -> Option<StateMeta> {
        self.restored.get(name).cloned()
    }

    /// Restored states that nobody asked for.
    pub(crate) fn unasked<'s>(
        &'s self,
        asked: impl Fn(&str) -> bool + 's,
    ) -> impl Iterator<Item = StateMeta> + 's {
        self.restored.values().filter(move |meta| !asked(&meta.name)).cloned()
    }

    fn rows<K: KeySerializer, N: KeySerializer>(
        &mut self,
        name: &Arc<str>,
        namespace: N,
        core: &Rc<Core<K>>,
    ) -> Result<Rows<K, N>, StateError> {
        if &**name == OWN_FAMILY {
            return Err(StateError::Usage(format!("a state cannot be called \"{OWN_FAMILY}\" in RocksDB")));
        }
        let family = self.database().family_or_new(name)?;
        Ok(Rows::new(name, namespace, self.database(), family, core))
    }

    fn hot<K: KeySerializer, N: KeySerializer, D: Clone, P: crate::hot::Unit<D>>(
        &self,
        rows: &Rows<K, N>,
        kind: &D,
    ) -> Option<HotTable<K, N, D, P>> {
        let keys = RowKeys { key: rows.core.key.clone(), namespace: rows.namespace.clone() };
        HotTable::new(keys, kind.clone(), rows.core.range, self.hot.as_ref()?)
    }

    pub(crate) fn values<K: KeySerializer, N: KeySerializer, S: Serializer>(
        &mut self,
        name: &Arc<str>,
        namespace: N,
        kind: ValueKind<S>,
        core: &Rc<Core<K>>,
    ) -> Result<RocksValues<K, N, S>, StateError> {
        let rows = self.rows(name, namespace, core)?;
        Ok(RocksValues { hot: self.hot(&rows, &kind), rows, kind })
    }

    pub(crate) fn lists<K: KeySerializer, N: KeySerializer, S: Serializer>(
        &mut self,
        name: &Arc<str>,
        namespace: N,
        kind: ListKind<S>,
        core: &Rc<Core<K>>,
    ) -> Result<RocksLists<K, N, S>, StateError> {
        let rows = self.rows(name, namespace, core)?;
        Ok(RocksLists { hot: self.hot(&rows, &kind), rows, kind })
    }

    pub(crate) fn maps<K: KeySerializer, N: KeySerializer, U: KeySerializer, S: Serializer>(
        &mut self,
        name: &Arc<str>,
        namespace: N,
        kind: MapKind<U, S>,
        core: &Rc<Core<K>>,
    ) -> Result<RocksMaps<K, N, U, S>, StateError> {
        let rows = self.rows(name, namespace, core)?;
        Ok(RocksMaps { hot: self.hot(&rows, &kind), rows, kind })
    }

    /// A queue of timers, where the settings want it.
    pub(crate) fn timers<K: KeySerializer, N: KeySerializer>(
        &mut self,
        name: &Arc<str>,
        namespace: N,
        core: &Rc<Core<K>>,
    ) -> Result<TimerStore<K, N>, StateError> {
        let restored = self.restored.contains_key(&**name);
        let Some(memory) = &self.timers else {
            let cached = self.opening.settings.timer_cache_entries;
            let rows = self.rows(name, namespace, core)?;
            return Ok(TimerStore::Rocks(RocksTimers::new(rows, restored, cached)));
        };
        let mut timers = HeapTimers::new(name, namespace, memory, core)?;
        if restored {
            // every restore brings timers into their family: from there they move into memory
            self.drain(name, core.groups.prefix_bytes(), |timer, value| timers.load(timer, value))?;
        }
        Ok(TimerStore::Heap(timers))
    }

    /// Shows every row of a family behind its key group, and deletes all of them where that went well.
    fn drain(
        &self,
        name: &str,
        prefix_bytes: usize,
        mut see: impl FnMut(&[u8], &[u8]) -> Result<(), StateError>,
    ) -> Result<(), StateError> {
        let database = self.database();
        let family = database.family(name)?;
        let permit = self.opening.slot().map(SlotMemory::enter).transpose()?;
        let mut rows = database.db.raw_iterator_cf(family.handle());
        rows.seek_to_first();
        while let Some((row, value)) = rows.item() {
            see(row.get(prefix_bytes..).unwrap_or_default(), value)?;
            rows.next();
        }
        rows.status().map_err(|error| database.error("read", error))?;
        drop(rows);
        drop(permit);
        let mut all = WriteBatch::default();
        // no key group begins with this byte: there are 32,768 at most
        all.delete_range_cf(family.handle(), &[][..], &[u8::MAX][..]);
        database.writing("write", || database.db.write_opt(all, &database.write))
    }

    /// Writes every value of a state anew.
    pub(crate) fn rewrite(
        &mut self,
        name: &str,
        change: impl Fn(&[u8], &mut Vec<u8>) -> Result<(), StateError>,
    ) -> Result<(), StateError> {
        let database = Rc::clone(self.database());
        let family = database.family(name)?;
        let mut from: Vec<u8> = Vec::new();
        loop {
            // a chunk at a time, and no iterator stays open while it is written
            let mut rows: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
            {
                let _permit = self.opening.slot().map(SlotMemory::enter).transpose()?;
                let mut all = database.db.raw_iterator_cf(family.handle());
                all.seek(&from);
                while let Some((key, value)) = all.item() {
                    if rows.len() == super::rows::SCAN_ROWS {
                        break;
                    }
                    rows.push((key.to_vec(), value.to_vec()));
                    all.next();
                }
                all.status().map_err(|error| database.error("read", error))?;
            }
            let Some((last, _)) = rows.last() else { break };
            from.clone_from(last);
            from.push(0);
            let mut value = Vec::new();
            for (key, old) in &rows {
                change(old, &mut value)?;
                let put = || database.db.put_cf_opt(family.handle(), key, &value, &database.write);
                database.writing("write", put)?;
            }
        }
        Ok(())
    }

    /// Links the database's files into a folder of their own; memtables are written first.
    pub(crate) fn freeze(
        &mut self,
        checkpoint: u64,
        directory: Option<&CheckpointDirectory>,
        in_memory: Frozen,
    ) -> Result<FrozenDatabase, StateError> {
        let database = Rc::clone(self.database());
        database.remember()?;
        self.links.set(self.links.get() + 1);
        let folder = self.folder.join(format!("snapshot-{checkpoint}-{}", self.links.get()));
        remove_folder(&folder)?;
        let link = || -> Result<(), rocksdb::Error> {
            // memtables are always written: there is no log that could stand in for them
            Checkpoint::new(&database.db)?.create_checkpoint_with_log_size(&folder, 0)
        };
        if let Err(error) = link() {
            let _ = fs::remove_dir_all(&folder);
            return Err(database.error("link the files for a snapshot", error));
        }
        // what is linked now is what the snapshot consists of: a file that vanishes later is missed by name
        let files = files_of(&folder).inspect_err(|_| _ = fs::remove_dir_all(&folder))?;
        Ok(FrozenDatabase::new(self, (folder, files), checkpoint, directory.cloned(), in_memory))
    }

    pub(crate) fn completed(&mut self, checkpoint: u64, registered: Option<&KeyedStateHandle>) {
        self.uploads.completed(checkpoint, registered.map(KeyedStateHandle::shared));
    }

    pub(crate) fn aborted(&mut self, checkpoint: u64) {
        self.uploads.aborted(checkpoint);
    }
}

/// Files of a folder that a snapshot uploads.
fn files_of(folder: &Path) -> Result<Vec<LocalFile>, StateError> {
    let failed = |error| StateError::storage("list", folder.display().to_string(), error);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let bytes = entry.metadata().map_err(failed)?.len();
        let name = entry.file_name().to_string_lossy().into_owned();
        files.push(LocalFile { name, path: entry.path(), bytes });
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

impl fmt::Debug for RocksStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RocksStore")
            .field("name", &self.name)
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

impl Drop for RocksStore {
    fn drop(&mut self) {
        self.database = None;
        let _ = fs::remove_dir_all(self.database_folder());
        // snapshots that are still being written keep their links, and the last of them takes the folder
        let _ = fs::remove_dir(&self.folder);
    }
}
