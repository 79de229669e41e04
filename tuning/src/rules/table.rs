//! The table of all rules.

use super::{
    Example, Rule, allocator, buffers, clamps, connector, format, java_opts, retired, sizing, state, sums,
    unknown, values, weights,
};
use crate::diagnostic::Severity;

/// All rules, by code.
pub static RULES: [Rule; 25] = [
    Rule {
        code: "MEM0001",
        name: "parts-exceed-whole",
        severity: Severity::Error,
        summary: "The parts of a process are larger than the whole",
        source: "FLINK-19327 (apache/flink-statefun#157), apache/streampark#3330",
        story: include_str!("../../stories/MEM0001.md"),
        wrong: Example::of(
            "1.11",
            "\
            jobmanager.memory.process.size: 500m\n\
        ",
        ),
        right: Example::of(
            "1.11",
            "\
            jobmanager.memory.process.size: 1600m\n\
        ",
        ),
        check: sums::parts,
    },
    Rule {
        code: "MEM0002",
        name: "process-unsized",
        severity: Severity::Error,
        summary: "No option says how large the process is",
        source: "harbby/sylph#161",
        story: include_str!("../../stories/MEM0002.md"),
        wrong: Example::of(
            "1.11",
            "\
            taskmanager.memory.managed.fraction: 0.5\n\
        ",
        ),
        right: Example::of(
            "1.11",
            "\
            taskmanager.memory.process.size: 4g\n\
            taskmanager.memory.managed.fraction: 0.5\n\
        ",
        ),
        check: sizing::missing,
    },
    Rule {
        code: "MEM0003",
        name: "overhead-outside-range",
        severity: Severity::Error,
        summary: "Process size and Flink size leave an overhead outside its range",
        source: "FLINK-15597",
        story: include_str!("../../stories/MEM0003.md"),
        wrong: Example::of(
            "1.11",
            "\
            taskmanager.memory.process.size: 8g\n\
            taskmanager.memory.flink.size: 6g\n\
        ",
        ),
        right: Example::of(
            "1.11",
            "\
            taskmanager.memory.process.size: 8g\n\
        ",
        ),
        check: sums::overhead,
    },
    Rule {
        code: "MEM0004",
        name: "network-outside-range",
        severity: Severity::Error,
        summary: "What is left for the network is not what its options allow",
        source: "FLINK-15143 (apache/flink-web#328)",
        story: include_str!("../../stories/MEM0004.md"),
        wrong: Example::of(
            "1.11",
            "\
            taskmanager.memory.flink.size: 8g\n\
            taskmanager.memory.task.heap.size: 2g\n\
        ",
        ),
        right: Example::of(
            "1.11",
            "\
            taskmanager.memory.flink.size: 8g\n\
        ",
        ),
        check: sums::network,
    },
    Rule {
        code: "MEM0005",
        name: "heap-mismatch",
        severity: Severity::Error,
        summary: "JobManager heap, off-heap memory and Flink size do not add up",
        source: "FLINK-18188 (apache/flink#12557)",
        story: include_str!("../../stories/MEM0005.md"),
        wrong: Example::of(
            "1.11",
            "\
            jobmanager.memory.heap.size: 2g\n\
            jobmanager.memory.flink.size: 1g\n\
        ",
        ),
        right: Example::of(
            "1.11",
            "\
            jobmanager.memory.heap.size: 2g\n\
        ",
        ),
        check: sums::heap,
    },
    Rule {
        code: "MEM0006",
        name: "range-impossible",
        severity: Severity::Error,
        summary: "A minimum is above its maximum, or a fraction is outside [0, 1)",
        source: "Flink documentation, Memory Troubleshooting Guide: IllegalConfigurationException",
        story: include_str!("../../stories/MEM0006.md"),
        wrong: Example::of(
            "1.20",
            "\
            taskmanager.memory.process.size: 1728m\n\
            taskmanager.memory.managed.fraction: 40\n\
        ",
        ),
        right: Example::of(
            "1.20",
            "\
            taskmanager.memory.process.size: 1728m\n\
            taskmanager.memory.managed.fraction: 0.4\n\
        ",
        ),
        check: values::range,
    },
    Rule {
        code: "MEM0007",
        name: "unreadable-value",
        severity: Severity::Error,
        summary: "Flink cannot read the value: an unknown unit, a decimal, a quote",
        source: "lyft/flinkk8soperator#97",
        story: include_str!("../../stories/MEM0007.md"),
        wrong: Example::of(
            "1.20",
            "\
            taskmanager.memory.process.size: 4Gi\n\
        ",
        ),
        right: Example::of(
            "1.20",
            "\
            taskmanager.memory.process.size: 4g\n\
        ",
        ),
        check: values::unreadable,
    },
    Rule {
        code: "MEM0008",
        name: "heap-flag",
        severity: Severity::Error,
        summary: "-Xmx or -Xms in env.java.opts overrides the derived heap",
        source: "FLINK-20547",
        story: include_str!("../../stories/MEM0008.md"),
        wrong: Example::of(
            "1.11",
            "\
            jobmanager.memory.heap.size: 40960m\n\
            env.java.opts.jobmanager: -Xmx25600m -Xms25600m\n\
        ",
        ),
        right: Example::of(
            "1.11",
            "\
            jobmanager.memory.heap.size: 25600m\n\
        ",
        ),
        check: java_opts::heap,
    },
    Rule {
        code: "MEM0009",
        name: "limit-flag",
        severity: Severity::Warning,
        summary: "Another JVM flag overrides or ignores a derived limit",
        source: "FLINK-20547; config.sh of the Flink distribution",
        story: include_str!("../../stories/MEM0009.md"),
        wrong: Example::of(
            "1.20",
            "\
            taskmanager.memory.process.size: 1728m\n\
            env.java.opts.taskmanager: -XX:+UseG1GC -XX:MaxMetaspaceSize=512m\n\
        ",
        ),
        right: Example::of(
            "1.20",
            "\
            taskmanager.memory.process.size: 1728m\n\
            taskmanager.memory.jvm-metaspace.size: 512m\n\
            env.java.opts.taskmanager: -XX:+UseG1GC\n\
        ",
        ),
        check: java_opts::limits,
    },
    Rule {
        code: "MEM0010",
        name: "illegal-setting",
        severity: Severity::Error,
        summary: "CPU cores, slots or segment size that no process starts with",
        source: "Flink documentation, Configuration: taskmanager.memory.segment-size",
        story: include_str!("../../stories/MEM0010.md"),
        wrong: Example::of(
            "1.20",
            "\
            taskmanager.memory.process.size: 1728m\n\
            taskmanager.memory.segment-size: 48kb\n\
        ",
        ),
        right: Example::of(
            "1.20",
            "\
            taskmanager.memory.process.size: 1728m\n\
            taskmanager.memory.segment-size: 64kb\n\
        ",
        ),
        check: sizing::settings,
    },
    Rule {
        code: "MEM0011",
        name: "limit-hides-fraction",
        severity: Severity::Warning,
        summary: "A fraction is set, and its minimum or maximum wins silently",
        source: "FLINK-30469; apache/beam#34450",
        story: include_str!("../../stories/MEM0011.md"),
        wrong: Example::of(
            "1.11",
            "\
            taskmanager.memory.process.size: 32g\n\
            taskmanager.memory.network.fraction: 0.2\n\
            taskmanager.memory.jvm-overhead.max: 4g\n\
        ",
        ),
        right: Example::of(
            "1.11",
            "\
            taskmanager.memory.process.size: 32g\n\
            taskmanager.memory.network.fraction: 0.2\n\
            taskmanager.memory.network.max: 6g\n\
            taskmanager.memory.jvm-overhead.max: 4g\n\
        ",
        ),
        check: clamps::hidden,
    },
    Rule {
        code: "MEM0012",
        name: "starved-consumer",
        severity: Severity::Error,
        summary: "A consumer of managed memory that is in use has weight 0",
        source: "FLINK-20282, apache/paimon#4232",
        story: include_str!("../../stories/MEM0012.md"),
        wrong: Example::of(
            "1.20",
            "\
            taskmanager.memory.process.size: 1728m\n\
            state.backend.type: rocksdb\n\
            taskmanager.memory.managed.consumer-weights: OPERATOR:70,PYTHON:30\n\
        ",
        ),
        right: Example::of(
            "1.20",
            "\
            taskmanager.memory.process.size: 1728m\n\
            state.backend.type: rocksdb\n\
            taskmanager.memory.managed.consumer-weights: OPERATOR:70,STATE_BACKEND:70,PYTHON:30\n\
        ",
        ),
        check: weights::check,
    },
    Rule {
        code: "MEM0013",
        name: "setting-without-effect",
        severity: Severity::Warning,
        summary: "A fraction is set beside the size that replaces it",
        source: "FLINK-15143 (apache/flink-web#328)",
        story: include_str!("../../stories/MEM0013.md"),
        wrong: Example::of(
            "1.20",
            "\
            taskmanager.memory.process.size: 1728m\n\
            taskmanager.memory.managed.size: 256m\n\
            taskmanager.memory.managed.fraction: 0.6\n\
        ",
        ),
        right: Example::of(
            "1.20",
            "\
            taskmanager.memory.process.size: 1728m\n\
            taskmanager.memory.managed.size: 256m\n\
        ",
        ),
        check: clamps::without_effect,
    },
    Rule {
        code: "MEM0014",
        name: "retired-key",
        severity: Severity::Warning,
        summary: "A key of older versions, renamed or ignored",
        source: "FLINK-16746, DTStack/chunjun#215",
        story: include_str!("../../stories/MEM0014.md"),
        wrong: Example::of(
            "1.20",
            "\
            taskmanager.heap.size: 4g\n\
        ",
        ),
        right: Example::of(
            "1.20",
            "\
            taskmanager.memory.flink.size: 4g\n\
        ",
        ),
        check: retired::check,
    },
    Rule {
        code: "MEM0015",
        name: "bogus-key",
        severity: Severity::Warning,
        summary: "A key that articles name and that never existed",
        source: "Flink documentation, Configuration (no such option in any release)",
        story: include_str!("../../stories/MEM0015.md"),
        wrong: Example::of(
            "1.20",
            "\
            taskmanager.memory.process.size: 1728m\n\
            taskmanager.memory.network.size: 256m\n\
        ",
        ),
        right: Example::of(
            "1.20",
            "\
            taskmanager.memory.process.size: 1728m\n\
            taskmanager.memory.network.min: 256m\n\
            taskmanager.memory.network.max: 256m\n\
        ",
        ),
        check: unknown::never_existed,
    },
    Rule {
        code: "MEM0016",
        name: "unknown-key",
        severity: Severity::Warning,
        summary: "A key under a memory prefix that this version does not know",
        source: "Flink documentation, Configuration",
        story: include_str!("../../stories/MEM0016.md"),
        wrong: Example::of(
            "1.20",
            "\
            taskmanager.memory.process.size: 1728m\n\
            taskmanager.memory.managed.faction: 0.6\n\
        ",
        ),
        right: Example::of(
            "1.20",
            "\
            taskmanager.memory.process.size: 1728m\n\
            taskmanager.memory.managed.fraction: 0.6\n\
        ",
        ),
        check: unknown::unknown,
    },
    Rule {
        code: "MEM0017",
        name: "size-without-unit",
        severity: Severity::Warning,
        summary: "A bare number: bytes, where mebibytes were meant",
        source: "DTStack/chunjun#517, lyft/flinkk8soperator#106",
        story: include_str!("../../stories/MEM0017.md"),
        wrong: Example::of(
            "1.20",
            "\
            taskmanager.memory.process.size: 1728m\n\
            taskmanager.memory.task.off-heap.size: 128\n\
        ",
        ),
        right: Example::of(
            "1.20",
            "\
            taskmanager.memory.process.size: 1728m\n\
            taskmanager.memory.task.off-heap.size: 128m\n\
        ",
        ),
        check: values::no_unit,
    },
    Rule {
        code: "MEM0018",
        name: "no-direct-memory",
        severity: Severity::Warning,
        summary: "A connector needs direct memory, and task off-heap memory is 0",
        source: "apache/fluss#2236, airbnb/chronon#370",
        story: include_str!("../../stories/MEM0018.md"),
        wrong: Example::of(
            "1.20",
            "\
            taskmanager.memory.process.size: 1728m\n\
            pipeline.jars: file:///opt/job/fluss-flink-1.20.jar\n\
        ",
        ),
        right: Example::of(
            "1.20",
            "\
            taskmanager.memory.process.size: 1728m\n\
            taskmanager.memory.task.off-heap.size: 256m\n\
            pipeline.jars: file:///opt/job/fluss-flink-1.20.jar\n\
        ",
        ),
        check: connector::check,
    },
    Rule {
        code: "MEM0019",
        name: "idle-managed-memory",
        severity: Severity::Warning,
        summary: "Managed memory lies idle under a heap state backend",
        source: "FLINK-15143 (apache/flink#10999): heap state backend",
        story: include_str!("../../stories/MEM0019.md"),
        wrong: Example::of(
            "1.20",
            "\
            taskmanager.memory.process.size: 8g\n\
            state.backend.type: hashmap\n\
        ",
        ),
        right: Example::of(
            "1.20",
            "\
            taskmanager.memory.process.size: 8g\n\
            state.backend.type: hashmap\n\
            taskmanager.memory.managed.size: 0\n\
        ",
        ),
        check: state::idle,
    },
    Rule {
        code: "MEM0020",
        name: "rocksdb-ratios",
        severity: Severity::Warning,
        summary: "The shares of RocksDB's cache do not fit, or leave index blocks without priority",
        source: "FLINK-14495 (apache/flink#10498)",
        story: include_str!("../../stories/MEM0020.md"),
        wrong: Example::of(
            "1.20",
            "\
            taskmanager.memory.process.size: 1728m\n\
            state.backend.type: rocksdb\n\
            state.backend.rocksdb.memory.high-prio-pool-ratio: 0.0\n\
        ",
        ),
        right: Example::of(
            "1.20",
            "\
            taskmanager.memory.process.size: 1728m\n\
            state.backend.type: rocksdb\n\
            state.backend.rocksdb.memory.high-prio-pool-ratio: 0.1\n\
        ",
        ),
        check: state::ratio,
    },
    Rule {
        code: "MEM0021",
        name: "rocksdb-flushes",
        severity: Severity::Warning,
        summary: "A slot's managed memory holds less than one arena block of RocksDB",
        source: "FLINK-19238, FLINK-15748 (dataArtisans/flink-benchmarks#50)",
        story: include_str!("../../stories/MEM0021.md"),
        wrong: Example::of(
            "1.20",
            "\
            taskmanager.memory.process.size: 2g\n\
            taskmanager.memory.managed.size: 192m\n\
            taskmanager.numberOfTaskSlots: 8\n\
            state.backend.type: rocksdb\n\
        ",
        ),
        right: Example::of(
            "1.20",
            "\
            taskmanager.memory.process.size: 2g\n\
            taskmanager.memory.managed.size: 512m\n\
            taskmanager.numberOfTaskSlots: 8\n\
            state.backend.type: rocksdb\n\
        ",
        ),
        check: state::flushes,
    },
    Rule {
        code: "MEM0022",
        name: "rocksdb-unbudgeted",
        severity: Severity::Warning,
        summary: "RocksDB takes memory that no pool of the process holds",
        source: "FLINK-15532, FLINK-15143 (apache/flink#10999)",
        story: include_str!("../../stories/MEM0022.md"),
        wrong: Example::of(
            "1.20",
            "\
            taskmanager.memory.process.size: 4g\n\
            state.backend.type: rocksdb\n\
            state.backend.rocksdb.memory.managed: false\n\
        ",
        ),
        right: Example::of(
            "1.20",
            "\
            taskmanager.memory.process.size: 4g\n\
            state.backend.type: rocksdb\n\
        ",
        ),
        check: state::outside,
    },
    Rule {
        code: "MEM0023",
        name: "allocator",
        severity: Severity::Warning,
        summary: "The image's allocator keeps memory that nobody uses",
        source: "FLINK-19125, FLINK-39924",
        story: include_str!("../../stories/MEM0023.md"),
        wrong: Example::of(
            "1.20",
            "\
            taskmanager.memory.process.size: 4g\n\
            state.backend.type: rocksdb\n\
        ",
        )
        .with("DISABLE_JEMALLOC=true\n"),
        right: Example::of(
            "1.20",
            "\
            taskmanager.memory.process.size: 4g\n\
            state.backend.type: rocksdb\n\
        ",
        )
        .with("MALLOC_CONF=narenas:8\n"),
        check: allocator::check,
    },
    Rule {
        code: "MEM0024",
        name: "misread-line",
        severity: Severity::Warning,
        summary: "A line that Flink drops or reads otherwise than it looks",
        source: "apache/streampark#4199, apache/flink-cdc#2802",
        story: include_str!("../../stories/MEM0024.md"),
        wrong: Example::of(
            "1.11",
            "\
            taskmanager.memory.process.size: 1728m\n\
            taskmanager.memory.managed.fraction:0.2\n\
        ",
        ),
        right: Example::of(
            "1.11",
            "\
            taskmanager.memory.process.size: 1728m\n\
            taskmanager.memory.managed.fraction: 0.2\n\
        ",
        ),
        check: format::check,
    },
    Rule {
        code: "MEM0025",
        name: "buffer-recipe",
        severity: Severity::Warning,
        summary: "Numbers of network buffers far beyond reason",
        source: "Flink documentation, Network memory tuning guide",
        story: include_str!("../../stories/MEM0025.md"),
        wrong: Example::of(
            "1.11",
            "\
            taskmanager.memory.process.size: 1728m\n\
            taskmanager.network.memory.buffers-per-channel: 500\n\
        ",
        ),
        right: Example::of(
            "1.11",
            "\
            taskmanager.memory.process.size: 1728m\n\
            taskmanager.network.memory.buffers-per-channel: 2\n\
        ",
        ),
        check: buffers::check,
    },
];
