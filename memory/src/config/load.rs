//! From a file and `-D` properties to a configuration, with the log that Flink writes meanwhile.
//!
//! Promises: the same entries, the same log lines in the same order and the same exceptions as the real program of the
//! ruleset's version; for each entry the place it came from. No I/O: the caller reads the file, see
//! [`super::choose_file`].

use std::collections::HashMap;

use crate::java::{Exception, Level, LogLine};
use crate::model::Ruleset;

use super::finding::{Finding, FindingKind};
use super::hash_order::{JavaHashMap, properties_order};
use super::line_parser::{self, Line};
use super::span::Locator;
use super::yaml::{self, Flattening};
use super::{
    ConfigFile, Configuration, Format, Origin, Source, SourceId, SourceKind, Span, Value, decode, toml,
};

/// Larger files are refused: Flink's own YAML reader stops at 3 Mi characters (12 MiB at most), and no configuration of
/// lines comes near. A reader needs some ten times the file's size in memory.
pub const MAX_FILE_BYTES: usize = 16 << 20;

/// What was loaded.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// All entries, `-D` over file.
    pub configuration: Configuration,
    /// The texts that the origins point into.
    pub sources: Vec<Source>,
    /// The lines that Flink logs while loading.
    pub log: Vec<LogLine>,
    /// What was noticed beside.
    pub findings: Vec<Finding>,
}

/// Why nothing was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadFailure {
    /// The exceptions of the real program, outermost first; empty where the refusal is ours.
    pub chain: Vec<Exception>,
    /// The lines that Flink logs before it fails.
    pub log: Vec<LogLine>,
    /// The text, as far as it could be decoded.
    pub source: Source,
    /// Where in the text, where known.
    pub span: Option<Span>,
    /// The reason in a sentence.
    pub message: String,
}

/// Loads a file and the dynamic properties over it.
///
/// # Errors
/// What the YAML reader refuses, and files beyond [`MAX_FILE_BYTES`]. The line parser refuses nothing.
pub fn load(
    ruleset: &Ruleset,
    file: &ConfigFile<'_>,
    dynamic: &[(String, String)],
) -> Result<Loaded, Box<LoadFailure>> {
    let mut loading = Loading {
        ruleset,
        configuration: Configuration::new(),
        sources: Vec::new(),
        log: Vec::new(),
        findings: Vec::new(),
        seen: HashMap::new(),
    };
    if file.bytes.len() > MAX_FILE_BYTES {
        let message =
            format!("{} has {} bytes; more than {MAX_FILE_BYTES} are not read", file.path, file.bytes.len());
        return Err(loading.refuse(file, Vec::new(), String::new(), None, message));
    }
    match file.format {
        Format::Lines => loading.lines(file),
        Format::Yaml => loading.yaml(file)?,
        Format::Toml => loading.toml(file)?,
    }
    loading.dynamic(dynamic);
    let Loading { configuration, sources, log, findings, .. } = loading;
    Ok(Loaded { configuration, sources, log, findings })
}

struct Loading<'r> {
    ruleset: &'r Ruleset,
    configuration: Configuration,
    sources: Vec<Source>,
    log: Vec<LogLine>,
    findings: Vec<Finding>,
    /// Keys of the current source with their last place.
    seen: HashMap<Box<str>, Span>,
}

impl Loading<'_> {
    fn next_source(&mut self) -> SourceId {
        self.seen.clear();
        SourceId(u16::try_from(self.sources.len()).unwrap_or(u16::MAX))
    }

    fn info(&mut self, message: String) {
        self.log.push(LogLine { level: Level::Info, message });
    }

    fn log_property(&mut self, what: &str, key: &str, value: &str) {
        let shown = if self.ruleset.is_sensitive(key) { "******" } else { value };
        self.info(format!("{what} configuration property: {key}, {shown}"));
    }

    fn find(&mut self, source: SourceId, span: Span, kind: FindingKind) {
        self.findings.push(Finding { source, span, kind });
    }

    /// Sets a value and notes what it replaces in the same source.
    fn set(&mut self, source: SourceId, key: &str, value: Value, key_span: Span, value_span: Span) {
        if let Some(earlier) = self.seen.insert(key.into(), key_span) {
            self.find(source, key_span, FindingKind::Duplicate { key: key.into(), earlier });
        }
        if matches!(&value, Value::Text(text) if text.trim().is_empty()) {
            self.find(source, value_span, FindingKind::EmptyValue);
        }
        self.configuration.set(key, value, Some(Origin { source, key: key_span, value: value_span }));
    }

    fn bad_encoding(&mut self, source: SourceId, text: &str, malformed: &[decode::Malformed]) {
        if let Some(first) = malformed.first() {
            let span = Locator::new(text).span(first.at, first.at + char::REPLACEMENT_CHARACTER.len_utf8());
            self.find(source, span, FindingKind::BadEncoding { stretches: malformed.len() });
        }
    }

    fn refuse(
        &mut self,
        file: &ConfigFile<'_>,
        chain: Vec<Exception>,
        text: String,
        span: Option<Span>,
        message: String,
    ) -> Box<LoadFailure> {
        let source = Source { name: file.path.to_owned(), text, kind: file.kind };
        Box::new(LoadFailure { chain, log: std::mem::take(&mut self.log), source, span, message })
    }

    fn lines(&mut self, file: &ConfigFile<'_>) {
        let source = self.next_source();
        // 1.10 and 1.11 log each line as they read it; later versions log the finished map
        let modern = self.ruleset.standard_yaml;
        let decode::Decoded { text, malformed } = decode::utf8(file.bytes);
        self.bad_encoding(source, &text, &malformed);
        if text.starts_with('\u{feff}') {
            let span = Locator::new(&text).span(0, '\u{feff}'.len_utf8());
            self.find(source, span, FindingKind::ByteOrderMark { in_key: true });
        }
        if modern {
            self.info(format!(
                "Using legacy YAML parser to load flink configuration file from {}.",
                file.absolute_path
            ));
        }
        let mut map = JavaHashMap::new();
        let mut nesting = false;
        for line in line_parser::parse(&text) {
            match line {
                Line::Dropped(dropped) => {
                    let message = line_parser::warning(modern, file.path, &dropped);
                    self.log.push(LogLine { level: Level::Warn, message });
                    self.find(source, dropped.span, FindingKind::MalformedLine(dropped.why));
                    nesting = dropped.why == super::finding::Malformed::Nesting
                        || nesting && dropped.line.starts_with([' ', '\t']);
                }
                Line::Property(property) => {
                    if modern {
                        map.put(property.key.into(), Box::<str>::from(property.value));
                    } else {
                        self.log_property("Loading", property.key, property.value);
                    }
                    nesting = nesting && property.indented;
                    if nesting {
                        self.find(source, property.key_span, FindingKind::NestingIgnored);
                    }
                    if property.value.starts_with(['"', '\'']) {
                        self.find(source, property.value_span, FindingKind::QuotesKept);
                    }
                    if let Some(span) = property.cut_by {
                        self.find(source, span, FindingKind::CommentInValue);
                    }
                    self.set(
                        source,
                        property.key,
                        property.value.into(),
                        property.key_span,
                        property.value_span,
                    );
                }
            }
        }
        for (key, value) in map.into_ordered() {
            self.log_property("Loading", &key, &value);
        }
        self.sources.push(Source { name: file.path.to_owned(), text, kind: file.kind });
    }

    fn yaml(&mut self, file: &ConfigFile<'_>) -> Result<(), Box<LoadFailure>> {
        let source = self.next_source();
        self.info(format!(
            "Using standard YAML parser to load flink configuration file from {}.",
            file.absolute_path
        ));
        let flattening = if self.ruleset.legacy_yaml { Flattening::MapByMap } else { Flattening::OneMap };
        let document = yaml::parse(file.bytes, flattening).map_err(|failure| {
            if failure.logged {
                self.log.push(LogLine {
                    level: Level::Error,
                    message: "Failed to parse YAML configuration".to_owned(),
                });
            }
            let mut chain = failure.chain;
            if failure.wrapped {
                chain.insert(
                    0,
                    Exception::new("java.lang.RuntimeException", "Error parsing YAML configuration."),
                );
            }
            self.refuse(file, chain, failure.text, failure.span, failure.message)
        })?;
        if document.byte_order_mark {
            let span = Locator::new(&document.text).span(0, 0);
            self.find(source, span, FindingKind::ByteOrderMark { in_key: false });
        }
        for property in &document.properties {
            self.set(source, &property.key, property.value.clone(), property.key_span, property.value_span);
        }
        for &place in &document.order {
            if let Some(property) = document.properties.get(place) {
                self.log_property("Loading", &property.key, &property.value.text());
            }
        }
        self.sources.push(Source { name: file.path.to_owned(), text: document.text, kind: file.kind });
        Ok(())
    }

    fn toml(&mut self, file: &ConfigFile<'_>) -> Result<(), Box<LoadFailure>> {
        let source = self.next_source();
        let decode::Decoded { mut text, malformed } = decode::utf8(file.bytes);
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
            self.find(source, Locator::new(&text).span(0, 0), FindingKind::ByteOrderMark { in_key: false });
        } else {
            self.bad_encoding(source, &text, &malformed);
        }
        let properties = match toml::parse(&text) {
            Ok(properties) => properties,
            Err(error) => {
                let Span { line, column, .. } = error.span;
                let message = format!("{}:{line}:{column}: {}", file.path, error.message);
                return Err(self.refuse(file, Vec::new(), text, Some(error.span), message));
            }
        };
        for property in properties {
            self.log_property("Loading", &property.key, &property.value.text());
            self.set(source, &property.key, property.value, property.key_span, property.value_span);
        }
        self.sources.push(Source { name: file.path.to_owned(), text, kind: file.kind });
        Ok(())
    }

    fn dynamic(&mut self, dynamic: &[(String, String)]) {
        if dynamic.is_empty() {
            return;
        }
        let source = self.next_source();
        let mut text = String::new();
        let mut columns = 1u32;
        let mut last: HashMap<&str, &str> = HashMap::new();
        let mut keys: Vec<&str> = Vec::new();
        for (key, value) in dynamic {
            let before = if text.is_empty() { "-D " } else { " -D " };
            let mut part = |piece: &str| {
                let start = text.len();
                text.push_str(piece);
                let span = Span { start, end: text.len(), line: 1, column: columns };
                columns = columns.saturating_add(u32::try_from(piece.chars().count()).unwrap_or(u32::MAX));
                span
            };
            part(before);
            let key_span = part(key);
            part("=");
            let value_span = part(value);
            self.set(source, key, value.as_str().into(), key_span, value_span);
            if last.insert(key, value).is_none() {
                keys.push(key);
            }
        }
        if self.ruleset.standard_yaml {
            // Properties, then the set of their names (a HashMap), then the Configuration's own HashMap
            let mut names = JavaHashMap::new();
            for place in properties_order(&keys) {
                if let Some(key) = keys.get(place) {
                    names.put((*key).into(), ());
                }
            }
            let mut map = JavaHashMap::new();
            for (key, ()) in names.into_ordered() {
                let value = last.get(&*key).copied().unwrap_or_default();
                map.put(key, value);
            }
            for (key, value) in map.into_ordered() {
                self.log_property("Loading dynamic", &key, value);
            }
        }
        self.sources.push(Source { name: "command line".to_owned(), text, kind: SourceKind::CommandLine });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Malformed;
    use crate::config::{choose_file, directory_missing, file_missing};
    use crate::model::version::{V1_10, V1_11, V1_20, V2_3};

    fn loaded(
        ruleset: &Ruleset,
        text: &str,
        format: Format,
        dynamic: &[(&str, &str)],
    ) -> Result<Loaded, Box<LoadFailure>> {
        let name = if format == Format::Yaml { "config.yaml" } else { "flink-conf.yaml" };
        let path = format!("conf/{name}");
        let absolute = format!("/opt/conf/{name}");
        let file = ConfigFile {
            path: &path,
            absolute_path: &absolute,
            bytes: text.as_bytes(),
            format,
            kind: SourceKind::File,
        };
        let dynamic: Vec<(String, String)> =
            dynamic.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        load(ruleset, &file, &dynamic)
    }

    fn messages(log: &[LogLine]) -> Vec<String> {
        log.iter().map(|line| format!("{} {}", line.level.as_str(), line.message)).collect()
    }

    #[test]
    fn logs_per_version() {
        let text = "my.password: x\nbroken\ntaskmanager.memory.flink.size: 2g\n";
        let old = loaded(&V1_11, text, Format::Lines, &[("a", "b")]).expect("loads");
        assert_eq!(
            messages(&old.log),
            [
                "INFO Loading configuration property: my.password, ******",
                "WARN Error while trying to split key and value in configuration file conf/flink-conf.yaml:2: \"broken\"",
                "INFO Loading configuration property: taskmanager.memory.flink.size, 2g",
            ]
        );
        let new =
            loaded(&V1_20, text, Format::Lines, &[("a", "b"), ("x.token", "t"), ("a", "c")]).expect("loads");
        assert_eq!(
            messages(&new.log),
            [
                "INFO Using legacy YAML parser to load flink configuration file from /opt/conf/flink-conf.yaml.",
                "WARN Error while trying to split key and value in configuration file conf/flink-conf.yaml:2: \
                 Line is not a key-value pair (missing space after ':'?)",
                "INFO Loading configuration property: my.password, ******",
                "INFO Loading configuration property: taskmanager.memory.flink.size, 2g",
                "INFO Loading dynamic configuration property: a, c",
                "INFO Loading dynamic configuration property: x.token, ******",
            ]
        );
        assert_eq!(messages(&loaded(&V1_10, "", Format::Lines, &[]).expect("loads").log), [""; 0]);
    }

    #[test]
    fn later_sources_win_and_origins_point_into_them() {
        let text = "a: 1\na: 2\n";
        let loaded = loaded(&V1_20, text, Format::Lines, &[("b", "ä"), ("a", "3")]).expect("loads");
        let (_, entry) = loaded.configuration.find("a").expect("set");
        let origin = entry.origin.expect("an origin");
        let source = &loaded.sources[usize::from(origin.source.0)];
        assert_eq!((source.text.as_str(), source.kind), ("-D b=ä -D a=3", SourceKind::CommandLine));
        assert_eq!(&source.text[origin.value.start..origin.value.end], "3");
        assert_eq!((origin.key.line, origin.key.column), (1, 11));
        let [Finding { kind: FindingKind::Duplicate { earlier, .. }, span, .. }] = &loaded.findings[..]
        else {
            panic!("{:?}", loaded.findings)
        };
        assert_eq!((earlier.line, span.line), (1, 2));
    }

    #[test]
    fn findings_of_the_line_parser() {
        let text = "\u{feff}a: 1\nx:\n  y: \"q\"\nz: pass#word\n";
        let loaded = loaded(&V1_20, text, Format::Lines, &[]).expect("loads");
        let kinds: Vec<&FindingKind> = loaded.findings.iter().map(|finding| &finding.kind).collect();
        assert_eq!(
            kinds,
            [
                &FindingKind::ByteOrderMark { in_key: true },
                &FindingKind::MalformedLine(Malformed::Nesting),
                &FindingKind::NestingIgnored,
                &FindingKind::QuotesKept,
                &FindingKind::CommentInValue,
            ]
        );
        assert!(loaded.configuration.find("\u{feff}a").is_some());
    }

    #[test]
    fn yaml_failures_are_flinks() {
        let failure = loaded(&V2_3, "a: b: c", Format::Yaml, &[]).expect_err("broken");
        assert_eq!(
            messages(&failure.log),
            [
                "INFO Using standard YAML parser to load flink configuration file from /opt/conf/config.yaml.",
                "ERROR Failed to parse YAML configuration",
            ]
        );
        let chain: Vec<String> = failure.chain.iter().map(ToString::to_string).collect();
        assert_eq!(
            chain,
            [
                "java.lang.RuntimeException: Error parsing YAML configuration.",
                "org.snakeyaml.engine.v2.exceptions.YamlEngineException: mapping values are not allowed here\n in reader, line 1, column 5",
            ]
        );
        assert_eq!(failure.span.map(|span| (span.line, span.column)), Some((1, 5)));
        let failure = loaded(&V2_3, "a:", Format::Yaml, &[]).expect_err("null");
        assert_eq!(failure.chain.last().and_then(|e| e.message.as_deref()), Some("Value must not be null."));
        assert_eq!(failure.log.len(), 1);
    }

    #[test]
    fn which_file() {
        assert_eq!(choose_file(&V1_20, |_| true), Ok(("flink-conf.yaml", Format::Lines)));
        assert_eq!(choose_file(&V1_20, |name| name == "config.yaml"), Ok(("config.yaml", Format::Yaml)));
        assert_eq!(choose_file(&V2_3, |name| name == "flink-conf.yaml"), Err("config.yaml"));
        assert_eq!(choose_file(&V1_11, |_| false), Err("flink-conf.yaml"));
        let text = |e: Exception| e.message.unwrap_or_default();
        assert_eq!(
            text(file_missing(&V1_11, "d", "/d")),
            "The Flink config file 'd/flink-conf.yaml' (/d) does not exist."
        );
        assert_eq!(
            text(file_missing(&V2_3, "d", "/d")),
            "The Flink config file 'd/config.yaml' (/d/config.yaml) does not exist."
        );
        assert!(
            text(directory_missing("d", "/d")).ends_with("'d' (/d) does not describe an existing directory.")
        );
    }
}
