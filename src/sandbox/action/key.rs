//! Access keys.

use super::super::error::Refusal;
use super::super::params::Params;
use super::super::state::{AccessKey, State, no_such_key};
use super::super::xml::{Xml, date};
use super::user::visible;
use super::{Context, Page, random, unique_id, user_name};

/// CreateAccessKey: the only answer that holds the secret.
pub(super) fn create(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    const SECRET_ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let name = user_name(context, params)?;
    let key = AccessKey {
        id: unique_id("AKIA", 16)?,
        secret: random("", 40, SECRET_ALPHABET)?,
        active: true,
        created: context.now,
        last_used: None,
    };
    state.add_key(&name, key.clone())?;
    let mut xml = Xml::default();
    xml.element("AccessKey", |xml| {
        write(xml, &name, &key);
        xml.text("SecretAccessKey", &key.secret);
    });
    Ok(xml)
}

/// ListAccessKeys.
pub(super) fn list(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let user = visible(state, context, &user_name(context, params)?)?;
    let mut keys: Vec<&AccessKey> = user.keys.iter().collect();
    keys.sort_by(|a, b| a.id.cmp(&b.id));
    let page = Page::cut(keys, |key| key.id.as_str(), context, params)?;
    Ok(page.write("AccessKeyMetadata", |xml, key| write(xml, &user.name, key)))
}

/// UpdateAccessKey: switches a key on or off.
pub(super) fn update(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let active = status(params)?;
    let id = params.need("AccessKeyId")?;
    let user = state.user_mut(&user_name(context, params)?)?;
    user.keys.iter_mut().find(|key| key.id == id).ok_or_else(|| no_such_key(id))?.active = active;
    Ok(Xml::default())
}

/// DeleteAccessKey.
pub(super) fn delete(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let name = user_name(context, params)?;
    visible(state, context, &name)?;
    state.remove_key(&name, params.need("AccessKeyId")?)?;
    Ok(Xml::default())
}

/// GetAccessKeyLastUsed.
pub(super) fn last_used(state: &mut State, _context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let id = params.need("AccessKeyId")?;
    let (user, key) = state.key(id).ok_or_else(|| no_such_key(id))?;
    let mut xml = Xml::default();
    xml.text("UserName", &user.name);
    xml.element("AccessKeyLastUsed", |xml| match &key.last_used {
        Some(used) => {
            xml.text("LastUsedDate", &date(used.at)).text("ServiceName", &used.service).text("Region", &used.region);
        }
        None => {
            xml.text("ServiceName", "N/A").text("Region", "N/A");
        }
    });
    Ok(xml)
}

/// The parameter `Status`: whether it says `Active`.
pub(super) fn status(params: &Params) -> Result<bool, Refusal> {
    match params.need("Status")? {
        "Active" => Ok(true),
        "Inactive" => Ok(false),
        other => {
            let constraint = "Member must satisfy enum value set: [Active, Inactive]";
            Err(Refusal::constraint("status", other, constraint))
        }
    }
}

/// `Active` or `Inactive`.
pub(super) fn status_text(active: bool) -> &'static str {
    if active { "Active" } else { "Inactive" }
}

fn write(xml: &mut Xml, user: &str, key: &AccessKey) {
    xml.text("UserName", user).text("AccessKeyId", &key.id).text("Status", status_text(key.active));
    xml.text("CreateDate", &date(key.created));
}
