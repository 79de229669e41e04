//! What the picture consists of, before it is text: rectangles, lines and texts with their places.

use super::measure;
use crate::render::text::{elide, visible};

/// The whole picture.
#[derive(Debug, Clone, Default)]
pub(super) struct Scene {
    pub(super) width: f64,
    pub(super) height: f64,
    /// For screen readers and tooltips.
    pub(super) title: String,
    pub(super) description: String,
    /// Grounds that tie areas to their parents, in the order of painting.
    pub(super) bands: Vec<(Rect, &'static str)>,
    pub(super) cells: Vec<Cell>,
    pub(super) lines: Vec<Line>,
    /// The colour in front of an entry.
    pub(super) swatches: Vec<(Rect, &'static str)>,
    pub(super) texts: Vec<Text>,
    pub(super) limit: Option<LimitMark>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rect {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// An area.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    pub(super) rect: Rect,
    pub(super) fill: &'static str,
    pub(super) id: &'static str,
    pub(super) bytes: u64,
    pub(super) tooltip: String,
}

#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) points: Vec<(f64, f64)>,
    pub(super) class: &'static str,
}

/// The load line and the mark at its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct LimitMark {
    pub(super) y: f64,
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) class: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Face {
    Plain,
    Bold,
    Mono,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A line of text. `x` is where its anchor stands, `y` its baseline.
#[derive(Debug, Clone)]
#[expect(clippy::struct_field_names, reason = "a text has a text")]
pub(super) struct Text {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) size: f64,
    pub(super) face: Face,
    pub(super) anchor: Anchor,
    pub(super) muted: bool,
    pub(super) text: String,
}

impl Text {
    pub(super) fn new(x: f64, y: f64, size: f64, text: impl Into<String>) -> Self {
        let text = visible(&text.into()).into_owned();
        Self { x, y, size, face: Face::Plain, anchor: Anchor::Start, muted: false, text }
    }

    pub(super) fn face(self, face: Face) -> Self {
        Self { face, ..self }
    }

    pub(super) fn anchor(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }

    pub(super) fn muted(self) -> Self {
        Self { muted: true, ..self }
    }

    /// Shortened to so many pixels.
    pub(super) fn within(mut self, room: f64) -> Self {
        // the gaps between digits are few: a little less room for all of it covers them
        let room = room - (self.width() - measure::width(&self.text, self.size, self.face));
        self.text = elide(&self.text, room, |c| measure::char_em(c, self.face) * self.size);
        self
    }

    /// Cut at the end to so many pixels.
    pub(super) fn clipped(mut self, room: f64) -> Self {
        if self.width() > room {
            let em = |c: char| measure::char_em(c, self.face);
            // a gap for every character is more than there will be
            let mut left = room / self.size - em('…');
            let fits = self.text.chars().take_while(|c| {
                left -= em(*c) + if c.is_ascii_digit() { measure::DIGIT_GAP } else { 0.0 };
                left >= 0.0
            });
            self.text = fits.chain(['…']).collect();
        }
        self
    }

    pub(super) fn width(&self) -> f64 {
        measure::grouped_width(&self.text, self.size, self.face)
    }

    /// Where it will be seen: from the tallest letters to the deepest.
    #[cfg(test)]
    pub(super) fn bounds(&self) -> Rect {
        let width = self.width();
        let x = match self.anchor {
            Anchor::Start => self.x,
            Anchor::Middle => self.x - width / 2.0,
            Anchor::End => self.x - width,
        };
        Rect { x, y: self.y - 0.78 * self.size, width, height: self.size }
    }
}

impl Rect {
    pub(super) const fn right(&self) -> f64 {
        self.x + self.width
    }

    pub(super) const fn bottom(&self) -> f64 {
        self.y + self.height
    }
}
