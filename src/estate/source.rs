//! The texts of an estate, and places in them.

use std::collections::BTreeMap;
use std::path::{Component, Path};
use std::sync::{Arc, Mutex, PoisonError};

use super::problem::{Draft, Label, Problem, Severity};
use super::span::Span;
use super::spelling::in_yaml;
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

/// Bytes of all files of an estate together, at most.
pub(super) const TREE_BYTES_MAX: u64 = 64 << 20;

/// What to do about a `file:` that names nothing.
pub(super) const NAMED_FROM_ROOT: &str = "a file is named relative to the estate's directory";

/// All texts of an estate, and what could not be read.
#[derive(Debug, Default)]
pub struct Sources {
    /// The declaration files, in the order of their names.
    files: Vec<Arc<Source>>,
    /// Files that declarations refer to (`file:`), by name; read when they are first needed.
    referenced: Mutex<Referenced>,
    /// How the files are found that `file:` names.
    lookup: Lookup,
    /// How many bytes all files may have before another is read; `None` for texts in memory.
    bytes_max: Option<u64>,
    /// Files that are there and could not be read.
    pub(super) problems: Vec<Problem>,
    /// Bytes of all declaration files.
    pub(super) total_bytes: u64,
    /// How many files and directories `.leaseholdignore` leaves out.
    pub(super) ignored: usize,
    /// The day as of which they are read; `None` before all.
    day: Option<String>,
}

/// How files are found that declarations refer to: below a directory, in a commit, or among texts. Asked once for each
/// name.
#[derive(Clone)]
pub struct Lookup(Arc<Find>);

/// A file by its name relative to the estate's root, or why there is none.
type Find = dyn Fn(&str) -> Result<Arc<Source>, Unread> + Send + Sync;

impl Lookup {
    /// Finds files with a function. It gets names without `..`, and has to keep to the limits of files itself.
    pub fn new(find: impl Fn(&str) -> Result<Arc<Source>, Unread> + Send + Sync + 'static) -> Self {
        Self(Arc::new(find))
    }

    fn find(&self, name: &str) -> Result<Arc<Source>, Unread> {
        (self.0)(name)
    }
}

impl std::fmt::Debug for Lookup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lookup")
    }
}

impl Default for Lookup {
    /// Finds nothing.
    fn default() -> Self {
        Self::new(|_| Err(Unread::with_hint("there is no such file", NAMED_FROM_ROOT)))
    }
}

#[derive(Debug, Default)]
struct Referenced {
    sources: Vec<Arc<Source>>,
    by_name: BTreeMap<String, Result<u32, Unread>>,
    bytes: u64,
}

impl Sources {
    /// The same texts as of a day, as `2026-11-25`: what expires on it or has before counts as absent. Without one nothing
    /// has expired yet.
    pub fn as_of(self, day: &str) -> Self {
        Self { day: Some(day.to_owned()), ..self }
    }

    /// The day as of which they are read.
    pub(crate) fn day(&self) -> Option<&str> {
        self.day.as_deref()
    }

    /// Sources from texts in memory: those named `*.hcl`, `*.yaml`, `*.yml` and not in `references` are
    /// declarations, `references` is what `file:` may name.
    pub fn from_texts(
        files: impl IntoIterator<Item = (String, String)>,
        references: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let mut files: Vec<_> = files.into_iter().map(|(name, text)| Arc::new(Source::new(&name, text))).collect();
        files.sort_by(|a, b| a.name.cmp(&b.name));
        let texts: BTreeMap<String, String> = references.into_iter().collect();
        let lookup = Lookup::new(move |name| match texts.get(name) {
            Some(text) => Ok(Arc::new(Source::new(name, text.clone()))),
            None => Err(Unread::with_hint("there is no such file", NAMED_FROM_ROOT)),
        });
        Self { lookup, files, ..Self::default() }
    }

    /// Sources of a tree, on disk or not: its declaration files in the order of their names, how others are
    /// found, and what could not be read.
    pub fn of_tree(files: Vec<Arc<Source>>, lookup: Lookup, problems: Vec<Problem>) -> Self {
        let total_bytes = files.iter().map(|file| file.text.len() as u64).sum();
        Self { lookup, bytes_max: Some(TREE_BYTES_MAX), files, problems, total_bytes, ..Self::default() }
    }

    /// Files that are there and could not be read.
    pub(crate) fn unread(&self) -> &[Problem] {
        &self.problems
    }

    /// These and more: declarations by their names, and texts that `file:` may name, which come before others of the names.
    pub fn with(&self, files: Vec<(String, String)>, references: BTreeMap<String, String>) -> Self {
        let added = files.into_iter().map(|(name, text)| Arc::new(Source::new(&name, text)));
        let mut all: Vec<Arc<Source>> = self.files.iter().cloned().chain(added).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        let before = self.lookup.clone();
        let lookup = Lookup::new(move |name| match references.get(name) {
            Some(text) => Ok(Arc::new(Source::new(name, text.clone()))),
            None => before.find(name),
        });
        let total_bytes = all.iter().map(|file| file.text.len() as u64).sum();
        let (bytes_max, problems) = (self.bytes_max, self.problems.clone());
        Self { lookup, bytes_max, files: all, problems, total_bytes, ignored: self.ignored, ..Self::default() }
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

    /// The texts that were read, by name: the declaration files, and those that declarations refer to.
    pub fn texts(&self) -> impl Iterator<Item = (String, Arc<Source>)> {
        self.names().into_iter().filter_map(|name| {
            let source = self.file(&name)?;
            Some((name, source))
        })
    }

    fn names(&self) -> Vec<String> {
        let referenced = self.referenced.lock().unwrap_or_else(PoisonError::into_inner);
        let read = referenced.by_name.iter().filter(|(_, found)| found.is_ok()).map(|(name, _)| name.clone());
        self.files.iter().map(|file| file.name.to_string()).chain(read).collect()
    }

    /// The declaration files.
    pub(crate) fn files(&self) -> &[Arc<Source>] {
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
        let result = self.find(name, self.total_bytes + referenced.bytes).map(|source| {
            referenced.bytes += source.text.len() as u64;
            referenced.sources.push(source);
            (self.files.len() + referenced.sources.len() - 1) as u32
        });
        referenced.by_name.insert(name.to_owned(), result.clone());
        result
    }

    /// The file that a declaration refers to by a name relative to the root.
    fn find(&self, name: &str, bytes_so_far: u64) -> Result<Arc<Source>, Unread> {
        if name.is_empty() || name.contains('\0') {
            return Err("this is not the name of a file".into());
        }
        let is_inner = |part| matches!(part, Component::Normal(_) | Component::CurDir);
        if !Path::new(name).components().all(is_inner) {
            return Err("this leads out of the estate".into());
        }
        match self.bytes_max {
            Some(most) if bytes_so_far > most => {
                Err(format!("the files of the estate have more than {} MiB", most >> 20).into())
            }
            _ => self.lookup.find(name),
        }
    }

    /// A problem with its places.
    pub(super) fn finish(&self, draft: Draft) -> Problem {
        let problem = draft.finish(|span| {
            let (file, start, end) = match self.get(span.source) {
                Some(source) => (source.name.to_string(), source.position(span.start), source.position(span.end)),
                None => ("?".to_owned(), (1, 1), (1, 1)),
            };
            let ((line, column), (end_line, end_column)) = (start, end);
            Label { file, line, column, end_line, end_column, text: None, span: Some(span) }
        });
        let is_hcl =
            problem.labels.first().is_none_or(|label| !label.file.ends_with(".yaml") && !label.file.ends_with(".yml"));
        Problem { hint: problem.hint.map(|hint| if is_hcl { hint } else { in_yaml(&hint) }), ..problem }
    }

    /// The line where a place starts, if its file has a text.
    pub fn first_line(&self, label: &Label) -> Option<String> {
        let source = self.get(label.span?.source)?;
        source.text.get(source.line_start(label.line)..)?.lines().next().map(str::to_owned)
    }

    /// The place of a span's start.
    /// A warning about what stands at a place of a declaration file, from there to the end of its line.
    pub fn warning(&self, place: &Place, what: String, hint: &str) -> Problem {
        let found = self.files.binary_search_by(|file| (*file.name).cmp(&*place.file)).ok();
        let span = found.and_then(|index| {
            let source = &self.files[index];
            let before = source.line_start(place.line);
            let line = source.text.get(before..)?.lines().next()?;
            let (column, _) = line.char_indices().nth(place.column.checked_sub(1)? as usize)?;
            Some(Span::new(index as u32, before + column..before + line.trim_end().len()))
        });
        match span {
            Some(span) => self.finish(Draft::warning(span, what).hint(hint)),
            None => Problem { severity: Severity::Warning, ..Problem::with_file(&place.file, what).hint(hint) },
        }
    }

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
