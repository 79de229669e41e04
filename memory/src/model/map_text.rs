//! Maps written as text: `OPERATOR:70,PYTHON:30` or, in versions with the standard YAML parser, `{OPERATOR: 70}`.
//!
//! `StructuredOptionsSplitter` and `ConfigurationUtils.convertToProperties` of Flink. Of YAML only what people write into
//! one value is understood: a flow map or lines of `key: value` whose scalars are plain or quoted in one piece. Whatever
//! else YAML knows (anchors, tags, block scalars, nesting, escapes in double quotes) is read by the older rules.

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

/// `StructuredOptionsSplitter.splitEscaped`: an item is quoted as a whole, by `'` or `"`, doubled inside; or not at all.
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

/// Both may stand between a scalar and what follows; only spaces may stand before one.
const BLANK: [char; 2] = [' ', '\t'];

const WHITE: [char; 4] = [' ', '\t', '\n', '\r'];

/// The pairs of a YAML map; `None` where the text is none, or more than is understood here.
fn parse_yaml(text: &str) -> Option<Pairs> {
    if text.chars().any(|c| c.is_control() && !['\n', '\r', '\t'].contains(&c)) {
        return None;
    }
    let in_braces = text.trim_matches([' ', '\n']).strip_prefix('{');
    let items = match in_braces {
        Some(inner) => flow_items(inner)?,
        None => block_items(text)?,
    };
    let mut pairs: Pairs = Vec::new();
    for item in items {
        let (key, value) = yaml_pair(item, in_braces.is_some())?;
        if pairs.iter().any(|(known, _)| *known == key) {
            return None;
        }
        pairs.push((key, value));
    }
    (in_braces.is_some() || !pairs.is_empty()).then_some(pairs)
}

/// What stands between commas up to the closing brace. Commas within quotes are not expected.
fn flow_items(inner: &str) -> Option<Vec<&str>> {
    let (inner, behind) = inner.rsplit_once('}')?;
    if !without_comment(behind)?.is_empty() {
        return None;
    }
    let inner = inner.trim_start_matches([' ', '\n']).trim_end_matches(WHITE);
    if inner.is_empty() {
        return Some(Vec::new());
    }
    // one comma may end the list
    Some(
        inner
            .strip_suffix(',')
            .unwrap_or(inner)
            .split(',')
            .map(|item| item.trim_start_matches([' ', '\n']).trim_end_matches(WHITE))
            .collect(),
    )
}

/// Lines with something to read, all of one indentation.
fn block_items(text: &str) -> Option<Vec<&str>> {
    let mut items = Vec::new();
    let mut indentation = None;
    for line in text.lines() {
        let item = line.trim_start_matches(' ');
        if item.trim_matches(BLANK).is_empty() || item.starts_with('#') {
            continue;
        }
        let depth = line.len() - item.len();
        if *indentation.get_or_insert(depth) != depth || item.starts_with('\t') {
            return None;
        }
        items.push(item.trim_matches(BLANK));
    }
    Some(items)
}

/// What is left before a comment, trimmed; `None` for a `#` that starts none.
fn without_comment(text: &str) -> Option<&str> {
    let trimmed = text.trim_start_matches(' ').trim_end_matches(BLANK);
    match trimmed.strip_prefix('#') {
        Some(_) => text.starts_with(' ').then_some(""),
        None => Some(trimmed),
    }
}

fn yaml_pair(item: &str, flow: bool) -> Option<(String, String)> {
    let (key, rest) = if let Some(quote) = item.chars().next().filter(|c| is_quote(*c)) {
        let (key, rest) = item[1..].split_once(quote)?;
        let rest = rest.trim_start_matches(' ').strip_prefix(':')?;
        // only within braces may the value touch the colon
        (flow || rest.starts_with(' ')).then_some(())?;
        (key.to_owned(), rest)
    } else {
        let colon = [item.find(": "), item.find(":\t")].into_iter().flatten().min()?;
        (yaml_plain(item[..colon].trim_end_matches(BLANK), flow)?, &item[colon + 1..])
    };
    let value = rest.trim_start_matches(' ').trim_end_matches(BLANK);
    if let Some(quote) = value.chars().next().filter(|c| is_quote(*c)) {
        let (inner, behind) = value[1..].split_once(quote)?;
        return (!inner.contains('\\') && without_comment(behind)?.is_empty())
            .then(|| (key, inner.to_owned()));
    }
    let comment = [value.find(" #"), value.find("\t#")].into_iter().flatten().min();
    if flow && comment.is_some() {
        return None;
    }
    let value = value[..comment.unwrap_or(value.len())].trim_end_matches(BLANK);
    // a second map in a line
    (!value.ends_with(':')).then_some(())?;
    Some((key, yaml_plain(value, flow)?))
}

fn is_quote(c: char) -> bool {
    c == '\'' || c == '"'
}

/// The Java text of a plain scalar, typed as YAML's core schema types it; `None` for null and for what is not plain.
fn yaml_plain(text: &str, flow: bool) -> Option<String> {
    let indicator = text
        .starts_with(['\t', '&', '*', '!', '|', '>', '%', '@', '`', '[', ']', '{', '}', '#', ',', '"', '\''])
        || ["- ", "? ", ": "].iter().any(|i| text.starts_with(i))
        || ["-", "?", ":"].contains(&text);
    let flow_indicator = flow && text.contains(['[', ']', '{', '}']);
    if text.is_empty() || indicator || flow_indicator || text.contains(": ") || text.contains(":\t") {
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
