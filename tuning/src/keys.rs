//! Which options Flink knows under the prefixes that matter for memory.
//!
//! The table was read from the option classes of the verified releases. A release between two of them is taken to know
//! what either knows: a typo is still found, an option that is merely new or old is not called one.

use std::collections::HashMap;
use std::sync::LazyLock;

use plimsoll_memory::config::KnownKey;
use plimsoll_memory::model::Version;

static TABLE: LazyLock<HashMap<&'static str, u8>> = LazyLock::new(|| {
    let lines = include_str!("../data/flink-keys.txt").lines().filter(|line| !line.starts_with('#'));
    let releases = |text: &str| text.bytes().fold(0, |mask, digit| mask | 1 << (digit - b'1').min(7));
    lines.filter_map(|line| line.split_once(' ')).map(|(key, text)| (key, releases(text))).collect()
});

/// How often each letter stands in a key.
type Letters = [u8; 32];

/// The keys of the model with their letters.
static KNOWN: LazyLock<Vec<(&'static str, Letters)>> =
    LazyLock::new(|| KnownKey::ALL.iter().map(|key| (key.as_str(), letters(key.as_str()))).collect());

fn letters(key: &str) -> Letters {
    let mut letters = [0u8; 32];
    for byte in key.bytes() {
        let place = &mut letters[usize::from(byte & 31)];
        *place = place.saturating_add(1);
    }
    letters
}

/// By how many letters two keys differ, wherever they stand: one change of a letter makes two at most. Tells most keys
/// apart without comparing them.
fn apart(a: &Letters, b: &Letters) -> u32 {
    a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b))).sum()
}

const V1_11: u8 = 1;
const V1_20: u8 = 2;
const V2_3: u8 = 4;

/// Under these every key is an option of Flink's own, so that another one is a mistake.
const PREFIXES: [&str; 8] = [
    "taskmanager.memory.",
    "taskmanager.network.",
    "taskmanager.heap",
    "taskmanager.managed",
    "jobmanager.memory.",
    "jobmanager.heap",
    "state.backend.rocksdb.",
    "env.java.opts",
];

/// What a version makes of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It reads it, or the key is none of our business.
    Fine,
    /// Only older versions read it.
    Removed,
    /// Only newer versions read it.
    NotYet,
    /// No version reads it.
    Unknown,
}

/// What a version makes of a key.
pub(crate) fn standing(key: &str, version: Version) -> Standing {
    let Some(&mask) = TABLE.get(key) else {
        let ours = PREFIXES.iter().any(|prefix| key.starts_with(prefix));
        // a typo may as well be in the prefix
        let letters = letters(key);
        let close = |(known, of_known): &(&str, Letters)| {
            apart(&letters, of_known) <= 4 && (1..=2).contains(&distance(key, known, 2))
        };
        let near = || KNOWN.iter().any(close);
        let exact = KnownKey::of(key).is_some();
        return if !exact && (ours || near()) { Standing::Unknown } else { Standing::Fine };
    };
    if (version.major, version.minor) == (1, 10) && key.starts_with("jobmanager.memory.") {
        return Standing::NotYet;
    }
    let (older, readers) = match (version.major, version.minor) {
        (1, ..=11) => (0, V1_11),
        (1, ..=19) => (0, V1_11 | V1_20),
        (1, _) => (V1_11, V1_20),
        _ => (V1_11 | V1_20, V2_3),
    };
    if mask & readers != 0 {
        Standing::Fine
    } else if mask & older != 0 {
        Standing::Removed
    } else {
        Standing::NotYet
    }
}

/// The option that a key may have been meant for: few letters apart, and read by the version.
pub(crate) fn nearest(key: &str, version: Version) -> Option<&'static str> {
    // one letter in six, at least two, at most six
    let limit = (key.len() / 6).clamp(2, 6);
    let all = TABLE.keys().copied().chain(KnownKey::ALL.iter().map(|known| known.as_str()));
    let close = all.filter(|known| standing(known, version) == Standing::Fine);
    let close: Vec<_> = close.map(|known| (distance(key, known, limit), known)).collect();
    let best = close.iter().min()?;
    if best.0 <= limit {
        return Some(best.1);
    }
    // a word too much or too few: `taskmanager.memory.network.memory.max`
    let one_word = |known: &&str| lacks_one_word(key, known) || lacks_one_word(known, key);
    close.into_iter().map(|(_, known)| known).filter(one_word).min()
}

/// Whether the short key is the long one without one of its words.
fn lacks_one_word(long: &str, short: &str) -> bool {
    let (long, short): (Vec<_>, Vec<_>) = (long.split('.').collect(), short.split('.').collect());
    let same = long.iter().zip(&short).take_while(|(a, b)| a == b).count();
    long.len() == short.len() + 1 && long.get(same + 1..) == short.get(same..)
}

/// How many letters must be changed, added, dropped or swapped with their neighbour; anything above `limit` is
/// `limit + 1`.
fn distance(a: &str, b: &str, limit: usize) -> usize {
    // keys are ASCII, so lengths in bytes tell most of them apart before anything is compared
    if !a.is_ascii() || !b.is_ascii() {
        let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
        return distance_of(&a, &b, limit);
    }
    distance_of(a.as_bytes(), b.as_bytes(), limit)
}

fn distance_of<T: PartialEq>(a: &[T], b: &[T], limit: usize) -> usize {
    if a.len().abs_diff(b.len()) > limit {
        return limit + 1;
    }
    let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (a.get(same..).unwrap_or_default(), b.get(same..).unwrap_or_default());
    let mut before_last = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let changed = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = changed.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        // a swap reaches back two rows: only where both are above the limit nothing below can come of them
        let hopeless = |row: &[usize]| row.iter().all(|n| *n > limit);
        if hopeless(&row) && hopeless(&last) {
            return limit + 1;
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()].min(limit + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().expect("a version")
    }

    #[test]
    fn standings() {
        for (key, v, expected) in [
            ("taskmanager.memory.process.size", "1.11", Standing::Fine),
            ("taskmanager.heap.size", "2.0", Standing::Removed),
            ("taskmanager.memory.managed.consumer-weights", "1.11", Standing::NotYet),
            ("taskmanager.memory.managed.consumer-weights", "1.12", Standing::Fine),
            ("taskmanager.memory.network.size", "1.20", Standing::Unknown),
            ("taskmanger.memory.process.size", "1.20", Standing::Unknown),
            ("pipeline.name", "1.20", Standing::Fine),
            ("jobmanager.memory.heap.size", "1.10", Standing::NotYet),
        ] {
            assert_eq!(standing(key, version(v)), expected, "{key} in {v}");
        }
    }

    #[test]
    fn every_known_key_is_in_the_table_or_elsewhere() {
        for key in KnownKey::ALL {
            assert_ne!(standing(key.as_str(), version("1.20")), Standing::Unknown, "{key}");
        }
    }

    #[test]
    fn nearest_of_typos() {
        let v = version("1.20");
        assert_eq!(nearest("taskmanager.memory.proces.size", v), Some("taskmanager.memory.process.size"));
        assert_eq!(
            nearest("taskmanager.memory.managed.faction", v),
            Some("taskmanager.memory.managed.fraction")
        );
        assert_eq!(
            nearest("taskmanager.memory.network.memory.max", v),
            Some("taskmanager.memory.network.max")
        );
        assert_eq!(nearest("taskmanager.memory.something.else.entirely", v), None);
    }
}
