//! What git knows of an estate: its commit, its files at other commits, and since when a line is there. The only
//! room that names git2.
//!
//! Nothing here writes, neither the checkout, nor the index, nor the object database: but for the bare copy of a remote
//! (`mirror.rs`), which is ours alone.

mod blame;
mod commit;
mod error;
mod mirror;
mod range;
mod repository;
mod tree;

use std::path::{Component, Path};

pub use blame::{Blamed, Blamer, blame};
pub use commit::{Signed, commit, is_changed, is_on_branch, signature};
pub use error::Error;
pub use mirror::{Mirror, Remote};
pub use range::{Head, Range, Version, range};
pub use tree::{Tree, sources};

use self::repository::{inside, open};

/// Where `directory` is in its repository, with forward slashes; empty for the root.
///
/// # Errors
/// [`Error`], outside git too.
pub fn directory(directory: &Path) -> Result<String, Error> {
    let repository = open(directory)?.ok_or_else(|| Error::NoRepository { directory: directory.to_owned() })?;
    let inside = inside(&repository, directory);
    let parts = inside.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        _ => None,
    });
    Ok(parts.collect::<Vec<_>>().join("/"))
}

/// The same; empty outside git, where files stand for themselves.
///
/// # Errors
/// [`Error`].
pub fn directory_if_any(directory: &Path) -> Result<String, Error> {
    match self::directory(directory) {
        Err(Error::NoRepository { .. }) => Ok(String::new()),
        found => found,
    }
}

/// How the checked-out commit stands to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lineage {
    /// It came before the other.
    Older,
    /// Neither came before the other, as far as the repository tells: it may not have the other.
    Apart,
    /// The other is not in the repository, which is a shallow clone.
    Shallow,
}

/// How a checkout of `directory` stands to these commits, where it does not come after them. Nothing is told
/// outside git.
///
/// # Errors
/// [`Error`], if there is a repository and it cannot be read.
pub fn lineage<'a>(
    directory: &Path,
    commits: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<(&'a str, Lineage)>, Error> {
    let Some(repository) = open(directory)? else { return Ok(Vec::new()) };
    let Ok(head) = repository.head().and_then(|head| head.peel_to_commit()) else { return Ok(Vec::new()) };
    // How many commits each has that the other has not.
    let beyond =
        |commit| repository.graph_ahead_behind(commit, head.id()).map_err(|source| Error::git(directory, source));
    let mut found = Vec::new();
    for commit in commits {
        let hash = commit.split('-').next().unwrap_or_default();
        let Ok(oid) = git2::Oid::from_str(hash) else { continue };
        let lineage = match repository.find_commit(oid) {
            Ok(_) => match beyond(oid)? {
                (0, _) => continue,
                (_, 0) => Lineage::Older,
                _ => Lineage::Apart,
            },
            Err(_) if repository.is_shallow() => Lineage::Shallow,
            Err(_) => Lineage::Apart,
        };
        found.push((commit, lineage));
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
