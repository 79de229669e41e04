//! How many buffers each local pool may hold: its minimum, and a share of what no minimum needs.

/// What a local pool asks for, in buffers. `min ≤ max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// What is guaranteed.
    pub min: u32,
    /// What is useful; `u32::MAX` for no bound.
    pub max: u32,
}

/// Shares `total` buffers as Flink's `NetworkBufferPool` does; the sizes stand in the order of the shares.
///
/// Each gets its minimum. The rest is handed out in proportion to `max − min`, where nobody counts for more than the
/// whole rest; the remainder of the division goes to those where the running sum passes the next whole buffer. Where
/// the minima exceed the total, each gets its minimum all the same: that is refused before.
///
/// Always `min ≤ size ≤ max`; `Σ size ≤ total` where `Σ min ≤ total`; and all of the rest is handed out where the
/// maxima can take it.
pub fn redistribute(total: u32, shares: &[Share]) -> Vec<u32> {
    let required: u64 = shares.iter().map(|share| u64::from(share.min)).sum();
    let rest = u64::from(total).saturating_sub(required);
    let cap = |share: &Share| rest.min(u64::from(share.max.saturating_sub(share.min)));
    let capacity: u64 = shares.iter().map(cap).sum();
    if capacity == 0 {
        return shares.iter().map(|share| share.min).collect();
    }
    let handed_out = u128::from(rest.min(capacity));
    let (mut running, mut given) = (0_u64, 0_u32);
    let size = |share: &Share| {
        running += cap(share);
        // rounded down; the sum of all differences is exactly what is handed out
        let until_here = handed_out * u128::from(running) / u128::from(capacity);
        // at most the rest, which is part of the total
        let until_here = u32::try_from(until_here).unwrap_or(total);
        let more = until_here - given;
        given = until_here;
        share.min + more
    };
    shares.iter().map(size).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sizes(total: u32, shares: &[(u32, u32)]) -> Vec<u32> {
        let shares: Vec<Share> = shares.iter().map(|(min, max)| Share { min: *min, max: *max }).collect();
        redistribute(total, &shares)
    }

    #[test]
    fn by_hand() {
        assert_eq!(sizes(10, &[]), [0_u32; 0]);
        assert_eq!(sizes(10, &[(3, u32::MAX)]), [10]);
        assert_eq!(sizes(10, &[(3, 5)]), [5]);
        assert_eq!(sizes(10, &[(5, 9), (5, 9)]), [5, 5]);
        // rest 8, each counts for 8: 8·8/16, 8·16/16 − 4
        assert_eq!(sizes(10, &[(1, u32::MAX), (1, u32::MAX)]), [5, 5]);
        // rest 7, each counts for 7: 2, 4, 7
        assert_eq!(sizes(10, &[(1, u32::MAX), (1, u32::MAX), (1, u32::MAX)]), [3, 3, 4]);
        // rest 6, one has what it can use; 6 and 2 of 8: 6·6/8 = 4, then 6 − 4
        assert_eq!(sizes(10, &[(1, u32::MAX), (2, 2), (1, 3)]), [5, 2, 3]);
        // the maxima take less than there is
        assert_eq!(sizes(100, &[(1, 3), (2, 4)]), [3, 4]);
        assert_eq!(sizes(u32::MAX, &[(0, u32::MAX), (1, u32::MAX)]), [2_147_483_647, 2_147_483_648]);
    }

    /// The example of a real run: 100 buffers; one pool without a bound, one with 6 to 7, one with 5 to 25. Flink's
    /// order is that of a hash set; ours is the order in which the pools were made.
    #[test]
    fn in_the_order_of_creation() {
        // rest 88; 88, 1 and 20 of 109: 71, 71, 88
        assert_eq!(sizes(100, &[(1, u32::MAX), (6, 7), (5, 25)]), [72, 6, 22]);
        assert_eq!(sizes(100, &[(5, 25), (6, 7), (1, u32::MAX)]), [21, 6, 73]);
    }

    fn shares() -> impl Strategy<Value = Vec<Share>> {
        let max = prop_oneof![Just(u32::MAX), 0_u32..50];
        let share = (0_u32..20, max).prop_map(|(min, more)| Share { min, max: min.saturating_add(more) });
        proptest::collection::vec(share, 0..12)
    }

    proptest! {
        #[test]
        fn keeps_its_promises(shares in shares(), spare in 0_u32..400) {
            let required: u32 = shares.iter().map(|share| share.min).sum();
            let total = required + spare;
            let sizes = redistribute(total, &shares);
            prop_assert_eq!(sizes.len(), shares.len());
            for (size, share) in sizes.iter().zip(&shares) {
                prop_assert!(share.min <= *size && *size <= share.max, "{size} of {share:?}");
            }
            let sum: u64 = sizes.iter().map(|size| u64::from(*size)).sum();
            let useful: u64 = shares.iter().map(|share| u64::from(share.max)).sum();
            prop_assert_eq!(sum, u64::from(total).min(useful));
        }

        /// Nobody is off its exact share by a whole buffer.
        #[test]
        fn is_fair(shares in shares(), spare in 1_u32..400) {
            let required: u32 = shares.iter().map(|share| share.min).sum();
            let sizes = redistribute(required + spare, &shares);
            let cap = |share: &Share| f64::from(spare.min(share.max - share.min));
            let capacity: f64 = shares.iter().map(cap).sum();
            for (size, share) in sizes.iter().zip(&shares) {
                let exact = f64::from(share.min) + f64::from(spare).min(capacity) * cap(share) / capacity.max(1.0);
                prop_assert!((f64::from(*size) - exact).abs() < 1.0 + 1e-6, "{size}, exactly {exact}");
            }
        }

        #[test]
        fn minima_above_the_total_are_kept(shares in shares(), total in 0_u32..5) {
            prop_assume!(shares.iter().map(|share| share.min).sum::<u32>() >= total);
            let minima: Vec<u32> = shares.iter().map(|share| share.min).collect();
            prop_assert_eq!(redistribute(total, &shares), minima);
        }
    }
}
