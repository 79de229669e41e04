//! What the state backend makes of managed memory: MEM0019, MEM0020, MEM0021, MEM0022.

use plimsoll_memory::config::{Entry, KnownKey};
use plimsoll_memory::model::rocksdb::{self, Ratios};

use super::failure::both;
use crate::bytes::{Readable, Written, mebibytes_up};
use crate::diagnostic::{Diagnostic, Severity};
use crate::subject::{Deployment, Subject};

/// A state backend that is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Backend {
    Heap,
    RocksDb,
    Other,
}

fn backend(subject: &Subject<'_>) -> Option<Backend> {
    let word = subject.word(KnownKey::StateBackendType)?;
    Some(match word.as_str() {
        "hashmap" | "jobmanager" | "filesystem" | "memory" => Backend::Heap,
        name if name.contains("rocksdb") => Backend::RocksDb,
        name if name.ends_with("hashmapstatebackendfactory") || name.ends_with("fsstatebackendfactory") => {
            Backend::Heap
        }
        _ => Backend::Other,
    })
}

/// Options whose presence says that somebody else takes managed memory: Python, batch operators.
fn has_other_consumer(subject: &Subject<'_>) -> bool {
    subject.conf().entries().any(|(_, entry)| {
        let key = entry.key.as_str();
        key.starts_with("python.")
            || key.starts_with("table.exec.resource.")
            || key == "execution.runtime-mode" && !entry.value.text().eq_ignore_ascii_case("streaming")
    })
}

fn slots(subject: &Subject<'_>) -> u64 {
    subject.integer(KnownKey::TmSlots).and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0).unwrap_or(1)
}

/// MEM0019.
pub(super) fn idle(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let (Some(tm), Some(Backend::Heap)) = (subject.tm(), backend(subject)) else { return };
    let Some(entry) = subject.set(KnownKey::StateBackendType) else { return };
    let managed = tm.managed.size.bytes();
    if managed == 0 || has_other_consumer(subject) {
        return;
    }
    let size = subject.set(KnownKey::TmManagedSize).or_else(|| subject.set(KnownKey::TmManagedFraction));
    let set =
        size.and_then(|e| subject.at_value(e, format!("{} of managed memory", Readable(managed)), false));
    let edit = match size {
        Some(e) => subject.set_to(e, "0"),
        None => subject.insert_after(entry, &format!("{}: 0", KnownKey::TmManagedSize)),
    };
    let target = size.map_or(KnownKey::TmManagedSize.as_str(), |e| e.key.as_str());
    let found = Diagnostic::warning("managed memory lies idle under a heap state backend")
        .label(subject.at_value(entry, "state lives on the JVM heap", true))
        .label(set)
        .note(format!("{} of every TaskManager is set aside and used by nobody", both(managed)))
        .note("batch operators, Python workers and some SQL windows take managed memory whatever the state backend")
        .fix(format!("if none of those run here, set {target}: 0; the bytes go to the task heap"), edit);
    out.push(found);
}

/// The two ratios, as set or by default.
fn ratios(subject: &Subject<'_>) -> (f64, f64) {
    let or = |key, default| subject.number(key).unwrap_or(default);
    let Ratios { write_buffer, high_priority } = Ratios::default();
    (or(KnownKey::RocksDbWriteBufferRatio, write_buffer), or(KnownKey::RocksDbHighPrioRatio, high_priority))
}

/// MEM0020.
pub(super) fn ratio(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let (write, high) = ratios(subject);
    let write_entry = subject.set(KnownKey::RocksDbWriteBufferRatio);
    let high_entry = subject.set(KnownKey::RocksDbHighPrioRatio);
    if write_entry.is_none() && high_entry.is_none() {
        return;
    }
    let refused = Ratios { write_buffer: write, high_priority: high }.validate().err();
    if let Some(refused) = refused {
        let default = Ratios::default();
        let without_write = Ratios { high_priority: high, ..default };
        let without_high = Ratios { write_buffer: write, ..default };
        // the one whose default alone would fit is the culprit
        let mends = |entry: Option<&Entry>, left: Ratios| entry.is_some() && left.validate().is_ok();
        let culprit = if mends(high_entry, without_high) {
            high_entry
        } else if mends(write_entry, without_write) {
            write_entry
        } else {
            None
        };
        let primary = culprit.or(write_entry).or(high_entry);
        let mut found = Diagnostic::error("write buffers and high-priority pool exceed the cache of RocksDB");
        for entry in [write_entry, high_entry].into_iter().flatten() {
            let is_primary = primary.is_some_and(|p| p.key == entry.key);
            found = found.label(subject.at_value(entry, "a share of the same cache", is_primary));
        }
        let chain = refused.chain();
        let says = chain.first().and_then(|e| e.message.as_deref()).unwrap_or_default();
        found = found.note(format!(
            "2·w/(3−w) + h must be below 1; with w = {write} and h = {high} Flink refuses the state backend: {says}"
        ));
        out.push(match culprit {
            Some(entry) => {
                found.fix(format!("remove {}: its default fits", entry.key), subject.delete(entry))
            }
            None => found.help("remove both: the defaults 0.5 and 0.1 fit"),
        });
        return;
    }
    if let Some(entry) = high_entry.filter(|_| high == 0.0) {
        let found =
            Diagnostic::warning("no pool of high priority: index and filter blocks are evicted like data")
                .label(subject.at_value(entry, "no bytes are kept for index and filter blocks", true))
                .note("a read that misses its index block reads the disk before it can even look for the key")
                .fix("set it to its default: 0.1", subject.set_to(entry, "0.1"));
        out.push(found);
    }
    if let Some(entry) = write_entry.filter(|_| write <= 0.0) {
        let found = Diagnostic::warning("RocksDB has no memory for write buffers")
            .label(subject.at_value(entry, "every write is flushed at once", true))
            .fix("set it to its default: 0.5", subject.set_to(entry, "0.5"));
        out.push(found);
    }
}

/// Whether a slot with so many bytes has room for an arena block, by Flink's own formulas.
fn has_room(total: u64, write_ratio: f64, arena: i64) -> bool {
    let manager = rocksdb::write_buffer_manager_capacity(signed(total), write_ratio);
    rocksdb::is_valid_arena_block_size(arena, rocksdb::mutable_limit(manager))
}

/// A size as Java's `long`.
fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// The least bytes of a slot that have room: doubled until they have, then halved down.
fn least_room(write_ratio: f64, arena: i64) -> Option<u64> {
    let mut high = (0..50).map(|shift| 1u64 << shift).find(|total| has_room(*total, write_ratio, arena))?;
    let mut low = high / 2;
    while high - low > 1 {
        let middle = u64::midpoint(low, high);
        if has_room(middle, write_ratio, arena) { high = middle } else { low = middle }
    }
    Some(high)
}

/// MEM0021.
pub(super) fn flushes(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let (Some(tm), Some(Backend::RocksDb)) = (subject.tm(), backend(subject)) else { return };
    let managed = subject.word(KnownKey::RocksDbManaged).is_none_or(|word| word != "false");
    let fixed = subject.size(KnownKey::RocksDbFixedPerSlot);
    if fixed.is_none() && !managed {
        return;
    }
    let slots = slots(subject);
    let per_slot = fixed.unwrap_or(tm.managed.size.bytes() / slots);
    let (write, _) = ratios(subject);
    let buffer = subject.size(KnownKey::RocksDbWriteBufferSize).unwrap_or(64 << 20);
    let arena = rocksdb::default_arena_block_size(signed(buffer));
    let limit = rocksdb::mutable_limit(rocksdb::write_buffer_manager_capacity(signed(per_slot), write));
    if has_room(per_slot, write, arena) {
        return;
    }
    // ratios that leave no room at any size have a rule of their own
    let Some(least) = least_room(write, arena) else { return };
    let backend = subject.set(KnownKey::StateBackendType);
    let mut found =
        Diagnostic::warning("RocksDB will flush all the time: a slot has less than one arena block");
    let size = if fixed.is_some() {
        subject.set(KnownKey::RocksDbFixedPerSlot)
    } else {
        subject.set(KnownKey::TmManagedSize).or_else(|| subject.set(KnownKey::TmManagedFraction))
    };
    let primary = size.or_else(|| subject.set(KnownKey::TmSlots)).or(backend);
    if let Some(entry) = primary {
        found = found.label(subject.at_value(entry, format!("{} for each slot", Readable(per_slot)), true));
    }
    if let Some(entry) = subject.set(KnownKey::TmSlots).filter(|e| primary.is_none_or(|p| p.key != e.key)) {
        found = found.label(subject.at_value(entry, "slots share it", false));
    }
    found = found.note(format!(
        "an arena block takes {arena} bytes, memtables are flushed at {limit}: every column family needs a block at least"
    ));
    let help = if let (Some(_), Some(entry)) = (fixed, size) {
        let to = Written(mebibytes_up(least)).to_string();
        found.fix(
            format!("at least {least} bytes for each slot: {}: {to}", entry.key),
            subject.set_to(entry, to),
        )
    } else {
        let total = least.saturating_mul(slots);
        let to = Written(mebibytes_up(total));
        let edit =
            size.filter(|e| e.key.as_str().ends_with("size")).and_then(|e| subject.set_to(e, to.to_string()));
        let key = KnownKey::TmManagedSize;
        let line = format!("{key}: {to}");
        let s = if slots == 1 { "" } else { "s" };
        let edit = edit.or_else(|| subject.insert_after(backend.filter(|_| size.is_none())?, &line));
        let found = found.fix(format!("at least {least} bytes for each of {slots} slot{s}: {line}"), edit);
        if slots > 1 { found.help("or use fewer slots") } else { found }
    };
    out.push(help);
}

/// MEM0022.
pub(super) fn outside(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let Some(tm) = subject.tm() else { return };
    let overhead = tm.overhead.size.bytes();
    let slots = slots(subject);
    if let Some((entry, fixed)) =
        subject.set(KnownKey::RocksDbFixedPerSlot).zip(subject.size(KnownKey::RocksDbFixedPerSlot))
    {
        let total = fixed.saturating_mul(slots);
        let native = overhead.saturating_add(tm.task_off_heap.size.bytes());
        let found = Diagnostic::warning("a fixed size for RocksDB is no part of the process's budget")
            .label(subject.at_value(entry, format!("{} × {slots} slots", Readable(fixed)), true))
            .note(format!(
                "{} of native memory that no pool accounts for; overhead and task off-heap memory have {} together",
                both(total),
                both(native)
            ))
            .note(format!("managed memory ({}) is not used by RocksDB then", both(tm.managed.size.bytes())))
            .fix(
                "remove it and size managed memory instead: it is part of the budget",
                subject.delete(entry),
            );
        out.push(found);
        return;
    }
    let Some(entry) = subject.set(KnownKey::RocksDbManaged) else { return };
    if subject.word(KnownKey::RocksDbManaged).as_deref() != Some("false")
        || subject.set(KnownKey::RocksDbFixedPerTm).is_some()
    {
        return;
    }
    let contained = subject.deployment != Deployment::Standalone;
    let severity = if contained { Severity::Warning } else { Severity::Note };
    let found = Diagnostic::new(severity, "nothing bounds the memory of RocksDB")
        .label(subject.at_value(entry, "every state has its own cache and write buffers", true))
        .note(
            "as a rule of thumb 140 MB for each state and slot, timers included; the overhead has to hold it",
        )
        .note(format!(
            "the overhead is {}, managed memory of {} lies idle",
            both(overhead),
            both(tm.managed.size.bytes())
        ))
        .fix("remove it: RocksDB shares the slot's managed memory", subject.delete(entry));
    out.push(found);
}
