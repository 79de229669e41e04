//! A natural number of up to 1280 bits on the stack: what the digits of the largest and smallest doubles need.

use std::cmp::Ordering;

const LIMBS: usize = 20;

/// A natural number below 2¹²⁸⁰, little-endian limbs. `len` limbs are in use; the others are zero.
#[derive(Debug, Clone)]
pub(super) struct Big {
    limbs: [u64; LIMBS],
    len: usize,
}

impl Big {
    /// `value · 5^fives · 2^twos`.
    pub(super) fn new(value: u64, fives: u32, twos: u32) -> Self {
        /// The largest power of five below 2⁶⁴.
        const STEP: u32 = 27;
        let mut big = Self { limbs: [0; LIMBS], len: 1 };
        big.limbs[0] = value;
        let mut left = fives;
        while left > 0 {
            let step = left.min(STEP);
            big.multiply(5u64.pow(step));
            left -= step;
        }
        big.shift_left(twos);
        big
    }

    /// Times a small number. Bits above the width are dropped; callers stay below it.
    pub(super) fn multiply(&mut self, factor: u64) {
        let mut carry = 0u64;
        for limb in &mut self.limbs[..self.len] {
            let wide = u128::from(*limb) * u128::from(factor) + u128::from(carry);
            (*limb, carry) = halves(wide);
        }
        if carry != 0 && self.len < LIMBS {
            self.limbs[self.len] = carry;
            self.len += 1;
        }
    }

    fn shift_left(&mut self, bits: u32) {
        let (whole, rest) = ((bits / 64) as usize, bits % 64);
        self.multiply(1 << rest);
        let end = (self.len + whole).min(LIMBS);
        for i in (0..end).rev() {
            self.limbs[i] = if i >= whole { self.limbs[i - whole] } else { 0 };
        }
        self.len = end;
    }

    /// Divides by `divisor`, keeps the rest and returns the quotient, which the caller knows to be a digit.
    pub(super) fn take_digit(&mut self, divisor: &Self) -> u64 {
        let mut digit = 0;
        while digit < 10 && self.compare(divisor) != Ordering::Less {
            self.subtract(divisor);
            digit += 1;
        }
        digit
    }

    fn subtract(&mut self, other: &Self) {
        let mut borrow = false;
        for (limb, other) in self.limbs[..self.len].iter_mut().zip(&other.limbs) {
            let (first, under) = limb.overflowing_sub(*other);
            let (second, under_again) = first.overflowing_sub(u64::from(borrow));
            (*limb, borrow) = (second, under || under_again);
        }
        while self.len > 1 && self.limbs[self.len - 1] == 0 {
            self.len -= 1;
        }
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let len = self.len.max(other.len);
        self.limbs[..len].iter().rev().cmp(other.limbs[..len].iter().rev())
    }

    /// Compares with `a + b`.
    pub(super) fn compare_to_sum(&self, a: &Self, b: &Self) -> Ordering {
        let mut sum = a.clone();
        let mut carry = 0;
        sum.len = (a.len.max(b.len) + 1).min(LIMBS);
        for (limb, b) in sum.limbs[..sum.len].iter_mut().zip(&b.limbs) {
            (*limb, carry) = halves(u128::from(*limb) + u128::from(*b) + u128::from(carry));
        }
        self.compare(&sum)
    }
}

/// Low and high half.
#[expect(clippy::cast_possible_truncation, reason = "the point of it")]
const fn halves(wide: u128) -> (u64, u64) {
    (wide as u64, (wide >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic() {
        // 1000 = 125 · 8
        let thousand = Big::new(1, 3, 3);
        assert_eq!(thousand.compare(&Big::new(1000, 0, 0)), Ordering::Equal);
        let mut n = Big::new(7321, 300, 200);
        let divisor = Big::new(1000, 300, 200);
        assert_eq!(n.take_digit(&divisor), 7);
        assert_eq!(n.compare(&Big::new(321, 300, 200)), Ordering::Equal);
        assert_eq!(divisor.compare_to_sum(&n, &Big::new(679, 300, 200)), Ordering::Equal);
        assert_eq!(divisor.compare_to_sum(&n, &Big::new(680, 300, 200)), Ordering::Less);
        assert_eq!(divisor.compare_to_sum(&n, &Big::new(678, 300, 200)), Ordering::Greater);
    }
}
