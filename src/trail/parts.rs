//! The files that a trail's engine has rotated away: beside the trail, under its name and the number of their last line.
//!
//! `trail.log.00000000000000001234` ends with line 1234, so that they sort as they were written, whatever the clock said, and
//! it is known without reading them which one has a line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::chain::{self, Head};
use super::newline::newline_before;

/// Digits of a number in a name: as many as the largest has.
const DIGITS: usize = 20;

/// Bytes that are read at once.
const BUFFER_BYTES: usize = 256 * 1024;

/// A file that was rotated away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The file.
    pub path: PathBuf,
    /// The number of its last line.
    pub last: u64,
}

/// What a trail's file is called once it was rotated away.
pub(super) fn name(path: &Path, last: u64) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{last:0DIGITS$}"));
    PathBuf::from(name)
}

/// Those of a trail, in the order in which they were written.
///
/// # Errors
/// As the file system has them; a directory that is not there, or may not be listed, holds none.
pub fn all(path: &Path) -> io::Result<Vec<Part>> {
    let Some(name) = path.file_name() else { return Ok(Vec::new()) };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(error),
    };
    let mut parts = Vec::new();
    for entry in entries {
        let entry = entry?;
        let found = entry.file_name();
        let digits = found.as_encoded_bytes().strip_prefix(name.as_encoded_bytes());
        let digits = digits.and_then(|rest| rest.strip_prefix(b".")).filter(|digits| digits.len() == DIGITS);
        let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_digit));
        let last = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        if let Some(last) = last.filter(|_| entry.file_type().is_ok_and(|kind| kind.is_file())) {
            parts.push(Part { path: folder.join(&found), last });
        }
    }
    parts.sort_unstable_by_key(|part| part.last);
    Ok(parts)
}

/// The one that has this line, if it was rotated away.
pub(super) fn holding(path: &Path, line: u64) -> io::Result<Option<Part>> {
    Ok(all(path)?.into_iter().find(|part| part.last >= line))
}

/// The last line that was rotated away.
pub(super) fn last(path: &Path) -> io::Result<Option<Head>> {
    all(path)?.last().map_or(Ok(None), |part| Ok(head(&part.path)?.filter(|head| head.seq == part.last)))
}

/// The last line of a file, if it has one that is whole.
fn head(path: &Path) -> io::Result<Option<Head>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let Some(end) = newline_before(&mut file, length)? else { return Ok(None) };
    let start = newline_before(&mut file, end)?.map_or(0, |newline| newline + 1);
    let mut line = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    chain::read_line(&mut BufReader::new(&file), &mut line)?;
    Ok(chain::read(&line).ok().map(|link| link.head))
}

/// Removes the oldest beyond so many, 0 for none; answers which. What only has such a name is left alone.
pub(super) fn remove(path: &Path, max_files: usize) -> Vec<PathBuf> {
    if max_files == 0 {
        return Vec::new();
    }
    let parts = all(path).unwrap_or_else(|error| {
        tracing::warn!(path = %path.display(), %error, "old files of the trail were not looked for");
        Vec::new()
    });
    let count = parts.len().saturating_sub(max_files);
    let is_ours = |part: &Part| matches!(head(&part.path), Ok(Some(head)) if head.seq == part.last);
    let old = parts.into_iter().take(count).filter(is_ours);
    let removed = old.filter(|part| match std::fs::remove_file(&part.path) {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(path = %part.path.display(), %error, "an old file of the trail was not removed");
            false
        }
    });
    removed.map(|part| part.path).collect()
}

/// A trail with all that was rotated away before it, and how many files that is beside its own.
///
/// # Errors
/// One can't be opened.
pub fn open(path: &Path) -> io::Result<(Box<dyn BufRead>, usize)> {
    // First the file: what is rotated away from now on is open here, and is known by its number on the disk.
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let mut whole: Box<dyn Read> = Box::new(io::empty());
    let mut count = 0;
    if metadata.is_file() {
        for part in all(path)? {
            let part = File::open(&part.path)?;
            let found = part.metadata()?;
            if (found.dev(), found.ino()) == (metadata.dev(), metadata.ino()) {
                break;
            }
            whole = Box::new(whole.chain(part));
            count += 1;
        }
    }
    Ok((Box::new(BufReader::with_capacity(BUFFER_BYTES, whole.chain(file))), count))
}
