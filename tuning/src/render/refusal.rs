//! A file that cannot be loaded, in the same manner as the findings.

use annotate_snippets::{AnnotationKind, Element, Group, Level, Renderer, Snippet};
use plimsoll_memory::config::LoadFailure;

use super::text::{Shown, TextStyle};
use super::visible;

/// The refusal with the place in the file, and what Flink itself says, where it refuses the file too.
pub fn refusal(failure: &LoadFailure, style: TextStyle) -> String {
    // Java's words for a top level that is a list or a text
    let no_map = failure.message.starts_with("class java.");
    let message = if no_map {
        "the file is no map: write one 'key: value' a line, with a blank after the colon"
    } else {
        failure.message.as_str()
    };
    let title = Level::ERROR.primary_title(visible(message));
    let mut group = Group::with_title(title);
    let shown = Shown::of(&failure.source.text);
    if let Some(span) = failure.span {
        let place = AnnotationKind::Primary.span(shown.place(span.start)..shown.place(span.end));
        group = group.element(
            Snippet::source(shown.text.clone())
                .path(visible(&failure.source.name))
                .line_start(1)
                .fold(true)
                .annotation(place.label("here")),
        );
    } else {
        group = group.element(annotate_snippets::Origin::path(visible(&failure.source.name)));
    }
    let says: Vec<String> = failure
        .chain
        .iter()
        .filter_map(|exception| exception.message.as_deref())
        .filter(|said| *said != message)
        .map(|message| format!("Flink says: {}", visible(message.lines().next().unwrap_or_default())))
        .collect();
    let elements: Vec<Element<'_>> =
        says.into_iter().map(|text| Element::from(Level::NOTE.message(text))).collect();
    let renderer = if style.colour { Renderer::styled() } else { Renderer::plain() };
    let report = renderer.term_width(style.width.max(40)).render(&[group.elements(elements)]);
    format!("{report}\n")
}
