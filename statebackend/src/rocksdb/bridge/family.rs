//! A column family that keeps its database open, so that a state can hold both.

use std::fmt;
use std::mem;
use std::sync::Arc;

use rocksdb::{BoundColumnFamily, DBWithThreadMode, MultiThreaded, Options};

/// A database whose families are made while it is open.
pub(crate) type Db = DBWithThreadMode<MultiThreaded>;

/// A column family and the database it is of.
pub(crate) struct Family {
    /// Dropped before the database: fields are dropped in order.
    handle: Arc<BoundColumnFamily<'static>>,
    db: Arc<Db>,
}

impl Family {
    /// The family of this name, if the database has it.
    pub(crate) fn of(db: &Arc<Db>, name: &str) -> Option<Self> {
        let handle = db.cf_handle(name)?;
        // SAFETY: the lifetime is that of the database, which `db` keeps open until after the handle is dropped. The
        // handle never leaves with the longer lifetime: `handle` lends it for as long as `self` is borrowed.
        let handle =
            unsafe { mem::transmute::<Arc<BoundColumnFamily<'_>>, Arc<BoundColumnFamily<'static>>>(handle) };
        Some(Self { handle, db: Arc::clone(db) })
    }

    /// A new family.
    pub(crate) fn create(
        db: &Arc<Db>,
        name: &str,
        options: &Options,
    ) -> Result<Option<Self>, rocksdb::Error> {
        db.create_cf(name, options)?;
        Ok(Self::of(db, name))
    }

    /// As the `rocksdb` crate takes it.
    #[inline]
    pub(crate) fn handle(&self) -> &Arc<BoundColumnFamily<'_>> {
        // SAFETY: only shortens the lifetime; the type has no interior mutability that would make it invariant in use.
        unsafe {
            mem::transmute::<&Arc<BoundColumnFamily<'static>>, &Arc<BoundColumnFamily<'_>>>(&self.handle)
        }
    }

    #[inline]
    pub(crate) fn db(&self) -> &Arc<Db> {
        &self.db
    }
}

impl fmt::Debug for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Family").field("path", &self.db.path()).finish_non_exhaustive()
    }
}
