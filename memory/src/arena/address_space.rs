//! Addresses of one pool: a mapping without memory behind it, handed out from the bottom and never taken back.
//!
//! Addresses are not memory: a page has none until it is first written, and none again after [`AddressSpace::discard`].

use std::io;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use memmap2::{Advice, MmapOptions, MmapRaw, UncheckedAdvice};

/// The kernel's page in bytes.
pub(super) fn page_bytes() -> usize {
    // SAFETY: a question without arguments in memory.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

/// A range of addresses that belongs to one pool for as long as this value lives.
#[derive(Debug)]
pub(super) struct AddressSpace {
    mapping: MmapRaw,
    /// Bytes handed out, from the bottom.
    used_bytes: AtomicUsize,
}

impl AddressSpace {
    /// Reserves addresses; no memory, no swap.
    ///
    /// # Errors
    /// The kernel's refusal, for instance under a limit on address space.
    pub(super) fn reserve(length_bytes: usize) -> io::Result<Self> {
        let mapping = MmapRaw::from(MmapOptions::new().len(length_bytes).no_reserve_swap().map_anon()?);
        // A huge page would put memory behind addresses that nobody committed. Kernels without huge pages refuse the
        // advice, and then it is not needed.
        let _ = mapping.advise(Advice::NoHugePage);
        Ok(Self { mapping, used_bytes: AtomicUsize::new(0) })
    }

    /// Length of the whole range in bytes.
    #[cfg(test)]
    pub(super) fn length_bytes(&self) -> usize {
        self.mapping.len()
    }

    /// True if the address lies in the range.
    pub(super) fn contains(&self, address: *const u8) -> bool {
        address.addr().wrapping_sub(self.base().addr()) < self.mapping.len()
    }

    /// The lowest address.
    pub(super) fn base(&self) -> *mut u8 {
        self.mapping.as_mut_ptr()
    }

    /// Bytes handed out so far.
    pub(super) fn used_bytes(&self) -> usize {
        self.used_bytes.load(Relaxed)
    }

    /// The next `size` bytes at a multiple of `alignment` (a power of two), or `None` if the range is used up.
    ///
    /// No two calls are handed overlapping ranges.
    pub(super) fn take(&self, size: usize, alignment: usize) -> Option<NonNull<u8>> {
        let base = self.base().addr();
        let mut used = self.used_bytes.load(Relaxed);
        loop {
            let start = base.checked_add(used)?.checked_next_multiple_of(alignment)? - base;
            let end = start.checked_add(size).filter(|end| *end <= self.mapping.len())?;
            match self.used_bytes.compare_exchange_weak(used, end, Relaxed, Relaxed) {
                Ok(_) => return NonNull::new(self.base().wrapping_add(start)),
                Err(now) => used = now,
            }
        }
    }

    /// Gives the memory behind a range back to the kernel; reading it afterwards gives zeros.
    ///
    /// # Safety
    /// The range came from [`take`](Self::take), is made of whole pages, and nobody needs what it holds.
    ///
    /// # Errors
    /// The kernel's refusal; the memory is still there then.
    pub(super) unsafe fn discard(&self, start: *mut u8, size: usize) -> io::Result<()> {
        let offset = start.addr().wrapping_sub(self.base().addr());
        debug_assert!(offset.checked_add(size).is_some_and(|end| end <= self.used_bytes()));
        // SAFETY: the range lies in the mapping and nobody needs its contents, as the caller promises.
        unsafe { self.mapping.unchecked_advise_range(UncheckedAdvice::DontNeed, offset, size) }
    }

    /// Pages of the range that have memory behind them now, in bytes. For tests and reports: walks the whole range.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub(super) fn resident_bytes(&self) -> io::Result<u64> {
        const STEP_PAGES: usize = 4096;
        let page_bytes = page_bytes();
        let mut present = [0u8; STEP_PAGES];
        let mut pages = 0u64;
        let mut offset = 0;
        while offset < self.used_bytes() {
            let length = (self.used_bytes() - offset).min(STEP_PAGES * page_bytes);
            let start = self.base().wrapping_add(offset).cast();
            // SAFETY: the range lies in the mapping, and the array has a byte for each of its pages.
            if unsafe { libc::mincore(start, length, ptr::from_mut(&mut present).cast()) } != 0 {
                return Err(io::Error::last_os_error());
            }
            let seen = &present[..length.div_ceil(page_bytes)];
            pages += seen.iter().map(|page| u64::from(page & 1)).sum::<u64>();
            offset += length;
        }
        Ok(pages * page_bytes as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_aligned_apart_and_end_with_the_mapping() {
        let space = AddressSpace::reserve(1 << 20).unwrap();
        let a = space.take(4096, 4096).unwrap();
        let b = space.take(8192, 65536).unwrap();
        assert_eq!(b.addr().get() % 65536, 0);
        assert!(b.addr().get() >= a.addr().get() + 4096);
        assert!(space.take(1 << 20, 4096).is_none());
        assert!(space.take(usize::MAX, 4096).is_none());
        let rest = space.length_bytes() - space.used_bytes();
        assert!(space.take(rest, 1).is_some());
        assert!(space.take(1, 1).is_none());
    }

    #[test]
    fn discarded_memory_is_gone_and_reads_as_zero() {
        let space = AddressSpace::reserve(1 << 20).unwrap();
        let start = space.take(1 << 20, 4096).unwrap();
        assert_eq!(space.resident_bytes().unwrap(), 0);
        // SAFETY: the range is ours alone and a megabyte long.
        unsafe { start.as_ptr().write_bytes(7, 1 << 20) };
        assert_eq!(space.resident_bytes().unwrap(), 1 << 20);
        // SAFETY: as above, and nobody needs the sevens.
        unsafe { space.discard(start.as_ptr(), 1 << 19) }.unwrap();
        assert_eq!(space.resident_bytes().unwrap(), 1 << 19);
        // SAFETY: in range.
        let (first, last) = unsafe { (start.read(), start.add((1 << 20) - 1).read()) };
        assert_eq!((first, last), (0, 7));
    }
}
