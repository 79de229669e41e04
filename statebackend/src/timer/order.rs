//! Which key group has the next timer: a tournament of all groups, played anew along one path when a group changes.

/// When the next timer of a group is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Next {
    /// The group must be asked before anybody can say.
    Unknown,
    /// At this time, in milliseconds.
    At(i64),
    /// Never.
    Never,
}

/// The groups' next timers.
pub(super) struct Order {
    next: Vec<Next>,
    /// Winners of each match, the final at 1; the groups themselves are the leaves.
    winners: Vec<u32>,
}

impl Order {
    /// So many groups, all with the same next timer.
    pub(super) fn new(groups: u32, all: Next) -> Self {
        let leaves = groups.max(1).next_power_of_two();
        let mut next = vec![Next::Never; leaves as usize];
        next[..groups as usize].fill(all);
        let mut winners = vec![0; leaves as usize];
        winners.extend(0..leaves);
        let mut order = Self { next, winners };
        for at in (1..leaves as usize).rev() {
            order.play(at);
        }
        order
    }

    fn play(&mut self, at: usize) {
        let (left, right) = (self.winners[2 * at], self.winners[2 * at + 1]);
        // of equals the left one: the lower group
        let wins = if self.next[right as usize] < self.next[left as usize] { right } else { left };
        self.winners[at] = wins;
    }

    /// The group whose timer is next, and when.
    pub(super) fn first(&self) -> (usize, Next) {
        let group = self.winners[1] as usize;
        (group, self.next[group])
    }

    /// Says when a group's next timer is.
    pub(super) fn set(&mut self, group: usize, next: Next) {
        if self.next[group] == next {
            return;
        }
        self.next[group] = next;
        // the leaf, then the matches above it
        let mut at = (self.next.len() + group) >> 1;
        while at > 0 {
            self.play(at);
            at /= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_is_first() {
        for groups in [1, 2, 3, 7, 128] {
            let mut order = Order::new(groups, Next::Never);
            assert_eq!(order.first().1, Next::Never);
            let mut model = vec![Next::Never; groups as usize];
            let mut seed = 7u64;
            for _ in 0..2_000 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let group = (seed >> 33) as usize % groups as usize;
                let next = match (seed >> 20) % 20 {
                    0 => Next::Unknown,
                    1..5 => Next::Never,
                    time => Next::At(time.cast_signed()),
                };
                order.set(group, next);
                model[group] = next;
                let first = (0..model.len()).min_by_key(|at| (model[*at], *at)).unwrap();
                assert_eq!(order.first().1, model[first]);
                if model[first] != Next::Never {
                    assert_eq!(order.first().0, first);
                }
            }
        }
    }

    #[test]
    fn all_begin_alike() {
        assert_eq!(Order::new(3, Next::Unknown).first(), (0, Next::Unknown));
    }
}
