//! Texts and numbers with their lengths before them (RFC 4251, section 5).

use super::error::Error;

/// Reads from the beginning of bytes.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    /// What is read, for errors.
    what: &'static str,
}

impl<'a> Reader<'a> {
    pub(super) fn new(rest: &'a [u8], what: &'static str) -> Self {
        Self { rest, what }
    }

    /// Bytes that have to be there.
    pub(super) fn exactly(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.rest = self.rest.strip_prefix(bytes).ok_or(Error::Malformed(self.what))?;
        Ok(())
    }

    pub(super) fn number(&mut self) -> Result<u32, Error> {
        let (number, rest) = self.rest.split_first_chunk::<4>().ok_or(Error::Malformed(self.what))?;
        self.rest = rest;
        Ok(u32::from_be_bytes(*number))
    }

    /// A text, which may be any bytes.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Error> {
        let length = self.number()? as usize;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(Error::Malformed(self.what))?;
        self.rest = rest;
        Ok(bytes)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Error> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Error::Malformed(self.what))
    }

    /// A positive number of any length, without the zero that may stand before it.
    pub(super) fn positive(&mut self) -> Result<&'a [u8], Error> {
        let bytes = self.bytes()?;
        match bytes {
            [0, rest @ ..] => Ok(rest),
            [first, ..] if *first < 0x80 => Ok(bytes),
            _ => Err(Error::Malformed(self.what)),
        }
    }

    /// Whether nothing is left.
    pub(super) fn end(self) -> Result<(), Error> {
        if self.rest.is_empty() { Ok(()) } else { Err(Error::Malformed(self.what)) }
    }
}

/// Adds a text with its length.
pub(super) fn put(into: &mut Vec<u8>, bytes: &[u8]) {
    // Nothing here is longer than 4 GiB: keys and digests.
    into.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    into.extend_from_slice(bytes);
}
