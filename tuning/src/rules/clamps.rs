//! Limits that silently win: MEM0011. Settings that decide nothing: MEM0013.

use plimsoll_memory::config::KnownKey;
use plimsoll_memory::model::{Cause, Clamp, FractionOf, Part, Sizing, Whole};

use super::failure::both;
use crate::bytes::{Readable, Written, mebibytes_up};
use crate::diagnostic::{Diagnostic, Severity};
use crate::remedy::starts_with;
use crate::subject::Subject;

/// A pool whose size a fraction may decide.
struct Pool {
    name: &'static str,
    part: Part,
    fraction: KnownKey,
    min: KnownKey,
    max: KnownKey,
}

fn pools(subject: &Subject<'_>) -> Vec<Pool> {
    let mut pools = Vec::new();
    if let Some(tm) = subject.tm() {
        pools.push(Pool {
            name: "network memory",
            part: tm.network,
            fraction: KnownKey::TmNetworkFraction,
            min: KnownKey::TmNetworkMin,
            max: KnownKey::TmNetworkMax,
        });
        pools.push(Pool {
            name: "JVM overhead of the TaskManager",
            part: tm.overhead,
            fraction: KnownKey::TmOverheadFraction,
            min: KnownKey::TmOverheadMin,
            max: KnownKey::TmOverheadMax,
        });
    }
    if let Some(jm) = subject.jm() {
        pools.push(Pool {
            name: "JVM overhead of the JobManager",
            part: jm.overhead,
            fraction: KnownKey::JmOverheadFraction,
            min: KnownKey::JmOverheadMin,
            max: KnownKey::JmOverheadMax,
        });
    }
    pools
}

/// MEM0011.
pub(super) fn hidden(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for pool in pools(subject) {
        let Some(fraction) = pool.part.fraction() else { continue };
        let (limit_key, wins) = match fraction.clamp {
            Clamp::Inside => continue,
            Clamp::Max => (pool.max, "maximum"),
            Clamp::Min => (pool.min, "minimum"),
        };
        // equal ends are how a size is fixed on purpose
        if fraction.min.value == fraction.max.value {
            continue;
        }
        if let Some(found) = hidden_by(subject, &pool, fraction, limit_key, wins) {
            out.push(found);
        }
    }
}

fn hidden_by(
    subject: &Subject<'_>,
    pool: &Pool,
    fraction: &FractionOf,
    limit_key: KnownKey,
    wins: &str,
) -> Option<Diagnostic> {
    let limit = pool.part.size.bytes();
    let product = fraction.product.bytes();
    let set = subject.set(pool.fraction);
    // a default fraction that meets a default limit is news only where much is cut off, and never for a JobManager,
    // whose native memory does not grow with its heap
    let large = pool.fraction != KnownKey::JmOverheadFraction && product / 2 >= limit;
    let severity = match (set, subject.set(limit_key)) {
        (Some(_), _) => Severity::Warning,
        (None, None) if fraction.clamp == Clamp::Max && large => Severity::Note,
        _ => return None,
    };
    let derived = Readable(product);
    let title = format!("the fraction decides nothing: the {wins} of the {} wins", pool.name);
    let mut found = Diagnostic::new(severity, title);
    if let Some(entry) = set {
        found = found.label(subject.at_value(entry, format!("gives {derived}"), true));
    }
    match subject.set(limit_key) {
        Some(entry) => {
            let text = format!("the {wins} is {}", Readable(limit));
            found = found.label(subject.at_value(entry, text, false));
        }
        None => found = found.note(format!("the {wins} is the default of {limit_key}: {}", both(limit))),
    }
    if set.is_none() {
        let process = if limit_key.as_str().starts_with('t') {
            KnownKey::TmProcessSize
        } else {
            KnownKey::JmProcessSize
        };
        let entry = subject.set(process);
        found = found
            .label(entry.and_then(|e| subject.at_value(e, format!("its fraction would be {derived}"), true)));
    }
    found = found
        .note(format!("the fraction gives {product} bytes, {limit} are used; Flink only logs this at INFO"));
    let to = match fraction.clamp {
        Clamp::Max => mebibytes_up(product),
        _ => product >> 20 << 20,
    };
    let direction = if fraction.clamp == Clamp::Max { "raise" } else { "lower" };
    let line = format!("{limit_key}: {}", Written(to));
    let text = format!("{direction} the {wins}: {line}");
    // a limit that holds the fraction may leave too little for the other parts
    let works = starts_with(subject, limit_key, &Written(to).to_string());
    found = match (subject.set(limit_key), set) {
        _ if !works && set.is_some() => found,
        _ if !works => {
            found.help(format!("size the whole otherwise: with {line} the process does not start"))
        }
        (Some(entry), _) => {
            let text = format!("{direction} the {wins}: {}: {}", entry.key, Written(to));
            found.fix(text, subject.set_to(entry, Written(to).to_string()))
        }
        (None, Some(entry)) => found.fix(text, subject.insert_after(entry, &line)),
        (None, None) => found.help(text),
    };
    let or = if found.help.is_empty() { "" } else { "or " };
    Some(match set {
        Some(entry) => found.fix(format!("{or}remove {}", entry.key), subject.delete(entry)),
        None => found,
    })
}

/// MEM0013.
pub(super) fn without_effect(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    if let (Some(fraction), Some(size), Some(_)) =
        (subject.set(KnownKey::TmManagedFraction), subject.set(KnownKey::TmManagedSize), subject.tm())
    {
        let found = Diagnostic::warning(format!("{} has no effect", fraction.key))
            .label(subject.at_value(fraction, "never read", true))
            .label(subject.at_value(size, "the size is set, and wins", false))
            .note("the fraction counts only where no managed size is set")
            .fix(format!("remove {}", fraction.key), subject.delete(fraction));
        out.push(found);
    }
    for pool in pools(subject) {
        let Cause::Rest { of, whole } = pool.part.cause else { continue };
        let Some(entry) = subject.set(pool.fraction) else { continue };
        let sizing = subject.tm().map(|tm| tm.sizing);
        let why = match sizing {
            Some(Sizing::Process | Sizing::Flink) if pool.fraction == KnownKey::TmNetworkFraction => {
                "task heap and the whole are set"
            }
            _ => "more than one size is set",
        };
        let found = Diagnostic::warning(format!("{} has no effect", entry.key))
            .label(subject.at_value(entry, "decides nothing", true))
            .note(format!(
                "{why}: the {} is what the other parts leave of {} of {}, here {}",
                pool.name,
                Readable(whole.bytes()),
                if of == Whole::Process { "the process" } else { "Flink memory" },
                both(pool.part.size.bytes())
            ))
            .fix(format!("remove {}", entry.key), subject.delete(entry));
        out.push(found);
    }
}
