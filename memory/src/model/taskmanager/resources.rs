//! CPU cores and external resources: no memory, but part of what the start-up call prints and refuses.

use std::collections::HashSet;
use std::fmt::Write as _;

use super::options;
use crate::config::KnownKey;
use crate::java::{self, BigDecimal, Decimal};
use crate::model::event::{Event, Sink};
use crate::model::failure::{Failure, Fallible, Kind};
use crate::model::map_text;
use crate::model::option::{Reader, Setting, number_format, unparsable};
use crate::model::part::not_a_digit;

/// CPU cores of a TaskManager.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cpu {
    /// As printed: exact before 1.12, later rounded down to eight decimals.
    pub cores: f64,
    /// Where it was set: cores, or else slots.
    pub setting: Setting,
}

/// An external resource of a TaskManager (a GPU, say).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalResource {
    /// Its name.
    pub name: String,
    /// How many, above 0, as configured. Flink keeps it as a double: see [`ExternalResource::value`].
    pub amount: i64,
}

impl ExternalResource {
    /// The amount as Flink keeps it: through a double.
    #[expect(clippy::cast_precision_loss, reason = "Flink's own conversion")]
    pub fn value(&self) -> BigDecimal {
        BigDecimal::of_double(self.amount as f64).unwrap_or_else(|| BigDecimal::of_integer(0))
    }

    /// The key of its amount.
    pub fn amount_key(name: &str) -> String {
        format!("external-resource.{name}.amount")
    }
}

/// `getCpuCoresWithFallback`: cores, else slots.
pub(super) fn cpu<S: Sink>(reader: &mut Reader<'_, S>) -> Fallible<Cpu> {
    let (cores, setting) = if let Some(read) = reader.double(&options::CPU_CORES)? {
        (read.value, read.setting)
    } else {
        let slots = reader.int(&options::SLOTS)?;
        (f64::from(slots.value), slots.setting)
    };
    if cores <= 0.0 {
        let message = "TaskExecutors need to be started with a positive number of CPU cores. Please configure \
                       taskmanager.cpu.cores accordingly.";
        return Err(Failure::illegal(Kind::Cpu, [setting.option], message));
    }
    if !cores.is_finite() {
        let letter = if cores.is_nan() { 'N' } else { 'I' };
        return Err(Failure::new(Kind::Cpu, [KnownKey::TmCpuCores], not_a_digit(letter)));
    }
    let cores = if reader.rules.modern_resources { eight_decimals(cores) } else { cores };
    Ok(Cpu { cores, setting })
}

/// Rounded down to eight decimals, as `CPUResource` does.
fn eight_decimals(cores: f64) -> f64 {
    match Decimal::of(cores) {
        Some(decimal) if decimal.exponent < -8 => {
            let drop = decimal.exponent.unsigned_abs() - 8;
            let kept = 10u64.checked_pow(drop).map_or(0, |power| decimal.digits / power);
            format!("{kept}e-8").parse().unwrap_or(cores)
        }
        _ => cores,
    }
}

/// `ExternalResourceUtils`: the listed resources with a positive amount, in the order of Java's map.
pub(in crate::model) fn external<S: Sink>(reader: &mut Reader<'_, S>) -> Fallible<Vec<ExternalResource>> {
    let Some((_, entry)) = reader.conf.get(KnownKey::ExternalResources) else { return Ok(Vec::new()) };
    let text = entry.value.text();
    let list = map_text::parse_list(&text, reader.rules.standard_yaml).map_err(|cause| {
        unparsable(
            reader.rules,
            KnownKey::ExternalResources.as_str(),
            &text,
            cause,
            [KnownKey::ExternalResources],
        )
    })?;
    if list == ["none"] {
        return Ok(Vec::new());
    }
    let mut found: Vec<ExternalResource> = Vec::new();
    for name in in_hash_order(list) {
        let key = ExternalResource::amount_key(&name);
        let Some((_, entry)) = reader.conf.find(&key) else {
            reader.sink.event(Event::ResourceWithoutAmount { name });
            continue;
        };
        let text = entry.value.text();
        let amount = java::parse_long(&text).map_err(|error| {
            unparsable(reader.rules, &key, &text, number_format(error), [KnownKey::ExternalResources])
        })?;
        if amount > 0 {
            found.push(ExternalResource { name, amount });
        } else {
            reader.sink.event(Event::ResourceAmountNotPositive { name, amount });
        }
    }
    Ok(found)
}

/// The distinct names in the order of a `HashSet`.
fn in_hash_order(names: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::new();
    let distinct: Vec<String> = names.into_iter().filter(|name| seen.insert(name.clone())).collect();
    let keys: Vec<&str> = distinct.iter().map(String::as_str).collect();
    java::hash_map_order(&keys).into_iter().filter_map(|i| distinct.get(i).cloned()).collect()
}

/// The value of `external-resources` as printed: `none`, or the names in quotes.
pub(in crate::model) fn list_text(resources: &[ExternalResource]) -> String {
    if resources.is_empty() {
        return "none".to_owned();
    }
    let mut text = String::from("\"");
    for (i, resource) in resources.iter().enumerate() {
        let semicolon = if i == 0 { "" } else { ";" };
        let _ = write!(text, "{semicolon}{}", resource.name);
    }
    text.push('"');
    text
}
