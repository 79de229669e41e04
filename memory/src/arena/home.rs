//! Slots that go home when they are dropped, without counting who is away.
//!
//! Every slot that belongs to a [`Home`] owns one count of its `Arc`, *wherever it is*: in somebody's hands as a
//! [`Slot`], or parked in the home's ring as a mere number. So taking and giving change no count; a count is made when
//! a slot joins a home ([`Home::adopt`]) and ends when it leaves ([`Slot::leave`]). A home is freed when its handles
//! are gone and no slot belongs to it; closing it is to set the slow flag and to let every parked slot leave.
#![expect(unsafe_code, reason = "slots are memory and counts; each block has its proof")]

use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use crossbeam::utils::Backoff;

use super::ring::{Claim, Ring};
use super::slab::{Slab, Token};
use crate::sync::{Arc, Ordering};

/// What a home does with slots that come back.
pub(crate) trait Keeper: Send + Sync + Sized {
    /// Whether a slot that comes back may simply be parked. Asked anew after each [`Home::begin_again`].
    fn keeps(&self) -> bool;

    /// Receives a slot that may not: [`Self::keeps`] said no, the home is slow, or there is no room. The slot belongs
    /// to the home no more.
    fn receive(home: &Arc<Home<Self>>, token: Token);
}

/// Where slots of a slab belong.
pub(crate) struct Home<K> {
    parked: Ring,
    base: NonNull<u8>,
    slot_bytes: u32,
    slab: Arc<Slab>,
    keeper: K,
}

impl<K: Keeper> Home<K> {
    /// A home with room for so many parked slots at least.
    pub(crate) fn new(slab: Arc<Slab>, capacity: u32, keeper: K) -> Arc<Self> {
        let (base, slot_bytes) = (slab.base(), slab.slot_bytes());
        Arc::new(Self { parked: Ring::new(capacity), base, slot_bytes, slab, keeper })
    }

    pub(crate) fn keeper(&self) -> &K {
        &self.keeper
    }

    pub(crate) fn slab(&self) -> &Arc<Slab> {
        &self.slab
    }

    /// Takes a parked slot.
    #[inline]
    pub(crate) fn take(self: &Arc<Self>) -> Option<Slot<K>> {
        let number = self.parked.pop()?;
        // the count that the number owned is the slot's now
        Some(self.slot(number))
    }

    /// Makes a slot of the slab one of this home.
    pub(crate) fn adopt(self: &Arc<Self>, token: Token) -> Slot<K> {
        assert!(self.slab.owns(&token), "a token of another slab");
        let counted = ManuallyDrop::new(Arc::clone(self));
        counted.slot(token.spend())
    }

    /// Makes a slot of the slab one of this home and parks it, whatever the keeper says.
    ///
    /// # Errors
    /// There is no room: the token comes back.
    pub(crate) fn park(self: &Arc<Self>, token: Token) -> Result<(), Token> {
        let slot = ManuallyDrop::new(self.adopt(token));
        let number = slot.number();
        if self.parked.push(number) {
            return Ok(());
        }
        Err(ManuallyDrop::into_inner(slot).leave().0)
    }

    #[inline]
    fn slot(self: &Arc<Self>, number: u32) -> Slot<K> {
        let home = NonNull::new(Arc::as_ptr(self).cast_mut()).expect("an Arc is never at address zero");
        // SAFETY: numbers come from tokens of the slab alone, so they are below its count and the slot lies inside.
        let base = unsafe { self.base.add(number as usize * self.slot_bytes as usize) };
        Slot { base, home, number: u64::from(number) }
    }

    pub(crate) fn has_parked(&self) -> bool {
        !self.parked.is_empty()
    }

    /// From now on every slot that comes back goes to [`Keeper::receive`]; those that came before are parked.
    pub(crate) fn set_slow(&self) {
        self.parked.set_slow();
    }

    /// Ends [`Self::set_slow`].
    pub(crate) fn clear_slow(&self) {
        self.parked.clear_slow();
    }

    /// Everybody who is about to park asks [`Keeper::keeps`] again; those who have parked are visible.
    pub(crate) fn begin_again(&self) {
        self.parked.begin_again();
    }
}

// SAFETY: the base is never written or read through a home; all else may be shared.
unsafe impl<K: Keeper> Send for Home<K> {}
// SAFETY: as above.
unsafe impl<K: Keeper> Sync for Home<K> {}

/// The only access to one slot's bytes. Dropped, it goes home.
pub(crate) struct Slot<K: Keeper> {
    base: NonNull<u8>,
    home: NonNull<Home<K>>,
    /// As wide as the others: a slot whose halves of a word were written apart cannot be moved before both have left
    /// the processor's store buffer, which took as long as all the rest.
    number: u64,
}

// SAFETY: a slot is the only access to its bytes, and a share of a home that threads may share.
unsafe impl<K: Keeper> Send for Slot<K> {}
// SAFETY: through a shared slot bytes are only read.
unsafe impl<K: Keeper> Sync for Slot<K> {}

impl<K: Keeper> Slot<K> {
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "it was made of 32 bits")]
    const fn number(&self) -> u32 {
        self.number as u32
    }

    /// Its size, in bytes.
    #[inline]
    fn bytes(&self) -> usize {
        // SAFETY: the slot owns a count of the home, so the home is there.
        unsafe { self.home.as_ref() }.slot_bytes as usize
    }

    /// Leaves its home: what remains is the right to the slot, and the count of the home that the slot owned.
    pub(crate) fn leave(self) -> (Token, Arc<Home<K>>) {
        let slot = ManuallyDrop::new(self);
        // SAFETY: the pointer came from `Arc::as_ptr`, and the slot owned one count, which is handed on here: the slot
        // is not dropped.
        let home = unsafe { Arc::from_raw(slot.home.as_ptr()) };
        (Token::again(slot.number(), home.slab.id()), home)
    }
}

impl<K: Keeper> Deref for Slot<K> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: `base` begins so many mapped bytes, zeroed at first, which live as long as the slab, which lives as
        // long as the home; this slot is the only access to them.
        unsafe { NonNull::slice_from_raw_parts(self.base, self.bytes()).as_ref() }
    }
}

impl<K: Keeper> DerefMut for Slot<K> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and the slot itself is borrowed mutably.
        unsafe { NonNull::slice_from_raw_parts(self.base, self.bytes()).as_mut() }
    }
}

impl<K: Keeper> Drop for Slot<K> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: until the store below, this slot owns a count of the home. Afterwards the count is the parked
        // number's, somebody may take and free it at once, and nothing of the home is touched: the store into the cell
        // is the last access, and no function that is still running was given a reference to the home.
        let home: &Home<K> = unsafe { self.home.as_ref() };
        let backoff = Backoff::new();
        loop {
            let tail = home.parked.tail();
            if tail.is_slow() || !home.keeper.keeps() {
                break;
            }
            match home.parked.claim(tail, self.number()) {
                Claim::Cell(cell, word) => return cell.store(word, Ordering::Release),
                Claim::Again => backoff.spin(),
                Claim::Full => break,
            }
        }
        go_slowly(self.home, self.number());
    }
}

/// The way home of a slot that may not simply be parked. Owns the slot's count.
#[cold]
fn go_slowly<K: Keeper>(home: NonNull<Home<K>>, number: u32) {
    // SAFETY: called by `Slot::drop` alone, whose count was not handed on; it is taken over here.
    let home = unsafe { Arc::from_raw(home.as_ptr()) };
    let token = Token::again(number, home.slab.id());
    K::receive(&home, token);
}
