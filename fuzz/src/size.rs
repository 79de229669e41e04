//! Sizes: any text is a size or an error with a text; a size's own texts lead back to it.

use plimsoll_memory::MemorySize;
use plimsoll_memory::model::taskmanager::PropertyValue;
use plimsoll_memory::size::{self, MultiplyError, Unit};

const UNITS: [(&str, Unit); 5] = [
    ("b", Unit::Bytes),
    ("k", Unit::Kibibytes),
    ("m", Unit::Mebibytes),
    ("g", Unit::Gibibytes),
    ("t", Unit::Tebibytes),
];

/// Reads the input as a text, and its first bytes as a size and a factor.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let plain = MemorySize::parse(&text);
    assert_eq!(plain, MemorySize::parse(&text), "the same text, the same answer");
    match &plain {
        Ok(size) => texts(*size),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    for (letter, unit) in UNITS {
        let with_unit = MemorySize::parse_with_unit(&text, unit);
        // a unit is only added to a text without one
        let trimmed = text.trim_matches(|c| c <= ' ');
        let bare = !trimmed.is_empty() && trimmed.bytes().all(|b| b.is_ascii_digit());
        if bare {
            let same = MemorySize::parse(&format!("{trimmed}{letter}"));
            assert_eq!(with_unit.clone().ok(), same.ok(), "{text:?} in {letter}");
        } else if let (Ok(a), Ok(b)) = (&with_unit, &plain) {
            assert_eq!(a, b, "{text:?} has a unit of its own");
        }
    }
    if let Some((bytes, rest)) = data.split_first_chunk::<8>() {
        let size = MemorySize::from_bytes(u64::from_le_bytes(*bytes) >> 1);
        texts(size);
        let factor = rest.first_chunk::<8>().map_or(0.5, |bits| f64::from_bits(u64::from_le_bytes(*bits)));
        product(size.bytes(), factor);
    }
}

fn texts(size: MemorySize) {
    assert_eq!(MemorySize::parse(&size.to_string()), Ok(size), "{size}");
    let human = size.human().to_string();
    let inside = human.rsplit_once('(').map_or(human.as_str(), |(_, inside)| inside.trim_end_matches(')'));
    assert_eq!(MemorySize::parse(inside), Ok(size), "{human}");
    let mut property = String::new();
    PropertyValue::Size(size).push(&mut property);
    assert_eq!(MemorySize::parse(&property), Ok(size), "{property}");
}

fn product(bytes: u64, factor: f64) {
    match size::multiply(bytes, factor) {
        Ok(product) => {
            assert!(factor >= 0.0 && product <= MemorySize::MAX.bytes());
            assert!(factor > 1.0 || product <= bytes, "{bytes} x {factor} = {product}");
            assert!(factor < 1.0 || product >= bytes, "{bytes} x {factor} = {product}");
        }
        Err(MultiplyError::Negative) => assert!(factor < 0.0),
        Err(MultiplyError::NotANumber) => assert!(factor.is_nan()),
        Err(MultiplyError::Infinite) => assert!(factor.is_infinite()),
        Err(MultiplyError::Overflow) => assert!(factor > 1.0 && bytes > 0),
    }
}
