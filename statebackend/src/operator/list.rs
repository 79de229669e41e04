//! Lists that belong to an operator, not to a key.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use super::backend::{Elements, Frozen, State};
use crate::StateError;
use crate::heap::HeapMemory;
use crate::serializer::{Cell, Serializer};
use crate::state::{reading, writing};
use crate::table::{CellList, Payload};

/// The elements of one state. A snapshot shares them; the first write afterwards copies them if it is not done yet.
pub(super) struct ListStore<S: Serializer> {
    name: Arc<str>,
    element: S,
    list: Arc<CellList<S>>,
    memory: HeapMemory,
}

impl<S: Serializer> ListStore<S> {
    pub(super) fn new(name: &Arc<str>, element: S, memory: &HeapMemory) -> Self {
        let list = Arc::new(CellList::new(memory.arena()));
        Self { name: Arc::clone(name), element, list, memory: memory.clone() }
    }

    /// Changes the list, all or nothing.
    fn change(
        &mut self,
        change: impl FnOnce(&mut CellList<S>, &S) -> Result<(), allocator_api2::alloc::AllocError>,
    ) -> Result<(), StateError> {
        let what = format!("operator state \"{}\"", self.name);
        if Arc::get_mut(&mut self.list).is_none() {
            self.list = Arc::new(self.memory.or_refused(&what, self.list.try_clone())?);
        }
        let list = Arc::get_mut(&mut self.list).expect("it was just made ours alone");
        let changed = change(list, &self.element);
        self.memory.or_refused(&what, changed)
    }

    pub(super) fn add(&mut self, value: &S::Value) -> Result<(), StateError> {
        self.change(|list, element| list.push(element, value))
    }

    fn add_all(&mut self, values: &[S::Value]) -> Result<(), StateError> {
        self.change(|list, element| list.extend(element, values))
    }

    fn update(&mut self, values: &[S::Value]) -> Result<(), StateError> {
        let mut list = CellList::new(self.memory.arena());
        let filled = list.extend_exactly(&self.element, values);
        self.memory.or_refused(&format!("operator state \"{}\"", self.name), filled)?;
        self.list = Arc::new(list);
        Ok(())
    }
}

/// A list of an operator: split or united at a restore, as it was asked for.
///
/// A handle: clones mean the same list, of the thread that made its backend.
pub struct OperatorList<S: Serializer> {
    store: Rc<RefCell<ListStore<S>>>,
}

impl<S: Serializer> Clone for OperatorList<S> {
    fn clone(&self) -> Self {
        Self { store: Rc::clone(&self.store) }
    }
}

impl<S: Serializer> OperatorList<S> {
    pub(super) fn new(store: Rc<RefCell<ListStore<S>>>) -> Self {
        Self { store }
    }

    /// Appends an element.
    ///
    /// # Errors
    /// The arena refuses; the list is as it was.
    pub fn add(&self, value: &S::Value) -> Result<(), StateError> {
        writing(&self.store)?.add(value)
    }

    /// Appends all elements or none.
    ///
    /// # Errors
    /// The arena refuses; the list is as it was.
    pub fn add_all(&self, values: &[S::Value]) -> Result<(), StateError> {
        writing(&self.store)?.add_all(values)
    }

    /// Replaces all elements. Both lists are in the arena for a moment.
    ///
    /// # Errors
    /// The arena refuses; the list is as it was.
    pub fn update(&self, values: &[S::Value]) -> Result<(), StateError> {
        writing(&self.store)?.update(values)
    }

    /// Removes all elements.
    ///
    /// # Errors
    /// The list is being iterated.
    pub fn clear(&self) -> Result<(), StateError> {
        self.update(&[])
    }

    /// All elements.
    ///
    /// # Errors
    /// The list is being changed.
    pub fn get(&self) -> Result<Vec<S::Value>, StateError> {
        let store = reading(&self.store)?;
        Ok(store.list.cells.iter().map(|cell| cell.unpack(&store.element)).collect())
    }

    /// How many elements there are.
    ///
    /// # Errors
    /// The list is being changed.
    pub fn len(&self) -> Result<usize, StateError> {
        Ok(reading(&self.store)?.list.cells.len())
    }

    /// Whether there are none.
    ///
    /// # Errors
    /// The list is being changed.
    pub fn is_empty(&self) -> Result<bool, StateError> {
        Ok(self.len()? == 0)
    }

    /// Shows each element.
    ///
    /// # Errors
    /// The list is being changed.
    pub fn for_each(&self, mut see: impl FnMut(S::Value)) -> Result<(), StateError> {
        let store = reading(&self.store)?;
        store.list.cells.iter().for_each(|cell| see(cell.unpack(&store.element)));
        Ok(())
    }
}

impl<S: Serializer> State for RefCell<ListStore<S>> {
    fn freeze(&self) -> Result<Box<dyn Frozen>, StateError> {
        let store = reading(self)?;
        Ok(Box::new(FrozenList { element: store.element.clone(), list: Arc::clone(&store.list) }))
    }
}

struct FrozenList<S: Serializer> {
    element: S,
    list: Arc<CellList<S>>,
}

impl<S: Serializer> Frozen for FrozenList<S> {
    fn for_each(&self, see: &mut Elements<'_>) -> Result<(), StateError> {
        let mut bytes = Vec::new();
        self.list.cells.iter().try_for_each(|cell| {
            bytes.clear();
            cell.write(&self.element, &mut bytes);
            see(&bytes)
        })
    }
}
