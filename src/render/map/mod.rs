//! The memory map: a tree of named areas, from a derived process.

use std::borrow::Cow;

use super::text;

mod build;

/// A process as a tree of areas. The children of an area follow each other without a gap and fill it.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryMap {
    /// Which process.
    pub process: ProcessKind,
    /// All of it.
    pub root: Area,
}

/// Which of Flink's processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProcessKind {
    /// A TaskManager.
    TaskManager,
    /// A JobManager.
    JobManager,
}

/// What an area is made of: its colour, and what a reader sees as belonging together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tone {
    /// The process, or Flink's part of it.
    Total,
    /// JVM heap.
    Heap,
    /// Everything of Flink that is not heap.
    OffHeap,
    /// Managed memory.
    Managed,
    /// Direct memory.
    Direct,
    /// JVM metaspace.
    Metaspace,
    /// JVM overhead.
    Overhead,
}

/// A named number of bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Area {
    /// A name for programs: `framework_heap`.
    pub id: &'static str,
    /// A name that stands alone: `Framework heap`.
    pub label: &'static str,
    /// A name inside its parent: `Framework`.
    pub short: &'static str,
    /// The option that sizes it, where one does.
    pub key: Option<&'static str>,
    /// Its size.
    pub bytes: u64,
    /// Why, in a sentence.
    pub cause: String,
    /// Why, in a few words.
    pub brief: String,
    /// The JVM argument that bounds it: `-Xmx536870902`.
    pub flag: Option<String>,
    /// What it is made of.
    pub tone: Tone,
    /// Whether each slot has a share of it.
    pub per_slot: bool,
    /// Its parts.
    pub children: Vec<Area>,
}

impl Area {
    /// Why, for a column of so many characters: in a sentence where it fits, else in a few words. A sum is told by the
    /// JVM argument it goes to.
    pub fn cause_within(&self, columns: usize) -> Cow<'_, str> {
        match &self.flag {
            Some(flag) if !self.is_leaf() => Cow::Owned(format!("sum, {flag}")),
            _ if text::columns(&self.cause) <= columns => Cow::Borrowed(&self.cause),
            _ => Cow::Borrowed(&self.brief),
        }
    }

    /// Whether it has no parts.
    pub fn is_leaf(&self) -> bool {
        self.children.is_empty()
    }

    /// This area and all below it, parents first, each with its depth and the bytes that lie before it.
    pub fn walk(&self) -> Vec<(usize, u64, &Self)> {
        let mut all = Vec::new();
        self.walk_from(0, 0, &mut all);
        all
    }

    fn walk_from<'a>(&'a self, depth: usize, offset: u64, all: &mut Vec<(usize, u64, &'a Self)>) {
        all.push((depth, offset, self));
        let mut offset = offset;
        for child in &self.children {
            child.walk_from(depth + 1, offset, all);
            offset = offset.saturating_add(child.bytes);
        }
    }
}

impl ProcessKind {
    /// `TaskManager`, `JobManager`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TaskManager => "TaskManager",
            Self::JobManager => "JobManager",
        }
    }
}
