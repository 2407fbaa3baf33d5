//! The fields of a resource as what an engine would answer of the objects that it makes, by the lines of the table.

use serde_json::{Map, Value};

use super::resource::{Field, Fields, Given, Resource, Unplaced, is_empty, made_in};
use super::table::{ResourceType, Row, To, no_word};
use crate::object::field;
use crate::units::duration;

/// What came of a resource's fields.
#[derive(Debug, Default)]
pub(super) struct Built {
    /// What an engine would answer of each object.
    pub(super) answers: Vec<Map<String, Value>>,
    /// Whether somebody said anything of each.
    pub(super) said: Vec<bool>,
    /// What is told apart, by the field's name.
    pub(super) apart: Vec<(&'static str, Value)>,
    /// Names and methods that are still known by ids.
    pub(super) references: Vec<Reference>,
    /// What is not carried over.
    pub(super) unplaced: Vec<Unplaced>,
    /// Whether the objects would be others without that.
    pub(super) is_refused: bool,
}

/// Something that a field names by what only an engine makes.
#[derive(Debug)]
pub(super) struct Reference {
    /// Where it goes in the answer.
    pub(super) path: &'static str,
    /// The type of the resources that are named; nothing for an auth method.
    pub(super) of: &'static str,
    /// The ids.
    pub(super) ids: Vec<String>,
}

/// Why a field is not carried over, and whether the object is another without it.
struct Lost {
    why: String,
    is_refused: bool,
}

impl Built {
    /// Takes all fields of a resource to where they go.
    pub(super) fn new(resource: &Resource, sort: &ResourceType, objects: usize) -> Self {
        let mut built = Self { answers: vec![Map::new(); objects], said: vec![false; objects], ..Self::default() };
        built.fields(resource, &resource.fields, &|word| sort.row(word), "");
        for (name, blocks) in &resource.blocks {
            built.blocks(resource, sort.row(name), name, blocks);
        }
        for row in sort.rows().filter(|row| resource.value(row.word).is_none_or(|value| *value == "")) {
            built.fill(resource, row);
        }
        built
    }

    fn fields(
        &mut self,
        resource: &Resource,
        fields: &Fields,
        row: &dyn Fn(&str) -> Option<&'static Row>,
        within: &str,
    ) {
        for (name, field) in fields {
            let lost = match row(name) {
                Some(row) => self.field(resource, row, field),
                // What an engine or the provider fills in by itself is empty where nobody wrote it.
                None => match &field.given {
                    Given::Value(Value::Null) => None,
                    Given::Value(value) if resource.is_told && is_empty(value) => None,
                    _ => Some(Lost { why: no_word(name).to_owned(), is_refused: true }),
                },
            };
            let Some(Lost { why, is_refused }) = lost else { continue };
            self.is_refused |= is_refused;
            let end = if is_refused { "; it is left out" } else { "; it is declared without" };
            self.unplaced.push(Unplaced {
                place: if field.place.is_empty() { resource.place.clone() } else { field.place.clone() },
                address: resource.address.clone(),
                why: format!("{within}{name}: {why}{end}"),
            });
        }
    }

    fn blocks(&mut self, resource: &Resource, row: Option<&'static Row>, name: &str, blocks: &[Fields]) {
        match row.map(|row| row.to) {
            Some(To::Block(rows)) => {
                let find = |word: &str| rows.iter().find(|row| row.word == word);
                blocks.iter().for_each(|fields| self.fields(resource, fields, &find, &format!("{name}.")));
            }
            Some(To::Nothing) => {}
            _ => {
                self.is_refused = true;
                self.unplaced.push(resource.unplaced(format!("{name}: no word here says this block; it is left out")));
            }
        }
    }

    /// Takes a field to where it goes; answers why it goes nowhere.
    fn field(&mut self, resource: &Resource, row: &Row, field: &Field) -> Option<Lost> {
        let refused = |why: String| Some(Lost { why, is_refused: true });
        let value = match (&field.given, row.to) {
            (_, To::Nothing | To::Place) | (Given::Value(Value::Null), _) => return None,
            (Given::Value(value), To::Secret(..) | To::Key(..)) if is_empty(value) => return None,
            (_, To::Secret(index, name)) => {
                self.put(index, &format!("{name}_set"), Value::from(true));
                return None;
            }
            (_, To::Key(index, name)) => {
                self.put(index, name, Value::from("to be given"));
                return None;
            }
            (Given::Unknown(why), To::Without(_)) => return Some(Lost { why: why.clone(), is_refused: false }),
            (Given::Unknown(why), _) => return refused(why.clone()),
            (Given::Value(value), _) => value,
        };
        match row.to {
            To::Names(path, of) => return self.reference(path, of, value).and_then(refused),
            To::Method(path) => return self.reference(path, "", value).and_then(refused),
            _ => {}
        }
        if let Some(made) = made_in(value) {
            return refused(format!("the {made} is only known to the engine"));
        }
        match row.to {
            To::Value(index, path) => self.put(index, path, value.clone()),
            To::Shaped(index, path, shape) => match shape(resource, value) {
                Ok(value) => self.put(index, path, value),
                Err(why) => return refused(why),
            },
            To::Options(index, path, words) => {
                let Value::Object(map) = value else { return refused("it is no map".to_owned()) };
                let odd = map.iter().find(|(key, value)| !words.contains(&key.as_str()) && !is_empty(value));
                if let Some((key, _)) = odd {
                    return refused(format!("no word here says the option {key:?}"));
                }
                map.iter().for_each(|(key, value)| self.put(index, &format!("{path}.{key}"), text(value)));
            }
            To::Apart(name) => {
                // One that an engine made stays the engine's: nobody wrote it.
                if !(resource.is_told && field::is_engines_own(value)) {
                    self.apart.push((name, value.clone()));
                }
            }
            To::Block(rows) => return self.told_blocks(resource, row.word, rows, value).and_then(refused),
            To::Without(unless) | To::Refused(unless) => {
                let is_refused = matches!(row.to, To::Refused(_));
                let nothing: Value = serde_json::from_str(unless).unwrap_or_default();
                let is_said = *value != nothing && !(is_empty(value) && (resource.is_told || is_empty(&nothing)));
                return is_said.then(|| Lost { why: no_word(row.word).to_owned(), is_refused });
            }
            To::Place | To::Nothing | To::Names(..) | To::Method(..) | To::Secret(..) | To::Key(..) => {}
        }
        None
    }

    /// What JSON has of a block.
    fn told_blocks(&mut self, resource: &Resource, name: &str, rows: &'static [Row], value: &Value) -> Option<String> {
        let blocks = match value {
            Value::Array(blocks) => blocks.iter().collect(),
            one => vec![one],
        };
        for block in blocks {
            let Value::Object(map) = block else { return Some("it is no block".to_owned()) };
            let field = |(name, value): (&String, &Value)| {
                (name.clone(), Field { given: Given::Value(value.clone()), place: String::new() })
            };
            let is_said = |(_, value): &(&String, &Value)| !(resource.is_told && is_systems(value));
            let fields: Fields = map.iter().filter(is_said).map(field).collect();
            let find = |word: &str| rows.iter().find(|row| row.word == word);
            self.fields(resource, &fields, &find, &format!("{name}."));
        }
        None
    }

    fn reference(&mut self, path: &'static str, of: &'static str, value: &Value) -> Option<String> {
        let ids = match value {
            Value::Array(ids) => ids.iter().map(|id| id.as_str().map(str::to_owned)).collect(),
            Value::String(id) => Some(vec![id.clone()]),
            _ => None,
        };
        let Some(ids) = ids else { return Some("it is no id".to_owned()) };
        self.references.push(Reference { path, of, ids });
        None
    }

    fn fill(&mut self, resource: &Resource, row: &Row) {
        let (To::Value(index, path) | To::Shaped(index, path, _)) = row.to else { return };
        let Some(value) = default_of(row, |word| resource.value(word).cloned()) else { return };
        let is_said = self.said[index];
        // Only if nothing better is there: what isn't known is told, and has no default.
        if !matches!(resource.fields.get(row.word), Some(Field { given: Given::Unknown(_), .. })) {
            self.put(index, path, value);
        }
        self.said[index] = is_said;
    }

    fn put(&mut self, index: usize, path: &str, value: Value) {
        // An empty text is what the provider has where nothing is set.
        if value == "" {
            return;
        }
        let (Some(answer), Some(said)) = (self.answers.get_mut(index), self.said.get_mut(index)) else { return };
        *said |= !is_empty(&value);
        match path.split_once('.') {
            Some((outer, inner)) => {
                let map = answer.entry(outer.to_owned()).or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(map) = map {
                    map.insert(inner.to_owned(), value);
                }
            }
            None => drop(answer.insert(path.to_owned(), value)),
        }
    }
}

/// What the provider takes for a field that isn't written.
pub(super) fn default_of(row: &Row, field: impl Fn(&str) -> Option<Value>) -> Option<Value> {
    match row.default.strip_prefix('=') {
        Some(other) => field(other),
        None => serde_json::from_str(row.default).ok(),
    }
}

/// An option as engines have it: as text.
fn text(value: &Value) -> Value {
    match value {
        Value::String(_) => value.clone(),
        other => Value::from(other.to_string()),
    }
}

/// Whether a text is the time that engines have where a mount has none: a state has it of every method of which nobody wrote
/// any. Source: Vault documentation, "default_lease_ttl", and the provider's reading of `tune`.
fn is_systems(value: &Value) -> bool {
    const SYSTEM_TTL: i64 = 768 * 3600;
    value.as_str().is_some_and(|text| duration::parse(text).is_ok_and(|seconds| seconds == SYSTEM_TTL))
}
