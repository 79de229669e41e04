//! Judgement over the memory model: which configurations refuse to start, lose memory, or endanger the process, and
//! what to write instead.
//!
//! | module | what |
//! |---|---|
//! | [`subject`] | everything a rule looks at: configuration, derived processes, image environment, connectors |
//! | [`rules`] | the rules `MEM0001` …, each with its source, its story and a wrong and a right example |
//! | [`check()`] | runs the selected rules and orders what they found |
//! | [`diagnostic`] | what a rule found: labels in several sources, notes, remedies with edits |
//! | [`render`] | text in the manner of rustc, JSON, SARIF, GitHub annotations |
//!
//! Promises: no I/O and no panic for any input; the same report for the same input; every span and every edit lies
//! inside its source. Each failure of the model is reported, and Flink's shipped configurations are clean.
//! Does not cover: what a job needs while it runs. A rule only says what the configuration alone already shows.

pub mod bytes;
mod check;
pub mod diagnostic;
mod flags;
mod keys;
mod remedy;
pub mod render;
pub mod rules;
pub mod subject;

pub use check::{Report, Selection, UnknownRule, check};
pub use diagnostic::{Diagnostic, Edit, Help, Label, Severity};
pub use rules::{Rule, explain_rule, rule, rule_table};
pub use subject::{Deployment, Inputs, Processes, Subject};
