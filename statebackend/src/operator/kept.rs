//! A state as its backend sees it, whatever its types.

use super::writer::Writer;
use crate::StateError;

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
