//! The rows of one state in RocksDB: encoding, reading, writing, bounded scans.

use std::rc::Rc;
use std::sync::Arc;

use rocksdb::{ReadOptions, WriteBatch};

use super::SlotMemory;
use super::bridge::Family;
use super::database::Database;
use crate::StateError;
use crate::backend::Core;
use crate::hot::{Batch, Change, Sink};
use crate::serializer::KeySerializer;

/// Rows that a scan reads before it closes its iterator: an iterator that stays open pins blocks and memtables, and a
/// writer that waits for them would wait for itself. As in Flink.
pub(crate) const SCAN_ROWS: usize = 128;

/// One state's rows.
pub(crate) struct Rows<K: KeySerializer, N: KeySerializer> {
    pub(crate) name: Arc<str>,
    pub(crate) core: Rc<Core<K>>,
    pub(crate) namespace: N,
    pub(crate) place: Place,
    /// The row that is worked on: key group, key, namespace, user key.
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
}

/// Where rows are: apart from the buffers, so that a batch can be written while they are in use.
pub(crate) struct Place {
    pub(crate) database: Rc<Database>,
    pub(crate) family: Family,
    read: ReadOptions,
    prefix_bytes: usize,
}

/// A row that was read by a scan.
pub(crate) enum Seen {
    /// There may be more.
    More,
    /// The scan is at its end.
    Done,
}

impl<K: KeySerializer, N: KeySerializer> Rows<K, N> {
    pub(crate) fn new(
        name: &Arc<str>,
        namespace: N,
        database: &Rc<Database>,
        family: Family,
        core: &Rc<Core<K>>,
    ) -> Self {
        let place = Place {
            database: Rc::clone(database),
            family,
            read: ReadOptions::default(),
            prefix_bytes: core.groups.prefix_bytes(),
        };
        let (name, core) = (Arc::clone(name), Rc::clone(core));
        Self { name, core, namespace, place, key: Vec::new(), value: Vec::new() }
    }

    /// Makes `key` the row of a key and a namespace; returns the key group.
    #[inline]
    pub(crate) fn at(&mut self, key: &K::Value, namespace: &N::Value) -> u32 {
        let group = self.core.group(key);
        self.key.clear();
        self.core.groups.write_prefix(group, &mut self.key);
        self.core.key.write(key, &mut self.key);
        self.namespace.write(namespace, &mut self.key);
        group
    }

    /// As [`at`](Self::at), for a write: the key must be of one of our key groups.
    #[inline]
    pub(crate) fn at_for_write(&mut self, key: &K::Value, namespace: &N::Value) -> Result<u32, StateError> {
        let group = self.at(key, namespace);
        self.core.check_group(group)?;
        if self.key.len() as u64 > self.place.database.opening.limits.row_bytes_max {
            return Err(self.too_large("the key", self.key.len() as u64));
        }
        Ok(group)
    }

    /// The most bytes of a cell that is kept hot.
    #[inline]
    pub(crate) fn hot_bytes_max(&self) -> usize {
        self.place.database.opening.limits.hot_bytes_max()
    }

    /// Reads the row.
    #[inline]
    pub(crate) fn read<R>(&self, see: impl FnOnce(Option<&[u8]>) -> R) -> Result<R, StateError> {
        let place = &self.place;
        match place.family.db().get_pinned_cf_opt(place.family.handle(), &self.key, &place.read) {
            Ok(found) => Ok(see(found.as_deref())),
            Err(error) => Err(place.database.error("read", error)),
        }
    }

    /// Writes `value` to the row.
    #[inline]
    pub(crate) fn put(&self) -> Result<(), StateError> {
        self.check_sizes()?;
        let Place { database, family, .. } = &self.place;
        database.writing("write", || {
            family.db().put_cf_opt(family.handle(), &self.key, &self.value, &database.write)
        })
    }

    /// Appends `value` to the row.
    #[inline]
    pub(crate) fn merge(&self) -> Result<(), StateError> {
        self.check_sizes()?;
        let Place { database, family, .. } = &self.place;
        database.writing("write", || {
            family.db().merge_cf_opt(family.handle(), &self.key, &self.value, &database.write)
        })
    }

    /// Deletes the row.
    #[inline]
    pub(crate) fn delete(&self) -> Result<(), StateError> {
        let Place { database, family, .. } = &self.place;
        database.writing("write", || family.db().delete_cf_opt(family.handle(), &self.key, &database.write))
    }

    /// RocksDB takes lengths up to 2³¹−1 and would only fail when it reads.
    #[inline]
    pub(crate) fn check_sizes(&self) -> Result<(), StateError> {
        let limit_bytes = self.place.database.opening.limits.row_bytes_max;
        if self.value.len() as u64 > limit_bytes {
            return Err(self.too_large("the value", self.value.len() as u64));
        }
        if self.key.len() as u64 > limit_bytes {
            return Err(self.too_large("the key", self.key.len() as u64));
        }
        Ok(())
    }

    #[cold]
    pub(crate) fn too_large(&self, what: &str, bytes: u64) -> StateError {
        StateError::TooLarge {
            what: format!("{what} of state \"{}\"", self.name),
            key: hexadecimal(&self.key),
            bytes,
            limit_bytes: self.place.database.opening.limits.row_bytes_max,
            remedy: "keep less for one key, or use map state, which has a row for each entry",
        }
    }

    #[cold]
    pub(crate) fn damaged(&self, why: &impl ToString) -> StateError {
        let row = hexadecimal(&self.key);
        StateError::corrupt(format!("row {row} of state \"{}\"", self.name), why.to_string())
    }

    /// Shows the rows that begin with the first `prefix` bytes of `key`, from the row `key` itself on (or behind it),
    /// [`SCAN_ROWS`] at most, until `see` says no. Afterwards `key` is the last row that was shown.
    pub(crate) fn scan(
        &mut self,
        prefix: usize,
        behind: bool,
        mut see: impl FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<Seen, StateError> {
        let Self { place, key, .. } = self;
        let permit = place.database.opening.slot().map(SlotMemory::enter).transpose()?;
        let mut options = ReadOptions::default();
        if let Some(end) = behind_prefix(&key[..prefix]) {
            options.set_iterate_upper_bound(end);
        }
        let mut rows = place.family.db().raw_iterator_cf_opt(place.family.handle(), options);
        rows.seek(&*key);
        if behind && rows.key() == Some(key) {
            rows.next();
        }
        let mut seen = 0;
        while let Some((row, value)) = rows.item() {
            if !row.starts_with(&key[..prefix]) {
                break;
            }
            if !see(&row[prefix..], value) {
                return Ok(Seen::Done);
            }
            seen += 1;
            if seen == SCAN_ROWS {
                key.truncate(prefix);
                key.extend_from_slice(&row[prefix..]);
                return Ok(Seen::More);
            }
            rows.next();
        }
        rows.status().map_err(|error| place.database.error("read", error))?;
        drop(rows);
        drop(permit);
        Ok(Seen::Done)
    }
}

impl<K: KeySerializer, N: KeySerializer> Rows<K, N> {
    /// Deletes rows by what follows the first `prefix` bytes of `key`, all at once.
    pub(crate) fn delete_all(&self, prefix: usize, rests: &[Vec<u8>]) -> Result<(), StateError> {
        let Place { database, family, .. } = &self.place;
        let mut rows = WriteBatch::default();
        let mut row = self.key[..prefix].to_vec();
        for rest in rests {
            row.truncate(prefix);
            row.extend_from_slice(rest);
            rows.delete_cf(family.handle(), &row);
        }
        database.writing("write", || family.db().write_opt(rows, &database.write))
    }
}

impl Place {
    /// Reads many rows at once, sorted; shows each in the order of `keys`.
    pub(crate) fn read_many(
        &self,
        keys: &[Vec<u8>],
        mut see: impl FnMut(usize, Option<&[u8]>) -> Result<(), StateError>,
    ) -> Result<(), StateError> {
        let found = self.family.db().batched_multi_get_cf_opt(self.family.handle(), keys, true, &self.read);
        for (at, row) in found.into_iter().enumerate() {
            let row = row.map_err(|error| self.database.error("read", error))?;
            see(at, row.as_deref())?;
        }
        Ok(())
    }
}

impl Sink for Place {
    fn write(&self, batch: &Batch) -> Result<(), StateError> {
        let mut rows = WriteBatch::default();
        for (change, key, value) in batch.iter() {
            match change {
                Change::Put => rows.put_cf(self.family.handle(), key, value),
                Change::Merge => rows.merge_cf(self.family.handle(), key, value),
                Change::Delete => rows.delete_cf(self.family.handle(), key),
            }
        }
        let write = || self.family.db().write_opt(rows, &self.database.write);
        self.database.writing("write back", write)?;
        let lists = &self.database.lists;
        for (_, key, value) in batch.iter().filter(|(change, ..)| *change == Change::Merge) {
            if !lists.appended(key, value.len() as u64) {
                let row = self.family.db().get_pinned_cf_opt(self.family.handle(), key, &self.read);
                let row = row.map_err(|error| self.database.error("read", error))?;
                lists.note(key, row.map_or(0, |row| row.len() as u64));
            }
        }
        Ok(())
    }

    fn prefix(&self, key_group: u32, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&key_group.to_be_bytes()[size_of::<u32>() - self.prefix_bytes..]);
    }
}

/// The first key that does not begin with a prefix; `None` where every key behind does.
pub(crate) fn behind_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

/// Bytes as people read them in an error: 32 at most.
fn hexadecimal(bytes: &[u8]) -> String {
    let shown: String = bytes.iter().take(32).map(|byte| format!("{byte:02x}")).collect();
    if bytes.len() > 32 { format!("0x{shown}… ({} bytes)", bytes.len()) } else { format!("0x{shown}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_a_prefix() {
        assert_eq!(behind_prefix(&[1, 2]), Some(vec![1, 3]));
        assert_eq!(behind_prefix(&[1, 255, 255]), Some(vec![2]));
        assert_eq!(behind_prefix(&[255]), None);
        assert_eq!(hexadecimal(&[0, 171]), "0x00ab");
    }
}
