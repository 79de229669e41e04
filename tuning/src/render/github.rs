//! Annotations of GitHub's workflows: one line for each finding.

use std::fmt::Write as _;

use plimsoll_memory::config::SourceKind;

use super::{is_hostile, visible};
use crate::check::Report;
use crate::diagnostic::{Diagnostic, Severity};
use crate::subject::Subject;

/// One workflow command for each finding. A finding on the command line or in standard input names no file.
pub fn github(report: &Report, subject: &Subject<'_>) -> String {
    let mut out = String::new();
    for diagnostic in &report.diagnostics {
        one(diagnostic, subject, &mut out);
    }
    out
}

fn one(diagnostic: &Diagnostic, subject: &Subject<'_>, out: &mut String) {
    let command = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let _ = write!(out, "::{command} ");
    if let Some(label) = diagnostic.place()
        && let Some(source) = subject.source(label.source)
        && matches!(source.kind, SourceKind::File | SourceKind::Environment)
    {
        let (line, column) = (label.span.line, label.span.column);
        let inside = source.text.get(label.span.start..label.span.end).unwrap_or_default();
        let _ = write!(out, "file={},line={line},col={column},", property(&source.name));
        // an end in another line has no column of this one
        if !inside.contains(['\n', '\r']) && !inside.is_empty() {
            let end = u64::from(column) + inside.chars().count() as u64 - 1;
            let _ = write!(out, "endColumn={end},");
        }
    }
    let mut message = visible(&diagnostic.title);
    for label in diagnostic.labels.iter().filter(|label| !label.text.is_empty()) {
        let _ = write!(message, "\nline {}: {}", label.span.line, visible(&label.text));
    }
    for note in &diagnostic.notes {
        let _ = write!(message, "\nnote: {}", visible(note));
    }
    for help in &diagnostic.help {
        let _ = write!(message, "\nhelp: {}", visible(&help.text));
    }
    let title = format!("{} {}", diagnostic.code, diagnostic.name);
    let _ = writeln!(out, "title={}::{}", property(&title), data(&message));
}

/// The message: percent, carriage return and line feed are escaped.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property: colon and comma too.
fn property(text: &str) -> String {
    let shown: String = text
        .chars()
        .map(|c| if is_hostile(c) && !matches!(c, '\r' | '\n') { '\u{fffd}' } else { c })
        .collect();
    data(&shown).replace(':', "%3A").replace(',', "%2C")
}
