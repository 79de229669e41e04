//! How Java reads numbers: `Integer.parseInt`, `Long.parseLong`, `Float.parseFloat`, `Double.parseDouble`, `String.trim`.

/// A `java.lang.NumberFormatException`; the text is Java's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberFormat(pub String);

/// `String.trim`: drops leading and trailing characters up to U+0020, and only those.
pub fn trim(text: &str) -> &str {
    text.trim_matches(|c| c <= ' ')
}

/// `Integer.parseInt`.
///
/// # Errors
/// Java's message, for anything but an optional sign and decimal digits (of any script) within 32 bits.
pub fn parse_int(text: &str) -> Result<i32, NumberFormat> {
    text.parse().map_err(|_| NumberFormat(format!("For input string: \"{text}\"")))
}

/// `Long.parseLong`.
///
/// # Errors
/// As [`parse_int`], within 64 bits.
pub fn parse_long(text: &str) -> Result<i64, NumberFormat> {
    text.parse().map_err(|_| NumberFormat(format!("For input string: \"{text}\"")))
}

/// `Float.parseFloat`.
///
/// # Errors
/// Java's message.
pub fn parse_float(text: &str) -> Result<f32, NumberFormat> {
    text.parse().map_err(|_| NumberFormat(format!("For input string: \"{text}\"")))
}

/// `Double.parseDouble`.
///
/// # Errors
/// Java's message.
pub fn parse_double(text: &str) -> Result<f64, NumberFormat> {
    text.parse().map_err(|_| NumberFormat(format!("For input string: \"{text}\"")))
}
