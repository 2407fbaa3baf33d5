//! The commit that is checked out, and whether the estate's files are as it has them.

use std::path::{Component, Path};

use git2::{ErrorCode, Repository, Status, StatusOptions};

use super::error::Error;
use super::repository::{inside, open};

/// What stands behind a commit whose files were changed.
const CHANGED: &str = "-dirty";

/// The commit of the repository that holds `directory`: its full hash, with `-dirty` if any of the estate's
/// files there differs from it. Of a bare repository it is the commit of its `HEAD`. `None` outside git, and before the
/// first commit.
///
/// The estate's files are HCL, YAML and JSON; nothing under a hidden directory is one.
///
/// # Errors
/// [`Error`], if there is a repository and it cannot be read.
pub fn commit(directory: &Path) -> Result<Option<String>, Error> {
    let failed = |source: git2::Error| Error::git(directory, source);
    let Some(repository) = open(directory)? else { return Ok(None) };
    let commit = match repository.head() {
        Ok(head) => head.peel_to_commit().map_err(failed)?,
        Err(error) if matches!(error.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let inside = inside(&repository, directory);
    let dirty = !repository.is_bare() && is_dirty(&repository, &inside).map_err(failed)?;
    Ok(Some(format!("{}{}", commit.id(), if dirty { CHANGED } else { "" })))
}

/// Whether files were changed since the commit that [`commit`] tells.
pub fn is_changed(commit: &str) -> bool {
    commit.ends_with(CHANGED)
}

/// Whether a branch of this name is checked out, or a commit without a branch that a remote's branch of this name is at:
/// so some CI checks out. False outside git.
///
/// # Errors
/// [`Error`], if there is a repository and it cannot be read.
pub fn is_on_branch(directory: &Path, name: &str) -> Result<bool, Error> {
    let failed = |source: git2::Error| Error::git(directory, source);
    let Some(repository) = open(directory)? else { return Ok(false) };
    let head = match repository.head() {
        Ok(head) => head,
        Err(error) if matches!(error.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => return Ok(false),
        Err(error) => return Err(failed(error)),
    };
    if head.is_branch() {
        return Ok(head.name_bytes() == format!("refs/heads/{name}").as_bytes());
    }
    let remotes = repository.remotes().map_err(failed)?;
    Ok(remotes.iter().flatten().flatten().any(|remote| {
        let tip = repository.refname_to_id(&format!("refs/remotes/{remote}/{name}"));
        tip.is_ok_and(|tip| head.target() == Some(tip))
    }))
}

/// A signature of the commit that is checked out, and the text that it is of.
#[derive(Debug)]
pub struct Signed {
    /// The signature, as git keeps it.
    pub signature: String,
    /// The commit without it.
    pub text: Vec<u8>,
}

/// How the commit that is checked out is signed; `None` if it is not, or there is none.
///
/// # Errors
/// [`Error`], if there is a repository and it cannot be read.
pub fn signature(directory: &Path) -> Result<Option<Signed>, Error> {
    let failed = |source: git2::Error| Error::git(directory, source);
    let Some(repository) = open(directory)? else { return Ok(None) };
    let Ok(commit) = repository.head().and_then(|head| head.peel_to_commit()) else { return Ok(None) };
    match repository.extract_signature(&commit.id(), None) {
        Ok((signature, text)) => {
            let signature = String::from_utf8_lossy(&signature).into_owned();
            Ok(Some(Signed { signature, text: text.to_vec() }))
        }
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(failed(error)),
    }
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
