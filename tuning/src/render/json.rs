//! JSON for programs: stable names, raw bytes, every edit.

use plimsoll_memory::config::{SourceId, Span};
use serde::Serialize;

use crate::check::Report;
use crate::diagnostic::{Diagnostic, Severity};
use crate::subject::Subject;

/// The version of the schema; it grows when a member changes its meaning or goes.
pub const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    flink_version: String,
    errors: usize,
    warnings: usize,
    notes: usize,
    diagnostics: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Item<'a> {
    code: &'a str,
    name: &'a str,
    severity: Severity,
    title: &'a str,
    labels: Vec<LabelItem<'a>>,
    notes: &'a [String],
    help: Vec<HelpItem<'a>>,
}

#[derive(Serialize)]
struct LabelItem<'a> {
    file: &'a str,
    span: SpanItem,
    text: &'a str,
    primary: bool,
}

#[derive(Serialize)]
struct HelpItem<'a> {
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    edit: Option<EditItem<'a>>,
}

#[derive(Serialize)]
struct EditItem<'a> {
    file: &'a str,
    span: SpanItem,
    replacement: &'a str,
}

/// Bytes from 0, the end not included; lines and columns (characters) from 1.
#[derive(Serialize)]
struct SpanItem {
    start: usize,
    end: usize,
    line: u32,
    column: u32,
}

impl From<Span> for SpanItem {
    fn from(span: Span) -> Self {
        let Span { start, end, line, column } = span;
        Self { start, end, line, column }
    }
}

/// The report as one JSON document, indented, with an end of line.
pub fn json(report: &Report, subject: &Subject<'_>) -> String {
    let document = Document {
        schema_version: SCHEMA_VERSION,
        flink_version: subject.version.to_string(),
        errors: report.count(Severity::Error),
        warnings: report.count(Severity::Warning),
        notes: report.count(Severity::Note),
        diagnostics: report.diagnostics.iter().map(|d| item(d, subject)).collect(),
    };
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    escape_deletes(text)
}

/// JSON escapes the control characters of ASCII but two kinds: DEL, and those from U+0080 on. A terminal may act on
/// them.
pub(super) fn escape_deletes(text: String) -> String {
    use std::fmt::Write as _;
    if !text.chars().any(acts) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if acts(c) {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// Outside of strings JSON has only blanks and ends of lines, so what is found here stands in a string.
fn acts(c: char) -> bool {
    c != '\n' && super::is_hostile(c)
}

fn item<'a>(diagnostic: &'a Diagnostic, subject: &'a Subject<'_>) -> Item<'a> {
    let file = |id: SourceId| subject.source(id).map_or("", |source| source.name.as_str());
    let Diagnostic { code, name, severity, title, labels, notes, help } = diagnostic;
    let label = |l: &'a crate::diagnostic::Label| LabelItem {
        file: file(l.source),
        span: l.span.into(),
        text: &l.text,
        primary: l.primary,
    };
    let edit = |e: &'a crate::diagnostic::Edit| EditItem {
        file: file(e.source),
        span: e.span.into(),
        replacement: &e.replacement,
    };
    Item {
        code,
        name,
        severity: *severity,
        title,
        labels: labels.iter().map(label).collect(),
        notes,
        help: help.iter().map(|h| HelpItem { text: &h.text, edit: h.edit.as_ref().map(edit) }).collect(),
    }
}
