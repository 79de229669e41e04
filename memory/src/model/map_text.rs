//! Maps written as text: `OPERATOR:70,PYTHON:30` or, in versions with the standard YAML parser, `{OPERATOR: 70}`.
//!
//! `StructuredOptionsSplitter` and `ConfigurationUtils.convertToList`, `convertToProperties` of Flink.

use std::collections::HashMap;

use crate::config::yaml;
use crate::java;
use crate::java::exception::{Exception, ILLEGAL_ARGUMENT, ILLEGAL_STATE};

/// The pairs of a map, in the order in which they were written.
pub type Pairs = Vec<(String, String)>;

/// The map that a text means.
///
/// # Errors
/// The innermost exception: bad quoting, an item that is no pair, a key that comes twice.
pub fn parse_map(text: &str, standard_yaml: bool) -> Result<Pairs, Exception> {
    if standard_yaml && let Some(pairs) = yaml::read_map(text) {
        return Ok(pairs);
    }
    let mut pairs: Pairs = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for item in split(text, ',')? {
        let [key, value] = <[String; 2]>::try_from(split(&item, ':')?).map_err(|_| {
            Exception::new(ILLEGAL_ARGUMENT, "Map item is not a key-value pair (missing ':'?)")
        })?;
        if let Some((_, first)) = places.get(&key).and_then(|place| pairs.get(*place)) {
            let message = format!("Duplicate key {key} (attempted merging values {first} and {value})");
            return Err(Exception::new(ILLEGAL_STATE, message));
        }
        places.insert(key.clone(), pairs.len());
        pairs.push((key, value));
    }
    Ok(pairs)
}

/// The list that a text means: `a;b` or, in versions with the standard YAML parser, `[a, b]`.
///
/// # Errors
/// The innermost exception: bad quoting.
pub fn parse_list(text: &str, standard_yaml: bool) -> Result<Vec<String>, Exception> {
    if standard_yaml && let Some(items) = yaml::read_list(text) {
        return Ok(items);
    }
    split(text, ';')
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
