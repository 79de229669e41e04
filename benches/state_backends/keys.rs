//! Keys in the order they are asked for. `benches/flink/Keys.java` draws the same.

/// Keys of a distribution, drawn beforehand.
pub(crate) struct Keys(Vec<i64>);

fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Keys {
    /// Uniform: every key once, shuffled. Zipf: by rank to the power of −0.99, ranks scattered over the keys.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_possible_wrap,
        reason = "a distribution"
    )]
    pub(crate) fn new(count: usize, zipf: bool) -> Self {
        if !zipf {
            let mut keys: Vec<i64> = (0..count as i64).collect();
            for at in (1..count).rev() {
                keys.swap(at, (mix(at as u64) % (at as u64 + 1)) as usize);
            }
            return Self(keys);
        }
        // the inverse of the integral of x^-0.99, which is the sum's limit
        let exponent = 1.0 - 0.99;
        let whole = ((count as f64 + 1.0).powf(exponent) - 1.0) / exponent;
        let draw = |at: u64| {
            let part = (mix(at) >> 11) as f64 / (1u64 << 53) as f64 * whole;
            let rank = (part.mul_add(exponent, 1.0)).powf(1.0 / exponent) as u64 - 1;
            (mix(rank.min(count as u64 - 1) ^ 0x5eed) % count as u64) as i64
        };
        Self((0..4_000_000).map(draw).collect())
    }

    pub(crate) fn at(&self, call: usize) -> i64 {
        self.0[call % self.0.len()]
    }
}
