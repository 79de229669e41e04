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
        let mut places = entry.origin.map(|origin| Places::of(loaded, origin));
        for path in text.split([';', ',', ' ']).map(str::trim).filter(|path| !path.is_empty()) {
            let place = places.as_mut().map(|places| (places.source, places.next(path)));
            connectors.push(Connector { name: base(path), place });
        }
    }
    connectors
}

/// Where the paths of a list stand inside its value, one after the other.
struct Places<'a> {
    source: SourceId,
    whole: Span,
    /// What is not passed yet; `None` once a path is not found as it is: from then on it is the whole value.
    rest: Option<&'a str>,
    start: usize,
    column: u32,
}

impl<'a> Places<'a> {
    fn of(loaded: &'a Loaded, origin: Origin) -> Self {
        let whole = origin.value;
        let text = loaded.sources.get(usize::from(origin.source.0)).map_or("", |source| source.text.as_str());
        let rest = text.get(whole.start..whole.end).filter(|raw| !raw.contains('\n'));
        Self { source: origin.source, whole, rest, start: whole.start, column: whole.column }
    }

    fn next(&mut self, path: &str) -> Span {
        let found = self.rest.and_then(|rest| rest.find(path).map(|at| rest.split_at(at)));
        let Some((before, from)) = found else {
            self.rest = None;
            return self.whole;
        };
        let columns = |text: &str| u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        let start = self.start + before.len();
        let column = self.column.saturating_add(columns(before));
        self.start = start + path.len();
        self.column = column.saturating_add(columns(path));
        self.rest = from.get(path.len()..);
        Span { start, end: self.start, line: self.whole.line, column }
    }
}
