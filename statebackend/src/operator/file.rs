//! The file of operator state: elements in blocks, then what they are.
//!
//! ```text
//! header   mark, version, checksum                               14 bytes
//! block*   elements of one section, 64 KiB at most; a longer element has its own block
//! list     sections: name, mode, serializers; length and checksum of each block (sealed section)
//! footer   where the list is, length of the file, checksum, mark     32 bytes
//! ```
//!
//! An element is its length as a varint, then its bytes; its offset is where the length begins. An element of broadcast
//! state is a key, then its value. Blocks stand end to end in the order of the list, so there is no byte between them
//! that nothing covers, and where a block begins is not written but added up.
//!
//! The checksum is of a block and not of an element: elements are often a few bytes, and whoever reads one mostly reads
//! its neighbours too. It is not of the whole file either: after a rescale each subtask reads some elements of many
//! files, and must be able to trust those alone.
//!
//! A state is one section, or several where elements were carried over that other serializers wrote.

use serde::{Deserialize, Serialize};

use super::DistributionMode;
use crate::StateError;
use crate::serializer::Identity;
use crate::snapshot::meta::{Flat, flat, tree};
use crate::snapshot::sealed::{SEAL_BYTES, Seal};

/// The most bytes of a block; only a single element that is longer makes a longer one.
pub(super) const BLOCK_BYTES: usize = 64 << 10;
pub(super) const HEADER_BYTES: usize = 14;
pub(super) const FOOTER_BYTES: usize = 32;
const VERSION: u16 = 1;
const HEADER_MARK: [u8; 8] = *b"PLIMOPER";
const FOOTER_MARK: [u8; 8] = *b"PLIMOEND";

/// The most bytes of the list: blocks of some hundred GiB.
const LIST_LIMIT_BYTES: usize = 64 << 20;
const SEAL: Seal =
    Seal { magic: *b"PLML", version: 1, limit: LIST_LIMIT_BYTES, what: "the list of operator states" };

/// Elements that the same serializers wrote, of one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) name: String,
    pub(super) mode: DistributionMode,
    /// Who wrote the elements: of a list one, of broadcast state the key's, then the value's.
    pub(super) parts: Vec<Identity>,
    /// Where it begins.
    pub(super) start: u64,
    /// Its blocks.
    pub(super) blocks: Vec<Block>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) offset: u64,
    pub(super) bytes: u64,
    pub(super) crc: u32,
}

impl Block {
    pub(super) fn end(&self) -> u64 {
        self.offset + self.bytes
    }
}

/// As it is written: lengths and checksums of blocks.
#[derive(Serialize, Deserialize)]
struct Wire {
    name: String,
    mode: DistributionMode,
    parts: Vec<Flat>,
    blocks: Vec<(u64, u32)>,
}

pub(super) fn header() -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(&HEADER_MARK);
    header[8..10].copy_from_slice(&VERSION.to_le_bytes());
    let crc = crc32fast::hash(&header[..10]);
    header[10..].copy_from_slice(&crc.to_le_bytes());
    header
}

pub(super) fn check_header(place: &str, bytes: &[u8; HEADER_BYTES]) -> Result<(), StateError> {
    if bytes[..8] != HEADER_MARK {
        return Err(StateError::corrupt(
            place,
            "it does not begin as a file of operator state does, at offset 0",
        ));
    }
    if crc32fast::hash(&bytes[..10]).to_le_bytes() != bytes[10..] {
        return Err(StateError::corrupt(place, "the header's checksum at offset 10 does not fit"));
    }
    let version = u16::from_le_bytes([bytes[8], bytes[9]]);
    if version != VERSION {
        let what = format!("version {version} at offset 8, this program reads {VERSION}");
        return Err(StateError::corrupt(place, what));
    }
    Ok(())
}

/// The list of sections, sealed.
pub(super) fn encode(sections: &[Section]) -> Result<Vec<u8>, StateError> {
    let wire = |section: &Section| Wire {
        name: section.name.clone(),
        mode: section.mode,
        parts: section.parts.iter().map(flat).collect(),
        blocks: section.blocks.iter().map(|block| (block.bytes, block.crc)).collect(),
    };
    SEAL.encode(&sections.iter().map(wire).collect::<Vec<_>>())
}

/// The sections of a sealed list that begins at an offset, right behind the last block.
pub(super) fn decode(place: &str, bytes: &[u8], list_offset: u64) -> Result<Vec<Section>, StateError> {
    let corrupt = |what: &str| StateError::corrupt(place, format!("the list of operator states: {what}"));
    let mut offset = HEADER_BYTES as u64;
    let mut sections = Vec::new();
    for wire in SEAL.decode::<Vec<Wire>>(place, bytes)? {
        let Wire { name, mode, parts, blocks } = wire;
        let parts: Option<Vec<Identity>> = parts.into_iter().map(tree).collect();
        let parts = parts.ok_or_else(|| corrupt("serializers do not add up"))?;
        let wanted = if mode == DistributionMode::Broadcast { 2 } else { 1 };
        if parts.len() != wanted {
            return Err(corrupt("a state has another number of serializers than its mode"));
        }
        let mut section =
            Section { name, mode, parts, start: offset, blocks: Vec::with_capacity(blocks.len()) };
        for (bytes, crc) in blocks {
            section.blocks.push(Block { offset, bytes, crc });
            let end = offset.checked_add(bytes).filter(|end| bytes > 0 && *end <= list_offset);
            offset = end.ok_or_else(|| corrupt("its blocks are longer than the file"))?;
        }
        sections.push(section);
    }
    if offset == list_offset { Ok(sections) } else { Err(corrupt("its blocks are shorter than the file")) }
}

pub(super) fn footer(list_offset: u64, list_bytes: usize) -> Result<[u8; FOOTER_BYTES], StateError> {
    let length = u32::try_from(list_bytes)
        .map_err(|_| StateError::Usage("a list of operator states is larger than 4 GiB".to_owned()))?;
    let file_bytes = list_offset + list_bytes as u64 + FOOTER_BYTES as u64;
    let mut footer = [0; FOOTER_BYTES];
    footer[..8].copy_from_slice(&list_offset.to_le_bytes());
    footer[8..12].copy_from_slice(&length.to_le_bytes());
    footer[12..20].copy_from_slice(&file_bytes.to_le_bytes());
    let crc = crc32fast::hash(&footer[..20]);
    footer[20..24].copy_from_slice(&crc.to_le_bytes());
    footer[24..].copy_from_slice(&FOOTER_MARK);
    Ok(footer)
}

/// Where the list is, and its length: both inside the file.
pub(super) fn take_footer(
    place: &str,
    bytes: &[u8; FOOTER_BYTES],
    file_bytes: u64,
) -> Result<(u64, usize), StateError> {
    let corrupt = |what: String| StateError::corrupt(place, format!("its last {FOOTER_BYTES} bytes: {what}"));
    if bytes[24..] != FOOTER_MARK {
        return Err(corrupt("they do not end as a file of operator state does".to_owned()));
    }
    if crc32fast::hash(&bytes[..20]).to_le_bytes() != bytes[20..24] {
        return Err(corrupt("their checksum does not fit".to_owned()));
    }
    let (first, rest) = bytes.split_at(8);
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
    let (offset, length, written) = (number(first), number(&rest[..4]), number(&rest[4..12]));
    let end = file_bytes.checked_sub(FOOTER_BYTES as u64);
    let fits = written == file_bytes
        && offset >= HEADER_BYTES as u64
        && offset.checked_add(length) == end
        && length <= (LIST_LIMIT_BYTES + SEAL_BYTES) as u64;
    match usize::try_from(length) {
        Ok(length) if fits => Ok((offset, length)),
        _ => Err(corrupt(format!(
            "{length} bytes at offset {offset} of {written}, and {file_bytes} are there"
        ))),
    }
}
