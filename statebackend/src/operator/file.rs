//! The file of a subtask's operator state: a list of the states, then their elements, each with its own checksum.
//!
//! ```text
//! sealed: mark, version, length, list of states, CRC-32
//! each element: length u32, CRC-32 of its offset, length and bytes, bytes
//! ```
//!
//! A subtask that restores a part reads just the elements it is told of, and each is checked by itself. The offset is in
//! the checksum: an element that stands where another belongs is damage, too.

use std::io::Write;
use std::sync::Arc;

use plimsoll_memory::budget::{Owner, Reservation};
use serde::{Deserialize, Serialize};

use super::handle::Distribution;
use crate::StateError;
use crate::serializer::Identity;
use crate::snapshot::format::ReadAt;
use crate::snapshot::{Flat, SEAL_BYTES, Seal, flat, storage_error, tree};

/// The most bytes of a list of states.
const META_LIMIT_BYTES: usize = 16 << 20;
/// What stands before an element's bytes.
const ELEMENT_HEAD_BYTES: usize = 8;
/// Bytes that are read at once, where elements follow each other.
const WINDOW_BYTES: usize = 64 << 10;

const SEAL: Seal =
    Seal { magic: *b"PLMO", version: 1, limit: META_LIMIT_BYTES, what: "the list of operator states" };

/// A state in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Meta {
    pub(super) name: String,
    pub(super) mode: Distribution,
    /// Who writes elements; of a broadcast state the key, then the value.
    pub(super) parts: Vec<Identity>,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    name: String,
    mode: Distribution,
    parts: Vec<Flat>,
}

/// Writes a file.
pub(super) struct Writer<W> {
    sink: W,
    bytes: u64,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(mut sink: W, states: &[Meta]) -> Result<Self, StateError> {
        let wire: Vec<Wire> = states
            .iter()
            .map(|Meta { name, mode, parts }| Wire {
                name: name.clone(),
                mode: *mode,
                parts: parts.iter().map(flat).collect(),
            })
            .collect();
        let sealed = SEAL.encode(&wire)?;
        sink.write_all(&sealed).map_err(failed)?;
        Ok(Self { sink, bytes: sealed.len() as u64 })
    }

    /// Writes an element; returns where it is.
    pub(super) fn element(&mut self, bytes: &[u8]) -> Result<u64, StateError> {
        let length = u32::try_from(bytes.len()).ok().filter(|length| *length <= i32::MAX.unsigned_abs());
        let length = length.ok_or_else(|| StateError::TooLarge {
            what: "an element of operator state".to_owned(),
            key: "none".to_owned(),
            bytes: bytes.len() as u64,
            limit_bytes: i32::MAX as u64,
            remedy: "keep it in several elements",
        })?;
        let offset = self.bytes;
        let head = [length.to_le_bytes(), checksum(offset, length, bytes).to_le_bytes()];
        self.sink.write_all(head.as_flattened()).map_err(failed)?;
        self.sink.write_all(bytes).map_err(failed)?;
        self.bytes += (ELEMENT_HEAD_BYTES + bytes.len()) as u64;
        Ok(offset)
    }
}

fn failed(error: std::io::Error) -> StateError {
    storage_error("write", "the snapshot of operator state", error)
}

fn checksum(offset: u64, length: u32, bytes: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&offset.to_le_bytes());
    crc.update(&length.to_le_bytes());
    crc.update(bytes);
    crc.finalize()
}

/// A file to be read.
pub(super) struct Reader {
    source: Arc<dyn ReadAt>,
    pub(super) place: String,
    states: Vec<Meta>,
    /// Elements begin behind the list.
    first: u64,
    owner: Option<Arc<Owner>>,
}

impl Reader {
    /// Opens a file and checks its list of states.
    pub(super) fn open(
        source: Arc<dyn ReadAt>,
        place: String,
        owner: Option<Arc<Owner>>,
    ) -> Result<Self, StateError> {
        let mut head = [0; 10];
        let there = source.len();
        if there < SEAL_BYTES as u64 {
            return Err(StateError::corrupt(place, format!("it has {there} bytes, {SEAL_BYTES} at least")));
        }
        source.read_exact_at(&mut head, 0).map_err(|error| storage_error("read", &*place, error))?;
        let length = u32::from_le_bytes([head[6], head[7], head[8], head[9]]);
        let first = u64::from(length) + SEAL_BYTES as u64;
        if length as usize > META_LIMIT_BYTES || first > there {
            let what =
                format!("its list of states has {length} bytes, it says at offset 6, and {there} are there");
            return Err(StateError::corrupt(place, what));
        }
        let mut sealed = vec![0; length as usize + SEAL_BYTES];
        source.read_exact_at(&mut sealed, 0).map_err(|error| storage_error("read", &*place, error))?;
        let wire: Vec<Wire> = SEAL.decode(&place, &sealed)?;
        let meta = |Wire { name, mode, parts }: Wire| {
            Some(Meta { name, mode, parts: parts.into_iter().map(tree).collect::<Option<_>>()? })
        };
        let states = wire.into_iter().map(meta).collect::<Option<_>>();
        let states = states.ok_or_else(|| {
            StateError::corrupt(&*place, "the list of operator states: serializers do not add up")
        })?;
        Ok(Self { source, place, states, first, owner })
    }

    /// What was written of a state.
    pub(super) fn meta(&self, name: &str) -> Option<&Meta> {
        self.states.iter().find(|state| state.name == name)
    }

    /// Shows the elements at these offsets, in this order.
    pub(super) fn for_each(
        &self,
        offsets: &[u64],
        mut see: impl FnMut(&[u8]) -> Result<(), StateError>,
    ) -> Result<(), StateError> {
        let mut window = Window { reader: self, bytes: Vec::new(), start: 0, held: None };
        for offset in offsets {
            window.element(*offset, &mut see)?;
        }
        Ok(())
    }
}

/// A piece of the file in memory.
struct Window<'r> {
    reader: &'r Reader,
    bytes: Vec<u8>,
    start: u64,
    held: Option<Reservation>,
}

impl Window<'_> {
    fn element(
        &mut self,
        offset: u64,
        see: &mut impl FnMut(&[u8]) -> Result<(), StateError>,
    ) -> Result<(), StateError> {
        let corrupt = |why: &str| {
            StateError::corrupt(&*self.reader.place, format!("the element at offset {offset}: {why}"))
        };
        if offset < self.reader.first {
            return Err(corrupt("it is inside the list of states"));
        }
        let outside = || corrupt("it is not inside the file");
        let end = offset.checked_add(ELEMENT_HEAD_BYTES as u64).ok_or_else(outside)?;
        if end > self.reader.source.len() {
            return Err(outside());
        }
        let head = self.read(offset, ELEMENT_HEAD_BYTES)?;
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
        let crc = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        if end + u64::from(length) > self.reader.source.len() {
            let why = format!("it has {length} bytes, it says, which are not inside the file");
            return Err(StateError::corrupt(
                &*self.reader.place,
                format!("the element at offset {offset}: {why}"),
            ));
        }
        let place = &self.reader.place;
        let bytes = self.read(end, length as usize)?;
        if checksum(offset, length, bytes) != crc {
            let what = format!("the element at offset {offset}: its checksum does not fit");
            return Err(StateError::corrupt(&**place, what));
        }
        see(bytes)
    }

    /// Bytes that are inside the file.
    fn read(&mut self, from: u64, length: usize) -> Result<&[u8], StateError> {
        let inside = from >= self.start && from + length as u64 <= self.start + self.bytes.len() as u64;
        if !inside {
            let left = usize::try_from(self.reader.source.len() - from).unwrap_or(usize::MAX);
            let wanted = length.max(WINDOW_BYTES.min(left));
            if wanted > self.bytes.capacity()
                && let Some(owner) = &self.reader.owner
            {
                self.held = None;
                self.held = Some(owner.try_reserve_shared(wanted as u64).map_err(|refusal| {
                    StateError::Refused { what: "the buffers of a restore".to_owned(), refusal }
                })?);
            }
            self.bytes.clear();
            self.bytes.reserve_exact(wanted);
            self.bytes.resize(wanted, 0);
            let Reader { source, place, .. } = self.reader;
            source
                .read_exact_at(&mut self.bytes, from)
                .map_err(|error| storage_error("read", &**place, error))?;
            self.start = from;
        }
        let at = usize::try_from(from - self.start).expect("it is inside of what is in memory");
        Ok(&self.bytes[at..at + length])
    }
}
