//! The two texts of a size: `toHumanReadableString` and `toString`.

use std::fmt;

use super::MemorySize;
use crate::java;

const UNITS: [(&str, u32); 5] = [("bytes", 0), ("kb", 10), ("mb", 20), ("gb", 30), ("tb", 40)];

/// `MemorySize.toHumanReadableString`: `1.688gb (1811939328 bytes)`.
#[derive(Debug, Clone, Copy)]
pub struct Human(MemorySize);

impl MemorySize {
    /// Displays as `MemorySize.toHumanReadableString`: `1.688gb (1811939328 bytes)`, `1024 bytes`.
    pub const fn human(self) -> Human {
        Human(self)
    }
}

impl fmt::Display for Human {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0.bytes();
        let Some((name, shift)) = UNITS[1..].iter().rev().find(|(_, shift)| bytes > 1 << shift) else {
            return write!(f, "{bytes} bytes");
        };
        #[expect(clippy::cast_precision_loss, reason = "Flink converts to double too")]
        let value = bytes as f64 / (1u64 << shift) as f64;
        java::push_fixed3(f, value)?;
        write!(f, "{name} ({bytes} bytes)")
    }
}

/// `MemorySize.toString`: `1536 mb`, `0 bytes`, `1099511627776 bytes`.
impl fmt::Display for MemorySize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.bytes();
        // the first unit that does not divide, then the one before it; if all divide, Flink ends at bytes
        let first_uneven = UNITS.iter().position(|(_, shift)| bytes & ((1 << shift) - 1) != 0).unwrap_or(0);
        let (name, shift) = UNITS[first_uneven.saturating_sub(1)];
        write!(f, "{} {name}", bytes >> shift)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn human() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1024, "1024 bytes"),
            (1025, "1.001kb (1025 bytes)"),
            (1088, "1.063kb (1088 bytes)"),
            (1 << 20, "1024.000kb (1048576 bytes)"),
            ((1 << 20) + 1, "1.000mb (1048577 bytes)"),
            (1_677_721_600, "1.563gb (1677721600 bytes)"),
            (999_999, "976.562kb (999999 bytes)"),
            (1 << 40, "1024.000gb (1099511627776 bytes)"),
            (i64::MAX as u64, "8388608.000tb (9223372036854775807 bytes)"),
        ] {
            assert_eq!(MemorySize::from_bytes(bytes).human().to_string(), text);
        }
    }

    #[test]
    fn string() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1, "1 bytes"),
            (1024, "1 kb"),
            (32 << 10, "32 kb"),
            (1536 << 20, "1536 mb"),
            (1 << 30, "1 gb"),
            (1088 << 10, "1088 kb"),
            (1025 << 30, "1025 gb"),
            (1 << 40, "1099511627776 bytes"),
        ] {
            assert_eq!(MemorySize::from_bytes(bytes).to_string(), text);
        }
    }
}
