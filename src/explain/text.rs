//! Facts as an indented tree.

use std::fmt::Write as _;

use super::fact::Fact;
use crate::render::number::human;

/// A fact and those behind it, one a line, indented; `depth` levels of reasons.
pub fn render(fact: &Fact, depth: usize) -> String {
    let mut out = String::new();
    line(&mut out, fact, "", "");
    children(&mut out, fact, "", depth);
    out
}

fn children(out: &mut String, fact: &Fact, indent: &str, depth: usize) {
    if depth == 0 {
        return;
    }
    for (i, child) in fact.because.iter().enumerate() {
        let last = i + 1 == fact.because.len();
        let (branch, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let deeper = format!("{indent}{below}");
        line(out, child, &format!("{indent}{branch}"), &deeper);
        children(out, child, &deeper, depth - 1);
    }
}

fn line(out: &mut String, fact: &Fact, branch: &str, indent: &str) {
    let _ = write!(out, "{branch}{}", fact.label);
    match (fact.bytes, &fact.value) {
        (Some(bytes), _) => {
            let _ = write!(out, "  {} ({bytes} bytes)", human(bytes));
        }
        (None, Some(value)) => {
            let _ = write!(out, "  {value}");
        }
        (None, None) => {}
    }
    if let (Some(option), Some(origin)) = (fact.option, &fact.origin) {
        let _ = write!(out, "  <- {option}: {origin}");
    }
    out.push('\n');
    if let Some(formula) = &fact.formula {
        let bar = if fact.because.is_empty() { "" } else { "│  " };
        let _ = writeln!(out, "{indent}{bar}  = {formula}");
    }
}
