//! Characters with look-ahead and places, as the engine's reader hands them out.
//!
//! A character that YAML does not allow, or bytes that are no text, surface when the engine reads the *chunk* they lie
//! in (1023 UTF-16 units), not when it reaches them: an error of syntax before that chunk comes first. From then on the
//! reader plays the end of the text, and [`Reader::fault`] says why.

use crate::config::decode::Malformed;

use super::error::{Fault, Mark, Result};

/// How many UTF-16 units the engine reads at once.
const CHUNK: usize = 1023;

/// The decoded text with the first thing in it that must not be.
#[derive(Debug, Clone, Default)]
pub(super) struct Input {
    /// The text.
    pub(super) text: String,
    /// Whether a byte order mark was dropped.
    pub(super) byte_order_mark: bool,
    /// The first malformed stretch.
    pub(super) malformed: Option<Malformed>,
}

/// The first bad thing.
#[derive(Debug, Clone, Copy)]
struct Bad {
    /// Characters before its chunk.
    chunk: usize,
    /// Where it is.
    mark: Mark,
    /// The malformed stretch's length; otherwise it is a character.
    malformed: Option<usize>,
}

/// The reader.
#[derive(Debug)]
pub(super) struct Reader<'t> {
    text: &'t str,
    at: Mark,
    bad: Option<Bad>,
    fault: Option<Box<Fault>>,
}

/// The end of the text, as a character.
pub(super) const END: char = '\0';

pub(super) const fn ends_line(c: char) -> bool {
    matches!(c, END | '\n' | '\r')
}

pub(super) const fn ends_word(c: char) -> bool {
    matches!(c, END | '\n' | '\r' | ' ')
}

/// White space of any kind, or the end.
pub(super) const fn is_space(c: char) -> bool {
    matches!(c, END | '\n' | '\r' | ' ' | '\t')
}

fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\t' | '\n' | '\r' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

impl<'t> Reader<'t> {
    /// A reader at the start of a text.
    pub(super) fn new(input: &'t Input) -> Self {
        Self { text: &input.text, at: Mark::default(), bad: first_bad(input), fault: None }
    }

    /// Where it stands.
    pub(super) const fn mark(&self) -> Mark {
        self.at
    }

    /// The column, from 0.
    pub(super) const fn column(&self) -> u32 {
        self.at.column
    }

    /// What must not be in the text, once its chunk was read.
    pub(super) fn fault(&mut self) -> Result<()> {
        self.fault.take().map_or(Ok(()), Err)
    }

    /// The rest of the text; nothing after a fault.
    fn rest(&self) -> &'t str {
        if self.fault.is_some() { "" } else { self.text.get(self.at.offset..).unwrap_or_default() }
    }

    /// Looks as far as `ahead` characters beyond the next: reads the chunks up to there.
    fn touch(&mut self, ahead: usize) {
        let Some(bad) = self.bad.filter(|bad| self.at.index.saturating_add(ahead) >= bad.chunk) else {
            return;
        };
        self.bad = None;
        let position = bad.mark.index.saturating_sub(self.at.index);
        self.fault = Some(if let Some(length) = bad.malformed {
            Fault::malformed(length, bad.mark)
        } else {
            let character =
                self.text.get(bad.mark.offset..).and_then(|rest| rest.chars().next()).unwrap_or(END);
            Fault::unacceptable(character, position, bad.mark)
        });
    }

    /// The next character.
    pub(super) fn peek(&mut self) -> char {
        self.peek_at(0)
    }

    /// The character `ahead` beyond the next; `ahead` is small.
    pub(super) fn peek_at(&mut self, ahead: usize) -> char {
        self.touch(ahead);
        self.rest().chars().nth(ahead).unwrap_or(END)
    }

    /// The next `count` characters, fewer at the end; `count` is small.
    pub(super) fn prefix(&mut self, count: usize) -> &'t str {
        self.touch(count);
        let rest = self.rest();
        let end = rest.char_indices().nth(count).map_or(rest.len(), |(at, _)| at);
        rest.get(..end).unwrap_or_default()
    }

    /// Steps over the next character.
    pub(super) fn forward(&mut self) {
        self.touch(0);
        let mut rest = self.rest().chars();
        let Some(c) = rest.next() else { return };
        self.at.offset += c.len_utf8();
        self.at.index += 1;
        let next = rest.next();
        if c == '\r' {
            self.touch(0);
        }
        if c == '\n' || c == '\r' && self.fault.is_none() && next.is_some_and(|next| next != '\n') {
            self.at.line += 1;
            self.at.column = 0;
        } else if c != '\u{feff}' {
            self.at.column += 1;
        }
    }

    /// Steps over some characters.
    pub(super) fn forward_by(&mut self, count: usize) {
        for _ in 0..count {
            self.forward();
        }
    }

    /// Takes the characters up to the first that `stop` names, given it and the one after; none of them ends a line.
    pub(super) fn take_until(&mut self, mut stop: impl FnMut(char, char) -> bool) -> &'t str {
        let rest = self.rest();
        let mut chars = rest.chars().peekable();
        let (mut bytes, mut count) = (0usize, 0usize);
        // the engine asks for the character after only where it matters, at a colon
        let mut looked = 0usize;
        while let Some(c) = chars.next() {
            if c == ':' {
                looked = 1;
            }
            if stop(c, chars.peek().copied().unwrap_or(END)) {
                break;
            }
            looked = 0;
            bytes += c.len_utf8();
            count += 1;
        }
        self.touch(count + looked);
        if self.fault.is_some() {
            return "";
        }
        self.at.offset += bytes;
        self.at.index += count;
        self.at.column = self.at.column.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
        rest.get(..bytes).unwrap_or_default()
    }

    /// Whether another `!` follows the next character within the same word.
    pub(super) fn word_has_inner_bang(&mut self) -> bool {
        let mut word = self.rest().chars().skip(1).take_while(|&c| !ends_word(c));
        let found = word.position(|c| c == '!');
        self.touch(found.map_or(1, |at| at + 1));
        found.is_some()
    }

    /// Steps over a line break and says what it counts as: all are `\n` but the two separators of Unicode.
    pub(super) fn line_break(&mut self) -> Option<char> {
        match self.peek() {
            '\r' if self.peek_at(1) == '\n' => {
                self.forward_by(2);
                Some('\n')
            }
            '\r' | '\n' | '\u{85}' => {
                self.forward();
                Some('\n')
            }
            c @ ('\u{2028}' | '\u{2029}') => {
                self.forward();
                Some(c)
            }
            _ => None,
        }
    }

    /// Steps over blanks.
    pub(super) fn skip_blanks(&mut self) {
        while self.peek() == ' ' {
            self.forward();
        }
    }
}

/// The first bad thing by chunks; within a chunk, what is no text comes before what is no good character.
fn first_bad(input: &Input) -> Option<Bad> {
    let end = input.malformed.map_or(input.text.len(), |malformed| malformed.at);
    let mut mark = Mark::default();
    let (mut chunk, mut units) = (0usize, 0usize);
    let mut unprintable: Option<Bad> = None;
    let mut chars = input.text.chars().peekable();
    while mark.offset < end {
        let Some(c) = chars.next() else { break };
        if units >= CHUNK {
            (chunk, units) = (mark.index, 0);
        }
        if unprintable.is_some_and(|bad| bad.chunk < chunk) {
            return unprintable;
        }
        if !is_printable(c) && unprintable.is_none() {
            unprintable = Some(Bad { chunk, mark, malformed: None });
        }
        units += c.len_utf16();
        mark.offset += c.len_utf8();
        mark.index += 1;
        if c == '\n' || c == '\r' && chars.peek().is_some_and(|&next| next != '\n') {
            mark.line += 1;
            mark.column = 0;
        } else {
            mark.column += 1;
        }
    }
    let Some(Malformed { length, cut, .. }) = input.malformed else { return unprintable };
    // what the end of the input cuts off surfaces when the decoder asks for more and gets nothing
    let chunk = if units >= CHUNK || cut { mark.index } else { chunk };
    unprintable.filter(|bad| bad.chunk < chunk).or(Some(Bad { chunk, mark, malformed: Some(length) }))
}
