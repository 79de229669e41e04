//! The pool of all network buffers of a process, and its local pools.

use std::fmt;

use super::error::{BuffersOut, LocalPoolError};
use super::local::{Local, LocalBufferPool, resized};
use super::redistribute::{Share, redistribute};
use crate::arena::home::Home;
use crate::arena::slab::{Slab, Token, TokenStack};
use crate::budget::Owner;
use crate::segment::SegmentError;
use crate::segment::charge::Charge;
use crate::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// What the local pools of one process share.
pub(super) struct Shared {
    /// Buffers of no local pool.
    free: TokenStack,
    registry: Mutex<Registry>,
    slab: Arc<Slab>,
    /// After the slab, so that the mapping goes first.
    _charge: Charge,
}

#[derive(Default)]
struct Registry {
    /// In the order in which they were made.
    open: Vec<Arc<Home<Local>>>,
    /// Whose buffers may still be out.
    closed: Vec<Weak<Home<Local>>>,
}

impl Registry {
    fn required(&self) -> u32 {
        self.open.iter().map(|home| home.keeper().required).sum()
    }

    /// Sets all shares anew. The pools whose share is another one are to be told so under no lock.
    fn share(&self, total: u32) -> Vec<Arc<Home<Local>>> {
        let share = |home: &Arc<Home<Local>>| Share { min: home.keeper().required, max: home.keeper().max };
        let sizes = redistribute(total, &self.open.iter().map(share).collect::<Vec<_>>());
        let changed = self.open.iter().zip(sizes).filter(|(home, size)| home.keeper().set_size(*size));
        changed.map(|(home, _)| Arc::clone(home)).collect()
    }
}

impl Shared {
    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self) -> Option<Token> {
        self.free.pop(&self.slab)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.free.is_empty()
    }

    /// Takes a buffer back, and wakes a waiter of each pool that has one. Not to be called under the registry's lock.
    pub(super) fn put(&self, token: Token) {
        if self.free.push(&self.slab, token) {
            self.ring();
        }
    }

    /// Asks those who give from now on to ring.
    pub(super) fn mark(&self) {
        self.free.mark();
    }

    #[cold]
    fn ring(&self) {
        let registry = self.registry();
        // who begins to wait during the search marks again
        self.free.unmark();
        let mut waiting = false;
        for home in &registry.open {
            waiting |= home.keeper().ring();
        }
        if waiting {
            self.free.mark();
        }
    }

    /// Takes a closed pool off the list; the others share what it had.
    pub(super) fn leave(&self, home: &Arc<Home<Local>>) {
        let mut registry = self.registry();
        registry.open.retain(|open| !Arc::ptr_eq(open, home));
        registry.closed.retain(|closed| closed.strong_count() > 0);
        registry.closed.push(Arc::downgrade(home));
        let changed = registry.share(self.slab.slot_count());
        drop(registry);
        changed.iter().for_each(resized);
    }
}

/// The most buffers that a local pool keeps at home; more go to the common pool. Their places cost 8 bytes each.
const PARKED_MAX: u32 = 128;

/// What a local pool may hold, in buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalPoolSize {
    /// Guaranteed, as soon as others have sent theirs. At least 1.
    pub required: u32,
    /// The most that is useful; `u32::MAX` for no bound.
    pub max: u32,
    /// How many may be requested beyond the share, for records half written. Never guaranteed.
    pub overdraft_max: u32,
}

/// All network buffers of a process: charged and resident from the start.
///
/// The buffers live until the last of this, its local pools and its buffers is dropped.
pub struct NetworkBufferPool {
    shared: Arc<Shared>,
}

impl NetworkBufferPool {
    /// A pool of `total_bytes / buffer_bytes` buffers, rounded down, charged to an owner.
    ///
    /// # Errors
    /// Sizes that do not fit, no address space, a budget that lacks the bytes.
    pub fn new(owner: &Arc<Owner>, buffer_bytes: u64, total_bytes: u64) -> Result<Self, SegmentError> {
        let (slab, tokens) = Slab::new(buffer_bytes, total_bytes)?;
        let charge = Charge::new(owner);
        charge.take(buffer_bytes * u64::from(slab.slot_count()))?;
        let free = TokenStack::new(&slab);
        for token in tokens {
            slab.populate(&token);
            free.push(&slab, token);
        }
        let registry = Mutex::new(Registry::default());
        Ok(Self { shared: Arc::new(Shared { free, registry, slab: Arc::new(slab), _charge: charge }) })
    }

    /// Makes a local pool; the others' shares of the rest shrink.
    ///
    /// # Errors
    /// The minima of all local pools together exceed the buffers there are; or sizes that make no sense.
    pub fn create_local(&self, name: &str, size: LocalPoolSize) -> Result<LocalBufferPool, LocalPoolError> {
        let LocalPoolSize { required, max, overdraft_max } = size;
        if required == 0 {
            return Err(LocalPoolError::NothingRequired);
        }
        if max < required {
            return Err(LocalPoolError::MaxBelowMin { required, max });
        }
        let shared = &self.shared;
        let total = shared.slab.slot_count();
        let local = Local::new(shared, name, required, max, overdraft_max);
        let home = Home::new(Arc::clone(&shared.slab), max.min(total).min(PARKED_MAX), local);
        let mut registry = shared.registry();
        // what is guaranteed is never more than there is
        let available = total.saturating_sub(registry.required());
        if required > available {
            return Err(LocalPoolError::Insufficient {
                required,
                available,
                total,
                buffer_bytes: self.buffer_bytes(),
            });
        }
        registry.open.push(Arc::clone(&home));
        let changed = registry.share(total);
        drop(registry);
        changed.iter().for_each(resized);
        Ok(LocalBufferPool::new(home))
    }

    /// Whether all buffers are back. Local pools may still hold some at home.
    ///
    /// # Errors
    /// The local pools, open or closed, that hold buffers.
    pub fn verify_empty(&self) -> Result<(), BuffersOut> {
        let registry = self.shared.registry();
        let closed = registry.closed.iter().filter_map(Weak::upgrade);
        let all: Vec<_> = registry.open.iter().cloned().chain(closed).collect();
        drop(registry);
        let held = all.iter().map(|home| (home.keeper().name.clone(), home.keeper().held()));
        let pools: Vec<_> = held.filter(|(_, held)| *held > 0).collect();
        if pools.is_empty() { Ok(()) } else { Err(BuffersOut { pools, total: self.total() }) }
    }

    /// How many buffers there are.
    pub fn total(&self) -> u32 {
        self.shared.slab.slot_count()
    }

    /// The size of each buffer, in bytes.
    pub fn buffer_bytes(&self) -> u64 {
        u64::from(self.shared.slab.slot_bytes())
    }

    /// The sum of all guaranteed minima, in buffers.
    pub fn required(&self) -> u32 {
        self.shared.registry().required()
    }

    /// Bytes that the kernel says are resident; `None` where it does not say.
    pub fn resident_bytes(&self) -> Option<u64> {
        self.shared.slab.resident_bytes()
    }
}

impl fmt::Debug for NetworkBufferPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetworkBufferPool")
            .field("buffer_bytes", &self.buffer_bytes())
            .field("total", &self.total())
            .field("required", &self.required())
            .finish()
    }
}
