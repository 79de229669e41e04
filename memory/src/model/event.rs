//! What Flink logs while it derives, as data. A plain derivation passes [`Silent`] and pays nothing for it.

use super::version::{OverheadLog, Ruleset};
use crate::MemorySize;
use crate::config::KnownKey;
use crate::java::{Level, LogLine, double_to_string};

/// Takes the events of a derivation, in Flink's order.
pub trait Sink {
    /// Whether the lines of the final tree are wanted: a silent sink spares their formatting.
    const WANTS_TREE: bool = true;

    /// One event.
    fn event(&mut self, event: Event);
}

/// A sink that keeps nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Sink for Silent {
    const WANTS_TREE: bool = false;

    #[inline]
    fn event(&mut self, _: Event) {}
}

impl Sink for Vec<Event> {
    fn event(&mut self, event: Event) {
        self.push(event);
    }
}

/// A pool whose size a fraction decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fractional {
    /// Network memory.
    Network,
    /// Managed memory.
    Managed,
    /// JVM overhead.
    Overhead,
}

impl Fractional {
    /// Flink's words for it.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Network => "network memory",
            Self::Managed => "managed memory",
            Self::Overhead => "jvm overhead memory",
        }
    }
}

/// Whether a range cut a fraction's product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clamp {
    /// The product lies inside.
    Inside,
    /// It was below the minimum.
    Min,
    /// It was above the maximum.
    Max,
}

/// Something that Flink logs.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A deprecated key stood in for the proper one.
    DeprecatedKey {
        /// The key in the configuration.
        used: KnownKey,
        /// The option it stands for.
        proper: KnownKey,
    },
    /// The heap size of Flink ≤ 1.9 was taken for an option of today.
    LegacyHeap {
        /// That option.
        target: KnownKey,
        /// The size.
        size: MemorySize,
    },
    /// A range cut the product of a fraction.
    Clamped {
        /// The pool.
        pool: Fractional,
        /// The product.
        derived: MemorySize,
        /// Which end won: [`Clamp::Min`] or [`Clamp::Max`].
        clamp: Clamp,
        /// The size there.
        limit: MemorySize,
    },
    /// The overhead is what remains and is not the configured fraction.
    OverheadIsNoFraction {
        /// The overhead.
        derived: MemorySize,
        /// The configured fraction, widened.
        fraction: f64,
        /// The process size.
        process: MemorySize,
    },
    /// The network memory is what remains and is not the configured fraction.
    NetworkIsNoFraction {
        /// The network memory.
        derived: MemorySize,
        /// The configured fraction, widened.
        fraction: f64,
        /// The Flink size.
        flink: MemorySize,
    },
    /// The JobManager's off-heap memory is what remains, the default is ignored.
    OffHeapIsRest {
        /// The off-heap memory.
        derived: MemorySize,
        /// The Flink size.
        flink: MemorySize,
        /// The heap.
        heap: MemorySize,
        /// The default that is ignored.
        default: MemorySize,
    },
    /// The JobManager's heap is below 128 MiB.
    SmallHeap {
        /// The heap.
        heap: MemorySize,
    },
    /// An external resource without an amount.
    ResourceWithoutAmount {
        /// Its name.
        name: String,
    },
    /// An external resource whose amount is not positive.
    ResourceAmountNotPositive {
        /// Its name.
        name: String,
        /// The amount.
        amount: i64,
    },
    /// A line of the final tree.
    Tree(String),
}

impl Event {
    /// The line as Flink words it.
    pub fn line(&self, rules: &Ruleset) -> LogLine {
        let info = |message| LogLine { level: Level::Info, message };
        let warn = |message| LogLine { level: Level::Warn, message };
        match self {
            Self::DeprecatedKey { used, proper } => warn(format!(
                "Config uses deprecated configuration key '{used}' instead of proper key '{proper}'"
            )),
            Self::LegacyHeap { target, size } => info(format!(
                "'{target}' is not specified, use the configured deprecated task manager heap value ({}) for it.",
                size.human()
            )),
            Self::Clamped { pool, derived, clamp, limit } => {
                let (relation, end) = match clamp {
                    Clamp::Max => ("greater than its max value", "max"),
                    Clamp::Min | Clamp::Inside => ("less than its min value", "min"),
                };
                info(format!(
                    "The derived from fraction {} ({}) is {relation} {}, {end} value will be used instead",
                    pool.description(),
                    derived.human(),
                    limit.human()
                ))
            }
            Self::OverheadIsNoFraction { derived, fraction, process } => {
                let (or_default, overhead) = match rules.overhead_log {
                    OverheadLog::V1_10 => ("", "OVerhead"),
                    OverheadLog::V1_11 => (" or default", "OVerhead"),
                    OverheadLog::Later => (" or default", "Overhead"),
                };
                info(format!(
                    "The derived JVM Overhead size ({}) does not match the configured{or_default} JVM Overhead \
                     fraction ({}) from the configured Total Process Memory size ({}). The derived JVM {overhead} \
                     size will be used.",
                    derived.human(),
                    double_to_string(*fraction),
                    process.human()
                ))
            }
            Self::NetworkIsNoFraction { derived, fraction, flink } => info(format!(
                "The derived Network Memory size ({}) does not match the configured Network Memory fraction ({}) \
                 from the configured Total Flink Memory size ({}). The derived Network Memory size will be used.",
                derived.human(),
                double_to_string(*fraction),
                flink.human()
            )),
            Self::OffHeapIsRest { derived, flink, heap, default } => info(format!(
                "The Off-Heap Memory size ({}) is derived the configured Total Flink Memory size ({}) minus the \
                 configured JVM Heap Memory size ({}). The default Off-Heap Memory size ({}) is ignored.",
                derived.human(),
                flink.human(),
                heap.human(),
                default.human()
            )),
            Self::SmallHeap { heap } => warn(format!(
                "The configured or derived JVM heap memory size ({}) is less than its recommended minimum value ({})",
                heap.human(),
                MemorySize::from_mebibytes(128).human()
            )),
            Self::ResourceWithoutAmount { name } => {
                warn(format!("The amount of the {name} should be configured. Will ignore that resource."))
            }
            Self::ResourceAmountNotPositive { name, amount } => warn(format!(
                "The amount of the {amount} should be positive while finding {name}. Will ignore that resource."
            )),
            Self::Tree(line) => info(line.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::version::{V1_10, V1_11, V1_20};

    #[test]
    fn lines() {
        let size = MemorySize::from_mebibytes;
        let clamped = Event::Clamped {
            pool: Fractional::Overhead,
            derived: size(1),
            clamp: Clamp::Min,
            limit: size(2),
        };
        assert_eq!(
            clamped.line(&V1_20).message,
            "The derived from fraction jvm overhead memory (1024.000kb (1048576 bytes)) is less than its min value \
             2.000mb (2097152 bytes), min value will be used instead"
        );
        let overhead = Event::OverheadIsNoFraction { derived: size(3), fraction: 0.5, process: size(4) };
        let said = |rules| overhead.line(rules).message;
        assert!(said(&V1_10).contains("the configured JVM Overhead fraction (0.5)"));
        assert!(said(&V1_10).ends_with("The derived JVM OVerhead size will be used."));
        assert!(said(&V1_11).contains("the configured or default JVM Overhead fraction"));
        assert!(said(&V1_20).ends_with("The derived JVM Overhead size will be used."));
        for (pool, words) in [
            (Fractional::Network, "network memory"),
            (Fractional::Managed, "managed memory"),
            (Fractional::Overhead, "jvm overhead memory"),
        ] {
            assert_eq!(pool.description(), words);
        }
        assert_eq!(Event::SmallHeap { heap: size(1) }.line(&V1_20).level, Level::Warn);
        assert_eq!(clamped.line(&V1_20).level, Level::Info);
    }
}
