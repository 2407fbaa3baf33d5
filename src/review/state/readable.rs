//! Which roles the ACL policies of an app's tokens let it read.

use std::collections::BTreeSet;

use super::side::{App, Side};
use crate::acl::document::{Rule, parse_with_templates};
use crate::acl::{Acl, Capability, template};
use crate::object::KINDS;

/// Policies by name, with their texts.
pub(in crate::review) type Policies = Vec<(String, String)>;

impl App<'_, '_> {
    /// Its policies that are declared, with their texts.
    pub(in crate::review) fn texts(&self, side: &Side<'_>) -> Policies {
        let names = self.policies().into_iter();
        names.filter_map(|name| Some((name.clone(), side.acl_policy(&name)?.into_owned()))).collect()
    }

    /// What a template in a policy stands for at this app's logins; nothing where only the engine knows. Accessors are
    /// the engine's own: that of a method is known by its type, so this is of an app that has one login.
    fn known(&self, selector: &str) -> Option<String> {
        let (accessor, field) = selector.strip_prefix("identity.entity.aliases.")?.split_once('.')?;
        let mut logins = self.logins();
        let (login, None) = (logins.next()?, logins.next()) else { return None };
        let (_, name) = login.path.rsplit_once('/')?;
        let of_method = format!("auth_{}_", login.kind.mount_type()?);
        let words = login.kind.login_words().filter(|_| accessor.starts_with(&of_method))?;
        (words.alias)(login, name, field)
    }

    /// The templated paths of its policies by which it may read a role's credentials.
    pub(in crate::review) fn open_paths(&self, side: &Side<'_>) -> Vec<String> {
        let unknown = |path: &String| {
            side.roles().any(|role| {
                role.at.issued_at().any(|at| template::may_match(path, &at, |selector| self.known(selector)))
            })
        };
        templates(&self.texts(side)).into_iter().filter(unknown).collect()
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
    let open = templates(&texts);
    let may_read = |path: &str| {
        acl.capabilities(path).iter().any(|name| matches!(name.as_str(), "read" | "update"))
            || open.iter().any(|pattern| template::may_match(pattern, path, |selector| app.known(selector)))
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
