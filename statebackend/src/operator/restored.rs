//! What was restored and not asked for yet.
//!
//! A state needs its serializers, and a program names those when it asks for it. Until then the files are kept open;
//! what is never asked for is carried over into the next snapshot, byte for byte.

use std::sync::Arc;

use plimsoll_memory::budget::Owner;

use super::kept::Loaded;
use super::reader::Reader;
use super::writer::Writer;
use super::{DistributionMode, OperatorStateHandle, OperatorStatePart};
use crate::StateError;
use crate::backend::restored::source;
use crate::serializer::{Compatibility, Identity};
use crate::snapshot::storage::CheckpointStorage;

/// Elements of one state in one file.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) reader: Arc<Reader>,
    pub(super) part: Arc<OperatorStatePart>,
}

/// Parts that wait to be asked for.
#[derive(Default)]
pub(super) struct Waiting {
    parts: Vec<Part>,
    /// All that was restored, asked for or not.
    restored: Vec<(String, DistributionMode)>,
}

/// What a program asks for.
pub(super) struct Asked<'a> {
    pub(super) name: &'a str,
    pub(super) mode: DistributionMode,
    pub(super) parts: Vec<Identity>,
}

impl Waiting {
    /// Opens the files of handles.
    pub(super) fn open(
        handles: &[OperatorStateHandle],
        storage: Option<&CheckpointStorage>,
        budget: Option<&Arc<Owner>>,
    ) -> Result<Self, StateError> {
        let mut waiting = Self::default();
        for handle in handles.iter().filter(|handle| !handle.states.is_empty()) {
            let (source, place) = source(&handle.place, handle.bytes, storage)?;
            let reader = Arc::new(Reader::open(source, place, budget.cloned())?);
            for part in &handle.states {
                let OperatorStatePart { name, mode, .. } = part;
                if !reader.sections().iter().any(|section| section.name == *name && section.mode == *mode) {
                    let what = format!("its handle names {mode} \"{name}\", which it does not have");
                    return Err(StateError::corrupt(reader.place(), what));
                }
                if !waiting.restored.iter().any(|(known, as_mode)| known == name && as_mode == mode) {
                    waiting.restored.push((name.clone(), *mode));
                }
                waiting.parts.push(Part { reader: Arc::clone(&reader), part: Arc::new(part.clone()) });
            }
        }
        Ok(waiting)
    }

    /// What was restored under a name, to be read by what a program asks for.
    pub(super) fn find(&self, asked: &Asked<'_>) -> Result<Vec<Part>, StateError> {
        let modes = |mode: DistributionMode| {
            self.restored.iter().any(|(name, restored)| name == asked.name && *restored == mode)
        };
        let other = [DistributionMode::Split, DistributionMode::Union, DistributionMode::Broadcast]
            .into_iter()
            .find(|mode| modes(*mode));
        if let Some(other) = other
            && !modes(asked.mode)
        {
            return Err(StateError::Incompatible {
                state: asked.name.to_owned(),
                why: format!(
                    "it was {other}, and is asked for as {}: ask for it as it was, or give the new one another name",
                    asked.mode
                ),
            });
        }
        let is = |part: &&Part| part.part.name == asked.name && part.part.mode == asked.mode;
        Ok(self.parts.iter().filter(is).cloned().collect())
    }

    /// A state is loaded. Files that nobody waits for are closed.
    pub(super) fn done(&mut self, name: &str, mode: DistributionMode) {
        self.parts.retain(|part| part.part.name != name || part.part.mode != mode);
    }

    /// The states that nobody has asked for, each with all of its parts.
    pub(super) fn carried(&self) -> Vec<Part> {
        self.parts.clone()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }
}

impl Part {
    /// Gives each element to a state, once its serializers have agreed to who wrote it.
    pub(super) fn load(&self, state: &mut impl Loaded) -> Result<(), StateError> {
        let OperatorStatePart { name, mode, offsets } = &*self.part;
        let sections = self.reader.sections();
        let mut migrates = vec![false; sections.len()];
        for (number, section) in sections.iter().enumerate() {
            if section.name != *name || section.mode != *mode {
                continue;
            }
            for answer in state.answers(&section.parts) {
                match answer {
                    Compatibility::AsIs => {}
                    Compatibility::Migrate => migrates[number] = true,
                    Compatibility::Incompatible(why) => {
                        return Err(StateError::Incompatible { state: name.clone(), why });
                    }
                }
            }
        }
        self.reader.elements(name, *mode, offsets, &mut |number, offset, bytes| {
            state.load(&sections[number].parts, migrates[number], bytes).map_err(|error| match error {
                LoadError::State(error) => error,
                LoadError::Read(why) => StateError::corrupt(
                    self.reader.place(),
                    format!("the element of state \"{name}\" at offset {offset}: {why}"),
                ),
            })
        })
    }

    /// Writes the elements into another file as they stand.
    pub(super) fn carry(&self, writer: &mut Writer<'_>) -> Result<(), StateError> {
        let OperatorStatePart { name, mode, offsets } = &*self.part;
        let sections = self.reader.sections();
        let first = sections.iter().position(|section| section.name == *name && section.mode == *mode);
        let mut open = first.expect("it was looked for when the file was opened");
        writer.begin(name, *mode, &sections[open].parts)?;
        self.reader.elements(name, *mode, offsets, &mut |number, _, bytes| {
            if number != open {
                open = number;
                writer.begin(name, *mode, &sections[number].parts)?;
            }
            writer.element(bytes)
        })
    }
}

/// Why an element cannot be loaded.
pub(super) enum LoadError {
    /// Its serializer cannot read it.
    Read(String),
    State(StateError),
}

impl From<StateError> for LoadError {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

impl From<crate::serializer::ReadError> for LoadError {
    fn from(error: crate::serializer::ReadError) -> Self {
        Self::Read(error.to_string())
    }
}

/// All of an element was read.
pub(super) fn at_end(rest: &[u8]) -> Result<(), LoadError> {
    if rest.is_empty() { Ok(()) } else { Err(LoadError::Read(format!("{} bytes are left over", rest.len()))) }
}
