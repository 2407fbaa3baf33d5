//! What git knows of an estate: its commit, its files at other commits, and since when a line is there. The only
//! room that names git2.
//!
//! Nothing here writes: neither the checkout, nor the index, nor the object database.

mod blame;
mod range;
mod tree;

use std::path::{Component, Path, PathBuf};

use git2::{ErrorCode, Repository, Status, StatusOptions};

pub use blame::{Blamed, Blamer, blame};
pub use range::{Head, Range, Version, range};
pub use tree::{Tree, sources};

use crate::estate::Problem;

/// Why git could not tell what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// git refuses repositories that somebody else may have prepared.
    #[error("the git repository at {} belongs to another user", directory.display())]
    Owner {
        /// Its work tree, as far as it is known.
        directory: PathBuf,
    },
    /// There is no repository.
    #[error("{} is not inside a git repository", directory.display())]
    NoRepository {
        /// The estate.
        directory: PathBuf,
    },
    /// A text that does not name a commit or a range of commits.
    #[error("{what}")]
    Revision {
        /// What is wrong with it.
        what: String,
        /// What to do next.
        hint: String,
    },
    /// The commit does not hold the estate.
    #[error("there is no estate at {} in {revision}", inside.display())]
    NoEstate {
        /// Where it would be, relative to the repository's root.
        inside: PathBuf,
        /// The revision, as it was asked for.
        revision: String,
    },
    /// An estate as a whole can't be read.
    #[error("the estate can't be read{}", first(problems))]
    Estate {
        /// What is wrong with it.
        problems: Vec<Problem>,
    },
    /// Anything else that git says.
    #[error("the git repository of {} could not be read: {}", directory.display(), source.message())]
    Git {
        /// The estate.
        directory: PathBuf,
        /// What git says.
        source: git2::Error,
    },
}

impl Error {
    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Owner { directory } => {
                format!("if you trust it: git config --global --add safe.directory {}", directory.display())
            }
            Self::NoRepository { .. } => "name the directory of an estate that is under git".to_owned(),
            Self::Revision { hint, .. } => hint.clone(),
            Self::NoEstate { .. } => "name the estate's directory, or a commit that has it".to_owned(),
            Self::Estate { problems } => problems.first().and_then(|problem| problem.hint.clone()).unwrap_or_default(),
            Self::Git { .. } => "check it with `git status`".to_owned(),
        }
    }

    fn git(directory: &Path, source: git2::Error) -> Self {
        Self::Git { directory: directory.to_owned(), source }
    }
}

fn first(problems: &[Problem]) -> String {
    problems.first().map(|problem| format!(": {}", problem.what)).unwrap_or_default()
}

/// The repository that holds `directory`, which need not exist any more: the nearest one that does is asked.
/// `None` outside git.
fn open(directory: &Path) -> Result<Option<Repository>, Error> {
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
fn inside(repository: &Repository, directory: &Path) -> PathBuf {
    let existing = directory.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
    let rest = directory.strip_prefix(existing).unwrap_or(directory);
    // In a bare repository, what stands behind its own directory is a path in its trees.
    let root = canonical(repository.workdir().unwrap_or_else(|| repository.path()));
    let inside = canonical(existing).strip_prefix(root).map(Path::to_owned).unwrap_or_default();
    if rest.as_os_str().is_empty() { inside } else { inside.join(rest) }
}

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

/// The commit of the repository that holds `directory`: its full hash, with `-dirty` if any of the estate's
/// files there differs from it. `None` outside git, and before the first commit.
///
/// The estate's files are HCL, YAML and JSON; nothing under a hidden directory is one.
///
/// # Errors
/// [`Error`], if there is a repository and it cannot be read.
pub fn commit(directory: &Path) -> Result<Option<String>, Error> {
    let failed = |source: git2::Error| Error::git(directory, source);
    let Some(repository) = open(directory)? else { return Ok(None) };
    if repository.is_bare() {
        return Ok(None);
    }
    let commit = match repository.head() {
        Ok(head) => head.peel_to_commit().map_err(failed)?,
        Err(error) if matches!(error.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let inside = inside(&repository, directory);
    let dirty = is_dirty(&repository, &inside).map_err(failed)?;
    Ok(Some(format!("{}{}", commit.id(), if dirty { "-dirty" } else { "" })))
}

fn is_dirty(repository: &Repository, inside: &Path) -> Result<bool, git2::Error> {
    let mut options = StatusOptions::new();
    options.include_untracked(true).recurse_untracked_dirs(true).exclude_submodules(true);
    if !inside.as_os_str().is_empty() {
        options.disable_pathspec_match(true).pathspec(inside);
    }
    let statuses = repository.statuses(Some(&mut options))?;
    Ok(statuses.iter().any(|entry| {
        entry.status() != Status::CURRENT
            && !entry.status().is_ignored()
            && std::str::from_utf8(entry.path_bytes())
                .is_ok_and(|path| Path::new(path).strip_prefix(inside).is_ok_and(is_estate_file))
    }))
}

fn is_estate_file(path: &Path) -> bool {
    let hidden = path
        .components()
        .any(|part| matches!(part, Component::Normal(name) if name.as_encoded_bytes().starts_with(b".")));
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    !hidden && matches!(extension, "hcl" | "yaml" | "yml" | "json")
}

fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// The nearest directory above that has a `.git`; git does not tell which one it refused.
fn owner_directory(directory: &Path) -> PathBuf {
    let directory = canonical(directory);
    directory.ancestors().find(|path| path.join(".git").exists()).unwrap_or(&directory).to_owned()
}

#[cfg(test)]
mod tests;
