//! GetFederationToken and GetSessionToken: keys of the calling user that work until they expire, the first within
//! policies that go with them. Codes of second factors are not checked, but that they are codes of a device of the user.
//!
//! # Source
//! API reference of AWS STS, GetFederationToken, GetSessionToken.

use super::super::error::Refusal;
use super::super::identity::{ACCOUNT_ID, Caller};
use super::super::params::Params;
use super::super::state::{Of, Session, State, User};
use super::super::xml::Xml;
use super::Context;
use super::session::{credentials, fresh, packed_percent, pattern, session_policies};

/// The longest session of a user, in seconds.
const SECONDS_MAX: i64 = 129_600;
/// How long one lasts where the call does not say.
const SECONDS: i64 = 43_200;

/// GetFederationToken.
pub(super) fn federation_token(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let name = params.need("Name")?;
    pattern("name", name, (2, 32), "_+=,.@-", "[\\w+=,.@-]*")?;
    if params.get("Tags.member.1.Key").is_some() {
        let text = "the Leasehold sandbox does not simulate Tags of GetFederationToken";
        return Err(Refusal::service_failure(text.to_owned()));
    }
    let (policy, policy_arns) = session_policies(state, params)?;
    let percent = packed_percent(policy, &policy_arns, &[]);
    if percent > 100 {
        return Err(Refusal::packed(percent));
    }
    let user = caller(state, context, "GetFederationToken")?;
    let session = Session {
        of: Of::FederatedUser,
        role: user.name.clone(),
        role_id: user.id.clone(),
        name: name.to_owned(),
        policy: policy.map(str::to_owned),
        policy_arns: policy_arns.into_iter().map(str::to_owned).collect(),
        ..fresh(context, seconds(params)?)?
    };
    let mut xml = credentials(&session);
    xml.element("FederatedUser", |xml| {
        xml.text("FederatedUserId", &session.user_id()).text("Arn", &session.arn());
    });
    if percent > 0 {
        xml.text("PackedPolicySize", &percent.to_string());
    }
    state.add_session(session, context.now);
    Ok(xml)
}

/// GetSessionToken.
pub(super) fn session_token(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let user = caller(state, context, "GetSessionToken")?;
    let mfa = match (params.get("SerialNumber"), params.get("TokenCode")) {
        (None, None) => false,
        (Some(serial), Some(code)) => {
            let is_code = code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit());
            if !user.mfa.contains_key(serial) || !is_code {
                return Err(Refusal::denied("MultiFactorAuthentication failed with invalid MFA one time pass code. "));
            }
            true
        }
        (Some(_), None) | (None, Some(_)) => {
            return Err(Refusal::validation("Both SerialNumber and TokenCode are needed for a second factor."));
        }
    };
    let (role, role_id) = (user.name.clone(), user.id.clone());
    let session = Session { of: Of::User, role, role_id, mfa, ..fresh(context, seconds(params)?)? };
    let xml = credentials(&session);
    state.add_session(session, context.now);
    Ok(xml)
}

/// The user that calls: neither a session nor, in this simulation, the account itself.
fn caller<'s>(state: &'s State, context: &Context, action: &str) -> Result<&'s User, Refusal> {
    match &context.caller {
        Caller::User(name) => state.user(name),
        Caller::Session(_) => Err(Refusal::denied(format!("Cannot call {action} with session credentials"))),
        Caller::Root => Err(Refusal::service_failure(format!(
            "the Leasehold sandbox does not simulate {action} of the root of account {ACCOUNT_ID}"
        ))),
    }
}

/// `DurationSeconds`: from 15 minutes to 36 hours.
fn seconds(params: &Params) -> Result<i64, Refusal> {
    let Some(text) = params.get("DurationSeconds") else { return Ok(SECONDS) };
    match text.parse::<i64>() {
        Ok(seconds) if (900..=SECONDS_MAX).contains(&seconds) => Ok(seconds),
        Ok(seconds) if seconds > SECONDS_MAX => {
            let limit = format!("Member must have value less than or equal to {SECONDS_MAX}");
            Err(Refusal::constraint("durationSeconds", text, &limit))
        }
        _ => Err(Refusal::constraint("durationSeconds", text, "Member must have value greater than or equal to 900")),
    }
}
