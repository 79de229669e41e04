//! `JobManagerOptions`: the memory options and their defaults.

use crate::MemorySize;
use crate::config::KnownKey;
use crate::model::jvm::JvmOptions;
use crate::model::option::{Opt, SizeOption};
use crate::model::part::RangeOptions;

const fn mebibytes(key: KnownKey, default: u64) -> SizeOption {
    Opt::new(key, Some(MemorySize::from_mebibytes(default)))
}

pub(in crate::model) const HEAP: SizeOption = Opt::new(KnownKey::JmHeap, None);
pub(in crate::model) const OFF_HEAP: SizeOption = mebibytes(KnownKey::JmOffHeap, 128);
pub(in crate::model) const DIRECT_LIMIT: Opt<bool> = Opt::new(KnownKey::JmDirectLimit, Some(false));
pub(in crate::model) const HEAP_SIZE: SizeOption = Opt::new(KnownKey::JmHeapSize, None);
pub(in crate::model) const HEAP_MB: Opt<i32> = Opt::new(KnownKey::JmHeapMb, None);

pub(in crate::model) const JVM: JvmOptions = JvmOptions {
    process: Opt::new(KnownKey::JmProcessSize, None),
    flink: Opt::new(KnownKey::JmFlinkSize, None),
    metaspace: mebibytes(KnownKey::JmMetaspace, 256),
    overhead: RangeOptions {
        min: mebibytes(KnownKey::JmOverheadMin, 192),
        max: mebibytes(KnownKey::JmOverheadMax, 1024),
        fraction: Opt::new(KnownKey::JmOverheadFraction, Some(0.1)),
    },
};
