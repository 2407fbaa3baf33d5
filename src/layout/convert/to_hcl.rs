//! What stands in a file, as HCL. It is laid out afterwards.

use super::items::{EMPTY, Form, Item};
use crate::estate::tree::{has_two_labels, is_repeated};
use crate::estate::{DECLARATIONS, has_key, is_labelled};
use crate::layout::words::{hcl_key, hcl_text, heredoc};

/// The longest list that is written in one line.
const WIDTH: usize = 100;

/// A file.
pub(super) fn written(root: Item) -> String {
    let mut text = String::new();
    body(&mut text, root, "");
    text
}

/// What stands in a block of a word.
fn body(out: &mut String, item: Item, word: &str) {
    let Form::Map(items) = item.value else { return };
    let mut was_block = false;
    for (index, item) in items.into_iter().flat_map(|item| blocks(item, word)).enumerate() {
        let is_block = is_block(&item, word);
        if item.has_gap || index > 0 && (is_block || was_block) {
            out.push('\n');
        }
        was_block = is_block;
        comments(out, &item.before);
        if is_block { block(out, item) } else { attribute(out, item) }
    }
    comments(out, &item.end);
}

/// What one entry of YAML is in HCL: a block for each label, or for each of what may stand several times.
fn blocks(item: Item, word: &str) -> Vec<Item> {
    let key = item.path.first().cloned().unwrap_or_default();
    let is_declaration = DECLARATIONS.contains(&key.as_str());
    let labels = match word {
        _ if item.path.len() > 1 => 0,
        "" => 1 + usize::from(has_two_labels(&key)),
        "override" if is_declaration => 1 + usize::from(has_two_labels(&key)),
        _ if is_labelled(&key) && !has_key(word, &key) => 1,
        _ => 0,
    };
    let several = is_repeated(word, &key);
    let Item { path, value, has_gap, mut before, after, end, is_one_of_several, .. } = item;
    match value {
        Form::Map(inner) if labels > 0 && !inner.is_empty() && inner.iter().all(is_map) => {
            before.extend(after);
            spread(&path, inner, Above { has_gap, before, end }, labels)
        }
        Form::List(inner) if several && !inner.is_empty() && inner.iter().all(is_map) => {
            before.extend(after);
            let above = Above { has_gap, before, end };
            let each = inner.into_iter().map(|item| Item { path: path.clone(), is_one_of_several: true, ..item });
            above.given(each.collect())
        }
        value => vec![Item { path, value, has_gap, before, after, end, is_one_of_several, ..Item::default() }],
    }
}

/// What is said of an entry that has no block of its own in HCL.
struct Above {
    has_gap: bool,
    before: Vec<String>,
    end: Vec<String>,
}

impl Above {
    /// Gives it to the first and the last of the blocks.
    fn given(self, mut blocks: Vec<Item>) -> Vec<Item> {
        if let Some(first) = blocks.first_mut() {
            first.has_gap |= self.has_gap;
            first.before.splice(0..0, self.before);
        }
        if let Some(last) = blocks.last_mut() {
            last.end.extend(self.end);
        }
        blocks
    }
}

fn is_map(item: &Item) -> bool {
    matches!(item.value, Form::Map(_))
}

fn spread(path: &[String], inner: Vec<Item>, above: Above, labels: usize) -> Vec<Item> {
    let mut blocks = Vec::new();
    for item in inner {
        let path: Vec<String> = path.iter().chain(&item.path).cloned().collect();
        match item.value {
            Form::Map(inner) if labels > 1 && !inner.is_empty() && inner.iter().all(is_map) => {
                let before = item.before.into_iter().chain(item.after).collect();
                let above = Above { has_gap: item.has_gap, before, end: item.end };
                blocks.extend(spread(&path, inner, above, labels - 1));
            }
            value => blocks.push(Item { path, value, ..item }),
        }
    }
    above.given(blocks)
}

/// Whether something is written as a block, rather than as a value.
fn is_block(item: &Item, word: &str) -> bool {
    let Some(key) = item.path.first() else { return false };
    let is_plain = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let is_known = !word.is_empty() && !has_key(word, key) && !is_labelled(key);
    is_map(item) && is_plain && (item.path.len() > 1 || item.is_one_of_several || is_known)
}

fn block(out: &mut String, item: Item) {
    let (word, labels) = item.path.split_first().map_or(("", [].as_slice()), |(word, labels)| (word.as_str(), labels));
    let labels: String = labels.iter().map(|label| format!(" {}", hcl_label(label))).collect();
    out.push_str(&format!("{word}{labels} {{"));
    let is_empty = matches!(&item.value, Form::Map(items) if items.is_empty()) && item.end.is_empty();
    let word = word.to_owned();
    match (is_empty, &item.after) {
        (true, None) => out.push_str("}\n"),
        (true, Some(after)) => out.push_str(&format!("}} {}\n", comment(after))),
        (false, after) => {
            if let Some(after) = after {
                out.push_str(&format!(" {}", comment(after)));
            }
            out.push('\n');
            body(out, item, &word);
            out.push_str("}\n");
        }
    }
}

/// Labels are no templates.
fn hcl_label(label: &str) -> String {
    crate::layout::words::quoted(label)
}

fn attribute(out: &mut String, item: Item) {
    let key = item.path.first().map(|key| hcl_key(key)).unwrap_or_default();
    let lines = match &item.value {
        Form::Text(text) => heredoc(text),
        _ => None,
    };
    if let Some(lines) = lines {
        comments(out, item.after.as_slice());
        out.push_str(&format!("{key} = {lines}\n"));
        return;
    }
    out.push_str(&format!("{key} = "));
    let after = item.after.as_deref().map(comment).map(|after| format!(" {after}")).unwrap_or_default();
    value(out, item, &after);
    out.push('\n');
}

/// A value, with what is said of it at the end of its first line.
fn value(out: &mut String, item: Item, after: &str) {
    let is_short =
        !item.end.is_empty() || matches!(&item.value, Form::List(items) if items.iter().any(Item::is_commented));
    let line = inline(&item.value);
    match item.value {
        Form::List(items) if is_short || items.len() > 1 && line.chars().count() > WIDTH => {
            out.push_str(&format!("[{after}\n"));
            for item in items {
                comments(out, &item.before);
                let after = item.after.as_deref().map(comment).map(|after| format!(" {after}")).unwrap_or_default();
                let item = Item { after: None, before: Vec::new(), ..item };
                match item.value {
                    Form::List(_) | Form::Map(_) if item.is_commented() => {
                        value(out, item, &after);
                        out.push_str(",\n");
                    }
                    value => out.push_str(&format!("{},{after}\n", inline(&value))),
                }
            }
            comments(out, &item.end);
            out.push(']');
        }
        Form::Map(items) if !items.is_empty() || !item.end.is_empty() => {
            out.push_str(&format!("{{{after}\n"));
            for item in items {
                if item.has_gap {
                    out.push('\n');
                }
                comments(out, &item.before);
                attribute(out, item);
            }
            comments(out, &item.end);
            out.push('}');
        }
        _ => out.push_str(&format!("{line}{after}")),
    }
}

fn inline(value: &Form) -> String {
    match value {
        Form::Null => "null".to_owned(),
        Form::Bool(flag) => flag.to_string(),
        Form::Number(number) => number.clone(),
        Form::Text(text) => hcl_text(text),
        Form::List(items) => {
            format!("[{}]", items.iter().map(|item| inline(&item.value)).collect::<Vec<_>>().join(", "))
        }
        Form::Map(items) if items.is_empty() => "{}".to_owned(),
        Form::Map(items) => {
            let pair = |item: &Item| {
                let key = item.path.first().map(|key| hcl_key(key)).unwrap_or_default();
                format!("{key} = {}", inline(&item.value))
            };
            format!("{{ {} }}", items.iter().map(pair).collect::<Vec<_>>().join(", "))
        }
    }
}

fn comments(out: &mut String, lines: &[String]) {
    for line in lines {
        match line.as_str() {
            EMPTY => out.push('\n'),
            line => out.push_str(&format!("{}\n", comment(line))),
        }
    }
}

fn comment(line: &str) -> String {
    if line.is_empty() { "#".to_owned() } else { format!("# {line}") }
}
