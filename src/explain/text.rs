//! Facts as an indented tree.

use std::fmt::Write as _;

use super::fact::Fact;
use crate::render::number::human;

/// The strokes of a tree.
struct Strokes {
    branch: &'static str,
    last: &'static str,
    rail: &'static str,
}

const UNICODE: Strokes = Strokes { branch: "├─ ", last: "└─ ", rail: "│  " };
const ASCII: Strokes = Strokes { branch: "|- ", last: "`- ", rail: "|  " };

/// A fact and those behind it, one a line, indented; `depth` levels of reasons.
pub fn render(fact: &Fact, depth: usize, unicode: bool) -> String {
    let strokes = if unicode { &UNICODE } else { &ASCII };
    let mut out = String::new();
    line(&mut out, fact, "", "", depth, strokes);
    children(&mut out, fact, "", depth, strokes);
    out
}

fn children(out: &mut String, fact: &Fact, indent: &str, depth: usize, strokes: &Strokes) {
    if depth == 0 {
        return;
    }
    for (i, child) in fact.because.iter().enumerate() {
        let last = i + 1 == fact.because.len();
        let (branch, below) = if last { (strokes.last, "   ") } else { (strokes.branch, strokes.rail) };
        let deeper = format!("{indent}{below}");
        line(out, child, &format!("{indent}{branch}"), &deeper, depth - 1, strokes);
        children(out, child, &deeper, depth - 1, strokes);
    }
}

fn line(out: &mut String, fact: &Fact, branch: &str, indent: &str, depth: usize, strokes: &Strokes) {
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
        let rail = if depth == 0 || fact.because.is_empty() { "" } else { strokes.rail };
        let _ = writeln!(out, "{indent}{rail}  = {formula}");
    }
}
