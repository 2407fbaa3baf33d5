//! A directory on disk as an estate. The only file of this room that touches the disk; the rules are in `walk.rs`.
//!
//! A file's size is looked at before its bytes.

use std::convert::Infallible;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::problem::Problem;
use super::source::{Lookup, Source, Sources, Unread};
use super::walk::{self, FILE_BYTES_MAX, Found, Listed, Stop, Store, Walked, What, too_large};

/// Reads the declaration files (`*.hcl`, `*.yaml`, `*.yml`) below a directory. Hidden files and directories, and those
/// that `.leaseholdignore` names, are left out. A file that can't be read becomes a problem that [`super::load()`] reports with all others.
///
/// # Errors
/// The directory is not there, or it is past a limit as a whole.
pub fn read_directory(dir: &Path) -> Result<Sources, Vec<Problem>> {
    read_any(dir)?.ok_or_else(|| {
        vec![
            Problem::general(format!("{} holds no estate", dir.display()))
                .hint("an estate is a directory of *.hcl, *.yaml or *.yml files"),
        ]
    })
}

/// The same; `None` where there are no such files.
///
/// # Errors
/// As [`read_directory`], but for that.
pub fn read_any(dir: &Path) -> Result<Option<Sources>, Vec<Problem>> {
    let shown = dir.display().to_string();
    let general = |what: String| vec![Problem::general(what)];
    let root = std::fs::canonicalize(dir).map_err(|error| general(format!("can't open {shown}: {}", plain(&error))))?;
    if !root.is_dir() {
        return Err(vec![
            Problem::general(format!("{shown} is not a directory")).hint("name the directory that holds the estate"),
        ]);
    }
    let Walked { files, problems, ignored } =
        walk::walk(&mut Disk { root: &root }, &root, &shown).map_err(|stop| match stop {
            Stop::Limit(problem) => vec![*problem],
            Stop::Failed(never) => match never {},
        })?;
    if files.is_empty() && problems.is_empty() {
        return Ok(None);
    }
    let lookup = Lookup::new(move |name| walk::reference(&mut Disk { root: &root }, name));
    Ok(Some(Sources::of_tree(files, lookup, problems).without(ignored)))
}

/// A directory on disk.
struct Disk<'r> {
    /// Its path, without links.
    root: &'r Path,
}

impl Store for Disk<'_> {
    type Directory = PathBuf;
    type File = PathBuf;
    type Failure = Infallible;

    fn list(&mut self, directory: &PathBuf, most: usize) -> Result<Result<Vec<Listed<Self>>, String>, Infallible> {
        let entries =
            std::fs::read_dir(directory).and_then(|entries| entries.take(most).collect::<Result<Vec<_>, _>>());
        let listed = |entry: std::fs::DirEntry| {
            let name = entry.file_name();
            let what = match entry.file_type() {
                Ok(sort) if sort.is_symlink() => What::Link,
                Ok(sort) if sort.is_dir() => What::Directory(entry.path()),
                Ok(_) => What::File(entry.path()),
                Err(error) => What::Unknown(plain(&error)),
            };
            Listed { is_text: name.to_str().is_some(), name: name.to_string_lossy().into_owned(), what }
        };
        Ok(entries.map(|entries| entries.into_iter().map(listed).collect()).map_err(|error| plain(&error)))
    }

    fn follow(&mut self, path: &str) -> Result<Found<Self>, Infallible> {
        Ok(match std::fs::canonicalize(self.root.join(path)) {
            Ok(target) if !target.starts_with(self.root) => Found::Outside { directory: target.is_dir() },
            Ok(target) if target.is_dir() => Found::Directory,
            Ok(target) => Found::File(target),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Found::Missing,
            Err(error) => Found::Unknown(plain(&error)),
        })
    }

    fn read(&mut self, file: &PathBuf, name: &str) -> Result<Arc<Source>, Unread> {
        read_text(file).map(|text| Arc::new(Source::new(name, text)))
    }
}

/// One file's text, if it is a regular file, not too large, UTF-8 and without NUL bytes. A byte-order mark is
/// taken off.
pub(crate) fn read_text(path: &Path) -> Result<String, Unread> {
    let metadata = std::fs::metadata(path).map_err(|error| plain(&error))?;
    // Opening a pipe would wait for ever.
    if !metadata.is_file() {
        return Err("this is not a regular file".into());
    }
    if metadata.len() > FILE_BYTES_MAX {
        return Err(too_large().into());
    }
    let file = File::open(path).map_err(|error| plain(&error))?;
    let mut bytes = Vec::with_capacity(metadata.len() as usize);
    // It may have grown since its size was looked at.
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| plain(&error))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(too_large().into());
    }
    check_text(bytes)
}

/// A file's bytes as text: UTF-8 without NUL bytes. A byte-order mark is taken off.
pub(crate) fn check_text(bytes: Vec<u8>) -> Result<String, Unread> {
    if let Some(form) = other_form(&bytes) {
        let hint = "save it as UTF-8; Windows PowerShell's `>` and Out-File write UTF-16: `-Encoding utf8` does not";
        return Err(Unread::with_hint(format!("this file is {form}, and files are read as UTF-8"), hint));
    }
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        return Err(format!("this file holds a NUL byte, in {}", line_of(&bytes, at)).into());
    }
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let line = line_of(error.as_bytes(), error.utf8_error().valid_up_to());
        Unread::with_hint(format!("this file is not UTF-8: {line}"), "save it as UTF-8")
    })?;
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    Ok(text)
}

/// The encoding of a text that is not UTF-8: by its byte-order mark, or because every other byte of its beginning is
/// NUL, as in Latin text without one. Source: The Unicode Standard, section 23.8, "Byte Order Mark".
fn other_form(bytes: &[u8]) -> Option<&'static str> {
    const LOOK: usize = 64;
    let start = &bytes[..bytes.len().min(LOOK)];
    let nul_at =
        |odd: usize| start.len() >= 4 && start.iter().enumerate().all(|(at, byte)| (*byte == 0) == (at % 2 == odd));
    match start {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Some("UTF-32"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16"),
        _ if nul_at(0) || nul_at(1) => Some("UTF-16"),
        _ => None,
    }
}

fn line_of(bytes: &[u8], at: usize) -> String {
    format!("line {}", 1 + bytes[..at].iter().filter(|byte| **byte == b'\n').count())
}

/// An error of the system in plain words, without its number.
fn plain(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "it does not exist".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{check_text, read_directory};

    #[test]
    fn texts_must_be_texts() {
        let check = |bytes: &[u8]| check_text(bytes.to_vec()).map_err(|why| why.what);
        assert_eq!(check(b"\xef\xbb\xbfa = 1"), Ok("a = 1".to_owned()));
        assert_eq!(check(b"a\nb\0"), Err("this file holds a NUL byte, in line 2".to_owned()));
        assert_eq!(check(b"a\n\n\xff"), Err("this file is not UTF-8: line 3".to_owned()));
        for (bytes, form) in [
            (&b"\xff\xfe{\0}\0"[..], "UTF-16"),
            (b"\xfe\xff\0{\0}", "UTF-16"),
            (b"{\0}\0", "UTF-16"),
            (b"\0{\0}", "UTF-16"),
            (b"\xff\xfe\0\0{\0\0\0", "UTF-32"),
        ] {
            assert_eq!(check(bytes), Err(format!("this file is {form}, and files are read as UTF-8")), "{bytes:?}");
        }
    }

    #[test]
    fn references_stay_inside_the_root() {
        let dir = tempfile::tempdir().expect("a directory");
        let root = dir.path().canonicalize().expect("a path").join("estate");
        std::fs::create_dir(&root).expect("created");
        std::fs::write(dir.path().join("outside"), "x").expect("written");
        std::fs::write(root.join("in.json"), "{}").expect("written");
        std::os::unix::fs::symlink("../outside", root.join("link")).expect("linked");
        std::os::unix::fs::symlink("in.json", root.join("good")).expect("linked");
        std::fs::write(root.join("estate.hcl"), "").expect("written");
        let sources = read_directory(&root).expect("an estate");
        for name in ["../outside", "/etc/passwd", "a/../../outside", "link", "none", "", "."] {
            assert!(sources.reference(name).is_err(), "{name}");
        }
        for name in ["in.json", "./in.json", "good"] {
            let index = sources.reference(name).expect(name);
            assert_eq!(sources.get(index).expect(name).text, "{}");
        }
    }
}
