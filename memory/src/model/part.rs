//! Parts of a process: a number of bytes with the reason for it.

use super::event::{Clamp, Event, Fractional, Sink};
use super::failure::{Failure, Fallible, Kind};
use super::option::{FractionOption, OptionText, Read, Reader, Setting, SizeOption};
use crate::MemorySize;
use crate::config::KnownKey;
use crate::java::{Exception, double_to_string, exception};
use crate::size::multiply;

/// A part of a process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    /// Its size.
    pub size: MemorySize,
    /// Why it has this size.
    pub cause: Cause,
}

/// Why a part has its size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cause {
    /// An option says so, or its default.
    Option(Setting),
    /// A fraction of a whole, kept inside a range.
    Fraction(FractionOf),
    /// What the other parts leave of a whole.
    Rest {
        /// The whole.
        of: Whole,
        /// Its size.
        whole: MemorySize,
    },
    /// A number of network buffers times their size.
    Buffers {
        /// How many.
        count: Read<i32>,
        /// The size of one.
        segment: Read<MemorySize>,
    },
}

/// A fraction's product and the range that it was kept in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FractionOf {
    /// What it is a fraction of.
    pub of: Whole,
    /// The size of that.
    pub base: MemorySize,
    /// The fraction: a float, widened to a double.
    pub fraction: f64,
    /// Where the fraction was set.
    pub setting: Setting,
    /// Whether the base lacks the part, so that the multiplier is `f / (1 − f)`.
    pub inverse: bool,
    /// Base times multiplier, exact, truncated.
    pub product: MemorySize,
    /// Whether the range cut it.
    pub clamp: Clamp,
    /// The lower end.
    pub min: Read<MemorySize>,
    /// The upper end.
    pub max: Read<MemorySize>,
}

/// A whole that parts are derived from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Whole {
    /// Total process memory.
    Process,
    /// Total Flink memory.
    Flink,
    /// Total Flink memory without the network.
    FlinkWithoutNetwork,
    /// Total Flink memory and JVM metaspace: the process without its overhead.
    ProcessWithoutOverhead,
}

impl Part {
    /// A part that an option holds.
    pub(super) const fn option(read: Read<MemorySize>) -> Self {
        Self { size: read.value, cause: Cause::Option(read.setting) }
    }

    /// What is left of a whole.
    pub(super) const fn rest(size: MemorySize, of: Whole, whole: MemorySize) -> Self {
        Self { size, cause: Cause::Rest { of, whole } }
    }
}

/// Flink's `RangeFraction`: a fraction and the range its product is kept in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    pub(super) min: Read<MemorySize>,
    pub(super) max: Read<MemorySize>,
    /// The float, widened.
    pub(super) fraction: f64,
    pub(super) setting: Setting,
}

/// The three options of a range.
#[derive(Debug, Clone, Copy)]
pub(super) struct RangeOptions {
    pub(super) min: SizeOption,
    pub(super) max: SizeOption,
    pub(super) fraction: FractionOption,
}

impl Range {
    /// `ProcessMemoryUtils.getRangeFraction`: minimum, maximum, then the fraction.
    pub(super) fn read<S: Sink>(reader: &mut Reader<'_, S>, options: &RangeOptions) -> Fallible<Self> {
        let min = reader.size(&options.min)?;
        let max = reader.size(&options.max)?;
        Self::of(reader, min, max, &options.fraction)
    }

    /// The range with ends that are no options.
    pub(super) fn of<S: Sink>(
        reader: &mut Reader<'_, S>,
        min: Read<MemorySize>,
        max: Read<MemorySize>,
        option: &FractionOption,
    ) -> Fallible<Self> {
        let read = reader.fraction(option)?;
        let range = Self { min, max, fraction: f64::from(read.value), setting: read.setting };
        range.check(option).map(|()| range)
    }

    fn check(&self, option: &FractionOption) -> Fallible<()> {
        let cause = if self.min.value > self.max.value {
            "min value must be less or equal to max value"
        } else if !(0.0..1.0).contains(&self.fraction) {
            "fraction must be in range [0, 1)"
        } else {
            return Ok(());
        };
        let message = format!(
            "Inconsistently configured {} ({}) and its min ({}), max ({}) value",
            OptionText(*option),
            double_to_string(self.fraction),
            self.min.value.human(),
            self.max.value.human()
        );
        let blame = if self.min.value > self.max.value {
            vec![self.min.setting.option, self.max.setting.option]
        } else {
            vec![option.key]
        };
        let mut failure = Failure::illegal(Kind::Range, [], message);
        failure.blame = blame;
        failure.chain.push(Exception::new(exception::ILLEGAL_ARGUMENT, cause));
        Err(failure)
    }

    /// The part that this fraction takes of a base, kept inside the range.
    #[inline]
    pub(super) fn take<S: Sink>(
        &self,
        reader: &mut Reader<'_, S>,
        pool: Fractional,
        of: Whole,
        base: MemorySize,
    ) -> Fallible<Part> {
        let product = times(base, self.fraction, self.setting.option)?;
        Ok(self.keep(reader, pool, of, base, product, false))
    }

    /// As [`Range::take`], where the base does not contain the part yet.
    #[inline]
    pub(super) fn take_inverse<S: Sink>(
        &self,
        reader: &mut Reader<'_, S>,
        pool: Fractional,
        of: Whole,
        base: MemorySize,
    ) -> Fallible<Part> {
        let product = times(base, self.fraction / (1.0 - self.fraction), self.setting.option)?;
        Ok(self.keep(reader, pool, of, base, product, true))
    }

    fn keep<S: Sink>(
        &self,
        reader: &mut Reader<'_, S>,
        pool: Fractional,
        of: Whole,
        base: MemorySize,
        product: MemorySize,
        inverse: bool,
    ) -> Part {
        let (clamp, size) = if product > self.max.value {
            (Clamp::Max, self.max.value)
        } else if product < self.min.value {
            (Clamp::Min, self.min.value)
        } else {
            (Clamp::Inside, product)
        };
        if clamp != Clamp::Inside {
            reader.sink.event(Event::Clamped { pool, derived: product, clamp, limit: size });
        }
        let cause = FractionOf {
            of,
            base,
            fraction: self.fraction,
            setting: self.setting,
            inverse,
            product,
            clamp,
            min: self.min,
            max: self.max,
        };
        Part { size, cause: Cause::Fraction(cause) }
    }
}

/// `MemorySize.multiply`. A range admits only finite factors from 0 on, so the one thing that can go wrong is a product
/// beyond 64 bit.
pub(super) fn times(base: MemorySize, factor: f64, blame: KnownKey) -> Fallible<MemorySize> {
    multiply(base.bytes(), factor).map(MemorySize::from_bytes).map_err(|_| Failure::overflow([blame]))
}

/// What `BigDecimal` says of `NaN` and `Infinity`.
pub(super) fn not_a_digit(letter: char) -> Exception {
    let message = format!(
        "Character {letter} is neither a decimal digit number, decimal point, nor \"e\" notation exponential mark."
    );
    Exception::new(exception::NUMBER_FORMAT, message)
}

/// Sizes added in Flink's order.
#[inline]
pub(super) fn sum<const N: usize>(sizes: [MemorySize; N]) -> Fallible<MemorySize> {
    let mut total = MemorySize::ZERO;
    for size in sizes {
        match total.add(size) {
            Some(sum) => total = sum,
            None => return Err(Failure::overflow([])),
        }
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Configuration;
    use crate::model::taskmanager;
    use crate::model::version::V1_20;

    fn conf(entries: &[(&str, &str)]) -> Configuration {
        entries.iter().copied().collect()
    }

    /// Flink size 1 GiB, fraction 0.125: the product is 128 MiB to the byte.
    fn network(min: &str, max: &str) -> (Part, Vec<Event>) {
        let conf = conf(&[
            ("taskmanager.memory.flink.size", "1g"),
            ("taskmanager.memory.network.fraction", "0.125"),
            ("taskmanager.memory.network.min", min),
            ("taskmanager.memory.network.max", max),
        ]);
        let mut events = Vec::new();
        let process = taskmanager::derive(&conf, &V1_20, None, &mut events).expect("starts");
        let network = |e: &Event| matches!(e, Event::Clamped { pool: Fractional::Network, .. });
        (process.network, events.into_iter().filter(network).collect())
    }

    #[test]
    fn a_product_on_the_edge_of_its_range_is_inside() {
        for (min, max, clamp, bytes) in [
            ("128m", "1g", Clamp::Inside, 134_217_728),
            ("0", "128m", Clamp::Inside, 134_217_728),
            ("134217729", "1g", Clamp::Min, 134_217_729),
            ("0", "134217727", Clamp::Max, 134_217_727),
        ] {
            let (part, events) = network(min, max);
            let fraction = part.fraction().expect("a fraction");
            assert_eq!((fraction.clamp, part.size.bytes()), (clamp, bytes), "{min} {max}");
            assert_eq!(fraction.product.bytes(), 134_217_728);
            assert_eq!(events.len(), usize::from(clamp != Clamp::Inside), "{min} {max}");
        }
    }

    #[test]
    fn a_range_blames_its_ends_or_its_fraction() {
        let blame = |key: &str, value: &str| {
            let conf = conf(&[("taskmanager.memory.process.size", "4g"), (key, value)]);
            taskmanager::derive(&conf, &V1_20, None, &mut Vec::new()).expect_err("refused").blame
        };
        let ends = [KnownKey::TmOverheadMin, KnownKey::TmOverheadMax];
        assert_eq!(blame("taskmanager.memory.jvm-overhead.min", "2g"), ends);
        let fraction = [KnownKey::TmOverheadFraction];
        assert_eq!(blame("taskmanager.memory.jvm-overhead.fraction", "1"), fraction);
        // equal ends are a range
        let conf = conf(&[
            ("taskmanager.memory.process.size", "4g"),
            ("taskmanager.memory.jvm-overhead.min", "1g"),
            ("taskmanager.memory.jvm-overhead.fraction", "-1"),
        ]);
        let failure = taskmanager::derive(&conf, &V1_20, None, &mut Vec::new()).expect_err("refused");
        assert_eq!(failure.blame, fraction);
    }

    #[test]
    fn only_a_fraction_has_a_range() {
        let (part, _) = network("0", "1g");
        assert!(part.fraction().is_some());
        let set = Setting { option: KnownKey::TmMetaspace, entry: None };
        assert!(Part { size: MemorySize::ZERO, cause: Cause::Option(set) }.fraction().is_none());
    }
}
