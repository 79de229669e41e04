//! Lists as one line of flow YAML: what Flink stores for a list, written by the engine's own emitter.

use std::collections::{HashMap, HashSet};

use crate::config::Value;

use super::compose::NodeId;
use super::construct::{Data, Objects, write_to};
use super::resolve::{self, STR};

/// Longer keys are written with a `?`.
const SIMPLE_KEY: usize = 128;

/// Writes lists; the numbers of anchors go on from list to list.
#[derive(Debug, Default)]
pub(super) struct Emitter {
    anchors: usize,
}

impl Emitter {
    /// The flow text of a list.
    pub(super) fn list(&mut self, objects: &Objects, id: NodeId) -> String {
        let mut names = HashMap::new();
        self.name_shared(objects, id, &mut names);
        let mut writer = Writer { objects, names, written: HashSet::new(), out: String::new() };
        writer.node(id);
        writer.out
    }

    /// Collections that occur twice get an anchor, numbered in the order of their second occurrence.
    fn name_shared(&mut self, objects: &Objects, root: NodeId, names: &mut HashMap<NodeId, Option<usize>>) {
        let mut open = vec![root];
        while let Some(id) = open.pop() {
            let children: Vec<NodeId> = match objects.data(id) {
                Data::List => objects.items(id).to_vec(),
                Data::Map => objects.pairs(id).iter().flat_map(|&(key, value)| [key, value]).collect(),
                Data::Set => objects.pairs(id).iter().map(|&(key, _)| key).collect(),
                _ => continue,
            };
            if let Some(name) = names.get_mut(&id) {
                if name.is_none() {
                    self.anchors += 1;
                    *name = Some(self.anchors);
                }
            } else {
                names.insert(id, None);
                open.extend(children.into_iter().rev());
            }
        }
    }
}

struct Writer<'o> {
    objects: &'o Objects,
    names: HashMap<NodeId, Option<usize>>,
    written: HashSet<NodeId>,
    out: String,
}

impl Writer<'_> {
    /// A node; its depth is bounded, since a collection inside itself is written as an alias.
    fn node(&mut self, id: NodeId) {
        if let Some(Some(name)) = self.names.get(&id).copied() {
            if !self.written.insert(id) {
                write_to(&mut self.out, format_args!("*id{name:03}"));
                return;
            }
            write_to(&mut self.out, format_args!("&id{name:03} "));
        }
        match self.objects.data(id) {
            Data::List => {
                self.out.push('[');
                for (i, item) in self.objects.items(id).iter().enumerate() {
                    self.separate(i);
                    self.node(*item);
                }
                self.out.push(']');
            }
            Data::Map => {
                self.out.push('{');
                for (i, (key, value)) in self.objects.pairs(id).iter().enumerate() {
                    self.separate(i);
                    self.key(*key);
                    self.node(*value);
                }
                self.out.push('}');
            }
            Data::Set => {
                self.out.push_str("!!set {");
                for (i, (key, _)) in self.objects.pairs(id).iter().enumerate() {
                    self.separate(i);
                    self.key(*key);
                    self.out.push_str("null");
                }
                self.out.push('}');
            }
            Data::Null | Data::Optional(None) => self.out.push_str("null"),
            Data::Value(value) => {
                let text = scalar(value, false);
                self.out.push_str(&text);
            }
            Data::Optional(Some(text)) | Data::Uuid(text) => {
                let text = scalar(&Value::Text(text.as_str().into()), false);
                self.out.push_str(&text);
            }
            Data::Bytes => self.out.push_str("!!binary \"\""),
        }
    }

    fn separate(&mut self, i: usize) {
        if i > 0 {
            self.out.push_str(", ");
        }
    }

    fn key(&mut self, id: NodeId) {
        let data = self.objects.data(id);
        let simple = match data {
            Data::Value(value) => {
                let text = plain_text(value);
                let tag = match value {
                    Value::Double(_) => "!!float",
                    Value::Boolean(_) => "!!bool",
                    _ => "!!str",
                };
                !text.is_empty()
                    && !text.contains('\n')
                    && text.encode_utf16().count() + tag.len() < SIMPLE_KEY
            }
            Data::List => self.objects.items(id).is_empty() || self.written.contains(&id),
            Data::Map | Data::Set => self.objects.pairs(id).is_empty() || self.written.contains(&id),
            _ => true,
        };
        if simple {
            match data {
                Data::Value(value) => {
                    let text = scalar(value, true);
                    self.out.push_str(&text);
                }
                _ => self.node(id),
            }
            self.out.push_str(": ");
        } else {
            self.out.push_str("? ");
            self.node(id);
            self.out.push_str(" : ");
        }
    }
}

fn plain_text(value: &Value) -> String {
    match value {
        Value::Double(v) if v.is_nan() => ".nan".to_owned(),
        Value::Double(v) if *v == f64::INFINITY => ".inf".to_owned(),
        Value::Double(v) if *v == f64::NEG_INFINITY => "-.inf".to_owned(),
        _ => value.text().into_owned(),
    }
}

/// A scalar: plain where that reads back as the same, else in quotes.
fn scalar(value: &Value, key: bool) -> String {
    let text = plain_text(value);
    let Value::Text(_) = value else { return text };
    let literal = text.contains(['\n', '\u{85}', '\u{2028}', '\u{2029}']);
    let shape = Shape::of(&text);
    if !literal && resolve::resolve(&text, true) == STR && shape.plain && !(key && text.is_empty()) {
        return text;
    }
    if !literal && shape.single {
        return format!("'{}'", text.replace('\'', "''"));
    }
    double_quoted(&text)
}

/// In which styles a text can be written inside flow collections.
#[derive(Debug)]
struct Shape {
    plain: bool,
    single: bool,
}

impl Shape {
    fn of(text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let (Some(&first), Some(&last)) = (chars.first(), chars.last()) else {
            return Self { plain: false, single: true };
        };
        let blank = |c: char| matches!(c, '\0' | ' ' | '\t');
        let followed = chars.get(1).is_none_or(|&c| blank(c) || matches!(c, '\r' | '\n'));
        let mut indicators = text.starts_with("---")
            || text.starts_with("...")
            || "#,[]{}&*!|>'\"%@`?:".contains(first)
            || first == '-' && followed;
        let mut special = false;
        let (mut break_space, mut space_break) = (false, false);
        let mut before = first;
        for (i, &c) in chars.iter().enumerate() {
            if i > 0 {
                indicators |= ",?[]{}:".contains(c) || c == '#' && (blank(before) || before == '\n');
                break_space |= c == ' ' && before == '\n';
                space_break |= c == '\n' && before == ' ';
            }
            special |= !matches!(c, '\n' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
            before = c;
        }
        let edges = matches!(first, ' ' | '\n') || matches!(last, ' ' | '\n');
        let single = !(break_space || space_break || special);
        Self { plain: single && !edges && !indicators && !text.contains('\n'), single }
    }
}

fn double_quoted(text: &str) -> String {
    let mut out = "\"".to_owned();
    for c in text.chars() {
        let letter = match c {
            '\0' => '0',
            '\u{7}' => 'a',
            '\u{8}' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\u{b}' => 'v',
            '\u{c}' => 'f',
            '\r' => 'r',
            '\u{1b}' => 'e',
            '"' => '"',
            '\\' => '\\',
            '\u{85}' => 'N',
            '\u{a0}' => '_',
            '\u{2028}' => 'L',
            '\u{2029}' => 'P',
            '\u{1}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => {
                write_to(&mut out, format_args!("\\x{:02x}", u32::from(c)));
                continue;
            }
            '\u{feff}' | '\u{fffe}' | '\u{ffff}' if c != '\u{feff}' => {
                write_to(&mut out, format_args!("\\u{:04x}", u32::from(c)));
                continue;
            }
            _ => {
                out.push(c);
                continue;
            }
        };
        out.push('\\');
        out.push(letter);
    }
    out.push('"');
    out
}
