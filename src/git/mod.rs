//! What git knows of an estate: its commit, its files at other commits, and since when a line is there. The only
//! room that names git2.
//!
//! Nothing here writes: neither the checkout, nor the index, nor the object database.

mod blame;
mod commit;
mod error;
mod range;
mod repository;
mod tree;

use std::path::{Component, Path};

pub use blame::{Blamed, Blamer, blame};
pub use commit::commit;
pub use error::Error;
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

/// Which of these commits a checkout of `directory` is older than: the first of which the checked-out commit is an
/// ancestor. Commits that the repository does not have are passed over, as is all outside git.
///
/// # Errors
/// [`Error`], if there is a repository and it cannot be read.
pub fn newer<'a>(directory: &Path, commits: impl IntoIterator<Item = &'a str>) -> Result<Option<&'a str>, Error> {
    let Some(repository) = open(directory)? else { return Ok(None) };
    let Ok(head) = repository.head().and_then(|head| head.peel_to_commit()) else { return Ok(None) };
    for commit in commits {
        let hash = commit.split('-').next().unwrap_or_default();
        let Ok(oid) = git2::Oid::from_str(hash) else { continue };
        if repository.find_commit(oid).is_ok()
            && repository.graph_descendant_of(oid, head.id()).map_err(|source| Error::git(directory, source))?
        {
            return Ok(Some(commit));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
