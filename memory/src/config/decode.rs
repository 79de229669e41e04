//! UTF-8 as Java's decoder reads it.
//!
//! Promises: never fails, one U+FFFD for each malformed stretch that Java reports as one. The stretches are Java's:
//! maximal prefixes of a valid form, and an encoded surrogate as a whole (three bytes), where Rust would see three.

/// Decoded text with the stretches that were no UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Decoded {
    /// The text; each malformed stretch is one U+FFFD.
    pub(crate) text: String,
    /// For each malformed stretch the byte offset of its U+FFFD in `text`, and how many bytes it had.
    pub(crate) malformed: Vec<Malformed>,
}

/// One malformed stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// Where its replacement stands in the text.
    pub(crate) at: usize,
    /// Its length in the input: what `MalformedInputException` calls `Input length`.
    pub(crate) length: usize,
    /// It might have become a character if the input had not ended.
    pub(crate) cut: bool,
}

/// Decodes UTF-8.
pub(crate) fn utf8(bytes: &[u8]) -> Decoded {
    let mut out = Decoded::default();
    let mut rest = bytes;
    while !rest.is_empty() {
        match std::str::from_utf8(rest) {
            Ok(text) => {
                out.text.push_str(text);
                break;
            }
            Err(error) => {
                let (valid, after) = rest.split_at(error.valid_up_to().min(rest.len()));
                out.text.push_str(std::str::from_utf8(valid).unwrap_or_default());
                let length = malformed_length(after, error.error_len()).clamp(1, after.len().max(1));
                let cut = length == after.len() && is_cut(after, error.error_len());
                out.malformed.push(Malformed { at: out.text.len(), length, cut });
                out.text.push(char::REPLACEMENT_CHARACTER);
                rest = after.get(length..).unwrap_or_default();
            }
        }
    }
    out
}

fn malformed_length(after: &[u8], error_len: Option<usize>) -> usize {
    let continues = |byte: Option<&u8>| byte.is_some_and(|b| b & 0xc0 == 0x80);
    match (after.first(), after.get(1)) {
        (Some(0xed), Some(0xa0..=0xbf)) if continues(after.get(2)) => 3,
        (Some(0xed), Some(0xa0..=0xbf)) => 2,
        _ => error_len.unwrap_or(after.len()),
    }
}

fn is_cut(after: &[u8], error_len: Option<usize>) -> bool {
    error_len.is_none() || matches!(after, [0xed, 0xa0..=0xbf])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_stretches_are_javas() {
        let lengths = |bytes: &[u8]| utf8(bytes).malformed.iter().map(|m| m.length).collect::<Vec<_>>();
        assert_eq!(lengths(b"abc"), [0_usize; 0]);
        assert_eq!(lengths(b"a\xffb"), [1]);
        assert_eq!(lengths(b"a\xe2\x82b"), [2]);
        assert_eq!(lengths(b"\xed\xa0\x80"), [3]);
        assert_eq!(lengths(b"\xf0\x9f\x98"), [3]);
        assert_eq!(utf8(b"a\xe2\x82b").text, "a\u{fffd}b");
    }
}
