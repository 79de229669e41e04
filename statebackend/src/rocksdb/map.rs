//! Maps in RocksDB: a row for each entry; hot ones in front, whole maps where they are small.

use std::mem;

use plimsoll_memory::arena::PoolAllocator;

use super::rows::{Rows, Seen};
use crate::StateError;
use crate::heap::{MapKind, whole};
use crate::hot::{HotEntry, HotMap, HotTable, Unit};
use crate::serializer::{Cell, KeySerializer, Serializer};

/// Entries of one map that are kept. A larger map is kept in part: what is beyond goes to its rows, the rest again when
/// it is used, so that no map crowds out the others.
const MAP_ENTRIES_MAX: usize = 1024;

/// Entries of a map that is read whole when a second one of it is missed: one scan instead of a read for each.
const LEARNED_MAX: usize = 64;

type Hot<K, N, U, S> = HotTable<K, N, MapKind<U, S>, HotMap<U, S>>;

/// The maps of one state.
pub(crate) struct RocksMaps<K: KeySerializer, N: KeySerializer, U: KeySerializer, S: Serializer> {
    pub(crate) rows: Rows<K, N>,
    pub(crate) kind: MapKind<U, S>,
    pub(crate) hot: Option<Hot<K, N, U, S>>,
}

/// What hot entries know of a user key.
enum Known<V> {
    /// Its value, or that there is none.
    Value(Option<V>),
    /// Nothing.
    Nothing,
}

impl<K: KeySerializer, N: KeySerializer, U: KeySerializer, S: Serializer> RocksMaps<K, N, U, S> {
    #[inline]
    fn known<V>(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
        user_key: &U::Value,
        see: impl FnOnce(&S, &S::Cell) -> V,
    ) -> Known<V> {
        let Some((unit, _)) = self.hot.as_mut().and_then(|hot| hot.find(key, namespace)) else {
            return Known::Nothing;
        };
        match unit.map.get(&self.kind.user_key, user_key) {
            Some(entry) => Known::Value(entry.value().map(|cell| see(&self.kind.value, cell))),
            None if unit.complete => Known::Value(None),
            None => Known::Nothing,
        }
    }

    #[inline]
    fn at(&mut self, key: &K::Value, namespace: &N::Value, user_key: &U::Value) -> u32 {
        let group = self.rows.at(key, namespace);
        self.kind.user_key.write(user_key, &mut self.rows.key);
        group
    }

    #[inline(never)]
    pub(crate) fn get(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
        user_key: &U::Value,
    ) -> Result<Option<S::Value>, StateError> {
        if let Known::Value(value) = self.known(key, namespace, user_key, |s, cell| cell.unpack(s)) {
            return Ok(value);
        }
        if self.learn(key, namespace)?
            && let Known::Value(value) = self.known(key, namespace, user_key, |s, cell| cell.unpack(s))
        {
            return Ok(value);
        }
        let group = self.at(key, namespace, user_key);
        let serializer = &self.kind.value;
        let value = self.rows.read(|found| found.map(|bytes| whole(serializer, bytes)).transpose())?;
        let value = value.map_err(|error| self.rows.damaged(&error))?;
        if self.hot.is_some() {
            self.keep(key, namespace, group, user_key, value.as_ref(), false)?;
        }
        Ok(value)
    }

    #[inline(never)]
    pub(crate) fn contains(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
        user_key: &U::Value,
    ) -> Result<bool, StateError> {
        if let Known::Value(value) = self.known(key, namespace, user_key, |_, _| ()) {
            return Ok(value.is_some());
        }
        if self.hot.is_some() {
            return Ok(self.get(key, namespace, user_key)?.is_some());
        }
        self.at(key, namespace, user_key);
        self.rows.read(|found| found.is_some())
    }

    #[inline(never)]
    pub(crate) fn put(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
        user_key: &U::Value,
        value: &S::Value,
    ) -> Result<(), StateError> {
        if self.hot.is_some() && self.change(key, namespace, user_key, Some(value))? {
            return Ok(());
        }
        let group = self.at(key, namespace, user_key);
        self.rows.core.check_group(group)?;
        self.rows.value.clear();
        self.kind.value.write(value, &mut self.rows.value);
        self.rows.put()
    }

    #[inline(never)]
    pub(crate) fn remove(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
        user_key: &U::Value,
    ) -> Result<(), StateError> {
        if self.hot.is_some() && self.change(key, namespace, user_key, None)? {
            return Ok(());
        }
        let group = self.at(key, namespace, user_key);
        self.rows.core.check_group(group)?;
        self.rows.delete()
    }

    /// Changes an entry in memory. False where there is no room, and then memory knows nothing of it.
    fn change(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
        user_key: &U::Value,
        value: Option<&S::Value>,
    ) -> Result<bool, StateError> {
        let Some(hot) = &mut self.hot else { return Ok(false) };
        if hot.find(key, namespace).is_some() {
            // the key group was checked when the entry was admitted
            return self.keep(key, namespace, 0, user_key, value, true);
        }
        let group = self.rows.at_for_write(key, namespace)?;
        self.keep(key, namespace, group, user_key, value, true)
    }

    /// Keeps what is known of an entry. False where there is no room, and then memory knows nothing of it.
    fn keep(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
        group: u32,
        user_key: &U::Value,
        value: Option<&S::Value>,
        dirty: bool,
    ) -> Result<bool, StateError> {
        let Self { rows, kind, hot } = self;
        let Some(hot) = hot else { return Ok(false) };
        // what was read is within the limits
        let max_bytes = if dirty { rows.hot_bytes_max() } else { usize::MAX };
        let Some((unit, arena)) = hot.find(key, namespace) else {
            hot.prepare(&rows.place)?;
            let mut unit = HotMap::new(hot.arena(), false);
            if !set(&mut unit, kind, hot.arena(), user_key, value, dirty, max_bytes) {
                hot.refused();
                return Ok(false);
            }
            return Ok(hot.admit(key, namespace, group, unit).is_some());
        };
        let before = Unit::<MapKind<U, S>>::held_bytes(unit);
        let kept = set(unit, kind, arena, user_key, value, dirty, max_bytes);
        let now = Unit::<MapKind<U, S>>::held_bytes(unit);
        let full = unit.map.len() > MAP_ENTRIES_MAX;
        hot.resized(before, now);
        if !kept {
            hot.refused();
        }
        if !kept || full {
            self.let_go(key, namespace)?;
            return Ok(kept);
        }
        if now > before {
            // a map that grows makes room as a new one does; it is hot itself, so it is not what gives way
            let Self { rows, hot: Some(hot), .. } = self else { return Ok(kept) };
            hot.prepare(&rows.place)?;
        }
        Ok(true)
    }

    /// Writes back what is kept of a map and forgets it.
    fn let_go(&mut self, key: &K::Value, namespace: &N::Value) -> Result<(), StateError> {
        let Self { rows, hot, .. } = self;
        let Some(hot) = hot else { return Ok(()) };
        rows.at(key, namespace);
        hot.write_one(key, namespace, &mut rows.key, &rows.place)?;
        hot.forget(key, namespace);
        Ok(())
    }

    #[inline(never)]
    pub(crate) fn for_each(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
        mut see: impl FnMut(U::Value, S::Value),
    ) -> Result<(), StateError> {
        if let Some(hot) = &mut self.hot
            && let Some((unit, _)) = hot.find(key, namespace)
            && unit.complete
        {
            for (user_key, entry) in unit.map.entries() {
                if let Some(cell) = entry.value() {
                    see(user_key.unpack(&self.kind.user_key), cell.unpack(&self.kind.value));
                }
            }
            return Ok(());
        }
        if self.hot.is_some() {
            return self.for_each_joined(key, namespace, see);
        }
        let Self { rows, kind, .. } = self;
        rows.at(key, namespace);
        each_row(rows, kind, &mut |user_key, value| {
            see(user_key, value);
            true
        })
    }

    /// Reads the whole of a small map of which something is kept already. False where nothing is, where it is large, or
    /// where it could not be read now.
    fn learn(&mut self, key: &K::Value, namespace: &N::Value) -> Result<bool, StateError> {
        let Self { rows, kind, hot: Some(hot) } = self else { return Ok(false) };
        if hot.find(key, namespace).is_none_or(|(unit, _)| unit.large) {
            return Ok(false);
        }
        hot.prepare(&rows.place)?;
        let arena = hot.arena().clone();
        // it may just have given way
        let Some((unit, _)) = hot.find(key, namespace) else { return Ok(false) };
        rows.at(key, namespace);
        let mut fresh = HotMap::new(&arena, true);
        let (mut entries, mut kept) = (0, true);
        let scanned = each_row(rows, kind, &mut |user_key, value| {
            entries += 1;
            if entries <= LEARNED_MAX && unit.map.get(&kind.user_key, &user_key).is_none() {
                kept = set(&mut fresh, kind, &arena, &user_key, Some(&value), false, usize::MAX);
            }
            kept && entries <= LEARNED_MAX
        });
        match scanned {
            Ok(()) => {}
            // a single row can still be read
            Err(StateError::IteratorRefused { .. }) => return Ok(false),
            Err(error) => return Err(error),
        }
        let before = Unit::<MapKind<U, S>>::held_bytes(unit);
        kept = kept && join(unit, &fresh, kind, &arena);
        unit.large = entries > LEARNED_MAX;
        unit.complete = kept && !unit.large;
        unit.map.fit();
        let (complete, now) = (unit.complete, Unit::<MapKind<U, S>>::held_bytes(unit));
        hot.resized(before, now);
        if !kept {
            hot.refused();
        }
        Ok(complete)
    }

    /// Rows of RocksDB where nothing newer is kept, and what is kept. A small map is kept whole afterwards.
    fn for_each_joined(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
        mut see: impl FnMut(U::Value, S::Value),
    ) -> Result<(), StateError> {
        let Self { rows, kind, hot } = self;
        let Some(hot) = hot else { return Ok(()) };
        hot.prepare(&rows.place)?;
        let group = rows.at(key, namespace);
        let arena = hot.arena().clone();
        let mut fresh = HotMap::new(&arena, true);
        let unit = hot.find(key, namespace).map(|(unit, _)| unit);
        let (mut fits, mut refused) = (true, false);
        let kept = unit.as_ref().map_or(0, |unit| unit.map.len());
        {
            let known = unit.as_ref().map(|unit| &unit.map);
            each_row(rows, kind, &mut |user_key, value| {
                if known.is_some_and(|map| map.get(&kind.user_key, &user_key).is_some()) {
                    return true;
                }
                fits = fits && kept + fresh.map.len() < MAP_ENTRIES_MAX;
                if fits {
                    fits = set(&mut fresh, kind, &arena, &user_key, Some(&value), false, usize::MAX);
                    refused = !fits;
                }
                see(user_key, value);
                true
            })?;
        }
        let Some(unit) = unit else {
            if refused {
                hot.refused();
            }
            if fits {
                fresh.map.fit();
                hot.admit(key, namespace, group, fresh);
            }
            return Ok(());
        };
        for (user_key, entry) in unit.map.entries() {
            if let Some(cell) = entry.value() {
                see(user_key.unpack(&kind.user_key), cell.unpack(&kind.value));
            }
        }
        let before = Unit::<MapKind<U, S>>::held_bytes(unit);
        if fits {
            fits = join(unit, &fresh, kind, &arena);
            refused = !fits;
        }
        unit.complete = fits;
        unit.map.fit();
        let now = Unit::<MapKind<U, S>>::held_bytes(unit);
        hot.resized(before, now);
        if refused {
            hot.refused();
        }
        Ok(())
    }

    pub(crate) fn is_empty(&mut self, key: &K::Value, namespace: &N::Value) -> Result<bool, StateError> {
        let mut known = None;
        if let Some((unit, _)) = self.hot.as_mut().and_then(|hot| hot.find(key, namespace)) {
            if unit.map.entries().iter().any(|(_, entry)| entry.value().is_some()) {
                return Ok(false);
            }
            if unit.complete {
                return Ok(true);
            }
            known = Some(&unit.map);
        }
        let (rows, kind) = (&mut self.rows, &self.kind);
        rows.at(key, namespace);
        let mut any = false;
        each_row(rows, kind, &mut |user_key, _| {
            any = known.is_none_or(|map| map.get(&kind.user_key, &user_key).is_none());
            !any
        })?;
        Ok(!any)
    }

    pub(crate) fn clear(&mut self, key: &K::Value, namespace: &N::Value) -> Result<(), StateError> {
        self.rows.at_for_write(key, namespace)?;
        // what is kept is written first: a scan then sees all that is to be deleted
        self.let_go(key, namespace)?;
        let rows = &mut self.rows;
        rows.at(key, namespace);
        let prefix = rows.key.len();
        loop {
            let mut found: Vec<Vec<u8>> = Vec::new();
            rows.key.truncate(prefix);
            let seen = rows.scan(prefix, false, |rest, _| {
                found.push(rest.to_vec());
                true
            })?;
            rows.key.truncate(prefix);
            rows.delete_all(prefix, &found)?;
            if let Seen::Done = seen {
                return Ok(());
            }
        }
    }
}

/// Keeps what was read of a map beside what is kept of it; false where the arena has no room for all.
fn join<U: KeySerializer, S: Serializer>(
    unit: &mut HotMap<U, S>,
    fresh: &HotMap<U, S>,
    kind: &MapKind<U, S>,
    arena: &PoolAllocator,
) -> bool {
    fresh.map.entries().iter().all(|(user_key, entry)| {
        let value = entry.value().map(|cell| cell.unpack(&kind.value));
        set(unit, kind, arena, &user_key.unpack(&kind.user_key), value.as_ref(), false, usize::MAX)
    })
}

/// Sets what is known of an entry; false where the arena has no room or the key or the value is longer than
/// `max_bytes`, and then the unit is as it was.
fn set<U: KeySerializer, S: Serializer>(
    unit: &mut HotMap<U, S>,
    kind: &MapKind<U, S>,
    arena: &PoolAllocator,
    user_key: &U::Value,
    value: Option<&S::Value>,
    dirty: bool,
    max_bytes: usize,
) -> bool {
    let HotMap { map, complete, entry_bytes, .. } = unit;
    if let Some(entry) = map.get_mut(&kind.user_key, user_key) {
        let before = entry.held_bytes();
        let kept = mem::replace(entry, HotEntry::Absent);
        let was_dirty = kept.is_dirty();
        let (cell, fits) = match (kept.into_value(), value) {
            (Some(mut cell), Some(value)) => {
                let fits = cell.set_within(&kind.value, value, arena, max_bytes).is_ok();
                (Some(cell), fits)
            }
            (None, Some(value)) => match S::Cell::pack_within(&kind.value, value, arena, max_bytes) {
                Ok(cell) => (Some(cell), true),
                Err(_) => (None, false),
            },
            (_, None) => (None, true),
        };
        *entry = HotEntry::new(cell, if fits { dirty } else { was_dirty });
        *entry_bytes = (*entry_bytes + entry.held_bytes()).saturating_sub(before);
        return fits;
    }
    if value.is_none() && *complete {
        return true;
    }
    let pack = |value| S::Cell::pack_within(&kind.value, value, arena, max_bytes);
    let Ok(value) = value.map(pack).transpose() else {
        return false;
    };
    let now = value.as_ref().map_or(0, Cell::held_bytes);
    if map.add(&kind.user_key, user_key, HotEntry::new(value, dirty)).is_err() {
        return false;
    }
    let key_bytes = map.entries().last().map_or(0, |(key, _)| key.held_bytes());
    if key_bytes > max_bytes {
        map.remove(&kind.user_key, user_key);
        return false;
    }
    *entry_bytes += now + key_bytes;
    true
}

/// Shows the entries of the map that `rows` stands at, chunk by chunk, until `see` says no.
fn each_row<K: KeySerializer, N: KeySerializer, U: KeySerializer, S: Serializer>(
    rows: &mut Rows<K, N>,
    kind: &MapKind<U, S>,
    see: &mut dyn FnMut(U::Value, S::Value) -> bool,
) -> Result<(), StateError> {
    let prefix = rows.key.len();
    let mut behind = false;
    loop {
        let mut damaged = None;
        let seen = rows.scan(prefix, behind, |rest, value| {
            match (whole(&kind.user_key, rest), whole(&kind.value, value)) {
                (Ok(user_key), Ok(value)) => see(user_key, value),
                (Err(error), _) | (_, Err(error)) => {
                    damaged = Some(error);
                    false
                }
            }
        })?;
        if let Some(error) = damaged {
            return Err(rows.damaged(&error));
        }
        behind = true;
        if let Seen::Done = seen {
            rows.key.truncate(prefix);
            return Ok(());
        }
    }
}
