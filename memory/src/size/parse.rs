//! `MemorySize.parse`.

use std::fmt;

use super::MemorySize;
use crate::java;

/// A unit of `MemorySize.MemoryUnit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// `b`
    Bytes,
    /// `k`, 2¹⁰
    Kibibytes,
    /// `m`, 2²⁰
    Mebibytes,
    /// `g`, 2³⁰
    Gibibytes,
    /// `t`, 2⁴⁰
    Tebibytes,
}

impl Unit {
    /// The unit of one of Flink's exact spellings (lower case), `None` for any other.
    fn of(spelling: &str) -> Option<Self> {
        Some(match spelling {
            "b" | "bytes" => Self::Bytes,
            "k" | "kb" | "kibibytes" => Self::Kibibytes,
            "m" | "mb" | "mebibytes" => Self::Mebibytes,
            "g" | "gb" | "gibibytes" => Self::Gibibytes,
            "t" | "tb" | "tebibytes" => Self::Tebibytes,
            _ => return None,
        })
    }

    /// Its name in Flink's enumeration: `BYTES`, `KILO_BYTES`, …
    pub fn from_flink_name(name: &str) -> Option<Self> {
        Some(match name {
            "BYTES" => Self::Bytes,
            "KILO_BYTES" => Self::Kibibytes,
            "MEGA_BYTES" => Self::Mebibytes,
            "GIGA_BYTES" => Self::Gibibytes,
            "TERA_BYTES" => Self::Tebibytes,
            _ => return None,
        })
    }

    /// The letter that a text without a unit is given.
    const fn letter(self) -> char {
        match self {
            Self::Bytes => 'b',
            Self::Kibibytes => 'k',
            Self::Mebibytes => 'm',
            Self::Gibibytes => 'g',
            Self::Tebibytes => 't',
        }
    }

    const fn shift(self) -> u32 {
        match self {
            Self::Bytes => 0,
            Self::Kibibytes => 10,
            Self::Mebibytes => 20,
            Self::Gibibytes => 30,
            Self::Tebibytes => 40,
        }
    }
}

/// Why a text is no size. `Display` is Flink's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SizeError {
    /// Nothing but blanks.
    Empty,
    /// No digit at the front: a sign, a letter, a quote.
    NoNumber,
    /// The number alone is above 2⁶³ − 1.
    NumberOverflow {
        /// The digits.
        number: String,
    },
    /// What follows the number is no unit.
    UnknownUnit {
        /// It, trimmed, in lower case.
        unit: String,
    },
    /// Number times unit is above 2⁶³ − 1.
    BytesOverflow {
        /// The whole text, untrimmed.
        text: String,
    },
}

impl SizeError {
    /// The simple name of the Java exception.
    pub const fn is_number_format(&self) -> bool {
        matches!(self, Self::NoNumber)
    }
}

impl fmt::Display for SizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("argument is an empty- or whitespace-only string"),
            Self::NoNumber => f.write_str("text does not start with a number"),
            Self::NumberOverflow { number } => {
                write!(f, "The value '{number}' cannot be re represented as 64bit number (numeric overflow).")
            }
            Self::UnknownUnit { unit } => write!(
                f,
                "Memory size unit '{unit}' does not match any of the recognized units: (b | bytes) / (k | kb | \
                 kibibytes) / (m | mb | mebibytes) / (g | gb | gibibytes) / (t | tb | tebibytes)"
            ),
            Self::BytesOverflow { text } => {
                write!(
                    f,
                    "The value '{text}' cannot be re represented as 64bit number of bytes (numeric overflow)."
                )
            }
        }
    }
}

impl std::error::Error for SizeError {}

/// The digits at the front and the unit behind them, both trimmed.
fn split(text: &str) -> Result<(&str, &str), SizeError> {
    let trimmed = java::trim(text);
    if trimmed.is_empty() {
        return Err(SizeError::Empty);
    }
    let end = trimmed.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(end);
    Ok((number, java::trim(unit)))
}

impl MemorySize {
    /// `MemorySize.parse(text)`: digits, then one of Flink's units or none (bytes).
    ///
    /// # Errors
    /// [`SizeError`], checked in Flink's order.
    pub fn parse(text: &str) -> Result<Self, SizeError> {
        let (number, unit) = split(text)?;
        if number.is_empty() {
            return Err(SizeError::NoNumber);
        }
        let mut value = 0u64;
        for digit in number.bytes() {
            value = value
                .checked_mul(10)
                .and_then(|v| v.checked_add(u64::from(digit - b'0')))
                .filter(|v| *v <= Self::MAX.0)
                .ok_or_else(|| SizeError::NumberOverflow { number: number.to_owned() })?;
        }
        let unit = match unit.as_bytes() {
            [] | [b'b'] => Unit::Bytes,
            [b'm'] => Unit::Mebibytes,
            [b'g'] => Unit::Gibibytes,
            _ => {
                let unit = unit.to_lowercase();
                Unit::of(&unit).ok_or(SizeError::UnknownUnit { unit })?
            }
        };
        let bytes = u128::from(value) << unit.shift();
        match u64::try_from(bytes) {
            Ok(bytes) if bytes <= Self::MAX.0 => Ok(Self(bytes)),
            _ => Err(SizeError::BytesOverflow { text: text.to_owned() }),
        }
    }

    /// `MemorySize.parse(text, defaultUnit)`: a text without a unit is read in `unit`.
    ///
    /// # Errors
    /// As [`MemorySize::parse`].
    pub fn parse_with_unit(text: &str, unit: Unit) -> Result<Self, SizeError> {
        let (_, written) = split(text)?;
        if written.is_empty() { Self::parse(&format!("{text}{}", unit.letter())) } else { Self::parse(text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Result<u64, String> {
        MemorySize::parse(text).map(MemorySize::bytes).map_err(|e| e.to_string())
    }

    #[test]
    fn spellings() {
        for (text, expected) in [
            ("0", 0),
            ("1b", 1),
            (" 1 KB ", 1 << 10),
            ("1KIBIBYTES", 1 << 10),
            ("1\t m", 1 << 20),
            ("0001280m", 1280 << 20),
            ("1g", 1 << 30),
            ("8388607t", 8_388_607 << 40),
            ("9223372036854775807", i64::MAX as u64),
        ] {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn refusals_in_order() {
        assert_eq!(MemorySize::parse(" \t"), Err(SizeError::Empty));
        assert_eq!(MemorySize::parse("-1"), Err(SizeError::NoNumber));
        assert_eq!(
            MemorySize::parse("9223372036854775808x"),
            Err(SizeError::NumberOverflow { number: "9223372036854775808".into() })
        );
        assert_eq!(MemorySize::parse("1.5G"), Err(SizeError::UnknownUnit { unit: ".5g".into() }));
        assert_eq!(
            MemorySize::parse(" 8388608t"),
            Err(SizeError::BytesOverflow { text: " 8388608t".into() })
        );
        assert_eq!(MemorySize::parse("1280\u{a0}m"), Err(SizeError::UnknownUnit { unit: "\u{a0}m".into() }));
    }

    #[test]
    fn default_unit() {
        assert_eq!(MemorySize::parse_with_unit("4", Unit::Mebibytes), Ok(MemorySize::from_mebibytes(4)));
        assert_eq!(MemorySize::parse_with_unit("4k", Unit::Mebibytes), Ok(MemorySize::from_bytes(4096)));
    }
}
