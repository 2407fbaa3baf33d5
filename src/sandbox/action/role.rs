//! Roles: who may assume them, for how long, and within which boundary.

use super::super::error::Refusal;
use super::super::params::Params;
use super::super::state::{Role, State};
use super::super::xml::{Xml, date};
use super::super::{trust, validate};
use super::{Context, Page, unique_id};
use crate::text::percent::encode;

/// Roles in the account (IAM quotas).
const ROLES_MAX: usize = 1000;

/// CreateRole.
pub(super) fn create(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let name = validate::name(params, "RoleName", 64)?;
    let boundary = params.get("PermissionsBoundary");
    if let Some(arn) = boundary {
        state.attachable(arn)?;
    }
    let document = params.need("AssumeRolePolicyDocument")?;
    let role = Role {
        name: name.to_owned(),
        path: validate::path(params)?,
        id: unique_id("AROA", 17)?,
        created: context.now,
        description: params.get("Description").map(str::to_owned),
        tags: validate::tags(params)?,
        trusted: trust::check(state, document)?,
        trust: document.to_owned(),
        max_session_seconds: max_session(params)?.unwrap_or(3600),
        boundary: boundary.map(str::to_owned),
        ..Role::default()
    };
    if state.roles.contains_key(&name.to_lowercase()) {
        return Err(Refusal::already_exists(format!("Role with name {name} already exists.")));
    }
    if state.roles.len() >= ROLES_MAX {
        return Err(Refusal::quota("RolesPerAccount", ROLES_MAX));
    }
    let mut xml = Xml::default();
    xml.element("Role", |xml| write(xml, &role, With::All));
    state.put_role(name, Some(role));
    Ok(xml)
}

/// GetRole.
pub(super) fn get(state: &mut State, _context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let role = state.role(validate::name(params, "RoleName", 64)?)?;
    let mut xml = Xml::default();
    xml.element("Role", |xml| write(xml, role, With::All));
    Ok(xml)
}

/// ListRoles.
pub(super) fn list(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let prefix = params.get("PathPrefix").unwrap_or("/");
    let roles = state.roles.iter().filter(|(_, role)| role.path.starts_with(prefix));
    let page = Page::cut(roles, |(key, _)| key.as_str(), context, params)?;
    Ok(page.write("Roles", |xml, (_, role)| write(xml, role, With::Little)))
}

/// UpdateRole: what it is for, and the longest session.
pub(super) fn update(state: &mut State, _context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let max_session = max_session(params)?;
    let role = state.role_mut(validate::name(params, "RoleName", 64)?)?;
    if let Some(description) = params.get("Description") {
        role.description = Some(description.to_owned());
    }
    role.max_session_seconds = max_session.unwrap_or(role.max_session_seconds);
    Ok(Xml::default())
}

/// UpdateAssumeRolePolicy.
pub(super) fn update_trust(state: &mut State, _context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let name = validate::name(params, "RoleName", 64)?;
    state.role(name)?;
    let document = params.need("PolicyDocument")?;
    let trusted = trust::check(state, document)?;
    let role = state.role_mut(name)?;
    role.trust = document.to_owned();
    role.trusted = trusted;
    Ok(Xml::default())
}

/// DeleteRole.
pub(super) fn delete(state: &mut State, _context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let name = validate::name(params, "RoleName", 64)?;
    let role = state.role(name)?;
    if !role.attached.is_empty() {
        return Err(Refusal::conflict("Cannot delete entity, must detach all policies first."));
    }
    if !role.inline.is_empty() {
        return Err(Refusal::conflict("Cannot delete entity, must delete policies first."));
    }
    state.put_role(name, None);
    Ok(Xml::default())
}

/// PutRolePermissionsBoundary.
pub(super) fn put_boundary(state: &mut State, _context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let arn = params.need("PermissionsBoundary")?;
    state.attachable(arn)?;
    state.role_mut(validate::name(params, "RoleName", 64)?)?.boundary = Some(arn.to_owned());
    Ok(Xml::default())
}

/// DeleteRolePermissionsBoundary.
pub(super) fn delete_boundary(state: &mut State, _context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let name = validate::name(params, "RoleName", 64)?;
    if state.role_mut(name)?.boundary.take().is_none() {
        return Err(Refusal::no_such_entity(format!(
            "The role with name {name} does not have a permissions boundary."
        )));
    }
    Ok(Xml::default())
}

/// `MaxSessionDuration`: from one hour to twelve.
fn max_session(params: &Params) -> Result<Option<i64>, Refusal> {
    let Some(text) = params.get("MaxSessionDuration") else { return Ok(None) };
    let constraint = |limit: &str| Refusal::constraint("maxSessionDuration", text, limit);
    match text.parse::<i64>() {
        Ok(seconds) if seconds > 43_200 => Err(constraint("Member must have value less than or equal to 43200")),
        Ok(seconds) if seconds >= 3600 => Ok(Some(seconds)),
        _ => Err(constraint("Member must have value greater than or equal to 3600")),
    }
}

/// How much of a role is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum With {
    All,
    /// ListRoles leaves out tags and boundary.
    Little,
}

fn write(xml: &mut Xml, role: &Role, with: With) {
    xml.text("Path", &role.path).text("RoleName", &role.name).text("RoleId", &role.id);
    xml.text("Arn", &role.arn()).text("CreateDate", &date(role.created));
    xml.text("AssumeRolePolicyDocument", &encode(&role.trust)).maybe("Description", role.description.as_deref());
    xml.text("MaxSessionDuration", &role.max_session_seconds.to_string());
    if with == With::Little {
        return;
    }
    if let Some(arn) = &role.boundary {
        xml.element("PermissionsBoundary", |xml| {
            xml.text("PermissionsBoundaryType", "Policy").text("PermissionsBoundaryArn", arn);
        });
    }
    if !role.tags.is_empty() {
        xml.list("Tags", &role.tags, |xml, tag| {
            xml.text("Key", &tag.key).text("Value", &tag.value);
        });
    }
}
