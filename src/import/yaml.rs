//! Declarations in YAML. What HCL repeats a word for, YAML has below it once, so that the blocks of a file become one map
//! before they are written.

use serde_json::Value;

use super::block::{Block, Item, Page};
use crate::layout::{is_literal, scalar, untemplated};

/// The longest line with a list in it.
const WIDTH: usize = 100;

/// A map of a file, in its order.
#[derive(Default)]
struct Map(Vec<Entry>);

struct Entry {
    key: String,
    of: String,
    about: &'static str,
    /// What stands there; `None` where a map does.
    value: Option<Value>,
    /// That map.
    map: Map,
}

/// A file of declarations.
pub(super) fn page(blocks: &[Block]) -> Page {
    let mut root = Map::default();
    blocks.iter().for_each(|block| root.block(block));
    let mut page = Page::default();
    for (index, entry) in root.0.iter().enumerate() {
        if index > 0 {
            page.push(0, "");
        }
        write(&mut page, entry, 0);
    }
    page
}

impl Map {
    fn block(&mut self, block: &Block) {
        // What is said of a block stands before its word.
        let mut at = self.below(&block.word, &block.of, block.about);
        for label in &block.labels {
            at = at.below(label, &block.of, "");
        }
        for item in &block.items {
            match item {
                Item::Block(inner) => at.block(inner),
                Item::Value(attribute) => at.0.push(Entry {
                    key: attribute.key.clone(),
                    of: attribute.of.clone(),
                    about: "",
                    value: Some(attribute.value.clone()),
                    map: Self::default(),
                }),
            }
        }
    }

    /// The map under a key. What several objects are under is of none of them: of the last that was named in it.
    fn below(&mut self, key: &str, of: &str, about: &'static str) -> &mut Self {
        let known = self.0.iter().position(|entry| entry.key == key && entry.value.is_none());
        let at = known.unwrap_or_else(|| {
            let map = Self::default();
            self.0.push(Entry { key: key.to_owned(), of: of.to_owned(), about, value: None, map });
            self.0.len() - 1
        });
        &mut self.0[at].map
    }
}

fn write(page: &mut Page, entry: &Entry, depth: usize) {
    let first = page.next();
    let key = scalar(&entry.key);
    if !entry.about.is_empty() {
        page.push(depth, &format!("# {}", entry.about));
    }
    match &entry.value {
        Some(value) => attribute(page, &key, value, depth),
        None if entry.map.0.is_empty() => page.push(depth, &format!("{key}: {{}}")),
        None => {
            page.push(depth, &format!("{key}:"));
            entry.map.0.iter().for_each(|inner| write(page, inner, depth + 1));
        }
    }
    page.since(first, &entry.of);
}

fn attribute(page: &mut Page, key: &str, value: &Value, depth: usize) {
    match value {
        Value::String(text) if is_literal(text) => {
            let (mark, lines) = text.strip_suffix('\n').map_or(("|-", text.as_str()), |lines| ("|", lines));
            page.push(depth, &format!("{key}: {mark}"));
            page.push(depth + 1, &untemplated(lines));
        }
        Value::Array(items) if items.len() > 1 && flow(value).chars().count() + 2 * depth > WIDTH => {
            page.push(depth, &format!("{key}:"));
            items.iter().for_each(|item| page.push(depth + 1, &format!("- {}", flow(item))));
        }
        Value::Object(map) if !map.is_empty() => {
            page.push(depth, &format!("{key}:"));
            map.iter().for_each(|(name, value)| attribute(page, &scalar(name), value, depth + 1));
        }
        other => page.push(depth, &format!("{key}: {}", flow(other))),
    }
}

/// A value in one line.
fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(&untemplated(text)),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let pairs: Vec<String> =
                map.iter().map(|(name, value)| format!("{}: {}", scalar(name), flow(value))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::page;
    use crate::import::block::{Block, Item};

    #[test]
    fn what_is_under_one_word_stands_below_it_once() {
        let mut aws = Block::new("aws", &["aws"], "sys/mounts/aws").with("region", "eu-west-1");
        aws.items.push(Item::Block(Block::new("lease", &[], "aws/config/lease").with("default", "1h")));
        let login = |name: &str| Block::new("login", &["oidc", name], name).with("policies", json!(["a", "b c"]));
        let page = page(&[aws, login("ops"), login("dev"), Block::new("user", &["ann"], "u")]);
        let expected = "\
aws:
  aws:
    region: eu-west-1
    lease:
      default: 1h

login:
  oidc:
    ops:
      policies: [a, \"b c\"]
    dev:
      policies: [a, \"b c\"]

user:
  ann: {}
";
        assert_eq!(page.text, expected);
    }
}
