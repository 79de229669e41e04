//! One state in memory.

use std::rc::Rc;
use std::sync::Arc;

use super::frozen::{Frozen, FrozenRows};
use super::kind::{Kind, LoadError};
use super::memory::HeapMemory;
use crate::StateError;
use crate::backend::Core;
use crate::serializer::KeySerializer;
use crate::table::{Row, RowKeys, Table};

/// A table of rows and the serializers it is read by.
pub(crate) struct HeapTable<K: KeySerializer, N: KeySerializer, D: Kind> {
    pub(crate) name: Arc<str>,
    pub(crate) keys: RowKeys<K, N>,
    pub(crate) kind: D,
    pub(crate) table: Table<Row<K, N, D::Payload>>,
    pub(crate) memory: HeapMemory,
    pub(crate) core: Rc<Core<K>>,
}

impl<K: KeySerializer, N: KeySerializer, D: Kind> HeapTable<K, N, D> {
    pub(crate) fn new(
        name: &Arc<str>,
        namespace: N,
        kind: D,
        memory: &HeapMemory,
        core: &Rc<Core<K>>,
    ) -> Result<Self, StateError> {
        let table = memory.or_refused(name, Table::new(memory.arena()))?;
        let keys = RowKeys { key: core.key.clone(), namespace };
        let name = Arc::clone(name);
        Ok(Self { name, keys, kind, table, memory: memory.clone(), core: Rc::clone(core) })
    }

    #[cold]
    pub(crate) fn refused(&self) -> StateError {
        self.memory.refused(&format!("state \"{}\"", self.name), 4096)
    }

    #[inline]
    pub(crate) fn find(&self, key: &K::Value, namespace: &N::Value) -> Option<&D::Payload> {
        self.keys.find(&self.table, key, namespace)
    }

    /// The payload of a row to be changed, or the hash to insert one by.
    #[inline]
    pub(crate) fn find_mut(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
    ) -> Result<Result<&mut D::Payload, u64>, StateError> {
        let Self { keys, table, .. } = self;
        let hash = keys.hash(table, key, namespace);
        match table.find_mut(hash, |row| keys.is(row, key, namespace)) {
            Ok(Some(row)) => Ok(Ok(&mut row.payload)),
            Ok(None) => Ok(Err(hash)),
            Err(_) => Err(self.memory.refused(&format!("state \"{}\"", self.name), 4096)),
        }
    }

    /// Adds a row that is not there. Its key must be of one of our key groups.
    pub(crate) fn insert(
        &mut self,
        hash: u64,
        key: &K::Value,
        namespace: &N::Value,
        payload: D::Payload,
    ) -> Result<&mut D::Payload, StateError> {
        self.core.check(key)?;
        let Self { keys, table, .. } = self;
        let row = keys.row(key, namespace, payload, table.arena());
        match row.and_then(|row| table.insert(hash, row)) {
            Ok(row) => Ok(&mut row.payload),
            Err(_) => Err(self.memory.refused(&format!("state \"{}\"", self.name), 4096)),
        }
    }

    /// Removes a row.
    pub(crate) fn remove(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
    ) -> Result<Option<D::Payload>, StateError> {
        let Self { keys, table, .. } = self;
        let hash = keys.hash(table, key, namespace);
        match table.remove(hash, |row| keys.is(row, key, namespace)) {
            Ok(row) => {
                table.shrink();
                Ok(row.map(|row| row.payload))
            }
            Err(_) => Err(self.refused()),
        }
    }

    /// Loads a record of a snapshot.
    pub(crate) fn load(&mut self, key_bytes: &[u8], value: &[u8]) -> Result<(), StateError> {
        let mut rest = key_bytes;
        let parts = self.keys.key.read(&mut rest).and_then(|key| {
            let namespace = self.keys.namespace.read(&mut rest)?;
            Ok((key, namespace))
        });
        let corrupt =
            |name: &str, why: String| StateError::corrupt(format!("a row of state \"{name}\""), why);
        let (key, namespace) = parts.map_err(|error| corrupt(&self.name, error.to_string()))?;
        let Self { keys, table, kind, .. } = self;
        let hash = keys.hash(table, &key, &namespace);
        let found = table.find_mut(hash, |row| keys.is(row, &key, &namespace));
        let loaded = match found {
            Ok(Some(row)) => kind.load(&mut row.payload, rest, value),
            Ok(None) => match kind.first(rest, value, table.arena()) {
                Ok(payload) => return self.insert(hash, &key, &namespace, payload).map(|_| ()),
                Err(error) => Err(error),
            },
            Err(_) => Err(LoadError::Refused),
        };
        loaded.map_err(|error| match error {
            LoadError::Read(error) => corrupt(&self.name, error.to_string()),
            LoadError::Refused => self.refused(),
        })
    }

    /// The rows as they are now.
    pub(crate) fn freeze(&mut self) -> Box<dyn FrozenRows> {
        Box::new(Frozen::new(self.table.freeze(), self.keys.clone(), self.kind.clone(), self.core.groups))
    }
}
