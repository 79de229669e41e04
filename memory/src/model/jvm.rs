//! What both processes share: metaspace and overhead around total Flink memory (`ProcessMemoryUtils`).

use super::event::{Event, Fractional, Sink};
use super::failure::{Failure, Fallible, Kind};
use super::option::{OptionText, Read, Reader, SizeOption};
use super::part::{Cause, Part, Range, RangeOptions, Whole, sum, times};
use crate::MemorySize;

/// The options around total Flink memory of one kind of process.
#[derive(Debug, Clone, Copy)]
pub(super) struct JvmOptions {
    pub(super) process: SizeOption,
    pub(super) flink: SizeOption,
    pub(super) metaspace: SizeOption,
    pub(super) overhead: RangeOptions,
}

/// Metaspace and overhead of a process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Jvm {
    pub(super) metaspace: Part,
    pub(super) overhead: Part,
}

/// From total Flink memory: the overhead is what a configured process size leaves, or else a fraction.
pub(super) fn from_flink<S: Sink>(
    reader: &mut Reader<'_, S>,
    options: &JvmOptions,
    flink: MemorySize,
) -> Fallible<Jvm> {
    let metaspace = reader.size(&options.metaspace)?;
    let base = sum([flink, metaspace.value])?;
    if !reader.contains(&options.process) {
        let range = Range::read(reader, &options.overhead)?;
        let overhead =
            range.take_inverse(reader, Fractional::Overhead, Whole::ProcessWithoutOverhead, base)?;
        sum([base, overhead.size])?;
        return Ok(Jvm { metaspace: Part::option(metaspace), overhead });
    }
    let process = reader.size(&options.process)?;
    let Some(overhead) = process.value.subtract(base) else {
        return Err(process_below_sum(reader.rules.checks_process_sum, options, process, flink, metaspace));
    };
    let range = Range::read(reader, &options.overhead)?;
    if overhead > range.max.value || overhead < range.min.value {
        let message = format!(
            "Derived JVM Overhead size ({}) is not in configured JVM Overhead range [{}, {}].",
            overhead.human(),
            range.min.value.human(),
            range.max.value.human()
        );
        let blame = [
            options.process.key,
            options.flink.key,
            options.metaspace.key,
            options.overhead.min.key,
            options.overhead.max.key,
        ];
        return Err(Failure::illegal(Kind::OverheadOutside, blame, message));
    }
    if reader.contains(&options.overhead.fraction)
        && overhead != times(process.value, range.fraction, range.setting.option)?
    {
        reader.sink.event(Event::OverheadIsNoFraction {
            derived: overhead,
            fraction: range.fraction,
            process: process.value,
        });
    }
    let overhead = Part::rest(overhead, Whole::Process, process.value);
    Ok(Jvm { metaspace: Part::option(metaspace), overhead })
}

fn process_below_sum(
    named: bool,
    options: &JvmOptions,
    process: Read<MemorySize>,
    flink: MemorySize,
    metaspace: Read<MemorySize>,
) -> Box<Failure> {
    let blame = [options.process.key, options.flink.key, options.metaspace.key];
    if !named {
        let cause =
            crate::java::Exception::new(crate::java::exception::ILLEGAL_ARGUMENT, "bytes must be >= 0");
        return Failure::new(Kind::Sum, blame, cause);
    }
    let message = format!(
        "The configured Total Process Memory size ({}) is less than the sum of the derived Total Flink Memory size \
         ({}) and the configured or default JVM Metaspace size  ({}).",
        process.value.human(),
        flink.human(),
        metaspace.value.human()
    );
    Failure::illegal(Kind::Sum, blame, message)
}

/// From total process memory: metaspace, a fraction of the process as overhead; Flink gets the rest.
pub(super) fn from_process<S: Sink>(
    reader: &mut Reader<'_, S>,
    options: &JvmOptions,
    process: MemorySize,
) -> Fallible<(Jvm, MemorySize)> {
    let metaspace = Part::option(reader.size(&options.metaspace)?);
    let range = Range::read(reader, &options.overhead)?;
    let overhead = range.take(reader, Fractional::Overhead, Whole::Process, process)?;
    let both = sum([metaspace.size, overhead.size])?;
    let Some(flink) = process.subtract(both) else {
        let message = format!(
            "Sum of configured JVM Metaspace ({}) and JVM Overhead ({}) exceed configured Total Process Memory ({}).",
            metaspace.size.human(),
            overhead.size.human(),
            process.human()
        );
        let blame = [options.process.key, options.metaspace.key, options.overhead.min.key];
        return Err(Failure::illegal(Kind::Sum, blame, message));
    };
    Ok((Jvm { metaspace, overhead }, flink))
}

/// None of the options that size a process is set.
pub(super) fn unsized_process(
    options: &JvmOptions,
    fine_grained: &[SizeOption],
    named_1_10: bool,
) -> Box<Failure> {
    let message = if named_1_10 {
        "Either Task Heap Memory size (taskmanager.memory.task.heap.size) and Managed Memory size \
         (taskmanager.memory.managed.size), or Total Flink Memory size (taskmanager.memory.flink.size), or Total \
         Process Memory size (taskmanager.memory.process.size) need to be configured explicitly."
            .to_owned()
    } else {
        let names: Vec<_> = fine_grained.iter().map(|o| o.key.as_str()).collect();
        format!(
            "Either required fine-grained memory ({}), or Total Flink Memory size ({}), or Total Process Memory size \
             ({}) need to be configured explicitly.",
            names.join(" and "),
            OptionText(options.flink),
            OptionText(options.process)
        )
    };
    Failure::illegal(Kind::Missing, [options.process.key], message)
}

impl Part {
    /// The range of the fraction that decided this part, if one did.
    pub fn fraction(&self) -> Option<&super::part::FractionOf> {
        match &self.cause {
            Cause::Fraction(fraction) => Some(fraction),
            _ => None,
        }
    }
}
