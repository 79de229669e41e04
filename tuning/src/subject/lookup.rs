//! How rules find what is set, where, and what may be changed there.

use plimsoll_memory::MemorySize;
use plimsoll_memory::config::{
    Configuration, Entry, EntryId, KnownKey, Origin, Source, SourceId, SourceKind, Span,
};

use super::Subject;
use crate::diagnostic::{Edit, Label};

/// The keys that stand in for an option, in Flink's order; the legacy heap last.
pub(crate) fn stand_ins(key: KnownKey, legacy_heap: bool) -> &'static [KnownKey] {
    match key {
        KnownKey::TmManagedSize => &[KnownKey::TmManagedSizeOld],
        KnownKey::TmNetworkMin => &[KnownKey::TmNetworkMinOld],
        KnownKey::TmNetworkMax => &[KnownKey::TmNetworkMaxOld],
        KnownKey::TmNetworkFraction => &[KnownKey::TmNetworkFractionOld],
        KnownKey::StateBackendType => &[KnownKey::StateBackend],
        KnownKey::TmFlinkSize if legacy_heap => &[KnownKey::TmHeapSize, KnownKey::TmHeapMb],
        KnownKey::JmHeap if legacy_heap => &[KnownKey::JmHeapSize, KnownKey::JmHeapMb],
        _ => &[],
    }
}

/// The entry that an option resolves to.
pub(crate) fn resolve(conf: &Configuration, key: KnownKey, legacy_heap: bool) -> Option<(EntryId, &Entry)> {
    conf.get(key).or_else(|| stand_ins(key, legacy_heap).iter().find_map(|old| conf.get(*old)))
}

impl<'a> Subject<'a> {
    /// The entry that an option resolves to: its own key, a deprecated one, a legacy one.
    pub fn set(&self, key: KnownKey) -> Option<&'a Entry> {
        resolve(self.conf(), key, self.rules.legacy_heap).map(|(_, entry)| entry)
    }

    /// The size that an option is set to, where it is set to one.
    pub fn size(&self, key: KnownKey) -> Option<u64> {
        size_of(self.set(key)?)
    }

    /// The text that an option is set to, trimmed, in lower case.
    pub(crate) fn word(&self, key: KnownKey) -> Option<String> {
        Some(self.set(key)?.value.text().trim().to_lowercase())
    }

    /// An integer that an option is set to.
    pub(crate) fn integer(&self, key: KnownKey) -> Option<i64> {
        self.set(key)?.value.text().trim().parse().ok()
    }

    /// A number that an option is set to.
    pub(crate) fn number(&self, key: KnownKey) -> Option<f64> {
        self.set(key)?.value.text().trim().parse().ok()
    }

    /// A label at an entry's value.
    pub(crate) fn at_value(&self, entry: &Entry, text: impl Into<String>, primary: bool) -> Option<Label> {
        let origin = entry.origin?;
        self.at(origin.source, origin.value, text, primary)
    }

    /// A label at an entry's key.
    pub(crate) fn at_key(&self, entry: &Entry, text: impl Into<String>, primary: bool) -> Option<Label> {
        let origin = entry.origin?;
        self.at(origin.source, origin.key, text, primary)
    }

    /// A label at a place that lies inside its source.
    pub(crate) fn at(
        &self,
        source: SourceId,
        span: Span,
        text: impl Into<String>,
        primary: bool,
    ) -> Option<Label> {
        self.source(source)?.text.get(span.start..span.end)?;
        Some(Label { source, span, text: text.into(), primary })
    }

    /// The text of an entry's value as it stands in its source, quotes and all.
    pub(crate) fn raw(&self, origin: Origin) -> Option<&str> {
        self.source(origin.source)?.text.get(origin.value.start..origin.value.end)
    }

    /// A source that an edit may change: a file, not the command line.
    fn editable(&self, id: SourceId) -> Option<&Source> {
        self.source(id).filter(|source| {
            matches!(source.kind, SourceKind::File | SourceKind::Stdin | SourceKind::Environment)
        })
    }

    /// An edit of a stretch of a file.
    pub(crate) fn edit(&self, source: SourceId, span: Span, replacement: impl Into<String>) -> Option<Edit> {
        self.editable(source)?.text.get(span.start..span.end)?;
        Some(Edit { source, span, replacement: replacement.into() })
    }

    /// An edit that writes another value. The value must stand on one line, so that nothing of a block scalar is left.
    pub(crate) fn set_to(&self, entry: &Entry, replacement: impl Into<String>) -> Option<Edit> {
        let origin = entry.origin?;
        let raw = self.raw(origin)?;
        if raw.is_empty() || raw.contains(['\n', '\r']) {
            return None;
        }
        let replacement = replacement.into();
        let replacement =
            if self.is_toml(origin.source) { toml_value(raw, &replacement) } else { replacement };
        self.edit(origin.source, origin.value, replacement)
    }

    /// Whether a source is a `plimsoll.toml`, whose texts stand in quotes.
    pub(crate) fn is_toml(&self, source: SourceId) -> bool {
        self.source(source).is_some_and(|source| {
            let file = matches!(source.kind, SourceKind::File | SourceKind::Stdin);
            file && source.name.to_ascii_lowercase().ends_with(".toml")
        })
    }

    /// A line `key: value` as the source writes it.
    fn line_of(&self, source: SourceId, line: &str) -> String {
        match line.split_once(": ").filter(|_| self.is_toml(source)) {
            Some((key, value)) => format!("{key} = {}", toml_value("", value)),
            None => line.to_owned(),
        }
    }

    /// An edit that deletes the entry's line. Only where the whole key stands at the start of a line and the value ends
    /// it: anything else may be part of a nested map, which must not be left empty.
    pub(crate) fn delete(&self, entry: &Entry) -> Option<Edit> {
        let origin = entry.origin?;
        let text = &self.editable(origin.source)?.text;
        // an earlier line of the same key would count then
        if self.twice.contains(entry.key.as_str()) {
            return None;
        }
        if text.get(origin.key.start..origin.key.end)? != entry.key.as_str()
            || origin.key.line != origin.value.line
        {
            return None;
        }
        let span = line_around(text, origin.key, origin.value)?;
        self.edit(origin.source, span, "")
    }

    /// An edit that renames the key, under the same conditions as [`Subject::delete`].
    pub(crate) fn rename(&self, entry: &Entry, to: &str) -> Option<Edit> {
        let origin = entry.origin?;
        self.delete(entry)?;
        self.edit(origin.source, origin.key, to)
    }
}

/// The line with its end, where nothing stands before the key and only a comment after the value.
fn line_around(text: &str, key: Span, value: Span) -> Option<Span> {
    // of a long line only the blanks around the entry are looked at
    let is_end = |c: char| matches!(c, '\n' | '\r');
    let is_blank = |c: char| c.is_whitespace() && !is_end(c);
    let before = text.get(..key.start)?.trim_end_matches(is_blank);
    if !(before.is_empty() || before.ends_with(is_end)) {
        return None;
    }
    let start = before.len();
    let rest = text.get(value.end..)?;
    let tail = rest.trim_start_matches(is_blank);
    if !(tail.is_empty() || tail.starts_with(is_end) || tail.starts_with('#')) {
        return None;
    }
    let length = rest.find(is_end).unwrap_or(rest.len());
    let (_, after) = rest.split_at(length);
    let end_of_line = if after.starts_with("\r\n") { 2 } else { usize::from(!after.is_empty()) };
    let end = value.end + length + end_of_line;
    Some(Span { start, end, line: key.line, column: 1 })
}

/// A value as TOML writes it: in quotes, but a number or a truth value where none are there.
pub(crate) fn toml_value(raw: &str, value: &str) -> String {
    let quoted = |text: &str| text.starts_with(['"', '\'']);
    let bare = value == "true"
        || value == "false"
        || value.bytes().all(|b| b.is_ascii_digit() || b == b'.') && value.parse::<f64>().is_ok();
    if bare && !quoted(raw) || value.len() > 1 && quoted(value) && value.ends_with(['"', '\'']) {
        return value.to_owned();
    }
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The size of an entry, where it is one.
pub(crate) fn size_of(entry: &Entry) -> Option<u64> {
    let text = entry.value.text();
    // the one option that counts mebibytes
    if matches!(entry.key, plimsoll_memory::config::Key::Known(KnownKey::TmHeapMb | KnownKey::JmHeapMb)) {
        return text.trim().parse::<u32>().ok().map(|n| u64::from(n) << 20);
    }
    MemorySize::parse(&text).ok().map(MemorySize::bytes)
}

impl Subject<'_> {
    /// An edit that adds a line after an entry's, under the same conditions as [`Subject::delete`].
    pub(crate) fn insert_after(&self, entry: &Entry, line: &str) -> Option<Edit> {
        let origin = entry.origin?;
        let whole = self.delete(entry)?.span;
        let text = &self.source(origin.source)?.text;
        let ended = text.get(whole.start..whole.end)?.ends_with(['\n', '\r']);
        // in YAML the lines of a map stand in one column, and a map in braces needs commas
        let indent = text.get(whole.start..origin.key.start)?;
        if text.lines().any(|line| line.trim_start().starts_with('{')) {
            return None;
        }
        let line = self.line_of(origin.source, line);
        let replacement = if ended { format!("{indent}{line}\n") } else { format!("\n{indent}{line}") };
        let end = whole.end;
        let next = whole.line.saturating_add(u32::from(ended));
        let column = if ended {
            1
        } else {
            let columns = text.get(whole.start..end)?.chars().count();
            u32::try_from(columns).unwrap_or(u32::MAX).saturating_add(1)
        };
        self.edit(origin.source, Span { start: end, end, line: next, column }, replacement)
    }

    /// An edit that adds a line to a file whose entries all are flat lines.
    pub(crate) fn append(&self, line: &str) -> Option<Edit> {
        let mut last: Option<&Entry> = None;
        for (_, entry) in
            self.conf().entries().filter(|(_, e)| e.origin.is_some_and(|o| o.source == SourceId(0)))
        {
            self.delete(entry)?;
            let start = |e: &Entry| e.origin.map_or(0, |o| o.key.start);
            last = last.filter(|other| start(other) > start(entry)).or(Some(entry));
        }
        if let Some(last) = last {
            return self.insert_after(last, line);
        }
        let source = self.editable(SourceId(0))?;
        let only_comments =
            source.text.lines().all(|l| l.trim().is_empty() || l.trim_start().starts_with('#'));
        let front = Span { start: 0, end: 0, line: 1, column: 1 };
        let line = self.line_of(SourceId(0), line);
        only_comments.then(|| self.edit(SourceId(0), front, format!("{line}\n")))?
    }
}
