//! The form of a snapshot outside: files in a tar archive that is compressed with gzip, which is also that of OpenBao's
//! and Vault's, whose clients look for `SHA256SUMS.sealed` at its end.
//!
//! Written here is the oldest form of tar (POSIX.1-1988, `ustar`), with sizes above 8 GiB as GNU's tar writes them. What is
//! stored is encrypted, and so nothing is gained by compressing it: gzip only frames and checks.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Read, Write};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;

const BLOCK: usize = 512;
/// A size in so many octal digits.
const OCTAL_MAX: u64 = 0o77_777_777_777;

/// An archive that is written, one file after the other.
pub(super) struct Writer {
    out: GzEncoder<BufWriter<File>>,
    unix: i64,
    left: u64,
    size: u64,
}

impl Writer {
    /// Into a file, whose files are of this time.
    pub(super) fn new(file: File, unix: i64) -> Self {
        let out = GzEncoder::new(BufWriter::with_capacity(256 << 10, file), Compression::none());
        Self { out, unix, left: 0, size: 0 }
    }

    /// Begins a file of so many bytes.
    pub(super) fn begin(&mut self, name: &str, size: u64) -> io::Result<()> {
        self.pad()?;
        (self.left, self.size) = (size, size);
        self.out.write_all(&header(name, size, u64::try_from(self.unix).unwrap_or(0)))
    }

    /// A whole file.
    pub(super) fn whole(&mut self, name: &str, text: &[u8]) -> io::Result<()> {
        self.begin(name, text.len() as u64)?;
        self.write_all(text)
    }

    /// Fills the last block of a file.
    fn pad(&mut self) -> io::Result<()> {
        if self.left > 0 {
            return Err(io::Error::other("a file in the archive is shorter than was said"));
        }
        self.out.write_all(&[0; BLOCK][..padding(self.size)])
    }

    /// Ends the archive.
    pub(super) fn end(mut self) -> io::Result<File> {
        self.pad()?;
        self.out.write_all(&[0; 2 * BLOCK])?;
        self.out.finish()?.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.left = (self.left.checked_sub(bytes.len() as u64))
            .ok_or_else(|| io::Error::other("a file in the archive is longer than was said"))?;
        self.out.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn padding(size: u64) -> usize {
    // Less than a block.
    (size.wrapping_neg() % BLOCK as u64) as usize
}

fn header(name: &str, size: u64, unix: u64) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
    put(0, name.as_bytes());
    put(100, b"0000600\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    match size > OCTAL_MAX {
        true => {
            put(124, &[0x80]);
            put(128, &size.to_be_bytes());
        }
        false => put(124, format!("{size:011o}\0").as_bytes()),
    }
    put(136, format!("{:011o}\0", unix.min(OCTAL_MAX)).as_bytes());
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

/// An archive that is read.
pub(super) struct Reader {
    from: GzDecoder<BufReader<File>>,
    left: u64,
    size: u64,
}

impl Reader {
    /// From where a file is.
    pub(super) fn new(file: File) -> Self {
        Self { from: GzDecoder::new(BufReader::with_capacity(256 << 10, file)), left: 0, size: 0 }
    }

    /// Goes on to the next file; its name and its size. None at the end, where all that gzip checks was right.
    pub(super) fn next(&mut self) -> io::Result<Option<(String, u64)>> {
        io::copy(self, &mut io::sink())?;
        let mut block = [0; BLOCK];
        let rest = padding(self.size);
        self.from.read_exact(&mut block[..rest])?;
        self.from.read_exact(&mut block)?;
        if block.iter().all(|byte| *byte == 0) {
            // What comes behind is padding, of which there may be much or none.
            let mut behind = Vec::new();
            (&mut self.from).take(1 << 20).read_to_end(&mut behind)?;
            let is_over = behind.iter().all(|byte| *byte == 0) && self.from.get_mut().fill_buf()?.is_empty();
            return if is_over { Ok(None) } else { Err(io::Error::other("something follows behind its end")) };
        }
        let bad = || io::Error::other("a header in it is no header of a tar archive");
        let (name, size) = parse(&block).ok_or_else(bad)?;
        (self.left, self.size) = (size, size);
        Ok(Some((name, size)))
    }
}

impl Read for Reader {
    /// Reads what is left of a file.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len());
        if most == 0 {
            return Ok(0);
        }
        let read = self.from.read(&mut into[..most])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= read as u64;
        Ok(read)
    }
}

/// Name and size of a file; none of a header that is none, and of what is no file.
fn parse(header: &[u8; BLOCK]) -> Option<(String, u64)> {
    let text = |at: std::ops::Range<usize>| {
        let field = &header[at];
        std::str::from_utf8(field.split(|byte| *byte == 0).next().unwrap_or_default()).ok()
    };
    let octal = |at| u64::from_str_radix(text(at)?.trim(), 8).ok();
    let in_sum = |(at, byte): (usize, &u8)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) };
    if octal(148..156)? != header.iter().enumerate().map(in_sum).sum::<u64>() || !matches!(header[156], 0 | b'0') {
        return None;
    }
    let size = match header[124] {
        0x80 => u64::from_be_bytes(*header[128..136].first_chunk()?),
        _ => octal(124..136)?,
    };
    Some((text(0..100)?.to_owned(), size))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Seek as _};

    use super::{Reader, Writer, header, parse};

    #[test]
    fn files_come_out_as_they_went_in() {
        let mut writer = Writer::new(tempfile::tempfile().unwrap(), 1_700_000_000);
        let files = [("a", vec![1; 511]), ("b", vec![]), ("c", vec![3; 512]), ("d", vec![4; 100_000])];
        files.iter().for_each(|(name, text)| writer.whole(name, text).unwrap());
        let mut file = writer.end().unwrap();
        file.rewind().unwrap();
        let mut reader = Reader::new(file);
        for (name, text) in &files {
            assert_eq!(reader.next().unwrap(), Some(((*name).to_owned(), text.len() as u64)));
            let mut read = Vec::new();
            reader.read_to_end(&mut read).unwrap();
            assert!(read == *text);
        }
        assert_eq!(reader.next().unwrap(), None);
        for size in [0, 1, 0o77_777_777_777, 0o100_000_000_000, u64::MAX] {
            assert_eq!(parse(&header("x", size, 0)), Some(("x".to_owned(), size)));
        }
    }

    #[test]
    fn a_file_is_as_long_as_was_said() {
        let mut writer = Writer::new(tempfile::tempfile().unwrap(), 0);
        writer.begin("a", 2).unwrap();
        std::io::Write::write_all(&mut writer, b"x").unwrap();
        assert!(writer.begin("b", 0).is_err());
        assert!(std::io::Write::write_all(&mut writer, b"xy").is_err());
    }
}
