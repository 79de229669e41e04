//! From events to nodes: anchors become references, so the result is a graph in one arena.

use std::collections::HashMap;

use super::error::{Fault, Mark, Result};
use super::parser::{Kind, Parser, Properties};
use super::resolve::{MAP, SEQ, encode_tag, resolve};

/// Deeper nesting is refused. The real program overflows its stack somewhere between 1000 and 2000 levels, depending on
/// the kind of collection and on the state of the virtual machine.
pub(super) const MAX_DEPTH: usize = 1000;
/// `maxAliasesForCollections` of the engine.
const MAX_ALIASES: usize = 50;

/// Index of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct NodeId(pub(super) usize);

/// What a node holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Held {
    Scalar(String),
    Sequence(Vec<NodeId>),
    Mapping(Vec<(NodeId, NodeId)>),
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) tag: String,
    pub(super) held: Held,
    pub(super) start: Mark,
    pub(super) end: Mark,
    /// It contains itself.
    pub(super) recursive: bool,
}

/// All nodes of a document.
#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: Vec<Node>,
}

impl Graph {
    /// A node; every [`NodeId`] comes from this graph, so there is one.
    pub(super) fn get(&self, id: NodeId) -> &Node {
        const NOWHERE: Mark = Mark { offset: 0, index: 0, line: 0, column: 0 };
        static NOTHING: Node = Node {
            tag: String::new(),
            held: Held::Scalar(String::new()),
            start: NOWHERE,
            end: NOWHERE,
            recursive: false,
        };
        self.nodes.get(id.0).unwrap_or(&NOTHING)
    }

    /// How many nodes there are.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    fn add(&mut self, tag: String, held: Held, start: Mark, end: Mark) -> NodeId {
        self.nodes.push(Node { tag, held, start, end, recursive: false });
        NodeId(self.nodes.len() - 1)
    }
}

/// Reads the only document; no node where the text is empty.
pub(super) fn compose(parser: Parser<'_>) -> Result<(Graph, Option<NodeId>)> {
    let mut composer =
        Composer { parser, graph: Graph::default(), anchors: HashMap::new(), open: Vec::new(), aliases: 0 };
    composer.parser.next()?;
    let mut root = None;
    if composer.parser.peek()?.kind != Kind::StreamEnd {
        composer.parser.next()?;
        root = Some(composer.node(0)?);
        composer.parser.next()?;
    }
    let event = composer.parser.peek()?;
    if event.kind != Kind::StreamEnd {
        let here = event.start;
        let before = root.map(|root| composer.graph.get(root).start);
        let context = Some("expected a single document in the stream");
        return Err(Fault::marked(context, before, "but found another document", here));
    }
    Ok((composer.graph, root))
}

struct Composer<'t> {
    parser: Parser<'t>,
    graph: Graph,
    anchors: HashMap<String, NodeId>,
    /// The collections around the current node.
    open: Vec<NodeId>,
    /// Aliases of collections so far.
    aliases: usize,
}

impl Composer<'_> {
    fn node(&mut self, depth: usize) -> Result<NodeId> {
        let event = self.parser.next()?;
        if depth > MAX_DEPTH {
            return Err(Fault::too_deep(MAX_DEPTH, event.start));
        }
        match event.kind {
            Kind::Alias(name) => self.alias(&name, event.start),
            Kind::Scalar(properties, text, implicit) => {
                let tag = match &properties.tag {
                    Some(tag) if tag != "!" => encode_tag(tag),
                    _ => resolve(&text, implicit).to_owned(),
                };
                let id = self.graph.add(tag, Held::Scalar(text), event.start, event.end);
                self.name(properties, id);
                Ok(id)
            }
            Kind::SequenceStart(properties) => {
                let tag = collection_tag(&properties, SEQ);
                let id = self.graph.add(tag, Held::Sequence(Vec::new()), event.start, event.end);
                self.name(properties, id);
                self.open.push(id);
                let mut children = Vec::new();
                while self.parser.peek()?.kind != Kind::SequenceEnd {
                    children.push(self.node(depth + 1)?);
                }
                self.close(id, Held::Sequence(children))
            }
            Kind::MappingStart(properties) => {
                let tag = collection_tag(&properties, MAP);
                let id = self.graph.add(tag, Held::Mapping(Vec::new()), event.start, event.end);
                self.name(properties, id);
                self.open.push(id);
                let mut children = Vec::new();
                while self.parser.peek()?.kind != Kind::MappingEnd {
                    let key = self.node(depth + 1)?;
                    children.push((key, self.node(depth + 1)?));
                }
                self.close(id, Held::Mapping(children))
            }
            // no other event comes inside a document
            _ => Ok(self.graph.add(
                resolve("", true).to_owned(),
                Held::Scalar(String::new()),
                event.start,
                event.end,
            )),
        }
    }

    fn name(&mut self, properties: Properties, id: NodeId) {
        if let Some(anchor) = properties.anchor {
            self.anchors.insert(anchor, id);
        }
    }

    fn close(&mut self, id: NodeId, held: Held) -> Result<NodeId> {
        let end = self.parser.next()?.end;
        self.open.pop();
        if let Some(node) = self.graph.nodes.get_mut(id.0) {
            node.held = held;
            node.end = end;
        }
        Ok(id)
    }

    fn alias(&mut self, name: &str, mark: Mark) -> Result<NodeId> {
        let Some(&id) = self.anchors.get(name) else {
            return Err(Fault::marked(Some(""), None, &format!("found undefined alias {name}"), mark));
        };
        if !matches!(self.graph.get(id).held, Held::Scalar(_)) {
            self.aliases += 1;
            if self.aliases > MAX_ALIASES {
                let message =
                    format!("Number of aliases for non-scalar nodes exceeds the specified max={MAX_ALIASES}");
                return Err(Fault::engine(&message, Some(mark)));
            }
        }
        if self.open.contains(&id)
            && let Some(node) = self.graph.nodes.get_mut(id.0)
        {
            node.recursive = true;
        }
        Ok(id)
    }
}

fn collection_tag(properties: &Properties, default: &str) -> String {
    match &properties.tag {
        Some(tag) if tag != "!" => encode_tag(tag),
        _ => default.to_owned(),
    }
}
