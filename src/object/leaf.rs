//! A field as files declare it.

use serde_json::Value;

use super::document::Document;
use super::field::any;
use super::place::Place;
use crate::secret::Secret;

/// One declared field.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// Its value, normalised.
    pub value: FieldValue,
    /// The policy document that it is: it goes out as it was written, and its value is the canonical form.
    pub document: Option<Document>,
    /// A value of no shape as it was written: it goes out so, and its value is the canonical form.
    pub written: Option<Value>,
    /// Where it was written.
    pub place: Place,
    /// Who wants it so.
    pub origin: Origin,
}

impl Leaf {
    /// A declared value that is sent as it is compared.
    pub fn new(value: FieldValue, place: Place) -> Self {
        Self { value, document: None, written: None, place, origin: Origin::Declared }
    }

    /// A declared value of [`Shape::Any`](super::field::Shape::Any).
    pub fn of_any(written: &Value, place: Place) -> Self {
        let value = FieldValue::Data(any(written));
        Self { written: Some(written.clone()), ..Self::new(value, place) }
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
