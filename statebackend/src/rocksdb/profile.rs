//! Flink's predefined options: other defaults for disks of a kind, as data.

use super::settings::keys::{
    BLOCK_SIZE, BLOOM, CACHE_SIZE, COMPACTION_STYLE, DYNAMIC_LEVELS, FILES_OPEN, Key, LEVEL_BASE,
    TARGET_FILE_SIZE, THREADS, WRITE_BUFFER_SIZE, WRITE_BUFFERS, WRITE_BUFFERS_MERGED,
};

/// A profile of `state.backend.rocksdb.predefined-options`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// Its name.
    pub name: &'static str,
    /// Keys and values, as text.
    pub values: &'static [(&'static str, &'static str)],
}

/// All of them, as in Flink 2.3. What a user sets wins over them, they win over defaults.
pub const PROFILES: [Profile; 4] = [
    Profile { name: "DEFAULT", values: &[] },
    Profile {
        name: "SPINNING_DISK_OPTIMIZED",
        values: &[
            (THREADS.name, "4"),
            (FILES_OPEN.name, "-1"),
            (COMPACTION_STYLE.name, "LEVEL"),
            (DYNAMIC_LEVELS.name, "true"),
        ],
    },
    Profile {
        name: "SPINNING_DISK_OPTIMIZED_HIGH_MEM",
        values: &[
            (THREADS.name, "4"),
            (FILES_OPEN.name, "-1"),
            (COMPACTION_STYLE.name, "LEVEL"),
            (DYNAMIC_LEVELS.name, "true"),
            (TARGET_FILE_SIZE.name, "256mb"),
            (LEVEL_BASE.name, "1gb"),
            (WRITE_BUFFER_SIZE.name, "64mb"),
            (WRITE_BUFFERS_MERGED.name, "3"),
            (WRITE_BUFFERS.name, "4"),
            (CACHE_SIZE.name, "256mb"),
            (BLOCK_SIZE.name, "128kb"),
            (BLOOM.name, "true"),
        ],
    },
    Profile { name: "FLASH_SSD_OPTIMIZED", values: &[(THREADS.name, "4"), (FILES_OPEN.name, "-1")] },
];

impl Profile {
    /// The profile of a name, case and all.
    pub fn named(name: &str) -> Option<&'static Self> {
        PROFILES.iter().find(|profile| profile.name == name)
    }

    /// What it says about an option.
    pub(super) fn get(&self, key: &Key) -> Option<&'static str> {
        self.values.iter().find(|(name, _)| *name == key.name).map(|(_, value)| *value)
    }
}
