//! The guardrails of a role, judged as the role is now, just before a credential of it is issued.
//!
//! They come with the reconciler's write of the role and stay when somebody writes it by hand: that is what they
//! are for. A verdict holds for one content of a role and one day, since exceptions end with a day.
//!
//! What managed policies and groups say is not known here. Those that the estate attached have been through a plan;
//! others can't be judged, so a role that has some issues nothing. A session that is given no policy may do all that
//! the role it assumes may: that is not known here either, and counts as everything, unless a plan has judged just this.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use super::credential::table;
use super::role::Role;
use crate::clock::rfc3339;
use crate::engine::wire::error::Error;
use crate::guardrail::{self, Guardrail, Severity, Subject, Terms, Who, wire};
use crate::iam::json;
use crate::iam::policy::{Policy, PolicySet};

/// How many verdicts are kept before all are forgotten.
const VERDICTS_MAX: usize = 20_000;

/// A policy that allows all there is.
const EVERYTHING: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

/// What was found out about roles: why no credential may be issued, or nothing.
#[derive(Debug, Default)]
pub(crate) struct Verdicts(Mutex<HashMap<String, Option<String>>>);

/// Reads the guardrails that came with a write.
///
/// # Errors
/// What is no list of guardrails.
pub(super) fn decode(header: &str) -> Result<Vec<Guardrail>, Error> {
    wire::read(header)
        .map_err(|why| Error::Invalid(format!("the header x-leasehold-guardrails is not understood: {why}")))
}

impl Verdicts {
    /// Refuses a role that one of its guardrails denies. `label` is `mount/role`, `max_ttl` how long a credential
    /// may live, in seconds, and `now` the time in Unix seconds.
    ///
    /// # Errors
    /// Which guardrail, and what breaks it.
    pub(super) fn check(&self, role: &Role, label: &str, max_ttl: i64, now: i64) -> Result<(), Error> {
        if role.guardrails.is_empty() {
            return Ok(());
        }
        let day = rfc3339(now).get(..10).unwrap_or_default().to_owned();
        let content = serde_json::to_string(&(role, label, max_ttl, &day))
            .map_err(|error| Error::Internal(format!("a role is not JSON: {error}")))?;
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&content).cloned();
        let verdict = known.unwrap_or_else(|| {
            let verdict = judge(role, label, max_ttl, &day);
            let mut verdicts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if verdicts.len() >= VERDICTS_MAX {
                verdicts.clear();
            }
            verdicts.insert(content, verdict.clone());
            verdict
        });
        verdict.map_or(Ok(()), |why| Err(Error::Invalid(why)))
    }
}

fn judge(role: &Role, label: &str, max_ttl: i64, day: &str) -> Option<String> {
    let document = match role.policy_document.as_str() {
        // What nobody knows counts as allowed.
        "" if table::is_open(role) => EVERYTHING,
        text => text,
    };
    let identity = match document {
        "" => Vec::new(),
        text => match json::parse(text).map(|json| Policy::of_checked(&json)) {
            Ok(policy) => vec![std::sync::Arc::new(policy)],
            Err(malformed) => return Some(format!("guardrails can't judge the role {label}: {}", malformed.what)),
        },
    };
    let access = [PolicySet::identity(identity)];
    let subject = Subject {
        name: label,
        roles: vec![label.to_owned()],
        apps: role.reviewed.app.iter().cloned().collect(),
        access: &access,
        who: Who::App,
        terms: Some(Terms {
            permissions_boundaries: BTreeSet::from([role.permissions_boundary_arn.clone()]),
            user_path: role.user_path.clone(),
            credential_type: role.credential_type.clone(),
            max_ttl,
        }),
        logins: Vec::new(),
        place: None,
    };
    let guardrails: Vec<Guardrail> = match is_bounded_as_reviewed(role) || is_session_as_reviewed(role) {
        true => role.guardrails.iter().map(without_access).collect(),
        false => role.guardrails.clone(),
    };
    let judged = guardrail::judge(&guardrails, None, &subject, day, &|_| None);
    let Some(denied) = judged.into_iter().find(|judged| judged.violation.severity == Severity::Deny) else {
        return unjudged(role, &subject, day);
    };
    let denied = denied.violation;
    Some(format!(
        "the guardrail {} denies credentials of the role {label}: {}. Change the role, or except it in the estate \
         and apply",
        denied.guardrail, denied.what
    ))
}

/// Whether the role has a permissions boundary, and both it and the policy are as they came through a plan: the
/// plan has judged the two together, while what the boundary says is not known here.
fn is_bounded_as_reviewed(role: &Role) -> bool {
    !role.permissions_boundary_arn.is_empty()
        && role.permissions_boundary_arn == role.reviewed.permissions_boundary_arn
        && role.policy_document == role.reviewed.policy_document
}

/// Whether its credentials are sessions, and all that says what those may do is as it came through a plan: that knows
/// what they are sessions of as far as the estate declares it, and has told what it does not know as not known.
fn is_session_as_reviewed(role: &Role) -> bool {
    let list = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
    table::is_of_another(role)
        && role.credential_type == role.reviewed.credential_type
        && list(&role.role_arns) == role.reviewed.role_arns
        && role.policy_document == role.reviewed.policy_document
        && list(&role.policy_arns) == role.reviewed.policy_arns
        && list(&role.iam_groups) == role.reviewed.iam_groups
}

/// A guardrail's demands alone, unless an exception has ended: then what it excepted has to be judged.
fn without_access(guardrail: &Guardrail) -> Guardrail {
    let guardrail = guardrail.clone();
    if guardrail.exceptions.is_empty() { guardrail.without_access() } else { guardrail }
}

/// Why the role can't be judged, if one of its guardrails asks what it may do and it has what no plan has seen.
fn unjudged<S>(role: &Role, subject: &Subject<'_, S>, day: &str) -> Option<String> {
    let asks = |one: &&Guardrail| one.severity == Severity::Deny && one.asks_access() && one.binds(subject, day);
    let guardrail = role.guardrails.iter().find(asks)?;
    let strange = |now: &Option<Vec<String>>, reviewed: &[String]| -> Vec<String> {
        now.iter().flatten().filter(|one| !reviewed.contains(one)).cloned().collect()
    };
    let mut unknown = strange(&role.policy_arns, &role.reviewed.policy_arns);
    let groups = strange(&role.iam_groups, &role.reviewed.iam_groups);
    unknown.extend(groups.into_iter().map(|group| format!("the group {group}")));
    (!unknown.is_empty()).then(|| {
        format!(
            "guardrails can't judge the role {}: {} did not come from the estate, and the guardrail {} has to know \
             what it allows. Take it off the role, or attach it in the estate and apply",
            subject.name,
            unknown.join(", "),
            guardrail.name
        )
    })
}

#[cfg(test)]
mod tests;
