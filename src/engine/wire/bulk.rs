//! A body that is larger than memory should hold: in a file that has no name, so that whatever happens to the process,
//! nothing of it is left.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// How the name ends of one that has one for a moment.
const ENDING: &str = ".passing";

/// Such a body, of a request or of an answer.
#[derive(Debug)]
pub(crate) struct Bulk {
    /// What is in it, from its beginning.
    pub(crate) file: File,
    /// How long it is.
    pub(crate) bytes: u64,
}

impl Bulk {
    /// A file in `directory` that has no name, mode 0600. Where a file system makes none without (`EOPNOTSUPP`; and
    /// systems besides Linux) it has `name`, which is nobody else's, for as long as it takes to lose it: a process that
    /// ends in between leaves it empty, for [`Bulk::sweep`]. Source: open(2), `O_TMPFILE`.
    ///
    /// # Errors
    /// If it can't be made.
    pub(crate) fn file(directory: &Path, name: &str) -> io::Result<File> {
        #[cfg(target_os = "linux")]
        match opening(OFlags::TMPFILE).open(directory) {
            Err(error) if is_not_had(&error) => {}
            made => return made,
        }
        let path = directory.join(format!("{name}{ENDING}"));
        let file = opening(OFlags::NOFOLLOW).create_new(true).open(&path)?;
        std::fs::remove_file(&path)?;
        Ok(file)
    }

    /// Removes what a process that was killed left in a directory that is this process's alone.
    ///
    /// # Errors
    /// If it can't be read, or something of it not be removed.
    pub(crate) fn sweep(directory: &Path) -> io::Result<()> {
        for entry in std::fs::read_dir(directory)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().ends_with(ENDING) && entry.file_type()?.is_file() {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

fn opening(flags: OFlags) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600).custom_flags(flags.bits().cast_signed());
    options
}

/// Whether a file system, or a kernel, has no files without names.
#[cfg(target_os = "linux")]
fn is_not_had(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(Errno::from_io_error(error), Some(Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOENT | Errno::INVAL))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Seek as _, Write as _};

    use super::Bulk;

    #[test]
    fn nothing_of_one_is_to_be_seen_and_what_was_left_is_swept() {
        let directory = tempfile::tempdir().unwrap();
        let mut file = Bulk::file(directory.path(), "name").unwrap();
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        file.write_all(b"body").unwrap();
        file.rewind().unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "body");
        for name in ["a.passing", "passing", "engine.db"] {
            std::fs::write(directory.path().join(name), "").unwrap();
        }
        std::fs::create_dir(directory.path().join("mine.passing")).unwrap();
        Bulk::sweep(directory.path()).unwrap();
        let mut left: Vec<_> =
            std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["engine.db", "mine.passing", "passing"]);
    }
}
