//! The actions of IAM and STS that are simulated: parameters in, a changed [`State`] and XML out.

mod account;
mod credential;
mod group;
mod key;
mod managed;
mod mfa;
mod policy;
mod role;
mod session;
mod user;
mod user_session;

use super::error::Refusal;
use super::identity::Caller;
use super::params::Params;
use super::state::State;
use super::xml::Xml;

/// What an action may know besides its parameters.
#[derive(Clone, Debug)]
pub(super) struct Context {
    /// Milliseconds since the epoch.
    pub(super) now: i64,
    /// Who calls.
    pub(super) caller: Caller,
    /// No page is longer than this, whatever was asked.
    pub(super) page_max: usize,
    /// Users are not found by reads and deletions before they are this old, in milliseconds.
    pub(super) visible_after: i64,
}

/// An action: answers the XML inside its result element.
pub(super) type Handler = fn(&mut State, &Context, &Params) -> Result<Xml, Refusal>;

/// The action of a name in a service.
pub(super) fn find(service: &str, name: &str) -> Option<Handler> {
    match service {
        "sts" => match name {
            "GetCallerIdentity" => Some(account::caller_identity),
            "AssumeRole" => Some(session::assume_role),
            "GetFederationToken" => Some(user_session::federation_token),
            "GetSessionToken" => Some(user_session::session_token),
            _ => None,
        },
        "iam" => iam(name),
        _ => None,
    }
}

fn iam(name: &str) -> Option<Handler> {
    Some(match name {
        "CreateUser" => user::create,
        "GetUser" => user::get,
        "ListUsers" => user::list,
        "UpdateUser" => user::update,
        "DeleteUser" => user::delete,
        "TagUser" => user::tag,
        "UntagUser" => user::untag,
        "ListUserTags" => user::list_tags,
        "PutUserPermissionsBoundary" => user::put_boundary,
        "DeleteUserPermissionsBoundary" => user::delete_boundary,
        "CreateAccessKey" => key::create,
        "ListAccessKeys" => key::list,
        "UpdateAccessKey" => key::update,
        "DeleteAccessKey" => key::delete,
        "GetAccessKeyLastUsed" => key::last_used,
        "PutUserPolicy" => policy::put_user,
        "GetUserPolicy" => policy::get_user,
        "ListUserPolicies" => policy::list_user,
        "DeleteUserPolicy" => policy::delete_user,
        "PutGroupPolicy" => policy::put_group,
        "GetGroupPolicy" => policy::get_group,
        "ListGroupPolicies" => policy::list_group,
        "DeleteGroupPolicy" => policy::delete_group,
        "AttachUserPolicy" => policy::attach_user,
        "DetachUserPolicy" => policy::detach_user,
        "ListAttachedUserPolicies" => policy::list_attached_user,
        "AttachGroupPolicy" => policy::attach_group,
        "DetachGroupPolicy" => policy::detach_group,
        "ListAttachedGroupPolicies" => policy::list_attached_group,
        "CreatePolicy" => managed::create,
        "GetPolicy" => managed::get,
        "ListPolicies" => managed::list,
        "DeletePolicy" => managed::delete,
        "CreatePolicyVersion" => managed::create_version,
        "GetPolicyVersion" => managed::get_version,
        "ListPolicyVersions" => managed::list_versions,
        "SetDefaultPolicyVersion" => managed::set_default_version,
        "DeletePolicyVersion" => managed::delete_version,
        "CreateGroup" => group::create,
        "GetGroup" => group::get,
        "ListGroups" => group::list,
        "DeleteGroup" => group::delete,
        "AddUserToGroup" => group::add_user,
        "RemoveUserFromGroup" => group::remove_user,
        "ListGroupsForUser" => group::list_for_user,
        "CreateRole" => role::create,
        "GetRole" => role::get,
        "ListRoles" => role::list,
        "UpdateRole" => role::update,
        "UpdateAssumeRolePolicy" => role::update_trust,
        "DeleteRole" => role::delete,
        "PutRolePermissionsBoundary" => role::put_boundary,
        "DeleteRolePermissionsBoundary" => role::delete_boundary,
        "PutRolePolicy" => policy::put_role,
        "GetRolePolicy" => policy::get_role,
        "ListRolePolicies" => policy::list_role,
        "DeleteRolePolicy" => policy::delete_role,
        "AttachRolePolicy" => policy::attach_role,
        "DetachRolePolicy" => policy::detach_role,
        "ListAttachedRolePolicies" => policy::list_attached_role,
        "CreateLoginProfile" => credential::create_login_profile,
        "GetLoginProfile" => credential::get_login_profile,
        "UpdateLoginProfile" => credential::update_login_profile,
        "DeleteLoginProfile" => credential::delete_login_profile,
        "UploadSSHPublicKey" => credential::upload_ssh_key,
        "ListSSHPublicKeys" => credential::list_ssh_keys,
        "DeleteSSHPublicKey" => credential::delete_ssh_key,
        "UploadSigningCertificate" => credential::upload_certificate,
        "ListSigningCertificates" => credential::list_certificates,
        "DeleteSigningCertificate" => credential::delete_certificate,
        "CreateServiceSpecificCredential" => credential::create_service_credential,
        "ListServiceSpecificCredentials" => credential::list_service_credentials,
        "DeleteServiceSpecificCredential" => credential::delete_service_credential,
        "CreateVirtualMFADevice" => mfa::create,
        "EnableMFADevice" => mfa::enable,
        "DeactivateMFADevice" => mfa::deactivate,
        "ListMFADevices" => mfa::list,
        "ListVirtualMFADevices" => mfa::list_virtual,
        "DeleteVirtualMFADevice" => mfa::delete,
        "GetAccountSummary" => account::summary,
        "ListAccountAliases" => account::aliases,
        _ => return None,
    })
}

/// The user that a request is about: `UserName`, or the caller where the API allows to leave it out.
fn user_name(context: &Context, params: &Params) -> Result<String, Refusal> {
    match (params.get("UserName"), &context.caller) {
        (Some(name), _) => {
            super::validate::check_name("UserName", name, 128)?;
            Ok(name.to_owned())
        }
        (None, Caller::User(name)) => Ok(name.clone()),
        (None, Caller::Root | Caller::Session(_)) => {
            Err(Refusal::validation("Must specify userName when calling with non-User credentials"))
        }
    }
}

/// A page of a list: at most `MaxItems` (1 to 1000, 100 if not given) of what follows `Marker`.
struct Page<T> {
    items: Vec<T>,
    next_marker: Option<String>,
}

impl<T> Page<T> {
    /// Cuts a page out of `items`, which are in the order of the keys that `key` gives.
    fn cut(
        items: impl IntoIterator<Item = T>,
        key: impl Fn(&T) -> &str,
        context: &Context,
        params: &Params,
    ) -> Result<Self, Refusal> {
        let bad_size = || Refusal::constraint("maxItems", params.get("MaxItems").unwrap_or(""), "1 to 1000");
        let asked = params.get("MaxItems").map_or(Ok(100), |text| text.parse::<usize>().map_err(|_| bad_size()))?;
        if !(1..=1000).contains(&asked) {
            return Err(bad_size());
        }
        let size = asked.min(context.page_max).max(1);
        let after = params.get("Marker").map(|marker| {
            let key = marker.strip_prefix(MARKER_PREFIX).ok_or_else(|| Refusal::validation("Invalid Marker."));
            key.map(str::to_owned)
        });
        let after = after.transpose()?;
        let mut left = items.into_iter().filter(|item| after.as_deref().is_none_or(|after| key(item) > after));
        let items: Vec<T> = left.by_ref().take(size).collect();
        let more = left.next().is_some();
        let last = items.last().filter(|_| more);
        let next_marker = last.map(|last| format!("{MARKER_PREFIX}{}", key(last)));
        Ok(Self { items, next_marker })
    }

    /// Writes `IsTruncated`, `Marker` and the list.
    fn write(self, tag: &str, member: impl FnMut(&mut Xml, T)) -> Xml {
        let mut xml = Xml::default();
        xml.text("IsTruncated", if self.next_marker.is_some() { "true" } else { "false" });
        xml.maybe("Marker", self.next_marker.as_deref());
        xml.list(tag, self.items, member);
        xml
    }
}

/// Makes a marker look like what it is: nothing to be made up by the client.
const MARKER_PREFIX: &str = "sandbox:";

/// `prefix` and `length` random characters of those that AWS's identifiers are made of.
pub(super) fn unique_id(prefix: &str, length: usize) -> Result<String, Refusal> {
    random(prefix, length, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
}

/// `prefix` and `length` random characters of `alphabet`, which has 32 or 64.
fn random(prefix: &str, length: usize, alphabet: &[u8]) -> Result<String, Refusal> {
    let mut bytes = vec![0; length];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Refusal::service_failure("the random generator failed"))?;
    let chars = bytes.iter().map(|&byte| char::from(alphabet[usize::from(byte) % alphabet.len()]));
    Ok(prefix.chars().chain(chars).collect())
}
