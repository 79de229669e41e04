//! How a table in memory keeps a value.

use std::fmt;
use std::hash::{Hash, Hasher};

use allocator_api2::alloc::AllocError;
use allocator_api2::vec::Vec as PoolVec;
use plimsoll_memory::arena::PoolAllocator;

use super::{KeySerializer, Serializer};

/// A value as a table keeps it: all of its bytes are in the table or in the table's arena.
pub trait Cell<S: Serializer>: Sized + Send + Sync + 'static {
    /// Keeps a value.
    ///
    /// # Errors
    /// The arena refuses.
    fn pack(serializer: &S, value: &S::Value, arena: &PoolAllocator) -> Result<Self, AllocError>;

    /// The value again.
    fn unpack(&self, serializer: &S) -> S::Value;

    /// Replaces the value; refused, the old one is as it was.
    ///
    /// # Errors
    /// The arena refuses.
    fn set(&mut self, serializer: &S, value: &S::Value, arena: &PoolAllocator) -> Result<(), AllocError> {
        *self = Self::pack(serializer, value, arena)?;
        Ok(())
    }

    /// As [`pack`](Self::pack), but refuses what would hold more than `max_bytes` in the arena.
    ///
    /// # Errors
    /// The arena refuses, or it would hold more.
    fn pack_within(
        serializer: &S,
        value: &S::Value,
        arena: &PoolAllocator,
        max_bytes: usize,
    ) -> Result<Self, AllocError> {
        let cell = Self::pack(serializer, value, arena)?;
        if cell.held_bytes() <= max_bytes { Ok(cell) } else { Err(AllocError) }
    }

    /// As [`set`](Self::set), but refuses what would hold more than `max_bytes` in the arena.
    ///
    /// # Errors
    /// The arena refuses, or it would hold more; the old value is as it was.
    fn set_within(
        &mut self,
        serializer: &S,
        value: &S::Value,
        arena: &PoolAllocator,
        max_bytes: usize,
    ) -> Result<(), AllocError> {
        *self = Self::pack_within(serializer, value, arena, max_bytes)?;
        Ok(())
    }

    /// Appends the value as the serializer writes it.
    fn write(&self, serializer: &S, out: &mut Vec<u8>);

    /// A second one of the same.
    ///
    /// # Errors
    /// The arena refuses.
    fn try_clone(&self) -> Result<Self, AllocError>;

    /// Bytes it holds in the arena, beside itself.
    fn held_bytes(&self) -> usize;
}

/// A cell that a table finds by its value.
pub trait KeyCell<S: KeySerializer>: Cell<S> {
    /// Feeds the kept value to a hasher.
    fn hash_cell(&self, hasher: &mut impl Hasher);

    /// Feeds a value to a hasher as [`hash_cell`](Self::hash_cell) does once it is kept.
    fn hash_value(serializer: &S, value: &S::Value, hasher: &mut impl Hasher);

    /// Whether it keeps this value.
    fn is(&self, serializer: &S, value: &S::Value) -> bool;
}

/// A value that owns no memory, kept as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inline<T>(pub T);

impl<S, T> Cell<S> for Inline<T>
where
    T: Copy + Send + Sync + 'static,
    S: Serializer<Value = T>,
{
    #[inline]
    fn pack(_: &S, value: &T, _: &PoolAllocator) -> Result<Self, AllocError> {
        Ok(Self(*value))
    }

    #[inline]
    fn unpack(&self, _: &S) -> T {
        self.0
    }

    #[inline]
    fn write(&self, serializer: &S, out: &mut Vec<u8>) {
        serializer.write(&self.0, out);
    }

    #[inline]
    fn try_clone(&self) -> Result<Self, AllocError> {
        Ok(*self)
    }

    #[inline]
    fn held_bytes(&self) -> usize {
        0
    }
}

impl<S, T> KeyCell<S> for Inline<T>
where
    T: Copy + Send + Sync + Eq + Hash + 'static,
    S: KeySerializer<Value = T>,
{
    #[inline]
    fn hash_cell(&self, hasher: &mut impl Hasher) {
        self.0.hash(hasher);
    }

    #[inline]
    fn hash_value(_: &S, value: &T, hasher: &mut impl Hasher) {
        value.hash(hasher);
    }

    #[inline]
    fn is(&self, _: &S, value: &T) -> bool {
        self.0 == *value
    }
}

/// A value as bytes in the arena.
pub struct Packed(PoolVec<u8, PoolAllocator>);

impl Packed {
    /// Keeps bytes.
    ///
    /// # Errors
    /// The arena refuses.
    pub fn of(bytes: &[u8], arena: &PoolAllocator) -> Result<Self, AllocError> {
        let mut kept = PoolVec::new_in(arena.clone());
        kept.try_reserve_exact(bytes.len()).map_err(|_| AllocError)?;
        kept.extend_from_slice(bytes);
        Ok(Self(kept))
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<S: Serializer> Cell<S> for Packed {
    fn pack(serializer: &S, value: &S::Value, arena: &PoolAllocator) -> Result<Self, AllocError> {
        serializer.with_packed(value, |bytes| Self::of(bytes, arena))
    }

    fn unpack(&self, serializer: &S) -> S::Value {
        serializer.unpack(&self.0).expect("a cell holds what its serializer packed")
    }

    fn pack_within(
        serializer: &S,
        value: &S::Value,
        arena: &PoolAllocator,
        max_bytes: usize,
    ) -> Result<Self, AllocError> {
        serializer.with_packed(value, |bytes| {
            if bytes.len() <= max_bytes { Self::of(bytes, arena) } else { Err(AllocError) }
        })
    }

    fn set(&mut self, serializer: &S, value: &S::Value, arena: &PoolAllocator) -> Result<(), AllocError> {
        self.set_within(serializer, value, arena, usize::MAX)
    }

    fn set_within(
        &mut self,
        serializer: &S,
        value: &S::Value,
        arena: &PoolAllocator,
        max_bytes: usize,
    ) -> Result<(), AllocError> {
        serializer.with_packed(value, |bytes| {
            if bytes.len() > max_bytes {
                return Err(AllocError);
            }
            // in place where it fits and does not waste more than half
            if bytes.len() <= self.0.capacity() && bytes.len() >= self.0.capacity() / 2 {
                self.0.clear();
                self.0.extend_from_slice(bytes);
            } else {
                *self = Self::of(bytes, arena)?;
            }
            Ok(())
        })
    }

    fn write(&self, serializer: &S, out: &mut Vec<u8>) {
        serializer.write_packed(&self.0, out);
    }

    fn try_clone(&self) -> Result<Self, AllocError> {
        Self::of(&self.0, self.0.allocator())
    }

    fn held_bytes(&self) -> usize {
        self.0.capacity()
    }
}

impl<S: KeySerializer> KeyCell<S> for Packed {
    fn hash_cell(&self, hasher: &mut impl Hasher) {
        hasher.write(&self.0);
    }

    fn hash_value(serializer: &S, value: &S::Value, hasher: &mut impl Hasher) {
        serializer.with_packed(value, |bytes| hasher.write(bytes));
    }

    fn is(&self, serializer: &S, value: &S::Value) -> bool {
        serializer.with_packed(value, |bytes| bytes == &*self.0)
    }
}
