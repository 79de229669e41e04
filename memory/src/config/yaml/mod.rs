//! `config.yaml` as Flink 1.20 and 2.x read it: the YAML of snakeyaml-engine 2.6 with the core schema of YAML 1.2.
//!
//! | module | what |
//! |---|---|
//! | `encoding`, `reader` | bytes to characters with places |
//! | `scanner` | characters to tokens |
//! | `parser` | tokens to events |
//! | `compose` | events to a graph of nodes |
//! | `construct`, `resolve`, `base64` | nodes to Java's objects |
//! | `flatten`, `emit` | nested maps to dotted keys, lists to one line of text |
//! | `error` | the engine's messages |
//!
//! Promises: what the real reader accepts is accepted with the same values, what it refuses is refused in the same
//! words; no panic, no recursion beyond a fixed depth, no memory beyond some ten times the text and fixed budgets.
//!
//! Where it differs on purpose: nesting beyond 1000 levels is refused (the real program overflows its stack between
//! 1000 and 2000); a lone half of a surrogate pair becomes U+FFFD; `!!binary` values have the text `[B@0` where Java
//! prints an address; `!!java.util.UUID` only takes the long form.

#![expect(
    clippy::unnecessary_box_returns,
    reason = "a fault is large and rare, every result carries it boxed"
)]

mod base64;
mod compose;
mod construct;
mod emit;
mod encoding;
mod error;
mod flatten;
mod parser;
mod reader;
mod resolve;
mod scanner;
mod token;

use crate::java::Exception;

use compose::Graph;
use construct::{Data, Objects};
use error::{Fault, Mark};
use flatten::Flat;

use super::{Span, Value};

/// How Flink joins nested maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flattening {
    /// 1.19 and 1.20: each nested map into a map of its own, then all of it into the outer one.
    MapByMap,
    /// 2.x: all into one map.
    OneMap,
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Property {
    /// The key, dotted.
    pub key: String,
    /// The value.
    pub value: Value,
    /// Where the last part of the key stands.
    pub key_span: Span,
    /// Where the value stands.
    pub value_span: Span,
}

/// What a text says.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The decoded text without a byte order mark.
    pub text: String,
    /// Whether it had a byte order mark.
    pub byte_order_mark: bool,
    /// All values in the order of the text, also those that a later one of the same key replaces.
    pub properties: Vec<Property>,
    /// The values that count, in the order in which Flink's configuration lists them: indices into `properties`.
    pub order: Vec<usize>,
}

/// Why a text says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The exceptions of the real program, outermost first, inside the one that names the file; empty where it is ours.
    pub chain: Vec<Exception>,
    /// Whether they are wrapped into Flink's `Error parsing YAML configuration.`
    pub wrapped: bool,
    /// Whether Flink logs it as an error.
    pub logged: bool,
    /// Where.
    pub span: Option<Span>,
    /// The reason in a sentence.
    pub message: String,
    /// The decoded text.
    pub text: String,
}

/// Reads a text.
///
/// # Errors
/// What the real reader refuses, and what this one bounds.
pub fn parse(bytes: &[u8], flattening: Flattening) -> Result<Document, Failure> {
    let input = encoding::decode_input(bytes);
    match read(&input, flattening) {
        Ok((flats, order)) => {
            let properties = flats.into_iter().map(|flat| property(&input.text, flat)).collect();
            Ok(Document { text: input.text, byte_order_mark: input.byte_order_mark, properties, order })
        }
        Err(fault) => {
            let Fault { chain, wrapped, logged, mark, message } = *fault;
            let span = mark.map(|mark| {
                let length = input
                    .text
                    .get(mark.offset..)
                    .and_then(|rest| rest.chars().next())
                    .map_or(0, char::len_utf8);
                let length =
                    if input.text.get(mark.offset..).is_some_and(|rest| rest.starts_with(['\n', '\r'])) {
                        0
                    } else {
                        length
                    };
                span(mark, mark.offset + length)
            });
            Err(Failure { chain, wrapped, logged, span, message, text: input.text })
        }
    }
}

/// The pairs of a map that stands as text inside one value, each by Java's text; `None` where the text is no map that
/// the engine accepts, or holds a null: Flink then reads it by its older rules.
pub fn read_map(text: &str) -> Option<Vec<(String, String)>> {
    let (mut objects, root) = object(text)?;
    if *objects.data(root) != Data::Map {
        return None;
    }
    let pairs = objects.pairs(root).to_vec();
    pairs
        .into_iter()
        .map(|(key, value)| Some((item(&mut objects, key)?, item(&mut objects, value)?)))
        .collect()
}

/// The items of a list that stands as text inside one value; as [`read_map`].
pub fn read_list(text: &str) -> Option<Vec<String>> {
    let (mut objects, root) = object(text)?;
    if *objects.data(root) != Data::List {
        return None;
    }
    let items = objects.items(root).to_vec();
    items.into_iter().map(|id| item(&mut objects, id)).collect()
}

fn object(text: &str) -> Option<(Objects, compose::NodeId)> {
    let input = encoding::decode_input(text.as_bytes());
    let scanner = scanner::Scanner::new(reader::Reader::new(&input));
    let (graph, root) = compose::compose(parser::Parser::new(scanner)).ok()?;
    let root = root?;
    Some((Objects::of(graph, root).ok()?, root))
}

fn item(objects: &mut Objects, id: compose::NodeId) -> Option<String> {
    if *objects.data(id) == Data::Null {
        return None;
    }
    let mut text = String::new();
    objects.java_text(id, &mut text, 0).ok()?;
    Some(text)
}

fn read(input: &reader::Input, flattening: Flattening) -> error::Result<(Vec<Flat>, Vec<usize>)> {
    let scanner = scanner::Scanner::new(reader::Reader::new(input));
    let (graph, root): (Graph, _) = compose::compose(parser::Parser::new(scanner))?;
    let Some(root) = root else { return Ok((Vec::new(), Vec::new())) };
    if graph.get(root).tag == resolve::NULL {
        return Ok((Vec::new(), Vec::new()));
    }
    flatten::flatten(Objects::of(graph, root)?, root, flattening)
}

fn property(text: &str, flat: Flat) -> Property {
    let trimmed = |(start, end): (Mark, Mark)| {
        // a block scalar or collection ends where the next thing starts: white space after it is not part of it
        let inner = text.get(start.offset..end.offset).unwrap_or_default();
        span(start, start.offset + inner.trim_end().len())
    };
    Property {
        key: flat.key,
        value: flat.value.unwrap_or_else(|| Value::from("")),
        key_span: trimmed(flat.key_marks),
        value_span: trimmed(flat.value_marks),
    }
}

const fn span(mark: Mark, end: usize) -> Span {
    Span { start: mark.offset, end, line: mark.line.saturating_add(1), column: mark.column.saturating_add(1) }
}
