//! The arena that a slot's tables live in.

use std::sync::Arc;

use allocator_api2::alloc::AllocError;
use plimsoll_memory::arena::{PoolAllocator, PoolArena};
use plimsoll_memory::budget::{Owner, Pool};

use crate::StateError;

/// Memory for tables: an arena whose pages an owner of the budget pays for. Clones share it.
#[derive(Debug, Clone)]
pub struct HeapMemory {
    arena: PoolAllocator,
    owner: Arc<Owner>,
}

impl HeapMemory {
    /// An arena in a pool of the budget, as large as the pool at most.
    ///
    /// # Errors
    /// The pool does not know the name, is smaller than an arena's own 2 MiB, or has no room for them.
    pub fn new(pool: &Pool, name: &str) -> Result<Self, StateError> {
        Self::capped(pool, name, pool.capacity_bytes())
    }

    /// As [`new`](Self::new), with a cap of its own in bytes.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn capped(pool: &Pool, name: &str, cap_bytes: u64) -> Result<Self, StateError> {
        let owner = pool.owner(name).register()?;
        let arena = PoolArena::new(name, cap_bytes, Arc::clone(&owner) as _)
            .map_err(|error| StateError::of_arena(&error, &format!("the tables of {name}"), &owner))?;
        Ok(Self { arena: PoolAllocator::new(arena), owner })
    }

    /// The arena.
    pub fn arena(&self) -> &PoolAllocator {
        &self.arena
    }

    /// Who pays.
    pub fn owner(&self) -> &Arc<Owner> {
        &self.owner
    }

    /// The error for what the arena refused.
    pub(crate) fn refused(&self, what: &str, bytes: usize) -> StateError {
        StateError::Refused { what: what.to_owned(), refusal: self.owner.refusal(bytes as u64) }
    }

    pub(crate) fn or_refused<T>(&self, what: &str, answer: Result<T, AllocError>) -> Result<T, StateError> {
        answer.map_err(|_| self.refused(what, 4096))
    }
}
