//! Reports for people and for machines.
//!
//! Promises: no control character of a configuration reaches a terminal or a log as itself; the same report gives the
//! same text. Every function returns a text and writes nothing.

mod github;
mod json;
mod refusal;
mod sarif;
mod text;

pub use github::github;
pub use json::{SCHEMA_VERSION, json};
pub use refusal::refusal;
pub use sarif::sarif;
pub use text::{TextStyle, text};

/// A text without control characters: each becomes its escape, so that nothing of it acts on a terminal. Characters
/// that turn the direction of text are treated alike.
pub(crate) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push(' '),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c if is_hostile(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// Characters that act instead of showing.
pub(crate) fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{61c}')
}
