//! Serializers: what is written is read, knows where it ends, and whatever else is read is a value or an error.

use std::fmt::Debug;

use plimsoll_statebackend::serializer::{
    Bool, Bytes, Compatibility, F64, I8, I16, I32, I64, Identity, ListOf, Nullable, Pair, Postcard,
    ReadError, Serializer, Stamped, TimeWindow, U8, U16, U32, U64, Unit, Utf8, Window,
};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Order {
    id: u64,
    item: String,
    parts: Vec<u32>,
}

fn order() -> impl Strategy<Value = Order> {
    (any::<u64>(), any::<String>(), prop::collection::vec(any::<u32>(), 0..5))
        .prop_map(|(id, item, parts)| Order { id, item, parts })
}

const ORDER: Postcard<Order> = Postcard::new("order", 1);

/// Two values end to end come apart again, packed ones too; cut and changed bytes are no panic.
fn check<S: Serializer<Value: PartialEq + Debug>>(
    serializer: &S,
    values: &[S::Value; 2],
    flip: (usize, u8),
) -> Result<(), TestCaseError> {
    let mut bytes = Vec::new();
    for value in values {
        serializer.write(value, &mut bytes);
    }
    let mut rest = bytes.as_slice();
    for value in values {
        prop_assert_eq!(&serializer.read(&mut rest).unwrap(), value);
        let (unpacked, written) = serializer.with_packed(value, |packed| {
            let mut written = Vec::new();
            serializer.write_packed(packed, &mut written);
            (serializer.unpack(packed), written)
        });
        prop_assert_eq!(&unpacked.unwrap(), value);
        let mut plain = Vec::new();
        serializer.write(value, &mut plain);
        prop_assert_eq!(written, plain);
    }
    prop_assert!(rest.is_empty());
    let one = bytes.len() / 2;
    for end in 0..bytes.len().min(40) {
        let _ = serializer.read(&mut &bytes[..end]);
    }
    let _ = serializer.read(&mut &bytes[one..]);
    if !bytes.is_empty() {
        let at = flip.0 % bytes.len();
        bytes[at] ^= flip.1;
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let before = rest.len();
            if serializer.read(&mut rest).is_err() || rest.len() == before {
                break;
            }
        }
    }
    prop_assert_eq!(serializer.compatibility(&serializer.identity()), Compatibility::AsIs);
    Ok(())
}

proptest! {
    #[test]
    #[expect(clippy::cast_possible_truncation, reason = "any number will do")]
    fn numbers(a in any::<[i64; 2]>(), b in any::<[u64; 2]>(), c in any::<[bool; 2]>(), flip in any::<(usize, u8)>()) {
        check(&I64, &a, flip)?;
        check(&I32, &a.map(|a| a as i32), flip)?;
        check(&I16, &a.map(|a| a as i16), flip)?;
        check(&I8, &a.map(|a| a as i8), flip)?;
        check(&U64, &b, flip)?;
        check(&U32, &b.map(|b| b as u32), flip)?;
        check(&U16, &b.map(|b| b as u16), flip)?;
        check(&U8, &b.map(|b| b as u8), flip)?;
        check(&Bool, &c, flip)?;
        check(&Unit, &[(), ()], flip)?;
        check(&F64, &a.map(|a| f64::from(a as i32) / 3.0), flip)?;
        check(&Window, &[TimeWindow { start_ms: a[0], end_ms: a[1] }; 2], flip)?;
    }

    #[test]
    fn composites(
        text in any::<[String; 2]>(),
        bytes in any::<[Vec<u8>; 2]>(),
        numbers in any::<[i64; 2]>(),
        orders in [order(), order()],
        flip in any::<(usize, u8)>(),
    ) {
        check(&Utf8, &text, flip)?;
        check(&Bytes, &bytes, flip)?;
        let [a, b] = text;
        let pairs = [(numbers[0], a.clone()), (numbers[1], b.clone())];
        check(&Pair(I64, Utf8), &pairs, flip)?;
        check(&Stamped(Utf8), &pairs, flip)?;
        check(&Nullable(Utf8), &[Some(a.clone()), None], flip)?;
        check(&ListOf(Utf8), &[vec![a.clone(), b, a], vec![]], flip)?;
        check(&ORDER, &orders, flip)?;
    }

    /// No key's bytes begin with another's, so that a scan of one map never meets another.
    #[test]
    fn no_key_is_the_prefix_of_another(a in any::<(String, Vec<u8>)>(), b in any::<(String, Vec<u8>)>()) {
        let serializer = Pair(Utf8, Bytes);
        let write = |value: &(String, Vec<u8>)| {
            let mut bytes = Vec::new();
            serializer.write(value, &mut bytes);
            bytes
        };
        prop_assert_eq!(write(&a).starts_with(&write(&b)), a == b);
    }
}

/// Reads what version 1 wrote: milliseconds, where version 2 writes microseconds.
#[derive(Debug, Clone)]
struct Micros;

impl Serializer for Micros {
    type Value = i64;
    type Cell = plimsoll_statebackend::serializer::Inline<i64>;

    fn identity(&self) -> Identity {
        Identity::new("time", 2)
    }

    fn write(&self, value: &i64, out: &mut Vec<u8>) {
        I64.write(value, out);
    }

    fn read(&self, input: &mut &[u8]) -> Result<i64, ReadError> {
        I64.read(input)
    }

    fn read_written(&self, written: &Identity, input: &mut &[u8]) -> Result<i64, ReadError> {
        let value = I64.read(input)?;
        Ok(if written.version == 1 { value * 1000 } else { value })
    }
}

#[test]
fn an_old_version_inside_others_is_read() {
    let serializer = ListOf(Pair(Micros, Nullable(Stamped(Micros))));
    let old = {
        let time = Identity::new("time", 1);
        let stamped = Identity::of("stamped", 1, vec![time.clone()]);
        let nullable = Identity::of("nullable", 1, vec![stamped]);
        Identity::of("list", 1, vec![Identity::of("pair", 1, vec![time, nullable])])
    };
    assert_eq!(serializer.compatibility(&old), Compatibility::Migrate);
    let mut bytes = Vec::new();
    ListOf(Pair(I64, Nullable(Stamped(I64)))).write(&vec![(1, Some((2, 3))), (4, None)], &mut bytes);
    let read = serializer.read_written(&old, &mut bytes.as_slice()).unwrap();
    assert_eq!(read, [(1000, Some((2, 3000))), (4000, None)]);
    let newer = Identity::of("list", 1, vec![Identity::new("time", 3)]);
    assert_eq!(
        ListOf(Micros).compatibility(&newer),
        Compatibility::Incompatible(
            "time v3 was written by a newer version than time v2, which reads up to its own".to_owned()
        )
    );
}

#[test]
fn a_length_that_lies_is_an_error() {
    let error = Utf8.read(&mut &[255, 255, 255, 255, 65][..]).unwrap_err();
    assert_eq!(error.to_string(), "utf8 cannot read this: it needs 4294967295 bytes and 1 are left");
    let error = ListOf(Unit).read(&mut &[255, 255, 255, 255][..]).unwrap_err();
    assert_eq!(error.to_string(), "list cannot read this: 4294967295 elements without bytes are written");
    let error = Bool.read(&mut &[2][..]).unwrap_err();
    assert_eq!(error.to_string(), "bool cannot read this: 2 is neither 0 nor 1");
}
