//! The text of a refusal, word for word.

use std::sync::{Arc, Mutex};

use plimsoll_memory::MemorySize;
use plimsoll_memory::budget::{PartKind, Pool, ProcessBudget, Stage};
use plimsoll_memory::config::Configuration;
use plimsoll_memory::model::version::V1_20;
use plimsoll_memory::model::{Silent, taskmanager};

use crate::{Giving, MIB};

fn budget() -> ProcessBudget {
    let mut conf = Configuration::new();
    conf.set("taskmanager.memory.process.size", "1728m", None);
    conf.set("taskmanager.memory.managed.size", "128m", None);
    conf.set("taskmanager.numberOfTaskSlots", "2", None);
    let process = taskmanager::derive(&conf, &V1_20, None, &mut Silent).unwrap();
    ProcessBudget::task_manager(&process, 2, MemorySize::from_bytes(32 << 10)).unwrap()
}

#[test]
fn a_full_slot_says_who_holds_it_what_was_tried_and_what_helps() {
    let budget = budget();
    let slot = &budget.slots()[0];
    let join = slot.operator("join", 40 * MIB).unwrap();
    let journal: Arc<Mutex<Vec<String>>> = Arc::default();
    let rows = Giving::new(&join, "row cache", Stage::Cache, 20 * MIB, &journal);
    (0..24).for_each(|_| rows.hold(MIB));
    let blocks = slot.managed.owner("block cache").register().unwrap();
    let _blocks = blocks.try_reserve(25 * MIB).unwrap();
    let others: Vec<_> = (1..=4)
        .map(|i| {
            let owner = slot.managed.owner(&format!("timer {i}")).register().unwrap();
            let held = owner.try_reserve_shared(i * 512).unwrap();
            (owner, held)
        })
        .collect();
    let elsewhere = budget.slots()[1].managed.owner("sort").register().unwrap();
    let _sort = elsewhere.try_reserve(10 * MIB).unwrap();
    let state = slot.managed.owner("window state").register().unwrap();
    let _some = state.try_reserve(3 * MIB).unwrap();
    let refusal = state.try_reserve(20 * MIB).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "\
managed / slot 0 refuses 20 MiB (20971520 bytes) to \"window state\", which holds 3 MiB (3145728 bytes)
  managed / slot 0: limit 64 MiB (67108864 bytes), handed out 48.0 MiB (50336768 bytes), free 15.9 MiB (16772096 bytes): 4.0 MiB (4199424 bytes) short
  tried: took back 251 KiB of unused credit; asked \"row cache\" (cache) for 8.0 MiB, freed 4 MiB
  the largest owners:
    25 MiB  \"block cache\" of managed / slot 0
    20 MiB  \"row cache\" of managed / slot 0 / join
    10 MiB  \"sort\" of managed / slot 1
     3 MiB  \"window state\" of managed / slot 0
     2 KiB  \"timer 4\" of managed / slot 0
  managed     128 MiB  held 58.0 MiB  peak 62.2 MiB
  ├─ slot 0    64 MiB  held 48.0 MiB  peak 52.2 MiB
  │  └─ join   40 MiB  held   20 MiB  peak   24 MiB
  └─ slot 1    64 MiB  held   10 MiB  peak   10 MiB
  remedy: raise taskmanager.memory.managed.size by 8.0 MiB to 142616576b, or let \"window state\" hold less"
    );
    drop(others);
}

#[test]
fn an_empty_pool_says_so_too() {
    let pool = Pool::root("buffers", 1000).unwrap();
    let owner = pool.owner("reader").register().unwrap();
    assert_eq!(
        owner.try_reserve(1001).unwrap_err().to_string(),
        "\
buffers refuses 1001 B to \"reader\", which holds 0 B
  buffers: limit 1000 B, handed out 0 B, free 1000 B: 1 B short
  tried: nobody was asked
  buffers  1000 B  held 0 B  peak 0 B
  remedy: let \"reader\" hold less"
    );
}

#[test]
fn a_part_of_size_zero_refuses_everything_and_names_its_option() {
    let budget = budget();
    let owner = budget.pool(PartKind::TaskOffHeap).owner("client").register().unwrap();
    assert_eq!(
        owner.try_reserve(4096).unwrap_err().to_string(),
        "\
off-heap / task off-heap refuses 4 KiB (4096 bytes) to \"client\", which holds 0 B
  off-heap / task off-heap: limit 0 B, handed out 0 B, free 0 B: 4 KiB (4096 bytes) short
  tried: nobody was asked
  off-heap               128 MiB  held 0 B  peak 0 B
  ├─ framework off-heap  128 MiB  held 0 B  peak 0 B
  └─ task off-heap           0 B  held 0 B  peak 0 B
  remedy: raise taskmanager.memory.task.off-heap.size by 4 KiB to 4096b, or let \"client\" hold less"
    );
}
