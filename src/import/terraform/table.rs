//! Which resources of Terraform's provider for Vault are which objects, field by field: the table that everything here
//! follows. A resource is a row of [`RESOURCES`]; what it makes are kinds by their names, and a field is a line that says
//! where it goes in what an engine would answer of the object, or why it goes nowhere.
//!
//! Source: documentation and schemas of the provider `hashicorp/vault`, version 5.

mod engines;
mod methods;
mod people;
mod server;

use super::claims;
use super::resource::Resource;
use serde_json::Value;

/// A resource of the provider.
pub(super) struct ResourceType {
    /// Its type: `vault_policy`.
    pub(super) name: &'static str,
    /// What it is to be, in order.
    pub(super) makes: Makes,
    /// What it is called by what names it as `TYPE.NAME.id`.
    pub(super) id: Id,
    /// The fields that say where what it makes is: of the mount, and of the name in it.
    pub(super) mount: &'static str,
    pub(super) name_field: &'static str,
    /// Its fields.
    pub(super) fields: &'static [&'static [Row]],
}

/// What a resource becomes.
pub(super) enum Makes {
    /// Objects of the first of these kinds that its mount has, for each list.
    Objects(&'static [&'static [&'static str]]),
    /// A part of another resource's object, which the field names by its id.
    PartOf {
        /// The field with the id.
        field: &'static str,
        /// The type of that resource.
        of: &'static str,
    },
}

/// What the id of a resource is.
pub(super) enum Id {
    /// The value of a field.
    Field(&'static str),
    /// Something that only the engine knows.
    Made,
}

/// A field of a resource.
#[derive(Clone, Copy)]
pub(super) struct Row {
    /// Its name.
    pub(super) word: &'static str,
    /// Where it goes.
    pub(super) to: To,
    /// What the provider takes where it isn't written, as JSON; `=FIELD` is the value of that one, and nothing is nothing.
    pub(super) default: &'static str,
}

/// Where a field goes.
#[derive(Clone, Copy)]
pub(super) enum To {
    /// It says where the object is.
    Place,
    /// Into the answer of the object with this place in the list, at a path in it: `config.max_lease_ttl`.
    Value(usize, &'static str),
    /// As [`To::Value`], in another shape.
    Shaped(usize, &'static str, fn(&Resource, &Value) -> Result<Value, String>),
    /// Ids of resources of this type, whose names go there.
    Names(&'static str, &'static str),
    /// An accessor of an auth method, whose path goes there.
    Method(&'static str),
    /// A map, of which only these keys have words.
    Options(usize, &'static str, &'static [&'static str]),
    /// Something that no file holds: that it is set goes there.
    Secret(usize, &'static str),
    /// The key whose secret is one: it is the engine's to tell, and a reference where it is not.
    Key(usize, &'static str),
    /// What is told apart from the object.
    Apart(&'static str),
    /// Fields in a block of their own.
    Block(&'static [Row]),
    /// It says nothing of the engine: how Terraform works, or what only an engine tells.
    Nothing,
    /// No word says it, and the object is the same without; told unless it is this.
    Without(&'static str),
    /// No word says it, and without it the object would be another, one that lets more in: unless it is this, the object is
    /// left out.
    Refused(&'static str),
}

/// A field that goes into the answer under its own name.
const fn same(word: &'static str) -> Row {
    Row { word, to: To::Value(0, word), default: "" }
}

/// A field that goes into the answer under another name.
const fn at(word: &'static str, path: &'static str) -> Row {
    Row { word, to: To::Value(0, path), default: "" }
}

/// The same of the second object.
const fn second(word: &'static str) -> Row {
    Row { word, to: To::Value(1, word), default: "" }
}

const fn to(word: &'static str, to: To) -> Row {
    Row { word, to, default: "" }
}

const fn place(word: &'static str, default: &'static str) -> Row {
    Row { word, to: To::Place, default }
}

impl Row {
    /// The same where the provider has a value of its own.
    const fn or(self, default: &'static str) -> Self {
        Self { default, ..self }
    }
}

const fn nothing(word: &'static str) -> Row {
    to(word, To::Nothing)
}

const fn without(word: &'static str, unless: &'static str) -> Row {
    to(word, To::Without(unless))
}

const fn refused(word: &'static str, unless: &'static str) -> Row {
    to(word, To::Refused(unless))
}

/// What every resource has.
const COMMON: &[Row] = &[nothing("id"), refused("namespace", "\"\"")];

/// What the tokens of every login have. Source: provider documentation, "Common Token Arguments".
const TOKENS: &[Row] = &[
    same("token_ttl"),
    same("token_max_ttl"),
    same("token_explicit_max_ttl"),
    same("token_period"),
    same("token_num_uses"),
    same("token_policies"),
    same("token_bound_cidrs"),
    same("token_no_default_policy"),
    same("token_type"),
    without("alias_metadata", "{}"),
];

/// What every secrets engine has.
const ENGINE: &[Row] = &[
    same("description"),
    at("default_lease_ttl_seconds", "config.default_lease_ttl"),
    at("max_lease_ttl_seconds", "config.max_lease_ttl"),
    at("audit_non_hmac_request_keys", "config.audit_non_hmac_request_keys"),
    at("audit_non_hmac_response_keys", "config.audit_non_hmac_response_keys"),
    at("listing_visibility", "config.listing_visibility"),
    at("passthrough_request_headers", "config.passthrough_request_headers"),
    at("allowed_response_headers", "config.allowed_response_headers"),
    nothing("accessor"),
    nothing("disable_remount"),
    without("local", "false"),
    without("seal_wrap", "false"),
    without("external_entropy_access", "false"),
    without("force_no_cache", "false"),
    without("allowed_managed_keys", "[]"),
    without("delegated_auth_accessors", "[]"),
    without("plugin_version", "\"\""),
    without("identity_token_key", "\"\""),
];

/// What every auth method has.
const METHOD: &[Row] = &[
    same("description"),
    to(
        "tune",
        To::Block(&[
            at("default_lease_ttl", "config.default_lease_ttl"),
            at("max_lease_ttl", "config.max_lease_ttl"),
            at("audit_non_hmac_request_keys", "config.audit_non_hmac_request_keys"),
            at("audit_non_hmac_response_keys", "config.audit_non_hmac_response_keys"),
            at("listing_visibility", "config.listing_visibility"),
            at("passthrough_request_headers", "config.passthrough_request_headers"),
            at("allowed_response_headers", "config.allowed_response_headers"),
            at("token_type", "config.token_type"),
        ]),
    ),
    nothing("accessor"),
    nothing("disable_remount"),
    without("local", "false"),
    without("identity_token_key", "\"\""),
];

/// The resources that are objects here.
static RESOURCES: &[&[ResourceType]] = &[engines::SORTS, methods::SORTS, people::SORTS, server::SORTS];

/// What is to be said of resources that are none.
const NONE: &[(&str, &str)] = &[
    ("vault_generic_secret", "it holds secrets, and no estate does"),
    ("vault_kv_secret", "it holds secrets, and no estate does"),
    ("vault_token", "it is a token, which is asked for and not declared"),
    ("vault_approle_auth_backend_role_secret_id", "it is a secret id, which is asked for and not declared"),
    ("vault_approle_auth_backend_login", "it is a login, which is no object of the engine"),
    ("vault_aws_auth_backend_login", "it is a login, which is no object of the engine"),
    ("vault_generic_endpoint", "it is a write to any path, of which nobody knows what the engine keeps"),
    ("vault_namespace", "an estate is of one namespace, which --namespace or LEASEHOLD_NAMESPACE names"),
];

/// The resource of a type, if it is described.
pub(super) fn sort(name: &str) -> Option<&'static ResourceType> {
    sorts().find(|sort| sort.name == name)
}

/// All that are described.
pub(super) fn sorts() -> impl Iterator<Item = &'static ResourceType> {
    RESOURCES.iter().flat_map(|sorts| sorts.iter())
}

/// Why a resource of the provider is no object here.
pub(super) fn no_object(name: &str) -> &'static str {
    let told = NONE.iter().find(|(other, _)| name == *other || name.strip_suffix("_v2") == Some(other));
    told.map_or("no kind of object is for it", |(_, why)| why)
}

/// Why a field goes nowhere.
pub(super) fn no_word(field: &str) -> &'static str {
    match field {
        "namespace" => "an estate is of one namespace, which --namespace or LEASEHOLD_NAMESPACE names",
        _ => "no word here says it",
    }
}

impl ResourceType {
    /// Its fields.
    pub(super) fn rows(&self) -> impl Iterator<Item = &'static Row> + use<> {
        self.fields.iter().flat_map(|rows| rows.iter())
    }

    /// The field of a name.
    pub(super) fn row(&self, word: &str) -> Option<&'static Row> {
        self.rows().find(|row| row.word == word)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Makes, To, sorts};
    use crate::object::kind;

    #[test]
    fn every_line_of_the_table_says_something_that_there_is() {
        let mut names = BTreeSet::new();
        for sort in sorts() {
            assert!(names.insert(sort.name), "{} is there twice", sort.name);
            let mut words = BTreeSet::new();
            for row in sort.rows() {
                assert!(words.insert(row.word), "{}.{} is there twice", sort.name, row.word);
                if let To::Without(json) | To::Refused(json) = row.to {
                    assert!(serde_json::from_str::<serde_json::Value>(json).is_ok(), "{}.{}", sort.name, row.word);
                }
                let default = row.default;
                let is_field = default.strip_prefix('=').is_some_and(|word| sort.row(word).is_some());
                let is_json = serde_json::from_str::<serde_json::Value>(default).is_ok();
                assert!(default.is_empty() || is_field || is_json, "{}.{}", sort.name, row.word);
            }
            let Makes::Objects(lists) = sort.makes else { continue };
            for (field, what) in [(sort.mount, "mount"), (sort.name_field, "name")] {
                assert!(field.is_empty() || sort.row(field).is_some(), "{}: no field for its {what}", sort.name);
            }
            for name in lists.iter().flat_map(|list| list.iter()) {
                assert!(kind(name).is_some(), "{}: {name} is no kind", sort.name);
            }
        }
    }

    #[test]
    fn the_page_has_all_of_them_and_no_other() {
        let page = include_str!("../../../docs/import.md");
        let rows = page.lines().filter(|line| line.starts_with("| `vault_")).flat_map(|line| line.split("| ").nth(1));
        let told: BTreeSet<&str> =
            rows.flat_map(|row| row.split('`')).filter(|word| word.starts_with("vault_")).collect();
        let known: BTreeSet<&str> = sorts().map(|sort| sort.name).collect();
        assert_eq!(told, known);
    }

    #[test]
    fn what_goes_into_an_answer_is_a_field_of_a_kind() {
        for sort in sorts() {
            let Makes::Objects(lists) = sort.makes else { continue };
            for row in sort.rows() {
                let (To::Value(index, path) | To::Secret(index, path) | To::Key(index, path)) = row.to else {
                    continue;
                };
                let name = path.rsplit('.').next().unwrap_or(path);
                let has =
                    lists[index].iter().any(|name_of| kind(name_of).is_some_and(|kind| kind.field(name).is_some()));
                assert!(has, "{}.{}: no field {name} of {:?}", sort.name, row.word, lists[index]);
            }
        }
    }
}
