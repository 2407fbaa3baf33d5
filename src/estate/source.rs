//! The texts of an estate, and places in them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::problem::Problem;
use crate::object::Place;

/// One text.
#[derive(Debug)]
pub struct Source {
    /// Its name: the path relative to the estate's root, with forward slashes.
    pub name: Arc<str>,
    /// Its text.
    pub text: String,
    /// Byte offsets at which lines start.
    lines: Vec<u32>,
}

impl Source {
    /// A text by its name. It must be shorter than 4 GiB.
    pub fn new(name: &str, text: String) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(0).chain(breaks.map(|(at, _)| at as u32 + 1)).collect();
        Self { name: Arc::from(name), text, lines }
    }

    /// The same text by another name.
    pub fn renamed(&self, name: &str) -> Self {
        Self { name: Arc::from(name), text: self.text.clone(), lines: self.lines.clone() }
    }

    /// Line and column, both from 1, of a byte offset.
    pub fn position(&self, offset: u32) -> (u32, u32) {
        let offset = offset.min(self.text.len() as u32);
        let line = self.lines.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = self.lines[line] as usize;
        let column = self.text.get(start..offset as usize).map_or(0, |text| text.chars().count());
        (line as u32 + 1, column as u32 + 1)
    }

    /// The byte offset at which a line (from 1) starts.
    pub(crate) fn line_start(&self, line: u32) -> usize {
        let index = (line.max(1) as usize - 1).min(self.lines.len() - 1);
        self.lines[index] as usize
    }
}

/// A range of bytes in one source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Span {
    /// Which source: an index of [`Sources`].
    pub(crate) source: u32,
    /// First byte.
    pub(crate) start: u32,
    /// One past the last byte.
    pub(crate) end: u32,
}

impl Span {
    /// A span from offsets as parsers tell them.
    pub(crate) fn new(source: u32, range: std::ops::Range<usize>) -> Self {
        Self { source, start: range.start as u32, end: range.end.max(range.start) as u32 }
    }
}

/// Why a file has no text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// What is wrong: lower case, no full stop.
    pub what: String,
    /// What to do about it.
    pub hint: Option<&'static str>,
}

impl Unread {
    /// What is wrong, and what to do about it.
    pub(crate) fn with_hint(what: impl Into<String>, hint: &'static str) -> Self {
        Self { what: what.into(), hint: Some(hint) }
    }

    /// As a problem with the file of this name.
    pub(crate) fn problem(self, name: &str) -> Problem {
        let problem = Problem::with_file(name, self.what);
        match self.hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }
}

impl From<String> for Unread {
    fn from(what: String) -> Self {
        Self { what, hint: None }
    }
}

impl From<std::convert::Infallible> for Unread {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

impl From<&str> for Unread {
    fn from(what: &str) -> Self {
        what.to_owned().into()
    }
}

/// All texts of an estate, and what could not be read.
#[derive(Debug, Default)]
pub struct Sources {
    /// The declaration files, in the order of their names.
    files: Vec<Arc<Source>>,
    /// Files that declarations refer to (`file:`), by name; read when they are first needed.
    referenced: Mutex<Referenced>,
    /// Where `file:` references are read.
    pub(super) root: Root,
    /// Files that are there and could not be read.
    pub(super) problems: Vec<Problem>,
    /// Bytes of all declaration files.
    pub(super) total_bytes: u64,
    /// How many files and directories `.leaseholdignore` leaves out.
    pub(super) ignored: usize,
}

/// Where references are read.
#[derive(Debug)]
pub(super) enum Root {
    /// Below this directory.
    Directory(PathBuf),
    /// From these texts.
    Memory(BTreeMap<String, String>),
    /// From a tree that is not on disk.
    Tree(Lookup),
}

/// How files of a tree are found that is not on disk, such as a commit's. Asked once for each name.
pub struct Lookup(Box<Find>);

/// A file by its name relative to the estate's root, or why there is none.
type Find = dyn Fn(&str) -> Result<Arc<Source>, Unread> + Send + Sync;

impl Lookup {
    /// Finds files with a function. It gets names without `..`, and has to keep to the limits of files itself.
    pub fn new(find: impl Fn(&str) -> Result<Arc<Source>, Unread> + Send + Sync + 'static) -> Self {
        Self(Box::new(find))
    }

    pub(super) fn find(&self, name: &str) -> Result<Arc<Source>, Unread> {
        (self.0)(name)
    }
}

impl std::fmt::Debug for Lookup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lookup")
    }
}

impl Default for Root {
    fn default() -> Self {
        Self::Memory(BTreeMap::new())
    }
}

#[derive(Debug, Default)]
struct Referenced {
    sources: Vec<Arc<Source>>,
    by_name: BTreeMap<String, Result<u32, Unread>>,
    bytes: u64,
}

impl Sources {
    /// Sources from texts in memory: those named `*.hcl`, `*.yaml`, `*.yml` and not in `references` are
    /// declarations, `references` is what `file:` may name.
    pub fn from_texts(
        files: impl IntoIterator<Item = (String, String)>,
        references: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let mut files: Vec<_> = files.into_iter().map(|(name, text)| Arc::new(Source::new(&name, text))).collect();
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Self { root: Root::Memory(references.into_iter().collect()), files, ..Self::default() }
    }

    /// Sources of a tree that is not on disk: its declaration files in the order of their names, how others are
    /// found, and what could not be read.
    pub fn of_tree(files: Vec<Arc<Source>>, lookup: Lookup, problems: Vec<Problem>) -> Self {
        Self::with_files(Root::Tree(lookup), files, problems)
    }

    pub(super) fn with_files(root: Root, files: Vec<Arc<Source>>, problems: Vec<Problem>) -> Self {
        let total_bytes = files.iter().map(|file| file.text.len() as u64).sum();
        Self { root, files, problems, total_bytes, ..Self::default() }
    }

    /// The same, with how many files and directories `.leaseholdignore` left out.
    pub(crate) fn without(mut self, ignored: usize) -> Self {
        self.ignored = ignored;
        self
    }

    /// How many files and directories `.leaseholdignore` left out.
    pub fn ignored_count(&self) -> usize {
        self.ignored
    }

    /// How many declaration files there are.
    pub fn file_count(&self) -> usize {
        self.files.len()
    }

    /// The file of this name, if it was read: a declaration file, or one that a declaration refers to.
    pub fn file(&self, name: &str) -> Option<Arc<Source>> {
        if let Ok(index) = self.files.binary_search_by(|file| (*file.name).cmp(name)) {
            return Some(Arc::clone(&self.files[index]));
        }
        let referenced = self.referenced.lock().unwrap_or_else(PoisonError::into_inner);
        let index = *referenced.by_name.get(name)?.as_ref().ok()? as usize;
        referenced.sources.get(index - self.files.len()).map(Arc::clone)
    }

    /// Whether a file that was read here is the same there. Sides of one repository share what is equal, so this
    /// is cheap for them.
    pub fn is_same(&self, other: &Self, name: &str) -> bool {
        match (self.file(name), other.file(name)) {
            (Some(one), Some(two)) => Arc::ptr_eq(&one, &two) || one.text == two.text,
            _ => false,
        }
    }

    /// The names of the files that were read on either side and are not the same on both, in order.
    pub fn differing(&self, other: &Self) -> Vec<String> {
        let mut names: Vec<String> = self.names().into_iter().chain(other.names()).collect();
        names.sort_unstable();
        names.dedup();
        names.retain(|name| !self.is_same(other, name));
        names
    }

    fn names(&self) -> Vec<String> {
        let referenced = self.referenced.lock().unwrap_or_else(PoisonError::into_inner);
        let read = referenced.by_name.iter().filter(|(_, found)| found.is_ok()).map(|(name, _)| name.clone());
        self.files.iter().map(|file| file.name.to_string()).chain(read).collect()
    }

    /// The declaration files.
    pub(super) fn files(&self) -> &[Arc<Source>] {
        &self.files
    }

    /// The source of a span.
    pub(super) fn get(&self, index: u32) -> Option<Arc<Source>> {
        let index = index as usize;
        match self.files.get(index) {
            Some(file) => Some(Arc::clone(file)),
            None => {
                let referenced = self.referenced.lock().unwrap_or_else(PoisonError::into_inner);
                referenced.sources.get(index - self.files.len()).map(Arc::clone)
            }
        }
    }

    /// The source index of a referenced file, read at the first call.
    ///
    /// # Errors
    /// Why it can't be read.
    pub(super) fn reference(&self, name: &str) -> Result<u32, Unread> {
        if let Ok(index) = self.files.binary_search_by(|file| (*file.name).cmp(name)) {
            return Ok(index as u32);
        }
        let mut referenced = self.referenced.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = referenced.by_name.get(name) {
            return known.clone();
        }
        let result = super::read::read_reference(&self.root, name, self.total_bytes + referenced.bytes).map(|source| {
            referenced.bytes += source.text.len() as u64;
            referenced.sources.push(source);
            (self.files.len() + referenced.sources.len() - 1) as u32
        });
        referenced.by_name.insert(name.to_owned(), result.clone());
        result
    }

    /// The place of a span's start.
    pub(super) fn place(&self, span: Span) -> Place {
        match self.get(span.source) {
            Some(source) => {
                let (line, column) = source.position(span.start);
                Place { file: Arc::clone(&source.name), line, column }
            }
            None => Place { file: Arc::from("?"), line: 1, column: 1 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Source;

    #[test]
    fn positions_count_lines_and_characters_from_one() {
        let source = Source::new("a", "ab\nłx\n".to_owned());
        for (offset, position) in [(0, (1, 1)), (2, (1, 3)), (3, (2, 1)), (5, (2, 2)), (7, (3, 1)), (99, (3, 1))] {
            assert_eq!(source.position(offset), position, "{offset}");
        }
    }
}
