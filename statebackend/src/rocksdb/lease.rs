//! Where the memory of a slot's databases comes from: managed memory, bytes beside it, bytes of the whole process.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use plimsoll_memory::budget::Owner;
use plimsoll_memory::segment::ManagedMemory;
use plimsoll_memory::segment::managed::{Lease, SharedError};

use super::settings::{MemoryScope, share};
use super::{RocksDbSettings, SlotMemory};
use crate::StateError;

/// The keys under which Flink shares the memory of a slot.
const MANAGED_KEY: &str = "state-rocks-managed-memory";
const FIXED_SLOT_KEY: &str = "state-rocks-fixed-slot-memory";

/// Where memory may come from. The settings choose.
#[derive(Debug, Clone, Copy)]
pub struct MemorySource<'a> {
    /// The slot's managed memory.
    pub managed: &'a ManagedMemory,
    /// The share of it for state backends, by the weights of its consumers.
    pub fraction: f64,
    /// Who pays for `fixed-per-slot`, which is not managed memory; without it nobody does.
    pub fixed: Option<&'a Arc<Owner>>,
    /// What all slots share, for `fixed-per-tm`.
    pub process: &'a ProcessMemory,
}

/// A slot's memory, as long as somebody holds a lease of it. Keep it until the databases are closed.
#[derive(Debug)]
pub enum MemoryLease {
    /// Shared by the slot.
    Slot(Lease<SlotMemory>),
    /// Shared by the process.
    Process(Arc<SlotMemory>),
}

impl Deref for MemoryLease {
    type Target = SlotMemory;

    fn deref(&self) -> &SlotMemory {
        match self {
            Self::Slot(lease) => lease,
            Self::Process(memory) => memory,
        }
    }
}

/// The memory that all slots of a process share under `fixed-per-tm`: one of these in a process. Made when first asked
/// for, ended with its last lease.
#[derive(Debug, Default)]
pub struct ProcessMemory {
    shared: Mutex<Weak<SlotMemory>>,
    owner: Option<Arc<Owner>>,
}

impl ProcessMemory {
    /// One whose bytes an owner pays for, outside of managed memory.
    pub fn paid_by(owner: Arc<Owner>) -> Self {
        Self { shared: Mutex::default(), owner: Some(owner) }
    }

    fn lease(&self, bytes: u64, settings: &RocksDbSettings) -> Result<Arc<SlotMemory>, StateError> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(memory) = shared.upgrade() {
            return Ok(memory);
        }
        let memory = Arc::new(outside(bytes, settings, self.owner.as_ref())?);
        *shared = Arc::downgrade(&memory);
        Ok(memory)
    }
}

/// Memory beside managed memory.
fn outside(
    bytes: u64,
    settings: &RocksDbSettings,
    owner: Option<&Arc<Owner>>,
) -> Result<SlotMemory, StateError> {
    let refused =
        |refusal| StateError::Refused { what: format!("{bytes} bytes that RocksDB shares"), refusal };
    let charge = owner.map(|owner| owner.try_reserve_shared(bytes)).transpose().map_err(refused)?;
    SlotMemory::charged(bytes, settings, charge)
}

impl MemorySource<'_> {
    /// The managed bytes of the slot's state backends, of which hot entries get a part
    /// ([`RocksDbSettings::split`]).
    pub fn managed_bytes(&self) -> u64 {
        share(self.managed.pool().limit_bytes(), self.fraction)
    }

    /// The memory for a database of the slot: made for the first, shared with the others. `None` where the settings
    /// share nothing.
    ///
    /// # Errors
    /// The budget lacks the bytes; too few for a cache.
    pub fn lease(&self, settings: &RocksDbSettings) -> Result<Option<MemoryLease>, StateError> {
        match settings.memory.scope {
            MemoryScope::FixedPerSlot(bytes) => {
                let make = |_: &Arc<Owner>| outside(bytes, settings, self.fixed);
                self.slot(FIXED_SLOT_KEY, 0, make).map(Some)
            }
            MemoryScope::Managed => {
                let (bytes, _) = settings.split(self.managed_bytes());
                self.slot(MANAGED_KEY, bytes, |_: &Arc<Owner>| SlotMemory::new(bytes, settings)).map(Some)
            }
            MemoryScope::FixedPerTaskManager(bytes) => {
                Ok(Some(MemoryLease::Process(self.process.lease(bytes, settings)?)))
            }
            MemoryScope::Unshared => Ok(None),
        }
    }

    fn slot(
        &self,
        key: &str,
        bytes: u64,
        make: impl FnOnce(&Arc<Owner>) -> Result<SlotMemory, StateError>,
    ) -> Result<MemoryLease, StateError> {
        let lease = self.managed.shared(key, bytes, make).map_err(|error| match error {
            SharedError::Refused(refusal) => StateError::Refused {
                what: format!(
                    "the {bytes} bytes of the slot's managed memory that its RocksDB databases share"
                ),
                refusal,
            },
            SharedError::Init(error) => error,
            other => StateError::Usage(other.to_string()),
        })?;
        Ok(MemoryLease::Slot(lease))
    }
}
