//! Heap flags that fight the derivation: MEM0008; and what the JVM's flags meet.

use std::collections::HashMap;

use plimsoll_memory::config::{KnownKey, SourceId, Span};

use crate::bytes::{Readable, Written};
use crate::diagnostic::{Diagnostic, Edit, Label, Severity};
use crate::flags::{self, Flag, FlagKind, decided_by};
use crate::remedy::Which;
use crate::subject::Subject;

/// What the flags of a process meet.
pub(super) struct Derived {
    pub(super) heap: u64,
    /// What may be written instead of the flag.
    pub(super) heap_key: KnownKey,
    /// What decided the heap.
    pub(super) heap_by: KnownKey,
    pub(super) direct: Option<u64>,
    pub(super) direct_key: KnownKey,
    pub(super) metaspace: u64,
    pub(super) metaspace_key: KnownKey,
    pub(super) overhead: u64,
    pub(super) overhead_key: KnownKey,
}

pub(super) fn derived(subject: &Subject<'_>, which: Which) -> Option<Derived> {
    Some(match which {
        Which::TaskManager => {
            let tm = subject.tm()?;
            Derived {
                heap: tm.jvm_heap().bytes(),
                heap_key: KnownKey::TmTaskHeap,
                heap_by: decided_by(&tm.task_heap, which),
                direct: Some(tm.jvm_direct().bytes()),
                direct_key: KnownKey::TmTaskOffHeap,
                metaspace: tm.metaspace.size.bytes(),
                metaspace_key: KnownKey::TmMetaspace,
                overhead: tm.overhead.size.bytes(),
                overhead_key: KnownKey::TmOverheadMin,
            }
        }
        Which::JobManager => {
            let jm = subject.jm()?;
            Derived {
                heap: jm.heap.size.bytes(),
                heap_key: KnownKey::JmHeap,
                heap_by: decided_by(&jm.heap, which),
                direct: jm.direct_limit.value.then(|| jm.off_heap.size.bytes()),
                direct_key: KnownKey::JmOffHeap,
                metaspace: jm.metaspace.size.bytes(),
                metaspace_key: KnownKey::JmMetaspace,
                overhead: jm.overhead.size.bytes(),
                overhead_key: KnownKey::JmOverheadMin,
            }
        }
    })
}

pub(super) const BOTH: [Which; 2] = [Which::TaskManager, Which::JobManager];

/// Findings of both processes at the same flag are told once, with the notes of both.
#[derive(Default)]
pub(super) struct Twins {
    found: Vec<Diagnostic>,
    /// Which findings stand at a place.
    places: HashMap<(SourceId, Span), Vec<usize>>,
}

impl Twins {
    pub(super) fn into_found(self) -> Vec<Diagnostic> {
        self.found
    }

    pub(super) fn push(&mut self, found: Diagnostic) {
        let place = found.labels.iter().find(|l| l.primary).map(|label| (label.source, label.span));
        let here = place.and_then(|place| self.places.get(&place));
        let twin = here.into_iter().flatten().copied();
        let twin = twin.into_iter().find(|i| self.found.get(*i).is_some_and(|f| f.title == found.title));
        let Some(twin) = twin.and_then(|i| self.found.get_mut(i)) else {
            if let Some(place) = place {
                self.places.entry(place).or_default().push(self.found.len());
            }
            self.found.push(found);
            return;
        };
        merge(twin, found);
    }
}

fn merge(twin: &mut Diagnostic, found: Diagnostic) {
    let same = |a: &Label, b: &Label| a.source == b.source && a.span == b.span;
    twin.severity = twin.severity.max(found.severity);
    for label in found.labels.into_iter().filter(|label| !label.primary) {
        if !twin.labels.iter().any(|other| same(other, &label)) {
            twin.labels.push(label);
        }
    }
    for note in found.notes {
        if !twin.notes.contains(&note) {
            twin.notes.push(note);
        }
    }
    for help in found.help {
        if !twin.help.iter().any(|other| other.text == help.text) {
            twin.help.push(help);
        }
    }
}

/// MEM0008.
pub(super) fn heap(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let mut found = Twins::default();
    for which in BOTH {
        heap_of(subject, which, &mut found);
    }
    out.append(&mut found.into_found());
}

fn heap_of(subject: &Subject<'_>, which: Which, out: &mut Twins) {
    let flags: Vec<Flag> = flags::of(subject, which).into_iter().filter(|flag| flag.wins).collect();
    let heap = |flag: &&Flag| matches!(flag.kind, FlagKind::MaxHeap | FlagKind::InitialHeap);
    let last = |kind| flags.iter().rfind(|flag: &&Flag| flag.kind == kind);
    let Some(flag) = last(FlagKind::MaxHeap).or_else(|| last(FlagKind::InitialHeap)) else { return };
    // options for both processes are told of those that the configuration is for
    let (here, other) = match which {
        Which::TaskManager => (subject.task_manager.is_some(), subject.job_manager.is_some()),
        Which::JobManager => (subject.job_manager.is_some(), subject.task_manager.is_some()),
    };
    if !here && other && !flag.holder.ends_with("manager") {
        return;
    }
    let is_max = flag.kind == FlagKind::MaxHeap;
    let derived = derived(subject, which);
    if let Some(derived) = &derived
        && flags.iter().filter(heap).all(|flag| flag.bytes == Some(derived.heap))
    {
        return;
    }
    let name = if is_max { "-Xmx" } else { "-Xms" };
    let holder = &flag.holder;
    let size = flag.bytes.map_or_else(|| flag.size_text().to_owned(), |bytes| Readable(bytes).to_string());
    let label = if flag.bytes.is_none() {
        "no size that a JVM takes".to_owned()
    } else if is_max {
        format!("the last -Xmx wins: the heap is {size}")
    } else {
        format!("the last -Xms wins: the heap starts at {size}")
    };
    let mut found = Diagnostic::error(format!("{name} in {holder} overrides the heap Flink derived"))
        .label(subject.at(flag.source, flag.span, label, true));
    if flag.bytes.is_none() {
        found = found.note(
            "the JVM refuses to start with it: digits and one of k, m, g, t are needed, below 2^63 bytes",
        );
    }
    let mut instead = String::new();
    if let Some(derived) = &derived {
        let asks = if derived.heap_by == derived.heap_key {
            format!("Flink asks for a {} heap here", Readable(derived.heap))
        } else {
            format!("Flink derives a {} heap from this", Readable(derived.heap))
        };
        // the Flink size may itself follow from the process size
        let process =
            if which == Which::TaskManager { KnownKey::TmProcessSize } else { KnownKey::JmProcessSize };
        let entry = subject.set(derived.heap_by).or_else(|| subject.set(process));
        found = found.label(entry.and_then(|entry| subject.at_value(entry, asks, false)));
        if let Some(bytes) = flag.bytes {
            let note = if !is_max && bytes > derived.heap {
                format!(
                    "the {} does not start: the JVM refuses an initial heap above the maximum",
                    which.name()
                )
            } else if !is_max {
                // only -Xmx bounds the heap
                found.severity = Severity::Note;
                found.title = format!("{name} in {holder} overrides the initial heap Flink derived");
                format!("the heap still grows to the {} that Flink derived", Readable(derived.heap))
            } else if bytes < derived.heap {
                let idle = derived.heap - bytes;
                format!("{} of the container is reserved and can never be used", Readable(idle))
            } else {
                let over = bytes - derived.heap;
                format!(
                    "the heap may grow {} beyond what the process was sized for: the container is killed first",
                    Readable(over)
                )
            };
            found = found.note(note);
            let framework = subject.tm().map_or(0, |tm| tm.framework_heap.size.bytes());
            let size = match which {
                Which::JobManager => Some(flag.size_text().to_owned()),
                Which::TaskManager => bytes.checked_sub(framework).map(|task| Written(task).to_string()),
            };
            // a part beside process or Flink size moves others: named only where the part itself is set
            if let Some(size) = size.filter(|_| is_max && derived.heap_by == derived.heap_key) {
                instead = format!(", or set {}: {size}", derived.heap_key);
            }
        }
    }
    let edit = without_flags(subject, flag, &flags);
    out.push(found.fix(format!("remove -Xmx/-Xms here{instead}"), edit));
}

/// The option's value without its heap flags; the whole line where nothing else is in it.
fn without_flags(subject: &Subject<'_>, flag: &Flag, flags: &[Flag]) -> Option<Edit> {
    let (_, entry) = subject.conf().find(&flag.holder)?;
    let origin = entry.origin?;
    let raw = subject.raw(origin)?;
    let mut kept = String::new();
    let mut at = origin.value.start;
    let inside =
        |f: &&Flag| f.source == origin.source && f.span.start >= at && f.span.end <= origin.value.end;
    let gone: Vec<Span> = flags
        .iter()
        .filter(|f| matches!(f.kind, FlagKind::MaxHeap | FlagKind::InitialHeap))
        .filter(inside)
        .map(|f| f.span)
        .collect();
    for span in gone {
        kept.push_str(raw.get(at - origin.value.start..span.start - origin.value.start)?);
        at = span.end;
    }
    kept.push_str(raw.get(at - origin.value.start..)?);
    let bare = kept.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
    if bare.is_empty() {
        return subject.delete(entry);
    }
    if raw.contains(['\n', '\r']) {
        return None;
    }
    let words: Vec<_> = kept.split_whitespace().collect();
    let quotes = words.join(" ").replace("\" ", "\"").replace(" \"", "\"");
    subject.set_to(entry, quotes)
}
