//! A resource as all three forms have it: what it is called, where it stands, and its fields, each known or not, and why not.

use std::collections::BTreeMap;

use serde_json::Value;

/// What is told of a field.
#[derive(Clone, Debug)]
pub(super) enum Given {
    /// What it is.
    Value(Value),
    /// Why nobody knows here what it is.
    Unknown(String),
}

/// A field.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) given: Given,
    /// The file and line, where there is one.
    pub(super) place: String,
}

/// Fields by name.
pub(super) type Fields = BTreeMap<String, Field>;

/// A resource.
#[derive(Clone, Debug)]
pub(super) struct Resource {
    /// `vault_policy`.
    pub(super) sort: String,
    /// `module.a.vault_policy.web["x"]`.
    pub(super) address: String,
    /// The file and line, where there is one.
    pub(super) place: String,
    /// What others know it by.
    pub(super) id: Option<String>,
    /// What others know its mount by.
    pub(super) accessor: Option<String>,
    pub(super) fields: Fields,
    /// The blocks in it, by name.
    pub(super) blocks: BTreeMap<String, Vec<Fields>>,
    /// Whether an engine told some of it, so that a field which is there says nothing of what somebody wrote.
    pub(super) is_told: bool,
}

/// Something that is not carried over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unplaced {
    /// The file and line, where there is one.
    pub place: String,
    /// What it is: `vault_policy.web`.
    pub address: String,
    /// Why.
    pub why: String,
}

/// What was read, in whatever form.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) resources: Vec<Resource>,
    pub(super) unplaced: Vec<Unplaced>,
    pub(super) notes: Vec<String>,
    /// How many resources are of other providers.
    pub(super) others: usize,
}

/// What is said of a provider's namespace.
pub(super) const IN_NAMESPACE: &str = "namespace: everything is in one; say which in the environment (namespace = \"...\") before an apply, \
                                    or it goes into the root one";

/// What the provider's resources begin with.
pub(super) const PROVIDER: &str = "vault_";

/// Why something sensitive is not carried over.
pub(super) const SENSITIVE: &str = "it is sensitive, and nothing sensitive is written to a file";

/// Why what is of another engine is not carried over.
pub(super) const ANOTHER: &str =
    "it is of another `provider` block than the first, which may be another engine or namespace";

/// What a text begins with that stands for something which only the engine makes: of no alphabet, so that no file has it.
const MADE: char = '\u{f8ff}';

/// What stands for the id of a resource, which only the engine makes.
pub(super) fn made(what: &str, address: &str) -> String {
    format!("{MADE}{what} of {address}{MADE}")
}

/// What only the engine makes in a value, if there is anything.
pub(super) fn made_in(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => text.split(MADE).nth(1),
        Value::Array(items) => items.iter().find_map(made_in),
        Value::Object(map) => map.iter().find_map(|(key, value)| key.split(MADE).nth(1).or_else(|| made_in(value))),
        _ => None,
    }
}

/// Whether a value says nothing: engines and Terraform write it where nobody set anything.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(true) => false,
    }
}

impl Resource {
    /// What a field is, where that is known.
    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        match &self.fields.get(name)?.given {
            Given::Value(value) if !value.is_null() => Some(value),
            _ => None,
        }
    }

    /// That it, or a part of it, is not carried over.
    pub(super) fn unplaced(&self, why: impl Into<String>) -> Unplaced {
        Unplaced { place: self.place.clone(), address: self.address.clone(), why: why.into() }
    }
}
