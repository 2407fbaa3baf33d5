//! Policies as values: what a checked document says, each part with its place.

use std::sync::Arc;

use super::document::{self, Finding};
use super::json::{Content, Json, Member};
pub use super::operator::{Operator, Quantifier, Test};
use super::pattern::{Pattern, Syntax};
pub use super::scope::Scope;

/// A policy document.
#[derive(Clone, Debug)]
pub struct Policy<S> {
    /// Its statements, in order.
    pub statements: Vec<Statement<S>>,
    /// Where it stands.
    pub span: S,
}

/// One statement.
#[derive(Clone, Debug)]
pub struct Statement<S> {
    /// Its name, if it has one.
    pub sid: Option<String>,
    /// What it does to requests that it matches.
    pub effect: Effect,
    /// `Action` or `NotAction`; the parts of the patterns are in lower case, their texts as written.
    pub actions: Scope,
    /// `Resource` or `NotResource`.
    pub resources: Scope,
    /// `Condition`: all must hold.
    pub conditions: Vec<Condition>,
    /// Where it stands.
    pub span: S,
}

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// It allows.
    Allow,
    /// It denies, whatever others allow.
    Deny,
}

/// One operator on one key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Condition {
    /// The operator.
    pub operator: Operator,
    /// The key, in lower case.
    pub key: String,
    /// The values.
    pub values: Vec<Pattern>,
}

/// Everything that decides about the requests of one principal. A request is allowed if no statement denies it
/// and each set that is there allows it. Source: IAM User Guide, "Policy evaluation logic".
#[derive(Clone, Debug)]
pub struct PolicySet<S> {
    /// Identity policies: inline, attached, of groups.
    pub identity: Vec<Arc<Policy<S>>>,
    /// The permissions boundary, if one is set.
    pub boundary: Option<Vec<Arc<Policy<S>>>>,
    /// The session policies, if any were passed.
    pub session: Option<Vec<Arc<Policy<S>>>>,
}

impl<S> PolicySet<S> {
    /// Identity policies alone.
    pub fn identity(policies: Vec<Arc<Policy<S>>>) -> Self {
        Self { identity: policies, boundary: None, session: None }
    }
}

impl<S> PolicySet<S> {
    /// The statements of its identity policies that allow something.
    pub fn allowing(&self) -> impl Iterator<Item = &Statement<S>> {
        self.identity.iter().flat_map(|policy| &policy.statements).filter(|one| one.effect == Effect::Allow)
    }
}

impl<S: Clone> PolicySet<S> {
    /// The set as if this were its only statement that allows something: what denies and bounds it stays.
    pub fn only(&self, statement: &Statement<S>) -> Self {
        let denies = self.identity.iter().flat_map(|policy| &policy.statements);
        let statements = denies.filter(|one| one.effect == Effect::Deny).cloned().chain([statement.clone()]).collect();
        let only = Policy { statements, span: statement.span.clone() };
        Self { identity: vec![Arc::new(only)], boundary: self.boundary.clone(), session: self.session.clone() }
    }
}

impl<S> Default for PolicySet<S> {
    /// What allows nothing.
    fn default() -> Self {
        Self::identity(Vec::new())
    }
}

impl<S> Policy<S> {
    /// The same policy with other places: `place` is given the index of a statement and its place so far;
    /// the whole document has the index `None`.
    pub fn map_spans<T>(self, place: impl Fn(Option<usize>, S) -> T) -> Policy<T> {
        let statements = self.statements.into_iter().enumerate().map(|(index, statement)| Statement {
            sid: statement.sid,
            effect: statement.effect,
            actions: statement.actions,
            resources: statement.resources,
            conditions: statement.conditions,
            span: place(Some(index), statement.span),
        });
        Policy { statements: statements.collect(), span: place(None, self.span) }
    }
}

impl<S: Clone> Policy<S> {
    /// The policy that a parsed document says.
    ///
    /// # Errors
    /// What IAM would refuse, with warnings, in the order of the text. See [`document::check`].
    pub fn new(json: &Json<S>) -> Result<Self, Vec<Finding<S>>> {
        let findings = document::check(json);
        if findings.iter().any(|finding| finding.fatal) {
            return Err(findings);
        }
        Ok(Self::of_checked(json))
    }

    /// The policy of a document that was checked; what the check refuses is left out here.
    pub fn of_checked(json: &Json<S>) -> Self {
        let members = members(json);
        // Absent, it is the language of 2008, which has no variables.
        let variables =
            matches!(find(members, "Version"), Some(Json { content: Content::Text(text), .. }) if text != "2008-10-17");
        let statements = match find(members, "Statement") {
            Some(Json { content: Content::List(items), .. }) => {
                items.iter().filter_map(|item| statement(item, variables)).collect()
            }
            Some(one) => statement(one, variables).into_iter().collect(),
            None => Vec::new(),
        };
        Self { statements, span: json.span.clone() }
    }
}

fn statement<S: Clone>(json: &Json<S>, variables: bool) -> Option<Statement<S>> {
    let members = members(json);
    let text = |key| match find(members, key) {
        Some(Json { content: Content::Text(text), .. }) => Some(text.as_str()),
        _ => None,
    };
    let effect = match text("Effect")? {
        "Allow" => Effect::Allow,
        "Deny" => Effect::Deny,
        _ => return None,
    };
    let resources = Syntax { wildcards: true, variables };
    let actions = Syntax { wildcards: true, variables: false };
    let mut conditions = Vec::new();
    for operator in find(members, "Condition").map(self::members).unwrap_or_default() {
        let parsed = Operator::parse(&operator.key)?;
        for key in self::members(&operator.value) {
            let syntax = parsed.test.syntax(variables);
            let values = texts(&key.value).iter().map(|text| Pattern::new(text, syntax)).collect();
            conditions.push(Condition { operator: parsed, key: key.key.to_ascii_lowercase(), values });
        }
    }
    Some(Statement {
        sid: text("Sid").filter(|sid| !sid.is_empty()).map(str::to_owned),
        effect,
        actions: scope(members, "Action", "NotAction", |text| {
            Pattern::new(&text.to_ascii_lowercase(), actions).shown_as(text)
        })?,
        resources: scope(members, "Resource", "NotResource", |text| Pattern::new(text, resources))?,
        conditions,
        span: json.span.clone(),
    })
}

fn scope<S>(members: &[Member<S>], key: &str, not_key: &str, pattern: impl Fn(&str) -> Pattern) -> Option<Scope> {
    let (negated, value) = match (find(members, key), find(members, not_key)) {
        (Some(value), _) => (false, value),
        (None, Some(value)) => (true, value),
        (None, None) => return None,
    };
    let patterns = texts(value).iter().map(|text| pattern(text)).collect();
    Some(Scope { negated, patterns })
}

/// A text, or the texts of a list; numbers and booleans are texts to IAM.
fn texts<S>(json: &Json<S>) -> Vec<String> {
    let scalar = |json: &Json<S>| match &json.content {
        Content::Text(text) => Some(text.clone()),
        Content::Number(number) => Some(number.clone()),
        Content::Bool(flag) => Some(flag.to_string()),
        _ => None,
    };
    match &json.content {
        Content::List(items) => items.iter().filter_map(scalar).collect(),
        _ => scalar(json).into_iter().collect(),
    }
}

fn members<S>(json: &Json<S>) -> &[Member<S>] {
    match &json.content {
        Content::Map(members) => members,
        _ => &[],
    }
}

fn find<'a, S>(members: &'a [Member<S>], key: &str) -> Option<&'a Json<S>> {
    members.iter().find(|member| member.key == key).map(|member| &member.value)
}

#[cfg(test)]
mod tests {
    use super::{Effect, Operator, Policy, Quantifier, Test};
    use crate::iam::json;
    use crate::iam::pattern::Part;

    #[test]
    fn operators_read_as_they_are_spelt() {
        for text in
            ["StringEquals", "Null", "ForAllValues:StringLikeIfExists", "ForAnyValue:ArnNotLike", "BoolIfExists"]
        {
            assert_eq!(Operator::parse(text).map(|operator| operator.to_string()).as_deref(), Some(text));
        }
        for text in ["NullIfExists", "stringequals", "ForAll:StringEquals", "", "IfExists"] {
            assert_eq!(Operator::parse(text), None, "{text}");
        }
        let parsed = Operator::parse("ForAllValues:StringNotEqualsIfExists").expect("an operator");
        assert_eq!((parsed.test, parsed.quantifier), (Test::StringNotEquals, Some(Quantifier::ForAllValues)));
    }

    #[test]
    fn a_document_becomes_a_policy_with_places() {
        let text = r#"{"Version":"2012-10-17","Statement":{"Sid":"A","Effect":"Deny","NotAction":"S3:Get*",
            "Resource":["arn:aws:s3:::${aws:UserName}/*","*"],"Condition":{"Bool":{"aws:SecureTransport":false}}}}"#;
        let policy = Policy::new(&json::parse(text).expect("JSON")).expect("a policy");
        let statement = &policy.statements[0];
        assert_eq!((statement.effect, statement.sid.as_deref()), (Effect::Deny, Some("A")));
        assert!(statement.actions.negated);
        assert_eq!(statement.actions.patterns[0].text, "S3:Get*");
        assert_eq!(statement.actions.patterns[0].parts[0], Part::Literal("s3:get".to_owned()));
        assert!(statement.resources.patterns[0].has_variable());
        assert!(text[statement.span.clone()].starts_with(r#"{"Sid":"A""#));
        assert_eq!(
            (statement.conditions[0].key.as_str(), statement.conditions[0].values[0].text.as_str()),
            ("aws:securetransport", "false")
        );
    }
}
