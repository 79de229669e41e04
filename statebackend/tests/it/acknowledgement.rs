//! State in the acknowledgement: each limit is held to before the bytes are there.

use std::io::Write;
use std::sync::Arc;

use plimsoll_memory::budget::{Owner, Pool};
use plimsoll_statebackend::snapshot::acknowledge::{
    AcknowledgeLimits, FRAME_LIMIT_BYTES, Frame, STATE_LIMIT_BYTES,
};
use plimsoll_statebackend::snapshot::storage::CheckpointStorage;
use plimsoll_statebackend::snapshot::{Place, SnapshotSink, SnapshotTarget};
use plimsoll_statebackend::{ErrorKind, StateError};

fn write(sink: &mut SnapshotSink, bytes: u64) -> Result<(), StateError> {
    let piece = [5; 10_000];
    let mut left = bytes;
    while left > 0 {
        let length = usize::try_from(left.min(10_000)).unwrap();
        sink.write_all(&piece[..length]).map_err(|error| error.downcast::<StateError>().unwrap())?;
        left -= length as u64;
    }
    Ok(())
}

fn heap(bytes: u64) -> Arc<Owner> {
    Pool::root("JobManager heap", bytes).unwrap().owner("retained checkpoints").register().unwrap()
}

#[test]
fn five_mebibytes_a_state() {
    let owner = heap(64 << 20);
    for (bytes, fits) in
        [(STATE_LIMIT_BYTES - 1, true), (STATE_LIMIT_BYTES, true), (STATE_LIMIT_BYTES + 1, false)]
    {
        let frame = Frame::new(AcknowledgeLimits::default(), Some(Arc::clone(&owner)));
        let mut sink = SnapshotTarget::Acknowledgement(Arc::clone(&frame)).sink("the state of \"sum\"", "");
        let written = write(&mut sink, bytes);
        if fits {
            written.unwrap();
            let finished = sink.finish().unwrap();
            let Place::Inline(inline) = &finished.place else { panic!("{:?}", finished.place) };
            assert_eq!((inline.len() as u64, finished.bytes), (bytes, bytes));
            assert_eq!(finished.crc, crc32fast::hash(inline));
            assert_eq!(frame.bytes(), bytes);
            assert_eq!(owner.held_bytes(), inline.capacity() as u64);
        } else {
            let error = written.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TooLarge);
            assert_eq!(
                error.to_string(),
                "the state of \"sum\": Size of the state is larger than the maximum permitted memory-backed \
                 state. Size=5242881, maxSize=5242880. Consider using a different checkpoint storage, like \
                 the FileSystemCheckpointStorage."
            );
            assert!(sink.finish().is_err());
            assert_eq!(frame.bytes(), 0, "a failed handle is not in the acknowledgement");
        }
        assert!(owner.held_bytes() <= bytes);
    }
    assert_eq!(owner.held_bytes(), 0);
    assert!(owner.peak_bytes() <= 2 * STATE_LIMIT_BYTES, "a buffer and the one that replaces it");
}

#[test]
fn the_frame_holds_all_handles_of_a_task() {
    let frame = Frame::new(AcknowledgeLimits::default(), None);
    let target = SnapshotTarget::Acknowledgement(Arc::clone(&frame));
    let mut first = target.sink("the state of \"a\"", "");
    write(&mut first, STATE_LIMIT_BYTES).unwrap();
    let mut second = target.sink("the state of \"b\"", "");
    write(&mut second, STATE_LIMIT_BYTES).unwrap();
    assert_eq!(frame.bytes(), FRAME_LIMIT_BYTES);
    let mut third = target.sink("the state of \"c\"", "");
    let error = write(&mut third, 1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    let text = error.to_string();
    assert!(
        text.starts_with(
            "the state of \"c\": The rpc invocation size 10485761 exceeds the maximum pekko framesize"
        ),
        "{text}"
    );
    assert!(text.contains("raise pekko.framesize"), "{text}");
    drop(second);
    let mut fourth = target.sink("the state of \"d\"", "");
    write(&mut fourth, 1).unwrap();
    fourth.finish().unwrap();
    assert_eq!(frame.bytes(), STATE_LIMIT_BYTES + 1);
}

/// Two hundred retained snapshots into a heap that holds some of them.
#[test]
fn the_jobmanagers_heap_is_never_exceeded() {
    let owner = heap(20 << 20);
    let mut retained = Vec::new();
    let mut refused = 0;
    for _ in 0..200 {
        let frame = Frame::new(AcknowledgeLimits::default(), Some(Arc::clone(&owner)));
        let mut sink = SnapshotTarget::Acknowledgement(frame).sink("the state of \"sum\"", "");
        match write(&mut sink, 300_000) {
            Ok(()) => retained.push(sink.finish().unwrap()),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Refused);
                assert!(
                    error.to_string().contains("the state of \"sum\" in the JobManager's heap"),
                    "{error}"
                );
                refused += 1;
            }
        }
    }
    println!("{} retained, {refused} refused", retained.len());
    assert!(retained.len() > 60 && refused > 0);
    assert!(owner.peak_bytes() <= 20 << 20);
    retained.clear();
    assert_eq!(owner.held_bytes(), 0);
}

#[test]
fn small_snapshots_ride_along_and_larger_ones_are_files() {
    let folder = tempfile::tempdir().unwrap();
    let storage = CheckpointStorage::local(folder.path()).unwrap();
    let target = SnapshotTarget::files(storage.clone(), 1000).unwrap();
    for (bytes, inline) in [(0, true), (999, true), (1000, true), (1001, false), (1_000_000, false)] {
        let path = format!("job/chk-1/{bytes}");
        let mut sink = target.sink("the state", &path);
        for _ in 0..bytes / 100 {
            sink.write_all(&[1; 100]).unwrap();
        }
        sink.write_all(&vec![1; bytes % 100]).unwrap();
        let finished = sink.finish().unwrap();
        assert_eq!(finished.bytes, bytes as u64);
        match finished.place {
            Place::Inline(found) => {
                assert!(inline);
                assert_eq!(found, vec![1; bytes]);
                assert!(storage.open(&path).is_err());
            }
            Place::File { path: found } => {
                assert!(!inline);
                assert_eq!(found, path);
                assert_eq!(storage.read(&path, bytes).unwrap(), vec![1; bytes]);
            }
        }
    }
    let error = SnapshotTarget::files(storage, (1 << 20) + 1).unwrap_err();
    assert!(error.to_string().starts_with("state.storage.fs.memory-threshold: "), "{error}");
}
