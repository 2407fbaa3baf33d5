//! Objects to blocks, by the words of their kinds. Nothing here knows a kind: which field stands in which block, under which
//! word, in which shape, and which secret has to be given says the description of the block.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::block::{Attribute, Block, Item};
use super::files::{Document, Names};
use crate::object::home::METHODS;
use crate::object::words::{self, Declared, Is};
use crate::object::{Class, Field, FieldValue, Home, Kind, Leaf, Live, OnRotate, Place, Reviewed, Shape, Told};
use crate::units::duration;

/// A secret that somebody has to give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// The environment variable that the files name for it.
    pub variable: String,
    /// The object that has it.
    pub path: String,
    /// Its field.
    pub field: &'static str,
    /// Whether the engine keeps the one that it has, whatever the files say.
    pub kept: bool,
}

/// Turns objects into blocks.
pub(super) struct Speaker<'a> {
    /// What is to be said, by path.
    pub(super) objects: BTreeMap<&'a str, &'a Live>,
    /// The names of files.
    pub(super) names: Names<'a>,
    /// The files that declarations name.
    pub(super) documents: Vec<Document>,
    /// What somebody has to give.
    pub(super) secrets: Vec<Secret>,
    /// The paths of what was said.
    pub(super) said: BTreeSet<String>,
}

/// Which object a block's keys of a kind are of.
type Of<'a, 'o> = &'o dyn Fn(&'static Kind) -> Option<&'a Live>;

impl<'a> Speaker<'a> {
    /// The declaration of a mount, with all that stands in it; `None` where no word is for its type.
    pub(super) fn mount(&mut self, live: &'a Live) -> Option<Block> {
        let mount = live.mount()?;
        let words = mount.words()?;
        let settings: BTreeMap<&str, &Live> =
            mount.settings().filter_map(|(kind, path)| Some((kind.name, *self.objects.get(path.as_str())?))).collect();
        let of = |kind: &'static Kind| if kind == live.kind { Some(live) } else { settings.get(kind.name).copied() };
        let mut block = Block::new(words.word, &[mount.name], &live.path);
        self.said.insert(live.path.clone());
        self.block(words, &of, &mut block);
        // Of a method its path says the type, where it is the type.
        block.items.retain(|item| {
            !matches!(item, Item::Value(one) if one.key == "type" && one.of == live.path && one.value == mount.name)
        });
        // What a method's type has besides stands in blocks that its settings bring.
        if mount.table == &METHODS {
            for (kind, _) in mount.settings() {
                if let Some(setting) = settings.get(kind.name) {
                    block.items.push(Item::Block(self.one(kind.words, setting, &[])));
                }
            }
        }
        let own = |kind: &Kind| kind.class == Class::Config;
        for (kind, folder) in mount.folders().filter(|(kind, _)| own(kind)) {
            let Some(inner) = labelled(words, kind).or((mount.table == &METHODS).then_some(kind.words)) else {
                continue;
            };
            let below: Vec<&Live> = self.below(&folder).filter(|live| live.kind == kind).collect();
            for live in below {
                let name = live.kind.name_of(&live.path)?;
                block.items.push(Item::Block(self.one(inner, live, &[name])));
            }
        }
        Some(block)
    }

    /// What is shared of a mount: that it is there, of which type, and what of it may be declared all the same.
    pub(super) fn shared(&mut self, live: &'a Live) -> Option<Block> {
        let mount = live.mount()?;
        let words = mount.words()?;
        let mut block = Block::new(words.word, &[mount.name], &live.path).with("shared", true);
        // What a declaration of it can't go without says its type: of a method, and of a key-value engine.
        for key in words.keys() {
            if let Is::Written(kind, name) = key.is
                && kind == live.kind
                && let Some(value) = live.fields.get(name).filter(|value| **value != mount.name)
            {
                block = block.with(key.word, value.clone());
            }
        }
        Some(block)
    }

    /// Takes back what was said of an object.
    pub(super) fn unsay(&mut self, path: &str) {
        self.said.remove(path);
        self.documents.retain(|document| document.of != path);
        self.secrets.retain(|secret| secret.path != path);
    }

    /// The objects in a folder.
    fn below(&self, folder: &str) -> impl Iterator<Item = &'a Live> + use<'a> {
        let start = format!("{folder}/");
        let objects: Vec<&'a Live> =
            self.objects.iter().filter(|(path, _)| path.starts_with(&start)).map(|(_, live)| *live).collect();
        objects.into_iter()
    }

    /// The block of an object that has one for itself.
    pub(super) fn one(&mut self, words: &'static words::Block, live: &'a Live, labels: &[&str]) -> Block {
        let mut block = Block::new(words.word, labels, &live.path);
        self.said.insert(live.path.clone());
        self.block(words, &|kind| (kind == live.kind).then_some(live), &mut block);
        block
    }

    /// A declaration at the top level, of what is no mount and no login; `None` where its kind has no name for one.
    pub(super) fn object(&mut self, live: &'a Live) -> Option<Block> {
        let words = live.kind.words;
        words.label?;
        if let Home::Anywhere = live.kind.home {
            return Some(self.anything(words, live));
        }
        let name = live.kind.name_of(&live.path).or_else(|| live.path.rsplit_once('/').map(|(_, name)| name))?;
        let mut block = self.one(words, live, &[name]);
        if live.kind.class == Class::Role {
            let of = live.path.clone();
            let mount = Value::from(live.kind.mount_of(&live.path)?);
            block.items.insert(0, Item::Value(Attribute { key: "mount".to_owned(), value: mount, of }));
        }
        if let Reviewed::Rules(field) = live.kind.reviewed {
            let rules = live.fields.get(field).and_then(Value::as_str).unwrap_or_default();
            let file = self.document("acl", name, "hcl", format!("{rules}\n"), &live.path);
            block = block.with("file", file);
        }
        Some(block)
    }

    /// What no word describes: its path, and its fields as the engine tells them.
    fn anything(&mut self, words: &words::Block, live: &Live) -> Block {
        self.said.insert(live.path.clone());
        let mut data = Block::new("data", &[], &live.path);
        for (name, value) in &live.fields {
            data = data.with(name, value.clone());
        }
        let mut block = Block::new(words.word, &[&live.path], &live.path);
        block.items.push(Item::Block(data));
        block
    }

    /// A login that is no app's.
    pub(super) fn login(&mut self, live: &'a Live) -> Option<Block> {
        let (mount, name) = (live.kind.mount_of(&live.path)?, live.kind.name_of(&live.path)?);
        let mut block = self.one(live.kind.words, live, &[mount, name]);
        let policies = live.policies();
        if !policies.is_empty() {
            block = block.with("policies", policies);
        }
        Some(block)
    }

    /// A login in an app, which goes without the policy `default` unless it says otherwise.
    pub(super) fn login_of(&mut self, live: &'a Live, app: &str) -> Option<Block> {
        let (mount, name) = (live.kind.mount_of(&live.path)?, live.kind.name_of(&live.path)?);
        let mut block = self.one(live.kind.words, live, &[mount]);
        let without = "token_no_default_policy";
        block.items.retain(|item| !matches!(item, Item::Value(one) if one.key == without));
        if live.fields.get(without) == Some(&Value::Bool(false)) {
            block = block.with(without, false);
        }
        Some(if name == format!("app-{app}") { block } else { block.with("name", name) })
    }

    fn block(&mut self, words: &'static words::Block, of: Of<'a, '_>, block: &mut Block) {
        let written = written(words, of);
        for key in words.keys() {
            match key.is {
                Is::Field(kind, name) | Is::Written(kind, name) => {
                    let Some((live, field)) = of(kind).zip(kind.field(name)) else { continue };
                    if let Some(value) = self.field(words, live, field, &written) {
                        let of = live.path.clone();
                        self.said.insert(of.clone());
                        block.items.push(Item::Value(Attribute { key: key.word.to_owned(), value, of }));
                    }
                }
                // A key that an engine has may be one that it made: it keeps it.
                Is::Own { shape: Shape::OneOf(choices), .. } if choices == OnRotate::WORDS => {
                    let keyed = words.keys().find_map(|key| match key.is {
                        Is::Field(kind, name) | Is::Written(kind, name) if kind.is_of_key(name) => of(kind),
                        _ => None,
                    });
                    if let Some(live) = keyed.filter(|live| live.key().is_some()) {
                        let (key, of) = (key.word.to_owned(), live.path.clone());
                        let keep = Value::from(OnRotate::WORDS[0]);
                        block.items.push(Item::Value(Attribute { key, value: keep, of }));
                    }
                }
                Is::Block(inner) if inner.label.is_none() => {
                    let mut one = Block::new(key.word, &[], &block.of);
                    self.block(inner, of, &mut one);
                    if let Some(Item::Value(first)) = one.items.first() {
                        one.of.clone_from(&first.of);
                        block.items.push(Item::Block(one));
                    }
                }
                Is::Block(_) | Is::Own { .. } | Is::Each(_) | Is::AllOf(_) => {}
            }
        }
    }

    /// What a file says of a field; `None` where it goes without.
    fn field(&mut self, words: &words::Block, live: &Live, field: &'static Field, written: &[&str]) -> Option<Value> {
        if live.kind.is_of_key(field.name) {
            return live.key().is_some().then(|| self.secret(live, field, true));
        }
        if field.told == Told::WriteOnly {
            let needed = field.shape == Shape::Secret
                && (live.hidden.contains(field.name) || is_demanded(words, live, field, written));
            return needed.then(|| self.secret(live, field, false));
        }
        let told = if field.told == Told::Readable { &live.fields } else { &live.apart };
        let value = told.get(field.name).filter(|value| **value != field.default_value())?;
        Some(match (field.shape, value) {
            (Shape::PolicyDocument, Value::String(text)) => {
                let wording = live.documents.get(field.name).map_or(text.as_str(), |document| document.wording());
                let name = live.kind.name_of(&live.path).unwrap_or("policy").to_owned();
                Value::from(self.document("iam", &name, "json", pretty(wording), &live.path))
            }
            (Shape::Seconds, Value::Number(seconds)) => {
                seconds.as_i64().map_or_else(|| value.clone(), |seconds| Value::from(duration::shown(seconds)))
            }
            (Shape::Claims, Value::Object(claims)) => {
                let one = |values: &Value| match values.as_array().map(Vec::as_slice) {
                    Some([only]) => only.clone(),
                    _ => values.clone(),
                };
                Value::Object(claims.iter().map(|(name, values)| (name.clone(), one(values))).collect())
            }
            _ => value.clone(),
        })
    }

    fn secret(&mut self, live: &Live, field: &'static Field, kept: bool) -> Value {
        let path = live.path.strip_prefix("auth/").unwrap_or(&live.path);
        let words = format!("{path}/{}", field.name);
        let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        let variable: String = words.chars().map(upper).collect();
        // No variable begins with a digit.
        let variable =
            if variable.starts_with(|first: char| first.is_ascii_digit()) { format!("_{variable}") } else { variable };
        let twins = self.secrets.iter().filter(|other| other.variable.starts_with(&variable)).count();
        let variable = if twins > 0 { format!("{variable}_{}", twins + 1) } else { variable };
        let reference = format!("secret:env:{variable}");
        self.secrets.push(Secret { variable, path: live.path.clone(), field: field.name, kept });
        Value::from(reference)
    }

    /// Keeps a text in a file of its own, and answers the reference to it.
    fn document(&mut self, folder: &str, name: &str, ending: &str, text: String, of: &str) -> String {
        let name = self.names.free(folder, name, ending);
        let reference = format!("file:{name}");
        self.documents.push(Document { name, text, of: of.to_owned() });
        reference
    }
}

/// The words that would be written in a block, but for those of secrets.
fn written(words: &'static words::Block, of: Of<'_, '_>) -> Vec<&'static str> {
    let is_said = |kind: &'static Kind, name: &str| {
        let (live, field) = (of(kind)?, kind.field(name)?);
        live.fields.get(name).filter(|value| **value != field.default_value())
    };
    let words = words.keys().filter_map(|key| match key.is {
        Is::Field(kind, name) | Is::Written(kind, name) => is_said(kind, name).map(|_| key.word),
        _ => None,
    });
    words.collect()
}

/// Whether a block can't go without a secret.
fn is_demanded(words: &words::Block, live: &Live, field: &Field, written: &[&str]) -> bool {
    let place = Place { file: Arc::from(""), line: 1, column: 1 };
    let leaf = |value: &Value| Leaf::new(FieldValue::Data(value.clone()), place.clone());
    let fields = live.fields.iter().map(|(name, value)| (*name, leaf(value))).collect();
    let declared = Declared { name: words.word, written, kind: live.kind, fields: &fields };
    (words.check)(&declared).iter().any(|objection| objection.key == field.name)
}

/// The block with labels in another in which objects of a kind are declared.
fn labelled(words: &'static words::Block, kind: &'static Kind) -> Option<&'static words::Block> {
    words.keys().find_map(|key| match key.is {
        Is::Block(inner) if inner.label.is_some() && inner.fields_of(kind).next().is_some() => Some(inner),
        _ => None,
    })
}

/// A policy document on lines of its own, in the order of its author, and with what the estate would replace escaped.
fn pretty(wording: &str) -> String {
    let json: Option<Value> = serde_json::from_str(wording).ok();
    let mut text = String::new();
    match json {
        Some(json) => lay_out(&json, 0, &mut text),
        None => text.push_str(wording),
    }
    format!("{}\n", unreplaced(&text))
}

/// The longest list in one line.
const LINE_MAX: usize = 100;

fn lay_out(json: &Value, depth: usize, out: &mut String) {
    let (inner, end) = ("  ".repeat(depth + 1), "  ".repeat(depth));
    let is_plain = |items: &[Value]| items.iter().all(|item| !item.is_array() && !item.is_object());
    match json {
        Value::Array(items)
            if is_plain(items) && items.iter().map(|item| item.to_string().len() + 2).sum::<usize>() <= LINE_MAX =>
        {
            let items: Vec<String> = items.iter().map(Value::to_string).collect();
            out.push_str(&format!("[{}]", items.join(", ")));
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { ",\n" } else { "\n" });
                out.push_str(&inner);
                lay_out(item, depth + 1, out);
            }
            out.push_str(&format!("\n{end}]"));
        }
        Value::Object(members) if members.is_empty() => out.push_str("{}"),
        Value::Object(members) => {
            out.push('{');
            for (index, (name, value)) in members.iter().enumerate() {
                out.push_str(if index > 0 { ",\n" } else { "\n" });
                out.push_str(&format!("{inner}{}: ", Value::from(name.as_str())));
                lay_out(value, depth + 1, out);
            }
            out.push_str(&format!("\n{end}}}"));
        }
        other => out.push_str(&other.to_string()),
    }
}

/// A text in which the estate replaces nothing: what it replaces in documents is `${var.` and `${env.`, and of `$${` it takes
/// a `$` away.
fn unreplaced(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, after) = (&rest[..at], &rest[at + 2..]);
        out.push_str(before);
        let is_meant = before.ends_with('$') || after.starts_with("var.") || after.starts_with("env.");
        out.push_str(if is_meant { "$${" } else { "${" });
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::unreplaced;

    #[test]
    fn variables_of_iam_stay_and_what_the_estate_would_replace_is_escaped() {
        for (text, written) in [
            ("${aws:username}", "${aws:username}"),
            ("${var.x} ${env.name}", "$${var.x} $${env.name}"),
            ("$${a}", "$$${a}"),
            ("$${var.a}", "$$${var.a}"),
            ("a $ {b}", "a $ {b}"),
        ] {
            assert_eq!(unreplaced(text), written, "{text}");
        }
    }
}
