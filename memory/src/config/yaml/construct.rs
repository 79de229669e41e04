//! From nodes to Java's objects: each node once, keys before values, as the engine does it.

use std::collections::HashSet;
use std::fmt::{Arguments, Write as _};

use crate::config::Value;
use crate::java::Exception;
use crate::java::exception::{ILLEGAL_ARGUMENT, NULL_POINTER};

use super::base64;
use super::compose::{Graph, Held, MAX_DEPTH, Node, NodeId};
use super::error::{Fault, Mark, Result};
use super::resolve::{self, BINARY, BOOL, ENV, FLOAT, INT, MAP, NULL, OPTIONAL, SEQ, SET, STR, UUID};

const CLASS_CAST: &str = "java.lang.ClassCastException";
/// How many bytes of text the comparison and naming of keys that are collections may take.
const KEY_BUDGET: usize = 16 << 20;

/// What a node became.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Data {
    Null,
    Value(Value),
    List,
    Map,
    Set,
    /// `byte[]`; its text is an address.
    Bytes,
    /// `java.util.Optional`
    Optional(Option<String>),
    /// `java.util.UUID`
    Uuid(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    New,
    Open,
    Done,
}

/// The objects of a document, by node.
#[derive(Debug)]
pub(super) struct Objects {
    pub(super) graph: Graph,
    data: Vec<Data>,
    progress: Vec<Progress>,
    budget: usize,
}

impl Objects {
    /// Makes the object of a node and of all it contains.
    pub(super) fn of(graph: Graph, root: NodeId) -> Result<Self> {
        let count = graph.len();
        let mut objects = Self {
            graph,
            data: vec![Data::Null; count],
            progress: vec![Progress::New; count],
            budget: KEY_BUDGET,
        };
        objects.construct(root, 0)?;
        Ok(objects)
    }

    /// The object of a node.
    pub(super) fn data(&self, id: NodeId) -> &Data {
        self.data.get(id.0).unwrap_or(&Data::Null)
    }

    /// The items of a sequence.
    pub(super) fn items(&self, id: NodeId) -> &[NodeId] {
        match &self.graph.get(id).held {
            Held::Sequence(items) => items,
            _ => &[],
        }
    }

    /// The pairs of a mapping.
    pub(super) fn pairs(&self, id: NodeId) -> &[(NodeId, NodeId)] {
        match &self.graph.get(id).held {
            Held::Mapping(pairs) => pairs,
            _ => &[],
        }
    }

    fn progress(&mut self, id: NodeId, now: Progress) {
        if let Some(progress) = self.progress.get_mut(id.0) {
            *progress = now;
        }
    }

    fn settle(&mut self, id: NodeId, data: Data) {
        if let Some(place) = self.data.get_mut(id.0) {
            *place = data;
        }
        self.progress(id, Progress::Done);
    }

    fn construct(&mut self, id: NodeId, depth: usize) -> Result<()> {
        let node = self.graph.get(id);
        let (start, recursive) = (node.start, node.recursive);
        match self.progress.get(id.0) {
            Some(Progress::New) => {}
            Some(Progress::Open) => return Err(Fault::at("found unconstructable recursive node", start)),
            _ => return Ok(()),
        }
        if depth > 2 * MAX_DEPTH {
            return Err(Fault::too_deep(MAX_DEPTH, start));
        }
        let data = match node.tag.as_str() {
            MAP => expect(node, "MappingNode").map(|()| Data::Map),
            SET => expect(node, "MappingNode").map(|()| Data::Set),
            SEQ => expect(node, "SequenceNode").map(|()| Data::List),
            OPTIONAL => optional(node),
            _ => scalar(node),
        }?;
        self.progress(id, Progress::Open);
        if recursive {
            // registered empty first, so that it can be found inside itself
            self.settle(id, data.clone());
        }
        match data {
            Data::Map | Data::Set => self.fill_mapping(id, data == Data::Set, start, depth)?,
            Data::List => {
                for item in self.items(id).to_vec() {
                    self.construct(item, depth + 1)?;
                }
            }
            _ => {}
        }
        self.settle(id, data);
        Ok(())
    }

    fn fill_mapping(&mut self, id: NodeId, set: bool, start: Mark, depth: usize) -> Result<()> {
        let pairs = self.pairs(id).to_vec();
        let mut seen = HashSet::with_capacity(pairs.len());
        for &(key, _) in &pairs {
            self.construct(key, depth + 1)?;
            let mut identity = String::new();
            self.identity(key, &mut identity, 0)?;
            if !seen.insert(identity) {
                return Err(self.duplicate(key, start)?);
            }
        }
        for (key, value) in pairs {
            if !set {
                self.construct(value, depth + 1)?;
            }
            if self.graph.get(key).recursive {
                let message = "Recursive key for mapping is detected but it is not configured to be allowed.";
                return Err(Fault::engine(message, Some(self.graph.get(key).start)));
            }
        }
        Ok(())
    }

    fn duplicate(&mut self, key: NodeId, context: Mark) -> Result<Box<Fault>> {
        let mark = self.graph.get(key).start;
        if *self.data(key) == Data::Null {
            let message = "Cannot invoke \"Object.toString()\" because \"key\" is null";
            return Ok(Fault::java_inside(Exception::new(NULL_POINTER, message), mark));
        }
        let mut text = String::new();
        self.java_text(key, &mut text, 0)?;
        let problem = format!("found duplicate key {text}");
        Ok(Fault::marked(Some("while constructing a mapping"), Some(context), &problem, mark))
    }

    fn spend(&mut self, id: NodeId, bytes: usize, depth: usize) -> Result<()> {
        let mark = self.graph.get(id).start;
        if depth > MAX_DEPTH {
            return Err(Fault::too_deep(MAX_DEPTH, mark));
        }
        self.budget = self.budget.checked_sub(bytes + 1).ok_or_else(|| Fault::too_big(mark))?;
        Ok(())
    }

    /// A text that two objects share exactly if Java's `equals` holds.
    fn identity(&mut self, id: NodeId, out: &mut String, depth: usize) -> Result<()> {
        let (open, close) = match self.data(id).clone() {
            Data::Null => ("n", ""),
            Data::Value(value) => {
                let text = value.text();
                if depth > 0 {
                    self.spend(id, text.len(), depth)?;
                }
                let kind = match &value {
                    Value::Text(_) => 's',
                    Value::Integer(_) => 'i',
                    Value::Long(_) => 'l',
                    Value::BigInteger(_) => 'b',
                    Value::Double(_) => 'd',
                    Value::Boolean(_) => 't',
                };
                write_to(out, format_args!("{kind}{}:{text}", text.len()));
                return Ok(());
            }
            Data::Optional(text) => {
                write_to(out, format_args!("o{text:?}"));
                return Ok(());
            }
            Data::Uuid(text) => {
                write_to(out, format_args!("u{text}"));
                return Ok(());
            }
            Data::Bytes => {
                write_to(out, format_args!("@{}", id.0));
                return Ok(());
            }
            Data::List => ("[", "]"),
            Data::Map => ("{", "}"),
            Data::Set => ("(", ")"),
        };
        self.spend(id, 1, depth)?;
        out.push_str(open);
        if *self.data(id) == Data::List {
            for item in self.items(id).to_vec() {
                self.identity(item, out, depth + 1)?;
            }
        } else {
            let with_values = *self.data(id) == Data::Map;
            let mut parts = Vec::new();
            for (key, value) in self.pairs(id).to_vec() {
                let mut part = String::new();
                self.identity(key, &mut part, depth + 1)?;
                if with_values {
                    self.identity(value, &mut part, depth + 1)?;
                }
                parts.push(part);
            }
            parts.sort_unstable();
            for part in &parts {
                out.push_str(part);
            }
        }
        out.push_str(close);
        Ok(())
    }

    /// Java's `toString` of an object.
    pub(super) fn java_text(&mut self, id: NodeId, out: &mut String, depth: usize) -> Result<()> {
        let before = out.len();
        match self.data(id).clone() {
            Data::Null => out.push_str("null"),
            Data::Value(value) => out.push_str(&value.text()),
            Data::Optional(None) => out.push_str("Optional.empty"),
            Data::Optional(Some(text)) => write_to(out, format_args!("Optional[{text}]")),
            Data::Uuid(text) => out.push_str(&text),
            // Java prints an address here
            Data::Bytes => out.push_str("[B@0"),
            Data::List | Data::Set => {
                let items: Vec<NodeId> = match *self.data(id) {
                    Data::List => self.items(id).to_vec(),
                    _ => self.pairs(id).iter().map(|&(key, _)| key).collect(),
                };
                out.push('[');
                for (i, item) in items.into_iter().enumerate() {
                    out.push_str(if i == 0 { "" } else { ", " });
                    if item == id {
                        out.push_str("(this Collection)");
                    } else {
                        self.java_text(item, out, depth + 1)?;
                    }
                }
                out.push(']');
            }
            Data::Map => {
                out.push('{');
                for (i, (key, value)) in self.pairs(id).to_vec().into_iter().enumerate() {
                    out.push_str(if i == 0 { "" } else { ", " });
                    self.java_text(key, out, depth + 1)?;
                    out.push('=');
                    if value == id {
                        out.push_str("(this Map)");
                    } else {
                        self.java_text(value, out, depth + 1)?;
                    }
                }
                out.push('}');
            }
        }
        self.spend(id, out.len().saturating_sub(before), depth)
    }
}

/// A node must be of the kind that its tag's reader takes.
fn expect(node: &Node, wanted: &str) -> Result<()> {
    let found = match node.held {
        Held::Scalar(_) => "ScalarNode",
        Held::Sequence(_) => "SequenceNode",
        Held::Mapping(_) => "MappingNode",
    };
    if found == wanted {
        return Ok(());
    }
    let package = "org.snakeyaml.engine.v2.nodes";
    let message = format!(
        "class {package}.{found} cannot be cast to class {package}.{wanted} \
         ({package}.{found} and {package}.{wanted} are in unnamed module of loader 'app')"
    );
    Err(Fault::java_inside(Exception::new(CLASS_CAST, message), node.start))
}

fn optional(node: &Node) -> Result<Data> {
    let Held::Scalar(text) = &node.held else {
        return Err(Fault::marked(
            Some("while constructing Optional"),
            None,
            "found non scalar node",
            node.start,
        ));
    };
    Ok(Data::Optional((resolve::resolve(text, true) != NULL).then(|| text.clone())))
}

fn scalar(node: &Node) -> Result<Data> {
    let tag = node.tag.as_str();
    if !matches!(tag, STR | ENV | NULL | BOOL | INT | FLOAT | UUID | BINARY) {
        return Err(Fault::at(&format!("could not determine a constructor for the tag {tag}"), node.start));
    }
    if tag == NULL {
        return Ok(Data::Null);
    }
    expect(node, "ScalarNode")?;
    let Held::Scalar(text) = &node.held else { return Ok(Data::Null) };
    let java = |exception| Fault::java_inside(exception, node.start);
    match tag {
        BOOL => Ok(match text.to_lowercase().as_str() {
            "true" => Data::Value(Value::Boolean(true)),
            "false" => Data::Value(Value::Boolean(false)),
            _ => Data::Null,
        }),
        INT if text.is_empty() => {
            let context = Some("while constructing an int");
            Err(Fault::marked(context, Some(node.start), "found empty value", node.start))
        }
        INT => match resolve::int(text).map_err(java)? {
            Some(value) => Ok(Data::Value(value)),
            None => Err(Fault::too_big(node.start)),
        },
        FLOAT => resolve::float(text).map(Data::Value).map_err(java),
        UUID if is_uuid(text) => Ok(Data::Uuid(text.to_lowercase())),
        UUID => Err(java(Exception::new(ILLEGAL_ARGUMENT, format!("Invalid UUID string: {text}")))),
        BINARY => match base64::complaint(text) {
            None => Ok(Data::Bytes),
            Some(message) => Err(java(Exception::new(ILLEGAL_ARGUMENT, message))),
        },
        _ => Ok(Data::Value(Value::Text(text.as_str().into()))),
    }
}

/// Appends formatted text.
pub(super) fn write_to(out: &mut String, text: Arguments<'_>) {
    // writing to a string cannot fail
    let _ = out.write_fmt(text);
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text
            .bytes()
            .enumerate()
            .all(|(i, b)| if matches!(i, 8 | 13 | 18 | 23) { b == b'-' } else { b.is_ascii_hexdigit() })
}
