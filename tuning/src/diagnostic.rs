//! What a rule found.

use plimsoll_memory::config::{SourceId, Span};
use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Flink starts, but memory is lost or endangered.
    Warning,
    /// Flink or the JVM refuses to start, or the derived budget does not hold at all.
    Error,
}

impl Severity {
    /// `error`, `warning`, `note`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One finding of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// `MEM0001`.
    pub code: &'static str,
    /// The rule's name.
    pub name: &'static str,
    /// How bad.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub title: String,
    /// Where, the primary place first; empty where something is absent.
    pub labels: Vec<Label>,
    /// Why it is wrong.
    pub notes: Vec<String>,
    /// What to write instead; the first with an edit removes the finding.
    pub help: Vec<Help>,
}

/// A stretch of a source with what is to be said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The source.
    pub source: SourceId,
    /// Where in it.
    pub span: Span,
    /// What to say.
    pub text: String,
    /// The likely culprit.
    pub primary: bool,
}

/// A remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Help {
    /// In words.
    pub text: String,
    /// As a change of a source, where one is certain.
    pub edit: Option<Edit>,
}

/// A change of a source: the span is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The source.
    pub source: SourceId,
    /// What is replaced; empty for an insertion.
    pub span: Span,
    /// By what.
    pub replacement: String,
}

impl Edit {
    /// The text after the change; `None` where the span is not inside.
    pub fn apply(&self, text: &str) -> Option<String> {
        let before = text.get(..self.span.start)?;
        let after = text.get(self.span.end..)?;
        (self.span.start <= self.span.end).then(|| format!("{before}{}{after}", self.replacement))
    }
}

impl Diagnostic {
    /// A finding without any detail yet; the code and name are filled in by the check.
    pub(crate) fn new(severity: Severity, title: impl Into<String>) -> Self {
        Self {
            code: "",
            name: "",
            severity,
            title: title.into(),
            labels: Vec::new(),
            notes: Vec::new(),
            help: Vec::new(),
        }
    }

    pub(crate) fn error(title: impl Into<String>) -> Self {
        Self::new(Severity::Error, title)
    }

    pub(crate) fn warning(title: impl Into<String>) -> Self {
        Self::new(Severity::Warning, title)
    }

    /// Adds a label where there is one to add.
    #[must_use]
    pub(crate) fn label(mut self, label: Option<Label>) -> Self {
        self.labels.extend(label);
        self
    }

    #[must_use]
    pub(crate) fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    #[must_use]
    pub(crate) fn help(self, text: impl Into<String>) -> Self {
        self.fix(text, None)
    }

    #[must_use]
    pub(crate) fn fix(mut self, text: impl Into<String>, edit: Option<Edit>) -> Self {
        self.help.push(Help { text: text.into(), edit });
        self
    }

    /// Where it stands: the primary label, else the first.
    pub fn place(&self) -> Option<&Label> {
        self.labels.iter().find(|label| label.primary).or(self.labels.first())
    }

    /// The first edit among the remedies.
    pub fn edit(&self) -> Option<&Edit> {
        self.help.iter().find_map(|help| help.edit.as_ref())
    }
}
