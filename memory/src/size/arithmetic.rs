//! Exact arithmetic.

use super::MemorySize;
use crate::java::Decimal;

/// Why a product does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MultiplyError {
    /// The factor is below zero.
    Negative,
    /// The factor is no number.
    NotANumber,
    /// The factor is infinite.
    Infinite,
    /// The product is above 2⁶³ − 1.
    Overflow,
}

/// `MemorySize.multiply`
///
/// # Errors
/// [`MultiplyError`]
pub fn multiply(bytes: u64, factor: f64) -> Result<u64, MultiplyError> {
    let d = Decimal::of(factor).ok_or(MultiplyError::NotANumber)?;
    let mut p = u128::from(bytes) * u128::from(d.digits);
    if d.exponent < 0 {
        let e = d.exponent.unsigned_abs();
        p = if e > 38 { 0 } else { p / 10u128.pow(e) };
    } else {
        p = p
            .checked_mul(10u128.checked_pow(d.exponent.unsigned_abs()).ok_or(MultiplyError::Overflow)?)
            .ok_or(MultiplyError::Overflow)?;
    }
    u64::try_from(p).ok().filter(|p| *p <= MemorySize::MAX.bytes()).ok_or(MultiplyError::Overflow)
}
