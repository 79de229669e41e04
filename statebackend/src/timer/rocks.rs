//! Timers in a column family, the next of each key group in memory.
//!
//! Every change goes to the family at once; memory has copies. Rows of a group that are in memory are the first of all
//! of the group. When they are used up the family is read on from the last one that was taken, so that no search goes
//! over the remains of timers that are gone.

use allocator_api2::alloc::Global;

use super::order::{Next, Order};
use super::row;
use super::sorted::SortedRows;
use crate::StateError;
use crate::backend::Core;
use crate::rocksdb::{Rows, Seen};
use crate::serializer::KeySerializer;

/// Bytes of timers in memory, of all key groups of a queue together.
const FRONT_BYTES: usize = 1 << 20;
/// The least for a key group: the next timer must be known.
const FRONT_BYTES_MIN: usize = 64;

/// Is shown a timer's row.
pub(super) type See<'s, K, N> = dyn FnMut(&Core<K>, &N, &[u8]) -> Result<(), StateError> + 's;

/// The first timers of a key group.
struct Front {
    rows: SortedRows<Global>,
    bytes: usize,
    /// Whether the family may have more, all of them behind these.
    more: bool,
    /// No timer of the group is before this row.
    from: Vec<u8>,
}

/// The timers of one queue.
pub(crate) struct RocksTimers<K: KeySerializer, N: KeySerializer> {
    pub(super) rows: Rows<K, N>,
    fronts: Vec<Front>,
    order: Order,
    front_rows: usize,
    front_bytes: usize,
}

impl<K: KeySerializer, N: KeySerializer> RocksTimers<K, N> {
    /// `restored`: there may be timers already. `front_rows`: how many are in memory for each key group, at most.
    pub(crate) fn new(rows: Rows<K, N>, restored: bool, front_rows: u32) -> Self {
        let count = rows.core.range.len();
        let front = || Front { rows: SortedRows::new(&Global), bytes: 0, more: restored, from: Vec::new() };
        Self {
            fronts: (0..count).map(|_| front()).collect(),
            order: Order::new(count, if restored { Next::Unknown } else { Next::Never }),
            front_rows: front_rows.max(1) as usize,
            front_bytes: (FRONT_BYTES / count.max(1) as usize).max(FRONT_BYTES_MIN),
            rows,
        }
    }

    /// Makes the row the timer's; returns the place of its key group, and where the timer begins in the row.
    fn at(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
        timestamp_ms: i64,
    ) -> Result<(usize, usize), StateError> {
        let rows = &mut self.rows;
        let group = rows.core.group(key);
        rows.core.check_group(group)?;
        let group = (group - rows.core.range.first) as usize;
        let prefix = stand(rows, group);
        row::write((&rows.core.key, &rows.namespace), key, namespace, timestamp_ms, &mut rows.key);
        rows.value.clear();
        Ok((group, prefix))
    }

    /// The group's next timer may be another now.
    fn moved(&mut self, group: usize) {
        let front = &self.fronts[group];
        let next = match front.rows.first().and_then(row::read_time) {
            Some(time) => Next::At(time),
            None if front.more => Next::Unknown,
            None => Next::Never,
        };
        self.order.set(group, next);
    }

    pub(super) fn register(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
        timestamp_ms: i64,
    ) -> Result<(), StateError> {
        let (group, prefix) = self.at(key, namespace, timestamp_ms)?;
        self.rows.put()?;
        let timer = &self.rows.key[prefix..];
        let front = &mut self.fronts[group];
        if *timer < *front.from {
            front.from.clear();
            front.from.extend_from_slice(timer);
        }
        if front.more && front.rows.last().is_none_or(|last| last < timer) {
            return Ok(());
        }
        front.add(timer);
        while front.rows.len() > 1 && (front.rows.len() > self.front_rows || front.bytes > self.front_bytes) {
            front.bytes -= front.rows.last().map_or(0, <[u8]>::len);
            front.rows.remove_last().expect("nobody else reads these pages");
            front.more = true;
        }
        self.moved(group);
        Ok(())
    }

    pub(super) fn delete(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
        timestamp_ms: i64,
    ) -> Result<(), StateError> {
        let (group, prefix) = self.at(key, namespace, timestamp_ms)?;
        let front = &self.fronts[group];
        let timer = &self.rows.key[prefix..];
        let known = front.rows.contains(timer);
        // it is nowhere: a tombstone would only be in the way
        let nowhere = !known && (!front.more || front.rows.last().is_some_and(|last| timer < last));
        if nowhere || *timer < *front.from {
            return Ok(());
        }
        self.rows.delete()?;
        if known {
            self.fronts[group].remove(&self.rows.key[prefix..]);
            self.moved(group);
        }
        Ok(())
    }

    /// Reads the next timers of the group whose are next and not in memory, until those of the first group are.
    fn fill(&mut self) -> Result<(usize, Next), StateError> {
        loop {
            let (group, next) = self.order.first();
            if next != Next::Unknown {
                return Ok((group, next));
            }
            self.refill(group)?;
            self.moved(group);
        }
    }

    fn refill(&mut self, group: usize) -> Result<(), StateError> {
        let Self { rows, fronts, front_rows, front_bytes, .. } = self;
        let front = &mut fronts[group];
        let prefix = stand(rows, group);
        rows.key.extend_from_slice(&front.from);
        let (mut behind, mut stray) = (false, None);
        loop {
            let mut full = false;
            let seen = rows.scan(prefix, behind, |timer, value| {
                if !value.is_empty() {
                    stray = Some(value.len());
                    return false;
                }
                front.add(timer);
                full = front.rows.len() >= *front_rows || front.bytes >= *front_bytes;
                !full
            })?;
            if let Some(bytes) = stray {
                return Err(rows.damaged(&format!("a timer has a value of {bytes} bytes")));
            }
            if full || matches!(seen, Seen::Done) {
                front.more = full;
                return Ok(());
            }
            behind = true;
        }
    }

    pub(super) fn next(&mut self) -> Result<Option<i64>, StateError> {
        match self.fill()? {
            (_, Next::At(time)) => Ok(Some(time)),
            _ => Ok(None),
        }
    }

    /// Shows the next timer, if it is due, and takes it where that went well.
    pub(super) fn pop<R>(
        &mut self,
        until_ms: i64,
        see: impl FnOnce(&Core<K>, &N, &[u8]) -> Result<R, StateError>,
    ) -> Result<Option<R>, StateError> {
        let (group, next) = self.fill()?;
        if next > Next::At(until_ms) {
            return Ok(None);
        }
        let Self { rows, fronts, .. } = self;
        let front = &mut fronts[group];
        let seen = see(&rows.core, &rows.namespace, front.rows.first().unwrap_or_default())?;
        let prefix = stand(rows, group);
        rows.key.extend_from_slice(front.rows.first().unwrap_or_default());
        rows.delete()?;
        let timer = &rows.key[prefix..];
        front.remove(timer);
        front.from.clear();
        front.from.extend_from_slice(timer);
        self.moved(group);
        Ok(Some(seen))
    }

    /// All timers, key group by key group.
    pub(super) fn for_each(&mut self, see: &mut See<'_, K, N>) -> Result<(), StateError> {
        let rows = &mut self.rows;
        for group in 0..self.fronts.len() {
            let mut found: Vec<Vec<u8>> = Vec::new();
            let prefix = stand(rows, group);
            let mut behind = false;
            loop {
                found.clear();
                let seen = rows.scan(prefix, behind, |timer, _| {
                    found.push(timer.to_vec());
                    true
                })?;
                found.iter().try_for_each(|timer| see(&rows.core, &rows.namespace, timer))?;
                if let Seen::Done = seen {
                    break;
                }
                behind = true;
            }
        }
        Ok(())
    }
}

/// Makes the row the beginning of a key group's, by its place in the range; returns how long that is.
fn stand<K: KeySerializer, N: KeySerializer>(rows: &mut Rows<K, N>, group: usize) -> usize {
    let group = rows.core.range.first + u32::try_from(group).expect("key groups are 32 bits");
    rows.key.clear();
    rows.core.groups.write_prefix(group, &mut rows.key);
    rows.key.len()
}

impl Front {
    fn add(&mut self, timer: &[u8]) {
        if self.rows.insert(timer).expect("the general heap refuses nobody") {
            self.bytes += timer.len();
        }
    }

    fn remove(&mut self, timer: &[u8]) {
        if self.rows.remove(timer).expect("the general heap refuses nobody") {
            self.bytes -= timer.len();
        }
    }
}
