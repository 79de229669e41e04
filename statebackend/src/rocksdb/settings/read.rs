//! Reads options as Flink does, and collects what is wrong rather than stop at the first.

use plimsoll_memory::MemorySize;
use plimsoll_memory::config::Configuration;
use plimsoll_memory::java;
use plimsoll_memory::model::Ruleset;

use super::keys::{Key, Known};
use crate::StateError;
use crate::rocksdb::profile::Profile;

/// Where values come from: what a user set, then a profile, then the default.
pub(super) struct Reader<'a> {
    configuration: &'a Configuration,
    /// Whether the options of versions after 1.11 are known.
    later: bool,
    pub(super) profile: &'static Profile,
    pub(super) errors: Vec<StateError>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(configuration: &'a Configuration, rules: &Ruleset, profile: &'static Profile) -> Self {
        Self { configuration, later: rules.consumer_weights, profile, errors: Vec::new() }
    }

    /// What a user set.
    pub(super) fn set(&self, key: &Key) -> Option<String> {
        if key.known == Known::Later && !self.later {
            return None;
        }
        self.configuration.find(key.name).map(|(_, entry)| entry.value.text().into_owned())
    }

    /// What a user or the profile set.
    pub(super) fn chosen(&self, key: &Key) -> Option<String> {
        self.set(key).or_else(|| self.profile.get(key).map(str::to_owned))
    }

    /// A value by its parser; where it cannot be parsed or does not pass the check, that is noted and the default
    /// holds.
    fn value<T>(&mut self, key: &Key, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        if let Some(text) = self.chosen(key) {
            match parse(&text) {
                Ok(value) => return Some(value),
                Err(what) => self.refuse(key, what),
            }
        }
        (!key.default.is_empty()).then(|| parse(key.default).expect("defaults are valid, as a test shows"))
    }

    /// Notes that an option cannot be used.
    pub(super) fn refuse(&mut self, key: &Key, what: impl Into<String>) {
        self.errors.push(StateError::Setting { key: key.name.to_owned(), what: what.into() });
    }

    fn required<T>(&mut self, key: &Key, parse: impl Fn(&str) -> Result<T, String>) -> T {
        self.value(key, parse).expect("the option has a default")
    }

    /// A size in bytes.
    pub(super) fn size(&mut self, key: &Key) -> Option<u64> {
        self.value(key, |text| size(key, text))
    }

    /// A size in bytes with a default, above 0.
    pub(super) fn positive_size(&mut self, key: &Key) -> u64 {
        self.required(key, |text| match size(key, text)? {
            0 => Err(format!("Configured size for key{} must be larger than 0.", key.name)),
            bytes => Ok(bytes),
        })
    }

    /// A number, as Java's `int`.
    pub(super) fn int(&mut self, key: &Key) -> i32 {
        self.required(key, |text| int(key, text))
    }

    /// A number above 0.
    pub(super) fn positive(&mut self, key: &Key) -> u32 {
        self.required(key, |text| match u32::try_from(int(key, text)?) {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(format!("Configured value for key: {} must be larger than 0.", key.name)),
        })
    }

    /// A fraction or a number of bits.
    pub(super) fn double(&mut self, key: &Key) -> f64 {
        self.required(key, |text| java::parse_double(text).map_err(|error| unparsable(key, text, &error.0)))
    }

    /// A truth value, in any case.
    pub(super) fn boolean(&mut self, key: &Key) -> bool {
        self.required(key, |text| match text.to_uppercase().as_str() {
            "TRUE" => Ok(true),
            "FALSE" => Ok(false),
            _ => {
                let why = format!(
                    "Unrecognized option for boolean: {text}. Expected either true or false(case insensitive)"
                );
                Err(unparsable(key, text, &why))
            }
        })
    }

    /// One of several names, in any case.
    pub(super) fn choice<T: Copy>(&mut self, key: &Key, choices: &[(&str, T)]) -> T {
        self.required(key, |text| choice(key, text, choices))
    }

    /// Several of several names, in any case, separated by semicolons.
    pub(super) fn choices<T: Copy>(&mut self, key: &Key, choices: &[(&str, T)]) -> Vec<T> {
        self.required(key, |text| text.split(';').map(|name| choice(key, name.trim(), choices)).collect())
    }

    /// A time in seconds, rounded down.
    pub(super) fn seconds(&mut self, key: &Key) -> u64 {
        self.required(key, |text| seconds(text).ok_or_else(|| unparsable(key, text, "no time span")))
    }

    /// Any text.
    pub(super) fn text(&mut self, key: &Key) -> Option<String> {
        self.value(key, |text| Ok(text.to_owned())).filter(|text| !text.is_empty())
    }
}

fn unparsable(key: &Key, text: &str, why: &str) -> String {
    format!("Could not parse value '{text}' for key '{}'. {why}", key.name)
}

fn size(key: &Key, text: &str) -> Result<u64, String> {
    MemorySize::parse(text).map(MemorySize::bytes).map_err(|error| unparsable(key, text, &error.to_string()))
}

fn int(key: &Key, text: &str) -> Result<i32, String> {
    java::parse_int(text).map_err(|error| unparsable(key, text, &error.0))
}

fn choice<T: Copy>(key: &Key, text: &str, choices: &[(&str, T)]) -> Result<T, String> {
    let found = choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        unparsable(key, text, &format!("Expected one of: [{}]", names.join(", ")))
    })
}

/// A number with a unit, as `30 d` or `10min`; without one: milliseconds.
fn seconds(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
    match text[digits..].trim().to_lowercase().as_str() {
        "d" | "day" | "days" => number.checked_mul(24 * 60 * 60),
        "h" | "hour" | "hours" => number.checked_mul(60 * 60),
        "min" | "m" | "minute" | "minutes" => number.checked_mul(60),
        "s" | "sec" | "secs" | "second" | "seconds" => Some(number),
        "" | "ms" | "milli" | "millis" | "millisecond" | "milliseconds" => Some(number / 1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_spans() {
        for (text, expected) in
            [("30 d", Some(2_592_000)), ("1h", Some(3600)), ("1500", Some(1)), ("x", None), ("3 weeks", None)]
        {
            assert_eq!(seconds(text), expected);
        }
    }
}
