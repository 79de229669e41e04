//! Lists in RocksDB: elements end to end in one row, appended by merging; hot ones in front.

use plimsoll_memory::arena::PoolAllocator;

use super::rows::Rows;
use crate::StateError;
use crate::heap::ListKind;
use crate::hot::{HotList, HotTable, ListBase, Unit};
use crate::serializer::{Cell, KeySerializer, Serializer};
use crate::table::CellList;

/// Elements as they are kept, and their serializer.
type Kept<'l, S> = (&'l [<S as Serializer>::Cell], &'l S);

type Hot<K, N, S> = HotTable<K, N, ListKind<S>, HotList<S>>;

/// The lists of one state.
pub(crate) struct RocksLists<K: KeySerializer, N: KeySerializer, S: Serializer> {
    pub(crate) rows: Rows<K, N>,
    pub(crate) kind: ListKind<S>,
    pub(crate) hot: Option<Hot<K, N, S>>,
}

/// Shows the elements of a row.
fn elements<S: Serializer>(
    serializer: &S,
    mut bytes: &[u8],
    mut see: impl FnMut(S::Value),
) -> Result<(), String> {
    while !bytes.is_empty() {
        let before = bytes.len();
        see(serializer.read(&mut bytes).map_err(|error| error.to_string())?);
        if bytes.len() == before {
            return Err("an element has no bytes".to_owned());
        }
    }
    Ok(())
}

impl<K: KeySerializer, N: KeySerializer, S: Serializer> RocksLists<K, N, S> {
    #[inline(never)]
    pub(crate) fn for_each(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
        mut see: impl FnMut(S::Value),
    ) -> Result<(), StateError> {
        let Self { rows, kind, hot } = self;
        let Some(hot) = hot else {
            rows.at(key, namespace);
            return show(rows, kind, see);
        };
        let group = rows.at(key, namespace);
        if let Some((unit, arena)) = hot.find(key, namespace) {
            if unit.base == ListBase::Unknown {
                let before = Unit::<ListKind<S>>::held_bytes(unit);
                let joined = join(rows, kind, unit, arena)?;
                let now = Unit::<ListKind<S>>::held_bytes(unit);
                let Ok(()) = joined else {
                    // no room for what RocksDB has: shown from there, then ours
                    show(rows, kind, &mut see)?;
                    unit.list.cells.iter().for_each(|cell| see(cell.unpack(&kind.0)));
                    return Ok(());
                };
                unit.list.cells.iter().for_each(|cell| see(cell.unpack(&kind.0)));
                hot.resized(before, now);
                return Ok(());
            }
            unit.list.cells.iter().for_each(|cell| see(cell.unpack(&kind.0)));
            return Ok(());
        }
        hot.prepare(&rows.place)?;
        let mut unit = HotList::new(hot.arena(), ListBase::Known(0));
        let mut fits = true;
        show(rows, kind, |element| {
            fits = fits && unit.list.push(&kind.0, &element).is_ok();
            see(element);
        })?;
        if fits {
            unit.base = ListBase::Known(unit.list.cells.len());
            unit.count_from(0);
            hot.admit(key, namespace, group, unit);
        }
        Ok(())
    }

    /// The elements and their serializer, where memory has all of them. Those that RocksDB has are fetched.
    #[inline(never)]
    pub(crate) fn cells(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
    ) -> Result<Option<Kept<'_, S>>, StateError> {
        let Some(hot) = &mut self.hot else { return Ok(None) };
        let known = hot.find(key, namespace).is_some_and(|(unit, _)| unit.base != ListBase::Unknown);
        if !known {
            self.for_each(key, namespace, |_| ())?;
        }
        let Self { kind, hot, .. } = self;
        let Some(hot) = hot else { return Ok(None) };
        let found = hot.find(key, namespace).filter(|(unit, _)| unit.base != ListBase::Unknown);
        Ok(found.map(|(unit, _)| (&*unit.list.cells, &kind.0)))
    }

    #[inline(never)]
    pub(crate) fn add_all(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
        values: &[S::Value],
    ) -> Result<(), StateError> {
        let Self { rows, kind, hot } = self;
        let Some(hot) = hot else { return self.append(key, namespace, values) };
        let kept_bytes_max = rows.place.database.lists.kept_bytes_max();
        if rows.place.database.lists.is_watching() {
            rows.at_for_write(key, namespace)?;
            if rows.place.database.lists.is_near(&rows.key) {
                self.let_go(key, namespace)?;
                return self.append(key, namespace, values);
            }
        }
        if let Some((unit, _)) = hot.find(key, namespace) {
            let before = Unit::<ListKind<S>>::held_bytes(unit);
            let (from, element_bytes) = (unit.list.cells.len(), unit.element_bytes);
            let added = match values {
                [value] => unit.list.push(&kind.0, value),
                values => unit.list.extend(&kind.0, values),
            };
            if added.is_ok() {
                unit.count_from(from);
                let now = Unit::<ListKind<S>>::held_bytes(unit);
                if now as u64 <= kept_bytes_max {
                    hot.resized(before, now);
                    return Ok(());
                }
                // too long to wait: what was there goes to its row, and this is measured and follows it
                unit.list.cells.truncate(from);
                unit.element_bytes = element_bytes;
                let now = Unit::<ListKind<S>>::held_bytes(unit);
                hot.resized(before, now);
            } else {
                hot.refused();
            }
            self.let_go(key, namespace)?;
            return self.append(key, namespace, values);
        }
        let group = rows.at_for_write(key, namespace)?;
        hot.prepare(&rows.place)?;
        let mut unit = HotList::new(hot.arena(), ListBase::Unknown);
        if unit.list.extend(&kind.0, values).is_ok() {
            unit.count_from(0);
            if Unit::<ListKind<S>>::held_bytes(&unit) as u64 <= kept_bytes_max
                && hot.admit(key, namespace, group, unit).is_some()
            {
                return Ok(());
            }
        }
        self.append(key, namespace, values)
    }

    /// Appends to the row itself, which has all there is of the list.
    fn append(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
        values: &[S::Value],
    ) -> Result<(), StateError> {
        self.rows.at_for_write(key, namespace)?;
        encode(&mut self.rows, &self.kind, values);
        check_list(&self.rows)?;
        self.rows.merge()
    }

    /// Writes back what is kept of a list and forgets it.
    fn let_go(&mut self, key: &K::Value, namespace: &N::Value) -> Result<(), StateError> {
        let Self { rows, hot, .. } = self;
        let Some(hot) = hot else { return Ok(()) };
        rows.at(key, namespace);
        hot.write_one(key, namespace, &mut rows.key, &rows.place)?;
        hot.forget(key, namespace);
        Ok(())
    }

    /// Replaces the list; none left deletes it.
    #[inline(never)]
    pub(crate) fn replace(
        &mut self,
        key: &K::Value,
        namespace: &N::Value,
        values: &[S::Value],
    ) -> Result<(), StateError> {
        let Self { rows, kind, hot } = self;
        let group = rows.at_for_write(key, namespace)?;
        if let Some(hot) = hot {
            let mut list = CellList::new(hot.arena());
            if list.extend_exactly(&kind.0, values).is_ok() {
                let mut unit = HotList { list, base: ListBase::Replaced, element_bytes: 0 };
                unit.count_from(0);
                let now = Unit::<ListKind<S>>::held_bytes(&unit);
                let fits = now as u64 <= rows.place.database.lists.kept_bytes_max();
                if fits && let Some((kept, _)) = hot.find(key, namespace) {
                    let before = Unit::<ListKind<S>>::held_bytes(kept);
                    *kept = unit;
                    hot.resized(before, now);
                    return Ok(());
                }
                if fits {
                    hot.prepare(&rows.place)?;
                    if hot.admit(key, namespace, group, unit).is_some() {
                        return Ok(());
                    }
                }
            }
        }
        encode(rows, kind, values);
        if values.is_empty() {
            rows.delete()?;
        } else {
            rows.put()?;
        }
        rows.place.database.lists.note(&rows.key, rows.value.len() as u64);
        if let Some(hot) = hot {
            hot.forget(key, namespace);
        }
        Ok(())
    }
}

fn encode<K: KeySerializer, N: KeySerializer, S: Serializer>(
    rows: &mut Rows<K, N>,
    kind: &ListKind<S>,
    values: &[S::Value],
) {
    rows.value.clear();
    for value in values {
        kind.0.write(value, &mut rows.value);
    }
}

/// Shows the elements of the row.
fn show<K: KeySerializer, N: KeySerializer, S: Serializer>(
    rows: &Rows<K, N>,
    kind: &ListKind<S>,
    see: impl FnMut(S::Value),
) -> Result<(), StateError> {
    let shown = rows.read(|found| elements(&kind.0, found.unwrap_or_default(), see))?;
    shown.map_err(|why| rows.damaged(&why))
}

/// Puts what RocksDB has of a list before what is kept of it. The inner error: there is no room, and nothing changed.
fn join<K: KeySerializer, N: KeySerializer, S: Serializer>(
    rows: &Rows<K, N>,
    kind: &ListKind<S>,
    unit: &mut HotList<S>,
    arena: &PoolAllocator,
) -> Result<Result<(), ()>, StateError> {
    let mut base = CellList::<S>::new(arena);
    let mut fits = true;
    show(rows, kind, |element| fits = fits && base.push(&kind.0, &element).is_ok())?;
    if !fits || base.cells.try_reserve(unit.list.cells.len()).is_err() {
        return Ok(Err(()));
    }
    let seen = base.cells.len();
    base.cells.append(&mut unit.list.cells);
    let mut joined = HotList { list: base, base: ListBase::Known(seen), element_bytes: unit.element_bytes };
    joined.element_bytes += joined.list.cells[..seen].iter().map(Cell::held_bytes).sum::<usize>();
    *unit = joined;
    Ok(Ok(()))
}

/// Whether the row with `value` appended would be too long to be read again.
fn check_list<K: KeySerializer, N: KeySerializer>(rows: &Rows<K, N>) -> Result<(), StateError> {
    let added = rows.value.len() as u64;
    let lists = &rows.place.database.lists;
    if lists.appended(&rows.key, added) {
        return Ok(());
    }
    let kept = rows.read(|found| found.map_or(0, <[u8]>::len))? as u64;
    if kept + added > rows.place.database.opening.limits.row_bytes_max {
        return Err(rows.too_large("the list", kept + added));
    }
    lists.note(&rows.key, kept + added);
    Ok(())
}
