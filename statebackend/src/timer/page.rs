//! Some sorted rows, end to end in one piece of memory.

use allocator_api2::alloc::{AllocError, Allocator};
use allocator_api2::vec::Vec as PoolVec;

/// Bytes of rows in a page, but for a row that is longer: that one has a page of its own.
pub(super) const PAGE_BYTES: usize = if cfg!(test) { 128 } else { 4096 };
/// What a page begins with: most key groups of most jobs have few timers.
const FIRST_BYTES: usize = PAGE_BYTES / 16;

/// Sorted rows.
pub(super) struct Page<A: Allocator + Clone> {
    bytes: PoolVec<u8, A>,
    /// Where each row ends.
    ends: PoolVec<u32, A>,
    /// Rows at the front that are gone: taking the first is not to move all others.
    gone: usize,
}

impl<A: Allocator + Clone> Page<A> {
    pub(super) fn new(allocator: &A) -> Self {
        let (bytes, ends) = (PoolVec::new_in(allocator.clone()), PoolVec::new_in(allocator.clone()));
        Self { bytes, ends, gone: 0 }
    }

    /// A page with one row.
    pub(super) fn of(row: &[u8], allocator: &A) -> Result<Self, AllocError> {
        let mut page = Self::new(allocator);
        page.insert(0, row)?;
        Ok(page)
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len() - self.gone
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn start(&self, at: usize) -> usize {
        at.checked_sub(1).map_or(0, |before| self.ends[before] as usize)
    }

    /// Bytes of its rows.
    pub(super) fn live_bytes(&self) -> usize {
        self.bytes.len() - self.start(self.gone)
    }

    pub(super) fn row(&self, at: usize) -> &[u8] {
        let at = at + self.gone;
        &self.bytes[self.start(at)..self.ends[at] as usize]
    }

    pub(super) fn first(&self) -> Option<&[u8]> {
        (!self.is_empty()).then(|| self.row(0))
    }

    pub(super) fn last(&self) -> Option<&[u8]> {
        self.len().checked_sub(1).map(|at| self.row(at))
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|at| self.row(at))
    }

    /// Where a row is, or where it belongs.
    pub(super) fn find(&self, row: &[u8]) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.row(middle).cmp(row) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    /// Whether a row of so many bytes has room.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.is_empty() || self.live_bytes() + bytes <= PAGE_BYTES
    }

    /// Puts a row where it belongs. Refused, nothing has changed that anybody sees.
    pub(super) fn insert(&mut self, at: usize, row: &[u8]) -> Result<(), AllocError> {
        if self.gone > 0 {
            self.compact();
        }
        self.reserve(row.len(), 1)?;
        let (from, before) = (self.start(at), self.bytes.len());
        self.bytes.resize(before + row.len(), 0);
        self.bytes.copy_within(from..before, from + row.len());
        self.bytes[from..from + row.len()].copy_from_slice(row);
        let added = length(row);
        self.ends.insert(at, length(&self.bytes[..from]) + added);
        for end in &mut self.ends[at + 1..] {
            *end += added;
        }
        Ok(())
    }

    /// Room for more; it doubles up to the size of a page.
    fn reserve(&mut self, bytes: usize, rows: usize) -> Result<(), AllocError> {
        let needed = self.bytes.len() + bytes;
        if needed > self.bytes.capacity() {
            let doubled = (self.bytes.capacity() * 2).clamp(FIRST_BYTES, PAGE_BYTES);
            let more = needed.max(doubled) - self.bytes.len();
            self.bytes.try_reserve_exact(more).map_err(|_| AllocError)?;
        }
        self.ends.try_reserve(rows).map_err(|_| AllocError)
    }

    /// Takes the memory of rows that are gone.
    fn compact(&mut self) {
        let from = self.start(self.gone);
        self.bytes.copy_within(from.., 0);
        self.bytes.truncate(self.bytes.len() - from);
        self.ends.copy_within(self.gone.., 0);
        self.ends.truncate(self.ends.len() - self.gone);
        let from = u32::try_from(from).expect("ends are 32 bits");
        for end in &mut self.ends {
            *end -= from;
        }
        self.gone = 0;
    }

    pub(super) fn remove(&mut self, at: usize) {
        if at == 0 {
            self.gone += 1;
            if self.gone == self.ends.len() {
                self.bytes.clear();
                self.ends.clear();
                self.gone = 0;
            }
            return;
        }
        let at = at + self.gone;
        let (from, to) = (self.start(at), self.ends[at] as usize);
        self.bytes.copy_within(to.., from);
        self.bytes.truncate(self.bytes.len() - (to - from));
        self.ends.remove(at);
        let removed = u32::try_from(to - from).expect("ends are 32 bits");
        for end in &mut self.ends[at..] {
            *end -= removed;
        }
    }

    /// Appends the rows of another page, all of them greater.
    pub(super) fn append(&mut self, other: &Self) -> Result<(), AllocError> {
        self.compact();
        self.reserve(other.live_bytes(), other.len())?;
        let (shift, from) = (self.bytes.len(), other.start(other.gone));
        self.bytes.extend_from_slice(&other.bytes[from..]);
        let moved = |end: &u32| u32::try_from(*end as usize - from + shift).expect("ends are 32 bits");
        self.ends.extend(other.ends[other.gone..].iter().map(moved));
        Ok(())
    }

    /// Takes the rows from one on off into a page of their own.
    pub(super) fn split_off(&mut self, at: usize) -> Result<Self, AllocError> {
        let mut upper = Self::new(self.bytes.allocator());
        let at = at + self.gone;
        let from = self.start(at);
        // half of a page is left free: it is where rows come in
        let room = (self.bytes.len() - from).max(PAGE_BYTES);
        upper.bytes.try_reserve_exact(room).map_err(|_| AllocError)?;
        upper.ends.try_reserve_exact(self.ends.len()).map_err(|_| AllocError)?;
        upper.bytes.extend_from_slice(&self.bytes[from..]);
        let cut = u32::try_from(from).expect("ends are 32 bits");
        upper.ends.extend(self.ends[at..].iter().map(|end| end - cut));
        self.bytes.truncate(from);
        self.ends.truncate(at);
        Ok(upper)
    }

    /// A second one of the same rows.
    pub(super) fn try_clone(&self) -> Result<Self, AllocError> {
        let mut copy = Self::new(self.bytes.allocator());
        copy.append(self)?;
        Ok(copy)
    }
}

/// The length of a row or of a page.
fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("a row has 2³¹ bytes at most, and a longer page has one row")
}

#[cfg(test)]
mod tests {
    use allocator_api2::alloc::Global;

    use super::*;

    #[test]
    fn rows_come_and_go() {
        let mut page = Page::of(b"dd", &Global).unwrap();
        for row in [&b"b"[..], b"eeee", b"a", b"c"] {
            let at = page.find(row).unwrap_err();
            page.insert(at, row).unwrap();
        }
        let all = |page: &Page<Global>| page.rows().map(<[u8]>::to_vec).collect::<Vec<_>>();
        assert_eq!(all(&page), [&b"a"[..], b"b", b"c", b"dd", b"eeee"]);
        page.remove(0);
        page.remove(0);
        page.remove(1);
        assert_eq!((page.find(b"c"), page.find(b"d"), page.live_bytes()), (Ok(0), Err(1), 5));
        page.insert(1, b"cc").unwrap();
        let copy = page.try_clone().unwrap();
        let upper = page.split_off(2).unwrap();
        assert_eq!(all(&page), [&b"c"[..], b"cc"]);
        assert_eq!(all(&upper), [b"eeee"]);
        page.remove(0);
        page.append(&upper).unwrap();
        assert_eq!(all(&page), [&b"cc"[..], b"eeee"]);
        assert_eq!(all(&copy), [&b"c"[..], b"cc", b"eeee"]);
        page.remove(0);
        page.remove(0);
        assert!(page.is_empty() && page.live_bytes() == 0 && page.first().is_none() && page.last().is_none());
    }
}
