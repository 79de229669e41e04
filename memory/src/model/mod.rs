//! The derivation.

pub mod diagnose;
mod event;
mod failure;
pub mod jobmanager;
mod jvm;
mod legacy;
pub mod map_text;
pub mod network;
mod option;
mod part;
pub mod rocksdb;
pub mod slot;
pub mod state_backend;
pub mod taskmanager;
pub mod version;
pub mod weights;

pub use event::{Clamp, Event, Fractional, Silent, Sink};
pub use failure::{Failure, Fallible, Kind};
pub use jobmanager::JobManager;
pub use option::{FractionOption, Opt, OptionText, Read, Setting, SizeOption};
pub use part::{Cause, FractionOf, Part, Whole};
pub use taskmanager::{Sizing, TaskManager};
pub use version::{Ruleset, UnknownVersion, Version};
