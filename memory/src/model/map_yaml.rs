//! The little YAML that people write into one value: a flow map, or lines of `key: value`, whose scalars are plain or
//! quoted in one piece. What the real parser refuses is refused here too, as the caller then falls back to older rules.

use super::map_text::Pairs;
use crate::java;

/// Both may stand between a scalar and what follows; only spaces may stand before one.
const BLANK: [char; 2] = [' ', '\t'];

const WHITE: [char; 4] = [' ', '\t', '\n', '\r'];

/// The pairs of a YAML map; `None` where the text is none, or more than is understood here.
pub(super) fn parse_yaml(text: &str) -> Option<Pairs> {
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
