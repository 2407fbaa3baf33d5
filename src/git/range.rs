//! Two sides of a change: `BASE..HEAD`, `BASE...HEAD`, or `BASE` and the files as they stand.

use std::path::Path;

use git2::{ErrorCode, Oid, Repository};

use super::commit::commit;
use super::error::Error;
use super::tree::Store;
use crate::estate::{Sources, read_directory};

/// What a change is between, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The revision before the change.
    pub base: String,
    /// What is after it.
    pub head: Head,
    /// `...`: the change starts at the last commit that both have in common, as in `git diff A...B`.
    pub merge_base: bool,
}

/// What is after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    /// A revision.
    Revision(String),
    /// The files of the estate's directory as they stand.
    Files,
}

/// One side of a change.
#[derive(Debug)]
pub struct Version {
    /// The estate's files; none when `missing`.
    pub sources: Sources,
    /// The side as it was asked for: `main`, `HEAD`, or `the files`.
    pub name: String,
    /// The commit's full hash. Of files as they stand it is the checkout's, with `-dirty` if they differ from it;
    /// `None` before the first commit.
    pub commit: Option<String>,
    /// The estate is not in this commit: everything on the other side is new.
    pub missing: bool,
}

impl Range {
    /// Reads a range as git writes it: `A..B`, `A...B`, `A..` (to `HEAD`), `..B` (from `HEAD`), or `A` alone for
    /// what the files as they stand change against `A`.
    ///
    /// # Errors
    /// The text is empty, or names something that could be taken for an option.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let or_head = |text: &str| if text.is_empty() { "HEAD".to_owned() } else { text.to_owned() };
        let (base, head, merge_base) = match (text.split_once("..."), text.split_once("..")) {
            (Some(("", "")), _) | (_, Some(("", ""))) => return Err(not_a_range(text)),
            (Some((base, head)), _) => (or_head(base), Head::Revision(or_head(head)), true),
            (None, Some((base, head))) => (or_head(base), Head::Revision(or_head(head)), false),
            (None, None) => (text.to_owned(), Head::Files, false),
        };
        check(&base)?;
        if let Head::Revision(head) = &head {
            check(head)?;
        }
        Ok(Self { base, head, merge_base })
    }
}

fn not_a_range(text: &str) -> Error {
    let hint = "write BASE..HEAD, such as origin/main..HEAD, or BASE for the files as they stand".to_owned();
    Error::Revision { what: format!("`{text}` is not a range of commits"), hint }
}

/// Refuses what is no revision whatever the repository holds.
fn check(revision: &str) -> Result<(), Error> {
    if revision.is_empty()
        || revision.starts_with('-')
        || revision.contains("..")
        || revision.contains(char::is_control)
    {
        let hint = "a revision is a branch, a tag, a commit's hash, or HEAD~1".to_owned();
        return Err(Error::Revision { what: format!("`{}` is not a revision", revision.escape_debug()), hint });
    }
    Ok(())
}

/// Both sides of a change to the estate at `directory`, read from git without touching the checkout. A base that
/// has no estate at that path yet is an empty side.
///
/// # Errors
/// [`Error`], with what to do about it.
pub fn range(directory: &Path, text: &str) -> Result<(Version, Version), Error> {
    let range = Range::parse(text)?;
    let store = Store::open(directory)?;
    let mut base = store.commit(&range.base)?;
    let mut base_name = range.base.clone();
    let head = match &range.head {
        Head::Files => files(&store)?,
        Head::Revision(revision) => {
            let head = store.commit(revision)?;
            if range.merge_base {
                base = store.merge_base(base, head, &range)?;
                base_name = format!("the merge base of {} and {revision}", range.base);
            }
            let tree = store.tree(head, revision)?;
            Version { sources: tree.sources, name: revision.clone(), commit: Some(tree.commit), missing: false }
        }
    };
    let base = match store.tree(base, &base_name) {
        Ok(tree) => Version { sources: tree.sources, name: base_name, commit: Some(tree.commit), missing: false },
        Err(Error::NoEstate { .. }) => {
            Version { sources: Sources::default(), name: base_name, commit: Some(base.to_string()), missing: true }
        }
        Err(error) => return Err(error),
    };
    Ok((base, head))
}

fn files(store: &Store) -> Result<Version, Error> {
    if store.with(|repository| Ok(repository.is_bare()))? {
        let hint = "name the commit to compare with: BASE..HEAD".to_owned();
        return Err(Error::Revision { what: "a bare repository has no files".to_owned(), hint });
    }
    let sources = read_directory(&store.directory).map_err(|problems| Error::Estate { problems })?;
    Ok(Version { sources, name: "the files".to_owned(), commit: commit(&store.directory)?, missing: false })
}

impl Store {
    /// The commit that a revision names.
    pub(super) fn commit(&self, revision: &str) -> Result<Oid, Error> {
        check(revision)?;
        self.with(|repository| {
            let object =
                repository.revparse_single(revision).map_err(|error| self.unknown(repository, revision, error))?;
            match object.peel_to_commit() {
                Ok(commit) => Ok(commit.id()),
                Err(_) => {
                    let what_it_is = object.kind().map_or("something", |kind| kind.str());
                    let what = format!("`{revision}` names a {what_it_is}, and not a commit");
                    Err(Error::Revision { what, hint: "name a branch, a tag, or a commit's hash".to_owned() })
                }
            }
        })
    }

    fn unknown(&self, repository: &Repository, revision: &str, error: git2::Error) -> Error {
        let (what, hint) = match error.code() {
            ErrorCode::NotFound | ErrorCode::UnbornBranch if repository.is_empty().unwrap_or(false) => {
                ("the repository has no commit yet".to_owned(), "commit the estate first".to_owned())
            }
            ErrorCode::NotFound | ErrorCode::UnbornBranch | ErrorCode::InvalidSpec => {
                (format!("the repository has no revision `{revision}`"), fetch_hint(repository))
            }
            ErrorCode::Ambiguous => {
                let hint = "write more of the hash, or refs/heads/NAME".to_owned();
                (format!("`{revision}` may be several revisions"), hint)
            }
            _ => return Error::git(&self.directory, error),
        };
        Error::Revision { what, hint }
    }

    fn merge_base(&self, base: Oid, head: Oid, range: &Range) -> Result<Oid, Error> {
        self.with(|repository| {
            repository.merge_base(base, head).map_err(|error| match error.code() {
                ErrorCode::NotFound => {
                    let what = format!("`{}` and the other side have no commit in common", range.base);
                    Error::Revision { what, hint: fetch_hint(repository) }
                }
                _ => Error::git(&self.directory, error),
            })
        })
    }
}

fn fetch_hint(repository: &Repository) -> String {
    if repository.is_shallow() {
        "this clone is shallow: `git fetch --unshallow`, in a CI job a checkout with its whole history".to_owned()
    } else {
        "it may not be here yet: `git fetch`".to_owned()
    }
}
