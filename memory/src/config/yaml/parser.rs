//! From tokens to events: the grammar, as a machine with a stack of states.

use std::collections::HashMap;

use super::error::{Fault, Mark, Result};
use super::scanner::Scanner;
use super::token::{Content, Directive, Id, Token};

const CORE: &str = "tag:yaml.org,2002:";

/// What a node says beside its content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Properties {
    pub(super) anchor: Option<String>,
    pub(super) tag: Option<String>,
}

/// What happens next in the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    StreamStart,
    StreamEnd,
    DocumentStart,
    DocumentEnd,
    Alias(String),
    /// A scalar; the flag: its tag follows from its text.
    Scalar(Properties, String, bool),
    SequenceStart(Properties),
    SequenceEnd,
    MappingStart(Properties),
    MappingEnd,
}

/// An event with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) kind: Kind,
    pub(super) start: Mark,
    pub(super) end: Mark,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    StreamStart,
    ImplicitDocumentStart,
    DocumentStart,
    DocumentContent,
    DocumentEnd,
    BlockNode,
    BlockSequenceFirst,
    BlockSequence,
    Indentless,
    BlockMappingFirst,
    BlockMappingKey,
    BlockMappingValue,
    FlowSequenceFirst,
    FlowSequence,
    PairKey,
    PairValue,
    PairEnd,
    FlowMappingFirst,
    FlowMappingKey,
    FlowMappingValue,
    FlowMappingEmptyValue,
    Done,
}

/// The parser.
#[derive(Debug)]
pub(super) struct Parser<'t> {
    scanner: Scanner<'t>,
    state: State,
    /// Where to go on after the current node.
    states: Vec<State>,
    /// Where the open collections began.
    marks: Vec<Mark>,
    handles: HashMap<String, String>,
    peeked: Option<Event>,
}

impl<'t> Parser<'t> {
    /// A parser at the start.
    pub(super) fn new(scanner: Scanner<'t>) -> Self {
        Self {
            scanner,
            state: State::StreamStart,
            states: Vec::new(),
            marks: Vec::new(),
            handles: default_handles(),
            peeked: None,
        }
    }

    /// The next event, without taking it.
    pub(super) fn peek(&mut self) -> Result<&Event> {
        if self.peeked.is_none() {
            self.peeked = Some(self.produce()?);
        }
        let end = Event { kind: Kind::StreamEnd, start: Mark::default(), end: Mark::default() };
        Ok(self.peeked.get_or_insert(end))
    }

    /// Takes the next event.
    pub(super) fn next(&mut self) -> Result<Event> {
        match self.peeked.take() {
            Some(event) => Ok(event),
            None => self.produce(),
        }
    }

    fn pop(&mut self) -> State {
        self.states.pop().unwrap_or(State::Done)
    }

    fn pop_mark(&mut self, fallback: Mark) -> Mark {
        self.marks.pop().unwrap_or(fallback)
    }

    fn produce(&mut self) -> Result<Event> {
        match self.state {
            State::StreamStart => {
                let token = self.scanner.next()?;
                self.state = State::ImplicitDocumentStart;
                Ok(Event { kind: Kind::StreamStart, start: token.start, end: token.end })
            }
            State::ImplicitDocumentStart => self.implicit_document(),
            State::DocumentStart => self.document_start(),
            State::DocumentContent => {
                let (id, start, _) = self.scanner.peek()?;
                if matches!(id, Id::Directive | Id::DocumentStart | Id::DocumentEnd | Id::StreamEnd) {
                    self.state = self.pop();
                    return Ok(empty_scalar(start));
                }
                self.node(true, false)
            }
            State::DocumentEnd => self.document_end(),
            State::BlockNode => self.node(true, false),
            State::BlockSequenceFirst => {
                let token = self.scanner.next()?;
                self.marks.push(token.start);
                self.block_sequence()
            }
            State::BlockSequence => self.block_sequence(),
            State::Indentless => self.indentless(),
            State::BlockMappingFirst => {
                let token = self.scanner.next()?;
                self.marks.push(token.start);
                self.block_mapping_key()
            }
            State::BlockMappingKey => self.block_mapping_key(),
            State::BlockMappingValue => self.block_mapping_value(),
            State::FlowSequenceFirst => {
                let token = self.scanner.next()?;
                self.marks.push(token.start);
                self.flow_sequence(true)
            }
            State::FlowSequence => self.flow_sequence(false),
            State::PairKey => {
                let token = self.scanner.next()?;
                self.flow_node_or(
                    &[Id::Value, Id::FlowEntry, Id::FlowSequenceEnd],
                    token.end,
                    State::PairValue,
                )
            }
            State::PairValue => self.flow_value(Id::FlowSequenceEnd, State::PairEnd),
            State::PairEnd => {
                self.state = State::FlowSequence;
                let (_, start, end) = self.scanner.peek()?;
                Ok(Event { kind: Kind::MappingEnd, start, end })
            }
            State::FlowMappingFirst => {
                let token = self.scanner.next()?;
                self.marks.push(token.start);
                self.flow_mapping_key(true)
            }
            State::FlowMappingKey => self.flow_mapping_key(false),
            State::FlowMappingValue => self.flow_value(Id::FlowMappingEnd, State::FlowMappingKey),
            State::FlowMappingEmptyValue => {
                self.state = State::FlowMappingKey;
                let (_, start, _) = self.scanner.peek()?;
                Ok(empty_scalar(start))
            }
            State::Done => {
                let (_, start, end) = self.scanner.peek()?;
                Ok(Event { kind: Kind::StreamEnd, start, end })
            }
        }
    }

    fn implicit_document(&mut self) -> Result<Event> {
        let (id, start, _) = self.scanner.peek()?;
        if matches!(id, Id::Directive | Id::DocumentStart | Id::StreamEnd) {
            return self.document_start();
        }
        self.states.push(State::DocumentEnd);
        self.state = State::BlockNode;
        Ok(Event { kind: Kind::DocumentStart, start, end: start })
    }

    fn document_start(&mut self) -> Result<Event> {
        while self.scanner.check(&[Id::DocumentEnd])? {
            self.scanner.next()?;
        }
        let (id, start, end) = self.scanner.peek()?;
        if id == Id::StreamEnd {
            self.scanner.next()?;
            self.state = State::Done;
            return Ok(Event { kind: Kind::StreamEnd, start, end });
        }
        self.directives()?;
        let (id, mark, _) = self.scanner.peek()?;
        if id != Id::DocumentStart {
            return Err(Fault::at(&format!("expected '<document start>', but found '{}'", id.name()), mark));
        }
        let token = self.scanner.next()?;
        self.states.push(State::DocumentEnd);
        self.state = State::DocumentContent;
        Ok(Event { kind: Kind::DocumentStart, start, end: token.end })
    }

    fn document_end(&mut self) -> Result<Event> {
        let (id, start, end) = self.scanner.peek()?;
        let mut event = Event { kind: Kind::DocumentEnd, start, end: start };
        if id == Id::DocumentEnd {
            self.scanner.next()?;
            event.end = end;
        } else if id == Id::Directive {
            let problem = format!("expected '<document end>' before directives, but found '{}'", id.name());
            return Err(Fault::at(&problem, start));
        }
        self.handles.clear();
        self.state = State::DocumentStart;
        Ok(event)
    }

    fn directives(&mut self) -> Result<()> {
        let mut handles = HashMap::new();
        let mut versioned = false;
        while self.scanner.check(&[Id::Directive])? {
            let token = self.scanner.next()?;
            match token.content {
                Content::Directive(Directive::Yaml(major, minor)) => {
                    if versioned {
                        return Err(Fault::at("found duplicate YAML directive", token.start));
                    }
                    if major != 1 {
                        return Err(Fault::version(major, minor, token.start));
                    }
                    versioned = true;
                }
                Content::Directive(Directive::Tag(handle, prefix)) => {
                    if handles.contains_key(&handle) {
                        return Err(Fault::at(&format!("duplicate tag handle {handle}"), token.start));
                    }
                    handles.insert(handle, prefix);
                }
                _ => {}
            }
        }
        for (handle, prefix) in default_handles() {
            handles.entry(handle).or_insert(prefix);
        }
        self.handles = handles;
        Ok(())
    }

    /// A node: alias, or properties and content.
    fn node(&mut self, block: bool, indentless: bool) -> Result<Event> {
        if self.scanner.check(&[Id::Alias])? {
            let token = self.scanner.next()?;
            self.state = self.pop();
            return Ok(Event {
                kind: Kind::Alias(name_of(token.content)),
                start: token.start,
                end: token.end,
            });
        }
        let (properties, marks) = self.properties()?;
        let (id, token_start, token_end) = self.scanner.peek()?;
        let (start, end) = marks.unwrap_or((token_start, token_start));
        if indentless && id == Id::BlockEntry {
            self.state = State::Indentless;
            return Ok(Event { kind: Kind::SequenceStart(properties), start, end: token_end });
        }
        let (kind, end, state) = match id {
            Id::Scalar => {
                let token = self.scanner.next()?;
                let (text, plain) = match token.content {
                    Content::Scalar(text, plain) => (text, plain),
                    _ => (String::new(), true),
                };
                let implicit = plain && properties.tag.is_none();
                (Kind::Scalar(properties, text, implicit), token.end, self.pop())
            }
            Id::FlowSequenceStart => (Kind::SequenceStart(properties), token_end, State::FlowSequenceFirst),
            Id::FlowMappingStart => (Kind::MappingStart(properties), token_end, State::FlowMappingFirst),
            Id::BlockSequenceStart if block => {
                (Kind::SequenceStart(properties), token_start, State::BlockSequenceFirst)
            }
            Id::BlockMappingStart if block => {
                (Kind::MappingStart(properties), token_start, State::BlockMappingFirst)
            }
            _ if properties != Properties::default() => {
                let implicit = properties.tag.is_none();
                (Kind::Scalar(properties, String::new(), implicit), end, self.pop())
            }
            _ => {
                let context = if block { "while parsing a block node" } else { "while parsing a flow node" };
                let problem = format!("expected the node content, but found '{}'", id.name());
                return Err(Fault::marked(Some(context), Some(start), &problem, token_start));
            }
        };
        self.state = state;
        Ok(Event { kind, start, end })
    }

    /// Anchor and tag in either order, and where they stand.
    fn properties(&mut self) -> Result<(Properties, Option<(Mark, Mark)>)> {
        let mut properties = Properties::default();
        let mut marks: Option<(Mark, Mark)> = None;
        let mut tag: Option<Token> = None;
        for _ in 0..2 {
            let (id, ..) = self.scanner.peek()?;
            let wanted = id == Id::Anchor && properties.anchor.is_none() || id == Id::Tag && tag.is_none();
            if !wanted {
                break;
            }
            let token = self.scanner.next()?;
            marks = Some((marks.map_or(token.start, |(start, _)| start), token.end));
            if id == Id::Anchor {
                properties.anchor = Some(name_of(token.content));
            } else {
                tag = Some(token);
            }
        }
        if let Some(Token { content: Content::Tag(handle, suffix), start, .. }) = tag {
            properties.tag = Some(match handle {
                None => suffix,
                Some(handle) => {
                    if let Some(prefix) = self.handles.get(&handle) {
                        format!("{prefix}{suffix}")
                    } else {
                        let problem = format!("found undefined tag handle {handle}");
                        let context_mark = marks.map(|(start, _)| start);
                        return Err(Fault::marked(
                            Some("while parsing a node"),
                            context_mark,
                            &problem,
                            start,
                        ));
                    }
                }
            });
        }
        Ok((properties, marks))
    }

    fn block_sequence(&mut self) -> Result<Event> {
        let (id, start, end) = self.scanner.peek()?;
        if id == Id::BlockEntry {
            self.scanner.next()?;
            if self.scanner.check(&[Id::BlockEntry, Id::BlockEnd])? {
                self.state = State::BlockSequence;
                return Ok(empty_scalar(end));
            }
            self.states.push(State::BlockSequence);
            return self.node(true, false);
        }
        let mark = self.pop_mark(start);
        if id != Id::BlockEnd {
            let problem = format!("expected <block end>, but found '{}'", id.name());
            return Err(Fault::marked(Some("while parsing a block collection"), Some(mark), &problem, start));
        }
        self.scanner.next()?;
        self.state = self.pop();
        Ok(Event { kind: Kind::SequenceEnd, start, end })
    }

    /// A sequence as a mapping's value whose entries stand in the mapping's own column.
    fn indentless(&mut self) -> Result<Event> {
        let (id, start, end) = self.scanner.peek()?;
        if id != Id::BlockEntry {
            self.state = self.pop();
            return Ok(Event { kind: Kind::SequenceEnd, start, end });
        }
        self.scanner.next()?;
        if self.scanner.check(&[Id::BlockEntry, Id::Key, Id::Value, Id::BlockEnd])? {
            self.state = State::Indentless;
            return Ok(empty_scalar(end));
        }
        self.states.push(State::Indentless);
        self.node(true, false)
    }

    fn block_mapping_key(&mut self) -> Result<Event> {
        let (id, start, end) = self.scanner.peek()?;
        if id == Id::Key {
            self.scanner.next()?;
            return self.block_node_or(end, State::BlockMappingValue);
        }
        let mark = self.pop_mark(start);
        if id != Id::BlockEnd {
            let problem = format!("expected <block end>, but found '{}'", id.name());
            return Err(Fault::marked(Some("while parsing a block mapping"), Some(mark), &problem, start));
        }
        self.scanner.next()?;
        self.state = self.pop();
        Ok(Event { kind: Kind::MappingEnd, start, end })
    }

    fn block_mapping_value(&mut self) -> Result<Event> {
        let (id, start, end) = self.scanner.peek()?;
        match id {
            Id::Value => {
                self.scanner.next()?;
                self.block_node_or(end, State::BlockMappingKey)
            }
            // the engine takes a scalar here although the colon is missing
            Id::Scalar => {
                self.states.push(State::BlockMappingKey);
                self.node(true, true)
            }
            _ => {
                self.state = State::BlockMappingKey;
                Ok(empty_scalar(start))
            }
        }
    }

    /// The node after `?` or `:` in a block mapping, nothing where the next key or the end follows.
    fn block_node_or(&mut self, mark: Mark, next: State) -> Result<Event> {
        if self.scanner.check(&[Id::Key, Id::Value, Id::BlockEnd])? {
            self.state = next;
            return Ok(empty_scalar(mark));
        }
        self.states.push(next);
        self.node(true, true)
    }

    /// The node after a sign in a flow collection, nothing where one of these tokens follows.
    fn flow_node_or(&mut self, ends: &[Id], mark: Mark, next: State) -> Result<Event> {
        if self.scanner.check(ends)? {
            self.state = next;
            return Ok(empty_scalar(mark));
        }
        self.states.push(next);
        self.node(false, false)
    }

    fn flow_sequence(&mut self, first: bool) -> Result<Event> {
        if !self.scanner.check(&[Id::FlowSequenceEnd])? {
            if !first {
                self.flow_comma("while parsing a flow sequence", "expected ',' or ']', but got ")?;
            }
            let (id, start, end) = self.scanner.peek()?;
            if id == Id::Key {
                self.state = State::PairKey;
                return Ok(Event { kind: Kind::MappingStart(Properties::default()), start, end });
            }
            if id != Id::FlowSequenceEnd {
                self.states.push(State::FlowSequence);
                return self.node(false, false);
            }
        }
        self.flow_end(Kind::SequenceEnd)
    }

    fn flow_comma(&mut self, context: &str, expected: &str) -> Result<()> {
        let (id, start, _) = self.scanner.peek()?;
        if id != Id::FlowEntry {
            let mark = self.pop_mark(start);
            return Err(Fault::marked(Some(context), Some(mark), &format!("{expected}{}", id.name()), start));
        }
        self.scanner.next()?;
        Ok(())
    }

    fn flow_end(&mut self, kind: Kind) -> Result<Event> {
        let token = self.scanner.next()?;
        // the engine already looks at what follows
        self.scanner.peek()?;
        self.state = self.pop();
        self.marks.pop();
        Ok(Event { kind, start: token.start, end: token.end })
    }

    fn flow_mapping_key(&mut self, first: bool) -> Result<Event> {
        if !self.scanner.check(&[Id::FlowMappingEnd])? {
            if !first {
                self.flow_comma("while parsing a flow mapping", "expected ',' or '}', but got ")?;
            }
            let (id, _, end) = self.scanner.peek()?;
            if id == Id::Key {
                self.scanner.next()?;
                return self.flow_node_or(
                    &[Id::Value, Id::FlowEntry, Id::FlowMappingEnd],
                    end,
                    State::FlowMappingValue,
                );
            }
            if id != Id::FlowMappingEnd {
                self.states.push(State::FlowMappingEmptyValue);
                return self.node(false, false);
            }
        }
        self.flow_end(Kind::MappingEnd)
    }

    fn flow_value(&mut self, closing: Id, next: State) -> Result<Event> {
        let (id, start, end) = self.scanner.peek()?;
        if id == Id::Value {
            self.scanner.next()?;
            return self.flow_node_or(&[Id::FlowEntry, closing], end, next);
        }
        self.state = next;
        Ok(empty_scalar(start))
    }
}

fn default_handles() -> HashMap<String, String> {
    HashMap::from([("!".to_owned(), "!".to_owned()), ("!!".to_owned(), CORE.to_owned())])
}

fn name_of(content: Content) -> String {
    match content {
        Content::Name(name) => name,
        _ => String::new(),
    }
}

fn empty_scalar(mark: Mark) -> Event {
    Event { kind: Kind::Scalar(Properties::default(), String::new(), true), start: mark, end: mark }
}
