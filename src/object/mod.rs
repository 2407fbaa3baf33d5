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

pub mod acl_policy;
pub mod approle_role;
pub mod audit_device;
pub mod auth_mount;
pub mod aws_lease;
pub mod aws_role;
pub mod aws_root;
mod document;
pub mod field;
pub mod fingerprint;
pub mod home;
mod key;
pub mod mount;
mod owned;
pub mod review;
mod role;
pub mod statement;
mod token_fields;
pub mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::secret::Secret;

pub use self::document::{Document, Documents};
pub use self::home::{Home, Mount};
pub use self::key::{RootKey, keyed_mount};
pub use self::owned::{Owned, State};
pub use self::review::{Reviewed, terms_of};
pub use self::role::{Leases, RolePath};

/// Every kind there is, in the order of creation.
pub static KINDS: &[&Kind] = &[
    &audit_device::KIND,
    &mount::KIND,
    &auth_mount::KIND,
    &aws_root::KIND,
    &aws_lease::KIND,
    &acl_policy::KIND,
    &aws_role::KIND,
    &approle_role::KIND,
    #[cfg(test)]
    &trial::CONFIG,
    #[cfg(test)]
    &trial::KIND,
];

/// The kind of this name, as the ledger and saved plans write it.
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().copied().find(|kind| kind.name == name)
}

/// The kind of the logins that an auth method of this type has.
pub fn login_of(sort: &str) -> Option<&'static Kind> {
    KINDS.iter().copied().find(|kind| kind.class == Class::Login && kind.sort() == Some(sort))
}

/// The types of the auth methods that have logins.
pub fn methods() -> impl Iterator<Item = &'static str> {
    KINDS.iter().filter(|kind| kind.class == Class::Login).filter_map(|kind| kind.sort())
}

/// The kinds of the roles that secrets engines have.
pub fn roles() -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().copied().filter(|kind| kind.class == Class::Role)
}

/// The path of the ACL policy of this name, as tokens name it.
pub fn policy_path(name: &str) -> String {
    acl_policy::KIND.path("", name)
}

/// The name of the ACL policy at this path, if one can be there.
pub fn policy_name(path: &str) -> Option<&str> {
    acl_policy::KIND.name_of(path)
}

/// Where the author wrote something. Lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file, relative to the estate's root, with forward slashes.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A desired object: what the files say an engine shall hold at one path.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its sort.
    pub kind: &'static Kind,
    /// The API path that names it: `aws/roles/webapp`, `sys/mounts/aws`, `sys/policies/acl/app-webapp`.
    pub path: String,
    /// The app it was lowered from, if from one.
    pub app: Option<String>,
    /// The declaration it comes from.
    pub place: Place,
    /// The declared fields, by the names of the kind's table, already normalised. A field that is
    /// absent has its table's default.
    pub fields: BTreeMap<&'static str, Leaf>,
    /// Never delete it (`protect = true`).
    pub protect: bool,
    /// What becomes of a declared key once an engine has another.
    pub on_rotate: OnRotate,
}

/// What becomes of a declared key when an engine has another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnRotate {
    /// Nobody said: it is written, unless the engine's is neither it nor the one that was written last.
    #[default]
    Seen,
    /// The engine's stays: a key is set once.
    Keep,
    /// The declared one is written.
    Replace,
}

impl OnRotate {
    /// The words for it in an estate; nobody writes the first.
    pub const WORDS: &[&str] = &["keep", "replace"];

    /// Reads one of the [`OnRotate::WORDS`].
    pub fn of_word(word: &str) -> Option<Self> {
        match word {
            "keep" => Some(Self::Keep),
            "replace" => Some(Self::Replace),
            _ => None,
        }
    }
}

impl Object {
    /// An object with nothing declared: every field at its default.
    pub fn at_defaults(kind: &'static Kind, path: &str, app: Option<&str>, place: &Place) -> Self {
        Self {
            kind,
            path: path.to_owned(),
            app: app.map(str::to_owned),
            place: place.clone(),
            fields: BTreeMap::new(),
            protect: false,
            on_rotate: OnRotate::Seen,
        }
    }

    /// The value of a field that is not a secret: as declared, or the table's default.
    pub fn value(&self, name: &str) -> Value {
        match self.fields.get(name).map(|leaf| &leaf.value) {
            Some(FieldValue::Data(value)) => value.clone(),
            _ => self.kind.field(name).map_or(Value::Null, Field::default_value),
        }
    }

    /// Whether the files say something about a field.
    pub fn declares(&self, name: &str) -> bool {
        self.fields.get(name).is_some_and(|leaf| leaf.origin == Origin::Declared)
    }

    /// The fields that nobody declared and that stay as they were when the object was taken over.
    pub fn adopted(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.fields.iter().filter_map(|(name, leaf)| match &leaf.value {
            FieldValue::Data(value) if leaf.origin == Origin::Adopted => Some((*name, value)),
            _ => None,
        })
    }

    /// What is sent for a field that is not a secret: its author's wording, or else its value.
    pub fn wording(&self, name: &str) -> Value {
        let document = self.fields.get(name).and_then(|leaf| leaf.document.as_ref());
        document.map_or_else(|| self.value(name), |document| Value::from(document.wording()))
    }

    /// The resolved secret of a field, if it is declared and resolved.
    pub fn secret(&self, name: &str) -> Option<&Secret> {
        match self.fields.get(name).map(|leaf| &leaf.value) {
            Some(FieldValue::Secret(secret)) => Some(secret),
            _ => None,
        }
    }

    /// The declared fields that an engine tells apart from the others, with the paths where it does.
    pub fn apart(&self) -> impl Iterator<Item = (&'static Field, String)> {
        self.kind.fields.iter().filter_map(|field| match field.access {
            Access::Apart(below) if self.fields.contains_key(field.name) => {
                Some((field, format!("{}/{below}", self.path)))
            }
            _ => None,
        })
    }

    /// The digests of these fields, for the ledger.
    pub fn apart_digests(&self) -> BTreeMap<String, String> {
        let known = self.apart().filter(|(field, _)| !self.is_unresolved(field.name));
        known.map(|(field, _)| (field.name.to_owned(), fingerprint::of_value(&self.value(field.name)))).collect()
    }

    /// The fields whose secret reference is not resolved yet, with the reference.
    pub fn unresolved(&self) -> impl Iterator<Item = (&'static str, &str, &Place)> {
        self.fields.iter().filter_map(|(name, leaf)| match &leaf.value {
            FieldValue::Unresolved(reference) => Some((*name, reference.as_str(), &leaf.place)),
            _ => None,
        })
    }

    /// Whether a field refers to a secret that is not resolved yet.
    pub fn is_unresolved(&self, name: &str) -> bool {
        self.fields.get(name).is_some_and(|leaf| matches!(leaf.value, FieldValue::Unresolved(_)))
    }

    /// Puts the text that a reference stands for in its place. In a field that an engine tells (an access
    /// key id) it becomes plain data, so that a change of it by hand is seen; elsewhere it stays a secret.
    ///
    /// # Errors
    /// A text that the field's shape does not allow; the message does not hold the text.
    pub fn resolve(&mut self, name: &str, secret: Secret) -> Result<(), String> {
        let Some(field) = self.kind.field(name) else { return Err(format!("{} has no field {name}", self.path)) };
        let value = match field.access {
            Access::WriteOnly => FieldValue::Secret(secret),
            Access::Readable | Access::Apart(_) => FieldValue::Data(
                field::normalise(field.shape, &Value::from(secret.expose()))
                    .map_err(|_| format!("{name} does not have the form it needs"))?,
            ),
        };
        if let Some(leaf) = self.fields.get_mut(name) {
            leaf.value = value;
            leaf.document = None;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Kind {
    /// Its name: its words lead back to it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Kind {}

impl Kind {
    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Whether an engine tells the field of this name.
    pub fn tells(&self, name: &str) -> bool {
        self.field(name).is_some_and(|field| field.access == Access::Readable)
    }

    /// Whether objects of it have something that no engine tells.
    pub fn has_hidden(&self) -> bool {
        self.fields.iter().any(|field| field.access == Access::WriteOnly)
    }

    /// An engine's answer for one object, parsed and normalised, with the table's defaults filled in. Fields
    /// that cannot be normalised keep the engine's own spelling, so that they show up as a difference. What a kind
    /// parses beyond its table is kept as it came.
    ///
    /// # Errors
    /// What is odd about the answer.
    pub fn live(&'static self, path: &str, data: &Map<String, Value>) -> Result<Live, String> {
        self.live_among(path, data, &mut Documents::default())
    }

    /// As [`Kind::live`], of one answer of many: a policy document that several of them have is parsed once.
    ///
    /// # Errors
    /// What is odd about the answer.
    pub fn live_among(
        &'static self,
        path: &str,
        data: &Map<String, Value>,
        documents: &mut Documents,
    ) -> Result<Live, String> {
        let mut parsed = (self.parse)(data)?;
        let fields = self
            .fields
            .iter()
            .filter(|field| field.access == Access::Readable)
            .map(|field| {
                let value = match parsed.remove(field.name) {
                    Some(value) => documents.normalise(field.shape, value),
                    None => field.default_value(),
                };
                (field.name, value)
            })
            .collect();
        parsed.retain(|name, value| self.field(name).is_none() && !value.is_null());
        Ok(Live { kind: self, path: path.to_owned(), fields, apart: BTreeMap::new(), others: parsed })
    }
}

impl Field {
    /// The default as a value. The tables are checked by a test to hold JSON.
    pub fn default_value(&self) -> Value {
        serde_json::from_str(self.default).unwrap_or(Value::Null)
    }
}

/// One declared field.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// Its value, normalised.
    pub value: FieldValue,
    /// The policy document that it is: it goes out as it was written, and its value is the canonical form.
    pub document: Option<Document>,
    /// Where it was written.
    pub place: Place,
    /// Who wants it so.
    pub origin: Origin,
}

impl Leaf {
    /// A declared value that is sent as it is compared.
    pub fn new(value: FieldValue, place: Place) -> Self {
        Self { value, document: None, place, origin: Origin::Declared }
    }

    /// A declared policy document.
    pub fn of_document(document: Document, place: Place) -> Self {
        let value = FieldValue::Data(Value::from(document.canonical()));
        Self { document: Some(document), ..Self::new(value, place) }
    }
}

/// Who wants a field to be as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The files say it.
    Declared,
    /// Nobody says it: new objects get it.
    Implied,
    /// Nobody says it, and so it was when the object was taken over.
    Adopted,
}

/// A field's value: data, or a secret that is only ever written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldValue {
    /// Plain data in canonical form.
    Data(Value),
    /// A resolved secret.
    Secret(Secret),
    /// A secret that is referred to and was not resolved (validation and review do not read secrets).
    Unresolved(String),
}

/// An object as it stands in an engine.
#[derive(Clone, Debug)]
pub struct Live {
    /// Its sort.
    pub kind: &'static Kind,
    /// Its path.
    pub path: String,
    /// Every readable field of the kind's table, normalised; defaults filled in.
    pub fields: BTreeMap<&'static str, Value>,
    /// The fields that are told apart from the others ([`Access::Apart`]), as far as they were read.
    pub apart: BTreeMap<&'static str, Value>,
    /// What the engine has beside them and would reset if it were not sent back with a write. Nobody declares it, so
    /// nobody compares it.
    pub others: Map<String, Value>,
}

impl Live {
    /// Whether it can't be deleted, and is as an engine has it when nobody sets it.
    pub fn is_unset(&self) -> bool {
        let default = |name: &str| self.kind.field(name).map_or(Value::Null, Field::default_value);
        matches!(self.kind.delete, Delete::Forget(_)) && self.fields.iter().all(|(name, value)| *value == default(name))
    }
}

/// How a kind reads an answer.
pub type Parse = fn(data: &Map<String, Value>) -> Result<Map<String, Value>, String>;

/// A sort of object.
pub struct Kind {
    /// The field's own word for it: `aws role`, `acl policy`, `secrets engine`.
    pub name: &'static str,
    /// What sort of thing it is: creation goes up through the classes, deletion down.
    pub class: Class,
    /// Where its objects are.
    pub home: Home,
    /// Where the leases are that a change of one concerns.
    pub leases: Leases,
    /// What of it a review reads.
    pub reviewed: Reviewed,
    /// The block that it is declared in.
    pub words: &'static words::Block,
    /// The key in it that its mount signs with, if it has one.
    pub key: Option<&'static RootKey>,
    /// Its fields.
    pub fields: &'static [Field],
    /// Those of its fields that ledgers were kept without. Digests leave them out at their defaults, so that an object
    /// is not taken for changed because its kind has grown.
    pub later: &'static [&'static str],
    /// How an update treats fields that are not sent.
    pub update: Update,
    /// What deleting does.
    pub delete: Delete,
    /// The API's answer for one object, as this kind's fields (unnormalised), and what else a write must send back.
    /// `Err` says what is odd.
    pub parse: Parse,
    /// The calls that create it, or that turn `live` into it. None while a secret reference of the object is
    /// unresolved: several endpoints would take the missing field for an empty one.
    pub write: fn(object: &Object, live: Option<&Live>) -> Vec<Call>,
    /// What creating, changing or deleting it does to people, beyond the object itself.
    pub effect: fn(path: &str, change: Changed<'_>) -> Option<String>,
    /// Objects that belong to the engine itself and are never reported or touched (`sys/policies/acl/root`).
    pub built_in: fn(path: &str) -> bool,
}

/// A field of a kind.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name, both in the estate and in the plan.
    pub name: &'static str,
    /// Its type, which decides parsing, normalisation and comparison.
    pub shape: Shape,
    /// What it is when not declared, in canonical JSON text (`""`, `[]`, `0`, `null`).
    pub default: &'static str,
    /// Whether an engine tells it.
    pub access: Access,
    /// Whether changing it needs a new object.
    pub immutable: bool,
    /// One line for documentation.
    pub doc: &'static str,
}

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Text.
    Text,
    /// Text, one of these.
    OneOf(&'static [&'static str]),
    /// A whole number.
    Int,
    /// A boolean.
    Bool,
    /// A duration; canonical form is whole seconds.
    Seconds,
    /// A list of texts compared as a set; canonical form is sorted without duplicates.
    Set,
    /// A list of texts compared in order.
    List,
    /// A set of networks; canonical form drops `/32` and `/128`.
    Cidrs,
    /// Text to text.
    Map,
    /// The ARN of a managed policy.
    PolicyArn,
    /// A set of ARNs of managed policies.
    PolicyArns,
    /// The path of IAM users; that of the root, `/`, is empty in canonical form.
    UserPath,
    /// An IAM policy document; canonical form is compact JSON text, compared as IAM reads it.
    PolicyDocument,
    /// Vault ACL rules; text in HCL, compared without surrounding white space.
    AclRules,
    /// A secret, given by reference.
    Secret,
}

/// Whether an engine tells a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read back, so drift is seen.
    Readable,
    /// Never read back; a change is seen by its keyed fingerprint in the ledger.
    WriteOnly,
    /// Read at a path of its own, which is this below the object's, and only where it is declared: else the engine has
    /// one of its own, which is nobody's business.
    Apart(&'static str),
}

/// What sort of thing a kind is, in the order of creation. Deletion goes the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Audit devices: nothing should happen unseen.
    Audit,
    /// Secrets engines and auth methods.
    Mount,
    /// What a mount needs before its roles: root credentials, lease settings.
    Config,
    /// ACL policies.
    Policy,
    /// Roles of secrets engines.
    Role,
    /// Roles of auth methods: logins. Last to come, first to go.
    Login,
}

/// How an update treats fields that are not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// They stay: send an explicit empty value to clear one.
    Merge,
    /// They go back to their defaults: always send everything.
    Replace,
    /// There is no update: delete, then create.
    Recreate,
}

/// What deleting an object takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delete {
    /// DELETE on its path.
    ByPath,
    /// The engine has no such operation; the object is forgotten, and this says what stays behind.
    Forget(&'static str),
}

/// Where an object is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// GET on this path; 404 is absent.
    At(String),
    /// One GET of `list`; the object is the entry named `key`, and absent if there is none.
    Entry {
        /// `sys/mounts`, `sys/auth`, `sys/audit`.
        list: &'static str,
        /// `aws/`.
        key: String,
    },
}

/// One write to the API. The body may hold secrets, so it has no `Debug`.
pub struct Call {
    /// What to do.
    pub verb: Verb,
    /// Where.
    pub path: String,
    /// The JSON body.
    pub body: Map<String, Value>,
}

/// The verb of a [`Call`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// POST.
    Write,
    /// DELETE.
    Delete,
}

/// How an object changes, for [`Kind::effect`].
#[derive(Clone, Copy, Debug)]
pub enum Changed<'a> {
    /// It comes.
    Created(&'a Object),
    /// These fields change.
    Updated(&'a Object, &'a [&'static str]),
    /// It goes.
    Deleted,
}

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
            on_rotate: super::OnRotate::Seen,
        }
    }

    /// The calls that write it, as `[[path, body], ...]`.
    pub(crate) fn calls(object: &Object, live: Option<&Live>) -> Value {
        (object.kind.write)(object, live).into_iter().map(|call| json!([call.path, call.body])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Access, KINDS, Shape, Update, field};

    #[test]
    fn what_an_engine_has_beside_the_table_goes_with_each_write_that_would_reset_it() {
        let (field, value) = ("of_a_later_version", serde_json::json!("kept"));
        for kind in KINDS.iter().filter(|kind| kind.update != Update::Merge) {
            let mut answer = serde_json::json!({"policy": "# none", "type": "file", field: value});
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
                assert!(field.shape != Shape::Secret || field.access == Access::WriteOnly);
            }
            assert!(kind.update != Update::Recreate || kind.name == "audit device");
        }
    }
}
