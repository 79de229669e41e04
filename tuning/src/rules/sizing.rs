//! Nothing sizes the process: MEM0002. Settings of the process that Flink refuses: MEM0010.

use plimsoll_memory::config::{Entry, Key, KnownKey};
use plimsoll_memory::model::{Kind, slot};

use super::failure::cases;
use crate::bytes::{Readable, Written};
use crate::diagnostic::Diagnostic;
use crate::keys::{Standing, standing};
use crate::remedy::Which;
use crate::subject::{Deployment, Subject, size_of};

/// MEM0002.
pub(super) fn missing(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    for case in cases(subject, &[Kind::Missing]) {
        let (prefix, process, flink, usual) = match case.which {
            Which::TaskManager => {
                ("taskmanager.memory.", KnownKey::TmProcessSize, KnownKey::TmFlinkSize, [1728, 1280])
            }
            Which::JobManager => {
                ("jobmanager.memory.", KnownKey::JmProcessSize, KnownKey::JmFlinkSize, [1600, 1152])
            }
        };
        let mut found = Diagnostic::error(format!("nothing says how large the {} is", case.which.name()));
        // a typo or a key of another version is no part
        let part = subject.conf().entries().map(|(_, entry)| entry).find(|e| {
            let key = e.key.as_str();
            matches!(e.key, Key::Known(_))
                && key.starts_with(prefix)
                && standing(key, subject.version) == Standing::Fine
        });
        let retired = retired(subject, case.which);
        if let Some(entry) = part {
            found = found.label(subject.at_key(entry, "a part is set, but no size of the whole", true));
        } else if let Some((entry, _)) = retired {
            found = found.label(subject.at_key(entry, "this version no longer reads it", true));
        }
        found = found.note(case.flink_says());
        let standalone = subject.deployment == Deployment::Standalone;
        let sizes = [(process, usual[0]), (flink, usual[1])];
        let order = if standalone { [sizes[1], sizes[0]] } else { sizes };
        for (key, mebibytes) in order {
            let why =
                if key == process { "the size of the container" } else { "without metaspace and overhead" };
            let known = [retired.map(|(_, size)| size), Some(mebibytes << 20)];
            let known = known.into_iter().flatten().find(|size| case.trial.with(key, *size));
            let least = || case.trial.least(key, 0).map(|least| case.trial.rounded_up(key, least));
            let Some(size) = known.or_else(least) else { continue };
            let line = format!("{key}: {}", Written(size));
            found = found.fix(format!("set {line} ({why}) or more"), subject.append(&line));
        }
        // another failure waits behind this one, whatever the size
        if found.help.is_empty() {
            found = found.help(format!(
                "set {process}, and check again: no size alone mends this, other options leave too little"
            ));
        }
        out.push(found);
    }
}

/// The old heap size, where the version no longer reads it: how large the process was meant to be.
fn retired<'a>(subject: &Subject<'a>, which: Which) -> Option<(&'a Entry, u64)> {
    let keys = match which {
        Which::TaskManager => [KnownKey::TmHeapSize, KnownKey::TmHeapMb],
        Which::JobManager => [KnownKey::JmHeapSize, KnownKey::JmHeapMb],
    };
    let mut set = keys.into_iter().filter_map(|key| subject.conf().get(key));
    set.find_map(|(_, entry)| Some((entry, size_of(entry).filter(|size| *size > 0)?)))
}

/// MEM0010.
pub(super) fn settings(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let kinds = [Kind::Cpu, Kind::Slots, Kind::SegmentSize, Kind::Overflow, Kind::NotResolved];
    for case in cases(subject, &kinds) {
        let title = match case.failure.kind {
            Kind::Cpu => "the TaskManager has no CPU core",
            Kind::Slots => "the TaskManager has no slot",
            Kind::SegmentSize => "no segment has this size",
            Kind::Overflow => "a size is beyond 64 bit",
            _ => "the process cannot read this back",
        };
        let mut found = Diagnostic::error(title);
        let mut set = case.set();
        if set.is_empty() && case.failure.kind == Kind::Overflow {
            // the sum overflows: the largest size is to blame
            let sizes = KnownKey::ALL.iter().filter_map(|key| Some((*key, subject.conf().get(*key)?.1)));
            set.extend(sizes.max_by_key(|(_, entry)| size_of(entry)));
        }
        for (i, (_, entry)) in set.iter().enumerate() {
            found = found.label(subject.at_value(entry, "", i == 0));
        }
        found = found.note(case.flink_says());
        for (key, entry) in &set {
            found = match (case.failure.kind, key) {
                (Kind::SegmentSize, _) => segment(subject, found),
                (Kind::Cpu | Kind::Slots, KnownKey::TmSlots) if case.trial.with_text(*key, "1") => {
                    found.fix(format!("set {key}: 1 or more"), subject.set_to(entry, "1"))
                }
                _ => case.remove(found, *key, entry, "its default works"),
            };
        }
        out.push(case.or_several(found));
    }
    started(subject, out);
}

/// What the start-up call lets pass and the process it starts refuses: slots and segment size.
fn started(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let Some(process) = subject.tm() else { return };
    if let Err(failure) = slot::of_started(subject.conf(), subject.rules, process)
        && failure.kind == Kind::Slots
        && let Some(entry) = subject.set(KnownKey::TmSlots)
    {
        let found = Diagnostic::error("the TaskManager has no slot")
            .label(subject.at_value(entry, "at least 1", true))
            .note(format!("the TaskManager starts and stops at once: {}", failure.message()))
            .fix("set taskmanager.numberOfTaskSlots: 1 or more", subject.set_to(entry, "1"));
        out.push(found);
    }
    let Some((entry, size)) = subject.set(KnownKey::TmSegmentSize).and_then(|e| Some((e, size_of(e)?)))
    else {
        return;
    };
    if size.is_power_of_two() && (4096..=1 << 30).contains(&size) {
        return;
    }
    let found = Diagnostic::error("no segment has this size")
        .label(subject.at_value(entry, Readable(size).to_string(), true))
        .note("a segment is a power of two from 4 KiB to 1 GiB; the TaskManager starts and stops at once");
    out.push(segment(subject, found));
}

fn segment(subject: &Subject<'_>, found: Diagnostic) -> Diagnostic {
    let Some(entry) = subject.set(KnownKey::TmSegmentSize) else { return found };
    let size = size_of(entry).unwrap_or(32 << 10);
    let to = Written(size.clamp(4096, 1 << 30).next_power_of_two()).to_string();
    found.fix(format!("set {}: {to}", entry.key), subject.set_to(entry, to))
}
