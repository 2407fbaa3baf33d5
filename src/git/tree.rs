//! An estate as a commit has it, read from the object database: the checkout is neither read nor changed.
//!
//! The rules and limits are those of every estate, in `estate/walk.rs`. Objects are kept by their ids, so that
//! two commits that share a file read it once and share its text.

use std::collections::{BTreeMap, HashMap};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use git2::{ObjectType, Oid, Repository};

use super::error::Error;
use super::repository::{inside, open};
use crate::estate::walk::{self, FILE_BYTES_MAX, Found, Listed, Stop, Walked, What, too_large};
use crate::estate::{Lookup, Source, Sources, Unread, check_text};

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
            Component::Normal(name) => Some(name.as_encoded_bytes().to_vec()),
            _ => None,
        });
        let estate: Vec<Vec<u8>> = names.collect();
        let mut objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        let root = objects.repository.find_commit(commit).map_err(failed)?.tree_id();
        let at = At { root, estate };
        let mut commits = Commit { objects: &mut objects, at: &at };
        let Some(directory) = commits.root().map_err(failed)? else { return Err(self.no_estate(revision)) };
        let walked = walk::walk(&mut commits, &directory, "the estate");
        let Walked { files, problems, ignored } = walked.map_err(|stop| match stop {
            Stop::Limit(problem) => Error::Estate { problems: vec![*problem] },
            Stop::Failed(Failure(error)) => failed(error),
        })?;
        if files.is_empty() && problems.is_empty() {
            return Err(self.no_estate(revision));
        }
        drop(objects);
        let objects = Arc::clone(&self.objects);
        let lookup = Lookup::new(move |name| {
            let mut objects = objects.lock().unwrap_or_else(PoisonError::into_inner);
            walk::reference(&mut Commit { objects: &mut objects, at: &at }, name)
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
    estate: Vec<Vec<u8>>,
}

/// An estate at a commit, with the objects that were read so far.
struct Commit<'o> {
    objects: &'o mut Objects,
    at: &'o At,
}

/// What git says.
struct Failure(git2::Error);

impl From<Failure> for Unread {
    fn from(failure: Failure) -> Self {
        failure.0.message().to_owned().into()
    }
}

impl walk::Store for Commit<'_> {
    type Directory = Oid;
    type File = Oid;
    type Failure = Failure;

    fn list(&mut self, directory: &Oid, most: usize) -> Result<Result<Vec<Listed<Self>>, String>, Failure> {
        let directory = self.objects.directory(*directory).map_err(Failure)?;
        let listed = directory.iter().take(most).map(|(name, item)| Listed {
            name: String::from_utf8_lossy(name).into_owned(),
            is_text: std::str::from_utf8(name).is_ok(),
            what: match item.entry_type {
                EntryType::Directory => What::Directory(item.id),
                EntryType::File => What::File(item.id),
                EntryType::Link => What::Link,
                EntryType::Submodule => What::Submodule,
            },
        });
        Ok(Ok(listed.collect()))
    }

    fn follow(&mut self, path: &str) -> Result<Found<Self>, Failure> {
        Ok(match self.objects.find(self.at, path.as_bytes()).map_err(Failure)? {
            Led::File(id) => Found::File(id),
            Led::Directory(_) => Found::Directory,
            Led::Outside { directory } => Found::Outside { directory },
            Led::Missing => Found::Missing,
        })
    }

    fn read(&mut self, file: &Oid, name: &str) -> Result<Arc<Source>, Unread> {
        self.objects.file(*file, name)
    }
}

impl Commit<'_> {
    /// The estate's own directory, if there is one.
    fn root(&mut self) -> Result<Option<Oid>, git2::Error> {
        Ok(match self.objects.find(self.at, b".")? {
            Led::Directory(id) => id,
            _ => None,
        })
    }
}

/// A repository with what was read of it.
struct Objects {
    repository: Repository,
    directories: HashMap<Oid, Arc<Directory>>,
    files: HashMap<Oid, Result<Arc<Source>, Unread>>,
}

type Directory = BTreeMap<Vec<u8>, Item>;

#[derive(Clone, Copy)]
struct Item {
    id: Oid,
    entry_type: EntryType,
}

/// What an entry of a tree is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum EntryType {
    Directory,
    File,
    Link,
    /// Another repository's commit: its files are not in this one.
    Submodule,
}

/// What a path leads to.
enum Led {
    File(Oid),
    /// None where another repository's files would be.
    Directory(Option<Oid>),
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
            let entry_type = match (entry.kind(), entry.filemode_raw() & 0o170_000) {
                (_, 0o120_000) => EntryType::Link,
                (Some(ObjectType::Tree), _) => EntryType::Directory,
                (Some(ObjectType::Blob), _) => EntryType::File,
                _ => EntryType::Submodule,
            };
            (entry.name_bytes().to_vec(), Item { id: entry.id(), entry_type })
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
            return Err(too_large());
        }
        Ok(database.read(id).map_err(failed)?.data().to_vec())
    }

    /// Follows a path that starts at the estate, over symbolic links, as the system would in a checkout.
    fn find(&mut self, at: &At, path: &[u8]) -> Result<Led, git2::Error> {
        let parts = |path: &[u8]| path.split(|byte| *byte == b'/').rev().map(<[u8]>::to_vec).collect::<Vec<_>>();
        let mut to_go = parts(path);
        to_go.extend(at.estate.iter().rev().cloned());
        let mut above: Vec<(Vec<u8>, Oid)> = Vec::new();
        let mut links = 0;
        while let Some(part) = to_go.pop() {
            match part.as_slice() {
                b"" | b"." => continue,
                b".." => {
                    if above.pop().is_none() {
                        return Ok(Led::Outside { directory: false });
                    }
                    continue;
                }
                _ => {}
            }
            let here = above.last().map_or(at.root, |(_, id)| *id);
            let Some(item) = self.directory(here)?.get(&part).copied() else { return Ok(Led::Missing) };
            match item.entry_type {
                EntryType::Directory => above.push((part, item.id)),
                EntryType::File if !to_go.is_empty() => return Ok(Led::Missing),
                EntryType::File if is_below(&above, &at.estate) => return Ok(Led::File(item.id)),
                EntryType::File => return Ok(Led::Outside { directory: false }),
                // A checkout has an empty directory there.
                EntryType::Submodule if to_go.iter().any(|part| !matches!(part.as_slice(), b"" | b".")) => {
                    return Ok(Led::Missing);
                }
                EntryType::Submodule if is_below(&above, &at.estate) => return Ok(Led::Directory(None)),
                EntryType::Submodule => return Ok(Led::Outside { directory: true }),
                EntryType::Link => {
                    links += 1;
                    match self.bytes(item.id) {
                        _ if links > LINKS_MAX => return Ok(Led::Missing),
                        // Where an absolute path leads depends on where the checkout is.
                        Ok(target) if target.starts_with(b"/") => return Ok(Led::Outside { directory: false }),
                        Ok(target) => to_go.extend(parts(&target)),
                        Err(_) => return Ok(Led::Missing),
                    }
                }
            }
        }
        let here = above.last().map_or(at.root, |(_, id)| *id);
        Ok(if is_below(&above, &at.estate) { Led::Directory(Some(here)) } else { Led::Outside { directory: true } })
    }
}

fn is_below(above: &[(Vec<u8>, Oid)], estate: &[Vec<u8>]) -> bool {
    above.len() >= estate.len() && above.iter().zip(estate).all(|((name, _), part)| name == part)
}
