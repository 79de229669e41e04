//! How a timer becomes a row: the time, then the key, then the namespace.

use crate::serializer::{KeySerializer, ReadError};

/// The time's bytes in a row.
pub(super) const TIME_BYTES: usize = size_of::<i64>();

/// Appends a timer.
pub(super) fn write<K: KeySerializer, N: KeySerializer>(
    (key_by, namespace_by): (&K, &N),
    key: &K::Value,
    namespace: &N::Value,
    timestamp_ms: i64,
    out: &mut Vec<u8>,
) {
    write_time(timestamp_ms, out);
    key_by.write(key, out);
    namespace_by.write(namespace, out);
}

/// Appends a time so that bytes compare as times do.
fn write_time(timestamp_ms: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(&(timestamp_ms.cast_unsigned() ^ (1 << 63)).to_be_bytes());
}

/// The time of a row.
pub(super) fn read_time(row: &[u8]) -> Option<i64> {
    let bytes = row.first_chunk::<TIME_BYTES>()?;
    Some((u64::from_be_bytes(*bytes) ^ (1 << 63)).cast_signed())
}

/// Time, key and namespace of a row.
pub(super) fn read<K: KeySerializer, N: KeySerializer>(
    key: &K,
    namespace: &N,
    row: &[u8],
) -> Result<(i64, K::Value, N::Value), ReadError> {
    let time = read_time(row).ok_or_else(|| ReadError::new("a timer", "it ends before its time does"))?;
    let mut rest = &row[TIME_BYTES..];
    let (key, namespace) = (key.read(&mut rest)?, namespace.read(&mut rest)?);
    if rest.is_empty() {
        return Ok((time, key, namespace));
    }
    Err(ReadError::new("a timer", format!("{} bytes are left over", rest.len())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serializer::{I64, Utf8};

    #[test]
    fn bytes_compare_as_times() {
        let times = [i64::MIN, -1_000, -1, 0, 1, 255, 256, i64::MAX];
        let rows: Vec<Vec<u8>> = times
            .iter()
            .map(|time| {
                let mut row = Vec::new();
                write_time(*time, &mut row);
                row
            })
            .collect();
        assert!(rows.is_sorted());
        assert!(rows.iter().zip(times).all(|(row, time)| read_time(row) == Some(time)));
    }

    #[test]
    fn rows_that_are_none() {
        assert!(read(&I64, &Utf8, &[1, 2]).is_err());
        assert!(read(&I64, &Utf8, &[0; 9]).is_err());
        let mut row = Vec::new();
        write_time(-7, &mut row);
        crate::serializer::Serializer::write(&I64, &5, &mut row);
        crate::serializer::Serializer::write(&Utf8, &"w".to_owned(), &mut row);
        assert_eq!(read(&I64, &Utf8, &row).unwrap(), (-7, 5, "w".to_owned()));
        row.push(0);
        assert!(read(&I64, &Utf8, &row).is_err());
    }
}
