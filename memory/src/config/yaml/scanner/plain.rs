//! Scalars without quotes.

use super::super::error::Result;
use super::super::reader::is_space;
use super::super::token::{Content, Id, Token};
use super::Scanner;

impl Scanner<'_> {
    /// Whether a plain scalar starts with this next character.
    pub(super) fn at_plain(&mut self, c: char) -> bool {
        if !is_space(c) && !"-?:,[]{}#&*!|>'\"%@`".contains(c) {
            return true;
        }
        let next = self.reader.peek_at(1);
        if self.in_block() {
            !is_space(next) && matches!(c, '-' | '?' | ':')
        } else {
            !is_space(next) && !matches!(next, ',' | ']') && matches!(c, '-' | '?')
        }
    }

    pub(super) fn fetch_plain(&mut self) -> Result<()> {
        self.save_key()?;
        self.allow_key = false;
        let start = self.reader.mark();
        let mut end = start;
        let mut text = String::new();
        let mut spaces = String::new();
        let indent = self.indent + 1;
        let flow = !self.in_block();
        while self.reader.peek() != '#' {
            let word = self.reader.take_until(|c, next| {
                is_space(c)
                    || c == ':' && (is_space(next) || flow && ",[]{}".contains(next))
                    || flow && ",[]{}".contains(c)
            });
            if word.is_empty() {
                break;
            }
            self.allow_key = false;
            text.push_str(&spaces);
            text.push_str(word);
            end = self.reader.mark();
            spaces = self.plain_space();
            if spaces.is_empty()
                || self.reader.peek() == '#'
                || self.in_block() && i64::from(self.reader.column()) < indent
            {
                break;
            }
        }
        self.push(Token { id: Id::Scalar, start, end, content: Content::Scalar(text, true) });
        Ok(())
    }

    /// The white space after a word, as it counts between words; empty where the scalar ends.
    fn plain_space(&mut self) -> String {
        let spaces = self.reader.take_until(|c, _| !matches!(c, ' ' | '\t'));
        let Some(line_break) = self.reader.line_break() else { return spaces.to_owned() };
        self.allow_key = true;
        let mut breaks = String::new();
        if self.at_separator() {
            return breaks;
        }
        loop {
            if self.reader.peek() == ' ' {
                self.reader.forward();
            } else if let Some(another) = self.reader.line_break() {
                breaks.push(another);
                if self.at_separator() {
                    return String::new();
                }
            } else {
                break;
            }
        }
        if line_break != '\n' {
            breaks.insert(0, line_break);
        } else if breaks.is_empty() {
            breaks.push(' ');
        }
        breaks
    }

    /// `---` ends a scalar whatever follows it, `...` only before white space: the engine's own reading.
    fn at_separator(&mut self) -> bool {
        match self.reader.prefix(3) {
            "---" => true,
            "..." => is_space(self.reader.peek_at(3)),
            _ => false,
        }
    }
}
