//! The facts of a TaskManager.

use plimsoll_memory::MemorySize;
use plimsoll_memory::config::KnownKey;
use plimsoll_memory::java::double_to_string;
use plimsoll_memory::model::{Part, Sizing, TaskManager, Whole};

use super::Pool;
use super::fact::{Fact, Texts, whole_name};

struct Explainer<'a> {
    texts: Texts<'a>,
    process: &'a TaskManager,
}

/// All pools of a TaskManager, wholes first.
pub(super) fn pools(texts: Texts<'_>, process: &TaskManager) -> Vec<Pool> {
    let explainer = Explainer { texts, process };
    let mut pools = vec![
        Pool::new("process", &[KnownKey::TmProcessSize], explainer.whole(Whole::Process)),
        Pool::new(
            "flink",
            &[KnownKey::TmFlinkSize, KnownKey::TmHeapSize, KnownKey::TmHeapMb],
            explainer.whole(Whole::Flink),
        ),
    ];
    pools.extend(
        explainer
            .parts()
            .into_iter()
            .map(|(name, label, keys, part)| Pool::new(name, keys, explainer.part(name, label, &part))),
    );
    let sum = |label: &str, size: MemorySize, names: &[&str]| {
        Fact::size(label, size).by("their sum").because(explainer.brief(names))
    };
    pools.push(Pool::new(
        "heap",
        &[],
        sum("JVM heap (-Xmx, -Xms)", process.jvm_heap(), &["framework-heap", "task-heap"]),
    ));
    pools.push(Pool::new(
        "direct",
        &[],
        sum(
            "JVM direct memory (-XX:MaxDirectMemorySize)",
            process.jvm_direct(),
            &["framework-off-heap", "task-off-heap", "network"],
        ),
    ));
    let cores = Fact::value("CPU cores", double_to_string(process.cpu.cores))
        .set(&explainer.texts, process.cpu.setting);
    pools.push(Pool::new("cpu", &[KnownKey::TmCpuCores, KnownKey::TmSlots], cores));
    pools
}

type Row = (&'static str, &'static str, &'static [KnownKey], Part);

impl Explainer<'_> {
    fn parts(&self) -> [Row; 8] {
        use KnownKey as K;
        let p = self.process;
        [
            ("framework-heap", "Framework heap", &[K::TmFrameworkHeap], p.framework_heap),
            ("task-heap", "Task heap", &[K::TmTaskHeap], p.task_heap),
            (
                "managed",
                "Managed memory",
                &[K::TmManagedSize, K::TmManagedSizeOld, K::TmManagedFraction],
                p.managed,
            ),
            ("framework-off-heap", "Framework off-heap", &[K::TmFrameworkOffHeap], p.framework_off_heap),
            ("task-off-heap", "Task off-heap", &[K::TmTaskOffHeap], p.task_off_heap),
            (
                "network",
                "Network memory",
                &[
                    K::TmNetworkMin,
                    K::TmNetworkMax,
                    K::TmNetworkFraction,
                    K::TmNetworkMinOld,
                    K::TmNetworkMaxOld,
                    K::TmNetworkFractionOld,
                    K::TmNumberOfBuffers,
                    K::TmSegmentSize,
                ],
                p.network,
            ),
            ("metaspace", "JVM metaspace", &[K::TmMetaspace], p.metaspace),
            (
                "overhead",
                "JVM overhead",
                &[K::TmOverheadMin, K::TmOverheadMax, K::TmOverheadFraction],
                p.overhead,
            ),
        ]
    }

    fn part(&self, name: &str, label: &str, part: &Part) -> Fact {
        let others = || -> Vec<Fact> {
            if name == "overhead" {
                let flink = Fact::size(whole_name(Whole::Flink), self.process.total_flink());
                return std::iter::once(flink).chain(self.brief(&["metaspace"])).collect();
            }
            let of_flink =
                ["framework-heap", "task-heap", "framework-off-heap", "task-off-heap", "managed", "network"];
            let others: Vec<&str> = of_flink.into_iter().filter(|other| *other != name).collect();
            self.brief(&others)
        };
        self.texts.part(label, part, &|whole| self.whole(whole), &others)
    }

    /// Parts by name, without their reasons.
    fn brief(&self, names: &[&str]) -> Vec<Fact> {
        let parts = self.parts();
        let of =
            |name: &&str| parts.iter().find(|row| row.0 == *name).map(|row| self.texts.brief(row.1, &row.3));
        names.iter().filter_map(of).collect()
    }

    fn whole(&self, whole: Whole) -> Fact {
        let p = self.process;
        match whole {
            Whole::Process => {
                let fact = Fact::size("Total process memory", p.total_process());
                match p.configured_process {
                    Some(read) => fact.set(&self.texts, read.setting),
                    None => fact
                        .by("total Flink memory + JVM metaspace + JVM overhead")
                        .because([Fact::size(whole_name(Whole::Flink), p.total_flink())])
                        .because(self.brief(&["metaspace", "overhead"])),
                }
            }
            Whole::Flink => {
                let fact = Fact::size("Total Flink memory", p.total_flink());
                match (p.configured_flink, p.sizing) {
                    (Some(read), _) => fact.set(&self.texts, read.setting),
                    (None, Sizing::Process) => fact
                        .by("total process memory - JVM metaspace - JVM overhead")
                        .because([self.whole(Whole::Process)])
                        .because(self.brief(&["metaspace", "overhead"])),
                    (None, _) => fact.by("the sum of its parts").because(self.brief(&[
                        "framework-heap",
                        "task-heap",
                        "framework-off-heap",
                        "task-off-heap",
                        "managed",
                        "network",
                    ])),
                }
            }
            Whole::FlinkWithoutNetwork => {
                let names = ["framework-heap", "task-heap", "framework-off-heap", "task-off-heap", "managed"];
                let parts = self.brief(&names);
                let sum = parts.iter().filter_map(|fact| fact.bytes).sum();
                Fact::size(whole_name(whole), MemorySize::from_bytes(sum)).by("their sum").because(parts)
            }
            Whole::ProcessWithoutOverhead => {
                let sum = MemorySize::from_bytes(p.total_process().bytes() - p.overhead.size.bytes());
                Fact::size(whole_name(whole), sum)
                    .by("total Flink memory + JVM metaspace")
                    .because([self.whole(Whole::Flink)])
                    .because(self.brief(&["metaspace"]))
            }
        }
    }
}
