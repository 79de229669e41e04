//! What all refusals of Flink have in common: which process, which options are set, what Flink will say, which remedies
//! mend it.

use plimsoll_memory::config::{Entry, KnownKey};
use plimsoll_memory::model::{Failure, Kind};

use crate::bytes::{Readable, mebibytes_down, mebibytes_up};
use crate::diagnostic::Diagnostic;
use crate::remedy::{Trial, Which};
use crate::subject::{Subject, size_of};

/// A failure in its surroundings.
pub(super) struct Case<'a, 's> {
    pub(super) subject: &'a Subject<'s>,
    pub(super) which: Which,
    pub(super) failure: &'a Failure,
    pub(super) trial: Trial<'a>,
}

/// All failures of some kinds, of both processes.
pub(super) fn cases<'a, 's>(
    subject: &'a Subject<'s>,
    kinds: &'a [Kind],
) -> impl Iterator<Item = Case<'a, 's>> {
    let tm = subject.task_manager.as_ref().map_or(&[][..], |p| p.failures());
    let jm = subject.job_manager.as_ref().map_or(&[][..], |p| p.failures());
    let both = [(Which::TaskManager, tm), (Which::JobManager, jm)];
    both.into_iter().flat_map(move |(which, failures)| {
        failures.iter().filter(|failure| kinds.contains(&failure.kind)).map(move |failure| Case {
            subject,
            which,
            failure,
            trial: Trial::new(subject, which, failures, failure),
        })
    })
}

impl<'a> Case<'a, '_> {
    /// The blamed options that are set, likeliest culprit first, each entry once.
    pub(super) fn set(&self) -> Vec<(KnownKey, &'a Entry)> {
        let mut set: Vec<(KnownKey, &'a Entry)> = Vec::new();
        for &key in &self.failure.blame {
            if let Some(entry) = self.subject.set(key)
                && !set.iter().any(|(_, other)| other.key == entry.key)
            {
                set.push((key, entry));
            }
        }
        set
    }

    /// What Flink itself will say.
    pub(super) fn flink_says(&self) -> String {
        let first = self.failure.chain.first();
        let text = first.map_or_else(String::new, |e| match &e.message {
            Some(message) => format!("{}: {message}", e.simple_name()),
            None => e.simple_name().to_owned(),
        });
        let root = self.failure.root_message();
        // an innermost text of Flink's own refusals only repeats the outer one
        let cause = if text.contains(root) { String::new() } else { format!(" Caused by: {root}") };
        format!("the {} will not start: {text}{cause}", self.which.name())
    }

    /// Remedies that change one size: raise it to the least, else lower it to the greatest that mends.
    pub(super) fn raise(&self, found: Diagnostic, key: KnownKey, entry: &Entry) -> Diagnostic {
        let Some(least) = size_of(entry).and_then(|size| self.trial.least(key, size)) else { return found };
        let rounded = self.trial.rounded_up(key, least);
        let to = self.trial.text(key, rounded);
        // the least process starts with hardly any heap: what Flink ships is the better advice where it suffices
        let shipped = match key {
            KnownKey::TmProcessSize => 1728 << 20,
            KnownKey::JmProcessSize => 1600 << 20,
            _ => 0,
        };
        if shipped > rounded && self.trial.with(key, shipped) {
            let shipped = self.trial.text(key, shipped);
            let text = format!(
                "raise {} to at least {least} bytes ({to}); Flink's own file has {shipped}",
                entry.key
            );
            return found.fix(text, self.subject.set_to(entry, shipped));
        }
        let text = format!("raise {} to at least {least} bytes: {}: {to}", entry.key, entry.key);
        found.fix(text, self.subject.set_to(entry, to))
    }

    /// As [`Case::raise`], downwards.
    pub(super) fn lower(&self, found: Diagnostic, key: KnownKey, entry: &Entry) -> Diagnostic {
        if key.as_str().ends_with(".fraction") {
            let Some(to) = self.trial.greatest_fraction(key) else { return found };
            let text = format!("lower {} to at most {to}", entry.key);
            return found.fix(text, self.subject.set_to(entry, to));
        }
        let Some(greatest) = size_of(entry).and_then(|size| self.trial.greatest(key, size)) else {
            return found;
        };
        let to = self.trial.text(key, self.trial.rounded_down(key, greatest));
        let text = format!("lower {} to at most {greatest} bytes: {}: {to}", entry.key, entry.key);
        found.fix(text, self.subject.set_to(entry, to))
    }

    /// The remedy of leaving an option out.
    pub(super) fn remove(&self, found: Diagnostic, key: KnownKey, entry: &Entry, why: &str) -> Diagnostic {
        if !self.trial.without(key) {
            return found;
        }
        found.fix(format!("remove {}: {why}", entry.key), self.subject.delete(entry))
    }

    /// Where no single change mends it: several failures at once, or one behind the other.
    pub(super) fn or_several(&self, found: Diagnostic) -> Diagnostic {
        if !found.help.is_empty() {
            return found;
        }
        let several = if self.set().len() > 1 { "the marked options together" } else { "it" };
        found.help(format!("change {several}, and check again: no single change of a size mends this"))
    }

    /// The remedy of a size known beforehand.
    pub(super) fn change(&self, found: Diagnostic, key: KnownKey, bytes: u64) -> Diagnostic {
        let candidates = [mebibytes_up(bytes), mebibytes_down(bytes), bytes];
        let Some(bytes) = candidates.into_iter().find(|bytes| self.trial.with(key, *bytes)) else {
            return found;
        };
        let to = self.trial.text(key, bytes);
        if let Some(entry) = self.subject.set(key) {
            return found.fix(format!("set {}: {to}", entry.key), self.subject.set_to(entry, to));
        }
        let line = format!("{key}: {to}");
        let anchor = self.set().first().map(|(_, entry)| *entry);
        let edit = anchor.and_then(|entry| self.subject.insert_after(entry, &line));
        found.fix(format!("set {line}"), edit)
    }
}

/// The sizes that a message of Flink names, in its order: the words before the parenthesis, and the bytes.
pub(super) fn amounts(message: &str) -> Vec<(String, u64)> {
    let mut amounts = Vec::new();
    let mut rest = message;
    while let Some(at) = rest.find(" bytes") {
        let (before, after) = rest.split_at(at);
        let digits = before.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        if let Ok(bytes) = digits.parse() {
            let words = before.split(" (").next().unwrap_or_default();
            amounts.push((
                words.trim_start_matches([')', ',', ' ']).trim_start_matches("and ").to_owned(),
                bytes,
            ));
        }
        rest = after.get(" bytes".len()..).unwrap_or_default();
    }
    amounts
}

/// A size for reading, with its bytes: `1.25 GiB (1342177280 bytes)`.
pub(super) fn both(bytes: u64) -> String {
    if bytes < 1024 { Readable(bytes).to_string() } else { format!("{} ({bytes} bytes)", Readable(bytes)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_of_a_message() {
        let message = "Sum of configured Framework Heap Memory (128.000mb (134217728 bytes)), Task Off-Heap Memory (0 \
                       bytes) and Network Memory (64.000mb (67108864 bytes)) exceed configured Total Flink Memory \
                       (52.000mb (54525952 bytes)).";
        let expected = [
            ("Sum of configured Framework Heap Memory", 134_217_728),
            ("Task Off-Heap Memory", 0),
            ("Network Memory", 67_108_864),
            ("exceed configured Total Flink Memory", 54_525_952),
        ];
        assert_eq!(amounts(message), expected.map(|(name, bytes)| (name.to_owned(), bytes)));
    }
}
