//! What is missing from a trail since its last line was noted down elsewhere.
//!
//! A chain shows every line that was changed or taken out but those at its end: who cuts the end off, or takes the
//! whole file away, leaves a chain that holds. So the engine keeps the last line's number and hash in its sealed
//! store, and the file must still have that very line, or begin just behind it.

use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom};
use std::path::PathBuf;

use super::chain::{self, Head, LineEnd};
use super::newline::newline_before;

/// The last line of a device's file, as it is noted down.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Noted {
    /// The file.
    pub path: PathBuf,
    /// The line.
    pub head: Head,
    /// The number of the last line before the file's first, if the file had none when it was opened: it was rotated.
    pub base: u64,
}

/// What is missing from the file, if anything is.
pub(super) fn loss(file: &mut File, noted: &Noted) -> std::io::Result<Option<String>> {
    let Head { seq, hash } = &noted.head;
    let mut end = file.seek(SeekFrom::End(0))?;
    if end == 0 {
        let missing = || format!("line {seq} with hash {hash} was written, and the file is new or empty");
        return Ok((*seq != noted.base).then(missing));
    }
    let mut line = Vec::new();
    let mut last = None;
    // From the end, because what was noted is near it.
    while end > 0 {
        let start = newline_before(file, end - 1)?.map_or(0, |newline| newline + 1);
        file.seek(SeekFrom::Start(start))?;
        let read = chain::read_line(&mut BufReader::new(&*file), &mut line)?;
        end = start;
        let (Some(LineEnd::Newline), Ok(link)) = (read, chain::read(&line)) else { continue };
        let last = *last.get_or_insert(link.head.seq);
        if link.head == noted.head {
            return Ok(None);
        }
        if link.head.seq == *seq {
            return Ok(Some(format!("line {seq} was written with hash {hash}, and there is another in its place")));
        }
        if link.head.seq < *seq {
            return Ok(Some(format!("line {seq} with hash {hash} was written, and the file ends with line {last}")));
        }
        if start == 0 && link.head.seq == seq + 1 && link.prev != *hash {
            return Ok(Some(format!("line {seq} was written with hash {hash}, and the file goes on from another one")));
        }
    }
    // It begins behind the noted line, which is in a file that was rotated away.
    Ok(None)
}

/// What is missing from the file of a line that was noted down, if anything is.
///
/// # Errors
/// If there is a file, and it can't be read.
pub fn missing(noted: &Noted) -> std::io::Result<Option<String>> {
    match File::open(&noted.path) {
        // A device that keeps nothing, such as `/dev/null`, has no line.
        Ok(file) if !file.metadata()?.is_file() => Ok(None),
        Ok(mut file) => loss(&mut file, noted),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Some("the file is not there".to_owned())),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{Noted, loss};
    use crate::trail::chain::{Head, seal};

    /// The lines of a chain, each with the head that it makes.
    fn chain(name: &str, lines: u64) -> Vec<(String, Head)> {
        let mut head = Head::genesis();
        let one = |n| {
            let mut out = Vec::new();
            seal(format!("{{\"{name}\":{n}").as_bytes(), &mut head, &mut out);
            (String::from_utf8(out).unwrap(), head.clone())
        };
        (1..=lines).map(one).collect()
    }

    fn look(path: &Path, lines: &[&str], head: &Head, base: u64) -> Option<String> {
        std::fs::write(path, lines.concat()).unwrap();
        let noted = Noted { path: PathBuf::new(), head: head.clone(), base };
        loss(&mut std::fs::File::open(path).unwrap(), &noted).unwrap()
    }

    #[test]
    fn every_cut_before_the_noted_line_is_seen_and_none_behind_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("t");
        let (chain, another) = (chain("a", 12), chain("b", 12));
        let lines: Vec<&str> = chain.iter().map(|(line, _)| line.as_str()).collect();
        let others: Vec<&str> = another.iter().map(|(line, _)| line.as_str()).collect();
        for noted in 1..=12 {
            let head = &chain[noted - 1].1;
            for end in 0..=12 {
                let found = look(&path, &lines[..end], head, 0);
                assert_eq!(found.is_some(), end < noted, "noted {noted}, cut behind {end}: {found:?}");
                let found = look(&path, &others[..end], head, 0);
                assert!(found.is_some(), "noted {noted}, {end} lines of another: {found:?}");
            }
            // Rotated: the file begins with the noted line, or anywhere behind it.
            for start in noted - 1..12 {
                assert_eq!(look(&path, &lines[start..], head, 0), None, "noted {noted}, from {start}");
            }
            assert_eq!(look(&path, &[], head, noted as u64), None, "rotated, and nothing written since");
        }
        assert!(look(&path, &others[2..], &chain[1].1, 0).unwrap().contains("goes on from another one"));
        let between = [lines[0], "garbage\n", lines[1], "\n", lines[2]];
        assert_eq!(look(&path, &between, &chain[1].1, 0), None);
    }
}
