//! What a reader noticed beside the values: data for warnings, with the place in the text.

use super::{SourceId, Span};

/// Something noticed while loading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The source it stands in.
    pub source: SourceId,
    /// Where.
    pub span: Span,
    /// What.
    pub kind: FindingKind,
}

/// What was noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FindingKind {
    /// The key was set before in the same source; this later one wins.
    Duplicate {
        /// The key.
        key: Box<str>,
        /// Where it stood before.
        earlier: Span,
    },
    /// The line parser dropped the line.
    MalformedLine(Malformed),
    /// A key is indented under a line that ends in a colon: the line parser knows no nesting and reads the key as it
    /// stands.
    NestingIgnored,
    /// The line parser keeps quotes as part of the value.
    QuotesKept,
    /// A `#` right after other text ends the value: the line parser starts a comment at any `#`.
    CommentInValue,
    /// The value is empty text.
    EmptyValue,
    /// Bytes that are no UTF-8 were replaced by U+FFFD.
    BadEncoding {
        /// How many stretches were replaced in all; the span shows the first.
        stretches: usize,
    },
    /// The text starts with a byte order mark.
    ByteOrderMark {
        /// Whether it became part of the first key, as in the line parser.
        in_key: bool,
    },
}

/// Why the line parser dropped a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// No colon at all.
    NoColon,
    /// A colon, but no blank after it.
    NoBlankAfterColon,
    /// A tab after the colon where a blank is needed.
    TabAfterColon,
    /// The colon ends the line and more indented lines follow: nested YAML.
    Nesting,
    /// The colon ends the line: no value.
    NoValue,
    /// Nothing before the colon.
    EmptyKey,
}
