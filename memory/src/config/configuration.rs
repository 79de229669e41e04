//! The map itself.

use std::collections::HashMap;

use super::{KEY_COUNT, Key, KnownKey, Value};

/// Index of a source (a file, the command line, the environment) in the list that the loader returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(pub u16);

/// A stretch of a source's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// Where a value was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The source.
    pub source: SourceId,
    /// Where its key stands.
    pub key: Span,
    /// Where its value stands.
    pub value: Span,
}

/// Index of an entry; stable while the configuration lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryId(pub u32);

/// One key with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key, exact.
    pub key: Key,
    /// The value.
    pub value: Value,
    /// Where it was set; `None` where it came by program.
    pub origin: Option<Origin>,
}

/// A flat map of dotted keys. A later `set` of a key replaces the value and the origin and keeps the place in the
/// order, as a Java map does.
#[derive(Debug, Clone, Default)]
pub struct Configuration {
    entries: Vec<Entry>,
    /// For each known key the index of its entry plus one; 0: absent.
    known: Known,
    /// Keys that no version of Flink's memory model reads; looked up by text.
    other: HashMap<Box<str>, u32>,
}

#[derive(Debug, Clone)]
struct Known([u32; KEY_COUNT]);

impl Default for Known {
    fn default() -> Self {
        Self([0; KEY_COUNT])
    }
}

impl Configuration {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a key; what it held before is returned.
    pub fn set(&mut self, key: &str, value: impl Into<Value>, origin: Option<Origin>) -> Option<Entry> {
        let key = Key::new(key);
        let next = u32::try_from(self.entries.len() + 1).unwrap_or(u32::MAX);
        let place = match &key {
            Key::Known(known) => &mut self.known.0[known.index()],
            Key::Other(text) => self.other.entry(text.clone()).or_insert(0),
        };
        let entry = Entry { key, value: value.into(), origin };
        if *place == 0 {
            *place = next;
            self.entries.push(entry);
            None
        } else {
            let old = &mut self.entries[*place as usize - 1];
            Some(std::mem::replace(old, entry))
        }
    }

    /// All entries, in the order in which their keys were first set.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = (EntryId, &Entry)> {
        self.entries.iter().enumerate().map(|(i, e)| (EntryId(u32::try_from(i).unwrap_or(u32::MAX)), e))
    }

    /// The entry of a known key.
    #[inline]
    pub fn get(&self, key: KnownKey) -> Option<(EntryId, &Entry)> {
        let place = self.known.0[key.index()];
        let id = place.checked_sub(1)?;
        Some((EntryId(id), &self.entries[id as usize]))
    }

    /// The entry of any key.
    pub fn find(&self, key: &str) -> Option<(EntryId, &Entry)> {
        let id = match Key::new(key) {
            Key::Known(known) => return self.get(known),
            Key::Other(text) => self.other.get(&text)?.checked_sub(1)?,
        };
        Some((EntryId(id), &self.entries[id as usize]))
    }

    /// An entry by its index.
    pub fn entry(&self, id: EntryId) -> Option<&Entry> {
        self.entries.get(id.0 as usize)
    }

    /// A copy without the entries that `drop` names.
    #[must_use]
    pub fn without(&self, drop: impl Fn(EntryId, &Entry) -> bool) -> Self {
        let mut copy = Self::new();
        for (id, entry) in self.entries() {
            if !drop(id, entry) {
                copy.set(entry.key.as_str(), entry.value.clone(), entry.origin);
            }
        }
        copy
    }

    /// Empties it, keeping its room.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.known = Known::default();
        self.other.clear();
    }
}

/// Pairs of key and value that come by program; a later one of a key wins.
impl<'a> FromIterator<(&'a str, &'a str)> for Configuration {
    fn from_iter<T: IntoIterator<Item = (&'a str, &'a str)>>(pairs: T) -> Self {
        let mut configuration = Self::new();
        for (key, value) in pairs {
            configuration.set(key, value, None);
        }
        configuration
    }
}
