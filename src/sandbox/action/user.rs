//! Users, their tags and their permissions boundaries.

use super::super::error::Refusal;
use super::super::identity::{ACCOUNT_ID, Caller};
use super::super::params::Params;
use super::super::state::{State, Tag, User, no_such_user};
use super::super::validate;
use super::super::xml::{Xml, date};
use super::{Context, Page, unique_id, user_name};

/// CreateUser.
pub(super) fn create(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let name = validate::name(params, "UserName", 64)?;
    let boundary = params.get("PermissionsBoundary");
    if let Some(arn) = boundary {
        state.attachable(arn)?;
    }
    let user = User {
        name: name.to_owned(),
        path: validate::path(params)?,
        id: unique_id("AIDA", 17)?,
        created: context.now,
        tags: validate::tags(params)?,
        boundary: boundary.map(str::to_owned),
        ..User::default()
    };
    state.add_user(user.clone())?;
    let mut xml = Xml::default();
    xml.element("User", |xml| write(xml, &user, With::Tags));
    Ok(xml)
}

/// GetUser; without a name, the caller.
pub(super) fn get(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let mut xml = Xml::default();
    if params.get("UserName").is_none() && context.caller == Caller::Root {
        xml.element("User", |xml| {
            xml.text("Path", "/").text("UserName", "root").text("UserId", ACCOUNT_ID);
            xml.text("Arn", &format!("arn:aws:iam::{ACCOUNT_ID}:root")).text("CreateDate", &date(0));
        });
        return Ok(xml);
    }
    let user = visible(state, context, &user_name(context, params)?)?;
    xml.element("User", |xml| write(xml, user, With::Tags));
    Ok(xml)
}

/// ListUsers.
pub(super) fn list(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let prefix = params.get("PathPrefix").unwrap_or("/");
    let users = state.users.iter().filter(|(_, user)| user.path.starts_with(prefix) && is_visible(user, context));
    let page = Page::cut(users, |(key, _)| key.as_str(), context, params)?;
    Ok(page.write("Users", |xml, (_, user)| write(xml, user, With::NoTags)))
}

/// UpdateUser: a new path or name.
pub(super) fn update(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let name = validate::name(params, "UserName", 128)?;
    let new_path =
        params.get("NewPath").map(|path| validate::check_path(path).map(|()| path.to_owned())).transpose()?;
    if let Some(new_name) = params.get("NewUserName").filter(|new| *new != name) {
        // A name is woven into groups, keys and devices; nobody needs to change it in a simulation.
        return Err(Refusal::service_failure(format!(
            "the Leasehold sandbox does not rename users ({name} to {new_name})"
        )));
    }
    visible(state, context, name)?;
    let user = state.user_mut(name)?;
    if let Some(path) = new_path {
        user.path = path;
    }
    Ok(Xml::default())
}

/// DeleteUser.
pub(super) fn delete(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let name = validate::name(params, "UserName", 128)?;
    visible(state, context, name)?;
    state.remove_user(name)?;
    Ok(Xml::default())
}

/// TagUser.
pub(super) fn tag(state: &mut State, _context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let tags = validate::tags(params)?;
    let user = state.user_mut(validate::name(params, "UserName", 128)?)?;
    validate::merge_tags(&mut user.tags, tags)?;
    Ok(Xml::default())
}

/// UntagUser.
pub(super) fn untag(state: &mut State, _context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let keys = params.members("TagKeys", None);
    let user = state.user_mut(validate::name(params, "UserName", 128)?)?;
    user.tags.retain(|tag| !keys.iter().any(|key| key.eq_ignore_ascii_case(&tag.key)));
    Ok(Xml::default())
}

/// ListUserTags.
pub(super) fn list_tags(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let user = visible(state, context, validate::name(params, "UserName", 128)?)?;
    let mut tags: Vec<&Tag> = user.tags.iter().collect();
    tags.sort_by(|a, b| a.key.cmp(&b.key));
    let page = Page::cut(tags, |tag| tag.key.as_str(), context, params)?;
    Ok(page.write("Tags", write_tag))
}

/// PutUserPermissionsBoundary.
pub(super) fn put_boundary(state: &mut State, _context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let arn = params.need("PermissionsBoundary")?;
    state.attachable(arn)?;
    state.user_mut(validate::name(params, "UserName", 128)?)?.boundary = Some(arn.to_owned());
    Ok(Xml::default())
}

/// DeleteUserPermissionsBoundary.
pub(super) fn delete_boundary(state: &mut State, _context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let name = validate::name(params, "UserName", 128)?;
    if state.user_mut(name)?.boundary.take().is_none() {
        return Err(Refusal::no_such_entity(format!(
            "The user with name {name} does not have a permissions boundary."
        )));
    }
    Ok(Xml::default())
}

/// A user that is old enough to be seen.
pub(super) fn visible<'a>(state: &'a State, context: &Context, name: &str) -> Result<&'a User, Refusal> {
    let user = state.user(name)?;
    if is_visible(user, context) { Ok(user) } else { Err(no_such_user(name)) }
}

fn is_visible(user: &User, context: &Context) -> bool {
    context.now - user.created >= context.visible_after
}

/// Whether a user is written with what lists leave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum With {
    /// CreateUser and GetUser tell tags and boundary.
    Tags,
    /// ListUsers and GetGroup do not.
    NoTags,
}

/// Writes the fields of a user.
pub(super) fn write(xml: &mut Xml, user: &User, with: With) {
    xml.text("Path", &user.path).text("UserName", &user.name).text("UserId", &user.id);
    xml.text("Arn", &user.arn()).text("CreateDate", &date(user.created));
    if with == With::NoTags {
        return;
    }
    if let Some(arn) = &user.boundary {
        xml.element("PermissionsBoundary", |xml| {
            xml.text("PermissionsBoundaryType", "Policy").text("PermissionsBoundaryArn", arn);
        });
    }
    if !user.tags.is_empty() {
        xml.list("Tags", &user.tags, write_tag);
    }
}

fn write_tag(xml: &mut Xml, tag: &Tag) {
    xml.text("Key", &tag.key).text("Value", &tag.value);
}
