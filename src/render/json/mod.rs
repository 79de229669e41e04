//! The derivation as data for programs, schema version 1.
//!
//! ```json
//! { "schema_version": 1, "flink_version": "1.20", "rules": "1.20.5", "process": "taskmanager", "sizing": "process",
//!   "totals": { "process": 1811939328, "flink": 1342177280, "jvm_heap": 536870902, "jvm_direct": 268435458 },
//!   "pools": [ { "name": "network", "key": "taskmanager.memory.network.fraction", "bytes": 134217730,
//!                "cause": { "kind": "fraction", "fraction": 0.1, … }, "why": "0.1 (default) of total Flink memory, …"
//! } ],
//!   "jvm_args": ["-Xmx536870902", …], "dynamic_properties": [ { "key": "…", "value": "134217730b" } ] }
//! ```
//!
//! All sizes are bytes, as integers up to 2⁶³ − 1. Fields are only ever added; a change of meaning raises the version.

use plimsoll_memory::config::{Configuration, Source};
use plimsoll_memory::model::{Ruleset, Version};
use serde::Serialize;

mod build;

/// The version of the schema below.
pub const SCHEMA_VERSION: u32 = 1;

/// A derived process.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Derivation {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The version that was asked for.
    pub flink_version: String,
    /// The verified release whose rules were used.
    pub rules: &'static str,
    /// `taskmanager` or `jobmanager`.
    pub process: &'static str,
    /// Which options sized it: `fine_grained`, `flink`, `process`.
    pub sizing: &'static str,
    /// Sums.
    pub totals: Totals,
    /// The parts, in the order of the memory map.
    pub pools: Vec<Pool>,
    /// The arguments of the JVM.
    pub jvm_args: Vec<String>,
    /// What Flink's start script adds to the command line, in Flink's order.
    pub dynamic_properties: Vec<Property>,
}

/// Sums in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Total process memory.
    pub process: u64,
    /// Total Flink memory.
    pub flink: u64,
    /// What `-Xmx` says.
    pub jvm_heap: u64,
    /// What `-XX:MaxDirectMemorySize` says; `null` where it is not passed.
    pub jvm_direct: Option<u64>,
}

/// A part of the process.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pool {
    /// `framework_heap`, `network`, …
    pub name: &'static str,
    /// The option that sizes it.
    pub key: Option<&'static str>,
    /// Its size.
    pub bytes: u64,
    /// Why, as data.
    pub cause: CauseData,
    /// Why, as a sentence.
    pub why: String,
}

/// Why a part has its size.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CauseData {
    /// An option says so.
    Option(Set),
    /// The option's default.
    Default(Set),
    /// A fraction of a whole, kept inside a range.
    Fraction {
        /// The fraction, exactly as it is multiplied: Java's float widened to a double.
        fraction: f64,
        /// Where that was set.
        setting: Set,
        /// The whole: `process`, `flink`, `flink_without_network`, `process_without_overhead`.
        of: &'static str,
        /// Its size.
        base_bytes: u64,
        /// `base × fraction`, or `base × fraction ÷ (1 − fraction)` where the base lacks the part.
        formula: &'static str,
        /// The product, truncated.
        product_bytes: u64,
        /// What the range did: `none`, `min`, `max`.
        clamp: &'static str,
        /// The lower end; not there where the option has no range.
        #[serde(skip_serializing_if = "Option::is_none")]
        min: Option<End>,
        /// The upper end, likewise.
        #[serde(skip_serializing_if = "Option::is_none")]
        max: Option<End>,
    },
    /// What the other parts leave of a whole.
    Rest {
        /// The whole.
        of: &'static str,
        /// Its size.
        whole_bytes: u64,
    },
    /// A number of network buffers times their size.
    Buffers {
        /// How many.
        count: i32,
        /// Where that was set.
        setting: Set,
        /// The size of one.
        segment: End,
    },
}

/// An option and where it was set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Set {
    /// The option's proper key.
    pub option: &'static str,
    /// The key that was used where it is another, deprecated one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_key: Option<String>,
    /// Whether nothing set it and its default holds.
    pub default: bool,
    /// `null`: the default holds, or it was set by program.
    pub origin: Option<OriginData>,
}

/// A size that an option says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct End {
    /// The size.
    pub bytes: u64,
    /// The option.
    #[serde(flatten)]
    pub setting: Set,
}

/// A place in a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OriginData {
    /// `file`, `stdin`, `command_line`, `environment`, `default`.
    pub kind: &'static str,
    /// The path, or what the source is called.
    pub source: String,
    /// From 1; `null` where the source has no lines.
    pub line: Option<u32>,
    /// In characters, from 1.
    pub column: Option<u32>,
}

/// A dynamic property.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Property {
    /// The key.
    pub key: String,
    /// The value as printed.
    pub value: String,
}

/// What a derivation was made of and under which rules.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// The version that was asked for.
    pub version: Version,
    /// Its rules.
    pub rules: &'static Ruleset,
    /// The configuration.
    pub configuration: &'a Configuration,
    /// The texts it came from.
    pub sources: &'a [Source],
}

impl Derivation {
    /// As JSON, indented, with a line end.
    ///
    /// # Errors
    /// None in practice: everything here is text and numbers.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|json| json + "\n")
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_golden, derivation, job_manager_derivation};
    #[test]
    fn golden() {
        let lines = "taskmanager.memory.process.size: 1728m\ntaskmanager.memory.size: 300m\n";
        let derived = derivation(lines, &[("taskmanager.memory.network.max", "100m")]);
        assert_golden("taskmanager.json", &derived.to_json().expect("written"));
        let derived = job_manager_derivation("jobmanager.memory.process.size: 1600m\n");
        assert_golden("jobmanager.json", &derived.to_json().expect("written"));
    }

    #[test]
    fn parts_add_up_and_numbers_stay_whole() {
        let derived = derivation("taskmanager.memory.process.size: 9223372036854775807\n", &[]);
        assert_eq!(derived.pools.iter().map(|pool| pool.bytes).sum::<u64>(), derived.totals.process);
        assert!(derived.to_json().expect("written").contains("\"process\": 9223372036854775807"));
    }
}
