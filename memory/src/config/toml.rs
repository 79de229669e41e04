//! Our own `plimsoll.toml`: the same keys as Flink's, tables joined by dots, values typed.
//!
//! Promises: every value with the spans of its key and of itself, in the order of the document. Does not cover dates
//! and lists of tables: neither is a value of any key, and both are refused by name.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::span::Locator;
use super::{Span, Value};

/// A key with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct TomlProperty {
    /// The key, dotted.
    pub key: String,
    /// The value.
    pub value: Value,
    /// Where the last part of the key stands.
    pub key_span: Span,
    /// Where the value stands.
    pub value_span: Span,
}

/// Why a text is no configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TomlError {
    /// What is wrong.
    pub message: String,
    /// Where.
    pub span: Span,
}

/// Reads a text.
///
/// # Errors
/// Syntax errors, duplicate keys, dates, tables inside lists, numbers beyond 64 bits.
pub fn parse(text: &str) -> Result<Vec<TomlProperty>, TomlError> {
    let locator = Locator::new(text);
    let fault = |message: String, range: std::ops::Range<usize>| TomlError {
        message,
        span: locator.span(range.start, range.end),
    };
    let table = DeTable::parse(text)
        .map_err(|error| fault(error.message().to_owned(), error.span().unwrap_or(text.len()..text.len())))?;
    let mut out = Vec::new();
    // The parser bounds nesting (128 levels), so this stack stays small.
    let mut open = vec![(String::new(), table.get_ref())];
    while let Some((prefix, table)) = open.pop() {
        for (key, value) in table {
            let name = format!("{prefix}{}", key.get_ref());
            let key_span = locator.span(key.span().start, key.span().end);
            let value_span = locator.span(value.span().start, value.span().end);
            let value = match value.get_ref() {
                DeValue::Table(table) => {
                    open.push((name + ".", table));
                    continue;
                }
                DeValue::Array(items) => {
                    Value::Text(list_text(items).map_err(|m| fault(m, value.span()))?.into())
                }
                other => scalar(other).map_err(|m| fault(m, value.span()))?,
            };
            out.push(TomlProperty { key: name, value, key_span, value_span });
        }
    }
    out.sort_by_key(|property| property.key_span.start);
    if let Some((earlier, later)) = duplicate(&out) {
        return Err(TomlError {
            message: format!("duplicate key `{}` (first in line {})", later.key, earlier.key_span.line),
            span: later.key_span,
        });
    }
    Ok(out)
}

/// `a.b = 1` and `"a.b" = 2` are two keys of TOML and one of ours.
fn duplicate(out: &[TomlProperty]) -> Option<(&TomlProperty, &TomlProperty)> {
    let mut seen = std::collections::HashMap::new();
    out.iter()
        .find_map(|property| seen.insert(property.key.as_str(), property).map(|earlier| (earlier, property)))
}

fn scalar(value: &DeValue<'_>) -> Result<Value, String> {
    match value {
        DeValue::String(text) => Ok(Value::Text(text.as_ref().into())),
        DeValue::Boolean(flag) => Ok(Value::Boolean(*flag)),
        DeValue::Integer(number) => {
            let number = i64::from_str_radix(number.as_str(), number.radix())
                .map_err(|_| "number beyond 64 bits".to_owned())?;
            Ok(i32::try_from(number).map_or(Value::Long(number), Value::Integer))
        }
        DeValue::Float(number) => {
            number.as_str().parse().map(Value::Double).map_err(|_| "unreadable number".to_owned())
        }
        DeValue::Datetime(_) => Err("no key takes a date; write it as a text in quotes".to_owned()),
        DeValue::Array(_) => Err("no key takes a list inside a list".to_owned()),
        DeValue::Table(_) => Err("no key takes a table inside a list".to_owned()),
    }
}

/// A list as Flink writes lists into one text: items joined by `;`.
fn list_text(items: &[Spanned<DeValue<'_>>]) -> Result<String, String> {
    let texts: Result<Vec<String>, String> =
        items.iter().map(|item| scalar(item.get_ref()).map(|v| v.text().into_owned())).collect();
    Ok(texts?.join(";"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_become_dotted_keys() {
        let text = "[taskmanager]\nnumberOfTaskSlots = 4\nmemory.flink.size = \"1280m\"\n[taskmanager.memory.managed]\nfraction = 0.4\n[x]\nbig = 0x100000000\nlist = [\"a\", 1]\non = true\n";
        let read = parse(text).expect("valid");
        let pairs: Vec<(&str, Value)> = read.iter().map(|p| (p.key.as_str(), p.value.clone())).collect();
        assert_eq!(
            pairs,
            [
                ("taskmanager.numberOfTaskSlots", Value::Integer(4)),
                ("taskmanager.memory.flink.size", Value::from("1280m")),
                ("taskmanager.memory.managed.fraction", Value::Double(0.4)),
                ("x.big", Value::Long(1 << 32)),
                ("x.list", Value::from("a;1")),
                ("x.on", Value::Boolean(true)),
            ]
        );
        assert_eq!(&text[read[1].value_span.start..read[1].value_span.end], "\"1280m\"");
        assert_eq!((read[1].key_span.line, read[1].key_span.column), (3, 14));
    }

    #[test]
    fn errors_have_a_place() {
        let error = parse("a = 1\nb = = 2\n").expect_err("broken");
        assert_eq!(error.span.line, 2);
        let error = parse("a.b = 1\n\"a.b\" = 2\n").expect_err("twice");
        assert_eq!((error.span.line, error.message.as_str()), (2, "duplicate key `a.b` (first in line 1)"));
        assert!(parse("d = 2001-01-01").is_err());
        assert!(parse(&"[".repeat(100_000)).is_err());
        assert!(parse(&format!("a = {}", "[".repeat(100_000))).is_err());
    }
}
