//! What a bench was asked for.

use std::collections::BTreeMap;

/// Words after `--`, each with the word that follows it.
pub(crate) struct Arguments(BTreeMap<String, String>);

impl Arguments {
    pub(crate) fn parse() -> Self {
        let words: Vec<String> = std::env::args().skip(1).collect();
        let mut found = BTreeMap::new();
        let mut words = words.iter().peekable();
        while let Some(word) = words.next() {
            let Some(name) = word.strip_prefix("--") else { continue };
            let value = words.next_if(|next| !next.starts_with("--")).cloned().unwrap_or_default();
            found.insert(name.to_owned(), value);
        }
        Self(found)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(crate) fn number(&self, name: &str, default: usize) -> usize {
        self.text(name).map_or(default, |text| text.parse().unwrap())
    }

    pub(crate) fn list(&self, name: &str, default: &str) -> Vec<String> {
        self.text(name).unwrap_or(default).split(',').map(str::to_owned).collect()
    }
}
