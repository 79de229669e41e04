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
        if mode == DistributionMode::Broadcast {
            let is_lost = |offset: &&u64| !sections.iter().any(|(_, section)| section.start == **offset);
            if let Some(offset) = offsets.iter().find(is_lost) {
                return Err(self.nothing_at(name, *offset));
            }
            // section by section: an empty one begins where the next one does
            for (number, section) in sections.iter().filter(|(_, section)| offsets.contains(&section.start)) {
                for block in &section.blocks {
                    window.all(block, |at, element| each(*number, at, element))?;
                }
            }
            return Ok(());
        }
        for offset in offsets {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::operator::OperatorStatePart;
    use crate::operator::writer::Writer;
    use crate::serializer::Identity;
    use crate::snapshot::acknowledge::{AcknowledgeLimits, Frame};
    use crate::snapshot::{Place, SnapshotTarget};

    /// A list of two sections, a union list of long elements, broadcast state.
    fn file() -> (Vec<u8>, Vec<OperatorStatePart>) {
        let limits = AcknowledgeLimits { state_bytes: 64 << 20, frame_bytes: 64 << 20 };
        let mut sink = SnapshotTarget::Acknowledgement(Frame::new(limits, None)).sink("the test", "");
        let mut writer = Writer::new(&mut sink).unwrap();
        let (i64, text) = (Identity::new("i64", 1), Identity::new("utf8", 1));
        for (by, count) in [(&i64, 3_u8), (&text, 4)] {
            writer.begin("list", DistributionMode::Split, std::slice::from_ref(by)).unwrap();
            (0..count).for_each(|n| writer.element(&[n; 8]).unwrap());
        }
        writer.begin("union", DistributionMode::Union, std::slice::from_ref(&text)).unwrap();
        for n in 0..5_u8 {
            writer.element(&vec![n; 30_000 * usize::from(n)]).unwrap();
        }
        writer.begin("rules", DistributionMode::Broadcast, &[text, i64]).unwrap();
        (0..9_u8).for_each(|n| writer.element(&[n; 3]).unwrap());
        let parts = writer.finish().unwrap();
        let Place::Inline(bytes) = sink.finish().unwrap().place else { unreachable!() };
        (bytes, parts)
    }

    fn open(bytes: &[u8]) -> Result<Reader, StateError> {
        Reader::open(Arc::new(bytes.to_vec()), "the file".to_owned(), None)
    }

    fn lengths(reader: &Reader, part: &OperatorStatePart) -> Result<Vec<(usize, usize)>, StateError> {
        let mut seen = Vec::new();
        reader.elements(&part.name, part.mode, &part.offsets, &mut |number, _, bytes| {
            seen.push((number, bytes.len()));
            Ok(())
        })?;
        Ok(seen)
    }

    #[test]
    fn elements_come_back_in_any_order_of_offsets() {
        let (bytes, parts) = file();
        let reader = open(&bytes).unwrap();
        let seen: Vec<_> = parts.iter().map(|part| lengths(&reader, part).unwrap()).collect();
        let lists = [(0, 8), (0, 8), (0, 8), (1, 8), (1, 8), (1, 8), (1, 8)];
        assert_eq!(seen[0], lists);
        assert_eq!(seen[1], [(2, 0), (2, 30_000), (2, 60_000), (2, 90_000), (2, 120_000)]);
        assert_eq!(seen[2], [(3, 3); 9]);
        let mut backwards = parts[0].clone();
        backwards.offsets.reverse();
        let back: Vec<_> = lists.iter().rev().copied().collect();
        assert_eq!(lengths(&reader, &backwards).unwrap(), back);
        assert_eq!(parts[2].offsets.len(), 1, "broadcast state is one piece");
    }

    /// Two copies of a broadcast state were carried over, the first of them empty: both begin at one offset.
    #[test]
    fn an_empty_copy_beside_another_is_not_read_as_it() {
        let frame = Frame::new(AcknowledgeLimits::default(), None);
        let mut sink = SnapshotTarget::Acknowledgement(frame).sink("the test", "");
        let mut writer = Writer::new(&mut sink).unwrap();
        let i64 = Identity::new("i64", 1);
        for copy in [0_u8, 3, 0, 2] {
            writer.begin("rules", DistributionMode::Broadcast, &[i64.clone(), i64.clone()]).unwrap();
            (0..copy).for_each(|n| writer.element(&[n; 16]).unwrap());
        }
        let [part] = &writer.finish().unwrap()[..] else { panic!("it is one state") };
        let Place::Inline(bytes) = sink.finish().unwrap().place else { unreachable!() };
        let seen = lengths(&open(&bytes).unwrap(), part).unwrap();
        assert_eq!(seen, [(1, 16), (1, 16), (1, 16), (3, 16), (3, 16)], "each element once");
    }

    /// Numbers that are wrong under right checksums: somebody's bug, or malice. Nothing panics, and nothing is
    /// allocated that is larger than the file.
    #[test]
    fn wrong_numbers_under_right_sums() {
        let (good, parts) = file();
        let footer = good.len() - FOOTER_BYTES;
        let list = usize::try_from(u64::from_le_bytes(good[footer..footer + 8].try_into().unwrap())).unwrap();
        let seal = |bad: &mut Vec<u8>, from: usize, to: usize| {
            let crc = crc32fast::hash(&bad[from..to]).to_le_bytes();
            bad[to..to + 4].copy_from_slice(&crc);
        };
        let (mut opened, mut read, mut state) = (0, 0, 7_u64);
        let mut random = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            usize::try_from(state >> 33).unwrap() % below
        };
        for _ in 0..20_000 {
            let mut bad = good.clone();
            for _ in 0..=random(3) {
                let at =
                    if random(8) == 0 { footer + random(20) } else { list + 10 + random(footer - list - 14) };
                bad[at] = [0, 1, 0x7f, 0xff, bad[at] ^ (1 << random(8))][random(5)];
            }
            seal(&mut bad, list, footer - 4);
            seal(&mut bad, footer, footer + 20);
            let Ok(reader) = open(&bad) else { continue };
            opened += 1;
            for part in &parts {
                match lengths(&reader, part) {
                    Ok(_) => read += 1,
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}"),
                }
            }
        }
        assert!(opened > 1_000 && read > 1_000, "{opened} files were opened, {read} states read");
    }
}
