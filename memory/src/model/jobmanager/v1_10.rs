//! The JobManager of Flink 1.10, which has no memory model: a start script turns one option into `-Xms` and `-Xmx`.

use crate::MemorySize;
use crate::config::{Configuration, KnownKey};
use crate::java;

/// What `jobmanager.sh` of 1.10 starts the JVM with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandaloneHeap {
    /// `-Xms` and `-Xmx` in mebibytes; 0: the script passes neither.
    pub mebibytes: u64,
}

impl StandaloneHeap {
    /// The JVM arguments: `-Xms1024m -Xmx1024m`, or none.
    pub fn jvm_args(self) -> String {
        match self.mebibytes {
            0 => String::new(),
            n => format!("-Xms{n}m -Xmx{n}m"),
        }
    }
}

/// The heap by `FLINK_JM_HEAP`, `jobmanager.heap.size` (default `1024m`, floored to mebibytes), `jobmanager.heap.mb`.
///
/// # Errors
/// The script's message, where the value is no size.
pub fn standalone_heap(
    conf: &Configuration,
    environment: Option<&str>,
) -> Result<StandaloneHeap, &'static str> {
    const INVALID: &str = "[ERROR] Configured JobManager memory size is not a valid value. Please set \
                           'jobmanager.heap.size' in flink-conf.yaml.";
    let floor = |text: &str| {
        MemorySize::parse(text)
            .map(|size| StandaloneHeap { mebibytes: size.bytes() >> 20 })
            .map_err(|_| INVALID)
    };
    let text = |key| conf.get(key).map(|(_, entry)| entry.value.text());
    if let Some(environment) = environment {
        return floor(environment);
    }
    if let Some(size) = text(KnownKey::JmHeapSize) {
        let heap = floor(&size)?;
        if heap.mebibytes > 0 {
            return Ok(heap);
        }
    }
    match text(KnownKey::JmHeapMb) {
        Some(mb) => {
            let mebibytes = java::parse_int(java::trim(&mb)).ok().and_then(|n| u64::try_from(n).ok());
            mebibytes.map(|mebibytes| StandaloneHeap { mebibytes }).ok_or(INVALID)
        }
        None => floor("1024m"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heap_of_1_10() {
        let heap = |entries: &[(&str, &str)], environment: Option<&str>| {
            let conf = entries.iter().copied().collect();
            standalone_heap(&conf, environment).map(|heap| (heap.mebibytes, heap.jvm_args())).ok()
        };
        let of = |n: u64| Some((n, format!("-Xms{n}m -Xmx{n}m")));
        assert_eq!(heap(&[], None), of(1024));
        assert_eq!(heap(&[("jobmanager.heap.size", "2g")], None), of(2048));
        assert_eq!(heap(&[("jobmanager.heap.size", "3071k")], None), of(2), "floored to mebibytes");
        assert_eq!(heap(&[("jobmanager.heap.size", "2g")], Some("3g")), of(3072), "the environment wins");
        let zero = [("jobmanager.heap.size", "0"), ("jobmanager.heap.mb", "512")];
        assert_eq!(heap(&zero, None), of(512), "mebibytes count where the size is 0");
        assert_eq!(heap(&[("jobmanager.heap.mb", "0")], None), Some((0, String::new())));
        for wrong in
            [[("jobmanager.heap.size", "x")], [("jobmanager.heap.mb", "-1")], [("jobmanager.heap.mb", "x")]]
        {
            assert_eq!(heap(&wrong, None), None, "{wrong:?}");
        }
        assert_eq!(heap(&[], Some("")), None);
    }
}
