//! What a table keeps for a key and a namespace.

use std::hash::Hasher;

use allocator_api2::alloc::AllocError;
use allocator_api2::vec::Vec as PoolVec;
use plimsoll_memory::arena::PoolAllocator;

use super::segment::{Entry, Table};
use crate::serializer::{Cell, KeyCell, KeySerializer, Serializer};

/// What is kept beside a key and a namespace.
pub(crate) trait Payload: Sized + Send + Sync + 'static {
    /// A copy, for a segment that a snapshot still reads.
    fn try_clone(&self) -> Result<Self, AllocError>;
}

/// A row of a table.
pub(crate) struct Row<K: KeySerializer, N: KeySerializer, P> {
    pub(crate) key: K::Cell,
    pub(crate) namespace: N::Cell,
    pub(crate) payload: P,
}

impl<K: KeySerializer, N: KeySerializer, P: Payload> Entry for Row<K, N, P> {
    #[inline]
    fn hash(&self, hasher: &mut impl Hasher) {
        self.key.hash_cell(hasher);
        self.namespace.hash_cell(hasher);
    }

    fn try_clone(&self) -> Result<Self, AllocError> {
        Ok(Self {
            key: self.key.try_clone()?,
            namespace: self.namespace.try_clone()?,
            payload: self.payload.try_clone()?,
        })
    }
}

/// How rows are found: the serializers of the key and of the namespace.
#[derive(Clone)]
pub(crate) struct RowKeys<K, N> {
    pub(crate) key: K,
    pub(crate) namespace: N,
}

impl<K: KeySerializer, N: KeySerializer> RowKeys<K, N> {
    #[inline]
    pub(crate) fn hash<P: Payload>(
        &self,
        table: &Table<Row<K, N, P>>,
        key: &K::Value,
        namespace: &N::Value,
    ) -> u64 {
        table.hash_of(|hasher| {
            K::Cell::hash_value(&self.key, key, hasher);
            N::Cell::hash_value(&self.namespace, namespace, hasher);
        })
    }

    #[inline]
    pub(crate) fn is<P>(&self, row: &Row<K, N, P>, key: &K::Value, namespace: &N::Value) -> bool {
        row.key.is(&self.key, key) && row.namespace.is(&self.namespace, namespace)
    }

    #[inline]
    pub(crate) fn find<'t, P: Payload>(
        &self,
        table: &'t Table<Row<K, N, P>>,
        key: &K::Value,
        namespace: &N::Value,
    ) -> Option<&'t P> {
        let hash = self.hash(table, key, namespace);
        table.find(hash, |row| self.is(row, key, namespace)).map(|row| &row.payload)
    }

    /// A new row.
    pub(crate) fn row<P>(
        &self,
        key: &K::Value,
        namespace: &N::Value,
        payload: P,
        arena: &PoolAllocator,
    ) -> Result<Row<K, N, P>, AllocError> {
        Ok(Row {
            key: K::Cell::pack(&self.key, key, arena)?,
            namespace: N::Cell::pack(&self.namespace, namespace, arena)?,
            payload,
        })
    }

    /// Appends key and namespace as they stand in a snapshot and in RocksDB.
    pub(crate) fn write<P>(&self, row: &Row<K, N, P>, out: &mut Vec<u8>) {
        row.key.write(&self.key, out);
        row.namespace.write(&self.namespace, out);
    }
}

/// The elements of one list.
pub(crate) struct CellList<S: Serializer> {
    pub(crate) cells: PoolVec<S::Cell, PoolAllocator>,
}

impl<S: Serializer> CellList<S> {
    pub(crate) fn new(arena: &PoolAllocator) -> Self {
        Self { cells: PoolVec::new_in(arena.clone()) }
    }

    /// Appends an element.
    #[inline]
    pub(crate) fn push(&mut self, serializer: &S, value: &S::Value) -> Result<(), AllocError> {
        let cell = S::Cell::pack(serializer, value, self.cells.allocator())?;
        if self.cells.len() == self.cells.capacity() {
            self.cells.try_reserve(1).map_err(|_| AllocError)?;
        }
        self.cells.push(cell);
        Ok(())
    }

    /// Appends all elements or none.
    pub(crate) fn extend(&mut self, serializer: &S, values: &[S::Value]) -> Result<(), AllocError> {
        self.cells.try_reserve(values.len()).map_err(|_| AllocError)?;
        self.fill(serializer, values)
    }

    /// As [`extend`](Self::extend), without room for more.
    pub(crate) fn extend_exactly(&mut self, serializer: &S, values: &[S::Value]) -> Result<(), AllocError> {
        self.cells.try_reserve_exact(values.len()).map_err(|_| AllocError)?;
        self.fill(serializer, values)
    }

    fn fill(&mut self, serializer: &S, values: &[S::Value]) -> Result<(), AllocError> {
        let before = self.cells.len();
        for value in values {
            match S::Cell::pack(serializer, value, self.cells.allocator()) {
                Ok(cell) => self.cells.push(cell),
                Err(refused) => {
                    self.cells.truncate(before);
                    return Err(refused);
                }
            }
        }
        Ok(())
    }
}

impl<S: Serializer> Payload for CellList<S> {
    fn try_clone(&self) -> Result<Self, AllocError> {
        let mut cells = PoolVec::new_in(self.cells.allocator().clone());
        cells.try_reserve_exact(self.cells.len()).map_err(|_| AllocError)?;
        for cell in &self.cells {
            cells.push(cell.try_clone()?);
        }
        Ok(Self { cells })
    }
}
