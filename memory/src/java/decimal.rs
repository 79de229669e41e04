//! `Double.toString` and what follows from it.

use std::fmt;

use super::digits::{Binary, Digits, Purpose};

/// The decimal that `Double.toString` prints for a finite double: `digits × 10^exponent`, sign apart. At most 18
/// digits.
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
    #[inline]
    pub fn of(value: f64) -> Option<Self> {
        if !value.is_finite() {
            return None;
        }
        let negative = value.is_sign_negative();
        let Some(number) = Binary::of_double(value) else {
            return Some(Self { digits: 0, exponent: 0, negative });
        };
        let Digits { value: mut digits, count, point } = number.digits(Purpose::Text);
        let mut exponent = point - count.cast_signed();
        while digits != 0 && digits.is_multiple_of(10) {
            digits /= 10;
            exponent += 1;
        }
        Some(Self { digits, exponent, negative })
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
    // writing to a string cannot fail
    let _ = write_number(out, value, Binary::of_double(value));
}

/// The text of `Float.toString`: the digits that tell this float from its neighbours among floats.
pub fn float_to_string(value: f32) -> String {
    let mut out = String::new();
    let _ = write_number(&mut out, f64::from(value), Binary::of_float(value));
    out
}

/// `number` is `value` where that is neither zero nor special.
fn write_number(out: &mut impl fmt::Write, value: f64, number: Option<Binary>) -> fmt::Result {
    if value.is_nan() {
        return out.write_str("NaN");
    }
    if value.is_sign_negative() {
        out.write_char('-')?;
    }
    let Some(number) = number else {
        return out.write_str(if value == 0.0 { "0.0" } else { "Infinity" });
    };
    let digits = number.digits(Purpose::Text);
    let text = DigitText::new(digits);
    match digits.point {
        point @ 1..8 => {
            let (whole, rest) = text.split(point.unsigned_abs());
            out.write_str(whole)?;
            zeros(out, point.unsigned_abs() - digits.count.min(point.unsigned_abs()))?;
            out.write_char('.')?;
            out.write_str(if rest.is_empty() { "0" } else { rest })
        }
        point @ -2..=0 => {
            out.write_str("0.")?;
            zeros(out, point.unsigned_abs())?;
            out.write_str(text.as_str())
        }
        point => {
            let (first, rest) = text.split(1);
            write!(out, "{first}.{}E{}", if rest.is_empty() { "0" } else { rest }, point - 1)
        }
    }
}

/// The text of `String.format(Locale.ROOT, "%.3f", value)`: half up on the decimal digits, not on the binary value.
pub fn format_fixed3(value: f64) -> String {
    let mut out = String::new();
    let _ = push_fixed3(&mut out, value);
    out
}

/// Writes the text of [`format_fixed3`], without allocating.
///
/// # Errors
/// Those of `out`.
pub fn push_fixed3(out: &mut impl fmt::Write, value: f64) -> fmt::Result {
    const PLACES: i32 = 3;
    if value.is_nan() {
        return out.write_str("NaN");
    }
    if value.is_sign_negative() {
        out.write_char('-')?;
    }
    if value.is_infinite() {
        return out.write_str("Infinity");
    }
    let Some(number) = Binary::of_double(value) else {
        return out.write_str("0.000");
    };
    let Digits { value: digits, count, point } = number.digits(Purpose::Format);
    let kept = point + PLACES;
    if kept < 0 {
        return out.write_str("0.000");
    }
    if count.cast_signed() <= point {
        write!(out, "{digits}")?;
        zeros(out, point.unsigned_abs() - count)?;
        return out.write_str(".000");
    }
    let spare = count.cast_signed() - kept;
    let power = 10u64.saturating_pow(spare.unsigned_abs());
    let thousandths = if spare > 0 {
        u128::from(digits / power + u64::from(digits % power >= power / 2))
    } else {
        // at most two places more than the digits: 20 digits
        u128::from(digits) * u128::from(power)
    };
    write!(out, "{}.{:03}", thousandths / 1000, thousandths % 1000)
}

fn zeros(out: &mut impl fmt::Write, count: u32) -> fmt::Result {
    (0..count).try_for_each(|_| out.write_char('0'))
}

/// The text of digits, on the stack.
struct DigitText {
    bytes: [u8; 20],
    start: usize,
}

impl DigitText {
    fn new(digits: Digits) -> Self {
        let mut text = Self { bytes: [b'0'; 20], start: 20 };
        let mut rest = digits.value;
        while text.start > 0 && (rest != 0 || text.start == 20) {
            text.start -= 1;
            // a digit
            text.bytes[text.start] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
        }
        text
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[self.start..]).unwrap_or_default()
    }

    /// The first `count` digits (fewer where there are fewer) and the rest.
    fn split(&self, count: u32) -> (&str, &str) {
        let text = self.as_str();
        text.split_at((count as usize).min(text.len()))
    }
}
