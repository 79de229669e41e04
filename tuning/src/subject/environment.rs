//! The environment of an image, from a docker env file or a Dockerfile, and from the options that pass variables to
//! containers.
//!
//! Promises: `KEY=VALUE` lines, `export KEY=VALUE`, `ENV K=V K2="V 2"` and `ENV K V`. Does not cover `ARG`, variable
//! expansion or `ENV` inside scripts; a stage of a Dockerfile is not told from another.

use std::cell::Cell;

use plimsoll_memory::config::{Configuration, SourceId, Span};

/// A variable and where it is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value, outer quotes removed.
    pub value: String,
    /// Where it was set; `None` where that was by program.
    pub place: Option<(SourceId, Span)>,
}

const PREFIXES: [&str; 2] = ["containerized.taskmanager.env.", "containerized.master.env."];

/// The variables that the configuration passes to containers.
pub(super) fn of_configuration(conf: &Configuration) -> Vec<Variable> {
    let variable = |key: &str| PREFIXES.iter().find_map(|prefix| key.strip_prefix(prefix)).map(str::to_owned);
    conf.entries()
        .filter_map(|(_, entry)| {
            let name = variable(entry.key.as_str())?;
            let place = entry.origin.map(|origin| (origin.source, origin.value));
            Some(Variable { name, value: entry.value.text().into_owned(), place })
        })
        .collect()
}

/// The variables of a text.
pub(super) fn of_text(source: SourceId, text: &str) -> Vec<Variable> {
    let mut variables = Vec::new();
    let mut start = 0;
    // a Dockerfile goes on after a backslash at the end of a line
    let mut inside_env = false;
    for (number, line) in text.split('\n').enumerate() {
        let trimmed = line.trim_end_matches('\r').trim();
        let base = start + (line.len() - line.trim_start().len());
        start += line.len() + 1;
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let continues = trimmed.ends_with('\\');
        let statement = trimmed.trim_end_matches('\\').trim_end();
        let indent = line.chars().take_while(|c| c.is_whitespace()).count();
        let column = u32::try_from(indent + 1).unwrap_or(u32::MAX);
        let line = u32::try_from(number + 1).unwrap_or(u32::MAX);
        let at = Place { source, line, text, base, counted: Cell::new((base, column)) };
        let keyword = |word: &str| {
            statement.get(..word.len()).is_some_and(|s| s.eq_ignore_ascii_case(word))
                && statement.as_bytes().get(word.len()).is_some_and(u8::is_ascii_whitespace)
        };
        if inside_env {
            at.pairs(statement, 0, &mut variables);
        } else if keyword("ENV") {
            at.pairs(statement, 3, &mut variables);
        } else if keyword("export") {
            at.pairs(statement, 6, &mut variables);
        } else if is_assignment(statement) {
            at.whole_line(statement, &mut variables);
        }
        inside_env = continues && (inside_env || keyword("ENV"));
    }
    variables
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn is_assignment(statement: &str) -> bool {
    statement.split_once('=').is_some_and(|(name, _)| is_name(name))
}

struct Place<'t> {
    source: SourceId,
    line: u32,
    text: &'t str,
    /// Where the statement starts in the text.
    base: usize,
    /// A place up to which columns are counted: variables come in order.
    counted: Cell<(usize, u32)>,
}

impl Place<'_> {
    fn push(&self, name: &str, value: &str, from: usize, to: usize, out: &mut Vec<Variable>) {
        let (start, end) = (self.base + from, self.base + to);
        let (counted, column) = self.counted.get();
        let columns = self.text.get(counted..start).unwrap_or_default().chars().count();
        let column = column.saturating_add(u32::try_from(columns).unwrap_or(u32::MAX));
        self.counted.set((start, column));
        let span = Span { start, end, line: self.line, column };
        let value = value.trim_matches(['"', '\'']).to_owned();
        out.push(Variable { name: name.to_owned(), value, place: Some((self.source, span)) });
    }

    /// An env file: everything after the first `=` is the value.
    fn whole_line(&self, statement: &str, out: &mut Vec<Variable>) {
        if let Some((name, value)) = statement.split_once('=') {
            self.push(name, value, 0, statement.len(), out);
        }
    }

    /// `K=V K2="V 2"`, or `K V` where no word is an assignment.
    fn pairs(&self, statement: &str, skip: usize, out: &mut Vec<Variable>) {
        let words = words(statement, skip);
        let Some(first) = words.first().and_then(|(from, to)| statement.get(*from..*to)) else { return };
        if is_name(first) {
            let Some((from, _)) = words.first() else { return };
            let value = statement.get(from + first.len()..).unwrap_or_default().trim();
            self.push(first, value, *from, statement.len(), out);
            return;
        }
        for (from, to) in words {
            let word = statement.get(from..to).unwrap_or_default();
            if let Some((name, value)) = word.split_once('=')
                && is_name(name)
            {
                self.push(name, value, from, to, out);
            }
        }
    }
}

/// The words of a statement, quotes holding blanks together.
fn words(statement: &str, skip: usize) -> Vec<(usize, usize)> {
    let mut words = Vec::new();
    let mut begin = None;
    let mut quote = None;
    for (at, c) in statement.char_indices().filter(|(at, _)| *at >= skip) {
        match quote {
            Some(q) if c == q => quote = None,
            Some(_) => {}
            None if c.is_whitespace() => words.extend(begin.take().map(|b| (b, at))),
            None => {
                begin.get_or_insert(at);
                quote = Some(c).filter(|c| matches!(c, '"' | '\''));
            }
        }
    }
    words.extend(begin.map(|b| (b, statement.len())));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String, String)> {
        of_text(SourceId(1), text)
            .into_iter()
            .map(|v| {
                let (_, span) = v.place.expect("a place");
                (v.name, v.value, text[span.start..span.end].to_owned())
            })
            .collect()
    }

    #[test]
    fn forms() {
        let text = "# A=1\nDISABLE_JEMALLOC=true\r\nFROM flink:1.20\n  ENV A=1 B=\"x y\" \\\n  C=3\nENV OLD a b\nexport Z='q'\nRUN X=1 true\n";
        let found = read(text);
        let short: Vec<_> = found.iter().map(|(n, v, s)| (n.as_str(), v.as_str(), s.as_str())).collect();
        assert_eq!(
            short,
            [
                ("DISABLE_JEMALLOC", "true", "DISABLE_JEMALLOC=true"),
                ("A", "1", "A=1"),
                ("B", "x y", "B=\"x y\""),
                ("C", "3", "C=3"),
                ("OLD", "a b", "OLD a b"),
                ("Z", "q", "Z='q'"),
            ]
        );
    }
}
