//! A part of a trail's file, for who reads it from elsewhere: from a line on, whose number and place the part before told.
//!
//! The number is what counts: what the engine rotated away is read where it lies (`parts.rs`), and where somebody else did, the
//! file is read from its first line, and what that goes on from is told. The place only saves reading what was read before. No line is answered that is not durable.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::chain::{self, LINE_BYTES_MAX, LineEnd, read_line};
use super::parts;

/// Bytes of lines in a page, after which no other begins.
const PAGE_BYTES: usize = 1 << 20;

/// Bytes that are read for one page, after which it ends.
const READ_BYTES: u64 = 16 << 20;

/// What in a line says that it is about a credential. Within a text of JSON its quotes would be escaped.
const CREDENTIAL: &[u8] = b"\"credential\":";

/// Which part is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// The number of the last line that is known; 0 for none.
    pub after: u64,
    /// Where the next one is, as far as is known.
    pub at: u64,
    /// The number of the last durable line.
    pub until: u64,
    /// The most lines.
    pub limit: usize,
    /// Whether only lines about credentials are meant.
    pub credentials: bool,
}

/// A part of a trail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The lines, without their ends.
    pub lines: Vec<String>,
    /// The number of the file's first line, where what was asked for begins before it.
    pub begins: Option<u64>,
    /// The number of the last line that was read.
    pub after: u64,
    /// Where the next one is.
    pub at: u64,
    /// Whether there is more.
    pub more: bool,
}

/// Reads a part: of the file that goes on behind what is known, be it one that was rotated away.
///
/// # Errors
/// As the file system has them.
pub fn page(path: &Path, asked: &Asked) -> io::Result<Page> {
    // One that began anew, with lower numbers, is not known in any part.
    let after = if asked.after > asked.until { 0 } else { asked.after };
    loop {
        if let Some(part) = parts::holding(path, after + 1)? {
            let page = page_of(&part.path, asked)?;
            let is_read = !page.more && part.last <= asked.until;
            // Behind its end there is another file.
            return Ok(if is_read { Page { more: true, at: 0, after: part.last, ..page } } else { page });
        }
        let page = page_of(path, asked)?;
        // It may have been rotated since it was looked for.
        if page.begins.is_none() || parts::holding(path, after + 1)?.is_none() {
            return Ok(page);
        }
    }
}

fn page_of(path: &Path, asked: &Asked) -> io::Result<Page> {
    let mut file = File::open(path)?;
    let start = if goes_on(&mut file, asked)? { asked.at } else { 0 };
    file.seek(SeekFrom::Start(start))?;
    let after = if asked.after > asked.until { 0 } else { asked.after };
    let mut page = Page { after, at: start, ..Page::default() };
    let mut reader = BufReader::new(file);
    let (mut line, mut bytes, mut is_first) = (Vec::new(), 0, start == 0);
    while let Some(end) = read_line(&mut reader, &mut line)? {
        // A line that is being written is none yet.
        if end == LineEnd::Torn {
            break;
        }
        let number = chain::number(&line);
        if number.is_some_and(|number| number > asked.until) {
            break;
        }
        let is_over = page.lines.len() >= asked.limit || bytes >= PAGE_BYTES || page.at - start >= READ_BYTES;
        if is_over {
            page.more = true;
            break;
        }
        if let Some(first) = number.filter(|_| std::mem::take(&mut is_first)) {
            page.begins = Some(first).filter(|first| *first > after + 1);
        }
        page.at = reader.stream_position()?;
        // What has no number is as it is told: whoever checks the chain has to see it.
        if number.is_some_and(|number| number <= after) {
            continue;
        }
        page.after = number.unwrap_or(page.after);
        if !asked.credentials || line.windows(CREDENTIAL.len()).any(|part| part == CREDENTIAL) {
            bytes += line.len();
            page.lines.push(String::from_utf8_lossy(&line).into_owned());
        }
    }
    Ok(page)
}

/// Whether the line after the known one is at the place that is said for it.
fn goes_on(file: &mut File, asked: &Asked) -> io::Result<bool> {
    let length = file.metadata()?.len();
    if asked.at == 0 || asked.at > length || asked.after > asked.until {
        return Ok(false);
    }
    file.seek(SeekFrom::Start(asked.at - 1))?;
    let mut reader = BufReader::new(&mut *file).take(LINE_BYTES_MAX as u64);
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line)?;
    if line != b"\n" {
        return Ok(false);
    }
    line.clear();
    reader.read_until(b'\n', &mut line)?;
    match line.pop() {
        // At its end: as good as any other place, unless another file happens to be as long.
        None => Ok(asked.after == asked.until),
        Some(_) => Ok(chain::number(&line) == Some(asked.after + 1)),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::{Asked, Page, page};
    use crate::trail::chain::{Head, seal};

    /// Lines of a chain that goes on from `head`; every third is about a credential.
    fn lines(head: &mut Head, count: u64) -> Vec<u8> {
        let mut out = Vec::new();
        for _ in 0..count {
            let about = if (head.seq + 1).is_multiple_of(3) { ",\"credential\":{}" } else { "" };
            seal(format!("{{\"n\":\"\\\"credential\\\":{{\"{about}").as_bytes(), head, &mut out);
        }
        out
    }

    fn numbers(page: &Page) -> Vec<u64> {
        page.lines.iter().map(|line| super::chain::number(line.as_bytes()).unwrap()).collect()
    }

    #[test]
    fn pages_follow_each_other_over_a_rotation() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trail.log");
        let mut head = Head::genesis();
        std::fs::write(&path, lines(&mut head, 10)).unwrap();
        let asked = Asked { until: 10, limit: 4, ..Asked::default() };
        let first = page(&path, &asked).unwrap();
        assert_eq!((numbers(&first), first.more, first.begins), (vec![1, 2, 3, 4], true, None));
        let next = |before: &Page, until: u64| {
            page(&path, &Asked { after: before.after, at: before.at, until, limit: 100, ..Asked::default() }).unwrap()
        };
        let second = next(&first, 9);
        // The tenth is not durable yet.
        assert_eq!((numbers(&second), second.more), (vec![5, 6, 7, 8, 9], false));
        assert_eq!(numbers(&next(&second, 10)), [10]);
        // A place that is wrong is looked for.
        assert_eq!(numbers(&next(&Page { at: 3, ..second.clone() }, 10)), [10]);
        assert_eq!(numbers(&next(&Page { at: 1 << 40, ..second.clone() }, 10)), [10]);
        // The file goes on elsewhere: what lies between is told by where it begins.
        std::fs::write(&path, lines(&mut head, 5)).unwrap();
        let rotated = next(&second, 15);
        assert_eq!((numbers(&rotated), rotated.begins), (vec![11, 12, 13, 14, 15], Some(11)));
        let whole = next(&Page { after: 10, at: 12, ..Page::default() }, 15);
        assert_eq!((numbers(&whole), whole.begins), (vec![11, 12, 13, 14, 15], None));
        // A line that is being written, and one that is none.
        let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"no line\n{\"half\":").unwrap();
        let last = next(&whole, 15);
        assert_eq!((last.lines, last.after, last.more), (vec!["no line".to_owned()], 15, false));
        // A trail that began anew.
        let mut head = Head::genesis();
        std::fs::write(&path, lines(&mut head, 3)).unwrap();
        assert_eq!(numbers(&next(&whole, 3)), [1, 2, 3]);
    }

    #[test]
    fn who_asks_for_credentials_gets_no_other_lines_and_goes_on_behind_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trail.log");
        let mut head = Head::genesis();
        std::fs::write(&path, lines(&mut head, 10)).unwrap();
        let asked = Asked { until: 10, limit: 2, credentials: true, ..Asked::default() };
        let first = page(&path, &asked).unwrap();
        assert_eq!((numbers(&first), first.more), (vec![3, 6], true));
        let rest = page(&path, &Asked { after: first.after, at: first.at, ..asked }).unwrap();
        assert_eq!((numbers(&rest), rest.after, rest.more), (vec![9], 10, false));
        let none = page(&path, &Asked { after: rest.after, at: rest.at, ..asked }).unwrap();
        assert_eq!((none.lines, none.after, none.at), (Vec::new(), 10, rest.at));
    }
}
