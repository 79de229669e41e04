//! Pages: from the cache or from the kernel, and back.

use std::fmt;
use std::ops::{Deref, DerefMut};

use super::Tenant;
use crate::arena::home::{Home, Keeper, Slot};
use crate::arena::slab::{Slab, SlabError, Token, TokenStack};
use crate::budget::{Owner, Pool, Reclaimer, Refusal, Reservation};
use crate::sync::{Arc, Mutex, MutexGuard, Ordering, PoisonError};

/// All pages of a managed memory. Each page is out, in the cache, or free; free ones are not committed.
pub(crate) struct Pages {
    home: Arc<Home<Away>>,
    free: TokenStack,
    cache: Mutex<Vec<Cached>>,
    cache_owner: Arc<Owner>,
    cached_max: usize,
}

/// A committed page that is nobody's, and what pays for it.
struct Cached {
    token: Token,
    charge: Reservation,
}

/// The home of pages that are out: they leave it on their way back, which is [`Page`]'s drop.
pub(crate) struct Away;

impl Keeper for Away {
    fn keeps(&self) -> bool {
        false
    }

    fn receive(_: &Arc<Home<Self>>, token: Token) {
        debug_assert!(false, "a page came back without its charge: {token:?}");
    }
}

impl Pages {
    pub(super) fn new(
        pool: &Pool,
        page_bytes: u64,
        cache_owner: Arc<Owner>,
        cached_max: u32,
    ) -> Result<Self, SlabError> {
        let (slab, tokens) = Slab::new(page_bytes, pool.limit_bytes())?;
        let free = TokenStack::new(&slab);
        for token in tokens {
            free.push(&slab, token);
        }
        let cached_max = cached_max.min(slab.slot_count()) as usize;
        let cache = Mutex::new(Vec::with_capacity(cached_max));
        Ok(Self { home: Home::new(Arc::new(slab), 1, Away), free, cache, cache_owner, cached_max })
    }

    pub(super) fn slab(&self) -> &Slab {
        self.home.slab()
    }

    pub(super) fn cache_owner(&self) -> &Arc<Owner> {
        &self.cache_owner
    }

    fn cache(&self) -> MutexGuard<'_, Vec<Cached>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All or none.
    pub(super) fn allocate(
        self: &Arc<Self>,
        tenant: &Arc<Tenant>,
        count: u32,
    ) -> Result<Vec<Page>, Box<Refusal>> {
        let page_bytes = u64::from(self.slab().slot_bytes());
        let wanted = count as usize;
        if count > self.slab().slot_count() {
            return Err(tenant.owner.refusal(u64::from(count) * page_bytes));
        }
        // what was collected goes back as it came, wherever this ends
        let mut pages = Vec::with_capacity(wanted);
        while pages.len() < wanted {
            let Some(cached) = self.cache().pop() else { break };
            match cached.charge.move_to(Arc::clone(&tenant.owner)) {
                Ok(charge) => pages.push(self.page(tenant, cached.token, charge)),
                Err((charge, refusal)) => {
                    self.keep(Cached { token: cached.token, charge });
                    return Err(refusal);
                }
            }
        }
        let missing = (wanted - pages.len()) as u64;
        let mut charge = tenant.owner.try_reserve_shared(missing * page_bytes)?;
        for _ in 0..missing {
            // each page that is out or cached is charged, so the pool's limit leaves one for this charge
            let Some(token) = self.free.pop(self.slab()) else {
                return Err(tenant.owner.refusal(page_bytes));
            };
            self.slab().commit(&token);
            pages.push(self.page(tenant, token, charge.split(page_bytes)));
        }
        Ok(pages)
    }

    fn page(self: &Arc<Self>, tenant: &Arc<Tenant>, token: Token, charge: Reservation) -> Page {
        tenant.pages.fetch_add(1, Ordering::AcqRel);
        let slot = self.home.adopt(token);
        Page { back: Some((slot, charge)), tenant: Arc::clone(tenant), pages: Arc::clone(self) }
    }

    /// Takes a page back: into the cache, whose owner pays from then on without a moment between, or to the kernel.
    fn give_back(&self, token: Token, charge: Reservation) {
        if self.cache().len() >= self.cached_max {
            return self.discard(Cached { token, charge });
        }
        match charge.move_to(Arc::clone(&self.cache_owner)) {
            Ok(charge) => self.keep(Cached { token, charge }),
            Err((charge, _)) => self.discard(Cached { token, charge }),
        }
    }

    fn keep(&self, cached: Cached) {
        let mut cache = self.cache();
        if cache.len() < self.cached_max {
            cache.push(cached);
            return;
        }
        drop(cache);
        self.discard(cached);
    }

    /// The memory goes to the kernel, then the page is free, then its charge ends: so whoever is granted the bytes
    /// finds both a page and the memory for it.
    fn discard(&self, cached: Cached) {
        let Cached { token, charge } = cached;
        if self.slab().decommit(&token) {
            self.free.push(self.slab(), token);
            drop(charge);
        } else {
            // locked in memory: it stays committed, so it stays charged, and serves the next request
            self.cache().push(Cached { token, charge });
        }
    }
}

impl Reclaimer for Pages {
    fn reclaim(&self, wanted_bytes: u64) -> u64 {
        let page_bytes = u64::from(self.slab().slot_bytes());
        let before = self.slab().committed_bytes();
        let mut freed_bytes = 0;
        while freed_bytes < wanted_bytes {
            let Ok(mut cache) = self.cache.try_lock() else { break };
            let Some(cached) = cache.pop() else { break };
            drop(cache);
            self.discard(cached);
            freed_bytes += page_bytes;
        }
        // nothing at all where the kernel kept everything
        freed_bytes.min(before)
    }
}

/// A page of managed memory. Dropped, it goes back.
pub struct Page {
    /// Until it is dropped.
    back: Option<(Slot<Away>, Reservation)>,
    tenant: Arc<Tenant>,
    pages: Arc<Pages>,
}

impl Drop for Page {
    fn drop(&mut self) {
        if let Some((slot, charge)) = self.back.take() {
            let (token, _count) = slot.leave();
            self.pages.give_back(token, charge);
            self.tenant.pages.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Deref for Page {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.back.as_ref().map_or(&[], |(slot, _)| slot)
    }
}

impl DerefMut for Page {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        self.back.as_mut().map_or(&mut [], |(slot, _)| slot)
    }
}

impl AsRef<[u8]> for Page {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl AsMut<[u8]> for Page {
    #[inline]
    fn as_mut(&mut self) -> &mut [u8] {
        self
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("owner", &self.tenant.owner.name())
            .field("bytes", &self.len())
            .finish_non_exhaustive()
    }
}
