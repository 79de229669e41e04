//! Parts that do not add up: MEM0001, MEM0003, MEM0004, MEM0005.

use plimsoll_memory::config::{Entry, KnownKey};
use plimsoll_memory::model::Kind;

use super::failure::{Case, amounts, both, cases};
use super::size_text::is_bare;
use crate::bytes::mebibytes_up;
use crate::diagnostic::Diagnostic;
use crate::remedy::Which;
use crate::subject::{Deployment, Subject, size_of};

/// Whether an option holds a whole, not a part.
const fn is_whole(key: KnownKey) -> bool {
    matches!(
        key,
        KnownKey::TmProcessSize | KnownKey::TmFlinkSize | KnownKey::JmProcessSize | KnownKey::JmFlinkSize
    )
}

/// MEM0001.
pub(super) fn parts(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for case in cases(subject, &[Kind::Sum]) {
        let set = case.set();
        // a size that lacks its unit has a rule of its own, which shows the same failure
        if set.iter().any(|(_, entry)| is_bare(entry)) {
            continue;
        }
        let mut found =
            Diagnostic::error(format!("the parts of the {} are larger than the whole", case.which.name()));
        let shares = shares(&case, &set);
        let part = set.iter().position(|(key, _)| !is_whole(*key));
        let culprit = if shares.is_empty() { Some(part.unwrap_or(0)) } else { part };
        for (i, (_, entry)) in shares.iter().enumerate() {
            let text = "this share is too large";
            found = found.label(subject.at_value(entry, text, culprit.is_none() && i == 0));
        }
        for (i, (key, entry)) in set.iter().enumerate() {
            let size = size_of(entry).map_or_else(|| entry.value.text().into_owned(), both);
            let text = if is_whole(*key) {
                format!("the whole is {size}")
            } else {
                format!("this part takes {size}")
            };
            found = found.label(subject.at_value(entry, text, Some(i) == culprit));
        }
        if let Some(note) = balance(&case) {
            found = found.note(note);
        }
        if let Some(note) = remainder(&case) {
            found = found.note(note);
        }
        found = found.note(case.flink_says());
        for (key, entry) in &shares {
            found = case.lower(found, *key, entry);
        }
        for (key, entry) in set.iter().filter(|(key, _)| is_whole(*key)).rev() {
            found = case.raise(found, *key, entry);
        }
        for (key, entry) in set.iter().filter(|(key, _)| !is_whole(*key)) {
            found = case.lower(found, *key, entry);
        }
        if found.help.is_empty() {
            for (key, entry) in &set {
                found = case.remove(found, *key, entry, "Flink derives it from the other sizes");
            }
        }
        out.push(case.or_several(found));
    }
}

/// Fractions that are set above their defaults, not blamed by Flink, and mend the sum once they are lowered.
fn shares<'a>(case: &Case<'a, '_>, set: &[(KnownKey, &Entry)]) -> Vec<(KnownKey, &'a Entry)> {
    let all: &[(KnownKey, KnownKey, f64)] = match case.which {
        Which::TaskManager => &[
            (KnownKey::TmManagedFraction, KnownKey::TmManagedSize, 0.4),
            (KnownKey::TmNetworkFraction, KnownKey::TmNumberOfBuffers, 0.1),
            (KnownKey::TmOverheadFraction, KnownKey::TmOverheadFraction, 0.1),
        ],
        Which::JobManager => &[(KnownKey::JmOverheadFraction, KnownKey::JmOverheadFraction, 0.1)],
    };
    let mut shares = Vec::new();
    for &(key, wins, default) in all {
        let Some(entry) = case.subject.set(key) else { continue };
        let large = case.subject.number(key).is_some_and(|number| number > default);
        // a size that is set wins over the fraction
        let decides = wins == key || case.subject.set(wins).is_none();
        let blamed = set.iter().any(|(_, other)| other.key == entry.key);
        if large && decides && !blamed && case.trial.greatest_fraction(key).is_some() {
            shares.push((key, entry));
        }
    }
    shares
}

/// Where the whole that Flink names is only what is left of the process.
fn remainder(case: &Case<'_, '_>) -> Option<String> {
    let key = *case.failure.blame.first()?;
    let process = case.subject.size(key)?;
    let amounts = amounts(case.failure.message());
    let (_, whole) = amounts.iter().find(|(name, _)| name.ends_with("Total Flink Memory"))?;
    let is_process = matches!(key, KnownKey::TmProcessSize | KnownKey::JmProcessSize);
    let outside = process.checked_sub(*whole).filter(|outside| is_process && *outside > 0)?;
    Some(format!("metaspace and JVM overhead take {outside} bytes of the {process} before Flink has any"))
}

/// How much the parts take together, and of how much.
fn balance(case: &Case<'_, '_>) -> Option<String> {
    let amounts = amounts(case.failure.message());
    // the whole stands last in these texts, the parts before it; the texts of two sizes name the whole first
    let (whole, parts) = match amounts.as_slice() {
        [parts @ .., (name, whole)] if name.contains("exceed") => (*whole, parts),
        [(_, whole), parts @ ..] => (*whole, parts),
        [] => return None,
    };
    let sum = parts.iter().fold(0u64, |sum, (_, part)| sum.saturating_add(*part));
    let short = sum.checked_sub(whole)?;
    if parts.len() < 2 {
        return Some(format!("{sum} bytes are needed, {whole} bytes are there: {short} bytes short"));
    }
    let terms: Vec<_> = parts.iter().map(|(_, part)| part.to_string()).collect();
    Some(format!(
        "{} = {sum} bytes are needed, {whole} bytes are there: {short} bytes short",
        terms.join(" + ")
    ))
}

/// MEM0003.
pub(super) fn overhead(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for case in cases(subject, &[Kind::OverheadOutside]) {
        let amounts = amounts(case.failure.message());
        let numbers: Vec<u64> = amounts.iter().map(|(_, bytes)| *bytes).collect();
        let [overhead, min, max] = numbers[..] else { continue };
        let mut found = Diagnostic::error(format!(
            "the sizes of the {} leave an overhead outside its range",
            case.which.name()
        ));
        let set = case.set();
        for (i, (_, entry)) in set.iter().enumerate() {
            let text = size_of(entry).map_or_else(String::new, both);
            found = found.label(subject.at_value(entry, text, i == 0));
        }
        let (process, flink, max_key) = match case.which {
            Which::TaskManager => (KnownKey::TmProcessSize, KnownKey::TmFlinkSize, KnownKey::TmOverheadMax),
            Which::JobManager => (KnownKey::JmProcessSize, KnownKey::JmFlinkSize, KnownKey::JmOverheadMax),
        };
        found = found
            .note(format!(
                "process size less Flink memory less metaspace is {overhead} bytes of overhead; {min} to {max} bytes \
                 are allowed"
            ))
            .note(case.flink_says());
        let container = subject.deployment != Deployment::Standalone;
        let order = if container { [flink, process] } else { [process, flink] };
        for key in order {
            if let Some(entry) = subject.set(key) {
                found = case.remove(found, key, entry, "one of the two sizes is enough, the other follows");
            }
        }
        if let Some(size) = subject.size(process) {
            let wanted =
                if overhead > max { size - (overhead - max) } else { size.saturating_add(min - overhead) };
            found = case.change(found, process, wanted);
        }
        if overhead > max {
            found = case.change(found, max_key, mebibytes_up(overhead));
        }
        out.push(case.or_several(found));
    }
}

/// MEM0004.
pub(super) fn network(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for case in cases(subject, &[Kind::NetworkOutside]) {
        let amounts = amounts(case.failure.message());
        let set = case.set();
        let mut found =
            Diagnostic::error("what the other parts leave for the network is not what its options allow");
        // a heap that leaves too much or too little is the likely culprit
        let culprit = set.iter().position(|(key, _)| *key == KnownKey::TmTaskHeap).unwrap_or(0);
        for (i, (_, entry)) in set.iter().enumerate() {
            let text = size_of(entry).map_or_else(|| entry.value.text().into_owned(), both);
            found = found.label(subject.at_value(entry, text, i == culprit));
        }
        match amounts.as_slice() {
            [(_, rest), (_, min), (_, max)] => {
                found = found
                    .note(format!("{rest} bytes are left; {min} to {max} bytes are allowed"))
                    .note(case.flink_says());
                if rest > max {
                    found = case.change(found, KnownKey::TmNetworkMax, mebibytes_up(*rest));
                    if let Some(heap) = subject.size(KnownKey::TmTaskHeap) {
                        found = case.change(found, KnownKey::TmTaskHeap, heap.saturating_add(rest - max));
                    }
                } else {
                    if let Some(heap) = subject.size(KnownKey::TmTaskHeap) {
                        found = case.change(found, KnownKey::TmTaskHeap, heap.saturating_sub(min - rest));
                    }
                    if let Some(flink) = subject.size(KnownKey::TmFlinkSize) {
                        found = case.change(found, KnownKey::TmFlinkSize, flink.saturating_add(min - rest));
                    }
                    found = case.change(found, KnownKey::TmNetworkMin, *rest);
                }
            }
            _ => found = found.note(case.flink_says()),
        }
        for key in [KnownKey::TmTaskHeap, KnownKey::TmNumberOfBuffers, KnownKey::TmFlinkSize] {
            if let Some(entry) = subject.set(key) {
                found = case.remove(found, key, entry, "Flink derives it from the other sizes");
            }
        }
        out.push(case.or_several(found));
    }
}

/// MEM0005.
pub(super) fn heap(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for case in cases(subject, &[Kind::HeapMismatch]) {
        let mut found = Diagnostic::error("JobManager heap, off-heap memory and Flink size do not add up");
        let set = case.set();
        for (i, (_, entry)) in set.iter().enumerate() {
            let text = size_of(entry).map_or_else(String::new, both);
            found = found.label(subject.at_value(entry, text, i == 0));
        }
        found = found.note(case.flink_says());
        if let Some(entry) = subject.set(KnownKey::JmFlinkSize) {
            let why = "the heap alone sizes the JobManager";
            found = case.remove(found, KnownKey::JmFlinkSize, entry, why);
        }
        if let Some(entry) = subject.set(KnownKey::JmHeap) {
            found = case.remove(found, KnownKey::JmHeap, entry, "the Flink size alone sizes the JobManager");
            if subject.set(KnownKey::JmOffHeap).is_none() {
                found = case.lower(found, KnownKey::JmHeap, entry);
            }
        }
        if let Some(entry) = subject.set(KnownKey::JmOffHeap) {
            found = case.remove(found, KnownKey::JmOffHeap, entry, "it becomes what the heap leaves");
        }
        out.push(case.or_several(found));
    }
}
