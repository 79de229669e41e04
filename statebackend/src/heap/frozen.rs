//! What a snapshot reads of a table while its task goes on writing.

use super::kind::{Emit, Kind};
use crate::StateError;
use crate::key_group::{KeyGroupRange, KeyGroups};
use crate::serializer::{Cell, KeySerializer};
use crate::table::{Frozen as Segments, Row, RowKeys};

/// The rows of one state as they were at the snapshot's synchronous part.
pub(crate) trait FrozenRows: Send {
    /// Sorts them by key group. What it returns lives on the general heap: 8 bytes a row.
    ///
    /// # Errors
    /// A key of another range: the program sent it to the wrong subtask.
    fn sorted(&self, range: KeyGroupRange) -> Result<Box<dyn SortedRows + '_>, StateError>;
}

/// Rows by key group.
pub(crate) trait SortedRows {
    /// Writes the rows of one key group.
    fn emit(&self, key_group: u32, emit: &mut Emit<'_>) -> Result<(), StateError>;
}

pub(super) struct Frozen<K: KeySerializer, N: KeySerializer, D: Kind> {
    segments: Segments<Row<K, N, D::Payload>>,
    keys: RowKeys<K, N>,
    kind: D,
    groups: KeyGroups,
}

impl<K: KeySerializer, N: KeySerializer, D: Kind> Frozen<K, N, D> {
    pub(super) fn new(
        segments: Segments<Row<K, N, D::Payload>>,
        keys: RowKeys<K, N>,
        kind: D,
        groups: KeyGroups,
    ) -> Self {
        Self { segments, keys, kind, groups }
    }

    fn rows(&self) -> impl Iterator<Item = &Row<K, N, D::Payload>> {
        self.segments.iter().flat_map(|segment| segment.iter())
    }

    fn place(&self, row: &Row<K, N, D::Payload>, range: KeyGroupRange) -> Result<usize, StateError> {
        let key = row.key.unpack(&self.keys.key);
        let group = self.groups.of_hash(self.keys.key.java_hash(&key));
        if group < range.first || group > range.last {
            return Err(StateError::Usage(format!(
                "a key of key group {group} is kept by a backend of the key groups {range}"
            )));
        }
        Ok((group - range.first) as usize)
    }
}

impl<K: KeySerializer, N: KeySerializer, D: Kind> FrozenRows for Frozen<K, N, D> {
    fn sorted(&self, range: KeyGroupRange) -> Result<Box<dyn SortedRows + '_>, StateError> {
        // a counting sort: where each group starts, then each row to its place
        let groups = (range.last + 1).saturating_sub(range.first) as usize;
        let mut starts = vec![0usize; groups + 1];
        for row in self.rows() {
            starts[self.place(row, range)? + 1] += 1;
        }
        for at in 0..groups {
            starts[at + 1] += starts[at];
        }
        let mut next = starts.clone();
        let mut rows = vec![None; starts[groups]];
        for row in self.rows() {
            let at = &mut next[self.place(row, range)?];
            rows[*at] = Some(row);
            *at += 1;
        }
        Ok(Box::new(Sorted { frozen: self, first: range.first, starts, rows }))
    }
}

struct Sorted<'f, K: KeySerializer, N: KeySerializer, D: Kind> {
    frozen: &'f Frozen<K, N, D>,
    first: u32,
    starts: Vec<usize>,
    rows: Vec<Option<&'f Row<K, N, D::Payload>>>,
}

impl<K: KeySerializer, N: KeySerializer, D: Kind> SortedRows for Sorted<'_, K, N, D> {
    fn emit(&self, key_group: u32, emit: &mut Emit<'_>) -> Result<(), StateError> {
        let at = (key_group - self.first) as usize;
        let (mut key, mut value) = (Vec::new(), Vec::new());
        for row in self.rows[self.starts[at]..self.starts[at + 1]].iter().flatten() {
            key.clear();
            self.frozen.keys.write(row, &mut key);
            self.frozen.kind.emit(&row.payload, &mut key, &mut value, emit)?;
        }
        Ok(())
    }
}
