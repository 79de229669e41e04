//! A fact: a number with its reason, which are facts again.

use plimsoll_memory::MemorySize;
use plimsoll_memory::config::{Configuration, KnownKey, Origin, Source, SourceKind};
use plimsoll_memory::java::double_to_string;
use plimsoll_memory::model::{Cause, Clamp, FractionOf, Part, Setting, Whole};
use serde::Serialize;

/// A number and its reason.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fact {
    /// What the number is.
    pub label: String,
    /// The number in bytes, where it is a size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The number or text, where it is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The option that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub option: Option<&'static str>,
    /// Where it was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Place>,
    /// How it was computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub formula: Option<String>,
    /// The facts it was computed from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<Fact>,
}

/// Where a value was set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The option's default.
    Default,
    /// An environment variable.
    Environment(&'static str),
    /// A source, line and column (from 1).
    At {
        /// The file, `-D`, …
        source: String,
        /// The line.
        line: u32,
        /// The column.
        column: u32,
        /// The key as written, where that is a deprecated one.
        #[serde(skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        /// The text as written.
        text: String,
    },
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::At { source, line, column, key, text } => {
                write!(f, "{source}:{line}:{column} \"{}\"", text.escape_debug())?;
                key.as_ref().map_or(Ok(()), |key| write!(f, ", as deprecated {}", key.escape_debug()))
            }
        }
    }
}

impl Fact {
    /// A size.
    pub fn size(label: impl Into<String>, size: MemorySize) -> Self {
        Self {
            label: label.into(),
            bytes: Some(size.bytes()),
            value: None,
            option: None,
            origin: None,
            formula: None,
            because: Vec::new(),
        }
    }

    /// Any other value.
    pub fn value(label: impl Into<String>, value: impl Into<String>) -> Self {
        let mut fact = Self::size(label, MemorySize::ZERO);
        fact.bytes = None;
        fact.value = Some(value.into());
        fact
    }

    /// How it was computed.
    #[must_use]
    pub fn by(mut self, formula: impl Into<String>) -> Self {
        self.formula = Some(formula.into());
        self
    }

    /// What it was computed from.
    #[must_use]
    pub fn because(mut self, facts: impl IntoIterator<Item = Self>) -> Self {
        self.because.extend(facts);
        self
    }

    /// The option it was read from.
    #[must_use]
    pub fn set(mut self, texts: &Texts<'_>, setting: Setting) -> Self {
        self.option = Some(setting.option.as_str());
        self.origin = Some(texts.place(setting));
        self
    }
}

/// What settings point into.
#[derive(Debug, Clone, Copy)]
pub struct Texts<'a> {
    /// The configuration.
    pub configuration: &'a Configuration,
    /// Its sources.
    pub sources: &'a [Source],
}

impl Texts<'_> {
    /// Where a setting was made.
    pub fn place(&self, setting: Setting) -> Place {
        let Some(entry) = setting.entry.and_then(|id| self.configuration.entry(id)) else {
            return match setting.option {
                KnownKey::TmHeapSize => Place::Environment("FLINK_TM_HEAP"),
                KnownKey::JmHeapSize => Place::Environment("FLINK_JM_HEAP"),
                _ => Place::Default,
            };
        };
        let text = entry.value.text().into_owned();
        let key = (entry.key.as_str() != setting.option.as_str()).then(|| entry.key.as_str().to_owned());
        match entry.origin {
            Some(Origin { source, value, .. }) => {
                let source = self.sources.get(usize::from(source.0));
                let name = match source {
                    Some(source) if source.kind == SourceKind::CommandLine => "-D".to_owned(),
                    Some(source) => source.name.clone(),
                    None => "?".to_owned(),
                };
                Place::At { source: name, line: value.line, column: value.column, key, text }
            }
            None => Place::At { source: "program".to_owned(), line: 1, column: 1, key, text },
        }
    }

    /// The fact of a part as a reason for another: where it was set, if that is all there is to say.
    pub(super) fn brief(&self, label: &str, part: &Part) -> Fact {
        let fact = Fact::size(label, part.size);
        match part.cause {
            Cause::Option(setting) => fact.set(self, setting),
            _ => fact,
        }
    }

    /// The fact of a part. `whole` makes the fact of what it is a share of, `others` those it leaves room for.
    pub fn part(
        &self,
        label: &str,
        part: &Part,
        whole: &dyn Fn(Whole) -> Fact,
        others: &dyn Fn() -> Vec<Fact>,
    ) -> Fact {
        let fact = Fact::size(label, part.size);
        match &part.cause {
            Cause::Option(setting) => fact.set(self, *setting),
            Cause::Fraction(fraction) => self.fraction(fact, fraction, whole),
            Cause::Rest { of, whole: total } => {
                let taken = others();
                let mut formula = total.bytes().to_string();
                for other in &taken {
                    formula += &format!(" - {}", other.bytes.unwrap_or(0));
                }
                fact.by(format!("{formula}: what the others leave of {}", whole_name(*of)))
                    .because([whole(*of)])
                    .because(taken)
            }
            Cause::Buffers { count, segment } => {
                fact.by(format!("{} buffers x {} bytes", count.value, segment.value.bytes())).because([
                    Fact::value("number of buffers", count.value.to_string()).set(self, count.setting),
                    Fact::size("segment size", segment.value).set(self, segment.setting),
                ])
            }
        }
    }

    fn fraction(&self, fact: Fact, fraction: &FractionOf, whole: &dyn Fn(Whole) -> Fact) -> Fact {
        let f = double_to_string(fraction.fraction);
        let multiplier = if fraction.inverse {
            let inverse = double_to_string(fraction.fraction / (1.0 - fraction.fraction));
            format!("{inverse} (f / (1 - f), f = {f})")
        } else {
            f.clone()
        };
        let product = format!("{multiplier} x {} = {}", fraction.base.bytes(), fraction.product.bytes());
        let formula = match fraction.clamp {
            Clamp::Inside => product,
            Clamp::Min => format!("{product}, below the minimum: {} wins", fraction.min.value.bytes()),
            Clamp::Max => format!("{product}, above the maximum: {} wins", fraction.max.value.bytes()),
        };
        let mut because = vec![whole(fraction.of), Fact::value("fraction", f).set(self, fraction.setting)];
        // managed memory has no range: its ends are no options
        if fraction.min.setting.option != KnownKey::TmManagedSize {
            because.push(Fact::size("minimum", fraction.min.value).set(self, fraction.min.setting));
            because.push(Fact::size("maximum", fraction.max.value).set(self, fraction.max.setting));
        }
        fact.by(formula).because(because)
    }
}

/// A whole in words.
pub(super) const fn whole_name(whole: Whole) -> &'static str {
    match whole {
        Whole::Process => "total process memory",
        Whole::Flink => "total Flink memory",
        Whole::FlinkWithoutNetwork => "total Flink memory without network",
        Whole::ProcessWithoutOverhead => "total process memory without overhead",
    }
}
