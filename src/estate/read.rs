//! A directory tree to sources, within limits. The only file of this room that touches the disk.
//!
//! Whoever can send a merge request writes these files, so nothing is read that is not inside the root, no
//! symbolic link is followed out of it, and a file's size is looked at before its bytes.

use std::fs::File;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::ignore::{self, Ignore};
use super::problem::Problem;
use super::source::{Root, Source, Sources, Unread};

/// Bytes of one file.
pub(crate) const FILE_BYTES_MAX: u64 = 4 << 20;

/// Bytes of all files together.
pub(crate) const TREE_BYTES_MAX: u64 = 64 << 20;

/// Files of one tree.
pub(crate) const FILES_MAX: usize = 10_000;

/// Directories and files of every sort that are looked at.
pub(crate) const ENTRIES_MAX: usize = 200_000;

/// How deep directories may nest.
pub(crate) const DEPTH_MAX: usize = 32;

/// Reads the declaration files (`*.hcl`, `*.yaml`, `*.yml`) below a directory. Hidden files and directories, and those
/// that `.leaseholdignore` names, are left out. A file that can't be read becomes a problem that [`super::load`] reports with all others.
///
/// # Errors
/// The directory is not there, or it is past a limit as a whole.
pub fn read_directory(dir: &Path) -> Result<Sources, Vec<Problem>> {
    let shown = dir.display().to_string();
    let general = |what: String| vec![Problem::general(what)];
    let root = std::fs::canonicalize(dir).map_err(|error| general(format!("can't open {shown}: {}", plain(&error))))?;
    if !root.is_dir() {
        return Err(vec![
            Problem::general(format!("{shown} is not a directory")).hint("name the directory that holds the estate"),
        ]);
    }
    let mut problems = Vec::new();
    let ignore = ignored(&root, &mut problems);
    let mut walk = Walk { root: root.clone(), ignore, paths: Vec::new(), problems, entries: 0, ignored: 0 };
    walk.directory(&root, 0).map_err(|problem| vec![problem])?;
    walk.paths.sort();
    if walk.paths.is_empty() && walk.problems.is_empty() {
        return Err(vec![
            Problem::general(format!("{shown} holds no estate"))
                .hint("an estate is a directory of *.hcl, *.yaml or *.yml files"),
        ]);
    }
    let mut total = 0;
    let mut files = Vec::with_capacity(walk.paths.len());
    for name in walk.paths {
        match read_text(&root.join(&name), FILE_BYTES_MAX) {
            Ok(text) => {
                total += text.len() as u64;
                if total > TREE_BYTES_MAX {
                    return Err(general(format!("the files of {shown} have more than {} MiB", TREE_BYTES_MAX >> 20)));
                }
                files.push(Arc::new(Source::new(&name, text)));
            }
            Err(why) => walk.problems.push(why.problem(&name)),
        }
    }
    Ok(Sources::with_files(Root::Directory(root), files, walk.problems).without(walk.ignored))
}

/// What the estate's directory leaves out.
fn ignored(root: &Path, problems: &mut Vec<Problem>) -> Ignore {
    if std::fs::symlink_metadata(root.join(ignore::NAME)).is_err() {
        return Ignore::default();
    }
    match read_reference(&Root::Directory(root.to_owned()), ignore::NAME, 0) {
        Ok(source) => Ignore::parse(&source.text, problems),
        Err(why) => {
            problems.push(why.problem(ignore::NAME));
            Ignore::default()
        }
    }
}

/// Whether a file of this name holds declarations.
pub(crate) fn is_declaration(name: &Path) -> bool {
    name.extension().is_some_and(|ext| ext == "hcl" || ext == "yaml" || ext == "yml")
}

struct Walk {
    root: PathBuf,
    ignore: Ignore,
    /// Names relative to the root, with forward slashes.
    paths: Vec<String>,
    problems: Vec<Problem>,
    entries: usize,
    ignored: usize,
}

impl Walk {
    fn directory(&mut self, dir: &Path, depth: usize) -> Result<(), Problem> {
        let name = self.name(dir);
        if depth > DEPTH_MAX {
            self.problems.push(Problem::with_file(&name, format!("directories nest deeper than {DEPTH_MAX}")));
            return Ok(());
        }
        let entries = match std::fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(error) => {
                let what = format!("this directory can't be read: {}", plain(&error));
                self.problems.push(Problem::with_file(&name, what));
                return Ok(());
            }
        };
        for entry in entries {
            self.entries += 1;
            if self.entries > ENTRIES_MAX {
                return Err(Problem::general(format!("the directory holds more than {ENTRIES_MAX} files"))
                    .hint("name a directory that holds the estate only"));
            }
            match entry {
                Ok(entry) => self.entry(&entry.path(), depth)?,
                Err(error) => self.problems.push(Problem::with_file(&name, plain(&error))),
            }
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, depth: usize) -> Result<(), Problem> {
        let file_name = path.file_name().unwrap_or_default();
        if file_name.as_encoded_bytes().starts_with(b".") {
            return Ok(());
        }
        let name = self.name(path);
        let is_declaration = is_declaration(path);
        let metadata = match std::fs::symlink_metadata(path) {
            Ok(metadata) => metadata,
            Err(error) => {
                self.problems.push(Problem::with_file(&name, plain(&error)));
                return Ok(());
            }
        };
        if self.ignore.matches(&name, metadata.is_dir()) {
            self.ignored += usize::from(is_declaration || metadata.is_dir());
            return Ok(());
        }
        if metadata.is_symlink() {
            // A link to a directory could make a cycle, so only links to files count.
            let target = std::fs::canonicalize(path);
            let outside = target.as_ref().map_or(true, |target| !target.starts_with(&self.root));
            let directory = target.is_ok_and(|target| target.is_dir());
            match (outside, directory) {
                (true, true) => self.problems.push(Problem::with_file(&name, "this link leads out of the estate")),
                (true, false) if is_declaration => {
                    self.problems.push(Problem::with_file(&name, "this link leads out of the estate, or nowhere"));
                }
                (false, true) => {
                    let what = "this link leads to a directory; links to directories are not followed";
                    self.problems.push(Problem::with_file(&name, what));
                }
                (false, false) if is_declaration => self.file(name)?,
                _ => {}
            }
            return Ok(());
        }
        if metadata.is_dir() {
            return self.directory(path, depth + 1);
        }
        if is_declaration { self.file(name) } else { Ok(()) }
    }

    fn file(&mut self, name: String) -> Result<(), Problem> {
        self.paths.push(name);
        if self.paths.len() > FILES_MAX {
            return Err(Problem::general(format!("the estate has more than {FILES_MAX} files")));
        }
        Ok(())
    }

    fn name(&self, path: &Path) -> String {
        let relative = path.strip_prefix(&self.root).unwrap_or(path);
        let parts: Vec<_> = relative.components().map(|part| part.as_os_str().to_string_lossy()).collect();
        if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
    }
}

/// One file's text, if it is a regular file, not too large, UTF-8 and without NUL bytes. A byte-order mark is
/// taken off.
fn read_text(path: &Path, bytes_max: u64) -> Result<String, Unread> {
    let metadata = std::fs::metadata(path).map_err(|error| plain(&error))?;
    // Opening a pipe would wait for ever.
    if !metadata.is_file() {
        return Err("this is not a regular file".into());
    }
    if metadata.len() > bytes_max {
        return Err(too_large(bytes_max).into());
    }
    let file = File::open(path).map_err(|error| plain(&error))?;
    let mut bytes = Vec::with_capacity(metadata.len() as usize);
    // It may have grown since its size was looked at.
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(|error| plain(&error))?;
    if bytes.len() as u64 > bytes_max {
        return Err(too_large(bytes_max).into());
    }
    check_text(bytes)
}

/// What is said of a file with more bytes than it may have.
pub(crate) fn too_large(bytes_max: u64) -> String {
    format!("this file has more than {} MiB", bytes_max >> 20)
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

/// The file that a declaration refers to by `name`, relative to the root.
///
/// # Errors
/// The name leads out of the root, or the file can't be read.
pub(super) fn read_reference(root: &Root, name: &str, bytes_so_far: u64) -> Result<Arc<Source>, Unread> {
    if name.is_empty() || name.contains('\0') {
        return Err("this is not the name of a file".into());
    }
    let path = Path::new(name);
    if !path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err("this leads out of the estate".into());
    }
    let new = |text: String| Arc::new(Source::new(name, text));
    let missing = |what: &str| Unread::with_hint(what, "a file is named relative to the estate's directory");
    let too_many = format!("the files of the estate have more than {} MiB", TREE_BYTES_MAX >> 20);
    let directory = match root {
        Root::Memory(texts) => {
            return texts.get(name).cloned().map(new).ok_or_else(|| missing("there is no such file"));
        }
        Root::Tree(_) if bytes_so_far > TREE_BYTES_MAX => return Err(too_many.into()),
        Root::Tree(lookup) => {
            return lookup.find(name)?.ok_or_else(|| missing("there is no such file in the estate"));
        }
        Root::Directory(directory) => directory,
    };
    let full = std::fs::canonicalize(directory.join(path)).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => missing("there is no such file in the estate"),
        _ => plain(&error).into(),
    })?;
    if !full.starts_with(directory) {
        return Err("this leads out of the estate through a symbolic link".into());
    }
    if bytes_so_far > TREE_BYTES_MAX {
        return Err(too_many.into());
    }
    read_text(&full, FILE_BYTES_MAX).map(new)
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
    use super::{Root, check_text, read_reference};

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
        let root = Root::Directory(root);
        for name in ["../outside", "/etc/passwd", "a/../../outside", "link", "none", "", "."] {
            assert!(read_reference(&root, name, 0).is_err(), "{name}");
        }
        for name in ["in.json", "./in.json", "good"] {
            assert_eq!(read_reference(&root, name, 0).expect(name).text, "{}");
        }
    }
}
