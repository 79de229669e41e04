//! Columns that fit a terminal: names to the left, numbers to the right, what matters least gives way first.

use super::printable::{ascii, char_columns, columns, elide, visible};
use super::text::{GAP, TextStyle};

/// How a text is meant; colours are the sixteen basic ones, so that the user's own theme decides how they look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Strong,
    Faint,
    Good,
    Warn,
    Bad,
}

impl Tone {
    /// The text in its colour, where colours are wanted.
    pub(super) fn paint(self, text: &str, colour: bool) -> String {
        let code = match self {
            Self::Plain => "",
            Self::Strong => "\x1b[1m",
            Self::Faint => "\x1b[2m",
            Self::Good => "\x1b[32m",
            Self::Warn => "\x1b[33m",
            Self::Bad => "\x1b[31m",
        };
        if !colour || code.is_empty() || text.is_empty() {
            text.to_owned()
        } else {
            format!("{code}{text}\x1b[0m")
        }
    }
}

/// One field: its text made fit to print, with the guide of a tree before it.
#[derive(Debug)]
pub(super) struct Cell {
    guide: String,
    text: String,
    tone: Tone,
}

impl Cell {
    pub(super) fn plain(text: String) -> Self {
        Self { guide: String::new(), text, tone: Tone::Plain }
    }

    pub(super) fn new(text: &str, tone: Tone) -> Self {
        Self::with_guide("", text, tone)
    }

    pub(super) fn with_guide(guide: &str, text: &str, tone: Tone) -> Self {
        Self { guide: guide.to_owned(), text: visible(text).into_owned(), tone }
    }

    fn width(&self) -> usize {
        columns(&self.guide) + columns(&self.text)
    }
}

/// What stands above a column, where its texts stand, and how long it stays where room is short: the least goes first,
/// [`u8::MAX`] never.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) head: &'static str,
    pub(super) right: bool,
    pub(super) keep: u8,
}

/// Rows below a header.
pub(super) struct Table<'a> {
    pub(super) columns: &'a [Column],
    pub(super) rows: Vec<Vec<Cell>>,
}

/// A line as it is printed, and how many columns it takes.
pub(super) struct Line {
    pub(super) text: String,
    pub(super) columns: usize,
}

/// A name is not cut below that.
const NAME_MIN: usize = 4;

impl Table<'_> {
    /// The header and the rows, none wider than the terminal (but for numbers that stay in any case).
    pub(super) fn lines(&self, style: &TextStyle) -> Vec<Line> {
        let widths = self.widths(style.width);
        let head = self.columns.iter().map(|column| Cell::new(column.head, Tone::Faint)).collect();
        std::iter::once(&head)
            .chain(&self.rows)
            .map(|row: &Vec<Cell>| self.line(row, &widths, style))
            .collect()
    }

    /// How wide each column is; 0: left out.
    fn widths(&self, room: usize) -> Vec<usize> {
        let widest = |(i, column): (usize, &Column)| {
            let cells = self.rows.iter().filter_map(|row| row.get(i)).map(Cell::width);
            let empty = cells.clone().all(|width| width == 0);
            if empty { 0 } else { cells.max().unwrap_or(0).max(columns(column.head)) }
        };
        let mut widths: Vec<usize> = self.columns.iter().enumerate().map(widest).collect();
        loop {
            let shown = widths.iter().filter(|width| **width > 0);
            let total = shown.clone().sum::<usize>() + GAP * shown.count().saturating_sub(1);
            let Some(over) = total.checked_sub(room).filter(|over| *over > 0) else { return widths };
            let droppable =
                self.columns.iter().enumerate().filter(|(i, c)| c.keep < u8::MAX && widths[*i] > 0);
            let least = droppable.min_by_key(|(_, column)| column.keep).map(|(i, _)| i);
            match (least, widths.first_mut()) {
                // a long name gives way before a number does, down to a third of the line
                (Some(_), Some(name)) if *name > (room / 3).max(NAME_MIN) => {
                    *name = name.saturating_sub(over).max(room / 3).max(NAME_MIN);
                }
                (Some(least), _) => widths[least] = 0,
                (None, Some(name)) if *name > NAME_MIN => *name = name.saturating_sub(over).max(NAME_MIN),
                _ => return widths,
            }
        }
    }

    fn line(&self, row: &[Cell], widths: &[usize], style: &TextStyle) -> Line {
        let mut line = Line { text: String::new(), columns: 0 };
        let mut pad = 0;
        for ((cell, column), width) in
            row.iter().zip(self.columns).zip(widths).filter(|(_, width)| **width > 0)
        {
            let guide = elide(&cell.guide, *width, char_columns);
            let text = elide(&cell.text, width.saturating_sub(columns(&guide)), char_columns);
            let text = if style.unicode { text } else { ascii(&text).into_owned() };
            let used = columns(&guide) + columns(&text);
            let free = width.saturating_sub(used);
            let before = if column.right { pad + free } else { pad };
            // white space at the end of a line is never written
            if used > 0 {
                line.text += &" ".repeat(before);
                line.text += &Tone::Faint.paint(&guide, style.colour);
                line.text += &cell.tone.paint(&text, style.colour);
                line.columns += before + used;
                pad = GAP + if column.right { 0 } else { free };
            } else {
                pad += width + GAP;
            }
        }
        line
    }
}
