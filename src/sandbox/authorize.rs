//! Whether a user may do what it asks: its own, attached and group policies, within its boundary.
//!
//! GetCallerIdentity is always allowed. Of AWS's managed policies only `AdministratorAccess` is known; the
//! others allow nothing here, because their texts are not part of the simulation.

use super::ACCOUNT_ID;
use super::action::Caller;
use super::document::{Verdict, evaluate};
use super::error::Refusal;
use super::params::Params;
use super::state::{State, User};

/// Refuses what the caller's policies do not allow.
pub(super) fn check(
    state: &State,
    caller: &Caller,
    service: &str,
    action: &str,
    params: &Params,
) -> Result<(), Refusal> {
    let Caller::User(name) = caller else { return Ok(()) };
    if service == "sts" && action == "GetCallerIdentity" {
        return Ok(());
    }
    let user = state.user(name)?;
    let action = format!("{service}:{action}");
    let resource = resource(state, caller, &action, params);
    let identity = together(policies(state, user), &action, &resource);
    let boundary = user.boundary.as_deref().map(|arn| document(state, arn));
    let bounded = boundary.map_or(Verdict::Allowed, |document| evaluate(document, &action, &resource));
    let reason = match (identity, bounded) {
        (Verdict::Allowed, Verdict::Allowed) => return Ok(()),
        (Verdict::Denied, _) => format!("with an explicit deny in an identity-based policy: {action}"),
        (_, Verdict::Denied) => format!("with an explicit deny in a permissions boundary: {action}"),
        (Verdict::Silent, _) => format!("because no identity-based policy allows the {action} action"),
        (Verdict::Allowed, Verdict::Silent) => {
            format!("because no permissions boundary allows the {action} action")
        }
    };
    Err(Refusal::denied(format!(
        "User: {} is not authorized to perform: {action} on resource: {resource} {reason}",
        user.arn()
    )))
}

fn policies<'a>(state: &'a State, user: &'a User) -> impl Iterator<Item = &'a str> {
    let groups = || user.groups.iter().filter_map(|group| state.groups.get(group));
    let inline = user.inline.values().chain(groups().flat_map(|group| group.inline.values())).map(String::as_str);
    let attached = user.attached.iter().chain(groups().flat_map(|group| group.attached.iter()));
    inline.chain(attached.map(|arn| document(state, arn)))
}

fn document<'a>(state: &'a State, arn: &str) -> &'a str {
    if arn == "arn:aws:iam::aws:policy/AdministratorAccess" {
        return r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    }
    state.policies.get(arn).map_or("{}", |policy| policy.document())
}

fn together<'a>(documents: impl Iterator<Item = &'a str>, action: &str, resource: &str) -> Verdict {
    documents.map(|document| evaluate(document, action, resource)).fold(Verdict::Silent, |so_far, verdict| {
        match (so_far, verdict) {
            (Verdict::Denied, _) | (_, Verdict::Denied) => Verdict::Denied,
            (Verdict::Allowed, _) | (_, Verdict::Allowed) => Verdict::Allowed,
            (Verdict::Silent, Verdict::Silent) => Verdict::Silent,
        }
    })
}

/// The ARN that an action is about; `*` for the account.
fn resource(state: &State, caller: &Caller, action: &str, params: &Params) -> String {
    // Source: Service Authorization Reference, IAM: these two are about the group.
    let of_group = matches!(action, "iam:AddUserToGroup" | "iam:RemoveUserFromGroup");
    if let Some(name) = params.get("UserName").filter(|_| !of_group) {
        let path = params.get("Path").unwrap_or("/");
        let known = state.user(name).map(User::arn);
        return known.unwrap_or_else(|_| format!("arn:aws:iam::{ACCOUNT_ID}:user{path}{name}"));
    }
    if let Some(name) = params.get("GroupName") {
        let path = params.get("Path").unwrap_or("/");
        let known = state.group(name).map(|group| group.arn());
        return known.unwrap_or_else(|_| format!("arn:aws:iam::{ACCOUNT_ID}:group{path}{name}"));
    }
    if let Some(arn) = params.get("PolicyArn").or_else(|| params.get("SerialNumber")) {
        return arn.to_owned();
    }
    if let Some(name) = params.get("PolicyName") {
        return format!("arn:aws:iam::{ACCOUNT_ID}:policy{}{name}", params.get("Path").unwrap_or("/"));
    }
    // Actions on a user that leave the name out are about the caller; lists and the like about the account.
    const ABOUT_SELF: [&str; 5] =
        ["iam:GetUser", "iam:CreateAccessKey", "iam:ListAccessKeys", "iam:UpdateAccessKey", "iam:DeleteAccessKey"];
    match caller {
        Caller::User(name) if ABOUT_SELF.contains(&action) => {
            state.user(name).map_or_else(|_| "*".to_owned(), User::arn)
        }
        _ => "*".to_owned(),
    }
}
