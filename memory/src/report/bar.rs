//! Bars of block characters: where an area lies in a whole, and how full a pool is.

/// A bar of so many columns: blank up to where the area begins, in halves of a column. An area too small for a half is
/// a thin mark, an empty one is blank.
pub fn bar(offset: u64, bytes: u64, whole: u64, width: usize, unicode: bool) -> String {
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

/// How full a pool is: what is held, a mark where the peak was, and dots up to the limit.
pub fn fill(held: u64, peak: u64, limit: u64, width: usize, unicode: bool) -> String {
    let mut cells: Vec<char> = bar(0, held.min(limit), limit, width, unicode).chars().collect();
    let (mark, rest) = if unicode { ('│', '·') } else { ('|', '.') };
    let mut peak_at = None;
    if peak > held && limit > 0 && width > 0 {
        let column = u128::from(peak.min(limit)) * (width as u128) / u128::from(limit);
        peak_at = Some(usize::try_from(column).unwrap_or(usize::MAX).min(width - 1));
    }
    for (column, cell) in cells.iter_mut().enumerate() {
        match (*cell, peak_at) {
            (' ', Some(at)) if at == column => *cell = mark,
            (' ', _) => *cell = rest,
            _ => {}
        }
    }
    cells.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::report::printable::columns;

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

    #[test]
    fn full_to_what_is_held_with_a_mark_at_the_peak() {
        assert_eq!(fill(50, 80, 100, 10, true), "█████···│·");
        assert_eq!(fill(50, 50, 100, 10, true), "█████·····");
        assert_eq!(fill(50, 100, 100, 10, false), "#####....|");
        assert_eq!(fill(0, 0, 0, 4, true), "····");
        // little is a thin mark, not nothing
        assert_eq!(fill(1, 2, 1 << 40, 4, true), "▏···");
        // more than the limit is full, not longer
        assert_eq!(fill(300, 400, 100, 4, true), "████");
        assert_eq!(fill(u64::MAX, u64::MAX, u64::MAX, 4, true), "████");
        assert_eq!(fill(1, 1, 1, 0, true), "");
    }
}
