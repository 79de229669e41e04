//! A set of rows in sorted pages. A snapshot shares the pages; the first write to one takes it back if the snapshot is
//! done with it, or copies it.

use std::mem;
use std::sync::Arc;

use allocator_api2::alloc::{AllocError, Allocator};
use allocator_api2::vec::Vec as PoolVec;

use super::page::{PAGE_BYTES, Page};

/// Pages at the front that are gone before the list of pages is moved.
const GONE_PAGES: usize = 32;

enum Slot<A: Allocator + Clone> {
    Own(Page<A>),
    Shared(Arc<Page<A>>),
}

impl<A: Allocator + Clone> Slot<A> {
    fn page(&self) -> &Page<A> {
        match self {
            Self::Own(page) => page,
            Self::Shared(page) => page,
        }
    }
}

/// A set of rows.
pub(super) struct SortedRows<A: Allocator + Clone> {
    /// None but the first `gone` is empty.
    pages: PoolVec<Slot<A>, A>,
    gone: usize,
    len: usize,
}

impl<A: Allocator + Clone> SortedRows<A> {
    pub(super) fn new(allocator: &A) -> Self {
        Self { pages: PoolVec::new_in(allocator.clone()), gone: 0, len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn first(&self) -> Option<&[u8]> {
        self.pages.get(self.gone).and_then(|slot| slot.page().first())
    }

    pub(super) fn last(&self) -> Option<&[u8]> {
        self.pages[self.gone..].last().and_then(|slot| slot.page().last())
    }

    /// All rows as they are now.
    pub(super) fn rows(&self) -> impl Iterator<Item = &[u8]> {
        self.pages[self.gone..].iter().flat_map(|slot| slot.page().rows())
    }

    /// The pages as they are now, for a snapshot.
    pub(super) fn freeze(&mut self) -> Vec<Arc<Page<A>>> {
        let mut frozen = Vec::with_capacity(self.pages.len() - self.gone);
        let allocator = self.pages.allocator().clone();
        for slot in &mut self.pages[self.gone..] {
            *slot = match mem::replace(slot, Slot::Own(Page::new(&allocator))) {
                Slot::Own(page) => Slot::Shared(Arc::new(page)),
                shared @ Slot::Shared(_) => shared,
            };
            if let Slot::Shared(page) = slot {
                frozen.push(Arc::clone(page));
            }
        }
        frozen
    }

    /// The page that a row is in, or belongs into.
    fn page_of(&self, row: &[u8]) -> usize {
        let pages = &self.pages[self.gone..];
        let behind = pages.partition_point(|slot| slot.page().first().is_some_and(|first| first <= row));
        self.gone + behind.saturating_sub(1)
    }

    pub(super) fn contains(&self, row: &[u8]) -> bool {
        self.pages.get(self.page_of(row)).is_some_and(|slot| slot.page().find(row).is_ok())
    }

    /// Adds a row; false where it is there. Refused, nothing has changed.
    pub(super) fn insert(&mut self, row: &[u8]) -> Result<bool, AllocError> {
        if self.pages.len() == self.gone {
            return self.add_page(self.gone, row);
        }
        loop {
            let at = self.page_of(row);
            let page = self.pages[at].page();
            let Err(place) = page.find(row) else { return Ok(false) };
            if page.has_room(row.len()) {
                self.own(at)?.insert(place, row)?;
                self.len += 1;
                return Ok(true);
            }
            let rows = page.len();
            if place == rows {
                // rows that come in their order fill their pages
                return self.add_page(at + 1, row);
            }
            if place == 0 {
                return self.add_page(at, row);
            }
            self.pages.try_reserve(1).map_err(|_| AllocError)?;
            let upper = self.own(at)?.split_off(rows / 2)?;
            self.pages.insert(at + 1, Slot::Own(upper));
        }
    }

    fn add_page(&mut self, at: usize, row: &[u8]) -> Result<bool, AllocError> {
        self.pages.try_reserve(1).map_err(|_| AllocError)?;
        let page = Page::of(row, self.pages.allocator())?;
        self.pages.insert(at, Slot::Own(page));
        self.len += 1;
        Ok(true)
    }

    /// Removes a row; false where it is not there. Refused, nothing has changed.
    pub(super) fn remove(&mut self, row: &[u8]) -> Result<bool, AllocError> {
        let at = self.page_of(row);
        let Some(slot) = self.pages.get(at) else { return Ok(false) };
        let Ok(place) = slot.page().find(row) else { return Ok(false) };
        self.remove_at(at, place)?;
        Ok(true)
    }

    /// Removes the first row. Refused, nothing has changed.
    pub(super) fn remove_first(&mut self) -> Result<(), AllocError> {
        if self.len > 0 { self.remove_at(self.gone, 0) } else { Ok(()) }
    }

    /// Removes the last row. Refused, nothing has changed.
    pub(super) fn remove_last(&mut self) -> Result<(), AllocError> {
        let Some(slot) = self.pages[self.gone..].last() else { return Ok(()) };
        let place = slot.page().len() - 1;
        self.remove_at(self.pages.len() - 1, place)
    }

    fn remove_at(&mut self, at: usize, place: usize) -> Result<(), AllocError> {
        let page = self.own(at)?;
        page.remove(place);
        let (empty, small) = (page.is_empty(), page.live_bytes() < PAGE_BYTES / 4);
        self.len -= 1;
        if empty && at == self.gone {
            let none = Slot::Own(Page::new(self.pages.allocator()));
            self.pages[at] = none;
            self.gone += 1;
            if self.gone == self.pages.len() || self.gone > GONE_PAGES && self.gone * 2 > self.pages.len() {
                self.pages.drain(..mem::take(&mut self.gone));
            }
        } else if empty {
            self.pages.remove(at);
        } else if small && place > 0 {
            self.merge(at);
        }
        Ok(())
    }

    /// Joins a page with the next one where both are small. Refused memory leaves them apart.
    fn merge(&mut self, at: usize) {
        let (before, behind) = self.pages.split_at_mut(at + 1);
        let (Some(Slot::Own(page)), Some(next)) = (before.last_mut(), behind.first()) else { return };
        let together = page.live_bytes() + next.page().live_bytes();
        if together <= PAGE_BYTES / 4 * 3 && page.append(next.page()).is_ok() {
            self.pages.remove(at + 1);
        }
    }

    /// The page, ours alone.
    fn own(&mut self, at: usize) -> Result<&mut Page<A>, AllocError> {
        if let Slot::Shared(_) = self.pages[at] {
            let empty = Slot::Own(Page::new(self.pages.allocator()));
            if let Slot::Shared(shared) = mem::replace(&mut self.pages[at], empty) {
                self.pages[at] = match Arc::try_unwrap(shared) {
                    Ok(page) => Slot::Own(page),
                    Err(shared) => match shared.try_clone() {
                        Ok(page) => Slot::Own(page),
                        Err(refused) => {
                            self.pages[at] = Slot::Shared(shared);
                            return Err(refused);
                        }
                    },
                };
            }
        }
        match &mut self.pages[at] {
            Slot::Own(page) => Ok(page),
            Slot::Shared(_) => Err(AllocError),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use allocator_api2::alloc::Global;

    use super::*;

    type Pages = Vec<Arc<Page<Global>>>;

    struct Random(u64);

    impl Random {
        fn below(&mut self, end: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (self.0 >> 33) % end
        }
    }

    fn row(random: &mut Random, keys: u64) -> Vec<u8> {
        let number = random.below(keys);
        let mut row = number.to_be_bytes().to_vec();
        // some are longer than a page
        row.resize(8 + (number % 23) as usize + if number.is_multiple_of(97) { 300 } else { 0 }, 3);
        row
    }

    #[test]
    fn as_a_set_does() {
        for (seed, keys) in [(1, 60), (2, 700), (3, 5_000), (4, 1_000_000)] {
            println!("seed {seed}");
            let mut random = Random(seed);
            let mut set = SortedRows::new(&Global);
            let mut model: BTreeSet<Vec<u8>> = BTreeSet::new();
            let mut frozen: Vec<(Pages, BTreeSet<Vec<u8>>)> = Vec::new();
            for step in 0..30_000 {
                let one = row(&mut random, keys);
                let grows = step % 10_000 < 6_000;
                match random.below(if grows { 12 } else { 20 }) {
                    0..10 => assert_eq!(set.insert(&one).unwrap(), model.insert(one)),
                    10 | 11 => assert_eq!(set.remove(&one).unwrap(), model.remove(&one)),
                    12..16 => {
                        set.remove_first().unwrap();
                        model.pop_first();
                    }
                    _ => {
                        set.remove_last().unwrap();
                        model.pop_last();
                    }
                }
                assert_eq!(set.first(), model.first().map(Vec::as_slice));
                assert_eq!(set.last(), model.last().map(Vec::as_slice));
                assert_eq!(set.len(), model.len());
                if step % 1_000 == 0 {
                    assert!(set.rows().eq(model.iter().map(Vec::as_slice)));
                    if frozen.len() == 3 {
                        let (pages, then) = frozen.remove(0);
                        assert!(pages.iter().flat_map(|page| page.rows()).eq(then.iter().map(Vec::as_slice)));
                    }
                    frozen.push((set.freeze(), model.clone()));
                }
            }
            for one in &model {
                assert!(set.contains(one) && set.remove(one).unwrap() && !set.contains(one));
            }
            assert!(set.len() == 0 && set.first().is_none() && set.last().is_none());
        }
    }

    #[test]
    fn pages_are_full_where_rows_come_in_order() {
        for down in [false, true] {
            let mut set = SortedRows::new(&Global);
            for at in 0..1_000u64 {
                let number = if down { 1_000 - at } else { at };
                set.insert(&number.to_be_bytes()).unwrap();
            }
            assert_eq!(set.pages.len(), (1_000 * 8usize).div_ceil(PAGE_BYTES));
        }
    }
}
