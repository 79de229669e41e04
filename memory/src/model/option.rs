//! Options as data: key, deprecated keys, default; and how Flink reads them.

use std::fmt::{self, Write as _};

use super::event::{Event, Sink};
use super::failure::{Failure, Fallible, Kind};
use super::version::Ruleset;
use crate::MemorySize;
use crate::config::{Configuration, Entry, EntryId, KnownKey, Value};
use crate::java::{self, Exception, exception};

/// Flink's `ConfigOption`: a key, the deprecated keys that stand in for it, a default.
#[derive(Debug, Clone, Copy)]
pub struct Opt<T: 'static> {
    /// The proper key.
    pub key: KnownKey,
    /// Deprecated keys, tried in this order where the proper one is absent.
    pub deprecated: &'static [KnownKey],
    /// The default.
    pub default: Option<T>,
}

/// An option holding a size.
pub type SizeOption = Opt<MemorySize>;
/// An option holding a fraction (a Java `float`).
pub type FractionOption = Opt<f32>;

impl<T> Opt<T> {
    /// An option without deprecated keys.
    pub const fn new(key: KnownKey, default: Option<T>) -> Self {
        Self { key, deprecated: &[], default }
    }

    /// Adds deprecated keys.
    #[must_use]
    pub const fn or(self, deprecated: &'static [KnownKey]) -> Self
    where
        T: Copy,
    {
        Self { key: self.key, deprecated, default: self.default }
    }
}

/// `ConfigOption.toString()`.
#[derive(Debug, Clone, Copy)]
pub struct OptionText<T: 'static>(pub Opt<T>);

impl<T: fmt::Display + Copy> fmt::Display for OptionText<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key: '{}' , default: ", self.0.key)?;
        match self.0.default {
            Some(default) => write!(f, "{default}")?,
            None => f.write_str("null")?,
        }
        f.write_str(" (fallback keys: [")?;
        for (i, key) in self.0.deprecated.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{{key={key}, isDeprecated=true}}")?;
        }
        f.write_str("])")
    }
}

/// Which option a number was read from and where it was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Setting {
    /// The proper key of the option.
    pub option: KnownKey,
    /// The entry that set it; `None`: the default holds.
    pub entry: Option<EntryId>,
}

/// A value and the setting that it was read from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Read<T> {
    /// The value.
    pub value: T,
    /// Its setting.
    pub setting: Setting,
}

/// Reads options from a configuration the way Flink does, telling the sink what Flink would log.
pub(super) struct Reader<'a, S> {
    pub(super) conf: &'a Configuration,
    pub(super) rules: &'static Ruleset,
    pub(super) sink: &'a mut S,
    /// What the legacy heap option stands for: the key it is mapped to, the size and where that was set.
    pub(super) mapped: Option<(KnownKey, Read<MemorySize>)>,
}

impl<'a, S: Sink> Reader<'a, S> {
    pub(super) fn new(conf: &'a Configuration, rules: &'static Ruleset, sink: &'a mut S) -> Self {
        Self { conf, rules, sink, mapped: None }
    }

    /// The entry an option resolves to; logs where a deprecated key is used.
    #[inline]
    fn entry<T>(&mut self, option: &Opt<T>) -> Option<(EntryId, &'a Entry)> {
        if let found @ Some(_) = self.conf.get(option.key) {
            return found;
        }
        for &key in option.deprecated {
            if let found @ Some(_) = self.conf.get(key) {
                self.sink.event(Event::DeprecatedKey { used: key, proper: option.key });
                return found;
            }
        }
        None
    }

    /// `Configuration.contains`.
    #[inline]
    pub(super) fn contains<T>(&mut self, option: &Opt<T>) -> bool {
        self.entry(option).is_some() || self.mapped.is_some_and(|(key, _)| key == option.key)
    }

    /// `ProcessMemoryUtils.getMemorySizeFromConfig`: a failure is an `IllegalConfigurationException`.
    #[inline]
    pub(super) fn size(&mut self, option: &SizeOption) -> Fallible<Read<MemorySize>> {
        self.size_unwrapped(option).map_err(|mut failure| {
            let message = format!("Cannot read memory size from config option '{}'.", option.key);
            failure.chain.insert(0, Exception::new(exception::ILLEGAL_CONFIGURATION, message));
            failure
        })
    }

    /// `Configuration.get` of a size: a failure is an `IllegalArgumentException`.
    #[inline]
    pub(super) fn size_unwrapped(&mut self, option: &SizeOption) -> Fallible<Read<MemorySize>> {
        if let Some((key, read)) = self.mapped
            && key == option.key
        {
            return Ok(read);
        }
        let setting = |entry| Setting { option: option.key, entry };
        let Some((id, entry)) = self.entry(option) else {
            return option.default.map(|value| Read { value, setting: setting(None) }).ok_or_else(|| {
                Failure::new(
                    Kind::Missing,
                    [option.key],
                    Exception::new(
                        exception::NULL_POINTER,
                        "The memory option is not set and has no default value.",
                    ),
                )
            });
        };
        match parse_size(&entry.value) {
            Ok(value) => Ok(Read { value, setting: setting(Some(id)) }),
            Err(cause) => Err(self.unparsable(option.key, &entry.value, cause)),
        }
    }

    /// A `float` option.
    #[inline]
    pub(super) fn fraction(&mut self, option: &FractionOption) -> Fallible<Read<f32>> {
        let setting = |entry| Setting { option: option.key, entry };
        let Some((id, entry)) = self.entry(option) else {
            return Ok(Read { value: option.default.unwrap_or(0.0), setting: setting(None) });
        };
        match parse_float(&entry.value) {
            Ok(value) => Ok(Read { value, setting: setting(Some(id)) }),
            Err(cause) => Err(self.unparsable(option.key, &entry.value, cause)),
        }
    }

    /// A `double` option without a default.
    pub(super) fn double(&mut self, option: &Opt<f64>) -> Fallible<Option<Read<f64>>> {
        let Some((id, entry)) = self.entry(option) else { return Ok(None) };
        let parsed = match &entry.value {
            Value::Double(value) => Ok(*value),
            other => java::parse_double(&other.text()).map_err(number_format),
        };
        match parsed {
            Ok(value) => Ok(Some(Read { value, setting: Setting { option: option.key, entry: Some(id) } })),
            Err(cause) => Err(self.unparsable(option.key, &entry.value, cause)),
        }
    }

    /// An `int` option.
    #[inline]
    pub(super) fn int(&mut self, option: &Opt<i32>) -> Fallible<Read<i32>> {
        let setting = |entry| Setting { option: option.key, entry };
        let Some((id, entry)) = self.entry(option) else {
            return Ok(Read { value: option.default.unwrap_or(0), setting: setting(None) });
        };
        let parsed = match &entry.value {
            Value::Integer(value) => Ok(*value),
            Value::Long(value) => i32::try_from(*value).map_err(|_| {
                let message = format!("Configuration value {value} overflows/underflows the integer type.");
                Exception::new(exception::ILLEGAL_ARGUMENT, message)
            }),
            other => java::parse_int(&other.text()).map_err(number_format),
        };
        match parsed {
            Ok(value) => Ok(Read { value, setting: setting(Some(id)) }),
            Err(cause) => Err(self.unparsable(option.key, &entry.value, cause)),
        }
    }

    /// A `boolean` option.
    pub(super) fn boolean(&mut self, option: &Opt<bool>) -> Fallible<Read<bool>> {
        let setting = |entry| Setting { option: option.key, entry };
        let Some((id, entry)) = self.entry(option) else {
            return Ok(Read { value: option.default.unwrap_or(false), setting: setting(None) });
        };
        let text = entry.value.text();
        match text.to_uppercase().as_str() {
            "TRUE" => Ok(Read { value: true, setting: setting(Some(id)) }),
            "FALSE" => Ok(Read { value: false, setting: setting(Some(id)) }),
            _ => {
                let message = format!(
                    "Unrecognized option for boolean: {text}. Expected either true or false(case insensitive)"
                );
                let cause = Exception::new(exception::ILLEGAL_ARGUMENT, message);
                Err(self.unparsable(option.key, &entry.value, cause))
            }
        }
    }

    /// `Could not parse value …`, naming the proper key even where a deprecated one was used.
    fn unparsable(&self, key: KnownKey, value: &Value, cause: Exception) -> Box<Failure> {
        unparsable(self.rules, key.as_str(), &value.text(), cause, [key])
    }
}

/// The failure of `Configuration.get` on a value that its type cannot read.
pub(super) fn unparsable<const N: usize>(
    rules: &Ruleset,
    key: &str,
    value: &str,
    cause: Exception,
    blame: [KnownKey; N],
) -> Box<Failure> {
    let mut message = String::from("Could not parse value");
    if !(rules.modern_resources && rules.is_sensitive(key)) {
        let _ = write!(message, " '{value}'");
    }
    let _ = write!(message, " for key '{key}'.");
    let mut failure =
        Failure::new(Kind::Unparsable, blame, Exception::new(exception::ILLEGAL_ARGUMENT, message));
    failure.chain.push(cause);
    failure
}

pub(super) fn number_format(error: java::NumberFormat) -> Exception {
    Exception::new(exception::NUMBER_FORMAT, error.0)
}

/// A size from a value: typed values go through Java's `toString`.
pub(super) fn parse_size(value: &Value) -> Result<MemorySize, Exception> {
    let parsed = match value {
        Value::Text(text) => MemorySize::parse(text),
        other => MemorySize::parse(&other.text()),
    };
    parsed.map_err(|error| {
        let class =
            if error.is_number_format() { exception::NUMBER_FORMAT } else { exception::ILLEGAL_ARGUMENT };
        Exception::new(class, error.to_string())
    })
}

/// A float from a value: a YAML double is range-checked, everything else read as text.
#[expect(clippy::cast_possible_truncation, reason = "Flink narrows the checked double the same way")]
fn parse_float(value: &Value) -> Result<f32, Exception> {
    match value {
        Value::Text(text) => java::parse_float(text).map_err(number_format),
        Value::Double(double) => {
            let magnitude = double.abs();
            let in_range = *double == 0.0
                || (f64::from(f32::from_bits(1)) <= magnitude && magnitude <= f64::from(f32::MAX));
            if in_range {
                Ok(*double as f32)
            } else {
                let mut message = String::from("Configuration value ");
                java::push_double(&mut message, *double);
                message.push_str(" overflows/underflows the float type.");
                Err(Exception::new(exception::ILLEGAL_ARGUMENT, message))
            }
        }
        other => java::parse_float(&other.text()).map_err(number_format),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A double of the YAML reader is narrowed only where a float can hold it.
    #[test]
    fn doubles_as_floats() {
        let read = |value: f64| parse_float(&Value::Double(value)).map_err(|e| e.message.unwrap_or_default());
        assert_eq!(read(0.5), Ok(0.5));
        assert_eq!(read(0.0), Ok(0.0));
        assert_eq!(read(f64::from(f32::MAX)), Ok(f32::MAX));
        assert_eq!(read(-f64::from(f32::MAX)), Ok(-f32::MAX));
        let least = f64::from(f32::from_bits(1));
        assert_eq!(read(least), Ok(f32::from_bits(1)));
        let overflows =
            |text: &str| Err(format!("Configuration value {text} overflows/underflows the float type."));
        assert_eq!(read(1e39), overflows("1.0E39"));
        assert_eq!(read(-1e39), overflows("-1.0E39"));
        assert_eq!(read(1e-50), overflows("1.0E-50"));
        assert_eq!(read(f64::INFINITY), overflows("Infinity"));
        assert_eq!(read(f64::NAN), overflows("NaN"));
        assert_eq!(parse_float(&Value::Integer(1)), Ok(1.0));
    }
}
