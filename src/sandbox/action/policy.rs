//! Policies on users, groups and roles: inline ones and attachments of managed ones. All holders have the same
//! rules but for their limits, so each action is written once.

use std::collections::{BTreeMap, BTreeSet};

use super::super::document;
use super::super::error::Refusal;
use super::super::params::Params;
use super::super::state::State;
use super::super::validate;
use super::super::xml::Xml;
use super::{Context, Page};
use crate::text::percent::encode;

/// Managed policies attached to one user, group or role (IAM quotas).
const ATTACHED_MAX: usize = 10;

/// What a policy is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    User,
    Group,
    Role,
}

impl Holder {
    /// The parameter that names it.
    fn parameter(self) -> &'static str {
        match self {
            Self::User => "UserName",
            Self::Group => "GroupName",
            Self::Role => "RoleName",
        }
    }

    /// The word in messages.
    fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Role => "role",
        }
    }

    /// All inline policies together, in characters without white space (IAM quotas).
    fn inline_size_max(self) -> usize {
        match self {
            Self::User => 2048,
            Self::Group => 5120,
            Self::Role => 10_240,
        }
    }

    fn name(self, params: &Params) -> Result<&str, Refusal> {
        validate::name(params, self.parameter(), 128)
    }

    /// The inline policies of a holder that reads can see.
    fn inline<'a>(
        self,
        state: &'a State,
        context: &Context,
        params: &Params,
    ) -> Result<&'a BTreeMap<String, String>, Refusal> {
        match self {
            Self::User => Ok(&super::user::visible(state, context, self.name(params)?)?.inline),
            Self::Group => Ok(&state.group(self.name(params)?)?.inline),
            Self::Role => Ok(&state.role(self.name(params)?)?.inline),
        }
    }

    fn inline_mut<'a>(
        self,
        state: &'a mut State,
        params: &Params,
    ) -> Result<&'a mut BTreeMap<String, String>, Refusal> {
        match self {
            Self::User => Ok(&mut state.user_mut(self.name(params)?)?.inline),
            Self::Group => Ok(&mut state.group_mut(self.name(params)?)?.inline),
            Self::Role => Ok(&mut state.role_mut(self.name(params)?)?.inline),
        }
    }

    fn attached<'a>(
        self,
        state: &'a State,
        context: &Context,
        params: &Params,
    ) -> Result<&'a BTreeSet<String>, Refusal> {
        match self {
            Self::User => Ok(&super::user::visible(state, context, self.name(params)?)?.attached),
            Self::Group => Ok(&state.group(self.name(params)?)?.attached),
            Self::Role => Ok(&state.role(self.name(params)?)?.attached),
        }
    }

    fn attached_mut<'a>(self, state: &'a mut State, params: &Params) -> Result<&'a mut BTreeSet<String>, Refusal> {
        match self {
            Self::User => Ok(&mut state.user_mut(self.name(params)?)?.attached),
            Self::Group => Ok(&mut state.group_mut(self.name(params)?)?.attached),
            Self::Role => Ok(&mut state.role_mut(self.name(params)?)?.attached),
        }
    }
}

fn put(holder: Holder, state: &mut State, params: &Params) -> Result<Xml, Refusal> {
    let name = validate::name(params, "PolicyName", 128)?;
    let text = params.need("PolicyDocument")?;
    document::check(text)?;
    let owner = holder.name(params)?;
    let inline = holder.inline_mut(state, params)?;
    let others = inline.iter().filter(|(other, _)| other.as_str() != name).map(|(_, text)| document::size(text));
    let max = holder.inline_size_max();
    if others.sum::<usize>() + document::size(text) > max {
        return Err(Refusal::limit(format!(
            "Maximum policy size of {max} bytes exceeded for {} {owner}",
            holder.word()
        )));
    }
    inline.insert(name.to_owned(), text.to_owned());
    Ok(Xml::default())
}

fn get(holder: Holder, state: &State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let name = validate::name(params, "PolicyName", 128)?;
    let text = holder.inline(state, context, params)?.get(name).ok_or_else(|| no_such_policy(holder, name))?;
    let mut xml = Xml::default();
    xml.text(holder.parameter(), holder.name(params)?).text("PolicyName", name).text("PolicyDocument", &encode(text));
    Ok(xml)
}

fn list(holder: Holder, state: &State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let names = holder.inline(state, context, params)?.keys();
    let page = Page::cut(names, |name| name.as_str(), context, params)?;
    Ok(page.write("PolicyNames", |xml, name| xml.escaped(name)))
}

fn delete(holder: Holder, state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let name = validate::name(params, "PolicyName", 128)?;
    holder.inline(state, context, params)?;
    let removed = holder.inline_mut(state, params)?.remove(name);
    removed.map(|_| Xml::default()).ok_or_else(|| no_such_policy(holder, name))
}

fn attach(holder: Holder, state: &mut State, params: &Params) -> Result<Xml, Refusal> {
    let arn = params.need("PolicyArn")?;
    state.attachable(arn)?;
    let attached = holder.attached_mut(state, params)?;
    if attached.contains(arn) {
        return Ok(Xml::default());
    }
    if attached.len() >= ATTACHED_MAX {
        let quota = match holder {
            Holder::User => "PoliciesPerUser",
            Holder::Group => "PoliciesPerGroup",
            Holder::Role => "PoliciesPerRole",
        };
        return Err(Refusal::quota(quota, ATTACHED_MAX));
    }
    attached.insert(arn.to_owned());
    state.attached(arn);
    Ok(Xml::default())
}

fn detach(holder: Holder, state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let arn = params.need("PolicyArn")?;
    holder.attached(state, context, params)?;
    if !holder.attached_mut(state, params)?.remove(arn) {
        return Err(Refusal::no_such_entity(format!("Policy {arn} was not found.")));
    }
    state.detached(arn);
    Ok(Xml::default())
}

fn list_attached(holder: Holder, state: &State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    let arns = holder.attached(state, context, params)?;
    let page = Page::cut(arns, |arn| arn.as_str(), context, params)?;
    Ok(page.write("AttachedPolicies", |xml, arn| {
        let name = arn.rsplit('/').next().unwrap_or(arn);
        xml.text("PolicyName", name).text("PolicyArn", arn);
    }))
}

fn no_such_policy(holder: Holder, name: &str) -> Refusal {
    Refusal::no_such_entity(format!("The {} policy with name {name} cannot be found.", holder.word()))
}

/// PutUserPolicy.
pub(super) fn put_user(state: &mut State, _context: &Context, params: &Params) -> Result<Xml, Refusal> {
    put(Holder::User, state, params)
}

/// GetUserPolicy.
pub(super) fn get_user(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    get(Holder::User, state, context, params)
}

/// ListUserPolicies.
pub(super) fn list_user(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    list(Holder::User, state, context, params)
}

/// DeleteUserPolicy.
pub(super) fn delete_user(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    delete(Holder::User, state, context, params)
}

/// PutGroupPolicy.
pub(super) fn put_group(state: &mut State, _context: &Context, params: &Params) -> Result<Xml, Refusal> {
    put(Holder::Group, state, params)
}

/// GetGroupPolicy.
pub(super) fn get_group(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    get(Holder::Group, state, context, params)
}

/// ListGroupPolicies.
pub(super) fn list_group(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    list(Holder::Group, state, context, params)
}

/// DeleteGroupPolicy.
pub(super) fn delete_group(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    delete(Holder::Group, state, context, params)
}

/// AttachUserPolicy.
pub(super) fn attach_user(state: &mut State, _context: &Context, params: &Params) -> Result<Xml, Refusal> {
    attach(Holder::User, state, params)
}

/// DetachUserPolicy.
pub(super) fn detach_user(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    detach(Holder::User, state, context, params)
}

/// ListAttachedUserPolicies.
pub(super) fn list_attached_user(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    list_attached(Holder::User, state, context, params)
}

/// AttachGroupPolicy.
pub(super) fn attach_group(state: &mut State, _context: &Context, params: &Params) -> Result<Xml, Refusal> {
    attach(Holder::Group, state, params)
}

/// DetachGroupPolicy.
pub(super) fn detach_group(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    detach(Holder::Group, state, context, params)
}

/// ListAttachedGroupPolicies.
pub(super) fn list_attached_group(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    list_attached(Holder::Group, state, context, params)
}

/// PutRolePolicy.
pub(super) fn put_role(state: &mut State, _context: &Context, params: &Params) -> Result<Xml, Refusal> {
    put(Holder::Role, state, params)
}

/// GetRolePolicy.
pub(super) fn get_role(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    get(Holder::Role, state, context, params)
}

/// ListRolePolicies.
pub(super) fn list_role(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    list(Holder::Role, state, context, params)
}

/// DeleteRolePolicy.
pub(super) fn delete_role(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    delete(Holder::Role, state, context, params)
}

/// AttachRolePolicy.
pub(super) fn attach_role(state: &mut State, _context: &Context, params: &Params) -> Result<Xml, Refusal> {
    attach(Holder::Role, state, params)
}

/// DetachRolePolicy.
pub(super) fn detach_role(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    detach(Holder::Role, state, context, params)
}

/// ListAttachedRolePolicies.
pub(super) fn list_attached_role(state: &mut State, context: &Context, params: &Params) -> Result<Xml, Refusal> {
    list_attached(Holder::Role, state, context, params)
}
