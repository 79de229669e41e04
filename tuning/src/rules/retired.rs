//! Keys of other versions: MEM0014.

use plimsoll_memory::config::{Entry, KnownKey};

use crate::diagnostic::{Diagnostic, Edit, Severity};
use crate::keys::{Standing, standing};
use crate::subject::{Deployment, Subject, resolve};

/// A key that Flink still reads in place of another.
struct Renamed {
    old: KnownKey,
    /// In a standalone cluster.
    new: KnownKey,
    /// In containers.
    container: KnownKey,
}

const fn renamed(old: KnownKey, new: KnownKey) -> Renamed {
    Renamed { old, new, container: new }
}

const RENAMED: [Renamed; 9] = [
    Renamed { old: KnownKey::TmHeapSize, new: KnownKey::TmFlinkSize, container: KnownKey::TmProcessSize },
    Renamed { old: KnownKey::TmHeapMb, new: KnownKey::TmFlinkSize, container: KnownKey::TmProcessSize },
    Renamed { old: KnownKey::JmHeapSize, new: KnownKey::JmHeap, container: KnownKey::JmProcessSize },
    Renamed { old: KnownKey::JmHeapMb, new: KnownKey::JmHeap, container: KnownKey::JmProcessSize },
    renamed(KnownKey::TmManagedSizeOld, KnownKey::TmManagedSize),
    renamed(KnownKey::TmNetworkMinOld, KnownKey::TmNetworkMin),
    renamed(KnownKey::TmNetworkMaxOld, KnownKey::TmNetworkMax),
    renamed(KnownKey::TmNetworkFractionOld, KnownKey::TmNetworkFraction),
    renamed(KnownKey::TmNumberOfBuffers, KnownKey::TmNetworkMin),
];

/// Keys that versions before 1.10 read, and what stands for them.
const IGNORED: [(&str, &str); 8] = [
    ("taskmanager.memory.fraction", "taskmanager.memory.managed.fraction, whose base is all of Flink memory"),
    ("taskmanager.memory.off-heap", "nothing: managed memory is always off-heap"),
    ("taskmanager.memory.preallocate", "nothing: managed memory is always taken when it is needed"),
    ("containerized.heap-cutoff-ratio", "the JVM overhead and the off-heap sizes"),
    ("containerized.heap-cutoff-min", "the JVM overhead and the off-heap sizes"),
    ("yarn.heap-cutoff-ratio", "the JVM overhead and the off-heap sizes"),
    ("yarn.heap-cutoff-min", "the JVM overhead and the off-heap sizes"),
    ("mesos.resourcemanager.tasks.mem", "taskmanager.memory.process.size"),
];

/// MEM0014.
pub(super) fn check(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for (_, entry) in subject.conf().entries() {
        let key = entry.key.as_str();
        let removed = standing(key, subject.version) == Standing::Removed;
        let replaced = RENAMED.iter().find(|r| r.old.as_str() == key);
        let found = match replaced {
            Some(renamed) => Some(renamed_key(subject, entry, renamed, removed)),
            None => ignored_key(subject, entry, removed),
        };
        out.extend(found);
    }
}

/// Whether the listed key is still read by some process of the version.
fn still_read(key: &str, subject: &Subject<'_>) -> bool {
    key.contains("heap-cutoff") && (subject.version.major, subject.version.minor) == (1, 10)
}

fn ignored_key(subject: &Subject<'_>, entry: &Entry, removed: bool) -> Option<Diagnostic> {
    let key = entry.key.as_str();
    let instead = IGNORED.iter().find(|(old, _)| *old == key).filter(|_| !still_read(key, subject));
    if instead.is_none() && !removed {
        return None;
    }
    let mut found = Diagnostic::warning(format!("Flink {} silently ignores {key}", subject.version))
        .label(subject.at_key(entry, "an option of older versions", true));
    if let Some((_, instead)) = instead {
        found = found.note(format!("in its place: {instead}"));
    }
    Some(found.fix(format!("remove {key}"), subject.delete(entry)))
}

fn renamed_key(subject: &Subject<'_>, entry: &Entry, renamed: &Renamed, removed: bool) -> Diagnostic {
    let Renamed { old, new, container } = *renamed;
    let in_container = matches!(subject.deployment, Deployment::Kubernetes | Deployment::Yarn);
    let target = if in_container { container } else { new };
    let other_is_set =
        resolve(subject.conf(), target, false).is_some_and(|(_, e)| e.key.as_str() != old.as_str());
    let buffers = old == KnownKey::TmNumberOfBuffers;
    let other_is_set = other_is_set || buffers && modern_network(subject);
    // a version that no longer reads the old size has another one, or fails and says so: a second size would clash
    let heap = new != container;
    let sized = if old.as_str().starts_with('t') { subject.tm().is_some() } else { subject.jm().is_some() };
    let other_is_set = other_is_set || removed && heap && sized;
    if removed || other_is_set {
        let why = if removed {
            format!("Flink {} no longer reads it", subject.version)
        } else {
            format!("{target} is set, and wins")
        };
        let severity = if removed { Severity::Warning } else { Severity::Note };
        let mut found =
            Diagnostic::new(severity, format!("{old} has no effect")).label(subject.at_key(entry, why, true));
        if !other_is_set && !buffers {
            found = found.fix(format!("write {target} instead"), rewrite(subject, entry, old, target));
        }
        return found.fix(format!("remove {old}"), subject.delete(entry));
    }
    let title = format!("{old} is an old name of {target}");
    let mut found = Diagnostic::new(Severity::Note, title).label(subject.at_key(entry, "still read", true));
    if heap {
        found.severity = Severity::Warning;
        found.title = format!("{old} means another size by deployment");
        found = found.note(format!("a standalone cluster reads it as {new}, containers as {container}"));
    }
    if buffers {
        "a number of network buffers fixes the network memory".clone_into(&mut found.title);
        return found.help("size the network by taskmanager.memory.network.min, max and fraction");
    }
    found.fix(format!("write {target} instead"), rewrite(subject, entry, old, target))
}

fn modern_network(subject: &Subject<'_>) -> bool {
    [KnownKey::TmNetworkMin, KnownKey::TmNetworkMax, KnownKey::TmNetworkFraction]
        .iter()
        .any(|key| subject.set(*key).is_some())
}

/// The new key; the old ones in mebibytes get their unit.
fn rewrite(subject: &Subject<'_>, entry: &Entry, old: KnownKey, to: KnownKey) -> Option<Edit> {
    if !matches!(old, KnownKey::TmHeapMb | KnownKey::JmHeapMb) {
        return subject.rename(entry, to.as_str());
    }
    let origin = entry.origin?;
    subject.delete(entry)?;
    let span = plimsoll_memory::config::Span { end: origin.value.end, ..origin.key };
    subject.edit(origin.source, span, format!("{to}: {}m", entry.value.text().trim()))
}

/// Whether a key has its own words here, so that it is no typo.
pub(super) fn is_listed(key: &str) -> bool {
    IGNORED.iter().any(|(old, _)| *old == key) || RENAMED.iter().any(|r| r.old.as_str() == key)
}
