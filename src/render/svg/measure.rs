//! How wide a text will be, without the font: the widths of DejaVu Sans, which is wider than what browsers take for
//! `system-ui`, so a text is rather narrower than thought.

use super::scene::Face;
use crate::render::text::char_columns;

/// Hundredths of an em, for U+0020 to U+007E.
#[rustfmt::skip]
const ASCII: [u8; 95] = [
    32, 41, 46, 84, 64, 96, 78, 28, 40, 40, 50, 84, 32, 37, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 34, 34, 84,
    84, 84, 54, 100, 69, 69, 70, 78, 64, 58, 78, 76, 30, 30, 66, 56, 87, 75, 79, 61, 79, 70, 64, 62, 74, 69, 99, 69, 62,
    69, 40, 34, 40, 84, 50, 50, 62, 64, 55, 64, 62, 36, 64, 64, 28, 28, 58, 28, 98, 64, 62, 64, 64, 42, 53, 40, 64, 60,
    82, 60, 60, 53, 64, 34, 64, 84,
];

/// Bold is wider by this much, at the most in a word.
const BOLD: f64 = 1.15;
/// The advance of a monospaced character.
const MONO: f64 = 0.62;
/// The gap between groups of three digits.
pub(super) const DIGIT_GAP: f64 = 0.2;

/// The width of a character in em.
pub(super) fn char_em(c: char, face: Face) -> f64 {
    if face == Face::Mono {
        return MONO * f64::from(u8::try_from(char_columns(c)).unwrap_or(2));
    }
    let narrow = usize::try_from(u32::from(c)).ok().and_then(|code| ASCII.get(code.checked_sub(0x20)?));
    let em = match (narrow, char_columns(c)) {
        (Some(hundredths), _) => f64::from(*hundredths) / 100.0,
        (None, 0) => 0.0,
        (None, 1) => 1.05, // whatever it is, few letters are wider
        (None, _) => 1.2,
    };
    if face == Face::Bold { em * BOLD } else { em }
}

/// The width of a text in pixels.
pub(super) fn width(text: &str, size: f64, face: Face) -> f64 {
    text.chars().map(|c| char_em(c, face)).sum::<f64>() * size
}

/// As [`width`], with the gaps between groups of digits.
pub(super) fn grouped_width(text: &str, size: f64, face: Face) -> f64 {
    let gaps: u32 = pieces(text).map(|(_, gap)| u32::from(gap)).sum();
    width(text, size, face) + f64::from(gaps) * DIGIT_GAP * size
}

/// The text in pieces, each with whether a gap stands before it: runs of five digits and more are grouped by three.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = (&str, bool)> {
    let mut all = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let other = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (before, from_digits) = rest.split_at(other);
        let digits = from_digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(from_digits.len());
        let (number, after) = from_digits.split_at(digits);
        if !before.is_empty() {
            all.push((before, false));
        }
        if digits < 5 {
            all.push((number, false));
        } else {
            let first = (digits - 1) % 3 + 1;
            let (head, mut tail) = number.split_at(first);
            all.push((head, false));
            while !tail.is_empty() {
                let (group, more) = tail.split_at(tail.len().min(3));
                all.push((group, true));
                tail = more;
            }
        }
        rest = after;
    }
    all.into_iter().filter(|(piece, _)| !piece.is_empty())
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn groups() {
        let of = |text| {
            let piece =
                |(piece, gap): (&str, bool)| if gap { ["_", piece].concat() } else { piece.to_owned() };
            pieces(text).map(piece).collect::<Vec<_>>().concat()
        };
        assert_eq!(of("x 1811939328 y 1024, 12345"), "x 1_811_939_328 y 1024, 12_345");
        assert_eq!(of(""), "");
        assert_eq!(of("123456"), "123_456");
    }

    #[test]
    fn wider_is_wider() {
        assert!(width("Ww", 12.0, Face::Plain) > width("il", 12.0, Face::Plain));
        assert!(width("heap", 12.0, Face::Bold) > width("heap", 12.0, Face::Plain));
        assert!(width("日本", 10.0, Face::Mono) > width("ab", 10.0, Face::Mono));
    }
}
