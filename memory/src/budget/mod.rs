//! The budget: pools that hand out bytes and refuse.
//!
//! ```
//! use plimsoll_memory::budget::Pool;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let managed = Pool::root("managed", 64 << 20)?;
//! let slot = managed.child("slot 0", 32 << 20)?;
//! let state = slot.owner("window state").register()?;
//! let held = state.try_reserve(20 << 20)?;
//! let refusal = state.try_reserve(20 << 20).expect_err("12 MiB are left");
//! assert_eq!(refusal.missing_bytes, 8 << 20);
//! drop(held);
//! managed.verify_empty()?;
//! # Ok(())
//! # }
//! ```
//!
//! | module | what |
//! |---|---|
//! | `account` | what one owner holds: three counters without a lock |
//! | `book` | the tree of limits as plain numbers |
//! | `ledger` | one pool: its book, its owners, its queue, one lock |
//! | `reclaim` | asking others before saying no |
//! | `pool`, `owner`, `reservation` | what users touch |
//! | `refusal`, `error` | what is said |
//! | `overhead` | what the overhead of a process must hold, term by term |
//! | `process` | the budget of a whole TaskManager or JobManager |
//!
//! What it promises: no level ever hands out more than its limit; a reservation is granted, refused by name, or waits
//! for a deadline, and nothing else; bytes that are not given back are found and named.
//!
//! What it does not cover: that bytes which were not reserved are not used. Counting is voluntary here; arenas and
//! segments make it physical.
//!
//! Locks: one per pool, a leaf. Under it nothing is called. A reservation that its owner's credit covers takes no lock.

pub(crate) mod account;
mod book;
mod error;
mod ledger;
mod overhead;
mod owner;
mod pool;
mod process;
mod reclaim;
mod refusal;
mod reservation;
mod seat;

pub use error::{BudgetError, Leak, Leaks};
pub use overhead::{OverheadLoad, OverheadTerm};
pub use owner::{Owner, OwnerBuilder};
pub use pool::Pool;
pub use process::{PartKind, ProcessBudget, SlotBudget};
pub use reclaim::{Asked, Reclaimer, Stage, Tried};
pub use refusal::Refusal;
pub use reservation::Reservation;
