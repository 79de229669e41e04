//! Why a pool's arena cannot be had.

use std::error::Error;
use std::fmt;
use std::io;

use super::mallctl::MallctlError;

/// An arena was not made; nothing is left of the attempt.
#[derive(Debug)]
pub enum ArenaError {
    /// The cap is below the smallest arena: raise it, or let pools share one.
    CapTooSmall {
        /// The pool.
        name: Box<str>,
        /// The cap that was asked for.
        cap_bytes: u64,
        /// The least that works: jemalloc's bookkeeping and one page.
        min_bytes: u64,
    },
    /// The cap is beyond what addresses can reach: lower it.
    CapTooLarge {
        /// The pool.
        name: Box<str>,
        /// The cap that was asked for.
        cap_bytes: u64,
    },
    /// The kernel gave no addresses: raise the limit on address space, or lower the cap.
    Addresses {
        /// The pool.
        name: Box<str>,
        /// Addresses asked for, four for each byte of the cap.
        length_bytes: u64,
        /// What the kernel said.
        source: io::Error,
    },
    /// Whoever pays for the pool did not pay for its first pages: make room there.
    Unpaid {
        /// The pool.
        name: Box<str>,
        /// What the first pages cost.
        bytes: u64,
    },
    /// jemalloc made no arena, most likely because there are 4094 already: use fewer pools.
    Jemalloc {
        /// The pool.
        name: Box<str>,
        /// What jemalloc said.
        source: MallctlError,
    },
}

impl fmt::Display for ArenaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CapTooSmall { name, cap_bytes, min_bytes } => write!(
                f,
                "pool {name}: a cap of {cap_bytes} bytes is below the smallest arena, {min_bytes} bytes; raise it"
            ),
            Self::CapTooLarge { name, cap_bytes } => {
                write!(f, "pool {name}: a cap of {cap_bytes} bytes is beyond the address space; lower it")
            }
            Self::Addresses { name, length_bytes, source } => write!(
                f,
                "pool {name}: the kernel gave no {length_bytes} bytes of addresses ({source}); raise the limit on \
                 address space (ulimit -v) or lower the cap"
            ),
            Self::Unpaid { name, bytes } => {
                write!(f, "pool {name}: its first {bytes} bytes were refused by its owner; make room there")
            }
            Self::Jemalloc { name, source } => write!(f, "pool {name}: no arena: {source}"),
        }
    }
}

impl Error for ArenaError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Addresses { source, .. } => Some(source),
            Self::Jemalloc { source, .. } => Some(source),
            Self::CapTooSmall { .. } | Self::CapTooLarge { .. } | Self::Unpaid { .. } => None,
        }
    }
}
