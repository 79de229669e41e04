//! From nested maps to dotted keys, as Flink joins them.

use crate::config::Value;
use crate::config::hash_order::JavaHashMap;
use crate::java::Exception;
use crate::java::exception::NULL_POINTER;

use super::Flattening;
use super::compose::{MAX_DEPTH, NodeId};
use super::construct::{Data, Objects};
use super::emit::Emitter;
use super::error::{Fault, Mark, Result};

/// How many bytes all dotted keys may take together, 64 more counted for each: aliases and long names in deep nesting
/// multiply them.
const KEY_BUDGET: usize = 64 << 20;

/// A value under its dotted key.
#[derive(Debug)]
pub(super) struct Flat {
    pub(super) key: String,
    /// `None`: null.
    pub(super) value: Option<Value>,
    pub(super) key_marks: (Mark, Mark),
    pub(super) value_marks: (Mark, Mark),
}

/// All values in the order of the text, and the order in which Flink's configuration lists those that count.
pub(super) fn flatten(
    objects: Objects,
    root: NodeId,
    flattening: Flattening,
) -> Result<(Vec<Flat>, Vec<usize>)> {
    match objects.data(root) {
        Data::Null => return Ok((Vec::new(), Vec::new())),
        Data::Map => {}
        other => {
            let mark = objects.graph.get(root).start;
            return Err(Fault::java(not_a(class_of(other), "java.util.Map"), Some(mark)));
        }
    }
    let mut walk =
        Walk { objects, flattening, emitter: Emitter::default(), flats: Vec::new(), budget: KEY_BUDGET };
    let mut map = JavaHashMap::new();
    walk.map(root, "", &mut map, 0)?;
    // Flink copies the map into the configuration's own, key by key
    let mut configuration = JavaHashMap::new();
    for (key, place) in map.into_ordered() {
        configuration.put(key, place);
    }
    let order: Vec<usize> = configuration.into_ordered().map(|(_, place)| place).collect();
    let null = order.iter().filter_map(|&place| walk.flats.get(place)).find(|flat| flat.value.is_none());
    if let Some(null) = null {
        let mut fault =
            Fault::java(Exception::new(NULL_POINTER, "Value must not be null."), Some(null.key_marks.0));
        fault.message = format!("`{}` has no value", null.key);
        return Err(fault);
    }
    Ok((walk.flats, order))
}

struct Walk {
    objects: Objects,
    flattening: Flattening,
    emitter: Emitter,
    flats: Vec<Flat>,
    budget: usize,
}

impl Walk {
    fn map(&mut self, id: NodeId, prefix: &str, map: &mut JavaHashMap<usize>, depth: usize) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(Fault::too_deep(MAX_DEPTH, self.objects.graph.get(id).start));
        }
        for (key_id, value_id) in self.objects.pairs(id).to_vec() {
            let key_node = self.objects.graph.get(key_id);
            let key_marks = (key_node.start, key_node.end);
            let name = match self.objects.data(key_id) {
                Data::Value(Value::Text(text)) => text,
                Data::Null => "null",
                other => {
                    return Err(Fault::java(not_a(class_of(other), "java.lang.String"), Some(key_marks.0)));
                }
            };
            let key = format!("{prefix}{name}");
            self.budget =
                self.budget.checked_sub(key.len() + 64).ok_or_else(|| Fault::too_big(key_marks.0))?;
            let value = match self.objects.data(value_id) {
                Data::Map => {
                    let prefix = key + ".";
                    if self.flattening == Flattening::OneMap {
                        self.map(value_id, &prefix, map, depth + 1)?;
                    } else {
                        let mut inner = JavaHashMap::new();
                        self.map(value_id, &prefix, &mut inner, depth + 1)?;
                        map.put_all(inner);
                    }
                    continue;
                }
                Data::List => Some(Value::Text(self.emitter.list(&self.objects, value_id).into())),
                Data::Value(value) => Some(value.clone()),
                Data::Null => None,
                _ => {
                    let mut text = String::new();
                    self.objects.java_text(value_id, &mut text, 0)?;
                    Some(Value::Text(text.into()))
                }
            };
            let value_node = self.objects.graph.get(value_id);
            let value_marks = (value_node.start, value_node.end);
            map.put(key.as_str().into(), self.flats.len());
            self.flats.push(Flat { key, value, key_marks, value_marks });
        }
        Ok(())
    }
}

fn class_of(data: &Data) -> &'static str {
    match data {
        Data::Null => "null",
        Data::Value(Value::Text(_)) => "java.lang.String",
        Data::Value(Value::Integer(_)) => "java.lang.Integer",
        Data::Value(Value::Long(_)) => "java.lang.Long",
        Data::Value(Value::BigInteger(_)) => "java.math.BigInteger",
        Data::Value(Value::Double(_)) => "java.lang.Double",
        Data::Value(Value::Boolean(_)) => "java.lang.Boolean",
        Data::List => "java.util.ArrayList",
        Data::Map => "java.util.LinkedHashMap",
        Data::Set => "java.util.LinkedHashSet",
        Data::Bytes => "[B",
        Data::Optional(_) => "java.util.Optional",
        Data::Uuid(_) => "java.util.UUID",
    }
}

fn not_a(class: &str, wanted: &str) -> Exception {
    let message = format!(
        "class {class} cannot be cast to class {wanted} \
         ({class} and {wanted} are in module java.base of loader 'bootstrap')"
    );
    Exception::new("java.lang.ClassCastException", message)
}
