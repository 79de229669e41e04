//! `LegacyMemoryUtils`: the heap options of Flink ≤ 1.9 and their environment variables, mapped to one of today's.

use super::event::{Event, Sink};
use super::failure::{Failure, Fallible, Kind};
use super::jobmanager::options as job_manager;
use super::option::{Opt, Read, Reader, Setting, SizeOption, parse_size};
use super::taskmanager::options as task_manager;
use crate::MemorySize;
use crate::config::Value;

/// `taskmanager.heap.*` stands for total Flink memory in a standalone cluster.
pub(super) fn map_task_manager_heap<S: Sink>(
    reader: &mut Reader<'_, S>,
    environment: Option<&str>,
) -> Fallible<()> {
    let mapped =
        map(reader, environment, &task_manager::FLINK, &task_manager::HEAP_SIZE, &task_manager::HEAP_MB);
    mapped.map_err(|failure| {
        if reader.rules.wraps_task_manager {
            failure.prefixed("TaskManager failed to map legacy JVM heap option to the new one: ")
        } else {
            failure
        }
    })
}

/// `jobmanager.heap.*` stands for the heap in a standalone cluster.
pub(super) fn map_job_manager_heap<S: Sink>(
    reader: &mut Reader<'_, S>,
    environment: Option<&str>,
) -> Fallible<()> {
    map(reader, environment, &job_manager::HEAP, &job_manager::HEAP_SIZE, &job_manager::HEAP_MB)
}

fn map<S: Sink>(
    reader: &mut Reader<'_, S>,
    environment: Option<&str>,
    target: &SizeOption,
    heap_size: &SizeOption,
    heap_mb: &Opt<i32>,
) -> Fallible<()> {
    if reader.contains(target) {
        return Ok(());
    }
    let read = if let Some(text) = environment {
        let value = parse_size(&Value::from(text)).map_err(|cause| {
            let message =
                format!("Cannot read total process memory size from environment variable value {text}.");
            let mut failure = Failure::illegal(Kind::Unparsable, [target.key], message);
            failure.chain.push(cause);
            failure
        })?;
        Read { value, setting: Setting { option: heap_size.key, entry: None } }
    } else if reader.contains(heap_size) {
        reader.size(heap_size)?
    } else if reader.contains(heap_mb) {
        let mebibytes = reader.int(heap_mb)?;
        let Ok(value) = u64::try_from(mebibytes.value) else {
            let message = format!(
                "Configured total process memory size ({}MB) must not be less than 0.",
                mebibytes.value
            );
            return Err(Failure::illegal(Kind::Range, [heap_mb.key], message));
        };
        Read { value: MemorySize::from_mebibytes(value), setting: mebibytes.setting }
    } else {
        return Ok(());
    };
    reader.sink.event(Event::LegacyHeap { target: target.key, size: read.value });
    reader.mapped = Some((target.key, read));
    Ok(())
}
