//! What AWS would know of a call: the request context that conditions are about.
//!
//! The caller is an IAM user with an access key or a session, in an account that is in no organization. What the simulation
//! can't know is left open, such as the address and the network that AWS would see the call come from.
//!
//! # Source
//! IAM User Guide: "AWS global condition context keys", "IAM and AWS STS condition context keys"; Service
//! Authorization Reference, "Actions, resources, and condition keys for AWS Identity and Access Management".

use super::identity::ACCOUNT_ID;
use super::params::Params;
use super::policy::Request;
use super::principal::Principal;
use super::state::{Of, State, Tag};
use super::xml::date;

/// Keys that are absent unless a call sets them: those of tags and parameters; those that only temporary
/// credentials (the first two, so that sessions can do without), AWS services, organizations or browsers bring; those of actions that are not simulated.
const ABSENT: &[&str] = &[
    "aws:multifactorauth",
    "aws:tokenissuetime",
    "aws:calledvia",
    "aws:ec2instancesource",
    "aws:federatedprovider",
    "aws:principalorg",
    "aws:principalservicename",
    "aws:principaltag/",
    "aws:referer",
    "aws:requesttag/",
    "aws:resourceorg",
    "aws:resourcetag/",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceidentity",
    "aws:sourceorg",
    "aws:tagkeys",
    "iam:associatedresourcearn",
    "iam:awsservicename",
    "iam:organizationspolicyid",
    "iam:passedtoservice",
    "iam:permissionsboundary",
    "iam:policyarn",
    "iam:resourcetag/",
    "iam:servicespecificcredentialservicename",
    "saml:",
    "sts:",
];

/// The request that a call is, `now` being milliseconds since the epoch.
pub(super) fn request(
    state: &State,
    caller: Principal<'_>,
    action: &str,
    resource: &str,
    params: &Params,
    now: i64,
) -> Request {
    let absent = match caller {
        Principal::User(_) => ABSENT,
        // Whether a role's session was opened with a second factor is not simulated, so it can't be told.
        Principal::Session(..) | Principal::OfUser(..) => &ABSENT[2..],
    };
    let mut request = Request::partly_known(action, resource, absent);
    about_the_caller(&mut request, caller);
    about_the_call(&mut request, now);
    about_the_target(&mut request, state, action, resource, params);
    let tags = params.members("Tags", Some("Key"));
    for (index, key) in tags.iter().enumerate() {
        if let Some(value) = params.get(&format!("Tags.member.{}.Value", index + 1)) {
            request.set(&format!("aws:RequestTag/{key}"), [value]);
        }
    }
    request.set("aws:TagKeys", tags.into_iter().chain(params.members("TagKeys", None)));
    request
}

fn about_the_caller(request: &mut Request, caller: Principal<'_>) {
    request.set("aws:PrincipalArn", [caller.principal_arn()]);
    request.set("aws:PrincipalAccount", [ACCOUNT_ID]);
    request.set("aws:PrincipalIsAWSService", ["false"]);
    match caller {
        Principal::User(user) => {
            request.set("aws:username", [user.name.as_str()]);
            request.set("aws:userid", [user.id.as_str()]);
            request.set("aws:PrincipalType", ["User"]);
            set_tags(request, "aws:PrincipalTag/", &user.tags);
        }
        Principal::Session(session, role) => {
            request.set("aws:userid", [session.user_id()]);
            request.set("aws:PrincipalType", ["AssumedRole"]);
            request.set("aws:TokenIssueTime", [date(session.issued)]);
            // "Session tags ... override" those of the role.
            set_tags(request, "aws:PrincipalTag/", &role.tags);
            set_tags(request, "aws:PrincipalTag/", &session.tags);
        }
        Principal::OfUser(session, user) => {
            request.set("aws:userid", [session.user_id()]);
            request.set("aws:TokenIssueTime", [date(session.issued)]);
            match session.of {
                Of::FederatedUser => request.set("aws:PrincipalType", ["FederatedUser"]),
                Of::Role | Of::User => {
                    request.set("aws:PrincipalType", ["User"]);
                    request.set("aws:username", [user.name.as_str()]);
                    request.set("aws:MultiFactorAuthPresent", [if session.mfa { "true" } else { "false" }]);
                    set_tags(request, "aws:PrincipalTag/", &user.tags);
                }
            }
        }
    }
}

fn about_the_call(request: &mut Request, now: i64) {
    let to_the_second = date(now);
    let current = format!("{}.{:03}Z", to_the_second.trim_end_matches('Z'), now.rem_euclid(1000));
    request.set("aws:CurrentTime", [current]);
    request.set("aws:EpochTime", [now.div_euclid(1000).to_string()]);
    // IAM is reached over TLS alone, which the simulation leaves out.
    request.set("aws:SecureTransport", ["true"]);
    request.set("aws:ViaAWSService", ["false"]);
    // "IAM calls are always made to the us-east-1 Region."
    request.set("aws:RequestedRegion", ["us-east-1"]);
}

fn about_the_target(request: &mut Request, state: &State, action: &str, resource: &str, params: &Params) {
    if resource.split(':').nth(4) == Some(ACCOUNT_ID) {
        request.set("aws:ResourceAccount", [ACCOUNT_ID]);
    }
    let name = resource.rsplit('/').next().unwrap_or_default();
    let target = state.user(name).ok().filter(|user| user.arn() == resource);
    if let Some(target) = target {
        set_tags(request, "aws:ResourceTag/", &target.tags);
        set_tags(request, "iam:ResourceTag/", &target.tags);
    }
    let role = state.role(name).ok().filter(|role| role.arn() == resource);
    if let Some(role) = role {
        set_tags(request, "aws:ResourceTag/", &role.tags);
        set_tags(request, "iam:ResourceTag/", &role.tags);
    }
    for (key, parameter) in [("sts:ExternalId", "ExternalId"), ("sts:RoleSessionName", "RoleSessionName")] {
        if let Some(value) = params.get(parameter).filter(|_| action.starts_with("sts:")) {
            request.set(key, [value]);
        }
    }
    let boundary = match action {
        "iam:CreateUser" | "iam:PutUserPermissionsBoundary" | "iam:CreateRole" | "iam:PutRolePermissionsBoundary" => {
            params.get("PermissionsBoundary")
        }
        "iam:AttachRolePolicy"
        | "iam:DetachRolePolicy"
        | "iam:PutRolePolicy"
        | "iam:DeleteRolePolicy"
        | "iam:DeleteRolePermissionsBoundary" => role.and_then(|role| role.boundary.as_deref()),
        "iam:AttachUserPolicy"
        | "iam:DetachUserPolicy"
        | "iam:PutUserPolicy"
        | "iam:DeleteUserPolicy"
        | "iam:DeleteUserPermissionsBoundary" => target.and_then(|user| user.boundary.as_deref()),
        _ => None,
    };
    if let Some(arn) = boundary {
        request.set("iam:PermissionsBoundary", [arn]);
    }
    let attaches = [
        "iam:AttachUserPolicy",
        "iam:DetachUserPolicy",
        "iam:AttachGroupPolicy",
        "iam:DetachGroupPolicy",
        "iam:AttachRolePolicy",
        "iam:DetachRolePolicy",
    ];
    if let Some(arn) = params.get("PolicyArn").filter(|_| attaches.contains(&action)) {
        request.set("iam:PolicyARN", [arn]);
    }
    if let Some(service) = params.get("ServiceName").filter(|_| action == "iam:CreateServiceSpecificCredential") {
        request.set("iam:ServiceSpecificCredentialServiceName", [service]);
    }
}

fn set_tags(request: &mut Request, prefix: &str, tags: &[Tag]) {
    for tag in tags {
        request.set(&format!("{prefix}{}", tag.key), [tag.value.as_str()]);
    }
}
