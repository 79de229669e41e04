//! Tags: `!local`, `!!int`, `!handle!suffix`, `!<uri>`.

use super::super::error::{Fault, Mark, Result};
use super::super::reader::{END, ends_word, is_space};
use super::super::token::{Content, Id, Token};
use super::directive::is_word;
use super::{Scanner, shown};

impl Scanner<'_> {
    pub(super) fn fetch_tag(&mut self) -> Result<()> {
        self.save_key()?;
        self.allow_key = false;
        let context = Some("while scanning a tag");
        let start = self.reader.mark();
        let second = self.reader.peek_at(1);
        let (handle, suffix) = if second == '<' {
            self.reader.forward_by(2);
            let uri = self.tag_uri("tag", true, start)?;
            let c = self.reader.peek();
            if c != '>' {
                let problem = format!("expected '>', but found '{c}' ({})", u32::from(c));
                return Err(Fault::marked(context, Some(start), &problem, self.reader.mark()));
            }
            self.reader.forward();
            (None, uri)
        } else if is_space(second) {
            self.reader.forward();
            (None, "!".to_owned())
        } else {
            let handle = if self.reader.word_has_inner_bang() {
                self.tag_handle("tag", start)?
            } else {
                self.reader.forward();
                "!".to_owned()
            };
            (Some(handle), self.tag_uri("tag", false, start)?)
        };
        let c = self.reader.peek();
        if !ends_word(c) {
            let problem = format!("expected ' ', but found '{c}' ({})", u32::from(c));
            return Err(Fault::marked(context, Some(start), &problem, self.reader.mark()));
        }
        self.push(Token {
            id: Id::Tag,
            start,
            end: self.reader.mark(),
            content: Content::Tag(handle, suffix),
        });
        Ok(())
    }

    /// `!`, `!!` or `!word!`
    pub(super) fn tag_handle(&mut self, what: &str, start: Mark) -> Result<String> {
        let fault = |found: char, mark| {
            let context = format!("while scanning a {what}");
            Fault::marked(
                Some(&context),
                Some(start),
                &format!("expected '!', but found {}", shown(found)),
                mark,
            )
        };
        let c = self.reader.peek();
        if c != '!' {
            return Err(fault(c, self.reader.mark()));
        }
        self.reader.forward();
        let mut handle = "!".to_owned();
        if self.reader.peek() == ' ' {
            return Ok(handle);
        }
        handle.push_str(self.reader.take_until(|c, _| !is_word(c)));
        let c = self.reader.peek();
        if c != '!' {
            return Err(fault(c, self.reader.mark()));
        }
        self.reader.forward();
        handle.push('!');
        Ok(handle)
    }

    /// Characters of a URI, `%` escapes decoded.
    pub(super) fn tag_uri(&mut self, what: &str, prefix: bool, start: Mark) -> Result<String> {
        let allowed = |c: char| {
            c != END
                && (is_word(c) || ";/?:@&=+$_.!~*'()%".contains(c) || prefix && matches!(c, ',' | '[' | ']'))
        };
        let context = format!("while scanning a {what}");
        let mut uri = String::new();
        loop {
            uri.push_str(self.reader.take_until(|c, _| c == '%' || !allowed(c)));
            if self.reader.peek() != '%' {
                break;
            }
            self.uri_escapes(&context, start, &mut uri)?;
        }
        if uri.is_empty() {
            let c = self.reader.peek();
            let problem = format!("expected URI, but found {}", shown(c));
            return Err(Fault::marked(Some(&context), Some(start), &problem, self.reader.mark()));
        }
        Ok(uri)
    }

    fn uri_escapes(&mut self, context: &str, start: Mark, uri: &mut String) -> Result<()> {
        let beginning = self.reader.mark();
        let mut bytes = Vec::new();
        while self.reader.peek() == '%' {
            self.reader.forward();
            let digits = self.reader.prefix(2);
            // Java's parseInt also takes a sign before a digit
            let byte = match i32::from_str_radix(digits, 16) {
                Ok(code) if digits.chars().count() <= 2 && !digits.is_empty() => code,
                _ => {
                    let (first, second) = (self.reader.peek(), self.reader.peek_at(1));
                    let (first, second) = (shown(first), shown(second));
                    let problem = format!(
                        "expected URI escape sequence of 2 hexadecimal numbers, but found {first} and {second}"
                    );
                    return Err(Fault::marked(Some(context), Some(start), &problem, self.reader.mark()));
                }
            };
            bytes.push(byte.to_le_bytes().first().copied().unwrap_or(0));
            self.reader.forward_by(2);
        }
        let decoded = crate::config::decode::utf8(&bytes);
        if let Some(malformed) = decoded.malformed.first() {
            let problem = format!("expected URI in UTF-8: Input length = {}", malformed.length);
            return Err(Fault::marked(Some(context), Some(start), &problem, beginning));
        }
        uri.push_str(&decoded.text);
        Ok(())
    }
}
