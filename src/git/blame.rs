//! Since which commit a line is there.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use git2::{BlameOptions, Oid, Repository};

use super::error::Error;
use super::repository::{canonical, inside, open};

/// The commit that brought a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blamed {
    /// Its full hash.
    pub commit: String,
    /// When it was written, in seconds since 1970.
    pub time: i64,
    /// Who wrote it.
    pub author: String,
    /// The first line of its message.
    pub summary: String,
    /// A shallow clone's history starts with this commit, so the line may be older.
    pub is_boundary: bool,
}

/// Since which commit a line (from 1) of a file is there; `file` is relative to `directory`. `None` for a line that
/// is not committed, a file that git does not know, and outside git.
///
/// # Errors
/// [`Error`], if there is a repository and it can't be read.
pub fn blame(directory: &Path, file: &str, line: u32) -> Result<Option<Blamed>, Error> {
    Blamer::new(directory)?.line(file, line)
}

/// Answers for many lines; each file is blamed once.
pub struct Blamer {
    directory: PathBuf,
    repository: Option<Repository>,
    /// The commit whose lines are meant; without one, those of the files as they stand.
    commit: Option<Oid>,
    files: HashMap<String, Vec<Hunk>>,
    commits: HashMap<Oid, Blamed>,
}

/// Lines next to each other that one commit brought.
struct Hunk {
    /// The first line, from 1.
    first: usize,
    lines: usize,
    commit: Oid,
}

impl Blamer {
    /// Of the files below a directory.
    ///
    /// # Errors
    /// [`Error`], if there is a repository and it can't be read.
    pub fn new(directory: &Path) -> Result<Self, Error> {
        let repository = open(directory)?;
        let directory = directory.to_owned();
        Ok(Self { directory, repository, commit: None, files: HashMap::new(), commits: HashMap::new() })
    }

    /// Of the files below a directory as they are in a commit, named by its full hash.
    ///
    /// # Errors
    /// [`Error`], if there is a repository and it can't be read.
    pub fn at(directory: &Path, commit: &str) -> Result<Self, Error> {
        let commit = Oid::from_str(commit).map_err(|source| Error::git(directory, source))?;
        Ok(Self { commit: Some(commit), ..Self::new(directory)? })
    }

    /// As [`blame`].
    ///
    /// # Errors
    /// As [`blame`].
    pub fn line(&mut self, file: &str, line: u32) -> Result<Option<Blamed>, Error> {
        let Some(repository) = &self.repository else { return Ok(None) };
        let failed = |source| Error::git(&self.directory, source);
        if !self.files.contains_key(file) {
            let hunks = hunks(repository, &self.directory, file, self.commit).map_err(failed)?;
            self.files.insert(file.to_owned(), hunks);
        }
        let line = line as usize;
        let hunks = self.files.get(file).map(Vec::as_slice).unwrap_or_default();
        let index = hunks.partition_point(|hunk| hunk.first <= line);
        let hunk = index.checked_sub(1).and_then(|index| hunks.get(index));
        let Some(hunk) = hunk.filter(|hunk| line < hunk.first + hunk.lines && !hunk.commit.is_zero()) else {
            return Ok(None);
        };
        if let Some(known) = self.commits.get(&hunk.commit) {
            return Ok(Some(known.clone()));
        }
        let commit = repository.find_commit(hunk.commit).map_err(failed)?;
        let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let blamed = Blamed {
            commit: commit.id().to_string(),
            time: commit.author().when().seconds(),
            author: lossy(commit.author().name_bytes()),
            summary: commit.summary_bytes().map(lossy).unwrap_or_default(),
            is_boundary: repository.is_shallow() && commit.parent_count() == 0,
        };
        self.commits.insert(hunk.commit, blamed.clone());
        Ok(Some(blamed))
    }
}

/// A file's hunks in the order of its lines; none when git does not know it.
fn hunks(repository: &Repository, directory: &Path, file: &str, commit: Option<Oid>) -> Result<Vec<Hunk>, git2::Error> {
    let file = Path::new(file);
    if !file.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Ok(Vec::new());
    }
    let on_disk = directory.join(file);
    let path = match repository.workdir().filter(|_| commit.is_none()) {
        None => inside(repository, directory).join(file),
        // What a link leads to has the lines.
        Some(root) => match canonical(&on_disk).strip_prefix(canonical(root)) {
            Ok(path) => path.to_owned(),
            Err(_) => return Ok(Vec::new()),
        },
    };
    let path: PathBuf = path.components().filter(|part| matches!(part, Component::Normal(_))).collect();
    let head = || repository.head().and_then(|head| head.peel_to_tree());
    let tree = match commit.map_or_else(head, |commit| repository.find_commit(commit)?.tree()) {
        Ok(tree) => tree,
        Err(error) if is_unborn(&error) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let committed = match tree.get_path(&path) {
        Ok(entry) if entry.kind() == Some(git2::ObjectType::Blob) => entry.id(),
        Ok(_) => return Ok(Vec::new()),
        Err(error) if error.code() == git2::ErrorCode::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut options = BlameOptions::new();
    options.use_mailmap(false);
    if let Some(commit) = commit {
        options.newest_commit(commit);
    }
    let of_commit = repository.blame_file(&path, Some(&mut options))?;
    let of_file;
    let mut blame = &of_commit;
    if let (false, Ok(text)) = (repository.is_bare() || commit.is_some(), std::fs::read(&on_disk))
        && repository.find_blob(committed)?.content() != text
    {
        of_file = of_commit.blame_buffer(&text)?;
        blame = &of_file;
    }
    let mut hunks: Vec<Hunk> = blame
        .iter()
        .map(|hunk| Hunk {
            first: hunk.final_start_line(),
            lines: hunk.lines_in_hunk(),
            commit: hunk.final_commit_id(),
        })
        .collect();
    hunks.sort_by_key(|hunk| hunk.first);
    Ok(hunks)
}

fn is_unborn(error: &git2::Error) -> bool {
    matches!(error.code(), git2::ErrorCode::UnbornBranch | git2::ErrorCode::NotFound)
}
