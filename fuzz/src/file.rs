//! What must hold of a loaded file, whichever its format.

use plimsoll_memory::config::{ConfigFile, Format, Source, SourceKind, Span, load};
use plimsoll_memory::model::Ruleset;

/// A span lies in its text, on the borders of characters, and its line and column are those of its start.
pub(crate) fn check_span(text: &str, span: Span) {
    assert!(text.get(span.start..span.end).is_some(), "{span:?} of {} bytes", text.len());
    assert!(span.line >= 1 && span.column >= 1, "{span:?}");
}

/// The text of a span.
pub(crate) fn shown(text: &str, span: Span) -> &str {
    check_span(text, span);
    text.get(span.start..span.end).unwrap_or_default()
}

/// Loads bytes as a file and checks every place that is named. Twice: the answers are equal.
pub(crate) fn check(rules: &'static Ruleset, bytes: &[u8], format: Format) {
    let file =
        ConfigFile { path: "conf/file", absolute_path: "/conf/file", bytes, format, kind: SourceKind::File };
    let dynamic = [("taskmanager.numberOfTaskSlots".to_owned(), "2".to_owned())];
    let loaded = load(rules, &file, &dynamic);
    let again = load(rules, &file, &dynamic);
    match (loaded, again) {
        (Ok(loaded), Ok(again)) => {
            let text = |source: usize| loaded.sources.get(source).map_or("", |s: &Source| s.text.as_str());
            for (id, entry) in loaded.configuration.entries() {
                let origin = entry.origin.expect("what is loaded has an origin");
                assert!(usize::from(origin.source.0) < loaded.sources.len());
                check_span(text(origin.source.0.into()), origin.key);
                check_span(text(origin.source.0.into()), origin.value);
                let found = loaded.configuration.find(entry.key.as_str()).map(|(id, _)| id);
                assert_eq!(found, Some(id), "{}", entry.key);
            }
            for finding in &loaded.findings {
                check_span(text(finding.source.0.into()), finding.span);
            }
            let entries = |l: &plimsoll_memory::config::Loaded| {
                l.configuration.entries().map(|(_, entry)| format!("{entry:?}")).collect::<Vec<_>>()
            };
            assert_eq!(entries(&loaded), entries(&again));
            assert_eq!(loaded.log, again.log);
            assert_eq!(loaded.findings, again.findings);
        }
        (Err(failure), Err(again)) => {
            assert!(!failure.message.is_empty());
            if let Some(span) = failure.span {
                check_span(&failure.source.text, span);
            }
            assert_eq!(failure, again);
        }
        (loaded, again) => panic!("{} and then {}", loaded.is_ok(), again.is_ok()),
    }
}
