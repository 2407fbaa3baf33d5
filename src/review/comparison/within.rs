//! What happens inside the roles of a subject that gains nothing by it: statements that move between them, other
//! words for the same, attributes of their users, the size of their documents.

use std::sync::Arc;

use super::access::{Found, Principal};
use super::held::Held;
use super::{sessions, user};
use crate::iam::compare::{Proof, compare};
use crate::iam::document::{self, USER_INLINE_SIZE_MAX};
use crate::iam::pattern::{Pattern, Syntax};
use crate::iam::policy::{Effect, Policy, PolicySet, Scope, Statement};
use crate::iam::reading::Reading;
use crate::object::Place;
use crate::object::review::Attribute;
use crate::review::finding::{Finding, Subject, Topic};
use crate::review::state::SideObject;
use crate::review::words;

/// From which share of the size limit on, in percent, a document's size is told.
const SIZE_TOLD_PERCENT: usize = 80;

impl Principal<'_, '_> {
    /// What happens between the roles of the subject, and inside one that allows what it did.
    pub(in crate::review) fn within(&self, partners: &[Option<usize>], findings: &mut Vec<Finding>) {
        for (index, after) in self.after.iter().enumerate() {
            let before = partners[index].map(|at| &self.before[at]);
            let mut changes = 0;
            if let Some(before) = before {
                attributes(&self.subject, before, after, findings);
                sessions::changes(&self.subject, before, after, findings);
                size(&self.subject, before, after, findings);
                let shadowed = self.shadowed(before, after);
                changes += shadowed.len();
                findings.extend(shadowed);
                if before.object.differing(&after.object).is_empty() {
                    continue;
                }
            }
            let old: Vec<PolicySet<Place>> = before.map(|before| before.set.clone()).into_iter().collect();
            let new = [after.set.clone()];
            let comparison = compare(&old, &new);
            changes += comparison.gains.len() + comparison.losses.len();
            let gains = comparison.gains.into_iter().map(|difference| Found::new(index, difference));
            for moved in gains.filter_map(|found| self.moved(after, &found)) {
                // What can't be told for certain is told as a gain already.
                let is_told =
                    |finding: &Finding| finding.gains && finding.role == moved.role && finding.what == moved.what;
                if !findings.iter().any(is_told) {
                    findings.push(moved);
                }
            }
            if let Some(before) = before.filter(|_| changes == 0) {
                findings.extend(self.rewritten(before, after));
            }
        }
    }

    /// What is no longer denied or bounded of the access that an unknown policy gives: it is there on both sides,
    /// and may allow anything.
    fn shadowed(&self, before: &Held<'_>, after: &Held<'_>) -> Vec<Finding> {
        let both = before.unknown.intersection(&after.unknown);
        let policy = both.into_iter().find(|unknown| !unknown.only_limits() && !unknown.is_opaque());
        let Some(policy) = policy else { return Vec::new() };
        let fields = after.access_fields;
        let written = if after.makes_sessions() { fields.sessions.roles } else { fields.policies };
        let place = after.object.place_of(written);
        // As if the role were all that the subject has.
        let alone = Principal {
            subject: self.subject.clone(),
            before: vec![before.supposing(anything_but(before, &place))],
            after: vec![after.supposing(anything_but(after, &place))],
            place: self.place.clone(),
        };
        let [old, new] = [&alone.before[0].set, &alone.after[0].set].map(std::slice::from_ref);
        let gains = compare(old, new).gains.into_iter().map(|difference| Found::new(0, difference));
        let why = if after.makes_sessions() {
            "the session policy or the boundary kept that out before; what the IAM role allows is not known here"
        } else {
            "the role's own statements kept that out before; what the policy allows is not known here"
        };
        gains
            .map(|found| {
                let mut finding = alone.told(Topic::AccessUnknown, after, &found);
                if let Proof::Witness(request) = &found.proof {
                    finding = alone.why_before(finding, after, &found, request);
                }
                finding.what = format!("whatever {policy} allows of {}", finding.what);
                finding.cannot_tell(why)
            })
            .collect()
    }

    /// Access that is new to a role, and that the subject had through another one.
    fn moved(&self, role: &Held<'_>, found: &Found) -> Option<Finding> {
        let Proof::Witness(request) = &found.proof else { return None };
        let others = self.before.iter().filter(|before| before.object.path != role.object.path);
        let others = others.filter(|before| user::unlike(before, role).is_none());
        let from = others.into_iter().find(|before| before.set.allows(request, Reading::default()))?;
        let longer = role.lease.max > from.lease.max;
        let mut finding =
            self.told(Topic::StatementMoved, role, found).gains(longer).was(format!("through role {}", from.label));
        let verdict = from.set.evaluate(request, Reading::default());
        if let Some(statement) = verdict.by.first() {
            finding = finding.also("was here", statement.span.clone());
        }
        if role.lease != from.lease {
            finding = finding.note(format!(
                "credentials of {} live {}, those of {} {}",
                role.label,
                words::duration(role.lease.max),
                from.label,
                words::duration(from.lease.max)
            ));
        }
        Some(finding)
    }

    /// A document that says the same in other words.
    fn rewritten(&self, before: &Held<'_>, after: &Held<'_>) -> Option<Finding> {
        let [old, new] = [before, after].map(|held| held.object.value(held.access_fields.document));
        if old == new {
            return None;
        }
        let (old, new) = (before.statements().count(), after.statements().count());
        let what = match old.cmp(&new) {
            std::cmp::Ordering::Greater => format!("{old} statements became {new}"),
            std::cmp::Ordering::Less => format!("{} became {new}", words::count(old, "statement")),
            std::cmp::Ordering::Equal if same_but_order(before, after) => "statements are in another order".to_owned(),
            std::cmp::Ordering::Equal => "the policy is worded differently".to_owned(),
        };
        let finding = Finding::new(Topic::TextOnly, &self.subject, format!("{what} (text only)")).role(&after.label);
        Some(finding.at(after.object.place_of(after.access_fields.document)))
    }
}

/// All that a role's own denials and boundary let through, if its unknown policies allowed everything.
fn anything_but(held: &Held<'_>, place: &Place) -> PolicySet<Place> {
    let any = || Pattern::new("*", Syntax { wildcards: true, variables: false });
    let everything = || Scope { negated: false, patterns: vec![any()] };
    let mut statements = vec![Statement {
        sid: None,
        effect: Effect::Allow,
        actions: everything(),
        resources: everything(),
        conditions: Vec::new(),
        span: place.clone(),
    }];
    statements.extend(held.statements().filter(|statement| statement.effect == Effect::Deny).cloned());
    let policy = Policy { statements, span: place.clone() };
    PolicySet {
        identity: vec![Arc::new(policy)],
        boundary: held.set.boundary.clone(),
        session: held.set.session.clone(),
    }
}

/// Whether two roles have the same statements, in whatever order.
fn same_but_order(before: &Held<'_>, after: &Held<'_>) -> bool {
    let key = |statement: &Statement<Place>| format!("{:?}", statement_facts(statement));
    let mut old: Vec<String> = before.statements().map(key).collect();
    let mut new: Vec<String> = after.statements().map(key).collect();
    let differ = old != new;
    old.sort_unstable();
    new.sort_unstable();
    differ && old == new
}

/// A statement without its place and its name.
fn statement_facts(statement: &Statement<Place>) -> (Effect, &Scope, &Scope, &[crate::iam::policy::Condition]) {
    (statement.effect, &statement.actions, &statement.resources, &statement.conditions)
}

/// What AWS policies elsewhere may look at.
fn attributes(subject: &Subject, before: &Held<'_>, after: &Held<'_>, findings: &mut Vec<Finding>) {
    if before.object.path != after.object.path && user::looks_at_name(&after.set) {
        let what = format!("the names of its IAM users are those of {}", after.label);
        let finding = Finding::new(Topic::AttributesChanged, subject, what).role(&after.label);
        let finding = finding.was(format!("those of {}", before.label)).at(after.object.declared_at());
        findings.push(finding.cannot_tell("its own policy looks at the names"));
    }
    for attribute in after.access_fields.attributes {
        let Attribute { field, words, whose, keys, .. } = attribute;
        if before.object.value(field) == after.object.value(field) {
            continue;
        }
        let (old, new) = (shown(&before.object, attribute), shown(&after.object, attribute));
        let what = format!("the {words} of its {whose}: {new}");
        let mut finding = Finding::new(Topic::AttributesChanged, subject, what)
            .role(&after.label)
            .was(old)
            .at(after.object.place_of(field));
        finding = if user::looks_at(&after.set, keys) {
            finding.cannot_tell(format!("its own policy looks at the {words}"))
        } else if let Some(unknown) = user::opaque(&after.unknown) {
            finding.cannot_tell(format!("{unknown} may look at the {words}, and its document is not known here"))
        } else {
            finding.note("policies elsewhere may look at them")
        };
        findings.push(finding);
    }
}

fn shown(object: &SideObject<'_>, attribute: &Attribute) -> String {
    let pairs = object.pairs(attribute.field).into_iter().map(|(key, value)| format!("{key}={value}"));
    let text = match object.text(attribute.field) {
        text if text.is_empty() => pairs.collect::<Vec<_>>().join(", "),
        text => text.into_owned(),
    };
    if text.is_empty() { attribute.none.to_owned() } else { text }
}

/// How much of the size limit a changed document uses, where that is much.
fn size(subject: &Subject, before: &Held<'_>, after: &Held<'_>, findings: &mut Vec<Finding>) {
    let [old, new] = [before, after].map(|held| {
        let wording = held.object.wording(held.access_fields.document);
        wording.as_str().map_or(0, document::size)
    });
    let percent = new * 100 / USER_INLINE_SIZE_MAX;
    if old != new && percent >= SIZE_TOLD_PERCENT {
        let what = format!(
            "inline policy: {} of {} characters ({percent} %)",
            words::thousands(new),
            words::thousands(USER_INLINE_SIZE_MAX)
        );
        let finding = Finding::new(Topic::PolicySize, subject, what).role(&after.label);
        let place = after.object.place_of(after.access_fields.document);
        findings.push(finding.was(format!("{} characters", words::thousands(old))).at(place));
    }
}
