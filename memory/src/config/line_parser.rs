//! Flink 1.x's own reader of `flink-conf.yaml`: line by line, no YAML.
//!
//! Promises: the same properties, in the same order, and the same warnings as the real parser, for any text. Encoding
//! is the caller's: [`super::load()`] decodes first. Does not cover logging the properties, whose order depends on the
//! version.

use crate::java;

use super::Span;
use super::finding::Malformed;

/// One accepted line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property<'t> {
    /// The key, trimmed.
    pub key: &'t str,
    /// The value, trimmed, quotes kept.
    pub value: &'t str,
    /// Where the key stands.
    pub key_span: Span,
    /// Where the value stands.
    pub value_span: Span,
    /// The first `#` of the line, where it follows the value without white space between.
    pub cut_by: Option<Span>,
    /// Whether white space stands before the key.
    pub indented: bool,
}

/// One dropped line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped<'t> {
    /// The whole line without its end.
    pub line: &'t str,
    /// Where what is left of it without the comment stands.
    pub span: Span,
    /// Why.
    pub why: Malformed,
}

/// One line that is neither empty nor a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line<'t> {
    /// Accepted.
    Property(Property<'t>),
    /// Dropped with a warning.
    Dropped(Dropped<'t>),
}

/// Reads all lines. Those that are empty or only a comment are left out.
pub fn parse(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut lines = Lines { text, at: 0, number: 0 }.peekable();
    std::iter::from_fn(move || {
        loop {
            let line = lines.next()?;
            let nested = || {
                lines
                    .peek()
                    .is_some_and(|next| next.text.starts_with([' ', '\t']) && !next.text.trim().is_empty())
            };
            if let Some(read) = read_line(&line, nested) {
                return Some(read);
            }
        }
    })
}

/// The warning that Flink logs for a dropped line; `file` is the path as Flink prints it.
pub fn warning(modern: bool, file: &str, dropped: &Dropped<'_>) -> String {
    let (what, modern_why) = if dropped.why == Malformed::EmptyKey {
        ("after splitting", "Key or value was empty")
    } else {
        ("while trying to split", "Line is not a key-value pair (missing space after ':'?)")
    };
    let Dropped { line, span, .. } = dropped;
    let number = span.line;
    if modern {
        format!("Error {what} key and value in configuration file {file}:{number}: {modern_why}")
    } else {
        format!("Error {what} key and value in configuration file {file}:{number}: \"{line}\"")
    }
}

#[derive(Clone, Copy)]
struct RawLine<'t> {
    text: &'t str,
    start: usize,
    number: u32,
}

/// `BufferedReader.readLine`: ends at `\n`, `\r` or `\r\n`; an end of line at the end of the text starts no further
/// line.
struct Lines<'t> {
    text: &'t str,
    at: usize,
    number: u32,
}

impl<'t> Iterator for Lines<'t> {
    type Item = RawLine<'t>;

    fn next(&mut self) -> Option<RawLine<'t>> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let length = rest.find(['\n', '\r']).unwrap_or(rest.len());
        let (text, after) = rest.split_at(length);
        let end = if after.starts_with("\r\n") { 2 } else { usize::from(!after.is_empty()) };
        self.number = self.number.saturating_add(1);
        let line = RawLine { text, start: self.at, number: self.number };
        self.at += length + end;
        Some(line)
    }
}

impl RawLine<'_> {
    /// The span of a part of this line.
    fn span(&self, part: &str) -> Span {
        let offset =
            (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize).min(self.text.len());
        let before = self.text.get(..offset).unwrap_or_default().chars().count();
        Span {
            start: self.start + offset,
            end: self.start + offset + part.len(),
            line: self.number,
            column: u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1),
        }
    }
}

fn read_line<'t>(line: &RawLine<'t>, nested: impl FnOnce() -> bool) -> Option<Line<'t>> {
    let (before, comment) = line.text.split_once('#').map_or((line.text, None), |(b, c)| (b, Some(c)));
    let conf = java::trim(before);
    if conf.is_empty() {
        return None;
    }
    let dropped = |why| Some(Line::Dropped(Dropped { line: line.text, span: line.span(conf), why }));
    let Some((key, value)) = conf.split_once(": ") else {
        return dropped(if conf.ends_with(':') {
            if nested() { Malformed::Nesting } else { Malformed::NoValue }
        } else if conf.contains(":\t") {
            Malformed::TabAfterColon
        } else if conf.contains(':') {
            Malformed::NoBlankAfterColon
        } else {
            Malformed::NoColon
        });
    };
    let (key, value) = (java::trim(key), java::trim(value));
    if key.is_empty() || value.is_empty() {
        return dropped(Malformed::EmptyKey);
    }
    let glued = !before.ends_with(|c| c <= ' ');
    Some(Line::Property(Property {
        key,
        value,
        key_span: line.span(key),
        value_span: line.span(value),
        cut_by: comment.filter(|_| glued).map(|_| {
            let value = line.span(value);
            let length = u32::try_from(before.chars().count()).unwrap_or(u32::MAX);
            Span { start: value.end, end: value.end + 1, line: line.number, column: length.saturating_add(1) }
        }),
        indented: line.text.starts_with(|c| c <= ' '),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(text: &str) -> Vec<(&str, &str)> {
        parse(text)
            .filter_map(|line| match line {
                Line::Property(p) => Some((p.key, p.value)),
                Line::Dropped(_) => None,
            })
            .collect()
    }

    fn dropped(text: &str) -> Vec<(u32, Malformed)> {
        parse(text)
            .filter_map(|line| match line {
                Line::Property(_) => None,
                Line::Dropped(d) => Some((d.span.line, d.why)),
            })
            .collect()
    }

    #[test]
    fn lines_end_in_three_ways_and_the_first_pair_splits() {
        assert_eq!(
            properties("a: 1\r\nb: 2\rc : 3\n  d:   x: y  # z\n"),
            [("a", "1"), ("b", "2"), ("c", "3"), ("d", "x: y")]
        );
        assert_eq!(properties("k: \"a#b\""), [("k", "\"a")]);
        assert_eq!(properties("k: \t1280m"), [("k", "1280m")]);
    }

    #[test]
    fn what_is_dropped_and_why() {
        let text = "a:1\nb:\n  c: 1\nd\n: 5\ne:\tf\ng: \n\n# x: y\n";
        assert_eq!(
            dropped(text),
            [
                (1, Malformed::NoBlankAfterColon),
                (2, Malformed::Nesting),
                (4, Malformed::NoColon),
                (5, Malformed::EmptyKey),
                (6, Malformed::TabAfterColon),
                (7, Malformed::NoValue),
            ]
        );
    }

    #[test]
    fn spans_count_characters() {
        let text = "x: 1\n é: ü#z";
        let Some(Line::Property(p)) = parse(text).nth(1) else { panic!("a property") };
        assert_eq!(&text[p.value_span.start..p.value_span.end], "ü");
        assert_eq!((p.value_span.line, p.value_span.column), (2, 5));
        let cut = p.cut_by.expect("the comment touches the value");
        assert_eq!((&text[cut.start..cut.end], cut.column), ("#", 6));
    }
}
