//! Decimal digits by division, one after another: see [`super::digits`].

use std::cmp::Ordering;

use super::big::Big;
use super::digits::{Binary, Digits, Purpose};

/// The number as a fraction of whole numbers, and half a unit in its last place over the same denominator.
/// number = `mantissa · 5^b5 · 2^b2 / (5^s5 · 2^s2) · 10^decimal`, half unit = `5^b5 · 2^m2` over the same.
pub(super) struct Scale {
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
    pub(super) fn new(number: Binary, width: i32, behind_point: i32) -> Self {
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

    /// The digits.
    #[inline]
    pub(super) fn digits(&self, purpose: Purpose) -> Digits {
        let generated = match self.tier {
            Tier::Int => self.short::<32>(purpose),
            Tier::Long => self.short::<64>(purpose),
            Tier::Big => self.long(purpose),
        };
        generated.rounded()
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
        if let Some((digits, count, rest)) = first {
            out.value = digits;
            out.count = count;
            b = rest * 10;
            m *= 10i64.pow(count);
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

    /// The first [`JUMP`] digits at once (or a few less), how many they are, and the rest, where it is certain that
    /// none before the last of them ends the number: while half a unit is worth less than the digit jumped to, digits
    /// can only end before a run of zeros or nines that reaches it.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a rest is below its 64 bit divisor; digits are below 10^JUMP"
    )]
    fn jump(&self, b: i64, s: i64, m: i64) -> Option<(u64, u32, i64)> {
        const POWER: u64 = 10u64.pow(JUMP - 1);
        const SHORTEST_JUMP: u32 = JUMP - 4;
        let wide = |x: i64| u128::from(x.unsigned_abs());
        if wide(m) * u128::from(POWER) >= wide(s) {
            return None;
        }
        let product = wide(b) * u128::from(POWER);
        let (mut digits, mut rest) = if self.s5 == 0 {
            ((product >> self.s2) as u64, product as u64 & (s.unsigned_abs() - 1))
        } else {
            ((product / wide(s)) as u64, (product % wide(s)) as u64)
        };
        if digits >= 10 * POWER {
            return None;
        }
        let mut count = JUMP;
        while count >= SHORTEST_JUMP {
            let last = digits % 10;
            if last != 0 && last != 9 {
                return Some((digits, count, rest.cast_signed()));
            }
            // one digit back: ten times the denominator fits, and the division is exact
            digits /= 10;
            rest = (last * s.unsigned_abs() + rest) / 10;
            count -= 1;
        }
        None
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
