//! Which roles the ACL policies of an app's tokens let it read.

use std::collections::BTreeSet;

use super::side::Side;
use crate::acl::document::{Rule, parse_with_templates};
use crate::acl::{Acl, Capability, template};
use crate::object::KINDS;

/// Policies by name, with their texts.
pub(in crate::review) type Policies = Vec<(String, String)>;

/// The roles whose credentials these policies let be read, of all that a side has, by path.
/// `stands` says what a template in them stands for, where that is known.
pub(super) fn readable<'s>(
    side: &'s Side<'_>,
    texts: &Policies,
    stands: impl Fn(&str) -> Option<String>,
    known: &BTreeSet<&str>,
) -> Vec<&'s str> {
    let issued: BTreeSet<String> =
        known.iter().filter_map(|path| side.role(path)).flat_map(|role| role.at.issued_at()).collect();
    if texts.iter().all(|(_, text)| names_only(text, &issued)) {
        return Vec::new();
    }
    let policies = texts.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    // A policy that can't be read is told where policies are compared.
    let Ok(acl) = Acl::of_texts(policies) else { return Vec::new() };
    let open = templates(texts);
    let may_read = |path: &str| {
        acl.capabilities(path).iter().any(|name| matches!(name.as_str(), "read" | "update"))
            || open.iter().any(|pattern| template::may_match(pattern, path, &stands))
    };
    side.roles()
        .filter(|role| !known.contains(role.object.path))
        .filter(|role| role.at.issued_at().any(|path| may_read(&path)))
        .map(|role| role.object.path)
        .collect()
}

/// The templated paths of policies below which something may be read.
pub(in crate::review) fn templates(texts: &Policies) -> Vec<String> {
    let reads = |rule: &Rule| [Capability::Read, Capability::Update].iter().any(|one| rule.capabilities.has(*one));
    texts
        .iter()
        // Without braces and escapes there is no template to look for.
        .filter(|(_, text)| text.contains("{{") || text.contains('\\'))
        .filter_map(|(_, text)| parse_with_templates(text).ok())
        .flatten()
        .filter(|rule| template::is_templated(&rule.path) && reads(rule))
        .map(|rule| rule.path)
        .collect()
}

/// Whether a policy's text, without parsing it, names only these of all paths at which roles issue.
fn names_only(text: &str, issued: &BTreeSet<String>) -> bool {
    // Patterns, escapes and templates need a closer look.
    if text.contains(['*', '+', '\\']) || text.contains("{{") {
        return false;
    }
    let folders: BTreeSet<&str> = KINDS.iter().flat_map(|kind| kind.issued_in()).copied().collect();
    folders.iter().all(|folder| {
        text.match_indices(&format!("/{folder}/")).all(|(at, word)| {
            let start = text[..at].rfind('"').map_or(0, |quote| quote + 1);
            let rest = &text[at + word.len()..];
            let role = &rest[..rest.find('"').unwrap_or(rest.len())];
            issued.contains(&format!("{}{word}{role}", &text[start..at]))
        })
    })
}
