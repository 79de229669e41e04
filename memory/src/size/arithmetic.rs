//! `MemorySize.multiply`.

use std::fmt;

use super::MemorySize;
use crate::java::Decimal;

/// Why a size cannot be multiplied. What Java throws for it depends on the version; see each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MultiplyError {
    /// Below zero, −∞ included: `IllegalArgumentException: multiplier must be >= 0`.
    Negative,
    /// NaN: as [`MultiplyError::Negative`] up to 1.11; later `NumberFormatException: Character N is neither a decimal
    /// digit number, decimal point, nor "e" notation exponential mark.`
    NotANumber,
    /// +∞: the `NumberFormatException` of [`MultiplyError::NotANumber`], with `Character I`, in every version.
    Infinite,
    /// Above [`MemorySize::MAX`]: `ArithmeticException: long overflow`.
    Overflow,
}

impl fmt::Display for MultiplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Negative => "multiplier must be >= 0",
            Self::NotANumber => {
                "Character N is neither a decimal digit number, decimal point, nor \"e\" notation exponential mark."
            }
            Self::Infinite => {
                "Character I is neither a decimal digit number, decimal point, nor \"e\" notation exponential mark."
            }
            Self::Overflow => "long overflow",
        })
    }
}

impl std::error::Error for MultiplyError {}

/// `MemorySize.multiply`: bytes times the decimal that `Double.toString` prints for `factor`, exact, then truncated.
/// A negative zero is a zero.
///
/// # Errors
/// [`MultiplyError`].
#[inline]
pub fn multiply(bytes: u64, factor: f64) -> Result<u64, MultiplyError> {
    if factor < 0.0 {
        return Err(MultiplyError::Negative);
    }
    if factor.is_nan() {
        return Err(MultiplyError::NotANumber);
    }
    multiply_decimal(bytes, Decimal::of(factor).ok_or(MultiplyError::Infinite)?)
}

/// [`multiply`] with the decimal at hand.
///
/// # Errors
/// [`MultiplyError::Negative`] and [`MultiplyError::Overflow`].
#[inline]
pub fn multiply_decimal(bytes: u64, factor: Decimal) -> Result<u64, MultiplyError> {
    /// The largest power of ten below 2⁶⁴.
    const LARGEST_POWER: u32 = 19;
    let product = u128::from(bytes) * u128::from(factor.digits);
    if product == 0 {
        return Ok(0);
    }
    if factor.negative {
        return Err(MultiplyError::Negative);
    }
    let power = factor.exponent.unsigned_abs();
    let (quotient, rest) = if factor.exponent >= 0 {
        let scaled = 10u128.checked_pow(power).and_then(|p| product.checked_mul(p));
        (scaled.ok_or(MultiplyError::Overflow)?, 0)
    } else if power <= LARGEST_POWER {
        divide(product, 10u64.pow(power))
    } else {
        // beyond 10³⁸ the product is less than one
        10u128.checked_pow(power).map_or((0, 0), |p| (product / p, 0))
    };
    match u64::try_from(quotient) {
        // Java compares before it truncates
        Ok(bytes) if bytes < MemorySize::MAX.bytes() || bytes == MemorySize::MAX.bytes() && rest == 0 => {
            Ok(bytes)
        }
        _ => Err(MultiplyError::Overflow),
    }
}

/// Quotient and rest. Most products of a size and a fraction fit one 64 bit division after another.
#[inline]
fn divide(product: u128, divisor: u64) -> (u128, u128) {
    let divisor = u128::from(divisor);
    let quotient = product / divisor;
    (quotient, product - quotient * divisor)
}

impl MemorySize {
    /// [`multiply`].
    ///
    /// # Errors
    /// [`MultiplyError`].
    #[inline]
    pub fn multiply(self, factor: f64) -> Result<Self, MultiplyError> {
        multiply(self.bytes(), factor).map(Self::from_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_widened_floats() {
        for (bytes, fraction, expected) in [
            (1_342_177_280, 0.4f32, 536_870_920),
            (1_342_177_280, 0.1, 134_217_730),
            (i64::MAX as u64, 1.0, i64::MAX as u64),
            (i64::MAX as u64, 0.0, 0),
            (10, -0.0, 0),
            (1, 0.999_999_94, 0),
        ] {
            assert_eq!(multiply(bytes, f64::from(fraction)), Ok(expected));
        }
    }

    #[test]
    fn refusals() {
        let max = i64::MAX as u64;
        assert_eq!(multiply(1, -1e-300), Err(MultiplyError::Negative));
        assert_eq!(multiply(0, f64::NEG_INFINITY), Err(MultiplyError::Negative));
        assert_eq!(multiply(0, f64::NAN), Err(MultiplyError::NotANumber));
        assert_eq!(multiply(0, f64::INFINITY), Err(MultiplyError::Infinite));
        assert_eq!(multiply(max, 1.000_000_000_000_000_2), Err(MultiplyError::Overflow));
        assert_eq!(multiply(1, f64::MAX), Err(MultiplyError::Overflow));
        assert_eq!(multiply(max, f64::MIN_POSITIVE), Ok(0));
        // 9223372036854775807.5: above the maximum before it is truncated
        assert_eq!(multiply(18_446_744_073_709_551_615, 0.5), Err(MultiplyError::Overflow));
    }
}
