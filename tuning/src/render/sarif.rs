//! SARIF 2.1.0, for code scanning.

use plimsoll_memory::config::{Source, SourceKind, Span};
use serde_json::{Value, json};

use super::json::escape_deletes;
use crate::check::Report;
use crate::diagnostic::{Diagnostic, Edit, Label, Severity};
use crate::rules::{RULES, Rule, explain_rule};
use crate::subject::Subject;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// The report as a SARIF log with one run: all rules, the findings with their places and fixes.
pub fn sarif(report: &Report, subject: &Subject<'_>) -> String {
    let results: Vec<Value> = report.diagnostics.iter().map(|d| result(d, subject)).collect();
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "memcalc",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": RULES.iter().map(rule).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    let mut text = serde_json::to_string_pretty(&log).unwrap_or_default();
    text.push('\n');
    escape_deletes(text)
}

fn level(severity: Severity) -> &'static str {
    severity.as_str()
}

fn rule(rule: &Rule) -> Value {
    let story = explain_rule(rule.code).unwrap_or_default();
    json!({
        "id": rule.code,
        "name": rule.name,
        "shortDescription": { "text": rule.summary },
        "fullDescription": { "text": rule.story.trim() },
        "help": { "text": story, "markdown": story },
        "defaultConfiguration": { "level": level(rule.severity) },
        "properties": { "source": rule.source },
    })
}

fn result(diagnostic: &Diagnostic, subject: &Subject<'_>) -> Value {
    let mut message = diagnostic.title.clone();
    for note in &diagnostic.notes {
        message.push_str("\nnote: ");
        message.push_str(note);
    }
    for help in &diagnostic.help {
        message.push_str("\nhelp: ");
        message.push_str(&help.text);
    }
    let index = RULES.iter().position(|rule| rule.code == diagnostic.code).unwrap_or_default();
    let primary: Vec<Value> =
        diagnostic.place().into_iter().filter_map(|label| location(label, subject, None)).collect();
    let others = diagnostic.labels.iter().filter(|label| Some(*label) != diagnostic.place());
    let related: Vec<Value> =
        others.enumerate().filter_map(|(id, label)| location(label, subject, Some(id + 1))).collect();
    let fixes: Vec<Value> = diagnostic
        .help
        .iter()
        .filter_map(|help| Some((help, help.edit.as_ref()?)))
        .filter_map(|(help, edit)| fix(&help.text, edit, subject))
        .collect();
    let mut result = json!({
        "ruleId": diagnostic.code,
        "ruleIndex": index,
        "level": level(diagnostic.severity),
        "message": { "text": message },
        "locations": primary,
    });
    if let Value::Object(members) = &mut result {
        // empty lists are left out: a fix, where there is the member, must have at least one change
        for (name, list) in [("relatedLocations", related), ("fixes", fixes)] {
            if !list.is_empty() {
                members.insert(name.to_owned(), Value::Array(list));
            }
        }
    }
    result
}

fn location(label: &Label, subject: &Subject<'_>, id: Option<usize>) -> Option<Value> {
    let source = subject.source(label.source)?;
    let physical = json!({
        "artifactLocation": { "uri": uri(source) },
        "region": region(source, label.span),
    });
    let mut location = json!({ "physicalLocation": physical });
    if let Value::Object(members) = &mut location {
        if !label.text.is_empty() {
            members.insert("message".to_owned(), json!({ "text": label.text }));
        }
        if let Some(id) = id {
            members.insert("id".to_owned(), json!(id));
        }
    }
    Some(location)
}

fn fix(text: &str, edit: &Edit, subject: &Subject<'_>) -> Option<Value> {
    let source = subject.source(edit.source)?;
    Some(json!({
        "description": { "text": text },
        "artifactChanges": [{
            "artifactLocation": { "uri": uri(source) },
            "replacements": [{
                "deletedRegion": region(source, edit.span),
                "insertedContent": { "text": edit.replacement },
            }],
        }],
    }))
}

/// Lines and columns from 1; the end column is the one behind the last character.
fn region(source: &Source, span: Span) -> Value {
    let inside = source.text.get(span.start..span.end).unwrap_or_default();
    let lines = u32::try_from(inside.matches('\n').count()).unwrap_or(u32::MAX);
    let last = inside.rsplit('\n').next().unwrap_or_default().chars().count();
    let last = u32::try_from(last).unwrap_or(u32::MAX);
    let end_column = if lines == 0 { span.column.saturating_add(last) } else { last.saturating_add(1) };
    json!({
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.line.saturating_add(lines),
        "endColumn": end_column,
    })
}

/// A URI reference: what is no path character is percent-encoded.
fn uri(source: &Source) -> String {
    use std::fmt::Write as _;
    if !matches!(source.kind, SourceKind::File | SourceKind::Environment) {
        return "stdin".to_owned();
    }
    let mut out = String::new();
    for byte in source.name.replace('\\', "/").bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
