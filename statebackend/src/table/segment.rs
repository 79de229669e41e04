//! A hash table cut into segments: it grows a segment at a time, and a segment that a snapshot reads is copied when it
//! is written.
//!
//! Segments are split in turn as the table grows (linear hashing), so no insert ever rehashes the whole table. A frozen
//! table shares its segments; the first write to one takes it back if the snapshot is done with it, or copies it.

use std::hash::{BuildHasher, Hasher};
use std::mem;
use std::sync::Arc;

use allocator_api2::alloc::AllocError;
use allocator_api2::vec::Vec as PoolVec;
use hashbrown::{DefaultHashBuilder, HashTable};
use plimsoll_memory::arena::PoolAllocator;

/// Rows for each segment at which the table grows by one: a segment then has between half and twice as many. Twice this
/// fits a table of 4,096 buckets with room for the spread of a good hash.
///
/// Larger segments are faster: the tags of one lie together, and those of a million rows stay in the processor's cache
/// and its table of pages. Smaller ones are copied sooner while a snapshot runs: a segment of
/// plain values is copied in some 30 µs, one of values in the arena in a few hundred.
const ROWS_PER_SEGMENT: usize = if cfg!(test) { 100 } else { 1_680 };

/// Segments are merged when there are so many times fewer rows than those at which the table would grow: soon, because
/// the places of rows that are gone are memory that others could have.
const SHRINK_DIVISOR: usize = 2;

/// What a table holds.
pub(crate) trait Entry: Sized + Send + Sync + 'static {
    /// Feeds what it is found by to a hasher.
    fn hash(&self, hasher: &mut impl Hasher);

    /// A copy, for a segment that a snapshot still reads.
    fn try_clone(&self) -> Result<Self, AllocError>;
}

type Segment<E> = HashTable<E, PoolAllocator>;

/// What a snapshot keeps of a table: its segments as they were.
pub(crate) type Frozen<E> = Vec<Arc<Segment<E>>>;

enum Slot<E> {
    Own(Segment<E>),
    Shared(Arc<Segment<E>>),
}

impl<E> Slot<E> {
    #[inline]
    fn segment(&self) -> &Segment<E> {
        match self {
            Self::Own(segment) => segment,
            Self::Shared(segment) => segment,
        }
    }
}

/// A table of one thread, in an arena.
pub(crate) struct Table<E> {
    slots: PoolVec<Slot<E>, PoolAllocator>,
    /// Covers all segments; where it points past the last one, the next smaller mask applies.
    mask: usize,
    len: usize,
    hashing: DefaultHashBuilder,
    arena: PoolAllocator,
}

impl<E: Entry> Table<E> {
    /// An empty table.
    pub(crate) fn new(arena: &PoolAllocator) -> Result<Self, AllocError> {
        let mut slots = PoolVec::new_in(arena.clone());
        slots.try_reserve(1).map_err(|_| AllocError)?;
        slots.push(Slot::Own(HashTable::new_in(arena.clone())));
        Ok(Self { slots, mask: 0, len: 0, hashing: DefaultHashBuilder::default(), arena: arena.clone() })
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn arena(&self) -> &PoolAllocator {
        &self.arena
    }

    /// The hash of what `feed` feeds.
    #[inline]
    pub(crate) fn hash_of(&self, feed: impl FnOnce(&mut <DefaultHashBuilder as BuildHasher>::Hasher)) -> u64 {
        let mut hasher = self.hashing.build_hasher();
        feed(&mut hasher);
        hasher.finish()
    }

    #[inline]
    fn place(&self, hash: u64) -> usize {
        place(hash, self.mask, self.slots.len())
    }

    #[inline]
    pub(crate) fn find(&self, hash: u64, same: impl FnMut(&E) -> bool) -> Option<&E> {
        self.slots[self.place(hash)].segment().find(hash, same)
    }

    /// The row to be written. It is looked for before anything is copied.
    #[inline]
    pub(crate) fn find_mut(
        &mut self,
        hash: u64,
        same: impl FnMut(&E) -> bool,
    ) -> Result<Option<&mut E>, AllocError> {
        let at = self.place(hash);
        if let Slot::Shared(_) = self.slots[at] {
            self.take_back(at)?;
        }
        match &mut self.slots[at] {
            Slot::Own(segment) => Ok(segment.find_mut(hash, same)),
            Slot::Shared(_) => Ok(None),
        }
    }

    /// Puts a row that is not there yet.
    pub(crate) fn insert(&mut self, hash: u64, row: E) -> Result<&mut E, AllocError> {
        if self.len >= self.slots.len() * ROWS_PER_SEGMENT {
            self.grow()?;
        }
        let at = self.place(hash);
        if let Slot::Shared(_) = self.slots[at] {
            self.take_back(at)?;
        }
        let hashing = &self.hashing;
        let rehash = |row: &E| hash_row(hashing, row);
        let Slot::Own(segment) = &mut self.slots[at] else { return Err(AllocError) };
        segment.try_reserve(1, rehash).map_err(|_| AllocError)?;
        self.len += 1;
        Ok(segment.insert_unique(hash, row, rehash).into_mut())
    }

    pub(crate) fn remove(
        &mut self,
        hash: u64,
        same: impl FnMut(&E) -> bool,
    ) -> Result<Option<E>, AllocError> {
        let at = self.place(hash);
        let mut same = same;
        if let Slot::Shared(segment) = &self.slots[at] {
            if segment.find(hash, &mut same).is_none() {
                return Ok(None);
            }
            self.take_back(at)?;
        }
        let Slot::Own(segment) = &mut self.slots[at] else { return Ok(None) };
        let Ok(found) = segment.find_entry(hash, same) else { return Ok(None) };
        self.len -= 1;
        Ok(Some(found.remove().0))
    }

    /// Makes a segment ours alone: takes it back from a snapshot that is done with it, or copies it.
    #[cold]
    #[inline(never)]
    fn take_back(&mut self, at: usize) -> Result<(), AllocError> {
        if matches!(self.slots[at], Slot::Own(_)) {
            return Ok(());
        }
        let empty = Slot::Own(HashTable::new_in(self.arena.clone()));
        let Slot::Shared(shared) = mem::replace(&mut self.slots[at], empty) else { return Ok(()) };
        let (slot, answer) = match Arc::try_unwrap(shared) {
            Ok(segment) => (Slot::Own(segment), Ok(())),
            Err(shared) => match self.copy(&shared) {
                Ok(segment) => (Slot::Own(segment), Ok(())),
                Err(refused) => (Slot::Shared(shared), Err(refused)),
            },
        };
        self.slots[at] = slot;
        answer
    }

    fn copy(&self, segment: &Segment<E>) -> Result<Segment<E>, AllocError> {
        let rehash = |row: &E| hash_row(&self.hashing, row);
        let mut copy = HashTable::new_in(self.arena.clone());
        copy.try_reserve(segment.len(), rehash).map_err(|_| AllocError)?;
        for row in segment {
            copy.insert_unique(rehash(row), row.try_clone()?, rehash);
        }
        Ok(copy)
    }

    /// Adds a segment: splits the one whose turn it is.
    #[cold]
    #[inline(never)]
    fn grow(&mut self) -> Result<(), AllocError> {
        let count = self.slots.len();
        let mask = if count > self.mask { self.mask * 2 + 1 } else { self.mask };
        let from = count & (mask >> 1);
        self.slots.try_reserve(1).map_err(|_| AllocError)?;
        self.take_back(from)?;
        let hashing = &self.hashing;
        let rehash = |row: &E| hash_row(hashing, row);
        let Slot::Own(segment) = &mut self.slots[from] else { return Err(AllocError) };
        let moves = |row: &E| place(rehash(row), mask, count + 1) == count;
        let mut go = HashTable::new_in(self.arena.clone());
        // room for all: half of them go, and the segment grows to as many before it is split itself
        go.try_reserve(segment.len(), rehash).map_err(|_| AllocError)?;
        // what stays keeps its memory: it is about to grow again
        for row in segment.extract_if(|row| moves(row)) {
            go.insert_unique(rehash(&row), row, rehash);
        }
        self.slots.push(Slot::Own(go));
        self.mask = mask;
        Ok(())
    }

    /// All segments as they are now, for a snapshot. Nothing is copied.
    ///
    /// The pointers lie on the general heap: 16 bytes a segment, and as many for each that is taken back.
    pub(crate) fn freeze(&mut self) -> Frozen<E> {
        let mut frozen = Vec::with_capacity(self.slots.len());
        for slot in &mut self.slots {
            match slot {
                Slot::Shared(segment) if segment.is_empty() => {}
                Slot::Shared(segment) => frozen.push(Arc::clone(segment)),
                Slot::Own(segment) if segment.is_empty() => {}
                Slot::Own(segment) => {
                    let shared = Arc::new(mem::replace(segment, HashTable::new_in(self.arena.clone())));
                    frozen.push(Arc::clone(&shared));
                    *slot = Slot::Shared(shared);
                }
            }
        }
        frozen
    }

    /// Bytes of the table itself in the arena, empty places included.
    pub(crate) fn structure_bytes(&self) -> usize {
        let slots = self.slots.capacity() * size_of::<Slot<E>>();
        slots + self.slots.iter().map(|slot| slot.segment().allocation_size()).sum::<usize>()
    }

    pub(crate) fn segments(&self) -> usize {
        self.slots.len()
    }

    /// The rows of a segment.
    pub(crate) fn rows(&self, at: usize) -> impl Iterator<Item = &E> {
        self.slots[at].segment().iter()
    }

    /// The rows of a segment, to be changed in what they are not found by.
    pub(crate) fn rows_mut(&mut self, at: usize) -> Result<impl Iterator<Item = &mut E>, AllocError> {
        self.take_back(at)?;
        match &mut self.slots[at] {
            Slot::Own(segment) => Ok(segment.iter_mut()),
            Slot::Shared(_) => Err(AllocError),
        }
    }

    /// Shows each row of a segment to be changed; those that `keep` says no to are dropped.
    pub(crate) fn retain(
        &mut self,
        at: usize,
        keep: impl FnMut(&mut E) -> bool,
    ) -> Result<usize, AllocError> {
        self.take_back(at)?;
        let Slot::Own(segment) = &mut self.slots[at] else { return Ok(0) };
        let before = segment.len();
        segment.retain(keep);
        let dropped = before - segment.len();
        self.len -= dropped;
        Ok(dropped)
    }

    /// Gives segments back while they are nearly empty: the last one goes back into the one it was split from. Where
    /// the
    /// arena refuses, the table stays as it is.
    pub(crate) fn shrink(&mut self) {
        while self.slots.len() > 1 && self.len < self.slots.len() * ROWS_PER_SEGMENT / SHRINK_DIVISOR {
            if self.merge_last().is_err() {
                return;
            }
        }
    }

    fn merge_last(&mut self) -> Result<(), AllocError> {
        let last = self.slots.len() - 1;
        let mask = if last <= self.mask >> 1 { self.mask >> 1 } else { self.mask };
        let into = last & (mask >> 1);
        self.take_back(into)?;
        self.take_back(last)?;
        let hashing = &self.hashing;
        let rehash = |row: &E| hash_row(hashing, row);
        let Ok([Slot::Own(into), Slot::Own(last)]) = self.slots.get_disjoint_mut([into, last]) else {
            return Err(AllocError);
        };
        let mut both = HashTable::new_in(self.arena.clone());
        both.try_reserve(into.len() + last.len(), rehash).map_err(|_| AllocError)?;
        for row in into.drain().chain(last.drain()) {
            both.insert_unique(rehash(&row), row, rehash);
        }
        *into = both;
        self.slots.pop();
        self.mask = mask;
        Ok(())
    }
}

#[inline]
fn hash_row<E: Entry>(hashing: &DefaultHashBuilder, row: &E) -> u64 {
    let mut hasher = hashing.build_hasher();
    row.hash(&mut hasher);
    hasher.finish()
}

/// The segment of a hash: the bits above those that the segment's own table uses for its buckets, and below its tag.
#[inline]
fn place(hash: u64, mask: usize, count: usize) -> usize {
    let bits = (hash >> 24) as usize;
    let at = bits & mask;
    if at < count { at } else { bits & (mask >> 1) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use plimsoll_memory::arena::PoolArena;
    use proptest::prelude::*;

    use super::*;

    struct Pair(u64, u64);

    impl Entry for Pair {
        fn hash(&self, hasher: &mut impl Hasher) {
            hasher.write_u64(self.0);
        }

        fn try_clone(&self) -> Result<Self, AllocError> {
            Ok(Self(self.0, self.1))
        }
    }

    fn table(cap_bytes: u64) -> Table<Pair> {
        Table::new(&PoolAllocator::new(PoolArena::capped("table", cap_bytes).unwrap())).unwrap()
    }

    fn put(table: &mut Table<Pair>, key: u64, value: u64) -> Result<(), AllocError> {
        let hash = table.hash_of(|hasher| hasher.write_u64(key));
        if let Some(row) = table.find_mut(hash, |row| row.0 == key)? {
            row.1 = value;
            return Ok(());
        }
        table.insert(hash, Pair(key, value)).map(|_| ())
    }

    fn take(table: &mut Table<Pair>, key: u64) -> Option<u64> {
        let hash = table.hash_of(|hasher| hasher.write_u64(key));
        table.remove(hash, |row| row.0 == key).unwrap().map(|row| row.1)
    }

    fn all(table: &Table<Pair>) -> impl Iterator<Item = &Pair> {
        (0..table.segments()).flat_map(|at| table.rows(at))
    }

    fn content<'a>(rows: impl Iterator<Item = &'a Pair>) -> BTreeMap<u64, u64> {
        rows.map(|row| (row.0, row.1)).collect()
    }

    #[test]
    fn grows_by_segments_that_stay_small() {
        let mut table = table(256 << 20);
        for key in 0..300_000 {
            put(&mut table, key, key).unwrap();
        }
        assert_eq!(table.len(), 300_000);
        let lens: Vec<usize> = table.slots.iter().map(|slot| slot.segment().len()).collect();
        assert!(lens.iter().all(|len| *len < ROWS_PER_SEGMENT * 5 / 2), "{:?}", lens.iter().max());
        assert_eq!(lens.iter().sum::<usize>(), 300_000);
        assert_eq!(content(all(&table)).len(), 300_000);
    }

    #[test]
    fn what_is_refused_changes_nothing() {
        let mut table = table(4 << 20);
        let mut count = 0;
        while put(&mut table, count, count).is_ok() {
            count += 1;
        }
        assert!(count > 30_000, "{count}");
        assert_eq!(content(all(&table)), (0..count).map(|key| (key, key)).collect());
        // copying a segment is refused, too, and then the row is as it was, for the snapshot and for us
        let frozen = table.freeze();
        let refused = (0..count).find(|key| put(&mut table, *key, 0).is_err());
        assert!(refused.is_some());
        assert_eq!(content(frozen.iter().flat_map(|s| s.iter())), (0..count).map(|k| (k, k)).collect());
        drop(frozen);
        for key in 0..count {
            put(&mut table, key, 1).unwrap();
        }
        assert!(all(&table).all(|row| row.1 == 1));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(30))]
        /// Against a plain map, with snapshots taken at any time and checked at the end.
        #[test]
        fn is_a_map_and_frozen_is_frozen(steps in prop::collection::vec((0..8u8, 0..3_000u64), 1..20_000)) {
            let mut table = table(64 << 20);
            let mut model = BTreeMap::new();
            let mut snapshots = Vec::new();
            for (at, (what, key)) in steps.into_iter().enumerate() {
                match what {
                    0..=4 => {
                        put(&mut table, key, at as u64).unwrap();
                        model.insert(key, at as u64);
                    }
                    5 | 6 => prop_assert_eq!(take(&mut table, key), model.remove(&key)),
                    _ if key < 20 => snapshots.push((table.freeze(), model.clone())),
                    _ if key < 30 => { snapshots.pop(); }
                    _ if key < 40 => {
                        for at in 0..table.segments() {
                            table.retain(at, |row| row.0 % 16 == 0).unwrap();
                        }
                        model.retain(|key, _| key % 16 == 0);
                        table.shrink();
                        prop_assert!(table.segments() <= 1 + 4 * table.len().div_ceil(ROWS_PER_SEGMENT));
                    }
                    _ => {
                        let hash = table.hash_of(|hasher| hasher.write_u64(key));
                        let found = table.find(hash, |row| row.0 == key).map(|row| row.1);
                        prop_assert_eq!(found, model.get(&key).copied());
                    }
                }
                prop_assert_eq!(table.len(), model.len());
            }
            prop_assert_eq!(content(all(&table)), model);
            for (frozen, model) in snapshots {
                prop_assert_eq!(content(frozen.iter().flat_map(|segment| segment.iter())), model);
            }
        }
    }
}
