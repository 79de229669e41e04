//! Views of a derived process: what a person or a program reads.
//!
//! | module | what |
//! |---|---|
//! | [`map`] | [`MemoryMap`]: the tree of named areas that the views below draw |
//! | [`cause`] | why an area has its size, in a sentence or in a few words |
//! | [`number`] | sizes and shares as people read them |
//! | [`text`] | text from outside made fit to print: control characters, elision, columns |
//! | [`tree`] | the tree with bars, for a terminal |
//! | [`svg`] | the memory map as a picture |
//! | [`json`], [`yaml`] | the derivation as data, schema version 1 |
//! | [`markdown`] | a table for an issue |
//!
//! Promises: no I/O, no panic, the same text for the same input; every number of bytes is exact wherever it is printed
//! as a number of bytes. Rounded sizes (`1.688 GiB`) never stand alone in a view.

pub mod cause;
pub mod json;
pub mod map;
pub mod markdown;
pub mod number;
pub mod svg;
pub mod tree;
pub mod yaml;

pub use plimsoll_memory::report::printable as text;

pub use map::{Area, MemoryMap, ProcessKind};

#[cfg(test)]
mod testing;
