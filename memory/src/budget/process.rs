//! The budget of a whole process, out of what the model derived for it: profile `native`.
//!
//! The same options and the same arithmetic as for a JVM; what differs is what a part means. The JVM heap is the Rust
//! heap, direct memory is memory outside of it, the metaspace is the program's image (code, constants, statics), and
//! the overhead is what remains: thread stacks, the allocator's own bytes and slack, page tables, RocksDB's uncharged
//! rest.

use super::error::{BudgetError, Leaks};
use super::pool::Pool;
use crate::MemorySize;
use crate::config::KnownKey;
use crate::model::{JobManager, TaskManager};
use crate::report::PoolUsage;

/// A part of a process that has a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartKind {
    /// The heap: of a TaskManager the sum of the two below.
    Heap,
    /// What the engine itself allocates.
    FrameworkHeap,
    /// What tasks allocate, heap state included.
    TaskHeap,
    /// Memory outside of the heap: of a TaskManager the sum of the two below.
    OffHeap,
    /// The engine's.
    FrameworkOffHeap,
    /// The tasks'.
    TaskOffHeap,
    /// Network buffers.
    Network,
    /// State backends, sorting, caches.
    Managed,
    /// The program itself.
    Image,
    /// Thread stacks, the allocator's own, page tables, what nobody reserves.
    Overhead,
}

/// The pools of a process.
#[derive(Debug, Clone)]
pub struct ProcessBudget {
    total_bytes: u64,
    parts: Vec<(PartKind, Pool)>,
    slots: Vec<SlotBudget>,
}

/// A slot: its equal share of managed and network memory.
#[derive(Debug, Clone)]
pub struct SlotBudget {
    /// Its number, from 0.
    pub index: u32,
    /// Its managed memory.
    pub managed: Pool,
    /// Its network memory. As in Flink this is a claim on the shared buffers, not a set of buffers.
    pub network: Pool,
}

impl SlotBudget {
    /// A level for an operator below the slot's managed memory.
    ///
    /// # Errors
    /// A limit of 0 bytes, or above the slot's.
    pub fn operator(&self, name: &str, limit_bytes: u64) -> Result<Pool, BudgetError> {
        self.managed.child(name, limit_bytes)
    }
}

impl PartKind {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Heap => "heap",
            Self::FrameworkHeap => "framework heap",
            Self::TaskHeap => "task heap",
            Self::OffHeap => "off-heap",
            Self::FrameworkOffHeap => "framework off-heap",
            Self::TaskOffHeap => "task off-heap",
            Self::Network => "network",
            Self::Managed => "managed",
            Self::Image => "image",
            Self::Overhead => "overhead",
        }
    }
}

impl ProcessBudget {
    /// The budget of a TaskManager with so many slots (`taskmanager.numberOfTaskSlots`); pages and buffers have
    /// `segment` bytes (`taskmanager.memory.segment-size`).
    ///
    /// What does not divide by the number of slots stays with the pool and belongs to no slot.
    ///
    /// # Errors
    /// No slots, slots whose share is less than one page, or parts that do not add up to the process.
    pub fn task_manager(process: &TaskManager, slots: u32, segment: MemorySize) -> Result<Self, BudgetError> {
        let heap = process.framework_heap.size.bytes().saturating_add(process.task_heap.size.bytes());
        let off_heap =
            process.framework_off_heap.size.bytes().saturating_add(process.task_off_heap.size.bytes());
        let (network, managed) = (process.network.size.bytes(), process.managed.size.bytes());
        let mut budget = Self::of_parts(
            process.total_process().bytes(),
            &[
                (PartKind::Heap, heap, KnownKey::TmTaskHeap),
                (PartKind::OffHeap, off_heap, KnownKey::TmTaskOffHeap),
                (PartKind::Network, network, KnownKey::TmNetworkMax),
                (PartKind::Managed, managed, KnownKey::TmManagedSize),
                (PartKind::Image, process.metaspace.size.bytes(), KnownKey::TmMetaspace),
                (PartKind::Overhead, process.overhead.size.bytes(), KnownKey::TmOverheadMax),
            ],
        )?;
        for (whole, part, size, key) in [
            (PartKind::Heap, PartKind::FrameworkHeap, process.framework_heap.size, KnownKey::TmFrameworkHeap),
            (PartKind::Heap, PartKind::TaskHeap, process.task_heap.size, KnownKey::TmTaskHeap),
            (
                PartKind::OffHeap,
                PartKind::FrameworkOffHeap,
                process.framework_off_heap.size,
                KnownKey::TmFrameworkOffHeap,
            ),
            (PartKind::OffHeap, PartKind::TaskOffHeap, process.task_off_heap.size, KnownKey::TmTaskOffHeap),
        ] {
            let level = budget.pool(whole).level(part.name(), size.bytes(), Some(key.as_str()));
            budget.parts.push((part, level));
        }
        for (part, key) in
            [(PartKind::Managed, KnownKey::TmManagedSize), (PartKind::Network, KnownKey::TmNetworkMax)]
        {
            check_slots(part, key, budget.pool(part).limit_bytes(), slots, segment)?;
        }
        let share = |pool: &Pool, index| {
            pool.level(&format!("slot {index}"), pool.limit_bytes() / u64::from(slots.max(1)), None)
        };
        budget.slots = (0..slots)
            .map(|index| SlotBudget {
                index,
                managed: share(budget.pool(PartKind::Managed), index),
                network: share(budget.pool(PartKind::Network), index),
            })
            .collect();
        Ok(budget)
    }

    /// The budget of a JobManager.
    ///
    /// # Errors
    /// Parts that do not add up to the process.
    pub fn job_manager(process: &JobManager) -> Result<Self, BudgetError> {
        Self::of_parts(
            process.total_process().bytes(),
            &[
                (PartKind::Heap, process.heap.size.bytes(), KnownKey::JmHeap),
                (PartKind::OffHeap, process.off_heap.size.bytes(), KnownKey::JmOffHeap),
                (PartKind::Image, process.metaspace.size.bytes(), KnownKey::JmMetaspace),
                (PartKind::Overhead, process.overhead.size.bytes(), KnownKey::JmOverheadMax),
            ],
        )
    }

    fn of_parts(total_bytes: u64, parts: &[(PartKind, u64, KnownKey)]) -> Result<Self, BudgetError> {
        let sum = parts.iter().try_fold(0_u64, |sum, (_, bytes, _)| sum.checked_add(*bytes));
        if sum != Some(total_bytes) {
            let parts = parts.iter().map(|(kind, bytes, _)| (kind.name(), *bytes)).collect();
            return Err(BudgetError::Sum { parts, total_bytes });
        }
        let pool = |(kind, bytes, key): &(PartKind, u64, KnownKey)| {
            (*kind, Pool::of_part(kind.name(), *bytes, Some(key.as_str())))
        };
        Ok(Self { total_bytes, parts: parts.iter().map(pool).collect(), slots: Vec::new() })
    }

    /// The size of the process: what the kernel may be told.
    pub const fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// The pool of a part; one of size 0 refuses everything.
    ///
    /// # Panics
    /// A part that this process does not have: a JobManager has no network and no managed memory, and its heap is one.
    pub fn pool(&self, kind: PartKind) -> &Pool {
        let found = self.parts.iter().find(|(part, _)| *part == kind);
        found.map(|(_, pool)| pool).expect("a part of this kind of process")
    }

    /// The slots; a JobManager has none.
    pub fn slots(&self) -> &[SlotBudget] {
        &self.slots
    }

    /// What all pools hold, each from its top level.
    pub fn usage(&self) -> Vec<PoolUsage> {
        self.tops().map(Pool::usage).collect()
    }

    /// That nobody holds anything: for the end of the process.
    ///
    /// # Errors
    /// Who holds how much.
    pub fn verify_empty(&self) -> Result<(), Leaks> {
        let found = self.tops().filter_map(|pool| pool.verify_empty().err());
        let mut leaks: Vec<_> = found.flat_map(|found| found.leaks).collect();
        leaks.sort_by_key(|leak| std::cmp::Reverse(leak.bytes));
        if leaks.is_empty() { Ok(()) } else { Err(Leaks { leaks }) }
    }

    fn tops(&self) -> impl Iterator<Item = &Pool> {
        self.parts.iter().map(|(_, pool)| pool).filter(|pool| pool.id() == 0)
    }
}

/// Each slot needs at least one page, unless the part is switched off altogether.
fn check_slots(
    part: PartKind,
    key: KnownKey,
    limit_bytes: u64,
    slots: u32,
    segment: MemorySize,
) -> Result<(), BudgetError> {
    if slots == 0 {
        return Err(BudgetError::NoSlots);
    }
    if limit_bytes > 0 && limit_bytes / u64::from(slots) < segment.bytes().max(1) {
        return Err(BudgetError::Slots {
            pool: part.name(),
            key: key.as_str(),
            limit_bytes,
            slots,
            page_bytes: segment.bytes(),
        });
    }
    Ok(())
}
