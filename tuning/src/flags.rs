//! The JVM flags that a configuration or an environment adds to those that Flink derives.
//!
//! The start scripts and the containers run `java $JVM_ARGS <derived flags> ${FLINK_ENV_JAVA_OPTS} …`: of two flags of
//! the same kind the JVM takes the last. So options win over the derived flags, and `JVM_ARGS` loses to them.

use plimsoll_memory::config::{KnownKey, SourceId, Span};

use crate::remedy::Which;
use crate::subject::Subject;

/// What a flag sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FlagKind {
    /// `-Xmx`, `-XX:MaxHeapSize`
    MaxHeap,
    /// `-Xms`, `-XX:InitialHeapSize`
    InitialHeap,
    /// `-XX:MaxDirectMemorySize`
    MaxDirect,
    /// `-XX:MaxMetaspaceSize`
    MaxMetaspace,
    /// `-XX:MaxRAMPercentage` and its kin: they count only where no `-Xmx` is given
    RamShare,
    /// `-XX:ReservedCodeCacheSize`
    CodeCache,
}

/// A flag and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Flag {
    pub(crate) kind: FlagKind,
    /// As written.
    pub(crate) text: String,
    /// The size, where it is one.
    pub(crate) bytes: Option<u64>,
    pub(crate) source: SourceId,
    pub(crate) span: Span,
    /// The option or variable.
    pub(crate) holder: String,
    /// Whether it comes after the derived flags.
    pub(crate) wins: bool,
}

impl Flag {
    /// The size as a configuration takes it: what stands behind the flag's name.
    pub(crate) fn size_text(&self) -> &str {
        self.text
            .trim_start_matches("-XX:")
            .split_once('=')
            .map_or_else(|| self.text.get(4..), |(_, v)| Some(v))
            .unwrap_or_default()
    }
}

const PREFIXES: [(&str, FlagKind); 10] = [
    ("-Xmx", FlagKind::MaxHeap),
    ("-XX:MaxHeapSize=", FlagKind::MaxHeap),
    ("-Xms", FlagKind::InitialHeap),
    ("-XX:InitialHeapSize=", FlagKind::InitialHeap),
    ("-XX:MaxDirectMemorySize=", FlagKind::MaxDirect),
    ("-XX:MaxMetaspaceSize=", FlagKind::MaxMetaspace),
    ("-XX:MaxRAMPercentage=", FlagKind::RamShare),
    ("-XX:InitialRAMPercentage=", FlagKind::RamShare),
    ("-XX:MaxRAMFraction=", FlagKind::RamShare),
    ("-XX:ReservedCodeCacheSize=", FlagKind::CodeCache),
];

/// Java's sizes: digits and k, m, g or t.
fn java_size(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let shift = match unit {
        "" => 0,
        "k" | "K" => 10,
        "m" | "M" => 20,
        "g" | "G" => 30,
        "t" | "T" => 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift).filter(|bytes| *bytes <= i64::MAX.unsigned_abs())
}

/// The flags that reach a process, in the order in which the JVM sees them.
pub(crate) fn of(subject: &Subject<'_>, which: Which) -> Vec<Flag> {
    let own = match which {
        Which::TaskManager => "taskmanager",
        Which::JobManager => "jobmanager",
    };
    let mut flags = Vec::new();
    for (name, wins) in [("JVM_ARGS", false), ("FLINK_ENV_JAVA_OPTS", true)] {
        for variable in subject.variables.iter().filter(|v| v.name == name) {
            let Some((source, span)) = variable.place else { continue };
            collect(subject, source, span, name, wins, &mut flags);
        }
    }
    for key in ["env.java.opts", "env.java.opts.all", &format!("env.java.opts.{own}")] {
        let Some(origin) = subject.conf().find(key).and_then(|(_, entry)| entry.origin) else { continue };
        collect(subject, origin.source, origin.value, key, true, &mut flags);
    }
    flags
}

/// Reads the words of a stretch of text.
fn collect(
    subject: &Subject<'_>,
    source: SourceId,
    span: Span,
    holder: &str,
    wins: bool,
    out: &mut Vec<Flag>,
) {
    let Some(text) = subject.source(source).and_then(|s| s.text.get(span.start..span.end)) else { return };
    let mut at = 0;
    // the place up to which lines and columns are counted
    let (mut counted, mut line, mut column) = (0, span.line, span.column);
    for part in text.split_inclusive(|c: char| c.is_whitespace() || matches!(c, '"' | '\'')) {
        let word = part.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
        // `JVM_ARGS=-Xmx…` of an env file: the flag starts after the name
        let skip = word.find("-X").filter(|skip| *skip == 0 || word.as_bytes().get(skip - 1) == Some(&b'='));
        if let Some(skip) = skip
            && let Some(flag) = word.get(skip..)
            && let Some((prefix, kind)) = PREFIXES.iter().find(|(prefix, _)| flag.starts_with(prefix))
        {
            let start = span.start + at + skip;
            for c in text.get(counted..at + skip).unwrap_or_default().chars() {
                (line, column) =
                    if c == '\n' { (line.saturating_add(1), 1) } else { (line, column.saturating_add(1)) };
            }
            counted = at + skip;
            out.push(Flag {
                kind: *kind,
                text: flag.to_owned(),
                bytes: flag.get(prefix.len()..).and_then(java_size),
                source,
                span: Span { start, end: start + flag.len(), line, column },
                holder: holder.to_owned(),
                wins,
            });
        }
        at += part.len();
    }
}

/// The option that decided a derived size, and the bytes: for a secondary label.
pub(crate) fn decided_by(part: &plimsoll_memory::model::Part, which: Which) -> KnownKey {
    use plimsoll_memory::model::{Cause, Whole};
    let (process, flink) = match which {
        Which::TaskManager => (KnownKey::TmProcessSize, KnownKey::TmFlinkSize),
        Which::JobManager => (KnownKey::JmProcessSize, KnownKey::JmFlinkSize),
    };
    match part.cause {
        Cause::Option(setting) => setting.option,
        Cause::Fraction(fraction) => fraction.setting.option,
        Cause::Rest { of: Whole::Process, .. } => process,
        Cause::Rest { .. } => flink,
        Cause::Buffers { .. } => KnownKey::TmNumberOfBuffers,
    }
}
