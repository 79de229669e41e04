//! What is kept for a key and a namespace, and what of it RocksDB has not seen yet.

use std::mem;

use allocator_api2::alloc::AllocError;
use plimsoll_memory::arena::PoolAllocator;

use super::batch::{Batch, Change};
use crate::heap::{ListKind, MapKind, ValueKind};
use crate::serializer::{Cell, KeySerializer, Serializer};
use crate::table::{CellList, CellMap, Payload};

/// A kind of entry, with its serializers.
pub(crate) trait Unit<D>: Payload {
    /// Adds what RocksDB has not seen to a batch. `key` holds the row's key, and holds it again afterwards.
    fn flush(&self, kind: &D, key: &mut Vec<u8>, batch: &mut Batch);

    /// RocksDB has seen everything. Says whether the entry is still worth its place.
    fn settle(&mut self) -> bool;

    /// Bytes in the arena, beside the row itself.
    fn held_bytes(&self) -> usize;
}

/// A value, or the knowledge that there is none.
pub(crate) struct HotValue<S: Serializer> {
    pub(crate) value: Option<S::Cell>,
    pub(crate) dirty: bool,
}

impl<S: Serializer> Payload for HotValue<S> {
    fn try_clone(&self) -> Result<Self, AllocError> {
        Ok(Self { value: self.value.as_ref().map(Cell::try_clone).transpose()?, dirty: self.dirty })
    }
}

impl<S: Serializer> Unit<ValueKind<S>> for HotValue<S> {
    fn flush(&self, kind: &ValueKind<S>, key: &mut Vec<u8>, batch: &mut Batch) {
        match &self.value {
            _ if !self.dirty => {}
            Some(cell) => batch.push(Change::Put, key, |out| cell.write(&kind.0, out)),
            None => batch.push(Change::Delete, key, |_| ()),
        }
    }

    fn settle(&mut self) -> bool {
        self.dirty = false;
        true
    }

    #[inline]
    fn held_bytes(&self) -> usize {
        self.value.as_ref().map_or(0, Cell::held_bytes)
    }
}

/// What is known of the list below the kept elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListBase {
    /// Nothing: RocksDB may have elements before ours, which it has not seen.
    Unknown,
    /// The first so many of ours are all that RocksDB has.
    Known(usize),
    /// RocksDB is to forget what it has.
    Replaced,
}

/// A list, or the end of one.
pub(crate) struct HotList<S: Serializer> {
    pub(crate) list: CellList<S>,
    pub(crate) base: ListBase,
    /// What the elements hold in the arena, beside themselves.
    pub(crate) element_bytes: usize,
}

impl<S: Serializer> HotList<S> {
    pub(crate) fn new(arena: &PoolAllocator, base: ListBase) -> Self {
        Self { list: CellList::new(arena), base, element_bytes: 0 }
    }

    /// Counts again what the elements from `from` on hold.
    pub(crate) fn count_from(&mut self, from: usize) {
        self.element_bytes += self.list.cells[from..].iter().map(Cell::held_bytes).sum::<usize>();
    }
}

impl<S: Serializer> Payload for HotList<S> {
    fn try_clone(&self) -> Result<Self, AllocError> {
        Ok(Self { list: self.list.try_clone()?, base: self.base, element_bytes: self.element_bytes })
    }
}

impl<S: Serializer> Unit<ListKind<S>> for HotList<S> {
    fn flush(&self, kind: &ListKind<S>, key: &mut Vec<u8>, batch: &mut Batch) {
        let (change, from) = match self.base {
            ListBase::Unknown => (Change::Merge, 0),
            ListBase::Known(seen) => (Change::Merge, seen),
            ListBase::Replaced if self.list.cells.is_empty() => {
                return batch.push(Change::Delete, key, |_| ());
            }
            ListBase::Replaced => (Change::Put, 0),
        };
        let cells = &self.list.cells[from..];
        if !cells.is_empty() {
            batch.push(change, key, |out| cells.iter().for_each(|cell| cell.write(&kind.0, out)));
        }
    }

    fn settle(&mut self) -> bool {
        if self.base == ListBase::Unknown {
            return false;
        }
        self.base = ListBase::Known(self.list.cells.len());
        true
    }

    #[inline]
    fn held_bytes(&self) -> usize {
        self.list.cells.capacity() * size_of::<S::Cell>() + self.element_bytes
    }
}

/// What is known of a user key. One word beside the value: maps have many of these.
pub(crate) enum HotEntry<S: Serializer> {
    /// RocksDB has this value.
    Clean(S::Cell),
    /// RocksDB has not seen this value yet.
    Dirty(S::Cell),
    /// There is none.
    Absent,
    /// There is none any more, and RocksDB has not seen that yet.
    Removed,
}

impl<S: Serializer> HotEntry<S> {
    pub(crate) fn new(value: Option<S::Cell>, dirty: bool) -> Self {
        match (value, dirty) {
            (Some(cell), false) => Self::Clean(cell),
            (Some(cell), true) => Self::Dirty(cell),
            (None, false) => Self::Absent,
            (None, true) => Self::Removed,
        }
    }

    #[inline]
    pub(crate) fn value(&self) -> Option<&S::Cell> {
        match self {
            Self::Clean(cell) | Self::Dirty(cell) => Some(cell),
            Self::Absent | Self::Removed => None,
        }
    }

    pub(crate) fn into_value(self) -> Option<S::Cell> {
        match self {
            Self::Clean(cell) | Self::Dirty(cell) => Some(cell),
            Self::Absent | Self::Removed => None,
        }
    }

    pub(crate) fn is_dirty(&self) -> bool {
        matches!(self, Self::Dirty(_) | Self::Removed)
    }

    /// Bytes that the value holds in the arena, beside itself.
    pub(crate) fn held_bytes(&self) -> usize {
        self.value().map_or(0, Cell::held_bytes)
    }
}

impl<S: Serializer> Payload for HotEntry<S> {
    fn try_clone(&self) -> Result<Self, AllocError> {
        Ok(Self::new(self.value().map(Cell::try_clone).transpose()?, self.is_dirty()))
    }
}

/// Entries of a map: all of them, or some.
pub(crate) struct HotMap<U: KeySerializer, S: Serializer> {
    pub(crate) map: CellMap<U, HotEntry<S>>,
    /// What is not here does not exist.
    pub(crate) complete: bool,
    /// It was found to be too large to be read whole.
    pub(crate) large: bool,
    /// What keys and values hold in the arena, beside themselves.
    pub(crate) entry_bytes: usize,
}

impl<U: KeySerializer, S: Serializer> HotMap<U, S> {
    pub(crate) fn new(arena: &PoolAllocator, complete: bool) -> Self {
        Self { map: CellMap::new(arena), complete, large: false, entry_bytes: 0 }
    }
}

impl<U: KeySerializer, S: Serializer> Payload for HotMap<U, S> {
    fn try_clone(&self) -> Result<Self, AllocError> {
        let Self { complete, large, entry_bytes, .. } = *self;
        Ok(Self { map: self.map.try_clone()?, complete, large, entry_bytes })
    }
}

impl<U: KeySerializer, S: Serializer> Unit<MapKind<U, S>> for HotMap<U, S> {
    fn flush(&self, kind: &MapKind<U, S>, key: &mut Vec<u8>, batch: &mut Batch) {
        let prefix = key.len();
        for (user_key, entry) in self.map.entries().iter().filter(|(_, entry)| entry.is_dirty()) {
            key.truncate(prefix);
            user_key.write(&kind.user_key, key);
            match entry.value() {
                Some(cell) => batch.push(Change::Put, key, |out| cell.write(&kind.value, out)),
                None => batch.push(Change::Delete, key, |_| ()),
            }
        }
        key.truncate(prefix);
    }

    fn settle(&mut self) -> bool {
        let mut gone = false;
        for (_, entry) in self.map.values_mut() {
            let value = mem::replace(entry, HotEntry::Absent).into_value();
            gone |= value.is_none();
            *entry = HotEntry::new(value, false);
        }
        if self.complete && gone {
            // a complete map needs no tombstones
            let mut gone_bytes = 0;
            self.map.retain(|key, entry| {
                let stays = entry.value().is_some();
                gone_bytes += if stays { 0 } else { key.held_bytes() };
                stays
            });
            self.entry_bytes = self.entry_bytes.saturating_sub(gone_bytes);
        }
        self.map.len() > 0 || self.complete
    }

    #[inline]
    fn held_bytes(&self) -> usize {
        self.map.structure_bytes() + self.entry_bytes
    }
}
