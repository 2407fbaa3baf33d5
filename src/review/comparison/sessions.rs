//! What changes about sessions of roles of an account: whose they are, and how long they live.

use std::collections::BTreeSet;

use super::held::Held;
use super::user;
use crate::estate::IamPrincipal;
use crate::iam::arn::Arn;
use crate::object::review::Way;
use crate::review::finding::{Finding, Subject, Topic};
use crate::review::state::Side;
use crate::review::words;

/// What changes of the sessions of one role.
pub(in crate::review) fn changes(subject: &Subject, before: &Held<'_>, after: &Held<'_>, findings: &mut Vec<Finding>) {
    let fields = &after.access_fields.sessions;
    let finding = |what: String| {
        let finding = Finding::new(Topic::AttributesChanged, subject, what).role(&after.label);
        finding.at(after.object.place_of(fields.roles))
    };
    let (old, new) = (before.assumed(), after.assumed());
    let looks = user::looks_at_principal(after);
    let others = |held: &Held<'_>| matches!(held.way(), Some(Way::Federated | Way::OwnSession | Way::Standing));
    match (before.makes_sessions(), after.makes_sessions()) {
        _ if before.way() != after.way() && (others(before) || others(after)) => {
            let why = "whether they are alike to policies that look at whose credentials they are is not known here";
            let what = format!("its credentials are {}", way_words(after));
            findings.push(finding(what).was(way_words(before)).at(after.object.declared_at()).cannot_tell(why));
        }
        (false, true) => {
            let what = format!("its credentials are sessions of {}", listed(&new));
            let why = "whether the account of the sessions is that of the users before is not known here";
            findings.push(finding(what).was("IAM users").cannot_tell(why));
        }
        (true, false) => {
            let why = "whether the account of the users is that of the sessions before is not known here";
            let users =
                finding("its credentials are IAM users".to_owned()).was(format!("sessions of {}", listed(&old)));
            findings.push(users.at(after.object.declared_at()).cannot_tell(why));
        }
        (true, true) => {
            let accounts = user::accounts(before);
            for arn in new.difference(&old) {
                let told = finding(format!("its sessions may be of {arn}")).was(listed(&old));
                let is_here = Arn::account_of(arn).is_some_and(|account| accounts.contains(account));
                findings.push(match (is_here, looks) {
                    (false, _) => told.cannot_tell("what is allowed there is in another account"),
                    (true, true) => told.cannot_tell("policies may look at whose session it is"),
                    (true, false) => told.note("what that allows is told under access"),
                });
            }
            for arn in old.difference(&new) {
                findings.push(finding(format!("its sessions are no longer of {arn}")));
            }
        }
        (false, false) => {}
    }
    let are_sessions = before.way() == after.way() && after.way().is_some_and(Way::is_session);
    if are_sessions {
        factor(subject, before, after, findings);
        narrowed(subject, before, after, findings);
    }
    if are_sessions && before.lease != after.lease {
        let shown = |held: &Held<'_>| {
            format!("default {}, at most {}", words::duration(held.lease.default), words::duration(held.lease.max))
        };
        let field = if before.lease.max == after.lease.max { fields.terms.default } else { fields.terms.max };
        let mut finding = Finding::new(Topic::LeaseTerms, subject, format!("sessions: {}", shown(after)))
            .role(&after.label)
            .was(shown(before))
            .gains(after.lease.default > before.lease.default || after.lease.max > before.lease.max)
            .note("a session works until its end, whatever becomes of its lease")
            .at(after.object.place_of(field));
        if let Some(times) = words::times_as_long(before.lease.max, after.lease.max) {
            finding = finding.note(format!("a leaked credential works {times}"));
        }
        findings.push(finding);
    }
}

/// Credentials in words.
fn way_words(held: &Held<'_>) -> String {
    match held.way() {
        Some(Way::User) => "IAM users".to_owned(),
        Some(Way::RoleSession) => format!("sessions of {}", listed(&held.assumed())),
        Some(Way::Federated) => "sessions of whom the engine signs as, within its policies".to_owned(),
        Some(Way::OwnSession) => "sessions of whom the engine signs as".to_owned(),
        Some(Way::Standing) => "the key of an IAM user".to_owned(),
        None => format!("of the type {}", held.object.text(held.access_fields.made)),
    }
}

/// A second factor that is asked for, or is no more.
fn factor(subject: &Subject, before: &Held<'_>, after: &Held<'_>, findings: &mut Vec<Finding>) {
    let field = after.access_fields.sessions.factor;
    let [old, new] = [before, after].map(|held| held.object.text(field));
    if old == new {
        return;
    }
    let what = match new.as_ref() {
        "" => "no second factor is asked for any more".to_owned(),
        serial => format!("asks for a code of {serial}"),
    };
    let mut finding = Finding::new(Topic::AttributesChanged, subject, what).role(&after.label);
    if !old.is_empty() {
        finding = finding.was(old.as_ref());
    }
    findings.push(finding.gains(new.is_empty()).at(after.object.place_of(field)));
}

/// Session policies that came, went, or are others. What that changes is found by comparison.
fn narrowed(subject: &Subject, before: &Held<'_>, after: &Held<'_>, findings: &mut Vec<Finding>) {
    let fields = after.access_fields;
    let policies = [fields.document, fields.policies, fields.groups];
    let differing = before.object.differing(&after.object);
    let Some(field) = policies.iter().find(|field| differing.contains(field)) else { return };
    let has = |held: &Held<'_>| {
        let kind = held.object.kind;
        policies
            .iter()
            .any(|name| kind.field(name).is_some_and(|field| *held.object.value(name) != field.default_value()))
    };
    let what = match (has(before), has(after)) {
        (true, false) if after.way() == Some(Way::Federated) => {
            "no session policy any more: its sessions may do nothing"
        }
        (true, false) => "no session policy any more: sessions may do all that their IAM role may",
        (false, true) => "a session policy narrows its sessions from now on",
        _ => "its session policy is another",
    };
    let finding = Finding::new(Topic::AttributesChanged, subject, what).role(&after.label);
    findings.push(finding.note("what that changes is told under access").at(after.object.place_of(field)));
}

/// The ARNs of IAM roles and users that may do something else on one side, or for longer, or that only one side declares; `documents`
/// are the managed policies that differ.
pub(in crate::review) fn principals<'s>(
    before: &'s Side<'_>,
    after: &'s Side<'_>,
    documents: &BTreeSet<&str>,
) -> Vec<&'s str> {
    let facts = |role: &IamPrincipal| {
        let statements = role.policy.iter().flat_map(|policy| &policy.statements);
        let said: Vec<String> = statements
            .map(|one| format!("{:?} {:?} {:?} {:?}", one.effect, one.actions, one.resources, one.conditions))
            .collect();
        (said, role.policy_arns.iter().cloned().collect::<BTreeSet<_>>(), role.boundary.clone(), role.max_session)
    };
    let moved = |role: &IamPrincipal| {
        let mut named = role.policy_arns.iter().chain(&role.boundary);
        named.any(|arn| documents.contains(arn.as_str()))
    };
    let (old, new): (Vec<&IamPrincipal>, Vec<&IamPrincipal>) =
        (before.iam_roles().chain(before.iam_users()).collect(), after.iam_roles().chain(after.iam_users()).collect());
    let of = |all: &[&IamPrincipal], arn: &str| all.iter().find(|one| one.arn == arn).map(|one| facts(one));
    let differs = |one: &IamPrincipal| moved(one) || of(&old, &one.arn).is_none_or(|other| other != facts(one));
    let changed: Vec<&str> = new.iter().filter(|one| differs(one)).map(|one| one.arn.as_str()).collect();
    let gone = old.iter().filter(|one| of(&new, &one.arn).is_none()).map(|one| one.arn.as_str());
    changed.into_iter().chain(gone).collect()
}

fn listed(arns: &BTreeSet<String>) -> String {
    words::listed(&arns.iter().collect::<Vec<_>>())
}
