//! From bytes to text: UTF-8, or what the byte order mark says.

use crate::config::decode::{self, Malformed};

use super::reader::Input;

/// Decodes as the engine does: by the byte order mark, else UTF-8; stops mattering at the first malformed stretch.
pub(super) fn decode_input(bytes: &[u8]) -> Input {
    let starts = |mark: &[u8]| bytes.starts_with(mark);
    let after = |count: usize| bytes.get(count..).unwrap_or_default();
    // the engine looks at four bytes, zeros where there are fewer
    if starts(&[0, 0, 0xfe, 0xff]) {
        return wide::<4>(after(4), u32::from_be_bytes);
    }
    if starts(&[0xff, 0xfe, 0, 0]) || bytes == [0xff, 0xfe] || bytes == [0xff, 0xfe, 0] {
        return wide::<4>(after(4), u32::from_le_bytes);
    }
    if starts(&[0xfe, 0xff]) {
        return utf16(after(2), u16::from_be_bytes);
    }
    if starts(&[0xff, 0xfe]) {
        return utf16(after(2), u16::from_le_bytes);
    }
    let byte_order_mark = starts(&[0xef, 0xbb, 0xbf]);
    let decoded = decode::utf8(if byte_order_mark { after(3) } else { bytes });
    let malformed = decoded.malformed.first().copied();
    Input { text: decoded.text, byte_order_mark, malformed }
}

fn wide<const N: usize>(bytes: &[u8], code: impl Fn([u8; N]) -> u32) -> Input {
    let mut input = Input { byte_order_mark: true, ..Input::default() };
    let mut units = bytes.chunks_exact(N);
    for unit in units.by_ref() {
        let unit: [u8; N] = unit.try_into().unwrap_or([0; N]);
        if let Some(c) = char::from_u32(code(unit)) {
            input.text.push(c);
        } else {
            refuse(&mut input, N, false);
            input.text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    trailing(&mut input, units.remainder());
    input
}

fn utf16(bytes: &[u8], code: impl Fn([u8; 2]) -> u16) -> Input {
    let mut input = Input { byte_order_mark: true, ..Input::default() };
    let mut units = bytes.chunks_exact(2);
    let codes = units.by_ref().map(|unit| code(unit.try_into().unwrap_or([0; 2])));
    for c in char::decode_utf16(codes) {
        if c.is_err() {
            refuse(&mut input, 2, false);
        }
        input.text.push(c.unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    trailing(&mut input, units.remainder());
    input
}

fn trailing(input: &mut Input, rest: &[u8]) {
    if !rest.is_empty() {
        refuse(input, rest.len(), true);
        input.text.push(char::REPLACEMENT_CHARACTER);
    }
}

fn refuse(input: &mut Input, length: usize, cut: bool) {
    input.malformed.get_or_insert(Malformed { at: input.text.len(), length, cut });
}
