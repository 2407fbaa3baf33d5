//! Which commit the estate's files are. The only file that names git2.

use std::path::{Component, Path, PathBuf};

use git2::{ErrorCode, Repository, Status, StatusOptions};

/// Why the commit is not known, though there is a repository.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// git refuses repositories that somebody else may have prepared.
    #[error("the git repository at {} belongs to another user", directory.display())]
    Owner {
        /// Its work tree, as far as it is known.
        directory: PathBuf,
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
            Self::Git { .. } => "check it with `git status`".to_owned(),
        }
    }
}

/// The commit of the repository that holds `directory`: its full hash, with `-dirty` if any of the estate's
/// files there differs from it. `None` outside git, and before the first commit.
///
/// The estate's files are HCL, YAML and JSON; nothing under a hidden directory is one.
///
/// # Errors
/// [`Error`], if there is a repository and it cannot be read.
pub fn commit(directory: &Path) -> Result<Option<String>, Error> {
    let failed = |source: git2::Error| Error::Git { directory: directory.to_owned(), source };
    let repository = match Repository::discover(directory) {
        Ok(repository) => repository,
        Err(error) if error.code() == ErrorCode::NotFound => return Ok(None),
        Err(error) if error.code() == ErrorCode::Owner => {
            return Err(Error::Owner { directory: owner_directory(directory) });
        }
        Err(error) => return Err(failed(error)),
    };
    let Some(root) = repository.workdir() else { return Ok(None) };
    let commit = match repository.head() {
        Ok(head) => head.peel_to_commit().map_err(failed)?,
        Err(error) if matches!(error.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let inside = canonical(directory).strip_prefix(canonical(root)).map(Path::to_owned).unwrap_or_default();
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
mod tests {
    use std::fs;
    use std::path::Path;

    use git2::{Repository, Signature};

    use super::commit;

    fn record(repository: &Repository) -> String {
        let mut index = repository.index().expect("index");
        index.add_all(["*"], git2::IndexAddOption::DEFAULT, None).expect("added");
        let tree = repository.find_tree(index.write_tree().expect("written")).expect("tree");
        index.write().expect("written");
        let who = Signature::now("a", "a@example.com").expect("signature");
        repository.commit(Some("HEAD"), &who, &who, "m", &tree, &[]).expect("committed").to_string()
    }

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, text).expect("written");
    }

    #[test]
    fn outside_git_and_before_the_first_commit_there_is_none() {
        let dir = tempfile::tempdir().expect("a directory");
        // A repository above the temporary directory would be found; make sure that there is none.
        if Repository::discover(dir.path()).is_err() {
            assert_eq!(commit(dir.path()).expect("read"), None);
        }
        Repository::init(dir.path()).expect("made");
        assert_eq!(commit(dir.path()).expect("read"), None);
    }

    #[test]
    fn only_the_estates_own_files_make_it_dirty() {
        let dir = tempfile::tempdir().expect("a directory");
        let repository = Repository::init(dir.path()).expect("made");
        write(dir.path(), "estate/a.hcl", "app \"a\" {}");
        write(dir.path(), "other/b.hcl", "");
        let hash = record(&repository);
        let estate = dir.path().join("estate");
        let (clean, dirty) = (Some(hash.clone()), Some(format!("{hash}-dirty")));
        assert_eq!(commit(&estate).expect("read"), clean);
        write(dir.path(), "other/b.hcl", "changed");
        write(dir.path(), "estate/README.md", "new");
        write(dir.path(), "estate/.leasehold/local/state.json", "{}");
        assert_eq!(commit(&estate).expect("read"), clean);
        write(dir.path(), "estate/iam/new.json", "{}");
        assert_eq!(commit(&estate).expect("read"), dirty);
        fs::remove_file(estate.join("iam/new.json")).expect("removed");
        fs::remove_file(estate.join("a.hcl")).expect("removed");
        assert_eq!(commit(&estate).expect("read"), dirty);
    }
}
