//! Numbers of network buffers beyond reason: MEM0025.

use plimsoll_memory::config::KnownKey;

use crate::bytes::Readable;
use crate::diagnostic::Diagnostic;
use crate::keys::{Standing, standing};
use crate::subject::{Subject, size_of};

/// An option, its default, and how much of it is a recipe rather than tuning.
const OPTIONS: [(KnownKey, i64, i64); 2] =
    [(KnownKey::NetworkBuffersPerChannel, 2, 32), (KnownKey::NetworkFloatingBuffers, 8, 256)];

/// MEM0025.
pub(super) fn check(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let Some(tm) = subject.tm() else { return };
    let segment = subject.set(KnownKey::TmSegmentSize).and_then(size_of).unwrap_or(32 << 10).max(1);
    let all = tm.network.size.bytes() / segment;
    for (key, default, limit) in OPTIONS {
        let Some(entry) = subject.set(key) else { continue };
        let Some(count) = subject.integer(key).filter(|count| *count >= limit) else { continue };
        // a version that ignores the key has its own finding
        if standing(key.as_str(), subject.version) != Standing::Fine {
            continue;
        }
        let per_channel = key == KnownKey::NetworkBuffersPerChannel;
        let unit = if per_channel { "channel" } else { "gate" };
        let bytes = u64::try_from(count).unwrap_or(u64::MAX).saturating_mul(segment);
        let channels = all / u64::try_from(count).unwrap_or(u64::MAX).max(1);
        let title = format!("{count} buffers for each {unit} are {} times the default", count / default);
        let found = Diagnostic::warning(title)
            .label(subject.at_value(entry, format!("{} for each {unit}", Readable(bytes)), true))
            .note(format!(
                "all of the network memory is {} ({all} buffers): enough for {channels} {unit}s, counted without outputs",
                Readable(tm.network.size.bytes())
            ))
            .note("a job fails with Insufficient number of network buffers, or its checkpoints carry all that data in flight")
            .fix(format!("remove {key}: the default is {default}"), subject.delete(entry));
        out.push(found);
    }
}
