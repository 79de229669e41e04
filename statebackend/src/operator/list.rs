//! A list of the operator: split over subtasks at a restore, or given whole to each.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use super::DistributionMode;
use super::cells::{Cells, FrozenCells};
use super::kept::{FrozenState, Kept, Loaded};
use super::restored::{LoadError, at_end};
use super::writer::Writer;
use crate::StateError;
use crate::heap::HeapMemory;
use crate::serializer::{Cell, Compatibility, Identity, Serializer};
use crate::state::{reading, writing};

/// The list and how it is read.
pub(super) struct ListStore<S: Serializer> {
    name: Arc<str>,
    mode: DistributionMode,
    serializer: S,
    memory: HeapMemory,
    cells: Cells<S>,
}

impl<S: Serializer> ListStore<S> {
    pub(super) fn new(name: &str, mode: DistributionMode, serializer: S, memory: &HeapMemory) -> Self {
        let cells = Cells::new(memory.arena());
        Self { name: name.into(), mode, serializer, memory: memory.clone(), cells }
    }

    fn extend(&mut self, values: &[S::Value]) -> Result<(), StateError> {
        let added = self.cells.extend(&self.serializer, values);
        added.map_err(|_| self.memory.refused(&super::what(&self.name), super::REFUSED_BYTES))
    }

    fn replace(&mut self, values: &[S::Value]) -> Result<(), StateError> {
        let mut cells = Cells::new(self.memory.arena());
        let filled = cells.extend(&self.serializer, values);
        filled.map_err(|_| self.memory.refused(&super::what(&self.name), super::REFUSED_BYTES))?;
        self.cells = cells;
        Ok(())
    }
}

impl<S: Serializer> Loaded for ListStore<S> {
    fn answers(&self, written: &[Identity]) -> Vec<Compatibility> {
        written.iter().map(|by| self.serializer.compatibility(by)).collect()
    }

    fn load(&mut self, written: &[Identity], migrates: bool, mut element: &[u8]) -> Result<(), LoadError> {
        let value = match written {
            [by] if migrates => self.serializer.read_written(by, &mut element)?,
            _ => self.serializer.read(&mut element)?,
        };
        at_end(element)?;
        Ok(self.extend(std::slice::from_ref(&value))?)
    }
}

impl<S: Serializer> Kept for RefCell<ListStore<S>> {
    fn len(&self) -> Result<usize, StateError> {
        Ok(reading(self)?.cells.len())
    }

    fn freeze(&self) -> Result<Box<dyn FrozenState>, StateError> {
        let ListStore { name, mode, serializer, cells, .. } = &*reading(self)?;
        let (name, serializer) = (Arc::clone(name), serializer.clone());
        Ok(Box::new(FrozenList { name, mode: *mode, serializer, cells: cells.freeze() }))
    }
}

struct FrozenList<S: Serializer> {
    name: Arc<str>,
    mode: DistributionMode,
    serializer: S,
    cells: FrozenCells<S>,
}

impl<S: Serializer> FrozenState for FrozenList<S> {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), StateError> {
        writer.begin(&self.name, self.mode, &[self.serializer.identity()])?;
        let mut bytes = Vec::new();
        for cell in self.cells.iter().flat_map(|chunk| &chunk.cells) {
            bytes.clear();
            cell.write(&self.serializer, &mut bytes);
            writer.element(&bytes)?;
        }
        Ok(())
    }
}

/// A list of the operator. Clones are the same list, of the thread that made its backend.
pub struct OperatorListState<S: Serializer> {
    store: Rc<RefCell<ListStore<S>>>,
}

impl<S: Serializer> Clone for OperatorListState<S> {
    fn clone(&self) -> Self {
        Self { store: Rc::clone(&self.store) }
    }
}

impl<S: Serializer> OperatorListState<S> {
    pub(super) fn new(store: Rc<RefCell<ListStore<S>>>) -> Self {
        Self { store }
    }

    /// All elements, in the order they were added; restored ones come first.
    ///
    /// # Errors
    /// None but [`StateError::Usage`]: the list is being written.
    pub fn get(&self) -> Result<Vec<S::Value>, StateError> {
        let mut elements = Vec::new();
        self.for_each(|element| elements.push(element))?;
        Ok(elements)
    }

    /// Shows each element, in the order they were added. The list must not be written meanwhile.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn for_each(&self, mut see: impl FnMut(S::Value)) -> Result<(), StateError> {
        let store = reading(&self.store)?;
        store.cells.iter().for_each(|cell| see(cell.unpack(&store.serializer)));
        Ok(())
    }

    /// How many elements there are.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn len(&self) -> Result<usize, StateError> {
        self.store.len()
    }

    /// Whether there are none.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn is_empty(&self) -> Result<bool, StateError> {
        Ok(self.len()? == 0)
    }

    /// Adds an element at the end.
    ///
    /// # Errors
    /// The budget refuses it, or the list is being iterated. It is then as it was.
    pub fn add(&self, value: &S::Value) -> Result<(), StateError> {
        writing(&self.store)?.extend(std::slice::from_ref(value))
    }

    /// Adds elements at the end: all or none.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn add_all(&self, values: &[S::Value]) -> Result<(), StateError> {
        writing(&self.store)?.extend(values)
    }

    /// Replaces the list. The arena holds both for a moment, as a refusal must leave the old one.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn update(&self, values: &[S::Value]) -> Result<(), StateError> {
        writing(&self.store)?.replace(values)
    }

    /// Removes all elements.
    ///
    /// # Errors
    /// The list is being iterated.
    pub fn clear(&self) -> Result<(), StateError> {
        writing(&self.store)?.replace(&[])
    }
}
