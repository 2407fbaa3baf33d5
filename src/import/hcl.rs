//! Declarations in HCL, as people write them: what stands in lines of its own is aligned, blocks have an empty line before
//! them, and what is long is a line each.

use serde_json::{Map, Value};

use super::block::{Attribute, Block, Item, Page};
use crate::layout::{hcl_key as key, hcl_text, heredoc, untemplated};

/// The longest line with a list in it.
const WIDTH: usize = 100;

/// A file of declarations.
pub(super) fn page(blocks: &[Block]) -> Page {
    let mut page = Page::default();
    for (index, block) in blocks.iter().enumerate() {
        if index > 0 {
            page.push(0, "");
        }
        write(&mut page, block, 0);
    }
    page
}

fn write(page: &mut Page, block: &Block, depth: usize) {
    let first = page.next();
    if !block.about.is_empty() {
        page.push(depth, &format!("# {}", block.about));
    }
    let labels: String = block.labels.iter().map(|label| format!(" {}", text(label))).collect();
    let head = format!("{}{labels} {{", block.word);
    if block.items.is_empty() {
        page.push(depth, &format!("{head}}}"));
        page.since(first, &block.of);
        return;
    }
    page.push(depth, &head);
    let mut at = 0;
    while let Some(item) = block.items.get(at) {
        match item {
            Item::Block(inner) => {
                if at > 0 {
                    page.push(0, "");
                }
                write(page, inner, depth + 1);
                at += 1;
            }
            Item::Value(_) => {
                if at > 0 && matches!(block.items[at - 1], Item::Block(_)) {
                    page.push(0, "");
                }
                let attributes: Vec<&Attribute> = block.items[at..].iter().map_while(attribute).collect();
                at += attributes.len();
                write_all(page, &attributes, depth + 1);
            }
        }
    }
    page.push(depth, "}");
    page.since(first, &block.of);
}

fn attribute(item: &Item) -> Option<&Attribute> {
    match item {
        Item::Value(attribute) => Some(attribute),
        Item::Block(_) => None,
    }
}

/// Attributes; those in one line each that follow each other are aligned.
fn write_all(page: &mut Page, attributes: &[&Attribute], depth: usize) {
    let shown: Vec<(String, String)> = attributes.iter().map(|one| (key(&one.key), value(&one.value, depth))).collect();
    let is_short = |index: usize| shown.get(index).is_some_and(|(_, value)| !value.contains('\n'));
    for (index, (key, value)) in shown.iter().enumerate() {
        let first = page.next();
        if is_short(index) {
            let start = (0..=index).rev().take_while(|at| is_short(*at)).last().unwrap_or(index);
            let run = (start..shown.len()).take_while(|at| is_short(*at));
            let width = run.map(|at| shown[at].0.chars().count()).max().unwrap_or_default();
            let blanks = " ".repeat(width - key.chars().count());
            page.push(depth, &format!("{key}{blanks} = {value}"));
        } else if let Some((head, rest)) = value.split_once('\n').filter(|(head, _)| head.starts_with("<<")) {
            page.push(depth, &format!("{key} = {head}"));
            page.push_raw(rest);
        } else {
            page.push(depth, &format!("{key} = {value}"));
        }
        page.since(first, &attributes[index].of);
    }
}

fn value(value: &Value, depth: usize) -> String {
    match value {
        Value::String(text) => heredoc(&untemplated(text)).unwrap_or_else(|| self::text(text)),
        Value::Array(items) => list(items, depth),
        Value::Object(map) => object(map),
        other => other.to_string(),
    }
}

/// What a list and a map hold, each in one line.
fn inner(value: &Value) -> String {
    match value {
        Value::String(text) => self::text(text),
        Value::Array(items) => format!("[{}]", items.iter().map(inner).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let pairs: Vec<String> =
                map.iter().map(|(name, value)| format!("{} = {}", key(name), inner(value))).collect();
            if pairs.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", pairs.join(", ")) }
        }
        other => other.to_string(),
    }
}

fn list(items: &[Value], depth: usize) -> String {
    let items: Vec<String> = items.iter().map(inner).collect();
    let line = format!("[{}]", items.join(", "));
    if line.chars().count() + 2 * depth <= WIDTH || items.len() < 2 {
        return line;
    }
    let lines: String = items.iter().map(|item| format!("  {item},\n")).collect();
    format!("[\n{lines}]")
}

fn object(map: &Map<String, Value>) -> String {
    if map.is_empty() {
        return "{}".to_owned();
    }
    let keys: Vec<String> = map.keys().map(|name| key(name)).collect();
    let width = keys.iter().map(|key| key.chars().count()).max().unwrap_or_default();
    let lines = keys.iter().zip(map.values());
    let lines: String = lines.map(|(key, value)| format!("  {key:width$} = {}\n", inner(value))).collect();
    format!("{{\n{lines}}}")
}

fn text(text: &str) -> String {
    hcl_text(&untemplated(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::page;
    use crate::import::block::{Block, Item};

    #[test]
    fn what_stands_in_lines_of_its_own_is_aligned() {
        let mut role = Block::new("role", &["web"], "aws/roles/web")
            .with("mount", "aws")
            .with("policy_document", "file:iam/web.json")
            .with("iam_tags", json!({"team": "web", "a/b": "${x}"}))
            .with("policy_arns", json!([]));
        role.items.push(Item::Block(Block::new("lease", &[], "x").with("default", "1h")));
        let page = page(&[role, Block::new("user", &["ann"], "u")]);
        let expected = "\
role \"web\" {
  mount           = \"aws\"
  policy_document = \"file:iam/web.json\"
  iam_tags = {
    team  = \"web\"
    \"a/b\" = \"$${x}\"
  }
  policy_arns = []

  lease {
    default = \"1h\"
  }
}

user \"ann\" {}
";
        assert_eq!(page.text, expected);
        let of = |line: u32| page.lines.iter().filter(|(lines, _)| lines.contains(&line)).count();
        assert_eq!((of(1), of(2), of(11), of(14)), (1, 2, 3, 0), "{:?}", page.lines);
    }
}
