//! Network memory: the option of Flink ≤ 1.9, and the check of what is left for it.

use super::options;
use crate::MemorySize;
use crate::java::{Exception, exception};
use crate::model::event::{Event, Sink};
use crate::model::failure::{Failure, Fallible, Kind};
use crate::model::option::{Read, Reader};
use crate::model::part::{Cause, Part, Range, times};

/// `isUsingLegacyNetworkConfigs`: a number of buffers is set and no network option of today.
fn uses_legacy<S: Sink>(reader: &mut Reader<'_, S>) -> bool {
    if !reader.rules.number_of_buffers {
        return false;
    }
    let modern = reader.contains(&options::NETWORK_MIN)
        || reader.contains(&options::network_max(reader.rules))
        || reader.contains(&options::NETWORK_FRACTION);
    !modern && reader.contains(&options::NUMBER_OF_BUFFERS)
}

/// The network memory that `taskmanager.network.numberOfBuffers` asks for, where it counts.
pub(super) fn legacy_network<S: Sink>(reader: &mut Reader<'_, S>) -> Fallible<Option<Part>> {
    if !uses_legacy(reader) {
        return Ok(None);
    }
    let count = reader.int(&options::NUMBER_OF_BUFFERS)?;
    let segment = page_size(reader)?;
    let Ok(buffers) = u64::try_from(count.value) else {
        let cause = Exception::new(exception::ILLEGAL_ARGUMENT, "bytes must be >= 0");
        return Err(Failure::new(Kind::Range, [options::NUMBER_OF_BUFFERS.key], cause));
    };
    // both are below 2^31
    let size = MemorySize::from_bytes(buffers * segment.value.bytes());
    Ok(Some(Part { size, cause: Cause::Buffers { count, segment } }))
}

/// `ConfigurationParserUtils.getPageSize`.
pub(in crate::model) fn page_size<S: Sink>(reader: &mut Reader<'_, S>) -> Fallible<Read<MemorySize>> {
    let key = options::SEGMENT.key;
    let page = reader.size_unwrapped(&options::SEGMENT)?;
    let bytes = page.value.bytes();
    let illegal = |what: &str| {
        let message = format!("Invalid configuration value for {key} : {bytes} - {what}");
        Failure::illegal(Kind::SegmentSize, [key], message)
    };
    if i32::try_from(bytes).is_err() {
        let message = format!("Cannot downcast long value {bytes} to integer.");
        return Err(Failure::new(
            Kind::SegmentSize,
            [key],
            Exception::new(exception::ILLEGAL_ARGUMENT, message),
        ));
    }
    if bytes < 4096 {
        return Err(illegal("Minimum memory segment size is 4096"));
    }
    if !bytes.is_power_of_two() {
        return Err(illegal("Memory segment size must be a power of 2."));
    }
    Ok(page)
}

/// `sanityCheckNetworkMemory`: what is left for the network must be what its options say.
pub(super) fn check_network<S: Sink>(
    reader: &mut Reader<'_, S>,
    derived: MemorySize,
    flink: MemorySize,
) -> Fallible<()> {
    check(reader, derived, flink).map_err(|failure| {
        if failure.chain.first().is_some_and(|e| e.class == exception::ILLEGAL_CONFIGURATION) {
            failure.wrapped(
                "If Total Flink, Task Heap and (or) Managed Memory sizes are explicitly configured then the Network \
                 Memory size is the rest of the Total Flink memory after subtracting all other configured types of \
                 memory, but the derived Network Memory is inconsistent with its configuration.",
            )
        } else {
            failure
        }
    })
}

fn check<S: Sink>(reader: &mut Reader<'_, S>, derived: MemorySize, flink: MemorySize) -> Fallible<()> {
    if let Some(legacy) = legacy_network(reader)? {
        if legacy.size == derived {
            return Ok(());
        }
        let message = format!(
            "Derived Network Memory size ({}) does not match configured Network Memory size ({}).",
            derived.human(),
            legacy.size.human()
        );
        return Err(Failure::illegal(Kind::NetworkOutside, [options::NUMBER_OF_BUFFERS.key], message));
    }
    let options = options::network(reader.rules);
    let range = Range::read(reader, &options)?;
    if derived > range.max.value || derived < range.min.value {
        let message = format!(
            "Derived Network Memory size ({}) is not in configured Network Memory range [{}, {}].",
            derived.human(),
            range.min.value.human(),
            range.max.value.human()
        );
        let blame = if derived > range.max.value { options.max.key } else { options.min.key };
        let failure = Failure::illegal(
            Kind::NetworkOutside,
            [blame, options::FLINK.key, options::TASK_HEAP.key, options::MANAGED.key],
            message,
        );
        return Err(failure);
    }
    if reader.contains(&options.fraction) && derived != times(flink, range.fraction, range.setting.option)? {
        reader.sink.event(Event::NetworkIsNoFraction { derived, fraction: range.fraction, flink });
    }
    Ok(())
}
