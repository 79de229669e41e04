//! Bytes that a pool of segments has charged to an owner of the budget, given back at the latest when it ends.

use crate::budget::{Owner, Refusal, Reservation};
use crate::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is charged. A field that stands after the memory it is charged for, so that the memory goes first.
///
/// Others are asked to give while bytes are reserved, and they may give by [`Self::give`] to this very charge: so it
/// keeps pieces, each reserved under no lock.
pub(crate) struct Charge {
    owner: Arc<Owner>,
    pieces: Mutex<Vec<Reservation>>,
}

impl Charge {
    pub(crate) fn new(owner: &Arc<Owner>) -> Self {
        Self { owner: Arc::clone(owner), pieces: Mutex::default() }
    }

    fn pieces(&self) -> MutexGuard<'_, Vec<Reservation>> {
        self.pieces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Charges more. To be called under no lock: others may be asked to give.
    ///
    /// # Errors
    /// The budget lacks the bytes; nothing was charged.
    pub(crate) fn take(&self, bytes: u64) -> Result<(), Box<Refusal>> {
        let piece = self.owner.try_reserve_shared(bytes)?;
        self.pieces().push(piece);
        Ok(())
    }

    /// Gives back so many bytes, and not more than are charged; returns how many.
    pub(crate) fn give(&self, bytes: u64) -> u64 {
        let mut given = 0;
        while given < bytes {
            let Some(mut piece) = self.pieces().pop() else { break };
            let part = piece.bytes().min(bytes - given);
            piece.shrink(part);
            given += part;
            if piece.bytes() > 0 {
                self.pieces().push(piece);
            }
        }
        given
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.pieces().iter().map(Reservation::bytes).sum()
    }

    pub(crate) fn owner(&self) -> &Arc<Owner> {
        &self.owner
    }
}
