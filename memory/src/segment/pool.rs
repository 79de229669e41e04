//! Segments to take and to give, in a few nanoseconds and without a lock.

use std::fmt;
use std::ops::{Deref, DerefMut};

use super::SegmentError;
use super::charge::Charge;
use crate::arena::home::{Home, Keeper, Slot};
use crate::arena::slab::{Slab, Token, TokenStack};
use crate::budget::{Owner, Reclaimer, Stage};
use crate::sync::{Arc, Weak};

/// When the bytes of a pool are charged and made resident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    /// All of them when the pool is made: taking a segment never waits for the kernel and is never refused.
    AtStart,
    /// Each segment when it is first taken. Segments that came back stay charged, as a cache: when the budget needs
    /// room, they are given to the kernel and charged no more.
    Lazily,
}

/// A pool of segments of one size. To be shared by reference or in an `Arc`.
///
/// Dropped, it gives all parked segments back; those still out follow as they come, each at once.
pub struct SegmentPool {
    home: Arc<Home<Shelf>>,
    /// Kept for the budget, which holds it weakly.
    _trimmer: Option<Arc<Trimmer>>,
}

/// What the segments of a pool come home to.
struct Shelf {
    /// Segments that are not committed.
    fresh: TokenStack,
    charge: Charge,
}

impl SegmentPool {
    /// A pool of `total_bytes / segment_bytes` segments, rounded down, charged to an owner.
    ///
    /// # Errors
    /// Sizes that do not fit, no address space, and with [`Commit::AtStart`] a budget that lacks the bytes.
    pub fn new(
        owner: &Arc<Owner>,
        segment_bytes: u64,
        total_bytes: u64,
        commit: Commit,
    ) -> Result<Self, SegmentError> {
        let (slab, tokens) = Slab::new(segment_bytes, total_bytes)?;
        let charge = Charge::new(owner);
        let slab = Arc::new(slab);
        let home =
            Home::new(Arc::clone(&slab), slab.slot_count(), Shelf { fresh: TokenStack::new(&slab), charge });
        let trimmer = match commit {
            Commit::AtStart => {
                home.keeper().charge.take(segment_bytes * u64::from(slab.slot_count()))?;
                for token in tokens {
                    slab.populate(&token);
                    // dropped, it is parked
                    drop(home.adopt(token));
                }
                None
            }
            Commit::Lazily => {
                for token in tokens {
                    home.keeper().fresh.push(&slab, token);
                }
                let trimmer = Arc::new(Trimmer(Arc::downgrade(&home)));
                owner.on_reclaim(Stage::Cache, &trimmer);
                Some(trimmer)
            }
        };
        Ok(Self { home, _trimmer: trimmer })
    }

    /// Takes a segment. Its bytes are zero, or what the last holder left there. `None`: all are out, or the budget
    /// refuses to let one more be committed.
    #[inline]
    pub fn take(&self) -> Option<MemorySegment> {
        match self.home.take() {
            Some(slot) => Some(MemorySegment(slot)),
            None => self.commit_one(),
        }
    }

    #[cold]
    fn commit_one(&self) -> Option<MemorySegment> {
        let (keeper, slab) = (self.home.keeper(), self.home.slab());
        let token = keeper.fresh.pop(slab)?;
        if keeper.charge.take(self.segment_bytes()).is_err() {
            keeper.fresh.push(slab, token);
            return self.home.take().map(MemorySegment);
        }
        slab.commit(&token);
        Some(MemorySegment(self.home.adopt(token)))
    }

    /// The size of each segment, in bytes.
    pub fn segment_bytes(&self) -> u64 {
        u64::from(self.home.slab().slot_bytes())
    }

    /// How many segments there are, taken or not.
    pub fn segments(&self) -> u32 {
        self.home.slab().slot_count()
    }

    /// Bytes of segments that may be resident: those are charged.
    pub fn committed_bytes(&self) -> u64 {
        self.home.slab().committed_bytes()
    }

    /// Bytes that the kernel says are resident; `None` where it does not say.
    pub fn resident_bytes(&self) -> Option<u64> {
        self.home.slab().resident_bytes()
    }

    /// Gives parked segments back to the kernel, up to so many bytes or one segment more; returns how many bytes.
    pub fn trim(&self, wanted_bytes: u64) -> u64 {
        trim(&self.home, wanted_bytes)
    }
}

impl Drop for SegmentPool {
    fn drop(&mut self) {
        self.home.set_slow();
        trim(&self.home, u64::MAX);
    }
}

impl fmt::Debug for SegmentPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SegmentPool")
            .field("owner", &self.home.keeper().charge.owner().name())
            .field("segment_bytes", &self.segment_bytes())
            .field("segments", &self.segments())
            .field("committed_bytes", &self.committed_bytes())
            .finish_non_exhaustive()
    }
}

impl Keeper for Shelf {
    #[inline]
    fn keeps(&self) -> bool {
        true
    }

    fn receive(home: &Arc<Home<Self>>, token: Token) {
        retire(home, token);
    }
}

/// What the budget calls when it needs room. Apart from the pool, which the budget's weak reference must not keep.
struct Trimmer(Weak<Home<Shelf>>);

impl Reclaimer for Trimmer {
    fn reclaim(&self, wanted_bytes: u64) -> u64 {
        self.0.upgrade().map_or(0, |home| trim(&home, wanted_bytes))
    }
}

/// Pages first, then the charge: resident bytes are never more than charged ones.
fn trim(home: &Arc<Home<Shelf>>, wanted_bytes: u64) -> u64 {
    let mut freed_bytes = 0;
    while freed_bytes < wanted_bytes {
        let Some(slot) = home.take() else { break };
        let (token, _count) = slot.leave();
        freed_bytes += retire(home, token);
    }
    freed_bytes
}

fn retire(home: &Home<Shelf>, token: Token) -> u64 {
    let (slab, keeper) = (home.slab(), home.keeper());
    let bytes = u64::from(slab.slot_bytes());
    if slab.decommit(&token) {
        keeper.charge.give(bytes);
        keeper.fresh.push(slab, token);
        bytes
    } else {
        // the kernel keeps the pages, so they stay charged until the mapping ends; nobody takes the slot again
        drop(token);
        0
    }
}

/// A segment of a [`SegmentPool`]. Dropped, it goes back.
pub struct MemorySegment(Slot<Shelf>);

impl Deref for MemorySegment {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for MemorySegment {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl AsRef<[u8]> for MemorySegment {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl AsMut<[u8]> for MemorySegment {
    #[inline]
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl fmt::Debug for MemorySegment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySegment").field("bytes", &self.len()).finish_non_exhaustive()
    }
}
