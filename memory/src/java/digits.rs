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

use std::cmp::Ordering;

use super::big::Big;

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
    mantissa: u64,
    exponent: i32,
    /// How many of the mantissa's bits the type has for this number: 53, of a float 24, of a subnormal fewer.
    significant: i32,
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
        let scale = Scale::new(self, width, behind_point);
        let generated = match scale.tier {
            Tier::Int => scale.short::<32>(purpose),
            Tier::Long => scale.short::<64>(purpose),
            Tier::Big => scale.long(purpose),
        };
        generated.rounded()
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
    fn decimal_exponent(self) -> i32 {
        let one_to_two = f64::from_bits(0x3ff0_0000_0000_0000 | self.mantissa & FRACTION_MASK);
        // the tangent of log₁₀ at 1.5, in this order of operations
        let estimate = (one_to_two - 1.5) * 0.289_529_654
            + 0.176_091_259
            + f64::from(self.exponent) * 0.301_029_995_663_981;
        estimate.floor() as i32
    }
}

/// The number as a fraction of whole numbers, and half a unit in its last place over the same denominator.
/// number = `mantissa · 5^b5 · 2^b2 / (5^s5 · 2^s2) · 10^decimal`, half unit = `5^b5 · 2^m2` over the same.
struct Scale {
    mantissa: u64,
    decimal: i32,
    b5: u32,
    b2: u32,
    s5: u32,
    s2: u32,
    m2: u32,
    tier: Tier,
}

/// The width of integer that numerator and ten times the denominator fit in.
#[derive(Clone, Copy)]
enum Tier {
    Int,
    Long,
    Big,
}

/// Digits before the last one is rounded.
struct Generated {
    value: u64,
    count: u32,
    point: i32,
    /// Whether the last digit is to be rounded up.
    up: bool,
}

impl Scale {
    fn new(number: Binary, width: i32, behind_point: i32) -> Self {
        let decimal = number.decimal_exponent();
        let b5 = (-decimal).max(0);
        let s5 = decimal.max(0);
        let all = b5 + behind_point + number.exponent;
        let mut b2 = all - (width - 1);
        let mut s2 = s5 + behind_point;
        let mut m2 = all - number.significant;
        let common = b2.min(s2);
        b2 -= common;
        s2 -= common;
        m2 -= common;
        // below a power of two the doubles lie twice as dense
        m2 -= i32::from(width == 1);
        let lift = (-m2).max(0);
        b2 += lift;
        s2 += lift;
        m2 += lift;
        let numerator_bits = width + b2 + bits_of_power_of_five(b5);
        let tens_bits = s2 + 1 + bits_of_power_of_five(s5 + 1);
        let tier = match numerator_bits.max(tens_bits) {
            ..32 => Tier::Int,
            32..64 => Tier::Long,
            _ => Tier::Big,
        };
        Self {
            mantissa: number.mantissa >> number.mantissa.trailing_zeros(),
            decimal,
            b5: b5.unsigned_abs(),
            b2: b2.unsigned_abs(),
            s5: s5.unsigned_abs(),
            s2: s2.unsigned_abs(),
            m2: m2.unsigned_abs(),
            tier,
        }
    }

    /// On integers of 32 or 64 bits. Their overflow is part of the result.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the overflow of 32 bits")]
    fn short<const BITS: u32>(&self, purpose: Purpose) -> Generated {
        let wrap = |x: i64| if BITS == 32 { i64::from(x as i32) } else { x };
        let power = |n: u32| 5i64.wrapping_pow(n);
        let mut b = self.mantissa.cast_signed().wrapping_mul(power(self.b5)).wrapping_shl(self.b2);
        let s = power(self.s5).wrapping_shl(self.s2);
        let mut m = power(self.b5).wrapping_shl(self.m2);
        let tens = s.wrapping_mul(10);
        let mut digit;
        let mut out = Generated { value: 0, count: 0, point: self.decimal + 1, up: false };
        let first = if BITS == 64 { self.jump(b, s, m) } else { None };
        if let Some((digits, rest)) = first {
            out.value = digits;
            out.count = JUMP;
            b = rest * 10;
            m *= 10i64.pow(JUMP);
        } else {
            (digit, b) = self.divide(b, s);
            out.value = digit;
            out.count = 1;
            b *= 10;
            m = wrap(m.wrapping_mul(10));
        }
        let near =
            |b: i64, m: i64| if m > 0 { (b < m, wrap(b.wrapping_add(m)) > tens) } else { (true, true) };
        let (mut low, mut high) = near(b, m);
        let leading_zero = out.value < 10u64.pow(out.count - 1) && !(out.count == 1 && high);
        out.count -= u32::from(leading_zero);
        out.point -= i32::from(leading_zero);
        if first.is_none() && !may_stop_at_one(purpose, out.point - 1) {
            (low, high) = (false, false);
        }
        while !low && !high {
            (digit, b) = self.divide(b, s);
            out.value = out.value.wrapping_mul(10).wrapping_add(digit);
            out.count += 1;
            b *= 10;
            m = wrap(m.wrapping_mul(10));
            (low, high) = near(b, m);
        }
        out.up = high && (!low || round_up((i128::from(b) * 2).cmp(&i128::from(tens)), out.value));
        out
    }

    /// Quotient and rest; the denominator is a power of two for numbers below ten.
    #[inline]
    fn divide(&self, b: i64, s: i64) -> (u64, i64) {
        if self.s5 == 0 {
            ((b >> self.s2).unsigned_abs(), b & (s - 1))
        } else {
            ((b / s).unsigned_abs(), b % s)
        }
    }

    /// The first [`JUMP`] digits at once, and the rest, where it is certain that none of them is the last: while half a
    /// unit is worth less than the digit jumped to, digits can only end before a run of zeros or nines that reaches it.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a rest is below its 64 bit divisor; digits are below 10^JUMP"
    )]
    fn jump(&self, b: i64, s: i64, m: i64) -> Option<(u64, i64)> {
        const POWER: u64 = 10u64.pow(JUMP - 1);
        let wide = |x: i64| u128::from(x.unsigned_abs());
        if wide(m) * u128::from(POWER) >= wide(s) {
            return None;
        }
        let product = wide(b) * u128::from(POWER);
        let (quotient, rest) = if self.s5 == 0 {
            ((product >> self.s2) as u64, product as u64 & (s.unsigned_abs() - 1))
        } else {
            ((product / wide(s)) as u64, (product % wide(s)) as u64)
        };
        let last = quotient % 10;
        (last != 0 && last != 9 && quotient < 10 * POWER).then_some((quotient, rest.cast_signed()))
    }

    /// On long integers.
    fn long(&self, purpose: Purpose) -> Generated {
        let s = Big::new(1, self.s5, self.s2);
        let tens = Big::new(1, self.s5 + 1, self.s2 + 1);
        let mut b = Big::new(self.mantissa, self.b5, self.b2);
        let mut m = Big::new(1, self.b5, self.m2);
        let mut step = |b: &mut Big| {
            let digit = b.take_digit(&s);
            b.multiply(10);
            m.multiply(10);
            (digit, b.compare(&m) == Ordering::Less, tens.compare_to_sum(b, &m) != Ordering::Greater)
        };
        let (digit, mut low, mut high) = step(&mut b);
        let mut out = Generated { value: digit, count: 1, point: self.decimal + 1, up: false };
        if digit == 0 && !high {
            out.count = 0;
            out.point -= 1;
        }
        if !may_stop_at_one(purpose, out.point - 1) {
            (low, high) = (false, false);
        }
        while !low && !high {
            let digit;
            (digit, low, high) = step(&mut b);
            out.value = out.value.wrapping_mul(10).wrapping_add(digit);
            out.count += 1;
        }
        b.multiply(2);
        out.up = high && (!low || round_up(b.compare(&tens), out.value));
        out
    }
}

/// How many digits a double that is no short decimal has at least: the way to them is cut short.
const JUMP: u32 = 15;

/// Whether the first digit may be the only one.
fn may_stop_at_one(purpose: Purpose, decimal: i32) -> bool {
    purpose == Purpose::Text && (-3..8).contains(&decimal)
}

/// Both neighbours are near enough: the nearer, at a tie the even.
fn round_up(twice_the_rest_to_one: Ordering, digits: u64) -> bool {
    match twice_the_rest_to_one {
        Ordering::Less => false,
        Ordering::Equal => digits % 2 == 1,
        Ordering::Greater => true,
    }
}

impl Generated {
    fn rounded(self) -> Digits {
        let mut digits = Digits { value: self.value, count: self.count, point: self.point };
        if self.up {
            digits.value += 1;
            if 10u64.checked_pow(self.count) == Some(digits.value) {
                // 9.99 becomes 10.0: as many digits as before
                digits.value /= 10;
                digits.point += 1;
            }
        }
        digits
    }
}

/// Bits of 5ⁿ: exact below 27, a rough bound above, where all that matters is that nothing fits 64 bits.
const fn bits_of_power_of_five(n: i32) -> i32 {
    match n {
        0 => 0,
        1..27 => n * 1217 / 524 + 1,
        _ => n * 3,
    }
}
