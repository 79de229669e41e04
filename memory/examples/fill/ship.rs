//! A TaskManager of the profile `native`: the derived budget and the physical memory below it.

use std::error::Error;
use std::sync::Arc;

use plimsoll_memory::MemorySize;
use plimsoll_memory::arena::{PoolAllocator, PoolArena};
use plimsoll_memory::budget::{OverheadLoad, Owner, PartKind, Pool, ProcessBudget, Reservation};
use plimsoll_memory::config::Configuration;
use plimsoll_memory::heap;
use plimsoll_memory::model::version::V1_20;
use plimsoll_memory::model::{Silent, taskmanager};
use plimsoll_memory::segment::{LocalBufferPool, ManagedMemory, NetworkBufferPool, network::LocalPoolSize};

/// What holds where the caller says nothing else: a small process without a JVM.
const DEFAULTS: [(&str, &str); 8] = [
    ("taskmanager.memory.process.size", "512m"),
    ("taskmanager.numberOfTaskSlots", "2"),
    ("taskmanager.memory.framework.heap.size", "16m"),
    ("taskmanager.memory.framework.off-heap.size", "16m"),
    ("taskmanager.memory.task.off-heap.size", "16m"),
    ("taskmanager.memory.network.min", "16m"),
    ("taskmanager.memory.jvm-metaspace.size", "16m"),
    ("taskmanager.memory.jvm-overhead.min", "40m"),
];

/// Pages and buffers.
const SEGMENT_BYTES: u64 = 32 << 10;
/// Threads of the fill and of the load, and those of the process itself.
const THREADS: u64 = 16;

pub(crate) struct Ship {
    pub(crate) budget: ProcessBudget,
    /// Where the size of the process comes from.
    pub(crate) source: String,
    /// The general heap: all of the framework's part is its own from the start.
    pub(crate) general_heap: Reservation,
    /// Parts with an arena: task heap, off-heap, and a block cache in each slot.
    pub(crate) arenas: Vec<Bunker>,
    /// The managed pages of each slot, and who holds them.
    pub(crate) slots: Vec<(ManagedMemory, Arc<Owner>)>,
    pub(crate) network: NetworkBufferPool,
    /// Two gates that share the buffers.
    pub(crate) gates: Vec<LocalBufferPool>,
}

/// An arena and the owner that pays for it.
pub(crate) struct Bunker {
    pub(crate) name: String,
    pub(crate) owner: Arc<Owner>,
    pub(crate) memory: PoolAllocator,
}

impl Bunker {
    /// `guaranteed_bytes`: what nobody else gets, however greedy.
    fn new(name: &str, pool: &Pool, cap_bytes: u64, guaranteed_bytes: u64) -> Result<Self, Box<dyn Error>> {
        let owner = pool.owner(name).guaranteed(guaranteed_bytes).register()?;
        let arena = PoolArena::new(name, cap_bytes, Arc::clone(&owner) as _)?;
        Ok(Self { name: name.to_owned(), owner, memory: PoolAllocator::new(arena) })
    }
}

impl Ship {
    /// # Errors
    /// What the model, the budget or the memory refuses, in its own words.
    pub(crate) fn build(options: &[(String, String)]) -> Result<Self, Box<dyn Error>> {
        let mut conf = Configuration::new();
        for (key, value) in DEFAULTS {
            conf.set(key, value, None);
        }
        for (key, value) in options {
            conf.set(key, value.as_str(), None);
        }
        let process = taskmanager::derive(&conf, &V1_20, None, &mut Silent)
            .map_err(|failure| failure.root_message().to_owned())?;
        let slots = process.slots.map_or(1, |read| read.value).max(1).unsigned_abs();
        let budget = ProcessBudget::task_manager(&process, slots, MemorySize::from_bytes(SEGMENT_BYTES))?;

        let framework = budget.pool(PartKind::FrameworkHeap);
        let general = framework.owner("general heap").register()?;
        let general_heap = general.try_reserve_shared(framework.limit_bytes())?;
        heap::set_limit(Some(general_heap.bytes()));

        let mut arenas = Vec::new();
        for part in [PartKind::TaskHeap, PartKind::FrameworkOffHeap, PartKind::TaskOffHeap] {
            let pool = budget.pool(part);
            arenas.push(Bunker::new(part.name(), pool, pool.limit_bytes(), 0)?);
        }
        let mut managed = Vec::new();
        for slot in budget.slots() {
            let name = format!("block cache {}", slot.index);
            let share_bytes = slot.managed.limit_bytes() / 2;
            arenas.push(Bunker::new(&name, &slot.managed, share_bytes, share_bytes / 2)?);
            let pages = ManagedMemory::new(&slot.managed, SEGMENT_BYTES, 64)?;
            managed.push((pages, slot.managed.owner("sort buffers").register()?));
        }
        let network = budget.pool(PartKind::Network);
        let buffers = NetworkBufferPool::new(
            &network.owner("buffers").register()?,
            SEGMENT_BYTES,
            network.limit_bytes(),
        )?;
        let size = LocalPoolSize { required: 8, max: u32::MAX, overdraft_max: 0 };
        let gates = [buffers.create_local("gate in", size)?, buffers.create_local("gate out", size)?];

        let ship = Self {
            source: "taskmanager.memory.process.size".to_owned(),
            general_heap,
            arenas,
            slots: managed,
            network: buffers,
            gates: gates.into(),
            budget,
        };
        if ship.overhead().bytes() > ship.overhead_bytes() {
            return Err(format!(
                "the overhead of {} bytes is less than the {} bytes that it must hold: raise taskmanager.memory.jvm-overhead.min",
                ship.overhead_bytes(),
                ship.overhead().bytes()
            )
            .into());
        }
        Ok(ship)
    }

    /// The overhead in the plan, with the image: a Rust program's code is in pages that the kernel may drop.
    pub(crate) fn overhead_bytes(&self) -> u64 {
        self.budget.pool(PartKind::Overhead).limit_bytes() + self.budget.pool(PartKind::Image).limit_bytes()
    }

    /// What the overhead must hold.
    pub(crate) fn overhead(&self) -> OverheadLoad {
        OverheadLoad {
            threads_count: THREADS,
            arenas_count: self.arenas.len() as u64,
            heap_bytes: self.general_heap.bytes(),
            process_bytes: self.budget.total_bytes(),
        }
    }
}
