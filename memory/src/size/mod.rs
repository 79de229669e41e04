//! [`MemorySize`]: Flink's class of that name.

mod arithmetic;
mod parse;
mod text;

pub use arithmetic::{MultiplyError, multiply, multiply_decimal};
pub use parse::{SizeError, Unit};

/// A number of bytes, 0 to 2⁶³ − 1 (a Java `long`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MemorySize(u64);

impl MemorySize {
    /// The largest size: 2⁶³ − 1 bytes.
    pub const MAX: Self = Self(i64::MAX as u64);
    /// No bytes.
    pub const ZERO: Self = Self(0);

    /// A size of so many bytes.
    ///
    /// # Panics
    /// At compile time or in a debug build, above [`MemorySize::MAX`].
    pub const fn from_bytes(bytes: u64) -> Self {
        debug_assert!(bytes <= Self::MAX.0, "a size above 2^63 - 1 bytes");
        Self(bytes)
    }

    /// A size of so many mebibytes (2²⁰ bytes).
    ///
    /// # Panics
    /// As [`MemorySize::from_bytes`].
    pub const fn from_mebibytes(mebibytes: u64) -> Self {
        Self::from_bytes(mebibytes << 20)
    }

    /// The bytes.
    #[inline]
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// `getMebiBytes`: a 32 bit number that silently wraps, as in Flink.
    #[expect(clippy::cast_possible_truncation, reason = "Flink's own cast")]
    pub const fn mebibytes_int(self) -> i32 {
        (self.0 >> 20) as i32
    }

    /// The sum; `None` above [`MemorySize::MAX`] (Java: `ArithmeticException: long overflow`).
    #[inline]
    pub const fn add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) if sum <= Self::MAX.0 => Some(Self(sum)),
            _ => None,
        }
    }

    /// The difference; `None` below zero (Java: `bytes must be >= 0`).
    #[inline]
    pub const fn subtract(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(rest) => Some(Self(rest)),
            None => None,
        }
    }
}
