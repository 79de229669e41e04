//! The states of an operator's subtask by name.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use plimsoll_memory::budget::Owner;

use super::broadcast::{BroadcastState, BroadcastStore};
use super::kept::Kept;
use super::list::{ListStore, OperatorListState};
use super::restored::{Asked, Waiting};
use super::{DistributionMode, OperatorStateHandle};
use crate::StateError;
use crate::heap::HeapMemory;
use crate::serializer::{Identity, KeySerializer, Serializer};
use crate::snapshot::storage::CheckpointStorage;

/// What an [`OperatorBackend`] is made of.
#[derive(Debug)]
pub struct OperatorSettings {
    /// Names its files: the operator's uid and the subtask, unique in a job.
    pub name: String,
    /// Names what this run of the job uploads: another for each attempt, so that no two meet.
    pub attempt: String,
    /// Where states are kept.
    pub memory: HeapMemory,
    /// Where snapshots are that are restored.
    pub storage: Option<CheckpointStorage>,
    /// Who pays for the buffers of a restore; `None`: they are bounded, but nobody's.
    pub restore_owner: Option<Arc<Owner>>,
}

pub(super) struct State {
    name: String,
    mode: DistributionMode,
    /// Who writes its elements.
    parts: Vec<Identity>,
    pub(super) kept: Rc<dyn Kept>,
    typed: Rc<dyn Any>,
}

/// The operator state of one subtask.
///
/// It belongs to the thread that made it, and so do its states. The asynchronous part of a snapshot may go anywhere.
pub struct OperatorBackend {
    pub(super) name: String,
    pub(super) attempt: String,
    memory: HeapMemory,
    pub(super) states: Vec<State>,
    pub(super) waiting: Waiting,
}

impl OperatorBackend {
    /// A backend, with what is restored: the handles that [`repartition`](super::repartition()) gives to this subtask.
    ///
    /// # Errors
    /// A file is damaged, is not there or cannot be read; the list of its states is.
    pub fn open(settings: OperatorSettings, restore: &[OperatorStateHandle]) -> Result<Self, StateError> {
        let OperatorSettings { name, attempt, memory, storage, restore_owner } = settings;
        let waiting = Waiting::open(restore, storage.as_ref(), restore_owner.as_ref())?;
        Ok(Self { name, attempt, memory, states: Vec::new(), waiting })
    }

    /// Whether there is nothing to be kept: no state, and none that is carried over. Then a task may do without a
    /// snapshot.
    pub fn is_empty(&self) -> bool {
        self.states.is_empty() && self.waiting.is_empty()
    }

    /// Elements or entries of a state; `None` where nobody has asked for it. Lists and broadcast state have names of
    /// their own, so the mode is a part of the question.
    ///
    /// # Errors
    /// The state is being written.
    pub fn elements(&self, name: &str, mode: DistributionMode) -> Result<Option<usize>, StateError> {
        let state = self.states.iter().find(|state| state.name == name && state.mode == mode);
        state.map_or(Ok(None), |state| state.kept.len().map(Some))
    }

    /// A list whose elements are split over the subtasks at a restore; the same list for the same name.
    ///
    /// # Errors
    /// The name is taken by a list of another kind; what was restored is of another kind, is damaged, or does not fit
    /// into memory. The backend is then as it was, and the list may be asked for again.
    pub fn list_state<S: Serializer>(
        &mut self,
        name: &str,
        serializer: S,
    ) -> Result<OperatorListState<S>, StateError> {
        self.list(name, DistributionMode::Split, serializer)
    }

    /// A list of which every subtask gets all elements of all subtasks at a restore; the same list for the same name.
    ///
    /// # Errors
    /// As [`list_state`](Self::list_state).
    pub fn union_list_state<S: Serializer>(
        &mut self,
        name: &str,
        serializer: S,
    ) -> Result<OperatorListState<S>, StateError> {
        self.list(name, DistributionMode::Union, serializer)
    }

    /// A map that every subtask holds a copy of; the same map for the same name.
    ///
    /// # Errors
    /// As [`list_state`](Self::list_state), among broadcast states.
    pub fn broadcast_state<U: KeySerializer, S: Serializer>(
        &mut self,
        name: &str,
        key: U,
        value: S,
    ) -> Result<BroadcastState<U, S>, StateError> {
        let parts = vec![key.identity(), value.identity()];
        let asked = Asked { name, mode: DistributionMode::Broadcast, parts };
        if let Some(known) = self.known(&asked)? {
            return Ok(BroadcastState::new(known));
        }
        let mut store = BroadcastStore::new(name, key, value, &self.memory);
        for part in self.waiting.find(&asked)? {
            part.load(&mut store)?;
        }
        Ok(BroadcastState::new(self.register(asked, store)))
    }

    fn list<S: Serializer>(
        &mut self,
        name: &str,
        mode: DistributionMode,
        serializer: S,
    ) -> Result<OperatorListState<S>, StateError> {
        let asked = Asked { name, mode, parts: vec![serializer.identity()] };
        if let Some(known) = self.known(&asked)? {
            return Ok(OperatorListState::new(known));
        }
        let mut store = ListStore::new(name, mode, serializer, &self.memory);
        for part in self.waiting.find(&asked)? {
            part.load(&mut store)?;
        }
        Ok(OperatorListState::new(self.register(asked, store)))
    }

    /// The state of a name that is in use.
    fn known<T: 'static>(&self, asked: &Asked<'_>) -> Result<Option<Rc<RefCell<T>>>, StateError> {
        let is_map = |mode| mode == DistributionMode::Broadcast;
        let same = |state: &&State| state.name == asked.name && is_map(state.mode) == is_map(asked.mode);
        let Some(state) = self.states.iter().find(same) else { return Ok(None) };
        if state.mode == asked.mode
            && state.parts == asked.parts
            && let Ok(typed) = Rc::clone(&state.typed).downcast()
        {
            return Ok(Some(typed));
        }
        Err(StateError::Usage(format!(
            "state \"{}\" is in use as {}, and is asked for as {}: give one of the two another name",
            asked.name,
            text(state.mode, &state.parts),
            text(asked.mode, &asked.parts)
        )))
    }

    fn register<T: 'static>(&mut self, asked: Asked<'_>, store: T) -> Rc<RefCell<T>>
    where
        RefCell<T>: Kept,
    {
        self.waiting.done(asked.name, asked.mode);
        let store = Rc::new(RefCell::new(store));
        self.states.push(State {
            name: asked.name.to_owned(),
            mode: asked.mode,
            parts: asked.parts,
            kept: Rc::clone(&store) as _,
            typed: Rc::clone(&store) as _,
        });
        store
    }
}

fn text(mode: DistributionMode, parts: &[Identity]) -> String {
    let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
    format!("{mode} of {}", parts.join(" and "))
}
