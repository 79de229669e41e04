//! Text in the manner of rustc.

use annotate_snippets::{Annotation, AnnotationKind, Element, Group, Level, Renderer, Snippet};
use plimsoll_memory::config::{Source, SourceId};

use super::{is_hostile, visible};
use crate::check::Report;
use crate::diagnostic::{Diagnostic, Label, Severity};
use crate::subject::Subject;

/// How the text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextStyle {
    /// Colour, by ANSI escapes.
    pub colour: bool,
    /// The width of the terminal; long lines of sources are cut around what is pointed at.
    pub width: usize,
}

impl Default for TextStyle {
    fn default() -> Self {
        Self { colour: false, width: 140 }
    }
}

/// The whole report; a blank line after each finding, a sum at the end.
pub fn text(report: &Report, subject: &Subject<'_>, style: TextStyle) -> String {
    let mut out = String::new();
    let renderer = if style.colour { Renderer::styled() } else { Renderer::plain() };
    let width = style.width.max(40);
    let renderer = renderer.term_width(width);
    for diagnostic in &report.diagnostics {
        out.push_str(&one(diagnostic, subject, &renderer, width));
        out.push_str("\n\n");
    }
    if let Some(sum) = sum(report) {
        out.push_str(&sum);
        out.push('\n');
    }
    out
}

/// `2 errors, 1 warning`.
fn sum(report: &Report) -> Option<String> {
    let count = |severity: Severity| {
        let n = report.count(severity);
        let s = if n == 1 { "" } else { "s" };
        (n > 0).then(|| format!("{n} {}{s}", severity.as_str()))
    };
    let parts: Vec<_> =
        [Severity::Error, Severity::Warning, Severity::Note].into_iter().filter_map(count).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn one(diagnostic: &Diagnostic, subject: &Subject<'_>, renderer: &Renderer, width: usize) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level.primary_title(visible(&diagnostic.title)).id(diagnostic.code);
    let mut group = Group::with_title(title);
    let mut sources: Vec<SourceId> = Vec::new();
    for label in &diagnostic.labels {
        if !sources.contains(&label.source) {
            sources.push(label.source);
        }
    }
    for id in sources {
        let Some(source) = subject.source(id) else { continue };
        let labels: Vec<&Label> = diagnostic.labels.iter().filter(|label| label.source == id).collect();
        // lines are cut around all that is pointed at: of long ones each needs a view of its own
        if labels.iter().any(|label| line_width(source, label, width) + GUTTER > width) {
            for label in labels {
                group = group.element(snippet(source, &[label]));
            }
        } else {
            for near in neighbours(labels) {
                group = group.element(snippet(source, &near));
            }
        }
    }
    if diagnostic.labels.is_empty()
        && let Some(source) = subject.source(SourceId(0))
    {
        group = group.element(annotate_snippets::Origin::path(visible(&source.name)));
    }
    let notes = diagnostic.notes.iter().map(|note| Element::from(Level::NOTE.message(visible(note))));
    let mut fixable = diagnostic.edit().is_some();
    let help = diagnostic.help.iter().map(|help| {
        let mut text = visible(&help.text);
        if fixable && help.edit.is_some() {
            text.push_str("   [fixable]");
            fixable = false;
        }
        Element::from(Level::HELP.message(text))
    });
    let elements: Vec<_> = notes.chain(help).collect();
    renderer.render(&[group.elements(elements)])
}

/// What stands before a line: its number, a bar.
const GUTTER: usize = 10;

/// How many characters the line of a label has; of a line that is longer than `enough` only that it is.
fn line_width(source: &Source, label: &Label, enough: usize) -> usize {
    let before = source.text.get(..label.span.start).unwrap_or_default();
    let after = source.text.get(label.span.start..).unwrap_or_default();
    let is_end = |c: &char| matches!(c, '\n' | '\r');
    let start = before.chars().rev().take_while(|c| !is_end(c)).take(enough).count();
    start + after.chars().take_while(|c| !is_end(c)).take(enough).count()
}

/// Labels farther apart than so many bytes get views of their own: what lies between is read for each finding.
const FAR: usize = 1 << 16;

/// No terminal is as wide, in bytes.
const LONG: usize = 1 << 14;

/// Groups of labels that are near each other, in their order.
fn neighbours(labels: Vec<&Label>) -> Vec<Vec<&Label>> {
    let start = |labels: &[&Label]| labels.iter().map(|label| label.span.start).min().unwrap_or_default();
    let end = |labels: &[&Label]| labels.iter().map(|label| label.span.end).max().unwrap_or_default();
    let mut groups: Vec<Vec<&Label>> = Vec::new();
    for label in labels {
        let near = groups.iter_mut().find(|group| {
            start(group).min(label.span.start) + FAR >= end(group).max(label.span.end)
                || start(group) <= label.span.start && label.span.end <= end(group)
        });
        match near {
            Some(group) => group.push(label),
            None => groups.push(vec![label]),
        }
    }
    groups
}

/// The lines around some labels: nothing else of the source is read or copied.
fn snippet<'a>(source: &Source, labels: &[&'a Label]) -> Snippet<'a, Annotation<'a>> {
    let text = source.text.as_str();
    let first = labels.iter().map(|label| label.span.start).min().unwrap_or_default();
    let last = labels.iter().map(|label| label.span.end).max().unwrap_or_default();
    let start = text.get(..first).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let rest = text.get(last..).unwrap_or_default();
    let end = rest.find('\n').map_or(text.len(), |at| last + at + 1);
    // what follows on a very long line is cut off anyway
    let mut end = end.min(last.saturating_add(LONG));
    while !text.is_char_boundary(end) {
        end += 1;
    }
    let line = text.get(..start).unwrap_or_default().bytes().filter(|b| *b == b'\n').count() + 1;
    let shown = Shown::of(text.get(start..end).unwrap_or_default());
    let mut snippet =
        Snippet::source(shown.text.clone()).path(visible(&source.name)).line_start(line).fold(true);
    for label in labels {
        let kind = if label.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
        let place = |at: usize| shown.place(at.saturating_sub(start));
        let mut annotation = kind.span(place(label.span.start)..place(label.span.end));
        if !label.text.is_empty() {
            annotation = annotation.label(visible(&label.text));
        }
        snippet = snippet.annotation(annotation);
    }
    snippet
}

/// A source as it is shown: hostile characters replaced, places moved along.
pub(super) struct Shown {
    pub(super) text: String,
    /// Where a replacement starts in the source, and by how much all later places have moved in sum.
    moved: Vec<(usize, usize, usize)>,
}

impl Shown {
    pub(super) fn of(text: &str) -> Self {
        let mut shown = Self { text: String::with_capacity(text.len()), moved: Vec::new() };
        for (at, c) in text.char_indices() {
            // tabs and ends of lines are the renderer's own business; a lone \r would act on the terminal
            let end_of_line =
                c == '\n' || c == '\r' && text.get(at + 1..).is_some_and(|rest| rest.starts_with('\n'));
            if c == '\t' || end_of_line || !is_hostile(c) {
                shown.text.push(c);
                continue;
            }
            let start = shown.text.len();
            shown.text.push('\u{fffd}');
            shown.moved.push((at, at + c.len_utf8(), start));
        }
        shown
    }

    pub(super) fn place(&self, at: usize) -> usize {
        let before = self.moved.partition_point(|(_, end, _)| *end <= at);
        let Some((_, end, start)) = before.checked_sub(1).and_then(|i| self.moved.get(i)) else {
            return at.min(self.text.len());
        };
        (start + '\u{fffd}'.len_utf8() + (at - end)).min(self.text.len())
    }
}
