//! Trust policies: what IAM refuses to store, and which of their statements are about a caller.
//!
//! The statements are judged by the same reading of the policy language as all others, once those that name somebody
//! else are left out: who is meant is an element that only policies on resources have.
//!
//! # Source
//! IAM User Guide: "AWS JSON policy elements: Principal", "How IAM roles differ from resource-based policies", "Policy
//! evaluation logic for requests within a single account"; API reference of IAM, CreateRole.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::document::{self, texts};
use super::error::Refusal;
use super::identity::ACCOUNT_ID;
use super::principal::Principal;
use super::state::{Role, State};

/// The longest trust policy, in characters without white space: IAM's quota unless it is raised.
const SIZE_MAX: usize = 2048;

/// What a trust policy may allow.
const ACTIONS: [&str; 5] = [
    "sts:AssumeRole",
    "sts:AssumeRoleWithSAML",
    "sts:AssumeRoleWithWebIdentity",
    "sts:SetSourceIdentity",
    "sts:TagSession",
];

/// Checks a trust policy, and says which users and roles it names, each with its id.
///
/// # Errors
/// `MalformedPolicyDocument` or `LimitExceeded`, as CreateRole and UpdateAssumeRolePolicy answer.
pub(super) fn check(state: &State, document: &str) -> Result<BTreeMap<String, String>, Refusal> {
    let statements = document::statements(document)?;
    if document::size(document) > SIZE_MAX {
        return Err(Refusal::limit(format!("Cannot exceed quota for ACLSizePerRole: {SIZE_MAX}")));
    }
    let mut trusted = BTreeMap::new();
    for statement in &statements {
        if statement.contains_key("Resource") || statement.contains_key("NotResource") {
            return Err(Refusal::malformed("Has prohibited field Resource"));
        }
        if statement.contains_key("NotPrincipal") || statement.contains_key("NotAction") {
            let text = "The Leasehold sandbox reads no NotPrincipal and no NotAction in trust policies";
            return Err(Refusal::malformed(text));
        }
        let actions = statement.get("Action").and_then(texts).filter(|actions| !actions.is_empty());
        let actions = actions.ok_or_else(|| Refusal::malformed("Policy statement must contain actions."))?;
        let known = |action: &str| ACTIONS.iter().any(|known| known.eq_ignore_ascii_case(action));
        if !actions.iter().all(|action| known(action) || *action == "sts:*") {
            return Err(Refusal::malformed("AssumeRole policy may only specify STS AssumeRole actions."));
        }
        let principal = statement.get("Principal");
        let principal = principal.ok_or_else(|| Refusal::malformed("Missing required field Principal"))?;
        for name in principals(principal)? {
            trusted.extend(resolve(state, name)?);
        }
    }
    Ok(trusted)
}

/// The AWS principals that an element names; `*` for everybody.
fn principals(element: &Value) -> Result<Vec<&str>, Refusal> {
    let syntax = || Refusal::malformed("Syntax errors in policy.");
    match element {
        Value::String(all) if all == "*" => Ok(vec!["*"]),
        Value::Object(kinds) if !kinds.is_empty() => {
            if let Some(kind) = kinds.keys().find(|kind| !["AWS", "Service", "Federated"].contains(&kind.as_str())) {
                return Err(Refusal::malformed(format!("Invalid principal in policy: \"{kind}\"")));
            }
            let named: Vec<Vec<&str>> = kinds.values().map(texts).collect::<Option<_>>().ok_or_else(syntax)?;
            let of_aws = kinds.keys().zip(named).find(|(kind, _)| *kind == "AWS");
            Ok(of_aws.map(|(_, names)| names).unwrap_or_default())
        }
        _ => Err(syntax()),
    }
}

/// The ARN and the id of a user or role that a trust policy names; none of what is no single one.
fn resolve(state: &State, name: &str) -> Result<Option<(String, String)>, Refusal> {
    let invalid = || Refusal::malformed(format!("Invalid principal in policy: \"AWS\":\"{name}\""));
    if name == "*" || is_account(name) {
        return Ok(None);
    }
    let sections: Vec<&str> = name.splitn(6, ':').collect();
    let ["arn", "aws", service, "", account, resource] = sections[..] else { return Err(invalid()) };
    if name.contains(['*', '?']) || account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid());
    }
    // Another account's principals can't be looked up, and none of them calls this one.
    if account != ACCOUNT_ID {
        return Ok(None);
    }
    let last = resource.rsplit('/').next().unwrap_or_default();
    let found = match (service, resource.split('/').next()) {
        ("iam", Some("user")) => {
            state.user(last).ok().filter(|user| user.arn() == name).map(|user| Some(user.id.clone()))
        }
        ("iam", Some("role")) => {
            state.role(last).ok().filter(|role| role.arn() == name).map(|role| Some(role.id.clone()))
        }
        ("sts", Some("assumed-role")) => Some(None),
        _ => None,
    };
    Ok(found.ok_or_else(invalid)?.map(|id| (name.to_owned(), id)))
}

/// Whether a principal is an account as a whole.
fn is_account(name: &str) -> bool {
    let number = name.strip_prefix("arn:aws:iam::").map_or(Some(name), |rest| rest.strip_suffix(":root"));
    number.is_some_and(|number| number.len() == 12 && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What a role's trust policy says to one caller.
#[derive(Debug)]
pub(super) struct Trust {
    /// All statements that are about it, as a policy to be judged by.
    pub(super) all: Value,
    /// Those alone that name it itself, and not its account.
    pub(super) by_name: Value,
}

/// What a role's trust policy says to a caller.
pub(super) fn of(role: &Role, principal: Principal<'_>) -> Trust {
    let statements = document::statements(&role.trust).unwrap_or_default();
    let about = |by_name: bool| -> Value {
        let kept = statements.iter().filter(|one| is_about(role, one, principal, by_name));
        let kept: Vec<Value> = kept.map(plain).collect();
        json!({ "Version": "2012-10-17", "Statement": kept })
    };
    Trust { all: about(false), by_name: about(true) }
}

fn is_about(role: &Role, statement: &Map<String, Value>, principal: Principal<'_>, by_name: bool) -> bool {
    let element = statement.get("Principal").unwrap_or(&Value::Null);
    let names = principals(element).unwrap_or_default();
    names.into_iter().any(|name| {
        let is_named = match role.trusted.get(name) {
            Some(id) => name == principal.principal_arn() && id == principal.principal_id(),
            None => matches!(principal, Principal::Session(session, _) if session.arn() == name),
        };
        let is_of_all = name == "*" || (is_account(name) && name.contains(ACCOUNT_ID));
        is_named || (!by_name && is_of_all)
    })
}

/// A statement as one of an identity's policy: about the role, to whoever it is put to.
fn plain(statement: &Map<String, Value>) -> Value {
    let mut plain = statement.clone();
    plain.remove("Principal");
    plain.insert("Resource".to_owned(), json!("*"));
    Value::Object(plain)
}
