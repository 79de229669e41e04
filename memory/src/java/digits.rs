//! The decimal digits that a JDK before 19 prints for a binary floating-point number.
//!
//! Not always the shortest that read back (JDK-4511638), so no shortest-digits algorithm reproduces them: 2⁶⁰ is
//! `1.15292150460684698E18`. What the digits depend on, beyond the number:
//!
//! - whole numbers below 2⁶³ are written out, less the digits that their last bit is worth more than;
//! - everything else is divided digit by digit until the digits so far, or those plus one, lie within half a unit in
//!   the last binary place (a quarter for powers of two) — on 32 bit, on 64 bit or on long integers, whichever the
//!   operands fit. The two short forms let that half unit overflow, and at the very bound the long form rounds up
//!   where the short ones go on;
//! - numbers that will be printed with an exponent, and all that `String.format` prints, get two digits at least.

use super::scale::Scale;

/// Decimal digits as generated, trailing zeros included: `0.d₁d₂d₃… · 10^point`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Digits {
    /// d₁d₂d₃… as one number.
    pub(super) value: u64,
    /// How many they are; at least 1.
    pub(super) count: u32,
    /// Place of the decimal point.
    pub(super) point: i32,
}

/// Who asks: the two differ in how early the digits may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// `Double.toString`, `Float.toString`.
    Text,
    /// `String.format`.
    Format,
}

/// A finite number above zero: `mantissa · 2^(exponent − 52)`, 2⁵² ≤ mantissa < 2⁵³.
#[derive(Debug, Clone, Copy)]
pub(super) struct Binary {
    pub(super) mantissa: u64,
    pub(super) exponent: i32,
    /// How many of the mantissa's bits the type has for this number: 53, of a float 24, of a subnormal fewer.
    pub(super) significant: i32,
}

/// Bits of a double's mantissa behind the leading one.
const FRACTION: u32 = 52;
const FRACTION_MASK: u64 = (1 << FRACTION) - 1;

impl Binary {
    /// The number of a double; `None` for zero, NaN and the infinities. The sign is dropped.
    pub(super) fn of_double(value: f64) -> Option<Self> {
        let bits = value.to_bits();
        Self::new(bits & FRACTION_MASK, (bits >> FRACTION) & 0x7ff, 0x7ff, 1023, 53)
    }

    /// The number of a float, as [`Binary::of_double`].
    pub(super) fn of_float(value: f32) -> Option<Self> {
        let bits = u64::from(value.to_bits());
        Self::new((bits & 0x7f_ffff) << (FRACTION - 23), (bits >> 23) & 0xff, 0xff, 127, 24)
    }

    #[expect(
        clippy::cast_possible_wrap,
        clippy::cast_possible_truncation,
        reason = "an exponent of at most 11 bits"
    )]
    const fn new(fraction: u64, exponent: u64, special: u64, bias: i32, significant: i32) -> Option<Self> {
        if exponent == special || exponent == 0 && fraction == 0 {
            return None;
        }
        if exponent != 0 {
            return Some(Self {
                mantissa: fraction | 1 << FRACTION,
                exponent: exponent as i32 - bias,
                significant,
            });
        }
        let lost = fraction.leading_zeros() as i32 - (63 - FRACTION as i32);
        Some(Self { mantissa: fraction << lost, exponent: 1 - bias - lost, significant: significant - lost })
    }

    /// The digits.
    #[inline]
    pub(super) fn digits(self, purpose: Purpose) -> Digits {
        let width = (FRACTION + 1 - self.mantissa.trailing_zeros()).cast_signed();
        let behind_point = (width - self.exponent - 1).max(0);
        if behind_point == 0 && self.exponent <= 62 {
            return self.whole();
        }
        Scale::new(self, width, behind_point).digits(purpose)
    }

    /// The digits of a whole number below 2⁶³.
    fn whole(self) -> Digits {
        let fraction = FRACTION.cast_signed();
        let mut value = if self.exponent >= fraction {
            self.mantissa << (self.exponent - fraction)
        } else {
            self.mantissa >> (fraction - self.exponent)
        };
        let mut dropped = 0;
        let spare_bits = self.exponent - self.significant - 1;
        if spare_bits > 1 {
            dropped = (1u64 << spare_bits.min(63)).ilog10();
            let unit = 10u64.pow(dropped);
            let up = value % unit >= unit / 2 && dropped > 0;
            value = value / unit + u64::from(up);
        }
        let mut places = value.ilog10() + 1;
        let point = (places + dropped).cast_signed();
        while value.is_multiple_of(10) {
            value /= 10;
            places -= 1;
        }
        Digits { value, count: places, point }
    }

    /// ⌊log₁₀⌋, or one more: the estimate that decides the first digit's place.
    #[expect(clippy::cast_possible_truncation, reason = "between -324 and 309")]
    #[expect(clippy::approx_constant, reason = "this approximation and no other")]
    pub(super) fn decimal_exponent(self) -> i32 {
        let one_to_two = f64::from_bits(0x3ff0_0000_0000_0000 | self.mantissa & FRACTION_MASK);
        // the tangent of log₁₀ at 1.5, in this order of operations
        let estimate = (one_to_two - 1.5) * 0.289_529_654
            + 0.176_091_259
            + f64::from(self.exponent) * 0.301_029_995_663_981;
        estimate.floor() as i32
    }
}
