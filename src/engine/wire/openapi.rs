//! Tables of paths as others read them: an OpenAPI document, for programs, and help, for people. Pure.
//!
//! Source: OpenAPI Specification 3.0.2; Vault API, "/sys/internal/specs/openapi" and its `x-vault-` words; what a server of
//! OpenBao 2.6.2 answers to `?help=1`.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::path::{Door, Parameter, Row, Shape};
use super::request::Operation;

/// The document with these paths.
pub(crate) fn document(paths: Map<String, Value>) -> Value {
    json!({
        "openapi": "3.0.2",
        "info": {
            "title": "Leasehold API",
            "description": "The Vault API as this engine serves it. All paths are below `/v1/`.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": env!("CARGO_PKG_LICENSE") },
        },
        "components": {
            "securitySchemes": { "token": { "type": "apiKey", "in": "header", "name": "X-Vault-Token" } },
        },
        "security": [{ "token": [] }],
        "paths": paths,
    })
}

/// Adds the paths of a mount, `aws/`. `tag` is what sort of mount it is.
pub(crate) fn add(paths: &mut Map<String, Value>, mount: &str, tag: &str, rows: &[Row]) {
    for row in rows.iter().filter(|row| !row.operations.is_empty()) {
        let path = format!("/{}", format!("{mount}{}", template(row.pattern)).trim_end_matches('/'));
        let item = paths.entry(path.clone()).or_insert_with(|| Value::Object(head(row)));
        let Value::Object(item) = item else { continue };
        for (verb, operation) in operations(row) {
            let operation = described(row, operation, tag, &id(verb, &path));
            item.entry(verb).or_insert(operation);
        }
    }
}

/// A pattern with its parameters in braces.
fn template(pattern: &str) -> String {
    let pattern = pattern.strip_suffix("/?").unwrap_or(pattern);
    let segment = |segment: &str| match segment.strip_prefix([':', '*']) {
        Some(name) => format!("{{{name}}}"),
        None => segment.to_owned(),
    };
    pattern.split('/').map(segment).collect::<Vec<_>>().join("/")
}

/// What a path has whatever is done there.
fn head(row: &Row) -> Map<String, Value> {
    let in_path = row.parameters.iter().filter(|parameter| is_in_path(row, parameter)).map(|parameter| {
        json!({
            "name": parameter.name,
            "in": "path",
            "required": true,
            "description": parameter.about,
            "schema": { "type": "string" },
        })
    });
    let in_path: Vec<Value> = in_path.collect();
    let mut head = Map::from_iter([("description".to_owned(), Value::from(row.about))]);
    if !in_path.is_empty() {
        head.insert("parameters".to_owned(), Value::from(in_path));
    }
    for (word, is_so) in [
        ("x-vault-sudo", row.sudo),
        ("x-vault-createSupported", row.creates),
        ("x-vault-unauthenticated", is_open(row)),
    ] {
        if is_so {
            head.insert(word.to_owned(), Value::Bool(true));
        }
    }
    head
}

fn is_open(row: &Row) -> bool {
    matches!(row.door, Door::Open | Door::Unaudited)
}

fn is_in_path(row: &Row, parameter: &Parameter) -> bool {
    row.pattern.split('/').any(|segment| segment.strip_prefix([':', '*']) == Some(parameter.name))
}

/// The methods of a path, each with what is done by it. A list is a `GET` that says so.
fn operations(row: &Row) -> Vec<(&'static str, Operation)> {
    let verb = |operation: &Operation| match operation {
        Operation::Read => "get",
        Operation::List if row.operations.contains(&Operation::Read) => "",
        Operation::List => "get",
        Operation::Write => "post",
        Operation::Patch => "patch",
        Operation::Delete => "delete",
    };
    let verbs = row.operations.iter().map(|operation| (verb(operation), *operation));
    verbs.filter(|(verb, _)| !verb.is_empty()).collect()
}

fn described(row: &Row, operation: Operation, tag: &str, id: &str) -> Value {
    let mut all = Map::from_iter([
        ("operationId".to_owned(), Value::from(id)),
        ("tags".to_owned(), json!([tag])),
        ("responses".to_owned(), json!({ "200": { "description": "OK" }, "204": { "description": "Done" } })),
    ]);
    if is_open(row) {
        all.insert("security".to_owned(), json!([]));
    }
    let beside = || row.parameters.iter().filter(|parameter| !is_in_path(row, parameter));
    match operation {
        Operation::Write | Operation::Patch => {
            let properties: Map<String, Value> =
                beside().map(|parameter| (parameter.name.to_owned(), property(parameter))).collect();
            if !properties.is_empty() {
                let schema = json!({ "type": "object", "properties": properties });
                let content = json!({ "application/json": { "schema": schema } });
                all.insert("requestBody".to_owned(), json!({ "content": content }));
            }
        }
        Operation::Read | Operation::List | Operation::Delete => {
            let mut query: Vec<Value> = Vec::new();
            if row.operations.contains(&Operation::List) && operation != Operation::Delete {
                let is_all = operation == Operation::List;
                let mut schema = Map::from_iter([("type".to_owned(), Value::from("string"))]);
                if is_all {
                    schema.insert("enum".to_owned(), json!(["true"]));
                }
                let about = if is_all { "Must be `true`" } else { "A list of names if `true`" };
                query.push(json!({
                    "name": "list", "in": "query", "required": is_all, "description": about, "schema": schema,
                }));
            }
            // Of a path that is written too, the table does not tell which are for that alone.
            if !row.operations.iter().any(|one| matches!(one, Operation::Write | Operation::Patch)) {
                query.extend(beside().map(|parameter| {
                    let schema = property(parameter);
                    json!({ "name": parameter.name, "in": "query", "schema": schema })
                }));
            }
            if !query.is_empty() {
                all.insert("parameters".to_owned(), Value::from(query));
            }
        }
    }
    Value::Object(all)
}

fn property(parameter: &Parameter) -> Value {
    let mut schema = match parameter.shape {
        Shape::Int => json!({ "type": "integer" }),
        Shape::Bool => json!({ "type": "boolean" }),
        // A number of seconds, or a text with units.
        Shape::Seconds => json!({ "oneOf": [{ "type": "integer" }, { "type": "string" }] }),
        Shape::List => json!({ "type": "array", "items": { "type": "string" } }),
        Shape::Pairs => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        Shape::Object => json!({ "type": "object" }),
        Shape::Objects => json!({ "type": "array", "items": { "type": "object" } }),
        Shape::Word(_) | Shape::LowerWord(_) | Shape::Segment | Shape::Rest | Shape::LowerRest | Shape::Text => {
            json!({ "type": "string" })
        }
    };
    schema["description"] = parameter.about.into();
    schema
}

/// A name of an operation that no other has.
fn id(verb: &str, path: &str) -> String {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    let words: Vec<&str> = std::iter::once(verb).chain(words).collect();
    words.join("-")
}

/// A pattern as the expression that others write it as.
fn expression(row: &Row) -> String {
    let (pattern, end) = match row.pattern.strip_suffix("/?") {
        Some(pattern) => (pattern, "/?"),
        None => (row.pattern, ""),
    };
    let segment = |segment: &str| match (segment.strip_prefix(':'), segment.strip_prefix('*')) {
        (Some(name), _) => format!("(?P<{name}>[^/]+)"),
        (None, Some(name)) => format!("(?P<{name}>.+)"),
        (None, None) => segment.to_owned(),
    };
    format!("^{}{end}$", pattern.split('/').map(segment).collect::<Vec<_>>().join("/"))
}

fn type_of(shape: Shape) -> &'static str {
    match shape {
        Shape::Int => "int",
        Shape::Bool => "bool",
        Shape::Seconds => "duration (sec)",
        Shape::List | Shape::Objects => "slice",
        Shape::Pairs | Shape::Object => "map",
        Shape::Word(_) | Shape::LowerWord(_) | Shape::Segment | Shape::Rest | Shape::LowerRest | Shape::Text => {
            "string"
        }
    }
}

/// What is told of a path, relative to its mount, that a row means.
pub(crate) fn help(row: &Row, path: &str) -> String {
    let mut text = format!("Request:        {path}\nMatching Route: {}\n\n{}\n", expression(row), row.about);
    if !row.parameters.is_empty() {
        text.push_str("\n## PARAMETERS\n");
        for parameter in row.parameters {
            let _ = write!(text, "\n    {} ({})", parameter.name, type_of(parameter.shape));
            if !parameter.default.is_empty() {
                let _ = write!(text, ", {} where it is not given", parameter.default);
            }
            let _ = write!(text, "\n\n        {}\n", parameter.about);
        }
    }
    let verbs: Vec<&str> = row.operations.iter().map(|operation| operation.name()).collect();
    let _ = write!(text, "\n## OPERATIONS\n\n    {}", verbs.join(", "));
    if row.sudo {
        text.push_str("; a policy has to grant `sudo` beside");
    }
    text
}

/// What is told of a mount: its paths.
pub(crate) fn index(kind: &str, rows: &[Row]) -> String {
    let mut text = format!(
        "## DESCRIPTION\n\nA mount of the type {kind}.\n\n## PATHS\n\nThese paths are served. Help of one is at any path that \
         it matches; what a token may do there is for its policies to say.\n"
    );
    for row in rows.iter().filter(|row| !row.operations.is_empty()) {
        let _ = write!(text, "\n    {}\n        {}\n", expression(row), row.about);
    }
    text.trim_end().to_owned()
}
