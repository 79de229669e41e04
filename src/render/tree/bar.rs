//! A bar of block characters.

/// A bar of so many columns: blank up to where the area begins, in halves of a column. An area too small for a half is
/// a thin mark, an empty one is blank.
pub(super) fn bar(offset: u64, bytes: u64, whole: u64, width: usize, unicode: bool) -> String {
    if width == 0 || bytes == 0 || whole == 0 {
        return " ".repeat(width);
    }
    let halves = |at: u64| {
        let halves = u128::from(at) * 2 * (width as u128) * 2 / u128::from(whole);
        usize::try_from(halves.div_ceil(2)).unwrap_or(usize::MAX).min(2 * width)
    };
    let (start, end) = (halves(offset), halves(offset.saturating_add(bytes)));
    let thin = (start / 2).min(width - 1);
    (0..width)
        .map(|column| {
            let covers = |half: usize| start <= half && half < end;
            match (covers(2 * column), covers(2 * column + 1), unicode) {
                (true, true, true) => '█',
                (true, false, true) => '▌',
                (false, true, true) => '▐',
                (true, _, false) => '#',
                (false, false, true) if start == end && column == thin => '▏',
                (false, false, false) if end - start < 2 && column == thin => '|',
                _ => ' ',
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::render::text::columns;

    proptest! {
        #[test]
        fn bars_stay_inside_and_join(a in any::<u32>(), b in any::<u32>(), width in 1usize..80) {
            let (a, b) = (u64::from(a) << 31, u64::from(b) << 31);
            let whole = a + b;
            let (first, second) = (bar(0, a, whole, width, true), bar(a, b, whole, width, true));
            prop_assert_eq!(columns(&first), width);
            prop_assert_eq!(columns(&second), width);
            let ink = |text: &str| text.chars().map(|c| match c { '█' => 2, '▌' | '▐' => 1, _ => 0 }).sum::<usize>();
            prop_assert_eq!(ink(&first) + ink(&second), if whole == 0 { 0 } else { 2 * width });
        }
    }
}
