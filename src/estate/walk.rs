//! The rules by which a tree of files is an estate, written once for every place that has such trees: a directory on
//! disk (`read.rs`), a commit (`git/tree.rs`).
//!
//! Whoever can send a merge request writes these files. So nothing is read that is not inside the estate, no link is
//! followed out of it, links to directories are not walked (they could make a circle), and there is a limit to
//! everything.

use std::path::Path;
use std::sync::Arc;

use super::ignore::{self, Ignore};
use super::problem::Problem;
use super::source::{NAMED_FROM_ROOT, Source, TREE_BYTES_MAX, Unread};

/// Bytes of one file.
pub(crate) const FILE_BYTES_MAX: u64 = 4 << 20;

/// Files of one tree.
const FILES_MAX: usize = 10_000;

/// Directories and files of every sort that are looked at.
const ENTRIES_MAX: usize = 200_000;

/// How deep directories may nest.
const DEPTH_MAX: usize = 32;

/// A place that has trees of files, at the root of one estate.
pub(crate) trait Store {
    /// A directory of it.
    type Directory;
    /// A file of it.
    type File;
    /// Why nothing more can be read of the whole place.
    type Failure: Into<Unread>;

    /// What is in a directory, in any order and at most `most` of it. The inner error is told of the directory.
    fn list(
        &mut self,
        directory: &Self::Directory,
        most: usize,
    ) -> Result<Result<Vec<Listed<Self>>, String>, Self::Failure>;

    /// Where a path from the estate's root leads, over links.
    fn follow(&mut self, path: &str) -> Result<Found<Self>, Self::Failure>;

    /// A file's text, within the limit of one file.
    fn read(&mut self, file: &Self::File, name: &str) -> Result<Arc<Source>, Unread>;
}

/// One entry of a directory.
pub(crate) struct Listed<S: Store + ?Sized> {
    /// Its name; what of it is no UTF-8 is replaced.
    pub(crate) name: String,
    /// Whether the name is UTF-8.
    pub(crate) is_text: bool,
    /// What it is.
    pub(crate) what: What<S>,
}

/// What an entry of a directory is, its link not followed.
pub(crate) enum What<S: Store + ?Sized> {
    /// A directory.
    Directory(S::Directory),
    /// A file, of any sort.
    File(S::File),
    /// A symbolic link.
    Link,
    /// The place of another repository, whose files are not in this one.
    Submodule,
    /// Nobody knows, and why.
    Unknown(String),
}

/// What a path leads to.
pub(crate) enum Found<S: Store + ?Sized> {
    /// A file in the estate.
    File(S::File),
    /// A directory in the estate.
    Directory,
    /// Something that is not in the estate: a directory, as far as that can be told, or something else.
    Outside {
        /// Whether it is a directory.
        directory: bool,
    },
    /// Nothing.
    Missing,
    /// Nobody knows, and why.
    Unknown(String),
}

/// What a walk found.
#[derive(Default)]
pub(crate) struct Walked {
    /// The declaration files, in the order of their names.
    pub(crate) files: Vec<Arc<Source>>,
    /// What is wrong.
    pub(crate) problems: Vec<Problem>,
    /// How many files and directories `.leaseholdignore` leaves out.
    pub(crate) ignored: usize,
}

/// Why a walk ends early.
pub(crate) enum Stop<F> {
    /// The estate is past a limit as a whole.
    Limit(Box<Problem>),
    /// Nothing can be read any more.
    Failed(F),
}

impl<F> Stop<F> {
    fn limit(what: String) -> Self {
        Self::Limit(Box::new(Problem::general(what)))
    }
}

/// Reads the declaration files below the root. Hidden files and directories, and those that `.leaseholdignore` names,
/// are left out. `shown` is what the estate is called.
///
/// # Errors
/// [`Stop`].
pub(crate) fn walk<S: Store>(store: &mut S, root: &S::Directory, shown: &str) -> Result<Walked, Stop<S::Failure>> {
    let mut walk = Walk { store, ignore: None, files: Vec::new(), problems: Vec::new(), entries: 0, ignored: 0 };
    walk.directory(root, "", 0, true)?;
    let Walk { mut files, mut problems, ignored, .. } = walk;
    files.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut read = Vec::with_capacity(files.len());
    let mut total = 0;
    for (name, file) in files {
        match store.read(&file, &name) {
            Ok(source) => {
                total += source.text.len() as u64;
                if total > TREE_BYTES_MAX {
                    return Err(Stop::limit(format!(
                        "the files of {shown} have more than {} MiB",
                        TREE_BYTES_MAX >> 20
                    )));
                }
                read.push(source);
            }
            Err(why) => problems.push(why.problem(&name)),
        }
    }
    Ok(Walked { files: read, problems, ignored })
}

/// The file that a declaration refers to by a path from the estate's root.
///
/// # Errors
/// There is none in the estate, or it can't be read.
pub(crate) fn reference<S: Store>(store: &mut S, path: &str) -> Result<Arc<Source>, Unread> {
    match store.follow(path).map_err(Into::into)? {
        Found::File(file) => store.read(&file, path),
        Found::Directory => Err("this is not a regular file".into()),
        Found::Outside { .. } => Err("this leads out of the estate through a symbolic link".into()),
        Found::Missing => Err(Unread::with_hint("there is no such file in the estate", NAMED_FROM_ROOT)),
        Found::Unknown(why) => Err(why.into()),
    }
}

/// What is said of a file with more bytes than it may have.
pub(crate) fn too_large() -> String {
    format!("this file has more than {} MiB", FILE_BYTES_MAX >> 20)
}

struct Walk<'s, S: Store> {
    store: &'s mut S,
    /// None before the root was listed.
    ignore: Option<Ignore>,
    files: Vec<(String, S::File)>,
    problems: Vec<Problem>,
    entries: usize,
    ignored: usize,
}

impl<S: Store> Walk<'_, S> {
    fn directory(
        &mut self,
        directory: &S::Directory,
        name: &str,
        depth: usize,
        is_text: bool,
    ) -> Result<(), Stop<S::Failure>> {
        let shown = if name.is_empty() { "." } else { name };
        if depth > DEPTH_MAX {
            self.problems.push(Problem::with_file(shown, format!("directories nest deeper than {DEPTH_MAX}")));
            return Ok(());
        }
        let most = ENTRIES_MAX + 1 - self.entries;
        let mut listed = match self.store.list(directory, most).map_err(Stop::Failed)? {
            Ok(listed) => listed,
            Err(why) => {
                self.problems.push(Problem::with_file(shown, format!("this directory can't be read: {why}")));
                return Ok(());
            }
        };
        self.entries += listed.len();
        if self.entries > ENTRIES_MAX {
            let problem = Problem::general(format!("the directory holds more than {ENTRIES_MAX} files"));
            return Err(Stop::Limit(Box::new(problem.hint("name a directory that holds the estate only"))));
        }
        if self.ignore.is_none() {
            self.ignore = Some(self.read_ignore(&listed));
        }
        listed.sort_by(|one, other| one.name.cmp(&other.name));
        for entry in listed.into_iter().filter(|entry| !entry.name.starts_with('.')) {
            let path = if name.is_empty() { entry.name.clone() } else { format!("{name}/{}", entry.name) };
            self.entry(Listed { is_text: is_text && entry.is_text, ..entry }, path, depth)?;
        }
        Ok(())
    }

    fn entry(&mut self, entry: Listed<S>, path: String, depth: usize) -> Result<(), Stop<S::Failure>> {
        let is_declaration = is_declaration(Path::new(&entry.name));
        let is_directory = matches!(entry.what, What::Directory(_) | What::Submodule);
        if self.ignore.as_ref().is_some_and(|ignore| ignore.matches(&path, is_directory)) {
            self.ignored += usize::from(is_declaration || is_directory);
            return Ok(());
        }
        match entry.what {
            What::Directory(directory) => self.directory(&directory, &path, depth + 1, entry.is_text),
            What::File(_) | What::Link if is_declaration && !entry.is_text => {
                self.problems
                    .push(Problem::with_file(&path, "the name of this file, or of a directory above it, is not UTF-8"));
                Ok(())
            }
            What::File(file) if is_declaration => self.file(path, file),
            What::Link => self.link(path, is_declaration),
            What::File(_) | What::Submodule => Ok(()),
            What::Unknown(why) => {
                self.problems.push(Problem::with_file(&path, why));
                Ok(())
            }
        }
    }

    fn link(&mut self, path: String, is_declaration: bool) -> Result<(), Stop<S::Failure>> {
        let what = match self.store.follow(&path).map_err(Stop::Failed)? {
            Found::File(file) if is_declaration => return self.file(path, file),
            Found::Directory => "this link leads to a directory; links to directories are not followed",
            Found::Outside { directory: true } => "this link leads out of the estate",
            Found::Outside { .. } | Found::Missing | Found::Unknown(_) if is_declaration => {
                "this link leads out of the estate, or nowhere"
            }
            Found::File(_) | Found::Outside { .. } | Found::Missing | Found::Unknown(_) => return Ok(()),
        };
        self.problems.push(Problem::with_file(&path, what));
        Ok(())
    }

    fn file(&mut self, path: String, file: S::File) -> Result<(), Stop<S::Failure>> {
        self.files.push((path, file));
        if self.files.len() > FILES_MAX {
            return Err(Stop::limit(format!("the estate has more than {FILES_MAX} files")));
        }
        Ok(())
    }

    /// What the estate leaves out, if it says so.
    fn read_ignore(&mut self, listed: &[Listed<S>]) -> Ignore {
        if !listed.iter().any(|entry| entry.name == ignore::NAME) {
            return Ignore::default();
        }
        match reference(self.store, ignore::NAME) {
            Ok(source) => Ignore::parse(&source.text, &mut self.problems),
            Err(why) => {
                self.problems.push(why.problem(ignore::NAME));
                Ignore::default()
            }
        }
    }
}

/// Whether a file of this name holds declarations.
pub(super) fn is_declaration(name: &Path) -> bool {
    name.extension().is_some_and(|ext| ext == "hcl" || ext == "yaml" || ext == "yml")
}
