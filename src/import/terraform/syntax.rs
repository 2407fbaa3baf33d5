//! The two spellings of Terraform's files, `*.tf` and `*.tf.json`, as blocks with their places.

use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, ObjectKey, ObjectValue};
use hcl_edit::structure::{Body as HclBody, Structure};
use hcl_edit::template::{StringTemplate, Template};
use serde_json::Value;

use super::scope::{Body, DYNAMIC};
use super::unread::Unread;

/// Values within values.
const DEPTH_MAX: usize = 64;

/// A block at the top of a file.
pub(super) struct Top {
    /// `resource`.
    pub(super) word: String,
    pub(super) labels: Vec<String>,
    pub(super) body: Body,
    pub(super) place: String,
}

/// The blocks of a file.
pub(super) fn read(file: &str, text: &str) -> Result<Vec<Top>, Unread> {
    if file.ends_with(".json") { of_json(file, text) } else { of_hcl(file, text) }
}

/// The attributes of a file without blocks.
pub(super) fn attributes(file: &str, text: &str) -> Result<Body, Unread> {
    if file.ends_with(".json") {
        return body_of(&json(text)?, file, file);
    }
    Ok(Reader { file, lines: Lines::of(text) }.body(&parsed(file, text)?))
}

fn parsed(file: &str, text: &str) -> Result<HclBody, Unread> {
    hcl_edit::parser::parse_body(text).map_err(|error| Unread::Syntax {
        file: file.to_owned(),
        line: error.location().line(),
        what: error.message().replace('\n', ", "),
    })
}

fn of_hcl(file: &str, text: &str) -> Result<Vec<Top>, Unread> {
    let reader = Reader { file, lines: Lines::of(text) };
    let body = parsed(file, text)?;
    let blocks = body.iter().filter_map(|structure| match structure {
        Structure::Block(block) => Some(Top {
            word: block.ident.as_str().to_owned(),
            labels: block.labels.iter().map(|label| label.as_str().to_owned()).collect(),
            body: reader.body(&block.body),
            place: reader.place(block.span()),
        }),
        Structure::Attribute(_) => None,
    });
    Ok(blocks.collect())
}

struct Reader<'t> {
    file: &'t str,
    lines: Lines,
}

impl Reader<'_> {
    fn place(&self, span: Option<std::ops::Range<usize>>) -> String {
        format!("{}:{}", self.file, self.lines.at(span.map_or(0, |span| span.start)))
    }

    fn body(&self, body: &HclBody) -> Body {
        let mut read = Body::default();
        for structure in body {
            match structure {
                Structure::Attribute(attribute) => {
                    let place = self.place(attribute.key.span());
                    read.attributes.insert(attribute.key.as_str().to_owned(), (attribute.value.clone(), place));
                }
                Structure::Block(block) => {
                    let name = match (block.ident.as_str(), block.labels.first()) {
                        ("dynamic", Some(label)) => format!("{DYNAMIC}{}", label.as_str()),
                        (name, _) => name.to_owned(),
                    };
                    read.blocks.push((name, self.body(&block.body), self.place(block.span())));
                }
            }
        }
        read
    }
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at).collect())
    }

    /// The line of a byte, from 1.
    fn at(&self, byte: usize) -> usize {
        self.0.partition_point(|end| *end < byte) + 1
    }
}

fn json(text: &str) -> Result<Value, Unread> {
    serde_json::from_str(text).map_err(|error| Unread::NoJson { line: error.line(), column: error.column() })
}

/// How many labels the blocks of a word have.
fn labels(word: &str) -> usize {
    match word {
        "resource" | "data" => 2,
        "variable" | "module" | "output" | "provider" => 1,
        _ => 0,
    }
}

fn of_json(file: &str, text: &str) -> Result<Vec<Top>, Unread> {
    let mut blocks = Vec::new();
    for root in several(&json(text)?) {
        for (word, value) in root.as_object().into_iter().flatten().filter(|(word, _)| *word != "//") {
            unfold(file, word, labels(word), Vec::new(), value, &mut blocks)?;
        }
    }
    Ok(blocks)
}

fn several(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    }
}

fn unfold(
    file: &str,
    word: &str,
    depth: usize,
    labels: Vec<String>,
    value: &Value,
    blocks: &mut Vec<Top>,
) -> Result<(), Unread> {
    for value in several(value) {
        if depth == 0 {
            // JSON's parser tells no places.
            let body = body_of(value, file, file)?;
            blocks.push(Top { word: word.to_owned(), labels: labels.clone(), body, place: file.to_owned() });
            continue;
        }
        for (label, value) in value.as_object().into_iter().flatten() {
            let labels = labels.iter().cloned().chain([label.clone()]).collect();
            unfold(file, word, depth - 1, labels, value, blocks)?;
        }
    }
    Ok(())
}

fn body_of(value: &Value, file: &str, place: &str) -> Result<Body, Unread> {
    let mut body = Body::default();
    for (name, value) in value.as_object().into_iter().flatten().filter(|(name, _)| *name != "//") {
        let expression = expression(value, 0).ok_or_else(|| Unread::Syntax {
            file: file.to_owned(),
            line: 1,
            what: format!("what {name} is can't be read as a template"),
        })?;
        if name == "dynamic" {
            let blocks = value.as_object().into_iter().flatten();
            body.blocks.extend(blocks.map(|(name, _)| (format!("{DYNAMIC}{name}"), Body::default(), place.to_owned())));
            continue;
        }
        body.attributes.insert(name.clone(), (expression, place.to_owned()));
    }
    Ok(body)
}

/// A value of JSON as an expression: its texts are templates. Source: Terraform documentation, "JSON configuration syntax".
fn expression(value: &Value, depth: usize) -> Option<Expression> {
    if depth > DEPTH_MAX {
        return None;
    }
    Some(match value {
        Value::Null => Expression::null(),
        Value::Bool(flag) => Expression::from(*flag),
        Value::Number(number) => match number.as_i64() {
            Some(int) => Expression::from(hcl_edit::Number::from(int)),
            None => Expression::from(number.as_f64()?),
        },
        Value::String(text) if !text.contains("${") && !text.contains("%{") => Expression::from(text.as_str()),
        Value::String(text) => {
            let template: Template = text.parse().ok()?;
            Expression::from(StringTemplate::from(template))
        }
        Value::Array(items) => {
            let items: Option<Vec<Expression>> = items.iter().map(|item| expression(item, depth + 1)).collect();
            Expression::Array(items?.into())
        }
        Value::Object(map) => {
            let pairs = map.iter().map(|(key, value)| {
                let key = ObjectKey::Expression(expression(&Value::from(key.as_str()), depth + 1)?);
                Some((key, ObjectValue::from(expression(value, depth + 1)?)))
            });
            let pairs: Option<Vec<(ObjectKey, ObjectValue)>> = pairs.collect();
            Expression::Object(pairs?.into_iter().collect())
        }
    })
}
