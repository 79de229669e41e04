//! The raw limit: the same bytes on a bare map, and on RocksDB with nothing between.

use std::path::Path;

use hashbrown::HashMap;
use plimsoll_memory::model::rocksdb::SharedMemory;
use plimsoll_statebackend::key_group::KeyGroups;
use plimsoll_statebackend::serializer::{I64, KeySerializer};
use rocksdb::{
    BlockBasedOptions, Cache, DB, DBCompressionType, MergeOperands, Options, ReadOptions, WriteBufferManager,
    WriteOptions,
};

/// All operations of a kind of system against a bare one that has the same ones.
pub(crate) trait Bare {
    fn value_set(&mut self, key: i64, value: i64);
    fn value_get(&mut self, key: i64) -> Option<i64>;
    fn value_update(&mut self, key: i64);
    fn list_set(&mut self, key: i64, value: i64);
    fn list_add(&mut self, key: i64, value: i64);
    fn list_add_all(&mut self, key: i64, values: &[i64]);
    fn list_len(&mut self, key: i64) -> usize;
    fn list_each(&mut self, key: i64, see: &mut dyn FnMut(i64));
    fn map_put(&mut self, key: i64, user_key: i64, value: f64);
    fn map_get(&mut self, key: i64, user_key: i64) -> Option<f64>;
    fn map_remove(&mut self, key: i64, user_key: i64);
    fn map_each(&mut self, key: i64, see: &mut dyn FnMut(i64, f64));
    fn settle(&mut self) {}
}

/// A bare library that may be left out.
impl<B: Bare> Bare for Option<B> {
    fn value_set(&mut self, key: i64, value: i64) {
        self.as_mut().into_iter().for_each(|bare| bare.value_set(key, value));
    }
    fn value_get(&mut self, key: i64) -> Option<i64> {
        self.as_mut().and_then(|bare| bare.value_get(key))
    }
    fn value_update(&mut self, key: i64) {
        self.as_mut().into_iter().for_each(|bare| bare.value_update(key));
    }
    fn list_set(&mut self, key: i64, value: i64) {
        self.as_mut().into_iter().for_each(|bare| bare.list_set(key, value));
    }
    fn list_add(&mut self, key: i64, value: i64) {
        self.as_mut().into_iter().for_each(|bare| bare.list_add(key, value));
    }
    fn list_add_all(&mut self, key: i64, values: &[i64]) {
        self.as_mut().into_iter().for_each(|bare| bare.list_add_all(key, values));
    }
    fn list_len(&mut self, key: i64) -> usize {
        self.as_mut().map_or(0, |bare| bare.list_len(key))
    }
    fn list_each(&mut self, key: i64, see: &mut dyn FnMut(i64)) {
        self.as_mut().into_iter().for_each(|bare| bare.list_each(key, see));
    }
    fn map_put(&mut self, key: i64, user_key: i64, value: f64) {
        self.as_mut().into_iter().for_each(|bare| bare.map_put(key, user_key, value));
    }
    fn map_get(&mut self, key: i64, user_key: i64) -> Option<f64> {
        self.as_mut().and_then(|bare| bare.map_get(key, user_key))
    }
    fn map_remove(&mut self, key: i64, user_key: i64) {
        self.as_mut().into_iter().for_each(|bare| bare.map_remove(key, user_key));
    }
    fn map_each(&mut self, key: i64, see: &mut dyn FnMut(i64, f64)) {
        self.as_mut().into_iter().for_each(|bare| bare.map_each(key, see));
    }
    fn settle(&mut self) {
        self.as_mut().into_iter().for_each(Bare::settle);
    }
}

/// `hashbrown` with its default hasher, which is ours, too.
#[derive(Default)]
pub(crate) struct BareMaps {
    values: HashMap<i64, i64>,
    lists: HashMap<i64, Vec<i64>>,
    maps: HashMap<i64, HashMap<i64, f64>>,
}

impl Bare for BareMaps {
    fn value_set(&mut self, key: i64, value: i64) {
        self.values.insert(key, value);
    }
    fn value_get(&mut self, key: i64) -> Option<i64> {
        self.values.get(&key).copied()
    }
    fn value_update(&mut self, key: i64) {
        let value = self.values.entry(key).or_insert(0);
        *value = value.wrapping_add(1);
    }
    fn list_set(&mut self, key: i64, value: i64) {
        self.lists.insert(key, vec![value]);
    }
    fn list_add(&mut self, key: i64, value: i64) {
        self.lists.entry(key).or_default().push(value);
    }
    fn list_add_all(&mut self, key: i64, values: &[i64]) {
        self.lists.entry(key).or_default().extend_from_slice(values);
    }
    fn list_len(&mut self, key: i64) -> usize {
        self.lists.get(&key).map_or(0, Vec::len)
    }
    fn list_each(&mut self, key: i64, see: &mut dyn FnMut(i64)) {
        self.lists.get(&key).into_iter().flatten().for_each(|element| see(*element));
    }
    fn map_put(&mut self, key: i64, user_key: i64, value: f64) {
        self.maps.entry(key).or_default().insert(user_key, value);
    }
    fn map_get(&mut self, key: i64, user_key: i64) -> Option<f64> {
        self.maps.get(&key)?.get(&user_key).copied()
    }
    fn map_remove(&mut self, key: i64, user_key: i64) {
        if let Some(map) = self.maps.get_mut(&key) {
            map.remove(&user_key);
        }
    }
    fn map_each(&mut self, key: i64, see: &mut dyn FnMut(i64, f64)) {
        self.maps.get(&key).into_iter().flatten().for_each(|(key, value)| see(*key, *value));
    }
}

/// RocksDB as Flink opens it: its formulas, its options, its layout of rows.
pub(crate) struct BareRocks {
    db: DB,
    write: WriteOptions,
    read: ReadOptions,
    groups: KeyGroups,
    row: Vec<u8>,
}

#[expect(clippy::unnecessary_wraps, reason = "as RocksDB calls it")]
fn append(_: &[u8], existing: Option<&[u8]>, operands: &MergeOperands) -> Option<Vec<u8>> {
    let mut list = existing.unwrap_or_default().to_vec();
    operands.iter().for_each(|operand| list.extend_from_slice(operand));
    Some(list)
}

impl BareRocks {
    /// In a slot of so many bytes. `as_ours`: with the filters and the stalling that ours has, so that only the layer
    /// between differs; else as Flink does.
    pub(crate) fn open(path: &Path, slot_bytes: u64, as_ours: bool) -> Self {
        let shared = SharedMemory::of(slot_bytes.cast_signed(), 0.5);
        let size = |bytes: i64| usize::try_from(bytes).unwrap();
        let cache = Cache::new_lru_cache(size(shared.cache_capacity));
        let buffers = WriteBufferManager::new_write_buffer_manager_with_cache(
            size(shared.write_buffer_manager_capacity),
            as_ours,
            cache.clone(),
        );
        let mut options = Options::default();
        options.create_if_missing(true);
        options.set_write_buffer_manager(&buffers);
        options.set_max_background_jobs(2);
        options.set_max_open_files(-1);
        options.set_stats_dump_period_sec(0);
        options.set_compression_per_level(&[DBCompressionType::Snappy]);
        options.set_level_compaction_dynamic_level_bytes(false);
        options.set_target_file_size_base(64 << 20);
        options.set_max_bytes_for_level_base(256 << 20);
        options.set_write_buffer_size(64 << 20);
        options.set_merge_operator("bench.append", append, |key, _, operands| append(key, None, operands));
        let mut table = BlockBasedOptions::default();
        table.set_block_size(4 << 10);
        table.set_block_cache(&cache);
        table.set_cache_index_and_filter_blocks(true);
        table.set_cache_index_and_filter_blocks_with_high_priority(true);
        table.set_pin_l0_filter_and_index_blocks_in_cache(true);
        if as_ours {
            table.set_bloom_filter(10.0, false);
        }
        options.set_block_based_table_factory(&table);
        let mut write = WriteOptions::default();
        write.disable_wal(true);
        Self {
            db: DB::open(&options, path).unwrap(),
            write,
            read: ReadOptions::default(),
            groups: KeyGroups::new(128).unwrap(),
            row: Vec::new(),
        }
    }

    fn at(&mut self, key: i64) {
        self.row.clear();
        self.groups.write_prefix(self.groups.of_hash(I64.java_hash(&key)), &mut self.row);
        self.row.extend_from_slice(&key.to_be_bytes());
    }

    fn read<R>(&self, see: impl FnOnce(Option<&[u8]>) -> R) -> R {
        see(self.db.get_pinned_opt(&self.row, &self.read).unwrap().as_deref())
    }

    pub(crate) fn bytes_set(&mut self, key: i64, value: &[u8]) {
        self.at(key);
        self.db.put_opt(&self.row, value, &self.write).unwrap();
    }

    pub(crate) fn bytes_get(&mut self, key: i64) -> Option<Vec<u8>> {
        self.at(key);
        self.read(|found| found.map(<[u8]>::to_vec))
    }
}

fn number(bytes: &[u8]) -> i64 {
    i64::from_be_bytes(*bytes.first_chunk().unwrap())
}

impl Bare for BareRocks {
    fn value_set(&mut self, key: i64, value: i64) {
        self.bytes_set(key, &value.to_be_bytes());
    }
    fn value_get(&mut self, key: i64) -> Option<i64> {
        self.at(key);
        self.read(|found| found.map(number))
    }
    fn value_update(&mut self, key: i64) {
        let value = self.value_get(key).unwrap_or(0).wrapping_add(1);
        self.db.put_opt(&self.row, value.to_be_bytes(), &self.write).unwrap();
    }
    fn list_set(&mut self, key: i64, value: i64) {
        self.value_set(key, value);
    }
    fn list_add(&mut self, key: i64, value: i64) {
        self.at(key);
        self.db.merge_opt(&self.row, value.to_be_bytes(), &self.write).unwrap();
    }
    fn list_add_all(&mut self, key: i64, values: &[i64]) {
        self.at(key);
        let all: Vec<u8> = values.iter().flat_map(|value| value.to_be_bytes()).collect();
        self.db.merge_opt(&self.row, all, &self.write).unwrap();
    }
    fn list_len(&mut self, key: i64) -> usize {
        self.at(key);
        self.read(|found| {
            let list: Vec<i64> =
                found.unwrap_or_default().as_chunks::<8>().0.iter().map(|b| number(b)).collect();
            list.len()
        })
    }
    fn list_each(&mut self, key: i64, see: &mut dyn FnMut(i64)) {
        self.at(key);
        self.read(|found| found.unwrap_or_default().as_chunks::<8>().0.iter().for_each(|b| see(number(b))));
    }
    fn map_put(&mut self, key: i64, user_key: i64, value: f64) {
        self.at(key);
        self.row.extend_from_slice(&user_key.to_be_bytes());
        self.db.put_opt(&self.row, value.to_be_bytes(), &self.write).unwrap();
    }
    fn map_get(&mut self, key: i64, user_key: i64) -> Option<f64> {
        self.at(key);
        self.row.extend_from_slice(&user_key.to_be_bytes());
        self.read(|found| found.map(|bytes| f64::from_be_bytes(*bytes.first_chunk().unwrap())))
    }
    fn map_remove(&mut self, key: i64, user_key: i64) {
        self.at(key);
        self.row.extend_from_slice(&user_key.to_be_bytes());
        self.db.delete_opt(&self.row, &self.write).unwrap();
    }
    fn map_each(&mut self, key: i64, see: &mut dyn FnMut(i64, f64)) {
        self.at(key);
        let mut rows = self.db.raw_iterator_opt(ReadOptions::default());
        rows.seek(&self.row);
        while let Some((row, value)) = rows.item() {
            let Some(user_key) = row.strip_prefix(&*self.row) else { break };
            see(number(user_key), f64::from_be_bytes(*value.first_chunk().unwrap()));
            rows.next();
        }
    }
    fn settle(&mut self) {
        self.db.flush().unwrap();
    }
}
