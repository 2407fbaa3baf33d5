//! A directory of Terraform's files to the resources that they declare, as far as the files alone tell.
//!
//! Modules are not read, and neither are providers asked: what depends on them is told with its file and line. A plan or a
//! state has all of it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use hcl_edit::expr::Expression;
use serde_json::Value;

use super::evaluate::Budget;
use super::resource::{
    ANOTHER, Field, Fields, Given, IN_NAMESPACE, PROVIDER, Reading, Resource, Unplaced, is_empty, made,
};
use super::scope::{Body, DYNAMIC, Instance, Scope, Source, sensitive};
use super::syntax::{self, Top};
use super::table::{self, Id, ResourceType, To};
use super::types::typed;
use super::unread::Unread;

/// What every resource may have, and says nothing of what it is.
const META: [&str; 6] = ["count", "for_each", "provider", "depends_on", "lifecycle", "timeouts"];

/// The files of a configuration.
pub struct Files<'f> {
    /// `*.tf`, `*.tf.json` and the files of variables, by name.
    pub texts: BTreeMap<String, String>,
    /// Reads another file of the directory, by the path that an expression names.
    pub read: &'f dyn Fn(&str) -> Result<String, String>,
}

/// Reads the files of a configuration.
pub(super) fn read(files: &Files<'_>) -> Result<Reading, Unread> {
    let mut reading = Reading::default();
    let mut scope = Scope {
        variables: BTreeMap::new(),
        locals: BTreeMap::new(),
        resources: BTreeMap::new(),
        data: BTreeMap::new(),
        read: files.read,
        known: RefCell::new(BTreeMap::new()),
        open: RefCell::new(Vec::new()),
    };
    let mut variables = Vec::new();
    let is_source = |name: &str| name.ends_with(".tf") || name.ends_with(".tf.json");
    for (name, text) in files.texts.iter().filter(|(name, _)| is_source(name)) {
        let stem = name.trim_end_matches(".json").trim_end_matches(".tf");
        if stem == "override" || stem.ends_with("_override") {
            return Err(Unread::Override(name.clone()));
        }
        for top in syntax::read(name, text)? {
            take(top, &mut scope, &mut variables, &mut reading)?;
        }
    }
    scope.variables = values(&scope, variables, files)?;
    let mut sources: Vec<&Source> = scope.resources.values().collect();
    sources.sort_by_key(|source| place_key(&source.place));
    for source in sources {
        expand(&scope, source, &mut reading);
    }
    Ok(reading)
}

/// The order of places: lines by their numbers.
fn place_key(place: &str) -> (&str, usize) {
    let (file, line) = place.rsplit_once(':').unwrap_or((place, ""));
    (file, line.parse().unwrap_or_default())
}

/// A variable that is declared.
struct Variable {
    name: String,
    /// Of which type it is.
    of: Option<Expression>,
    default: Option<Expression>,
    is_sensitive: bool,
}

/// Puts a block where it belongs.
fn take(top: Top, scope: &mut Scope<'_>, variables: &mut Vec<Variable>, reading: &mut Reading) -> Result<(), Unread> {
    let Top { word, labels, body, place } = top;
    match (word.as_str(), labels.as_slice()) {
        ("resource" | "data", [sort, name]) => {
            let key = (sort.clone(), name.clone());
            let source = Source { sort: sort.clone(), name: name.clone(), body, place };
            let into = if word == "data" { &mut scope.data } else { &mut scope.resources };
            let (place, other) = (source.place.clone(), into.insert(key, source));
            if let Some(other) = other {
                let (file, line) = place_key(&place);
                let what = format!("{}.{} is declared at {} already", other.sort, other.name, other.place);
                return Err(Unread::Syntax { file: file.to_owned(), line, what });
            }
        }
        ("variable", [name]) => {
            let is_true = |word: &str| matches!(body.attributes.get(word), Some((Expression::Bool(flag), _)) if **flag);
            variables.push(Variable {
                name: name.clone(),
                is_sensitive: is_true("sensitive") || is_true("ephemeral"),
                of: body.attributes.get("type").map(|(expression, _)| expression.clone()),
                default: body.attributes.get("default").map(|(expression, _)| expression.clone()),
            });
        }
        ("locals", []) => {
            scope.locals.extend(body.attributes.into_iter().map(|(name, (expression, _))| (name, expression)));
        }
        ("provider", [name]) if name == "vault" && body.attributes.contains_key("namespace") => {
            reading.unplaced.push(Unplaced {
                place,
                address: "provider.vault".to_owned(),
                why: IN_NAMESPACE.to_owned(),
            });
        }
        ("module", [name]) => reading.unplaced.push(Unplaced {
            place,
            address: format!("module.{name}"),
            why: "modules are not read: a plan or the state has what it makes".to_owned(),
        }),
        _ => {}
    }
    Ok(())
}

/// The values of variables: by the files that Terraform reads of itself, else by their defaults.
fn values(
    scope: &Scope<'_>,
    variables: Vec<Variable>,
    files: &Files<'_>,
) -> Result<BTreeMap<String, Result<Value, String>>, Unread> {
    // In the order in which later ones win. Source: Terraform documentation, "Input variables: definition precedence".
    let named = ["terraform.tfvars", "terraform.tfvars.json"].map(str::to_owned);
    let is_auto = |name: &&String| name.ends_with(".auto.tfvars") || name.ends_with(".auto.tfvars.json");
    let names = named.into_iter().chain(files.texts.keys().filter(is_auto).cloned());
    let mut given: BTreeMap<String, Expression> = BTreeMap::new();
    for name in names {
        if let Some(text) = files.texts.get(&name) {
            let body = syntax::attributes(&name, text)?;
            given.extend(body.attributes.into_iter().map(|(name, (expression, _))| (name, expression)));
        }
    }
    let value = |variable: &Variable| {
        let name = &variable.name;
        if variable.is_sensitive {
            return Err(sensitive(name));
        }
        let expression = given.get(name).or(variable.default.as_ref());
        let expression = expression.ok_or_else(|| format!("var.{name} has no value in these files"))?;
        let mut constant = |expression: &Expression| scope.value(expression, None, &mut Budget::new());
        let value = constant(expression)?;
        match &variable.of {
            Some(of) => typed(of, value, &mut constant).map_err(|why| format!("var.{name}: {why}")),
            None => Ok(value),
        }
    };
    Ok(variables.iter().map(|variable| (variable.name.clone(), value(variable))).collect())
}

/// Takes in all that a block stands for.
fn expand(scope: &Scope<'_>, source: &Source, reading: &mut Reading) {
    if !source.sort.starts_with(PROVIDER) {
        reading.others += 1;
        return;
    }
    let whole = Instance::default();
    let untaken = |why: String| Unplaced { place: source.place.clone(), address: source.address(&whole), why };
    let is_first = |provider: &Expression| matches!(provider, Expression::Variable(_));
    if source.body.attributes.get("provider").is_some_and(|(provider, _)| !is_first(provider)) {
        reading.unplaced.push(untaken(ANOTHER.to_owned()));
        return;
    }
    match scope.instances(source, &mut Budget::new()) {
        Err(why) => reading.unplaced.push(untaken(why)),
        Ok(instances) => {
            reading.resources.extend(instances.iter().map(|instance| resource(scope, source, instance)));
        }
    }
}

fn resource(scope: &Scope<'_>, source: &Source, instance: &Instance) -> Resource {
    let address = source.address(instance);
    let sort = table::sort(&source.sort);
    let id = match sort.map(|sort| &sort.id) {
        Some(Id::Made) => Some(made("id", &address)),
        _ => None,
    };
    let mut fields = Fields::new();
    let mut blocks: BTreeMap<String, Vec<Fields>> = BTreeMap::new();
    // What is no object needs no fields.
    if let Some(sort) = sort {
        fields = told(scope, &source.body, instance, &|word| sort.row(word).map(|row| row.to));
        for (name, body, place) in source.body.blocks.iter().filter(|(name, ..)| !is_meta(name)) {
            if let Some(name) = name.strip_prefix(DYNAMIC) {
                let given = Given::Unknown("it is a dynamic block, which is not followed here".to_owned());
                fields.insert(name.to_owned(), Field { given, place: place.clone() });
                continue;
            }
            let inner = told(scope, body, instance, &|word| within(sort, name, word));
            blocks.entry(name.clone()).or_default().push(inner);
        }
    }
    let accessor = Some(made("accessor", &address));
    let (sort, place) = (source.sort.clone(), source.place.clone());
    Resource { sort, address, place, id, accessor, fields, blocks, is_told: false }
}

fn is_meta(name: &str) -> bool {
    META.contains(&name) || matches!(name, "provisioner" | "connection")
}

/// Where a word of a block goes.
fn within(sort: &ResourceType, block: &str, word: &str) -> Option<To> {
    match sort.row(block)?.to {
        To::Block(rows) => rows.iter().find(|row| row.word == word).map(|row| row.to),
        _ => None,
    }
}

/// What a block says, each with its place. Of a secret only whether there is one.
fn told(scope: &Scope<'_>, body: &Body, instance: &Instance, to: &dyn Fn(&str) -> Option<To>) -> Fields {
    let mut fields = Fields::new();
    for (name, (expression, place)) in body.attributes.iter().filter(|(name, _)| !META.contains(&name.as_str())) {
        let value = scope.value(expression, Some(instance), &mut Budget::new());
        let given = match (to(name), value) {
            (Some(To::Secret(..) | To::Key(..)), Ok(value)) if is_empty(&value) => Given::Value(Value::Null),
            (Some(To::Secret(..) | To::Key(..)), _) => Given::Value(Value::from(true)),
            (Some(To::Nothing), Err(_)) => Given::Value(Value::Null),
            (_, Ok(value)) => Given::Value(value),
            (_, Err(why)) => Given::Unknown(why),
        };
        fields.insert(name.clone(), Field { given, place: place.clone() });
    }
    fields
}
