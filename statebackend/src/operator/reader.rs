//! Reading a file of operator state: the elements at some offsets, and nothing else of it.

use std::sync::Arc;

use plimsoll_memory::budget::Owner;

use super::DistributionMode;
use super::file::{self, Block, FOOTER_BYTES, HEADER_BYTES, Section};
use crate::StateError;
use crate::snapshot::format::{Buffer, ReadAt};
use crate::snapshot::sealed::SEAL_BYTES;
use crate::snapshot::storage_error;
use crate::snapshot::varint::take_varint;

/// Receives the section that an element is of, by its number, where the element begins, and its bytes.
pub(super) type Each<'e> = dyn FnMut(usize, u64, &[u8]) -> Result<(), StateError> + 'e;

/// A file, open. Header, list and footer were checked.
pub(super) struct Reader {
    source: Arc<dyn ReadAt>,
    place: String,
    sections: Vec<Section>,
    /// Who pays for the buffer that blocks are read into.
    budget: Option<Arc<Owner>>,
}

impl Reader {
    pub(super) fn open(
        source: Arc<dyn ReadAt>,
        place: String,
        budget: Option<Arc<Owner>>,
    ) -> Result<Self, StateError> {
        let file_bytes = source.len();
        if file_bytes < (HEADER_BYTES + SEAL_BYTES + FOOTER_BYTES) as u64 {
            let what = format!("it has {file_bytes} bytes, no file of operator state is so small");
            return Err(StateError::corrupt(place, what));
        }
        let read = |buffer: &mut [u8], offset| {
            source.read_exact_at(buffer, offset).map_err(|error| storage_error("read", place.as_str(), error))
        };
        let mut header = [0; HEADER_BYTES];
        read(&mut header, 0)?;
        file::check_header(&place, &header)?;
        let mut footer = [0; FOOTER_BYTES];
        read(&mut footer, file_bytes - FOOTER_BYTES as u64)?;
        let (list_offset, list_bytes) = file::take_footer(&place, &footer, file_bytes)?;
        let mut list = vec![0; list_bytes];
        read(&mut list, list_offset)?;
        let sections = file::decode(&place, &list, list_offset)?;
        Ok(Self { source, place, sections, budget })
    }

    /// What errors call it.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// What is in it.
    pub(super) fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// Shows the elements of a state at some offsets, in their order; of broadcast state all that begins there.
    ///
    /// # Errors
    /// [`StateError::Corrupt`], with the offset: elements of damaged blocks are not shown, and neither is what is no
    /// element of the state. The budget refuses, the source cannot be read, or what `each` returns.
    pub(super) fn elements(
        &self,
        name: &str,
        mode: DistributionMode,
        offsets: &[u64],
        each: &mut Each<'_>,
    ) -> Result<(), StateError> {
        let of_state = |(_, section): &(usize, &Section)| section.name == name && section.mode == mode;
        let sections: Vec<(usize, &Section)> = self.sections.iter().enumerate().filter(of_state).collect();
        let mut window = Window { reader: self, buffer: Buffer::default(), block: None, at: 0 };
        for offset in offsets {
            if mode == DistributionMode::Broadcast {
                let mut found = false;
                for (number, section) in sections.iter().filter(|(_, section)| section.start == *offset) {
                    found = true;
                    for block in &section.blocks {
                        window.all(block, |at, element| each(*number, at, element))?;
                    }
                }
                if !found {
                    return Err(self.nothing_at(name, *offset));
                }
                continue;
            }
            let block_at = |(number, section): &(usize, &Section)| {
                let at = section.blocks.partition_point(|block| block.end() <= *offset);
                let block = section.blocks.get(at).filter(|block| block.offset <= *offset)?;
                Some((*number, *block))
            };
            let (number, block) =
                sections.iter().find_map(block_at).ok_or_else(|| self.nothing_at(name, *offset))?;
            let Some(element) = window.element(&block, *offset)? else {
                return Err(self.nothing_at(name, *offset));
            };
            each(number, *offset, element)?;
        }
        Ok(())
    }

    fn nothing_at(&self, name: &str, offset: u64) -> StateError {
        StateError::corrupt(
            self.place.as_str(),
            format!("nothing of state \"{name}\" begins at offset {offset}"),
        )
    }
}

/// The block that was read last, and the element that follows the last one seen in it.
struct Window<'r> {
    reader: &'r Reader,
    buffer: Buffer,
    block: Option<Block>,
    at: usize,
}

impl Window<'_> {
    /// Reads a block, unless it is there; begins at its first element.
    fn load(&mut self, block: &Block) -> Result<(), StateError> {
        self.at = 0;
        if self.block == Some(*block) {
            return Ok(());
        }
        self.block = None;
        let Reader { source, place, budget, .. } = self.reader;
        let length = usize::try_from(block.bytes).map_err(|_| {
            StateError::corrupt(place.as_str(), "a block is larger than the memory of any machine")
        })?;
        self.buffer.shed();
        let bytes = self.buffer.fit(length, budget.as_ref(), place)?;
        source
            .read_exact_at(bytes, block.offset)
            .map_err(|error| storage_error("read", place.as_str(), error))?;
        if crc32fast::hash(bytes) != block.crc {
            let what = format!("the checksum of the block at offset {} does not fit", block.offset);
            return Err(StateError::corrupt(place.as_str(), what));
        }
        self.block = Some(*block);
        Ok(())
    }

    /// The next element and where it begins; `None` behind the last one.
    fn next(&mut self) -> Result<Option<(u64, &[u8])>, StateError> {
        let Some(block) = self.block else { return Ok(None) };
        let start = block.offset + self.at as u64;
        let length = usize::try_from(block.bytes).expect("it is in memory");
        let mut rest = &self.buffer.bytes()[self.at..length];
        if rest.is_empty() {
            return Ok(None);
        }
        let element = take_varint(&mut rest)
            .and_then(|bytes| rest.get(..usize::try_from(bytes).ok()?))
            .ok_or_else(|| {
                let what = format!("the element at offset {start} is longer than its block");
                StateError::corrupt(self.reader.place.as_str(), what)
            })?;
        self.at = length - rest.len() + element.len();
        Ok(Some((start, element)))
    }

    /// The element of a block that begins at an offset, if one does.
    fn element(&mut self, block: &Block, offset: u64) -> Result<Option<&[u8]>, StateError> {
        // offsets mostly ascend: then the block is walked through once
        if self.block != Some(*block) || block.offset + self.at as u64 > offset {
            self.load(block)?;
        }
        while let Some((start, element)) = self.next()? {
            if start >= offset {
                let length = element.len();
                let found = &self.buffer.bytes()[self.at - length..self.at];
                return Ok((start == offset).then_some(found));
            }
        }
        Ok(None)
    }

    /// Shows all elements of a block.
    fn all(
        &mut self,
        block: &Block,
        mut each: impl FnMut(u64, &[u8]) -> Result<(), StateError>,
    ) -> Result<(), StateError> {
        self.load(block)?;
        while let Some((start, element)) = self.next()? {
            each(start, element)?;
        }
        Ok(())
    }
}
