//! What is asserted about any input, a module per fuzz target. The targets run it on new inputs with a nightly
//! compiler, `tests/it/corpus.rs` on the kept ones with any.

pub mod batch;
pub mod derive;
mod file;
pub mod lines;
pub mod size;
pub mod toml;
pub mod yaml;

use plimsoll_memory::model::Ruleset;
use plimsoll_memory::model::version::{V1_10, V1_11, V1_20, V2_3};

/// A version of each set of rules.
const RULES: [&Ruleset; 4] = [&V1_10, &V1_11, &V1_20, &V2_3];
