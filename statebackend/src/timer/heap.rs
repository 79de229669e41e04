//! Timers in the arena: sorted rows for each key group.

use std::rc::Rc;
use std::sync::Arc;

use allocator_api2::vec::Vec as PoolVec;
use plimsoll_memory::arena::PoolAllocator;

use super::order::{Next, Order};
use super::page::Page;
use super::row;
use super::sorted::SortedRows;
use crate::StateError;
use crate::backend::Core;
use crate::heap::{Emit, FrozenRows, HeapMemory, SortedRows as GroupRows};
use crate::key_group::KeyGroupRange;
use crate::serializer::KeySerializer;

/// The timers of one queue.
pub(crate) struct HeapTimers<K: KeySerializer, N: KeySerializer> {
    name: Arc<str>,
    pub(super) core: Rc<Core<K>>,
    pub(super) namespace: N,
    groups: PoolVec<SortedRows<PoolAllocator>, PoolAllocator>,
    order: Order,
    memory: HeapMemory,
    row: Vec<u8>,
}

impl<K: KeySerializer, N: KeySerializer> HeapTimers<K, N> {
    pub(crate) fn new(
        name: &Arc<str>,
        namespace: N,
        memory: &HeapMemory,
        core: &Rc<Core<K>>,
    ) -> Result<Self, StateError> {
        let count = core.range.len();
        let mut groups = PoolVec::new_in(memory.arena().clone());
        let bytes = count as usize * size_of::<SortedRows<PoolAllocator>>();
        if groups.try_reserve_exact(count as usize).is_err() {
            return Err(memory.refused(&format!("timers \"{name}\""), bytes));
        }
        groups.extend((0..count).map(|_| SortedRows::new(memory.arena())));
        Ok(Self {
            name: Arc::clone(name),
            core: Rc::clone(core),
            namespace,
            groups,
            order: Order::new(count, Next::Never),
            memory: memory.clone(),
            row: Vec::new(),
        })
    }

    #[cold]
    fn refused(&self) -> StateError {
        self.memory.refused(&format!("timers \"{}\"", self.name), 4096)
    }

    /// Makes `row` the timer's; returns the place of its key group.
    fn at(&mut self, key: &K::Value, namespace: &N::Value, timestamp_ms: i64) -> Result<usize, StateError> {
        let group = self.core.group(key);
        self.core.check_group(group)?;
        self.row.clear();
        row::write((&self.core.key, &self.namespace), key, namespace, timestamp_ms, &mut self.row);
        Ok((group - self.core.range.first) as usize)
    }

    /// The group's next timer may be another now.
    fn moved(&mut self, group: usize) {
        let first = self.groups[group].first().and_then(row::read_time);
        self.order.set(group, first.map_or(Next::Never, Next::At));
    }

    pub(super) fn register(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
        timestamp_ms: i64,
    ) -> Result<(), StateError> {
        let group = self.at(key, namespace, timestamp_ms)?;
        match self.groups[group].insert(&self.row) {
            Ok(_) => self.moved(group),
            Err(_) => return Err(self.refused()),
        }
        Ok(())
    }

    pub(super) fn delete(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
        timestamp_ms: i64,
    ) -> Result<(), StateError> {
        let group = self.at(key, namespace, timestamp_ms)?;
        match self.groups[group].remove(&self.row) {
            Ok(true) => self.moved(group),
            Ok(false) => {}
            Err(_) => return Err(self.refused()),
        }
        Ok(())
    }

    pub(super) fn next(&self) -> Option<i64> {
        match self.order.first() {
            (_, Next::At(time)) => Some(time),
            _ => None,
        }
    }

    /// Shows the next timer, if it is due, and takes it where that went well.
    pub(super) fn pop<R>(
        &mut self,
        until_ms: i64,
        see: impl FnOnce(&Core<K>, &N, &[u8]) -> Result<R, StateError>,
    ) -> Result<Option<R>, StateError> {
        let (group, next) = self.order.first();
        if next > Next::At(until_ms) {
            return Ok(None);
        }
        let rows = &mut self.groups[group];
        let seen = see(&self.core, &self.namespace, rows.first().unwrap_or_default())?;
        if rows.remove_first().is_err() {
            return Err(self.refused());
        }
        self.moved(group);
        Ok(Some(seen))
    }

    pub(crate) fn len(&self) -> usize {
        self.groups.iter().map(SortedRows::len).sum()
    }

    /// All timers, in no order that means something.
    pub(super) fn rows(&self) -> impl Iterator<Item = &[u8]> {
        self.groups.iter().flat_map(SortedRows::rows)
    }

    /// Loads a record of a snapshot.
    pub(crate) fn load(&mut self, timer: &[u8], value: &[u8]) -> Result<(), StateError> {
        let corrupt = |why: String| StateError::corrupt(format!("a timer of \"{}\"", self.name), why);
        let (_, key, _) =
            row::read(&self.core.key, &self.namespace, timer).map_err(|error| corrupt(error.to_string()))?;
        if !value.is_empty() {
            return Err(corrupt(format!("it has a value of {} bytes", value.len())));
        }
        let group = self.core.group(&key);
        self.core.check_group(group)?;
        let group = (group - self.core.range.first) as usize;
        if self.groups[group].insert(timer).is_err() {
            return Err(self.refused());
        }
        self.moved(group);
        Ok(())
    }

    /// The timers as they are now.
    pub(crate) fn freeze(&mut self) -> Box<dyn FrozenRows> {
        Box::new(FrozenTimers {
            groups: self.groups.iter_mut().map(SortedRows::freeze).collect(),
            first: self.core.range.first,
        })
    }
}

/// Timers as they were.
struct FrozenTimers {
    groups: Vec<Vec<Arc<Page<PoolAllocator>>>>,
    first: u32,
}

impl FrozenRows for FrozenTimers {
    fn sorted(&self, _: KeyGroupRange) -> Result<Box<dyn GroupRows + '_>, StateError> {
        Ok(Box::new(self))
    }
}

impl GroupRows for &FrozenTimers {
    fn emit(&self, key_group: u32, emit: &mut Emit<'_>) -> Result<(), StateError> {
        let pages = &self.groups[(key_group - self.first) as usize];
        pages.iter().flat_map(|page| page.rows()).try_for_each(|row| emit(row, &[]))
    }
}
