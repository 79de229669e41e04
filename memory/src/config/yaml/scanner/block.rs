//! Literal and folded scalars.

use super::super::error::{Fault, Mark, Result};
use super::super::reader::{END, ends_line, ends_word};
use super::super::token::{Content, Id, Token};
use super::{Scanner, shown};

const CONTEXT: Option<&str> = Some("while scanning a block scalar");

/// What becomes of the line ends after the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chomping {
    Strip,
    Clip,
    Keep,
}

impl Scanner<'_> {
    pub(super) fn fetch_block_scalar(&mut self, folded: bool) -> Result<()> {
        self.allow_key = true;
        self.drop_key()?;
        let start = self.reader.mark();
        self.reader.forward();
        let (chomping, increment) = self.block_header(start)?;
        self.rest_of_header(start)?;
        let least = (self.indent + 1).max(1);
        let (indent, mut breaks, mut end) = if let Some(increment) = increment {
            let indent = least + increment - 1;
            let (breaks, end) = self.block_breaks(indent);
            (indent, breaks, end)
        } else {
            let (breaks, deepest, end) = self.block_indentation();
            (least.max(deepest), breaks, end)
        };
        let column = i64::from(self.reader.column());
        if column < indent && self.indent != column {
            let problem = format!(
                " the leading empty lines contain more spaces ({indent}) than the first non-empty line."
            );
            return Err(Fault::marked(CONTEXT, Some(start), &problem, self.reader.mark()));
        }
        let mut text = String::new();
        let mut line_break = None;
        while i64::from(self.reader.column()) == indent && self.reader.peek() != END {
            text.push_str(&breaks);
            let flush = !matches!(self.reader.peek(), ' ' | '\t');
            text.push_str(self.reader.take_until(|c, _| ends_line(c)));
            line_break = self.reader.line_break();
            (breaks, end) = self.block_breaks(indent);
            if i64::from(self.reader.column()) != indent || self.reader.peek() == END {
                break;
            }
            if folded && line_break == Some('\n') && flush && !matches!(self.reader.peek(), ' ' | '\t') {
                if breaks.is_empty() {
                    text.push(' ');
                }
            } else {
                text.extend(line_break);
            }
        }
        if chomping != Chomping::Strip {
            text.extend(line_break);
        }
        if chomping == Chomping::Keep {
            text.push_str(&breaks);
        }
        self.push(Token { id: Id::Scalar, start, end, content: Content::Scalar(text, false) });
        Ok(())
    }

    /// `|`, then chomping and indentation in either order.
    fn block_header(&mut self, start: Mark) -> Result<(Chomping, Option<i64>)> {
        let mut chomping = self.chomping();
        let increment = self.increment(start)?;
        if chomping.is_none() && increment.is_some() {
            chomping = self.chomping();
        }
        let c = self.reader.peek();
        if !ends_word(c) {
            let problem = format!("expected chomping or indentation indicators, but found {}", shown(c));
            return Err(Fault::marked(CONTEXT, Some(start), &problem, self.reader.mark()));
        }
        Ok((chomping.unwrap_or(Chomping::Clip), increment))
    }

    fn chomping(&mut self) -> Option<Chomping> {
        let chomping = match self.reader.peek() {
            '-' => Chomping::Strip,
            '+' => Chomping::Keep,
            _ => return None,
        };
        self.reader.forward();
        Some(chomping)
    }

    fn increment(&mut self, start: Mark) -> Result<Option<i64>> {
        let Some(digit) = self.reader.peek().to_digit(10) else { return Ok(None) };
        if digit == 0 {
            let problem = "expected indentation indicator in the range 1-9, but found 0";
            return Err(Fault::marked(CONTEXT, Some(start), problem, self.reader.mark()));
        }
        self.reader.forward();
        Ok(Some(i64::from(digit)))
    }

    fn rest_of_header(&mut self, start: Mark) -> Result<()> {
        self.reader.skip_blanks();
        if self.reader.peek() == '#' {
            self.skip_comment();
        }
        let c = self.reader.peek();
        if self.reader.line_break().is_none() && c != END {
            let problem = format!("expected a comment or a line break, but found {}", shown(c));
            return Err(Fault::marked(CONTEXT, Some(start), &problem, self.reader.mark()));
        }
        Ok(())
    }

    /// Empty lines before the text: their line ends, the deepest column in them, and the end of the last.
    fn block_indentation(&mut self) -> (String, i64, Mark) {
        let mut breaks = String::new();
        let mut deepest = 0;
        let mut end = self.reader.mark();
        loop {
            match self.reader.peek() {
                ' ' => {
                    self.reader.forward();
                    deepest = deepest.max(i64::from(self.reader.column()));
                }
                '\n' | '\r' => {
                    breaks.extend(self.reader.line_break());
                    end = self.reader.mark();
                }
                _ => return (breaks, deepest, end),
            }
        }
    }

    /// Empty lines, and the indentation of the line after them.
    fn block_breaks(&mut self, indent: i64) -> (String, Mark) {
        let mut breaks = String::new();
        let mut end = self.reader.mark();
        loop {
            let mut column = i64::from(self.reader.column());
            while column < indent && self.reader.peek() == ' ' {
                self.reader.forward();
                column += 1;
            }
            let Some(line_break) = self.reader.line_break() else { return (breaks, end) };
            breaks.push(line_break);
            end = self.reader.mark();
        }
    }
}
