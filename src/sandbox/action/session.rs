//! AssumeRole: keys that work until they expire. Who may assume a role is asked before, in `authorize.rs`.
//!
//! # Source
//! API reference of AWS STS, AssumeRole; IAM User Guide, "IAM and AWS STS quotas", "Pass session tags in AWS STS".

use super::super::document;
use super::super::error::Refusal;
use super::super::identity::Caller;
use super::super::params::Params;
use super::super::state::{Session, State, Tag};
use super::super::validate;
use super::super::xml::{Xml, date};
use super::{Context, random, unique_id};

/// Characters of session policies in the call.
const POLICY_CHARS_MAX: usize = 2048;
/// Managed session policies in a call.
const POLICY_ARNS_MAX: usize = 10;
/// The longest session of any role, in seconds.
const SECONDS_MAX: i64 = 43_200;
/// The longest session that a session may open, in seconds.
const CHAINED_SECONDS_MAX: i64 = 3600;
/// What session policies and tags may pack to. How AWS packs them is not documented, and neither is the limit: here
/// each character counts once.
const PACKED_MAX: usize = 4096;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// AssumeRole.
pub(super) fn assume_role(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let arn = params.need("RoleArn")?;
    let name = session_name(params)?;
    external_id(params)?;
    for unknown in ["SerialNumber", "TokenCode", "SourceIdentity", "TransitiveTagKeys.member.1"] {
        if params.get(unknown).is_some() {
            let text = format!("the Leasehold sandbox does not simulate {unknown} of AssumeRole");
            return Err(Refusal::service_failure(text));
        }
    }
    let (policy, policy_arns) = session_policies(state, params)?;
    let tags = validate::tags(params)?;
    let percent = packed_percent(policy, &policy_arns, &tags);
    if percent > 100 {
        return Err(Refusal::packed(percent));
    }
    let role = state.role(arn.rsplit('/').next().unwrap_or(arn))?;
    let seconds = seconds(params, role.max_session_seconds, &context.caller)?;
    let session = Session {
        role: role.name.clone(),
        role_id: role.id.clone(),
        name: name.to_owned(),
        tags,
        policy: policy.map(str::to_owned),
        policy_arns: policy_arns.into_iter().map(str::to_owned).collect(),
        ..fresh(context, seconds)?
    };
    let mut xml = credentials(&session);
    xml.element("AssumedRoleUser", |xml| {
        xml.text("AssumedRoleId", &session.user_id()).text("Arn", &session.arn());
    });
    if percent > 0 {
        xml.text("PackedPolicySize", &percent.to_string());
    }
    state.add_session(session, context.now);
    Ok(xml)
}

/// A session with keys of its own, of nobody yet.
pub(super) fn fresh(context: &Context, seconds: i64) -> Result<Session, Refusal> {
    Ok(Session {
        key_id: unique_id("ASIA", 16)?,
        secret: random("", 40, ALPHABET)?,
        token: random("", 356, ALPHABET)?,
        issued: context.now,
        expires: context.now.saturating_add(seconds * 1000),
        ..Session::default()
    })
}

/// The keys of a session, as answers have them.
pub(super) fn credentials(session: &Session) -> Xml {
    let mut xml = Xml::default();
    xml.element("Credentials", |xml| {
        xml.text("AccessKeyId", &session.key_id).text("SecretAccessKey", &session.secret);
        xml.text("SessionToken", &session.token).text("Expiration", &date(session.expires));
    });
    xml
}

fn session_name(params: &Params) -> Result<&str, Refusal> {
    let name = params.need("RoleSessionName")?;
    pattern("roleSessionName", name, (2, 64), "_+=,.@-", "[\\w+=,.@-]*")?;
    Ok(name)
}

fn external_id(params: &Params) -> Result<(), Refusal> {
    let Some(id) = params.get("ExternalId") else { return Ok(()) };
    pattern("externalId", id, (2, 1224), "_+=,.@:/-", "[\\w+=,.@:\\/-]*")
}

pub(super) fn pattern(
    parameter: &str,
    value: &str,
    sizes: (usize, usize),
    marks: &str,
    shown: &str,
) -> Result<(), Refusal> {
    let (min, max) = sizes;
    let constraint = |text: String| Err(Refusal::constraint(parameter, value, &text));
    match value.chars().count() {
        length if length < min => constraint(format!("Member must have length greater than or equal to {min}")),
        length if length > max => constraint(format!("Member must have length less than or equal to {max}")),
        _ if !value.chars().all(|c| c.is_ascii_alphanumeric() || marks.contains(c)) => {
            constraint(format!("Member must satisfy regular expression pattern: {shown}"))
        }
        _ => Ok(()),
    }
}

/// The inline session policy and the ARNs of managed ones.
pub(super) fn session_policies<'a>(
    state: &State,
    params: &'a Params,
) -> Result<(Option<&'a str>, Vec<&'a str>), Refusal> {
    let policy = params.get("Policy");
    if let Some(policy) = policy {
        if policy.chars().count() > POLICY_CHARS_MAX {
            let constraint = format!("Member must have length less than or equal to {POLICY_CHARS_MAX}");
            return Err(Refusal::constraint("policy", "...", &constraint));
        }
        document::check(policy)?;
    }
    let arns = params.members("PolicyArns", Some("arn"));
    if arns.len() > POLICY_ARNS_MAX {
        let constraint = format!("Member must have length less than or equal to {POLICY_ARNS_MAX}");
        return Err(Refusal::constraint("policyArns", "...", &constraint));
    }
    for arn in &arns {
        state.attachable(arn)?;
    }
    Ok((policy, arns))
}

/// `DurationSeconds`: from 15 minutes to what the role allows, and an hour where a session opens another.
fn seconds(params: &Params, role_max: i64, caller: &Caller) -> Result<i64, Refusal> {
    let Some(text) = params.get("DurationSeconds") else { return Ok(3600) };
    let constraint = |limit: &str| Refusal::constraint("durationSeconds", text, limit);
    match text.parse::<i64>() {
        Ok(seconds) if seconds > SECONDS_MAX => {
            Err(constraint(&format!("Member must have value less than or equal to {SECONDS_MAX}")))
        }
        Ok(seconds) if seconds >= 900 => match caller {
            Caller::Session(_) if seconds > CHAINED_SECONDS_MAX => Err(Refusal::validation(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
            )),
            _ if seconds > role_max => Err(Refusal::validation(
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            )),
            _ => Ok(seconds),
        },
        _ => Err(constraint("Member must have value greater than or equal to 900")),
    }
}

/// How much of the space for session policies and tags is used; above 100 it is too much.
pub(super) fn packed_percent(policy: Option<&str>, arns: &[&str], tags: &[Tag]) -> usize {
    let tags: usize = tags.iter().map(|tag| tag.key.chars().count() + tag.value.chars().count()).sum();
    let arns: usize = arns.iter().map(|arn| arn.len()).sum();
    let used = policy.map_or(0, |policy| policy.chars().count()) + arns + tags;
    (used * 100).div_ceil(PACKED_MAX)
}
