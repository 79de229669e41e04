//! Any type of serde, by the postcard format.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::text::{read_counted, write_counted};
use super::{Identity, Packed, ReadError, Serializer};

/// Any type of serde. The name and the version are the program's: postcard does not say what it wrote, so a changed
/// type needs another version, and a program that is to read the old one writes a [`Serializer`] of its own around this
/// with a [`read_written`](Serializer::read_written) that knows both.
pub struct Postcard<T> {
    name: &'static str,
    version: u32,
    types: PhantomData<fn() -> T>,
}

impl<T> Postcard<T> {
    /// A type by a name that no other type ever has, and the version of its fields.
    pub const fn new(name: &'static str, version: u32) -> Self {
        Self { name, version, types: PhantomData }
    }
}

impl<T> Clone for Postcard<T> {
    fn clone(&self) -> Self {
        Self::new(self.name, self.version)
    }
}

impl<T> std::fmt::Debug for Postcard<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Postcard({} v{})", self.name, self.version)
    }
}

impl<T: Serialize + DeserializeOwned + Clone + Send + 'static> Serializer for Postcard<T> {
    type Value = T;
    type Cell = Packed;

    fn identity(&self) -> Identity {
        Identity::of("postcard", 1, vec![Identity::new(self.name, self.version)])
    }

    fn write(&self, value: &T, out: &mut Vec<u8>) {
        self.with_packed(value, |packed| write_counted(packed, out));
    }

    fn read(&self, input: &mut &[u8]) -> Result<T, ReadError> {
        self.unpack(read_counted(self.name, input)?)
    }

    /// # Panics
    /// The type's own `Serialize` fails: what a table is to keep has no error to answer with.
    fn with_packed<R>(&self, value: &T, f: impl FnOnce(&[u8]) -> R) -> R {
        f(&postcard::to_allocvec(value).expect("a type whose Serialize fails cannot be state"))
    }

    fn unpack(&self, packed: &[u8]) -> Result<T, ReadError> {
        let failed = |error: postcard::Error| ReadError::new(self.name, error.to_string());
        let (value, rest) = postcard::take_from_bytes(packed).map_err(failed)?;
        if rest.is_empty() {
            return Ok(value);
        }
        Err(ReadError::new(self.name, format!("{} bytes are left over", rest.len())))
    }

    fn write_packed(&self, packed: &[u8], out: &mut Vec<u8>) {
        write_counted(packed, out);
    }
}
