//! `TaskManagerOptions`: the memory options and their defaults.

use crate::MemorySize;
use crate::config::KnownKey;
use crate::model::jvm::JvmOptions;
use crate::model::option::{FractionOption, Opt, SizeOption};
use crate::model::part::RangeOptions;
use crate::model::version::Ruleset;

const fn size(key: KnownKey) -> SizeOption {
    Opt::new(key, None)
}

const fn mebibytes(key: KnownKey, default: u64) -> SizeOption {
    Opt::new(key, Some(MemorySize::from_mebibytes(default)))
}

pub(in crate::model) const PROCESS: SizeOption = size(KnownKey::TmProcessSize);
pub(in crate::model) const FLINK: SizeOption = size(KnownKey::TmFlinkSize);
pub(in crate::model) const FRAMEWORK_HEAP: SizeOption = mebibytes(KnownKey::TmFrameworkHeap, 128);
pub(in crate::model) const FRAMEWORK_OFF_HEAP: SizeOption = mebibytes(KnownKey::TmFrameworkOffHeap, 128);
pub(in crate::model) const TASK_HEAP: SizeOption = size(KnownKey::TmTaskHeap);
pub(in crate::model) const TASK_OFF_HEAP: SizeOption = mebibytes(KnownKey::TmTaskOffHeap, 0);
pub(in crate::model) const MANAGED: SizeOption =
    size(KnownKey::TmManagedSize).or(&[KnownKey::TmManagedSizeOld]);
pub(in crate::model) const MANAGED_FRACTION: FractionOption =
    Opt::new(KnownKey::TmManagedFraction, Some(0.4));
pub(in crate::model) const METASPACE: SizeOption = mebibytes(KnownKey::TmMetaspace, 256);
pub(in crate::model) const SEGMENT: SizeOption =
    Opt::new(KnownKey::TmSegmentSize, Some(MemorySize::from_bytes(32 << 10)));
pub(in crate::model) const SLOTS: Opt<i32> = Opt::new(KnownKey::TmSlots, Some(1));
pub(in crate::model) const CPU_CORES: Opt<f64> = Opt::new(KnownKey::TmCpuCores, None);
pub(in crate::model) const NUMBER_OF_BUFFERS: Opt<i32> = Opt::new(KnownKey::TmNumberOfBuffers, Some(2048));
pub(in crate::model) const HEAP_SIZE: SizeOption = size(KnownKey::TmHeapSize);
pub(in crate::model) const HEAP_MB: Opt<i32> = Opt::new(KnownKey::TmHeapMb, None);

pub(in crate::model) const fn network_max(rules: &Ruleset) -> SizeOption {
    Opt::new(KnownKey::TmNetworkMax, Some(rules.network_max)).or(&[KnownKey::TmNetworkMaxOld])
}

pub(in crate::model) const NETWORK_MIN: SizeOption =
    mebibytes(KnownKey::TmNetworkMin, 64).or(&[KnownKey::TmNetworkMinOld]);
pub(in crate::model) const NETWORK_FRACTION: FractionOption =
    Opt::new(KnownKey::TmNetworkFraction, Some(0.1)).or(&[KnownKey::TmNetworkFractionOld]);

pub(in crate::model) const fn network(rules: &Ruleset) -> RangeOptions {
    RangeOptions { min: NETWORK_MIN, max: network_max(rules), fraction: NETWORK_FRACTION }
}

pub(in crate::model) const JVM: JvmOptions = JvmOptions {
    process: PROCESS,
    flink: FLINK,
    metaspace: METASPACE,
    overhead: RangeOptions {
        min: mebibytes(KnownKey::TmOverheadMin, 192),
        max: mebibytes(KnownKey::TmOverheadMax, 1024),
        fraction: Opt::new(KnownKey::TmOverheadFraction, Some(0.1)),
    },
};
