//! The operations of Flink's own state benchmarks, on ours and on a bare library.

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use plimsoll_statebackend::SnapshotKind;
use plimsoll_statebackend::serializer::{F64, I64};
use plimsoll_statebackend::state::{ListDescriptor, MapDescriptor, ValueDescriptor};

use crate::arguments::Arguments;
use crate::bare::Bare;
use crate::keys::Keys;
use crate::measure::{Operation, Plan, Row, alone, measure, print_row, warm_max};
use crate::ours::{Ours, System};

/// Entries of a map and elements of a long list, as in Flink's benchmarks.
const MAP_ENTRIES: i64 = 10;

const VALUES: [&str; 4] = ["valueUpdate", "valueAdd", "valueGet", "valueRmw"];
const LISTS: [&str; 6] =
    ["listUpdate", "listAdd", "listAppend", "listGet", "listGetAndIterate", "listAddAll"];
const MAPS: [&str; 6] = ["mapUpdate", "mapAdd", "mapGet", "mapContains", "mapIterator", "mapRemove"];

#[expect(clippy::cast_possible_wrap, clippy::cast_precision_loss, reason = "small numbers")]
#[expect(clippy::too_many_lines, reason = "a table of operations")]
pub(crate) fn operations<B: Bare>(
    system: System,
    arguments: &Arguments,
    mut open_bare: impl FnMut(&Path) -> B,
) -> Vec<Row> {
    let all: Vec<&str> = VALUES.iter().chain(&LISTS).chain(&MAPS).copied().collect();
    let wanted = arguments.list("ops", &all.join(","));
    let count = arguments.number("keys", 500_000);
    let rounds = arguments.number("rounds", 5);
    let calls = arguments.number("calls", if system == System::Heap { 500_000 } else { 100_000 });
    let slot_bytes = (arguments.number("slot-mib", 512) as u64) << 20;
    let keys = Keys::new(count, arguments.has("zipf"));
    let warm_default = if system == System::Hot { count } else { 0 };
    let (alone, warm_max) = (alone(arguments), warm_max(arguments));
    let mut rows = Vec::new();
    for name in wanted {
        let folder = tempfile::tempdir().unwrap();
        let mut bare = (!alone).then(|| open_bare(&folder.path().join("bare")));
        let mut ours = Ours::open(system, slot_bytes);
        let fresh = |call: usize| (count + call) as i64;
        let number = |call: usize| call as i64 * 7;
        let key = |call: usize| keys.at(call);
        let entry = |call: usize| call as i64 % MAP_ENTRIES;
        let name = name.as_str();
        // each key once, on average, and each map four times; additions are of fresh keys, each once
        let warm_default = if name.starts_with("map") { warm_default * 4 } else { warm_default };
        let warm = if name.ends_with("Add") { 0 } else { arguments.number("warm", warm_default) };
        let bare = &mut bare;
        let row = if name.starts_with("value") {
            let state = ours.backend.value_state(&ValueDescriptor::new("value", I64)).unwrap();
            for key in 0..count as i64 {
                state.set(&key, &(), &key).unwrap();
                bare.value_set(key, key);
            }
            settle(&mut ours, bare);
            let pair: Operation<'_> = match name {
                "valueUpdate" => (
                    Box::new(|call| state.set(&key(call), &(), &number(call)).unwrap()),
                    Box::new(|call| bare.value_set(key(call), number(call))),
                ),
                "valueAdd" => (
                    Box::new(|call| state.set(&fresh(call), &(), &number(call)).unwrap()),
                    Box::new(|call| bare.value_set(fresh(call), number(call))),
                ),
                "valueGet" => (
                    Box::new(|call| {
                        black_box(state.get(&key(call), &()).unwrap());
                    }),
                    Box::new(|call| {
                        black_box(bare.value_get(key(call)));
                    }),
                ),
                _ => (
                    Box::new(|call| {
                        state.update(&key(call), &(), |old| Some(old.unwrap_or(0).wrapping_add(1))).unwrap();
                    }),
                    Box::new(|call| bare.value_update(key(call))),
                ),
            };
            measure(name, Plan { warm, warm_max, first: 0, rounds, calls, unit: 1, alone }, pair)
        } else if name.starts_with("list") {
            let state = ours.backend.list_state(&ListDescriptor::new("list", I64)).unwrap();
            for key in 0..count as i64 {
                state.add(&key, &(), &key).unwrap();
                bare.list_add(key, key);
            }
            settle(&mut ours, bare);
            let many: Vec<i64> = (0..10).collect();
            let pair: Operation<'_> = match name {
                "listUpdate" => (
                    Box::new(|call| state.update(&key(call), &(), &[number(call)]).unwrap()),
                    Box::new(|call| bare.list_set(key(call), number(call))),
                ),
                "listAdd" => (
                    Box::new(|call| state.add(&fresh(call), &(), &number(call)).unwrap()),
                    Box::new(|call| bare.list_add(fresh(call), number(call))),
                ),
                "listAppend" => (
                    Box::new(|call| state.add(&key(call), &(), &number(call)).unwrap()),
                    Box::new(|call| bare.list_add(key(call), number(call))),
                ),
                "listGet" => (
                    Box::new(|call| {
                        black_box(state.view(&key(call), &(), |list| list.len()).unwrap());
                    }),
                    Box::new(|call| {
                        black_box(bare.list_len(key(call)));
                    }),
                ),
                "listGetAndIterate" => (
                    Box::new(|call| {
                        state
                            .for_each(&key(call), &(), |element| {
                                black_box(element);
                            })
                            .unwrap();
                    }),
                    Box::new(|call| {
                        bare.list_each(key(call), &mut |element| {
                            black_box(element);
                        });
                    }),
                ),
                _ => (
                    Box::new(|call| state.add_all(&key(call), &(), &many).unwrap()),
                    Box::new(|call| bare.list_add_all(key(call), &many)),
                ),
            };
            measure(
                name,
                Plan { warm, warm_max, first: 0, rounds, calls: calls.min(count), unit: 1, alone },
                pair,
            )
        } else {
            let state = ours.backend.map_state(&MapDescriptor::new("map", I64, F64)).unwrap();
            for key in 0..count as i64 {
                for entry in 0..MAP_ENTRIES {
                    state.put(&key, &(), &entry, &(key as f64)).unwrap();
                    bare.map_put(key, entry, key as f64);
                }
            }
            settle(&mut ours, bare);
            let value = |call: usize| call as f64;
            let pair: Operation<'_> = match name {
                "mapUpdate" => (
                    Box::new(|call| state.put(&key(call), &(), &entry(call), &value(call)).unwrap()),
                    Box::new(|call| bare.map_put(key(call), entry(call), value(call))),
                ),
                "mapAdd" => (
                    Box::new(|call| state.put(&fresh(call), &(), &entry(call), &value(call)).unwrap()),
                    Box::new(|call| bare.map_put(fresh(call), entry(call), value(call))),
                ),
                "mapGet" => (
                    Box::new(|call| {
                        black_box(state.get(&key(call), &(), &entry(call)).unwrap());
                    }),
                    Box::new(|call| {
                        black_box(bare.map_get(key(call), entry(call)));
                    }),
                ),
                "mapContains" => (
                    Box::new(|call| {
                        black_box(state.contains(&key(call), &(), &(entry(call) << 1)).unwrap());
                    }),
                    Box::new(|call| {
                        black_box(bare.map_get(key(call), entry(call) << 1).is_some());
                    }),
                ),
                "mapRemove" => (
                    Box::new(|call| state.remove(&key(call), &(), &entry(call)).unwrap()),
                    Box::new(|call| bare.map_remove(key(call), entry(call))),
                ),
                _ => (
                    Box::new(|call| {
                        state
                            .for_each(&key(call), &(), |key, value| {
                                black_box((*key, *value));
                            })
                            .unwrap();
                    }),
                    Box::new(|call| {
                        bare.map_each(key(call), &mut |key, value| {
                            black_box((key, value));
                        });
                    }),
                ),
            };
            let unit = if name == "mapIterator" { 10 } else { 1 };
            measure(name, Plan { warm, warm_max, first: 0, rounds, calls: calls / unit, unit, alone }, pair)
        };
        print_row(system, &row, &keys, arguments);
        rows.push(row);
    }
    rows
}

/// Both begin with empty memtables: ours writes them for a snapshot, which is then given up.
pub(crate) fn settle(ours: &mut Ours, bare: &mut impl Bare) {
    if ours.backend.rocksdb().is_some() {
        drop(ours.backend.snapshot(&ours.request(1, SnapshotKind::Incremental)).unwrap());
        ours.backend.checkpoint_aborted(1);
        bare.settle();
        std::thread::sleep(Duration::from_secs(3));
    }
}
