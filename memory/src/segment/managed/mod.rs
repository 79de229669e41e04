//! Managed memory of a slot: pages, bytes, and resources that the tasks of the slot share.
//!
//! All three come out of one pool of the budget. A page that is given back either stays in a small cache, charged to an
//! owner named `page cache` that gives it up as soon as anybody needs the bytes, or its memory goes to the kernel
//! *before* its charge ends. So the pages that are resident and the bytes that others reserve never exceed the pool's
//! limit together.
//!
//! What it promises: all pages of a request or none; a shared resource is made once and ended once; what a task leaves
//! behind is named.
//! What it does not cover: that bytes which were reserved without pages are used where the owner says.
//!
//! Locks: the cache, the tenants and the shared resources have one each; none is held while another is taken or while
//! anybody is called.

mod page;
mod shared;

use std::collections::HashMap;
use std::error::Error;
use std::fmt;

pub use page::Page;
use page::Pages;
pub use shared::{Lease, SharedError};

use super::SegmentError;
use super::charge::Charge;
use crate::budget::{Owner, Pool, Refusal, Stage};
use crate::sync::{Arc, AtomicU32, Mutex, MutexGuard, Ordering, PoisonError};

/// The managed memory of a slot or of a process. Clones share it.
#[derive(Clone)]
pub struct ManagedMemory {
    pages: Arc<Pages>,
    tenants: Arc<Mutex<HashMap<usize, Arc<Tenant>>>>,
    shared: Arc<shared::Shelf>,
    pool: Pool,
}

/// What one owner has.
pub(crate) struct Tenant {
    owner: Arc<Owner>,
    pages: AtomicU32,
    reserved: Charge,
}

/// What a task had left behind when all of it was released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Released {
    /// Bytes that were reserved and not released; they are now.
    pub reserved_bytes: u64,
    /// Pages that somebody still holds: they are charged until they are dropped.
    pub pages_out: u32,
}

impl ManagedMemory {
    /// Managed memory of a whole pool of the budget: at most `limit / page_bytes` pages, rounded down.
    ///
    /// `cached_pages_max` pages at most are kept for the next request, where nobody else needs them.
    ///
    /// # Errors
    /// Sizes that do not fit: a pool smaller than a page, a page that is no power of two; no address space.
    pub fn new(pool: &Pool, page_bytes: u64, cached_pages_max: u32) -> Result<Self, SegmentError> {
        let cache_owner = pool.owner("page cache").register()?;
        let pages = Arc::new(Pages::new(pool, page_bytes, cache_owner, cached_pages_max)?);
        pages.cache_owner().on_reclaim(Stage::Cache, &pages);
        Ok(Self { pages, tenants: Arc::default(), shared: Arc::default(), pool: pool.clone() })
    }

    /// Pages for an owner of this pool: all or none. Their bytes are zero, or what the last holder left there.
    ///
    /// # Errors
    /// The budget lacks the bytes, after others were asked to give.
    pub fn allocate_pages(&self, owner: &Arc<Owner>, count: u32) -> Result<Vec<Page>, Box<Refusal>> {
        self.pages.allocate(&self.tenant(owner), count)
    }

    /// Reserves bytes without pages, until they are released.
    ///
    /// # Errors
    /// The budget lacks the bytes, after others were asked to give.
    pub fn reserve(&self, owner: &Arc<Owner>, bytes: u64) -> Result<(), Box<Refusal>> {
        self.tenant(owner).reserved.take(bytes)
    }

    /// Releases reserved bytes; returns how many: never more than the owner had reserved here.
    pub fn release(&self, owner: &Arc<Owner>, bytes: u64) -> u64 {
        let tenant = self.tenants().get(&key(owner)).cloned();
        tenant.map_or(0, |tenant| tenant.reserved.give(bytes))
    }

    /// Releases all that an owner had reserved, at the end of its task, and says what it had left behind. Pages cannot
    /// be taken out of somebody's hands: those still out are counted.
    pub fn release_all(&self, owner: &Arc<Owner>) -> Released {
        let mut tenants = self.tenants();
        let Some(tenant) = tenants.get(&key(owner)).cloned() else {
            return Released { reserved_bytes: 0, pages_out: 0 };
        };
        let pages_out = tenant.pages.load(Ordering::Acquire);
        if pages_out == 0 {
            tenants.remove(&key(owner));
        }
        drop(tenants);
        Released { reserved_bytes: tenant.reserved.give(u64::MAX), pages_out }
    }

    /// A resource that everybody who knows its key shares: the first caller makes it, the others wait for that, the
    /// last lease ends it and releases its bytes. `init` gets the owner that the bytes are charged to, whose name is
    /// the key; it runs under no lock. The bytes of the first caller count.
    ///
    /// # Errors
    /// The budget lacks the bytes; `init` fails; the resource has another type; `init` or the resource's end asks for
    /// the same key. Nothing is left behind.
    pub fn shared<T, E, F>(&self, key: &str, bytes: u64, init: F) -> Result<Lease<T>, SharedError<E>>
    where
        T: Send + Sync + 'static,
        F: FnOnce(&Arc<Owner>) -> Result<T, E>,
    {
        shared::lease(&self.shared, &self.pool, key, bytes, init)
    }

    /// Whether nobody holds anything. Cached pages are nobody's.
    ///
    /// # Errors
    /// What is held, by name.
    pub fn verify_empty(&self) -> Result<(), ManagedLeft> {
        let tenants: Vec<Arc<Tenant>> = self.tenants().values().cloned().collect();
        let mut left: Vec<Left> = tenants
            .iter()
            .map(|tenant| Left {
                owner: tenant.owner.name().to_owned(),
                pages: tenant.pages.load(Ordering::Acquire),
                reserved_bytes: tenant.reserved.bytes(),
            })
            .filter(|left| left.pages > 0 || left.reserved_bytes > 0)
            .collect();
        left.sort_by(|a, b| a.owner.cmp(&b.owner));
        let shared = self.shared.keys();
        if left.is_empty() && shared.is_empty() {
            return Ok(());
        }
        Err(ManagedLeft { pool: self.pool.path(), left, shared })
    }

    /// How many pages there are at most, held or not.
    pub fn pages_max(&self) -> u32 {
        self.pages.slab().slot_count()
    }

    /// The size of each page, in bytes.
    pub fn page_bytes(&self) -> u64 {
        u64::from(self.pages.slab().slot_bytes())
    }

    /// Bytes of pages that may be resident, the cached ones included: all of them are charged.
    pub fn committed_bytes(&self) -> u64 {
        self.pages.slab().committed_bytes()
    }

    /// Bytes of pages that the kernel says are resident; `None` where it does not say.
    pub fn resident_bytes(&self) -> Option<u64> {
        self.pages.slab().resident_bytes()
    }

    /// The pool that all of it comes from.
    pub const fn pool(&self) -> &Pool {
        &self.pool
    }

    fn tenants(&self) -> MutexGuard<'_, HashMap<usize, Arc<Tenant>>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tenant(&self, owner: &Arc<Owner>) -> Arc<Tenant> {
        let new =
            || Tenant { owner: Arc::clone(owner), pages: AtomicU32::new(0), reserved: Charge::new(owner) };
        Arc::clone(self.tenants().entry(key(owner)).or_insert_with(|| Arc::new(new())))
    }
}

/// A tenant keeps its owner alive, so no two have the same address.
fn key(owner: &Arc<Owner>) -> usize {
    Arc::as_ptr(owner).addr()
}

impl fmt::Debug for ManagedMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagedMemory")
            .field("pool", &self.pool.path())
            .field("page_bytes", &self.page_bytes())
            .field("pages_max", &self.pages_max())
            .field("committed_bytes", &self.committed_bytes())
            .finish_non_exhaustive()
    }
}

/// What one owner holds of managed memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Its name.
    pub owner: String,
    /// How many pages it holds.
    pub pages: u32,
    /// Bytes that it reserved without pages.
    pub reserved_bytes: u64,
}

/// Managed memory that is held when all should be back: a leak of the tasks named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedLeft {
    /// The pool, with the path to it.
    pub pool: String,
    /// Who holds what, by name.
    pub left: Vec<Left>,
    /// The keys of shared resources that are leased.
    pub shared: Vec<String>,
}

impl fmt::Display for ManagedLeft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "managed memory of {} is not empty:", self.pool)?;
        let left = self.left.iter().map(|left| {
            let Left { owner, pages, reserved_bytes } = left;
            format!(" {owner} holds {pages} pages and {reserved_bytes} reserved bytes")
        });
        let shared = self.shared.iter().map(|key| format!(" somebody leases the shared {key}"));
        f.write_str(&left.chain(shared).collect::<Vec<_>>().join(";"))
    }
}

impl Error for ManagedLeft {}
