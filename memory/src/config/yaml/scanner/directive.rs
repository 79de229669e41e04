//! `%YAML` and `%TAG`.

use crate::java::Exception;
use crate::java::exception::NUMBER_FORMAT;

use super::super::error::{Fault, Mark, Result};
use super::super::reader::{END, ends_line, ends_word};
use super::super::token::{Content, Directive, Id, Token};
use super::{Scanner, shown};

const CONTEXT: Option<&str> = Some("while scanning a directive");

impl Scanner<'_> {
    pub(super) fn fetch_directive(&mut self) -> Result<()> {
        self.unwind(-1);
        self.drop_key()?;
        self.allow_key = false;
        let start = self.reader.mark();
        self.reader.forward();
        let name = self.reader.take_until(|c, _| !is_word(c));
        let c = self.reader.peek();
        if name.is_empty() || !ends_word(c) {
            return Err(self.unexpected(start, "expected alphabetic or numeric character, but found ", c));
        }
        let directive = match name {
            "YAML" => self.yaml_version(start)?,
            "TAG" => self.tag_prefix(start)?,
            _ => {
                self.reader.take_until(|c, _| ends_line(c));
                Directive::Other
            }
        };
        let end = self.reader.mark();
        self.reader.skip_blanks();
        if self.reader.peek() == '#' {
            self.skip_comment();
        }
        let c = self.reader.peek();
        if self.reader.line_break().is_none() && c != END {
            return Err(self.unexpected(start, "expected a comment or a line break, but found ", c));
        }
        self.push(Token { id: Id::Directive, start, end, content: Content::Directive(directive) });
        Ok(())
    }

    fn unexpected(&self, start: Mark, expected: &str, found: char) -> Box<Fault> {
        Fault::marked(CONTEXT, Some(start), &format!("{expected}{}", shown(found)), self.reader.mark())
    }

    fn yaml_version(&mut self, start: Mark) -> Result<Directive> {
        self.reader.skip_blanks();
        let major = self.version_number(start)?;
        let c = self.reader.peek();
        if c != '.' {
            return Err(self.unexpected(start, "expected a digit or '.', but found ", c));
        }
        self.reader.forward();
        let minor = self.version_number(start)?;
        let c = self.reader.peek();
        if !ends_word(c) {
            return Err(self.unexpected(start, "expected a digit or ' ', but found ", c));
        }
        Ok(Directive::Yaml(major, minor))
    }

    fn version_number(&mut self, start: Mark) -> Result<u32> {
        let c = self.reader.peek();
        if !c.is_ascii_digit() {
            return Err(self.unexpected(start, "expected a digit, but found ", c));
        }
        let digits = self.reader.take_until(|c, _| !c.is_ascii_digit());
        digits.parse::<i32>().map(i32::cast_unsigned).map_err(|_| {
            let message = format!("For input string: \"{digits}\"");
            Fault::java(Exception::new(NUMBER_FORMAT, message), Some(self.reader.mark()))
        })
    }

    fn tag_prefix(&mut self, start: Mark) -> Result<Directive> {
        self.reader.skip_blanks();
        let handle = self.tag_handle("directive", start)?;
        let c = self.reader.peek();
        if c != ' ' {
            return Err(self.unexpected(start, "expected ' ', but found ", c));
        }
        self.reader.skip_blanks();
        let prefix = self.tag_uri("directive", true, start)?;
        let c = self.reader.peek();
        if !ends_word(c) {
            return Err(self.unexpected(start, "expected ' ', but found ", c));
        }
        Ok(Directive::Tag(handle, prefix))
    }
}

/// Letters, digits, `-` and `_`, all of ASCII.
pub(super) const fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}
