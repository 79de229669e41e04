//! Other JVM flags that override or ignore a derived limit: MEM0009.

use plimsoll_memory::config::Span;

use super::failure::both;
use super::java_opts::{BOTH, Derived, Twins, derived};
use crate::bytes::{Readable, Written};
use crate::diagnostic::{Diagnostic, Edit};
use crate::flags::{self, Flag, FlagKind};
use crate::remedy::Which;
use crate::subject::Subject;

/// MEM0009.
pub(super) fn limits(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let mut found = Twins::default();
    for which in BOTH {
        let derived = derived(subject, which);
        for flag in flags::of(subject, which) {
            if let Some(diagnostic) = limit(subject, which, &flag, derived.as_ref()) {
                found.push(diagnostic);
            }
        }
    }
    out.append(&mut found.into_found());
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
