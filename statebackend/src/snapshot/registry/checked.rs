//! What is always true of the register.

use std::collections::{BTreeMap, BTreeSet};

use super::{FileKey, SharedRegistry};

impl SharedRegistry {
    /// What does not add up, if anything.
    pub(super) fn contradiction(&self) -> Option<String> {
        let mut references: BTreeMap<&FileKey, u64> = BTreeMap::new();
        for (checkpoint, files) in &self.retained {
            for key in files {
                if !self.files.contains_key(key) {
                    return Some(format!(
                        "checkpoint {checkpoint} refers to {}, which is not there",
                        key.name
                    ));
                }
                *references.entry(key).or_default() += 1;
            }
        }
        for (key, entry) in &self.files {
            let counted = references.get(key).copied().unwrap_or(0);
            if entry.references != counted {
                return Some(format!("{} has {counted} references, not {}", entry.path, entry.references));
            }
            if (counted == 0) == entry.waiting.is_empty() || !entry.waiting.is_subset(&self.pending) {
                return Some(format!("{} waits for checkpoints that are not under way", entry.path));
            }
            if self.places.get(&entry.path) != Some(key) {
                return Some(format!("{} is not where it should be", entry.path));
            }
        }
        let retained: BTreeSet<u64> = self.retained.keys().copied().collect();
        if !retained.is_disjoint(&self.pending) || self.places.len() != self.files.len() {
            return Some("two lists of it differ".to_owned());
        }
        None
    }
}
