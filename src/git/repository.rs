//! The repository of a directory, and where in it the directory is.

use std::path::{Path, PathBuf};

use git2::{ErrorCode, Repository};

use super::error::Error;

/// The repository that holds `directory`, which need not exist any more: the nearest one that does is asked.
/// `None` outside git.
pub(super) fn open(directory: &Path) -> Result<Option<Repository>, Error> {
    let existing = directory.ancestors().find(|path| path.as_os_str().is_empty() || path.exists());
    let existing = existing.filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match Repository::discover(existing) {
        Ok(repository) => Ok(Some(repository)),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) if error.code() == ErrorCode::Owner => Err(Error::Owner { directory: owner_directory(directory) }),
        Err(error) => Err(Error::git(directory, error)),
    }
}

/// The path of `directory` relative to the root of its repository's files.
pub(super) fn inside(repository: &Repository, directory: &Path) -> PathBuf {
    let existing = directory.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
    let rest = directory.strip_prefix(existing).unwrap_or(directory);
    // In a bare repository, what stands behind its own directory is a path in its trees.
    let root = canonical(repository.workdir().unwrap_or_else(|| repository.path()));
    let inside = canonical(existing).strip_prefix(root).map(Path::to_owned).unwrap_or_default();
    if rest.as_os_str().is_empty() { inside } else { inside.join(rest) }
}

/// The path without links, where it is there.
pub(super) fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// The nearest directory above that has a `.git`; git does not tell which one it refused.
fn owner_directory(directory: &Path) -> PathBuf {
    let directory = canonical(directory);
    directory.ancestors().find(|path| path.join(".git").exists()).unwrap_or(&directory).to_owned()
}
