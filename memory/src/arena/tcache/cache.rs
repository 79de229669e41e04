//! One thread's cache of one pool's small objects: a stack of pointers for each size class.

use std::alloc::{Layout, alloc, dealloc};
use std::cell::Cell;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::super::class::{CLASSES, Class};
use super::registry::Registry;

/// Places in a stack hold at most this many bytes of objects,
const BIN_BYTES_MAX: usize = 64 * 1024;
/// but at least so many objects,
const BIN_OBJECTS_MIN: usize = 8;
/// and at most so many.
const BIN_OBJECTS_MAX: usize = 1024;

/// Bins, rounded up so that a masked index needs no check.
const BINS: usize = CLASSES.next_power_of_two();

/// The part of a cache that other threads see, under the registry's mutex.
pub(super) struct Face {
    /// The pool's id while the cache may be used without a second look, 0 after pressure.
    pub(super) key: AtomicU64,
    /// Bytes of the objects in the cache; written by its own thread only.
    pub(super) cached_bytes: AtomicU64,
}

/// A stack of pointers to objects of one class.
struct Bin {
    /// Room for `limit` pointers, or dangling while `limit` is 0.
    slots: Cell<NonNull<*mut u8>>,
    /// Pointers in the stack, from the bottom.
    len: Cell<u32>,
    limit: Cell<u32>,
    /// How many objects the next miss fetches.
    fetch: Cell<u32>,
    object_bytes: u32,
}

impl Bin {
    /// The first that came in goes out first: jemalloc hands out ascending addresses, and readers like them ascending.
    fn reverse(&self) {
        // SAFETY: the stack has `len` pointers, and nobody else looks at them meanwhile.
        unsafe { std::slice::from_raw_parts_mut(self.slots.get().as_ptr(), self.len.get() as usize) }
            .reverse();
    }
}

/// A thread's cache of a pool. Neither `Send` nor `Sync`: one thread uses it.
pub(in super::super) struct Cache {
    pub(super) face: Face,
    pub(super) registry: Arc<Registry>,
    bytes_max: u64,
    bins: [Bin; BINS],
}

const fn limit_of(class: Class) -> usize {
    let objects = BIN_BYTES_MAX / class.bytes();
    if objects < BIN_OBJECTS_MIN {
        BIN_OBJECTS_MIN
    } else if objects > BIN_OBJECTS_MAX {
        BIN_OBJECTS_MAX
    } else {
        objects
    }
}

impl Cache {
    pub(super) fn new(registry: Arc<Registry>) -> Self {
        let mut classes = Class::all();
        let bins = std::array::from_fn(|_| Bin {
            slots: Cell::new(NonNull::dangling()),
            len: Cell::new(0),
            limit: Cell::new(0),
            fetch: Cell::new(1),
            object_bytes: classes.next().map_or(0, |class| u32::try_from(class.bytes()).unwrap_or(0)),
        });
        let face = Face { key: AtomicU64::new(registry.id), cached_bytes: AtomicU64::new(0) };
        Self { face, bytes_max: registry.bytes_max, registry, bins }
    }

    /// True if this is the cache of the pool with that id and nothing was asked of it meanwhile.
    #[inline]
    pub(in super::super) fn is_ready(&self, id: u64) -> bool {
        self.face.key.load(Relaxed) == id
    }

    fn bin(&self, class: Class) -> &Bin {
        &self.bins[class.index() % BINS]
    }

    #[inline]
    fn cached_bytes(&self) -> u64 {
        self.face.cached_bytes.load(Relaxed)
    }

    /// Takes an object of a class, if there is one.
    #[inline]
    pub(in super::super) fn pop(&self, class: Class) -> Option<NonNull<u8>> {
        let bin = &self.bins[class.index() % BINS];
        let len = bin.len.get().checked_sub(1)?;
        // SAFETY: the stack has more than `len` pointers, and room for them all.
        let object = unsafe { bin.slots.get().add(len as usize).read() };
        bin.len.set(len);
        self.face.cached_bytes.store(self.cached_bytes().wrapping_sub(bin.object_bytes.into()), Relaxed);
        NonNull::new(object)
    }

    /// Keeps an object of a class. False if there is no room; the object is the caller's still.
    #[inline]
    pub(in super::super) fn push(&self, class: Class, object: NonNull<u8>) -> bool {
        let bin = &self.bins[class.index() % BINS];
        let len = bin.len.get();
        let after = self.cached_bytes() + u64::from(bin.object_bytes);
        if len >= bin.limit.get() || after > self.bytes_max {
            return false;
        }
        // SAFETY: the stack has room for `limit` pointers, and `len` is below it.
        unsafe { bin.slots.get().add(len as usize).write(object.as_ptr()) };
        bin.len.set(len + 1);
        self.face.cached_bytes.store(after, Relaxed);
        true
    }

    /// After a miss: fetches some objects from `source` until it has none, and hands out the first.
    ///
    /// Twice as many at each miss, so that a class that is hardly used holds hardly anything.
    #[cold]
    pub(in super::super) fn fill(
        &self,
        class: Class,
        mut source: impl FnMut() -> Option<NonNull<u8>>,
    ) -> Option<NonNull<u8>> {
        let first = source()?;
        let bin = self.bin(class);
        if bin.len.get() != 0 || !self.has_slots(class) {
            return Some(first);
        }
        let room = self.bytes_max.saturating_sub(self.cached_bytes()) / 4 / u64::from(bin.object_bytes);
        let fetch = bin.fetch.get();
        bin.fetch.set((fetch * 2).min(bin.limit.get() / 2));
        let wanted = u32::try_from(room).unwrap_or(u32::MAX).min(fetch - 1);
        while bin.len.get() < wanted {
            let Some(object) = source() else { break };
            if !self.push(class, object) {
                // Cannot be: there is room. Were it otherwise, handing this one out is as good.
                return Some(object);
            }
        }
        bin.reverse();
        Some(first)
    }

    /// Gives objects of a class to `sink`, the oldest first, until `keep` are left.
    #[cold]
    pub(in super::super) fn drain(&self, class: Class, keep: usize, mut sink: impl FnMut(NonNull<u8>)) {
        let bin = self.bin(class);
        let len = bin.len.get() as usize;
        let Some(surplus) = len.checked_sub(keep).filter(|surplus| *surplus > 0) else { return };
        let slots = bin.slots.get();
        for index in 0..surplus {
            // SAFETY: `index` is below `len`.
            if let Some(object) = NonNull::new(unsafe { slots.add(index).read() }) {
                sink(object);
            }
        }
        // SAFETY: both ranges lie in the first `len` places.
        unsafe { ptr::copy(slots.add(surplus).as_ptr(), slots.as_ptr(), keep) };
        bin.len.set(bin.len.get() - u32::try_from(surplus).unwrap_or(0));
        let bytes = surplus as u64 * u64::from(bin.object_bytes);
        self.face.cached_bytes.store(self.cached_bytes().wrapping_sub(bytes), Relaxed);
    }

    /// Gives everything to `sink`, and starts small again.
    #[cold]
    pub(in super::super) fn drain_all(&self, mut sink: impl FnMut(NonNull<u8>)) {
        for class in Class::all() {
            self.drain(class, 0, &mut sink);
            self.bin(class).fetch.set(1);
        }
    }

    /// After a failed push: makes room for another object of the class. False if the class is too large to be kept.
    #[cold]
    pub(in super::super) fn make_room(&self, class: Class, mut sink: impl FnMut(NonNull<u8>)) -> bool {
        let bin = self.bin(class);
        if u64::from(bin.object_bytes) > self.bytes_max / 8 || !self.has_slots(class) {
            return false;
        }
        if bin.len.get() >= bin.limit.get() {
            self.drain(class, bin.limit.get() as usize / 2, sink);
        } else if self.cached_bytes() + u64::from(bin.object_bytes) > self.bytes_max {
            for class in Class::all() {
                self.drain(class, self.bin(class).len.get() as usize / 2, &mut sink);
            }
        }
        true
    }

    /// Makes sure that the class has its stack. False if there is no memory for it.
    fn has_slots(&self, class: Class) -> bool {
        let bin = self.bin(class);
        if bin.limit.get() > 0 {
            return true;
        }
        let limit = limit_of(class);
        let Ok(layout) = Layout::array::<*mut u8>(limit) else { return false };
        // SAFETY: the layout is not of size 0.
        let Some(slots) = NonNull::new(unsafe { alloc(layout) }) else { return false };
        bin.slots.set(slots.cast());
        bin.limit.set(u32::try_from(limit).unwrap_or(0));
        true
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        for bin in &self.bins {
            let limit = bin.limit.get() as usize;
            if let Ok(layout) = Layout::array::<*mut u8>(limit)
                && limit > 0
            {
                // SAFETY: `has_slots` got it with this layout.
                unsafe { dealloc(bin.slots.get().as_ptr().cast(), layout) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Objects of the system's memory, counted.
    struct Source {
        class: Class,
        made: Vec<NonNull<u8>>,
        max: usize,
    }

    impl Source {
        fn new(bytes: usize, max: usize) -> Self {
            let class = Class::of(Layout::from_size_align(bytes, 1).unwrap()).unwrap();
            Self { class, made: Vec::new(), max }
        }

        fn layout(&self) -> Layout {
            Layout::from_size_align(self.class.bytes(), self.class.align()).unwrap()
        }

        fn make(&mut self) -> Option<NonNull<u8>> {
            if self.made.len() == self.max {
                return None;
            }
            // SAFETY: the size is not 0.
            let object = NonNull::new(unsafe { alloc(self.layout()) })?;
            self.made.push(object);
            Some(object)
        }

        fn free(&mut self, object: NonNull<u8>) {
            let place = self.made.iter().position(|made| *made == object).expect("an object made here");
            self.made.swap_remove(place);
            // SAFETY: made by `make`, and freed once.
            unsafe { dealloc(object.as_ptr(), self.layout()) };
        }
    }

    fn cache(cap_bytes: u64) -> Cache {
        Cache::new(Arc::new(Registry::new(7, 0, cap_bytes)))
    }

    #[test]
    fn what_goes_in_comes_out_and_nothing_else() {
        let (cache, mut source) = (cache(64 << 20), Source::new(64, usize::MAX));
        let class = source.class;
        let (mut held, mut distinct) = (Vec::new(), HashSet::new());
        for round in 0..1500 {
            let object = cache.pop(class).or_else(|| cache.fill(class, || source.make())).unwrap();
            assert!(distinct.insert(object), "round {round}");
            held.push(object);
        }
        for object in held.drain(..) {
            if !cache.push(class, object) {
                assert!(cache.make_room(class, |object| source.free(object)));
                assert!(cache.push(class, object));
            }
        }
        assert_eq!(cache.cached_bytes(), source.made.len() as u64 * 64);
        assert!(source.made.len() <= limit_of(class));
        cache.drain_all(|object| source.free(object));
        assert!(source.made.is_empty());
        assert_eq!(cache.cached_bytes(), 0);
        assert!(cache.pop(class).is_none());
    }

    #[test]
    fn misses_fetch_more_each_time_and_in_order() {
        let (cache, mut source) = (cache(64 << 20), Source::new(64, usize::MAX));
        let class = source.class;
        let mut fetched = Vec::new();
        for _ in 0..4 {
            let before = source.made.len();
            let mut out = vec![cache.fill(class, || source.make()).unwrap()];
            out.extend(std::iter::from_fn(|| cache.pop(class)));
            assert_eq!(out, source.made[before..], "in the order they were made");
            fetched.push(out.len());
        }
        assert_eq!(fetched, [1, 2, 4, 8]);
        for object in source.made.clone() {
            source.free(object);
        }
    }

    #[test]
    fn a_source_that_ends_is_no_loss() {
        let (cache, mut source) = (cache(64 << 20), Source::new(1000, 10));
        let class = source.class;
        let mut got = 0;
        while cache.pop(class).or_else(|| cache.fill(class, || source.make())).is_some() {
            got += 1;
        }
        assert_eq!(got, 10);
        for object in source.made.clone() {
            source.free(object);
        }
    }

    #[test]
    fn the_bytes_of_all_classes_together_stay_within_the_bound() {
        // 8 MiB / 128 = 64 KiB
        let cache = cache(8 << 20);
        let mut sources: Vec<Source> =
            [64, 1024, 4096, 8192].map(|bytes| Source::new(bytes, usize::MAX)).into();
        for round in 0..200 {
            let source = &mut sources[round % 4];
            let object = source.make().unwrap();
            let class = source.class;
            if !cache.push(class, object) {
                let mut freed = Vec::new();
                assert!(cache.make_room(class, |object| freed.push(object)));
                assert!(cache.push(class, object));
                for object in freed {
                    let owner = sources.iter_mut().find(|source| source.made.contains(&object)).unwrap();
                    owner.free(object);
                }
            }
            let held: u64 = sources.iter().map(|s| s.made.len() as u64 * s.class.bytes() as u64).sum();
            assert_eq!(held, cache.cached_bytes());
            assert!(held <= 64 << 10, "round {round}: {held}");
        }
        // 16 KiB is more than an eighth of the bound.
        let large = Source::new(16 << 10, 1);
        assert!(!cache.make_room(large.class, |_| ()));
        for class in sources.iter().map(|source| source.class).collect::<Vec<_>>() {
            let source = sources.iter_mut().find(|source| source.class == class).unwrap();
            cache.drain(class, 0, |object| source.free(object));
        }
        assert_eq!(cache.cached_bytes(), 0);
    }
}
