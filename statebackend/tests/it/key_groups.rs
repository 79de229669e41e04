//! Keys, key groups and subtasks are assigned as the real Flink 2.3.0 does: `tests/data/key-groups.txt` was recorded
//! from
//! `KeyGroupRangeAssignment` and the `hashCode` of Java's and Flink's own types, called in a JVM.

use plimsoll_statebackend::key_group::KeyGroups;
use plimsoll_statebackend::serializer::{
    Bool, I8, I16, I32, I64, KeySerializer, Pair, TimeWindow, Utf8, Window,
};

const RECORDED: &str = include_str!("../data/key-groups.txt");
const MAXES: [u32; 3] = [13, 128, 32_768];

fn rows(kind: &str) -> Vec<Vec<&'static str>> {
    let rows = RECORDED.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    rows.filter(|row| row[0] == kind).collect()
}

/// Text is recorded as the hexadecimal bytes of its UTF-8.
fn text(hex: &str) -> String {
    let digits = &hex[1..];
    let bytes = (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap());
    String::from_utf8(bytes.collect()).unwrap()
}

fn hash(kind: &str, value: &str) -> i32 {
    match kind {
        "i64" => I64.java_hash(&value.parse().unwrap()),
        "i32" => I32.java_hash(&value.parse().unwrap()),
        "i16" => I16.java_hash(&value.parse().unwrap()),
        "i8" => I8.java_hash(&value.parse().unwrap()),
        "bool" => Bool.java_hash(&value.parse().unwrap()),
        "utf8" => Utf8.java_hash(&text(value)),
        "pair" => {
            let (a, b) = value.split_once(',').unwrap();
            Pair(I64, I32).java_hash(&(a.parse().unwrap(), b.parse().unwrap()))
        }
        other => panic!("{other}"),
    }
}

#[test]
fn keys_hash_and_fall_into_groups_as_in_flink() {
    let recorded = rows("key");
    assert!(recorded.len() > 900);
    for row in recorded {
        let hash = hash(row[1], row[2]);
        assert_eq!(hash.to_string(), row[3], "{row:?}");
        for (max, group) in MAXES.into_iter().zip(&row[4..]) {
            assert_eq!(KeyGroups::new(max).unwrap().of_hash(hash).to_string(), **group, "{row:?}");
        }
    }
    for row in rows("window") {
        let window = TimeWindow { start_ms: row[1].parse().unwrap(), end_ms: row[2].parse().unwrap() };
        assert_eq!(Window.java_hash(&window).to_string(), row[3], "{row:?}");
    }
}

#[test]
fn groups_fall_to_subtasks_as_in_flink() {
    let recorded = rows("ranges");
    // every parallelism of the seven that each of the three maxima allows
    assert_eq!(recorded.len(), 6 + 7 + 7);
    for row in recorded {
        let (groups, parallelism) =
            (KeyGroups::new(row[1].parse().unwrap()).unwrap(), row[2].parse::<u32>().unwrap());
        for (index, range) in (0..parallelism).zip(&row[3..]) {
            let ours = groups.range(parallelism, index).unwrap();
            assert_eq!(format!("{}-{}", ours.first, ours.last), **range, "{row:?}");
        }
    }
    for row in rows("index") {
        let (groups, parallelism) =
            (KeyGroups::new(row[1].parse().unwrap()).unwrap(), row[2].parse::<u32>().unwrap());
        let fold = |hash: i64, group| {
            hash.wrapping_mul(31).wrapping_add(i64::from(groups.index_of(parallelism, group)))
        };
        assert_eq!((0..groups.max_parallelism()).fold(1, fold).to_string(), row[3], "{row:?}");
    }
    for row in rows("default") {
        let groups = KeyGroups::default_for(row[1].parse().unwrap()).unwrap();
        assert_eq!(groups.max_parallelism().to_string(), row[2], "{row:?}");
    }
}
