//! How keys, namespaces and values become bytes, and how tables in memory keep them.
//!
//! A serializer is a small value: it writes, it reads, and it says who it is. Its identity goes into every snapshot,
//! and at a restore the new serializer answers whether it reads what the old one wrote.
//!
//! | module | what |
//! |---|---|
//! | `cell` | [`Cell`]: how a table keeps a value: [`Inline`] or [`Packed`] |
//! | `identity` | [`Identity`] and [`Compatibility`] |
//! | `primitive` | integers, floats, `bool`, [`Unit`] |
//! | `text` | [`Utf8`], [`Bytes`] |
//! | `pair` | [`Pair`], [`Nullable`], [`ListOf`], [`Window`], [`Stamped`]: values made of others |
//! | `serde` | [`Postcard`]: any type of serde, with a version |
//!
//! What it promises: what is written is self-delimiting (a reader knows where it ends), so encodings can be laid end to
//! end and a key's encoding is never a prefix of another's; whatever bytes are read, the answer is a value or an error.
//!
//! What it does not cover: an order. Encodings of keys compare as they like.

mod cell;
mod identity;
mod pair;
mod primitive;
mod serde;
mod text;

pub use self::serde::Postcard;
pub use cell::{Cell, Inline, KeyCell, Packed};
pub use identity::{Compatibility, Identity};
pub use pair::{ListOf, Nullable, Pair, PairCell, Stamped, StampedCell, TimeWindow, Window};
pub use primitive::{Bool, F32, F64, I8, I16, I32, I64, U8, U16, U32, U64, Unit};
pub use text::{Bytes, Utf8};

use std::error::Error;
use std::fmt;

/// How values of a type become bytes.
pub trait Serializer: Clone + Send + Sync + 'static {
    /// What is written and read.
    type Value: Clone + Send + 'static;
    /// How a table in memory keeps a value: [`Inline`] where it owns no memory, else [`Packed`] bytes in the arena.
    type Cell: Cell<Self>;

    /// Who wrote it: goes into snapshots.
    fn identity(&self) -> Identity;

    /// Whether this serializer reads what another one wrote. Default: the same name and arguments, and a version that
    /// is not newer than ours.
    fn compatibility(&self, written: &Identity) -> Compatibility {
        self.identity().reads(written)
    }

    /// Appends the value. Self-delimiting.
    fn write(&self, value: &Self::Value, out: &mut Vec<u8>);

    /// Takes one value off the front of the input.
    ///
    /// # Errors
    /// The bytes are none of this serializer's.
    fn read(&self, input: &mut &[u8]) -> Result<Self::Value, ReadError>;

    /// Takes one value that another version of this serializer wrote, which [`compatibility`](Self::compatibility)
    /// called
    /// [`Compatibility::Migrate`]. A serializer made of others passes their identities on. Default: as
    /// [`read`](Self::read).
    ///
    /// # Errors
    /// The bytes are none of that version's.
    fn read_written(&self, written: &Identity, input: &mut &[u8]) -> Result<Self::Value, ReadError> {
        let _ = written;
        self.read(input)
    }

    /// The value as the bytes that [`Packed`] keeps. Default: as written.
    fn with_packed<R>(&self, value: &Self::Value, f: impl FnOnce(&[u8]) -> R) -> R {
        let mut bytes = Vec::new();
        self.write(value, &mut bytes);
        f(&bytes)
    }

    /// The value of packed bytes, which [`with_packed`](Self::with_packed) made.
    ///
    /// # Errors
    /// They did not.
    fn unpack(&self, mut packed: &[u8]) -> Result<Self::Value, ReadError> {
        self.read(&mut packed)
    }

    /// Appends packed bytes as [`write`](Self::write) would. Default: as they are.
    fn write_packed(&self, packed: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(packed);
    }
}

/// A serializer of keys, namespaces or keys of a map: its values can be compared, hashed, and have Java's hash.
pub trait KeySerializer: Serializer<Value: Eq + std::hash::Hash, Cell: KeyCell<Self>> {
    /// The `hashCode` that the value has in Java, which decides its key group.
    fn java_hash(&self, value: &Self::Value) -> i32;
}

/// Bytes that a serializer cannot read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError {
    /// The serializer.
    pub serializer: String,
    /// What is wrong.
    pub what: String,
}

impl ReadError {
    /// An error of a serializer.
    pub fn new(serializer: &str, what: impl Into<String>) -> Self {
        Self { serializer: serializer.to_owned(), what: what.into() }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot read this: {}", self.serializer, self.what)
    }
}

impl Error for ReadError {}
