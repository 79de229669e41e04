//! The fixed parts of the file, byte by byte.

use crate::StateError;

pub(super) const HEADER_BYTES: usize = 16;
pub(super) const FOOTER_BYTES: usize = 72;
pub(super) const BLOCK_ENTRY_BYTES: usize = 32;
pub(super) const PAGE_ENTRY_BYTES: usize = 24;
/// The most entries of a page.
pub(super) const PAGE_BLOCKS: usize = 2048;
/// The most pages: 33 million blocks.
pub(super) const PAGES: usize = 1 << 14;

const HEADER_MARK: [u8; 8] = *b"PLIMFULL";
const FOOTER_MARK: [u8; 8] = *b"PLIMLAST";
const VERSION: u16 = 1;

/// How a block is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockCompression {
    /// As it is.
    None,
    /// Snappy's raw format.
    Snappy,
}

/// A block: where it is and what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// The key group.
    pub key_group: u32,
    /// The state, by its id in the snapshot.
    pub state: u16,
    /// How it is written.
    pub compression: BlockCompression,
    /// Records in it.
    pub records: u32,
    /// Its length in records.
    pub raw_bytes: u32,
    /// Its length in the file.
    pub stored_bytes: u32,
    /// Where it begins.
    pub offset: u64,
    /// The CRC-32 of its bytes in the file.
    pub crc: u32,
}

/// A page of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) offset: u64,
    pub(super) blocks: u32,
    pub(super) first_key_group: u32,
    pub(super) first_state: u16,
    pub(super) crc: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Footer {
    pub(super) meta_bytes: u32,
    pub(super) root_offset: u64,
    pub(super) pages: u32,
    pub(super) root_crc: u32,
    pub(super) blocks: u64,
    pub(super) records: u64,
    pub(super) file_bytes: u64,
}

/// Takes numbers off a slice whose length was checked.
struct Numbers<'a>(&'a [u8]);

impl Numbers<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (head, rest) = self.0.split_first_chunk::<N>().expect("the caller gave the whole piece");
        self.0 = rest;
        *head
    }

    fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }
}

pub(super) fn header() -> [u8; HEADER_BYTES] {
    let mut out = [0; HEADER_BYTES];
    out[..8].copy_from_slice(&HEADER_MARK);
    out[8..10].copy_from_slice(&VERSION.to_le_bytes());
    let crc = crc32fast::hash(&out[..12]);
    out[12..].copy_from_slice(&crc.to_le_bytes());
    out
}

pub(super) fn check_header(place: &str, bytes: &[u8; HEADER_BYTES]) -> Result<(), StateError> {
    let mut numbers = Numbers(bytes);
    let mark: [u8; 8] = numbers.take();
    if mark != HEADER_MARK {
        return Err(StateError::corrupt(place, "header: no full snapshot begins at offset 0"));
    }
    let version = numbers.u16();
    let reserved = numbers.u16();
    if numbers.u32() != crc32fast::hash(&bytes[..12]) {
        return Err(StateError::corrupt(place, "header: the checksum at offset 12 does not fit"));
    }
    if version != VERSION || reserved != 0 {
        let what = format!("header: version {version} at offset 8, this program reads {VERSION}");
        return Err(StateError::corrupt(place, what));
    }
    Ok(())
}

impl Block {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.key_group.to_le_bytes());
        out.extend_from_slice(&self.state.to_le_bytes());
        out.push(match self.compression {
            BlockCompression::None => 0,
            BlockCompression::Snappy => 1,
        });
        out.push(0);
        out.extend_from_slice(&self.records.to_le_bytes());
        out.extend_from_slice(&self.raw_bytes.to_le_bytes());
        out.extend_from_slice(&self.stored_bytes.to_le_bytes());
        out.extend_from_slice(&self.offset.to_le_bytes());
        out.extend_from_slice(&self.crc.to_le_bytes());
    }

    /// `None` where it names a compression that does not exist, or has lengths that cannot be.
    pub(super) fn take(bytes: &[u8]) -> Option<Self> {
        let mut numbers = Numbers(bytes);
        let key_group = numbers.u32();
        let state = numbers.u16();
        let compression = match numbers.u16() {
            0 => BlockCompression::None,
            1 => BlockCompression::Snappy,
            _ => return None,
        };
        let block = Self {
            key_group,
            state,
            compression,
            records: numbers.u32(),
            raw_bytes: numbers.u32(),
            stored_bytes: numbers.u32(),
            offset: numbers.u64(),
            crc: numbers.u32(),
        };
        // a record has at least its two lengths
        let counts = block.records > 0 && u64::from(block.records) * 2 <= u64::from(block.raw_bytes);
        let lengths = match compression {
            BlockCompression::None => {
                block.stored_bytes == block.raw_bytes
                    && (block.raw_bytes as usize <= super::BLOCK_BYTES || block.records == 1)
                    && block.raw_bytes as usize <= super::RECORD_LIMIT_BYTES
            }
            BlockCompression::Snappy => {
                block.raw_bytes as usize <= super::BLOCK_BYTES && block.stored_bytes < block.raw_bytes
            }
        };
        (counts && lengths).then_some(block)
    }
}

impl Page {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.offset.to_le_bytes());
        out.extend_from_slice(&self.blocks.to_le_bytes());
        out.extend_from_slice(&self.first_key_group.to_le_bytes());
        out.extend_from_slice(&self.first_state.to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&self.crc.to_le_bytes());
    }

    pub(super) fn take(bytes: &[u8]) -> Self {
        let mut numbers = Numbers(bytes);
        let (offset, blocks) = (numbers.u64(), numbers.u32());
        let (first_key_group, first_state) = (numbers.u32(), numbers.u16());
        let _: [u8; 2] = numbers.take();
        Self { offset, blocks, first_key_group, first_state, crc: numbers.u32() }
    }

    /// Where it ends. No overflow where `offset` lies in a file and `blocks` is within its limit.
    pub(super) const fn end(&self) -> u64 {
        self.offset + self.blocks as u64 * BLOCK_ENTRY_BYTES as u64
    }
}

impl Footer {
    pub(super) fn bytes(&self) -> [u8; FOOTER_BYTES] {
        let mut out = Vec::with_capacity(FOOTER_BYTES);
        out.extend_from_slice(&(HEADER_BYTES as u64).to_le_bytes());
        out.extend_from_slice(&self.meta_bytes.to_le_bytes());
        out.extend_from_slice(&self.root_offset.to_le_bytes());
        out.extend_from_slice(&self.pages.to_le_bytes());
        out.extend_from_slice(&self.root_crc.to_le_bytes());
        out.extend_from_slice(&self.blocks.to_le_bytes());
        out.extend_from_slice(&self.records.to_le_bytes());
        out.extend_from_slice(&self.file_bytes.to_le_bytes());
        out.extend_from_slice(&u64::from(VERSION).to_le_bytes());
        let crc = crc32fast::hash(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out.extend_from_slice(&FOOTER_MARK);
        out.try_into().expect("72 bytes were written")
    }

    /// The footer of a file of `file_bytes` bytes, its lengths checked against it.
    pub(super) fn take(
        place: &str,
        bytes: &[u8; FOOTER_BYTES],
        file_bytes: u64,
        meta_limit: usize,
    ) -> Result<Self, StateError> {
        let offset = file_bytes - FOOTER_BYTES as u64;
        let corrupt = |what: &str| StateError::corrupt(place, format!("footer at offset {offset}: {what}"));
        if bytes[FOOTER_BYTES - 8..] != FOOTER_MARK {
            return Err(corrupt(
                "it is not the end of a full snapshot; the file was cut or something was appended",
            ));
        }
        let mut numbers = Numbers(bytes);
        let meta_offset = numbers.u64();
        let footer = Self {
            meta_bytes: numbers.u32(),
            root_offset: numbers.u64(),
            pages: numbers.u32(),
            root_crc: numbers.u32(),
            blocks: numbers.u64(),
            records: numbers.u64(),
            file_bytes: numbers.u64(),
        };
        let version = numbers.u64();
        if numbers.u32() != crc32fast::hash(&bytes[..FOOTER_BYTES - 12]) {
            return Err(corrupt("its checksum does not fit"));
        }
        if version != u64::from(VERSION) {
            return Err(corrupt(&format!("version {version}, this program reads {VERSION}")));
        }
        if footer.file_bytes != file_bytes {
            return Err(corrupt(&format!("it says {} bytes, the file has {file_bytes}", footer.file_bytes)));
        }
        let root_bytes = u64::from(footer.pages) * PAGE_ENTRY_BYTES as u64;
        let fits = meta_offset == HEADER_BYTES as u64
            && footer.meta_bytes as usize <= meta_limit
            && footer.pages as usize <= PAGES
            && footer.first_block() <= footer.root_offset
            && footer.root_offset.checked_add(root_bytes) == Some(offset);
        if fits { Ok(footer) } else { Err(corrupt("its lengths do not fit into the file")) }
    }

    /// Where the first block begins.
    pub(super) const fn first_block(&self) -> u64 {
        HEADER_BYTES as u64 + self.meta_bytes as u64
    }
}
