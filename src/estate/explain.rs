//! What may be written in an estate, for people who ask: from the same descriptions that files are read by.

use super::load::DECLARATIONS;
use super::lower::{GuardrailWord, Takes, guardrail_outline};
use super::outline::{Meant, at_top, blocks_of};
use crate::object::words::{Is, Key};
use crate::object::{Shape, Told};
use crate::text::did_you_mean;

/// What was asked about.
#[derive(Debug)]
pub struct Explained {
    /// As it is written: `login "cert" { ... }`, `token_ttl = ...`.
    pub form: String,
    /// What it is for, in one line.
    pub doc: String,
    /// What its label is, of a block that has one.
    pub label: Option<&'static str>,
    /// What is written there, of a key that is no block.
    pub value: Option<Value>,
    /// What may stand in it, of a block.
    pub inside: Vec<Inside>,
}

/// What a key takes.
#[derive(Debug)]
pub struct Value {
    /// In words: `a duration, as 1h30m`.
    pub takes: String,
    /// What holds where it is left out, as JSON; none where that depends.
    pub default: Option<&'static str>,
    /// Whether no change of it is possible without making the object anew.
    pub immutable: bool,
    /// Whether engines never tell it.
    pub write_only: bool,
}

/// What may stand in a block.
#[derive(Debug)]
pub struct Inside {
    /// The word that leads on from here: `token_ttl`, or `cert` of the several blocks of one word.
    pub word: String,
    /// What it takes, or that it is a block.
    pub takes: String,
    /// What it is for.
    pub doc: String,
}

/// The blocks at the top of an estate.
pub fn explain_all() -> Vec<Inside> {
    DECLARATIONS
        .iter()
        .filter_map(|word| explain(&[word]).ok().map(|found| row(word, "block".to_owned(), found.doc)))
        .collect()
}

/// What the words of a path lead to: `login`, `cert`, `token_ttl`.
///
/// # Errors
/// Nothing is called like that there, and what was perhaps meant.
pub fn explain(path: &[&str]) -> Result<Explained, String> {
    let (first, rest) = path.split_first().ok_or("nothing is asked about")?;
    if *first == "guardrail" {
        return guardrail(rest);
    }
    let mut meant = at_top(first);
    if meant.is_empty() {
        return Err(unknown(first, "an estate", DECLARATIONS.iter().copied(), &inner_paths(first)));
    }
    let mut words: Vec<&str> = vec![first];
    for (at, word) in rest.iter().enumerate() {
        let here = words.join(".");
        words.push(word);
        if let Some(one) = meant.iter().find(|one| one.of == Some(*word)).filter(|_| meant.len() > 1) {
            meant = vec![*one];
            continue;
        }
        let found = meant.iter().find_map(|one| Some((*one, one.keys().into_iter().find(|key| key.word == *word)?)));
        let Some((_, key)) = found else {
            let types = meant.iter().filter_map(|one| one.of).filter(|_| meant.len() > 1);
            let keys = meant.iter().flat_map(Meant::keys).map(|key| key.word);
            return Err(unknown(word, &here, types.chain(keys).collect::<Vec<_>>().into_iter(), &[]));
        };
        meant = blocks_of(&key);
        if meant.is_empty() {
            return match rest.get(at + 1) {
                None => Ok(leaf(&key)),
                Some(beyond) => Err(format!("`{}` is a value, and has no `{beyond}`", words.join("."))),
            };
        }
    }
    Ok(blocks(words.last().copied().unwrap_or_default(), &meant))
}

fn blocks(word: &str, meant: &[Meant]) -> Explained {
    if let [Meant { of, block, .. }] = meant {
        let label = of.map_or("\"...\"".to_owned(), |of| format!("\"{of}\""));
        let form = if block.label.is_some() {
            format!("{} {label} {{ ... }}", block.word)
        } else {
            format!("{word} {{ ... }}")
        };
        let inside = meant[0].keys().iter().map(inside).collect();
        return Explained { form, doc: block.doc.to_owned(), label: block.label, value: None, inside };
    }
    let types = meant.iter().map(|one| row(one.of.unwrap_or_default(), "block".to_owned(), one.block.doc.to_owned()));
    Explained {
        form: format!("{word} \"...\" {{ ... }}"),
        doc: format!("One of {}, by its type.", meant.len()),
        label: meant.first().and_then(|one| one.block.label),
        value: None,
        inside: types.collect(),
    }
}

fn inside(key: &Key) -> Inside {
    let meant = blocks_of(key);
    match meant.as_slice() {
        [] => {
            let Explained { doc, value, .. } = leaf(key);
            row(key.word, value.map(|value| value.takes).unwrap_or_default(), doc)
        }
        [one] => row(key.word, "block".to_owned(), one.block.doc.to_owned()),
        several => {
            let types: Vec<&str> = several.iter().filter_map(|one| one.of).collect();
            row(key.word, "block".to_owned(), format!("By type: {}.", types.join(", ")))
        }
    }
}

fn row(word: &str, takes: String, doc: String) -> Inside {
    Inside { word: word.to_owned(), takes, doc }
}

fn leaf(key: &Key) -> Explained {
    let (doc, value) = match key.is {
        Is::Field(kind, name) | Is::Written(kind, name) => match kind.field(name) {
            Some(field) => (
                field.doc,
                Value {
                    takes: takes(field.shape),
                    default: (field.default != "null").then_some(field.default),
                    immutable: field.immutable,
                    write_only: field.told == Told::WriteOnly,
                },
            ),
            None => ("", Value { takes: String::new(), default: None, immutable: false, write_only: false }),
        },
        Is::Own { shape, doc } => {
            (doc, Value { takes: takes(shape), default: None, immutable: false, write_only: false })
        }
        Is::Block(block) | Is::AllOf(block) => {
            (block.doc, Value { takes: "block".to_owned(), default: None, immutable: false, write_only: false })
        }
        Is::Each(_) => ("", Value { takes: "block".to_owned(), default: None, immutable: false, write_only: false }),
    };
    Explained {
        form: format!("{} = ...", key.word),
        doc: doc.to_owned(),
        label: None,
        value: Some(value),
        inside: Vec::new(),
    }
}

/// What a key of a shape takes, in words.
fn takes(shape: Shape) -> String {
    match shape {
        Shape::Text | Shape::OwnName => "text",
        Shape::OneOf(choices) => {
            return choices.iter().map(|choice| format!("\"{choice}\"")).collect::<Vec<_>>().join(" or ");
        }
        Shape::Int => "a whole number",
        Shape::Bool => "true or false",
        Shape::Seconds => "a duration, as \"1h30m\"",
        Shape::Set => "a set of texts",
        Shape::Texts => "a set of texts of several lines",
        Shape::List => "a list of texts",
        Shape::Cidrs => "a set of networks, as \"192.0.2.0/24\"",
        Shape::Map => "text to text",
        Shape::Claims => "claims to a value or several",
        Shape::PolicyArn => "the ARN of a managed policy",
        Shape::PolicyArns => "a set of ARNs of managed policies",
        Shape::RoleArns => "a set of ARNs of IAM roles",
        Shape::UserPath => "a path of IAM users, as \"/apps/\"",
        Shape::PolicyDocument => "an IAM policy: JSON text, or \"file:NAME.json\"",
        Shape::Rules(language) => return format!("{language}, or \"file:NAME.hcl\""),
        Shape::Secret => "a reference to a secret: \"secret:env:NAME\" or \"secret:file:PATH\"",
        Shape::Any => "any value",
        Shape::Fields => "names to any values",
        Shape::Names(_) => "a set of names",
        Shape::ByMethod => "auth methods to text",
    }
    .to_owned()
}

/// Where else a word stands, as paths: `aws.lease` of `lease`.
fn inner_paths(word: &str) -> Vec<String> {
    let mut found = Vec::new();
    for top in DECLARATIONS {
        for one in at_top(top) {
            if one.keys().iter().any(|key| key.word == word) {
                let of = one.of.map(|of| format!(".{of}")).unwrap_or_default();
                found.push(format!("{top}{of}.{word}"));
            }
        }
    }
    found
}

fn unknown<'a>(word: &str, place: &str, known: impl Iterator<Item = &'a str> + Clone, elsewhere: &[String]) -> String {
    let what = format!("there is no `{word}` in {place}");
    match (elsewhere, did_you_mean(word, known.clone())) {
        ([first, ..], _) => format!("{what}: it stands in {first}"),
        ([], Some(near)) => format!("{what}: {near}"),
        ([], None) => format!("{what}: known there: {}", known.collect::<Vec<_>>().join(", ")),
    }
}

/// Guardrails have rules of their own, each with its words.
fn guardrail(rest: &[&str]) -> Result<Explained, String> {
    let mut here = "guardrail".to_owned();
    let mut words = guardrail_outline();
    let form = "guardrail \"...\" { ... }".to_owned();
    let doc = "What may never be granted: docs/guardrails.md tells what each rule looks at.".to_owned();
    let mut found = Explained { form, doc, label: Some("Its name."), value: None, inside: of_guardrail(&words) };
    for name in rest {
        if found.value.is_some() {
            return Err(format!("`{here}` is a value, and has no `{name}`"));
        }
        let Some(at) = words.iter().position(|word| word.word == *name) else {
            return Err(unknown(name, &here, words.iter().map(|word| word.word), &[]));
        };
        let GuardrailWord { word, doc, takes } = words.swap_remove(at);
        let doc = doc.to_owned();
        found = match takes {
            Takes::Block(inside) => {
                words = inside;
                let form = format!("{word} {{ ... }}");
                Explained { form, doc, label: None, value: None, inside: of_guardrail(&words) }
            }
            takes => {
                let takes = takes_in_guardrail(&takes);
                let value = Some(Value { takes, default: None, immutable: false, write_only: false });
                Explained { form: format!("{word} = ..."), doc, label: None, value, inside: Vec::new() }
            }
        };
        here = format!("{here}.{name}");
    }
    Ok(found)
}

fn of_guardrail(words: &[GuardrailWord]) -> Vec<Inside> {
    words.iter().map(|word| row(word.word, takes_in_guardrail(&word.takes), word.doc.to_owned())).collect()
}

fn takes_in_guardrail(takes: &Takes) -> String {
    let quoted = |choices: Vec<&str>| choices.iter().map(|choice| format!("\"{choice}\"")).collect::<Vec<_>>();
    match takes {
        Takes::Shape(shape) => self::takes(*shape),
        Takes::Choice(choices) => quoted(choices.iter().map(String::as_str).collect()).join(" or "),
        Takes::Choices(choices) => format!("a set of {}", quoted(choices.to_vec()).join(", ")),
        Takes::Block(_) => "block".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{explain, explain_all};
    use crate::estate::load::DECLARATIONS;

    #[test]
    fn everything_that_can_be_declared_is_explained() {
        let all: Vec<String> = explain_all().into_iter().map(|row| row.word).collect();
        assert_eq!(all, DECLARATIONS);
        // Each word leads on, down to values, and says what it is for.
        let mut open: Vec<Vec<String>> = all.into_iter().map(|word| vec![word]).collect();
        let mut seen = 0;
        while let Some(path) = open.pop() {
            let words: Vec<&str> = path.iter().map(String::as_str).collect();
            let found = explain(&words).unwrap_or_else(|why| panic!("{path:?}: {why}"));
            assert!(!found.doc.is_empty(), "{path:?} says nothing");
            assert!(found.value.is_some() || !found.inside.is_empty(), "{path:?} leads nowhere");
            assert!(path.len() < 6, "{path:?} has no end");
            seen += 1;
            open.extend(found.inside.iter().map(|inside| [path.clone(), vec![inside.word.clone()]].concat()));
        }
        assert!(seen > 300, "{seen}");
    }

    #[test]
    fn what_is_not_there_is_told_with_what_is_near() {
        for (path, expected) in [
            (&["rol"][..], "there is no `rol` in an estate: did you mean `role`?"),
            (&["lease"], "there is no `lease` in an estate: it stands in aws.lease"),
            (&["login", "cert", "token_tl"], "there is no `token_tl` in login.cert: did you mean `token_ttl`?"),
            (&["aws", "lease", "max", "x"], "`aws.lease.max` is a value, and has no `x`"),
            (&["guardrail", "deny", "actions", "x"], "`guardrail.deny.actions` is a value, and has no `x`"),
            (&["guardrail", "deny", "action"], "there is no `action` in guardrail.deny: did you mean `actions`?"),
            (&["guardrail", "dny"], "there is no `dny` in guardrail: did you mean `deny`?"),
        ] {
            assert_eq!(explain(path).expect_err("unknown"), expected, "{path:?}");
        }
    }
}
