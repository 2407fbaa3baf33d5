//! What an engine holds.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Delete, Kind};
use crate::object::document::Document;
use crate::object::field::Field;

/// An object as it stands in an engine.
#[derive(Clone, Debug)]
pub struct Live {
    /// Its sort.
    pub kind: &'static Kind,
    /// Its path.
    pub path: String,
    /// Every readable field of the kind's table, normalised; defaults filled in.
    pub fields: BTreeMap<&'static str, Value>,
    /// Those of them that are policy documents, read; none of what has no canonical form.
    pub documents: BTreeMap<&'static str, Document>,
    /// The fields that are told apart from the others ([`Told::Apart`](crate::object::Told::Apart)), as far as they were read.
    pub apart: BTreeMap<&'static str, Value>,
    /// The write-only fields of which the engine tells that they are set, as `NAME_set`.
    pub hidden: BTreeSet<&'static str>,
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
