//! Drift: measured less accounted bytes, term by term, and when that is an alarm.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{AllocatorBytes, ProcessBytes};

/// What a thread's own stack is taken to have in memory, in bytes: an estimate, stated in its term.
pub const STACK_ESTIMATE_BYTES: u64 = 32 << 10;

/// Where a term stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Side {
    /// Adds: the kernel says that the process has these bytes.
    Measured,
    /// Subtracts: somebody in the process knows what these bytes are.
    Accounted,
}

/// One named part of a drift.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Term {
    /// What: `anonymous`, `general heap`, a pool's path.
    pub name: String,
    /// Measured or accounted.
    pub side: Side,
    /// How many.
    pub bytes: u64,
    /// Where the number comes from, and why it counts.
    pub reason: String,
}

impl Term {
    /// A measured term.
    pub fn measured(name: impl Into<String>, bytes: u64, reason: impl Into<String>) -> Self {
        Self { name: name.into(), side: Side::Measured, bytes, reason: reason.into() }
    }

    /// An accounted term.
    pub fn accounted(name: impl Into<String>, bytes: u64, reason: impl Into<String>) -> Self {
        Self { name: name.into(), side: Side::Accounted, bytes, reason: reason.into() }
    }

    /// Stacks of all threads, as an estimate of [`STACK_ESTIMATE_BYTES`] each.
    pub fn stacks(bytes: &ProcessBytes) -> Self {
        let estimate = bytes.threads_count.saturating_mul(STACK_ESTIMATE_BYTES);
        let reason =
            format!("an estimate of {} KiB a thread: part of the overhead", STACK_ESTIMATE_BYTES >> 10);
        Self::accounted("thread stacks", estimate, reason)
    }

    /// What jemalloc has in memory beyond what others account for in it, up to what the overhead allows for it.
    /// More than that stays drift, and is seen. `accounted_bytes`: the general heap and the pools that jemalloc
    /// serves.
    pub fn allocator_slack(allocator: &AllocatorBytes, accounted_bytes: u64, allowed_bytes: u64) -> Self {
        let slack = allocator.resident_bytes.saturating_sub(accounted_bytes);
        let reason = format!(
            "jemalloc's resident bytes beyond what is held: rounding, caches, unused pages; {slack} measured, at most \
             {allowed_bytes} allowed by the overhead"
        );
        Self::accounted("allocator slack", slack.min(allowed_bytes), reason)
    }
}

/// The measured terms of a process: what it alone keeps in memory and what nobody can drop.
pub fn measured(bytes: &ProcessBytes) -> Vec<Term> {
    let (anonymous, source) = match bytes.walked {
        Some(walked) => (walked.anonymous_bytes, "Anonymous of smaps_rollup"),
        None => (bytes.anonymous_bytes, "RssAnon of status"),
    };
    vec![
        Term::measured("anonymous", anonymous, format!("{source}: heaps, stacks, pools, segments")),
        Term::measured("shared memory", bytes.shmem_bytes, "RssShmem of status: cannot be dropped either"),
        Term::measured("swapped", bytes.swap_bytes, "VmSwap of status: held, though not in memory"),
    ]
}

/// Measured less accounted bytes of a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// The parts, in the order in which they were given.
    pub terms: Vec<Term>,
    /// The sum of what is measured.
    pub measured_bytes: u64,
    /// The sum of what is accounted for.
    pub accounted_bytes: u64,
    /// Measured less accounted: above 0, bytes that nobody knows; below 0, bytes accounted for and not in memory,
    /// as those that are reserved and not touched yet.
    pub drift_bytes: i64,
    /// How that compares with the alarm level.
    pub level: DriftLevel,
}

impl Drift {
    /// The drift of these terms. The level is that of `alarm`, coming from `before`.
    pub fn of(terms: Vec<Term>, alarm: &Alarm, before: DriftLevel) -> Self {
        let sum = |side: Side| {
            let parts = terms.iter().filter(|term| term.side == side);
            parts.fold(0, |sum: u64, term| sum.saturating_add(term.bytes))
        };
        let (measured_bytes, accounted_bytes) = (sum(Side::Measured), sum(Side::Accounted));
        let exact = i128::from(measured_bytes) - i128::from(accounted_bytes);
        let drift_bytes = i64::try_from(exact).unwrap_or(if exact < 0 { i64::MIN } else { i64::MAX });
        let level = alarm.level(drift_bytes, before);
        Self { terms, measured_bytes, accounted_bytes, drift_bytes, level }
    }
}

/// Text for people: the sum, and one line a term.
impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { measured_bytes, accounted_bytes, drift_bytes, .. } = self;
        write!(f, "drift {drift_bytes:+} bytes: measured {measured_bytes}, accounted {accounted_bytes}")?;
        for term in &self.terms {
            let sign = if term.side == Side::Measured { '+' } else { '-' };
            write!(f, "\n  {sign} {} {} bytes ({})", term.name, term.bytes, term.reason)?;
        }
        Ok(())
    }
}

/// Where a drift stands against its alarm level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DriftLevel {
    /// No alarm.
    #[default]
    Within,
    /// More is measured than accounted for: somebody holds memory uncounted.
    Above,
    /// More is accounted for than measured: reserved and untouched, or counted twice.
    Below,
}

/// When a drift is an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// The alarm begins when the drift, of either sign, is above so many bytes.
    pub begins_bytes: u64,
    /// It ends when the drift is so many bytes or less.
    pub ends_bytes: u64,
}

impl Alarm {
    /// Thousandths of the process size by default: 2 %.
    pub const DEFAULT_PERMILLE: u32 = 20;

    /// An alarm at thousandths of a process's size, in bytes, rounded down; it ends at three quarters of that.
    pub fn of_process(process_bytes: u64, permille: u32) -> Self {
        let begins = u128::from(process_bytes) * u128::from(permille) / 1000;
        let begins_bytes = u64::try_from(begins).unwrap_or(u64::MAX);
        Self { begins_bytes, ends_bytes: begins_bytes - begins_bytes / 4 }
    }

    /// The level of a drift, coming from `before`.
    pub fn level(&self, drift_bytes: i64, before: DriftLevel) -> DriftLevel {
        let side = if drift_bytes > 0 { DriftLevel::Above } else { DriftLevel::Below };
        let limit = if before == side { self.ends_bytes } else { self.begins_bytes };
        if drift_bytes.unsigned_abs() > limit { side } else { DriftLevel::Within }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_begins_above_and_ends_below() {
        let alarm = Alarm::of_process(10_000, Alarm::DEFAULT_PERMILLE);
        assert_eq!((alarm.begins_bytes, alarm.ends_bytes), (200, 150));
        let level = |drift, before| alarm.level(drift, before);
        assert_eq!(level(200, DriftLevel::Within), DriftLevel::Within);
        assert_eq!(level(201, DriftLevel::Within), DriftLevel::Above);
        assert_eq!(level(151, DriftLevel::Above), DriftLevel::Above);
        assert_eq!(level(150, DriftLevel::Above), DriftLevel::Within);
        assert_eq!(level(-180, DriftLevel::Above), DriftLevel::Within, "the other side has to begin");
        assert_eq!(level(-201, DriftLevel::Above), DriftLevel::Below);
        assert_eq!(level(-151, DriftLevel::Below), DriftLevel::Below);
        assert_eq!(level(i64::MIN, DriftLevel::Within), DriftLevel::Below);
        assert_eq!(Alarm::of_process(u64::MAX, 2000).begins_bytes, u64::MAX);
        assert_eq!(Alarm::of_process(0, 20).level(0, DriftLevel::Within), DriftLevel::Within);
    }

    #[test]
    fn terms_add_up() {
        let bytes =
            ProcessBytes { anonymous_bytes: 1000, shmem_bytes: 50, threads_count: 1, ..Default::default() };
        let mut terms = measured(&bytes);
        terms.push(Term::accounted("general heap", 700, "counted"));
        let allocator = AllocatorBytes { resident_bytes: 900, ..Default::default() };
        terms.push(Term::allocator_slack(&allocator, 700, 150));
        let drift = Drift::of(terms, &Alarm::of_process(1000, 20), DriftLevel::Within);
        assert_eq!((drift.measured_bytes, drift.accounted_bytes, drift.drift_bytes), (1050, 850, 200));
        assert_eq!(drift.level, DriftLevel::Above);
        assert_eq!(
            drift.to_string(),
            "drift +200 bytes: measured 1050, accounted 850\n  \
             + anonymous 1000 bytes (RssAnon of status: heaps, stacks, pools, segments)\n  \
             + shared memory 50 bytes (RssShmem of status: cannot be dropped either)\n  \
             + swapped 0 bytes (VmSwap of status: held, though not in memory)\n  \
             - general heap 700 bytes (counted)\n  \
             - allocator slack 150 bytes (jemalloc's resident bytes beyond what is held: rounding, caches, unused pages; \
             200 measured, at most 150 allowed by the overhead)"
        );
        assert_eq!(Term::stacks(&bytes).bytes, STACK_ESTIMATE_BYTES);
    }

    #[test]
    fn sums_do_not_overflow() {
        let terms = vec![Term::measured("a", u64::MAX, ""), Term::measured("b", 1, "")];
        let drift = Drift::of(terms, &Alarm::of_process(1, 20), DriftLevel::Within);
        assert_eq!((drift.measured_bytes, drift.drift_bytes), (u64::MAX, i64::MAX));
        let terms = vec![Term::accounted("a", u64::MAX, "")];
        assert_eq!(Drift::of(terms, &Alarm::of_process(1, 20), DriftLevel::Within).drift_bytes, i64::MIN);
    }
}
