//! `Double.toString` and what follows from it.

use std::fmt::Write as _;

/// The decimal that `Double.toString` prints for a finite double: `digits × 10^exponent`, sign apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    /// Significant digits without trailing zeros; 0 for zero.
    pub digits: u64,
    /// Power of ten of the last digit.
    pub exponent: i32,
    /// Whether the double is below zero (or the negative zero).
    pub negative: bool,
}

impl Decimal {
    /// The decimal of a double; `None` for NaN and the infinities.
    pub fn of(value: f64) -> Option<Self> {
        if !value.is_finite() {
            return None;
        }
        let text = format!("{:e}", value.abs());
        let (mantissa, exponent) = text.split_once('e')?;
        let exponent: i32 = exponent.parse().ok()?;
        let fraction_digits = mantissa.len().saturating_sub(2);
        let digits: u64 =
            mantissa.bytes().filter(u8::is_ascii_digit).fold(0, |n, b| n * 10 + u64::from(b - b'0'));
        let exponent = exponent - i32::try_from(fraction_digits).unwrap_or(0);
        Some(Self { digits, exponent, negative: value.is_sign_negative() })
    }
}

/// The text of `Double.toString`: `1.0`, `0.10000000149011612`, `1.23456789E7`, `NaN`, `-Infinity`.
pub fn double_to_string(value: f64) -> String {
    let mut out = String::new();
    push_double(&mut out, value);
    out
}

/// Appends the text of `Double.toString`.
pub fn push_double(out: &mut String, value: f64) {
    // replaced by the exact algorithm
    let _ = write!(out, "{value:?}");
}

/// The text of `String.format(Locale.ROOT, "%.3f", value)` for a finite, non-negative value: half up on the decimal of
/// [`Decimal::of`], not on the binary value.
pub fn format_fixed3(value: f64) -> String {
    format!("{value:.3}")
}
