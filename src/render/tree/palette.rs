//! Colours of the terminal.

use crate::render::map::Tone;

/// Escape sequences by meaning; all empty where no colour is wanted. The sixteen basic colours, so that the user's own
/// theme decides how they look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette {
    /// Names of areas that have parts, and the header.
    pub strong: &'static str,
    /// What is there to be looked up: guides, causes.
    pub faint: &'static str,
    /// Heap.
    pub heap: &'static str,
    /// Managed memory.
    pub managed: &'static str,
    /// Direct memory.
    pub direct: &'static str,
    /// Metaspace.
    pub metaspace: &'static str,
    /// Overhead.
    pub overhead: &'static str,
    /// Ends any of them.
    pub reset: &'static str,
}

impl Palette {
    /// No colour.
    pub const PLAIN: Self = Self {
        strong: "",
        faint: "",
        heap: "",
        managed: "",
        direct: "",
        metaspace: "",
        overhead: "",
        reset: "",
    };

    /// ANSI colours.
    pub const ANSI: Self = Self {
        strong: "\x1b[1m",
        faint: "\x1b[2m",
        heap: "\x1b[34m",
        managed: "\x1b[33m",
        direct: "\x1b[36m",
        metaspace: "\x1b[35m",
        overhead: "\x1b[90m",
        reset: "\x1b[0m",
    };

    pub(super) const fn of(&self, tone: Tone) -> &'static str {
        match tone {
            Tone::Total | Tone::OffHeap => "",
            Tone::Heap => self.heap,
            Tone::Managed => self.managed,
            Tone::Direct => self.direct,
            Tone::Metaspace => self.metaspace,
            Tone::Overhead => self.overhead,
        }
    }
}
