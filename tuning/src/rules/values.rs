//! Values that Flink cannot read, or reads otherwise than meant: MEM0006, MEM0007, MEM0017.

use plimsoll_memory::config::KnownKey;
use plimsoll_memory::java;
use plimsoll_memory::model::Kind;

use super::failure::{Case, both, cases};
use super::size_text::{self, Type, is_bare, type_of};
use crate::bytes::Written;
use crate::diagnostic::{Diagnostic, Severity};
use crate::remedy::{Which, starts_with};
use crate::subject::{Subject, size_of};

/// MEM0006.
pub(super) fn range(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for case in cases(subject, &[Kind::Range]) {
        let set = case.set();
        let inverted = case.failure.blame.len() > 1;
        let key = case.failure.blame.first().map_or("", |key| key.as_str());
        let title = if inverted {
            let (pool, _) = key.rsplit_once('.').unwrap_or((key, ""));
            format!("the minimum of {pool} is above its maximum: the {} refuses it", case.which.name())
        } else {
            format!("the value of {key} is outside its range: the {} refuses it", case.which.name())
        };
        let mut found = Diagnostic::error(title);
        for (i, (key, entry)) in set.iter().enumerate() {
            let end = if inverted && key.as_str().ends_with("min") {
                "the minimum: "
            } else if inverted {
                "the maximum: "
            } else {
                ""
            };
            let text = match (type_of(*key), size_of(entry)) {
                (Type::Size, Some(size)) => format!("{end}{}", both(size)),
                (Type::Fraction, _) => "at least 0 and less than 1".to_owned(),
                _ => "not negative".to_owned(),
            };
            found = found.label(subject.at_value(entry, text, i == 0));
        }
        found = found.note(case.flink_says());
        for (key, entry) in &set {
            if type_of(*key) == Type::Fraction {
                let number = subject.number(*key).unwrap_or_default();
                let percent = size_text::percentage(number);
                if (2.0..100.0).contains(&number) && case.trial.with_text(*key, &percent) {
                    let text = format!("a fraction, no percentage: {}: {percent}", entry.key);
                    found = found.fix(text, subject.set_to(entry, percent));
                } else if (1.0..2.0).contains(&number) {
                    found = case.lower(found, *key, entry);
                }
                found = case.remove(found, *key, entry, "its default is inside");
            } else if inverted {
                let unset = case.failure.blame.iter().find(|other| subject.set(**other).is_none());
                if let (Some(other), Some(size)) = (unset, size_of(entry)) {
                    found = case.change(found, *other, size);
                }
                let other = case.failure.blame.iter().find(|other| *other != key);
                let other =
                    other.and_then(|other| subject.size(*other).or_else(|| default_end(subject, *other)));
                if let Some(size) = other.filter(|size| case.trial.with(*key, *size)) {
                    let to = case.trial.text(*key, size);
                    let text = format!("make both ends equal: {}: {to}", entry.key);
                    found = found.fix(text, subject.set_to(entry, to));
                }
                found = case.remove(found, *key, entry, "its default is inside");
            } else {
                found = case.remove(found, *key, entry, "its default is inside");
            }
        }
        out.push(case.or_several(found));
    }
}

/// The default of an end of a range.
fn default_end(subject: &Subject<'_>, key: KnownKey) -> Option<u64> {
    Some(match key {
        KnownKey::TmNetworkMin => 64 << 20,
        KnownKey::TmNetworkMax => subject.rules.network_max.bytes(),
        KnownKey::TmOverheadMin | KnownKey::JmOverheadMin => 192 << 20,
        KnownKey::TmOverheadMax | KnownKey::JmOverheadMax => 1 << 30,
        _ => return None,
    })
}

/// MEM0007.
pub(super) fn unreadable(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    unreadable_rocksdb(subject, out);
    for case in cases(subject, &[Kind::Unparsable]) {
        let set = case.set();
        let Some((key, entry)) = set.first() else {
            out.push(environment(subject, &case));
            continue;
        };
        let text = entry.value.text();
        let (wanted, proposal) = match type_of(*key) {
            Type::Size => ("a size: digits and one of b, k, m, g, t", size_text::size(&text)),
            Type::Fraction => ("a number such as 0.1", size_text::fraction(&text)),
            Type::Integer => ("an integer", size_text::integer(&text)),
            Type::Boolean => ("true or false", size_text::boolean(&text)),
            Type::Other => ("another form", None),
        };
        let beyond = match type_of(*key) {
            Type::Size => {
                size_text::beyond_size(&text).then_some("beyond the largest size, 9223372036854775807 bytes")
            }
            Type::Integer => {
                size_text::beyond_integer(&text).then_some("beyond the largest integer, 2147483647")
            }
            _ => None,
        };
        let label = beyond.map_or_else(|| format!("not {wanted}"), str::to_owned);
        let mut found = Diagnostic::error(format!("Flink cannot read the value of {}", entry.key))
            .label(subject.at_value(entry, label, true));
        let kept = text.starts_with(['"', '\'']);
        if kept {
            found = found.note("the line parser of Flink 1.x keeps quotes: they are part of the value");
        }
        let units = text.to_lowercase();
        if type_of(*key) == Type::Size && units.trim_matches(['"', '\'']).trim_end_matches('b').ends_with('i')
        {
            found = found
                .note("Gi and Mi are spellings of Kubernetes; Flink's g and m already mean 2^30 and 2^20");
        } else if type_of(*key) == Type::Size && proposal.is_some() && units.contains('.') {
            let unit = units.contains(|c: char| c.is_ascii_alphabetic());
            let meant =
                if unit { "" } else { ", and without a unit in bytes; mebibytes are taken to be meant" };
            found = found.note(format!("Flink reads whole numbers only{meant}"));
        }
        found = found.note(case.flink_says());
        if let Some(to) = proposal {
            let edit = subject.set_to(entry, to.as_str());
            found = found.fix(format!("write {}: {to}", entry.key), edit);
        } else if beyond.is_some() {
            found = found.help(format!("write a smaller value of {}", entry.key));
        }
        found = case.remove(found, *key, entry, "its default holds then");
        if found.help.is_empty() {
            found = found.help(format!("write {}: followed by {wanted}", entry.key));
        }
        out.push(found);
    }
}

/// The value came from the environment.
fn environment(subject: &Subject<'_>, case: &Case<'_, '_>) -> Diagnostic {
    let (name, option) = match case.which {
        Which::TaskManager => ("FLINK_TM_HEAP", KnownKey::TmProcessSize),
        Which::JobManager => ("FLINK_JM_HEAP", KnownKey::JmProcessSize),
    };
    let mut found =
        Diagnostic::error(format!("Flink cannot read the value of {name}")).note(case.flink_says());
    let variable = subject.variables.iter().rfind(|v| v.name == name);
    if let Some((source, span)) = variable.and_then(|v| v.place) {
        found = found.label(subject.at(source, span, "no size", true));
    }
    let proposal = variable.and_then(|v| size_text::size(&v.value));
    if let Some(to) = proposal {
        found = found.help(format!("write {name}={to}"));
    }
    found.help(format!("leave the variable out and set {option}"))
}

/// Options that no derivation reads, but the state backend does when a job starts.
const OF_ROCKSDB: [KnownKey; 6] = [
    KnownKey::RocksDbManaged,
    KnownKey::RocksDbFixedPerSlot,
    KnownKey::RocksDbWriteBufferRatio,
    KnownKey::RocksDbHighPrioRatio,
    KnownKey::RocksDbPartitioned,
    KnownKey::RocksDbWriteBufferSize,
];

/// Values of RocksDB's options that its backend cannot read.
fn unreadable_rocksdb(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for key in OF_ROCKSDB {
        let Some(entry) = subject.set(key) else { continue };
        let text = entry.value.text();
        let (reads, wanted, proposal) = match type_of(key) {
            Type::Size => (size_of(entry).is_some(), "a size", size_text::size(&text)),
            Type::Fraction => (java::parse_double(&text).is_ok(), "a number", size_text::fraction(&text)),
            _ => (
                text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false"),
                "true or false",
                size_text::boolean(&text),
            ),
        };
        if reads {
            continue;
        }
        let mut found = Diagnostic::error(format!("Flink cannot read the value of {key}"))
            .label(subject.at_value(entry, format!("not {wanted}"), true))
            .note("jobs with this state backend will not start");
        if let Some(to) = proposal {
            found = found.fix(format!("write {key}: {to}"), subject.set_to(entry, to.as_str()));
        }
        out.push(found.fix(format!("remove {key}: its default holds then"), subject.delete(entry)));
    }
}

/// MEM0017.
pub(super) fn no_unit(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for (_, entry) in subject.conf().entries().filter(|(_, entry)| is_bare(entry)) {
        let plimsoll_memory::config::Key::Known(key) = entry.key else { continue };
        let number = entry.value.text().trim().to_owned();
        let failing = cases(subject, &[Kind::Sum])
            .find(|case| case.set().iter().any(|(blamed, set)| *blamed == key || set.key == entry.key));
        let severity = if failing.is_some() { Severity::Error } else { Severity::Warning };
        let s = if number == "1" { "" } else { "s" };
        let label = format!("{number} byte{s}, not {number} MiB");
        let mut found = Diagnostic::new(severity, "a size without a unit counts bytes")
            .label(subject.at_value(entry, label, true));
        if let Some(case) = &failing {
            found = found.note(case.flink_says());
        }
        let with_unit = format!("{number}m");
        let works = match &failing {
            Some(case) => case.trial.with_text(key, &with_unit),
            None => starts_with(subject, key, &with_unit),
        };
        if works {
            let to = Written(number.parse::<u64>().unwrap_or(0).saturating_mul(1 << 20).min(1 << 62));
            let is =
                if to.to_string() == with_unit { String::new() } else { format!(" ({with_unit} is {to})") };
            found = found
                .fix(format!("write the unit: {}: {with_unit}", entry.key), subject.set_to(entry, with_unit))
                .help(format!(
                    "if {number} byte{s} {} meant, write {number}b{is}",
                    if s.is_empty() { "is" } else { "are" }
                ));
        } else {
            if let Some(case) = &failing {
                found = case.raise(found, key, entry);
            }
            if found.help.is_empty() {
                found = found
                    .help(format!("write the size that is meant with its unit: {with_unit} is refused too"));
            }
        }
        out.push(found);
    }
}
