//! A state as its backend sees it, whatever its types.

use super::restored::LoadError;
use super::writer::Writer;
use crate::StateError;
use crate::serializer::{Compatibility, Identity};

/// What a backend does with all of its states.
pub(super) trait Kept {
    /// Elements or entries.
    fn len(&self) -> Result<usize, StateError>;

    /// The state as it is now: pointers to what is shared with it.
    fn freeze(&self) -> Result<Box<dyn FrozenState>, StateError>;
}

/// A state as it was, for any thread.
pub(super) trait FrozenState: Send {
    /// Writes all of it.
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), StateError>;
}

/// A state while it is restored.
pub(super) trait Loaded {
    /// The answers of its serializers to who wrote elements.
    fn answers(&self, written: &[Identity]) -> Vec<Compatibility>;

    /// Takes an element that others wrote: as it stands, or by migrating it.
    fn load(&mut self, written: &[Identity], migrates: bool, element: &[u8]) -> Result<(), LoadError>;
}
