//! A database of one backend: opened inside the slot's memory, removed with its folder.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rocksdb::{ColumnFamilyDescriptor, MergeOperands, Options, WriteOptions};

use super::bridge::{Db, Family};
use super::list_sizes::ListSizes;
use super::relief::{Flush, Writer, flush_memtable, memtable_bytes};
use super::settings::FamilySettings;
use super::{MemoryLease, RocksDbSettings, SlotMemory, db_options, family_options};
use crate::StateError;

/// The family that every database has; ours holds what is about the database itself.
pub(crate) const OWN_FAMILY: &str = "default";
/// The row of the own family with the lengths that lists may have.
const LIST_SIZES_ROW: &[u8] = b"list sizes";

/// Limits that memory does not lift.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of a key or a value, a merged list included. Default = 2³¹−1, RocksDB's own.
    pub row_bytes_max: u64,
}

impl Limits {
    /// The most bytes of a cell that is kept hot: so far below the limit that what it is written as is surely within.
    /// What is longer goes to its row at once, where it is measured.
    #[inline]
    pub(crate) fn hot_bytes_max(self) -> usize {
        usize::try_from(self.row_bytes_max / 8).unwrap_or(usize::MAX)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { row_bytes_max: i32::MAX as u64 }
    }
}

/// How a backend's databases are opened.
#[derive(Debug, Clone)]
pub(crate) struct Opening {
    pub(crate) settings: RocksDbSettings,
    /// States whose families have settings of their own.
    pub(crate) families: BTreeMap<String, FamilySettings>,
    /// Families of all databases of the slot together, about.
    pub(crate) slot_families: u32,
    pub(crate) limits: Limits,
    pub(crate) memory: Option<Arc<MemoryLease>>,
}

impl Opening {
    pub(crate) fn slot(&self) -> Option<&SlotMemory> {
        self.memory.as_deref().map(|lease| &**lease)
    }

    pub(crate) fn database(&self) -> Result<Options, StateError> {
        db_options(&self.settings, self.slot())
    }

    /// Options of a family: those of its state, where it has some of its own, and lists that append.
    pub(crate) fn family(&self, name: &str) -> Result<Options, StateError> {
        let family = self.families.get(name).unwrap_or(&self.settings.family);
        let mut options = family_options(&self.settings, family, self.slot(), self.slot_families)?;
        options.set_merge_operator("plimsoll.append", append, append_partly);
        Ok(options)
    }
}

/// A native measure of RocksDB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    /// The state whose column family it is of; `None`: of the whole database.
    pub state: Option<String>,
    /// Its name in Flink.
    pub name: String,
    /// What it is now, in the unit of its name.
    pub value: u64,
}

/// An open database.
pub(crate) struct Database {
    writer: Option<Writer>,
    memtables: Arc<Memtables>,
    pub(crate) db: Arc<Db>,
    /// Keeps the statistics that RocksDB counts in.
    options: Options,
    pub(crate) path: PathBuf,
    pub(crate) write: WriteOptions,
    pub(crate) lists: ListSizes,
    /// Dropped after the database: it holds the lease of its memory.
    pub(crate) opening: Opening,
}

/// The memtables of a database, for other writers of the slot that need room.
#[derive(Default)]
struct Memtables {
    families: Mutex<Vec<(String, Arc<Family>)>>,
}

impl Memtables {
    fn families(&self) -> MutexGuard<'_, Vec<(String, Arc<Family>)>> {
        self.families.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flush for Memtables {
    fn memtables(&self) -> Vec<u64> {
        self.families().iter().map(|(_, family)| memtable_bytes(family.db(), family.handle())).collect()
    }

    fn flush(&self, family: usize) -> Result<(), StateError> {
        let family = self.families().get(family).map(|(_, family)| Arc::clone(family));
        family.map_or(Ok(()), |family| flush_memtable(family.db(), family.handle()))
    }
}

impl Database {
    /// Opens or makes the database in a folder, with these families beside its own.
    pub(crate) fn open(path: &Path, families: &[String], opening: &Opening) -> Result<Self, StateError> {
        let failed = |error: rocksdb::Error| StateError::rocksdb("open", path.display().to_string(), error);
        let own = std::iter::once(OWN_FAMILY.to_owned());
        let names: Vec<String> = own.chain(families.iter().cloned()).collect();
        let mut described = Vec::with_capacity(names.len());
        for name in &names {
            described.push(ColumnFamilyDescriptor::new(name, opening.family(name)?));
        }
        let options = opening.database()?;
        let db = Db::open_cf_descriptors(&options, path, described).map_err(failed)?;
        let db = Arc::new(db);
        let mut write = WriteOptions::default();
        // snapshots are what survives a crash, as in Flink
        write.disable_wal(true);
        let memtables: Arc<Memtables> = Arc::default();
        let database = Self {
            writer: opening.slot().map(|slot| slot.writer(&memtables)),
            memtables,
            db,
            options,
            path: path.to_owned(),
            write,
            lists: ListSizes::new(opening.limits.row_bytes_max),
            opening: opening.clone(),
        };
        for name in &names {
            database.admit(name)?;
        }
        if let Some(bytes) = database.own_row(LIST_SIZES_ROW)? {
            database.lists.remember(&bytes);
        } else if !families.is_empty() {
            database.lists.remember_nothing();
        }
        Ok(database)
    }

    /// What the settings measure, by column family; measures of the whole database have no family.
    pub(crate) fn measures(&self) -> Result<Vec<Measure>, StateError> {
        let metrics = self.opening.settings.metrics;
        let mut measures = Vec::new();
        if metrics.is_empty() {
            return Ok(measures);
        }
        let families = self.memtables.families().clone();
        for (state, family) in families.into_iter().filter(|(name, _)| name != OWN_FAMILY) {
            for (name, value) in metrics.read(&self.db, family.handle())? {
                measures.push(Measure { state: Some(state.clone()), name, value });
            }
        }
        let of_database = metrics.read_tickers(&self.options).into_iter();
        measures.extend(of_database.map(|(name, value)| Measure { state: None, name, value }));
        Ok(measures)
    }

    /// Runs a write, which may free memtables of the slot.
    #[inline]
    pub(crate) fn writing(
        &self,
        operation: &'static str,
        write: impl FnOnce() -> Result<(), rocksdb::Error>,
    ) -> Result<(), StateError> {
        let written = match &self.writer {
            Some(writer) => writer.write(write),
            None => write(),
        };
        written.map_err(|error| self.error(operation, error))
    }

    /// Every family must charge to the slot's cache, and its memtable be known to the slot.
    fn admit(&self, name: &str) -> Result<(), StateError> {
        let family = Family::of(&self.db, name).ok_or_else(|| self.lost(name))?;
        if let Some(memory) = self.opening.slot() {
            memory.verify_family(name, family.handle())?;
        }
        self.memtables.families().push((name.to_owned(), Arc::new(family)));
        Ok(())
    }

    #[cold]
    fn lost(&self, name: &str) -> StateError {
        StateError::rocksdb(
            "find",
            self.path.display().to_string(),
            format!("it has no column family {name}"),
        )
    }

    /// The states that have a family.
    pub(crate) fn states(&self) -> Vec<String> {
        let families = self.memtables.families();
        families.iter().map(|(name, _)| name.clone()).filter(|name| name != OWN_FAMILY).collect()
    }

    /// A family that exists.
    pub(crate) fn family(&self, name: &str) -> Result<Family, StateError> {
        Family::of(&self.db, name).ok_or_else(|| self.lost(name))
    }

    /// A family, made where it does not exist.
    pub(crate) fn family_or_new(&self, name: &str) -> Result<Family, StateError> {
        if let Some(family) = Family::of(&self.db, name) {
            return Ok(family);
        }
        let options = self.opening.family(name)?;
        let family = Family::create(&self.db, name, &options).map_err(|error| self.error("make", error))?;
        self.admit(name)?;
        family.ok_or_else(|| self.lost(name))
    }

    #[cold]
    pub(crate) fn error(&self, operation: &'static str, error: impl fmt::Display) -> StateError {
        StateError::rocksdb(operation, self.path.display().to_string(), error)
    }

    fn own_row(&self, row: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        let family = self.family(OWN_FAMILY)?;
        self.db.get_cf(family.handle(), row).map_err(|error| self.error("read", error))
    }

    /// Writes what the next one to open the database must know.
    pub(crate) fn remember(&self) -> Result<(), StateError> {
        let family = self.family(OWN_FAMILY)?;
        match self.lists.remembered() {
            Some(bytes) => self.db.put_cf_opt(family.handle(), LIST_SIZES_ROW, bytes, &self.write),
            None => return Ok(()),
        }
        .map_err(|error| self.error("write", error))
    }
}

/// Puts what is appended behind what is there.
#[expect(clippy::unnecessary_wraps, reason = "as RocksDB calls it")]
fn append(_: &[u8], existing: Option<&[u8]>, operands: &MergeOperands) -> Option<Vec<u8>> {
    let appended: usize = operands.iter().map(<[u8]>::len).sum();
    let mut list = Vec::with_capacity(existing.map_or(0, <[u8]>::len) + appended);
    list.extend_from_slice(existing.unwrap_or_default());
    operands.iter().for_each(|operand| list.extend_from_slice(operand));
    Some(list)
}

fn append_partly(key: &[u8], _: Option<&[u8]>, operands: &MergeOperands) -> Option<Vec<u8>> {
    append(key, None, operands)
}

/// Removes a folder and all that is in it; what is not there is removed.
pub(crate) fn remove_folder(path: &Path) -> Result<(), StateError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StateError::storage("remove", path.display().to_string(), error))
        }
        _ => Ok(()),
    }
}

pub(crate) fn make_folder(path: &Path) -> Result<(), StateError> {
    fs::create_dir_all(path).map_err(|error| StateError::storage("make", path.display().to_string(), error))
}
