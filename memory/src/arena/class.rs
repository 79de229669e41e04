//! Size classes of small objects: the steps that jemalloc has too, computed without asking it.
//!
//! 8, then every 16 up to 128, then four to each doubling up to 32 KiB. An object is always asked of jemalloc with its
//! class's size, so that any object of a class can serve any layout of it, whatever jemalloc's own steps are.

use std::alloc::Layout;

/// Index of a size class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Class(u8);

/// Classes there are.
pub(super) const CLASSES: usize = 41;

/// The largest class in bytes.
pub(super) const CLASS_BYTES_MAX: usize = 32 * 1024;

/// Alignments above a page are left to jemalloc.
const ALIGN_MAX: usize = 4096;

impl Class {
    /// The class that serves a layout, or `None` if it is large, of size 0, or aligned to more than a page.
    #[inline]
    pub(super) const fn of(layout: Layout) -> Option<Self> {
        let (size, align) = (layout.size(), layout.align());
        // A multiple of the alignment is served by a class that is one, too: steps are powers of two, and a size below
        // the step is a class itself.
        let size = if align > 8 {
            if align > ALIGN_MAX {
                return None;
            }
            match size.checked_next_multiple_of(align) {
                Some(size) => size,
                None => return None,
            }
        } else {
            size
        };
        if size.wrapping_sub(1) >= CLASS_BYTES_MAX { None } else { Some(Self::of_size(size)) }
    }

    /// For 1 ≤ `size` ≤ [`CLASS_BYTES_MAX`].
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "an index below 41")]
    const fn of_size(size: usize) -> Self {
        if size <= 128 {
            // 1..=8 is class 0, 9..=16 class 1.
            return Self(if size <= 8 { 0 } else { size.div_ceil(16) as u8 });
        }
        let last = size - 1;
        let log2 = last.ilog2();
        Self(((log2 - 7) * 4 + 5) as u8 + (last >> (log2 - 2)) as u8)
    }

    /// The class with this index, which is below [`CLASSES`].
    pub(super) fn all() -> impl Iterator<Item = Self> {
        (0..CLASSES).map_while(|index| u8::try_from(index).ok().map(Self))
    }

    #[inline]
    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }

    /// Size of the class's objects in bytes.
    pub(super) const fn bytes(self) -> usize {
        match self.index() {
            0 => 8,
            index @ 1..=8 => 16 * index,
            index => (5 + (index - 9) % 4) << (5 + (index - 9) / 4),
        }
    }

    /// What the class's objects are asked to be aligned to: the largest power of two in their size, up to a page.
    pub(super) const fn align(self) -> usize {
        let align = 1 << self.bytes().trailing_zeros();
        if align > ALIGN_MAX { ALIGN_MAX } else { align }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).unwrap()
    }

    #[test]
    fn classes_are_the_known_steps() {
        let sizes: Vec<usize> = Class::all().map(Class::bytes).collect();
        assert_eq!(&sizes[..14], [8, 16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]);
        assert_eq!(&sizes[37..], [20480, 24576, 28672, 32768]);
        assert_eq!(sizes.len(), CLASSES);
        assert!(sizes.is_sorted());
    }

    #[test]
    fn a_size_gets_the_smallest_class_that_holds_it() {
        let sizes: Vec<usize> = Class::all().map(Class::bytes).collect();
        let mut index = 0;
        for size in 1..=CLASS_BYTES_MAX {
            index += usize::from(size > sizes[index]);
            assert_eq!(Class::of(layout(size, 1)).unwrap().index(), index, "size {size}");
        }
        assert_eq!(Class::of(layout(0, 1)), None);
        assert_eq!(Class::of(layout(CLASS_BYTES_MAX + 1, 1)), None);
        assert_eq!(Class::of(layout(isize::MAX as usize, 1)), None);
    }

    #[test]
    fn a_class_serves_the_alignment_of_its_layouts() {
        for align in (0..=12).map(|log2| 1 << log2) {
            for size in (1..=CLASS_BYTES_MAX).step_by(if cfg!(miri) { 997 } else { 1 }) {
                if let Some(class) = Class::of(layout(size, align)) {
                    assert!(class.bytes() >= size, "{size} {align}");
                    assert!(class.align() >= align, "{size} {align} → {class:?}");
                }
            }
        }
        assert_eq!(Class::of(layout(64, 8192)), None);
    }
}
