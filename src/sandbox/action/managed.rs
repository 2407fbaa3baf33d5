//! The account's own managed policies. AWS's are accepted wherever an ARN is, but are not listed.

use super::super::document;
use super::super::error::Refusal;
use super::super::identity::ACCOUNT_ID;
use super::super::params::Params;
use super::super::state::{Policy, PolicyVersion, State, is_aws_managed};
use super::super::validate;
use super::super::xml::{Xml, date};
use super::{Context, Page, unique_id};
use crate::text::percent::encode;

/// Characters without white space in one managed policy (IAM quotas).
const POLICY_SIZE_MAX: usize = 6144;
/// Versions of one managed policy (IAM quotas).
const VERSIONS_MAX: usize = 5;

/// CreatePolicy.
pub(super) fn create(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let name = validate::name(params, "PolicyName", 128)?;
    let document = checked_document(params)?;
    let policy = Policy {
        name: name.to_owned(),
        path: validate::path(params)?,
        id: unique_id("ANPA", 17)?,
        description: params.get("Description").map(str::to_owned),
        created: context.now,
        versions: vec![PolicyVersion { number: 1, document, created: context.now }],
        default_version: 1,
        next_version: 2,
    };
    if state.policies.values().any(|other| other.name.eq_ignore_ascii_case(name)) {
        return Err(Refusal::already_exists(format!(
            "A policy called {name} already exists. Duplicate names are not allowed."
        )));
    }
    let arn = policy.arn();
    let mut xml = Xml::default();
    xml.element("Policy", |xml| write(xml, &policy, 0));
    state.put_policy(&arn, Some(policy));
    Ok(xml)
}

/// GetPolicy. One of AWS's is answered with little more than its name.
pub(super) fn get(state: &mut State, _context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let arn = params.need("PolicyArn")?;
    let mut xml = Xml::default();
    if is_aws_managed(arn) && !state.policies.contains_key(arn) {
        xml.element("Policy", |xml| {
            xml.text("PolicyName", arn.rsplit('/').next().unwrap_or(arn)).text("Arn", arn).text("Path", "/");
            xml.text("DefaultVersionId", "v1").text("IsAttachable", "true");
            xml.text("AttachmentCount", &state.attachment_count(arn).to_string());
        });
        return Ok(xml);
    }
    let policy = find(state, arn)?;
    xml.element("Policy", |xml| write(xml, policy, state.attachment_count(arn)));
    Ok(xml)
}

/// ListPolicies: the account's own, also for `Scope=All`; none for `Scope=AWS`.
pub(super) fn list(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let prefix = params.get("PathPrefix").unwrap_or("/");
    let none = params.get("Scope") == Some("AWS");
    let only_attached = params.get("OnlyAttached") == Some("true");
    let policies = state.policies.iter().filter(|(arn, policy)| {
        !none && policy.path.starts_with(prefix) && (!only_attached || state.attachment_count(arn) > 0)
    });
    let page = Page::cut(policies, |(arn, _)| arn.as_str(), context, params)?;
    Ok(page.write("Policies", |xml, (arn, policy)| write(xml, policy, state.attachment_count(arn))))
}

/// DeletePolicy.
pub(super) fn delete(state: &mut State, _context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let arn = params.need("PolicyArn")?;
    let policy = find(state, arn)?;
    let bounds = |boundary: &Option<String>| boundary.as_deref() == Some(arn);
    let bounds = state.users.values().any(|user| bounds(&user.boundary))
        || state.roles.values().any(|role| bounds(&role.boundary));
    if state.attachment_count(arn) > 0 || bounds {
        return Err(Refusal::conflict("Cannot delete a policy attached to entities."));
    }
    if policy.versions.len() > 1 {
        return Err(Refusal::conflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
        ));
    }
    state.put_policy(arn, None);
    Ok(Xml::default())
}

/// CreatePolicyVersion.
pub(super) fn create_version(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let arn = params.need("PolicyArn")?;
    let document = checked_document(params)?;
    let mut policy = find(state, arn)?.clone();
    if policy.versions.len() >= VERSIONS_MAX {
        return Err(Refusal::limit(format!(
            "A managed policy can have up to {VERSIONS_MAX} versions. Before you create a new version, you must delete an existing version."
        )));
    }
    let version = PolicyVersion { number: policy.next_version, document, created: context.now };
    policy.next_version += 1;
    if params.get("SetAsDefault") == Some("true") {
        policy.default_version = version.number;
    }
    let mut xml = Xml::default();
    xml.element("PolicyVersion", |xml| write_version(xml, &version, policy.default_version));
    policy.versions.push(version);
    state.put_policy(arn, Some(policy));
    Ok(xml)
}

/// GetPolicyVersion.
pub(super) fn get_version(state: &mut State, _context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let policy = find(state, params.need("PolicyArn")?)?;
    let version = find_version(policy, params)?;
    let mut xml = Xml::default();
    xml.element("PolicyVersion", |xml| {
        write_version(xml, version, policy.default_version);
        xml.text("Document", &encode(&version.document));
    });
    Ok(xml)
}

/// ListPolicyVersions.
pub(super) fn list_versions(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let policy = find(state, params.need("PolicyArn")?)?;
    // Five at most, with numbers that may have several digits: keys that sort as numbers do.
    let versions: Vec<_> = policy.versions.iter().map(|version| (format!("{:010}", version.number), version)).collect();
    let page = Page::cut(versions, |(key, _)| key.as_str(), context, params)?;
    Ok(page.write("Versions", |xml, (_, version)| write_version(xml, version, policy.default_version)))
}

/// SetDefaultPolicyVersion.
pub(super) fn set_default_version(state: &mut State, _context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let arn = params.need("PolicyArn")?;
    let mut policy = find(state, arn)?.clone();
    policy.default_version = find_version(&policy, params)?.number;
    state.put_policy(arn, Some(policy));
    Ok(Xml::default())
}

/// DeletePolicyVersion.
pub(super) fn delete_version(state: &mut State, _context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let arn = params.need("PolicyArn")?;
    let mut policy = find(state, arn)?.clone();
    let number = find_version(&policy, params)?.number;
    if number == policy.default_version {
        return Err(Refusal::conflict("Cannot delete the default version of a policy."));
    }
    policy.versions.retain(|version| version.number != number);
    state.put_policy(arn, Some(policy));
    Ok(Xml::default())
}

fn checked_document(params: &Params) -> Result<String, Refusal> {
    let text = params.need("PolicyDocument")?;
    document::check(text)?;
    if document::size(text) > POLICY_SIZE_MAX {
        return Err(Refusal::limit(format!("Cannot exceed quota for PolicySize: {POLICY_SIZE_MAX}")));
    }
    Ok(text.to_owned())
}

fn find<'a>(state: &'a State, arn: &str) -> Result<&'a Policy, Refusal> {
    if is_aws_managed(arn) {
        return Err(Refusal::no_such_entity(format!("The Leasehold sandbox does not hold AWS's own policy {arn}.")));
    }
    let own = arn.strip_prefix("arn:aws:iam::").is_some_and(|rest| rest.starts_with(ACCOUNT_ID));
    let policy = state.policies.get(arn).filter(|_| own);
    policy.ok_or_else(|| Refusal::no_such_entity(format!("Policy {arn} was not found.")))
}

fn find_version<'a>(policy: &'a Policy, params: &Params) -> Result<&'a PolicyVersion, Refusal> {
    let id = params.need("VersionId")?;
    let number = id.strip_prefix('v').and_then(|number| number.parse::<u32>().ok());
    let version = policy.versions.iter().find(|version| Some(version.number) == number);
    version.ok_or_else(|| {
        Refusal::no_such_entity(format!("Policy {} version {id} does not exist or is not attachable.", policy.arn()))
    })
}

fn write(xml: &mut Xml, policy: &Policy, attachments: usize) {
    xml.text("PolicyName", &policy.name).text("PolicyId", &policy.id).text("Arn", &policy.arn());
    xml.text("Path", &policy.path).text("DefaultVersionId", &format!("v{}", policy.default_version));
    xml.text("AttachmentCount", &attachments.to_string()).text("IsAttachable", "true");
    xml.maybe("Description", policy.description.as_deref());
    xml.text("CreateDate", &date(policy.created));
    let updated = policy.versions.iter().map(|version| version.created).max().unwrap_or(policy.created);
    xml.text("UpdateDate", &date(updated));
}

fn write_version(xml: &mut Xml, version: &PolicyVersion, default: u32) {
    xml.text("VersionId", &format!("v{}", version.number));
    xml.text("IsDefaultVersion", if version.number == default { "true" } else { "false" });
    xml.text("CreateDate", &date(version.created));
}
