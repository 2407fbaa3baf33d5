//! How long an AWS engine's IAM users live: `<mount>/config/lease`. Both fields are always sent.
//!
//! Source: Vault API, "AWS secrets engine: configure lease".

use serde_json::{Map, Value};

use super::call::{Call, Lacks};
use super::field::{Field, Shape, Told};
use super::home::{ENGINES, Home};
use super::kind::live::Live;
use super::kind::object::Object;
use super::kind::words::{ANYTHING, Block, Key};
use super::kind::{Changed, Class, Delete, Kind, Leases, Special, Update};
use super::review::{Reviewed, Terms};
use super::wire::{post, seconds_text, with_others};

static FIELDS: &[Field] = &[
    seconds("lease", "How long a lease lives before it has to be renewed; 0 is the mount's default."),
    seconds("lease_max", "How long a lease lives at most, with all renewals; 0 is the mount's maximum."),
];

const fn seconds(name: &'static str, doc: &'static str) -> Field {
    Field { name, shape: Shape::Seconds, default: "0", told: Told::Readable, immutable: false, doc }
}

/// `lease { ... }` in an engine.
pub static LEASE: Block = Block {
    word: "lease",
    label: None,
    doc: "How long what the engine issues lives.",
    keys: &[Key::named("default", &KIND, "lease"), Key::named("max", &KIND, "lease_max")],
    check: ANYTHING,
};

/// Lease settings of AWS engines.
pub static KIND: Kind = Kind {
    name: "aws lease",
    class: Class::Config,
    home: Home::Setting { table: &ENGINES, mount_type: "aws", path: "config/lease" },
    leases: Leases::OfMount,
    reviewed: Reviewed::Terms(Terms { default: "lease", max: "lease_max" }),
    words: &LEASE,
    fields: FIELDS,
    update: Update::Replace,
    delete: Delete::Forget("the engine has no call that removes it: leases keep these terms until the mount goes"),
    parse: |data| Ok::<Map<String, Value>, Lacks>(data.clone()),
    write,
    special: Special { effect, ..Special::NONE },
};

fn write(object: &Object, live: Option<&Live>) -> Vec<Call> {
    let fields = FIELDS.iter().map(|field| (field.name, seconds_text(&object.value(field.name))));
    vec![with_others(post(object.path.clone(), fields), live)]
}

fn effect(_path: &str, change: Changed<'_>) -> Option<String> {
    match change {
        Changed::Updated(..) => Some("leases that are out take the new terms when they are renewed next".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::KIND;
    use crate::object::testing::{calls, object};

    #[test]
    fn both_terms_are_sent_also_when_one_is_cleared() {
        let path = "aws/config/lease";
        let live = KIND.live(path, json!({"lease": "1h0m0s", "lease_max": "2h0m0s"}).as_object().expect("a map"));
        let live = live.expect("parses");
        assert_eq!((&live.fields["lease"], &live.fields["lease_max"]), (&json!(3600), &json!(7200)));
        for (fields, expected) in [
            (vec![("lease", json!(3600)), ("lease_max", json!(7200))], json!({"lease": "3600s", "lease_max": "7200s"})),
            (vec![("lease", json!(3600))], json!({"lease": "3600s", "lease_max": "0s"})),
        ] {
            assert_eq!(calls(&object(&KIND, path, &fields), Some(&live)), json!([[path, expected]]));
        }
    }
}
