//! Reading a full snapshot.

use std::sync::Arc;

use plimsoll_memory::budget::Owner;

use super::buffer::Buffer;
use super::layout::{
    self, BLOCK_ENTRY_BYTES, Block, BlockCompression, FOOTER_BYTES, Footer, HEADER_BYTES, PAGE_BLOCKS,
    PAGE_ENTRY_BYTES, Page,
};
use super::{FullSummary, ReadAt};
use crate::StateError;
use crate::key_group::KeyGroupRange;
use crate::snapshot::meta::{BackendMeta, META_LIMIT_BYTES};
use crate::snapshot::sealed::SEAL_BYTES;
use crate::snapshot::storage_error;
use crate::snapshot::varint::take_varint;

/// Reads a full snapshot, all of it or some key groups of some states. Cheap to clone; several threads may
/// read at once, each with buffers of its own.
///
/// Where a budget is given, buffers are reserved from it before they are allocated, and a refusal is
/// [`StateError::Refused`].
#[derive(Clone)]
pub struct FullReader<S> {
    source: S,
    opened: Arc<Opened>,
    budget: Option<Arc<Owner>>,
}

struct Opened {
    place: String,
    footer: Footer,
    meta: BackendMeta,
    /// Ids of the states, ascending.
    states: Vec<u16>,
    pages: Vec<Page>,
}

/// A block's bytes and what they decompress to; used again from block to block.
#[derive(Default)]
pub struct BlockBuffer {
    stored: Buffer,
    raw: Buffer,
}

impl<S: ReadAt> FullReader<S> {
    /// Opens a snapshot and checks header, meta, footer and the root of the index. `place` is what errors
    /// call it.
    ///
    /// # Errors
    /// [`StateError::Corrupt`], naming place and offset; or the source cannot be read.
    pub fn open(source: S, place: &str) -> Result<Self, StateError> {
        let file_bytes = source.len();
        if file_bytes < (HEADER_BYTES + SEAL_BYTES + FOOTER_BYTES) as u64 {
            let what = format!("it has {file_bytes} bytes, no full snapshot is so small");
            return Err(StateError::corrupt(place, what));
        }
        let read = |buffer: &mut [u8], offset| {
            source.read_exact_at(buffer, offset).map_err(|error| storage_error("read", place, error))
        };
        let mut header = [0; HEADER_BYTES];
        read(&mut header, 0)?;
        layout::check_header(place, &header)?;
        let mut footer = [0; FOOTER_BYTES];
        read(&mut footer, file_bytes - FOOTER_BYTES as u64)?;
        let footer = Footer::take(place, &footer, file_bytes, META_LIMIT_BYTES + SEAL_BYTES)?;
        let mut meta = vec![0; footer.meta_bytes as usize];
        read(&mut meta, HEADER_BYTES as u64)?;
        let meta = BackendMeta::decode(place, &meta)?;
        let mut root = vec![0; footer.pages as usize * PAGE_ENTRY_BYTES];
        read(&mut root, footer.root_offset)?;
        if crc32fast::hash(&root) != footer.root_crc {
            let what =
                format!("the root of the index at offset {}: its checksum does not fit", footer.root_offset);
            return Err(StateError::corrupt(place, what));
        }
        let pages = root.chunks_exact(PAGE_ENTRY_BYTES).map(Page::take).collect();
        let mut states: Vec<u16> = meta.states.iter().map(|state| state.id).collect();
        states.sort_unstable();
        let opened = Opened { place: place.to_owned(), footer, meta, states, pages };
        opened.check_pages()?;
        Ok(Self { source, opened: Arc::new(opened), budget: None })
    }

    /// From now on, buffers are reserved of this owner.
    #[must_use]
    pub fn with_budget(mut self, budget: Option<Arc<Owner>>) -> Self {
        self.budget = budget;
        self
    }

    /// The states in it.
    pub fn meta(&self) -> &BackendMeta {
        &self.opened.meta
    }

    /// What errors call it.
    pub fn place(&self) -> &str {
        &self.opened.place
    }

    /// How many records all states have together, as the footer says.
    pub fn records(&self) -> u64 {
        self.opened.footer.records
    }

    /// Calls `each` with key group, key and value of every record of a state in a range of key groups, in the
    /// order of key groups; inside one, in the order of writing.
    ///
    /// # Errors
    /// [`StateError::Corrupt`], naming place and offset: records of damaged blocks are not given out. The
    /// budget refuses, the source cannot be read, or what `each` returns.
    pub fn for_each(
        &self,
        state: u16,
        range: KeyGroupRange,
        mut each: impl FnMut(u32, &[u8], &[u8]) -> Result<(), StateError>,
    ) -> Result<(), StateError> {
        let mut buffer = BlockBuffer::default();
        for block in self.blocks(state, range) {
            let block = block?;
            self.records_of(&block, &mut buffer, |key, value| each(block.key_group, key, value))?;
        }
        Ok(())
    }

    /// The blocks of a state in a range of key groups, in order. Keeps one page of the index.
    pub fn blocks(&self, state: u16, range: KeyGroupRange) -> Blocks<'_, S> {
        let first = (range.first, state);
        // the last page that begins before what is wanted; one page may hold the end of a key group
        let after = |page: &Page| (page.first_key_group, page.first_state) < first;
        let start = self.opened.pages.partition_point(after).saturating_sub(1);
        let page = if range.first > range.last { self.opened.pages.len() } else { start };
        Blocks { reader: self, state: Some(state), range, page, at: 0, entries: Buffer::default(), bytes: 0 }
    }

    /// The bytes of a block as they stand in the file, checked, to be carried over.
    ///
    /// # Errors
    /// [`StateError::Corrupt`], the budget refuses, or the source cannot be read.
    pub fn read<'a>(&self, block: &Block, buffer: &'a mut BlockBuffer) -> Result<&'a [u8], StateError> {
        let length = block.stored_bytes as usize;
        let place = &self.opened.place;
        let end = block.offset.checked_add(u64::from(block.stored_bytes));
        if block.offset < self.opened.footer.first_block()
            || end.is_none_or(|end| end > self.opened.footer.root_offset)
        {
            return Err(self.corrupt_block(block, "it lies outside of the file"));
        }
        let stored = buffer.stored.fit(length, self.budget.as_ref(), place)?;
        self.source
            .read_exact_at(stored, block.offset)
            .map_err(|error| storage_error("read", place.as_str(), error))?;
        if crc32fast::hash(stored) != block.crc {
            return Err(self.corrupt_block(block, "its checksum does not fit"));
        }
        Ok(stored)
    }

    /// Reads and checks every byte, and every record.
    ///
    /// # Errors
    /// As [`for_each`](Self::for_each).
    pub fn verify(&self) -> Result<FullSummary, StateError> {
        let footer = &self.opened.footer;
        let mut crc = crc32fast::Hasher::new();
        self.sum(0, footer.first_block(), &mut crc)?;
        let (mut records, mut blocks) = (0, 0);
        let mut buffer = BlockBuffer::default();
        let mut entries = Buffer::default();
        for index in 0..self.opened.pages.len() {
            let bytes = self.load_page(index, &mut entries)?;
            for at in 0..bytes / BLOCK_ENTRY_BYTES {
                let block = self.entry(index, &entries, at)?;
                crc.update(self.read(&block, &mut buffer)?);
                self.parse(&block, &mut buffer, |_, _| Ok(()))?;
                records += u64::from(block.records);
                blocks += 1;
            }
            crc.update(&entries.bytes()[..bytes]);
        }
        self.sum(footer.root_offset, footer.file_bytes, &mut crc)?;
        if (records, blocks) != (footer.records, footer.blocks) {
            let what = format!(
                "footer: it counts {} records in {} blocks, and there are {records} in {blocks}",
                footer.records, footer.blocks
            );
            return Err(StateError::corrupt(&self.opened.place, what));
        }
        Ok(FullSummary { bytes: footer.file_bytes, records, blocks, crc: crc.finalize() })
    }

    /// Feeds the bytes between two offsets to a sum.
    fn sum(&self, from: u64, to: u64, crc: &mut crc32fast::Hasher) -> Result<(), StateError> {
        let mut piece = [0; 4096];
        let mut offset = from;
        while offset < to {
            let length = usize::try_from(to - offset).map_or(piece.len(), |left| left.min(piece.len()));
            self.source
                .read_exact_at(&mut piece[..length], offset)
                .map_err(|error| storage_error("read", self.opened.place.as_str(), error))?;
            crc.update(&piece[..length]);
            offset += length as u64;
        }
        Ok(())
    }

    fn records_of(
        &self,
        block: &Block,
        buffer: &mut BlockBuffer,
        each: impl FnMut(&[u8], &[u8]) -> Result<(), StateError>,
    ) -> Result<(), StateError> {
        self.read(block, buffer)?;
        self.parse(block, buffer, each)
    }

    /// Gives out the records of a block that was read.
    fn parse(
        &self,
        block: &Block,
        buffer: &mut BlockBuffer,
        mut each: impl FnMut(&[u8], &[u8]) -> Result<(), StateError>,
    ) -> Result<(), StateError> {
        let raw_bytes = block.raw_bytes as usize;
        let stored = &buffer.stored.bytes()[..block.stored_bytes as usize];
        let mut rest = match block.compression {
            BlockCompression::None => stored,
            BlockCompression::Snappy => {
                if snap::raw::decompress_len(stored).ok() != Some(raw_bytes) {
                    return Err(self.corrupt_block(block, "it decompresses to another length"));
                }
                let raw = buffer.raw.fit(raw_bytes, self.budget.as_ref(), &self.opened.place)?;
                match snap::raw::Decoder::new().decompress(stored, raw) {
                    Ok(length) if length == raw_bytes => &raw[..],
                    _ => return Err(self.corrupt_block(block, "it cannot be decompressed")),
                }
            }
        };
        for _ in 0..block.records {
            let (Some(key), Some(value)) = (take_bytes(&mut rest), take_bytes(&mut rest)) else {
                return Err(self.corrupt_block(block, "a record is cut"));
            };
            each(key, value)?;
        }
        if !rest.is_empty() {
            return Err(self.corrupt_block(block, "it has bytes behind its records"));
        }
        buffer.stored.shed();
        Ok(())
    }

    /// Loads a page and checks that its blocks fill the file from the page before up to it. Says its length.
    fn load_page(&self, index: usize, entries: &mut Buffer) -> Result<usize, StateError> {
        let opened = &*self.opened;
        let page = opened.pages[index];
        let length = page.blocks as usize * BLOCK_ENTRY_BYTES;
        let bytes = entries.fit(length, self.budget.as_ref(), &opened.place)?;
        self.source
            .read_exact_at(bytes, page.offset)
            .map_err(|error| storage_error("read", opened.place.as_str(), error))?;
        if crc32fast::hash(bytes) != page.crc {
            return Err(opened.corrupt_page(&page, "its checksum does not fit"));
        }
        let mut offset = match index.checked_sub(1) {
            Some(before) => opened.pages[before].end(),
            None => opened.footer.first_block(),
        };
        let mut before = (page.first_key_group, page.first_state);
        for at in 0..page.blocks as usize {
            let block = self.entry(index, entries, at)?;
            let here = (block.key_group, block.state);
            if block.offset != offset || here < before || (at == 0 && here != before) {
                return Err(opened.corrupt_page(&page, &format!("its entry {at} is out of order")));
            }
            before = here;
            offset = offset.saturating_add(u64::from(block.stored_bytes));
        }
        if offset != page.offset {
            return Err(opened.corrupt_page(&page, "its blocks do not end where it begins"));
        }
        Ok(length)
    }

    fn entry(&self, index: usize, entries: &Buffer, at: usize) -> Result<Block, StateError> {
        let opened = &*self.opened;
        let start = at * BLOCK_ENTRY_BYTES;
        let range = opened.meta.range;
        Block::take(&entries.bytes()[start..start + BLOCK_ENTRY_BYTES])
            .filter(|block| (range.first..=range.last).contains(&block.key_group))
            .filter(|block| opened.states.binary_search(&block.state).is_ok())
            .ok_or_else(|| opened.corrupt_page(&opened.pages[index], &format!("its entry {at} cannot be")))
    }

    fn corrupt_block(&self, block: &Block, what: &str) -> StateError {
        let Block { offset, key_group, state, .. } = block;
        let what = format!("the block at offset {offset} (key group {key_group}, state {state}): {what}");
        StateError::corrupt(&self.opened.place, what)
    }
}

impl Opened {
    fn check_pages(&self) -> Result<(), StateError> {
        let mut end = self.footer.first_block();
        let mut first = (0, 0);
        let mut blocks = 0_u64;
        for page in &self.pages {
            let here = (page.first_key_group, page.first_state);
            let fits = (1..=PAGE_BLOCKS).contains(&(page.blocks as usize))
                && page.offset > end
                && page.offset < self.footer.root_offset
                && here >= first;
            if !fits {
                return Err(self.corrupt_page(page, "it is out of order"));
            }
            end = page.end();
            first = here;
            blocks += u64::from(page.blocks);
        }
        if end != self.footer.root_offset || blocks != self.footer.blocks {
            let what =
                format!("the root of the index at offset {}: it does not add up", self.footer.root_offset);
            return Err(StateError::corrupt(&self.place, what));
        }
        Ok(())
    }

    fn corrupt_page(&self, page: &Page, what: &str) -> StateError {
        StateError::corrupt(&self.place, format!("the page of the index at offset {}: {what}", page.offset))
    }
}

fn take_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(take_varint(rest)?).ok()?;
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

/// The blocks of one state in some key groups. Ends after the first error.
pub struct Blocks<'a, S> {
    reader: &'a FullReader<S>,
    state: Option<u16>,
    range: KeyGroupRange,
    /// The page that `at` is in.
    page: usize,
    at: usize,
    entries: Buffer,
    /// Loaded bytes of the page; 0: none yet.
    bytes: usize,
}

impl<S: ReadAt> Blocks<'_, S> {
    fn step(&mut self) -> Result<Option<Block>, StateError> {
        while let Some(page) = self.reader.opened.pages.get(self.page) {
            if page.first_key_group > self.range.last {
                break;
            }
            if self.bytes == 0 {
                self.bytes = self.reader.load_page(self.page, &mut self.entries)?;
            }
            while self.at < self.bytes / BLOCK_ENTRY_BYTES {
                let block = self.reader.entry(self.page, &self.entries, self.at)?;
                self.at += 1;
                if block.key_group > self.range.last {
                    return Ok(None);
                }
                if block.key_group >= self.range.first && self.state == Some(block.state) {
                    return Ok(Some(block));
                }
            }
            (self.page, self.at, self.bytes) = (self.page + 1, 0, 0);
        }
        Ok(None)
    }
}

impl<S: ReadAt> Iterator for Blocks<'_, S> {
    type Item = Result<Block, StateError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.step().transpose();
        if !matches!(next, Some(Ok(_))) {
            self.page = usize::MAX;
        }
        next
    }
}
