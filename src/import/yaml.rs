//! Declarations in YAML. What HCL repeats a word for, YAML has below it once, so that the blocks of a file become one map
//! before they are written.

use serde_json::Value;

use super::block::{Block, Item, Page, quoted, untemplated};

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

/// A text without quotes where that is surely the same text, for any version of YAML.
fn scalar(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./@".contains(c);
    let begins = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/');
    let colons_within = text.split(':').skip(1).all(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()));
    let words = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    let is_word = words.contains(&text.to_ascii_lowercase().as_str());
    if is_duration(text) {
        return text.to_owned();
    }
    let fits = begins && colons_within && !is_word && text.chars().all(|c| is_plain(c) || c == ':');
    if fits { text.to_owned() } else { quoted(text) }
}

/// Whether a text is a duration such as `1h30m`, which no version of YAML takes for a number.
fn is_duration(text: &str) -> bool {
    let mut parts = text.split_inclusive(['h', 'm', 's']);
    !text.is_empty()
        && parts.all(|part| {
            let digits = part.strip_suffix(['h', 'm', 's']).unwrap_or_default();
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        })
}

/// Whether a text of several lines can stand as it is.
fn is_literal(text: &str) -> bool {
    let is_plain = |c: char| c == '\n' || !crate::text::acts(c);
    let first = text.chars().next();
    let lines = text.strip_suffix('\n').unwrap_or(text);
    lines.contains('\n')
        && text.chars().all(is_plain)
        && first.is_some_and(|first| !first.is_whitespace())
        && !lines.ends_with('\n')
        && lines.lines().all(|line| line.is_empty() || !line.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{page, scalar};
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

    #[test]
    fn what_yaml_would_take_for_something_else_has_quotes() {
        for (text, shown) in [
            ("aws/web", "aws/web"),
            ("arn:aws:iam", "arn:aws:iam"),
            ("a:", "\"a:\""),
            ("Yes", "\"Yes\""),
            ("1h30m", "1h30m"),
            ("1h3", "\"1h3\""),
            ("1e3", "\"1e3\""),
            ("0123", "\"0123\""),
            ("a b", "\"a b\""),
            ("", "\"\""),
            ("#", "\"#\""),
            ("a\u{1b}", "\"a\\u001b\""),
        ] {
            assert_eq!(scalar(text), shown, "{text}");
        }
    }
}
