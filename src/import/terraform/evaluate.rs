//! Terraform's expressions, as far as files alone tell what they are.
//!
//! Nothing is guessed: an expression has a value, or there is a reason why it has none here. What names stand for, and files
//! that functions read, ask the caller ([`Names`]). Work, depth and the size of what comes of it are limited, since a few
//! lines can ask for more than any machine has.
//!
//! Source: Terraform documentation, "Configuration language: expressions", and HCL's specification for templates.

use std::collections::BTreeMap;

use hcl_edit::expr::{
    BinaryOp, BinaryOperator, Expression, ForExpr, FuncCall, ObjectKey, Traversal, TraversalOperator, UnaryOperator,
};
use hcl_edit::template::{Directive, Element, ForDirective, IfDirective, Template};
use serde_json::{Map, Number, Value};

use super::functions;
use super::resource::made_in;
use super::value::{number, numbered, text_of, truth};

/// How many steps one expression may take, and letters and values it may come to.
const WORK_MAX: usize = 2_000_000;

/// How deep what it takes may be in each other.
const DEPTH_MAX: usize = 200;

/// What names stand for.
pub(super) trait Names {
    /// The value of a name with the steps behind it, and how many of those it took.
    ///
    /// # Errors
    /// Why nobody knows here.
    fn resolve(&self, name: &str, steps: &[Step], budget: &mut Budget) -> Result<(Value, usize), String>;

    /// The text of a file.
    ///
    /// # Errors
    /// Why it can't be read.
    fn read(&self, path: &str) -> Result<String, String>;
}

/// A step from a value into it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// `.name`.
    Attribute(String),
    /// `[1]`, `["key"]`.
    Index(Value),
    /// `[*]`, `.*`.
    Each,
}

/// What an evaluation may still take.
#[derive(Debug)]
pub(super) struct Budget {
    work: usize,
    depth: usize,
}

impl Budget {
    /// All of it.
    pub(super) fn new() -> Self {
        Self { work: WORK_MAX, depth: 0 }
    }

    /// Takes some of it.
    ///
    /// # Errors
    /// There is not so much.
    pub(super) fn take(&mut self, work: usize) -> Result<(), String> {
        self.work = self.work.checked_sub(work).ok_or("it comes to more than can be worked out here")?;
        Ok(())
    }

    fn deeper(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX { Err("it is too deep in itself".to_owned()) } else { Ok(()) }
    }
}

/// Evaluates expressions.
pub(super) struct Evaluation<'a> {
    pub(super) names: &'a dyn Names,
    pub(super) budget: &'a mut Budget,
    /// Names that the expression gives itself: of `for`, and of a template.
    pub(super) own: Vec<(String, Value)>,
}

impl Evaluation<'_> {
    /// The value of an expression.
    ///
    /// # Errors
    /// Why it has none here.
    pub(super) fn value(&mut self, expression: &Expression) -> Result<Value, String> {
        self.budget.take(1)?;
        self.budget.deeper()?;
        let value = self.evaluated(expression);
        self.budget.depth -= 1;
        value
    }

    fn evaluated(&mut self, expression: &Expression) -> Result<Value, String> {
        match expression {
            Expression::Null(_) => Ok(Value::Null),
            Expression::Bool(flag) => Ok(Value::from(**flag)),
            Expression::Number(number) => number_of(number.value()),
            Expression::String(text) => Ok(Value::from(text.as_str())),
            Expression::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Expression::Object(object) => {
                let mut map = BTreeMap::new();
                for (key, value) in object {
                    let key = match key {
                        ObjectKey::Ident(name) => name.as_str().to_owned(),
                        ObjectKey::Expression(Expression::Variable(name)) => name.as_str().to_owned(),
                        ObjectKey::Expression(key) => text_of(&self.value(key)?)?,
                    };
                    map.insert(key, self.value(value.expr())?);
                }
                Ok(Value::Object(map.into_iter().collect()))
            }
            Expression::StringTemplate(template) => {
                let elements: Vec<&Element> = template.iter().collect();
                self.whole(&elements)
            }
            Expression::HeredocTemplate(heredoc) => {
                let elements: Vec<&Element> = heredoc.template.iter().collect();
                self.template(&elements, false, false).map(Value::from)
            }
            Expression::Parenthesis(inner) => self.value(inner.inner()),
            Expression::Variable(name) => self.name(name.as_str(), &[]),
            Expression::ForExpr(each) => self.each(each),
            Expression::Conditional(choice) => {
                let branch = truth(&self.value(&choice.cond_expr)?)?;
                self.value(if branch { &choice.true_expr } else { &choice.false_expr })
            }
            Expression::FuncCall(call) => self.call(call),
            Expression::UnaryOp(operation) => {
                let value = self.value(&operation.expr)?;
                match *operation.operator {
                    UnaryOperator::Not => Ok(Value::from(!truth(&value)?)),
                    UnaryOperator::Neg => operated(BinaryOperator::Minus, &Value::from(0), &value),
                }
            }
            Expression::BinaryOp(operation) => self.binary(operation),
            Expression::Traversal(traversal) => self.traversal(traversal),
        }
    }

    fn binary(&mut self, operation: &BinaryOp) -> Result<Value, String> {
        let (left, right) = (self.value(&operation.lhs_expr)?, self.value(&operation.rhs_expr)?);
        operated(*operation.operator.value(), &left, &right)
    }

    fn name(&mut self, name: &str, steps: &[Step]) -> Result<Value, String> {
        let own = self.own.iter().rev().find(|(own, _)| own == name).map(|(_, value)| value.clone());
        let (value, taken) = match own {
            Some(value) => (value, 0),
            None => self.names.resolve(name, steps, self.budget)?,
        };
        self.budget.take(weight(&value))?;
        stepped(value, steps.get(taken..).unwrap_or_default())
    }

    fn traversal(&mut self, traversal: &Traversal) -> Result<Value, String> {
        let mut steps = Vec::new();
        for operator in &traversal.operators {
            steps.push(match operator.value() {
                TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_) => Step::Each,
                TraversalOperator::GetAttr(name) => Step::Attribute(name.as_str().to_owned()),
                TraversalOperator::Index(index) => Step::Index(self.value(index)?),
                TraversalOperator::LegacyIndex(index) => Step::Index(Value::from(**index)),
            });
        }
        match &traversal.expr {
            Expression::Variable(name) => self.name(name.as_str(), &steps),
            inner => {
                let value = self.value(inner)?;
                stepped(value, &steps)
            }
        }
    }

    fn each(&mut self, each: &ForExpr) -> Result<Value, String> {
        let collection = self.value(&each.intro.collection_expr)?;
        let key_name = each.intro.key_var.as_ref().map(|name| name.as_str().to_owned());
        let value_name = each.intro.value_var.as_str().to_owned();
        let (mut list, mut map) = (Vec::new(), BTreeMap::new());
        for (key, value) in entries(collection)? {
            let before = self.own.len();
            self.own.extend(key_name.clone().map(|name| (name, key)));
            self.own.push((value_name.clone(), value));
            let outcome = self.turn(each, &mut list, &mut map);
            self.own.truncate(before);
            outcome?;
        }
        Ok(if each.key_expr.is_some() { Value::Object(map.into_iter().collect()) } else { Value::Array(list) })
    }

    fn turn(&mut self, each: &ForExpr, list: &mut Vec<Value>, map: &mut BTreeMap<String, Value>) -> Result<(), String> {
        if let Some(condition) = &each.cond
            && !truth(&self.value(&condition.expr)?)?
        {
            return Ok(());
        }
        let value = self.value(&each.value_expr)?;
        let Some(key) = &each.key_expr else {
            list.push(value);
            return Ok(());
        };
        let key = text_of(&self.value(key)?)?;
        if each.grouping {
            if let Value::Array(group) = map.entry(key).or_insert_with(|| Value::Array(Vec::new())) {
                group.push(value);
            }
            return Ok(());
        }
        match map.insert(key.clone(), value) {
            None => Ok(()),
            Some(_) => Err(format!("two of its values have the key {key:?}")),
        }
    }

    fn call(&mut self, call: &FuncCall) -> Result<Value, String> {
        let name = call.name.name.as_str();
        if call.name.is_namespaced() {
            return Err(format!("the function {name} is a provider's"));
        }
        if name == "try" || name == "can" {
            return Err(format!("what {name}() comes to depends on what can't be worked out here"));
        }
        let mut arguments = call.args.iter().map(|item| self.value(item)).collect::<Result<Vec<Value>, String>>()?;
        if call.args.expand_final() {
            match arguments.pop() {
                Some(Value::Array(items)) => arguments.extend(items),
                _ => return Err("what ends in ... is no list".to_owned()),
            }
        }
        let value = match (name, arguments.as_slice()) {
            ("file", [Value::String(path)]) => Value::from(self.names.read(path)?),
            ("templatefile", [Value::String(path), Value::Object(names)]) => self.file_template(path, names)?,
            _ => functions::call(name, arguments)?,
        };
        self.budget.take(weight(&value))?;
        Ok(value)
    }

    fn file_template(&mut self, path: &str, names: &Map<String, Value>) -> Result<Value, String> {
        let text = self.names.read(path)?;
        let template: Template = text.parse().map_err(|_| format!("{path} is no template"))?;
        let own = names.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let elements: Vec<&Element> = template.iter().collect();
        let only_own = OnlyOwn { names: self.names };
        let mut inner = Evaluation { names: &only_own, budget: &mut *self.budget, own };
        inner.template(&elements, false, false).map(Value::from)
    }

    /// A template in quotes: a lone interpolation is its value and no text.
    fn whole(&mut self, elements: &[&Element]) -> Result<Value, String> {
        match elements {
            [Element::Interpolation(only)] => self.value(&only.expr),
            _ => self.template(elements, false, false).map(Value::from),
        }
    }

    /// The text of a template, without the white space at its ends that what stands around it takes away.
    fn template(&mut self, elements: &[&Element], trim_start: bool, trim_end: bool) -> Result<String, String> {
        let mut out = String::new();
        let mut trims = trim_start;
        for (index, element) in elements.iter().enumerate() {
            let next = elements.get(index + 1).map_or(trim_end, |next| strips_before(next));
            match element {
                Element::Literal(text) => {
                    let text = if trims { text.trim_start() } else { text.as_str() };
                    let text = if next { text.trim_end() } else { text };
                    self.budget.take(text.len())?;
                    out.push_str(text);
                    trims = false;
                }
                Element::Interpolation(inner) => {
                    let text = text_of(&self.value(&inner.expr)?)?;
                    self.budget.take(text.len())?;
                    out.push_str(&text);
                    trims = inner.strip.strip_end();
                }
                Element::Directive(directive) => {
                    out.push_str(&match &**directive {
                        Directive::If(choice) => self.choice(choice)?,
                        Directive::For(each) => self.repeated(each)?,
                    });
                    trims = match &**directive {
                        Directive::If(choice) => choice.endif_expr.strip.strip_end(),
                        Directive::For(each) => each.endfor_expr.strip.strip_end(),
                    };
                }
            }
        }
        Ok(out)
    }

    fn choice(&mut self, choice: &IfDirective) -> Result<String, String> {
        let end = choice.endif_expr.strip.strip_start();
        let otherwise = choice.else_expr.as_ref();
        if truth(&self.value(&choice.if_expr.cond_expr)?)? {
            let elements: Vec<&Element> = choice.if_expr.template.iter().collect();
            let end = otherwise.map_or(end, |otherwise| otherwise.strip.strip_start());
            return self.template(&elements, choice.if_expr.strip.strip_end(), end);
        }
        let Some(otherwise) = otherwise else { return Ok(String::new()) };
        let elements: Vec<&Element> = otherwise.template.iter().collect();
        self.template(&elements, otherwise.strip.strip_end(), end)
    }

    fn repeated(&mut self, each: &ForDirective) -> Result<String, String> {
        let collection = self.value(&each.for_expr.collection_expr)?;
        let elements: Vec<&Element> = each.for_expr.template.iter().collect();
        let (start, end) = (each.for_expr.strip.strip_end(), each.endfor_expr.strip.strip_start());
        let mut out = String::new();
        for (key, value) in entries(collection)? {
            let before = self.own.len();
            self.own.extend(each.for_expr.key_var.as_ref().map(|name| (name.as_str().to_owned(), key)));
            self.own.push((each.for_expr.value_var.as_str().to_owned(), value));
            let text = self.template(&elements, start, end);
            self.own.truncate(before);
            out.push_str(&text?);
        }
        Ok(out)
    }
}

/// In a file that is a template, only what it is given has a name.
struct OnlyOwn<'a> {
    names: &'a dyn Names,
}

impl Names for OnlyOwn<'_> {
    fn resolve(&self, name: &str, _: &[Step], _: &mut Budget) -> Result<(Value, usize), String> {
        Err(format!("the template is not given {name}"))
    }

    fn read(&self, path: &str) -> Result<String, String> {
        self.names.read(path)
    }
}

fn strips_before(element: &Element) -> bool {
    match element {
        Element::Literal(_) => false,
        Element::Interpolation(inner) => inner.strip.strip_start(),
        Element::Directive(directive) => match &**directive {
            Directive::If(choice) => choice.if_expr.strip.strip_start(),
            Directive::For(each) => each.for_expr.strip.strip_start(),
        },
    }
}

/// The keys and values of a collection, in Terraform's order, which is that of keys.
fn entries(collection: Value) -> Result<Vec<(Value, Value)>, String> {
    match collection {
        Value::Array(items) => Ok(items.into_iter().enumerate().map(|(at, item)| (Value::from(at), item)).collect()),
        Value::Object(map) => {
            let sorted: BTreeMap<String, Value> = map.into_iter().collect();
            Ok(sorted.into_iter().map(|(key, value)| (Value::from(key), value)).collect())
        }
        _ => Err("what `for` goes through is no list and no map".to_owned()),
    }
}

/// Steps into a value.
///
/// # Errors
/// There is nothing there.
pub(super) fn stepped(value: Value, steps: &[Step]) -> Result<Value, String> {
    let Some((step, rest)) = steps.split_first() else { return Ok(value) };
    let key = match step {
        Step::Each => {
            let items = match value {
                Value::Array(items) => items,
                Value::Null => Vec::new(),
                one => vec![one],
            };
            return items.into_iter().map(|item| stepped(item, rest)).collect();
        }
        Step::Attribute(name) => Value::from(name.as_str()),
        Step::Index(index) => index.clone(),
    };
    let inner = match (value, &key) {
        (Value::Object(mut map), key) => {
            let key = text_of(key)?;
            map.shift_remove(&key).ok_or_else(|| format!("there is no {key:?} in it"))?
        }
        (Value::Array(mut items), key) => {
            let index = match key {
                Value::String(text) => text.parse().ok(),
                other => other.as_u64().and_then(|index| usize::try_from(index).ok()),
            };
            let index = index.filter(|index| *index < items.len());
            items.swap_remove(index.ok_or("there are not so many in it")?)
        }
        _ => return Err("there is nothing within it".to_owned()),
    };
    stepped(inner, rest)
}

/// About how much room a value takes.
fn weight(value: &Value) -> usize {
    match value {
        Value::String(text) => 1 + text.len(),
        Value::Array(items) => 1 + items.iter().map(weight).sum::<usize>(),
        Value::Object(map) => 1 + map.iter().map(|(key, value)| key.len() + weight(value)).sum::<usize>(),
        _ => 1,
    }
}

fn number_of(number: &hcl_edit::Number) -> Result<Value, String> {
    if let Some(int) = number.as_i64() {
        return Ok(Value::from(int));
    }
    let float = number.as_f64().and_then(Number::from_f64);
    float.map(Value::Number).ok_or_else(|| "this number is too large".to_owned())
}

fn operated(operator: BinaryOperator, left: &Value, right: &Value) -> Result<Value, String> {
    use BinaryOperator as Is;
    if let Some(made) = made_in(left).or_else(|| made_in(right)) {
        return Err(format!("it depends on the {made}, which only the engine knows"));
    }
    let numbers = || Ok::<_, String>((number(left)?, number(right)?));
    Ok(match operator {
        Is::Eq => Value::from(is_equal(left, right)),
        Is::NotEq => Value::from(!is_equal(left, right)),
        Is::And => Value::from(truth(left)? && truth(right)?),
        Is::Or => Value::from(truth(left)? || truth(right)?),
        Is::Less | Is::LessEq | Is::Greater | Is::GreaterEq => {
            let (left, right) = numbers()?;
            Value::from(match operator {
                Is::Less => left < right,
                Is::LessEq => left <= right,
                Is::Greater => left > right,
                _ => left >= right,
            })
        }
        Is::Plus | Is::Minus | Is::Mul | Is::Div | Is::Mod => {
            let (left, right) = numbers()?;
            if right == 0.0 && matches!(operator, Is::Div | Is::Mod) {
                return Err("it is divided by zero".to_owned());
            }
            numbered(match operator {
                Is::Plus => left + right,
                Is::Minus => left - right,
                Is::Mul => left * right,
                Is::Div => left / right,
                _ => left % right,
            })
        }
    })
}

/// Whether two values are one: numbers by what they are.
fn is_equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.as_f64() == right.as_f64(),
        _ => left == right,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Budget, Evaluation, Names, Step, stepped};

    /// Names for `local` alone.
    struct Local(Value);

    impl Names for Local {
        fn resolve(&self, name: &str, steps: &[Step], _: &mut Budget) -> Result<(Value, usize), String> {
            match (name, steps) {
                ("local", [first, ..]) => Ok((stepped(self.0.clone(), std::slice::from_ref(first))?, 1)),
                _ => Err(format!("{name} is nothing")),
            }
        }

        fn read(&self, path: &str) -> Result<String, String> {
            match path {
                "list.tftpl" => Ok("%{ for key, value in all ~}\n${key}=${value}\n%{ endfor ~}\n".to_owned()),
                _ => Err("it is not there".to_owned()),
            }
        }
    }

    fn value(text: &str) -> Result<Value, String> {
        let names =
            Local(json!({ "a": "x", "list": ["p", "q"], "map": { "k": [{ "n": 1 }, { "n": 2 }] }, "on": true }));
        let body = hcl_edit::parser::parse_body(&format!("x = {text}\n")).expect(text);
        let expression = &body.get_attribute("x").expect("it is there").value;
        Evaluation { names: &names, budget: &mut Budget::new(), own: Vec::new() }.value(expression)
    }

    #[test]
    fn expressions_come_to_what_terraform_says() {
        for (text, expected) in [
            ("1 + 2 * 3", json!(7)),
            ("7 / 2", json!(3.5)),
            ("-3 % 2", json!(-1)),
            ("\"a-${local.a}\"", json!("a-x")),
            ("\"${local.list}\"", json!(["p", "q"])),
            ("\"$${local.a}\"", json!("${local.a}")),
            ("local.list[1]", json!("q")),
            ("local.map[\"k\"][*].n", json!([1, 2])),
            ("local.map.k.0.n", json!(1)),
            ("local.on ? 1 : nothing.at.all", json!(1)),
            ("1 == 1.0 && \"1\" != 1", json!(true)),
            ("[for at, item in local.list : \"${at}${item}\" if item != \"p\"]", json!(["1q"])),
            ("{for item in local.list : item => upper(item)}", json!({ "p": "P", "q": "Q" })),
            ("{for item in [\"ab\", \"ac\"] : \"a\" => item...}", json!({ "a": ["ab", "ac"] })),
            ("{ (local.a) = 1, b = 2, \"c\" : 3 }", json!({ "x": 1, "b": 2, "c": 3 })),
            ("concat(local.list...)", json!(null)),
            ("merge([{ a = 1 }, { b = 2 }]...)", json!({ "a": 1, "b": 2 })),
            ("<<-EOT\n    a\n      ${local.a}\n    EOT\n", json!("a\n  x\n")),
            ("<<EOT\n%{ if local.on ~}\nyes\n%{ else ~}\nno\n%{ endif ~}\nend\nEOT\n", json!("yes\nend\n")),
            ("templatefile(\"list.tftpl\", { all = { b = 2, a = 1 } })", json!("a=1\nb=2\n")),
        ] {
            if expected.is_null() {
                assert!(value(text).is_err(), "{text}");
            } else {
                assert_eq!(value(text), Ok(expected), "{text}");
            }
        }
    }

    #[test]
    fn what_has_no_value_says_why() {
        for (text, part) in [
            ("nothing.at", "nothing is nothing"),
            ("local.list[7]", "not so many"),
            ("local.map.none", "no \"none\""),
            ("\"a${local.list}\"", "a list is no text"),
            ("1 / 0", "divided by zero"),
            ("try(local.none, 1)", "try()"),
            ("{for item in [1, 1] : \"a\" => item}", "two of its values"),
            ("provider::vault::f(1)", "a provider's"),
            ("templatefile(\"list.tftpl\", {})", "is not given all"),
            ("file(\"b\")", "not there"),
        ] {
            let why = value(text).expect_err(text);
            assert!(why.contains(part), "{text}: {why}");
        }
    }
}
