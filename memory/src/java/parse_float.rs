//! How Java reads floating-point numbers: `Float.parseFloat`, `Double.parseDouble`.

use super::parse::{NumberFormat, trim};

/// `Float.parseFloat`: rounded once, from the text to the float.
///
/// # Errors
/// Java's message: `empty String`, `multiple points` or `For input string: "…"` with the trimmed text.
pub fn parse_float(text: &str) -> Result<f32, NumberFormat> {
    let trimmed = trim(text);
    Ok(match scan(trimmed)? {
        Number::Special(value) => round_to_float(value),
        Number::Decimal(decimal) => decimal.parse().map_err(|_| NumberFormat::for_input(trimmed))?,
        Number::Hexadecimal(hex) => round_to_float(hex.round(24, -149)),
    })
}

/// `Double.parseDouble`.
///
/// # Errors
/// As [`parse_float`].
pub fn parse_double(text: &str) -> Result<f64, NumberFormat> {
    let trimmed = trim(text);
    Ok(match scan(trimmed)? {
        Number::Special(value) => value,
        Number::Decimal(decimal) => decimal.parse().map_err(|_| NumberFormat::for_input(trimmed))?,
        Number::Hexadecimal(hex) => hex.round(53, -1074),
    })
}

/// For values that are floats already, or beyond all of them.
#[expect(clippy::cast_possible_truncation, reason = "exact, or to infinity")]
fn round_to_float(value: f64) -> f32 {
    value as f32
}

enum Number<'a> {
    /// NaN or an infinity.
    Special(f64),
    /// Sign, digits, exponent, in a form that Rust reads to the same value.
    Decimal(&'a str),
    Hexadecimal(Hexadecimal),
}

/// Whether the text is a number to Java, and of which kind.
fn scan(text: &str) -> Result<Number<'_>, NumberFormat> {
    if text.is_empty() {
        return Err(NumberFormat("empty String".to_owned()));
    }
    let refused = || NumberFormat::for_input(text);
    let negative = text.starts_with('-');
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    match unsigned.as_bytes() {
        b"NaN" => Ok(Number::Special(f64::NAN)),
        b"Infinity" => Ok(Number::Special(if negative { f64::NEG_INFINITY } else { f64::INFINITY })),
        [b'0', b'x' | b'X', ..] => {
            Hexadecimal::read(&unsigned[2..], negative).map(Number::Hexadecimal).ok_or_else(refused)
        }
        bytes => {
            let mut rest = Cursor(bytes);
            let mut digits = rest.skip(u8::is_ascii_digit);
            if rest.take(b".") {
                digits += rest.skip(u8::is_ascii_digit);
                if rest.take(b".") {
                    return Err(NumberFormat("multiple points".to_owned()));
                }
            }
            if digits == 0 || rest.take(b"eE") && !rest.exponent() {
                return Err(refused());
            }
            let end = text.len() - rest.0.len();
            rest.take(b"fFdD");
            if rest.0.is_empty() { Ok(Number::Decimal(&text[..end])) } else { Err(refused()) }
        }
    }
}

/// What is left of a text.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn skip(&mut self, wanted: impl Fn(&u8) -> bool) -> usize {
        let count = self.0.iter().position(|b| !wanted(b)).unwrap_or(self.0.len());
        self.0 = &self.0[count..];
        count
    }

    fn take(&mut self, any_of: &[u8]) -> bool {
        match self.0 {
            [first, rest @ ..] if any_of.contains(first) => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    /// Past a sign and digits; whether there were digits.
    fn exponent(&mut self) -> bool {
        self.take(b"+-");
        self.skip(u8::is_ascii_digit) > 0
    }
}

/// `±significand · 2^exponent`, a little more where `inexact`.
struct Hexadecimal {
    negative: bool,
    significand: u64,
    inexact: bool,
    exponent: i64,
}

impl Hexadecimal {
    /// What follows `0x`: digits with at most one point among them or at an end, then `p` and a decimal exponent.
    fn read(text: &str, negative: bool) -> Option<Self> {
        let mut number = Self { negative, significand: 0, inexact: false, exponent: 0 };
        let mut rest = Cursor(text.as_bytes());
        let whole = rest.0;
        let whole = &whole[..rest.skip(u8::is_ascii_hexdigit)];
        let fraction = if rest.take(b".") {
            let fraction = rest.0;
            &fraction[..rest.skip(u8::is_ascii_hexdigit)]
        } else {
            &[]
        };
        if whole.is_empty() && fraction.is_empty() || !rest.take(b"pP") {
            return None;
        }
        let below_one = rest.take(b"-");
        let _ = !below_one && rest.take(b"+");
        let digits = rest.0;
        let digits = &digits[..rest.skip(u8::is_ascii_digit)];
        rest.take(b"fFdD");
        if digits.is_empty() || !rest.0.is_empty() {
            return None;
        }
        // far beyond any double long before it saturates
        let written =
            digits.iter().fold(0i64, |n, d| n.saturating_mul(10).saturating_add(i64::from(d - b'0')));
        let written = written.min(i64::MAX / 4);
        number.push(whole, 0);
        number.push(fraction, -4);
        number.exponent += if below_one { -written } else { written };
        Some(number)
    }

    /// Appends digits; each moves the exponent by `step`, and by four more where it no longer fits.
    fn push(&mut self, digits: &[u8], step: i64) {
        for digit in digits {
            let digit = u64::from(char::from(*digit).to_digit(16).unwrap_or(0));
            self.exponent += step;
            if self.significand >> 60 == 0 {
                self.significand = self.significand << 4 | digit;
            } else {
                self.exponent += 4;
                self.inexact |= digit != 0;
            }
        }
    }

    /// To the nearest number of so many bits whose last is worth at least `2^lowest`; at a tie to the even one.
    #[expect(clippy::cast_precision_loss, reason = "at most 53 bits")]
    fn round(&self, bits: i64, lowest: i64) -> f64 {
        let sign = if self.negative { -1.0 } else { 1.0 };
        if self.significand == 0 {
            return sign * 0.0;
        }
        let zeros = self.significand.leading_zeros();
        let significand = self.significand << zeros;
        let exponent = self.exponent - i64::from(zeros);
        let last = lowest.max(exponent + 64 - bits);
        // at least 11 bits are dropped: the rest is compared with half a unit on twice the width
        let Ok(dropped) = u32::try_from(last - exponent) else { return sign * 0.0 };
        if dropped > 64 {
            return sign * 0.0;
        }
        let wide = u128::from(significand);
        let mut kept = wide >> dropped;
        let rest = wide - (kept << dropped);
        let half = 1u128 << (dropped - 1);
        if rest > half || rest == half && (self.inexact || kept % 2 == 1) {
            kept += 1;
        }
        sign * kept as f64 * power_of_two(last)
    }
}

/// `2^exponent` for −1074 and above; infinity above a double's range.
fn power_of_two(exponent: i64) -> f64 {
    let bits = match exponent {
        ..-1022 => 1u64 << (exponent + 1074).clamp(0, 51),
        -1022..=1023 => (exponent + 1023).unsigned_abs() << 52,
        _ => return f64::INFINITY,
    };
    f64::from_bits(bits)
}
