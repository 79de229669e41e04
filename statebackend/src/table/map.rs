//! The entries of one map: a vector that is scanned while they are few, with an index once they are many.

use std::hash::BuildHasher;

use allocator_api2::alloc::AllocError;
use allocator_api2::boxed::Box as PoolBox;
use allocator_api2::vec::Vec as PoolVec;
use hashbrown::{DefaultHashBuilder, HashTable};
use plimsoll_memory::arena::PoolAllocator;

use super::row::Payload;
use crate::serializer::{Cell, KeyCell, KeySerializer};

/// Up to so many entries a scan beats a hash: they are a few lines of the processor's cache.
const SCANNED_MAX: usize = 16;

/// The entries of one map, in the arena; removing one moves the last into its place.
pub(crate) struct CellMap<U: KeySerializer, V> {
    entries: PoolVec<(U::Cell, V), PoolAllocator>,
    index: Option<PoolBox<Index, PoolAllocator>>,
}

/// Places of entries by the hash of their key.
struct Index {
    places: HashTable<u32, PoolAllocator>,
    hashing: DefaultHashBuilder,
}

impl Index {
    fn hash<U: KeySerializer>(&self, serializer: &U, key: &U::Value) -> u64 {
        let mut hasher = self.hashing.build_hasher();
        U::Cell::hash_value(serializer, key, &mut hasher);
        std::hash::Hasher::finish(&hasher)
    }
}

fn hash_cell<U: KeySerializer>(hashing: &DefaultHashBuilder, key: &U::Cell) -> u64 {
    let mut hasher = hashing.build_hasher();
    key.hash_cell(&mut hasher);
    std::hash::Hasher::finish(&hasher)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a map has less than 2³² entries: checked where it grows"
)]
fn narrow(place: usize) -> u32 {
    place as u32
}

impl<U: KeySerializer, V: Payload> CellMap<U, V> {
    pub(crate) fn new(arena: &PoolAllocator) -> Self {
        Self { entries: PoolVec::new_in(arena.clone()), index: None }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn arena(&self) -> &PoolAllocator {
        self.entries.allocator()
    }

    pub(crate) fn entries(&self) -> &[(U::Cell, V)] {
        &self.entries
    }

    /// The values, to be changed; their keys stay.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = (&U::Cell, &mut V)> {
        self.entries.iter_mut().map(|(key, value)| (&*key, value))
    }

    #[inline]
    fn place(&self, serializer: &U, key: &U::Value) -> Option<usize> {
        match &self.index {
            None => self.entries.iter().position(|(cell, _)| cell.is(serializer, key)),
            Some(index) => {
                let hash = index.hash(serializer, key);
                let same = |place: &u32| self.entries[*place as usize].0.is(serializer, key);
                index.places.find(hash, same).map(|place| *place as usize)
            }
        }
    }

    #[inline]
    pub(crate) fn get(&self, serializer: &U, key: &U::Value) -> Option<&V> {
        self.place(serializer, key).map(|place| &self.entries[place].1)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, serializer: &U, key: &U::Value) -> Option<&mut V> {
        let place = self.place(serializer, key)?;
        Some(&mut self.entries[place].1)
    }

    /// Adds an entry that is not there yet.
    pub(crate) fn add(&mut self, serializer: &U, key: &U::Value, value: V) -> Result<&mut V, AllocError> {
        let place = self.entries.len();
        if place >= u32::MAX as usize {
            return Err(AllocError);
        }
        if place == self.entries.capacity() {
            // by half, and not at once for four as a vector would: many maps are small and stay so
            let more = (place / 2).max(1);
            self.entries.try_reserve_exact(more).map_err(|_| AllocError)?;
        }
        let cell = U::Cell::pack(serializer, key, self.entries.allocator())?;
        if place == SCANNED_MAX && self.index.is_none() {
            self.build_index()?;
        }
        if let Some(index) = &mut self.index {
            let hash = index.hash(serializer, key);
            let Index { places, hashing } = &mut **index;
            let entries = &self.entries;
            let rehash = |place: &u32| hash_cell::<U>(hashing, &entries[*place as usize].0);
            places.try_reserve(1, rehash).map_err(|_| AllocError)?;
            places.insert_unique(hash, narrow(place), rehash);
        }
        self.entries.push((cell, value));
        Ok(&mut self.entries[place].1)
    }

    #[cold]
    fn build_index(&mut self) -> Result<(), AllocError> {
        let arena = self.entries.allocator().clone();
        let hashing = DefaultHashBuilder::default();
        let mut places = HashTable::new_in(arena.clone());
        let entries = &self.entries;
        let rehash = |place: &u32| hash_cell::<U>(&hashing, &entries[*place as usize].0);
        places.try_reserve(entries.len() + 1, rehash).map_err(|_| AllocError)?;
        for place in 0..entries.len() {
            let place = narrow(place);
            places.insert_unique(rehash(&place), place, rehash);
        }
        self.index = Some(PoolBox::try_new_in(Index { places, hashing }, arena)?);
        Ok(())
    }

    pub(crate) fn remove(&mut self, serializer: &U, key: &U::Value) -> Option<V> {
        let place = self.place(serializer, key)?;
        let last = self.entries.len() - 1;
        if let Some(index) = &mut self.index {
            let hash = index.hash(serializer, key);
            if let Ok(found) = index.places.find_entry(hash, |at| *at as usize == place) {
                found.remove();
            }
            if place != last {
                let hash = hash_cell::<U>(&index.hashing, &self.entries[last].0);
                if let Some(moved) = index.places.find_mut(hash, |at| *at as usize == last) {
                    *moved = narrow(place);
                }
            }
        }
        Some(self.entries.swap_remove(place).1)
    }

    /// Gives back the room for entries that are not there, where the arena has some for the move.
    pub(crate) fn fit(&mut self) {
        if self.entries.capacity() == self.entries.len() {
            return;
        }
        let mut exact = PoolVec::new_in(self.entries.allocator().clone());
        if exact.try_reserve_exact(self.entries.len()).is_ok() {
            exact.append(&mut self.entries);
            self.entries = exact;
        }
    }

    /// Drops the entries that `keep` says no to.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&U::Cell, &mut V) -> bool) {
        self.entries.retain_mut(|(key, value)| keep(key, value));
        if let Some(index) = &mut self.index {
            let Index { places, hashing } = &mut **index;
            places.clear();
            let entries = &self.entries;
            for (place, (key, _)) in entries.iter().enumerate() {
                let rehash = |place: &u32| hash_cell::<U>(hashing, &entries[*place as usize].0);
                // as many as were there before at most, so nothing is allocated
                places.insert_unique(hash_cell::<U>(hashing, key), narrow(place), rehash);
            }
        }
    }

    /// Bytes of the entries and the index in the arena, without what keys and values hold beside themselves.
    #[inline]
    pub(crate) fn structure_bytes(&self) -> usize {
        let index = self.index.as_ref().map_or(0, |i| size_of::<Index>() + i.places.allocation_size());
        self.entries.capacity() * size_of::<(U::Cell, V)>() + index
    }
}

impl<U: KeySerializer, V: Payload> Payload for CellMap<U, V> {
    fn try_clone(&self) -> Result<Self, AllocError> {
        let mut entries = PoolVec::new_in(self.entries.allocator().clone());
        entries.try_reserve_exact(self.entries.len()).map_err(|_| AllocError)?;
        for (key, value) in &self.entries {
            entries.push((key.try_clone()?, value.try_clone()?));
        }
        let mut copy = Self { entries, index: None };
        if self.index.is_some() {
            copy.build_index()?;
        }
        Ok(copy)
    }
}
