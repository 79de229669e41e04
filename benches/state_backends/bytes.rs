//! Values of bytes, each unlike the others.

/// Makes a value of a number: about half of it does not compress.
pub(crate) fn fill(number: u64, value: &mut [u8]) {
    let random = value.len() / 2;
    let (pieces, _) = value[..random].as_chunks_mut();
    for (at, piece) in pieces.iter_mut().enumerate() {
        let mixed = (number ^ (at as u64) << 40).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        *piece = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9).to_le_bytes();
    }
}
