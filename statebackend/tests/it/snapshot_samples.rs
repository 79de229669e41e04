//! Snapshots to be damaged, and numbers that come again with their seed.

use std::io::Write;

use plimsoll_statebackend::key_group::KeyGroupRange;
use plimsoll_statebackend::serializer::Identity;
use plimsoll_statebackend::snapshot::format::{Compression, FullWriter};
use plimsoll_statebackend::snapshot::{BackendMeta, StateKind, StateMeta};

/// Splitmix: the same numbers for the same seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next().to_le_bytes()[0]).collect()
    }
}

/// A record: key group, state, key, value.
pub(crate) type Record = (u32, u16, Vec<u8>, Vec<u8>);

pub(crate) const RANGE: KeyGroupRange = KeyGroupRange { first: 2, last: 40 };

pub(crate) fn meta(states: u16) -> BackendMeta {
    let kinds = [
        StateKind::Value,
        StateKind::List,
        StateKind::Map,
        StateKind::Reducing,
        StateKind::Aggregating,
        StateKind::Timer,
    ];
    let state = |id: u16| StateMeta {
        id,
        name: format!("state {id}"),
        kind: kinds[usize::from(id) % kinds.len()],
        namespace: Identity::new("unit", 1),
        parts: vec![Identity::of("pair", 1, vec![Identity::new("i64", 1), Identity::new("string", 2)])],
        ttl: id % 2 == 1,
    };
    BackendMeta {
        key: Identity::new("i64", 1),
        max_parallelism: 128,
        range: RANGE,
        states: (0..states).map(state).collect(),
    }
}

/// Records in the order of writing. Values repeat themselves, so that there is something to compress.
pub(crate) fn records(seed: u64, groups: u32, states: u16, each: usize) -> Vec<Record> {
    let mut random = Random(seed);
    let mut out = Vec::new();
    for group in RANGE.first..RANGE.first + groups {
        for state in 0..states {
            for _ in 0..each {
                let (key_bytes, value_bytes) = (random.below(9), random.below(24));
                let key = random.bytes(key_bytes);
                let mut value = b"value value value ".repeat(2);
                value.extend(random.bytes(value_bytes));
                out.push((group, state, key, value));
            }
        }
    }
    out
}

pub(crate) fn write(sink: impl Write, meta: &BackendMeta, records: &[Record], compression: Compression) {
    let mut writer = FullWriter::new(sink, meta, compression).unwrap();
    for (group, state, key, value) in records {
        writer.begin(*group, *state).unwrap();
        writer.record(key, value).unwrap();
    }
    let summary = writer.finish().unwrap();
    assert_eq!(summary.records, records.len() as u64);
}

pub(crate) fn file(states: u16, records: &[Record], compression: Compression) -> Vec<u8> {
    let mut file = Vec::new();
    write(&mut file, &meta(states), records, compression);
    file
}
