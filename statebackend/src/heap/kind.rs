//! What differs between kinds of state: how a row of a table is written into a snapshot and loaded from one.

use allocator_api2::alloc::AllocError;
use plimsoll_memory::arena::PoolAllocator;

use crate::StateError;
use crate::serializer::{Cell, KeySerializer, ReadError, Serializer};
use crate::table::{CellList, CellMap, Payload};

/// Receives rows as they stand in a snapshot: the bytes of key, namespace and user key, and those of the value.
pub(crate) type Emit<'a> = dyn FnMut(&[u8], &[u8]) -> Result<(), StateError> + 'a;

/// Why a row cannot be loaded.
pub(crate) enum LoadError {
    Read(ReadError),
    Refused,
}

impl From<ReadError> for LoadError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<AllocError> for LoadError {
    fn from(_: AllocError) -> Self {
        Self::Refused
    }
}

/// A kind of state.
pub(crate) trait Kind: Clone + Send + Sync + 'static {
    /// What a row keeps.
    type Payload: Payload;

    /// Writes a row. `key` holds key and namespace, and holds them again afterwards; `value` is scratch.
    fn emit(
        &self,
        payload: &Self::Payload,
        key: &mut Vec<u8>,
        value: &mut Vec<u8>,
        emit: &mut Emit<'_>,
    ) -> Result<(), StateError>;

    /// Loads a record into a row that is there; `rest` is what follows the namespace in the key.
    fn load(&self, payload: &mut Self::Payload, rest: &[u8], value: &[u8]) -> Result<(), LoadError>;

    /// What a row keeps of a record, where there is none yet.
    fn first(&self, rest: &[u8], value: &[u8], arena: &PoolAllocator) -> Result<Self::Payload, LoadError>;
}

/// A value's cell as a payload.
pub(crate) struct ValueCell<S: Serializer>(pub(crate) S::Cell);

impl<S: Serializer> Payload for ValueCell<S> {
    #[inline]
    fn try_clone(&self) -> Result<Self, AllocError> {
        self.0.try_clone().map(Self)
    }
}

/// One value.
#[derive(Clone)]
pub(crate) struct ValueKind<S>(pub(crate) S);

impl<S: Serializer> Kind for ValueKind<S> {
    type Payload = ValueCell<S>;

    fn emit(
        &self,
        payload: &ValueCell<S>,
        key: &mut Vec<u8>,
        value: &mut Vec<u8>,
        emit: &mut Emit<'_>,
    ) -> Result<(), StateError> {
        value.clear();
        payload.0.write(&self.0, value);
        emit(key, value)
    }

    fn load(&self, payload: &mut ValueCell<S>, rest: &[u8], value: &[u8]) -> Result<(), LoadError> {
        let _ = (payload, rest, value);
        Err(LoadError::Read(ReadError::new("value", "there are two values for one key")))
    }

    fn first(&self, rest: &[u8], value: &[u8], arena: &PoolAllocator) -> Result<ValueCell<S>, LoadError> {
        nothing_left(rest)?;
        Ok(ValueCell(S::Cell::pack(&self.0, &whole(&self.0, value)?, arena)?))
    }
}

/// A list of elements.
#[derive(Clone)]
pub(crate) struct ListKind<S>(pub(crate) S);

impl<S: Serializer> Kind for ListKind<S> {
    type Payload = CellList<S>;

    fn emit(
        &self,
        payload: &CellList<S>,
        key: &mut Vec<u8>,
        value: &mut Vec<u8>,
        emit: &mut Emit<'_>,
    ) -> Result<(), StateError> {
        value.clear();
        for cell in &payload.cells {
            cell.write(&self.0, value);
        }
        emit(key, value)
    }

    fn load(&self, payload: &mut CellList<S>, rest: &[u8], mut value: &[u8]) -> Result<(), LoadError> {
        nothing_left(rest)?;
        while !value.is_empty() {
            let before = value.len();
            payload.push(&self.0, &self.0.read(&mut value)?)?;
            if value.len() == before {
                return Err(LoadError::Read(ReadError::new("list", "an element has no bytes")));
            }
        }
        Ok(())
    }

    fn first(&self, rest: &[u8], value: &[u8], arena: &PoolAllocator) -> Result<CellList<S>, LoadError> {
        let mut list = CellList::new(arena);
        self.load(&mut list, rest, value)?;
        Ok(list)
    }
}

/// Entries by a user key.
pub(crate) struct MapKind<U, S> {
    pub(crate) user_key: U,
    pub(crate) value: S,
}

impl<U: Clone, S: Clone> Clone for MapKind<U, S> {
    fn clone(&self) -> Self {
        Self { user_key: self.user_key.clone(), value: self.value.clone() }
    }
}

impl<U: KeySerializer, S: Serializer> Kind for MapKind<U, S> {
    type Payload = CellMap<U, ValueCell<S>>;

    fn emit(
        &self,
        payload: &Self::Payload,
        key: &mut Vec<u8>,
        value: &mut Vec<u8>,
        emit: &mut Emit<'_>,
    ) -> Result<(), StateError> {
        let prefix = key.len();
        for (user_key, cell) in payload.entries() {
            key.truncate(prefix);
            user_key.write(&self.user_key, key);
            value.clear();
            cell.0.write(&self.value, value);
            emit(key, value)?;
        }
        key.truncate(prefix);
        Ok(())
    }

    fn load(&self, payload: &mut Self::Payload, rest: &[u8], value: &[u8]) -> Result<(), LoadError> {
        let user_key = whole(&self.user_key, rest)?;
        let cell = S::Cell::pack(&self.value, &whole(&self.value, value)?, payload.arena())?;
        if payload.get(&self.user_key, &user_key).is_some() {
            return Err(LoadError::Read(ReadError::new("map", "there are two entries for one key")));
        }
        payload.add(&self.user_key, &user_key, ValueCell(cell))?;
        Ok(())
    }

    fn first(&self, rest: &[u8], value: &[u8], arena: &PoolAllocator) -> Result<Self::Payload, LoadError> {
        let mut map = CellMap::new(arena);
        self.load(&mut map, rest, value)?;
        Ok(map)
    }
}

/// Reads one value that is all of the bytes.
pub(crate) fn whole<S: Serializer>(serializer: &S, mut bytes: &[u8]) -> Result<S::Value, ReadError> {
    let value = serializer.read(&mut bytes)?;
    nothing_left(bytes)?;
    Ok(value)
}

fn nothing_left(bytes: &[u8]) -> Result<(), ReadError> {
    if bytes.is_empty() {
        return Ok(());
    }
    Err(ReadError::new("a row", format!("{} bytes are left over", bytes.len())))
}
