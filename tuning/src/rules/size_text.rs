//! Texts that people write for sizes and numbers, and what Flink would take instead.

use plimsoll_memory::MemorySize;
use plimsoll_memory::config::{Entry, Key, KnownKey, Value};

use crate::bytes::Written;

/// The kind of value an option holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Size,
    Fraction,
    Integer,
    Boolean,
    Other,
}

/// What an option holds.
pub(super) fn type_of(key: KnownKey) -> Type {
    match key {
        KnownKey::TmSlots
        | KnownKey::TmNumberOfBuffers
        | KnownKey::TmHeapMb
        | KnownKey::JmHeapMb
        | KnownKey::NetworkBuffersPerChannel
        | KnownKey::NetworkFloatingBuffers
        | KnownKey::NetworkRequiredPerGateMax
        | KnownKey::NetworkSortShuffleMinBuffers
        | KnownKey::NetworkSortShuffleMinParallelism => Type::Integer,
        KnownKey::JmDirectLimit | KnownKey::RocksDbManaged | KnownKey::RocksDbPartitioned => Type::Boolean,
        KnownKey::TmCpuCores => Type::Fraction,
        KnownKey::TmConsumerWeights
        | KnownKey::ExternalResources
        | KnownKey::StateBackend
        | KnownKey::StateBackendType => Type::Other,
        key if key.as_str().ends_with("fraction") || key.as_str().ends_with("ratio") => Type::Fraction,
        _ => Type::Size,
    }
}

/// Whether a size is a bare number far below any sensible one: somebody thought of mebibytes.
pub(super) fn is_bare(entry: &Entry) -> bool {
    let Key::Known(key) = entry.key else { return false };
    // segments and network buffers are small, their sizes are often written in bytes
    if type_of(key) != Type::Size || key == KnownKey::TmSegmentSize {
        return false;
    }
    let text = match &entry.value {
        Value::Text(text) => text.trim().to_owned(),
        Value::Integer(_) | Value::Long(_) => entry.value.text().into_owned(),
        _ => return false,
    };
    text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u64>().is_ok_and(|n| (1..1 << 20).contains(&n))
}

/// The text without what people put around a number.
fn bare(text: &str) -> &str {
    text.trim().trim_matches(['"', '\'', '`']).trim()
}

/// What Flink would take for a size that it cannot read.
pub(super) fn size(text: &str) -> Option<String> {
    let text = bare(text).to_lowercase();
    let end = text.find(|c: char| c.is_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: String = number.chars().filter(|c| !matches!(c, ' ' | '_' | '\u{a0}')).collect();
    let (shift, letter) = match unit.trim() {
        "" | "b" | "byte" | "bytes" => (0, ""),
        "k" | "kb" | "ki" | "kib" | "kilobyte" | "kilobytes" | "kbyte" | "kbytes" | "kibibytes" => (10, "k"),
        "m" | "mb" | "mi" | "mib" | "megabyte" | "megabytes" | "mbyte" | "mbytes" | "mebibytes" => (20, "m"),
        "g" | "gb" | "gi" | "gib" | "gigabyte" | "gigabytes" | "gbyte" | "gbytes" | "gibibytes" => (30, "g"),
        "t" | "tb" | "ti" | "tib" | "terabyte" | "terabytes" | "tbyte" | "tbytes" | "tebibytes" => (40, "t"),
        _ => return None,
    };
    let written = if let Some(joined) = grouped(&number) {
        format!("{joined}{letter}")
    } else {
        let (whole, part) = number.split_once(['.', ','])?;
        // a decimal number of bytes makes no sense: generated files mean mebibytes by it
        let (shift, _) = if letter.is_empty() && unit.is_empty() { (20, "m") } else { (shift, letter) };
        let digits = |text: &str| text.len() <= 15 && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(part) || whole.is_empty() && part.is_empty() {
            return None;
        }
        let scaled = format!("{whole}{part}").parse::<u128>().ok()?.checked_mul(1 << shift)?;
        let bytes = scaled / 10u128.checked_pow(u32::try_from(part.len()).ok()?)?;
        let bytes = u64::try_from(bytes).ok().filter(|bytes| *bytes <= MemorySize::MAX.bytes())?;
        // 0.7g is no whole number of mebibytes: one byte more or less is nothing anybody meant
        let round = if bytes >= 1 << 20 { bytes >> 20 << 20 } else { bytes };
        Written(round).to_string()
    };
    MemorySize::parse(&written).ok().map(|_| written)
}

/// Digits, possibly grouped by thousands: `1,024`.
fn grouped(number: &str) -> Option<String> {
    let mut groups = number.split(',');
    let first = groups.next().unwrap_or_default();
    let rest: Vec<_> = groups.collect();
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let fits = digits(first)
        && (rest.is_empty() || first.len() <= 3)
        && rest.iter().all(|group| group.len() == 3 && digits(group));
    fits.then(|| format!("{first}{}", rest.concat()))
}

/// What Flink would take for a fraction that it cannot read: `10%`, `0,1`.
pub(super) fn fraction(text: &str) -> Option<String> {
    let text = bare(text);
    let (number, percent) = text.strip_suffix('%').map_or((text, false), |number| (number.trim(), true));
    let number = number.replace(',', ".");
    let value: f64 = number.parse().ok().filter(|value: &f64| value.is_finite())?;
    Some(if percent { percentage(value) } else { number })
}

/// `40` as `0.4`.
pub(super) fn percentage(percent: f64) -> String {
    format!("{}", (percent * 10_000.0).round() / 1_000_000.0)
}

/// Whether a text is an integer, only one beyond 32 bit.
pub(super) fn beyond_integer(text: &str) -> bool {
    let digits = bare(text).trim_start_matches(['-', '+']);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && bare(text).parse::<i32>().is_err()
}

/// Whether a text is digits and a unit of Flink, only that it is more than 64 bit hold.
pub(super) fn beyond_size(text: &str) -> bool {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let readable = MemorySize::parse(&format!("1{unit}")).is_ok();
    !number.is_empty() && readable && MemorySize::parse(text).is_err()
}

/// What Flink would take for an integer that it cannot read: `2.0`, `"2"`.
pub(super) fn integer(text: &str) -> Option<String> {
    let text = bare(text);
    let whole = text.split_once('.').map_or(
        text,
        |(whole, part)| {
            if part.bytes().all(|b| b == b'0') { whole } else { "" }
        },
    );
    whole.parse::<i32>().ok().map(|n| n.to_string())
}

/// What Flink would take for a boolean that it cannot read.
pub(super) fn boolean(text: &str) -> Option<String> {
    let word = match bare(text).to_lowercase().as_str() {
        "true" | "yes" | "y" | "on" | "1" | "enabled" => "true",
        "false" | "no" | "n" | "off" | "0" | "disabled" => "false",
        _ => return None,
    };
    Some(word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips() {
        for (text, expected) in [
            ("1Gi", Some("1g")),
            ("1.5g", Some("1536m")),
            ("512mib", Some("512m")),
            ("1,024m", Some("1024m")),
            ("\"1280m\"", Some("1280m")),
            ("'2 GB'", Some("2g")),
            ("2867.2", Some("2867m")),
            ("0,5 g", Some("512m")),
            ("1_000k", Some("1000k")),
            ("-1", None),
            ("lots", None),
            ("1e9", None),
            (".m", None),
            ("99999999999999999999g", None),
        ] {
            assert_eq!(size(text).as_deref(), expected, "{text}");
        }
        assert_eq!(fraction("10%").as_deref(), Some("0.1"));
        assert_eq!(fraction("0,25").as_deref(), Some("0.25"));
        assert_eq!(fraction("NaN"), None);
        assert_eq!(integer("\"4\"").as_deref(), Some("4"));
        assert_eq!(integer("2.5"), None);
        assert!(beyond_size("99999999999999999999g") && beyond_size("9999999999t"));
        assert!(!beyond_size("4Gi") && !beyond_size("4g") && !beyond_size("g"));
        assert!(beyond_integer("99999999999") && !beyond_integer("4") && !beyond_integer("x"));
        assert_eq!(boolean("Yes").as_deref(), Some("true"));
    }
}
