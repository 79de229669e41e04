//! The budget of a process is what the model derived for it, to the byte.

use plimsoll_memory::MemorySize;
use plimsoll_memory::budget::{PartKind, ProcessBudget};
use plimsoll_memory::config::Configuration;
use plimsoll_memory::model::version::V1_20;
use plimsoll_memory::model::{JobManager, Silent, TaskManager, jobmanager, taskmanager};

const SEGMENT: MemorySize = MemorySize::from_bytes(32 << 10);

fn configuration(pairs: &[(&str, &str)]) -> Configuration {
    let mut configuration = Configuration::new();
    for (key, value) in pairs {
        configuration.set(key, *value, None);
    }
    configuration
}

fn task_manager(pairs: &[(&str, &str)]) -> TaskManager {
    taskmanager::derive(&configuration(pairs), &V1_20, None, &mut Silent).unwrap()
}

fn job_manager() -> JobManager {
    let conf = configuration(&[("jobmanager.memory.process.size", "1600m")]);
    jobmanager::derive(&conf, &V1_20, None, &mut Silent).unwrap()
}

#[test]
fn pools_add_up_to_the_process() {
    let process = task_manager(&[("taskmanager.memory.process.size", "1728m")]);
    let budget = ProcessBudget::task_manager(&process, 3, SEGMENT).unwrap();
    let limits: Vec<(String, u64)> =
        budget.usage().into_iter().map(|pool| (pool.name, pool.limit_bytes)).collect();
    // the recorded answer of Flink 1.20 to this size
    let expected = [
        ("heap", 536_870_902),
        ("off-heap", 134_217_728),
        ("network", 134_217_730),
        ("managed", 536_870_920),
        ("image", 268_435_456),
        ("overhead", 201_326_592),
    ];
    assert_eq!(limits, expected.map(|(name, bytes)| (name.to_owned(), bytes)));
    assert_eq!(limits.iter().map(|(_, bytes)| bytes).sum::<u64>(), 1728 << 20);
    assert_eq!(budget.total_bytes(), 1728 << 20);
    assert_eq!(budget.pool(PartKind::TaskHeap).limit_bytes(), 402_653_174);
    assert_eq!(budget.pool(PartKind::TaskHeap).path(), "heap / task heap");
    // shares are rounded down, as a slot's in Flink; the rest is nobody's
    let shares: Vec<(u64, u64)> =
        budget.slots().iter().map(|slot| (slot.managed.limit_bytes(), slot.network.limit_bytes())).collect();
    assert_eq!(shares, [(178_956_973, 44_739_243); 3]);
    budget.verify_empty().unwrap();
}

#[test]
fn a_job_manager_has_no_slots() {
    let budget = ProcessBudget::job_manager(&job_manager()).unwrap();
    let limits: Vec<u64> = budget.usage().iter().map(|pool| pool.limit_bytes >> 20).collect();
    assert_eq!(limits, [1024, 128, 256, 192]);
    assert!(budget.slots().is_empty());
}

#[test]
fn leaks_of_all_pools_are_told_together() {
    let process = task_manager(&[("taskmanager.memory.process.size", "1728m")]);
    let budget = ProcessBudget::task_manager(&process, 1, SEGMENT).unwrap();
    let heap = budget.pool(PartKind::TaskHeap).owner("table").register().unwrap();
    let managed = budget.slots()[0].managed.owner("cache").register().unwrap();
    let held = (heap.try_reserve(10).unwrap(), managed.try_reserve(20).unwrap());
    assert_eq!(
        budget.verify_empty().unwrap_err().to_string(),
        "30 B were never given back:\n  20 B by \"cache\" of managed / slot 0\n  10 B by \"table\" of heap / task heap"
    );
    drop(held);
    budget.verify_empty().unwrap();
}

#[test]
fn more_slots_than_pages() {
    let process = task_manager(&[
        ("taskmanager.memory.process.size", "1728m"),
        ("taskmanager.memory.managed.size", "1m"),
    ]);
    assert_eq!(
        ProcessBudget::task_manager(&process, 33, SEGMENT).unwrap_err().to_string(),
        "33 slots share 1 MiB (1048576 bytes) of managed memory: 31.0 KiB each, less than one page of 32 KiB; set \
         taskmanager.numberOfTaskSlots to 32 or less, or taskmanager.memory.managed.size to 1.0 MiB or more"
    );
    assert!(ProcessBudget::task_manager(&process, 32, SEGMENT).is_ok());
    assert_eq!(
        ProcessBudget::task_manager(&process, 0, SEGMENT).unwrap_err().to_string(),
        "a TaskManager with 0 slots: set taskmanager.numberOfTaskSlots to 1 or more"
    );
    let none = task_manager(&[
        ("taskmanager.memory.process.size", "1728m"),
        ("taskmanager.memory.managed.size", "0"),
    ]);
    assert!(ProcessBudget::task_manager(&none, 33, SEGMENT).is_ok(), "managed memory may be switched off");
}
