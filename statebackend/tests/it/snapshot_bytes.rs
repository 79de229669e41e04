//! A damaged snapshot is a named error: never a panic, never a wrong value, never a large allocation.

use std::sync::Arc;

use plimsoll_memory::budget::{Owner, Pool};
use plimsoll_statebackend::key_group::KeyGroupRange;
use plimsoll_statebackend::snapshot::format::{
    BLOCK_BYTES, BlockBuffer, Compression, FullReader, FullWriter, READER_BYTES,
};
use plimsoll_statebackend::snapshot::incremental::{Family, Manifest, ManifestFile};
use plimsoll_statebackend::snapshot::registry::{Event, FileKey, FileReference, SharedRegistry};
use plimsoll_statebackend::snapshot::{KeyedStateHandle, Place, PrivateFile, SharedFile};
use plimsoll_statebackend::{ErrorKind, StateError};

use crate::snapshot_samples::{RANGE, Random, Record, file, meta, records};

const BOTH: [Compression; 2] = [Compression::None, Compression::Snappy];

fn owner(bytes: u64) -> Arc<Owner> {
    Pool::root("restore", bytes).unwrap().owner("restore").register().unwrap()
}

/// The records of a state; or the error, and the records that were given out before.
fn read(file: &[u8], state: u16, range: KeyGroupRange) -> (Vec<Record>, Result<(), StateError>) {
    let mut out = Vec::new();
    let reader = match FullReader::open(file, "the file") {
        Ok(reader) => reader,
        Err(error) => return (out, Err(error)),
    };
    let done = reader.for_each(state, range, |group, key, value| {
        out.push((group, state, key.to_vec(), value.to_vec()));
        Ok(())
    });
    (out, done)
}

fn verify(file: &[u8]) -> Result<(), StateError> {
    FullReader::open(file, "the file")?.verify().map(|_| ())
}

/// A damaged file: verification names it, and reading gives nothing but what was written.
fn assert_damaged(file: &[u8], states: u16, expected: &[Record], how: &str) {
    let error = verify(file).expect_err(how);
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{how}: {error}");
    assert!(error.to_string().starts_with("the file is damaged: "), "{how}: {error}");
    for state in 0..states {
        let (found, done) = read(file, state, RANGE);
        let written = expected.iter().filter(|record| record.1 == state);
        match done {
            Ok(()) => assert!(found.iter().eq(written), "{how}: state {state} has other records"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{how}: {error}");
                assert!(found.iter().eq(written.take(found.len())), "{how}: state {state}: a wrong record");
            }
        }
    }
}

#[test]
fn every_byte_flipped() {
    for compression in BOTH {
        let written = records(1, 5, 6, 4);
        let good = file(6, &written, compression);
        verify(&good).unwrap();
        let mut bad = good.clone();
        for at in 0..good.len() {
            for flip in [0x01, 0x10, 0x80, 0xff] {
                bad[at] ^= flip;
                assert_damaged(&bad, 6, &written, &format!("{compression:?}: byte {at} ^ {flip:#x}"));
                bad[at] ^= flip;
            }
        }
        assert_eq!(bad, good);
    }
}

#[test]
fn every_cut_and_what_is_appended() {
    for compression in BOTH {
        let written = records(2, 4, 3, 4);
        let good = file(3, &written, compression);
        for length in 0..good.len() {
            assert_damaged(&good[..length], 3, &written, &format!("{compression:?}: cut to {length}"));
        }
        for more in 1..200 {
            let longer = [&good[..], &vec![0; more]].concat();
            assert_damaged(&longer, 3, &written, &format!("{compression:?}: {more} zeros appended"));
            let again = [&good[..], &good[good.len() - more..]].concat();
            assert_damaged(&again, 3, &written, &format!("{compression:?}: {more} bytes of the end again"));
        }
        let twice = [&good[..], &good[..]].concat();
        assert_damaged(&twice, 3, &written, "twice");
        // pieces that are valid by themselves, elsewhere
        let other = file(3, &records(3, 4, 3, 4), compression);
        let half = good.len().min(other.len()) / 2;
        let mixed = [&good[..half], &other[half..]].concat();
        assert!(verify(&mixed).is_err_and(|error| error.kind() == ErrorKind::Corrupt));
    }
}

/// Several pages of the index, blocks larger than usual: a sample of the bytes.
#[test]
fn bytes_of_a_file_with_many_blocks() {
    let seed = 4;
    println!("seed {seed}");
    let mut random = Random(seed);
    let mut written = records(5, 39, 64, 2);
    written[7].3 = random.bytes(BLOCK_BYTES + 1);
    for compression in BOTH {
        let good = file(64, &written, compression);
        assert!(written.len() / 2 > 2048, "more than a page");
        verify(&good).unwrap();
        let mut bad = good.clone();
        for _ in 0..150 {
            let (at, flip) = (random.below(good.len()), 1 << random.below(8));
            bad[at] ^= flip;
            let error = verify(&bad).expect_err("damaged");
            assert_eq!(error.kind(), ErrorKind::Corrupt, "byte {at}: {error}");
            bad[at] ^= flip;
        }
        // the index and what follows it, where a wrong number would do most harm
        for _ in 0..150 {
            let at = good.len() - 1 - random.below(64 * 1024);
            bad[at] ^= 0x40;
            assert_damaged(&bad, 3, &written, &format!("byte {at}"));
            bad[at] ^= 0x40;
        }
    }
}

/// Numbers that are wrong under right checksums: somebody's bug, or malice. Values may be wrong then; but
/// nothing panics, and nothing is allocated that the budget does not know.
#[test]
fn wrong_numbers_under_right_sums() {
    let seed = 6;
    println!("seed {seed}");
    let mut random = Random(seed);
    let good = file(3, &records(7, 6, 3, 4), Compression::Snappy);
    let footer = good.len() - 72;
    let number = |at: usize| u64::from_le_bytes(good[at..at + 8].try_into().unwrap());
    let root = usize::try_from(number(footer + 12)).unwrap();
    let page = usize::try_from(number(root)).unwrap();
    let budget = owner(4 << 20);
    for round in 0..20_000 {
        let mut bad = good.clone();
        for _ in 0..=random.below(3) {
            // anywhere from the page of the index on, or in the blocks
            let at =
                if round % 4 == 0 { random.below(footer) } else { page + random.below(footer + 60 - page) };
            bad[at] = match random.below(4) {
                0 => 0,
                1 => 0xff,
                _ => random.next().to_le_bytes()[0],
            };
        }
        let seal = |bad: &mut Vec<u8>, from: usize, to: usize, into: usize| {
            let crc = crc32fast::hash(&bad[from..to]).to_le_bytes();
            bad[into..into + 4].copy_from_slice(&crc);
        };
        // blocks, then the page, then the root, then the footer
        for entry in (page..root).step_by(32) {
            let block = &bad[entry..entry + 32];
            let start = u64::from_le_bytes(block[20..28].try_into().unwrap());
            let length = u32::from_le_bytes(block[16..20].try_into().unwrap());
            let (Ok(start), Ok(length)) = (usize::try_from(start), usize::try_from(length)) else { continue };
            if start.checked_add(length).is_some_and(|end| end <= page) {
                seal(&mut bad, start, start + length, entry + 28);
            }
        }
        seal(&mut bad, page, root, root + 20);
        seal(&mut bad, root, footer, footer + 24);
        seal(&mut bad, footer, footer + 60, footer + 60);
        if let Ok(reader) = FullReader::open(bad.as_slice(), "the file") {
            let reader = reader.with_budget(Some(Arc::clone(&budget)));
            let _ = reader.verify();
            for state in 0..3 {
                let _ = reader.for_each(state, RANGE, |_, _, _| Ok(()));
            }
        }
        assert_eq!(budget.held_bytes(), 0);
    }
    assert!(budget.peak_bytes() <= 4 << 20);
}

#[test]
fn ranges_states_and_large_records() {
    for compression in BOTH {
        let mut written = records(8, 20, 3, 30);
        for at in [10, 700, 1500] {
            written[at].3 = vec![u8::try_from(at % 251).unwrap(); 3 * BLOCK_BYTES + at];
        }
        let whole = file(3, &written, compression);
        for (first, last) in
            [(2, 40), (0, 127), (5, 5), (5, 9), (21, 22), (30, 40), (9, 8), (0, 1), (41, u32::MAX)]
        {
            for state in 0..4 {
                let (found, done) = read(&whole, state, KeyGroupRange { first, last });
                done.unwrap();
                let inside = |r: &&Record| r.1 == state && (first..=last).contains(&r.0);
                assert!(found.iter().eq(written.iter().filter(inside)), "{first}..={last} of {state}");
            }
        }
    }
}

#[test]
fn an_empty_snapshot() {
    let empty = file(3, &[], Compression::Snappy);
    verify(&empty).unwrap();
    let (found, done) = read(&empty, 0, RANGE);
    done.unwrap();
    assert!(found.is_empty());
    for at in 0..empty.len() {
        let mut bad = empty.clone();
        bad[at] ^= 4;
        assert_damaged(&bad, 3, &[], &format!("byte {at}"));
    }
}

#[test]
fn blocks_are_carried_over_unread() {
    for compression in BOTH {
        let written = records(9, 12, 3, 50);
        let old = FullReader::open(file(3, &written, compression), "old").unwrap();
        let mut new = Vec::new();
        let mut writer = FullWriter::new(&mut new, &meta(6), Compression::None).unwrap();
        let mut buffer = BlockBuffer::default();
        let mut carried = old.blocks(1, RANGE).map(Result::unwrap).peekable();
        for group in RANGE.first..=RANGE.last {
            writer.begin(group, 0).unwrap();
            writer.record(b"k", &group.to_le_bytes()).unwrap();
            while let Some(block) = carried.next_if(|block| block.key_group == group) {
                let bytes = old.read(&block, &mut buffer).unwrap();
                writer.raw_block(5, &block, bytes).unwrap();
                let wrong = writer.raw_block(5, &block, &bytes[1..]).unwrap_err();
                assert_eq!(wrong.kind(), ErrorKind::Corrupt);
            }
        }
        writer.finish().unwrap();
        verify(&new).unwrap();
        let (found, done) = read(&new, 5, RANGE);
        done.unwrap();
        let moved = written.iter().filter(|r| r.1 == 1).map(|r| (r.0, 5, r.2.clone(), r.3.clone()));
        assert!(found.into_iter().eq(moved));
        assert_eq!(read(&new, 0, RANGE).0.len(), 39);
    }
}

#[test]
fn the_order_of_writing_is_held_to() {
    let mut writer = FullWriter::new(Vec::new(), &meta(3), Compression::None).unwrap();
    let usage = |done: Result<(), StateError>, text: &str| {
        let error = done.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.to_string().contains(text), "{error}");
    };
    usage(writer.record(b"k", b"v"), "without a key group");
    writer.begin(5, 1).unwrap();
    usage(writer.begin(5, 0), "state 0 of key group 5 comes after state 1 of key group 5");
    usage(writer.begin(4, 2), "comes after");
    usage(writer.begin(41, 0), "key groups 2 to 40");
    usage(writer.begin(6, 3), "state 3 is not in the list");
    writer.begin(5, 1).unwrap();
    writer.record(b"k", b"v").unwrap();
    assert_eq!(writer.finish().unwrap().records, 1);
}

#[test]
fn reading_stays_inside_its_budget() {
    let mut written = records(10, 4, 2, 40_000);
    for compression in BOTH {
        let whole = file(2, &written, compression);
        let reader = FullReader::open(whole, "the file").unwrap();
        let small = owner(64 << 10);
        let refused = reader.clone().with_budget(Some(Arc::clone(&small)));
        let error = refused.for_each(0, RANGE, |_, _, _| Ok(())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
        assert!(error.to_string().contains("a block of the file"), "{error}");
        assert_eq!(small.held_bytes(), 0);
        let enough = owner(READER_BYTES as u64);
        let reader = reader.with_budget(Some(Arc::clone(&enough)));
        reader.verify().unwrap();
        println!("{compression:?}: {} bytes at most", enough.peak_bytes());
        assert_eq!(enough.held_bytes(), 0);
    }
    // a large record is reserved whole, or not read
    written[100].3 = vec![7; 8 << 20];
    let reader = FullReader::open(file(2, &written, Compression::Snappy), "the file").unwrap();
    let tight = reader.clone().with_budget(Some(owner(8 << 20)));
    assert_eq!(tight.for_each(0, RANGE, |_, _, _| Ok(())).unwrap_err().kind(), ErrorKind::Refused);
    let enough = owner((8 << 20) + READER_BYTES as u64);
    reader.with_budget(Some(enough)).for_each(0, RANGE, |_, _, _| Ok(())).unwrap();
}

/// Decodes every way of damaging `good`: each is a named error.
fn sealed_everywhere<T>(good: &[u8], decode: impl Fn(&[u8]) -> Result<T, StateError>) {
    assert!(decode(good).is_ok());
    let mut bad = good.to_vec();
    for at in 0..good.len() {
        for flip in [0x01, 0x80, 0xff] {
            bad[at] ^= flip;
            let kind = decode(&bad).map(|_| ()).expect_err("damaged").kind();
            assert_eq!(kind, ErrorKind::Corrupt, "byte {at}");
            bad[at] ^= flip;
        }
    }
    for length in 0..good.len() {
        assert_eq!(decode(&good[..length]).map(|_| ()).unwrap_err().kind(), ErrorKind::Corrupt);
    }
    for more in 1..50 {
        let longer = [good, &vec![0; more]].concat();
        assert_eq!(decode(&longer).map(|_| ()).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}

fn handles() -> Vec<KeyedStateHandle> {
    let shared = |name: &str, fresh| SharedFile {
        name: name.to_owned(),
        path: format!("job/shared/task-1-{name}"),
        bytes: 1000,
        crc: 77,
        fresh,
    };
    let private = |name: &str| PrivateFile {
        name: name.to_owned(),
        path: format!("job/chk-9/task-9-{name}"),
        bytes: 10,
        crc: 78,
    };
    let full = |place| KeyedStateHandle::Full { range: RANGE, place, bytes: 300, crc: 5, records: 9 };
    vec![
        full(Place::Inline((0..=255).collect())),
        full(Place::File { path: "job/chk-1/a.state".to_owned() }),
        KeyedStateHandle::Incremental {
            range: RANGE,
            backend: "b-1".to_owned(),
            checkpoint: 9,
            meta: Place::Inline(vec![1, 2, 3]),
            meta_bytes: 3,
            meta_crc: 6,
            shared: vec![shared("000001.sst", false), shared("000002.sst", true)],
            private: vec![private("CURRENT"), private("MANIFEST-000004")],
        },
    ]
}

#[test]
fn handles_come_back_and_nothing_else_does() {
    for handle in handles() {
        let good = handle.encode().unwrap();
        assert_eq!(KeyedStateHandle::decode("the acknowledgement", &good).unwrap(), handle);
        sealed_everywhere(&good, |bytes| KeyedStateHandle::decode("the acknowledgement", bytes));
    }
    let [.., incremental] = &handles()[..] else { unreachable!() };
    assert_eq!((incremental.state_bytes(), incremental.checkpointed_bytes()), (2023, 1023));
    assert_eq!(incremental.private_paths(), ["job/chk-9/task-9-CURRENT", "job/chk-9/task-9-MANIFEST-000004"]);
}

#[test]
fn manifests_and_registers_come_back_and_nothing_else_does() {
    let manifest = Manifest {
        backend: "b-1".to_owned(),
        checkpoint: 9,
        meta: meta(2),
        families: vec![Family { name: "state 0".to_owned(), state: 0 }],
        files: vec![ManifestFile { name: "000001.sst".to_owned(), bytes: 1, crc: 2, shared: true }],
    };
    let good = manifest.encode().unwrap();
    assert_eq!(Manifest::decode("here", &good).unwrap(), manifest);
    sealed_everywhere(&good, |bytes| Manifest::decode("here", bytes));

    let mut registry = SharedRegistry::new();
    let file = |name: &str| FileReference {
        key: FileKey { backend: "b".to_owned(), name: name.to_owned(), bytes: 3, crc: 4 },
        path: format!("shared/{name}"),
        fresh: true,
    };
    registry.step(Event::Complete { checkpoint: 1, files: vec![file("1"), file("2")] });
    registry.step(Event::Begin { checkpoint: 2 });
    registry.step(Event::Drop { checkpoint: 1 });
    registry.step(Event::Complete { checkpoint: 3, files: vec![file("2"), file("3")] });
    let good = registry.encode().unwrap();
    assert_eq!(SharedRegistry::decode("here", &good).unwrap(), registry);
    sealed_everywhere(&good, |bytes| SharedRegistry::decode("here", bytes));
}
