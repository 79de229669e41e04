//! `JobManagerProcessUtils` and `JobManagerFlinkMemoryUtils`, step by step in their order.

use super::{JobManager, Sizing, options};
use crate::MemorySize;
use crate::config::{Configuration, KnownKey};
use crate::model::event::{Event, Sink};
use crate::model::failure::{Failure, Fallible, Kind};
use crate::model::jvm;
use crate::model::legacy;
use crate::model::option::{Read, Reader};
use crate::model::part::{Part, Whole, sum};
use crate::model::version::Ruleset;

/// Derives a JobManager from a configuration, as `BashJavaUtils` does for a standalone one.
///
/// `legacy_heap` is the value of the environment variable `FLINK_JM_HEAP`, which Flink 1.x reads where it is set.
///
/// # Errors
/// Flink's refusal, with the first failure that Flink would meet.
pub fn derive<S: Sink>(
    conf: &Configuration,
    rules: &'static Ruleset,
    legacy_heap: Option<&str>,
    sink: &mut S,
) -> Fallible<JobManager> {
    let mut reader = Reader::new(conf, rules, sink);
    let (memory, tree) = mapped_process(&mut reader, legacy_heap).map_err(|failure| {
        if rules.wraps_job_manager {
            failure.prefixed("JobManager memory configuration failed: ")
        } else {
            failure
        }
    })?;
    for line in tree {
        reader.sink.event(Event::Tree(line));
    }
    // read last, after the tree is logged: a bad boolean prints the whole tree and then fails
    let direct_limit = reader.boolean(&options::DIRECT_LIMIT)?;
    Ok(JobManager { direct_limit, ..memory })
}

fn mapped_process<S: Sink>(
    reader: &mut Reader<'_, S>,
    legacy_heap: Option<&str>,
) -> Fallible<(JobManager, Vec<String>)> {
    if reader.rules.legacy_heap {
        legacy::map_job_manager_heap(reader, legacy_heap)?;
    }
    let memory = derive_process(reader)?;
    let tree = if S::WANTS_TREE { memory.tree() } else { Vec::new() };
    Ok((memory, tree))
}

fn derive_process<S: Sink>(reader: &mut Reader<'_, S>) -> Fallible<JobManager> {
    let mut configured_flink = None;
    let mut configured_process = None;
    let (sizing, heap, off_heap, jvm) = if reader.contains(&options::HEAP) {
        let (heap, off_heap, flink) = flink_from_heap(reader)?;
        configured_flink = flink;
        let total = sum([heap.size, off_heap.size])?;
        (Sizing::FineGrained, heap, off_heap, jvm::from_flink(reader, &options::JVM, total)?)
    } else if reader.contains(&options::JVM.flink) {
        let flink = reader.size(&options::JVM.flink)?;
        configured_flink = Some(flink);
        let (heap, off_heap) = flink_from_total(reader, flink.value, KnownKey::JmFlinkSize)?;
        (Sizing::Flink, heap, off_heap, jvm::from_flink(reader, &options::JVM, flink.value)?)
    } else if reader.contains(&options::JVM.process) {
        let process = reader.size(&options::JVM.process)?;
        configured_process = Some(process);
        let (jvm, flink) = jvm::from_process(reader, &options::JVM, process.value)?;
        let (heap, off_heap) = flink_from_total(reader, flink, KnownKey::JmProcessSize)?;
        (Sizing::Process, heap, off_heap, jvm)
    } else {
        return Err(jvm::unsized_process(&options::JVM, &[options::HEAP], false));
    };
    if sizing != Sizing::Process && reader.contains(&options::JVM.process) {
        configured_process = Some(reader.size(&options::JVM.process)?);
    }
    let total_flink = sum([heap.size, off_heap.size])?;
    let total_process = sum([total_flink, jvm.metaspace.size, jvm.overhead.size])?;
    Ok(JobManager {
        sizing,
        heap,
        off_heap,
        metaspace: jvm.metaspace,
        overhead: jvm.overhead,
        direct_limit: Read {
            value: false,
            setting: crate::model::option::Setting { option: KnownKey::JmDirectLimit, entry: None },
        },
        configured_flink,
        configured_process,
        total_flink,
        total_process,
    })
}

const ONE_OF_BOTH: &str = "Please, make the configuration consistent or configure only one option: either JVM Heap or \
                           Total Flink Memory.";

/// The heap is set. A Flink size besides it decides the off-heap memory, whose default is then ignored.
fn flink_from_heap<S: Sink>(reader: &mut Reader<'_, S>) -> Fallible<(Part, Part, Option<Read<MemorySize>>)> {
    let heap = reader.size(&options::HEAP)?;
    let off_heap = reader.size(&options::OFF_HEAP)?;
    let mut off_heap_part = Part::option(off_heap);
    let mut configured = None;
    if reader.contains(&options::JVM.flink) {
        let flink = reader.size(&options::JVM.flink)?;
        configured = Some(flink);
        let blame = [heap.setting.option, options::JVM.flink.key, options::OFF_HEAP.key];
        if reader.contains(&options::OFF_HEAP) {
            if sum([heap.value, off_heap.value])? != flink.value {
                let message = format!(
                    "Sum of the configured JVM Heap Memory ({}) and the configured Off-heap Memory ({}) does not \
                     match the configured Total Flink Memory ({}). {ONE_OF_BOTH}",
                    heap.value.human(),
                    off_heap.value.human(),
                    flink.value.human()
                );
                return Err(Failure::illegal(Kind::HeapMismatch, blame, message));
            }
        } else {
            let Some(rest) = flink.value.subtract(heap.value) else {
                let message = format!(
                    "The configured JVM Heap Memory ({}) exceeds the configured Total Flink Memory ({}). {ONE_OF_BOTH}",
                    heap.value.human(),
                    flink.value.human()
                );
                return Err(Failure::illegal(Kind::HeapMismatch, [blame[0], blame[1]], message));
            };
            if rest != off_heap.value {
                reader.sink.event(Event::OffHeapIsRest {
                    derived: rest,
                    flink: flink.value,
                    heap: heap.value,
                    default: off_heap.value,
                });
            }
            off_heap_part = Part::rest(rest, Whole::Flink, flink.value);
        }
    }
    warn_of_small_heap(reader, heap.value);
    Ok((Part::option(heap), off_heap_part, configured))
}

/// Total Flink memory is known: the heap is what off-heap memory leaves of it.
fn flink_from_total<S: Sink>(
    reader: &mut Reader<'_, S>,
    flink: MemorySize,
    whole: KnownKey,
) -> Fallible<(Part, Part)> {
    let off_heap = reader.size(&options::OFF_HEAP)?;
    // an equal size fails as well: the text says "less", the program means "no more"
    if flink <= off_heap.value {
        let message = format!(
            "The configured Total Flink Memory ({}) is less than the configured Off-heap Memory ({}).",
            flink.human(),
            off_heap.value.human()
        );
        return Err(Failure::illegal(Kind::Sum, [whole, options::OFF_HEAP.key], message));
    }
    let heap = flink.subtract(off_heap.value).unwrap_or_default();
    warn_of_small_heap(reader, heap);
    Ok((Part::rest(heap, Whole::Flink, flink), Part::option(off_heap)))
}

fn warn_of_small_heap<S: Sink>(reader: &mut Reader<'_, S>, heap: MemorySize) {
    if heap < MemorySize::from_mebibytes(128) {
        reader.sink.event(Event::SmallHeap { heap });
    }
}
