//! Resources that the tasks of a slot share, by key: the block cache of all databases of a slot, an interpreter.

use std::any::Any;
use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::ops::Deref;
use std::thread::{self, ThreadId};

use crate::budget::{BudgetError, Owner, Pool, Refusal, Reservation};
use crate::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Why there is no lease. Nothing was left behind.
#[derive(Debug)]
pub enum SharedError<E> {
    /// The budget lacks the bytes: wait, or give the slot more managed memory.
    Refused(Box<Refusal>),
    /// The budget does not know the pool any more, or refuses the owner.
    Budget(BudgetError),
    /// The resource could not be made, for a reason of its own.
    Init(E),
    /// Two users of one key mean different things: a bug of one of them.
    Type {
        /// The key.
        key: String,
        /// What this caller expects.
        expected: &'static str,
    },
    /// A resource asks for itself while it is made or ended: a bug of its author.
    Recursive {
        /// The key.
        key: String,
    },
}

impl<E: fmt::Display> fmt::Display for SharedError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Budget(error) => error.fmt(f),
            Self::Init(error) => error.fmt(f),
            Self::Type { key, expected } => {
                write!(f, "the shared {key} is no {expected}; two users mean different things by one key")
            }
            Self::Recursive { key } => {
                write!(f, "the shared {key} asks for itself while it is made or ended")
            }
        }
    }
}

impl<E: fmt::Debug + fmt::Display> Error for SharedError<E> {}

/// All shared resources of a managed memory.
#[derive(Default)]
pub(super) struct Shelf {
    entries: Mutex<HashMap<Arc<str>, State>>,
    changed: Condvar,
}

enum State {
    /// Being made or ended by a thread, under no lock. The others wait.
    Busy(ThreadId),
    Ready(Resource),
}

struct Resource {
    value: Arc<dyn Any + Send + Sync>,
    leases: u32,
    /// After the value, so that its memory goes first.
    _charge: Reservation,
}

impl Shelf {
    fn entries(&self) -> MutexGuard<'_, HashMap<Arc<str>, State>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.entries().keys().map(|key| key.as_ref().to_owned()).collect();
        keys.sort();
        keys
    }
}

/// Takes a key that is being made or ended off the shelf, however that goes: an `init` may panic.
struct Vacate<'a> {
    shelf: &'a Shelf,
    key: &'a Arc<str>,
}

impl Drop for Vacate<'_> {
    fn drop(&mut self) {
        let mut entries = self.shelf.entries();
        if let Some(State::Busy(_)) = entries.get(self.key) {
            entries.remove(self.key);
        }
        drop(entries);
        self.shelf.changed.notify_all();
    }
}

pub(super) fn lease<T, E, F>(
    shelf: &Arc<Shelf>,
    pool: &Pool,
    key: &str,
    bytes: u64,
    init: F,
) -> Result<Lease<T>, SharedError<E>>
where
    T: Send + Sync + 'static,
    F: FnOnce(&Arc<Owner>) -> Result<T, E>,
{
    let me = thread::current().id();
    let mut entries = shelf.entries();
    let key: Arc<str> = loop {
        match entries.get_mut(key) {
            None => {
                let key: Arc<str> = key.into();
                entries.insert(Arc::clone(&key), State::Busy(me));
                break key;
            }
            Some(State::Busy(thread)) if *thread == me => {
                return Err(SharedError::Recursive { key: key.to_owned() });
            }
            Some(State::Busy(_)) => {
                entries = shelf.changed.wait(entries).unwrap_or_else(PoisonError::into_inner);
            }
            Some(State::Ready(resource)) => {
                let Ok(value) = Arc::clone(&resource.value).downcast::<T>() else {
                    let expected = std::any::type_name::<T>();
                    return Err(SharedError::Type { key: key.to_owned(), expected });
                };
                resource.leases += 1;
                drop(entries);
                return Ok(Lease { value: Some(value), shelf: Arc::clone(shelf), key: key.into() });
            }
        }
    };
    drop(entries);
    let vacate = Vacate { shelf, key: &key };
    let owner = pool.owner(&key).register().map_err(SharedError::Budget)?;
    let charge = owner.try_reserve_shared(bytes).map_err(SharedError::Refused)?;
    let value = Arc::new(init(&owner).map_err(SharedError::Init)?);
    let resource = Resource { value: Arc::clone(&value) as _, leases: 1, _charge: charge };
    shelf.entries().insert(Arc::clone(&key), State::Ready(resource));
    drop(vacate);
    Ok(Lease { value: Some(value), shelf: Arc::clone(shelf), key })
}

/// A share in a resource. The last one dropped ends it, and then releases its bytes.
pub struct Lease<T> {
    /// Until it is dropped.
    value: Option<Arc<T>>,
    shelf: Arc<Shelf>,
    key: Arc<str>,
}

impl<T> Drop for Lease<T> {
    fn drop(&mut self) {
        // first, so that the last lease is the last user
        self.value = None;
        let mut entries = self.shelf.entries();
        let Some(State::Ready(resource)) = entries.get_mut(&self.key) else { return };
        resource.leases -= 1;
        if resource.leases > 0 {
            return;
        }
        let ended = entries.insert(Arc::clone(&self.key), State::Busy(thread::current().id()));
        drop(entries);
        let _vacate = Vacate { shelf: &self.shelf, key: &self.key };
        // under no lock: a resource's end may take long; who asks for the key meanwhile waits
        drop(ended);
    }
}

impl<T> Deref for Lease<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect("a lease has its value until it is dropped")
    }
}

impl<T> fmt::Debug for Lease<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("key", &self.key).finish_non_exhaustive()
    }
}
