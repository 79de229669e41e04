//! Lengths in as few bytes as they need.

/// The most bytes that a length takes.
pub(crate) const VARINT_BYTES: usize = 10;

/// Appends a number, seven bits a byte, the lowest first.
#[inline]
pub(crate) fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push((number & 0x7f) as u8);
}

/// How many bytes a number takes.
#[inline]
pub(crate) fn varint_bytes(number: u64) -> usize {
    let bits = 64 - (number | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

/// Takes a number off the front; `None` where the bytes end in it, or where it has more than 64 bits.
#[inline]
pub(crate) fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for (i, byte) in bytes.iter().take(VARINT_BYTES).enumerate() {
        let low = u64::from(byte & 0x7f);
        if i == VARINT_BYTES - 1 && low > 1 {
            return None;
        }
        number |= low << (7 * i);
        if byte & 0x80 == 0 {
            *bytes = &bytes[i + 1..];
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_and_nothing_else_does() {
        for shift in 0..64 {
            for number in [(1_u64 << shift) - 1, 1 << shift, u64::MAX >> shift] {
                let mut out = Vec::new();
                put_varint(&mut out, number);
                assert_eq!(out.len(), varint_bytes(number), "{number}");
                let mut rest = &out[..];
                assert_eq!(take_varint(&mut rest), Some(number));
                assert!(rest.is_empty());
                assert_eq!(take_varint(&mut &out[..out.len() - 1]), None, "{number} cut short");
            }
        }
        assert_eq!(take_varint(&mut &[0xff; 10][..]), None, "more than 64 bits");
        assert_eq!(take_varint(&mut &[0x80; 20][..]), None, "no end");
    }
}
