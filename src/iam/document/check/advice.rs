//! What IAM takes and its author may not have meant: warnings, each about one statement.
//!
//! The checks are some of IAM Access Analyzer's security warnings, and unknown actions by the catalogue.

use super::{Checker, Content, Json, Member, find};
use crate::iam::catalogue::Catalogue;
use crate::iam::operator::{Operator, Quantifier, Test};
use crate::iam::pattern::{Pattern, Syntax};
use crate::iam::request::Request;

const ACTIONS: Syntax = Syntax { wildcards: true, variables: false };

impl<S: Clone> Checker<S> {
    /// Warns of an action that the catalogue does not have, or of a pattern that matches none of it.
    pub(super) fn known_action(&mut self, span: &S, text: &str) {
        let catalogue = Catalogue::current();
        if catalogue.find(text).is_some() {
            return;
        }
        let pattern = Pattern::new(&text.to_ascii_lowercase(), ACTIONS);
        let Some(unknown) = catalogue.unknown(&pattern) else { return };
        let date = catalogue.date();
        let hint = unknown.near.as_deref().map(crate::text::meant);
        let (code, what) = if unknown.service {
            let service = text.split_once(':').map_or(text, |(service, _)| service);
            ("INVALID_SERVICE_IN_ACTION", format!("AWS had no service `{service}` on {date}"))
        } else if pattern.literal().is_some() {
            ("INVALID_ACTION", format!("AWS had no action `{text}` on {date}"))
        } else {
            ("INVALID_ACTION", format!("`{text}` matches no action that AWS had on {date}"))
        };
        self.warn(code, span, what, hint);
    }

    /// Warns of what a statement allows beyond what its text seems to say.
    pub(super) fn advise(&mut self, members: &[Member<S>]) {
        if !matches!(find(members, "Effect"), Some(Member { value: Json { content: Content::Text(text), .. }, .. }) if text == "Allow")
        {
            return;
        }
        self.negated_allow(members);
        self.pass_role(members);
        self.empty_sets(members);
    }

    fn negated_allow(&mut self, members: &[Member<S>]) {
        let star = find(members, "Resource").is_some_and(|resource| has_text(&resource.value, |text| text == "*"));
        if let Some(action) = find(members, "NotAction")
            && (star || find(members, "NotResource").is_some())
        {
            let what = "`NotAction` with `Allow` allows every other action of AWS, also those that come later";
            let hint = Some("name what is allowed in `Action`, or deny in a statement of its own".to_owned());
            self.warn("ALLOW_NOT_ACTION_WITH_STAR_IN_RESOURCE", &action.key_span, what, hint);
        }
        if let Some(resource) = find(members, "NotResource") {
            let what = "`NotResource` with `Allow` allows every other resource, also those that come later";
            let hint = Some("name what is allowed in `Resource`, or deny in a statement of its own".to_owned());
            self.warn("ALLOW_WITH_NOT_RESOURCE", &resource.key_span, what, hint);
        }
    }

    /// `iam:PassRole` on all roles: who can pass a role to a service has what the role may do.
    fn pass_role(&mut self, members: &[Member<S>]) {
        if conditions(members).any(|(_, key)| key.key.eq_ignore_ascii_case("iam:PassedToService")) {
            return;
        }
        let resource = match (find(members, "Resource"), find(members, "NotResource")) {
            (Some(resource), _) if !has_text(&resource.value, |text| text == "*") => return,
            (None, None) => return,
            (resource, _) => resource,
        };
        let (Some(action), code) = (match (find(members, "Action"), find(members, "NotAction"), resource) {
            (Some(action), _, Some(_)) if has_text(&action.value, |text| text == "*") => {
                (Some(action), "PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE")
            }
            (Some(action), _, Some(_)) => (Some(action), "PASS_ROLE_WITH_STAR_IN_RESOURCE"),
            (Some(action), _, None) => (Some(action), "PASS_ROLE_WITH_NOT_RESOURCE"),
            (None, action, Some(_)) => (action, "PASS_ROLE_WITH_NOT_ACTION_AND_STAR_IN_RESOURCE"),
            (None, action, None) => (action, "PASS_ROLE_WITH_NOT_ACTION_AND_NOT_RESOURCE"),
        }) else {
            return;
        };
        let nothing = Request::default();
        let names = |text: &str| Pattern::new(&text.to_ascii_lowercase(), ACTIONS).matches("iam:passrole", &nothing);
        if has_text(&action.value, names) == (action.key == "Action") {
            let what = "this allows `iam:PassRole` on all roles: whoever may pass a role can get what it may do";
            let hint = "name the roles in `Resource`, or the service in a condition on `iam:PassedToService`";
            self.warn(code, &action.value.span, what, Some(hint.to_owned()));
        }
    }

    /// `ForAllValues` holds of a key that is absent, so that an `Allow` with it needs a `Null` check.
    fn empty_sets(&mut self, members: &[Member<S>]) {
        let present: Vec<&str> = conditions(members)
            .filter(|(operator, key)| {
                operator.test == Test::Null && has_text(&key.value, |text| text.eq_ignore_ascii_case("false"))
            })
            .map(|(_, key)| key.key.as_str())
            .collect();
        for (operator, key) in conditions(members) {
            let checked = present.iter().any(|name| name.eq_ignore_ascii_case(&key.key));
            if operator.quantifier == Some(Quantifier::ForAllValues) && !checked {
                let what = format!("`ForAllValues` also holds of requests without `{}`, which this allows", key.key);
                let hint = Some(format!("add \"Null\": {{\"{}\": \"false\"}} to the condition", key.key));
                self.warn("ALLOW_FOR_ALL_VALUES_WITHOUT_NULL_CHECK", &key.key_span, what, hint);
            }
        }
    }
}

/// The operators of a statement's condition that IAM has, each with each of its keys.
fn conditions<S>(members: &[Member<S>]) -> impl Iterator<Item = (Operator, &Member<S>)> {
    let operators = find(members, "Condition").map_or(&[][..], |condition| inner(&condition.value));
    operators
        .iter()
        .filter_map(|member| Some((Operator::parse(&member.key)?, member)))
        .flat_map(|(operator, member)| inner(&member.value).iter().map(move |key| (operator, key)))
}

fn inner<S>(json: &Json<S>) -> &[Member<S>] {
    match &json.content {
        Content::Map(members) => members,
        _ => &[],
    }
}

/// Whether a text, or one of a list of texts, is such. A boolean is a text to IAM.
fn has_text<S>(json: &Json<S>, such: impl Fn(&str) -> bool) -> bool {
    let items = match &json.content {
        Content::List(items) => items.as_slice(),
        _ => std::slice::from_ref(json),
    };
    items.iter().any(|item| match &item.content {
        Content::Text(text) => such(text),
        Content::Bool(flag) => such(&flag.to_string()),
        _ => false,
    })
}
