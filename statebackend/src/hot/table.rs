//! The hot entries of one state, and which of them go when there is no room.
//!
//! A hand goes round the segments. An entry that was used since it last came by is passed over and loses one degree of
//! heat; one that is cold goes. What RocksDB has not seen of those that go is written first, in one sorted batch; only
//! then are they dropped, so a failed write loses nothing.

use std::sync::Arc;

use allocator_api2::alloc::AllocError;
use plimsoll_memory::arena::PoolAllocator;

use super::batch::Batch;
use super::memory::HotMemory;
use super::unit::Unit;
use crate::StateError;
use crate::key_group::KeyGroupRange;
use crate::serializer::{Cell, KeySerializer};
use crate::table::{Payload, Row, RowKeys, Table};

/// Degrees of heat. Three are enough to tell what is used again and again from what was used twice in a row.
const HEAT_MAX: u8 = 3;
/// The entry goes once its batch is written.
const GOING: u8 = u8::MAX;
/// Bytes that give way at once: enough to sort and to write them together, few enough not to be noticed.
const STEP_BYTES: usize = 256 << 10;
/// Bytes of a batch at a write-back.
const BATCH_BYTES: usize = 1 << 20;
/// The difference from which a table tells the others what it holds.
const TELL_BYTES: u64 = 16 << 10;

/// Entries that are admitted before the table is measured again.
const MEASURE_ROWS: u32 = 256;

/// Where what gives way is written.
pub(crate) trait Sink {
    /// Writes the changes, all or none.
    fn write(&self, batch: &Batch) -> Result<(), StateError>;

    /// Replaces `out` by what stands before the row's key: the key group.
    fn prefix(&self, key_group: u32, out: &mut Vec<u8>);
}

pub(crate) struct Hot<P> {
    unit: P,
    /// Fits beside the unit's own flags.
    heat: u8,
    key_group: u16,
}

impl<P: Payload> Payload for Hot<P> {
    fn try_clone(&self) -> Result<Self, AllocError> {
        Ok(Self { unit: self.unit.try_clone()?, heat: self.heat, key_group: self.key_group })
    }
}

/// The hot entries of one state.
pub(crate) struct HotTable<K: KeySerializer, N: KeySerializer, D, P> {
    keys: RowKeys<K, N>,
    table: Table<Row<K, N, Hot<P>>>,
    memory: Arc<HotMemory>,
    kind: D,
    /// The key groups of the subtask: keys of others are read and not kept, so that what is found here may be written.
    range: KeyGroupRange,
    /// What cells and units hold beside the rows.
    beside_bytes: u64,
    /// What the table itself holds, as it was last measured.
    table_bytes: u64,
    /// Entries that were admitted since.
    admitted: u32,
    told_bytes: u64,
    hand: usize,
    batch: Batch,
    key: Vec<u8>,
}

impl<K: KeySerializer, N: KeySerializer, D, P: Unit<D>> HotTable<K, N, D, P> {
    /// What a row takes in the table: itself and its tag, at the load that segments have on average.
    const ROW_BYTES: u64 = (size_of::<Row<K, N, Hot<P>>>() as u64 + 1) * 105 / 64;

    /// A table without entries; `None` where the arena has no room even for that.
    pub(crate) fn new(
        keys: RowKeys<K, N>,
        kind: D,
        range: KeyGroupRange,
        memory: &Arc<HotMemory>,
    ) -> Option<Self> {
        let table = Table::new(memory.arena()).ok()?;
        memory.enter();
        Some(Self {
            keys,
            table,
            memory: Arc::clone(memory),
            kind,
            range,
            beside_bytes: 0,
            table_bytes: 0,
            admitted: 0,
            told_bytes: 0,
            hand: 0,
            batch: Batch::default(),
            key: Vec::new(),
        })
    }

    /// Where entries live.
    pub(crate) fn arena(&self) -> &PoolAllocator {
        self.memory.arena()
    }

    /// Bytes of all entries, and of the places in the table that none has.
    #[inline]
    fn held_bytes(&self) -> u64 {
        self.table_bytes + self.beside_bytes
    }

    /// The entry of a key, which is hotter for it, and the arena it lives in. Whoever changes what it holds says so by
    /// [`resized`](Self::resized).
    #[inline]
    pub(crate) fn find(&mut self, key: &K::Value, namespace: &N::Value) -> Option<(&mut P, &PoolAllocator)> {
        let Self { keys, table, memory, .. } = self;
        let hash = keys.hash(table, key, namespace);
        // never shared with a snapshot, so nothing is copied and nothing refused
        let row = table.find_mut(hash, |row| keys.is(row, key, namespace)).ok().flatten()?;
        if row.payload.heat < HEAT_MAX {
            row.payload.heat += 1;
        }
        Some((&mut row.payload.unit, memory.arena()))
    }

    /// Whether there is an entry, which is no hotter for it.
    pub(crate) fn knows(&self, key: &K::Value, namespace: &N::Value) -> bool {
        self.keys.find(&self.table, key, namespace).is_some()
    }

    /// An entry's bytes have changed.
    #[inline]
    pub(crate) fn resized(&mut self, before_bytes: usize, now_bytes: usize) {
        if before_bytes != now_bytes {
            self.beside_bytes = (self.beside_bytes + now_bytes as u64).saturating_sub(before_bytes as u64);
        }
    }

    fn measure(&mut self) {
        self.admitted = 0;
        self.table_bytes = self.table.structure_bytes() as u64;
    }

    /// Makes room for what is to be admitted. An error where what gives way cannot be written.
    #[inline]
    pub(crate) fn prepare(&mut self, sink: &impl Sink) -> Result<(), StateError> {
        if self.admitted >= MEASURE_ROWS {
            self.measure();
        }
        let held_bytes = self.held_bytes();
        if held_bytes.abs_diff(self.told_bytes) >= TELL_BYTES {
            self.memory.tell(self.told_bytes, held_bytes);
            self.told_bytes = held_bytes;
        }
        if self.memory.gives_way(held_bytes) {
            return self.give_way(sink);
        }
        Ok(())
    }

    /// The arena has refused something of an entry: entries give way earlier from now on, because a refusal costs the
    /// arena a search through everything.
    #[cold]
    pub(crate) fn refused(&self) {
        self.memory.refused();
    }

    /// Keeps a new entry. `None` where the arena has no room, or the key is of another subtask: the caller then goes to
    /// RocksDB.
    pub(crate) fn admit(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
        key_group: u32,
        unit: P,
    ) -> Option<&mut P> {
        if !self.range.contains(key_group) {
            return None;
        }
        let Self { keys, table, beside_bytes, memory, .. } = self;
        let hash = keys.hash(table, key, namespace);
        let beside = unit.held_bytes();
        // there are at most 32,768 key groups
        let key_group = u16::try_from(key_group).ok()?;
        let row = keys.row(key, namespace, Hot { unit, heat: 0, key_group }, table.arena()).and_then(|row| {
            let beside = beside + row.key.held_bytes() + row.namespace.held_bytes();
            Ok((table.insert(hash, row)?, beside))
        });
        let Ok((row, beside)) = row else {
            memory.refused();
            return None;
        };
        *beside_bytes += beside as u64;
        self.admitted += 1;
        Some(&mut row.payload.unit)
    }

    /// Drops an entry that RocksDB knows all of.
    pub(crate) fn forget(&mut self, key: &K::Value, namespace: &N::Value) {
        let Self { keys, table, .. } = self;
        let hash = keys.hash(table, key, namespace);
        if let Ok(Some(row)) = table.remove(hash, |row| keys.is(row, key, namespace)) {
            let held = row.payload.unit.held_bytes() + row.key.held_bytes() + row.namespace.held_bytes();
            self.beside_bytes = self.beside_bytes.saturating_sub(held as u64);
        }
    }

    /// Writes back what RocksDB has not seen of one entry, which is then no news any more. `row` is its row's key.
    pub(crate) fn write_one(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
        row: &mut Vec<u8>,
        sink: &impl Sink,
    ) -> Result<(), StateError> {
        let Self { keys, table, kind, batch, .. } = self;
        batch.clear();
        if let Some(hot) = keys.find(table, key, namespace) {
            hot.unit.flush(kind, row, batch);
        }
        self.write(sink)
    }

    /// Lets cold entries go: about [`STEP_BYTES`].
    #[cold]
    pub(crate) fn give_way(&mut self, sink: &impl Sink) -> Result<(), StateError> {
        let segments = self.table.segments();
        let (mut going_bytes, mut visited) = (0, 0);
        self.batch.clear();
        // in the worst case all are as hot as can be, and go at the hand's last round
        while going_bytes < STEP_BYTES && visited < segments * (usize::from(HEAT_MAX) + 1) {
            let at = (self.hand + visited) % segments;
            visited += 1;
            let Self { keys, table, kind, batch, key, .. } = self;
            let Ok(rows) = table.rows_mut(at) else { break };
            for row in rows {
                let hot = &mut row.payload;
                match hot.heat {
                    0 => {
                        sink.prefix(u32::from(hot.key_group), key);
                        row.key.write(&keys.key, key);
                        row.namespace.write(&keys.namespace, key);
                        hot.unit.flush(kind, key, batch);
                        hot.heat = GOING;
                        going_bytes += usize::try_from(Self::ROW_BYTES).unwrap_or(usize::MAX)
                            + hot.unit.held_bytes()
                            + row.key.held_bytes();
                    }
                    GOING => {}
                    _ => hot.heat -= 1,
                }
            }
        }
        let written = self.write(sink);
        let visited = visited.min(segments);
        let mut gone_bytes = 0;
        for at in (0..visited).map(|step| (self.hand + step) % segments) {
            let kept = self.table.retain(at, |row| {
                if row.payload.heat != GOING {
                    return true;
                }
                if written.is_err() {
                    row.payload.heat = 0;
                    return true;
                }
                gone_bytes +=
                    row.payload.unit.held_bytes() + row.key.held_bytes() + row.namespace.held_bytes();
                false
            });
            if kept.is_err() {
                break;
            }
        }
        self.hand = (self.hand + visited) % segments;
        self.beside_bytes = self.beside_bytes.saturating_sub(gone_bytes as u64);
        self.table.shrink();
        self.measure();
        let held_bytes = self.held_bytes();
        self.memory.tell(self.told_bytes, held_bytes);
        self.told_bytes = held_bytes;
        self.memory.gave_way();
        written
    }

    fn write(&mut self, sink: &impl Sink) -> Result<(), StateError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        self.batch.sort();
        let written = sink.write(&self.batch);
        self.batch.clear();
        written
    }

    /// Writes back everything that RocksDB has not seen. The entries stay.
    pub(crate) fn write_back(&mut self, sink: &impl Sink) -> Result<(), StateError> {
        let segments = self.table.segments();
        self.batch.clear();
        let mut from = 0;
        for at in 0..segments {
            let Self { keys, table, kind, batch, key, .. } = self;
            for row in table.rows(at) {
                sink.prefix(u32::from(row.payload.key_group), key);
                row.key.write(&keys.key, key);
                row.namespace.write(&keys.namespace, key);
                row.payload.unit.flush(kind, key, batch);
            }
            if self.batch.bytes() >= BATCH_BYTES || at + 1 == segments {
                self.write(sink)?;
                self.settle(from..at + 1);
                from = at + 1;
            }
        }
        Ok(())
    }

    /// What was written back is clean.
    fn settle(&mut self, segments: std::ops::Range<usize>) {
        let (mut before_bytes, mut now_bytes) = (0, 0);
        for at in segments {
            let _ = self.table.retain(at, |row| {
                let keys = row.key.held_bytes() + row.namespace.held_bytes();
                before_bytes += row.payload.unit.held_bytes() + keys;
                let stays = row.payload.unit.settle();
                if stays {
                    now_bytes += row.payload.unit.held_bytes() + keys;
                }
                stays
            });
        }
        self.resized(before_bytes, now_bytes);
    }
}

impl<K: KeySerializer, N: KeySerializer, D, P> Drop for HotTable<K, N, D, P> {
    fn drop(&mut self) {
        self.memory.leave(self.told_bytes);
    }
}
