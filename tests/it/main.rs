//! One binary, a module per claim.
#![allow(clippy::unwrap_used, clippy::print_stderr, missing_docs, reason = "tests")]

mod cli;
mod corpus;
mod golden;
mod tidy;
mod top;
