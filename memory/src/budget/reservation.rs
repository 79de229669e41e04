//! Bytes that are held until they are dropped.

use std::borrow::Borrow;
use std::fmt;
use std::mem;

use super::owner::Owner;
use super::refusal::Refusal;
use crate::sync::Arc;

/// Bytes of an owner, given back when this is dropped.
///
/// `O` is `&Owner` for a reservation inside a scope, `Arc<Owner>` for one that lives as long as it likes.
#[must_use = "the bytes are given back as soon as this is dropped"]
pub struct Reservation<O: Borrow<Owner> = Arc<Owner>> {
    owner: O,
    bytes: u64,
}

impl<O: Borrow<Owner>> Reservation<O> {
    #[inline]
    pub(super) const fn new(owner: O, bytes: u64) -> Self {
        Self { owner, bytes }
    }

    /// How many bytes are reserved.
    #[inline]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whose they are.
    pub fn owner(&self) -> &Owner {
        self.owner.borrow()
    }

    /// Reserves more.
    ///
    /// # Errors
    /// As [`Owner::try_reserve`]; what was reserved stays so.
    pub fn try_grow(&mut self, bytes: u64) -> Result<(), Box<Refusal>> {
        self.owner.borrow().take(bytes)?;
        // the owner holds the sum, so it is a number
        self.bytes += bytes;
        Ok(())
    }

    /// Gives some of it back.
    ///
    /// # Panics
    /// In a debug build, where more is given back than is reserved. In a release build that is counted, and all is
    /// given back.
    pub fn shrink(&mut self, bytes: u64) {
        let bytes = self.within(bytes);
        self.bytes -= bytes;
        self.owner.borrow().uncharge(bytes);
    }

    /// Reserves more or gives back, up to a total.
    ///
    /// # Errors
    /// As [`Owner::try_reserve`]; what was reserved stays so.
    pub fn try_resize(&mut self, bytes: u64) -> Result<(), Box<Refusal>> {
        if bytes > self.bytes {
            self.try_grow(bytes - self.bytes)
        } else {
            self.shrink(self.bytes - bytes);
            Ok(())
        }
    }

    /// Cuts a piece off.
    ///
    /// # Panics
    /// In a debug build, where the piece is larger than the whole. In a release build that is counted, and the piece is
    /// the whole.
    pub fn split(&mut self, bytes: u64) -> Self
    where
        O: Clone,
    {
        let bytes = self.within(bytes);
        self.bytes -= bytes;
        Self::new(self.owner.clone(), bytes)
    }

    /// Gives the bytes to another owner, of the same pool or of another. Inside one pool there is no moment at which
    /// they are free.
    ///
    /// # Errors
    /// A pool of the other owner lacks the bytes: the reservation comes back with the refusal, as it was.
    pub fn move_to<P: Borrow<Owner>>(self, other: P) -> Result<Reservation<P>, (Self, Box<Refusal>)> {
        match self.owner.borrow().move_to(other.borrow(), self.bytes) {
            Ok(()) => {
                let mut emptied = self;
                Ok(Reservation::new(other, mem::take(&mut emptied.bytes)))
            }
            Err(refusal) => Err((self, refusal)),
        }
    }

    /// At most what is reserved; more is a bug of the caller.
    fn within(&self, bytes: u64) -> u64 {
        if bytes > self.bytes {
            self.owner.borrow().over_released(bytes, self.bytes);
        }
        bytes.min(self.bytes)
    }
}

impl<O: Borrow<Owner>> Drop for Reservation<O> {
    #[inline]
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.owner.borrow().uncharge(self.bytes);
        }
    }
}

impl<O: Borrow<Owner>> fmt::Debug for Reservation<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation")
            .field("owner", &self.owner().name())
            .field("bytes", &self.bytes)
            .finish()
    }
}
