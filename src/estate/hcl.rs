//! HCL to the tree.
//!
//! The estate is data: of HCL's expressions only literals, lists, objects and templates that name `var.x` or
//! `env.name` are taken. Templates stay text here and are replaced where YAML's are.

use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, ObjectKey, TraversalOperator, UnaryOperator};
use hcl_edit::structure::{Block, Body, Structure};
use hcl_edit::template::Element;

use super::blocks;
use super::problem::Draft;
use super::span::Span;
use super::tree::{Content, DEPTH_MAX, Entry, Map, NODES_MAX, Node, fraction, is_repeated, needs_label, twice};

const DATA_ONLY: &str =
    "the estate is data: of expressions only ${var.NAME} and ${env.name} inside quotes are understood";

/// Parses one file. What can't be understood is told, and left out of the tree.
pub(crate) fn parse(text: &str, source: u32, problems: &mut Vec<Draft>) -> Option<Map> {
    let body = match hcl_edit::parser::parse_body(text) {
        Ok(body) => body,
        Err(error) => {
            problems.push(syntax_error(text, source, &error));
            return None;
        }
    };
    Some(Builder { source, problems, nodes: 0 }.body(&body, "", 0))
}

pub(super) fn syntax_error(text: &str, source: u32, error: &hcl_edit::parser::Error) -> Draft {
    let offset = error.location().offset().min(text.len());
    let rest = text.get(offset..).unwrap_or_default();
    let width = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len()).max(1);
    let end = (offset + width).min(text.len());
    let end = (end..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    let span = Span::new(source, offset.min(end)..end);
    let message = error.message();
    if message.contains("redefined") {
        let name = text.get(offset..end).unwrap_or_default();
        let draft = format!("`{name}` is set twice");
        return match first_assignment(text, offset, name) {
            Some(first) => twice(draft, span, Span::new(source, first..first + name.len())),
            None => Draft::error(span, draft),
        };
    }
    let draft = Draft::error(span, format!("this is not HCL: {}", message.replace('\n', ", ")));
    let line_start = text[..offset].rfind('\n').map_or(0, |at| at + 1);
    match text.get(line_start..).and_then(|line| line.lines().next()) {
        Some(line) if line.contains("${aws:") || line.contains("${saml:") => {
            draft.hint("an IAM policy variable is written $${...} here, because ${ starts a template")
        }
        Some(_) if message.contains("invalid block body") && text[line_start..offset].contains('{') => {
            draft.hint("a block in one line has one attribute: write each on a line of its own")
        }
        _ => draft,
    }
}

/// The nearest line above that sets the same name at the same indentation. The parser tells only the second.
fn first_assignment(text: &str, offset: usize, name: &str) -> Option<usize> {
    let line_start = text[..offset].rfind('\n').map_or(0, |at| at + 1);
    let indent = &text[line_start..offset];
    let mut start = line_start;
    while start > 0 {
        let previous = text[..start - 1].rfind('\n').map_or(0, |at| at + 1);
        let line = &text[previous..start];
        if let Some(rest) = line.strip_prefix(indent).and_then(|line| line.strip_prefix(name))
            && rest.trim_start().starts_with('=')
        {
            return Some(previous + indent.len());
        }
        start = previous;
    }
    None
}

struct Builder<'a> {
    source: u32,
    problems: &'a mut Vec<Draft>,
    nodes: usize,
}

impl Builder<'_> {
    fn span(&self, range: Option<std::ops::Range<usize>>) -> Span {
        Span::new(self.source, range.unwrap_or(0..0))
    }

    /// The body of a block of this kind; of the file itself, the kind is empty.
    fn body(&mut self, body: &Body, kind: &str, depth: usize) -> Map {
        let mut map = Map::new();
        let mut repeated: Vec<&str> = Vec::new();
        for structure in body {
            match structure {
                Structure::Attribute(attribute) => {
                    let key_span = self.span(attribute.key.span());
                    let value = self.value(&attribute.value, depth + 1);
                    self.insert(&mut map, attribute.key.as_str(), key_span, value);
                }
                Structure::Block(block) => {
                    let name = block.ident.as_str();
                    if block.labels.is_empty() && is_repeated(kind, name) {
                        let is_first = !repeated.contains(&name);
                        repeated.extend(is_first.then_some(name));
                        self.repeated(&mut map, block, is_first, depth + 1);
                    } else {
                        self.block(&mut map, block, depth + 1);
                    }
                }
            }
        }
        map.values_mut().for_each(place_labels);
        map
    }

    /// `kind "label" { ... }` goes into the map under `kind`, which other blocks of that kind share.
    fn block(&mut self, map: &mut Map, block: &Block, depth: usize) {
        let span = self.span(block.span());
        if depth + block.labels.len() > DEPTH_MAX {
            self.problems.push(too_deep(span));
            return;
        }
        let body = self.body(&block.body, block.ident.as_str(), depth + block.labels.len());
        let inner = Node { content: Content::Map(body), span };
        let ident_span = self.span(block.ident.span());
        let name = block.ident.as_str();
        let Some((last, outer)) = block.labels.split_last() else {
            self.unlabelled(map, name, ident_span, inner, depth);
            return;
        };
        let mut at = map;
        let mut key = (name, ident_span);
        for label in outer.iter().map(Some).chain([None]) {
            let entry = at.entry(key.0.to_owned()).or_insert_with(|| Entry {
                key_span: key.1,
                value: Node { content: Content::Map(Map::new()), span: Span { source: LABELS, ..span } },
            });
            // One without a label, which has been told.
            if matches!(entry.value.content, Content::Broken) {
                return;
            }
            // A map made of labels has no place of its own; one that was written as a value has.
            if entry.value.span.source != LABELS {
                let what = format!("`{}` is written both with and without a label", key.0);
                self.problems.push(twice(what, key.1, entry.key_span));
                return;
            }
            let Content::Map(next) = &mut entry.value.content else { return };
            at = next;
            if let Some(label) = label {
                key = (label.as_str(), self.span(label.span()));
            }
        }
        let label_span = self.span(last.span());
        self.insert(at, last.as_str(), label_span, inner);
    }

    /// A block without a label, which most are not to have.
    fn unlabelled(&mut self, map: &mut Map, name: &str, ident_span: Span, block: Node, depth: usize) {
        let Content::Map(body) = &block.content else { return };
        if depth == 1 {
            // A declaration.
            self.problems.push(needs_label(name, body, ident_span).leaving_out());
        } else if blocks::is_labelled(name) {
            // Whoever writes it as elsewhere writes what is in it as elsewhere, too: that is told once it has its label.
            let span = block.span;
            self.problems.retain(|draft| {
                draft
                    .span()
                    .is_none_or(|inner| inner.source != span.source || inner.start < span.start || inner.end > span.end)
            });
            self.problems.push(needs_label(name, body, ident_span));
            map.entry(name.to_owned())
                .or_insert(Entry { key_span: ident_span, value: Node { content: Content::Broken, span: block.span } });
        } else {
            self.insert(map, name, ident_span, block);
        }
    }

    /// A block that may stand several times goes into a list.
    fn repeated(&mut self, map: &mut Map, block: &Block, is_first: bool, depth: usize) {
        let span = self.span(block.span());
        if depth + 1 > DEPTH_MAX {
            self.problems.push(too_deep(span));
            return;
        }
        let name = block.ident.as_str();
        let item = Node { content: Content::Map(self.body(&block.body, name, depth + 1)), span };
        match map.get_mut(name) {
            Some(Entry { value: Node { content: Content::List(items), .. }, .. }) if !is_first => items.push(item),
            _ => {
                let key_span = self.span(block.ident.span());
                self.insert(map, name, key_span, Node { content: Content::List(vec![item]), span });
            }
        }
    }

    fn insert(&mut self, map: &mut Map, key: &str, key_span: Span, value: Node) {
        match map.get(key) {
            Some(first) => self.problems.push(twice(format!("`{key}` is declared twice"), key_span, first.key_span)),
            None => {
                map.insert(key.to_owned(), Entry { key_span, value });
            }
        }
    }

    /// A value, or where one is that was not understood.
    fn value(&mut self, expression: &Expression, depth: usize) -> Node {
        let span = self.span(expression.span());
        self.expression(expression, depth).unwrap_or(Node { content: Content::Broken, span })
    }

    /// `None` when a problem was told.
    fn expression(&mut self, expression: &Expression, depth: usize) -> Option<Node> {
        let span = self.span(expression.span());
        self.nodes += 1;
        if depth > DEPTH_MAX {
            self.problems.push(too_deep(span));
            return None;
        }
        if self.nodes > NODES_MAX {
            if self.nodes == NODES_MAX + 1 {
                self.problems.push(Draft::error(span, format!("this file holds more than {NODES_MAX} values")));
            }
            return None;
        }
        let content = match expression {
            Expression::Null(_) => Content::Null,
            Expression::Bool(flag) => Content::Bool(**flag),
            Expression::Number(number) => return self.number(number.value(), span, 1),
            Expression::String(text) => Content::Text(literal(text.as_str())),
            Expression::Array(items) => {
                let items: Vec<Option<Node>> = items.iter().map(|item| self.expression(item, depth + 1)).collect();
                Content::List(items.into_iter().collect::<Option<_>>()?)
            }
            Expression::Object(object) => {
                let mut map = Map::new();
                for (key, value) in object {
                    let key_span = self.span(key.span());
                    let Some(name) = object_key(key) else {
                        self.problems.push(Draft::error(key_span, "a key is a name or text in quotes"));
                        continue;
                    };
                    let value = self.value(value.expr(), depth + 1);
                    self.insert(&mut map, &name, key_span, value);
                }
                Content::Map(map)
            }
            Expression::StringTemplate(template) => Content::Text(self.template(template.iter())?),
            Expression::HeredocTemplate(heredoc) => {
                let mut heredoc = (**heredoc).clone();
                heredoc.dedent();
                Content::Text(self.template(heredoc.template.iter())?)
            }
            Expression::Parenthesis(inner) => return self.expression(inner.inner(), depth + 1),
            Expression::Traversal(_) if reference(expression).is_some() => {
                Content::Text(format!("${{{}}}", reference(expression)?))
            }
            Expression::UnaryOp(operation) if *operation.operator == UnaryOperator::Neg => match &operation.expr {
                Expression::Number(number) => return self.number(number.value(), span, -1),
                _ => return self.refuse(span),
            },
            Expression::Variable(name) => {
                let what = format!("`{}` is a bare word", name.as_str());
                let hint = format!("text stands in quotes: \"{}\"", name.as_str());
                self.problems.push(Draft::error(span, what).hint(hint));
                return None;
            }
            _ => return self.refuse(span),
        };
        Some(Node { content, span })
    }

    fn refuse(&mut self, span: Span) -> Option<Node> {
        self.problems.push(Draft::error(span, "the estate has no functions, operators or loops").hint(DATA_ONLY));
        None
    }

    fn number(&mut self, number: &hcl_edit::Number, span: Span, sign: i64) -> Option<Node> {
        let content = match number.as_i64() {
            Some(int) => Ok(Content::Int(int * sign)),
            None => fraction(number.as_f64().unwrap_or(f64::INFINITY) * sign as f64, span),
        };
        let content = content.map_err(|problem| self.problems.push(problem)).ok()?;
        Some(Node { content, span })
    }

    /// A template as the text it is, with its interpolations in the one spelling that is replaced later.
    fn template<'e>(&mut self, elements: impl Iterator<Item = &'e Element>) -> Option<String> {
        let mut text = String::new();
        for element in elements {
            match element {
                Element::Literal(part) => text.push_str(&literal(part.as_str())),
                Element::Interpolation(interpolation) => {
                    let Some(reference) = reference(&interpolation.expr) else {
                        let span = self.span(interpolation.span());
                        self.problems.push(Draft::error(span, "this template is not understood").hint(DATA_ONLY));
                        return None;
                    };
                    text.push_str("${");
                    text.push_str(&reference);
                    text.push('}');
                }
                Element::Directive(directive) => {
                    let span = self.span(directive.span());
                    self.refuse(span);
                    return None;
                }
            }
        }
        Some(text)
    }
}

/// HCL's parser has taken the escape off `$${`; the tree's texts keep it on.
fn literal(text: &str) -> String {
    if text.contains("${") { text.replace("${", "$${") } else { text.to_owned() }
}

/// The source of the spans of maps that blocks with labels share, while their body is being read.
const LABELS: u32 = u32::MAX;

/// Gives the maps of labels the place of the first block's name.
fn place_labels(entry: &mut Entry) {
    if entry.value.span.source == LABELS {
        entry.value.span = entry.key_span;
        if let Content::Map(map) = &mut entry.value.content {
            map.values_mut().for_each(place_labels);
        }
    }
}

fn too_deep(span: Span) -> Draft {
    Draft::error(span, format!("values nest deeper than {DEPTH_MAX} levels"))
}

/// `a.b` of a traversal of names, such as `var.account`.
fn reference(expression: &Expression) -> Option<String> {
    let Expression::Traversal(traversal) = expression else { return None };
    let Expression::Variable(root) = &traversal.expr else { return None };
    let [only] = traversal.operators.as_slice() else { return None };
    match only.value() {
        TraversalOperator::GetAttr(name) if matches!(root.as_str(), "var" | "env") => {
            Some(format!("{}.{}", root.as_str(), name.as_str()))
        }
        _ => None,
    }
}

fn object_key(key: &ObjectKey) -> Option<String> {
    match key {
        ObjectKey::Ident(name) => Some(name.as_str().to_owned()),
        ObjectKey::Expression(Expression::String(text)) => Some(text.as_str().to_owned()),
        ObjectKey::Expression(Expression::Variable(name)) => Some(name.as_str().to_owned()),
        ObjectKey::Expression(_) => None,
    }
}
