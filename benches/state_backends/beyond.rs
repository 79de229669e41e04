//! State so many times larger than its slot: values of 100 bytes, read, changed and written.

use std::cell::RefCell;
use std::hint::black_box;

use plimsoll_statebackend::serializer::Bytes;
use plimsoll_statebackend::state::ValueDescriptor;

use crate::arguments::Arguments;
use crate::bare::BareRocks;
use crate::keys::Keys;
use crate::measure::{Operation, Plan, alone, mean, measure, print_row, warm_max};
use crate::operations::settle;
use crate::ours::{Ours, System};

#[expect(clippy::cast_possible_wrap, reason = "small numbers")]
pub(crate) fn beyond(arguments: &Arguments, times: usize) {
    let slot_bytes = (arguments.number("slot-mib", 32) as u64) << 20;
    let row_bytes = 110;
    let count = usize::try_from(slot_bytes).unwrap() * times / row_bytes;
    let alone = alone(arguments);
    let warm = arguments.number("warm", 400_000);
    let plan = Plan {
        warm,
        warm_max: warm_max(arguments),
        // keys that were not asked for just before
        first: warm,
        rounds: arguments.number("rounds", 5),
        calls: arguments.number("calls", 50_000),
        unit: 1,
        alone,
    };
    let wanted = arguments.list("ops", "valueGet,valueUpdate,valueRmw");
    let keys = Keys::new(count, arguments.has("zipf"));
    let folder = tempfile::tempdir().unwrap();
    let mut bare = (!alone).then(|| BareRocks::open(&folder.path().join("bare"), slot_bytes, false));
    let mut ours = Ours::open(System::Hot, slot_bytes);
    let state = ours.backend.value_state(&ValueDescriptor::new("value", Bytes)).unwrap();
    let mut value = vec![7u8; 100];
    for key in 0..count as i64 {
        value[..8].copy_from_slice(&key.wrapping_mul(0x9e37_79b9_7f4a_7c15u64.cast_signed()).to_le_bytes());
        state.set(&key, &(), &value).unwrap();
        if let Some(bare) = &mut bare {
            bare.bytes_set(key, &value);
        }
    }
    settle(&mut ours, &mut bare);
    let (mut rows, value) = (Vec::new(), vec![9u8; 100]);
    let bare = bare.map(RefCell::new);
    let with_bare = |act: &mut dyn FnMut(&mut BareRocks)| {
        if let Some(bare) = &bare {
            act(&mut bare.borrow_mut());
        }
    };
    let named: [(&str, Operation<'_>); 3] = [
        (
            "valueGet",
            (
                Box::new(|call| {
                    black_box(state.get(&keys.at(call), &()).unwrap());
                }),
                Box::new(|call| {
                    with_bare(&mut |bare| {
                        black_box(bare.bytes_get(keys.at(call)));
                    });
                }),
            ),
        ),
        (
            "valueUpdate",
            (
                Box::new(|call| state.set(&keys.at(call), &(), &value).unwrap()),
                Box::new(|call| with_bare(&mut |bare| bare.bytes_set(keys.at(call), &value))),
            ),
        ),
        (
            "valueRmw",
            (
                Box::new(|call| {
                    state
                        .update(&keys.at(call), &(), |old| {
                            old.map(|mut old| {
                                old[9] ^= 1;
                                old
                            })
                        })
                        .unwrap();
                }),
                Box::new(|call| {
                    with_bare(&mut |bare| {
                        let mut old = bare.bytes_get(keys.at(call)).unwrap_or_default();
                        old[9] ^= 1;
                        bare.bytes_set(keys.at(call), &old);
                    });
                }),
            ),
        ),
    ];
    if !(alone && arguments.has("json")) {
        println!("\n{count} keys of {row_bytes} bytes, {times} times the slot of {slot_bytes} bytes");
    }
    for (name, pair) in named.into_iter().filter(|(name, _)| wanted.iter().any(|wanted| wanted == name)) {
        let row = measure(name, plan, pair);
        print_row(System::Hot, &row, &keys, arguments);
        rows.push(row);
    }
    if !alone {
        println!(
            "hot entries against bare RocksDB as Flink opens it: {:.2}× faster",
            mean(&rows, |row| 1.0 / row.ratio)
        );
    }
}
