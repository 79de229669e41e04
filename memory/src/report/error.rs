//! Why something is no report.

use std::fmt;

use super::data::VERSION;
use super::printable::visible;

/// Why bytes are no report that can be read here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportError {
    /// Nothing at all.
    Empty,
    /// JSON that ends before its end: the writer did not finish, or something cut it off.
    HalfWritten {
        /// How many bytes there are.
        bytes: usize,
    },
    /// Something else than JSON: the wrong file, the wrong address.
    NotJson {
        /// How it begins, made fit to print.
        begins: String,
        /// Line of the first thing that is no JSON, from 1.
        line: usize,
        /// Column of it, from 1.
        column: usize,
    },
    /// JSON of something else.
    NotAReport {
        /// What is missing or of the wrong kind.
        why: String,
    },
    /// Another version: the writer is newer or older than the reader.
    Version {
        /// The version of the report.
        found: u32,
    },
}

/// Letters of a beginning that is quoted.
const BEGINNING_MAX: usize = 32;

impl ReportError {
    pub(super) fn of(error: &serde_json::Error, bytes: &[u8]) -> Self {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Self::Empty;
        }
        match error.classify() {
            serde_json::error::Category::Data => {
                Self::NotAReport { why: visible(&error.to_string()).into_owned() }
            }
            serde_json::error::Category::Eof => Self::HalfWritten { bytes: bytes.len() },
            // not told apart by a kind of its own
            _ if error.to_string().starts_with("recursion limit") => {
                Self::NotAReport { why: error.to_string() }
            }
            _ => {
                let start = String::from_utf8_lossy(bytes.get(..256).unwrap_or(bytes)).into_owned();
                let line = start.trim().lines().next().unwrap_or("").to_owned();
                let shown = visible(&line);
                let mut begins: String = shown.chars().take(BEGINNING_MAX).collect();
                if begins.len() < shown.len() {
                    begins.pop();
                    begins.push('…');
                }
                Self::NotJson { begins, line: error.line(), column: error.column() }
            }
        }
    }
}

impl fmt::Display for ReportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::HalfWritten { bytes } => {
                write!(f, "it is half written: the JSON ends too early, after {bytes} bytes")
            }
            Self::NotJson { begins, line, column } => {
                write!(f, "it is no JSON at line {line}, column {column}; it begins with '{begins}'")
            }
            Self::NotAReport { why } => write!(f, "it is JSON, but no report: {why}"),
            Self::Version { found } => {
                write!(f, "it is a report of version {found}, and version {VERSION} is read here")
            }
        }
    }
}

impl std::error::Error for ReportError {}

#[cfg(test)]
mod tests {
    use super::super::Report;

    #[test]
    fn what_is_no_report_is_named() {
        let text = |bytes: &[u8]| Report::from_json(bytes).expect_err("no report").to_string();
        assert_eq!(text(b""), "it is empty");
        assert_eq!(text(b" \n"), "it is empty");
        assert_eq!(
            text(b"{\"version\": 1, \"at"),
            "it is half written: the JSON ends too early, after 18 bytes"
        );
        assert_eq!(
            text(b"<!doctype html>\n<title>"),
            "it is no JSON at line 1, column 1; it begins with '<!doctype html>'"
        );
        assert_eq!(
            text(b"\x1b[31m\xff and a line that is longer than what is quoted of it"),
            "it is no JSON at line 1, column 1; it begins with '\u{fffd}[31m\u{fffd} and a line that is longe…'"
        );
        assert_eq!(text(b"{}"), "it is JSON, but no report: missing field `version` at line 1 column 2");
        assert_eq!(
            text(b"{\"version\": 2, \"new\": []}"),
            "it is a report of version 2, and version 1 is read here"
        );
        assert_eq!(
            text(b"[true]"),
            "it is JSON, but no report: invalid type: boolean `true`, expected u32 at line 1 column 5"
        );
        // what is passed over may be as deep as it likes, what is read may not
        let deep = [b"{\"version\": 1, \"x\": ".to_vec(), b"[".repeat(100_000)].concat();
        assert_eq!(text(&deep), "it is half written: the JSON ends too early, after 100020 bytes");
        let deep = [b"{\"version\": 1".to_vec(), b", \"pools\": [{\"name\": \"a\"".repeat(1000)].concat();
        let said = text(&[deep, b"}]".repeat(1000), b"}".to_vec()].concat());
        assert!(said.starts_with("it is JSON, but no report: recursion limit exceeded at line 1"), "{said}");
    }
}
