//! The JSON Schema of estates in YAML, for editors: from the same descriptions that files are read by. It knows shapes and words
//! and not what they mean together: `leasehold validate` does.
//!
//! Draft 7, which editors know best. Source: "JSON Schema Validation: A Vocabulary for Structural Validation of JSON",
//! draft-handrews-json-schema-validation-01.

use serde_json::{Map, Value, json};

use super::load::DECLARATIONS;
use super::lower::{GuardrailWord, Takes, guardrail_outline};
use super::outline::{Meant, at_top, blocks_of};
use crate::object::Shape;
use crate::object::words::{Is, Key};

/// The schema of one file.
pub fn json_schema() -> Value {
    let declarations = DECLARATIONS.iter().map(|word| ((*word).to_owned(), declaration(word)));
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Leasehold estate",
        "type": "object",
        "additionalProperties": false,
        "properties": declarations.collect::<Map<String, Value>>(),
    })
}

/// What stands under a word at the top of a file: blocks by their labels.
fn declaration(word: &str) -> Value {
    if word == "guardrail" {
        return labelled(guardrail());
    }
    let meant = at_top(word);
    // Of people: by method, then by name.
    if word == "login" {
        return labelled(labelled(any_of(meant.iter().map(block).collect())));
    }
    blocks(&meant)
}

/// Blocks by their labels, which where there are several types say which.
fn blocks(meant: &[Meant]) -> Value {
    let all: Vec<Value> = meant.iter().map(block).collect();
    if meant.len() < 2 {
        return labelled(any_of(all));
    }
    let by_type = meant.iter().zip(&all).filter_map(|(one, block)| Some((one.of?.to_owned(), block.clone())));
    let by_type: Map<String, Value> = by_type.collect();
    json!({"type": "object", "properties": by_type, "additionalProperties": any_of(all)})
}

fn labelled(inner: Value) -> Value {
    json!({"type": "object", "additionalProperties": inner})
}

fn any_of(mut all: Vec<Value>) -> Value {
    if all.len() == 1 { all.remove(0) } else { json!({"anyOf": all}) }
}

fn block(meant: &Meant) -> Value {
    let properties: Map<String, Value> =
        meant.keys().iter().map(|key| (key.word.to_owned(), self::key(meant, key))).collect();
    json!({
        "type": "object",
        "description": meant.block.doc,
        "additionalProperties": false,
        "properties": properties,
    })
}

fn key(within: &Meant, key: &Key) -> Value {
    match key.is {
        Is::Field(kind, name) | Is::Written(kind, name) => match kind.field(name) {
            Some(field) => described(value(field.shape), field.doc),
            None => json!({}),
        },
        // What it maps to is said where it is read: conditions, requests, variables, overrides.
        Is::Own { shape: Shape::Map, doc } => described(json!({"type": "object"}), doc),
        Is::Own { shape, doc } => described(value(shape), doc),
        Is::Block(_) | Is::Each(_) | Is::AllOf(_) => {
            let meant = blocks_of(key);
            let is_labelled = meant.first().is_some_and(|one| one.block.label.is_some());
            match is_labelled {
                true => blocks(&meant),
                // A test has several of what it proves.
                false if within.block.word == "test" => one_or_several(any_of(meant.iter().map(block).collect())),
                false => any_of(meant.iter().map(block).collect()),
            }
        }
    }
}

fn described(mut schema: Value, doc: &str) -> Value {
    schema["description"] = Value::from(doc);
    schema
}

fn one_or_several(block: Value) -> Value {
    json!({"anyOf": [block, {"type": "array", "minItems": 1, "items": block}]})
}

/// What a value of a shape is in YAML. A text may stand for another by a variable, so words are not the only texts.
fn value(shape: Shape) -> Value {
    let texts = || json!({"type": "array", "items": {"type": "string"}});
    match shape {
        Shape::Text | Shape::OwnName | Shape::PolicyArn | Shape::UserPath | Shape::PolicyDocument | Shape::Rules(_) => {
            json!({"type": "string"})
        }
        Shape::Secret => json!({"type": "string", "pattern": "^secret:"}),
        Shape::OneOf(choices) => json!({"anyOf": [{"enum": choices}, {"type": "string", "pattern": "\\$\\{"}]}),
        Shape::Int => json!({"type": "integer"}),
        Shape::Bool => json!({"type": "boolean"}),
        Shape::Seconds => json!({"anyOf": [{"type": "string"}, {"type": "integer", "minimum": 0}]}),
        Shape::Set
        | Shape::Texts
        | Shape::List
        | Shape::Cidrs
        | Shape::PolicyArns
        | Shape::RoleArns
        | Shape::Names(_) => texts(),
        Shape::Map | Shape::ByMethod => json!({"type": "object", "additionalProperties": {"type": "string"}}),
        Shape::Claims => json!({"type": "object"}),
        Shape::Fields => json!({"type": "object"}),
        Shape::Any => json!({}),
    }
}

/// Guardrails have rules of their own.
fn guardrail() -> Value {
    let mut schema = guardrail_block(&guardrail_outline());
    schema["description"] = Value::from("What may never be granted.");
    schema
}

fn guardrail_block(words: &[GuardrailWord]) -> Value {
    let properties = words.iter().map(|word| {
        let value = match &word.takes {
            Takes::Shape(shape) => value(*shape),
            Takes::Choice(choices) => json!({"anyOf": [{"enum": choices}, {"type": "string", "pattern": "\\$\\{"}]}),
            Takes::Choices(choices) => {
                json!({"type": "array", "items": {"anyOf": [{"enum": choices}, {"type": "string", "pattern": "\\$\\{"}]}})
            }
            Takes::Block(inside) => one_or_several(guardrail_block(inside)),
        };
        (word.word.to_owned(), described(value, word.doc))
    });
    let properties: Map<String, Value> = properties.collect();
    json!({"type": "object", "additionalProperties": false, "properties": properties})
}
