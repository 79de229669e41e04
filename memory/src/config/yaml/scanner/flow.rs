//! Flow collections and quoted scalars.

use crate::java::Exception;
use crate::java::exception::{ILLEGAL_ARGUMENT, NUMBER_FORMAT};

use super::super::error::{Fault, Mark, Result};
use super::super::reader::{END, is_space};
use super::super::token::{Content, Id, Token};
use super::{Scanner, shown};

impl Scanner<'_> {
    pub(super) fn fetch_flow_start(&mut self, id: Id) -> Result<()> {
        self.save_key()?;
        self.level += 1;
        self.allow_key = true;
        self.push_sign(id, 1);
        Ok(())
    }

    pub(super) fn fetch_flow_end(&mut self, id: Id) -> Result<()> {
        self.drop_key()?;
        self.level -= 1;
        self.allow_key = false;
        self.push_sign(id, 1);
        Ok(())
    }

    pub(super) fn fetch_flow_entry(&mut self) -> Result<()> {
        self.allow_key = true;
        self.drop_key()?;
        self.push_sign(Id::FlowEntry, 1);
        Ok(())
    }

    pub(super) fn fetch_quoted(&mut self, double: bool) -> Result<()> {
        self.save_key()?;
        self.allow_key = false;
        let start = self.reader.mark();
        let quote = if double { '"' } else { '\'' };
        self.reader.forward();
        let mut text = Utf16Text::default();
        self.quoted_run(double, start, &mut text)?;
        while self.reader.peek() != quote {
            self.quoted_space(start, &mut text)?;
            self.quoted_run(double, start, &mut text)?;
        }
        self.reader.forward();
        self.push(Token {
            id: Id::Scalar,
            start,
            end: self.reader.mark(),
            content: Content::Scalar(text.finish(), false),
        });
        Ok(())
    }

    /// Up to the next white space or the closing quote.
    fn quoted_run(&mut self, double: bool, start: Mark, text: &mut Utf16Text) -> Result<()> {
        loop {
            text.push_str(self.reader.take_until(|c, _| is_space(c) || matches!(c, '\'' | '"' | '\\')));
            match self.reader.peek() {
                '\'' if !double && self.reader.peek_at(1) == '\'' => {
                    text.push('\'');
                    self.reader.forward_by(2);
                }
                c @ '\'' if double => {
                    text.push(c);
                    self.reader.forward();
                }
                c @ ('"' | '\\') if !double => {
                    text.push(c);
                    self.reader.forward();
                }
                '\\' if double => {
                    self.reader.forward();
                    self.escape(start, text)?;
                }
                _ => return Ok(()),
            }
        }
    }

    fn escape(&mut self, start: Mark, text: &mut Utf16Text) -> Result<()> {
        let context = Some("while scanning a double-quoted scalar");
        let c = self.reader.peek();
        if let Some(replacement) = replacement(c) {
            text.push(replacement);
            self.reader.forward();
            return Ok(());
        }
        if let Some(length) = match c {
            'x' => Some(2),
            'u' => Some(4),
            'U' => Some(8),
            _ => None,
        } {
            self.reader.forward();
            let hex = self.reader.prefix(length);
            let mark = self.reader.mark();
            if !hex.chars().all(|c| c.is_ascii_hexdigit()) {
                let problem =
                    format!("expected escape sequence of {length} hexadecimal numbers, but found: {hex}");
                return Err(Fault::marked(context, Some(start), &problem, mark));
            }
            text.push_code(code_point(hex, mark)?);
            self.reader.forward_by(length);
            return Ok(());
        }
        if self.reader.line_break().is_some() {
            return self.quoted_breaks(start, text);
        }
        let problem = format!("found unknown escape character {}", shown(c));
        Err(Fault::marked(context, Some(start), &problem, self.reader.mark()))
    }

    /// White space inside quotes: kept within a line, folded at line ends.
    fn quoted_space(&mut self, start: Mark, text: &mut Utf16Text) -> Result<()> {
        let spaces = self.reader.take_until(|c, _| !matches!(c, ' ' | '\t'));
        if self.reader.peek() == END {
            let (context, problem) =
                (Some("while scanning a quoted scalar"), "found unexpected end of stream");
            return Err(Fault::marked(context, Some(start), problem, self.reader.mark()));
        }
        let Some(line_break) = self.reader.line_break() else {
            text.push_str(spaces);
            return Ok(());
        };
        let before = text.len();
        if line_break != '\n' {
            text.push(line_break);
        }
        self.quoted_breaks(start, text)?;
        if line_break == '\n' && text.len() == before {
            text.push(' ');
        }
        Ok(())
    }

    fn quoted_breaks(&mut self, start: Mark, text: &mut Utf16Text) -> Result<()> {
        loop {
            if matches!(self.reader.prefix(3), "---" | "...") && is_space(self.reader.peek_at(3)) {
                let (context, problem) =
                    (Some("while scanning a quoted scalar"), "found unexpected document separator");
                return Err(Fault::marked(context, Some(start), problem, self.reader.mark()));
            }
            while matches!(self.reader.peek(), ' ' | '\t') {
                self.reader.forward();
            }
            match self.reader.line_break() {
                Some(line_break) => text.push(line_break),
                None => return Ok(()),
            }
        }
    }
}

const fn replacement(c: char) -> Option<char> {
    Some(match c {
        '0' => '\0',
        'a' => '\u{7}',
        'b' => '\u{8}',
        't' => '\t',
        'n' => '\n',
        'v' => '\u{b}',
        'f' => '\u{c}',
        'r' => '\r',
        'e' => '\u{1b}',
        ' ' => ' ',
        '"' => '"',
        '/' => '/',
        '\\' => '\\',
        'N' => '\u{85}',
        '_' => '\u{a0}',
        'L' => '\u{2028}',
        'P' => '\u{2029}',
        _ => return None,
    })
}

/// The number of an escape; surrogates are numbers too.
fn code_point(hex: &str, mark: Mark) -> Result<u32> {
    let code = match u32::from_str_radix(hex, 16) {
        Ok(code) if code <= i32::MAX.cast_unsigned() => code,
        _ => {
            let message = format!("For input string: \"{hex}\" under radix 16");
            return Err(Fault::java(Exception::new(NUMBER_FORMAT, message), Some(mark)));
        }
    };
    if code > 0x0010_ffff {
        let message = format!("Not a valid Unicode code point: 0x{code:X}");
        return Err(Fault::java(Exception::new(ILLEGAL_ARGUMENT, message), Some(mark)));
    }
    Ok(code)
}

/// Text built from characters and from halves of surrogate pairs, which escapes may write one by one.
#[derive(Debug, Default)]
struct Utf16Text {
    text: String,
    /// A high surrogate that waits for its other half.
    high: Option<u32>,
}

impl Utf16Text {
    fn len(&self) -> usize {
        self.text.len() + usize::from(self.high.is_some())
    }

    fn settle(&mut self) {
        // a lone half is no character; Java keeps it and prints `?`
        if self.high.take().is_some() {
            self.text.push(char::REPLACEMENT_CHARACTER);
        }
    }

    fn push(&mut self, c: char) {
        self.settle();
        self.text.push(c);
    }

    fn push_str(&mut self, text: &str) {
        if !text.is_empty() {
            self.settle();
            self.text.push_str(text);
        }
    }

    fn push_code(&mut self, code: u32) {
        match (code, self.high) {
            (0xd800..=0xdbff, _) => {
                self.settle();
                self.high = Some(code);
            }
            (0xdc00..=0xdfff, Some(high)) => {
                self.high = None;
                let joined = 0x1_0000 + ((high - 0xd800) << 10) + (code - 0xdc00);
                self.text.push(char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            _ => self.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)),
        }
    }

    fn finish(mut self) -> String {
        self.settle();
        self.text
    }
}
