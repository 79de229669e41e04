//! Keyed state of stream processors on three backends, inside a memory budget.

mod error;
pub mod key_group;
pub mod serializer;
pub mod snapshot;

pub use error::{ErrorKind, StateError};
