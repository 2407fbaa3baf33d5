//! An object as one side of a change has it, from files or from an engine.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use crate::guardrail::Who;
use crate::object::review::Values;
use crate::object::{Document, FieldValue, Kind, Leaf, Live, Mount, Object, Place, Reviewed, Told};

/// An object as one side has it.
#[derive(Clone, Copy, Debug)]
pub struct SideObject<'a> {
    /// Its sort.
    pub kind: &'static Kind,
    /// Its path in the API: `aws/roles/webapp`.
    pub path: &'a str,
    /// The app it belongs to.
    pub app: Option<&'a str>,
    /// Where it is declared, where that is known.
    pub place: Option<&'a Place>,
    /// The day from which on it is not to be there, if files say one.
    pub expires: Option<&'a str>,
    /// Its fields.
    pub fields: Fields<'a>,
    /// Those of them that an engine does not tell, and that are known to be another on the other side.
    pub rewritten: Option<&'a BTreeSet<&'static str>>,
}

/// The fields of an object.
#[derive(Clone, Copy, Debug)]
pub enum Fields<'a> {
    /// As files declare them; what is absent has its kind's default.
    Declared(&'a BTreeMap<&'static str, Leaf>),
    /// As an engine answers them; what no engine tells is absent.
    Live(&'a Live),
}

impl<'a> From<&'a Object> for SideObject<'a> {
    fn from(object: &'a Object) -> Self {
        Self {
            kind: object.kind,
            path: &object.path,
            app: object.app.as_deref(),
            place: Some(&object.place),
            expires: object.expires.as_deref(),
            fields: Fields::Declared(&object.fields),
            rewritten: None,
        }
    }
}

impl<'a> SideObject<'a> {
    /// A live object; whose it is, and where it was declared, only the ledger or an estate can tell.
    pub fn live(live: &'a Live, app: Option<&'a str>, place: Option<&'a Place>) -> Self {
        Self {
            kind: live.kind,
            path: &live.path,
            app,
            place,
            expires: None,
            fields: Fields::Live(live),
            rewritten: None,
        }
    }

    /// The value of a field that is not a secret, or its kind's default.
    pub fn value(&self, name: &str) -> Cow<'a, Value> {
        let known = match self.fields {
            Fields::Declared(fields) => match fields.get(name).map(|leaf| &leaf.value) {
                Some(FieldValue::Data(value)) => Some(value),
                _ => None,
            },
            Fields::Live(live) => live.fields.get(name),
        };
        known.map_or_else(
            || Cow::Owned(self.kind.field(name).map_or(Value::Null, |field| field.default_value())),
            Cow::Borrowed,
        )
    }

    /// A field as its author wrote it, where that is kept, else its value.
    pub fn wording(&self, name: &str) -> Cow<'a, Value> {
        let declared = self.document(name).filter(|_| matches!(self.fields, Fields::Declared(_)));
        declared.map_or_else(|| self.value(name), |document| Cow::Owned(Value::from(document.wording())))
    }

    /// The policy document that a field is; none of what has no canonical form.
    pub fn document(&self, name: &str) -> Option<&'a Document> {
        match self.fields {
            Fields::Declared(fields) => fields.get(name)?.document.as_ref(),
            Fields::Live(live) => {
                let document = live.documents.get(name)?;
                // What a live object is taken to have had may have been put in the place of what it has.
                let is_that = live.fields.get(name).and_then(Value::as_str) == Some(document.canonical());
                is_that.then_some(document)
            }
        }
    }

    /// A field as text; empty if it is none.
    pub fn text(&self, name: &str) -> Cow<'a, str> {
        match self.value(name) {
            Cow::Borrowed(value) => Cow::Borrowed(value.as_str().unwrap_or_default()),
            Cow::Owned(value) => Cow::Owned(value.as_str().unwrap_or_default().to_owned()),
        }
    }

    /// A field as a whole number; 0 if it is none.
    pub fn number(&self, name: &str) -> i64 {
        self.value(name).as_i64().unwrap_or(0)
    }

    /// A field as a truth.
    pub fn flag(&self, name: &str) -> bool {
        self.value(name).as_bool().unwrap_or(false)
    }

    /// A field as a set of texts.
    pub fn texts(&self, name: &str) -> BTreeSet<String> {
        let value = self.value(name);
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// A field as pairs of texts.
    pub fn pairs(&self, name: &str) -> BTreeMap<String, String> {
        let value = self.value(name);
        let pairs = value.as_object().into_iter().flatten();
        pairs.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
    }

    /// The mount that it is, if it is one.
    pub fn mount(&self) -> Option<Mount<'a>> {
        Mount::of(self.kind, self.path, |name| self.value(name).into_owned())
    }

    /// Of what sort somebody is that it is, if it is a user or a group.
    pub fn person(&self) -> Option<Who> {
        let person = self.kind.person()?;
        Some(if person.members.is_empty() { Who::User } else { Who::Group })
    }

    /// The field of its ACL rules, if it has some.
    pub fn rules(&self) -> Option<&'static str> {
        match self.kind.reviewed {
            Reviewed::Rules(field) => Some(field),
            _ => None,
        }
    }

    /// Where a field is written, else the object; a made-up place without a line for what no file declares.
    pub fn place_of(&self, name: &str) -> Place {
        let leaf = match self.fields {
            Fields::Declared(fields) => fields.get(name).map(|leaf| &leaf.place),
            Fields::Live(_) => None,
        };
        leaf.or(self.place).cloned().unwrap_or_else(|| self.nowhere())
    }

    /// Whether a file says what a field is.
    pub fn is_written(&self, name: &str) -> bool {
        matches!(self.fields, Fields::Declared(fields) if fields.contains_key(name))
    }

    /// Where the object is declared; a made-up place without a line for what no file declares.
    pub fn declared_at(&self) -> Place {
        self.place.cloned().unwrap_or_else(|| self.nowhere())
    }

    fn nowhere(&self) -> Place {
        Place { file: Arc::from(self.path), line: 0, column: 0 }
    }

    /// The names of the fields in which two states of one object differ. What one of them does not tell is
    /// not compared.
    pub fn differing(&self, other: &SideObject<'_>) -> Vec<&'static str> {
        let own = self.kind.fields.iter();
        // Objects without a word have fields of their own on each side.
        let is_other = !std::ptr::eq(self.kind, other.kind);
        let more = other.kind.fields.iter().filter(|field| is_other && self.kind.field(field.name).is_none());
        let fields = own.chain(more).filter(|field| match field.told {
            Told::Readable => match (self.reference(field.name), other.reference(field.name)) {
                (None, None) => self.value(field.name) != other.value(field.name),
                (Some(ours), Some(theirs)) => ours != theirs,
                // What a reference stands for is not looked at, so an engine's value may be it.
                _ => matches!((self.fields, other.fields), (Fields::Declared(_), Fields::Declared(_))),
            },
            Told::WriteOnly | Told::Apart(_) => match (self.fields, other.fields) {
                (Fields::Declared(ours), Fields::Declared(theirs)) => {
                    ours.get(field.name).map(|leaf| &leaf.value) != theirs.get(field.name).map(|leaf| &leaf.value)
                }
                _ => [self, other].iter().any(|side| side.rewritten.is_some_and(|fields| fields.contains(field.name))),
            },
        });
        fields.map(|field| field.name).collect()
    }

    /// The reference of a field whose text stands elsewhere.
    fn reference(&self, name: &str) -> Option<&'a str> {
        match self.fields {
            Fields::Declared(fields) => match fields.get(name).map(|leaf| &leaf.value) {
                Some(FieldValue::Unresolved(reference)) => Some(reference),
                _ => None,
            },
            Fields::Live(_) => None,
        }
    }
}

impl Values for SideObject<'_> {
    fn value(&self, name: &str) -> Cow<'_, Value> {
        SideObject::value(self, name)
    }
}
