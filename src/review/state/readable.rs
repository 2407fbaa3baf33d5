//! Which roles the ACL policies of an app's tokens let it read.

use std::collections::BTreeSet;

use super::side::{App, Side};
use crate::acl::Acl;
use crate::object::KINDS;

/// Policies by name, with their texts.
pub(in crate::review) type Policies = Vec<(String, String)>;

impl App<'_, '_> {
    /// Its policies that are declared, with their texts.
    pub(in crate::review) fn texts(&self, side: &Side<'_>) -> Policies {
        let names = self.policies().into_iter();
        names.filter_map(|name| Some((name.clone(), side.acl_policy(&name)?.into_owned()))).collect()
    }
}

/// The roles whose credentials these policies let be read, of all that a side has, by path.
pub(in crate::review) fn readable<'s, 'a>(
    side: &'s Side<'a>,
    app: &App<'s, 'a>,
    known: &BTreeSet<&str>,
) -> Vec<&'s str> {
    let texts = app.texts(side);
    let issued: BTreeSet<String> =
        known.iter().filter_map(|path| side.role(path)).flat_map(|role| role.at.issued_at()).collect();
    if texts.iter().all(|(_, text)| names_only(text, &issued)) {
        return Vec::new();
    }
    let policies = texts.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    // A policy that can't be read is told where policies are compared.
    let Ok(acl) = Acl::of_texts(policies) else { return Vec::new() };
    let may_read = |path: &str| acl.capabilities(path).iter().any(|name| matches!(name.as_str(), "read" | "update"));
    side.roles()
        .filter(|role| !known.contains(role.object.path))
        .filter(|role| role.at.issued_at().any(|path| may_read(&path)))
        .map(|role| role.object.path)
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
