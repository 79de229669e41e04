//! Writing a file of operator state.

use std::io::Write;

use super::file::{self, BLOCK_BYTES, Block, Section};
use super::{DistributionMode, OperatorStatePart};
use crate::StateError;
use crate::serializer::Identity;
use crate::snapshot::format::RECORD_LIMIT_BYTES;
use crate::snapshot::varint::{put_varint, varint_bytes};
use crate::snapshot::{SnapshotSink, storage_error};

/// Keeps a block, the list of blocks, and the offsets of all elements, which go into the handle.
pub(super) struct Writer<'s> {
    sink: &'s mut SnapshotSink,
    block: Vec<u8>,
    /// Bytes before the open block.
    written: u64,
    sections: Vec<Section>,
    parts: Vec<OperatorStatePart>,
    /// The part that is being written.
    part: usize,
}

impl<'s> Writer<'s> {
    pub(super) fn new(sink: &'s mut SnapshotSink) -> Result<Self, StateError> {
        let (sections, parts) = (Vec::new(), Vec::new());
        let mut writer = Self { sink, block: Vec::new(), written: 0, sections, parts, part: 0 };
        writer.put(&file::header())?;
        Ok(writer)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        self.sink.write_all(bytes).map_err(|error| storage_error("write", "the snapshot", error))?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Begins elements of a state that these serializers wrote, or goes on with them.
    pub(super) fn begin(
        &mut self,
        name: &str,
        mode: DistributionMode,
        parts: &[Identity],
    ) -> Result<(), StateError> {
        if let Some(last) = self.sections.last()
            && (last.mode, last.name.as_str(), last.parts.as_slice()) == (mode, name, parts)
            && mode != DistributionMode::Broadcast
        {
            return Ok(());
        }
        self.flush()?;
        let (start, name) = (self.written, name.to_owned());
        let known = self.parts.iter().position(|part| part.name == name && part.mode == mode);
        self.part = known.unwrap_or_else(|| {
            self.parts.push(OperatorStatePart { name: name.clone(), mode, offsets: Vec::new() });
            self.parts.len() - 1
        });
        if mode == DistributionMode::Broadcast {
            self.parts[self.part].offsets.push(start);
        }
        self.sections.push(Section { name, mode, parts: parts.to_vec(), start, blocks: Vec::new() });
        Ok(())
    }

    /// An element of the state that was begun.
    pub(super) fn element(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        let part = self.parts.get_mut(self.part).expect("elements follow the state that they are of");
        if bytes.len() > RECORD_LIMIT_BYTES {
            return Err(super::too_large(&part.name, bytes.len()));
        }
        let length = varint_bytes(bytes.len() as u64) + bytes.len();
        if !self.block.is_empty() && self.block.len() + length > BLOCK_BYTES {
            self.flush()?;
        }
        let part = &mut self.parts[self.part];
        if part.mode != DistributionMode::Broadcast {
            part.offsets.push(self.written + self.block.len() as u64);
        }
        put_varint(&mut self.block, bytes.len() as u64);
        self.block.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StateError> {
        if self.block.is_empty() {
            return Ok(());
        }
        let mut block = std::mem::take(&mut self.block);
        let entry = Block { offset: self.written, bytes: block.len() as u64, crc: crc32fast::hash(&block) };
        self.sections.last_mut().expect("a block is of the state that was begun").blocks.push(entry);
        self.put(&block)?;
        // the buffer is used again, unless one long element has blown it up
        if block.capacity() <= 2 * BLOCK_BYTES {
            block.clear();
            self.block = block;
        }
        Ok(())
    }

    /// Writes the list and the footer. What is in the file, for its handle.
    pub(super) fn finish(mut self) -> Result<Vec<OperatorStatePart>, StateError> {
        self.flush()?;
        let (list_offset, list) = (self.written, file::encode(&self.sections)?);
        self.put(&list)?;
        self.put(&file::footer(list_offset, list.len())?)?;
        Ok(self.parts)
    }
}
