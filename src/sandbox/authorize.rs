//! Whether a user may do what it asks: its own, attached and group policies, within its boundary.
//!
//! A call is allowed only where no way to read AWS's pages refuses it, and nothing that can't be read decides it, so
//! that the simulation is never more generous than AWS. Of AWS's managed policies only the simplest are known; the
//! others allow nothing here, because their texts are not part of the simulation.

use serde_json::{Value, json};

use super::action::Caller;
use super::error::Refusal;
use super::identity::ACCOUNT_ID;
use super::params::Params;
use super::policy::{Forks, Policies, Verdict, judge};
use super::request_context;
use super::state::{State, User};

/// Refuses what the caller's policies do not allow, `now` being milliseconds since the epoch.
pub(super) fn check(
    state: &State,
    caller: &Caller,
    service: &str,
    action: &str,
    params: &Params,
    now: i64,
) -> Result<(), Refusal> {
    let Caller::User(name) = caller else { return Ok(()) };
    let user = state.user(name)?;
    let action = format!("{service}:{action}");
    let resource = resource(state, user, &action, params);
    let request = request_context::request(state, user, &action, &resource, params, now);
    let identity: Vec<Value> = policies(state, user).collect();
    let boundary = user.boundary.as_deref().map(|arn| vec![document(state, arn)]);
    let policies = Policies { identity: &identity, boundary: boundary.as_deref(), session: None };
    let Some(forks) = Forks::all().find(|forks| judge(policies, &request, *forks) != Verdict::Allowed) else {
        return Ok(());
    };
    let alone = |documents| judge(Policies { identity: documents, ..Policies::default() }, &request, forks);
    let bounded = boundary.as_deref().map_or(Verdict::Allowed, alone);
    let reason = match (alone(&identity), bounded) {
        (Verdict::Denied, _) => format!("with an explicit deny in an identity-based policy: {action}"),
        (_, Verdict::Denied) => format!("with an explicit deny in a permissions boundary: {action}"),
        (Verdict::Silent, _) => format!("because no identity-based policy allows the {action} action"),
        (_, Verdict::Silent) => format!("because no permissions boundary allows the {action} action"),
        (Verdict::Unsure, _) | (Verdict::Allowed, Verdict::Unsure | Verdict::Allowed) => {
            format!("because the simulation can't tell whether its policies allow the {action} action")
        }
    };
    Err(Refusal::denied(format!(
        "User: {} is not authorized to perform: {action} on resource: {resource} {reason}",
        user.arn()
    )))
}

fn policies<'a>(state: &'a State, user: &'a User) -> impl Iterator<Item = Value> {
    let groups = || user.groups.iter().filter_map(|group| state.groups.get(group));
    let inline = user.inline.values().chain(groups().flat_map(|group| group.inline.values()));
    let attached = user.attached.iter().chain(groups().flat_map(|group| group.attached.iter()));
    inline.map(|text| read(text)).chain(attached.map(|arn| document(state, arn)))
}

/// A stored document. What is no JSON is none, of which nothing can be told.
fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

fn document(state: &State, arn: &str) -> Value {
    let everything = |effect| json!({"Statement": {"Effect": effect, "Action": "*", "Resource": "*"}});
    match arn.strip_prefix("arn:aws:iam::aws:policy/") {
        Some("AdministratorAccess") => everything("Allow"),
        // The second is what AWS attaches to users whose keys are found in public; it denies more than is listed here.
        Some(name) if name == "AWSDenyAll" || name.starts_with("AWSCompromisedKeyQuarantine") => everything("Deny"),
        _ => state.policies.get(arn).map_or_else(|| json!({}), |policy| read(policy.document())),
    }
}

/// The ARN that an action is about; `*` for the account.
///
/// # Source
/// Service Authorization Reference, "Actions, resources, and condition keys for AWS Identity and Access Management".
fn resource(state: &State, caller: &User, action: &str, params: &Params) -> String {
    let path = params.get("Path").unwrap_or("/");
    // Before the user: what puts a user into a group is about the group.
    if let Some(name) = params.get("GroupName") {
        let known = state.group(name).map(|group| group.arn());
        return known.unwrap_or_else(|_| format!("arn:aws:iam::{ACCOUNT_ID}:group{path}{name}"));
    }
    if let Some(name) = params.get("UserName") {
        let known = state.user(name).map(User::arn);
        return known.unwrap_or_else(|_| format!("arn:aws:iam::{ACCOUNT_ID}:user{path}{name}"));
    }
    if ABOUT_THE_CALLER.contains(&action) {
        return caller.arn();
    }
    if let Some(arn) = params.get("PolicyArn").or_else(|| params.get("SerialNumber")) {
        return arn.to_owned();
    }
    if let Some(name) = params.get("PolicyName") {
        return format!("arn:aws:iam::{ACCOUNT_ID}:policy{path}{name}");
    }
    if let Some(name) = params.get("VirtualMFADeviceName") {
        return format!("arn:aws:iam::{ACCOUNT_ID}:mfa{path}{name}");
    }
    let owner = params.get("AccessKeyId").and_then(|id| state.key(id));
    owner.map_or_else(|| "*".to_owned(), |(user, _)| user.arn())
}

/// Actions on a user that are about the caller when they name none.
const ABOUT_THE_CALLER: [&str; 20] = [
    "iam:GetUser",
    "iam:ListGroupsForUser",
    "iam:CreateAccessKey",
    "iam:ListAccessKeys",
    "iam:UpdateAccessKey",
    "iam:DeleteAccessKey",
    "iam:CreateLoginProfile",
    "iam:GetLoginProfile",
    "iam:DeleteLoginProfile",
    "iam:DeactivateMFADevice",
    "iam:ListMFADevices",
    "iam:UploadSSHPublicKey",
    "iam:ListSSHPublicKeys",
    "iam:DeleteSSHPublicKey",
    "iam:UploadSigningCertificate",
    "iam:ListSigningCertificates",
    "iam:DeleteSigningCertificate",
    "iam:CreateServiceSpecificCredential",
    "iam:ListServiceSpecificCredentials",
    "iam:DeleteServiceSpecificCredential",
];
