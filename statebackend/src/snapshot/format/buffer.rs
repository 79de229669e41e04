//! A buffer that is reserved before it is allocated.

use std::io;
use std::sync::Arc;

use plimsoll_memory::budget::{Owner, Reservation};

use super::BLOCK_BYTES;
use crate::StateError;

/// Bytes that are used again and again; they grow to what was asked for, and not beyond.
#[derive(Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    held: Option<Reservation>,
}

impl Buffer {
    /// At least so many bytes, of any content.
    pub(crate) fn fit(
        &mut self,
        length: usize,
        budget: Option<&Arc<Owner>>,
        place: &str,
    ) -> Result<&mut [u8], StateError> {
        if self.bytes.len() < length {
            // the old ones go first, so that never both are there
            self.bytes = Vec::new();
            self.held = None;
            // one size for all usual blocks: otherwise each longer one would allocate anew
            let usual = length.next_multiple_of(4096).min(BLOCK_BYTES);
            let size = length.max(usual);
            if let Some(owner) = budget {
                let held = owner.try_reserve_shared(size as u64).map_err(|refusal| StateError::Refused {
                    what: format!("a block of {place}"),
                    refusal,
                })?;
                self.held = Some(held);
            }
            self.bytes.try_reserve_exact(size).map_err(|_| {
                StateError::storage("allocate a buffer for", place, io::ErrorKind::OutOfMemory.into())
            })?;
            self.bytes.resize(size, 0);
        }
        Ok(&mut self.bytes[..length])
    }

    /// What is there.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Gives a buffer back that one large record has blown up.
    pub(crate) fn shed(&mut self) {
        if self.bytes.len() > 2 * BLOCK_BYTES {
            *self = Self::default();
        }
    }
}
