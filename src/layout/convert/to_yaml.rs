//! What stands in a file, as YAML. It is laid out afterwards.

use super::items::{EMPTY, Form, Item};
use crate::layout::words::{is_literal, scalar};

/// The longest list that is written in one line.
const WIDTH: usize = 100;

/// A file.
pub(super) fn written(root: Item) -> String {
    let mut text = String::new();
    let Form::Map(items) = root.value else { return text };
    let mut is_first = true;
    for item in gathered(items) {
        if !std::mem::take(&mut is_first) || item.has_gap {
            text.push('\n');
        }
        entry(&mut text, item, 0);
    }
    comments(&mut text, &root.end, 0);
    text
}

/// What HCL repeats a word for, YAML has below it once.
fn gathered(items: Vec<Item>) -> Vec<Item> {
    let mut all: Vec<Item> = Vec::new();
    for mut item in items {
        let is_block = item.path.len() > 1;
        if !is_block && !item.is_one_of_several {
            all.push(item);
            continue;
        }
        let key = item.path.remove(0);
        let is_several = item.path.is_empty();
        let known = all.iter().position(|one| one.path == [key.as_str()] && one.is_one_of_several);
        let at = known.unwrap_or_else(|| {
            let value = if is_several { Form::List(Vec::new()) } else { Form::Map(Vec::new()) };
            let has_gap = std::mem::take(&mut item.has_gap);
            // What is said of the first stands before the word that they share.
            let before = std::mem::take(&mut item.before);
            all.push(Item { path: vec![key], value, has_gap, before, is_one_of_several: true, ..Item::default() });
            all.len() - 1
        });
        item.is_one_of_several = false;
        if let Some(inner) = all[at].inner() {
            inner.push(item);
        }
    }
    for item in &mut all {
        // It is gathered, and not one of several any more.
        let was_gathered = std::mem::take(&mut item.is_one_of_several);
        match &mut item.value {
            // Of what has two labels the second is below the first.
            Form::Map(inner) if was_gathered => *inner = gathered(std::mem::take(inner)),
            _ => {}
        }
    }
    all
}

/// A key with its value.
fn entry(out: &mut String, item: Item, depth: usize) {
    gap(out, &item);
    comments(out, &item.before, depth);
    indent(out, depth);
    let key = item.path.first().map(|key| scalar(key)).unwrap_or_default();
    out.push_str(&format!("{key}:"));
    value(out, item, depth + 1, false);
}

/// What follows a key, or the sign of a list's item, to the end of its last line.
fn value(out: &mut String, item: Item, depth: usize, is_in_list: bool) {
    let after = item.after.as_deref().map(|after| format!(" {}", comment(after))).unwrap_or_default();
    let is_commented = !item.end.is_empty() || inner(&item.value).iter().any(Item::is_commented);
    let line = inline(&item.value);
    match item.value {
        Form::Text(text) if is_literal(&text) => {
            let (mark, lines) = text.strip_suffix('\n').map_or(("|-", text.as_str()), |lines| ("|", lines));
            out.push_str(&format!(" {mark}{after}\n"));
            for line in lines.split('\n') {
                if !line.is_empty() {
                    indent(out, depth);
                    out.push_str(line);
                }
                out.push('\n');
            }
        }
        Form::List(items)
            if !items.is_empty() && (is_commented || line.chars().count() > WIDTH || is_nested(&items)) =>
        {
            out.push_str(&format!("{after}\n"));
            for item in items {
                comments(out, &item.before, depth);
                indent(out, depth);
                out.push('-');
                value(out, Item { before: Vec::new(), ..item }, depth + 1, true);
            }
            comments(out, &item.end, depth);
        }
        Form::Map(items) if !items.is_empty() => {
            let has_own_line =
                !is_in_list || !after.is_empty() || items.first().is_some_and(|first| !first.before.is_empty());
            if has_own_line {
                out.push_str(&format!("{after}\n"));
            }
            let mut is_joined = !has_own_line;
            for item in gathered(items) {
                if std::mem::take(&mut is_joined) {
                    let key = item.path.first().map(|key| scalar(key)).unwrap_or_default();
                    out.push_str(&format!(" {key}:"));
                    value(out, item, depth + 1, false);
                } else {
                    entry(out, item, depth);
                }
            }
            comments(out, &item.end, depth);
        }
        _ => {
            out.push_str(&format!(" {line}{after}\n"));
            comments(out, &item.end, depth);
        }
    }
}

fn inner(value: &Form) -> &[Item] {
    match value {
        Form::List(items) | Form::Map(items) => items,
        _ => &[],
    }
}

/// Whether a list holds more than single values.
fn is_nested(items: &[Item]) -> bool {
    items.iter().any(|item| !inner(&item.value).is_empty())
}

fn inline(value: &Form) -> String {
    match value {
        Form::Null => "null".to_owned(),
        Form::Bool(flag) => flag.to_string(),
        Form::Number(number) => number.clone(),
        Form::Text(text) => scalar(text),
        Form::List(items) => {
            format!("[{}]", items.iter().map(|item| inline(&item.value)).collect::<Vec<_>>().join(", "))
        }
        Form::Map(items) => {
            let pair = |item: &Item| {
                let key = item.path.first().map(|key| scalar(key)).unwrap_or_default();
                format!("{key}: {}", inline(&item.value))
            };
            format!("{{{}}}", items.iter().map(pair).collect::<Vec<_>>().join(", "))
        }
    }
}

fn gap(out: &mut String, item: &Item) {
    if item.has_gap && !out.is_empty() && !out.ends_with("\n\n") {
        out.push('\n');
    }
}

fn indent(out: &mut String, depth: usize) {
    out.extend(std::iter::repeat_n("  ", depth));
}

fn comments(out: &mut String, lines: &[String], depth: usize) {
    for line in lines {
        if line == EMPTY {
            out.push('\n');
            continue;
        }
        indent(out, depth);
        out.push_str(&format!("{}\n", comment(line)));
    }
}

fn comment(line: &str) -> String {
    if line.is_empty() { "#".to_owned() } else { format!("# {line}") }
}
