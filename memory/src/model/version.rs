//! Flink's versions as data: which options exist, which defaults hold, which texts are printed.

use std::fmt;
use std::str::FromStr;

use crate::MemorySize;

/// A Flink version as a user names it: `1.20`, `1.20.5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// 1 or 2.
    pub major: u8,
    /// The minor number.
    pub minor: u8,
    /// The patch number, where it was given.
    pub patch: Option<u8>,
}

/// A text that names no version from 1.10 to 2.3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownVersion(pub String);

impl fmt::Display for UnknownVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is no Flink version from 1.10 to 2.3 (write 1.20 or 1.20.5)", self.0)
    }
}

impl std::error::Error for UnknownVersion {}

impl FromStr for Version {
    type Err = UnknownVersion;

    fn from_str(text: &str) -> Result<Self, UnknownVersion> {
        let unknown = || UnknownVersion(text.to_owned());
        let mut parts = text.split('.').map(|part| {
            let digits = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            if digits { part.parse::<u8>().map_err(|_| unknown()) } else { Err(unknown()) }
        });
        let major = parts.next().ok_or_else(unknown)??;
        let minor = parts.next().ok_or_else(unknown)??;
        let patch = parts.next().transpose()?;
        let known = matches!((major, minor), (1, 10..=20) | (2, 0..=3));
        if !known || parts.next().is_some() {
            return Err(unknown());
        }
        Ok(Self { major, minor, patch })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        self.patch.map_or(Ok(()), |patch| write!(f, ".{patch}"))
    }
}

/// The rules of one verified release. Other versions use those of a neighbour, see [`Ruleset::of`].
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a table of independent switches")]
pub struct Ruleset {
    /// The release whose real answers these rules were tested against.
    pub name: &'static str,
    /// Default of `taskmanager.memory.network.max` (FLINK-30469 lifted 1g in 1.17).
    pub network_max: MemorySize,
    /// `taskmanager.heap.*`, `jobmanager.heap.*` and their environment variables (removed in 2.0).
    pub legacy_heap: bool,
    /// `taskmanager.network.numberOfBuffers` (removed in 2.0).
    pub number_of_buffers: bool,
    /// The JobManager has a memory model (FLIP-116, 1.11).
    pub job_manager_model: bool,
    /// Prefix `TaskManager memory configuration failed: `.
    pub wraps_task_manager: bool,
    /// Prefix `JobManager memory configuration failed: `.
    pub wraps_job_manager: bool,
    /// A process size below Flink size plus metaspace is checked by name.
    pub checks_process_sum: bool,
    /// The spelling of "overhead" in the log line of a derived overhead, and whether it says "or default".
    pub overhead_log: OverheadLog,
    /// CPU cores are rounded down to eight decimals, and slots and external resources are printed.
    pub modern_resources: bool,
    /// `taskmanager.memory.managed.consumer-weights`.
    pub consumer_weights: bool,
    /// `DATAPROC` is still a name for operators and state backend in the weights.
    pub data_processing_weight: bool,
    /// `config.yaml` is read by the standard YAML parser.
    pub standard_yaml: bool,
    /// `flink-conf.yaml` is read by the line parser.
    pub legacy_yaml: bool,
    /// Key fragments whose values are hidden in logs.
    pub sensitive: &'static [&'static str],
}

/// How the log line about a derived JVM overhead is worded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverheadLog {
    /// 1.10: without "or default", "OVerhead".
    V1_10,
    /// 1.11: "OVerhead".
    V1_11,
    /// Later: "Overhead".
    Later,
}

const SENSITIVE_1_10: &[&str] = &["password", "secret", "fs.azure.account.key"];
const SENSITIVE_1_11: &[&str] = &["password", "secret", "fs.azure.account.key", "apikey"];
const SENSITIVE_1_20: &[&str] = &[
    "password",
    "secret",
    "fs.azure.account.key",
    "apikey",
    "auth-params",
    "service-key",
    "token",
    "basic-auth",
    "jaas.config",
    "http-headers",
];
const SENSITIVE_2_3: &[&str] = &[
    "password",
    "secret",
    "fs.azure.account.key",
    "apikey",
    "api-key",
    "auth-params",
    "service-key",
    "token",
    "basic-auth",
    "jaas.config",
    "http-headers",
];

/// Flink 1.10.3.
pub static V1_10: Ruleset = Ruleset {
    name: "1.10.3",
    network_max: MemorySize::from_mebibytes(1024),
    legacy_heap: true,
    number_of_buffers: true,
    job_manager_model: false,
    wraps_task_manager: false,
    wraps_job_manager: false,
    checks_process_sum: false,
    overhead_log: OverheadLog::V1_10,
    modern_resources: false,
    consumer_weights: false,
    data_processing_weight: false,
    standard_yaml: false,
    legacy_yaml: true,
    sensitive: SENSITIVE_1_10,
};

/// Flink 1.11.4.
pub static V1_11: Ruleset = Ruleset {
    name: "1.11.4",
    job_manager_model: true,
    wraps_task_manager: true,
    wraps_job_manager: true,
    checks_process_sum: true,
    overhead_log: OverheadLog::V1_11,
    sensitive: SENSITIVE_1_11,
    ..V1_10
};

/// Flink 1.20.5.
pub static V1_20: Ruleset = Ruleset {
    name: "1.20.5",
    network_max: MemorySize::MAX,
    overhead_log: OverheadLog::Later,
    modern_resources: true,
    consumer_weights: true,
    data_processing_weight: true,
    standard_yaml: true,
    sensitive: SENSITIVE_1_20,
    ..V1_11
};

/// Flink 1.17 and 1.18: what is known of 1.20.5, without the `config.yaml` that came with 1.19 (FLINK-33297).
pub static V1_17: Ruleset = Ruleset { standard_yaml: false, ..V1_20 };

/// Flink 2.3.0.
pub static V2_3: Ruleset = Ruleset {
    name: "2.3.0",
    legacy_heap: false,
    number_of_buffers: false,
    wraps_job_manager: false,
    data_processing_weight: false,
    legacy_yaml: false,
    sensitive: SENSITIVE_2_3,
    ..V1_20
};

impl Ruleset {
    /// The rules for a version: 1.10 its own; 1.11 – 1.16 those of 1.11.4 (they share the network maximum of 1g);
    /// 1.17 – 1.20 those of 1.20.5, up to 1.18 without `config.yaml`; 2.x those of 2.3.0.
    pub fn of(version: Version) -> &'static Self {
        match (version.major, version.minor) {
            (1, ..=10) => &V1_10,
            (1, 11..=16) => &V1_11,
            (1, 17..=18) => &V1_17,
            (1, _) => &V1_20,
            _ => &V2_3,
        }
    }

    /// Whether the real program of this very version answered the tests, not only a neighbour.
    pub fn is_verified_for(&self, version: Version) -> bool {
        let exact = version.to_string();
        self.name == exact
            || version.patch.is_none() && self.name.rsplit_once('.').is_some_and(|(mm, _)| mm == exact)
    }

    /// Whether a key's value is hidden in logs (`GlobalConfiguration.isSensitive`).
    pub fn is_sensitive(&self, key: &str) -> bool {
        let key = key.to_lowercase();
        self.sensitive.iter().any(|fragment| key.contains(fragment))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap_or_else(|error: UnknownVersion| panic!("{error}"))
    }

    #[test]
    fn texts() {
        for text in ["1.10", "1.11.4", "1.20", "1.20.5", "2.0", "2.3.0"] {
            assert_eq!(version(text).to_string(), text);
        }
        for text in
            ["", "1", "1.9", "1.21", "2.4", "3.0", "1.x", "1.", ".20", "1.20.", "1.20.5.1", "+1.20", "1.256"]
        {
            let error = text.parse::<Version>().expect_err(text);
            assert_eq!(
                error.to_string(),
                format!("'{text}' is no Flink version from 1.10 to 2.3 (write 1.20 or 1.20.5)")
            );
        }
    }

    #[test]
    fn the_rules_of_each_version() {
        assert!(!Ruleset::of(version("1.18")).standard_yaml && Ruleset::of(version("1.19")).standard_yaml);
        for (text, name, verified) in [
            ("1.10", "1.10.3", true),
            ("1.10.3", "1.10.3", true),
            ("1.10.0", "1.10.3", false),
            ("1.11", "1.11.4", true),
            ("1.16", "1.11.4", false),
            ("1.17", "1.20.5", false),
            ("1.20", "1.20.5", true),
            ("1.20.5", "1.20.5", true),
            ("1.20.1", "1.20.5", false),
            ("2.0", "2.3.0", false),
            ("2.3", "2.3.0", true),
            ("2.3.0", "2.3.0", true),
        ] {
            let rules = Ruleset::of(version(text));
            assert_eq!((rules.name, rules.is_verified_for(version(text))), (name, verified), "{text}");
        }
    }

    #[test]
    fn hidden_values() {
        for (key, versions) in [
            ("my.Password.x", [true, true, true, true]),
            ("s3.apikey", [false, true, true, true]),
            ("oauth.token", [false, false, true, true]),
            ("x.api-key", [false, false, false, true]),
            ("taskmanager.memory.process.size", [false; 4]),
        ] {
            let hidden = [&V1_10, &V1_11, &V1_20, &V2_3].map(|rules| rules.is_sensitive(key));
            assert_eq!(hidden, versions, "{key}");
        }
    }
}
