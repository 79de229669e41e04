//! Snapshots of operator state: a short synchronous part on the task's thread, the rest on any thread.

use std::time::Duration;

use plimsoll_memory::budget::Reservation;

use super::OperatorStateHandle;
use super::backend::OperatorBackend;
use super::kept::FrozenState;
use super::restored::Part;
use super::writer::Writer;
use crate::StateError;
use crate::backend::SnapshotRequest;
use crate::snapshot::SnapshotTarget;

/// What a snapshot of operator state came to.
#[derive(Debug)]
pub struct OperatorSnapshotResult {
    /// Where the state is.
    pub handle: OperatorStateHandle,
    /// How long the task stood still.
    pub sync: Duration,
    /// How long the rest took.
    pub rest: Duration,
    /// What the JobManager is charged for state in the acknowledgement, as long as it is retained.
    pub held: Option<Reservation>,
}

/// The rest of a snapshot, for any thread. Dropped, it is as if it had never been asked for.
pub struct PendingOperatorSnapshot {
    sync: Duration,
    clock: fn() -> Duration,
    what: String,
    path: String,
    target: SnapshotTarget,
    frozen: Vec<Box<dyn FrozenState>>,
    carried: Vec<Part>,
}

impl OperatorBackend {
    /// Begins a snapshot: takes pointers to all states, and copies nothing. The request is the one that the keyed state
    /// of a task gets; `kind` says nothing here, as operator state is always written whole.
    ///
    /// # Errors
    /// The state is being written; files are asked for without a directory.
    pub fn snapshot(&mut self, request: &SnapshotRequest) -> Result<PendingOperatorSnapshot, StateError> {
        let SnapshotRequest { checkpoint, target, directory, clock, .. } = request;
        let begun = clock();
        if matches!(target, SnapshotTarget::Files { .. }) && directory.is_none() {
            return Err(StateError::Usage("a snapshot into files needs a checkpoint directory".to_owned()));
        }
        let path = directory.as_ref().map_or_else(String::new, |directory| {
            format!("{}/{}-{}.operator", directory.exclusive(*checkpoint), self.name, self.attempt)
        });
        let frozen: Result<Vec<_>, _> = self.states.iter().map(|state| state.kept.freeze()).collect();
        Ok(PendingOperatorSnapshot {
            frozen: frozen?,
            carried: self.waiting.carried(),
            what: format!("operator state of {}", self.name),
            path,
            target: target.clone(),
            sync: clock().saturating_sub(begun),
            clock: *clock,
        })
    }
}

impl PendingOperatorSnapshot {
    /// How long the task stood still.
    pub fn sync(&self) -> Duration {
        self.sync
    }

    /// Writes the snapshot, and makes it visible as a whole.
    ///
    /// # Errors
    /// A limit, the budget or the storage; a state that is carried over is damaged. Nothing visible is left behind, and
    /// the state lives on.
    pub fn run(self) -> Result<OperatorSnapshotResult, StateError> {
        let begun = (self.clock)();
        let mut sink = self.target.sink(&self.what, &self.path);
        let mut writer = Writer::new(&mut sink)?;
        for state in &self.frozen {
            state.write(&mut writer)?;
        }
        for part in &self.carried {
            part.carry(&mut writer)?;
        }
        let states = writer.finish()?;
        let finished = sink.finish()?;
        let handle =
            OperatorStateHandle { place: finished.place, bytes: finished.bytes, crc: finished.crc, states };
        let rest = (self.clock)().saturating_sub(begun);
        Ok(OperatorSnapshotResult { handle, sync: self.sync, rest, held: finished.held })
    }
}
