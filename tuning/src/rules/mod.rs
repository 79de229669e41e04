//! The rules: what each is called, where it comes from, its story, its examples, its check.

mod allocator;
mod buffers;
mod clamps;
mod connector;
mod failure;
mod format;
mod java_opts;
mod jvm_limits;
mod retired;
mod size_text;
mod sizing;
mod state;
mod sums;
mod table;
mod unknown;
mod values;
mod weights;

use std::fmt::Write as _;

pub use table::RULES;

use crate::diagnostic::{Diagnostic, Severity};
use crate::subject::Subject;

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// `MEM0001`.
    pub code: &'static str,
    /// Its name, in words joined by hyphens.
    pub name: &'static str,
    /// How bad its findings usually are.
    pub severity: Severity,
    /// What it finds, in one line.
    pub summary: &'static str,
    /// The public issue, change or document behind it.
    pub source: &'static str,
    /// The long story, in Markdown.
    pub story: &'static str,
    /// A configuration with this finding and no other.
    pub wrong: Example,
    /// The same, mended.
    pub right: Example,
    pub(crate) check: fn(&Subject<'_>, &mut Vec<Diagnostic>),
}

/// A configuration for a version.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    /// The version it is for.
    pub version: &'static str,
    /// Lines of a `flink-conf.yaml`.
    pub conf: &'static str,
    /// An environment of the image; empty: not known.
    pub environment: &'static str,
}

impl Example {
    const fn of(version: &'static str, conf: &'static str) -> Self {
        Self { version, conf, environment: "" }
    }

    const fn with(self, environment: &'static str) -> Self {
        Self { environment, ..self }
    }
}

/// A rule by its code, in any case, or its name.
pub fn rule(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.code.eq_ignore_ascii_case(name) || rule.name == name)
}

/// The long story of a rule with its examples, in Markdown.
pub fn explain_rule(name: &str) -> Option<String> {
    let rule = rule(name)?;
    let mut text = format!("# {}: {}\n\n{}.\n\n", rule.code, rule.name, rule.summary);
    let _ = writeln!(text, "Severity: {}. Source: {}.\n", rule.severity.as_str(), rule.source);
    let _ = writeln!(text, "{}\n", rule.story.trim());
    for (title, example) in [("Wrong", rule.wrong), ("Right", rule.right)] {
        let _ = writeln!(
            text,
            "## {title} (Flink {})\n\n```yaml\n{}\n```\n",
            example.version,
            example.conf.trim()
        );
        if !example.environment.is_empty() {
            let _ = writeln!(text, "with this environment:\n\n```\n{}\n```\n", example.environment.trim());
        }
    }
    let _ = writeln!(text, "Switch it off with `--ignore {}` or `--ignore {}`.", rule.code, rule.name);
    Some(text)
}

/// All rules as a table: code, severity, name, summary.
pub fn rule_table() -> String {
    let width = RULES.iter().map(|rule| rule.name.len()).max().unwrap_or_default();
    let mut text = String::new();
    for rule in &RULES {
        let _ = writeln!(
            text,
            "{}  {:7}  {:width$}  {}",
            rule.code,
            rule.severity.as_str(),
            rule.name,
            rule.summary
        );
    }
    text
}
