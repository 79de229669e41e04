//! Segments: memory in pieces of one size, carved from a mapping and never from the heap.
//!
//! | module | what |
//! |---|---|
//! | [`access`] | reading and writing numbers in a segment, little-endian, with named errors |
//! | [`pool`] | [`SegmentPool`]: segments to take and to give |
//! | [`managed`] | [`ManagedMemory`]: pages, bytes and shared resources of a slot |
//! | [`network`] | [`NetworkBufferPool`]: buffers for the exchange, local pools with guaranteed minima |
//!
//! What it promises: a pool has its bytes charged to an owner of the budget before anybody touches them, and gives them
//! back to the kernel before the charge ends, so that resident bytes never exceed what is charged. Taking and giving
//! allocate nothing and lock nothing.
//! What it does not cover: the tables that describe segments (5 bytes each, on the general heap), and who reads what
//! another one wrote: a segment taken anew has its former content, as Flink's has.

pub mod access;
mod charge;
pub mod managed;
pub mod network;
pub mod pool;

use std::error::Error;
use std::fmt;

pub use access::{Access, OutOfBounds};
pub use managed::{ManagedMemory, Page};
pub use network::{LocalBufferPool, NetworkBuffer, NetworkBufferPool};
pub use pool::{Commit, MemorySegment, SegmentPool};

pub use crate::arena::slab::SlabError;
use crate::budget::{BudgetError, Refusal};

/// The size of a segment unless told otherwise, as Flink's `taskmanager.memory.segment-size`: 32 KiB.
pub const SEGMENT_BYTES: u64 = 32 << 10;

/// Why there are no segments. Nothing was kept.
#[derive(Debug)]
pub enum SegmentError {
    /// The sizes do not fit together, or there is no address space: the configuration is to be changed.
    Sizes(SlabError),
    /// The budget refuses an owner for them: the configuration is to be changed.
    Budget(BudgetError),
    /// The pool of the budget is full: wait until somebody gives, or ask for less.
    Refused(Box<Refusal>),
}

impl fmt::Display for SegmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sizes(error) => error.fmt(f),
            Self::Budget(error) => error.fmt(f),
            Self::Refused(refusal) => refusal.fmt(f),
        }
    }
}

impl Error for SegmentError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Sizes(error) => Some(error),
            Self::Budget(error) => Some(error),
            Self::Refused(refusal) => Some(refusal),
        }
    }
}

impl From<SlabError> for SegmentError {
    fn from(error: SlabError) -> Self {
        Self::Sizes(error)
    }
}

impl From<BudgetError> for SegmentError {
    fn from(error: BudgetError) -> Self {
        Self::Budget(error)
    }
}

impl From<Box<Refusal>> for SegmentError {
    fn from(refusal: Box<Refusal>) -> Self {
        Self::Refused(refusal)
    }
}
