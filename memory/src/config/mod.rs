//! The configuration: a flat map of dotted keys, each value with its type as read and the place it came from.

mod configuration;
mod key;
mod value;

pub use configuration::{Configuration, Entry, EntryId, Origin, SourceId, Span};
pub use key::{KEY_COUNT, Key, KnownKey};
pub use value::Value;
