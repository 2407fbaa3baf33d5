//! Resources that fit no action: what a statement names that no request of it can have.
//!
//! Only what the catalogue is sure of is told, see [`Catalogue::fits`]. Parliament calls it RESOURCE_MISMATCH. Where AWS's
//! own managed policies name what its service reference does not have, the reference may be what lacks it: an ARN of any
//! account in a form that no action of its service has (`arn:aws:secretsmanager:*:*:sqlworkbench!*`), and one of another
//! service for an action of which the reference knows no resource (a session of `ssm` for `ssmmessages`).

use super::{Checker, Content, Json, Member, arn, find};
use crate::iam::catalogue::{Catalogue, Fit};
use crate::iam::pattern::{Pattern, Syntax};

const CODE: &str = "RESOURCE_MISMATCH";

/// How many actions are named in a warning.
const NAMED_MAX: usize = 3;

impl<S: Clone> Checker<S> {
    /// Warns of actions that can have no resource of their statement. Not of resources that no action can have: what
    /// they are meant for is told by the action, and beside `bucket/*` many write `bucket` for all actions alike.
    pub(super) fn fitting_resources(&mut self, members: &[Member<S>]) {
        let (Some(action), Some(resource)) = (find(members, "Action"), find(members, "Resource")) else { return };
        let does = match find(members, "Effect").map(|effect| &effect.value.content) {
            Some(Content::Text(text)) if text == "Allow" => "allows",
            Some(Content::Text(text)) if text == "Deny" => "denies",
            _ => return,
        };
        let (actions, resources) = (texts(&action.value), texts(&resource.value));
        if resources.contains(&"*") || resources.is_empty() || actions.is_empty() {
            return;
        }
        let pattern = |text: &&str, variables| Pattern::new(text, Syntax { wildcards: true, variables });
        let lower: Vec<String> = actions.iter().map(|text| text.to_ascii_lowercase()).collect();
        let patterns: Vec<Pattern> = lower.iter().map(|text| pattern(&text.as_str(), false)).collect();
        let named: Vec<Pattern> = resources.iter().map(|text| pattern(text, true)).collect();
        let catalogue = Catalogue::current();
        let fits = catalogue.fitting(&patterns, &named);
        let vain = |action: &str, row: &[Fit]| {
            row.iter().zip(&named).all(|(fit, resource)| *fit == Fit::No && is_sure(catalogue, action, resource))
        };
        let rows = actions.iter().zip(&fits).filter(|(action, row)| vain(action, row));
        let dead: Vec<&str> = rows.map(|(text, _)| *text).collect();
        let these = if resources.len() == 1 { "this resource" } else { "any of these resources" };
        if dead.len() == actions.len() {
            let what = format!("{} can't have {these}: the statement {does} nothing", list(&dead));
            return self.warn(CODE, &resource.value.span, what, taken(catalogue, &dead));
        }
        if !dead.is_empty() {
            let what = format!("{} can't have {these}: the statement {does} nothing of it", list(&dead));
            self.warn(CODE, &action.value.span, what, taken(catalogue, &dead));
        }
    }
}

/// Whether the catalogue says enough of a resource to tell that an action can't have it.
fn is_sure(catalogue: &Catalogue, action: &str, resource: &Pattern) -> bool {
    let segment = |at: usize| resource.text.split(':').nth(at).unwrap_or_default();
    let service = action.split(':').next().unwrap_or_default();
    let elsewhere = !segment(2).eq_ignore_ascii_case(service) && catalogue.names_nothing(action);
    // What is malformed has been told.
    let sound = resource.text.starts_with("arn:") && arn::problem(&resource.text).is_none() && !resource.is_odd();
    sound && !elsewhere && (segment(4) != "*" || catalogue.knows_form(resource))
}

/// What the first action that is in vain can have.
fn taken(catalogue: &Catalogue, dead: &[&str]) -> Option<String> {
    let first = dead.first().filter(|text| !text.contains(['*', '?']))?;
    let any = Pattern::new("*", Syntax { wildcards: true, variables: false });
    let mut examples: Vec<String> = catalogue.examples(first, &any, "NAME", &|_| None).collect();
    examples.sort_by_key(|text| (text == "*", text.len()));
    Some(format!("`{first}` takes {}", list(&examples)))
}

fn list<T: AsRef<str>>(texts: &[T]) -> String {
    let named: Vec<String> = texts.iter().take(NAMED_MAX).map(|text| format!("`{}`", text.as_ref())).collect();
    match texts.len().saturating_sub(NAMED_MAX) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

fn texts<S>(json: &Json<S>) -> Vec<&str> {
    let items = match &json.content {
        Content::List(items) => items.as_slice(),
        _ => std::slice::from_ref(json),
    };
    items
        .iter()
        .filter_map(|item| if let Content::Text(text) = &item.content { Some(text.as_str()) } else { None })
        .collect()
}
