//! Buffers for the exchange between tasks: one pool a process, cut into local pools, one for each input and output.
//!
//! A local pool has a guaranteed minimum and a maximum; what no minimum needs is shared ([`redistribute`]) whenever a
//! pool comes or goes. A buffer that comes back stays with its local pool while that holds no more than its share, and
//! goes to the others otherwise.
//!
//! What it promises: all bytes are charged and resident from the start, so that no request is ever refused by the
//! budget; a buffer that is at home is handed out without a lock, and so is one from the common pool; nothing is
//! allocated after a local pool is made. Whoever waits is woken when a buffer or a larger share may be there for it.
//! What it does not cover: order among those who wait, and that a guaranteed buffer is there at once: others may have
//! to send theirs first.
//!
//! Locks, in this order: the registry of local pools, the waiting room of one local pool. Under neither is anything
//! called but the other.

mod error;
mod local;
mod pool;
mod redistribute;

pub use error::{BuffersOut, LocalPoolError, RequestError};
pub use local::{LocalBufferPool, NetworkBuffer};
pub use pool::{LocalPoolSize, NetworkBufferPool};
pub use redistribute::{Share, redistribute};
