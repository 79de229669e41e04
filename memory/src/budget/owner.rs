//! Who holds bytes of a pool, by name.

use std::fmt;
use std::time::Instant;

use super::error::BudgetError;
use super::ledger::{Ledger, Transfer};
use super::pool::Pool;
use super::reclaim::{Reclaimer, Stage, Tried};
use super::refusal::Refusal;
use super::reservation::Reservation;
use super::seat::Seat;
use crate::sync::{Arc, Ordering::SeqCst, Weak};

/// Who holds bytes of a pool: a task's state, a cache, a client. The leaf of the tree.
///
/// An owner takes credit from its pool in small pieces and serves reservations from it without a lock. Credit is
/// charged to the pool when it is taken, so the pool's limit holds at every moment; unused credit is taken back before
/// anybody is refused.
pub struct Owner {
    pool: Pool,
    seat: Arc<Seat>,
}

/// An owner that is not registered yet.
#[derive(Debug)]
pub struct OwnerBuilder {
    pool: Pool,
    name: String,
    guaranteed: u64,
}

impl OwnerBuilder {
    pub(super) fn new(pool: Pool, name: &str) -> Self {
        Self { pool, name: name.to_owned(), guaranteed: 0 }
    }

    /// A minimum that is this owner's from registration to drop, in bytes: nobody else gets it, no reclaimer is asked
    /// to go below it. For owners that cannot spill. Default = 0.
    #[must_use]
    pub fn guaranteed(mut self, bytes: u64) -> Self {
        self.guaranteed = bytes;
        self
    }

    /// Registers the owner.
    ///
    /// # Errors
    /// The pool cannot guarantee the minimum, with the numbers.
    pub fn register(self) -> Result<Arc<Owner>, BudgetError> {
        let Self { pool, name, guaranteed } = self;
        match pool.ledger().seat(pool.id(), name.clone(), guaranteed) {
            Ok(seat) => Ok(Arc::new(Owner { pool, seat })),
            Err(short) => Err(BudgetError::Guarantee {
                owner: name,
                pool: pool.path(),
                guaranteed_bytes: guaranteed,
                free_bytes: guaranteed - short.missing,
            }),
        }
    }
}

impl Owner {
    /// Reserves bytes until the reservation is dropped. Asks other owners to give where the pool is full.
    ///
    /// # Errors
    /// The pool is full and nobody gave enough.
    #[inline]
    pub fn try_reserve(&self, bytes: u64) -> Result<Reservation<&Self>, Box<Refusal>> {
        self.take(bytes)?;
        Ok(Reservation::new(self, bytes))
    }

    /// As [`Owner::try_reserve`], for a reservation that lives as long as it likes.
    ///
    /// # Errors
    /// As [`Owner::try_reserve`].
    #[inline]
    pub fn try_reserve_shared(self: &Arc<Self>, bytes: u64) -> Result<Reservation, Box<Refusal>> {
        self.take(bytes)?;
        Ok(Reservation::new(Arc::clone(self), bytes))
    }

    /// Reserves bytes, waiting for them until the deadline. Those who wait are served in the order they came; where
    /// the first cannot be served yet, others that fit may pass it, at most 64 times.
    ///
    /// # Errors
    /// Nobody gave enough in time; or at once, where the pool could never hold so much.
    pub fn reserve(&self, bytes: u64, deadline: Instant) -> Result<Reservation<&Self>, Box<Refusal>> {
        self.take_waiting(bytes, deadline)?;
        Ok(Reservation::new(self, bytes))
    }

    /// As [`Owner::reserve`], for a reservation that lives as long as it likes.
    ///
    /// # Errors
    /// As [`Owner::reserve`].
    pub fn reserve_shared(
        self: &Arc<Self>,
        bytes: u64,
        deadline: Instant,
    ) -> Result<Reservation, Box<Refusal>> {
        self.take_waiting(bytes, deadline)?;
        Ok(Reservation::new(Arc::clone(self), bytes))
    }

    /// Charges bytes, or says no. For the hooks of an allocator: allocates nothing, calls nobody back, and takes no
    /// lock but the pool's own, which is a leaf.
    #[must_use = "the bytes are charged only where this is true"]
    pub fn try_charge(&self, bytes: u64) -> bool {
        if self.seat.account.try_take(bytes) {
            return true;
        }
        !self.ledger().is_faulted() && self.ledger().take(&self.seat, bytes, &mut Tried::default()).is_ok()
    }

    /// Gives charged bytes back.
    ///
    /// # Panics
    /// In a debug build, where more is given back than is held: that is a bug of the caller. In a release build it is
    /// counted, and nothing is given back.
    #[inline]
    pub fn uncharge(&self, bytes: u64) {
        match self.seat.account.give(bytes) {
            Ok(slack) => self.ledger().after_give(&self.seat, slack),
            Err(over) => self.over_released(bytes, over.held_bytes),
        }
    }

    /// Asks other owners to give until so many bytes could be charged. Says whether they can, at this moment.
    pub fn make_room(&self, bytes: u64) -> bool {
        let mut tried = Tried::default();
        let taken = self.ledger().take_or_ask(&self.seat, bytes, &mut tried).is_ok();
        if taken {
            self.uncharge(bytes);
        }
        taken
    }

    /// The refusal for bytes that could not be charged.
    pub fn refusal(&self, bytes: u64) -> Box<Refusal> {
        self.refuse(bytes, Tried::default())
    }

    /// Whom to ask for bytes of this owner, and when. Kept weakly; a later one replaces an earlier one.
    pub fn on_reclaim<R: Reclaimer + 'static>(&self, stage: Stage, reclaimer: &Arc<R>) {
        let reclaimer: Weak<R> = Arc::downgrade(reclaimer);
        self.seat.set_reclaimer(stage, reclaimer);
    }

    /// What others wait for, in bytes, since this was last asked: for owners that can give only at a time of their own,
    /// as a task between two records. 0: nothing.
    pub fn take_wanted_bytes(&self) -> u64 {
        if self.seat.wanted.load(SeqCst) == 0 { 0 } else { self.seat.wanted.swap(0, SeqCst) }
    }

    /// What is held.
    pub fn held_bytes(&self) -> u64 {
        self.seat.account.used()
    }

    /// The most that was ever held.
    pub fn peak_bytes(&self) -> u64 {
        self.seat.account.peak()
    }

    /// The guaranteed minimum.
    pub fn guaranteed_bytes(&self) -> u64 {
        self.seat.guaranteed
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.seat.name
    }

    /// The pool whose bytes it holds.
    pub const fn pool(&self) -> &Pool {
        &self.pool
    }

    fn ledger(&self) -> &Ledger {
        self.pool.ledger()
    }

    #[inline]
    pub(super) fn take(&self, bytes: u64) -> Result<(), Box<Refusal>> {
        if self.seat.account.try_take(bytes) {
            return Ok(());
        }
        self.take_slow(bytes)
    }

    #[cold]
    fn take_slow(&self, bytes: u64) -> Result<(), Box<Refusal>> {
        let mut tried = Tried::default();
        if !self.ledger().is_faulted() && self.ledger().take_or_ask(&self.seat, bytes, &mut tried).is_ok() {
            return Ok(());
        }
        Err(self.refuse(bytes, tried))
    }

    fn take_waiting(&self, bytes: u64, deadline: Instant) -> Result<(), Box<Refusal>> {
        if self.seat.account.try_take(bytes) {
            return Ok(());
        }
        let mut tried = Tried::default();
        if self.ledger().is_faulted() {
            return Err(self.refuse(bytes, tried));
        }
        if self.ledger().take_or_ask(&self.seat, bytes, &mut tried).is_ok() {
            return Ok(());
        }
        let can_ever = bytes.saturating_add(self.seat.account.used()) <= self.pool.capacity_bytes();
        if can_ever && !tried.inside_reclaimer {
            let started = crate::sync::now();
            if self.ledger().take_in_turn(&self.seat, bytes, deadline).is_ok() {
                return Ok(());
            }
            tried.waited_ms = Some(crate::sync::millis_since(started));
        }
        Err(self.refuse(bytes, tried))
    }

    pub(super) fn move_to(&self, other: &Self, bytes: u64) -> Result<(), Box<Refusal>> {
        if !Arc::ptr_eq(self.pool.ledger_arc(), other.pool.ledger_arc()) {
            other.take(bytes)?;
            self.uncharge(bytes);
            return Ok(());
        }
        match self.ledger().transfer(&self.seat, &other.seat, bytes) {
            Ok(()) => Ok(()),
            Err(Transfer::Over(over)) => {
                self.over_released(bytes, over.held_bytes);
                Err(other.refusal(bytes))
            }
            Err(Transfer::Short) => Err(other.refusal(bytes)),
        }
    }

    fn refuse(&self, bytes: u64, tried: Tried) -> Box<Refusal> {
        self.ledger().count_refusal();
        Box::new(Refusal::new(&self.pool, &self.seat, bytes, tried))
    }

    #[cold]
    pub(super) fn over_released(&self, bytes: u64, held_bytes: u64) {
        self.ledger().count_over_release();
        debug_assert!(
            std::thread::panicking(),
            "{} gives back {bytes} bytes of {}, and holds {held_bytes}",
            self.seat.name,
            self.pool.path()
        );
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.ledger().leave(&self.seat);
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owner")
            .field("name", &self.seat.name)
            .field("pool", &self.pool.path())
            .field("held_bytes", &self.held_bytes())
            .field("peak_bytes", &self.peak_bytes())
            .finish_non_exhaustive()
    }
}
