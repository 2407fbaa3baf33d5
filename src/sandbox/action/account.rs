//! The account as a whole, and who is asking.

use super::super::error::Refusal;
use super::super::identity::{ACCOUNT_ID, Caller};
use super::super::params::Params;
use super::super::state::{Of, State, User};
use super::super::xml::Xml;
use super::Context;

/// GetCallerIdentity: no policy can deny it.
pub(super) fn caller_identity(state: &mut State, context: &Context, _params: &Params) -> Result<Xml, Refusal> {
    let (arn, id) = match &context.caller {
        Caller::Root => (format!("arn:aws:iam::{ACCOUNT_ID}:root"), ACCOUNT_ID.to_owned()),
        Caller::User(name) => {
            let user = state.user(name)?;
            (user.arn(), user.id.clone())
        }
        Caller::Session(key_id) => {
            let session = state.session(key_id).ok_or_else(Refusal::unknown_key)?;
            let user = state.user_of(session).filter(|_| session.of == Of::User);
            (user.map_or_else(|| session.arn(), User::arn), session.user_id())
        }
    };
    let mut xml = Xml::default();
    xml.text("Arn", &arn).text("UserId", &id).text("Account", ACCOUNT_ID);
    Ok(xml)
}

/// GetAccountSummary: what is there and the quotas that are kept.
pub(super) fn summary(state: &mut State, _context: &Context, _params: &Params) -> Result<Xml, Refusal> {
    let rows = [
        ("Users", state.users.len()),
        ("Groups", state.groups.len()),
        ("Roles", state.roles.len()),
        ("Policies", state.policies.len()),
        ("MFADevices", state.mfa_devices.len()),
        ("MFADevicesInUse", state.mfa_devices.values().filter(|device| device.user.is_some()).count()),
        ("AccessKeysPerUserQuota", 2),
        ("AttachedPoliciesPerUserQuota", 10),
        ("AttachedPoliciesPerGroupQuota", 10),
        ("AttachedPoliciesPerRoleQuota", 10),
        ("GroupsPerUserQuota", 10),
        ("GroupsQuota", 300),
        ("UserPolicySizeQuota", 2048),
        ("GroupPolicySizeQuota", 5120),
        ("RolePolicySizeQuota", 10_240),
        ("RolesQuota", 1000),
        ("PolicySizeQuota", 6144),
        ("VersionsPerPolicyQuota", 5),
        ("AccountMFAEnabled", 0),
        ("AccountAccessKeysPresent", 1),
    ];
    let mut xml = Xml::default();
    xml.element("SummaryMap", |xml| {
        for (key, value) in rows {
            xml.element("entry", |xml| {
                xml.text("key", key).text("value", &value.to_string());
            });
        }
    });
    Ok(xml)
}

/// ListAccountAliases: one, that says what this is.
pub(super) fn aliases(_state: &mut State, _context: &Context, _params: &Params) -> Result<Xml, Refusal> {
    let mut xml = Xml::default();
    xml.text("IsTruncated", "false");
    xml.list("AccountAliases", ["leasehold-sandbox"], |xml, alias| xml.escaped(alias));
    Ok(xml)
}
