//! Bytes as people read them.

const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// At most one decimal, and none where it is exact: `64 MiB`, `1.5 GiB`, `62914561` bytes as `60.0 MiB`.
pub fn bytes_text(bytes: u64) -> String {
    let mut unit = 0;
    let mut size: u64 = 1;
    while unit + 1 < UNITS.len() && bytes / size >= 1024 {
        size <<= 10;
        unit += 1;
    }
    let whole = bytes / size;
    if bytes.is_multiple_of(size) {
        return format!("{whole} {}", UNITS[unit]);
    }
    let tenths = u128::from(bytes % size) * 10 / u128::from(size);
    format!("{whole}.{tenths} {}", UNITS[unit])
}

/// The same with the exact number: `64 MiB (67108864 bytes)`, or `12 B`.
pub fn bytes_exact(bytes: u64) -> String {
    if bytes < 1024 { bytes_text(bytes) } else { format!("{} ({bytes} bytes)", bytes_text(bytes)) }
}

/// A share of a whole: `29.6 %`. What is not nothing never reads as nothing, what is not all never reads as all.
pub fn share(bytes: u64, whole: u64) -> String {
    if bytes == 0 {
        return "0 %".to_owned();
    }
    let per_mille = (u128::from(bytes) * 1000 + u128::from(whole / 2)).checked_div(u128::from(whole));
    match per_mille {
        None => "–".to_owned(),
        Some(0) => "<0.1 %".to_owned(),
        Some(1000..) if bytes < whole => ">99.9 %".to_owned(),
        Some(n) => format!("{}.{} %", n / 10, n % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_decimal_only_where_it_is_needed() {
        let texts = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (64 << 20, "64 MiB"),
            ((64 << 20) - 1, "63.9 MiB"),
            (1 << 40, "1 TiB"),
            (u64::MAX, "15.9 EiB"),
        ];
        for (bytes, text) in texts {
            assert_eq!(bytes_text(bytes), text);
        }
        assert_eq!(bytes_exact(3 << 19), "1.5 MiB (1572864 bytes)");
        assert_eq!(bytes_exact(12), "12 B");
    }
}
