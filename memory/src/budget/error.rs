//! What is refused at construction, and what is found at the end.

use std::error::Error;
use std::fmt;

use crate::report::{bytes_exact, bytes_text};

/// A budget that cannot be built as asked. The caller's numbers are wrong: change them, the text says which.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BudgetError {
    /// A pool of no bytes.
    Empty {
        /// Its name.
        pool: String,
    },
    /// A level that is larger than the one above it.
    Larger {
        /// Its name.
        pool: String,
        /// What was asked for.
        limit_bytes: u64,
        /// The path of the level above.
        above: String,
        /// The limit there.
        above_bytes: u64,
    },
    /// A guaranteed minimum that is not there.
    Guarantee {
        /// The owner.
        owner: String,
        /// The path of its pool.
        pool: String,
        /// What was asked for.
        guaranteed_bytes: u64,
        /// What the pool has left.
        free_bytes: u64,
    },
    /// No slots.
    NoSlots,
    /// Slots whose share of a pool is less than a page.
    Slots {
        /// The pool.
        pool: &'static str,
        /// The option that sets its size.
        key: &'static str,
        /// Its size.
        limit_bytes: u64,
        /// The number of slots.
        slots: u32,
        /// The size of a page.
        page_bytes: u64,
    },
    /// Parts that do not add up to the whole.
    Sum {
        /// The parts, by name.
        parts: Vec<(&'static str, u64)>,
        /// What they should add up to.
        total_bytes: u64,
    },
}

impl fmt::Display for BudgetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { pool } => {
                write!(f, "pool {pool} would have 0 bytes: give it a size, or leave it out")
            }
            Self::Larger { pool, limit_bytes, above, above_bytes } => write!(
                f,
                "pool {pool} would have {}, more than the {} of {above}: lower the one or raise the other",
                bytes_exact(*limit_bytes),
                bytes_exact(*above_bytes)
            ),
            Self::Guarantee { owner, pool, guaranteed_bytes, free_bytes } => write!(
                f,
                "{pool} cannot guarantee {} to \"{owner}\": {} are left; lower this minimum or another one, or raise the pool",
                bytes_exact(*guaranteed_bytes),
                bytes_exact(*free_bytes)
            ),
            Self::NoSlots => {
                f.write_str("a TaskManager with 0 slots: set taskmanager.numberOfTaskSlots to 1 or more")
            }
            Self::Slots { pool, key, limit_bytes, slots, page_bytes } => write!(
                f,
                "{slots} slots share {} of {pool} memory: {} each, less than one page of {}; set \
                 taskmanager.numberOfTaskSlots to {} or less, or {key} to {} or more",
                bytes_exact(*limit_bytes),
                bytes_text(limit_bytes / u64::from(*slots).max(1)),
                bytes_text(*page_bytes),
                limit_bytes / (*page_bytes).max(1),
                bytes_text(page_bytes.saturating_mul(u64::from(*slots)))
            ),
            Self::Sum { parts, total_bytes } => {
                f.write_str("the parts of the process do not add up to its ")?;
                write!(f, "{total_bytes} bytes:")?;
                parts.iter().try_for_each(|(name, bytes)| write!(f, " {name} {bytes}"))
            }
        }
    }
}

impl Error for BudgetError {}

/// Bytes that nobody gave back. A bug of the owners named: each line is a reservation or charge that was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaks {
    /// Who, the largest first.
    pub leaks: Vec<Leak>,
}

/// What one owner still holds at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// The path of its pool.
    pub pool: String,
    /// Its name.
    pub owner: String,
    /// How much.
    pub bytes: u64,
    /// The owner itself is gone: nobody can give it back any more.
    pub gone: bool,
}

impl fmt::Display for Leaks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.leaks.iter().map(|leak| leak.bytes).fold(0, u64::saturating_add);
        write!(f, "{} were never given back:", bytes_exact(total))?;
        for Leak { pool, owner, bytes, gone } in &self.leaks {
            let gone = if *gone { ", which is gone" } else { "" };
            write!(f, "\n  {} by \"{owner}\" of {pool}{gone}", bytes_exact(*bytes))?;
        }
        Ok(())
    }
}

impl Error for Leaks {}
