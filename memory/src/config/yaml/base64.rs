//! What `java.util.Base64` says about a text that is no base64.

/// The message of its `IllegalArgumentException`; `None` for valid base64.
pub(super) fn complaint(text: &str) -> Option<String> {
    // the engine drops white space first; Java reads what is beyond Latin-1 as a question mark
    let space = |c: &char| matches!(c, ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r');
    let bytes: Vec<u8> =
        text.chars().filter(|c| !space(c)).map(|c| u8::try_from(c).unwrap_or(b'?')).collect();
    match bytes.len() {
        0 => return None,
        1 => return Some("Input byte[] should at least have 2 bytes for base64 bytes".to_owned()),
        _ => {}
    }
    let mut in_unit = 0;
    let mut rest = bytes.iter().copied().enumerate().peekable();
    while let Some((_, byte)) = rest.next() {
        if byte == b'=' {
            let padded = match in_unit {
                0 => false,
                2 => rest.next().is_some_and(|(_, next)| next == b'='),
                _ => true,
            };
            if !padded {
                return Some("Input byte array has wrong 4-byte ending unit".to_owned());
            }
            break;
        }
        if !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')) {
            let signed = i32::from(byte.cast_signed());
            let sign = if signed < 0 { "-" } else { "" };
            return Some(format!("Illegal base64 character {sign}{:x}", signed.unsigned_abs()));
        }
        in_unit = (in_unit + 1) % 4;
    }
    if in_unit == 1 {
        return Some("Last unit does not have enough bits".to_owned());
    }
    rest.next().map(|(at, _)| format!("Input byte array has incorrect ending byte at {at}"))
}
