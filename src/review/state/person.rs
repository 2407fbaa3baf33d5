//! Users and groups: who has policies whatever they log in by.
//!
//! An engine gives a token the policies of its login, those of its user, and those of each group that the user is in, also by
//! another group. The rule that counts for a path is a rule of one of them, and counts for it as well where that one is alone:
//! together they let nothing be read that none of them does. So a user, with the groups that name it, and a group are somebody
//! of their own, and whoever logs in as either has not more than the login and these have. What another one's policies deny is
//! not taken away.
//!
//! Source: Vault, "Identity: policies"; which rule counts is [`crate::acl`]'s.

use std::collections::BTreeSet;

use super::object::SideObject;
use super::side::{Aliases, Memberships, Side};
use crate::object::Shape;
use crate::object::home::METHODS;

/// Whom the groups of a side name.
fn memberships(side: &Side<'_>) -> Memberships {
    let mut all = Memberships::new();
    for group in side.objects() {
        let Some(person) = group.kind.person() else { continue };
        for field in person.members {
            let Some(Shape::Names(ids)) = group.kind.field(field).map(|field| field.shape) else { continue };
            for name in group.texts(field) {
                all.entry(ids.path(&name)).or_default().push(group.path.to_owned());
            }
        }
    }
    all
}

fn aliases(side: &Side<'_>) -> Aliases {
    let mut all = Aliases::new();
    for user in side.objects() {
        let Some(field) = user.kind.person().and_then(|person| person.aliases) else { continue };
        for (method, name) in user.pairs(field) {
            all.entry(method).or_default().entry(name).or_default().push(user.path.to_owned());
        }
    }
    all
}

/// The method of a login, and the name that it gives, where that is known before it is used.
fn named(login: &SideObject<'_>) -> Option<(String, Option<String>)> {
    let method = login.kind.mount_path(login.path)?.strip_prefix(METHODS.entry("").as_str())?.to_owned();
    let name = login.path.rsplit('/').next().unwrap_or_default();
    let named = login.kind.login_words().and_then(|words| (words.alias)(login, name, "name"));
    Some((method, named))
}

/// The users as whom tokens of logins act: those that have the login's name at its method as an alias.
pub(super) fn behind<'s, 'a: 's>(
    side: &'s Side<'a>,
    logins: impl Iterator<Item = &'s SideObject<'a>>,
) -> BTreeSet<&'s str> {
    let aliases = side.aliases.get_or_init(|| aliases(side));
    if aliases.is_empty() {
        return BTreeSet::new();
    }
    let users = logins.filter_map(|login| {
        let (method, name) = named(login)?;
        aliases.get(&method)?.get(&name?)
    });
    users.flatten().map(String::as_str).collect()
}

/// The methods of logins at which users have names, where it is not known which name the login has.
pub(super) fn unsettled<'s, 'a: 's>(
    side: &'s Side<'a>,
    logins: impl Iterator<Item = &'s SideObject<'a>>,
) -> Vec<String> {
    let aliases = side.aliases.get_or_init(|| aliases(side));
    if aliases.is_empty() {
        return Vec::new();
    }
    let open = logins.filter_map(|login| match named(login)? {
        (method, None) if aliases.contains_key(&method) => Some(method),
        _ => None,
    });
    open.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The objects whose policies somebody has: their own, and those of the groups that they are in. None while they are disabled.
pub(super) fn given<'a>(side: &Side<'a>, path: &str) -> Vec<SideObject<'a>> {
    let memberships = side.memberships.get_or_init(|| memberships(side));
    let mut found = Vec::new();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut open = vec![path];
    while let Some(path) = open.pop() {
        let Some(object) = side.object(path).filter(|_| seen.insert(path)) else { continue };
        let is_disabled =
            object.kind.person().and_then(|person| person.disabled).is_some_and(|field| object.flag(field));
        if !is_disabled {
            found.push(*object);
            open.extend(memberships.get(path).into_iter().flatten().map(String::as_str));
        }
    }
    found
}

/// What a template in a policy stands for at a user; nothing where only the engine knows. Who is in a group is anybody.
pub(super) fn known(side: &Side<'_>, user: &SideObject<'_>, selector: &str) -> Option<String> {
    let person = user.kind.person().filter(|person| person.members.is_empty())?;
    let field = selector.strip_prefix("identity.entity.")?;
    if field == "name" {
        return user.kind.name_of(user.path).map(str::to_owned);
    }
    if let Some(key) = field.strip_prefix("metadata.") {
        // What isn't there is filled in with nothing, and the rule with it stands for no name.
        return Some(user.pairs(person.metadata).remove(key).unwrap_or_default());
    }
    let (accessor, "name") = field.strip_prefix("aliases.")?.split_once('.')? else { return None };
    // Accessors are the engine's own: that of a method is known by its type.
    let is_of = |method: &String| {
        let mount = side.object(&METHODS.entry(method))?;
        Some(accessor.starts_with(&format!("auth_{}_", mount.text("type"))))
    };
    let aliases = user.pairs(person.aliases?);
    let of_type: Option<Vec<&String>> = aliases
        .iter()
        .filter_map(|(method, name)| is_of(method).map_or(Some(None), |is| is.then_some(Some(name))))
        .collect();
    match of_type?.as_slice() {
        [name] => Some((*name).clone()),
        _ => None,
    }
}
