//! An auth method: `sys/auth/<path>`. The same fields and calls as a secrets engine, in another table.
//!
//! Source: Vault API, "/sys/auth".

use super::field::Field;
use super::home::{Home, METHODS, key};
use super::kind::words::{ANYTHING, Block, Key};
use super::kind::{Changed, Class, Delete, Kind, Leases, Special, Update};
use super::mount;
use super::review::Reviewed;
use super::tuning;

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
        Key::field(&KIND, "audit_non_hmac_request_keys"),
        Key::field(&KIND, "audit_non_hmac_response_keys"),
        Key::field(&KIND, "listing_visibility"),
        Key::field(&KIND, "passthrough_request_headers"),
        Key::field(&KIND, "allowed_response_headers"),
        Key::field(&KIND, "token_type"),
        Key::block(&LOCKOUT),
        Key::shared(),
        Key::life(),
    ],
    check: ANYTHING,
};

/// `lockout { ... }` in it.
pub static LOCKOUT: Block = Block {
    word: "lockout",
    label: None,
    doc: "When whoever fails to log in again and again has to wait.",
    keys: &[
        Key::named("threshold", &KIND, "lockout_threshold"),
        Key::named("duration", &KIND, "lockout_duration"),
        Key::named("counter_reset", &KIND, "lockout_counter_reset"),
        Key::named("disable", &KIND, "lockout_disable"),
    ],
    check: ANYTHING,
};

static FIELDS: [Field; 4 + tuning::FIELDS + tuning::AUTH_FIELDS] = tuning::after(mount::OWN);

/// Auth methods.
pub static KIND: Kind = Kind {
    name: "auth method",
    class: Class::Mount,
    home: Home::Entry(&METHODS),
    leases: Leases::OfMount,
    reviewed: Reviewed::Fields(&mount::REMARKS),
    words: &AUTH,
    fields: &FIELDS,
    update: Update::Merge,
    delete: Delete::ByPath,
    parse: mount::parse,
    write: mount::write,
    special: Special {
        later: tuning::LATER,
        effect,
        built_in: |path| path.trim_end_matches('/') == "sys/auth/token",
        ..Special::NONE
    },
};

fn effect(path: &str, change: Changed<'_>) -> Option<String> {
    let mount = key(&METHODS, path);
    match change {
        Changed::Created(_) => None,
        Changed::Updated(_, fields) => fields
            .contains(&"type")
            .then(|| format!("mounts auth/{mount} anew: every token it issued and every lease of those is revoked")),
        Changed::Deleted(_) => {
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
