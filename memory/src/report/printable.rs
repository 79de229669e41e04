//! Text from outside made fit to print. File names and option values can hold anything.

use std::borrow::Cow;

/// Text without what a terminal or a page would obey or refuse: control characters, the marks that turn the direction
/// of writing, and the code points XML forbids become U+FFFD.
pub fn visible(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_visible) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| if is_visible(c) { c } else { char::REPLACEMENT_CHARACTER }).collect())
}

fn is_visible(c: char) -> bool {
    let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let breaks = matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}');
    !(c.is_control() || turns || breaks || matches!(c, '\u{fffe}' | '\u{ffff}'))
}

/// The columns a text takes in a terminal: two for East Asian characters and pictographs, none for combining marks.
pub fn columns(text: &str) -> usize {
    text.chars().map(char_columns).sum()
}

/// See [`columns`].
pub fn char_columns(c: char) -> usize {
    match u32::from(c) {
        0x300..=0x36f | 0x200b..=0x200d | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1faff
        | 0x2_0000..=0x3_fffd => 2,
        _ => 1,
    }
}

/// A text that is no longer than `room`, by whatever measure of a character: what is too much is taken from the middle,
/// and most of it from the front half, because the end of an origin (`…config.yaml:3:34`) says most.
pub fn elide<M: Copy + PartialOrd + std::ops::Add<Output = M> + std::iter::Sum<M>>(
    text: &str,
    room: M,
    measure: impl Fn(char) -> M,
) -> String {
    if text.chars().map(&measure).sum::<M>() <= room {
        return text.to_owned();
    }
    let chars: Vec<char> = text.chars().collect();
    let mark = measure('…');
    if mark > room {
        return String::new();
    }
    let head = chars.len().min(7); // "set at "
    for keep in [head, 0] {
        let front = chars.get(..keep).unwrap_or_default();
        let mut used = front.iter().map(|c| measure(*c)).sum::<M>() + mark;
        if used > room {
            continue;
        }
        let mut start = chars.len();
        for (i, c) in chars.iter().enumerate().skip(keep).rev() {
            used = used + measure(*c);
            if used > room {
                break;
            }
            start = i;
        }
        // a front without anything behind it says less than an end
        if keep == 0 || chars.len() - start >= keep {
            let back = chars.get(start..).unwrap_or_default();
            return front.iter().chain(&['…']).chain(back).collect();
        }
    }
    "…".to_owned()
}

/// The nearest ASCII, `?` where there is none.
pub fn ascii(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '×' => out.push('x'),
            '÷' => out.push('/'),
            '−' | '–' => out.push('-'),
            '…' => out.push('~'),
            '·' => out.push(','),
            c if c.is_ascii() => out.push(c),
            _ => out.push('?'),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_acts() {
        assert_eq!(visible("a\u{1b}[31mb\n\u{202e}c\u{ffff}"), "a\u{fffd}[31mb\u{fffd}\u{fffd}c\u{fffd}");
        assert_eq!(visible("päth/日本.yaml"), "päth/日本.yaml");
    }

    #[test]
    fn the_end_stays() {
        let cut = |room| elide("set at /a/long/path/to/config.yaml:3:34", room, char_columns);
        assert_eq!(cut(80), "set at /a/long/path/to/config.yaml:3:34");
        assert_eq!(cut(24), "set at …config.yaml:3:34");
        assert_eq!(cut(10), "…yaml:3:34");
        assert_eq!(cut(1), "…");
        assert_eq!(cut(0), "");
        for room in 0..50 {
            assert!(columns(&cut(room)) <= room);
            assert!(columns(&elide("日本語の設定ファイル", room, char_columns)) <= room);
        }
    }

    #[test]
    fn plain() {
        assert_eq!(ascii("2 × 3 ÷ ü"), "2 x 3 / ?");
    }
}
