//! Numbers, truth, and nothing.

use super::{Identity, Inline, KeySerializer, ReadError, Serializer};

macro_rules! number {
    ($name:ident, $type:ty, $id:literal, $doc:literal) => {
        #[doc = $doc]
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct $name;

        impl Serializer for $name {
            type Value = $type;
            type Cell = Inline<$type>;

            fn identity(&self) -> Identity {
                Identity::new($id, 1)
            }

            #[inline]
            fn write(&self, value: &$type, out: &mut Vec<u8>) {
                out.extend_from_slice(&value.to_be_bytes());
            }

            #[inline]
            fn read(&self, input: &mut &[u8]) -> Result<$type, ReadError> {
                match input.split_first_chunk() {
                    Some((value, rest)) => {
                        *input = rest;
                        Ok(<$type>::from_be_bytes(*value))
                    }
                    None => Err(short($id, size_of::<$type>(), input.len())),
                }
            }
        }
    };
}

number!(I8, i8, "i8", "A byte with a sign, as Java's `byte`.");
number!(I16, i16, "i16", "Two bytes, big endian, as Java's `short`.");
number!(I32, i32, "i32", "Four bytes, big endian, as Java's `int`.");
number!(I64, i64, "i64", "Eight bytes, big endian, as Java's `long`.");
number!(U8, u8, "u8", "A byte without a sign. As a key it hashes as Java's `byte` of the same bits.");
number!(U16, u16, "u16", "Two bytes without a sign. As a key it hashes as Java's `short` of the same bits.");
number!(U32, u32, "u32", "Four bytes without a sign. As a key it hashes as Java's `int` of the same bits.");
number!(U64, u64, "u64", "Eight bytes without a sign. As a key it hashes as Java's `long` of the same bits.");
number!(
    F32,
    f32,
    "f32",
    "Four bytes of IEEE 754, big endian, as Java's `float`. No key: it has no equality."
);
number!(
    F64,
    f64,
    "f64",
    "Eight bytes of IEEE 754, big endian, as Java's `double`. No key: it has no equality."
);

#[cold]
pub(super) fn short(name: &str, needed: usize, found: usize) -> ReadError {
    ReadError::new(name, format!("it needs {needed} bytes and {found} are left"))
}

macro_rules! hash {
    ($($name:ident($value:ident) => $hash:expr;)*) => {$(
        impl KeySerializer for $name {
            #[inline]
            #[expect(
                clippy::allow_attributes,
                reason = "which casts a type needs differs"
            )]
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_possible_wrap,
                clippy::cast_sign_loss,
                clippy::cast_lossless,
                reason = "Java's conversions, bit for bit"
            )]
            fn java_hash(&self, value: &Self::Value) -> i32 {
                let $value = *value;
                $hash
            }
        }
    )*};
}

hash! {
    I8(value) => value as i32;
    I16(value) => value as i32;
    I32(value) => value;
    I64(value) => (value ^ (value as u64 >> 32) as i64) as i32;
    U8(value) => value as i8 as i32;
    U16(value) => value as i16 as i32;
    U32(value) => value as i32;
    U64(value) => (value ^ (value >> 32)) as i32;
    Bool(value) => if value { 1231 } else { 1237 };
    Unit(_value) => 0;
}

/// Truth: one byte, 0 or 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bool;

impl Serializer for Bool {
    type Value = bool;
    type Cell = Inline<bool>;

    fn identity(&self) -> Identity {
        Identity::new("bool", 1)
    }

    #[inline]
    fn write(&self, value: &bool, out: &mut Vec<u8>) {
        out.push(u8::from(*value));
    }

    fn read(&self, input: &mut &[u8]) -> Result<bool, ReadError> {
        match U8.read(input) {
            Ok(0) => Ok(false),
            Ok(1) => Ok(true),
            Ok(other) => Err(ReadError::new("bool", format!("{other} is neither 0 nor 1"))),
            Err(_) => Err(short("bool", 1, 0)),
        }
    }
}

/// Nothing, in no bytes: the namespace of state that has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unit;

impl Serializer for Unit {
    type Value = ();
    type Cell = Inline<()>;

    fn identity(&self) -> Identity {
        Identity::new("unit", 1)
    }

    #[inline]
    fn write(&self, (): &(), _: &mut Vec<u8>) {}

    #[inline]
    fn read(&self, _: &mut &[u8]) -> Result<(), ReadError> {
        Ok(())
    }
}
