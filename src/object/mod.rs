//! What an engine can hold: objects, and the kinds that describe them.
//!
//! A kind is one file, and one line in [`KINDS`]. It is a description, and the few functions that differ:
//!
//! - its fields ([`Field`]), from which schema, comparison, reading and writing come;
//! - its class ([`Class`]), which decides the order of a plan and what drift counts as not ours;
//! - its home ([`Home`]): how its paths look, how it is listed, what has to be there before it;
//! - its leases ([`Leases`]): what is out under it when it changes;
//! - its words ([`words::Block`]): what an author may write, and the hints about anything else;
//! - what a review reads of it ([`Reviewed`]), with the words that only it can say.
//!
//! Other rooms ask for these and name no kind; `trial.rs`, which only the tests have, is a login made of nothing else.
//! Pure: nothing here talks to an engine; it says what to ask and how to read the answer.

mod absent;
mod access_key;
pub mod acl_policy;
mod alias;
pub mod any_object;
pub mod approle_role;
pub mod audit_device;
pub mod auth_mount;
pub mod aws_auth_account;
pub mod aws_auth_identity;
pub mod aws_auth_role;
pub mod aws_lease;
pub mod aws_role;
pub mod aws_root;
mod call;
pub mod cert_role;
mod document;
pub mod entity;
pub mod field;
pub mod fingerprint;
pub mod group;
pub mod home;
mod ids;
pub mod jwt_role;
mod kind;
pub mod kubernetes_role;
pub mod kv_config;
pub mod kv_version;
mod leaf;
pub mod mount;
mod mounted;
mod named;
pub mod oidc_role;
mod owned;
mod partial;
pub mod password_policy;
mod place;
pub mod quota;
mod renamed;
pub mod review;
mod role;
mod shared;
pub mod statement;
pub mod static_role;
mod table;
mod taken;
mod token_fields;
pub mod token_role;
pub mod transit_key;
mod tuning;
pub mod userpass_user;
mod wire;

pub use self::absent::{Absence, Absent};
pub use self::access_key::{KeyChange, KeyFate};
pub use self::any_object::told_anything;
pub use self::call::{Call, Lacks, Made, Read, Verb};
pub use self::document::{Document, Documents};
pub use self::field::{Field, Misfit, Shape, Told};
pub use self::home::{Home, Taking};
pub use self::ids::{Ids, NAME, name_of_person};
pub use self::kind::key::RootKey;
pub use self::kind::live::Live;
pub use self::kind::object::{Object, OnChange, OnRotate, Unresolvable};
pub use self::kind::obstacle::{Obstacle, Step};
pub use self::kind::{Changed, Class, Delete, Kind, Leases, Parse, Update, words};
pub use self::kv_version::told_type;
pub use self::leaf::{FieldValue, Leaf, Origin};
pub use self::mounted::{Mount, keyed_mount, terms_of};
pub use self::owned::{Malformed, Owned, Progress};
pub use self::partial::partial;
pub use self::place::Place;
pub use self::renamed::Renames;
pub use self::review::Reviewed;
pub use self::role::RolePath;
pub use self::shared::Shared;
pub use self::table::{KINDS, engines, kind, login_of, methods, policy_name, policy_path, role_words, roles};
pub use self::taken::{NotOurs, Taken, is_secret_below, is_taken, is_taken_below, not_ours, only_ours};

#[cfg(test)]
mod trial;

/// What the tests of the kinds share.
#[cfg(test)]
pub(crate) mod testing {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::{FieldValue, Kind, Leaf, Live, Object, Place};

    /// A leaf from nowhere.
    pub(crate) fn leaf(value: FieldValue) -> Leaf {
        Leaf::new(value, place())
    }

    fn place() -> Place {
        Place { file: Arc::from("test.hcl"), line: 1, column: 1 }
    }

    /// An object with these fields.
    pub(crate) fn object(kind: &'static Kind, path: &str, fields: &[(&'static str, Value)]) -> Object {
        Object {
            kind,
            path: path.to_owned(),
            app: None,
            place: place(),
            fields: fields.iter().map(|(name, value)| (*name, leaf(FieldValue::Data(value.clone())))).collect(),
            protect: false,
            expires: None,
            renamed_from: None,
            on_rotate: super::OnRotate::Seen,
            on_change: super::OnChange::Keep,
        }
    }

    /// The calls that write it, as `[[path, body], ...]`.
    pub(crate) fn calls(object: &Object, live: Option<&Live>) -> Value {
        (object.kind.write)(object, live).into_iter().map(|call| json!([call.path, call.body])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{KINDS, Shape, Told, Update, field};

    #[test]
    fn what_an_engine_has_beside_the_table_goes_with_each_write_that_would_reset_it() {
        let (field, value) = ("of_a_later_version", serde_json::json!("kept"));
        for kind in KINDS.iter().filter(|kind| kind.update != Update::Merge) {
            let mut answer = serde_json::json!({"policy": "# none", "type": "file", "rate": 1, field: value});
            answer["options"] = serde_json::json!({ field: value });
            let live = kind.live("a/b", answer.as_object().expect("a map")).expect("parses");
            assert_eq!(live.others.get(field), Some(&value), "{}", kind.name);
            let calls = super::testing::calls(&super::testing::object(kind, "a/b", &[]), Some(&live)).to_string();
            assert!(calls.contains(r#""of_a_later_version":"kept""#), "{}: {calls}", kind.name);
        }
    }

    #[test]
    fn every_default_is_json_in_canonical_form() {
        for kind in KINDS {
            for field in kind.fields {
                let default: serde_json::Value = serde_json::from_str(field.default).expect(field.default);
                if !default.is_null() {
                    assert_eq!(field::normalise(field.shape, &default), Ok(default), "{} {}", kind.name, field.name);
                }
            }
        }
    }

    #[test]
    fn names_are_unique_and_secrets_are_write_only() {
        for (index, kind) in KINDS.iter().enumerate() {
            assert!(KINDS[..index].iter().all(|other| other.name != kind.name));
            for (index, field) in kind.fields.iter().enumerate() {
                assert!(kind.fields[..index].iter().all(|other| other.name != field.name));
                assert!(field.shape != Shape::Secret || field.told == Told::WriteOnly);
            }
            assert!(kind.update != Update::Recreate || kind.name == "audit device");
        }
    }
}
