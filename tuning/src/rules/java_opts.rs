//! JVM flags that fight the derivation: MEM0008, MEM0009.

use plimsoll_memory::config::{KnownKey, Span};

use super::failure::both;
use crate::bytes::{Readable, Written};
use crate::diagnostic::{Diagnostic, Edit, Label};
use crate::flags::{self, Flag, FlagKind, decided_by};
use crate::remedy::Which;
use crate::subject::Subject;

/// What the flags of a process meet.
struct Derived {
    heap: u64,
    /// What may be written instead of the flag.
    heap_key: KnownKey,
    /// What decided the heap.
    heap_by: KnownKey,
    direct: Option<u64>,
    direct_key: KnownKey,
    metaspace: u64,
    metaspace_key: KnownKey,
    overhead: u64,
    overhead_key: KnownKey,
}

fn derived(subject: &Subject<'_>, which: Which) -> Option<Derived> {
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

const BOTH: [Which; 2] = [Which::TaskManager, Which::JobManager];

/// Findings of both processes at the same flag are told once, with the notes of both.
fn push(found: Diagnostic, out: &mut Vec<Diagnostic>) {
    let same = |a: &Label, b: &Label| a.source == b.source && a.span == b.span;
    let place = |d: &Diagnostic| d.labels.iter().find(|l| l.primary).cloned();
    let twin = out.iter_mut().find(|other| {
        other.title == found.title && place(other).zip(place(&found)).is_some_and(|(a, b)| same(&a, &b))
    });
    let Some(twin) = twin else { return out.push(found) };
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
    let mut found = Vec::new();
    for which in BOTH {
        heap_of(subject, which, &mut found);
    }
    out.append(&mut found);
}

fn heap_of(subject: &Subject<'_>, which: Which, out: &mut Vec<Diagnostic>) {
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
    let holder = if flag.holder.starts_with("env.java.opts") { "env.java.opts" } else { &flag.holder };
    let size = flag.bytes.map_or_else(|| flag.size_text().to_owned(), |bytes| Readable(bytes).to_string());
    let label = if is_max {
        format!("the last -Xmx wins: the heap is {size}")
    } else {
        format!("the last -Xms wins: the heap starts at {size}")
    };
    let mut found = Diagnostic::error(format!("{name} in {holder} overrides the heap Flink derived"))
        .label(subject.at(flag.source, flag.span, label, true));
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
            if let Some(size) = size.filter(|_| derived.heap_by == derived.heap_key) {
                instead = format!(", or set {}: {size}", derived.heap_key);
            }
        }
    }
    let edit = without_flags(subject, flag, &flags);
    push(found.fix(format!("remove -Xmx/-Xms here{instead}"), edit), out);
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

/// MEM0009.
pub(super) fn limits(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let mut found = Vec::new();
    for which in BOTH {
        let derived = derived(subject, which);
        for flag in flags::of(subject, which) {
            if let Some(diagnostic) = limit(subject, which, &flag, derived.as_ref()) {
                push(diagnostic, &mut found);
            }
        }
    }
    out.append(&mut found);
}

fn limit(subject: &Subject<'_>, which: Which, flag: &Flag, derived: Option<&Derived>) -> Option<Diagnostic> {
    let at = |text: String| subject.at(flag.source, flag.span, text, true);
    let remove = |found: Diagnostic, text: String| {
        let (_, entry) =
            subject.conf().find(&flag.holder).map_or((None, None), |(id, e)| (Some(id), Some(e)));
        let edit = entry.and_then(|entry| single(subject, entry, flag));
        found.fix(text, edit)
    };
    if !flag.wins {
        if matches!(flag.kind, FlagKind::CodeCache | FlagKind::RamShare) {
            return None;
        }
        let found = Diagnostic::warning(format!("{} in {} has no effect", flag.text, flag.holder))
            .label(at("the flag that Flink derives comes later and wins".to_owned()));
        return Some(found.help("size the process by its memory options instead"));
    }
    let name = which.name();
    match flag.kind {
        FlagKind::MaxHeap | FlagKind::InitialHeap => None,
        FlagKind::RamShare => {
            let found = Diagnostic::warning("a share of the machine's memory has no effect beside -Xmx")
                .label(at("ignored: Flink always gives -Xmx".to_owned()));
            Some(remove(found, "remove it: the heap follows from the memory options".to_owned()))
        }
        FlagKind::CodeCache => {
            let (derived, bytes) = (derived?, flag.bytes?);
            (bytes >= derived.overhead).then(|| {
                Diagnostic::warning("the code cache may take all of the JVM overhead")
                    .label(at(format!("up to {}", Readable(bytes))))
                    .note(format!("the overhead of the {name} is {}", both(derived.overhead)))
                    .help(format!("raise {} by the code cache", derived.overhead_key))
            })
        }
        FlagKind::MaxDirect | FlagKind::MaxMetaspace => {
            let (derived, bytes) = (derived?, flag.bytes?);
            let (what, size, key) = if flag.kind == FlagKind::MaxDirect {
                ("direct memory", derived.direct, derived.direct_key)
            } else {
                ("metaspace", Some(derived.metaspace), derived.metaspace_key)
            };
            // a JobManager without an enforced limit only knows how much it planned for
            let size = size?;
            if size == bytes {
                return None;
            }
            let effect = if bytes > size {
                format!(
                    "{} more than the process was sized for: the container is killed first",
                    Readable(bytes - size)
                )
            } else {
                format!("{} of what was planned for can never be used", Readable(size - bytes))
            };
            let found = Diagnostic::warning(format!("a flag overrides the {what} limit Flink derived"))
                .label(at(format!("the last one wins: {}", Readable(bytes))))
                .label(subject.set(key).and_then(|e| subject.at_value(e, "Flink's own option", false)))
                .note(format!("Flink derived {} for the {name}; {effect}", both(size)));
            let text = if flag.kind == FlagKind::MaxMetaspace {
                format!("remove it and set {key}: {}", Written(bytes))
            } else if bytes > size {
                format!("remove it and raise {key} by {}", Written(bytes - size))
            } else {
                "remove it".to_owned()
            };
            Some(remove(found, text))
        }
    }
}

/// Takes one flag out of its option.
fn single(subject: &Subject<'_>, entry: &plimsoll_memory::config::Entry, flag: &Flag) -> Option<Edit> {
    let origin = entry.origin?;
    let raw = subject.raw(origin)?;
    let bare = raw.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
    if bare == flag.text {
        return subject.delete(entry);
    }
    let text = &subject.source(flag.source)?.text;
    // the blank before the flag goes with it, or else the one behind it
    let blank_before = text.get(..flag.span.start)?.ends_with(' ');
    let blank_behind = text.get(flag.span.end..)?.starts_with(' ');
    let (start, end, column) = match (blank_before && flag.span.start > origin.value.start, blank_behind) {
        (true, _) => (flag.span.start - 1, flag.span.end, flag.span.column.saturating_sub(1)),
        (false, true) => (flag.span.start, flag.span.end + 1, flag.span.column),
        (false, false) => (flag.span.start, flag.span.end, flag.span.column),
    };
    subject.edit(flag.source, Span { start, end, line: flag.span.line, column }, "")
}
