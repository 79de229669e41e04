//! Values in RocksDB, with hot ones in front.

use super::rows::Rows;
use crate::StateError;
use crate::heap::{ValueKind, whole};
use crate::hot::{HotTable, HotValue, Unit};
use crate::serializer::{Cell, KeySerializer, Serializer};

/// Keys that [`prefetch`](RocksValues::prefetch) reads at once.
const PREFETCH_KEYS: usize = 512;

type Hot<K, N, S> = HotTable<K, N, ValueKind<S>, HotValue<S>>;

/// The values of one state.
pub(crate) struct RocksValues<K: KeySerializer, N: KeySerializer, S: Serializer> {
    pub(crate) rows: Rows<K, N>,
    pub(crate) kind: ValueKind<S>,
    pub(crate) hot: Option<Hot<K, N, S>>,
}

impl<K: KeySerializer, N: KeySerializer, S: Serializer> RocksValues<K, N, S> {
    fn read(rows: &Rows<K, N>, kind: &ValueKind<S>) -> Result<Option<S::Value>, StateError> {
        let value = rows.read(|found| found.map(|bytes| whole(&kind.0, bytes)).transpose())?;
        value.map_err(|error| rows.damaged(&error))
    }

    #[inline(never)]
    pub(crate) fn get(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
    ) -> Result<Option<S::Value>, StateError> {
        let Self { rows, kind, hot } = self;
        let Some(hot) = hot else {
            rows.at(key, namespace);
            return Self::read(rows, kind);
        };
        if let Some((unit, _)) = hot.find(key, namespace) {
            return Ok(unit.value.as_ref().map(|cell| cell.unpack(&kind.0)));
        }
        let group = rows.at(key, namespace);
        let value = Self::read(rows, kind)?;
        hot.prepare(&rows.place)?;
        let cell = value.as_ref().map(|value| S::Cell::pack(&kind.0, value, hot.arena())).transpose();
        if let Ok(cell) = cell {
            hot.admit(key, namespace, group, HotValue { value: cell, dirty: false });
        }
        Ok(value)
    }

    #[inline(never)]
    pub(crate) fn set(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
        value: &S::Value,
    ) -> Result<(), StateError> {
        let Self { rows, kind, hot } = self;
        if let Some(hot) = hot {
            if let Some((unit, arena)) = hot.find(key, namespace) {
                if let Some(cell) = &mut unit.value {
                    let before = cell.held_bytes();
                    if cell.set_within(&kind.0, value, arena, rows.hot_bytes_max()).is_ok() {
                        let now = cell.held_bytes();
                        unit.dirty = true;
                        hot.resized(before, now);
                        return Ok(());
                    }
                } else if let Ok(cell) = S::Cell::pack_within(&kind.0, value, arena, rows.hot_bytes_max()) {
                    let now = cell.held_bytes();
                    *unit = HotValue { value: Some(cell), dirty: true };
                    hot.resized(0, now);
                    return Ok(());
                }
                // no room for the larger value, or it is too large to wait: RocksDB takes it, and what is kept is old
                rows.at_for_write(key, namespace)?;
                rows.value.clear();
                kind.0.write(value, &mut rows.value);
                rows.put()?;
                hot.forget(key, namespace);
                return Ok(());
            }
            let group = rows.at_for_write(key, namespace)?;
            hot.prepare(&rows.place)?;
            if let Ok(cell) = S::Cell::pack_within(&kind.0, value, hot.arena(), rows.hot_bytes_max())
                && hot.admit(key, namespace, group, HotValue { value: Some(cell), dirty: true }).is_some()
            {
                return Ok(());
            }
        } else {
            rows.at_for_write(key, namespace)?;
        }
        rows.value.clear();
        kind.0.write(value, &mut rows.value);
        rows.put()
    }

    #[inline(never)]
    pub(crate) fn remove(&mut self, key: &K::Value, namespace: &N::Value) -> Result<(), StateError> {
        let Self { rows, hot, .. } = self;
        if let Some(hot) = hot {
            if let Some((unit, _)) = hot.find(key, namespace) {
                let before = Unit::<ValueKind<S>>::held_bytes(unit);
                *unit = HotValue { value: None, dirty: true };
                hot.resized(before, 0);
                return Ok(());
            }
            let group = rows.at_for_write(key, namespace)?;
            hot.prepare(&rows.place)?;
            if hot.admit(key, namespace, group, HotValue { value: None, dirty: true }).is_some() {
                return Ok(());
            }
        } else {
            rows.at_for_write(key, namespace)?;
        }
        rows.delete()
    }

    #[inline(never)]
    pub(crate) fn update(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
        change: impl FnOnce(Option<S::Value>) -> Option<S::Value>,
    ) -> Result<(), StateError> {
        if let Some(hot) = &mut self.hot
            && let Some((unit, arena)) = hot.find(key, namespace)
        {
            let old = unit.value.as_ref().map(|cell| cell.unpack(&self.kind.0));
            let Some(value) = change(old) else { return self.remove(key, namespace) };
            if let Some(cell) = &mut unit.value {
                let before = cell.held_bytes();
                if cell.set_within(&self.kind.0, &value, arena, self.rows.hot_bytes_max()).is_ok() {
                    let now = cell.held_bytes();
                    unit.dirty = true;
                    hot.resized(before, now);
                    return Ok(());
                }
            }
            return self.set(key, namespace, &value);
        }
        match change(self.get(key, namespace)?) {
            Some(value) => self.set(key, namespace, &value),
            None => self.remove(key, namespace),
        }
    }

    /// Reads the values of keys that are not hot, in groups.
    pub(crate) fn prefetch<'k>(
        &mut self,
        keys: impl IntoIterator<Item = &'k K::Value>,
        namespace: &N::Value,
    ) -> Result<(), StateError>
    where
        K::Value: 'k,
    {
        let Self { rows, kind, hot } = self;
        let Some(hot) = hot else { return Ok(()) };
        let mut missing: Vec<(Vec<u8>, u32, &K::Value)> = Vec::new();
        let mut keys = keys.into_iter();
        loop {
            let next = keys.next();
            if let Some(key) = next
                && !hot.knows(key, namespace)
            {
                let group = rows.at(key, namespace);
                missing.push((rows.key.clone(), group, key));
            }
            if missing.len() == PREFETCH_KEYS || next.is_none() && !missing.is_empty() {
                missing.sort_by(|a, b| a.0.cmp(&b.0));
                missing.dedup_by(|a, b| a.0 == b.0);
                hot.prepare(&rows.place)?;
                let rows_of: Vec<Vec<u8>> = missing.iter().map(|(row, ..)| row.clone()).collect();
                rows.place.read_many(&rows_of, |at, found| {
                    let (_, group, key) = &missing[at];
                    let value = found.map(|bytes| whole(&kind.0, bytes)).transpose();
                    let value = value.map_err(|error| rows.damaged(&error))?;
                    let arena = hot.arena();
                    let cell = value.map(|value| S::Cell::pack(&kind.0, &value, arena)).transpose();
                    if let Ok(value) = cell {
                        hot.admit(key, namespace, *group, HotValue { value, dirty: false });
                    }
                    Ok(())
                })?;
                missing.clear();
            }
            if next.is_none() {
                return Ok(());
            }
        }
    }
}
