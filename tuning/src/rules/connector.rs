//! Connectors that take direct memory of which there is none: MEM0018.

use plimsoll_memory::config::KnownKey;

use crate::diagnostic::Diagnostic;
use crate::subject::Subject;

/// Parts of jar names, and what takes direct memory in them.
const HUNGRY: [(&str, &str); 7] = [
    ("fluss", "Fluss's client reads into Arrow vectors, off the heap"),
    ("bigtable", "Bigtable's client keeps its requests in direct buffers"),
    ("arrow", "Arrow vectors live off the heap"),
    ("pulsar", "Pulsar's client allocates direct buffers by Netty"),
    ("iceberg", "Iceberg's vectorized reader keeps Arrow vectors off the heap"),
    ("hbase", "HBase's client allocates direct buffers by Netty"),
    ("lance", "Lance exchanges Arrow vectors off the heap"),
];

/// MEM0018.
pub(super) fn check(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let Some(tm) = subject.tm() else { return };
    if tm.task_off_heap.size.bytes() != 0 {
        return;
    }
    let hungry = subject.connectors.iter().find_map(|connector| {
        let name = connector.name.to_lowercase();
        HUNGRY.iter().find(|(part, _)| name.contains(part)).map(|(_, why)| (connector, why))
    });
    let Some((connector, why)) = hungry else { return };
    let key = KnownKey::TmTaskOffHeap;
    let entry = subject.set(key);
    let place = connector.place;
    let mut found =
        Diagnostic::warning(format!("{} needs direct memory, and task off-heap memory is 0", connector.name))
            .label(place.and_then(|(source, span)| subject.at(source, span, *why, true)));
    if place.is_none() {
        found = found.note(format!("{}: {why}", connector.name));
    }
    if let Some(entry) = entry {
        found = found.label(subject.at_value(entry, "nothing for it here", place.is_none()));
    }
    found = found.note(format!(
        "-XX:MaxDirectMemorySize is {} bytes and belongs to framework and network: the job fails with OutOfMemoryError: \
         Direct buffer memory",
        tm.jvm_direct().bytes()
    ));
    // a start to measure from, no law: what a job needs is not in its configuration
    let line = format!("{key}: 256m");
    let anchor = [KnownKey::TmProcessSize, KnownKey::TmFlinkSize, KnownKey::TmTaskHeap];
    let anchor = anchor.iter().find_map(|key| subject.set(*key));
    let edit = match entry {
        Some(entry) => subject.set_to(entry, "256m"),
        None => anchor.and_then(|entry| subject.insert_after(entry, &line)),
    };
    out.push(found.fix(format!("start from {line} and watch the direct memory in use"), edit));
}
