//! The configuration: a flat map of dotted keys, each value with its type as read and the place it came from; the
//! readers that fill it.
//!
//! | module | what |
//! |---|---|
//! | [`load()`] | a file and `-D` properties into a configuration, with Flink's log lines, its exceptions, and findings |
//! | [`line_parser`] | Flink 1.x's `flink-conf.yaml` |
//! | [`yaml`] | `config.yaml` of 1.20 and 2.x |
//! | [`toml`] | our own `plimsoll.toml` |
//! | [`command_line`] | the arguments of Flink's start-up call |

mod choose;
pub mod command_line;
mod configuration;
mod decode;
mod finding;
mod hash_order;
mod key;
pub mod line_parser;
mod load;
mod source;
mod span;
pub mod toml;
mod value;
pub mod yaml;

pub use choose::{choose_file, directory_missing, file_missing};
pub use command_line::CommandLine;
pub use configuration::{Configuration, Entry, EntryId, Origin, SourceId, Span};
pub use finding::{Finding, FindingKind, Malformed};
pub use key::{KEY_COUNT, Key, KnownKey};
pub use load::{LoadFailure, Loaded, MAX_FILE_BYTES, load};
pub use source::{ConfigFile, Format, Source, SourceKind};
pub use value::Value;
