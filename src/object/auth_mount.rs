//! An auth method: `sys/auth/<path>`. The same fields and calls as a secrets engine, in another table.
//!
//! Source: Vault API, "/sys/auth".

use super::home::{Home, METHODS, key};
use super::kind::words::{ANYTHING, Block, Key};
use super::kind::{Changed, Class, Delete, Kind, Leases, Update};
use super::mount;
use super::review::Reviewed;

/// `auth "approle" { ... }`. What a method of its type has besides stands in blocks that its settings bring.
pub static AUTH: Block = Block {
    word: "auth",
    label: Some("The path of the mount, after `auth/`; its type as well, where none is written."),
    doc: "An auth method.",
    keys: &[
        Key::written(&KIND, "type"),
        Key::field(&KIND, "description"),
        Key::field(&KIND, "default_lease_ttl"),
        Key::field(&KIND, "max_lease_ttl"),
        Key::protect(),
    ],
    check: ANYTHING,
};

/// Auth methods.
pub static KIND: Kind = Kind {
    name: "auth method",
    class: Class::Mount,
    home: Home::Entry(&METHODS),
    leases: Leases::OfMount,
    reviewed: Reviewed::Fields(&mount::REMARKS),
    words: &AUTH,
    key: None,
    fields: mount::FIELDS,
    later: &[],
    update: Update::Merge,
    delete: Delete::ByPath,
    parse: mount::parse,
    write: mount::write,
    effect,
    built_in: |path| path.trim_end_matches('/') == "sys/auth/token",
};

fn effect(path: &str, change: Changed<'_>) -> Option<String> {
    let mount = key(&METHODS, path);
    match change {
        Changed::Created(_) => None,
        Changed::Updated(_, fields) => fields
            .contains(&"type")
            .then(|| format!("mounts auth/{mount} anew: every token it issued and every lease of those is revoked")),
        Changed::Deleted => {
            Some(format!("disables auth/{mount}: every token it issued and every lease of those is revoked"))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::KIND;
    use crate::object::testing::{calls, object};

    #[test]
    fn an_auth_method_is_enabled_and_tuned() {
        let desired = object(&KIND, "sys/auth/approle", &[("type", json!("approle")), ("description", json!("ci"))]);
        assert_eq!(
            calls(&desired, None),
            json!([["sys/auth/approle", {"type": "approle", "description": "ci", "config": {}}]])
        );
        let live = KIND.live("sys/auth/approle", json!({"type": "approle"}).as_object().expect("a map"));
        assert_eq!(
            calls(&desired, live.ok().as_ref()),
            json!([["sys/auth/approle/tune",
                {"description": "ci", "default_lease_ttl": "system", "max_lease_ttl": "system"}]])
        );
    }
}
