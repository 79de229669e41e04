//! The derivation.

pub mod map_text;
mod map_yaml;
pub mod network;
pub mod rocksdb;
pub mod state_backend;
pub mod version;
pub mod weights;

pub use version::{Ruleset, UnknownVersion, Version};
