//! The IAM user of one lease: how it is named and marked, and whose a user of that name is.

use aws_sdk_iam::types::Tag;
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

use crate::clock::rfc3339;
use crate::engine::backend::aws::client::{Account, Repeat};
use crate::engine::backend::aws::failure::{Class, Failure};
use crate::engine::backend::aws::role::Role;
use crate::engine::lease::{Lane, Lease};
use crate::engine::wire::error::Error;
use crate::text::tag as characters;

/// The tag that names the lease: what makes a user ours.
const LEASE_TAG: &str = "leasehold:lease";

/// IAM's limit for the value of a tag, in characters.
const TAG_VALUE_MAX: usize = 256;

/// What was, or may have been, made in AWS for a lease: enough to remove it without the role.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct IssuedUser {
    /// The IAM user name.
    pub(super) name: String,
    /// The IAM path of the user.
    pub(super) path: String,
    /// The number of the AWS account it was made in, once AWS has told it: what another one says is no proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) account: Option<String>,
    /// The access key id, and the endpoint, that asked for it; none where the machine gave the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) signer: Option<String>,
    /// The access key id, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) access_key_id: Option<String>,
    /// The name of the inline policy put, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) inline_policy: Option<String>,
    /// The managed policies attached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) policy_arns: Vec<String>,
    /// The groups joined.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) groups: Vec<String>,
    /// Whether AWS said that it made the user. If not, the user may be another's, or may yet appear.
    #[serde(default)]
    pub(super) created: bool,
    /// Whether AWS left an attempt to create it unanswered, so that it may yet take effect.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) unsure: bool,
    /// Unix seconds before which "no such user" is not believed: AWS may still be at work.
    #[serde(default)]
    pub(super) absence_believed_from: i64,
    /// How often the user was seen absent after that time.
    #[serde(default)]
    pub(super) absences: u32,
}

impl IssuedUser {
    /// What a lease holds of its user.
    ///
    /// # Errors
    /// If the lease holds something else.
    pub(super) fn of(made: &Value) -> Result<Self, Error> {
        Self::deserialize(made).map_err(|error| Error::Internal(format!("a lease holds no IAM user: {error}")))
    }

    /// As a lease holds it.
    ///
    /// # Errors
    /// None that is known: it is plain data.
    pub(super) fn to_value(&self) -> Result<Value, Error> {
        serde_json::to_value(self).map_err(|error| Error::Internal(format!("an IAM user is not JSON: {error}")))
    }
}

/// Whose a user is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// There is none.
    Nobody,
    /// It has this lease's tag.
    ThisLease,
    /// It was there before, or belongs to another lease.
    Another,
}

/// The path under which users are made when the role sets none: AWS alone tells what is ours.
pub(super) fn path(role: &Role, engine_id: &str) -> String {
    match role.user_path.as_str() {
        "" | "/" => format!("/leasehold/{}/", engine_id.get(..12).unwrap_or(engine_id)),
        path => path.to_owned(),
    }
}

/// The tags of a user: the role's, and where it comes from.
pub(super) fn tags(role: &Role, lease: &Lease, engine_id: &str) -> Result<Vec<Tag>, Failure> {
    let mut tags: IndexMap<&str, String> = IndexMap::new();
    for (key, value) in role.iam_tags.iter().flatten() {
        tags.insert(key, value.clone());
    }
    let expiry = rfc3339(lease.expire_time);
    let commit = lease.origin.as_ref().and_then(|origin| origin.commit.as_deref());
    let ours = [
        ("leasehold:engine", Some(engine_id)),
        (LEASE_TAG, Some(lease.id.as_str())),
        ("leasehold:app", lease.app.as_deref()),
        ("leasehold:role", Some(lease.role.as_str())),
        ("leasehold:commit", commit),
        ("leasehold:review", lease.origin.as_ref().and_then(|origin| origin.review.as_deref())),
        ("leasehold:expiry", Some(expiry.as_str())),
    ];
    for (key, value) in ours {
        if let Some(value) = value {
            tags.insert(key, tag_value(value));
        }
    }
    tags.into_iter().map(|(key, value)| tag(key, &value)).collect()
}

fn tag(key: &str, value: &str) -> Result<Tag, Failure> {
    Tag::builder()
        .key(key)
        .value(value)
        .build()
        .map_err(|error| Failure { class: Class::Refused, text: format!("the tag {key:?} could not be made: {error}") })
}

/// What IAM takes as the value of a tag (IAM user guide, "Rules for tagging"); the rest becomes `_`.
fn tag_value(text: &str) -> String {
    text.chars().take(TAG_VALUE_MAX).map(|c| if characters::takes(c) { c } else { '_' }).collect()
}

/// Asks AWS whether the user of that name is the lease's.
pub(super) async fn owner(account: &Account, lane: Lane, name: &str, lease: &str) -> Result<Owner, Failure> {
    let iam = &account.iam;
    let found = account.call(lane, Repeat::Anything, || iam.get_user().user_name(name).send()).await;
    let tags = match found {
        Ok(answer) => {
            account.learn(answer.user().map(|user| user.arn()).unwrap_or_default());
            answer.user.and_then(|user| user.tags).unwrap_or_default()
        }
        Err(failure) if failure.class == Class::Gone => return Ok(Owner::Nobody),
        Err(failure) => return Err(failure),
    };
    if let Some(owner) = owner_by(&tags, lease) {
        return Ok(owner);
    }
    let pages = || iam.list_user_tags().user_name(name).into_paginator().items().send().try_collect();
    match account.call(lane, Repeat::Anything, pages).await {
        Ok(tags) => {
            let tags: Vec<Tag> = tags;
            Ok(owner_by(&tags, lease).unwrap_or(Owner::Another))
        }
        Err(failure) if failure.class == Class::Gone => Ok(Owner::Nobody),
        Err(failure) => Err(failure),
    }
}

/// None when the tags do not say.
fn owner_by(tags: &[Tag], lease: &str) -> Option<Owner> {
    let tag = tags.iter().find(|tag| tag.key() == LEASE_TAG)?;
    Some(if tag.value() == tag_value(lease) { Owner::ThisLease } else { Owner::Another })
}

#[cfg(test)]
mod tests {
    use super::tag_value;

    #[test]
    fn tags_hold_only_what_iam_takes() {
        assert_eq!(tag_value("aws/creds/r/1@x #é"), "aws/creds/r/1@x _é");
        assert_eq!(tag_value(&"x".repeat(300)).len(), 256);
    }
}
