//! What stands in a file, in its order, with the place of each in the text: between the tree and the other syntax.

use crate::estate::tree::{Content, Entry, Map, Node, is_repeated};
use crate::layout::syntax::Syntax;

/// An empty line between comments.
pub(super) const EMPTY: &str = "\n";

/// Something that stands in a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Item {
    /// The word, or the word of a block with its labels; nothing in a list.
    pub(super) path: Vec<String>,
    pub(super) value: Form,
    /// Whether it is one of several blocks of a word, which YAML writes as a list.
    pub(super) is_one_of_several: bool,
    /// Whether there is an empty line before it.
    pub(super) has_gap: bool,
    /// The comments before it, a line each; [`EMPTY`] is an empty line between two of them.
    pub(super) before: Vec<String>,
    /// The comment in its line.
    pub(super) after: Option<String>,
    /// Comments after the last thing in it.
    pub(super) end: Vec<String>,
    /// Its first byte.
    pub(super) start: usize,
    /// One past its last byte.
    pub(super) stop: usize,
}

/// What it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Form {
    #[default]
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Item>),
    Map(Vec<Item>),
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path && self.value == other.value
    }
}

impl Item {
    /// What stands in it.
    pub(super) fn inner(&mut self) -> Option<&mut Vec<Self>> {
        match &mut self.value {
            Form::List(items) | Form::Map(items) => Some(items),
            _ => None,
        }
    }

    /// Whether something is said of it or of anything in it.
    pub(super) fn is_commented(&self) -> bool {
        let inner = match &self.value {
            Form::List(items) | Form::Map(items) => items.iter().any(Self::is_commented),
            _ => false,
        };
        inner || !self.before.is_empty() || self.after.is_some() || !self.end.is_empty()
    }
}

/// A file.
pub(super) fn of_tree(map: &Map, syntax: Syntax) -> Item {
    Item { value: Form::Map(items(map, "", syntax)), stop: usize::MAX, ..Item::default() }
}

/// What stands in the block of a word; in a file, of none.
fn items(map: &Map, word: &str, syntax: Syntax) -> Vec<Item> {
    let mut items = Vec::new();
    for (key, entry) in map {
        entry_into(&mut items, vec![key.clone()], entry, word, syntax);
    }
    items.sort_by_key(|item| item.start);
    items
}

fn entry_into(items: &mut Vec<Item>, path: Vec<String>, entry: &Entry, word: &str, syntax: Syntax) {
    let key = &path[0];
    match &entry.value.content {
        // The map that the labels of several blocks make up has no place of its own.
        Content::Map(labels) if syntax == Syntax::Hcl && entry.value.span == entry.key_span => {
            for (label, block) in labels {
                let path = path.iter().chain([label]).cloned().collect();
                entry_into(items, path, block, word, syntax);
            }
        }
        Content::List(blocks) if syntax == Syntax::Hcl && path.len() == 1 && is_repeated(word, key) => {
            let all = blocks.iter().map(|block| {
                let key = key.clone();
                Item { is_one_of_several: true, ..item(vec![key.clone()], block, block.span.start, &key, syntax) }
            });
            items.extend(all);
        }
        _ => {
            // Of a block its own place begins at its word. What an alias repeats stands where its anchor is.
            let start = match syntax {
                Syntax::Hcl => entry.key_span.start.min(entry.value.span.start),
                Syntax::Yaml => entry.key_span.start,
            };
            let word = if word.is_empty() || syntax == Syntax::Hcl { key.clone() } else { word.to_owned() };
            let item = item(path, &entry.value, start, &word, syntax);
            let stop = if entry.value.span.start < start { entry.key_span.end as usize } else { item.stop };
            items.push(Item { stop, ..item });
        }
    }
}

fn item(path: Vec<String>, node: &Node, start: u32, word: &str, syntax: Syntax) -> Item {
    let value = match &node.content {
        Content::Null | Content::Broken => Form::Null,
        Content::Bool(flag) => Form::Bool(*flag),
        Content::Int(int) => Form::Number(int.to_string()),
        Content::Float(float) => Form::Number(float.to_string()),
        Content::Text(text) => Form::Text(text.clone()),
        Content::List(nodes) => {
            Form::List(nodes.iter().map(|node| item(Vec::new(), node, node.span.start, word, syntax)).collect())
        }
        Content::Map(map) => Form::Map(items(map, word, syntax)),
    };
    Item { path, value, start: start as usize, stop: node.span.end as usize, ..Item::default() }
}
