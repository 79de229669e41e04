//! Jars that hint at what a job needs: named by the caller, or by the configuration.

use plimsoll_memory::config::{Loaded, Origin, SourceId, Span};

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
        for path in text.split([';', ',', ' ']).map(str::trim).filter(|path| !path.is_empty()) {
            let place = entry.origin.map(|origin| (origin.source, within(loaded, origin, path)));
            connectors.push(Connector { name: base(path), place });
        }
    }
    connectors
}

/// Where a path stands inside a value; the whole value where it is not found as it is.
fn within(loaded: &Loaded, origin: Origin, path: &str) -> Span {
    let whole = origin.value;
    let text = loaded.sources.get(usize::from(origin.source.0)).map_or("", |source| source.text.as_str());
    let raw = text.get(whole.start..whole.end).unwrap_or_default();
    let Some(at) = raw.find(path).filter(|_| !raw.contains('\n')) else { return whole };
    let before = raw.get(..at).unwrap_or_default().chars().count();
    let column = whole.column.saturating_add(u32::try_from(before).unwrap_or(u32::MAX));
    Span { start: whole.start + at, end: whole.start + at + path.len(), line: whole.line, column }
}
