//! As much of `java.math.BigDecimal` as CPU cores and external resources need: a non-negative decimal with a scale.

use std::cmp::Ordering;
use std::fmt;

use super::Decimal;

/// A non-negative `BigDecimal`: `digits × 10^-scale`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BigDecimal {
    /// Decimal digits, most significant first, no leading zeros; empty for zero.
    digits: Vec<u8>,
    scale: i32,
}

impl BigDecimal {
    /// `BigDecimal.valueOf(double)`: by the text of `Double.toString`, so 1.0 has scale 1. `None` below zero and for
    /// what is no finite number.
    pub fn of_double(value: f64) -> Option<Self> {
        let decimal = Decimal::of(value).filter(|d| !d.negative || d.digits == 0)?;
        let (mut digits, mut scale) = (decimal.digits, -decimal.exponent);
        // Double.toString prints at least one digit behind the point: of the number itself where it is plain, of the
        // mantissa where it is scientific
        let plain = (1e-3..1e7).contains(&value) || value == 0.0;
        let fewest = if plain { 1 } else { 1 - scientific_exponent(decimal) };
        while scale < fewest {
            digits = digits.checked_mul(10)?;
            scale += 1;
        }
        let digits = if digits == 0 { Vec::new() } else { digits.to_string().into_bytes() };
        Some(Self { digits: digits.iter().map(|b| b - b'0').collect(), scale })
    }

    /// `BigDecimal.valueOf(long)`.
    pub fn of_integer(value: u64) -> Self {
        let text = if value == 0 { String::new() } else { value.to_string() };
        Self { digits: text.bytes().map(|b| b - b'0').collect(), scale: 0 }
    }

    /// `setScale(scale, ROUND_DOWN)` where that drops digits or adds zeros.
    #[must_use]
    pub fn rounded_down(mut self, scale: i32) -> Self {
        while self.scale > scale && !self.digits.is_empty() {
            self.digits.pop();
            self.scale -= 1;
        }
        if self.digits.is_empty() {
            self.scale = scale;
            return self;
        }
        while self.scale < scale {
            self.digits.push(0);
            self.scale += 1;
        }
        self
    }

    /// `divide(divisor, scale, ROUND_DOWN)`; a divisor of 0 counts as 1.
    #[must_use]
    pub fn divided(self, divisor: u32, scale: i32) -> Self {
        let divisor = u64::from(divisor.max(1));
        // exact quotient digits down to the scale; further digits of the dividend cannot change them
        let shifted = self.rounded_down(scale);
        let mut rest = 0u64;
        let mut digits = Vec::with_capacity(shifted.digits.len());
        for digit in shifted.digits {
            let value = rest * 10 + u64::from(digit);
            rest = value % divisor;
            let quotient = u8::try_from(value / divisor).unwrap_or(9);
            if quotient != 0 || !digits.is_empty() {
                digits.push(quotient);
            }
        }
        Self { digits, scale }
    }

    /// `stripTrailingZeros`.
    #[must_use]
    pub fn stripped(mut self) -> Self {
        if self.digits.is_empty() {
            self.scale = 0;
        }
        while self.digits.last() == Some(&0) {
            self.digits.pop();
            self.scale -= 1;
        }
        self
    }

    /// Whether it is zero, whatever its scale.
    pub fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// `longValue`: the whole part, its low 64 bits.
    pub fn to_long(&self) -> i64 {
        let whole = self.clone().rounded_down(0);
        whole.digits.iter().fold(0i64, |n, d| n.wrapping_mul(10).wrapping_add(i64::from(*d)))
    }

    /// `compareTo` with an integer.
    pub fn compare_integer(&self, other: u64) -> Ordering {
        let other = Self::of_integer(other);
        let magnitude = |d: &Self| i64::try_from(d.digits.len()).unwrap_or(i64::MAX) - i64::from(d.scale);
        match (self.digits.is_empty(), other.digits.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => magnitude(self).cmp(&magnitude(&other)).then_with(|| {
                let strip = |d: &Self| d.clone().stripped().digits;
                strip(self).cmp(&strip(&other))
            }),
        }
    }
}

fn scientific_exponent(decimal: Decimal) -> i32 {
    let digits = decimal.digits.checked_ilog10().unwrap_or(0);
    decimal.exponent + i32::try_from(digits).unwrap_or(0)
}

/// `BigDecimal.toString`: plain, or scientific where the scale is negative or the number below 10⁻⁶.
impl fmt::Display for BigDecimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits: String = match self.digits.as_slice() {
            [] => "0".to_owned(),
            digits => digits.iter().map(|d| char::from(b'0' + d)).collect(),
        };
        let count = i64::try_from(digits.len()).unwrap_or(i64::MAX);
        let adjusted = -i64::from(self.scale) + (count - 1);
        if self.scale >= 0 && adjusted >= -6 {
            let scale = usize::try_from(self.scale).unwrap_or(0);
            if scale == 0 {
                return f.write_str(&digits);
            }
            let padded = format!("{digits:0>width$}", width = scale + 1);
            let (whole, fraction) = padded.split_at(padded.len() - scale);
            return write!(f, "{whole}.{fraction}");
        }
        let (first, rest) = digits.split_at(1);
        f.write_str(first)?;
        if !rest.is_empty() {
            write!(f, ".{rest}")?;
        }
        if adjusted != 0 {
            write!(f, "E{adjusted:+}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let double = |v| BigDecimal::of_double(v).expect("finite");
        for (value, text) in [
            (1.0, "1.0"),
            (56.65, "56.65"),
            (1e10, "1.0E+10"),
            (1e7, "1.0E+7"),
            (123_456_789.125, "123456789.125"),
            (5.65e-7, "5.65E-7"),
            (1e-3, "0.001"),
            (f64::MAX, "1.7976931348623157E+308"),
            (0.0, "0.0"),
        ] {
            assert_eq!(double(value).to_string(), text);
        }
        assert_eq!(double(1e6).rounded_down(8).stripped().to_string(), "1E+6");
        assert_eq!(double(1e6).divided(32, 8).stripped().to_string(), "3.125E+4");
        assert_eq!(double(1.23e-8).rounded_down(8).stripped().to_string(), "1E-8");
        assert_eq!(double(2.5).divided(7, 16).to_string(), "0.3571428571428571");
        assert_eq!(double(1.0).divided(1, 16).to_string(), "1.0000000000000000");
        assert_eq!(BigDecimal::of_double(-1.0), None);
    }

    #[test]
    fn comparison() {
        let double = |v| BigDecimal::of_double(v).expect("finite");
        assert_eq!(double(16384.0).compare_integer(16384), Ordering::Equal);
        assert_eq!(double(16384.5).compare_integer(16384), Ordering::Greater);
        assert_eq!(double(16383.5).compare_integer(16384), Ordering::Less);
        assert_eq!(double(0.0).compare_integer(1), Ordering::Less);
        assert_eq!(double(1e7).compare_integer(16384), Ordering::Greater);
    }
}
