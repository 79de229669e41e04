//! The table of all rules. Their stories and examples are files of their own, beside the sources.

use super::{
    Example, Rule, allocator, buffers, clamps, connector, format, java_opts, jvm_limits, retired, sizing,
    state, sums, unknown, values, weights,
};
use crate::diagnostic::Severity;

/// A rule whose story and examples are named by its code.
macro_rules! rule {
    (
        $code:literal, $name:literal, $severity:ident, $version:literal, $check:path, $summary:literal, $source:literal
    ) => {
        Rule {
            code: $code,
            name: $name,
            severity: Severity::$severity,
            summary: $summary,
            source: $source,
            story: include_str!(concat!("../../stories/", $code, ".md")),
            wrong: Example::of($version, include_str!(concat!("../../stories/", $code, ".wrong.yaml"))),
            right: Example::of($version, include_str!(concat!("../../stories/", $code, ".right.yaml"))),
            check: $check,
        }
    };
}

/// The rule about images also has environments.
const ALLOCATOR: Rule = {
    let rule = rule!(
        "MEM0023",
        "allocator",
        Warning,
        "1.20",
        allocator::check,
        "The image's allocator keeps memory that nobody uses",
        "FLINK-19125, FLINK-39924"
    );
    Rule {
        wrong: rule.wrong.with(include_str!("../../stories/MEM0023.wrong.env")),
        right: rule.right.with(include_str!("../../stories/MEM0023.right.env")),
        ..rule
    }
};

/// All rules, by code.
pub static RULES: [Rule; 25] = [
    rule!(
        "MEM0001",
        "parts-exceed-whole",
        Error,
        "1.11",
        sums::parts,
        "The parts of a process are larger than the whole",
        "FLINK-19327 (apache/flink-statefun#157), apache/streampark#3330"
    ),
    rule!(
        "MEM0002",
        "process-unsized",
        Error,
        "1.11",
        sizing::missing,
        "No option says how large the process is",
        "harbby/sylph#161"
    ),
    rule!(
        "MEM0003",
        "overhead-outside-range",
        Error,
        "1.11",
        sums::overhead,
        "Process size and Flink size leave an overhead outside its range",
        "FLINK-15597"
    ),
    rule!(
        "MEM0004",
        "network-outside-range",
        Error,
        "1.11",
        sums::network,
        "What is left for the network is not what its options allow",
        "FLINK-15143 (apache/flink-web#328)"
    ),
    rule!(
        "MEM0005",
        "heap-mismatch",
        Error,
        "1.11",
        sums::heap,
        "JobManager heap, off-heap memory and Flink size do not add up",
        "FLINK-18188 (apache/flink#12557)"
    ),
    rule!(
        "MEM0006",
        "range-impossible",
        Error,
        "1.20",
        values::range,
        "A minimum is above its maximum, or a fraction is outside [0, 1)",
        "Flink documentation, Memory Troubleshooting Guide: IllegalConfigurationException"
    ),
    rule!(
        "MEM0007",
        "unreadable-value",
        Error,
        "1.20",
        values::unreadable,
        "Flink cannot read the value: an unknown unit, a decimal, a quote",
        "lyft/flinkk8soperator#97"
    ),
    rule!(
        "MEM0008",
        "heap-flag",
        Error,
        "1.11",
        java_opts::heap,
        "-Xmx or -Xms in env.java.opts overrides the derived heap",
        "FLINK-20547"
    ),
    rule!(
        "MEM0009",
        "limit-flag",
        Warning,
        "1.20",
        jvm_limits::limits,
        "Another JVM flag overrides or ignores a derived limit",
        "FLINK-20547; config.sh of the Flink distribution"
    ),
    rule!(
        "MEM0010",
        "illegal-setting",
        Error,
        "1.20",
        sizing::settings,
        "CPU cores, slots or segment size that no process starts with",
        "Flink documentation, Configuration: taskmanager.memory.segment-size"
    ),
    rule!(
        "MEM0011",
        "limit-hides-fraction",
        Warning,
        "1.11",
        clamps::hidden,
        "A fraction is set, and its minimum or maximum wins silently",
        "FLINK-30469; apache/beam#34450"
    ),
    rule!(
        "MEM0012",
        "starved-consumer",
        Error,
        "1.20",
        weights::check,
        "A consumer of managed memory that is in use has weight 0",
        "FLINK-20282, apache/paimon#4232"
    ),
    rule!(
        "MEM0013",
        "setting-without-effect",
        Warning,
        "1.20",
        clamps::without_effect,
        "A fraction is set beside the size that replaces it",
        "FLINK-15143 (apache/flink-web#328)"
    ),
    rule!(
        "MEM0014",
        "retired-key",
        Warning,
        "1.20",
        retired::check,
        "A key of older versions, renamed or ignored",
        "FLINK-16746, DTStack/chunjun#215"
    ),
    rule!(
        "MEM0015",
        "bogus-key",
        Warning,
        "1.20",
        unknown::never_existed,
        "A key that sounds right and never existed",
        "Flink documentation, Configuration (no such option in any release)"
    ),
    rule!(
        "MEM0016",
        "unknown-key",
        Warning,
        "1.20",
        unknown::unknown,
        "A key under a memory prefix that this version does not know",
        "Flink documentation, Configuration"
    ),
    rule!(
        "MEM0017",
        "size-without-unit",
        Warning,
        "1.20",
        values::no_unit,
        "A bare number: bytes, where mebibytes were meant",
        "DTStack/chunjun#517, lyft/flinkk8soperator#106"
    ),
    rule!(
        "MEM0018",
        "no-direct-memory",
        Warning,
        "1.20",
        connector::check,
        "A connector needs direct memory, and task off-heap memory is 0",
        "apache/fluss#2236, chronon#370"
    ),
    rule!(
        "MEM0019",
        "idle-managed-memory",
        Warning,
        "1.20",
        state::idle,
        "Managed memory lies idle under a heap state backend",
        "FLINK-15143 (apache/flink#10999): heap state backend"
    ),
    rule!(
        "MEM0020",
        "rocksdb-ratios",
        Warning,
        "1.20",
        state::ratio,
        "The shares of RocksDB's cache do not fit, or leave index blocks without priority",
        "FLINK-14495 (apache/flink#10498)"
    ),
    rule!(
        "MEM0021",
        "rocksdb-flushes",
        Warning,
        "1.20",
        state::flushes,
        "A slot's managed memory holds less than one arena block of RocksDB",
        "FLINK-19238, FLINK-15748 (dataArtisans/flink-benchmarks#50)"
    ),
    rule!(
        "MEM0022",
        "rocksdb-unbudgeted",
        Warning,
        "1.20",
        state::outside,
        "RocksDB takes memory that no pool of the process holds",
        "FLINK-15532, FLINK-15143 (apache/flink#10999)"
    ),
    ALLOCATOR,
    rule!(
        "MEM0024",
        "misread-line",
        Warning,
        "1.11",
        format::check,
        "A line that Flink drops or reads otherwise than it looks",
        "apache/streampark#4199, apache/flink-cdc#2802"
    ),
    rule!(
        "MEM0025",
        "buffer-recipe",
        Warning,
        "1.11",
        buffers::check,
        "Numbers of network buffers far beyond reason",
        "Flink documentation, Network memory tuning guide"
    ),
];
