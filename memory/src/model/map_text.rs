//! Maps written as text: `OPERATOR:70,PYTHON:30` or, in versions with the standard YAML parser, `{OPERATOR: 70}`.
//!
//! `StructuredOptionsSplitter` and `ConfigurationUtils.convertToProperties` of Flink. Of YAML only what people write
//! into one value is understood: a flow map or lines of `key: value` whose scalars are plain or quoted in one piece.
//! Whatever else YAML knows (anchors, tags, block scalars, nesting, escapes in double quotes) is read by the older
//! rules.

use crate::java;
use crate::java::exception::{Exception, ILLEGAL_ARGUMENT, ILLEGAL_STATE};

/// The pairs of a map, in the order in which they were written.
pub type Pairs = Vec<(String, String)>;

/// The map that a text means.
///
/// # Errors
/// The innermost exception: bad quoting, an item that is no pair, a key that comes twice.
pub fn parse_map(text: &str, standard_yaml: bool) -> Result<Pairs, Exception> {
    if standard_yaml && let Some(pairs) = parse_yaml(text) {
        return Ok(pairs);
    }
    let mut pairs: Pairs = Vec::new();
    for item in split(text, ',')? {
        let [key, value] = <[String; 2]>::try_from(split(&item, ':')?).map_err(|_| {
            Exception::new(ILLEGAL_ARGUMENT, "Map item is not a key-value pair (missing ':'?)")
        })?;
        if let Some((_, first)) = pairs.iter().find(|(known, _)| *known == key) {
            let message = format!("Duplicate key {key} (attempted merging values {first} and {value})");
            return Err(Exception::new(ILLEGAL_STATE, message));
        }
        pairs.push((key, value));
    }
    Ok(pairs)
}

enum Token {
    Delimiter,
    Quoted(String),
    Unquoted(String),
}

/// `StructuredOptionsSplitter.splitEscaped`: an item is quoted as a whole, by `'` or `"`, doubled inside; or not at
/// all.
///
/// # Errors
/// An open quote; anything but a delimiter behind a closed one.
pub fn split(text: &str, delimiter: char) -> Result<Vec<String>, Exception> {
    let tokens = tokens(text, delimiter)?;
    let mut items = Vec::new();
    let mut rest = tokens.into_iter().peekable();
    while let Some((_, token)) = rest.next() {
        match (token, rest.peek()) {
            (Token::Quoted(_), Some((position, Token::Quoted(_) | Token::Unquoted(_)))) => {
                let before = position.saturating_sub(1);
                let message = format!("Could not split string. Illegal quoting at position: {before}");
                return Err(Exception::new(ILLEGAL_ARGUMENT, message));
            }
            (Token::Quoted(item) | Token::Unquoted(item), _) => items.push(item),
            // nothing between two delimiters is an item, before the first and behind the last it is not
            (Token::Delimiter, Some((_, Token::Delimiter))) => items.push(String::new()),
            (Token::Delimiter, _) => {}
        }
    }
    Ok(items)
}

/// Tokens with their places, in UTF-16 units.
fn tokens(text: &str, delimiter: char) -> Result<Vec<(usize, Token)>, Exception> {
    let mut tokens = Vec::new();
    let mut rest = text.chars().peekable();
    let mut position = 0;
    while let Some(first) = rest.next() {
        let start = position;
        position += first.len_utf16();
        if first == delimiter {
            tokens.push((start, Token::Delimiter));
        } else if first == '\'' || first == '"' {
            let mut item = String::new();
            loop {
                let Some(c) = rest.next() else {
                    let message = "Could not split string. Quoting was not closed properly.";
                    return Err(Exception::new(ILLEGAL_ARGUMENT, message));
                };
                position += c.len_utf16();
                if c == first {
                    if rest.next_if_eq(&first).is_none() {
                        break;
                    }
                    position += first.len_utf16();
                }
                item.push(c);
            }
            tokens.push((start, Token::Quoted(item)));
        } else if !is_whitespace(first) {
            let mut item = String::from(first);
            while let Some(c) = rest.next_if(|c| *c != delimiter) {
                position += c.len_utf16();
                item.push(c);
            }
            tokens.push((start, Token::Unquoted(java::trim(&item).to_owned())));
        }
    }
    Ok(tokens)
}

/// `Character.isWhitespace`: no non-breaking space is one.
fn is_whitespace(c: char) -> bool {
    matches!(c, '\t'..='\r' | '\x1c'..=' ' | '\u{1680}' | '\u{2000}'..='\u{2006}' | '\u{2008}'..='\u{200a}'
        | '\u{2028}' | '\u{2029}' | '\u{205f}' | '\u{3000}')
}

/// The pairs of a YAML map; `None` where the text is none, or more than is understood here.
fn parse_yaml(text: &str) -> Option<Pairs> {
    let trimmed = text.trim_matches([' ', '\n']);
    if !trimmed.chars().all(|c| c == '\n' || !c.is_control()) {
        return None;
    }
    let flow = trimmed.strip_prefix('{');
    let items: Vec<&str> = match flow {
        Some(inner) => {
            let inner = inner.strip_suffix('}')?;
            let inner = inner.trim_end_matches(' ');
            let inner = inner.strip_suffix(',').unwrap_or(inner);
            if inner.trim_matches(' ').is_empty() { Vec::new() } else { inner.split(',').collect() }
        }
        // an indented first line would have to be matched by the others
        None if text.starts_with(' ') && trimmed.contains('\n') => return None,
        None => trimmed.split('\n').collect(),
    };
    let mut pairs: Pairs = Vec::new();
    for item in items {
        if flow.is_none() && item.starts_with(' ') {
            return None;
        }
        let (key, value) = yaml_pair(item.trim_matches(' '), flow.is_some())?;
        if pairs.iter().any(|(known, _)| *known == key) {
            return None;
        }
        pairs.push((key, value));
    }
    (flow.is_some() || !pairs.is_empty()).then_some(pairs)
}

fn yaml_pair(item: &str, flow: bool) -> Option<(String, String)> {
    let (key, rest) = match item.chars().next()? {
        quote @ ('\'' | '"') => {
            let (key, rest) = item[1..].split_once(quote)?;
            let rest = rest.trim_start_matches(' ').strip_prefix(':')?;
            (key.to_owned(), rest)
        }
        _ => {
            let (key, rest) = item.split_once(": ")?;
            (yaml_plain(key.trim_end_matches(' '), flow)?, rest)
        }
    };
    let value = rest.trim_matches(' ');
    match value.chars().next()? {
        quote @ ('\'' | '"') => {
            let inner = value[1..].strip_suffix(quote)?;
            (!inner.contains([quote, '\\'])).then(|| (key, inner.to_owned()))
        }
        _ => {
            let value = value.split_once(" #").map_or(value, |(value, _)| value.trim_end_matches(' '));
            Some((key, yaml_plain(value, flow)?))
        }
    }
}

/// The Java text of a plain scalar, typed as YAML's core schema types it; `None` for null and for what is not plain.
fn yaml_plain(text: &str, flow: bool) -> Option<String> {
    let indicator = text
        .starts_with(['&', '*', '!', '|', '>', '%', '@', '`', '[', ']', '{', '}', '#', ',', '"', '\''])
        || ["- ", "? ", ": "].iter().any(|i| text.starts_with(i))
        || ["-", "?", ":"].contains(&text);
    let flow_indicator = flow && text.contains(['[', ']', '{', '}']);
    if text.is_empty() || indicator || flow_indicator || text.contains(": ") || text.ends_with(':') {
        return None;
    }
    if ["~", "null", "Null", "NULL"].contains(&text) {
        return None;
    }
    if ["true", "True", "TRUE", "false", "False", "FALSE"].contains(&text) {
        return Some(text.to_ascii_lowercase());
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let based = |prefix, radix| {
        let digits: &str = text.strip_prefix(prefix)?;
        let valid = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
        u128::from_str_radix(digits, radix).ok().filter(|_| valid).map(|n| n.to_string())
    };
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        let significant = digits.trim_start_matches('0');
        return Some(match (significant, text.starts_with('-')) {
            ("", _) => "0".to_owned(),
            (n, true) => format!("-{n}"),
            (n, false) => n.to_owned(),
        });
    }
    based("0x", 16).or_else(|| based("0o", 8)).or_else(|| yaml_float(text)).or_else(|| Some(text.to_owned()))
}

fn yaml_float(text: &str) -> Option<String> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let starts = digits.starts_with(|c: char| c.is_ascii_digit()) || digits.starts_with('.');
    let plain = digits.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    if !starts || !plain {
        return None;
    }
    java::parse_double(text).ok().map(java::double_to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        parse_map(text, true).expect_err(text).message.unwrap_or_default()
    }

    #[test]
    fn quoting() {
        let pairs = |text| parse_map(text, true).unwrap_or_default().into_iter().map(|(k, v)| k + "=" + &v);
        assert_eq!(pairs("'A:1', B : \"2\" ,").collect::<Vec<_>>(), ["A=1", "B=2"]);
        assert_eq!(pairs("'''A'':1'").collect::<Vec<_>>(), ["A=1"]);
        assert_eq!(message("'A'x:5"), "Could not split string. Illegal quoting at position: 2");
        assert_eq!(message("'A' :5"), "Could not split string. Illegal quoting at position: 3");
        assert_eq!(message("'A:5"), "Could not split string. Quoting was not closed properly.");
        assert_eq!(message("A:1,,B:2"), "Map item is not a key-value pair (missing ':'?)");
        assert_eq!(message("A:1,A:2,x"), "Duplicate key A (attempted merging values 1 and 2)");
    }

    #[test]
    fn yaml() {
        let first = |text| parse_map(text, true).ok().and_then(|pairs| pairs.into_iter().next());
        let pair = |key: &str, value: &str| Some((key.to_owned(), value.to_owned()));
        assert_eq!(first("{A: 070, B: x}"), pair("A", "70"));
        assert_eq!(first("A: 5, B:6"), pair("A", "5, B:6"));
        assert_eq!(first("A: 5, B: 6"), pair("A", "5"));
        assert_eq!(first("{A:5}"), pair("{A", "5}"));
        assert_eq!(parse_map("{}", true), Ok(Vec::new()));
    }
}
