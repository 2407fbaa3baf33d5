//! Resources to objects as an engine would have them, so that the rest of an import treats them as what it found.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::answer::{Built, Reference, default_of};
use super::resource::{Field, Given, Reading, Resource, Unplaced, made_in};
use super::table::{self, Makes, ResourceType};
use crate::object::{Home, KINDS, Kind, Live, kind, told_type};
use crate::text::count;

/// What came of resources.
#[derive(Debug, Default)]
pub struct Carried {
    /// The objects that they are, and the mounts that those need and no resource makes.
    pub objects: Vec<Live>,
    /// The resources that they come from, by path: the file and line, and the address.
    pub origins: BTreeMap<String, (String, String)>,
    /// The mounts that no resource makes, with what to say of them.
    pub others: BTreeMap<String, String>,
    /// What is not carried over.
    pub unplaced: Vec<Unplaced>,
    /// What else is worth knowing.
    pub notes: Vec<String>,
}

/// An object that is being made.
struct Making {
    kind: &'static Kind,
    answer: Map<String, Value>,
    apart: Vec<(&'static str, Value)>,
    /// The place of its resource in the list.
    by: usize,
}

struct Carrying<'r> {
    resources: &'r [Resource],
    /// The place of each by what others know it by.
    ids: BTreeMap<&'r str, usize>,
    methods: BTreeMap<&'r str, usize>,
    made: BTreeMap<String, Making>,
    /// The path of what each makes, its first object.
    paths: BTreeMap<usize, String>,
    unplaced: Vec<Unplaced>,
}

/// Turns resources into objects.
pub(super) fn carry(reading: Reading) -> Carried {
    let Reading { resources, unplaced, mut notes, others } = reading;
    let mut carrying = Carrying {
        resources: &resources,
        ids: indexed(&resources, |resource| resource.id.as_deref()),
        methods: indexed(&resources, |resource| resource.accessor.as_deref()),
        made: BTreeMap::new(),
        paths: BTreeMap::new(),
        unplaced,
    };
    carrying.all();
    let mut carried = carrying.done();
    if others > 0 {
        notes.push(format!("not looked at: {} of other providers", count(others, "resource")));
    }
    carried.notes = notes;
    carried
}

fn indexed<'r>(resources: &'r [Resource], key: impl Fn(&'r Resource) -> Option<&'r str>) -> BTreeMap<&'r str, usize> {
    resources.iter().enumerate().filter_map(|(index, resource)| Some((key(resource)?, index))).collect()
}

impl Carrying<'_> {
    /// Mounts first, since what is below them depends on their types; then what names others by their ids.
    fn all(&mut self) {
        let mut sorts: Vec<(usize, &'static ResourceType)> = Vec::new();
        for (index, resource) in self.resources.iter().enumerate() {
            match table::sort(&resource.sort) {
                Some(sort) => sorts.push((index, sort)),
                None => self.unplaced.push(resource.unplaced(table::no_object(&resource.sort))),
            }
        }
        let is_mount = |sort: &ResourceType| match sort.makes {
            Makes::Objects(lists) => lists.iter().flat_map(|list| list.iter()).any(|name| is_entry(name)),
            Makes::PartOf { .. } => false,
        };
        let mut references = Vec::new();
        for wanted in [true, false] {
            for (index, sort) in &sorts {
                if let Makes::Objects(lists) = sort.makes
                    && is_mount(sort) == wanted
                {
                    self.objects(*index, sort, lists, &mut references);
                }
            }
        }
        for (path, reference, index) in references {
            self.refer(&path, reference, index);
        }
        for (index, sort) in &sorts {
            if let Makes::PartOf { field, of } = sort.makes {
                self.part(*index, sort, field, of);
            }
        }
    }

    fn objects(
        &mut self,
        index: usize,
        sort: &'static ResourceType,
        lists: &'static [&'static [&'static str]],
        references: &mut Vec<(String, Reference, usize)>,
    ) {
        let resource = &self.resources[index];
        let mut built = Built::new(resource, sort, lists.len());
        self.unplaced.append(&mut built.unplaced);
        let place = |field: &str| if field.is_empty() { Ok(String::new()) } else { placed(resource, sort, field) };
        let (mount, name) = match (place(sort.mount), place(sort.name_field)) {
            (Ok(mount), Ok(name)) => (mount, name),
            (Err(why), _) | (_, Err(why)) => return self.unplaced.push(resource.unplaced(why)),
        };
        if built.is_refused {
            return;
        }
        for (at, names) in lists.iter().enumerate() {
            let kind = match self.kind_of(names, &mount) {
                Ok(kind) => kind,
                Err(why) => return self.unplaced.push(resource.unplaced(why)),
            };
            if matches!(kind.home, Home::Setting { .. }) && !built.said[at] {
                continue;
            }
            let path = match kind.home {
                Home::Entry(_) => kind.path("", &mount),
                _ => kind.path(&mount, &name),
            };
            let answer = std::mem::take(&mut built.answers[at]);
            let apart = if at == 0 { std::mem::take(&mut built.apart) } else { Vec::new() };
            if let Some(other) = self.made.get(&path) {
                let other = &self.resources[other.by].address;
                return self.unplaced.push(resource.unplaced(format!("{path} is {other} already")));
            }
            self.paths.entry(index).or_insert_with(|| path.clone());
            self.made.insert(path, Making { kind, answer: with_type(answer), apart, by: index });
        }
        let Some(path) = self.paths.get(&index) else { return };
        references.extend(built.references.into_iter().map(|reference| (path.clone(), reference, index)));
    }

    /// The first kind of a list that the mount of a name has.
    fn kind_of(&self, names: &'static [&'static str], mount: &str) -> Result<&'static Kind, String> {
        let mut kinds = names.iter().filter_map(|name| kind(name));
        if let [only] = names {
            return kinds.next().ok_or_else(|| format!("there is no kind {only}"));
        }
        let mounted = |of: &&'static Kind| {
            let path = of.table()?.entry(mount);
            told_type(&Value::Object(self.made.get(&path)?.answer.clone()))
        };
        let found = names.iter().filter_map(|name| kind(name)).find(|of| mounted(of).as_deref() == of.mount_type());
        found.ok_or_else(|| {
            let types: Vec<&str> = kinds.filter_map(Kind::mount_type).collect();
            format!("the mount {mount} is no resource here, so whether its type is {} is not known", types.join(" or "))
        })
    }

    /// Puts names in the place of ids.
    fn refer(&mut self, path: &str, reference: Reference, index: usize) {
        let names: Result<Vec<Value>, String> =
            reference.ids.iter().map(|id| self.named(id, reference.of).map(Value::from)).collect();
        let resource = &self.resources[index];
        match names {
            Ok(names) => {
                let Some(making) = self.made.get_mut(path) else { return };
                join(&mut making.answer, reference.path, names.into());
            }
            Err(why) => {
                self.made.remove(path);
                self.unplaced.push(resource.unplaced(format!("{}: {why}; it is left out", reference.path)));
            }
        }
    }

    /// The name of what an id is of, or the path of a method.
    fn named(&self, id: &str, of: &str) -> Result<String, String> {
        let index = if of.is_empty() { self.methods.get(id) } else { self.ids.get(id) };
        let path = index
            .filter(|index| of.is_empty() || self.resources[**index].sort == of)
            .and_then(|index| self.paths.get(index))
            .filter(|path| self.made.contains_key(*path))
            .ok_or("it names something that is no resource here")?;
        let kind = self.made[path].kind;
        let name = if of.is_empty() { kind.mount_prefix(path) } else { kind.name_of(path).map(str::to_owned) };
        name.ok_or_else(|| "it names something without a name".to_owned())
    }

    /// Adds a resource that is a part of another's object.
    fn part(&mut self, index: usize, sort: &'static ResourceType, field: &str, of: &str) {
        let resource = &self.resources[index];
        let built = Built::new(resource, sort, 1);
        let is_refused = built.is_refused;
        self.unplaced.extend(built.unplaced);
        if is_refused {
            return;
        }
        let id = resource.value(field).and_then(Value::as_str);
        let whole = id.and_then(|id| self.ids.get(id)).filter(|whole| self.resources[**whole].sort == of);
        let whole = whole.and_then(|whole| self.paths.get(whole)).filter(|path| self.made.contains_key(*path)).cloned();
        let Some(path) = whole else {
            return self
                .unplaced
                .push(resource.unplaced(format!("{field}: the {of} that it is of is not carried over")));
        };
        let mut answer = built.answers.into_iter().next().unwrap_or_default();
        for reference in built.references {
            let names: Result<Vec<String>, String> =
                reference.ids.iter().map(|id| self.named(id, reference.of)).collect();
            let value = match (names, reference.of) {
                (Ok(mut names), "") => Value::from(names.pop().unwrap_or_default()),
                (Ok(names), _) => names.into(),
                (Err(why), _) => return self.unplaced.push(resource.unplaced(format!("{}: {why}", reference.path))),
            };
            let value = match reference.path.split_once('.') {
                Some((outer, inner)) => {
                    let mut alias = answer.remove(outer).unwrap_or_default();
                    alias[inner] = value;
                    // Who reads an alias wants its id, which nobody compares.
                    alias["id"] = Value::from(resource.address.as_str());
                    let alias = if outer == ALIASES { Value::Array(vec![alias]) } else { alias };
                    drop(answer.insert(outer.to_owned(), alias));
                    continue;
                }
                None => value,
            };
            answer.insert(reference.path.to_owned(), value);
        }
        let Some(making) = self.made.get_mut(&path) else { return };
        for (name, value) in answer {
            join(&mut making.answer, &name, value);
        }
    }

    fn done(mut self) -> Carried {
        let mut carried = Carried::default();
        for (path, making) in self.made {
            let resource = &self.resources[making.by];
            let mut live = match making.kind.live(&path, &making.answer) {
                Ok(live) => live,
                Err(lacks) => {
                    self.unplaced.push(resource.unplaced(lacks.to_string()));
                    continue;
                }
            };
            live.apart.extend(making.apart);
            if making.kind.is_built_in(&path) {
                self.unplaced.push(resource.unplaced(format!("{path} is the engine's own, which no estate declares")));
                continue;
            }
            // Settings as they are when nobody makes them.
            if live.is_unset() {
                continue;
            }
            carried.origins.insert(path, (resource.place.clone(), resource.address.clone()));
            carried.objects.push(live);
        }
        carried.unplaced = self.unplaced;
        carried.mounts();
        carried
    }
}

impl Carried {
    /// The mounts that objects need and no resource makes: who imports knows that they are there, and of which type.
    fn mounts(&mut self) {
        let mut needed = BTreeMap::new();
        for live in &self.objects {
            let (Some(path), Some(table)) = (live.kind.mount_path(&live.path), live.kind.table()) else { continue };
            if !self.origins.contains_key(&path) {
                needed.entry(path).or_insert((table, live.kind.mount_type().unwrap_or_default()));
            }
        }
        for (path, (table, mount_type)) in needed {
            let entry = KINDS.iter().find(|kind| matches!(kind.home, Home::Entry(of) if of == table));
            let answer = with_type(Map::from_iter([("type".to_owned(), Value::from(mount_type))]));
            let Some(Ok(live)) = entry.map(|kind| kind.live(&path, &answer)) else { continue };
            self.others.insert(path, "no resource that was read makes it".to_owned());
            self.objects.push(live);
        }
    }
}

/// Where an entity's answer has its aliases.
const ALIASES: &str = "aliases";

/// Whether a kind is of what is mounted or enabled.
fn is_entry(name: &str) -> bool {
    kind(name).is_some_and(|kind| matches!(kind.home, Home::Entry(_)))
}

/// Where a resource's objects are, or why nobody knows.
fn placed(resource: &Resource, sort: &ResourceType, word: &str) -> Result<String, String> {
    let known = match resource.fields.get(word) {
        Some(Field { given: Given::Unknown(why), .. }) => return Err(format!("{word}: {why}; it is left out")),
        Some(Field { given: Given::Value(value), .. }) if !value.is_null() => Some(value.clone()),
        _ => sort.row(word).and_then(|row| default_of(row, |word| resource.value(word).cloned())),
    };
    let text = match known.unwrap_or_default() {
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        Value::Null => return Err(format!("it does not say its {word}; it is left out")),
        _ => return Err(format!("{word}: it is no text; it is left out")),
    };
    if let Some(made) = made_in(&Value::from(text.as_str())) {
        return Err(format!("{word}: the {made} is only known to the engine; it is left out"));
    }
    match text.trim_matches('/') {
        "" => Err(format!("{word}: it is empty; it is left out")),
        text => Ok(text.to_owned()),
    }
}

/// An answer whose type is as the table of mounts has it: a version is an option. Source: Vault API, "/sys/mounts".
fn with_type(mut answer: Map<String, Value>) -> Map<String, Value> {
    let versioned = answer.get("type").and_then(Value::as_str).and_then(|name| name.split_once("-v"));
    if let Some((name, version)) = versioned.filter(|(_, version)| matches!(*version, "1" | "2")) {
        let (name, version) = (name.to_owned(), version.to_owned());
        answer.insert("type".to_owned(), Value::from(name));
        let options = answer.entry("options").or_insert_with(|| Value::Object(Map::new()));
        options["version"] = Value::from(version);
    }
    answer
}

/// Adds to a part of an answer: lists become one.
fn join(answer: &mut Map<String, Value>, name: &str, value: Value) {
    match (answer.get_mut(name), value) {
        (Some(Value::Array(items)), Value::Array(more)) => items.extend(more),
        (_, value) => drop(answer.insert(name.to_owned(), value)),
    }
}
