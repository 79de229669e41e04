//! From a derived process to its map.

use plimsoll_memory::MemorySize;
use plimsoll_memory::config::{Configuration, KnownKey, Source};
use plimsoll_memory::model::{Cause, JobManager, Part, Read, Sizing, TaskManager};

use super::{Area, MemoryMap, ProcessKind, Tone};
use crate::render::cause::{cause_brief, cause_text, setting_text};

/// Puts the words to the causes.
struct Teller<'a> {
    configuration: &'a Configuration,
    sources: &'a [Source],
}

impl MemoryMap {
    /// The map of a TaskManager. `configuration` and `sources` are those it was derived from.
    pub fn task_manager(tm: &TaskManager, configuration: &Configuration, sources: &[Source]) -> Self {
        let teller = Teller { configuration, sources };
        let leaf = |id, label, short, key: KnownKey, part: &Part, tone| {
            let per_slot = matches!(id, "task_heap" | "task_off_heap" | "managed" | "network");
            Area { per_slot, ..teller.leaf(id, label, short, key, part, tone) }
        };
        let heap = group(
            ("heap", "JVM heap", "JVM heap"),
            tm.jvm_heap(),
            Tone::Heap,
            vec![
                leaf(
                    "framework_heap",
                    "Framework heap",
                    "Framework",
                    KnownKey::TmFrameworkHeap,
                    &tm.framework_heap,
                    Tone::Heap,
                ),
                leaf("task_heap", "Task heap", "Task", KnownKey::TmTaskHeap, &tm.task_heap, Tone::Heap),
            ],
        )
        .bounded("-Xmx", true);
        let direct = group(
            ("direct", "Direct memory", "Direct"),
            tm.jvm_direct(),
            Tone::Direct,
            vec![
                leaf(
                    "framework_off_heap",
                    "Framework off-heap",
                    "Framework",
                    KnownKey::TmFrameworkOffHeap,
                    &tm.framework_off_heap,
                    Tone::Direct,
                ),
                leaf(
                    "task_off_heap",
                    "Task off-heap",
                    "Task",
                    KnownKey::TmTaskOffHeap,
                    &tm.task_off_heap,
                    Tone::Direct,
                ),
                leaf("network", "Network", "Network", KnownKey::TmNetworkFraction, &tm.network, Tone::Direct),
            ],
        )
        .bounded(DIRECT_FLAG, true);
        let managed =
            leaf("managed", "Managed", "Managed", KnownKey::TmManagedSize, &tm.managed, Tone::Managed);
        let off_heap = group(
            ("off_heap", "Off-heap", "Off-heap"),
            tm.total_off_heap(),
            Tone::OffHeap,
            vec![managed, direct],
        );
        let flink = teller.flink(
            KnownKey::TmFlinkSize,
            tm.total_flink(),
            tm.sizing,
            tm.configured_flink,
            vec![heap, off_heap],
        );
        let jvm =
            teller.jvm((KnownKey::TmMetaspace, &tm.metaspace), (KnownKey::TmOverheadFraction, &tm.overhead));
        let root =
            teller.process(KnownKey::TmProcessSize, tm.total_process(), tm.configured_process, flink, jvm);
        Self { process: ProcessKind::TaskManager, root }
    }

    /// The map of a JobManager. `configuration` and `sources` are those it was derived from.
    pub fn job_manager(jm: &JobManager, configuration: &Configuration, sources: &[Source]) -> Self {
        let teller = Teller { configuration, sources };
        let heap = teller
            .leaf("heap", "JVM heap", "JVM heap", KnownKey::JmHeap, &jm.heap, Tone::Heap)
            .bounded("-Xmx", true);
        let off_heap = teller
            .leaf("off_heap", "Off-heap", "Off-heap", KnownKey::JmOffHeap, &jm.off_heap, Tone::Direct)
            .bounded(DIRECT_FLAG, jm.direct_limit.value);
        let flink = teller.flink(
            KnownKey::JmFlinkSize,
            jm.total_flink(),
            jm.sizing,
            jm.configured_flink,
            vec![heap, off_heap],
        );
        let jvm =
            teller.jvm((KnownKey::JmMetaspace, &jm.metaspace), (KnownKey::JmOverheadFraction, &jm.overhead));
        let root =
            teller.process(KnownKey::JmProcessSize, jm.total_process(), jm.configured_process, flink, jvm);
        Self { process: ProcessKind::JobManager, root }
    }
}

const DIRECT_FLAG: &str = "-XX:MaxDirectMemorySize=";

fn group(
    (id, label, short): (&'static str, &'static str, &'static str),
    size: MemorySize,
    tone: Tone,
    children: Vec<Area>,
) -> Area {
    Area {
        id,
        label,
        short,
        key: None,
        bytes: size.bytes(),
        cause: "the sum of its parts".to_owned(),
        brief: "sum".to_owned(),
        flag: None,
        tone,
        per_slot: false,
        children,
    }
}

impl Teller<'_> {
    fn leaf(
        &self,
        id: &'static str,
        label: &'static str,
        short: &'static str,
        key: KnownKey,
        part: &Part,
        tone: Tone,
    ) -> Area {
        Area {
            id,
            label,
            short,
            key: Some(key.as_str()),
            bytes: part.size.bytes(),
            cause: self.full(&part.cause),
            brief: cause_brief(&part.cause, self.configuration, self.sources),
            flag: None,
            tone,
            per_slot: false,
            children: Vec::new(),
        }
    }

    fn full(&self, cause: &Cause) -> String {
        cause_text(cause, self.configuration, self.sources)
    }

    fn jvm(&self, metaspace: (KnownKey, &Part), overhead: (KnownKey, &Part)) -> [Area; 2] {
        [
            self.leaf("metaspace", "JVM metaspace", "Metaspace", metaspace.0, metaspace.1, Tone::Metaspace)
                .bounded("-XX:MaxMetaspaceSize=", true),
            self.leaf("overhead", "JVM overhead", "Overhead", overhead.0, overhead.1, Tone::Overhead),
        ]
    }

    fn flink(
        &self,
        key: KnownKey,
        size: MemorySize,
        sizing: Sizing,
        configured: Option<Read<MemorySize>>,
        parts: Vec<Area>,
    ) -> Area {
        let mut area = group(("flink", "Total Flink memory", "Flink"), size, Tone::Total, parts);
        area.key = Some(key.as_str());
        if sizing == Sizing::Process {
            "what metaspace and overhead leave of total process memory".clone_into(&mut area.cause);
            "rest of process".clone_into(&mut area.brief);
        }
        self.configured(area, configured)
    }

    fn process(
        &self,
        key: KnownKey,
        size: MemorySize,
        configured: Option<Read<MemorySize>>,
        flink: Area,
        [metaspace, overhead]: [Area; 2],
    ) -> Area {
        let parts = vec![flink, metaspace, overhead];
        let mut area = group(("process", "Total process memory", "Process"), size, Tone::Total, parts);
        area.key = Some(key.as_str());
        self.configured(area, configured)
    }

    fn configured(&self, mut area: Area, configured: Option<Read<MemorySize>>) -> Area {
        if let Some(read) = configured {
            area.cause = setting_text(&read.setting, self.configuration, self.sources);
            area.brief = cause_brief(&Cause::Option(read.setting), self.configuration, self.sources);
        }
        area
    }
}

impl Area {
    /// Adds the JVM argument, where it is passed.
    fn bounded(mut self, flag: &str, passed: bool) -> Self {
        self.flag = passed.then(|| format!("{flag}{}", self.bytes));
        self
    }
}

#[cfg(test)]
mod tests {
    use crate::render::testing::{samples, task_manager_map};

    #[test]
    fn children_fill_their_parent() {
        for (name, map) in samples() {
            for (_, _, area) in map.root.walk() {
                let parts: u64 = area.children.iter().map(|child| child.bytes).sum();
                assert!(area.is_leaf() || parts == area.bytes, "{name}: {}", area.id);
            }
        }
    }

    #[test]
    fn flags_are_those_of_the_start_script() {
        let map = task_manager_map("process.size: 1728m");
        let flags: Vec<_> =
            map.root.walk().into_iter().filter_map(|(_, _, area)| area.flag.clone()).collect();
        assert_eq!(
            flags,
            ["-Xmx536870902", "-XX:MaxDirectMemorySize=268435458", "-XX:MaxMetaspaceSize=268435456"]
        );
    }
}
