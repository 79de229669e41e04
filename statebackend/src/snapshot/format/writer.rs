//! Writing a full snapshot.

use std::io::{self, Write};

use snap::raw::Encoder;

use super::layout::{self, Block, BlockCompression, Footer, HEADER_BYTES, PAGE_BLOCKS, PAGES, Page};
use super::{BLOCK_BYTES, Compression, FullSummary, RECORD_LIMIT_BYTES};
use crate::StateError;
use crate::key_group::KeyGroupRange;
use crate::snapshot::meta::BackendMeta;
use crate::snapshot::storage_error;
use crate::snapshot::varint::{put_varint, varint_bytes};

/// Writes records, key group by key group, into a full snapshot. Keeps at most
/// [`WRITER_BYTES`](super::WRITER_BYTES).
///
/// ```
/// use plimsoll_statebackend::key_group::KeyGroupRange;
/// use plimsoll_statebackend::serializer::Identity;
/// use plimsoll_statebackend::snapshot::format::{Compression, FullReader, FullWriter};
/// use plimsoll_statebackend::snapshot::{BackendMeta, StateKind, StateMeta};
///
/// # fn main() -> Result<(), plimsoll_statebackend::StateError> {
/// let range = KeyGroupRange { first: 0, last: 127 };
/// let i64 = || Identity::new("i64", 1);
/// let sum = StateMeta {
///     id: 0,
///     name: "sum".into(),
///     kind: StateKind::Value,
///     namespace: Identity::new("unit", 1),
///     parts: vec![i64()],
///     ttl: false,
/// };
/// let meta = BackendMeta { key: i64(), max_parallelism: 128, range, states: vec![sum] };
/// let mut file = Vec::new();
/// let mut writer = FullWriter::new(&mut file, &meta, Compression::Snappy)?;
/// writer.begin(17, 0)?;
/// writer.record(b"key", b"value")?;
/// let summary = writer.finish()?;
/// assert_eq!((summary.records, summary.bytes), (1, file.len() as u64));
///
/// let reader = FullReader::open(file, "the example")?;
/// reader.for_each(0, range, |key_group, key, value| {
///     assert_eq!((key_group, key, value), (17, &b"key"[..], &b"value"[..]));
///     Ok(())
/// })?;
/// # Ok(())
/// # }
/// ```
pub struct FullWriter<W: Write> {
    out: Counted<W>,
    compression: Compression,
    range: KeyGroupRange,
    /// Ids of the declared states, ascending.
    states: Vec<u16>,
    meta_bytes: u32,
    /// Where records go; they ascend.
    at: Option<(u32, u16)>,
    raw: Vec<u8>,
    raw_records: u32,
    encoder: Encoder,
    compressed: Vec<u8>,
    page: Vec<u8>,
    page_first: (u32, u16),
    page_blocks: u32,
    root: Vec<u8>,
    pages: u32,
    blocks: u64,
    records: u64,
}

/// Counts what goes through.
struct Counted<W> {
    sink: W,
    bytes: u64,
    crc: crc32fast::Hasher,
}

impl<W: Write> Counted<W> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        self.sink.write_all(bytes).map_err(failed)?;
        self.crc.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }
}

fn failed(error: io::Error) -> StateError {
    storage_error("write", "the snapshot", error)
}

impl<W: Write> FullWriter<W> {
    /// Begins a snapshot of the states that `meta` lists.
    ///
    /// # Errors
    /// The list contradicts itself, or the sink fails.
    pub fn new(sink: W, meta: &BackendMeta, compression: Compression) -> Result<Self, StateError> {
        let encoded = meta.encode()?;
        let meta_bytes = u32::try_from(encoded.len())
            .map_err(|_| StateError::Usage("the list of states is larger than 4 GiB".to_owned()))?;
        let mut states: Vec<u16> = meta.states.iter().map(|state| state.id).collect();
        states.sort_unstable();
        let mut out = Counted { sink, bytes: 0, crc: crc32fast::Hasher::new() };
        out.put(&layout::header())?;
        out.put(&encoded)?;
        Ok(Self {
            out,
            compression,
            range: meta.range,
            states,
            meta_bytes,
            at: None,
            // once, to the full size: growing by doubling would pass the limit that is promised
            raw: Vec::with_capacity(BLOCK_BYTES),
            raw_records: 0,
            encoder: Encoder::new(),
            compressed: Vec::new(),
            page: Vec::new(),
            page_first: (0, 0),
            page_blocks: 0,
            root: Vec::new(),
            pages: 0,
            blocks: 0,
            records: 0,
        })
    }

    /// Says where the next records belong. Key groups ascend, and inside one the states' ids do. Without
    /// records nothing is written; beginning the same again goes on with it.
    ///
    /// # Errors
    /// [`StateError::Usage`]: it does not ascend, lies outside the range of the snapshot, or is no state of
    /// it. Or the sink fails.
    pub fn begin(&mut self, key_group: u32, state: u16) -> Result<(), StateError> {
        let next = (key_group, state);
        if self.at == Some(next) {
            return Ok(());
        }
        if let Some((group, id)) = self.at
            && next < (group, id)
        {
            return Err(StateError::Usage(format!(
                "a snapshot is written in the order of key groups, then of states: state {state} of key \
                 group {key_group} comes after state {id} of key group {group}"
            )));
        }
        let KeyGroupRange { first, last } = self.range;
        if key_group < first || key_group > last {
            return Err(StateError::Usage(format!(
                "key group {key_group} does not belong to a snapshot of the key groups {first} to {last}"
            )));
        }
        if self.states.binary_search(&state).is_err() {
            return Err(StateError::Usage(format!(
                "state {state} is not in the list of the snapshot's states"
            )));
        }
        self.flush()?;
        self.at = Some(next);
        Ok(())
    }

    /// Writes a record.
    ///
    /// # Errors
    /// [`StateError::TooLarge`] past [`RECORD_LIMIT_BYTES`]; [`StateError::Usage`] before the first
    /// [`begin`](Self::begin); or the sink fails.
    #[inline]
    pub fn record(&mut self, key: &[u8], value: &[u8]) -> Result<(), StateError> {
        let bytes =
            key.len() + value.len() + varint_bytes(key.len() as u64) + varint_bytes(value.len() as u64);
        if self.raw.len() + bytes > BLOCK_BYTES || self.at.is_none() || self.raw_records == u32::MAX {
            return self.record_slow(key, value, bytes);
        }
        self.append(key, value);
        Ok(())
    }

    #[inline]
    fn append(&mut self, key: &[u8], value: &[u8]) {
        put_varint(&mut self.raw, key.len() as u64);
        self.raw.extend_from_slice(key);
        put_varint(&mut self.raw, value.len() as u64);
        self.raw.extend_from_slice(value);
        self.raw_records += 1;
    }

    #[cold]
    fn record_slow(&mut self, key: &[u8], value: &[u8], bytes: usize) -> Result<(), StateError> {
        if self.at.is_none() {
            return Err(StateError::Usage("a record without a key group: begin one before".to_owned()));
        }
        if bytes > RECORD_LIMIT_BYTES {
            return Err(StateError::TooLarge {
                what: "a record of a snapshot".to_owned(),
                key: hex(key),
                bytes: bytes as u64,
                limit_bytes: RECORD_LIMIT_BYTES as u64,
                remedy: "spread the value over more keys, or keep a list or a map in place of one value",
            });
        }
        self.flush()?;
        if bytes <= BLOCK_BYTES {
            self.append(key, value);
            return Ok(());
        }
        // straight through: a copy of it would double what the caller holds
        let mut lengths = Vec::new();
        put_varint(&mut lengths, key.len() as u64);
        let key_length = lengths.len();
        put_varint(&mut lengths, value.len() as u64);
        let mut crc = crc32fast::Hasher::new();
        let offset = self.out.bytes;
        for piece in [&lengths[..key_length], key, &lengths[key_length..], value] {
            crc.update(piece);
            self.out.put(piece)?;
        }
        let bytes = u32::try_from(bytes).expect("below the limit of a record");
        self.list(BlockCompression::None, 1, (bytes, bytes), offset, crc.finalize())
    }

    /// Carries a block of another snapshot over as it is, for a state that nobody has registered. `state` is
    /// its id in this snapshot; `bytes` are what [`FullReader::read`](super::FullReader::read) gave.
    ///
    /// # Errors
    /// As [`begin`](Self::begin). [`StateError::Corrupt`], where the bytes are not those of the block.
    pub fn raw_block(&mut self, state: u16, block: &Block, bytes: &[u8]) -> Result<(), StateError> {
        self.begin(block.key_group, state)?;
        self.flush()?;
        if bytes.len() != block.stored_bytes as usize || crc32fast::hash(bytes) != block.crc {
            let what = format!(
                "the block at offset {} of the snapshot before: its checksum does not fit",
                block.offset
            );
            return Err(StateError::corrupt("the snapshot", what));
        }
        let offset = self.out.bytes;
        self.out.put(bytes)?;
        self.list(block.compression, block.records, (block.raw_bytes, block.stored_bytes), offset, block.crc)
    }

    /// Writes what is left, the index and the footer. The sink is flushed, not more: whoever owns it makes it
    /// durable.
    ///
    /// # Errors
    /// The sink fails.
    pub fn finish(mut self) -> Result<FullSummary, StateError> {
        self.flush()?;
        self.end_page()?;
        let root_offset = self.out.bytes;
        let root = std::mem::take(&mut self.root);
        self.out.put(&root)?;
        let footer = Footer {
            meta_bytes: self.meta_bytes,
            root_offset,
            pages: self.pages,
            root_crc: crc32fast::hash(&root),
            blocks: self.blocks,
            records: self.records,
            file_bytes: root_offset + root.len() as u64 + layout::FOOTER_BYTES as u64,
        };
        debug_assert_eq!(footer.first_block(), HEADER_BYTES as u64 + u64::from(self.meta_bytes));
        self.out.put(&footer.bytes())?;
        self.out.sink.flush().map_err(failed)?;
        Ok(FullSummary {
            bytes: self.out.bytes,
            records: self.records,
            blocks: self.blocks,
            crc: self.out.crc.finalize(),
        })
    }

    /// Bytes written so far.
    pub fn written_bytes(&self) -> u64 {
        self.out.bytes
    }

    fn flush(&mut self) -> Result<(), StateError> {
        if self.raw_records == 0 {
            return Ok(());
        }
        let raw_bytes = u32::try_from(self.raw.len()).expect("a block has a limit");
        let mut compression = BlockCompression::None;
        let mut stored = &self.raw[..];
        if self.compression == Compression::Snappy {
            let room = snap::raw::max_compress_len(self.raw.len());
            if self.compressed.len() < room {
                self.compressed.reserve_exact(room - self.compressed.len());
                self.compressed.resize(room, 0);
            }
            // it can fail for want of room alone, and there is room
            if let Ok(length) = self.encoder.compress(&self.raw, &mut self.compressed)
                && length < stored.len()
            {
                compression = BlockCompression::Snappy;
                stored = &self.compressed[..length];
            }
        }
        let offset = self.out.bytes;
        let crc = crc32fast::hash(stored);
        let stored_bytes = u32::try_from(stored.len()).expect("not longer than the block");
        self.out.put(stored)?;
        let records = std::mem::take(&mut self.raw_records);
        self.raw.clear();
        self.list(compression, records, (raw_bytes, stored_bytes), offset, crc)
    }

    fn list(
        &mut self,
        compression: BlockCompression,
        records: u32,
        (raw_bytes, stored_bytes): (u32, u32),
        offset: u64,
        crc: u32,
    ) -> Result<(), StateError> {
        let (key_group, state) = self.at.expect("blocks belong to a key group");
        if self.page_blocks == 0 {
            self.page_first = (key_group, state);
        }
        let block = Block { key_group, state, compression, records, raw_bytes, stored_bytes, offset, crc };
        block.put(&mut self.page);
        self.page_blocks += 1;
        self.blocks += 1;
        self.records += u64::from(records);
        if self.page_blocks as usize == PAGE_BLOCKS { self.end_page() } else { Ok(()) }
    }

    fn end_page(&mut self) -> Result<(), StateError> {
        if self.page_blocks == 0 {
            return Ok(());
        }
        if self.pages as usize == PAGES {
            let most = PAGES * PAGE_BLOCKS;
            return Err(StateError::Usage(format!(
                "a snapshot has more than {most} blocks: use a higher parallelism, so that each task writes \
                 less"
            )));
        }
        let page = Page {
            offset: self.out.bytes,
            blocks: self.page_blocks,
            first_key_group: self.page_first.0,
            first_state: self.page_first.1,
            crc: crc32fast::hash(&self.page),
        };
        self.out.put(&self.page)?;
        page.put(&mut self.root);
        self.page.clear();
        self.page_blocks = 0;
        self.pages += 1;
        Ok(())
    }
}

/// A key for an error: its first bytes.
fn hex(key: &[u8]) -> String {
    let digits: String = key.iter().take(32).map(|byte| format!("{byte:02x}")).collect();
    if key.len() > 32 { format!("0x{digits}… ({} bytes)", key.len()) } else { format!("0x{digits}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serializer::Identity;
    use crate::snapshot::format::WRITER_BYTES;
    use crate::snapshot::{StateKind, StateMeta};

    /// A sink that keeps nothing.
    struct Nowhere;

    impl Write for Nowhere {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_it_keeps_has_a_limit() {
        let state = |id| StateMeta {
            id,
            name: format!("state {id}"),
            kind: StateKind::Value,
            namespace: Identity::new("unit", 1),
            parts: vec![Identity::new("bytes", 1)],
            ttl: false,
        };
        let meta = BackendMeta {
            key: Identity::new("i64", 1),
            max_parallelism: 32768,
            range: KeyGroupRange { first: 0, last: 32767 },
            states: (0..50).map(state).collect(),
        };
        let mut writer = FullWriter::new(Nowhere, &meta, Compression::Snappy).expect("nowhere has room");
        let mut most = 0;
        let value = [7; 9000];
        for group in 0..32768 {
            for state in 0..50 {
                writer.begin(group, state).expect("it ascends");
                // many small blocks, and in some groups full ones
                let records = if group % 4096 == 1 { 120 } else { 1 };
                for _ in 0..records {
                    let length = if records > 1 { value.len() } else { 3 };
                    writer.record(&group.to_be_bytes(), &value[..length]).expect("nowhere has room");
                }
            }
            let encoder = 40 << 10;
            let kept =
                writer.raw.capacity() + writer.compressed.capacity() + writer.page.capacity() + encoder;
            // as if the root were as large as it may become, which doubles as it grows
            most = most.max(kept + (PAGES * layout::PAGE_ENTRY_BYTES).next_power_of_two());
        }
        assert!(writer.blocks > 1_600_000, "{} blocks", writer.blocks);
        assert!(most > BLOCK_BYTES && most <= WRITER_BYTES, "{most} bytes");
        writer.finish().expect("nowhere has room");
    }
}
