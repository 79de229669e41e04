//! `TaskExecutorProcessUtils` and `TaskExecutorFlinkMemoryUtils`, step by step in their order.

use super::network::{check_network, legacy_network};
use super::{Sizing, TaskManager, options, resources};
use crate::MemorySize;
use crate::config::{Configuration, KnownKey};
use crate::model::event::{Event, Fractional, Sink};
use crate::model::failure::{Failure, Fallible, Kind};
use crate::model::jvm::{self, Jvm};
use crate::model::legacy;
use crate::model::option::{Read, Reader, Setting};
use crate::model::part::{Part, Range, Whole, sum};
use crate::model::version::Ruleset;

/// What makes up total Flink memory.
struct FlinkMemory {
    framework_heap: Part,
    framework_off_heap: Part,
    task_heap: Part,
    task_off_heap: Part,
    network: Part,
    managed: Part,
}

/// Derives a TaskManager from a configuration, as `BashJavaUtils` does for a standalone one.
///
/// `legacy_heap` is the value of the environment variable `FLINK_TM_HEAP`, which Flink 1.x reads where it is set.
///
/// # Errors
/// Flink's refusal, with the first failure that Flink would meet.
pub fn derive<S: Sink>(
    conf: &Configuration,
    rules: &'static Ruleset,
    legacy_heap: Option<&str>,
    sink: &mut S,
) -> Fallible<TaskManager> {
    let mut reader = Reader::new(conf, rules, sink);
    if rules.legacy_heap {
        legacy::map_task_manager_heap(&mut reader, legacy_heap)?;
    }
    let process = derive_process(&mut reader).map_err(|failure| {
        if rules.wraps_task_manager {
            failure.prefixed("TaskManager memory configuration failed: ")
        } else {
            failure
        }
    })?;
    if S::WANTS_TREE && rules.wraps_task_manager {
        for line in process.tree() {
            reader.sink.event(Event::Tree(line));
        }
    }
    Ok(process)
}

fn derive_process<S: Sink>(reader: &mut Reader<'_, S>) -> Fallible<TaskManager> {
    let mut configured_flink = None;
    let mut configured_process = None;
    let (sizing, memory, jvm) = if reader.contains(&options::TASK_HEAP) && reader.contains(&options::MANAGED)
    {
        let (memory, flink) = flink_from_fine_grained(reader)?;
        configured_flink = flink;
        let total = memory.total()?;
        (Sizing::FineGrained, memory, jvm::from_flink(reader, &options::JVM, total)?)
    } else if reader.contains(&options::FLINK) {
        let flink = reader.size(&options::FLINK)?;
        configured_flink = Some(flink);
        let memory = flink_from_total(reader, flink.value)?;
        (Sizing::Flink, memory, jvm::from_flink(reader, &options::JVM, flink.value)?)
    } else if reader.contains(&options::PROCESS) {
        let process = reader.size(&options::PROCESS)?;
        configured_process = Some(process);
        let (jvm, flink) = jvm::from_process(reader, &options::JVM, process.value)?;
        (Sizing::Process, flink_from_total(reader, flink)?, jvm)
    } else {
        let fine_grained = [options::TASK_HEAP, options::MANAGED];
        return Err(jvm::unsized_process(&options::JVM, &fine_grained, !reader.rules.wraps_task_manager));
    };
    if sizing != Sizing::Process && reader.contains(&options::PROCESS) {
        configured_process = Some(reader.size(&options::PROCESS)?);
    }
    let Jvm { metaspace, overhead } = jvm;
    let total_flink = memory.total()?;
    let total_process = sum([total_flink, metaspace.size, overhead.size])?;
    let cpu = resources::cpu(reader)?;
    let (slots, external_resources) = if reader.rules.modern_resources {
        let slots = reader.int(&options::SLOTS)?;
        (Some(slots), resources::external(reader)?)
    } else {
        (None, Vec::new())
    };
    Ok(TaskManager {
        sizing,
        framework_heap: memory.framework_heap,
        task_heap: memory.task_heap,
        framework_off_heap: memory.framework_off_heap,
        task_off_heap: memory.task_off_heap,
        network: memory.network,
        managed: memory.managed,
        metaspace,
        overhead,
        configured_flink,
        configured_process,
        cpu,
        slots,
        external_resources,
        total_flink,
        total_process,
    })
}

impl FlinkMemory {
    fn total(&self) -> Fallible<MemorySize> {
        sum([
            self.framework_heap.size,
            self.framework_off_heap.size,
            self.task_heap.size,
            self.task_off_heap.size,
            self.network.size,
            self.managed.size,
        ])
    }
}

/// Task heap and managed memory are set.
fn flink_from_fine_grained<S: Sink>(
    reader: &mut Reader<'_, S>,
) -> Fallible<(FlinkMemory, Option<Read<MemorySize>>)> {
    let task_heap = Part::option(reader.size(&options::TASK_HEAP)?);
    // Flink asserts that the option is there before it reads it: a deprecated key is logged twice
    reader.contains(&options::MANAGED);
    let managed = Part::option(reader.size(&options::MANAGED)?);
    let framework_heap = Part::option(reader.size(&options::FRAMEWORK_HEAP)?);
    let framework_off_heap = Part::option(reader.size(&options::FRAMEWORK_OFF_HEAP)?);
    let task_off_heap = Part::option(reader.size(&options::TASK_OFF_HEAP)?);
    let others = sum([
        framework_heap.size,
        framework_off_heap.size,
        task_heap.size,
        task_off_heap.size,
        managed.size,
    ])?;
    let mut configured_flink = None;
    let network = if reader.contains(&options::FLINK) {
        let flink = reader.size(&options::FLINK)?;
        configured_flink = Some(flink);
        let Some(rest) = flink.value.subtract(others) else {
            return Err(parts_exceed_flink(
                &[
                    ("Framework Heap Memory", framework_heap, KnownKey::TmFrameworkHeap),
                    ("Framework Off-Heap Memory", framework_off_heap, KnownKey::TmFrameworkOffHeap),
                    ("Task Heap Memory", task_heap, KnownKey::TmTaskHeap),
                    ("Task Off-Heap Memory", task_off_heap, KnownKey::TmTaskOffHeap),
                    ("Managed Memory", managed, KnownKey::TmManagedSize),
                ],
                flink.value,
                KnownKey::TmFlinkSize,
            ));
        };
        check_network(reader, rest, flink.value)?;
        Part::rest(rest, Whole::Flink, flink.value)
    } else if let Some(buffers) = legacy_network(reader)? {
        buffers
    } else {
        let range = Range::read(reader, &options::network(reader.rules))?;
        range.take_inverse(reader, Fractional::Network, Whole::FlinkWithoutNetwork, others)?
    };
    let memory =
        FlinkMemory { framework_heap, framework_off_heap, task_heap, task_off_heap, network, managed };
    Ok((memory, configured_flink))
}

/// Total Flink memory is known: configured, or what metaspace and overhead leave of the process.
fn flink_from_total<S: Sink>(reader: &mut Reader<'_, S>, flink: MemorySize) -> Fallible<FlinkMemory> {
    let framework_heap = Part::option(reader.size(&options::FRAMEWORK_HEAP)?);
    let framework_off_heap = Part::option(reader.size(&options::FRAMEWORK_OFF_HEAP)?);
    let task_off_heap = Part::option(reader.size(&options::TASK_OFF_HEAP)?);
    let frameworks = [
        ("Framework Heap Memory", framework_heap, KnownKey::TmFrameworkHeap),
        ("Framework Off-Heap Memory", framework_off_heap, KnownKey::TmFrameworkOffHeap),
    ];
    let task_off_heap_term = ("Task Off-Heap Memory", task_off_heap, KnownKey::TmTaskOffHeap);
    if reader.contains(&options::TASK_HEAP) {
        let task_heap = Part::option(reader.size(&options::TASK_HEAP)?);
        let managed = managed_memory(reader, flink)?;
        let others = sum([
            framework_heap.size,
            framework_off_heap.size,
            task_heap.size,
            task_off_heap.size,
            managed.size,
        ])?;
        let Some(rest) = flink.subtract(others) else {
            let terms = [
                frameworks[0],
                frameworks[1],
                ("Task Heap Memory", task_heap, KnownKey::TmTaskHeap),
                task_off_heap_term,
                ("Managed Memory", managed, KnownKey::TmManagedFraction),
            ];
            return Err(parts_exceed_flink(&terms, flink, whole_key(reader)));
        };
        check_network(reader, rest, flink)?;
        let network = Part::rest(rest, Whole::Flink, flink);
        return Ok(FlinkMemory {
            framework_heap,
            framework_off_heap,
            task_heap,
            task_off_heap,
            network,
            managed,
        });
    }
    let managed = managed_memory(reader, flink)?;
    let network = if let Some(buffers) = legacy_network(reader)? {
        buffers
    } else {
        let range = Range::read(reader, &options::network(reader.rules))?;
        range.take(reader, Fractional::Network, Whole::Flink, flink)?
    };
    let others =
        sum([framework_heap.size, framework_off_heap.size, task_off_heap.size, managed.size, network.size])?;
    let Some(task_heap) = flink.subtract(others) else {
        let terms = [
            frameworks[0],
            frameworks[1],
            task_off_heap_term,
            ("Managed Memory", managed, KnownKey::TmManagedSize),
            ("Network Memory", network, KnownKey::TmNetworkMin),
        ];
        return Err(parts_exceed_flink(&terms, flink, whole_key(reader)));
    };
    let task_heap = Part::rest(task_heap, Whole::Flink, flink);
    Ok(FlinkMemory { framework_heap, framework_off_heap, task_heap, task_off_heap, network, managed })
}

/// The key that holds the whole, for the blame.
fn whole_key<S: Sink>(reader: &Reader<'_, S>) -> KnownKey {
    let flink = reader.conf.get(KnownKey::TmFlinkSize).is_some() || reader.mapped.is_some();
    if flink { KnownKey::TmFlinkSize } else { KnownKey::TmProcessSize }
}

/// Managed memory: its size where that is set, else a fraction without a range.
fn managed_memory<S: Sink>(reader: &mut Reader<'_, S>, flink: MemorySize) -> Fallible<Part> {
    if reader.contains(&options::MANAGED) {
        reader.contains(&options::MANAGED); // asserted once more before the read, and logged once more
        return Ok(Part::option(reader.size(&options::MANAGED)?));
    }
    let end = |value| Read { value, setting: Setting { option: KnownKey::TmManagedSize, entry: None } };
    let range = Range::of(reader, end(MemorySize::ZERO), end(MemorySize::MAX), &options::MANAGED_FRACTION)?;
    range.take(reader, Fractional::Managed, Whole::Flink, flink)
}

/// `Sum of configured A, B, … and N exceed configured Total Flink Memory`.
fn parts_exceed_flink(
    terms: &[(&str, Part, KnownKey); 5],
    flink: MemorySize,
    whole: KnownKey,
) -> Box<Failure> {
    let [others @ .., last] = terms.map(|(name, part, _)| format!("{name} ({})", part.size.human()));
    let message = format!(
        "Sum of configured {} and {last} exceed configured Total Flink Memory ({}).",
        others.join(", "),
        flink.human()
    );
    let mut failure = Failure::illegal(Kind::Sum, [whole], message);
    let mut largest_first = *terms;
    largest_first.sort_by_key(|(_, part, _)| std::cmp::Reverse(part.size));
    failure
        .blame
        .extend(largest_first.iter().filter(|(_, part, _)| part.size > MemorySize::ZERO).map(|t| t.2));
    failure
}
