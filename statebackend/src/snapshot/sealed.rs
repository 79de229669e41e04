//! A small section with a kind, a version, a length and a checksum.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StateError;

/// Bytes that a seal adds.
pub(crate) const SEAL_BYTES: usize = 4 + 2 + 4 + 4;

/// What kind of section this is, and how it is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seal {
    /// Four letters.
    pub(crate) magic: [u8; 4],
    /// The version that is written. It reads itself alone.
    pub(crate) version: u16,
    /// The most bytes of a body.
    pub(crate) limit: usize,
    /// What it is, for errors: `the handle`.
    pub(crate) what: &'static str,
}

impl Seal {
    /// A value as a sealed section.
    ///
    /// # Errors
    /// It is larger than the limit.
    pub(crate) fn encode<T: Serialize>(&self, value: &T) -> Result<Vec<u8>, StateError> {
        let mut out = Vec::new();
        out.extend_from_slice(&self.magic);
        out.extend_from_slice(&self.version.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        let mut out = postcard::to_extend(value, out)
            .map_err(|error| StateError::Usage(format!("{} cannot be written: {error}", self.what)))?;
        let length = out.len() - 10;
        let length = u32::try_from(length).ok().filter(|_| length <= self.limit).ok_or_else(|| {
            StateError::Usage(format!(
                "{} has {length} bytes, more than the limit of {}: split the state over more operators",
                self.what, self.limit
            ))
        })?;
        out[6..10].copy_from_slice(&length.to_le_bytes());
        let crc = crc32fast::hash(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        Ok(out)
    }

    /// The value of a sealed section that takes all of `bytes`.
    ///
    /// # Errors
    /// [`StateError::Corrupt`], with the place.
    pub(crate) fn decode<T: DeserializeOwned>(&self, place: &str, bytes: &[u8]) -> Result<T, StateError> {
        let corrupt = |why: String| StateError::corrupt(place, format!("{}: {why}", self.what));
        if bytes.len() < SEAL_BYTES {
            return Err(corrupt(format!("it has {} bytes, at least {SEAL_BYTES} are needed", bytes.len())));
        }
        if bytes[..4] != self.magic {
            return Err(corrupt("it does not begin with its mark, at offset 0".to_owned()));
        }
        let (sealed, crc) = bytes.split_at(bytes.len() - 4);
        let length = u32::from_le_bytes([bytes[6], bytes[7], bytes[8], bytes[9]]) as usize;
        if length > self.limit || length != bytes.len() - SEAL_BYTES {
            let there = bytes.len() - SEAL_BYTES;
            return Err(corrupt(format!("it says {length} bytes at offset 6, and {there} are there")));
        }
        if crc32fast::hash(sealed).to_le_bytes() != crc {
            return Err(corrupt(format!("the checksum at offset {} does not fit", bytes.len() - 4)));
        }
        let version = u16::from_le_bytes([bytes[4], bytes[5]]);
        if version != self.version {
            return Err(corrupt(format!(
                "version {version} at offset 4, this program reads {}",
                self.version
            )));
        }
        let (value, rest) = postcard::take_from_bytes(&sealed[10..])
            .map_err(|error| corrupt(format!("its content from offset 10 on: {error}")))?;
        if !rest.is_empty() {
            return Err(corrupt(format!("{} bytes behind its content", rest.len())));
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    const SEAL: Seal = Seal { magic: *b"TEST", version: 3, limit: 100, what: "the test" };

    #[test]
    fn every_bit_is_covered() {
        let value = (7_u32, "text".to_owned(), vec![1_u64, 2, 3]);
        let bytes = SEAL.encode(&value).unwrap();
        assert_eq!(SEAL.decode::<(u32, String, Vec<u64>)>("here", &bytes).unwrap(), value);
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let error = SEAL.decode::<(u32, String, Vec<u64>)>("here", &bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "bit {bit}: {error}");
            assert!(error.to_string().starts_with("here is damaged: the test: "), "{error}");
        }
        for length in 0..bytes.len() {
            let error = SEAL.decode::<(u32, String, Vec<u64>)>("here", &bytes[..length]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt);
        }
        let longer = [&bytes[..], b"x"].concat();
        assert_eq!(
            SEAL.decode::<(u32, String, Vec<u64>)>("here", &longer).unwrap_err().kind(),
            ErrorKind::Corrupt
        );
        let newer = Seal { version: 4, ..SEAL }.encode(&value).unwrap();
        let error = SEAL.decode::<(u32, String, Vec<u64>)>("here", &newer).unwrap_err().to_string();
        assert!(error.contains("version 4 at offset 4, this program reads 3"), "{error}");
        assert!(
            SEAL.encode(&vec![0_u8; 101]).unwrap_err().to_string().contains("more than the limit of 100")
        );
    }
}
