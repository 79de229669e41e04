//! Text and bytes: a length in four bytes, then the content.

use super::primitive::short;
use super::{Identity, KeySerializer, Packed, ReadError, Serializer};

/// Text in UTF-8.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Utf8;

/// Bytes of any kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bytes;

/// Appends a length and the content. A length that does not fit is cut here and refused where rows are written, which
/// have the same limit.
pub(super) fn write_counted(bytes: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
}

/// The content after a length.
pub(super) fn read_counted<'i>(name: &str, input: &mut &'i [u8]) -> Result<&'i [u8], ReadError> {
    let Some((length, rest)) = input.split_first_chunk() else {
        return Err(short(name, size_of::<u32>(), input.len()));
    };
    let length = u32::from_be_bytes(*length) as usize;
    let Some((content, rest)) = rest.split_at_checked(length) else {
        return Err(short(name, length, rest.len()));
    };
    *input = rest;
    Ok(content)
}

fn utf8(bytes: &[u8]) -> Result<String, ReadError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => Err(ReadError::new("utf8", error.to_string())),
    }
}

impl Serializer for Utf8 {
    type Value = String;
    type Cell = Packed;

    fn identity(&self) -> Identity {
        Identity::new("utf8", 1)
    }

    fn write(&self, value: &String, out: &mut Vec<u8>) {
        write_counted(value.as_bytes(), out);
    }

    fn read(&self, input: &mut &[u8]) -> Result<String, ReadError> {
        utf8(read_counted("utf8", input)?)
    }

    fn with_packed<R>(&self, value: &String, f: impl FnOnce(&[u8]) -> R) -> R {
        f(value.as_bytes())
    }

    fn unpack(&self, packed: &[u8]) -> Result<String, ReadError> {
        utf8(packed)
    }

    fn write_packed(&self, packed: &[u8], out: &mut Vec<u8>) {
        write_counted(packed, out);
    }
}

impl KeySerializer for Utf8 {
    /// `String.hashCode`: over UTF-16.
    fn java_hash(&self, value: &String) -> i32 {
        value.encode_utf16().fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
    }
}

impl Serializer for Bytes {
    type Value = Vec<u8>;
    type Cell = Packed;

    fn identity(&self) -> Identity {
        Identity::new("bytes", 1)
    }

    fn write(&self, value: &Vec<u8>, out: &mut Vec<u8>) {
        write_counted(value, out);
    }

    fn read(&self, input: &mut &[u8]) -> Result<Vec<u8>, ReadError> {
        read_counted("bytes", input).map(<[u8]>::to_vec)
    }

    fn with_packed<R>(&self, value: &Vec<u8>, f: impl FnOnce(&[u8]) -> R) -> R {
        f(value)
    }

    fn unpack(&self, packed: &[u8]) -> Result<Vec<u8>, ReadError> {
        Ok(packed.to_vec())
    }

    fn write_packed(&self, packed: &[u8], out: &mut Vec<u8>) {
        write_counted(packed, out);
    }
}

impl KeySerializer for Bytes {
    /// `Arrays.hashCode`: of the content, which Flink itself does not allow as a key, since its arrays hash by
    /// identity.
    fn java_hash(&self, value: &Vec<u8>) -> i32 {
        value
            .iter()
            .fold(1i32, |hash, byte| hash.wrapping_mul(31).wrapping_add(i32::from(byte.cast_signed())))
    }
}
