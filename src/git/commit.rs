//! The commit that is checked out, and whether the estate's files are as it has them.

use std::path::{Component, Path};

use git2::{ErrorCode, Repository, Status, StatusOptions};

use super::error::Error;
use super::repository::{inside, open};

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
