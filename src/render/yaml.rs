//! The same data as YAML, a view of [`json`](super::json): the structure is JSON's, only the notation differs.
//!
//! The emitter writes block maps and lists, plain text where no YAML reader could take it for anything else, and JSON's
//! double quotes everywhere else.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use super::json::Derivation;

impl Derivation {
    /// As YAML.
    ///
    /// # Errors
    /// As [`Derivation::to_json`].
    pub fn to_yaml(&self) -> Result<String, serde_json::Error> {
        to_yaml(self)
    }
}

/// Any data as YAML.
///
/// # Errors
/// Where it is no JSON: maps whose keys are no texts.
pub fn to_yaml(data: &impl Serialize) -> Result<String, serde_json::Error> {
    let value = serde_json::to_value(data)?;
    let mut out = String::new();
    match &value {
        Value::Object(map) if !map.is_empty() => members(&mut out, map.iter(), 0, false),
        Value::Array(list) if !list.is_empty() => items(&mut out, list, 0),
        other => {
            scalar(&mut out, other);
            out.push('\n');
        }
    }
    Ok(out)
}

/// The members of a map; the first one without indentation where a list's dash stands before it.
fn members<'v>(
    out: &mut String,
    members: impl Iterator<Item = (&'v String, &'v Value)>,
    depth: usize,
    after_dash: bool,
) {
    for (i, (key, value)) in members.enumerate() {
        if i > 0 || !after_dash {
            indent(out, depth);
        }
        text(out, key);
        out.push(':');
        match value {
            Value::Object(map) if !map.is_empty() => {
                out.push('\n');
                self::members(out, map.iter(), depth + 1, false);
            }
            Value::Array(list) if !list.is_empty() => {
                out.push('\n');
                items(out, list, depth + 1);
            }
            other => {
                out.push(' ');
                scalar(out, other);
                out.push('\n');
            }
        }
    }
}

fn items(out: &mut String, list: &[Value], depth: usize) {
    for item in list {
        indent(out, depth);
        out.push('-');
        match item {
            Value::Object(map) if !map.is_empty() => {
                out.push(' ');
                members(out, map.iter(), depth + 1, true);
            }
            Value::Array(inner) if !inner.is_empty() => {
                out.push('\n');
                items(out, inner, depth + 1);
            }
            other => {
                out.push(' ');
                scalar(out, other);
                out.push('\n');
            }
        }
    }
}

fn indent(out: &mut String, depth: usize) {
    out.push_str(&"  ".repeat(depth));
}

fn scalar(out: &mut String, value: &Value) {
    match value {
        Value::String(string) => text(out, string),
        Value::Object(_) => out.push_str("{}"),
        Value::Array(_) => out.push_str("[]"),
        // null, booleans and numbers are written alike
        other => {
            let _ = write!(out, "{other}");
        }
    }
}

fn text(out: &mut String, text: &str) {
    if is_plain(text) {
        out.push_str(text);
    } else {
        quoted(out, text);
    }
}

/// Whether a text means itself without quotes, to readers of YAML 1.1 and 1.2 alike. Strict on purpose: it must begin
/// with a letter and be no word for a boolean or nothing.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | ' ');
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && !text.ends_with(' ')
        && text.chars().all(letters)
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}

fn quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // what YAML counts as no printable character, or as a line end
            c if c.is_control()
                || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') =>
            {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::testing::{assert_golden, derivation};
    use super::*;

    fn read(yaml: &str) -> Value {
        serde_saphyr::from_str(yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"))
    }

    #[test]
    fn golden_and_the_same_as_json() {
        let derived = derivation("taskmanager.memory.process.size: 1728m\n", &[]);
        let yaml = derived.to_yaml().expect("written");
        assert_golden("taskmanager.yaml", &yaml);
        assert_eq!(read(&yaml), serde_json::to_value(&derived).expect("a value"));
    }

    #[test]
    fn words_and_numbers_stay_text() {
        let odd = json!({
            "texts": ["", " ", "no", "NULL", "~", "1", "1e3", "0x1f", "-", "- a", "a: b", "a #b", "#", "?", "*a", "&a",
                "!t", "%d", "@", "`", "'", "\"", "\\", "a\nb", "\u{7f}", "\u{85}", "\u{feff}", "1:2", ".inf", "=", "<<",
                "2024-01-01", "-Xmx1", "ünï", "日本", "a ", "{}", "[]"],
            "empty": {}, "none": [], "null": null, "yes": true, "n": -1,
            "nested": [[1, [2]], [], {}, {"a": {"b": [0]}}],
        });
        assert_eq!(read(&to_yaml(&odd).expect("written")), odd);
        assert_eq!(to_yaml(&json!([])).expect("written"), "[]\n");
    }

    proptest! {
        #[test]
        fn any_text_comes_back(key in ".*", text in any::<String>()) {
            let value = json!({ key: [text] });
            prop_assert_eq!(read(&to_yaml(&value).expect("written")), value);
        }
    }

    /// Flink's reader joins the keys of maps; lists become one text, so only the texts and numbers are compared.
    #[test]
    fn flinks_own_reader_agrees() {
        use plimsoll_memory::config::yaml::{Flattening, parse};
        let derived = derivation("taskmanager.memory.process.size: 1728m\n", &[]);
        let yaml = derived.to_yaml().expect("written");
        let document = parse(yaml.as_bytes(), Flattening::OneMap).expect("read");
        let value = |key: &str| {
            let property = document.properties.iter().find(|property| property.key == key).expect("a key");
            property.value.text().into_owned()
        };
        assert_eq!(value("schema_version"), "1");
        assert_eq!(value("flink_version"), "1.20");
        assert_eq!(value("totals.process"), "1811939328");
    }
}
