//! The elements of a list, in chunks that a snapshot shares.
//!
//! Freezing takes a pointer a chunk. Chunks that are full are never written again, so while a snapshot runs an addition
//! copies one chunk at most, the last one, and once.

use std::sync::Arc;

use allocator_api2::alloc::AllocError;
use allocator_api2::vec::Vec as PoolVec;
use plimsoll_memory::arena::PoolAllocator;

use crate::serializer::Serializer;
use crate::table::{CellList, Payload};

/// Elements of a chunk: few enough that a copy is short, enough that what a chunk holds outside the arena, some 64
/// bytes, does not count.
const CHUNK: usize = if cfg!(test) { 4 } else { 256 };

/// The list, in the arena.
pub(super) struct Cells<S: Serializer> {
    chunks: PoolVec<Arc<CellList<S>>, PoolAllocator>,
    len: usize,
}

/// The list as it was.
pub(super) type FrozenCells<S> = Vec<Arc<CellList<S>>>;

impl<S: Serializer> Cells<S> {
    pub(super) fn new(arena: &PoolAllocator) -> Self {
        Self { chunks: PoolVec::new_in(arena.clone()), len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &S::Cell> {
        self.chunks.iter().flat_map(|chunk| &chunk.cells)
    }

    /// All elements as they are now. The pointers lie on the general heap.
    pub(super) fn freeze(&self) -> FrozenCells<S> {
        self.chunks.iter().map(Arc::clone).collect()
    }

    /// Appends an element, or changes nothing.
    pub(super) fn push(&mut self, serializer: &S, value: &S::Value) -> Result<(), AllocError> {
        if self.len.is_multiple_of(CHUNK) {
            self.chunks.try_reserve(1).map_err(|_| AllocError)?;
            let mut chunk = CellList::new(self.chunks.allocator());
            chunk.push(serializer, value)?;
            self.chunks.push(Arc::new(chunk));
        } else {
            let last = self.chunks.last_mut().expect("a chunk that is not full is the last one");
            if Arc::get_mut(last).is_none() {
                *last = Arc::new(last.try_clone()?);
            }
            Arc::get_mut(last).expect("it is ours, or has just been copied").push(serializer, value)?;
        }
        self.len += 1;
        Ok(())
    }

    /// Appends all elements or none.
    pub(super) fn extend(&mut self, serializer: &S, values: &[S::Value]) -> Result<(), AllocError> {
        let before = self.len;
        for value in values {
            if let Err(refused) = self.push(serializer, value) {
                self.truncate(before);
                return Err(refused);
            }
        }
        Ok(())
    }

    /// Takes back what was just added.
    fn truncate(&mut self, len: usize) {
        self.chunks.truncate(len.div_ceil(CHUNK));
        if self.len > len && !len.is_multiple_of(CHUNK) {
            let last = self.chunks.last_mut().and_then(Arc::get_mut);
            last.expect("it was just written, so no snapshot has it").cells.truncate(len % CHUNK);
        }
        self.len = len;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HeapMemory;
    use crate::serializer::{Cell, Utf8};
    use plimsoll_memory::budget::Pool;

    fn texts(cells: impl Iterator<Item = String>) -> Vec<String> {
        cells.collect()
    }

    fn seen(cells: &Cells<Utf8>) -> Vec<String> {
        texts(cells.iter().map(|cell| cell.unpack(&Utf8)))
    }

    fn frozen(chunks: &FrozenCells<Utf8>) -> Vec<String> {
        texts(chunks.iter().flat_map(|chunk| &chunk.cells).map(|cell| cell.unpack(&Utf8)))
    }

    #[test]
    fn what_was_frozen_stays_and_only_the_last_chunk_is_copied() {
        let pool = Pool::root("slot", 8 << 20).unwrap();
        let memory = HeapMemory::new(&pool, "list").unwrap();
        let mut cells = Cells::new(memory.arena());
        let all: Vec<String> = (0..40).map(|n| format!("element {n}")).collect();
        let mut snapshots = Vec::new();
        for (at, text) in all.iter().enumerate() {
            snapshots.push((at, cells.freeze()));
            cells.push(&Utf8, text).unwrap();
            let (_, before) = snapshots.last().unwrap();
            let shared = before.iter().zip(&cells.chunks).filter(|(old, new)| Arc::ptr_eq(old, new)).count();
            assert_eq!(shared, at / CHUNK, "full chunks are shared, the last one is not");
        }
        for (len, chunks) in &snapshots {
            assert_eq!(frozen(chunks), all[..*len]);
        }
        // nobody reads them any more: the last chunk is written in place
        drop(snapshots);
        cells.push(&Utf8, &"one".to_owned()).unwrap();
        let last = Arc::as_ptr(cells.chunks.last().unwrap());
        cells.push(&Utf8, &"more".to_owned()).unwrap();
        assert_eq!(last, Arc::as_ptr(cells.chunks.last().unwrap()));
        assert_eq!((cells.len(), seen(&cells).len()), (42, 42));
    }

    #[test]
    fn all_or_none_at_every_length() {
        // the arena has room for some values of a MiB, and not for a sixteenth
        let pool = Pool::root("slot", 12 << 20).unwrap();
        let memory = HeapMemory::new(&pool, "list").unwrap();
        let large = "x".repeat(1 << 20);
        for before in 0..9 {
            let mut cells = Cells::new(memory.arena());
            let small: Vec<String> = (0..before).map(|n| n.to_string()).collect();
            cells.extend(&Utf8, &small).unwrap();
            let kept = cells.freeze();
            assert!(cells.extend(&Utf8, &vec![large.clone(); 16]).is_err());
            assert_eq!((seen(&cells), cells.len()), (small.clone(), small.len()));
            cells.push(&Utf8, &"next".to_owned()).unwrap();
            assert_eq!(seen(&cells).last().unwrap(), "next");
            assert_eq!(frozen(&kept), small);
        }
    }
}
