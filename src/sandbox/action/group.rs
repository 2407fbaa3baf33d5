//! Groups and who is in them.

use super::super::error::Refusal;
use super::super::params::Params;
use super::super::state::{Group, State};
use super::super::validate;
use super::super::xml::{Xml, date};
use super::user::{With, visible};
use super::{Context, Page, unique_id, user_name};

/// Groups of one user, and groups in the account (IAM quotas).
const GROUPS_PER_USER_MAX: usize = 10;
const GROUPS_MAX: usize = 300;

/// CreateGroup.
pub(super) fn create(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let name = validate::name(params, "GroupName", 128)?;
    if state.groups.contains_key(&name.to_lowercase()) {
        return Err(Refusal::already_exists(format!("Group with name {name} already exists.")));
    }
    if state.groups.len() >= GROUPS_MAX {
        return Err(Refusal::quota("GroupsPerAccount", GROUPS_MAX));
    }
    let group = Group {
        name: name.to_owned(),
        path: validate::path(params)?,
        id: unique_id("AGPA", 17)?,
        created: context.now,
        ..Group::default()
    };
    let mut xml = Xml::default();
    xml.element("Group", |xml| write(xml, &group));
    state.put_group(name, Some(group));
    Ok(xml)
}

/// GetGroup: the group and a page of its users.
pub(super) fn get(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let group = state.group(validate::name(params, "GroupName", 128)?)?;
    let key = group.name.to_lowercase();
    let users = state.users.iter().filter(|(_, user)| user.groups.contains(&key));
    let page = Page::cut(users, |(key, _)| key.as_str(), context, params)?;
    let mut xml = Xml::default();
    xml.element("Group", |xml| write(xml, group));
    let users = page.write("Users", |xml, (_, user)| super::user::write(xml, user, With::NoTags));
    xml.raw(&users.finish());
    Ok(xml)
}

/// ListGroups.
pub(super) fn list(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let prefix = params.get("PathPrefix").unwrap_or("/");
    let groups = state.groups.iter().filter(|(_, group)| group.path.starts_with(prefix));
    let page = Page::cut(groups, |(key, _)| key.as_str(), context, params)?;
    Ok(page.write("Groups", |xml, (_, group)| write(xml, group)))
}

/// DeleteGroup.
pub(super) fn delete(state: &mut State, _context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let name = validate::name(params, "GroupName", 128)?;
    let group = state.group(name)?;
    let key = name.to_lowercase();
    let blocker = if state.users.values().any(|user| user.groups.contains(&key)) {
        Some("Cannot delete entity, must remove users from group first.")
    } else if !group.attached.is_empty() {
        Some("Cannot delete entity, must detach all policies first.")
    } else if !group.inline.is_empty() {
        Some("Cannot delete entity, must delete policies first.")
    } else {
        None
    };
    if let Some(blocker) = blocker {
        return Err(Refusal::conflict(blocker));
    }
    state.put_group(name, None);
    Ok(Xml::default())
}

/// AddUserToGroup.
pub(super) fn add_user(state: &mut State, _context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let group = validate::name(params, "GroupName", 128)?;
    state.group(group)?;
    let user = state.user_mut(validate::name(params, "UserName", 128)?)?;
    let key = group.to_lowercase();
    if !user.groups.contains(&key) && user.groups.len() >= GROUPS_PER_USER_MAX {
        return Err(Refusal::quota("GroupsPerUser", GROUPS_PER_USER_MAX));
    }
    user.groups.insert(key);
    Ok(Xml::default())
}

/// RemoveUserFromGroup.
pub(super) fn remove_user(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let group = validate::name(params, "GroupName", 128)?;
    state.group(group)?;
    let name = validate::name(params, "UserName", 128)?;
    visible(state, context, name)?;
    if !state.user_mut(name)?.groups.remove(&group.to_lowercase()) {
        return Err(Refusal::no_such_entity(format!("User {name} does not exist in group {group}.")));
    }
    Ok(Xml::default())
}

/// ListGroupsForUser.
pub(super) fn list_for_user(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let user = visible(state, context, &user_name(context, params)?)?;
    let page = Page::cut(&user.groups, |key| key.as_str(), context, params)?;
    Ok(page.write("Groups", |xml, key| {
        if let Some(group) = state.groups.get(key) {
            write(xml, group);
        }
    }))
}

fn write(xml: &mut Xml, group: &Group) {
    xml.text("Path", &group.path).text("GroupName", &group.name).text("GroupId", &group.id);
    xml.text("Arn", &group.arn()).text("CreateDate", &date(group.created));
}
