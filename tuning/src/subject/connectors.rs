//! Jars that hint at what a job needs: named by the caller, or by the configuration.

use plimsoll_memory::config::{Loaded, SourceId, Span};

/// A jar and where it is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connector {
    /// Its name, without directories.
    pub name: String,
    /// Where; `None` where the caller named it.
    pub place: Option<(SourceId, Span)>,
}

/// Options that list jars.
const LISTS: [&str; 3] = ["pipeline.jars", "pipeline.classpaths", "yarn.ship-files"];

pub(super) fn collect(loaded: &Loaded, named: &[String]) -> Vec<Connector> {
    let base = |path: &str| path.rsplit(['/', '\\']).next().unwrap_or(path).to_owned();
    let mut connectors: Vec<_> =
        named.iter().map(|path| Connector { name: base(path), place: None }).collect();
    for (_, entry) in loaded.configuration.entries() {
        if !LISTS.contains(&entry.key.as_str()) {
            continue;
        }
        let text = entry.value.text();
        for path in text.split([';', ',', ' ']).filter(|path| !path.trim().is_empty()) {
            let place = entry.origin.map(|origin| (origin.source, origin.value));
            connectors.push(Connector { name: base(path.trim()), place });
        }
    }
    connectors
}
