//! Reading and writing in a segment: numbers are little-endian, and what lies outside is a named error.

use std::error::Error;
use std::fmt;

/// An access outside of a segment: a bug of the caller, or a length that was read from damaged bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfBounds {
    /// Where the access begins, in bytes from the segment's start.
    pub offset: usize,
    /// How many bytes it wanted.
    pub length_bytes: usize,
    /// How many bytes the segment has.
    pub segment_bytes: usize,
}

impl fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offset, length_bytes, segment_bytes } = self;
        write!(f, "{length_bytes} bytes at offset {offset} do not lie in a segment of {segment_bytes} bytes")
    }
}

impl Error for OutOfBounds {}

/// A number with a fixed length in bytes.
pub trait Number: Copy + sealed::Sealed {
    /// Reads it from exactly its length.
    #[doc(hidden)]
    fn read(bytes: &[u8]) -> Option<Self>;
    /// Its bytes, the lowest first, in the first of 16.
    #[doc(hidden)]
    fn write(self) -> [u8; 16];
    /// Its length in bytes.
    const BYTES: usize;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl sealed::Sealed for $number {}
        impl Number for $number {
            const BYTES: usize = size_of::<$number>();

            #[inline]
            fn read(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(<$number>::from_le_bytes)
            }

            #[inline]
            fn write(self) -> [u8; 16] {
                let mut bytes = [0; 16];
                bytes[..Self::BYTES].copy_from_slice(&self.to_le_bytes());
                bytes
            }
        }
    )*};
}

numbers!(u8, u16, u32, u64, u128, i8, i16, i32, i64, i128, f32, f64);

/// Typed access to the bytes of a segment, or to any bytes.
pub trait Access: AsRef<[u8]> + AsMut<[u8]> {
    /// Reads a number at an offset in bytes; it need not be aligned.
    ///
    /// # Errors
    /// It does not lie inside.
    #[inline]
    fn get<N: Number>(&self, offset: usize) -> Result<N, OutOfBounds> {
        let bytes = self.as_ref();
        let number = range(bytes, offset, N::BYTES).and_then(N::read);
        number.ok_or(OutOfBounds { offset, length_bytes: N::BYTES, segment_bytes: bytes.len() })
    }

    /// Writes a number at an offset in bytes; it need not be aligned.
    ///
    /// # Errors
    /// It does not lie inside; nothing was written.
    #[inline]
    fn put<N: Number>(&mut self, offset: usize, number: N) -> Result<(), OutOfBounds> {
        self.put_slice(offset, &number.write()[..N::BYTES])
    }

    /// A part of the bytes.
    ///
    /// # Errors
    /// It does not lie inside.
    #[inline]
    fn slice(&self, offset: usize, length_bytes: usize) -> Result<&[u8], OutOfBounds> {
        let bytes = self.as_ref();
        range(bytes, offset, length_bytes).ok_or(OutOfBounds {
            offset,
            length_bytes,
            segment_bytes: bytes.len(),
        })
    }

    /// A part of the bytes, to change.
    ///
    /// # Errors
    /// It does not lie inside.
    #[inline]
    fn slice_mut(&mut self, offset: usize, length_bytes: usize) -> Result<&mut [u8], OutOfBounds> {
        let bytes = self.as_mut();
        let segment_bytes = bytes.len();
        let end = offset.checked_add(length_bytes);
        let part = end.and_then(|end| bytes.get_mut(offset..end));
        part.ok_or(OutOfBounds { offset, length_bytes, segment_bytes })
    }

    /// Copies bytes to an offset.
    ///
    /// # Errors
    /// They do not lie inside; nothing was written.
    #[inline]
    fn put_slice(&mut self, offset: usize, bytes: &[u8]) -> Result<(), OutOfBounds> {
        self.slice_mut(offset, bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }
}

#[inline]
fn range(bytes: &[u8], offset: usize, length: usize) -> Option<&[u8]> {
    bytes.get(offset..offset.checked_add(length)?)
}

impl<T: AsRef<[u8]> + AsMut<[u8]> + ?Sized> Access for T {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_little_endian_at_any_offset() {
        let mut bytes = [0_u8; 16];
        bytes.put(1, 0x0102_0304_u32).unwrap();
        assert_eq!(bytes[..6], [0, 4, 3, 2, 1, 0]);
        assert_eq!(bytes.get::<u32>(1), Ok(0x0102_0304));
        assert_eq!(bytes.get::<u16>(3), Ok(0x0102));
        bytes.put(3, -2_i64).unwrap();
        assert_eq!(bytes.get::<i64>(3), Ok(-2));
        assert_eq!(bytes.get::<u8>(10), Ok(255));
        bytes.put(0, f64::MIN).unwrap();
        assert_eq!(bytes.get::<f64>(0), Ok(f64::MIN));
        bytes.put(0, i128::MIN).unwrap();
        assert_eq!(bytes.get::<i128>(0), Ok(i128::MIN));
    }

    #[test]
    fn the_last_byte_is_inside_and_the_next_is_not() {
        let mut bytes = [0_u8; 8];
        assert_eq!(bytes.put(4, 7_u32), Ok(()));
        let outside = OutOfBounds { offset: 5, length_bytes: 4, segment_bytes: 8 };
        assert_eq!(bytes.put(5, 8_u32), Err(outside));
        assert_eq!(bytes.get::<u32>(5), Err(outside));
        assert_eq!(bytes.get::<u32>(4), Ok(7));
        assert_eq!(bytes.slice(8, 0), Ok(&[][..]));
        assert!(bytes.slice(9, 0).is_err());
        assert!(bytes.slice(usize::MAX, 2).is_err());
        assert!(bytes.slice_mut(2, usize::MAX).is_err());
        assert_eq!(outside.to_string(), "4 bytes at offset 5 do not lie in a segment of 8 bytes");
    }
}
