//! The facts of a JobManager.

use plimsoll_memory::MemorySize;
use plimsoll_memory::config::KnownKey;
use plimsoll_memory::model::{JobManager, Sizing, Whole};

use super::Pool;
use super::fact::{Fact, Texts, whole_name};

/// All pools of a JobManager, wholes first.
pub(super) fn pools(texts: Texts<'_>, process: &JobManager) -> Vec<Pool> {
    use KnownKey as K;
    let whole = |of: Whole| whole(texts, process, of);
    let heap = || vec![texts.brief("JVM heap", &process.heap)];
    let off_heap = || vec![texts.brief("Off-heap", &process.off_heap)];
    let around = || {
        vec![
            Fact::size(whole_name(Whole::Flink), process.total_flink()),
            texts.brief("JVM metaspace", &process.metaspace),
        ]
    };
    vec![
        Pool::new("process", &[K::JmProcessSize], whole(Whole::Process)),
        Pool::new("flink", &[K::JmFlinkSize], whole(Whole::Flink)),
        Pool::new(
            "heap",
            &[K::JmHeap, K::JmHeapSize, K::JmHeapMb],
            texts.part("JVM heap (-Xmx, -Xms)", &process.heap, &whole, &off_heap),
        ),
        Pool::new(
            "off-heap",
            &[K::JmOffHeap, K::JmDirectLimit],
            texts.part("Off-heap", &process.off_heap, &whole, &heap),
        ),
        Pool::new(
            "metaspace",
            &[K::JmMetaspace],
            texts.part("JVM metaspace", &process.metaspace, &whole, &Vec::new),
        ),
        Pool::new(
            "overhead",
            &[K::JmOverheadMin, K::JmOverheadMax, K::JmOverheadFraction],
            texts.part("JVM overhead", &process.overhead, &whole, &around),
        ),
    ]
}

fn whole(texts: Texts<'_>, process: &JobManager, of: Whole) -> Fact {
    let metaspace = || texts.brief("JVM metaspace", &process.metaspace);
    let overhead = || texts.brief("JVM overhead", &process.overhead);
    match of {
        Whole::Process => {
            let fact = Fact::size("Total process memory", process.total_process());
            match process.configured_process {
                Some(read) => fact.set(&texts, read.setting),
                None => fact.by("total Flink memory + JVM metaspace + JVM overhead").because([
                    Fact::size(whole_name(Whole::Flink), process.total_flink()),
                    metaspace(),
                    overhead(),
                ]),
            }
        }
        Whole::Flink | Whole::FlinkWithoutNetwork => {
            let fact = Fact::size("Total Flink memory", process.total_flink());
            match (process.configured_flink, process.sizing) {
                (Some(read), _) => fact.set(&texts, read.setting),
                (None, Sizing::Process) => fact
                    .by("total process memory - JVM metaspace - JVM overhead")
                    .because([whole(texts, process, Whole::Process), metaspace(), overhead()]),
                (None, _) => fact.by("JVM heap + off-heap").because([
                    texts.brief("JVM heap", &process.heap),
                    texts.brief("Off-heap", &process.off_heap),
                ]),
            }
        }
        Whole::ProcessWithoutOverhead => {
            let sum = process.total_process().bytes() - process.overhead.size.bytes();
            Fact::size(whole_name(of), MemorySize::from_bytes(sum))
                .by("total Flink memory + JVM metaspace")
                .because([whole(texts, process, Whole::Flink), metaspace()])
        }
    }
}
