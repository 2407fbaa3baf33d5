//! What the files say an engine shall hold.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::Kind;
use super::live::Live;
use crate::object::access_key;
use crate::object::field::{self, Field, Told};
use crate::object::leaf::{FieldValue, Leaf, Origin};
use crate::object::place::Place;
use crate::secret::Secret;

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
    /// The day from which on it is not to be there any more, if that is to come: `2027-03-31`.
    pub expires: Option<String>,
    /// The path that it had under its old name, where its declaration says one.
    pub renamed_from: Option<String>,
    /// What becomes of a declared key once an engine has another.
    pub on_rotate: OnRotate,
    /// What becomes of the leases that are out once it is changed.
    pub on_change: OnChange,
}

/// What becomes of the leases that are out under an object once it is changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnChange {
    /// They stay, with what they may as it was when they were issued.
    #[default]
    Keep,
    /// They are revoked.
    Revoke,
}

impl OnChange {
    /// The words for it in an estate.
    pub const WORDS: &[&str] = &["keep", "revoke"];

    /// Reads one of the [`OnChange::WORDS`].
    pub fn of_word(word: &str) -> Option<Self> {
        match word {
            "keep" => Some(Self::Keep),
            "revoke" => Some(Self::Revoke),
            _ => None,
        }
    }
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

/// Why a text can't stand in a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unresolvable {
    /// There is no such field.
    #[error("{path} has no field {name}")]
    NoField {
        /// The object.
        path: String,
        /// The field.
        name: String,
    },
    /// The field would show it, and it is no access key id.
    #[error("{name} would show what is there, and that is no access key id (AKIA...)")]
    Shown {
        /// The field.
        name: &'static str,
    },
    /// It is not of the field's shape.
    #[error("{name} does not have the form it needs")]
    Form {
        /// The field.
        name: &'static str,
    },
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
            expires: None,
            renamed_from: None,
            on_rotate: OnRotate::Seen,
            on_change: OnChange::Keep,
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
        let leaf = self.fields.get(name);
        let document = leaf.and_then(|leaf| leaf.document.as_ref()).map(|document| Value::from(document.wording()));
        document.or_else(|| leaf?.written.clone()).unwrap_or_else(|| self.value(name))
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
        self.kind.fields.iter().filter_map(|field| match field.told {
            Told::Apart(below) if self.fields.contains_key(field.name) => {
                Some((field, format!("{}/{below}", self.path)))
            }
            _ => None,
        })
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

    /// What an engine tells of it once it is as declared. What is told apart, or never, is not in it.
    pub fn as_live(&self) -> Live {
        let readable = self.kind.fields.iter().filter(|field| field.told == Told::Readable);
        let documents = self.fields.iter().filter_map(|(name, leaf)| Some((*name, leaf.document.clone()?)));
        Live {
            kind: self.kind,
            path: self.path.clone(),
            fields: readable.map(|field| (field.name, self.value(field.name))).collect(),
            documents: documents.collect(),
            apart: BTreeMap::new(),
            hidden: BTreeSet::new(),
            others: Map::new(),
        }
    }

    /// Puts the text that a reference stands for in its place. In a field that an engine tells (an access
    /// key id) it becomes plain data, so that a change of it by hand is seen; elsewhere it stays a secret.
    ///
    /// # Errors
    /// A text that the field's shape does not allow; the message does not hold the text.
    pub fn resolve(&mut self, name: &str, secret: Secret) -> Result<(), Unresolvable> {
        let Some(field) = self.kind.field(name) else {
            return Err(Unresolvable::NoField { path: self.path.clone(), name: name.to_owned() });
        };
        let value = match field.told {
            Told::WriteOnly => FieldValue::Secret(secret),
            // It is shown as it is, so that nothing else may come here by a reference.
            Told::Readable | Told::Apart(_) if !access_key::is_id(secret.expose()) => {
                return Err(Unresolvable::Shown { name: field.name });
            }
            Told::Readable | Told::Apart(_) => FieldValue::Data(
                field::normalise(field.shape, &Value::from(secret.expose()))
                    .map_err(|_| Unresolvable::Form { name: field.name })?,
            ),
        };
        if let Some(leaf) = self.fields.get_mut(name) {
            leaf.value = value;
            leaf.document = None;
            leaf.written = None;
        }
        Ok(())
    }
}
