//! An estate as a commit has it, read from the object database: the checkout is neither read nor changed.
//!
//! The rules and limits are those of [`crate::estate::read_directory`]. Objects are kept by their ids, so that
//! two commits that share a file read it once and share its text.

use std::collections::{BTreeMap, HashMap};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use git2::{ObjectType, Oid, Repository};

use super::{Error, inside, open};
use crate::estate::ignore::{self, Ignore};
use crate::estate::{
    DIRECTORY_DEPTH_MAX, ENTRIES_MAX, FILE_BYTES_MAX, FILES_MAX, Lookup, Problem, Source, Sources, TREE_BYTES_MAX,
    Unread, check_text, is_declaration, too_large,
};

/// An estate at a commit.
#[derive(Debug)]
pub struct Tree {
    /// Its files.
    pub sources: Sources,
    /// The commit's full hash.
    pub commit: String,
}

/// The estate at `directory` as of a revision. `directory` is inside its repository, and need not exist in the
/// checkout; of a bare repository it is the repository's own path, with the estate's path behind it.
///
/// # Errors
/// [`Error`]: no repository, no such revision, no estate there.
pub fn sources(directory: &Path, revision: &str) -> Result<Tree, Error> {
    let store = Store::open(directory)?;
    let commit = store.commit(revision)?;
    store.tree(commit, revision)
}

/// How many symbolic links one path may lead over, as on Linux.
const LINKS_MAX: usize = 40;

/// A repository, and where the estate is in it.
pub(super) struct Store {
    pub(super) directory: PathBuf,
    pub(super) inside: PathBuf,
    objects: Arc<Mutex<Objects>>,
}

impl Store {
    pub(super) fn open(directory: &Path) -> Result<Self, Error> {
        let repository = open(directory)?.ok_or_else(|| Error::NoRepository { directory: directory.to_owned() })?;
        let inside = inside(&repository, directory);
        let objects = Objects { repository, directories: HashMap::new(), files: HashMap::new() };
        Ok(Self { directory: directory.to_owned(), inside, objects: Arc::new(Mutex::new(objects)) })
    }

    /// Does something with the repository itself.
    pub(super) fn with<T>(&self, action: impl FnOnce(&Repository) -> Result<T, Error>) -> Result<T, Error> {
        action(&self.objects.lock().unwrap_or_else(PoisonError::into_inner).repository)
    }

    /// The estate at a commit; `revision` is what the commit was asked for by.
    pub(super) fn tree(&self, commit: Oid, revision: &str) -> Result<Tree, Error> {
        let failed = |source| Error::git(&self.directory, source);
        let names = self.inside.components().filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
            _ => None,
        });
        let estate: Vec<String> = names.collect();
        let mut objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        let root = objects.repository.find_commit(commit).map_err(failed)?.tree_id();
        let at = At { root, estate };
        let Found::Directory(directory) = objects.find(&at, ".").map_err(failed)? else {
            return Err(self.no_estate(revision));
        };
        let mut problems = Vec::new();
        let ignore = match objects.find(&at, ignore::NAME).map_err(failed)? {
            Found::File(id) => objects.file(id, ignore::NAME).map(|source| Ignore::parse(&source.text, &mut problems)),
            _ => Ok(Ignore::default()),
        };
        let ignore = ignore.unwrap_or_else(|why| {
            problems.push(why.problem(ignore::NAME));
            Ignore::default()
        });
        let mut walk =
            Walk { objects: &mut objects, at: &at, ignore, names: Vec::new(), problems, entries: 0, ignored: 0 };
        walk.directory(directory, "", 0).map_err(|stop| match stop {
            Stop::Problem(problem) => Error::Estate { problems: vec![*problem] },
            Stop::Git(error) => failed(error),
        })?;
        let Walk { mut names, mut problems, ignored, .. } = walk;
        if names.is_empty() && problems.is_empty() {
            return Err(self.no_estate(revision));
        }
        names.sort();
        let mut files = Vec::with_capacity(names.len());
        let mut total = 0;
        for (name, id) in names {
            match objects.file(id, &name) {
                Ok(source) => {
                    total += source.text.len() as u64;
                    if total > TREE_BYTES_MAX {
                        let mebibytes = TREE_BYTES_MAX >> 20;
                        let what = format!("the files of the estate have more than {mebibytes} MiB");
                        return Err(Error::Estate { problems: vec![Problem::general(what)] });
                    }
                    files.push(source);
                }
                Err(why) => problems.push(why.problem(&name)),
            }
        }
        drop(objects);
        let objects = Arc::clone(&self.objects);
        let lookup = Lookup::new(move |name| {
            let mut objects = objects.lock().unwrap_or_else(PoisonError::into_inner);
            match objects.find(&at, name).map_err(|error| Unread::from(error.message()))? {
                Found::File(id) => objects.file(id, name).map(Some),
                Found::Directory(_) => Err("this is not a regular file".into()),
                Found::Missing => Ok(None),
                Found::Outside { .. } => Err("this leads out of the estate through a symbolic link".into()),
            }
        });
        let sources = Sources::of_tree(files, lookup, problems).without(ignored);
        Ok(Tree { sources, commit: commit.to_string() })
    }

    fn no_estate(&self, revision: &str) -> Error {
        let inside = if self.inside.as_os_str().is_empty() { PathBuf::from(".") } else { self.inside.clone() };
        Error::NoEstate { inside, revision: revision.to_owned() }
    }
}

/// Where paths start: the commit's tree, and the names down to the estate.
struct At {
    root: Oid,
    estate: Vec<String>,
}

/// A repository with what was read of it.
struct Objects {
    repository: Repository,
    directories: HashMap<Oid, Arc<Directory>>,
    files: HashMap<Oid, Result<Arc<Source>, Unread>>,
}

type Directory = BTreeMap<String, Item>;

#[derive(Clone, Copy)]
struct Item {
    id: Oid,
    sort: Sort,
}

/// What an entry of a tree is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Directory,
    File,
    Link,
    /// Another repository's commit: its files are not in this one.
    Submodule,
}

/// What a path leads to.
enum Found {
    File(Oid),
    Directory(Oid),
    Missing,
    /// It leaves the estate, or the repository.
    Outside {
        directory: bool,
    },
}

impl Objects {
    fn directory(&mut self, id: Oid) -> Result<Arc<Directory>, git2::Error> {
        if let Some(known) = self.directories.get(&id) {
            return Ok(Arc::clone(known));
        }
        let tree = self.repository.find_tree(id)?;
        let items = tree.iter().map(|entry| {
            // Bits of the mode: the upper four say what it is, as in `struct stat`.
            let sort = match (entry.kind(), entry.filemode_raw() & 0o170_000) {
                (_, 0o120_000) => Sort::Link,
                (Some(ObjectType::Tree), _) => Sort::Directory,
                (Some(ObjectType::Blob), _) => Sort::File,
                _ => Sort::Submodule,
            };
            (String::from_utf8_lossy(entry.name_bytes()).into_owned(), Item { id: entry.id(), sort })
        });
        let directory = Arc::new(items.collect::<Directory>());
        self.directories.insert(id, Arc::clone(&directory));
        Ok(directory)
    }

    /// A file's text by a name, or why it has none.
    fn file(&mut self, id: Oid, name: &str) -> Result<Arc<Source>, Unread> {
        if let Some(known) = self.files.get(&id) {
            return match known {
                Ok(source) if &*source.name != name => Ok(Arc::new(source.renamed(name))),
                known => known.clone(),
            };
        }
        let read =
            self.bytes(id).map_err(Unread::from).and_then(check_text).map(|text| Arc::new(Source::new(name, text)));
        self.files.insert(id, read.clone());
        read
    }

    fn bytes(&self, id: Oid) -> Result<Vec<u8>, String> {
        let failed = |error: git2::Error| match error.code() {
            git2::ErrorCode::NotFound => {
                "its contents are not in this clone; a partial clone has them after `git fetch --refetch`".to_owned()
            }
            _ => error.message().to_owned(),
        };
        let database = self.repository.odb().map_err(failed)?;
        // The size is looked at before memory is taken.
        let (size, _) = database.read_header(id).map_err(failed)?;
        if size as u64 > FILE_BYTES_MAX {
            return Err(too_large(FILE_BYTES_MAX));
        }
        Ok(database.read(id).map_err(failed)?.data().to_vec())
    }

    /// Follows a path that starts at the estate, over symbolic links, as the system would in a checkout.
    fn find(&mut self, at: &At, path: &str) -> Result<Found, git2::Error> {
        let mut to_go: Vec<String> = at.estate.iter().cloned().chain(path.split('/').map(str::to_owned)).collect();
        to_go.reverse();
        let mut above: Vec<(String, Oid)> = Vec::new();
        let mut links = 0;
        while let Some(part) = to_go.pop() {
            match part.as_str() {
                "" | "." => continue,
                ".." => {
                    if above.pop().is_none() {
                        return Ok(Found::Outside { directory: false });
                    }
                    continue;
                }
                _ => {}
            }
            let here = above.last().map_or(at.root, |(_, id)| *id);
            let Some(item) = self.directory(here)?.get(&part).copied() else { return Ok(Found::Missing) };
            match item.sort {
                Sort::Directory => above.push((part, item.id)),
                Sort::File if !to_go.is_empty() => return Ok(Found::Missing),
                Sort::File if is_below(&above, &at.estate) => return Ok(Found::File(item.id)),
                Sort::File => return Ok(Found::Outside { directory: false }),
                Sort::Submodule => return Ok(Found::Missing),
                Sort::Link => {
                    links += 1;
                    let target = self.bytes(item.id).ok().and_then(|bytes| String::from_utf8(bytes).ok());
                    match target {
                        _ if links > LINKS_MAX => return Ok(Found::Missing),
                        // Where an absolute path leads depends on where the checkout is.
                        Some(target) if target.starts_with('/') => return Ok(Found::Outside { directory: false }),
                        Some(target) => to_go.extend(target.split('/').rev().map(str::to_owned)),
                        None => return Ok(Found::Missing),
                    }
                }
            }
        }
        let here = above.last().map_or(at.root, |(_, id)| *id);
        Ok(if is_below(&above, &at.estate) { Found::Directory(here) } else { Found::Outside { directory: true } })
    }
}

fn is_below(above: &[(String, Oid)], estate: &[String]) -> bool {
    above.len() >= estate.len() && above.iter().zip(estate).all(|((name, _), part)| name == part)
}

/// Why a walk ends early.
enum Stop {
    /// The estate is past a limit as a whole.
    Problem(Box<Problem>),
    Git(git2::Error),
}

impl From<git2::Error> for Stop {
    fn from(error: git2::Error) -> Self {
        Self::Git(error)
    }
}

struct Walk<'a> {
    objects: &'a mut Objects,
    at: &'a At,
    ignore: Ignore,
    /// Declaration files, relative to the estate.
    names: Vec<(String, Oid)>,
    problems: Vec<Problem>,
    entries: usize,
    ignored: usize,
}

impl Walk<'_> {
    fn directory(&mut self, id: Oid, name: &str, depth: usize) -> Result<(), Stop> {
        if depth > DIRECTORY_DEPTH_MAX {
            let what = format!("directories nest deeper than {DIRECTORY_DEPTH_MAX}");
            self.problems.push(Problem::with_file(name, what));
            return Ok(());
        }
        let directory = self.objects.directory(id)?;
        for (part, item) in directory.iter() {
            self.entries += 1;
            if self.entries > ENTRIES_MAX {
                let problem = Problem::general(format!("the directory holds more than {ENTRIES_MAX} files"));
                let problem = problem.hint("name a directory that holds the estate only");
                return Err(Stop::Problem(Box::new(problem)));
            }
            if part.starts_with('.') {
                continue;
            }
            let name = if name.is_empty() { part.clone() } else { format!("{name}/{part}") };
            if self.ignore.matches(&name, item.sort == Sort::Directory) {
                self.ignored += usize::from(item.sort == Sort::Directory || is_declaration(Path::new(part)));
                continue;
            }
            match item.sort {
                Sort::Directory => self.directory(item.id, &name, depth + 1)?,
                Sort::File if is_declaration(Path::new(part)) => self.file(name, item.id)?,
                Sort::Link => self.link(name)?,
                Sort::File | Sort::Submodule => {}
            }
        }
        Ok(())
    }

    /// The same rules as for a directory on disk.
    fn link(&mut self, name: String) -> Result<(), Stop> {
        let is_declaration = is_declaration(Path::new(&name));
        let what = match self.objects.find(self.at, &name)? {
            Found::File(id) if is_declaration => return self.file(name, id),
            Found::Directory(_) => "this link leads to a directory; links to directories are not followed",
            Found::Outside { directory: true } => "this link leads out of the estate",
            Found::Outside { .. } | Found::Missing if is_declaration => "this link leads out of the estate, or nowhere",
            Found::File(_) | Found::Outside { .. } | Found::Missing => return Ok(()),
        };
        self.problems.push(Problem::with_file(&name, what));
        Ok(())
    }

    fn file(&mut self, name: String, id: Oid) -> Result<(), Stop> {
        self.names.push((name, id));
        if self.names.len() > FILES_MAX {
            let problem = Problem::general(format!("the estate has more than {FILES_MAX} files"));
            return Err(Stop::Problem(Box::new(problem)));
        }
        Ok(())
    }
}
