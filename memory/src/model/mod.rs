//! The derivation.

pub mod version;

pub use version::{Ruleset, UnknownVersion, Version};
