//! State that rides in the acknowledgement of a checkpoint, and the three limits on it.
//!
//! | limit | Flink's | option |
//! |---|---|---|
//! | one handle | 5 MiB | the argument `maxStateSize` of Flink's in-memory storage |
//! | one acknowledgement | 10 MiB | `pekko.framesize` |
//! | all that the JobManager retains | its heap | `jobmanager.memory.heap.size` |
//!
//! Each is checked before the bytes are allocated.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use plimsoll_memory::budget::{Owner, Reservation};

use crate::StateError;

/// Flink's limit of one handle.
pub const STATE_LIMIT_BYTES: u64 = 5 << 20;

/// Flink's `pekko.framesize`.
pub const FRAME_LIMIT_BYTES: u64 = 10 << 20;

/// What may be in an acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcknowledgeLimits {
    /// The most bytes of one handle.
    pub state_bytes: u64,
    /// The most bytes of the whole message.
    pub frame_bytes: u64,
}

impl Default for AcknowledgeLimits {
    fn default() -> Self {
        Self { state_bytes: STATE_LIMIT_BYTES, frame_bytes: FRAME_LIMIT_BYTES }
    }
}

/// The acknowledgement of one task for one checkpoint, while its handles are written.
#[derive(Debug)]
pub struct Frame {
    limits: AcknowledgeLimits,
    used: AtomicU64,
    jobmanager: Option<Arc<Owner>>,
}

impl Frame {
    /// An empty one. `jobmanager` is charged for its bytes: the owner of retained checkpoints in the
    /// JobManager's heap pool. `None` where the JobManager is another process, which then charges them
    /// itself.
    pub fn new(limits: AcknowledgeLimits, jobmanager: Option<Arc<Owner>>) -> Arc<Self> {
        Arc::new(Self { limits, used: AtomicU64::new(0), jobmanager })
    }

    /// Its limits.
    pub fn limits(&self) -> AcknowledgeLimits {
        self.limits
    }

    /// The bytes in it, handles that are still being written included.
    pub fn bytes(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Room for the bytes of one handle.
    pub(super) fn piece(self: &Arc<Self>, what: &str) -> Piece {
        Piece { frame: Arc::clone(self), what: what.to_owned(), bytes: 0, held: None, kept: false }
    }
}

/// The room of one handle in the acknowledgement: given back where the handle is not finished.
pub(super) struct Piece {
    frame: Arc<Frame>,
    what: String,
    bytes: u64,
    held: Option<Reservation>,
    kept: bool,
}

impl Piece {
    /// How much more this handle may hold.
    pub(super) fn limit_bytes(&self) -> u64 {
        self.frame.limits.state_bytes
    }

    /// Room for so many bytes in all.
    pub(super) fn admit(&mut self, bytes: u64) -> Result<(), StateError> {
        let AcknowledgeLimits { state_bytes, frame_bytes } = self.frame.limits;
        if bytes > state_bytes {
            return Err(StateError::Acknowledgement {
                what: self.what.clone(),
                text: format!(
                    "Size of the state is larger than the maximum permitted memory-backed state. \
                     Size={bytes}, maxSize={state_bytes}. Consider using a different checkpoint storage, \
                     like the FileSystemCheckpointStorage."
                ),
            });
        }
        let more = bytes.saturating_sub(self.bytes);
        let before = self.frame.used.fetch_add(more, Ordering::Relaxed);
        if before + more > frame_bytes {
            self.frame.used.fetch_sub(more, Ordering::Relaxed);
            let size = before + more;
            return Err(StateError::Acknowledgement {
                what: self.what.clone(),
                text: format!(
                    "The rpc invocation size {size} exceeds the maximum pekko framesize of {frame_bytes} \
                     bytes: raise pekko.framesize, or keep checkpoints in files \
                     (state.checkpoint-storage: filesystem)"
                ),
            });
        }
        self.bytes += more;
        Ok(())
    }

    /// Charges the JobManager for a buffer of so many bytes, before it is allocated. A buffer that it
    /// replaces stays charged until [`settle`](Self::settle).
    pub(super) fn charge(&mut self, capacity: u64) -> Result<(), StateError> {
        let Some(owner) = &self.frame.jobmanager else { return Ok(()) };
        let charged = match &mut self.held {
            Some(held) => held.try_grow(capacity),
            None => owner.try_reserve_shared(capacity).map(|held| self.held = Some(held)),
        };
        charged.map_err(|refusal| StateError::Refused {
            what: format!("{} in the JobManager's heap", self.what),
            refusal,
        })
    }

    /// Charges for this buffer alone, which is smaller than what was charged.
    pub(super) fn settle(&mut self, capacity: u64) {
        if let Some(held) = &mut self.held {
            held.shrink(held.bytes().saturating_sub(capacity));
        }
    }

    /// The handle is finished: its bytes stay in the acknowledgement. What the JobManager holds for it.
    pub(super) fn keep(mut self) -> Option<Reservation> {
        self.kept = true;
        self.held.take()
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        if !self.kept {
            self.frame.used.fetch_sub(self.bytes, Ordering::Relaxed);
        }
    }
}
