//! Snapshots: how long the task stands still, how fast the rest is, and the way back.

use std::time::{Duration, Instant};

use plimsoll_memory::budget::Pool;
use plimsoll_statebackend::serializer::{Bytes, I64};
use plimsoll_statebackend::snapshot::KeyedStateHandle;
use plimsoll_statebackend::snapshot::format::Compression;
use plimsoll_statebackend::state::{ValueDescriptor, ValueState};
use plimsoll_statebackend::{SnapshotKind, SnapshotResult};

use crate::arguments::Arguments;
use crate::ours::{Ours, Snapshots, System};

const SLOT_BYTES: u64 = 512 << 20;
/// What the buffers of a restore may hold.
const RESTORE_BYTES: u64 = 64 << 20;

/// `--snapshot-gb` says how many keys make so much state, `--snapshot-keys` how many there are.
#[expect(clippy::cast_possible_wrap, reason = "small numbers")]
pub(crate) fn snapshots(arguments: &Arguments) {
    let value_bytes = arguments.number("value-bytes", 100);
    let count = match arguments.number("snapshot-gb", 0) {
        0 => arguments.number("snapshot-keys", 1_000_000),
        gigabytes => gigabytes * 1_000_000_000 / value_bytes,
    } as i64;
    let value = vec![5u8; value_bytes];
    for system in [System::Heap, System::Rocks, System::Hot] {
        let mut ours = Ours::open(system, SLOT_BYTES);
        let state = ours.backend.value_state(&ValueDescriptor::new("value", Bytes)).unwrap();
        (0..count).for_each(|key| state.set(&key, &(), &value).unwrap());
        let kinds = [SnapshotKind::Full(Compression::None), SnapshotKind::Incremental];
        let mut taken = Vec::new();
        for (at, kind) in kinds.into_iter().enumerate().take(if system == System::Heap { 1 } else { 2 }) {
            let result = take(system, &mut ours, at as u64 + 1, kind, (&state, count, &value));
            taken.push((kind, result.handle));
        }
        drop(state);
        let snapshots = ours.close();
        for (kind, handle) in &taken {
            restore(system, *kind, &snapshots, handle, 1, (count, &value));
            if matches!(kind, SnapshotKind::Full(_)) {
                restore(system, *kind, &snapshots, handle, 2, (count, &value));
            }
        }
    }
}

/// A snapshot, while the task goes on writing.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn take(
    system: System,
    ours: &mut Ours,
    checkpoint: u64,
    kind: SnapshotKind,
    (state, count, value): (&ValueState<I64, Bytes>, i64, &Vec<u8>),
) -> SnapshotResult {
    let request = ours.request(checkpoint, kind);
    let pending = ours.backend.snapshot(&request).unwrap();
    let snapshot = std::thread::spawn(move || pending.run().unwrap());
    let before = Instant::now();
    let mut worst = Duration::ZERO;
    let mut writes = 0;
    while !snapshot.is_finished() {
        let one = Instant::now();
        state.set(&(writes * 7919 % count), &(), value).unwrap();
        worst = worst.max(one.elapsed());
        writes += 1;
    }
    let running = before.elapsed();
    let result = snapshot.join().unwrap();
    let bytes = result.handle.state_bytes() as f64 / 1e6;
    println!(
        "{system:<6?} {kind:?}: {count} keys, sync {:.3} ms, rest {:.0} ms, {bytes:.0} MB, {:.0} MB/s; meanwhile {:.0} \
         writes/s, the slowest {:.2} ms",
        result.sync.as_secs_f64() * 1e3,
        result.rest.as_secs_f64() * 1e3,
        bytes / result.rest.as_secs_f64(),
        writes as f64 / running.as_secs_f64(),
        worst.as_secs_f64() * 1e3,
    );
    result
}

/// The way back: until the state can be asked for, by each subtask after the other. Every value of a thousandth is
/// looked at afterwards, and all keys of those are there, each at one subtask.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn restore(
    system: System,
    kind: SnapshotKind,
    snapshots: &Snapshots,
    handle: &KeyedStateHandle,
    parallelism: u32,
    (count, value): (i64, &Vec<u8>),
) {
    let buffers = Pool::root("buffers of a restore", RESTORE_BYTES).unwrap();
    let (mut took, mut found) = (Vec::new(), 0);
    for subtask in 0..parallelism {
        let before = Instant::now();
        let mut backend = snapshots.restore(system, SLOT_BYTES, (parallelism, subtask), handle, &buffers);
        let state = backend.value_state(&ValueDescriptor::new("value", Bytes)).unwrap();
        took.push(before.elapsed().as_secs_f64());
        let looked_at = (0..count).step_by(1000).filter_map(|key| state.get(&key, &()).unwrap());
        found += looked_at.inspect(|read| assert_eq!(read, value)).count();
    }
    let looked_at = usize::try_from(count).unwrap().div_ceil(1000);
    assert_eq!(found, looked_at, "keys are missing, or two subtasks have them");
    let bytes = handle.state_bytes() as f64 / 1e6;
    let whole: f64 = took.iter().sum();
    let each: Vec<String> = took.iter().map(|seconds| format!("{:.0}", seconds * 1e3)).collect();
    println!(
        "{system:<6?} {kind:?} restored by {parallelism}: {} ms, {bytes:.0} MB, {:.0} MB/s; buffers {} of {} bytes",
        each.join(" + "),
        bytes / whole,
        buffers.peak_bytes(),
        buffers.limit_bytes(),
    );
}
