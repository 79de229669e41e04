//! All failures of a configuration, where Flink stops at the first.
//!
//! The derivation is run again and again on a copy from which what it blamed last has been taken away, so each failure
//! is one that Flink itself would raise once those before it are mended. Sizes that do not add up are replaced by one
//! process that is large enough for anything; from then on only failures count that do not depend on sizes.

use super::event::Silent;
use super::failure::{Failure, Fallible, Kind};
use super::option::{SizeOption, parse_size, unparsable};
use super::version::Ruleset;
use super::{jobmanager, taskmanager};
use crate::config::{Configuration, KnownKey};
use crate::java::{Exception, exception};

/// All failures of a TaskManager, Flink's first one first; none: Flink starts it.
///
/// `legacy_heap` is the value of `FLINK_TM_HEAP`, where it is set.
pub fn task_manager(
    conf: &Configuration,
    rules: &'static Ruleset,
    legacy_heap: Option<&str>,
) -> Vec<Failure> {
    use taskmanager::options::{FLINK, MANAGED, PROCESS, TASK_HEAP};
    let derive = |conf: &Configuration, environment: Option<&str>| {
        taskmanager::derive(conf, rules, environment, &mut Silent).map(drop)
    };
    let sizes = Sizes {
        process: PROCESS,
        others: &[FLINK, TASK_HEAP, MANAGED],
        legacy: &[KnownKey::TmHeapSize, KnownKey::TmHeapMb, KnownKey::TmNumberOfBuffers],
    };
    collect(conf, rules, legacy_heap, &sizes, derive)
}

/// All failures of a JobManager, Flink's first one first; none: Flink starts it.
///
/// `legacy_heap` is the value of `FLINK_JM_HEAP`, where it is set.
pub fn job_manager(conf: &Configuration, rules: &'static Ruleset, legacy_heap: Option<&str>) -> Vec<Failure> {
    use jobmanager::options::{HEAP, JVM, OFF_HEAP};
    let derive = |conf: &Configuration, environment: Option<&str>| {
        jobmanager::derive(conf, rules, environment, &mut Silent).map(drop)
    };
    let sizes = Sizes {
        process: JVM.process,
        others: &[JVM.flink, HEAP, OFF_HEAP],
        legacy: &[KnownKey::JmHeapSize, KnownKey::JmHeapMb],
    };
    collect(conf, rules, legacy_heap, &sizes, derive)
}

/// The options that say how large a process is.
struct Sizes {
    process: SizeOption,
    /// Always read where they are set.
    others: &'static [SizeOption],
    legacy: &'static [KnownKey],
}

/// More failures than this are not looked for: each round takes at least one entry away, and no configuration has as
/// many options that are read.
const ROUNDS_MAX: usize = 64;

/// Large enough for every part that is not itself absurd: 2⁶⁰ bytes.
const AMPLE: &str = "1048576t";

fn collect(
    conf: &Configuration,
    rules: &'static Ruleset,
    mut environment: Option<&str>,
    sizes: &Sizes,
    derive: impl Fn(&Configuration, Option<&str>) -> Fallible<()>,
) -> Vec<Failure> {
    let mut failures: Vec<Failure> = Vec::new();
    let mut current = conf.clone();
    let mut ample = false;
    for _ in 0..ROUNDS_MAX {
        let Err(failure) = derive(&current, environment) else { break };
        let about_a_value = matches!(
            failure.kind,
            Kind::Unparsable | Kind::Range | Kind::Cpu | Kind::Slots | Kind::SegmentSize
        );
        if ample && !about_a_value {
            break;
        }
        if about_a_value {
            let blamed = |key: &str| failure.blame.iter().any(|option| is_spelling_of(key, *option));
            let repaired = current.without(|_, entry| blamed(entry.key.as_str()));
            if repaired.entries().len() < current.entries().len() {
                current = repaired;
            } else if environment.take().is_none() {
                // nothing is set that could be taken away: a default is at odds with what is set
                failures.push(*failure);
                break;
            }
        } else {
            ample = true;
            environment = None;
            let is_size = |key: &str| {
                let mut options = sizes.others.iter().chain([&sizes.process]);
                options.any(|option| is_spelling_of(key, option.key))
                    || sizes.legacy.iter().any(|legacy| legacy.as_str() == key)
            };
            current = current.without(|_, entry| is_size(entry.key.as_str()));
            current.set(sizes.process.key.as_str(), AMPLE, None);
        }
        failures.push(*failure);
    }
    if ample {
        unparsable_sizes(conf, rules, sizes, &mut failures);
    }
    failures
}

/// Sizes that were taken away with a wrong sum, but cannot be read in the first place.
fn unparsable_sizes(conf: &Configuration, rules: &Ruleset, sizes: &Sizes, failures: &mut Vec<Failure>) {
    for option in sizes.others.iter().chain([&sizes.process]) {
        let Some((_, entry)) = conf.get(option.key) else { continue };
        let known = failures.iter().any(|f| f.kind == Kind::Unparsable && f.blame.contains(&option.key));
        if let (Err(cause), false) = (parse_size(&entry.value), known) {
            let message = format!("Cannot read memory size from config option '{}'.", option.key);
            let text = entry.value.text();
            let mut failure = unparsable(rules, option.key.as_str(), &text, cause, [option.key]);
            failure.chain.insert(0, Exception::new(exception::ILLEGAL_CONFIGURATION, message));
            failures.push(*failure);
        }
    }
}

/// Whether a key is an option's own or a deprecated spelling of it.
fn is_spelling_of(key: &str, option: KnownKey) -> bool {
    let old = match option {
        KnownKey::TmManagedSize => KnownKey::TmManagedSizeOld,
        KnownKey::TmNetworkMin => KnownKey::TmNetworkMinOld,
        KnownKey::TmNetworkMax => KnownKey::TmNetworkMaxOld,
        KnownKey::TmNetworkFraction => KnownKey::TmNetworkFractionOld,
        other => other,
    };
    key == option.as_str() || key == old.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::version::{V1_11, V1_20, V2_3};

    fn conf(entries: &[(&str, &str)]) -> Configuration {
        entries.iter().copied().collect()
    }

    fn kinds(failures: &[Failure]) -> Vec<Kind> {
        failures.iter().map(|f| f.kind).collect()
    }

    #[test]
    fn all_at_once_and_flinks_first() {
        let conf = conf(&[
            ("taskmanager.memory.process.size", "300m"),
            ("taskmanager.memory.managed.fraction", "1.5"),
            ("taskmanager.memory.network.min", "2g"),
            ("taskmanager.memory.network.max", "1g"),
            ("taskmanager.memory.framework.heap.size", "1.5g"),
            ("taskmanager.cpu.cores", "0"),
        ]);
        let failures = task_manager(&conf, &V1_20, None);
        assert_eq!(kinds(&failures), [Kind::Sum, Kind::Unparsable, Kind::Range, Kind::Range, Kind::Cpu]);
        let first = taskmanager::derive(&conf, &V1_20, None, &mut Silent).expect_err("refused");
        assert_eq!(failures[0], *first);
    }

    #[test]
    fn a_size_behind_a_wrong_sum_is_still_read() {
        let conf =
            conf(&[("taskmanager.memory.flink.size", "1m"), ("taskmanager.memory.process.size", "a lot")]);
        assert_eq!(kinds(&task_manager(&conf, &V2_3, None)), [Kind::Sum, Kind::Unparsable]);
    }

    /// What was found unreadable on the way is not told again.
    #[test]
    fn an_unreadable_size_is_told_once() {
        let wrong_sum = conf(&[
            ("taskmanager.memory.process.size", "a lot"),
            ("taskmanager.memory.task.heap.size", "1t"),
            ("taskmanager.memory.managed.size", "1m"),
            ("taskmanager.memory.flink.size", "1g"),
        ]);
        assert_eq!(kinds(&task_manager(&wrong_sum, &V2_3, None)), [Kind::Sum, Kind::Unparsable]);
        let unreadable = conf(&[
            ("taskmanager.memory.flink.size", "x"),
            ("taskmanager.memory.framework.heap.size", "1t"),
            ("taskmanager.memory.process.size", "1g"),
        ]);
        assert_eq!(kinds(&task_manager(&unreadable, &V2_3, None)), [Kind::Unparsable, Kind::Sum]);
    }

    #[test]
    fn nothing_set_and_a_bad_environment() {
        assert_eq!(kinds(&task_manager(&conf(&[]), &V1_11, None)), [Kind::Missing]);
        assert_eq!(kinds(&task_manager(&conf(&[]), &V1_11, Some("x"))), [Kind::Unparsable, Kind::Missing]);
        let cpu = conf(&[("taskmanager.cpu.cores", "-1")]);
        assert_eq!(kinds(&task_manager(&cpu, &V1_11, None)), [Kind::Missing, Kind::Cpu]);
    }

    #[test]
    fn job_manager_failures() {
        let bad = conf(&[
            ("jobmanager.memory.heap.size", "2g"),
            ("jobmanager.memory.flink.size", "1g"),
            ("jobmanager.memory.jvm-overhead.fraction", "1.2"),
            ("jobmanager.memory.enable-jvm-direct-memory-limit", "yes"),
        ]);
        assert_eq!(
            kinds(&job_manager(&bad, &V1_20, None)),
            [Kind::HeapMismatch, Kind::Range, Kind::Unparsable]
        );
        let good = conf(&[("jobmanager.memory.process.size", "1600m")]);
        assert_eq!(job_manager(&good, &V1_20, None), []);
    }
}
