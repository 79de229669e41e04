//! Keys. Those that the memory model of some version reads are known by number, so that a look-up is an index.

use std::fmt;

/// A key: known to the model, or any other text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// A key that the model of some version reads.
    Known(KnownKey),
    /// Any other.
    Other(Box<str>),
}

impl Key {
    /// The key of a text. Case matters, and nothing is trimmed.
    pub fn new(text: &str) -> Self {
        KnownKey::of(text).map_or_else(|| Self::Other(text.into()), Self::Known)
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(known) => known.as_str(),
            Self::Other(text) => text,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! known_keys {
    ($($name:ident = $text:literal,)*) => {
        /// A key that the memory model of some version reads.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum KnownKey {
            $(#[doc = concat!("`", $text, "`")] $name,)*
        }

        /// How many known keys there are.
        pub const KEY_COUNT: usize = [$($text),*].len();

        const TEXTS: [&str; KEY_COUNT] = [$($text),*];

        impl KnownKey {
            /// All of them.
            pub const ALL: [Self; KEY_COUNT] = [$(Self::$name),*];
        }
    };
}

known_keys! {
    TmProcessSize = "taskmanager.memory.process.size",
    TmFlinkSize = "taskmanager.memory.flink.size",
    TmFrameworkHeap = "taskmanager.memory.framework.heap.size",
    TmFrameworkOffHeap = "taskmanager.memory.framework.off-heap.size",
    TmTaskHeap = "taskmanager.memory.task.heap.size",
    TmTaskOffHeap = "taskmanager.memory.task.off-heap.size",
    TmManagedSize = "taskmanager.memory.managed.size",
    TmManagedSizeOld = "taskmanager.memory.size",
    TmManagedFraction = "taskmanager.memory.managed.fraction",
    TmNetworkMin = "taskmanager.memory.network.min",
    TmNetworkMinOld = "taskmanager.network.memory.min",
    TmNetworkMax = "taskmanager.memory.network.max",
    TmNetworkMaxOld = "taskmanager.network.memory.max",
    TmNetworkFraction = "taskmanager.memory.network.fraction",
    TmNetworkFractionOld = "taskmanager.network.memory.fraction",
    TmMetaspace = "taskmanager.memory.jvm-metaspace.size",
    TmOverheadMin = "taskmanager.memory.jvm-overhead.min",
    TmOverheadMax = "taskmanager.memory.jvm-overhead.max",
    TmOverheadFraction = "taskmanager.memory.jvm-overhead.fraction",
    TmSegmentSize = "taskmanager.memory.segment-size",
    TmSlots = "taskmanager.numberOfTaskSlots",
    TmCpuCores = "taskmanager.cpu.cores",
    TmNumberOfBuffers = "taskmanager.network.numberOfBuffers",
    TmHeapSize = "taskmanager.heap.size",
    TmHeapMb = "taskmanager.heap.mb",
    TmConsumerWeights = "taskmanager.memory.managed.consumer-weights",
    TmBatchShuffle = "taskmanager.memory.framework.off-heap.batch-shuffle.size",
    ExternalResources = "external-resources",
    JmProcessSize = "jobmanager.memory.process.size",
    JmFlinkSize = "jobmanager.memory.flink.size",
    JmHeap = "jobmanager.memory.heap.size",
    JmOffHeap = "jobmanager.memory.off-heap.size",
    JmDirectLimit = "jobmanager.memory.enable-jvm-direct-memory-limit",
    JmMetaspace = "jobmanager.memory.jvm-metaspace.size",
    JmOverheadMin = "jobmanager.memory.jvm-overhead.min",
    JmOverheadMax = "jobmanager.memory.jvm-overhead.max",
    JmOverheadFraction = "jobmanager.memory.jvm-overhead.fraction",
    JmHeapSize = "jobmanager.heap.size",
    JmHeapMb = "jobmanager.heap.mb",
    RocksDbManaged = "state.backend.rocksdb.memory.managed",
    RocksDbFixedPerSlot = "state.backend.rocksdb.memory.fixed-per-slot",
    RocksDbFixedPerTm = "state.backend.rocksdb.memory.fixed-per-tm",
    RocksDbWriteBufferRatio = "state.backend.rocksdb.memory.write-buffer-ratio",
    RocksDbHighPrioRatio = "state.backend.rocksdb.memory.high-prio-pool-ratio",
    RocksDbPartitioned = "state.backend.rocksdb.memory.partitioned-index-filters",
    RocksDbWriteBufferSize = "state.backend.rocksdb.writebuffer.size",
    StateBackend = "state.backend",
    StateBackendType = "state.backend.type",
    NetworkBuffersPerChannel = "taskmanager.network.memory.buffers-per-channel",
    NetworkFloatingBuffers = "taskmanager.network.memory.floating-buffers-per-gate",
    NetworkRequiredPerGateMax = "taskmanager.network.memory.read-buffer.required-per-gate.max",
    NetworkSortShuffleMinBuffers = "taskmanager.network.sort-shuffle.min-buffers",
    NetworkSortShuffleMinParallelism = "taskmanager.network.sort-shuffle.min-parallelism",
}

impl KnownKey {
    /// The known key of a text, if it is one.
    #[inline]
    pub fn of(text: &str) -> Option<Self> {
        let mut place = hash(text.as_bytes()) as usize % TABLE_SIZE;
        loop {
            let index = TABLE[place].checked_sub(1)? as usize;
            if TEXTS[index] == text {
                return Some(Self::ALL[index]);
            }
            place = (place + 1) % TABLE_SIZE;
        }
    }

    /// Its text.
    #[inline]
    pub const fn as_str(self) -> &'static str {
        TEXTS[self as usize]
    }

    /// Its number, below [`KEY_COUNT`].
    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for KnownKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Four times the keys and a power of two: most look-ups end at the first place.
const TABLE_SIZE: usize = 256;
const _: () = assert!(KEY_COUNT * 4 <= TABLE_SIZE, "the key table is too full");

/// Open addressing; an index into `TEXTS` plus one, 0 where empty.
static TABLE: [u8; TABLE_SIZE] = {
    let mut table = [0u8; TABLE_SIZE];
    let mut i = 0;
    while i < KEY_COUNT {
        let mut place = hash(TEXTS[i].as_bytes()) as usize % TABLE_SIZE;
        while table[place] != 0 {
            place = (place + 1) % TABLE_SIZE;
        }
        #[expect(clippy::cast_possible_truncation, reason = "KEY_COUNT is below 256, asserted above")]
        {
            table[place] = (i + 1) as u8;
        }
        i += 1;
    }
    table
};

/// The length, the last twelve bytes and three from before them: keys differ at their ends.
#[expect(clippy::cast_possible_truncation, reason = "the low bits of a length will do")]
const fn hash(text: &[u8]) -> u32 {
    let mut h = 0x811c_9dc5u32 ^ text.len() as u32;
    let mut i = text.len().saturating_sub(12);
    while i < text.len() {
        h = (h ^ text[i] as u32).wrapping_mul(0x0100_0193);
        i += 1;
    }
    if text.len() > 20 {
        h = (h ^ text[0] as u32 ^ (text[text.len() - 16] as u32) << 8 ^ (text[text.len() - 20] as u32) << 16)
            .wrapping_mul(0x0100_0193);
    }
    h ^ (h >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_finds_itself_and_nothing_else_does() {
        for key in KnownKey::ALL {
            assert_eq!(KnownKey::of(key.as_str()), Some(key));
            assert_eq!(KnownKey::of(&key.as_str().to_uppercase()), None);
            assert_eq!(KnownKey::of(&key.as_str()[1..]), None);
        }
        assert_eq!(KnownKey::of(""), None);
    }
}
