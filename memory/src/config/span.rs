//! From byte offsets to spans.

use super::Span;

/// Finds lines and columns in a text.
#[derive(Debug)]
pub(super) struct Locator<'t> {
    text: &'t str,
    /// Where each line starts.
    starts: Vec<usize>,
}

impl<'t> Locator<'t> {
    /// Reads the ends of lines (`\n`).
    pub(super) fn new(text: &'t str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// The span of a range; brought inside the text and to the borders of characters.
    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        let start = self.border(start);
        let end = self.border(end).max(start);
        let line = self.starts.partition_point(|&s| s <= start).max(1);
        let line_start = self.starts.get(line - 1).copied().unwrap_or(0);
        let column = self.text.get(line_start..start).map_or(0, |before| before.chars().count());
        let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Span { start, end, line: small(line), column: small(column).saturating_add(1) }
    }

    fn border(&self, at: usize) -> usize {
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}
