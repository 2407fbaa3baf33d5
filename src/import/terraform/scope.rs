//! What the names in a configuration stand for: variables, locals, and what resources say of themselves.
//!
//! A name is worked out when somebody asks for it, and remembered. One that needs itself is told, with the way round.

use std::cell::RefCell;
use std::collections::BTreeMap;

use hcl_edit::expr::Expression;
use serde_json::Value;

use super::answer::default_of;
use super::documents::{self, Evaluated};
use super::evaluate::{Budget, Evaluation, Names, Step};
use super::resource::{PROVIDER, SENSITIVE, made, made_in};
use super::table::{self, Id, To};
use super::value::{number, text_of};

/// Instances of one resource.
const INSTANCES_MAX: f64 = 10_000.0;

/// What stands between the braces of a block.
#[derive(Debug, Default)]
pub(super) struct Body {
    /// Each with its place.
    pub(super) attributes: BTreeMap<String, (Expression, String)>,
    /// Each with its name, or that and its first label, and its place.
    pub(super) blocks: Vec<(String, Self, String)>,
}

/// A `resource` or `data` block.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) sort: String,
    pub(super) name: String,
    pub(super) body: Body,
    pub(super) place: String,
}

/// One of what a block stands for.
#[derive(Clone, Debug, Default)]
pub(super) struct Instance {
    /// What tells it from the others.
    pub(super) key: Option<Value>,
    /// `each.value`, where there is one.
    value: Option<Value>,
}

/// A configuration's names.
pub(super) struct Scope<'f> {
    /// The values of variables, or why they have none.
    pub(super) variables: BTreeMap<String, Result<Value, String>>,
    pub(super) locals: BTreeMap<String, Expression>,
    pub(super) resources: BTreeMap<(String, String), Source>,
    pub(super) data: BTreeMap<(String, String), Source>,
    pub(super) read: &'f dyn Fn(&str) -> Result<String, String>,
    pub(super) known: RefCell<BTreeMap<String, Value>>,
    /// The names that are being worked out, the innermost last.
    pub(super) open: RefCell<Vec<String>>,
}

/// The names as one instance of a block sees them.
pub(super) struct Within<'s, 'f> {
    pub(super) scope: &'s Scope<'f>,
    pub(super) instance: Option<&'s Instance>,
}

impl Source {
    /// What it is called in a configuration.
    pub(super) fn address(&self, instance: &Instance) -> String {
        let index = instance.key.as_ref().map(|key| format!("[{key}]")).unwrap_or_default();
        format!("{}.{}{index}", self.sort, self.name)
    }
}

impl<'f> Scope<'f> {
    /// The value of an expression in a block.
    ///
    /// # Errors
    /// Why it has none here.
    pub(super) fn value(
        &self,
        expression: &Expression,
        instance: Option<&Instance>,
        budget: &mut Budget,
    ) -> Result<Value, String> {
        let within = Within { scope: self, instance };
        Evaluation { names: &within, budget, own: Vec::new() }.value(expression)
    }

    /// What a block stands for, by its `count` or `for_each`.
    ///
    /// # Errors
    /// Why nobody knows here.
    pub(super) fn instances(&self, source: &Source, budget: &mut Budget) -> Result<Vec<Instance>, String> {
        let attribute = |name: &str| source.body.attributes.get(name).map(|(expression, _)| expression);
        if let Some(count) = attribute("count") {
            let count = self.value(count, None, budget).and_then(|value| number(&value));
            let count = count.map_err(|why| format!("count: {why}"))?;
            if !(0.0..=INSTANCES_MAX).contains(&count) || count.fract() != 0.0 {
                return Err("count: there are not so many".to_owned());
            }
            return Ok((0..count as u64).map(|at| Instance { key: Some(Value::from(at)), value: None }).collect());
        }
        let Some(each) = attribute("for_each") else { return Ok(vec![Instance::default()]) };
        let each = self.value(each, None, budget).map_err(|why| format!("for_each: {why}"))?;
        let pairs: Vec<(String, Value)> = match each {
            Value::Object(map) => map.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect(),
            Value::Array(items) => {
                let keys = items.iter().map(text_of).collect::<Result<Vec<_>, _>>();
                let keys = keys.map_err(|why| format!("for_each: {why}"))?;
                keys.into_iter().map(|key| (key.clone(), Value::from(key))).collect()
            }
            _ => return Err("for_each: it is no map and no set".to_owned()),
        };
        if pairs.len() as f64 > INSTANCES_MAX {
            return Err("for_each: there are too many".to_owned());
        }
        if let Some(key) = pairs.iter().find_map(|(key, _)| made_in(&Value::from(key.as_str())).map(str::to_owned)) {
            return Err(format!("for_each: the {key} is only known to the engine"));
        }
        Ok(pairs.into_iter().map(|(key, value)| Instance { key: Some(Value::from(key)), value: Some(value) }).collect())
    }

    /// Works a name out, unless it is being worked out already.
    fn once(
        &self,
        name: String,
        budget: &mut Budget,
        work: impl FnOnce(&mut Budget) -> Result<Value, String>,
    ) -> Result<Value, String> {
        if let Some(known) = self.known.borrow().get(&name) {
            return Ok(known.clone());
        }
        let round = self.open.borrow().iter().position(|open| *open == name);
        if let Some(start) = round {
            let way = [&self.open.borrow()[start..], &[name]].concat();
            return Err(format!("it needs itself: {}", way.join(" needs ")));
        }
        self.open.borrow_mut().push(name.clone());
        let value = work(budget);
        self.open.borrow_mut().pop();
        if let Ok(value) = &value {
            self.known.borrow_mut().insert(name, value.clone());
        }
        value
    }

    fn local(&self, name: &str, budget: &mut Budget) -> Result<Value, String> {
        let expression = self.locals.get(name).ok_or_else(|| format!("local.{name} is not declared"))?;
        let value = self.once(format!("local.{name}"), budget, |budget| self.value(expression, None, budget));
        value.map_err(|why| within(&format!("local.{name}"), why))
    }

    /// What a resource's block says, and the steps that it took.
    fn resource(&self, sort: &str, steps: &[Step], budget: &mut Budget) -> Result<(Value, usize), String> {
        let Some(Step::Attribute(name)) = steps.first() else {
            return Err(format!("nobody says what {sort} is"));
        };
        let Some(source) = self.resources.get(&(sort.to_owned(), name.clone())) else {
            return Err(format!("{sort}.{name} is no resource here"));
        };
        if !sort.starts_with(PROVIDER) {
            return Err(format!("what {sort}.{name} has is only known after an apply: a plan or the state has it"));
        }
        self.of(source, &steps[1..], budget, &|instance, attribute, budget| {
            self.attribute(source, instance, attribute, budget)
        })
        .map(|(value, taken)| (value, taken + 1))
    }

    fn data(&self, steps: &[Step], budget: &mut Budget) -> Result<(Value, usize), String> {
        let [Step::Attribute(sort), Step::Attribute(name), rest @ ..] = steps else {
            return Err("nobody says which data that is".to_owned());
        };
        let Some(source) = self.data.get(&(sort.clone(), name.clone())) else {
            return Err(format!("data.{sort}.{name} is not declared"));
        };
        self.of(source, rest, budget, &|instance, attribute, budget| {
            let name = format!("data.{}.{attribute}", source.address(instance));
            let value = self.once(name.clone(), budget, |budget| {
                let data = self.evaluated(&source.body, instance, budget);
                let known = data.map(|data| documents::rendered(&source.sort, attribute, &data));
                match known? {
                    Some(text) => Ok(Value::from(text?)),
                    None => Err("it is only known after an apply: a plan or the state has it".to_owned()),
                }
            });
            value.map_err(|why| within(&name, why))
        })
        .map(|(value, taken)| (value, taken + 2))
    }

    /// An attribute of a block's instances, and the steps that it took.
    fn of(
        &self,
        source: &Source,
        steps: &[Step],
        budget: &mut Budget,
        attribute: &dyn Fn(&Instance, &str, &mut Budget) -> Result<Value, String>,
    ) -> Result<(Value, usize), String> {
        let is_several = ["count", "for_each"].iter().any(|word| source.body.attributes.contains_key(*word));
        let whole = || format!("{}.{} is used as a whole, which is not followed here", source.sort, source.name);
        match (is_several, steps) {
            (false, [Step::Attribute(name), ..]) => Ok((attribute(&Instance::default(), name, budget)?, 1)),
            (true, [Step::Index(key), Step::Attribute(name), ..]) => {
                let instances = self.instances(source, budget)?;
                let is_it = |instance: &&Instance| {
                    let text = |value: &Value| text_of(value).ok();
                    instance.key.as_ref().and_then(text) == text(key)
                };
                let instance = instances.iter().find(is_it).ok_or("there is no such instance")?;
                Ok((attribute(instance, name, budget)?, 2))
            }
            (_, [Step::Each, Step::Attribute(name), ..]) if !source.body.attributes.contains_key("for_each") => {
                let instances = self.instances(source, budget)?;
                let values = instances.iter().map(|instance| attribute(instance, name, budget));
                Ok((values.collect::<Result<Value, String>>()?, 2))
            }
            _ => Err(whole()),
        }
    }

    /// What an instance of a resource says of itself, or what the provider would.
    fn attribute(
        &self,
        source: &Source,
        instance: &Instance,
        name: &str,
        budget: &mut Budget,
    ) -> Result<Value, String> {
        let address = source.address(instance);
        let full = format!("{address}.{name}");
        let row = table::sort(&source.sort).and_then(|sort| sort.row(name));
        if matches!(row.map(|row| row.to), Some(To::Secret(..) | To::Key(..))) {
            return Err(format!("{full} is a secret"));
        }
        let value = self.once(full.clone(), budget, |budget| {
            let mut written = |name: &str| match source.body.attributes.get(name) {
                Some((expression, _)) => self.value(expression, Some(instance), budget),
                None => Ok(Value::Null),
            };
            let value = written(name)?;
            if !value.is_null() {
                return Ok(value);
            }
            let id = table::sort(&source.sort).map(|sort| &sort.id);
            match (name, id) {
                ("id", Some(Id::Field(field))) => self.attribute(source, instance, field, budget),
                ("id" | "accessor", _) => Ok(Value::from(made(name, &address))),
                _ => {
                    let default = row.filter(|row| !row.default.is_empty());
                    let other = default.and_then(|row| row.default.strip_prefix('='));
                    let other = other.map(&mut written).transpose()?;
                    let default = default.and_then(|row| default_of(row, |_| other.clone()));
                    default.ok_or_else(|| "it is only known after an apply: a plan or the state has it".to_owned())
                }
            }
        });
        value.map_err(|why| within(&full, why))
    }

    /// A block with all that is in it.
    fn evaluated(&self, body: &Body, instance: &Instance, budget: &mut Budget) -> Result<Evaluated, String> {
        let mut evaluated = Evaluated::default();
        for (name, (expression, _)) in &body.attributes {
            if name == "count" || name == "for_each" || name == "provider" || name == "depends_on" {
                continue;
            }
            let value = self.value(expression, Some(instance), budget).map_err(|why| within(name, why))?;
            // What JSON has of blocks.
            match value {
                Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_object) => {
                    evaluated.blocks.extend(items.into_iter().map(|item| (name.clone(), of_json(item))));
                }
                other => drop(evaluated.attributes.insert(name.clone(), other)),
            }
        }
        for (name, body, _) in &body.blocks {
            if name.starts_with(DYNAMIC) {
                return Err(format!("{name} is a block that is not followed here"));
            }
            evaluated.blocks.push((name.clone(), self.evaluated(body, instance, budget)?));
        }
        Ok(evaluated)
    }
}

/// The blocks that are made by an expression.
pub(super) const DYNAMIC: &str = "dynamic ";

fn of_json(value: Value) -> Evaluated {
    let mut evaluated = Evaluated::default();
    if let Value::Object(map) = value {
        for (name, value) in map {
            match value {
                Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_object) => {
                    evaluated.blocks.extend(items.into_iter().map(|item| (name.clone(), of_json(item))));
                }
                other => drop(evaluated.attributes.insert(name, other)),
            }
        }
    }
    evaluated
}

/// A reason with the name that it is of, once.
fn within(name: &str, why: String) -> String {
    if why.starts_with("it needs itself") || why.contains(name) { why } else { format!("{name}: {why}") }
}

impl Names for Within<'_, '_> {
    fn resolve(&self, name: &str, steps: &[Step], budget: &mut Budget) -> Result<(Value, usize), String> {
        let first = match steps.first() {
            Some(Step::Attribute(first)) => first.as_str(),
            _ => "",
        };
        let known = match (name, first) {
            ("var", _) => match self.scope.variables.get(first) {
                Some(value) => value.clone(),
                None => Err(format!("var.{first} is not declared")),
            },
            ("local", _) => self.scope.local(first, budget),
            ("path", "module" | "root") => Ok(Value::from(".")),
            ("path", _) => Err("where it stands, no file says".to_owned()),
            ("each", "key") => self.key(),
            ("each", "value") => self.instance.and_then(|of| of.value.clone()).map_or_else(|| self.key(), Ok),
            ("count", "index") => self.key(),
            ("terraform", _) => Err("which workspace it is, no file says".to_owned()),
            ("module", _) => Err(format!("module.{first} is not read: a plan or the state has what it makes")),
            ("data", _) => return self.scope.data(steps, budget),
            _ => return self.scope.resource(name, steps, budget),
        };
        Ok((known?, 1))
    }

    fn read(&self, path: &str) -> Result<String, String> {
        (self.scope.read)(path)
    }
}

impl Within<'_, '_> {
    fn key(&self) -> Result<Value, String> {
        self.instance.and_then(|of| of.key.clone()).ok_or_else(|| "it is not one of several".to_owned())
    }
}

/// Why a variable that is sensitive has no value here.
pub(super) fn sensitive(name: &str) -> String {
    format!("var.{name}: {SENSITIVE}")
}
