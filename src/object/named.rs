//! What objects are to each other: one names another, and the engine knows that other by something that it made itself,
//! an entity by its id, an auth method by its accessor.
//!
//! Files, plans and ledgers have names alone, so that they say the same of every engine. What an engine tells by ids is
//! turned into names where it is read (`live/named.rs`), and names into what the engine made where a call is sent
//! (`apply/filled.rs`), when the objects that they are of have been written. Nothing else knows an id.

use std::borrow::Cow;

use serde_json::Value;

use super::call::{Made, Read};
use super::field::Shape;
use super::home::METHODS;
use super::ids::{self, ID, Ids};
use super::kind::Kind;
use super::kind::live::Live;
use super::kind::object::Object;
use super::leaf::FieldValue;

/// The fields in which kinds name ACL policies: of tokens, and of people.
pub(super) const POLICIES: [&str; 2] = ["token_policies", "policies"];

impl Object {
    /// The names of the ACL policies that it gives.
    pub fn policies(&self) -> Vec<String> {
        POLICIES.into_iter().flat_map(|field| texts(&self.value(field)).collect::<Vec<_>>()).collect()
    }

    /// The paths of the objects that it names, whether or not there are any.
    pub fn named(&self) -> Vec<String> {
        named(self.kind, |name| match self.fields.get(name).map(|leaf| &leaf.value) {
            Some(FieldValue::Data(value)) => Some(Cow::Borrowed(value)),
            _ => None,
        })
    }
}

impl Live {
    /// The names of the ACL policies that it gives.
    pub fn policies(&self) -> Vec<String> {
        POLICIES.into_iter().filter_map(|field| self.fields.get(field)).flat_map(texts).collect()
    }

    /// The paths of the objects that it names.
    pub fn named(&self) -> Vec<String> {
        named(self.kind, |name| self.fields.get(name).map(Cow::Borrowed))
    }

    /// What it tells by ids, and that is to be turned into names: of which objects, and each id.
    pub fn ids(&self) -> Vec<(&'static Ids, String)> {
        let of_field = |(name, value): (&&'static str, &Value)| match self.kind.field(name).map(|field| field.shape) {
            Some(Shape::Names(ids)) => texts(value).map(|id| (ids, id)).collect(),
            _ => Vec::new(),
        };
        self.fields.iter().flat_map(of_field).collect()
    }

    /// Puts names in the place of ids. An id without one stays, and is told from every name by the word before it.
    pub fn name(&mut self, name_of: impl Fn(&'static Ids, &str) -> Option<String>) {
        for (name, value) in &mut self.fields {
            let Some(Shape::Names(ids)) = self.kind.field(name).map(|field| field.shape) else { continue };
            let mut names: Vec<String> = texts(value)
                .map(|id| name_of(ids, &id).map_or_else(|| format!("id {id}"), |name| name.to_lowercase()))
                .collect();
            names.sort_unstable();
            names.dedup();
            *value = names.into();
        }
    }

    /// Its own id and name, where the engine made one for it: of which objects, the id, and the name.
    pub fn identity(&self) -> Option<(&'static Ids, &str, &str)> {
        let name = |ids: &Ids| self.path.strip_prefix(ids.by_name)?.strip_prefix('/');
        let (ids, name) = ids::ALL.into_iter().find_map(|ids| Some((ids, name(ids)?)))?;
        Some((ids, self.others.get(ID)?.as_str()?, name))
    }
}

/// What a call needs that only the engine knows of objects: their ids, for all the names in a field.
pub(crate) fn ids_of(object: &Object, field: &str, parameter: &'static str) -> Option<Made> {
    let Some(Shape::Names(ids)) = object.kind.field(field).map(|field| field.shape) else { return None };
    let names = object.value(field);
    let of = texts(&names).map(|name| Read::At(ids.path(&name))).collect();
    Some(Made { parameter, part: ID, of, is_list: true })
}

/// The id of an object itself.
pub(crate) fn own_id(path: &str, parameter: &'static str) -> Made {
    Made { parameter, part: ID, of: vec![Read::At(path.to_owned())], is_list: false }
}

/// The accessor of an auth method.
pub(crate) fn accessor(method: &str, parameter: &'static str) -> Made {
    let read = Read::Entry { list: METHODS.list, key: format!("{method}/") };
    Made { parameter, part: "accessor", of: vec![read], is_list: false }
}

fn named<'v>(kind: &'static Kind, value: impl Fn(&'static str) -> Option<Cow<'v, Value>>) -> Vec<String> {
    let of_field = |field: &'static super::field::Field| {
        let value = value(field.name)?;
        Some(match field.shape {
            Shape::Names(ids) => texts(&value).map(|name| ids.path(&name)).collect(),
            Shape::ByMethod => value.as_object()?.keys().map(|method| METHODS.entry(method)).collect(),
            _ => Vec::new(),
        })
    };
    kind.fields.iter().filter_map(of_field).flatten().collect()
}

fn texts(value: &Value) -> impl Iterator<Item = String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::object::group;
    use crate::object::testing::object;

    #[test]
    fn names_stand_for_ids_and_what_has_no_name_is_told_as_an_id() {
        let answer = json!({"id": "G", "type": "internal", "policies": [], "member_entity_ids": ["E2", "E1", "E9"]});
        let mut live = group::KIND.live("identity/group/name/ops", answer.as_object().expect("a map")).expect("parses");
        let ids: Vec<String> = live.ids().into_iter().map(|(_, id)| id).collect();
        assert_eq!(ids, ["E1", "E2", "E9"]);
        live.name(|_, id| match id {
            "E1" => Some("Zoe".to_owned()),
            "E2" => Some("ann".to_owned()),
            _ => None,
        });
        assert_eq!(live.fields["members"], json!(["ann", "id E9", "zoe"]));
        assert_eq!(live.identity().map(|(_, id, name)| (id, name)), Some(("G", "ops")));
    }

    #[test]
    fn a_group_names_its_members_and_the_method_that_calls_it_so() {
        let path = "identity/group/name/ops";
        let fields = [("members", json!(["ann"])), ("member_groups", json!(["dev"])), ("alias", json!({"oidc": "x"}))];
        let named = object(&group::KIND, path, &fields).named();
        assert_eq!(named, ["identity/entity/name/ann", "identity/group/name/dev", "sys/auth/oidc"]);
    }
}
