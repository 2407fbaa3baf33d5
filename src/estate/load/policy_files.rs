//! Which `*.hcl` files hold the rules of a policy and no declarations.
//!
//! Vault's own policy files end in `.hcl` too, so a tree holds both. A file is one of a policy when a `policy` names
//! it, in whatever environment, and it declares nothing: naming a file must not be a way to take declarations out of
//! the estate, a guardrail among them.

use std::collections::HashSet;

use super::{DECLARATIONS, ParsedFile};
use crate::acl::hcl;
use crate::estate::source::Sources;
use crate::estate::tree::{Content, Map};

/// The indices of the files that hold rules only.
pub(super) fn find(sources: &Sources, files: &[ParsedFile]) -> HashSet<usize> {
    let mut named = Vec::new();
    for map in files.iter().filter_map(|(tree, _)| tree.as_ref()) {
        names(map, &mut named);
        for environment in labelled(map, "environment") {
            if let Some(Content::Map(over)) = environment.get("override").map(|entry| &entry.value.content) {
                names(over, &mut named);
            }
        }
    }
    if named.is_empty() {
        return HashSet::new();
    }
    let is_policy = |index: &usize| {
        let source = &sources.files()[*index];
        let (tree, _) = &files[*index];
        source.name.ends_with(".hcl")
            && named.iter().any(|pattern| matches(pattern, &source.name))
            && !declares(tree.as_ref(), &source.text)
    };
    (0..files.len()).filter(is_policy).collect()
}

/// Whether a file holds a declaration, also where its syntax does not hold in the house's HCL.
fn declares(tree: Option<&Map>, text: &str) -> bool {
    let is_kind = |key: &str| DECLARATIONS.contains(&key);
    match tree {
        Some(map) => map.keys().any(|key| is_kind(key)),
        None => match hcl::parse(text) {
            Ok(items) => items.iter().any(|item| is_kind(&item.keys[0])),
            // Of neither syntax: by the first words of its lines.
            Err(_) => text.lines().any(|line| {
                let word = line.trim_start().split(|c: char| !(c.is_alphanumeric() || c == '_')).next();
                word.is_some_and(is_kind)
            }),
        },
    }
}

fn labelled<'a>(map: &'a Map, kind: &str) -> impl Iterator<Item = &'a Map> {
    let inner = |kind: &'a Content| match kind {
        Content::Map(map) => Some(map),
        _ => None,
    };
    let labels = map.get(kind).and_then(move |entry| inner(&entry.value.content));
    labels.into_iter().flat_map(|labels| labels.values()).filter_map(move |entry| inner(&entry.value.content))
}

/// The files that the policies of a tree name, with their variables.
fn names(map: &Map, found: &mut Vec<String>) {
    for policy in labelled(map, "policy") {
        if let Some(Content::Text(text)) = policy.get("file").map(|entry| &entry.value.content)
            && let Some(name) = text.strip_prefix("file:")
        {
            found.push(name.trim_start_matches("./").to_owned());
        }
    }
}

/// Whether a name is one that a text can become, whatever its variables are.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once("${") else { return pattern == name };
    let Some(mut left) = name.strip_prefix(start) else { return false };
    let mut parts = rest.split("${").map(|part| part.split_once('}').map_or("", |(_, fixed)| fixed)).peekable();
    while let Some(fixed) = parts.next() {
        if parts.peek().is_none() {
            return left.ends_with(fixed);
        }
        let Some(at) = left.find(fixed) else { return false };
        left = &left[at + fixed.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_variable_in_a_name_may_be_anything() {
        for (pattern, name, fits) in [
            ("acl/q.hcl", "acl/q.hcl", true),
            ("acl/q.hcl", "acl/q.hcl.hcl", false),
            ("acl/${env.name}.hcl", "acl/prod.hcl", true),
            ("acl/${env.name}/${var.x}.hcl", "acl/prod/q.hcl", true),
            ("acl/${env.name}/${var.x}.hcl", "acl/q.hcl", false),
            ("acl/${env.name}.hcl", "iam/prod.hcl", false),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }
}
