//! Which text goes into which file: names that nothing has yet, and which lines of it all are of which object.

use std::collections::BTreeSet;

use super::block::{Block, Page};
use super::{hcl, yaml};
use crate::layout::Syntax;

/// Letters of a file's name, its folder and ending apart.
const NAME_MAX: usize = 100;

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name, relative to the estate's directory.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// A file that declarations name.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub(super) name: String,
    pub(super) text: String,
    /// The object that it is of.
    pub(super) of: String,
}

/// The names that files have or get.
pub(super) struct Names<'a> {
    /// Whether the estate has a file of a name.
    pub(super) taken: &'a dyn Fn(&str) -> bool,
    /// Those that were given.
    pub(super) given: BTreeSet<String>,
}

impl Names<'_> {
    /// A name in a folder, or in none, that nothing has.
    pub(super) fn free(&mut self, folder: &str, name: &str, ending: &str) -> String {
        let mut stem: String = name.chars().take(NAME_MAX).map(|c| if is_plain(c) { c } else { '-' }).collect();
        // Hidden files are no part of an estate.
        if stem.is_empty() || stem.starts_with('.') {
            stem.insert(0, '_');
        }
        let folder = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let names = (1..).map(|number| match number {
            1 => format!("{folder}{stem}.{ending}"),
            number => format!("{folder}{stem}-{number}.{ending}"),
        });
        let mut free = names.filter(|name| !self.given.contains(name) && !(self.taken)(name));
        let name = free.next().unwrap_or_default();
        self.given.insert(name.clone());
        name
    }
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '@')
}

/// The text of a file in a syntax.
pub(super) fn page(blocks: &[Block], syntax: Syntax) -> Page {
    match syntax {
        Syntax::Hcl => hcl::page(blocks),
        Syntax::Yaml => yaml::page(blocks),
    }
}
