//! The tree that both syntaxes are spellings of.
//!
//! `kind "label" { k = v }` is `kind: {label: {k: v}}`. Every key and every value knows its place, and keeps
//! it when files are merged and overrides are laid over them.

use std::collections::HashSet;

use indexmap::IndexMap;

use super::blocks;
use super::problem::Draft;
use super::span::Span;
use crate::guardrail;
use crate::text::did_you_mean;

/// How deep values may nest in a file.
pub(crate) const DEPTH_MAX: usize = 64;

/// Values of one file, counted with what aliases repeat.
pub(crate) const NODES_MAX: usize = 500_000;

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// The value.
    pub(crate) content: Content,
    /// Where it stands.
    pub(crate) span: Span,
}

/// The content of a [`Node`].
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// Nothing: deletes, in an override.
    Null,
    /// What was not understood. It has been told, and whatever else seems wrong with it only follows from that.
    Broken,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text, in which `${var.x}` is not replaced yet.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map.
    Map(Map),
}

/// Keys in the order they were written.
pub(crate) type Map = IndexMap<String, Entry>;

/// A key's place and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Where the key stands.
    pub(crate) key_span: Span,
    /// The value.
    pub(crate) value: Node,
}

impl Node {
    /// The value's type in a message.
    pub(crate) fn type_name(&self) -> &'static str {
        match self.content {
            Content::Null => "nothing",
            Content::Broken => "what is not understood",
            Content::Bool(_) => "true or false",
            Content::Int(_) | Content::Float(_) => "a number",
            Content::Text(_) => "text",
            Content::List(_) => "a list",
            Content::Map(_) => "a map",
        }
    }

    /// How many values this is.
    pub(crate) fn count(&self) -> usize {
        1 + match &self.content {
            Content::List(items) => items.iter().map(Self::count).sum(),
            Content::Map(map) => map.values().map(|entry| entry.value.count()).sum(),
            _ => 0,
        }
    }
}

/// Adds one file's declarations. A label that is there already is a problem that names both places.
pub(crate) fn merge(into: &mut Map, file: Map, problems: &mut Vec<Draft>) {
    for (kind, entry) in file {
        let Content::Map(labels) = entry.value.content else {
            let what = format!("`{kind}` needs a label and a block, found {}", entry.value.type_name());
            problems.push(Draft::error(entry.value.span, what).hint(format!("write {kind} \"name\" {{ ... }}")));
            continue;
        };
        let kind_name = kind.clone();
        let slot = into.entry(kind).or_insert_with(|| Entry {
            key_span: entry.key_span,
            value: Node { content: Content::Map(Map::new()), span: entry.value.span },
        });
        merge_labels(&mut slot.value, labels, &kind_name, has_two_labels(&kind_name), problems);
    }
}

/// Adds labels and what is declared by them, or, of what has two labels, by the labels below.
fn merge_labels(into: &mut Node, labels: Map, kind: &str, is_outer: bool, problems: &mut Vec<Draft>) {
    let Content::Map(known) = &mut into.content else { return };
    // Most files bring labels that are not there yet.
    for (label, declaration) in labels {
        match known.entry(label) {
            indexmap::map::Entry::Vacant(vacant) => {
                vacant.insert(declaration);
            }
            indexmap::map::Entry::Occupied(mut first) => {
                let name = format!("{kind} \"{}\"", first.key());
                let first = first.get_mut();
                match (&first.value.content, declaration.value.content) {
                    (Content::Map(_), Content::Map(inner)) if is_outer => {
                        merge_labels(&mut first.value, inner, &name, false, problems);
                    }
                    _ => {
                        let what = format!("{name} is declared twice");
                        problems.push(twice(what, declaration.key_span, first.key_span));
                    }
                }
            }
        }
    }
}

/// Whether declarations of a kind have two labels: a login at the top level, where it is and its name.
pub(crate) fn has_two_labels(kind: &str) -> bool {
    kind == "login"
}

/// A problem with two places that say the same.
pub(crate) fn twice(what: String, second: Span, first: Span) -> Draft {
    Draft::error(second, what).label("again here").also(first, "first here")
}

/// Where values are that were not understood.
pub(crate) fn broken(map: &Map, found: &mut HashSet<Span>) {
    fn look(node: &Node, found: &mut HashSet<Span>) {
        match &node.content {
            Content::Broken => drop(found.insert(node.span)),
            Content::List(items) => items.iter().for_each(|item| look(item, found)),
            Content::Map(map) => broken(map, found),
            _ => {}
        }
    }
    map.values().for_each(|entry| look(&entry.value, found));
}

/// The words of statements in IAM's own documents and in Terraform's `aws_iam_policy_document`.
const FOREIGN: &[&str] =
    &["sid", "principals", "Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal"];

/// Whether what stands under a kind is the body of one block, where blocks by their labels should stand.
pub(crate) fn lacks_label(kind: &str, body: &Map) -> bool {
    let flat: Vec<&String> = body
        .iter()
        .filter(|(_, entry)| !matches!(entry.value.content, Content::Map(_) | Content::Null))
        .map(|(key, _)| key)
        .collect();
    // No label is called so.
    let known = |key: &&String| blocks::has_key(kind, key) || kind == "statement" && FOREIGN.contains(&key.as_str());
    !flat.is_empty() && (flat.len() == body.len() || flat.iter().any(known))
}

/// What is told of a block without a label.
pub(crate) fn needs_label(kind: &str, body: &Map, span: Span) -> Draft {
    let text = |key: &str| match body.get(key).map(|entry| &entry.value.content) {
        Some(Content::Text(text)) if !text.is_empty() && !text.contains('"') => Some(text.clone()),
        _ => None,
    };
    let sid = ["sid", "Sid"].iter().find_map(|key| text(key)).filter(|_| kind == "statement");
    let label =
        sid.unwrap_or_else(|| if kind == "path" || kind == "acl" { "aws/creds/..." } else { "name" }.to_owned());
    let condition = body.get("condition").and_then(|entry| match &entry.value.content {
        Content::Map(map) => terraform_condition(map),
        _ => None,
    });
    let inside = match (kind, &condition) {
        ("statement", Some(condition)) => {
            format!("actions = [...], resources = [...] and {condition}, each on a line of its own")
        }
        ("statement", None) => "actions = [...] and resources = [...], each on a line of its own".to_owned(),
        _ => "...".to_owned(),
    };
    let hint = match kind {
        "statement" => format!("write statement \"{label}\" {{ }} with {inside}; the label is the statement's Sid"),
        _ => format!("write {kind} \"{label}\" {{ {inside} }}"),
    };
    Draft::error(span, format!("`{kind}` needs a label")).hint(hint)
}

/// A condition in the words of Terraform's `aws_iam_policy_document`, as it is written here.
pub(crate) fn terraform_condition(map: &Map) -> Option<String> {
    let text = |key: &str| match map.get(key).map(|entry| &entry.value.content) {
        Some(Content::Text(text)) => Some(text.as_str()),
        _ => None,
    };
    let (test, variable) = (text("test")?, text("variable")?);
    let values = match map.get("values").map(|entry| &entry.value.content) {
        Some(Content::List(items)) => items
            .iter()
            .map(|item| match &item.content {
                Content::Text(text) => format!("\"{text}\""),
                _ => "...".to_owned(),
            })
            .collect::<Vec<_>>()
            .join(", "),
        _ => "...".to_owned(),
    };
    Some(format!("condition = {{ {test} = {{ \"{variable}\" = [{values}] }} }}"))
}

/// Whether a block without a label may stand several times in a declaration of this kind. Those are a list of maps:
/// HCL repeats the block, YAML writes the list.
pub(crate) fn is_repeated(kind: &str, block: &str) -> bool {
    match kind {
        "test" => ["allow", "deny", "never"].contains(&block),
        "guardrail" => block == "except" || guardrail::blocks().any(|known| known.name == block && known.is_written()),
        _ => false,
    }
}

/// Lays an environment's overrides over the declarations: scalars and lists are replaced, maps merged, null
/// deletes. Declarations and labelled blocks have to be there; an override that matches nothing is a problem.
pub(crate) fn overlay(base: &mut Map, over: &Map, problems: &mut Vec<Draft>) {
    for (kind, entry) in over {
        let Content::Map(labels) = &entry.value.content else {
            let what = format!("expected declarations of the kind `{kind}`, found {}", entry.value.type_name());
            problems.push(Draft::error(entry.value.span, what));
            continue;
        };
        let found = base.get_mut(kind).and_then(|entry| match &mut entry.value.content {
            Content::Map(map) if kind != "environment" => Some(map),
            _ => None,
        });
        let Some(found) = found else {
            problems
                .push(Draft::error(entry.key_span, format!("this override matches nothing: no `{kind}` is declared")));
            continue;
        };
        let matching = if has_two_labels(kind) { Matching::OuterLabels(kind) } else { Matching::Labels(kind) };
        overlay_map(found, labels, matching, problems);
    }
}

/// What the keys of a map are, which decides whether an override may add one.
#[derive(Clone, Copy)]
enum Matching<'a> {
    /// The first of two labels of blocks: they have to be there.
    OuterLabels(&'a str),
    /// Labels of blocks: they have to be there.
    Labels(&'a str),
    /// Fields of a declaration or block of this kind.
    Fields(&'a str),
    /// Keys of a plain map.
    Keys,
}

fn overlay_map(base: &mut Map, over: &Map, matching: Matching<'_>, problems: &mut Vec<Draft>) {
    for (key, entry) in over {
        let Some(found) = base.get_mut(key) else {
            match (matching, &entry.value.content) {
                (Matching::OuterLabels(kind) | Matching::Labels(kind), _) => {
                    let known = base.keys().map(String::as_str);
                    let what = format!("this override matches nothing: no {kind} `{key}` is declared");
                    problems.push(Draft::error(entry.key_span, what).hint_if(did_you_mean(key, known)));
                }
                (_, Content::Null) => {
                    let what = format!("this override matches nothing: `{key}` is not set");
                    problems.push(Draft::error(entry.key_span, what));
                }
                _ => {
                    base.insert(key.clone(), entry.clone());
                }
            }
            continue;
        };
        let inner = match matching {
            Matching::OuterLabels(kind) => Matching::Labels(kind),
            Matching::Labels(kind) => Matching::Fields(kind),
            Matching::Fields(_) if blocks::is_labelled(key) => Matching::Labels(key),
            Matching::Fields(_) | Matching::Keys => Matching::Keys,
        };
        match (&mut found.value.content, &entry.value.content) {
            (_, Content::Null) => {
                base.shift_remove(key);
            }
            // One of what may stand several times is a list of one, and lists are replaced.
            (Content::Map(found), Content::Map(over)) if !matches!(matching, Matching::Fields(kind) if is_repeated(kind, key)) =>
            {
                overlay_map(found, over, inner, problems);
            }
            _ => *found = entry.clone(),
        }
    }
}

/// A number that is no whole one of 64 bits.
///
/// # Errors
/// It is a whole number all the same, whose last digits a computer's numbers don't keep.
pub(crate) fn fraction(float: f64, span: Span) -> Result<Content, Draft> {
    if float.is_finite() && float.fract() != 0.0 || float.abs() < 1e15 {
        return Ok(Content::Float(float));
    }
    let draft = Draft::error(span, "this number is too large: its last digits would be lost");
    Err(draft.hint("put it in quotes, where what it is for takes text"))
}

#[cfg(test)]
mod tests;
