//! From characters to tokens.
//!
//! Where a plain word turns out to be a key only at the colon after it, the tokens before are held back: a *possible
//! simple key* is remembered for each level of flow nesting, and goes stale at the end of its line or after 1024
//! characters.

mod block;
mod directive;
mod flow;
mod plain;
mod tag;

use std::collections::VecDeque;

use super::error::{Fault, Mark, Result};
use super::reader::{END, Reader, is_space};
use super::token::{Content, Id, Token};

/// How many characters the engine reads at most.
pub(super) const CODE_POINT_LIMIT: usize = 3 << 20;
/// How far the colon of a key without `?` may be from its start.
const SIMPLE_KEY_LENGTH: usize = 1024;

/// A place where a key may have begun.
#[derive(Debug, Clone, Copy)]
struct SimpleKey {
    /// The level of flow nesting.
    level: i64,
    /// The number of the token that would follow the `?`.
    token: usize,
    /// Nothing but a key can stand here.
    required: bool,
    mark: Mark,
}

/// The scanner.
#[derive(Debug)]
pub(super) struct Scanner<'t> {
    reader: Reader<'t>,
    tokens: VecDeque<Token>,
    /// How many tokens were handed out.
    taken: usize,
    done: bool,
    /// Open `[` and `{`; below zero after more closing than opening ones, which still is flow context.
    level: i64,
    /// The column of the current block collection; -1 outside.
    indent: i64,
    indents: Vec<i64>,
    /// A key without `?` may start here.
    allow_key: bool,
    /// In the order of their appearance: the front is stale first.
    keys: VecDeque<SimpleKey>,
}

impl<'t> Scanner<'t> {
    /// A scanner at the start.
    pub(super) fn new(reader: Reader<'t>) -> Self {
        let start = reader.mark();
        Self {
            reader,
            tokens: VecDeque::from([Token::bare(Id::StreamStart, start, start)]),
            taken: 0,
            done: false,
            level: 0,
            indent: -1,
            indents: Vec::new(),
            allow_key: true,
            keys: VecDeque::new(),
        }
    }

    /// The next token's id and place, without taking it.
    pub(super) fn peek(&mut self) -> Result<(Id, Mark, Mark)> {
        while self.needs_more()? {
            let fetched = self.fetch();
            // what is wrong with the characters explains any nonsense made of them
            self.reader.fault()?;
            fetched?;
        }
        let end = self.reader.mark();
        Ok(self.tokens.front().map_or((Id::StreamEnd, end, end), |token| (token.id, token.start, token.end)))
    }

    /// Whether the next token is one of these.
    pub(super) fn check(&mut self, ids: &[Id]) -> Result<bool> {
        Ok(ids.contains(&self.peek()?.0))
    }

    /// Takes the next token.
    pub(super) fn next(&mut self) -> Result<Token> {
        let (id, start, end) = self.peek()?;
        self.taken += 1;
        Ok(self.tokens.pop_front().unwrap_or_else(|| Token::bare(id, start, end)))
    }

    fn needs_more(&mut self) -> Result<bool> {
        if self.done {
            return Ok(false);
        }
        if self.tokens.is_empty() {
            return Ok(true);
        }
        self.drop_stale_keys()?;
        Ok(self.keys.front().is_some_and(|key| key.token == self.taken))
    }

    const fn in_block(&self) -> bool {
        self.level == 0
    }

    fn fetch(&mut self) -> Result<()> {
        if self.reader.mark().index > CODE_POINT_LIMIT {
            let message =
                format!("The incoming YAML document exceeds the limit: {CODE_POINT_LIMIT} code points.");
            return Err(Fault::engine(&message, Some(self.reader.mark())));
        }
        self.skip_to_token();
        self.drop_stale_keys()?;
        self.unwind(i64::from(self.reader.column()));
        let c = self.reader.peek();
        match c {
            END => self.fetch_end(),
            '%' if self.reader.column() == 0 => self.fetch_directive(),
            '-' if self.at_document("---") => self.fetch_document(Id::DocumentStart),
            '-' if is_space(self.reader.peek_at(1)) => self.fetch_block_entry(),
            '.' if self.at_document("...") => self.fetch_document(Id::DocumentEnd),
            '[' => self.fetch_flow_start(Id::FlowSequenceStart),
            '{' => self.fetch_flow_start(Id::FlowMappingStart),
            ']' => self.fetch_flow_end(Id::FlowSequenceEnd),
            '}' => self.fetch_flow_end(Id::FlowMappingEnd),
            ',' => self.fetch_flow_entry(),
            '?' if is_space(self.reader.peek_at(1)) => self.fetch_key(),
            ':' if !self.in_block() || is_space(self.reader.peek_at(1)) => self.fetch_value(),
            '*' => self.fetch_name(Id::Alias),
            '&' => self.fetch_name(Id::Anchor),
            '!' => self.fetch_tag(),
            '|' | '>' if self.in_block() => self.fetch_block_scalar(c == '>'),
            '\'' | '"' => self.fetch_quoted(c == '"'),
            _ if self.at_plain(c) => self.fetch_plain(),
            _ => Err(self.no_token(c)),
        }
    }

    fn no_token(&self, c: char) -> Box<Fault> {
        let shown = if c == '\t' { "\\t(TAB)".to_owned() } else { c.to_string() };
        let problem = format!(
            "found character '{shown}' that cannot start any token. (Do not use {shown} for indentation)"
        );
        Fault::marked(Some("while scanning for the next token"), None, &problem, self.reader.mark())
    }

    fn at_document(&mut self, sign: &str) -> bool {
        self.reader.column() == 0 && self.reader.prefix(3) == sign && is_space(self.reader.peek_at(3))
    }

    /// Steps over blanks, comments and line ends.
    fn skip_to_token(&mut self) {
        if self.reader.mark().index == 0 && self.reader.peek() == '\u{feff}' {
            self.reader.forward();
        }
        loop {
            self.reader.skip_blanks();
            if self.reader.peek() == '#' {
                self.skip_comment();
            }
            if self.reader.line_break().is_none() {
                return;
            }
            if self.in_block() {
                self.allow_key = true;
            }
        }
    }

    fn skip_comment(&mut self) {
        self.reader.forward();
        self.reader.take_until(|c, _| super::reader::ends_line(c));
    }

    fn push(&mut self, token: Token) {
        self.tokens.push_back(token);
    }

    /// A token of so many characters that starts here.
    fn push_sign(&mut self, id: Id, length: usize) {
        let start = self.reader.mark();
        self.reader.forward_by(length);
        self.push(Token::bare(id, start, self.reader.mark()));
    }

    /// A token of no characters at a place.
    fn push_empty(&mut self, id: Id, mark: Mark) {
        self.push(Token::bare(id, mark, mark));
    }

    fn drop_stale_keys(&mut self) -> Result<()> {
        let here = self.reader.mark();
        while let Some(key) = self.keys.front() {
            if key.mark.line == here.line && here.index.saturating_sub(key.mark.index) <= SIMPLE_KEY_LENGTH {
                break;
            }
            if key.required {
                return Err(no_colon(key, here));
            }
            self.keys.pop_front();
        }
        Ok(())
    }

    fn take_key(&mut self) -> Option<SimpleKey> {
        let place = self.keys.iter().rposition(|key| key.level == self.level)?;
        self.keys.remove(place)
    }

    /// The next token may be a key.
    fn save_key(&mut self) -> Result<()> {
        let required = self.in_block() && self.indent == i64::from(self.reader.column());
        if !self.allow_key {
            if required {
                let message = "A simple key is required only if it is the first token in the current line";
                return Err(Fault::engine(message, Some(self.reader.mark())));
            }
            return Ok(());
        }
        self.drop_key()?;
        let token = self.taken + self.tokens.len();
        self.keys.push_back(SimpleKey { level: self.level, token, required, mark: self.reader.mark() });
        Ok(())
    }

    /// What might have been a key at this level is none.
    fn drop_key(&mut self) -> Result<()> {
        match self.take_key() {
            Some(key) if key.required => Err(no_colon(&key, self.reader.mark())),
            _ => Ok(()),
        }
    }

    /// Ends the block collections that are indented deeper than this column.
    fn unwind(&mut self, column: i64) {
        if !self.in_block() {
            return;
        }
        while self.indent > column {
            self.indent = self.indents.pop().unwrap_or(-1);
            self.push_empty(Id::BlockEnd, self.reader.mark());
        }
    }

    fn indent_to(&mut self, column: u32) -> bool {
        let column = i64::from(column);
        if self.indent >= column {
            return false;
        }
        self.indents.push(self.indent);
        self.indent = column;
        true
    }

    fn fetch_end(&mut self) -> Result<()> {
        self.unwind(-1);
        self.drop_key()?;
        self.allow_key = false;
        self.keys.clear();
        self.push_empty(Id::StreamEnd, self.reader.mark());
        self.done = true;
        Ok(())
    }

    fn fetch_document(&mut self, id: Id) -> Result<()> {
        self.unwind(-1);
        self.drop_key()?;
        self.allow_key = false;
        self.push_sign(id, 3);
        Ok(())
    }

    fn fetch_block_entry(&mut self) -> Result<()> {
        if self.in_block() {
            if !self.allow_key {
                let problem = "sequence entries are not allowed here";
                return Err(Fault::marked(Some(""), None, problem, self.reader.mark()));
            }
            if self.indent_to(self.reader.column()) {
                self.push_empty(Id::BlockSequenceStart, self.reader.mark());
            }
        }
        self.allow_key = true;
        self.drop_key()?;
        self.push_sign(Id::BlockEntry, 1);
        Ok(())
    }

    fn fetch_key(&mut self) -> Result<()> {
        if self.in_block() {
            if !self.allow_key {
                return Err(Fault::at("mapping keys are not allowed here", self.reader.mark()));
            }
            if self.indent_to(self.reader.column()) {
                self.push_empty(Id::BlockMappingStart, self.reader.mark());
            }
        }
        self.allow_key = self.in_block();
        self.drop_key()?;
        self.push_sign(Id::Key, 1);
        Ok(())
    }

    fn fetch_value(&mut self) -> Result<()> {
        if let Some(key) = self.take_key() {
            let place = key.token.saturating_sub(self.taken).min(self.tokens.len());
            self.tokens.insert(place, Token::bare(Id::Key, key.mark, key.mark));
            if self.in_block() && self.indent_to(key.mark.column) {
                self.tokens.insert(place, Token::bare(Id::BlockMappingStart, key.mark, key.mark));
            }
            self.allow_key = false;
        } else {
            if self.in_block() {
                if !self.allow_key {
                    return Err(Fault::at("mapping values are not allowed here", self.reader.mark()));
                }
                if self.indent_to(self.reader.column()) {
                    self.push_empty(Id::BlockMappingStart, self.reader.mark());
                }
            }
            self.allow_key = self.in_block();
            self.drop_key()?;
        }
        self.push_sign(Id::Value, 1);
        Ok(())
    }

    /// `*name`, `&name`
    fn fetch_name(&mut self, id: Id) -> Result<()> {
        self.save_key()?;
        self.allow_key = false;
        let start = self.reader.mark();
        self.reader.forward();
        let name = self.reader.take_until(|c, _| is_space(c) || ",[]{}/.*&".contains(c));
        let c = self.reader.peek();
        if name.is_empty() || !(is_space(c) || "?:,]}%@`".contains(c)) {
            let context =
                if id == Id::Alias { "while scanning an alias" } else { "while scanning an anchor" };
            let problem = format!("unexpected character found {}", shown(c));
            return Err(Fault::marked(Some(context), Some(start), &problem, self.reader.mark()));
        }
        self.push(Token { id, start, end: self.reader.mark(), content: Content::Name(name.to_owned()) });
        Ok(())
    }
}

fn no_colon(key: &SimpleKey, here: Mark) -> Box<Fault> {
    Fault::marked(Some("while scanning a simple key"), Some(key.mark), "could not find expected ':'", here)
}

/// A character in messages: itself and its number.
fn shown(c: char) -> String {
    format!("{c}({})", u32::from(c))
}
