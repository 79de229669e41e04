//! The iteration order of Java's maps, step by step.
//!
//! Promises: the order of a `java.util.HashMap` filled key by key or by `putAll` (which grows the table ahead), and of
//! a `java.util.Properties`, of JDK 17. Does not cover bins that Java turns into trees (more than eight keys in one
//! bucket of a table of 64 or more): those keep the order of insertion here.

use std::collections::HashMap;

use crate::java;

/// A `java.util.HashMap` from text.
#[derive(Debug)]
pub(super) struct JavaHashMap<V> {
    /// Indices into `entries`, by bucket; empty until the first key.
    table: Vec<Vec<usize>>,
    /// The size of the table when it is made.
    capacity: usize,
    entries: Vec<(Box<str>, V)>,
    places: HashMap<Box<str>, usize>,
}

/// Java's limits: a bin of so many keys makes a small table grow; a table of so many buckets is not small.
const TREEIFY: usize = 8;
const SMALL: usize = 64;
/// No table grows beyond this; Java's own limit is 2^30.
const MAX_TABLE: usize = 1 << 24;

impl<V> JavaHashMap<V> {
    /// `new HashMap()`.
    pub(super) fn new() -> Self {
        Self { table: Vec::new(), capacity: 16, entries: Vec::new(), places: HashMap::new() }
    }

    /// `put`: a new value for a known key keeps the key's place.
    pub(super) fn put(&mut self, key: Box<str>, value: V) {
        if let Some(entry) = self.places.get(&key).and_then(|&place| self.entries.get_mut(place)) {
            entry.1 = value;
            return;
        }
        if self.table.is_empty() {
            self.table = buckets(self.capacity);
        }
        let place = self.entries.len();
        let bucket = spread(&key) & (self.table.len() - 1);
        self.places.insert(key.clone(), place);
        self.entries.push((key, value));
        let mut crowded = false;
        if let Some(bin) = self.table.get_mut(bucket) {
            bin.push(place);
            crowded = bin.len() > TREEIFY;
        }
        if crowded && self.table.len() < SMALL {
            self.grow();
        }
        if self.entries.len() > self.table.len() * 3 / 4 {
            self.grow();
        }
    }

    /// `putAll`: the table grows for as many keys as come, known or not.
    pub(super) fn put_all(&mut self, other: Self) {
        let coming = other.entries.len();
        if coming == 0 {
            return;
        }
        if self.table.is_empty() {
            // Java: tableSizeFor((int) (coming / 0.75f + 1.0f))
            self.capacity = (coming * 4 / 3 + 1).next_power_of_two().min(MAX_TABLE);
        } else {
            while coming > self.table.len() * 3 / 4 && self.table.len() < MAX_TABLE {
                self.grow();
            }
        }
        for (key, value) in other.into_ordered() {
            self.put(key, value);
        }
    }

    /// The entries in the order of iteration.
    pub(super) fn into_ordered(self) -> impl Iterator<Item = (Box<str>, V)> {
        let mut entries: Vec<Option<(Box<str>, V)>> = self.entries.into_iter().map(Some).collect();
        self.table.into_iter().flatten().filter_map(move |place| entries.get_mut(place)?.take())
    }

    fn grow(&mut self) {
        let size = self.table.len() * 2;
        if size > MAX_TABLE {
            return;
        }
        let mut table = buckets(size);
        for place in std::mem::take(&mut self.table).into_iter().flatten() {
            let bucket = self.entries.get(place).map_or(0, |(key, _)| spread(key)) & (size - 1);
            if let Some(bin) = table.get_mut(bucket) {
                bin.push(place);
            }
        }
        self.table = table;
    }
}

fn buckets(size: usize) -> Vec<Vec<usize>> {
    std::iter::repeat_with(Vec::new).take(size).collect()
}

fn spread(key: &str) -> usize {
    let hash = java::string_hash(key).cast_unsigned();
    (hash ^ (hash >> 16)) as usize
}

/// The order in which `java.util.Properties`, filled with these distinct keys in this order, lists them: a
/// `ConcurrentHashMap` that starts with 16 buckets, grows when it is three quarters full, and when it grows turns the
/// start of a bin around, up to the last run of keys that stay together.
pub(super) fn properties_order(keys: &[&str]) -> Vec<usize> {
    let bits = |place: &usize| keys.get(*place).map_or(0, |key| spread(key));
    let mut table = buckets(16);
    for place in 0..keys.len() {
        let size = table.len();
        if let Some(bin) = table.get_mut(bits(&place) & (size - 1)) {
            bin.push(place);
        }
        if place + 1 >= size / 4 * 3 && size < MAX_TABLE {
            let mut wider = buckets(size * 2);
            for bin in &table {
                let half = |place: &usize| bits(place) & size;
                let run = bin
                    .iter()
                    .rev()
                    .take_while(|p| bin.last().is_some_and(|end| half(p) == half(end)))
                    .count();
                let (head, tail) = bin.split_at(bin.len() - run);
                for &place in head.iter().rev().chain(tail) {
                    if let Some(bin) = wider.get_mut(bits(&place) & (size * 2 - 1)) {
                        bin.push(place);
                    }
                }
            }
            table = wider;
        }
    }
    table.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(keys: &[&str]) -> Vec<String> {
        let mut map = JavaHashMap::new();
        for key in keys {
            map.put((*key).into(), ());
        }
        map.into_ordered().map(|(key, ())| key.into()).collect()
    }

    #[test]
    fn colliding_keys_keep_the_order_of_insertion() {
        // "Aa" and "BB" have the same hash code
        assert_eq!(order(&["BB", "Aa"]), ["BB", "Aa"]);
        assert_eq!(order(&["Aa", "BB"]), ["Aa", "BB"]);
    }

    #[test]
    fn put_all_grows_ahead() {
        let mut inner = JavaHashMap::new();
        for i in 0..12 {
            inner.put(format!("k{i}").into(), ());
        }
        let mut outer = JavaHashMap::new();
        outer.put_all(inner);
        assert_eq!(outer.table.len(), 32);
    }
}
