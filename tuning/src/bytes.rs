//! Sizes as people read them and as a configuration takes them.

use std::fmt;

use plimsoll_memory::MemorySize;

const UNITS: [(u32, &str, &str); 4] =
    [(40, "TiB", "t"), (30, "GiB", "g"), (20, "MiB", "m"), (10, "KiB", "k")];

/// Displays a size for reading: `40 GiB`, `1.25 GiB`, `512 bytes`. Rounded to two decimals; exact numbers go into
/// notes.
#[derive(Debug, Clone, Copy)]
pub struct Readable(pub u64);

impl fmt::Display for Readable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0;
        let Some((shift, unit, _)) = UNITS.iter().find(|(shift, ..)| bytes >> shift > 0) else {
            let s = if bytes == 1 { "" } else { "s" };
            return write!(f, "{bytes} byte{s}");
        };
        let whole = bytes >> shift;
        let hundredths = (u128::from(bytes & ((1 << shift) - 1)) * 100) >> shift;
        match hundredths {
            0 if bytes.trailing_zeros() >= *shift => write!(f, "{whole} {unit}"),
            h if h % 10 == 0 => write!(f, "{whole}.{} {unit}", h / 10),
            h => write!(f, "{whole}.{h:02} {unit}"),
        }
    }
}

/// Displays a size as a configuration takes it: the largest unit that divides it, `982m`, `25g`, `1029002586b`.
#[derive(Debug, Clone, Copy)]
pub struct Written(pub u64);

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let divides = |shift: &u32| self.0 != 0 && self.0 & ((1 << shift) - 1) == 0;
        match UNITS.iter().skip(1).find(|(shift, ..)| divides(shift)) {
            Some((shift, _, letter)) => write!(f, "{}{letter}", self.0 >> shift),
            None if self.0 == 0 => f.write_str("0"),
            None => write!(f, "{}b", self.0),
        }
    }
}

/// Rounded up to whole mebibytes, where that stays a size.
pub fn mebibytes_up(bytes: u64) -> u64 {
    let up = bytes.div_ceil(1 << 20).saturating_mul(1 << 20);
    if up > MemorySize::MAX.bytes() { bytes } else { up }
}

/// Rounded down to whole mebibytes.
pub const fn mebibytes_down(bytes: u64) -> u64 {
    bytes >> 20 << 20
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readable_and_written() {
        for (bytes, readable, written) in [
            (0, "0 bytes", "0"),
            (1, "1 byte", "1b"),
            (512, "512 bytes", "512b"),
            (40 << 30, "40 GiB", "40g"),
            (1_029_002_586, "981.33 MiB", "1029002586b"),
            (1536 << 20, "1.5 GiB", "1536m"),
            ((1 << 30) + 1, "1.0 GiB", "1073741825b"),
            (2 << 40, "2 TiB", "2048g"),
        ] {
            assert_eq!(Readable(bytes).to_string(), readable);
            assert_eq!(Written(bytes).to_string(), written);
        }
    }
}
