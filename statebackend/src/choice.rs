//! Which backend a configuration asks for, and where its snapshots go.
//!
//! A job's own configuration is laid over the cluster's before it comes here, so a job decides for itself and the
//! cluster's choice is the default.

use plimsoll_memory::MemorySize;
use plimsoll_memory::config::Configuration;
use plimsoll_memory::model::Ruleset;

use crate::StateError;
use crate::rocksdb::RocksDbSettings;
use crate::rocksdb::settings::SettingErrors;
use crate::snapshot::format::Compression;
use crate::snapshot::target::{INLINE_DEFAULT_BYTES, INLINE_LIMIT_BYTES};

/// Keys, the newest name first.
const BACKEND: [&str; 2] = ["state.backend.type", "state.backend"];
const STORAGE: [&str; 2] = ["execution.checkpointing.storage", "state.checkpoint-storage"];
const FOLDER: [&str; 2] = ["execution.checkpointing.dir", "state.checkpoints.dir"];
const INLINE: [&str; 2] =
    ["execution.checkpointing.data-inline-threshold", "state.storage.fs.memory-threshold"];
const INCREMENTAL: [&str; 2] = ["execution.checkpointing.incremental", "state.backend.incremental"];
const COMPRESSED: [&str; 1] = ["execution.checkpointing.snapshot-compression"];

/// Where states are kept.
#[derive(Debug, Clone)]
pub enum BackendKind {
    /// In memory: `hashmap`, and Flink's old names `jobmanager` and `filesystem`.
    Heap,
    /// In RocksDB.
    RocksDb(Box<RocksDbSettings>),
}

/// Where full snapshots go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorageKind {
    /// With the acknowledgement, to the JobManager.
    JobManager,
    /// Into files of a folder; snapshots up to so many bytes ride in the acknowledgement all the same.
    FileSystem {
        /// The folder or the address of a store.
        folder: String,
        /// The threshold; Default = 20 KiB, 1 MiB at most.
        inline_bytes: usize,
    },
}

/// What a configuration asks for.
#[derive(Debug, Clone)]
pub struct BackendChoice {
    /// Where states are kept.
    pub kind: BackendKind,
    /// Where snapshots go.
    pub storage: StorageKind,
    /// Whether snapshots upload only what is new.
    pub incremental: bool,
    /// How full snapshots are compressed.
    pub compression: Compression,
}

impl BackendChoice {
    /// Resolves a configuration by the rules of a version of Flink.
    ///
    /// # Errors
    /// Everything that cannot be meant, each with its key.
    pub fn of(configuration: &Configuration, rules: &Ruleset) -> Result<Self, SettingErrors> {
        let mut errors = Vec::new();
        let find = |keys: &[&'static str]| {
            let found =
                |key: &&'static str| Some((*key, configuration.find(key)?.1.value.text().into_owned()));
            keys.iter().find_map(found)
        };
        let mut refuse = |key: &str, what: String| {
            errors.push(StateError::Setting { key: key.to_owned(), what });
        };
        let boolean = |keys: &[&'static str], refuse: &mut dyn FnMut(&str, String)| match find(keys) {
            None => false,
            Some((_, text)) if text.eq_ignore_ascii_case("true") => true,
            Some((_, text)) if text.eq_ignore_ascii_case("false") => false,
            Some((key, text)) => {
                refuse(key, format!("\"{text}\" is neither true nor false"));
                false
            }
        };
        let (backend_key, name) = find(&BACKEND).unwrap_or((BACKEND[0], "hashmap".to_owned()));
        let name = name.to_lowercase();
        let rocksdb = match name.as_str() {
            "rocksdb" => true,
            "hashmap" => false,
            "jobmanager" | "filesystem" if rules.legacy_heap => false,
            _ => {
                refuse(backend_key, format!("there is no backend \"{name}\": hashmap and rocksdb are"));
                false
            }
        };
        let incremental = boolean(&INCREMENTAL, &mut refuse);
        if incremental && !rocksdb {
            let key = find(&INCREMENTAL).map_or(INCREMENTAL[0], |(key, _)| key);
            refuse(key, format!("only rocksdb has incremental snapshots, and {backend_key} is {name}"));
        }
        let compression =
            if boolean(&COMPRESSED, &mut refuse) { Compression::Snappy } else { Compression::None };
        let inline_bytes = match find(&INLINE) {
            None => INLINE_DEFAULT_BYTES,
            Some((key, text)) => match MemorySize::parse(&text) {
                Ok(size) => usize::try_from(size.bytes()).unwrap_or(usize::MAX),
                Err(error) => {
                    refuse(key, error.to_string());
                    INLINE_DEFAULT_BYTES
                }
            },
        };
        if inline_bytes > INLINE_LIMIT_BYTES {
            let key = find(&INLINE).map_or(INLINE[0], |(key, _)| key);
            refuse(key, format!("{inline_bytes} bytes are more than the limit of {INLINE_LIMIT_BYTES}"));
        }
        let folder = find(&FOLDER).map(|(_, folder)| folder);
        let files = |folder: String| StorageKind::FileSystem { folder, inline_bytes };
        let wanted = find(&STORAGE);
        let storage = match (wanted.as_ref().map(|(key, name)| (*key, name.to_lowercase())), folder) {
            (Some((_, name)), _) if name == "jobmanager" => StorageKind::JobManager,
            (Some((_, name)), Some(folder)) if name == "filesystem" => files(folder),
            (Some((key, name)), None) if name == "filesystem" => {
                refuse(key, format!("is filesystem, and {} does not say where", FOLDER[0]));
                StorageKind::JobManager
            }
            (Some((key, name)), _) => {
                refuse(key, format!("there is no storage \"{name}\": jobmanager and filesystem are"));
                StorageKind::JobManager
            }
            (None, Some(folder)) => files(folder),
            (None, None) => StorageKind::JobManager,
        };
        let kind = if rocksdb {
            match RocksDbSettings::of(configuration, rules) {
                Ok(settings) => BackendKind::RocksDb(Box::new(settings)),
                Err(SettingErrors(more)) => {
                    errors.extend(more);
                    BackendKind::Heap
                }
            }
        } else {
            BackendKind::Heap
        };
        if errors.is_empty() {
            return Ok(Self { kind, storage, incremental, compression });
        }
        Err(SettingErrors(errors))
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_memory::model::Version;

    use super::*;

    fn choose(pairs: &[(&str, &str)]) -> Result<BackendChoice, String> {
        let mut configuration = Configuration::new();
        for (key, value) in pairs {
            configuration.set(key, *value, None);
        }
        let version: Version = "1.20".parse().unwrap();
        BackendChoice::of(&configuration, Ruleset::of(version)).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_and_old_names() {
        let choice = choose(&[]).unwrap();
        assert!(matches!(choice.kind, BackendKind::Heap) && choice.storage == StorageKind::JobManager);
        let choice = choose(&[
            ("state.backend", "RocksDB"),
            ("state.backend.incremental", "true"),
            ("state.checkpoints.dir", "file:///c"),
            ("state.storage.fs.memory-threshold", "1kb"),
        ])
        .unwrap();
        assert!(matches!(choice.kind, BackendKind::RocksDb(_)) && choice.incremental);
        assert_eq!(
            choice.storage,
            StorageKind::FileSystem { folder: "file:///c".to_owned(), inline_bytes: 1024 }
        );
    }

    #[test]
    fn everything_that_is_wrong_is_said() {
        let error = choose(&[
            ("state.backend.type", "hashmap"),
            ("execution.checkpointing.incremental", "true"),
            ("execution.checkpointing.storage", "filesystem"),
            ("execution.checkpointing.snapshot-compression", "maybe"),
            ("execution.checkpointing.data-inline-threshold", "2mb"),
        ])
        .unwrap_err();
        assert_eq!(
            error,
            "execution.checkpointing.incremental: only rocksdb has incremental snapshots, and state.backend.type is \
             hashmap\n\
             execution.checkpointing.snapshot-compression: \"maybe\" is neither true nor false\n\
             execution.checkpointing.data-inline-threshold: 2097152 bytes are more than the limit of 1048576\n\
             execution.checkpointing.storage: is filesystem, and execution.checkpointing.dir does not say where"
        );
        let error = choose(&[("state.backend", "forst")]).unwrap_err();
        assert_eq!(error, "state.backend: there is no backend \"forst\": hashmap and rocksdb are");
    }
}
