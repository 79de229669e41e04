//! Looking at a running process: its published report, or what the kernel tells of it; in place on a terminal.
//!
//! | module | what |
//! |---|---|
//! | `source` | from a number or an address to a report |
//! | `fetch` | a report over HTTP |
//! | `error` | why there is none |
//! | `screen` | redrawing in place |
//!
//! The one place of `memcalc` that opens a connection, to the address that the user gave and to no other: no redirect
//! is followed and no proxy is used.

mod error;
mod fetch;
pub(crate) mod screen;
mod source;

pub(crate) use error::TopError;
pub(crate) use source::Source;
