//! A small generator of random numbers: the same seed gives the same run.

/// Marsaglia's xorshift, 64 bit.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// A size whose logarithm is even: small ones are as many as large ones.
    pub(crate) fn size(&mut self, min_log2: u64, max_log2: u64) -> usize {
        let log2 = min_log2 + self.below(max_log2 - min_log2);
        usize::try_from((1 << log2) + self.below(1 << log2)).unwrap_or(1)
    }
}
