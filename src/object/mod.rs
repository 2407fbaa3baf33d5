//! What an engine can hold: objects, and the kinds that describe them.
//!
//! A kind is one file: a table of fields, and the few functions that differ. Schema, comparison, reading
//! and writing come from that table, so that adding a kind is one new file and one line in [`KINDS`].
//! Pure: nothing here talks to an engine; it says what to ask and how to read the answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::secret::Secret;

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
}

/// One declared field.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// Its value, normalised.
    pub value: FieldValue,
    /// Where it was written.
    pub place: Place,
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
}

/// A sort of object.
#[derive(Debug)]
pub struct Kind {
    /// The field's own word for it: `aws role`, `acl policy`, `secrets engine`.
    pub name: &'static str,
    /// Creation goes up through the levels, deletion down.
    pub level: Level,
    /// Its fields.
    pub fields: &'static [Field],
    /// How an update treats fields that are not sent.
    pub update: Update,
    /// What deleting does.
    pub delete: Delete,
    /// Where to read an object of this kind from.
    pub read: fn(path: &str) -> Read,
    /// The API's answer for one object, as this kind's fields (unnormalised). `Err` says what is odd.
    pub parse: fn(data: &Map<String, Value>) -> Result<Map<String, Value>, String>,
    /// The calls that create it, or that turn `live` into it.
    pub write: fn(object: &Object, live: Option<&Live>) -> Vec<Call>,
    /// What creating, changing or deleting it does to people, beyond the object itself.
    pub effect: fn(path: &str, change: Changed<'_>) -> Option<String>,
    /// Objects that belong to the engine itself and are never reported or touched (`sys/policies/acl/root`).
    pub built_in: fn(path: &str) -> bool,
}

/// A field of a kind.
#[derive(Debug)]
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
    /// An ARN.
    Arn,
    /// A set of ARNs.
    Arns,
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
}

/// Order of creation: lower levels first. Deletion goes the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
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
