//! Weights of the consumers of managed memory: MEM0012.

use plimsoll_memory::config::KnownKey;
use plimsoll_memory::model::version::V1_20;
use plimsoll_memory::model::weights::{UseCase, Weights, WeightsError};

use crate::diagnostic::Diagnostic;
use crate::subject::Subject;

/// MEM0012.
pub(super) fn check(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    // 1.11 and earlier have no weights: there the key is unknown
    if (subject.version.major, subject.version.minor) < (1, 12) {
        return;
    }
    let Some(entry) = subject.set(KnownKey::TmConsumerWeights) else { return };
    // the first releases with weights share the rules of 1.11 for everything else
    let rules = if subject.rules.consumer_weights { subject.rules } else { &V1_20 };
    let default = format!("remove {}: the defaults hold then", entry.key);
    let weights = match Weights::of(subject.conf(), rules) {
        Ok(weights) => weights,
        Err(WeightsError::Unsupported) => return,
        Err(WeightsError::Java(chain)) => {
            let says: Vec<_> = chain.iter().filter_map(|e| e.message.as_deref()).collect();
            let found = Diagnostic::error("Flink cannot read the weights of managed memory")
                .label(subject.at_value(entry, "NAME:weight, joined by commas", true))
                .note(format!("jobs will not start: {}", says.join(" Caused by: ")))
                .fix(default, subject.delete(entry));
            out.push(found);
            return;
        }
    };
    let rocksdb = subject.word(KnownKey::StateBackendType).is_some_and(|word| word.contains("rocksdb"));
    let python = subject.conf().entries().any(|(_, e)| e.key.as_str().starts_with("python."));
    let starved = [
        (UseCase::StateBackend, rocksdb, "RocksDB gets"),
        (UseCase::Python, python, "the Python workers get"),
    ]
    .into_iter()
    .find(|(case, used, _)| *used && weights.get(*case).unwrap_or(0) == 0);
    let Some((case, _, who)) = starved else { return };
    let name = case.name();
    let how = if weights.get(case).is_some() { "has weight 0" } else { "is not named: weight 0" };
    let found = Diagnostic::error(format!("{who} no managed memory"))
        .label(subject.at_value(entry, format!("{name} {how}"), true))
        .note("a map that is set replaces the whole default one")
        .note("a job that needs the share fails at its start: The fraction of memory to allocate should not be 0.")
        .fix(default, subject.delete(entry));
    out.push(found);
}
