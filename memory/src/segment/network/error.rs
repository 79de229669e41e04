//! Why there is no local pool, or no buffer.

use std::error::Error;
use std::fmt;

/// A local pool that cannot be made. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocalPoolError {
    /// The minima of all local pools together exceed the buffers there are: give the network more memory.
    Insufficient {
        /// The minimum asked for, in buffers.
        required: u32,
        /// What no other minimum needs, in buffers.
        available: u32,
        /// All buffers.
        total: u32,
        /// The size of a buffer, in bytes.
        buffer_bytes: u64,
    },
    /// The maximum lies below the minimum: a bug of the caller.
    MaxBelowMin {
        /// The minimum, in buffers.
        required: u32,
        /// The maximum, in buffers.
        max: u32,
    },
    /// A minimum of no buffer: such a pool could wait forever. A bug of the caller.
    NothingRequired,
}

impl fmt::Display for LocalPoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // what users of Flink search for
            Self::Insufficient { required, available, total, buffer_bytes } => write!(
                f,
                "Insufficient number of network buffers: required {required}, but only {available} available. The \
                 total number of network buffers is currently set to {total} of {buffer_bytes} bytes each. You can \
                 increase this number by setting the configuration keys 'taskmanager.memory.network.fraction', \
                 'taskmanager.memory.network.min', and 'taskmanager.memory.network.max'."
            ),
            Self::MaxBelowMin { required, max } => write!(
                f,
                "Maximum number of memory segments ({max}) should not be smaller than minimum ({required})."
            ),
            Self::NothingRequired => {
                f.write_str("Required number of memory segments (0) should be larger than 0.")
            }
        }
    }
}

impl Error for LocalPoolError {}

/// A buffer that did not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestError {
    /// Not in time: the consumers of this pool's buffers are slow. Wait again, or fail the task.
    Timeout,
    /// The pool was closed: the task is to end.
    Closed,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timeout => "no network buffer came back before the deadline; the consumers are slow",
            Self::Closed => "the buffer pool is closed",
        })
    }
}

impl Error for RequestError {}

/// Buffers that are still out when all should be back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuffersOut {
    /// The local pools that hold some, by name, and how many. A closed pool counts until its last buffer is back.
    pub pools: Vec<(String, u32)>,
    /// All buffers.
    pub total: u32,
}

impl fmt::Display for BuffersOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let out: u32 = self.pools.iter().map(|(_, buffers)| buffers).sum();
        write!(f, "{out} of {} network buffers are not back:", self.total)?;
        for (i, (name, buffers)) in self.pools.iter().enumerate() {
            write!(f, "{} {buffers} of {name}", if i == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl Error for BuffersOut {}
