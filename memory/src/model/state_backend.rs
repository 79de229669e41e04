//! Whether the state backend of a configuration takes managed memory.
//!
//! `StateBackendLoader.stateBackendFromApplicationOrConfigOrDefaultUseManagedMemory` of Flink 1.20 and 2.3: it loads
//! the backend, and so fails where the backend's own options cannot be read. Covered are the memory options of RocksDB;
//! its other options, and those of state tracking, are taken as valid.

use super::Ruleset;
use super::rocksdb::Ratios;
use crate::MemorySize;
use crate::config::{Configuration, KnownKey};
use crate::java::exception::{Exception, ILLEGAL_ARGUMENT, NUMBER_FORMAT};
use crate::java::{self, NumberFormat};

/// Whether the configured state backend uses managed memory. Without one it is `hashmap`, which does not; names of
/// backends that are not known do.
///
/// # Errors
/// A memory option of RocksDB that is no value, or ratios that leave no room, where RocksDB is the backend.
pub fn uses_managed_memory(configuration: &Configuration, rules: &Ruleset) -> Result<bool, Vec<Exception>> {
    let entry =
        configuration.get(KnownKey::StateBackendType).or_else(|| configuration.get(KnownKey::StateBackend));
    let Some((_, entry)) = entry else { return Ok(false) };
    let name = entry.value.text();
    // 2.0 dropped the heap backends under their old names
    let old_names = rules.legacy_heap;
    match name.to_lowercase().as_str() {
        "hashmap" => return Ok(false),
        "jobmanager" | "filesystem" if old_names => return Ok(false),
        "rocksdb" => {
            check_rocksdb(configuration)?;
            return Ok(true);
        }
        _ => {}
    }
    match &*name {
        "org.apache.flink.runtime.state.hashmap.HashMapStateBackendFactory" => Ok(false),
        "org.apache.flink.runtime.state.memory.MemoryStateBackendFactory" if old_names => Ok(false),
        "org.apache.flink.contrib.streaming.state.EmbeddedRocksDBStateBackendFactory" => {
            check_rocksdb(configuration).map(|()| true)
        }
        "org.apache.flink.state.rocksdb.EmbeddedRocksDBStateBackendFactory" if !old_names => {
            check_rocksdb(configuration).map(|()| true)
        }
        _ => Ok(true),
    }
}

/// `RocksDBMemoryConfiguration.fromConfiguration` and `validate`, in their order.
fn check_rocksdb(configuration: &Configuration) -> Result<(), Vec<Exception>> {
    read(configuration, KnownKey::RocksDbManaged, parse_boolean)?;
    read(configuration, KnownKey::RocksDbFixedPerSlot, parse_size)?;
    let ratio = |text: &str| java::parse_double(text).map_err(number_format);
    let default = Ratios::default();
    let write_buffer =
        read(configuration, KnownKey::RocksDbWriteBufferRatio, ratio)?.unwrap_or(default.write_buffer);
    let high_priority =
        read(configuration, KnownKey::RocksDbHighPrioRatio, ratio)?.unwrap_or(default.high_priority);
    read(configuration, KnownKey::RocksDbPartitioned, parse_boolean)?;
    Ratios { write_buffer, high_priority }.validate().map_err(super::rocksdb::RatioError::chain)
}

fn read<T>(
    configuration: &Configuration,
    key: KnownKey,
    parse: impl Fn(&str) -> Result<T, Exception>,
) -> Result<Option<T>, Vec<Exception>> {
    let Some((_, entry)) = configuration.get(key) else { return Ok(None) };
    let text = entry.value.text();
    parse(&text).map(Some).map_err(|cause| {
        vec![
            Exception::new(ILLEGAL_ARGUMENT, format!("Could not parse value '{text}' for key '{key}'.")),
            cause,
        ]
    })
}

fn number_format(NumberFormat(message): NumberFormat) -> Exception {
    Exception::new(NUMBER_FORMAT, message)
}

fn parse_size(text: &str) -> Result<MemorySize, Exception> {
    MemorySize::parse(text).map_err(|error| {
        let class = if error.is_number_format() { NUMBER_FORMAT } else { ILLEGAL_ARGUMENT };
        Exception::new(class, error.to_string())
    })
}

fn parse_boolean(text: &str) -> Result<bool, Exception> {
    match text.to_uppercase().as_str() {
        "TRUE" => Ok(true),
        "FALSE" => Ok(false),
        _ => Err(Exception::new(
            ILLEGAL_ARGUMENT,
            format!(
                "Unrecognized option for boolean: {text}. Expected either true or false(case insensitive)"
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::version::{V1_20, V2_3};
    use super::*;

    fn decide(pairs: &[(&str, &str)], rules: &Ruleset) -> Result<bool, String> {
        let mut configuration = Configuration::new();
        for (key, value) in pairs {
            configuration.set(key, *value, None);
        }
        uses_managed_memory(&configuration, rules)
            .map_err(|chain| chain[0].message.clone().unwrap_or_default())
    }

    #[test]
    fn names() {
        assert_eq!(decide(&[], &V1_20), Ok(false));
        assert_eq!(decide(&[("state.backend", "HashMap")], &V2_3), Ok(false));
        assert_eq!(decide(&[("state.backend", "FileSystem")], &V1_20), Ok(false));
        assert_eq!(decide(&[("state.backend", "filesystem")], &V2_3), Ok(true));
        assert_eq!(decide(&[("state.backend", "hashmap"), ("state.backend.type", "x")], &V2_3), Ok(true));
    }

    #[test]
    fn rocksdb_reads_its_memory_options() {
        let managed = ("state.backend.rocksdb.memory.managed", "x");
        assert_eq!(decide(&[("state.backend.type", "hashmap"), managed], &V2_3), Ok(false));
        assert_eq!(
            decide(&[("state.backend.type", "RocksDB"), managed], &V2_3),
            Err("Could not parse value 'x' for key 'state.backend.rocksdb.memory.managed'.".to_owned())
        );
        let ratio = ("state.backend.rocksdb.memory.write-buffer-ratio", "2.9");
        assert_eq!(
            decide(&[("state.backend.type", "rocksdb"), ratio], &V1_20),
            Err("Invalid configuration: writeBufferRatio 2.9 with highPriPoolRatio 0.1".to_owned())
        );
    }
}
