//! Numbers, truth and nothing.

use super::{Identity, Inline, KeySerializer, ReadError, Serializer};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $type:ty, $id:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default)]
        pub struct $name;
        impl Serializer for $name {
            type Value = $type;
            type Cell = Inline<$type>;
            fn identity(&self) -> Identity { Identity::new($id, 1) }
            #[inline]
            fn write(&self, value: &$type, out: &mut Vec<u8>) { out.extend_from_slice(&value.to_be_bytes()); }
            #[inline]
            fn read(&self, input: &mut &[u8]) -> Result<$type, ReadError> {
                let (value, rest) = input.split_first_chunk().ok_or_else(|| ReadError::new($id, "it ends too early"))?;
                *input = rest;
                Ok(<$type>::from_be_bytes(*value))
            }
        }
    };
}
number!(/// i64
    I64, i64, "i64");
number!(/// f64
    F64, f64, "f64");
impl KeySerializer for I64 {
    #[inline]
    fn java_hash(&self, value: &i64) -> i32 { (*value ^ ((*value as u64) >> 32) as i64) as i32 }
}
/// Nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unit;
impl Serializer for Unit {
    type Value = ();
    type Cell = Inline<()>;
    fn identity(&self) -> Identity { Identity::new("unit", 1) }
    #[inline]
    fn write(&self, _: &(), _: &mut Vec<u8>) {}
    #[inline]
    fn read(&self, _: &mut &[u8]) -> Result<(), ReadError> { Ok(()) }
}
impl KeySerializer for Unit {
    fn java_hash(&self, _: &()) -> i32 { 0 }
}
/// Stamped.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stamped<S>(pub S);
/// Cell
pub struct StampedCell<C>(i64, C);
impl<S: Serializer> Serializer for Stamped<S> {
    type Value = (i64, S::Value);
    type Cell = StampedCell<S::Cell>;
    fn identity(&self) -> Identity { Identity::of("stamped", 1, vec![self.0.identity()]) }
    fn write(&self, value: &(i64, S::Value), out: &mut Vec<u8>) { I64.write(&value.0, out); self.0.write(&value.1, out); }
    fn read(&self, input: &mut &[u8]) -> Result<(i64, S::Value), ReadError> { Ok((I64.read(input)?, self.0.read(input)?)) }
}
use super::Cell;
use allocator_api2::alloc::AllocError;
use plimsoll_memory::arena::PoolAllocator;
impl<S: Serializer> Cell<Stamped<S>> for StampedCell<S::Cell> {
    fn pack(s: &Stamped<S>, v: &(i64, S::Value), a: &PoolAllocator) -> Result<Self, AllocError> { Ok(Self(v.0, S::Cell::pack(&s.0, &v.1, a)?)) }
    fn unpack(&self, s: &Stamped<S>) -> (i64, S::Value) { (self.0, self.1.unpack(&s.0)) }
    fn write(&self, s: &Stamped<S>, out: &mut Vec<u8>) { I64.write(&self.0, out); self.1.write(&s.0, out); }
    fn try_clone(&self) -> Result<Self, AllocError> { Ok(Self(self.0, self.1.try_clone()?)) }
    fn held_bytes(&self) -> usize { self.1.held_bytes() }
}
