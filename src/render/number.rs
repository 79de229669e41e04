//! Sizes and shares as people read them.

pub use plimsoll_memory::report::share;

const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// A size with four significant digits and a binary unit: `512.0 MiB`, `1.688 GiB`, `0 B`. Half is rounded up.
pub fn human(bytes: u64) -> String {
    let mut unit = (1..UNITS.len()).rev().find(|unit| bytes >> (10 * unit) > 0).unwrap_or(0);
    if unit == 0 {
        return format!("{bytes} B");
    }
    let round = |unit: usize, power: u128| {
        let half = 1 << (10 * unit - 1);
        (u128::from(bytes) * power + half) >> (10 * unit)
    };
    if round(unit, 10) >= 10_240 && unit + 1 < UNITS.len() {
        unit += 1; // 1023.96 MiB is 1.000 GiB
    }
    for (decimals, power) in [(3, 1000), (2, 100)] {
        let scaled = round(unit, power);
        if scaled < 10_000 {
            return format!("{}.{:0decimals$} {}", scaled / power, scaled % power, UNITS[unit]);
        }
    }
    let scaled = round(unit, 10);
    format!("{}.{} {}", scaled / 10, scaled % 10, UNITS[unit])
}

/// A fraction as it was written: the model widens Java's `float`, here it is narrowed again. `0.1`, `1e-7`.
pub fn fraction(widened: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "it was widened from a float")]
    let narrow = widened as f32;
    if narrow != 0.0 && narrow.abs() < 1e-5 { format!("{narrow:e}") } else { narrow.to_string() }
}

/// Part over whole, 0 where there is no whole.
#[expect(clippy::cast_precision_loss, reason = "for pictures: 53 bits are more than pixels")]
pub fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_digits() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.000 KiB"),
            (32 << 10, "32.00 KiB"),
            (512 << 20, "512.0 MiB"),
            (1728 << 20, "1.688 GiB"),
            ((1 << 30) - 1, "1.000 GiB"),
            ((10 << 30) - 1, "10.00 GiB"),
            ((100 << 30) - 1, "100.0 GiB"),
            (1000 << 20, "1000.0 MiB"),
            (64 << 30, "64.00 GiB"),
            (i64::MAX as u64, "8.000 EiB"),
            (u64::MAX, "16.00 EiB"),
        ] {
            assert_eq!(human(bytes), text);
        }
    }

    #[test]
    fn shares() {
        for (bytes, whole, text) in [
            (0, 0, "0 %"),
            (0, 5, "0 %"),
            (5, 0, "–"),
            (1, u64::MAX, "<0.1 %"),
            (u64::MAX - 1, u64::MAX, ">99.9 %"),
            (u64::MAX, u64::MAX, "100.0 %"),
            (1, 3, "33.3 %"),
        ] {
            assert_eq!(share(bytes, whole), text);
        }
    }

    #[test]
    fn fractions() {
        assert_eq!(fraction(f64::from(0.1_f32)), "0.1");
        assert_eq!(fraction(f64::from(1e-9_f32)), "1e-9");
        assert_eq!(fraction(0.0), "0");
    }
}
