//! Values made of others: pairs, values that may be missing, vectors, windows, values with a time.

use std::hash::Hasher;

use allocator_api2::alloc::AllocError;
use plimsoll_memory::arena::PoolAllocator;

use super::primitive::short;
use super::{Bool, Cell, I64, Identity, Inline, KeyCell, KeySerializer, Packed, ReadError, Serializer, U32};

/// Two values, one after the other; Flink's `Tuple2`. Longer tuples are pairs of pairs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pair<A, B>(pub A, pub B);

/// A value that may be missing: a byte that says so, then the value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Nullable<S>(pub S);

/// Values in a row: their number in four bytes, then each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ListOf<S>(pub S);

/// A window of time, as a namespace; Flink's `TimeWindow`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Window;

/// A value with the time of its last use in milliseconds: what state with a time to live keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stamped<S>(pub S);

/// A stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TimeWindow {
    /// Its first millisecond.
    pub start_ms: i64,
    /// The millisecond after its last.
    pub end_ms: i64,
}

/// The written identity of an argument; one that is not there reads nothing.
fn argument(name: &str, written: &Identity, at: usize) -> Result<Identity, ReadError> {
    let argument = written.arguments.get(at).cloned();
    argument.ok_or_else(|| ReadError::new(name, format!("{written} does not say what it is made of")))
}

/// The cells of a pair.
#[derive(Debug)]
pub struct PairCell<A, B>(A, B);

impl<A: Serializer, B: Serializer> Serializer for Pair<A, B> {
    type Value = (A::Value, B::Value);
    type Cell = PairCell<A::Cell, B::Cell>;

    fn identity(&self) -> Identity {
        Identity::of("pair", 1, vec![self.0.identity(), self.1.identity()])
    }

    #[inline]
    fn write(&self, value: &Self::Value, out: &mut Vec<u8>) {
        self.0.write(&value.0, out);
        self.1.write(&value.1, out);
    }

    #[inline]
    fn read(&self, input: &mut &[u8]) -> Result<Self::Value, ReadError> {
        Ok((self.0.read(input)?, self.1.read(input)?))
    }

    fn read_written(&self, written: &Identity, input: &mut &[u8]) -> Result<Self::Value, ReadError> {
        let first = self.0.read_written(&argument("pair", written, 0)?, input)?;
        Ok((first, self.1.read_written(&argument("pair", written, 1)?, input)?))
    }
}

impl<A: Serializer, B: Serializer> Cell<Pair<A, B>> for PairCell<A::Cell, B::Cell> {
    #[inline]
    fn pack(
        pair: &Pair<A, B>,
        value: &(A::Value, B::Value),
        arena: &PoolAllocator,
    ) -> Result<Self, AllocError> {
        Ok(Self(A::Cell::pack(&pair.0, &value.0, arena)?, B::Cell::pack(&pair.1, &value.1, arena)?))
    }

    #[inline]
    fn unpack(&self, pair: &Pair<A, B>) -> (A::Value, B::Value) {
        (self.0.unpack(&pair.0), self.1.unpack(&pair.1))
    }

    fn write(&self, pair: &Pair<A, B>, out: &mut Vec<u8>) {
        self.0.write(&pair.0, out);
        self.1.write(&pair.1, out);
    }

    fn try_clone(&self) -> Result<Self, AllocError> {
        Ok(Self(self.0.try_clone()?, self.1.try_clone()?))
    }

    #[inline]
    fn held_bytes(&self) -> usize {
        self.0.held_bytes() + self.1.held_bytes()
    }
}

impl<A: KeySerializer, B: KeySerializer> KeyCell<Pair<A, B>> for PairCell<A::Cell, B::Cell> {
    #[inline]
    fn hash_cell(&self, hasher: &mut impl Hasher) {
        self.0.hash_cell(hasher);
        self.1.hash_cell(hasher);
    }

    #[inline]
    fn hash_value(pair: &Pair<A, B>, value: &(A::Value, B::Value), hasher: &mut impl Hasher) {
        A::Cell::hash_value(&pair.0, &value.0, hasher);
        B::Cell::hash_value(&pair.1, &value.1, hasher);
    }

    #[inline]
    fn is(&self, pair: &Pair<A, B>, value: &(A::Value, B::Value)) -> bool {
        self.0.is(&pair.0, &value.0) && self.1.is(&pair.1, &value.1)
    }
}

impl<A: KeySerializer, B: KeySerializer> KeySerializer for Pair<A, B> {
    /// `Tuple2.hashCode`.
    #[inline]
    fn java_hash(&self, value: &Self::Value) -> i32 {
        self.0.java_hash(&value.0).wrapping_mul(31).wrapping_add(self.1.java_hash(&value.1))
    }
}

impl<S: Serializer> Serializer for Nullable<S> {
    type Value = Option<S::Value>;
    type Cell = Packed;

    fn identity(&self) -> Identity {
        Identity::of("nullable", 1, vec![self.0.identity()])
    }

    fn write(&self, value: &Self::Value, out: &mut Vec<u8>) {
        Bool.write(&value.is_some(), out);
        if let Some(value) = value {
            self.0.write(value, out);
        }
    }

    fn read(&self, input: &mut &[u8]) -> Result<Self::Value, ReadError> {
        Bool.read(input)?.then(|| self.0.read(input)).transpose()
    }

    fn read_written(&self, written: &Identity, input: &mut &[u8]) -> Result<Self::Value, ReadError> {
        let inner = argument("nullable", written, 0)?;
        Bool.read(input)?.then(|| self.0.read_written(&inner, input)).transpose()
    }
}

impl<S: Serializer> ListOf<S> {
    fn read_by(
        input: &mut &[u8],
        mut read: impl FnMut(&mut &[u8]) -> Result<S::Value, ReadError>,
    ) -> Result<Vec<S::Value>, ReadError> {
        let count = U32.read(input).map_err(|_| short("list", size_of::<u32>(), input.len()))?;
        // not reserved at once: the number may be any
        let mut values = Vec::new();
        for _ in 0..count {
            let before = input.len();
            values.push(read(input)?);
            if input.len() == before {
                return Err(ReadError::new("list", format!("{count} elements without bytes are written")));
            }
        }
        Ok(values)
    }
}

impl<S: Serializer> Serializer for ListOf<S> {
    type Value = Vec<S::Value>;
    type Cell = Packed;

    fn identity(&self) -> Identity {
        Identity::of("list", 1, vec![self.0.identity()])
    }

    fn write(&self, value: &Self::Value, out: &mut Vec<u8>) {
        U32.write(&u32::try_from(value.len()).unwrap_or(u32::MAX), out);
        for value in value {
            self.0.write(value, out);
        }
    }

    fn read(&self, input: &mut &[u8]) -> Result<Self::Value, ReadError> {
        Self::read_by(input, |input| self.0.read(input))
    }

    fn read_written(&self, written: &Identity, input: &mut &[u8]) -> Result<Self::Value, ReadError> {
        let inner = argument("list", written, 0)?;
        Self::read_by(input, |input| self.0.read_written(&inner, input))
    }
}

impl Serializer for Window {
    type Value = TimeWindow;
    type Cell = Inline<TimeWindow>;

    fn identity(&self) -> Identity {
        Identity::new("window", 1)
    }

    #[inline]
    fn write(&self, value: &TimeWindow, out: &mut Vec<u8>) {
        I64.write(&value.start_ms, out);
        I64.write(&value.end_ms, out);
    }

    #[inline]
    fn read(&self, input: &mut &[u8]) -> Result<TimeWindow, ReadError> {
        Ok(TimeWindow { start_ms: I64.read(input)?, end_ms: I64.read(input)? })
    }
}

impl KeySerializer for Window {
    /// `TimeWindow.hashCode`: `MathUtils.longToIntWithBitMixing` of the sum of both ends.
    #[expect(clippy::cast_possible_truncation, reason = "Java's, bit for bit")]
    fn java_hash(&self, value: &TimeWindow) -> i32 {
        let sum = value.start_ms.wrapping_add(value.end_ms).cast_unsigned();
        let mut mixed = (sum ^ (sum >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as i32
    }
}

/// A cell with its time beside it.
#[derive(Debug)]
pub struct StampedCell<C> {
    stamp_ms: i64,
    cell: C,
}

impl<S: Serializer> Serializer for Stamped<S> {
    type Value = (i64, S::Value);
    type Cell = StampedCell<S::Cell>;

    fn identity(&self) -> Identity {
        Identity::of("stamped", 1, vec![self.0.identity()])
    }

    fn write(&self, value: &Self::Value, out: &mut Vec<u8>) {
        I64.write(&value.0, out);
        self.0.write(&value.1, out);
    }

    fn read(&self, input: &mut &[u8]) -> Result<Self::Value, ReadError> {
        Ok((I64.read(input)?, self.0.read(input)?))
    }

    fn read_written(&self, written: &Identity, input: &mut &[u8]) -> Result<Self::Value, ReadError> {
        let inner = argument("stamped", written, 0)?;
        Ok((I64.read(input)?, self.0.read_written(&inner, input)?))
    }
}

impl<S: Serializer> Cell<Stamped<S>> for StampedCell<S::Cell> {
    fn pack(
        stamped: &Stamped<S>,
        value: &(i64, S::Value),
        arena: &PoolAllocator,
    ) -> Result<Self, AllocError> {
        Ok(Self { stamp_ms: value.0, cell: S::Cell::pack(&stamped.0, &value.1, arena)? })
    }

    fn unpack(&self, stamped: &Stamped<S>) -> (i64, S::Value) {
        (self.stamp_ms, self.cell.unpack(&stamped.0))
    }

    fn write(&self, stamped: &Stamped<S>, out: &mut Vec<u8>) {
        I64.write(&self.stamp_ms, out);
        self.cell.write(&stamped.0, out);
    }

    fn try_clone(&self) -> Result<Self, AllocError> {
        Ok(Self { stamp_ms: self.stamp_ms, cell: self.cell.try_clone()? })
    }

    #[inline]
    fn held_bytes(&self) -> usize {
        self.cell.held_bytes()
    }
}
