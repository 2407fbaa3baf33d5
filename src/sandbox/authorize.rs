//! Whether a user or a session may do what it asks: its own, attached and group policies, within its boundary and
//! within the session's policies; and for AssumeRole also what the role's trust policy says.
//!
//! A call is allowed only where no way to read AWS's pages refuses it, and nothing that can't be read decides it, so
//! that the simulation is never more generous than AWS. Of AWS's managed policies only the simplest are known; the
//! others allow nothing here, because their texts are not part of the simulation.

use serde_json::{Value, json};

use super::error::Refusal;
use super::identity::{ACCOUNT_ID, Caller};
use super::params::Params;
use super::policy::{Forks, Policies, Request, Verdict, judge};
use super::principal::Principal;
use super::state::{Of, Role, Session, State, User};
use super::{request_context, trust};

/// Refuses what the caller's policies do not allow, `now` being milliseconds since the epoch.
pub(super) fn check(
    state: &State,
    caller: &Caller,
    service: &str,
    action: &str,
    params: &Params,
    now: i64,
) -> Result<(), Refusal> {
    let action = format!("{service}:{action}");
    let Some(principal) = Principal::of(state, caller)? else {
        return match action.as_str() {
            ASSUME_ROLE => Err(Refusal::denied("Roles may not be assumed by root accounts.")),
            _ => Ok(()),
        };
    };
    if action == GET_SESSION_TOKEN {
        // "No permissions are required for users to perform this operation"; who is no user is told so by it.
        return Ok(());
    }
    of_sessions(principal, &action)?;
    let resource = resource(state, principal, &action, params);
    let request = |action: &str| request_context::request(state, principal, action, &resource, params, now);
    let own = Own::of(state, principal);
    if action != ASSUME_ROLE {
        return allowed(&own, principal, &request(&action));
    }
    let role = state.roles.values().find(|role| role.arn() == resource);
    let tags = (!params.members("Tags", Some("Key")).is_empty()).then_some("sts:TagSession");
    for action in [ASSUME_ROLE].into_iter().chain(tags) {
        let is_trusted = role.is_some_and(|role| may_assume(&own, role, principal, &request(action)));
        if !is_trusted {
            let arn = principal.arn();
            let text = format!("User: {arn} is not authorized to perform: {action} on resource: {resource}");
            return Err(Refusal::denied(text));
        }
    }
    Ok(())
}

/// Refuses an action of any service that the caller's policies do not allow on a resource. The root may do everything.
pub(super) fn may(state: &State, caller: &Caller, action: &str, resource: &str, now: i64) -> Result<(), Refusal> {
    let Some(principal) = Principal::of(state, caller)? else { return Ok(()) };
    of_sessions(principal, action)?;
    let request = request_context::request(state, principal, action, resource, &Params::default(), now);
    allowed(&Own::of(state, principal), principal, &request)
}

const ASSUME_ROLE: &str = "sts:AssumeRole";
const GET_SESSION_TOKEN: &str = "sts:GetSessionToken";

/// Refuses what no session of a user may ask, whatever its policies say.
///
/// # Source
/// IAM User Guide, "Compare AWS STS credentials".
fn of_sessions(principal: Principal<'_>, action: &str) -> Result<(), Refusal> {
    let Principal::OfUser(session, _) = principal else { return Ok(()) };
    let service = action.split(':').next().unwrap_or_default();
    let may = match (service.to_ascii_lowercase().as_str(), session.of) {
        ("iam", Of::User | Of::Role) => session.mfa,
        ("iam", Of::FederatedUser) => false,
        ("sts", Of::User | Of::Role) => ["sts:GetCallerIdentity", ASSUME_ROLE].contains(&action),
        ("sts", Of::FederatedUser) => action == "sts:GetCallerIdentity",
        _ => true,
    };
    match may {
        true => Ok(()),
        false => Err(Refusal::denied(format!("{} may not call {action} with session credentials", principal.arn()))),
    }
}

/// What is said of a principal by its own policies.
struct Own {
    identity: Vec<Value>,
    boundary: Option<Vec<Value>>,
    session: Option<Vec<Value>>,
}

impl Own {
    fn of(state: &State, principal: Principal<'_>) -> Self {
        let identity = match principal {
            Principal::User(user) | Principal::OfUser(_, user) => of_user(state, user).collect(),
            Principal::Session(_, role) => of_role(state, role).collect(),
        };
        let session = match principal {
            Principal::Session(session, _) if session.policy.is_some() || !session.policy_arns.is_empty() => {
                Some(of_session(state, session))
            }
            // Without any, it may do nothing.
            Principal::OfUser(session, _) if session.of == Of::FederatedUser => Some(of_session(state, session)),
            Principal::Session(..) | Principal::OfUser(..) | Principal::User(_) => None,
        };
        Self { identity, boundary: principal.boundary().map(|arn| vec![document(state, arn)]), session }
    }

    fn policies(&self) -> Policies<'_> {
        Policies { identity: &self.identity, boundary: self.boundary.as_deref(), session: self.session.as_deref() }
    }
}

/// Whether a role can be assumed: its trust policy must allow it in any case, and the caller's own policies too, but
/// where a user is trusted by name, who only must not be denied it ("Policy evaluation logic").
fn may_assume(own: &Own, role: &Role, principal: Principal<'_>, request: &Request) -> bool {
    let trust = trust::of(role, principal);
    let everything = [document_of_all("Allow")];
    let undenied: Vec<Value> = own.identity.iter().chain(&everything).cloned().collect();
    let unbounded: Option<Vec<Value>> =
        own.boundary.as_ref().map(|boundary| boundary.iter().chain(&everything).cloned().collect());
    Forks::all().all(|forks| {
        let alone = |document: &Value| {
            let identity = std::slice::from_ref(document);
            judge(Policies { identity, ..Policies::default() }, request, forks) == Verdict::Allowed
        };
        let undenied = Policies { identity: &undenied, boundary: unbounded.as_deref(), session: None };
        let by_name = matches!(principal, Principal::User(_))
            && alone(&trust.by_name)
            && judge(undenied, request, forks) == Verdict::Allowed;
        alone(&trust.all) && (by_name || judge(own.policies(), request, forks) == Verdict::Allowed)
    })
}

/// Refuses what a principal's own policies do not allow.
fn allowed(own: &Own, principal: Principal<'_>, request: &Request) -> Result<(), Refusal> {
    let policies = own.policies();
    let Some(forks) = Forks::all().find(|forks| judge(policies, request, *forks) != Verdict::Allowed) else {
        return Ok(());
    };
    let alone = |documents: &[Value]| judge(Policies { identity: documents, ..Policies::default() }, request, forks);
    let (action, resource) = (&request.action, &request.resource);
    let within = |kind: &Option<Vec<Value>>| kind.as_deref().map_or(Verdict::Allowed, &alone);
    let said = [
        (alone(&own.identity), "an identity-based policy", "no identity-based policy"),
        (within(&own.boundary), "a permissions boundary", "no permissions boundary"),
        (within(&own.session), "a session policy", "no session policy"),
    ];
    let first = |verdict: Verdict| said.iter().find(move |(found, ..)| *found == verdict);
    let reason = match (first(Verdict::Denied), first(Verdict::Silent)) {
        (Some((_, kind, _)), _) => format!("with an explicit deny in {kind}: {action}"),
        (None, Some((.., none))) => format!("because {none} allows the {action} action"),
        (None, None) => format!("because the simulation can't tell whether its policies allow the {action} action"),
    };
    Err(Refusal::denied(format!(
        "User: {} is not authorized to perform: {action} on resource: {resource} {reason}",
        principal.arn()
    )))
}

/// The policies that go with a session.
fn of_session(state: &State, session: &Session) -> Vec<Value> {
    let inline = session.policy.iter().map(|text| read(text));
    inline.chain(session.policy_arns.iter().map(|arn| document(state, arn))).collect()
}

fn of_role<'a>(state: &'a State, role: &'a Role) -> impl Iterator<Item = Value> {
    let inline = role.inline.values().map(|text| read(text));
    inline.chain(role.attached.iter().map(|arn| document(state, arn)))
}

fn of_user<'a>(state: &'a State, user: &'a User) -> impl Iterator<Item = Value> {
    let groups = || user.groups.iter().filter_map(|group| state.groups.get(group));
    let inline = user.inline.values().chain(groups().flat_map(|group| group.inline.values()));
    let attached = user.attached.iter().chain(groups().flat_map(|group| group.attached.iter()));
    inline.map(|text| read(text)).chain(attached.map(|arn| document(state, arn)))
}

/// A stored document. What is no JSON is none, of which nothing can be told.
fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

fn document_of_all(effect: &str) -> Value {
    json!({"Statement": {"Effect": effect, "Action": "*", "Resource": "*"}})
}

fn document(state: &State, arn: &str) -> Value {
    match arn.strip_prefix("arn:aws:iam::aws:policy/") {
        Some("AdministratorAccess") => document_of_all("Allow"),
        // The second is what AWS attaches to users whose keys are found in public; it denies more than is listed here.
        Some(name) if name == "AWSDenyAll" || name.starts_with("AWSCompromisedKeyQuarantine") => {
            document_of_all("Deny")
        }
        _ => state.policies.get(arn).map_or_else(|| json!({}), |policy| read(policy.document())),
    }
}

/// The ARN that an action is about; `*` for the account.
///
/// # Source
/// Service Authorization Reference, "Actions, resources, and condition keys for AWS Identity and Access Management".
fn resource(state: &State, caller: Principal<'_>, action: &str, params: &Params) -> String {
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
    if let Some(name) = params.get("RoleName") {
        let known = state.role(name).map(Role::arn);
        return known.unwrap_or_else(|_| format!("arn:aws:iam::{ACCOUNT_ID}:role{path}{name}"));
    }
    if let Some(arn) = params.get("RoleArn") {
        return arn.to_owned();
    }
    if action == "sts:GetFederationToken" {
        let name = params.get("Name").unwrap_or_default();
        return format!("arn:aws:sts::{ACCOUNT_ID}:federated-user/{name}");
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
