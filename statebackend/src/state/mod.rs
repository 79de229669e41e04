//! Keyed state as a program uses it.
//!
//! | module | what |
//! |---|---|
//! | `descriptor` | what a program says of a state: its name, its serializers, its time to live |
//! | `value`, `list`, `map` | the three kinds that are stored |
//! | `folded` | reducing and aggregating state: a value that what is added is folded into |
//! | `ttl` | when an entry is too old to be seen |
//!
//! Every operation takes the key and the namespace it is about; `&()` is the namespace of state that has none. A state
//! is a handle: clones mean the same state, of the thread that made its backend.
//!
//! What it promises: the three backends answer alike; a refused write has changed nothing; whatever a program does
//! while
//! it iterates is either done or an error, never a panic.

mod descriptor;
mod folded;
mod list;
mod map;
mod ttl;
mod value;

use std::cell::{BorrowError, BorrowMutError, Ref, RefCell, RefMut};

pub use descriptor::{
    AggregatingDescriptor, ListDescriptor, MapDescriptor, ReducingDescriptor, ValueDescriptor,
};
pub use folded::{AggregateFunction, AggregatingState, ReducingState};
pub use list::{ListState, ListView};
pub use map::MapState;
pub use ttl::{Ttl, TtlUpdate, TtlVisibility};
pub use value::ValueState;

pub(crate) use list::ListStore;
pub(crate) use map::MapStore;
pub(crate) use value::ValueStore;

use crate::StateError;

/// The store of a state that nobody iterates at the moment.
#[inline]
pub(crate) fn writing<T>(store: &RefCell<T>) -> Result<RefMut<'_, T>, StateError> {
    store.try_borrow_mut().map_err(|_: BorrowMutError| busy())
}

#[inline]
pub(crate) fn reading<T>(store: &RefCell<T>) -> Result<Ref<'_, T>, StateError> {
    store.try_borrow().map_err(|_: BorrowError| busy())
}

#[cold]
fn busy() -> StateError {
    StateError::Usage(
        "a state is used inside its own iteration: collect the entries first, or use `retain`".to_owned(),
    )
}
