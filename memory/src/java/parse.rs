//! How Java reads whole numbers: `Integer.parseInt`, `Long.parseLong`; and `String.trim`.

/// A `java.lang.NumberFormatException`; the text is Java's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberFormat(pub String);

impl NumberFormat {
    /// `NumberFormatException.forInputString`, radix 10.
    pub(super) fn for_input(text: &str) -> Self {
        Self(format!("For input string: \"{text}\""))
    }
}

/// `String.trim`: drops leading and trailing characters up to U+0020, and only those.
pub fn trim(text: &str) -> &str {
    text.trim_matches(|c| c <= ' ')
}

/// The zeros of the decimal digits that `Character.digit(char, 10)` of JDK 17 (Unicode 13) knows beyond ASCII; nine
/// more digits follow each. Java asks per UTF-16 unit, so digits beyond U+FFFF are none.
const ZEROS: [u16; 36] = [
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6,
    0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0,
    0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10,
];

/// `Character.digit(c, 10)`.
fn digit(c: char) -> Option<u8> {
    if c.is_ascii() {
        return c.is_ascii_digit().then(|| c as u8 - b'0');
    }
    let unit = u16::try_from(u32::from(c)).ok()?;
    let below = ZEROS.partition_point(|zero| *zero <= unit);
    let value = unit - ZEROS.get(below.checked_sub(1)?)?;
    u8::try_from(value).ok().filter(|value| *value <= 9)
}

/// `None` for anything but an optional sign and digits within 64 bits.
fn parse(text: &str) -> Option<i64> {
    let negative = text.starts_with('-');
    let digits = if negative { &text[1..] } else { text.strip_prefix('+').unwrap_or(text) };
    if digits.is_empty() {
        return None;
    }
    // downwards, as there is one negative number more
    let below_zero =
        digits.chars().try_fold(0i64, |n, c| n.checked_mul(10)?.checked_sub(i64::from(digit(c)?)))?;
    if negative { Some(below_zero) } else { below_zero.checked_neg() }
}

/// `Integer.parseInt`.
///
/// # Errors
/// Java's message, for anything but an optional sign and decimal digits (of any script) within 32 bits.
pub fn parse_int(text: &str) -> Result<i32, NumberFormat> {
    parse(text).and_then(|n| i32::try_from(n).ok()).ok_or_else(|| NumberFormat::for_input(text))
}

/// `Long.parseLong`.
///
/// # Errors
/// As [`parse_int`], within 64 bits.
pub fn parse_long(text: &str) -> Result<i64, NumberFormat> {
    parse(text).ok_or_else(|| NumberFormat::for_input(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_any_script() {
        assert_eq!((0..=0xffffu32).filter_map(char::from_u32).filter(|c| digit(*c).is_some()).count(), 370);
        assert_eq!(parse_int("\u{661}\u{662}"), Ok(12));
        assert_eq!(parse_long("-\u{ff19}\u{6f5}"), Ok(-95));
        // mathematical digits lie beyond U+FFFF
        assert!(parse_int("\u{1d7ce}").is_err());
    }

    #[test]
    fn bounds() {
        assert_eq!(parse_int("-2147483648"), Ok(i32::MIN));
        assert_eq!(parse_int("+2147483647"), Ok(i32::MAX));
        assert_eq!(parse_int("2147483648"), Err(NumberFormat("For input string: \"2147483648\"".into())));
        assert_eq!(parse_long("-9223372036854775808"), Ok(i64::MIN));
        for text in ["", "+", "-", "+-1", "--1", " 1", "1 ", "0x1", "1_0", "9223372036854775808"] {
            assert_eq!(parse_long(text), Err(NumberFormat(format!("For input string: \"{text}\""))));
        }
    }
}
