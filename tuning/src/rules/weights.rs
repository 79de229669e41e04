//! Weights of the consumers of managed memory: MEM0012.

use plimsoll_memory::config::KnownKey;

use crate::diagnostic::Diagnostic;
use crate::subject::Subject;

/// MEM0012.
pub(super) fn check(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    // 1.11 and earlier have no weights: there the key is unknown
    if (subject.version.major, subject.version.minor) < (1, 12) {
        return;
    }
    let Some(entry) = subject.set(KnownKey::TmConsumerWeights) else { return };
    let text = entry.value.text();
    let weights: Vec<(String, i64)> = text
        .trim_matches(['{', '}', '"', '\''])
        .split(',')
        .filter_map(|item| item.split_once([':', '=']))
        .filter_map(|(name, weight)| Some((name.trim().to_uppercase(), weight.trim().parse().ok()?)))
        .collect();
    if let Some((name, weight)) = weights.iter().find(|(_, weight)| *weight < 0) {
        let found = Diagnostic::error("a weight below zero")
            .label(subject.at_value(entry, format!("{name} has {weight}"), true))
            .note(format!(
                "jobs will not start: Managed memory weight should not be negative. Configured weight for {name} is \
                 {weight}."
            ))
            .fix(format!("remove {}: the defaults hold then", entry.key), subject.delete(entry));
        out.push(found);
        return;
    }
    let data_processing = subject.rules.data_processing_weight.then_some("DATAPROC");
    let weight = |name: &str| {
        let named = |wanted: &str| weights.iter().find(|(n, _)| n == wanted).map(|(_, weight)| *weight);
        let old = data_processing.filter(|_| name != "PYTHON").and_then(named);
        named(name).or(old).unwrap_or(0)
    };
    let rocksdb = subject.word(KnownKey::StateBackendType).is_some_and(|word| word.contains("rocksdb"));
    let python = subject.conf().entries().any(|(_, e)| e.key.as_str().starts_with("python."));
    let starved = [("STATE_BACKEND", rocksdb, "RocksDB"), ("PYTHON", python, "the Python workers")]
        .into_iter()
        .find(|(name, used, _)| *used && weight(name) == 0);
    let Some((name, _, who)) = starved else { return };
    let how = if weights.iter().any(|(n, _)| n == name) { "weight 0" } else { "not named, so weight 0" };
    let found = Diagnostic::error(format!("{who} get no managed memory: {name} has weight 0"))
        .label(subject.at_value(entry, format!("{name}: {how}"), true))
        .note("a map that is set replaces all of the default one")
        .note("a job that needs the share fails at its start: The fraction of memory to allocate should not be 0.")
        .fix(format!("remove {}: the defaults hold then", entry.key), subject.delete(entry));
    out.push(found);
}
