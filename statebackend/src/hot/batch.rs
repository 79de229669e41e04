//! What is written back at once: changes in the order of their keys.

use std::ops::Range;

/// How RocksDB is to change a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Put,
    Merge,
    Delete,
}

/// Changes of one state; the buffers are used again.
#[derive(Default)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    changes: Vec<(Change, Range<usize>, Range<usize>)>,
}

impl Batch {
    /// Adds a change; `value` writes the value.
    pub(crate) fn push(&mut self, change: Change, key: &[u8], value: impl FnOnce(&mut Vec<u8>)) {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(key);
        let middle = self.bytes.len();
        value(&mut self.bytes);
        self.changes.push((change, at..middle, middle..self.bytes.len()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.changes.clear();
    }

    /// Sorts by key; changes of one key stay in order.
    pub(crate) fn sort(&mut self) {
        let bytes = &self.bytes;
        self.changes.sort_by(|(_, a, _), (_, b, _)| bytes[a.clone()].cmp(&bytes[b.clone()]));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Change, &[u8], &[u8])> {
        self.changes
            .iter()
            .map(|(change, key, value)| (*change, &self.bytes[key.clone()], &self.bytes[value.clone()]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_by_key_and_keeps_the_order_of_one() {
        let mut batch = Batch::default();
        for (key, value) in [("b", "1"), ("a", "2"), ("b", "3"), ("", "4")] {
            batch.push(Change::Put, key.as_bytes(), |out| out.extend_from_slice(value.as_bytes()));
        }
        batch.sort();
        let sorted: Vec<(&[u8], &[u8])> = batch.iter().map(|(_, key, value)| (key, value)).collect();
        assert_eq!(sorted, [(&b""[..], &b"4"[..]), (b"a", b"2"), (b"b", b"1"), (b"b", b"3")]);
    }
}
