//! Keys that no version reads: MEM0015, MEM0016.

use plimsoll_memory::config::Entry;

use crate::check::SHOWN;
use crate::diagnostic::Diagnostic;
use crate::keys::{Standing, nearest, standing};
use crate::subject::Subject;

/// Keys that sound right and never existed, some of them named in articles: the key, what to use instead, and why.
const NEVER: [(&str, Option<&str>, &str); 15] = [
    (
        "taskmanager.memory.network.size",
        None,
        "network memory is a fraction in a range: to fix it, set taskmanager.memory.network.min and max to one size",
    ),
    ("jobmanager.memory.managed.fraction", None, "a JobManager has no managed memory"),
    ("jobmanager.memory.managed.size", None, "a JobManager has no managed memory"),
    ("jobmanager.memory.network.fraction", None, "a JobManager has no network buffers"),
    ("jobmanager.memory.task.heap.size", Some("jobmanager.memory.heap.size"), "a JobManager runs no tasks"),
    (
        "taskmanager.memory.heap.size",
        Some("taskmanager.memory.task.heap.size"),
        "the heap of a TaskManager is framework heap and task heap",
    ),
    (
        "taskmanager.memory.off-heap.size",
        Some("taskmanager.memory.task.off-heap.size"),
        "a TaskManager has a framework and a task part of off-heap memory",
    ),
    (
        "taskmanager.memory.metaspace.size",
        Some("taskmanager.memory.jvm-metaspace.size"),
        "the option is named after the JVM",
    ),
    (
        "jobmanager.memory.metaspace.size",
        Some("jobmanager.memory.jvm-metaspace.size"),
        "the option is named after the JVM",
    ),
    (
        "taskmanager.memory.jvm-overhead.size",
        None,
        "the overhead is a fraction in a range: to fix it, set taskmanager.memory.jvm-overhead.min and max to one size",
    ),
    (
        "jobmanager.memory.jvm-overhead.size",
        None,
        "the overhead is a fraction in a range: to fix it, set jobmanager.memory.jvm-overhead.min and max to one size",
    ),
    (
        "taskmanager.memory.total.size",
        Some("taskmanager.memory.process.size"),
        "two totals exist: process and Flink",
    ),
    ("jobmanager.memory.size", Some("jobmanager.memory.process.size"), "two totals exist: process and Flink"),
    (
        "taskmanager.memory.network.buffers-per-channel",
        Some("taskmanager.network.memory.buffers-per-channel"),
        "the two words are the other way round",
    ),
    (
        "state.backend.rocksdb.memory.size",
        Some("state.backend.rocksdb.memory.fixed-per-slot"),
        "RocksDB takes managed memory, or a fixed size per slot",
    ),
];

/// MEM0015.
pub(super) fn never_existed(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for (_, entry) in subject.conf().entries() {
        let key = entry.key.as_str();
        let Some((_, instead, why)) = NEVER.iter().find(|(never, ..)| *never == key) else { continue };
        let mut found = Diagnostic::warning(format!("{key} never existed: Flink silently ignores it"))
            .label(subject.at_key(entry, "no version reads this", true))
            .note(*why);
        if let Some(instead) = instead.filter(|instead| free(subject, instead)) {
            found = found.fix(format!("write {instead}"), subject.rename(entry, instead));
        }
        out.push(found.fix(format!("remove {key}"), subject.delete(entry)));
    }
}

/// Whether a key that the version reads is not set.
fn free(subject: &Subject<'_>, key: &str) -> bool {
    subject.conf().find(key).is_none() && standing(key, subject.version) == Standing::Fine
}

/// MEM0016.
pub(super) fn unknown(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let first = out.len();
    for (_, entry) in subject.conf().entries() {
        let key = entry.key.as_str();
        // the first key of a file with a byte order mark is told of by a rule of its own
        if key.starts_with('\u{feff}') || NEVER.iter().any(|(never, ..)| *never == key) {
            continue;
        }
        match standing(key, subject.version) {
            Standing::Fine | Standing::Removed => {}
            Standing::NotYet => out.push(not_yet(subject, entry)),
            Standing::Unknown if super::retired::is_listed(key) => {}
            // what is meant is only looked for where it is shown
            Standing::Unknown => out.push(typo(subject, entry, out.len() - first <= SHOWN)),
        }
    }
}

fn not_yet(subject: &Subject<'_>, entry: &Entry) -> Diagnostic {
    let key = entry.key.as_str();
    Diagnostic::warning(format!("Flink {} does not know {key} yet and silently ignores it", subject.version))
        .label(subject.at_key(entry, "an option of later versions", true))
        .fix(format!("remove {key}"), subject.delete(entry))
}

fn typo(subject: &Subject<'_>, entry: &Entry, shown: bool) -> Diagnostic {
    let key = entry.key.as_str();
    let mut found = Diagnostic::warning(format!("Flink knows no option {key} and silently ignores it"))
        .label(subject.at_key(entry, "unknown option", true));
    match shown.then(|| nearest(key, subject.version)).flatten() {
        Some(near) if subject.conf().find(near).is_none() => {
            found = found.fix(format!("did you mean {near}?"), subject.rename(entry, near));
        }
        Some(near) => found = found.note(format!("{near} is set elsewhere")),
        None => {}
    }
    found.fix(format!("remove {key}"), subject.delete(entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_existed_is_unknown_and_its_replacement_is_not() {
        for (never, instead, _) in NEVER {
            for version in ["1.11", "1.16", "1.20", "2.3"] {
                let version = version.parse().expect("a version");
                assert_eq!(standing(never, version), Standing::Unknown, "{never}");
            }
            let known = |key: &str| standing(key, "1.20".parse().expect("a version")) == Standing::Fine;
            assert!(instead.is_none_or(known), "{never}");
        }
    }
}
