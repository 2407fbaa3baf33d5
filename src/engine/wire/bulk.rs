//! A body that is larger than memory should hold: in a file that has no name, so that whatever happens to the process,
//! nothing of it is left.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// Such a body, of a request or of an answer.
#[derive(Debug)]
pub(crate) struct Bulk {
    /// What is in it, from its beginning.
    pub(crate) file: File,
    /// How long it is.
    pub(crate) bytes: u64,
}

impl Bulk {
    /// A file in `directory`, mode 0600, that loses its name at once. `name` is nobody else's.
    ///
    /// # Errors
    /// If it can't be made.
    pub(crate) fn file(directory: &Path, name: &str) -> io::Result<File> {
        let path = directory.join(format!("{name}.passing"));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path)?;
        std::fs::remove_file(&path)?;
        Ok(file)
    }
}
