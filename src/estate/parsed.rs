//! One file by itself, as a tree: whatever its declarations mean, and whatever they refer to.

use super::problem::{Draft, Problem};
use super::source::Sources;
use super::tree::{Content, Entry, Map, Node, is_repeated};
use super::{hcl, yaml};

/// The tree of a file.
#[derive(Debug)]
pub(crate) struct Tree(Map);

impl Tree {
    /// What stands in it.
    pub(crate) fn root(&self) -> &Map {
        &self.0
    }

    /// Whether another one says the same, in whatever order and syntax.
    pub(crate) fn says_what(&self, other: &Self) -> bool {
        is_same_map(&self.0, &other.0, None)
    }
}

/// Reads a file by its name, from which its syntax follows.
///
/// # Errors
/// All that is not understood.
pub(crate) fn tree_of(name: &str, text: &str) -> Result<Tree, Vec<Problem>> {
    let parse = if name.ends_with(".hcl") { hcl::parse } else { yaml::parse };
    let mut drafts = Vec::new();
    let map = parse(text, 0, &mut drafts);
    match map {
        Some(map) if drafts.is_empty() => Ok(Tree(map)),
        _ => Err(finished(name, text, drafts)),
    }
}

/// Whether a text is HCL, whatever it says.
///
/// # Errors
/// Where it is none.
pub(crate) fn hcl_syntax(name: &str, text: &str) -> Result<(), Problem> {
    match hcl_edit::parser::parse_body(text) {
        Ok(_) => Ok(()),
        Err(error) => {
            let mut problems = finished(name, text, vec![hcl::syntax_error(text, 0, &error)]);
            Err(problems.pop().unwrap_or_else(|| Problem::with_file(name, error.message().to_owned())))
        }
    }
}

fn finished(name: &str, text: &str, drafts: Vec<Draft>) -> Vec<Problem> {
    let sources = Sources::from_texts([(name.to_owned(), text.to_owned())], []);
    drafts.into_iter().map(|draft| sources.finish(draft)).collect()
}

/// Of declarations of a kind; of a whole file, each key is one.
fn is_same_map(one: &Map, other: &Map, kind: Option<&str>) -> bool {
    let has_same = |(key, entry): (&String, &Entry)| {
        let kind = kind.unwrap_or(key);
        other.get(key).is_some_and(|same| match (&entry.value.content, &same.value.content) {
            // One of what may stand several times may stand alone.
            (Content::List(items), Content::Map(_)) | (Content::Map(_), Content::List(items))
                if is_repeated(kind, key) =>
            {
                let [item] = items.as_slice() else { return false };
                is_same(item, &entry.value, kind) || is_same(item, &same.value, kind)
            }
            _ => is_same(&entry.value, &same.value, kind),
        })
    };
    one.len() == other.len() && one.iter().all(has_same)
}

fn is_same(one: &Node, other: &Node, kind: &str) -> bool {
    match (&one.content, &other.content) {
        (Content::Null, Content::Null) => true,
        (Content::Bool(one), Content::Bool(other)) => one == other,
        (Content::Int(one), Content::Int(other)) => one == other,
        (Content::Float(one), Content::Float(other)) => one == other,
        (Content::Int(int), Content::Float(float)) | (Content::Float(float), Content::Int(int)) => {
            *int as f64 == *float
        }
        (Content::Text(one), Content::Text(other)) => one == other,
        (Content::List(one), Content::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other, kind))
        }
        (Content::Map(one), Content::Map(other)) => is_same_map(one, other, Some(kind)),
        _ => false,
    }
}
