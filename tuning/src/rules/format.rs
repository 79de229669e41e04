//! Lines that Flink reads otherwise than they look: MEM0024.

use std::collections::HashMap;

use plimsoll_memory::config::{Entry, Finding, FindingKind, Malformed, SourceId, Span};

use crate::diagnostic::{Diagnostic, Severity};
use crate::keys::{Standing, standing};
use crate::subject::Subject;

/// MEM0024.
pub(super) fn check(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    out.extend(nested(subject));
    out.extend(utf16(subject));
    duplicates(subject, out);
    let entries = Entries::of(subject);
    out.extend(subject.loaded.findings.iter().filter_map(|finding| one(subject, &entries, finding)));
}

/// The entries by the places of their keys and values.
struct Entries<'a>(HashMap<(SourceId, Span), &'a Entry>);

impl<'a> Entries<'a> {
    fn of(subject: &Subject<'a>) -> Self {
        let mut places = HashMap::new();
        for (_, entry) in subject.conf().entries() {
            let Some(origin) = entry.origin else { continue };
            places.entry((origin.source, origin.value)).or_insert(entry);
            places.entry((origin.source, origin.key)).or_insert(entry);
        }
        Self(places)
    }
}

/// A file in UTF-16: read as UTF-8 it has no key that Flink knows.
fn utf16(subject: &Subject<'_>) -> Option<Diagnostic> {
    let source = subject.source(SourceId(0)).filter(|source| is_utf16(&source.text))?;
    let end = source.text.chars().next().map_or(0, char::len_utf8);
    let span = Span { start: 0, end, line: 1, column: 1 };
    let found = Diagnostic::error("the file is UTF-16: Flink reads UTF-8 and finds no option in it")
        .label(subject.at(SourceId(0), span, "two bytes for each character", true))
        .help("save the file as UTF-8, without a byte order mark");
    Some(found)
}

/// Whether a text that was read as UTF-8 is UTF-16: both bytes of its mark were replaced, or it is full of NULs.
fn is_utf16(text: &str) -> bool {
    let nulls = || text.bytes().filter(|b| *b == 0).count();
    text.starts_with("\u{fffd}\u{fffd}") && text.contains('\0') || text.len() > 3 && nulls() > text.len() / 4
}

/// One finding for each key that is set more than once: of all its lines only the last counts.
fn duplicates(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let mut places: HashMap<(SourceId, &str), Vec<Span>> = HashMap::new();
    let mut keys = Vec::new();
    for finding in &subject.loaded.findings {
        let FindingKind::Duplicate { key, earlier } = &finding.kind else { continue };
        if !is_ours(key) {
            continue;
        }
        let spans = places.entry((finding.source, key)).or_insert_with(|| {
            keys.push((finding.source, key.as_ref()));
            vec![*earlier]
        });
        spans.push(finding.span);
    }
    for (source, key) in keys {
        let spans = places.get(&(source, key)).map_or(&[][..], Vec::as_slice);
        let Some((last, others)) = spans.split_last() else { continue };
        let times = match spans.len() {
            2 => "twice".to_owned(),
            n => format!("{n} times"),
        };
        let mut found = Diagnostic::warning(format!("{key} is set {times}: the last one wins"))
            .label(subject.at(source, *last, "this one counts", true));
        for earlier in others.iter().take(MARKED) {
            found = found.label(subject.at(source, *earlier, "this one does not", false));
        }
        if let Some(more) = others.len().checked_sub(MARKED).filter(|more| *more > 0) {
            let s = if more == 1 { "" } else { "s" };
            found = found.note(format!("{more} more line{s} set it and do not count"));
        }
        out.push(found.help(if others.len() == 1 { "remove one of the two" } else { "remove all but one" }));
    }
}

/// At most so many lines of a nested map are marked.
const MARKED: usize = 6;

/// One finding for all nested lines of a file, if any of them is about memory.
fn nested(subject: &Subject<'_>) -> Option<Diagnostic> {
    let is_nested = |finding: &&Finding| {
        matches!(finding.kind, FindingKind::NestingIgnored | FindingKind::MalformedLine(Malformed::Nesting))
    };
    let findings: Vec<_> = subject.loaded.findings.iter().filter(is_nested).collect();
    let slice =
        |finding: &Finding| subject.source(finding.source)?.text.get(finding.span.start..finding.span.end);
    let first = findings.first()?;
    findings.iter().find(|finding| slice(finding).is_some_and(is_ours))?;
    let mut found =
        Diagnostic::warning("the line parser of Flink 1.x knows no nesting: none of these options is set");
    for (i, finding) in findings.iter().take(MARKED).enumerate() {
        let label = match finding.kind {
            FindingKind::NestingIgnored => "read as this key alone",
            _ => "dropped",
        };
        found = found.label(subject.at(finding.source, finding.span, label, i == 0));
    }
    if let Some(more) = findings.len().checked_sub(MARKED).filter(|more| *more > 0) {
        found = found.note(format!("{more} more lines are nested"));
    }
    let name = subject.source(first.source).map_or("", |source| source.name.as_str());
    if subject.rules.standard_yaml && name.ends_with("flink-conf.yaml") {
        found = found.note("Flink 1.19 and later read nested maps from config.yaml");
    }
    Some(found.help("write the whole dotted key on one line"))
}

/// Whether a line is about an option of the processes: a broken line of another kind is none of ours, but a line that
/// is dropped whole may be anything.
fn is_ours(key: &str) -> bool {
    ["taskmanager", "jobmanager", "state.backend", "env.java", "process.size", "flink.size", "memory", "heap"]
        .iter()
        .any(|word| key.contains(word))
}

fn one(subject: &Subject<'_>, entries: &Entries<'_>, finding: &Finding) -> Option<Diagnostic> {
    let Finding { source, span, kind } = finding;
    let text = &subject.source(*source)?.text;
    let slice = text.get(span.start..span.end)?;
    let warn =
        |title: &str, label: &str| Diagnostic::warning(title).label(subject.at(*source, *span, label, true));
    let entry = || entries.0.get(&(*source, *span)).copied();
    Some(match kind {
        FindingKind::MalformedLine(why) => dropped(subject, finding, slice, *why)?,
        FindingKind::QuotesKept => {
            let entry = entry()?;
            // flags may stand in quotes: the start scripts take them off; a size in quotes has its own rule
            let ours = is_ours(entry.key.as_str()) && !entry.key.as_str().starts_with("env.java");
            if !ours || unreadable(subject, entry.key.as_str()) {
                return None;
            }
            let bare = slice.trim_matches(['"', '\'']).to_owned();
            warn("the line parser of Flink 1.x keeps the quotes", "the quotes are part of the value")
                .fix(format!("write {}: {bare}", entry.key), subject.set_to(entry, bare))
        }
        FindingKind::CommentInValue => {
            let line = text.get(..span.start)?.rsplit('\n').next()?;
            if !is_ours(line) {
                return None;
            }
            let edit = subject.edit(*source, Span { end: span.start, ..*span }, " ");
            warn("a # ends the value", "the rest of the line is a comment")
                .fix("if it is a comment, put a blank before it", edit)
        }
        FindingKind::EmptyValue => {
            let entry =
                entry().filter(|e| is_ours(e.key.as_str()) && !unreadable(subject, e.key.as_str()))?;
            Diagnostic::warning(format!("{} has no value", entry.key))
                .label(subject.at_key(entry, "an empty text", true))
                .fix(format!("remove {}", entry.key), subject.delete(entry))
        }
        FindingKind::BadEncoding { stretches } => {
            if is_utf16(text) {
                return None;
            }
            let label = match stretches {
                1 => "one stretch of the file is no UTF-8".to_owned(),
                n => format!("{n} stretches of the file are no UTF-8"),
            };
            Diagnostic::new(Severity::Note, "the file is not UTF-8")
                .label(subject.at(*source, *span, label, true))
                .help("save the file as UTF-8")
        }
        FindingKind::ByteOrderMark { in_key } => {
            if !in_key {
                return None;
            }
            warn("a byte order mark becomes part of the first key", "here")
                .note("Flink does not find the option of the first line")
                .fix("save the file without it", subject.edit(*source, *span, ""))
        }
        _ => return None,
    })
}

/// Whether a failure of the model tells of this key already.
fn unreadable(subject: &Subject<'_>, key: &str) -> bool {
    let tm = subject.task_manager.as_ref().map_or(&[][..], |p| p.failures());
    let jm = subject.job_manager.as_ref().map_or(&[][..], |p| p.failures());
    tm.iter().chain(jm).any(|failure| failure.blame.iter().any(|blamed| blamed.as_str() == key))
}

fn dropped(subject: &Subject<'_>, finding: &Finding, slice: &str, why: Malformed) -> Option<Diagnostic> {
    let Finding { source, span, .. } = finding;
    if !is_ours(slice) {
        return None;
    }
    let label = match why {
        Malformed::Nesting => return None,
        Malformed::NoColon => "no colon",
        Malformed::NoBlankAfterColon => "no blank after the colon",
        Malformed::TabAfterColon => "a tab where a blank is needed",
        Malformed::NoValue => "no value",
        Malformed::EmptyKey => "no key",
    };
    let found = Diagnostic::warning("Flink drops this line").label(subject.at(*source, *span, label, true));
    let joined = match why {
        Malformed::NoBlankAfterColon => slice.split_once(':'),
        Malformed::TabAfterColon => slice.split_once(":\t").map(|(key, value)| (key, value.trim_start())),
        Malformed::NoColon => slice.split_once('=').map(|(key, value)| (key.trim(), value.trim())),
        Malformed::Nesting | Malformed::NoValue | Malformed::EmptyKey => None,
    };
    let joined = joined.filter(|(key, value)| {
        !value.trim().is_empty()
            && !key.trim().is_empty()
            && !key.contains(char::is_whitespace)
            && standing(key.trim(), subject.version) != Standing::Unknown
    });
    Some(if let Some((key, value)) = joined {
        let line = format!("{}: {}", key.trim(), value.trim());
        let edit = subject.edit(*source, *span, line.as_str());
        found.fix(format!("write {line}"), edit)
    } else {
        found.help("write key: value, with a blank after the colon")
    })
}
