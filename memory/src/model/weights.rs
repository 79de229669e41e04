//! How a slot's managed memory is shared by the kinds of its consumers.
//!
//! `ManagedMemoryUtils` of Flink 1.12 and later; the rules are those of 1.20 and 2.3.

use super::map_text::parse_map;
use super::{Ruleset, state_backend};
use crate::config::{Configuration, KnownKey};
use crate::java;
use crate::java::exception::{ARITHMETIC, Exception, ILLEGAL_ARGUMENT, ILLEGAL_CONFIGURATION, NUMBER_FORMAT};

/// A kind of consumer: `ManagedMemoryUseCase`, in Flink's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UseCase {
    /// Batch operators: sorting, hash tables, caches.
    Operator,
    /// A state backend that lives off managed memory: RocksDB, ForSt.
    StateBackend,
    /// Python processes.
    Python,
}

impl UseCase {
    /// All of them, in Flink's order.
    pub const ALL: [Self; 3] = [Self::Operator, Self::StateBackend, Self::Python];

    /// Its name: `OPERATOR`, `STATE_BACKEND`, `PYTHON`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operator => "OPERATOR",
            Self::StateBackend => "STATE_BACKEND",
            Self::Python => "PYTHON",
        }
    }

    /// The use case of a name, case and all.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|use_case| use_case.name() == name)
    }
}

/// The weights of the use cases; `None` where the configuration names none, which counts as 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weights([Option<i32>; 3]);

impl Default for Weights {
    /// `{OPERATOR=70, STATE_BACKEND=70, PYTHON=30}`
    fn default() -> Self {
        Self([Some(70), Some(70), Some(30)])
    }
}

/// Why there are no weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WeightsError {
    /// The version has none (before 1.12).
    Unsupported,
    /// What Flink throws, outermost first.
    Java(Vec<Exception>),
}

impl Weights {
    /// Reads `taskmanager.memory.managed.consumer-weights` (`getManagedMemoryUseCaseWeightsFromConfig`). What is
    /// configured replaces all defaults; unknown names are passed over.
    ///
    /// # Errors
    /// [`WeightsError::Unsupported`]; a text that is no map, a weight that is no `int` or negative.
    pub fn of(configuration: &Configuration, rules: &Ruleset) -> Result<Self, WeightsError> {
        if !rules.consumer_weights {
            return Err(WeightsError::Unsupported);
        }
        let key = KnownKey::TmConsumerWeights;
        let Some((_, entry)) = configuration.get(key) else { return Ok(Self::default()) };
        let text = entry.value.text();
        let pairs = parse_map(&text, rules.standard_yaml).map_err(|cause| {
            let message = format!("Could not parse value '{text}' for key '{key}'.");
            WeightsError::Java(vec![Exception::new(ILLEGAL_ARGUMENT, message), cause])
        })?;
        let find = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value);
        let mut weights = [None; 3];
        for (weight, use_case) in weights.iter_mut().zip(UseCase::ALL) {
            let old_name =
                (rules.data_processing_weight && use_case != UseCase::Python).then_some("DATAPROC");
            let Some(value) = find(use_case.name()).or_else(|| old_name.and_then(find)) else { continue };
            *weight = Some(parse_weight(use_case, value).map_err(|e| WeightsError::Java(vec![e]))?);
        }
        Ok(Self(weights))
    }

    /// The weight of a use case, if it has one.
    pub const fn get(&self, use_case: UseCase) -> Option<i32> {
        self.0[use_case as usize]
    }

    /// The fraction of the slot's managed memory that one consumer gets (`convertToFractionOfSlot`), given its share
    /// of what all consumers of its kind get, the kinds in the slot and whether the state backend uses managed memory.
    /// The sum of weights is a 32 bit number and wraps; where it is not positive, nobody gets anything.
    pub fn fraction_of_slot(
        &self,
        use_case: UseCase,
        fraction_of_use_case: f64,
        in_slot: &[UseCase],
        backend_is_managed: bool,
    ) -> f64 {
        let counts = |u: UseCase| backend_is_managed || u != UseCase::StateBackend;
        if !counts(use_case) {
            return 0.0;
        }
        let total = UseCase::ALL
            .into_iter()
            .filter(|u| in_slot.contains(u) && counts(*u))
            .fold(0i32, |sum, u| sum.wrapping_add(self.get(u).unwrap_or(0)));
        let weight = self.get(use_case).unwrap_or(0);
        let share = if total > 0 { ratio_rounded_down(i64::from(weight), i64::from(total)) } else { 0.0 };
        fraction_of_use_case * share
    }
}

/// `Integer.parseInt`, then the check.
fn parse_weight(use_case: UseCase, value: &str) -> Result<i32, Exception> {
    let weight = java::parse_int(value).map_err(|e| Exception::new(NUMBER_FORMAT, e.0))?;
    if weight < 0 {
        let name = use_case.name();
        return Err(Exception::new(
            ILLEGAL_CONFIGURATION,
            format!(
                "Managed memory weight should not be negative. Configured weight for {name} is {weight}."
            ),
        ));
    }
    Ok(weight)
}

/// The fractions of the slot for several use cases that share it, each with the same fraction of its use case. Where
/// `backend_is_managed` is `None` the configuration decides.
///
/// # Errors
/// Those of [`Weights::of`], and those of [`state_backend::uses_managed_memory`] if there is any use case.
pub fn fractions_of_slot(
    configuration: &Configuration,
    rules: &Ruleset,
    use_cases: &[UseCase],
    fraction_of_use_case: f64,
    backend_is_managed: Option<bool>,
) -> Result<Vec<(UseCase, f64)>, WeightsError> {
    let weights = Weights::of(configuration, rules)?;
    if use_cases.is_empty() {
        return Ok(Vec::new());
    }
    let managed = match backend_is_managed {
        Some(managed) => managed,
        None => state_backend::uses_managed_memory(configuration, rules).map_err(WeightsError::Java)?,
    };
    let fraction = |u: &UseCase| (*u, weights.fraction_of_slot(*u, fraction_of_use_case, use_cases, managed));
    Ok(use_cases.iter().map(fraction).collect())
}

/// `getFractionRoundedDown`: the quotient to 16 decimals, towards zero, as the nearest double. Every version has it.
///
/// # Errors
/// `ArithmeticException`: a divisor of zero, in Java's words for a dividend whose 16 decimals fit a `long` or do not.
pub fn fraction_rounded_down(dividend: i64, divisor: i64) -> Result<f64, Vec<Exception>> {
    if divisor == 0 {
        let fits = dividend.unsigned_abs() <= i64::MAX.unsigned_abs() / 10u64.pow(16);
        let message = if fits { "/ by zero" } else { "BigInteger divide by zero" };
        return Err(vec![Exception::new(ARITHMETIC, message)]);
    }
    Ok(ratio_rounded_down(dividend, divisor))
}

/// For a divisor other than zero; zero gives zero.
fn ratio_rounded_down(dividend: i64, divisor: i64) -> f64 {
    const DECIMALS: i128 = 10_000_000_000_000_000;
    let quotient = (i128::from(dividend) * DECIMALS).checked_div(i128::from(divisor)).unwrap_or(0);
    if quotient.unsigned_abs() < 1 << f64::MANTISSA_DIGITS {
        // both are exact as doubles, so their quotient is the nearest one
        #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
        return quotient as f64 / DECIMALS as f64;
    }
    format!("{quotient}e-16").parse().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::super::version::{V1_11, V1_20, V2_3};
    use super::*;

    fn weights(text: &str, rules: &Ruleset) -> Result<[Option<i32>; 3], WeightsError> {
        let mut configuration = Configuration::new();
        configuration.set(KnownKey::TmConsumerWeights.as_str(), text, None);
        Weights::of(&configuration, rules).map(|w| w.0)
    }

    #[test]
    fn reading() {
        assert_eq!(weights("OPERATOR:1", &V1_11), Err(WeightsError::Unsupported));
        assert_eq!(weights("PYTHON:3,OPERATOR:\u{661}", &V2_3), Ok([Some(1), None, Some(3)]));
        assert_eq!(weights("DATAPROC:5,STATE_BACKEND:6", &V1_20), Ok([Some(5), Some(6), None]));
        assert_eq!(weights("DATAPROC:x", &V2_3), Ok([None; 3]));
        let Err(WeightsError::Java(chain)) = weights("DATAPROC:-5", &V1_20) else { panic!("accepted") };
        let text = "Managed memory weight should not be negative. Configured weight for OPERATOR is -5.";
        assert_eq!(chain, [Exception::new(ILLEGAL_CONFIGURATION, text)]);
    }

    #[test]
    fn fractions() {
        let fraction = |w: Weights, u| w.fraction_of_slot(u, 1.0, &UseCase::ALL, true);
        assert_eq!(fraction(Weights::default(), UseCase::Operator).to_string(), "0.4117647058823529");
        let wrapping = Weights([Some(i32::MAX), Some(i32::MAX), None]);
        assert_eq!(fraction(wrapping, UseCase::Operator).to_string(), "0");
        assert_eq!(fraction_rounded_down(i64::MIN, -1), Ok(9_223_372_036_854_775_808.0));
        assert!(fraction_rounded_down(0, 0).is_err());
    }
}
