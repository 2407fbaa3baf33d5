//! Files that are there whole or not at all, whenever the process is killed or the power fails, and directories that
//! are there for good.
//!
//! The new text goes into `<name>.new` beside the file and is flushed; then it takes the name, and the directory is
//! flushed. A kill before that leaves the old file, and at most a `.new` that the next writer removes. Whatever the
//! program keeps in a file of its own, apart from the store and the trail, which append, is written here.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// A new text of a file, flushed, that does not have the file's name yet. Dropped, it leaves the `.new` behind.
#[derive(Debug)]
pub(crate) struct Fresh {
    path: PathBuf,
    // Holds the lock that keeps another writer from taking the `.new` for a leftover.
    file: File,
}

impl Fresh {
    /// Writes the new text of `path`, with mode 0600.
    pub(crate) fn write(path: &Path, text: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<Self> {
        let mut file = make(&beside(path))?;
        let written = text(&mut file).and_then(|()| file.sync_all());
        let fresh = Self { path: path.to_owned(), file };
        if let Err(error) = written {
            // No whole text: it is of no use to anybody.
            let _ = std::fs::remove_file(beside(path));
            return Err(error);
        }
        Ok(fresh)
    }

    /// The new text that an earlier process left without its name; none where there is none.
    pub(crate) fn left_behind(path: &Path) -> io::Result<Option<Self>> {
        match OpenOptions::new().read(true).custom_flags(flags()).open(beside(path)) {
            Ok(file) => Ok(Some(Self { path: path.to_owned(), file })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads what was left behind, up to `limit` bytes.
    pub(crate) fn read(&self, limit: u64, into: &mut String) -> io::Result<usize> {
        (&self.file).take(limit).read_to_string(into)
    }

    /// Gives the text its name; it is what is there from now on.
    pub(crate) fn put(self) -> io::Result<()> {
        std::fs::rename(beside(&self.path), &self.path)?;
        sync_parent(&self.path)
    }
}

/// Replaces the text of a file (mode 0600), or makes it: the whole new text, or what was there before. A symbolic
/// link is replaced itself.
pub(crate) fn replace(path: &Path, text: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    Fresh::write(path, text)?.put()
}

/// Makes a directory with those above it, each with mode 0700 and durable.
pub(crate) fn directory(path: &Path) -> io::Result<()> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        directory(parent)?;
    }
    match std::fs::DirBuilder::new().mode(0o700).create(path) {
        // Somebody else was quicker.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made.and_then(|()| sync_parent(path)),
    }
}

/// Makes durable what was written below a directory, all of it at once: for many files that are new. Elsewhere than on Linux,
/// when the system comes to it.
pub(crate) fn flush(directory: &Path) -> io::Result<()> {
    let directory = File::open(directory)?;
    #[cfg(target_os = "linux")]
    rustix::fs::syncfs(&directory)?;
    directory.sync_all()
}

/// Makes the entry of a file in its directory durable.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().map_or_else(OsString::new, OsString::from);
    name.push(".new");
    path.with_file_name(name)
}

fn flags() -> i32 {
    // A pipe that somebody put there must not hold us up.
    (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed()
}

/// Makes a file that was not there, and locks it.
fn make(path: &Path) -> io::Result<File> {
    loop {
        match OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).custom_flags(flags()).open(path) {
            Ok(file) => {
                file.lock()?;
                // Before it was locked, another writer may have taken it for a leftover.
                if is_at(&file, path)? {
                    return Ok(file);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => remove_leftover(path)?,
            Err(error) => return Err(error),
        }
    }
}

/// Removes what a killed writer left; waits for one that is alive.
fn remove_leftover(path: &Path) -> io::Result<()> {
    match OpenOptions::new().read(true).custom_flags(flags()).open(path) {
        Ok(file) => {
            file.lock()?;
            if is_at(&file, path)? { std::fs::remove_file(path) } else { Ok(()) }
        }
        // It has got its name meanwhile.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match std::fs::symlink_metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, Write};
    use std::os::unix::fs::PermissionsExt;

    use super::{Fresh, directory, replace};

    #[test]
    fn a_text_that_is_not_whole_never_has_the_name() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("f");
        replace(&path, |file| file.write_all(b"old")).unwrap();
        let half = replace(&path, |file| file.write_all(b"ne").and(Err(Error::other("full"))));
        assert_eq!(half.unwrap_err().to_string(), "full");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn what_a_killed_writer_left_is_removed_and_never_written_into() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("f");
        drop(Fresh::write(&path, |file| file.write_all(b"left")).unwrap());
        assert!(!path.exists());
        let left = home.path().join("f.new");
        // Somebody else may have opened it meanwhile, or made it readable.
        std::fs::set_permissions(&left, std::fs::Permissions::from_mode(0o644)).unwrap();
        replace(&path, |file| file.write_all(b"new")).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!left.exists());
    }

    #[test]
    fn writers_at_once_leave_one_whole_text() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("f");
        std::thread::scope(|scope| {
            for n in 0..8 {
                let path = &path;
                scope.spawn(move || {
                    for _ in 0..20 {
                        replace(path, |file| file.write_all(format!("{n}").repeat(1000).as_bytes())).unwrap();
                    }
                });
            }
        });
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.len(), 1000);
        assert!(text.bytes().all(|byte| byte == text.as_bytes()[0]));
    }

    #[test]
    fn directories_are_made_for_their_owner_alone() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a/b/c");
        directory(&path).unwrap();
        directory(&path).unwrap();
        for made in [&path, &home.path().join("a")] {
            assert_eq!(std::fs::metadata(made).unwrap().permissions().mode() & 0o777, 0o700);
        }
        std::fs::write(home.path().join("f"), "").unwrap();
        assert!(directory(&home.path().join("f")).is_err());
    }
}
