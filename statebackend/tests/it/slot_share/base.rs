//! A database with many column families inside a slot's memory, as a backend would have it.

use std::path::Path;
use std::sync::Arc;

use plimsoll_memory::config::Configuration;
use plimsoll_memory::model::version::V2_3;
use plimsoll_statebackend::StateError;
use plimsoll_statebackend::rocksdb::{
    Flush, RocksDbSettings, SlotMemory, Writer, db_options, family_options, flush_memtable, memtable_bytes,
};
use rocksdb::{
    BoundColumnFamily, ColumnFamilyDescriptor, DBWithThreadMode, IteratorMode, MultiThreaded, Options,
    ReadOptions, WriteBatch, WriteOptions,
};

pub(crate) const MIB: u64 = 1 << 20;

/// Settings of some options, without the prefix of their keys.
pub(crate) fn settings(options: &[(&str, &str)]) -> RocksDbSettings {
    let mut configuration = Configuration::new();
    for (key, value) in options {
        configuration.set(&format!("state.backend.rocksdb.{key}"), *value, None);
    }
    RocksDbSettings::of(&configuration, &V2_3).unwrap()
}

/// Numbers that look random; the same for the same seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// A value that compresses to about a half.
    pub(crate) fn value(&mut self, bytes: usize) -> Vec<u8> {
        (0..bytes).map(|i| if i % 2 == 0 { 0 } else { self.next().to_le_bytes()[4] }).collect()
    }
}

/// The open database, which others of the slot may flush.
pub(crate) struct Families {
    pub(crate) db: DBWithThreadMode<MultiThreaded>,
    names: Vec<String>,
}

impl Families {
    pub(crate) fn family(&self, index: usize) -> Arc<BoundColumnFamily<'_>> {
        self.db.cf_handle(&self.names[index]).unwrap()
    }
}

impl Flush for Families {
    fn memtables(&self) -> Vec<u64> {
        (0..self.names.len()).map(|index| memtable_bytes(&self.db, &self.family(index))).collect()
    }

    fn flush(&self, family: usize) -> Result<(), StateError> {
        flush_memtable(&self.db, &self.family(family))
    }
}

/// A database and its writer.
pub(crate) struct Base {
    writer: Option<Writer>,
    pub(crate) families: Arc<Families>,
    pub(crate) options: Options,
}

impl Base {
    /// Opens one with so many families, of `of` in the whole slot.
    pub(crate) fn open(
        path: &Path,
        families: usize,
        settings: &RocksDbSettings,
        memory: Option<&SlotMemory>,
        of: u32,
    ) -> Self {
        let options = db_options(settings, memory).unwrap();
        let names: Vec<String> = std::iter::once("default".to_owned())
            .chain((1..families).map(|index| format!("state-{index}")))
            .collect();
        let descriptors = names.iter().map(|name| {
            ColumnFamilyDescriptor::new(name, family_options(settings, &settings.family, memory, of).unwrap())
        });
        let db = DBWithThreadMode::open_cf_descriptors(&options, path, descriptors).unwrap();
        let families = Arc::new(Families { db, names });
        if let Some(memory) = memory {
            memory.verify_database(&options).unwrap();
            for name in &families.names {
                memory.verify_family(name, &families.db.cf_handle(name).unwrap()).unwrap();
            }
        }
        let writer = memory.map(|memory| memory.writer(&families));
        Self { writer, families, options }
    }

    pub(crate) fn db(&self) -> &DBWithThreadMode<MultiThreaded> {
        &self.families.db
    }

    /// Writes a batch of entries into a family.
    pub(crate) fn put(&self, family: usize, entries: &[(Vec<u8>, Vec<u8>)]) -> Result<(), rocksdb::Error> {
        let handle = self.families.family(family);
        let mut batch = WriteBatch::default();
        for (key, value) in entries {
            batch.put_cf(&handle, key, value);
        }
        let mut options = WriteOptions::default();
        options.disable_wal(true);
        let write = || self.db().write_opt(batch, &options);
        match &self.writer {
            Some(writer) => writer.write(write),
            None => write(),
        }
    }

    pub(crate) fn flush(&self) {
        for index in 0..self.families.names.len() {
            self.db().flush_cf(&self.families.family(index)).unwrap();
        }
    }

    /// Reads a family from a key on, at most so many entries, and closes the iterator. Returns how many there were and
    /// the last key.
    pub(crate) fn chunk(&self, family: usize, from: &[u8], count: usize) -> (usize, Vec<u8>) {
        let handle = self.families.family(family);
        let mode = IteratorMode::From(from, rocksdb::Direction::Forward);
        let mut last = Vec::new();
        let mut read = 0;
        for entry in self.db().iterator_cf_opt(&handle, ReadOptions::default(), mode).take(count) {
            last = entry.unwrap().0.into_vec();
            read += 1;
        }
        (read, last)
    }

    pub(crate) fn compact(&self, family: usize) {
        self.db().compact_range_cf(&self.families.family(family), None::<&[u8]>, None::<&[u8]>);
    }
}

pub(crate) fn key(number: u64) -> Vec<u8> {
    format!("key-{number:012}").into_bytes()
}
