//! What there is no object of: the paths at which there is none without a word, and what our own engine does not have.
//!
//! A path that a kind knows is refused with the word for it. What decides who may do what on an engine has no such object
//! either: nothing here could tell what it would allow, and it would be a way around reviews and guardrails.

use super::home::{DEVICES, Home, Table};
use super::kind::Kind;
use super::kind::live::Live;
use super::kind::object::Object;
use super::kind::words::Is;
use super::kv_version::{PLAIN, VERSION, VERSIONED};
use super::review::Reviewed;
use super::table::KINDS;
use super::{aws_root, mount, quota, transit_key, tuning};

/// What of an object our own engine does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotOurs {
    /// A field.
    Field(&'static str),
    /// The way from one version of a key-value engine to the next.
    Upgrade,
}

/// What of an object our own engine does not have; `live` is the object as it stands, where that is known.
pub fn not_ours(object: &Object, live: Option<&Live>) -> Option<NotOurs> {
    let is_set = |name: &&str| object.kind.field(name).is_some_and(|field| object.value(name) != field.default_value());
    let of_root = aws_root::NOT_OURS.into_iter().filter(|_| object.kind == &aws_root::KIND);
    let of_quota = quota::NOT_OURS.into_iter().filter(|_| object.kind == &quota::KIND);
    let field = tuning::NOT_OURS.into_iter().chain(of_root).chain(of_quota).find(is_set).map(NotOurs::Field);
    let version = live.and_then(|live| live.fields.get(VERSION));
    let is_upgraded = version.is_some_and(|version| *version == 1 && object.value(VERSION) == 2);
    field.or_else(|| is_upgraded.then_some(NotOurs::Upgrade))
}

/// The field of an object by which our own engine does something that others keep and do nothing about.
pub fn only_ours(object: &Object) -> Option<&'static str> {
    object.kind.field(mount::EMERGENCY)?;
    (object.value(mount::EMERGENCY) == true).then_some(mount::EMERGENCY)
}

/// Why no such object may be at a path, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// What is there.
    pub what: String,
    /// What to do.
    pub hint: String,
}

/// The parts of `sys/` that hold settings for which there may be no word. Everything else there is a kind's, is no
/// setting, or decides who may do what.
const SETTINGS: [&str; 4] = ["config/", "quotas/", "plugins/catalog/", "namespaces/"];

/// Whether a path has a word, or decides who may do what, whatever is mounted.
pub fn is_taken(path: &str) -> Option<Taken> {
    let taken = |what: &str, hint: String| Some(Taken { what: what.to_owned(), hint });
    if let Some(below) = path.strip_prefix("sys/") {
        let of_kind = KINDS.iter().find(|kind| match &kind.home {
            Home::Entry(table) => is_below(path, table.list),
            Home::Folder { path: folder, .. } | Home::Named { path: folder } => is_below(path, folder),
            _ => false,
        });
        return match of_kind {
            Some(kind) => {
                let worded = worded(kind);
                let is_mount = matches!(&kind.home, Home::Entry(table) if table.list != DEVICES.list);
                let others = "; what else is mounted is no object: mount it by hand, and declare what is in it";
                let hint = if is_mount { worded.hint + others } else { worded.hint };
                Some(Taken { hint, ..worded })
            }
            None if below.starts_with("policy/") => taken("an acl policy", "declare it by `policy`".to_owned()),
            None if SETTINGS.iter().any(|part| below.starts_with(part)) => None,
            None => {
                let parts: Vec<String> = SETTINGS.iter().map(|part| format!("sys/{part}")).collect();
                taken("no setting that an object can be", format!("under sys/ there are {}", parts.join(", ")))
            }
        };
    }
    if path.starts_with("auth/") {
        return taken("what decides who may log in", "declare it by `auth`, and by `login` in an app".to_owned());
    }
    if path.starts_with("identity/") {
        let of_kind = KINDS.iter().find(|kind| {
            matches!(kind.home,
            Home::Folder { path: folder, .. } | Home::Named { path: folder } if is_below(path, folder))
        });
        let hint = match is_below(path, "identity/oidc") {
            true => "what an identity token says of who has it: declare who they are by `user` and `group`",
            false => "declare people by `user`, with their `aliases`, and what they are in by `group`",
        };
        return of_kind.map(|kind| worded(kind)).or(taken("what decides who has which policies", hint.to_owned()));
    }
    if path.starts_with("leasehold/") || path.starts_with("cubbyhole/") {
        return taken("what the engine or its ledger keeps for itself", "choose another path".to_owned());
    }
    None
}

/// Whether a path below a mount of a type has a word: where roles or logins of a type decide who may do what, nothing is
/// taken for something else there.
pub fn is_taken_below(table: &Table, mount_type: &str, path: &str) -> Option<Taken> {
    let kinds = || KINDS.iter().filter(|kind| kind.table() == Some(table) && kind.mount_type() == Some(mount_type));
    let first = kinds().next()?;
    // What is below an object is a part of it.
    let mut at_or_above = path.match_indices('/').map(|(at, _)| &path[..at]).chain([path]);
    if let Some(kind) = at_or_above.find_map(|path| kinds().find(|kind| kind.mount_of(path).is_some())) {
        return Some(worded(kind));
    }
    kinds().any(|kind| matches!(kind.reviewed, Reviewed::Access(_) | Reviewed::Login(_))).then(|| Taken {
        what: format!("below a mount of the type {mount_type}"),
        hint: format!("what such a mount has is declared by words of its own, as `{}`", first.words.word),
    })
}

/// Below which folders engines of other types hand out what they make, at a read: database, RabbitMQ, Consul, Nomad, SSH,
/// LDAP, Kubernetes, Azure, TOTP, Terraform.
const HANDED_OUT: [&str; 6] = ["creds", "static-creds", "static-cred", "sts", "code", "token"];

/// Whether what is at a path shows a secret: `rest` is what comes behind the mount, whose type says its version where it has
/// one. A plan would show it to whoever reads it.
///
/// Source: Vault API, "KV secrets engine, version 2", "Transit secrets engine".
pub fn is_secret_below(mount_type: &str, rest: &str) -> Option<Taken> {
    let folder = rest.split('/').next().unwrap_or_default();
    let shows = match mount_type {
        VERSIONED => folder == "data",
        transit_key::TYPE => ["export", "backup", "datakey"].contains(&folder),
        // It keeps what it is told, at any path.
        PLAIN => false,
        _ => HANDED_OUT.contains(&folder),
    };
    shows.then(|| Taken {
        what: "a secret, or shows one".to_owned(),
        hint: "a plan would show it: leave it to whoever has it, or write it by hand".to_owned(),
    })
}

fn worded(kind: &'static Kind) -> Taken {
    let what = format!("an object of the sort `{}`", kind.name);
    Taken { what, hint: format!("declare it by {}", words_for(kind)) }
}

/// The words by which objects of a kind are declared: of secrets engines each type has its own.
fn words_for(kind: &'static Kind) -> String {
    let is_of_kind = |is: &Is| matches!(is, Is::Field(of, _) | Is::Written(of, _) if *of == kind);
    let declares = |other: &&&Kind| {
        **other == kind || (other.words.label.is_some() && other.words.keys().any(|key| is_of_kind(&key.is)))
    };
    let mut words: Vec<String> = Vec::new();
    for word in KINDS.iter().filter(declares).map(|other| format!("`{}`", other.words.word)) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    match words.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => words.concat(),
    }
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::{is_secret_below, is_taken, is_taken_below};
    use crate::object::home::{ENGINES, METHODS};

    #[test]
    fn secrets_are_no_objects() {
        for (mount_type, rest, expected) in [
            ("kv-v2", "data/web", true),
            ("kv-v2", "metadata/web", false),
            ("kv-v2", "config", false),
            ("kv-v1", "data/web", false),
            ("kv-v1", "creds/web", false),
            ("rabbitmq", "creds/r", true),
            ("rabbitmq", "roles/r", false),
            ("totp", "code/t", true),
            ("transit", "export/hmac-key/h", true),
            ("transit", "keys/h/config", false),
            ("database", "data/web", false),
        ] {
            assert_eq!(is_secret_below(mount_type, rest).is_some(), expected, "{mount_type} {rest}");
        }
    }

    #[test]
    fn paths_that_have_words_or_decide_who_may_do_what_are_taken() {
        for (path, expected) in [
            ("sys/mounts/x", Some("declare it by `aws`, `kv` or `transit`")),
            ("sys/mounts/x/tune", Some("declare it by `aws`, `kv` or `transit`")),
            ("sys/auth/x", Some("declare it by `auth`")),
            ("sys/audit/x", Some("declare it by `audit`")),
            ("sys/policies/acl/x", Some("declare it by `policy`")),
            ("sys/policy/x", Some("declare it by `policy`")),
            ("sys/policies/password/x", Some("declare it by `password_policy`")),
            ("sys/quotas/rate-limit/x", Some("declare it by `quota`")),
            ("sys/quotas/config", None),
            ("sys/config/cors", None),
            ("sys/policies/egp/x", Some("under sys/ there are")),
            ("sys/raw/core", Some("under sys/ there are")),
            ("auth/approle/role/x", Some("declare it by `auth`")),
            ("identity/group/name/x", Some("declare it by `group`")),
            ("identity/entity/name/x", Some("declare it by `user`")),
            ("identity/entity-alias", Some("with their `aliases`")),
            ("leasehold/data/x", Some("choose another path")),
            ("db/roles/x", None),
        ] {
            let hint = is_taken(path).map(|taken| taken.hint);
            assert_eq!(hint.is_some(), expected.is_some(), "{path}: {hint:?}");
            assert!(expected.is_none_or(|text| hint.unwrap_or_default().contains(text)), "{path}");
        }
        let below = |table, mount_type, path| is_taken_below(table, mount_type, path).map(|taken| taken.hint);
        assert_eq!(below(&ENGINES, "aws", "a/roles/x").as_deref(), Some("declare it by `role`"));
        assert_eq!(below(&ENGINES, "aws", "a/config/root").as_deref(), Some("declare it by `aws`"));
        assert!(below(&ENGINES, "aws", "a/else").is_some());
        assert_eq!(below(&ENGINES, "database", "db/roles/x"), None);
        assert_eq!(below(&ENGINES, "kv-v2", "secret/config").as_deref(), Some("declare it by `kv`"));
        assert_eq!(below(&ENGINES, "kv-v2", "secret/data/x"), None);
        assert_eq!(below(&ENGINES, "kv-v1", "plain/config"), None);
        assert_eq!(below(&ENGINES, "transit", "t/keys/x/config").as_deref(), Some("declare it by `transit`"));
        assert_eq!(below(&ENGINES, "transit", "t/cache-config"), None);
        assert!(below(&METHODS, "approle", "auth/approle/role/x").is_some());
    }
}
