//! The full snapshot: one format for every backend, in the order of key groups.
//!
//! ```text
//! header   mark, version, checksum                                     16 bytes
//! meta     the states (sealed section)
//! block*   records of one (key group, state), at most 1 MiB uncompressed; a larger record has its own block
//! page     index of the blocks before it, at most 2048                 32 bytes each
//! …        more blocks, their page, …
//! root     index of the pages                                          24 bytes each
//! footer   where meta and root are, counts, file length, checksum, mark    72 bytes
//! ```
//!
//! A record is key length, key, value length, value; lengths are varints, all other numbers little endian.
//! Blocks ascend by key group, then by state. The checksum of a block stands in its page, that of a page in
//! the root, that of the root in the footer; header, meta and footer carry their own. There is no byte
//! between them that nothing covers, so a damaged byte anywhere is found by whoever reads the piece it is in,
//! and always by [`FullReader::verify`].
//!
//! Each block is decompressed by itself: the records of one key group are found by two reads of index and
//! read alone. Neither side keeps more than a few MiB, however large the file: see [`WRITER_BYTES`] and
//! [`READER_BYTES`].

mod buffer;
mod layout;
mod reader;
mod source;
mod writer;

pub(crate) use buffer::Buffer;
pub use layout::{Block, BlockCompression};
pub use reader::{BlockBuffer, Blocks, FullReader};
pub(crate) use source::OpenFile;
pub use source::ReadAt;
pub use writer::FullWriter;

/// The most bytes of records in a block, before compression; only a single record that is larger makes a
/// larger block.
pub const BLOCK_BYTES: usize = 1 << 20;

/// The most bytes of a record: both lengths, key and value.
pub const RECORD_LIMIT_BYTES: usize = i32::MAX as usize;

/// The most bytes that a [`FullWriter`] keeps: a block, the same compressed, the open page of the index, the
/// root.
pub const WRITER_BYTES: usize = 3 << 20;

/// The most bytes that a [`FullReader`] keeps while it reads, the root aside: a page of the index, a block,
/// the same compressed. A record larger than a block takes its own length instead of the last two.
pub const READER_BYTES: usize = 5 << 19;

/// Which compression blocks are written with. Reading finds it in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Compression {
    /// None.
    #[default]
    None,
    /// Snappy, block by block. A block that it does not make smaller is kept plain, and so is a record larger
    /// than a block.
    Snappy,
}

/// What a full snapshot holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FullSummary {
    /// Its length.
    pub bytes: u64,
    /// Records in it.
    pub records: u64,
    /// Blocks in it.
    pub blocks: u64,
    /// The CRC-32 of all of its bytes.
    pub crc: u32,
}
