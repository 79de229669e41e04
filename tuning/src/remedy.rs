//! Remedies with exact numbers, found by asking the model itself: a value is changed, the process derived again.
//!
//! Promises: a remedy that is offered mends its failure and raises no new one. Does not cover which remedy is wise.

use plimsoll_memory::MemorySize;
use plimsoll_memory::config::{Configuration, Entry, KnownKey, Value};
use plimsoll_memory::model::{Failure, Kind, Ruleset, Silent, diagnose, jobmanager, taskmanager};

use crate::bytes::{Written, mebibytes_down, mebibytes_up};
use crate::subject::{JM_SIZES, Subject, TM_SIZES, real, resolve};

/// One of the two processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    TaskManager,
    JobManager,
}

impl Which {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::TaskManager => "TaskManager",
            Self::JobManager => "JobManager",
        }
    }
}

/// Whether both processes of a configuration that has no failure start with another value of an option.
pub(crate) fn starts_with(subject: &Subject<'_>, key: KnownKey, text: &str) -> bool {
    let mut conf = subject.lean.clone();
    let own = resolve(&conf, key, subject.rules.legacy_heap).map(|(_, entry)| entry.key.as_str().to_owned());
    conf.set(own.as_deref().unwrap_or(key.as_str()), Value::from(text), None);
    let rules = subject.rules;
    let legacy = |name: &str| subject.variables.iter().rfind(|v| v.name == name).map(|v| v.value.as_str());
    let tm = || taskmanager::derive(&conf, rules, legacy("FLINK_TM_HEAP"), &mut Silent).is_ok();
    let jm = || jobmanager::derive(&conf, rules, legacy("FLINK_JM_HEAP"), &mut Silent).is_ok();
    (subject.tm().is_none() || tm()) && (subject.jm().is_none() || jm())
}

/// Tries out changes of a configuration that fails.
pub(crate) struct Trial<'a> {
    conf: &'a Configuration,
    /// What trials run on: only what decides about the failures.
    lean: Configuration,
    rules: &'static Ruleset,
    which: Which,
    legacy: Option<&'a str>,
    failures: &'a [Failure],
    /// The configuration is not for this process: that its size is missing is no failure.
    apart: bool,
    /// The one to mend.
    failure: &'a Failure,
}

impl<'a> Trial<'a> {
    pub(crate) fn new(
        subject: &'a Subject<'_>,
        which: Which,
        failures: &'a [Failure],
        failure: &'a Failure,
    ) -> Self {
        let name = if which == Which::TaskManager { "FLINK_TM_HEAP" } else { "FLINK_JM_HEAP" };
        let legacy = subject.variables.iter().rfind(|v| v.name == name).map(|v| v.value.as_str());
        // names and weights may be many; where none of them fails they decide nothing
        let blamed = |key: KnownKey| failures.iter().any(|f| f.blame.contains(&key));
        let resources = blamed(KnownKey::ExternalResources) || failures.iter().any(|f| f.blame.is_empty());
        let lean = subject.lean.without(|_, entry| {
            let key = entry.key.as_str();
            key == KnownKey::TmConsumerWeights.as_str() && !blamed(KnownKey::TmConsumerWeights)
                || key.starts_with("external-resource") && !resources
        });
        let sizes = if which == Which::TaskManager { TM_SIZES } else { JM_SIZES };
        let has_one = legacy.is_some() || sizes.iter().any(|key| resolve(&lean, *key, true).is_some());
        let apart = !has_one && failures.iter().all(|failure| failure.kind != Kind::Missing);
        Self { conf: subject.conf(), lean, rules: subject.rules, which, legacy, failures, apart, failure }
    }

    /// Whether a configuration lacks the failure and has none that was not there before.
    fn mends(&self, conf: &Configuration) -> bool {
        let first = match self.which {
            Which::TaskManager => {
                taskmanager::derive(conf, self.rules, self.legacy, &mut Silent).map(drop).err()
            }
            Which::JobManager => {
                jobmanager::derive(conf, self.rules, self.legacy, &mut Silent).map(drop).err()
            }
        };
        let Some(first) = first else { return true };
        if self.failures.len() < 2 && !self.apart {
            return false;
        }
        // as the failures before were found
        let mut left = match self.which {
            Which::TaskManager => {
                real(diagnose::task_manager(conf, self.rules, self.legacy), *first, TM_SIZES, conf)
            }
            Which::JobManager => {
                real(diagnose::job_manager(conf, self.rules, self.legacy), *first, JM_SIZES, conf)
            }
        };
        left.retain(|failure| !self.apart || failure.kind != Kind::Missing);
        let same = |a: &Failure, b: &Failure| a.kind == b.kind && a.blame == b.blame;
        left.iter().all(|l| self.failures.iter().any(|f| same(l, f)) && !same(l, self.failure))
    }

    /// The entry of an option.
    fn entry(&self, key: KnownKey) -> Option<&'a Entry> {
        resolve(self.conf, key, self.rules.legacy_heap).map(|(_, entry)| entry)
    }

    /// Whether another value of an option mends it; an option that is not set is set.
    pub(crate) fn with_text(&self, key: KnownKey, text: &str) -> bool {
        let mut conf = self.lean.clone();
        let key = self.entry(key).map_or(key.as_str(), |entry| entry.key.as_str());
        conf.set(key, Value::from(text), None);
        self.mends(&conf)
    }

    /// Whether another size of an option mends it.
    pub(crate) fn with(&self, key: KnownKey, bytes: u64) -> bool {
        bytes <= MemorySize::MAX.bytes() && self.with_text(key, &self.text(key, bytes))
    }

    /// How a size is written for an option, or for the old key that stands in for it.
    pub(crate) fn text(&self, key: KnownKey, bytes: u64) -> String {
        let stands = self.entry(key).map_or(key, |entry| match &entry.key {
            plimsoll_memory::config::Key::Known(known) => *known,
            plimsoll_memory::config::Key::Other(_) => key,
        });
        match stands {
            KnownKey::TmHeapMb | KnownKey::JmHeapMb => (bytes >> 20).to_string(),
            _ => Written(bytes).to_string(),
        }
    }

    /// Whether it is mended once an option is not set.
    pub(crate) fn without(&self, key: KnownKey) -> bool {
        let Some(entry) = self.entry(key) else { return false };
        self.mends(&self.lean.without(|_, other| other.key == entry.key))
    }

    /// The least size above `from` that mends it.
    pub(crate) fn least(&self, key: KnownKey, from: u64) -> Option<u64> {
        let mut low = from;
        // sizes near the end of the 64 bit range overflow elsewhere: 2^50 is far beyond any machine
        let mut step = 1u64 << 10;
        let mut high = loop {
            let next = from.saturating_add(step);
            if self.with(key, next) {
                break next;
            }
            low = next;
            step = step.checked_mul(2).filter(|step| *step <= 1 << 50)?;
        };
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.with(key, middle) { high = middle } else { low = middle }
        }
        Some(high)
    }

    /// The greatest size below `from` that mends it.
    pub(crate) fn greatest(&self, key: KnownKey, from: u64) -> Option<u64> {
        let mut high = from;
        let mut step = 1u64 << 10;
        let mut low = loop {
            let next = from.saturating_sub(step);
            if self.with(key, next) {
                break next;
            }
            high = next;
            if next == 0 {
                return None;
            }
            step = step.saturating_mul(2);
        };
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.with(key, middle) { low = middle } else { high = middle }
        }
        Some(low)
    }

    /// The greatest fraction, in thousandths, below that of an option that mends it.
    pub(crate) fn greatest_fraction(&self, key: KnownKey) -> Option<String> {
        let text = |thousandths: u32| {
            let digits = format!("{thousandths:03}");
            let trimmed = digits.trim_end_matches('0');
            format!("0.{}", if trimmed.is_empty() { "0" } else { trimmed })
        };
        let (mut low, mut high) = (0, 1000);
        if !self.with_text(key, &text(low)) {
            return None;
        }
        while high - low > 1 {
            let middle = u32::midpoint(low, high);
            if self.with_text(key, &text(middle)) { low = middle } else { high = middle }
        }
        Some(text(low))
    }

    /// A least size rounded up to mebibytes, where that mends too.
    pub(crate) fn rounded_up(&self, key: KnownKey, least: u64) -> u64 {
        Some(mebibytes_up(least)).filter(|up| self.with(key, *up)).unwrap_or(least)
    }

    /// A greatest size rounded down to mebibytes, where that mends too.
    pub(crate) fn rounded_down(&self, key: KnownKey, greatest: u64) -> u64 {
        Some(mebibytes_down(greatest)).filter(|down| self.with(key, *down)).unwrap_or(greatest)
    }
}
