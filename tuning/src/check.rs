//! Running the rules.

use std::fmt;

use plimsoll_memory::config::SourceId;

use crate::diagnostic::{Diagnostic, Label, Severity};
use crate::rules::{RULES, Rule, rule};
use crate::subject::{Subject, toml_value};

/// Which rules run. Empty: all.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Only these run, where there are any.
    select: Vec<&'static Rule>,
    /// These do not run.
    ignore: Vec<&'static Rule>,
}

/// A code or name that no rule has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownRule(pub String);

impl fmt::Display for UnknownRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is no rule; `memcalc rule` lists them all", self.0)
    }
}

impl std::error::Error for UnknownRule {}

impl Selection {
    /// Rules by code (`MEM0008`, any case) or name (`heap-flag`).
    ///
    /// # Errors
    /// The first that is neither.
    pub fn new(
        select: impl IntoIterator<Item = impl AsRef<str>>,
        ignore: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<Self, UnknownRule> {
        let find = |name: &str| rule(name).ok_or_else(|| UnknownRule(name.to_owned()));
        Ok(Self {
            select: select.into_iter().map(|name| find(name.as_ref())).collect::<Result<_, _>>()?,
            ignore: ignore.into_iter().map(|name| find(name.as_ref())).collect::<Result<_, _>>()?,
        })
    }

    /// Whether a rule runs. To ignore is stronger than to select.
    pub fn includes(&self, rule: &Rule) -> bool {
        let among = |rules: &[&Rule]| rules.iter().any(|r| r.code == rule.code);
        (self.select.is_empty() || among(&self.select)) && !among(&self.ignore)
    }
}

/// What the rules found, errors first, then by place. Of each rule at most 50 findings, and one note about the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The findings in their order.
    pub diagnostics: Vec<Diagnostic>,
}

impl Report {
    /// How many are of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|d| d.severity == severity).count()
    }

    /// The worst severity; `None` where nothing was found.
    pub fn worst(&self) -> Option<Severity> {
        self.diagnostics.iter().map(|d| d.severity).max()
    }

    /// Whether anything is as bad as `fail_on`.
    pub fn fails(&self, fail_on: Severity) -> bool {
        self.worst().is_some_and(|worst| worst >= fail_on)
    }
}

/// Runs the selected rules.
pub fn check(subject: &Subject<'_>, selection: &Selection) -> Report {
    let mut diagnostics = Vec::new();
    for rule in RULES.iter().filter(|rule| selection.includes(rule)) {
        let first = diagnostics.len();
        (rule.check)(subject, &mut diagnostics);
        cap(&mut diagnostics, first);
        for diagnostic in diagnostics.iter_mut().skip(first) {
            diagnostic.code = rule.code;
            diagnostic.name = rule.name;
            // the place comes first, so that every rendering starts there
            diagnostic.labels.sort_by_key(|label| !label.primary);
        }
    }
    if subject.is_toml(SourceId(0)) {
        for help in diagnostics.iter_mut().flat_map(|diagnostic| &mut diagnostic.help) {
            help.text = in_toml(&help.text);
        }
    }
    diagnostics.sort_by_key(order);
    Report { diagnostics }
}

/// A remedy in words, its `key: value` written as TOML.
fn in_toml(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut after_key = false;
    for word in text.split(' ') {
        let value = word.trim_end_matches([',', ';', ')']);
        let is_value = matches!(value, "true" | "false") || value.starts_with(|c: char| c.is_ascii_digit());
        let key = words.last().and_then(|last| last.strip_suffix(':')).filter(|_| after_key && is_value);
        if let Some(key) = key {
            let rest = word.get(value.len()..).unwrap_or_default();
            let pair = format!("{key} = {}{rest}", toml_value("", value));
            words.pop();
            words.push(pair);
        } else {
            words.push(word.to_owned());
        }
        after_key = word.ends_with(':') && word.contains('.');
    }
    words.join(" ")
}

/// Errors first, then by place.
fn order(d: &Diagnostic) -> impl Ord + use<> {
    let place = d.place().map(|label| (label.source, label.span.start));
    (std::cmp::Reverse(d.severity), place.is_none(), place, d.code)
}

/// So many findings of one rule are shown: nobody reads the thousandth of a kind.
pub(crate) const SHOWN: usize = 50;

/// Keeps the first findings of a rule, worst first, and one note that says how many more there are and where the next
/// one stands.
fn cap(diagnostics: &mut Vec<Diagnostic>, first: usize) {
    if diagnostics.len() - first <= SHOWN {
        return;
    }
    let mut of_rule = diagnostics.split_off(first);
    of_rule.sort_by_key(order);
    let more = of_rule.split_off(SHOWN);
    diagnostics.append(&mut of_rule);
    let s = if more.len() == 1 { "" } else { "s" };
    let next = more.first().and_then(|next| next.place()).cloned();
    let next = next.map(|label| Label { text: "the next one".to_owned(), primary: true, ..label });
    let note =
        Diagnostic::new(Severity::Note, format!("{} more finding{s} of this kind not shown", more.len()))
            .label(next)
            .help("mend those that are shown, and check again");
    diagnostics.push(note);
}
