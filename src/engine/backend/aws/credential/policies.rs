//! The policies that go with a session: the role's, and those of its groups as they are at that moment.

use aws_sdk_sts::types::PolicyDescriptorType;
use serde_json::{Value, json};

use crate::engine::backend::aws::client::{Account, Repeat};
use crate::engine::backend::aws::role::Role;
use crate::engine::lease::Lane;
use crate::engine::wire::error::Error;
use crate::text::percent::decode_form;

/// The policies of a session.
pub(super) struct SessionPolicies {
    /// The inline one.
    pub(super) document: Option<String>,
    /// The managed ones.
    pub(super) arns: Vec<String>,
}

impl SessionPolicies {
    /// The managed ones, as STS takes them; none where there are none.
    pub(super) fn descriptors(&self) -> Option<Vec<PolicyDescriptorType>> {
        let descriptor = |arn: &String| PolicyDescriptorType::builder().arn(arn).build();
        (!self.arns.is_empty()).then(|| self.arns.iter().map(descriptor).collect())
    }

    /// Whether nothing goes with the session.
    pub(super) fn is_empty(&self) -> bool {
        self.document.is_none() && self.arns.is_empty()
    }
}

/// What the role says, and what its groups hold now; `doing` begins what is told.
///
/// # Errors
/// What AWS says of a group; and a role whose groups hold nothing, as a session without policies may do all that its
/// role may, which is the opposite of what was meant.
pub(super) async fn of(account: &Account, role: &Role, doing: &str) -> Result<SessionPolicies, Error> {
    let mut documents = Vec::new();
    let mut arns = role.policy_arns.clone().unwrap_or_default();
    for group in role.iam_groups.iter().flatten() {
        let (inline, managed) = of_group(account, group).await?;
        documents.extend(inline);
        arns.extend(managed);
    }
    let own = Some(role.policy_document.clone()).filter(|document| !document.is_empty());
    let is_grouped = role.iam_groups.as_ref().is_some_and(|groups| !groups.is_empty());
    if is_grouped && documents.is_empty() && arns.is_empty() && own.is_none() {
        return Err(Error::Invalid(format!(
            "{doing}: the groups of the role hold no policy, so that nothing would limit the session"
        )));
    }
    let document = match own {
        own if documents.is_empty() => own,
        own => Some(merged(documents.into_iter().chain(own), doing)?),
    };
    Ok(SessionPolicies { document, arns })
}

/// The inline policies of a group, and the ARNs of its managed ones.
async fn of_group(account: &Account, group: &str) -> Result<(Vec<String>, Vec<String>), Error> {
    let iam = &account.iam;
    let told = |failure: crate::engine::backend::aws::failure::Failure| {
        failure.told(&format!("Error reading the policies of the group {group}"))
    };
    let attached =
        || iam.list_attached_group_policies().group_name(group).into_paginator().items().send().try_collect();
    let attached: Vec<aws_sdk_iam::types::AttachedPolicy> =
        account.call(Lane::Issue, Repeat::Anything, attached).await.map_err(told)?;
    let names = || iam.list_group_policies().group_name(group).into_paginator().items().send().try_collect();
    let names: Vec<String> = account.call(Lane::Issue, Repeat::Anything, names).await.map_err(told)?;
    let mut documents = Vec::new();
    for name in &names {
        let get = || iam.get_group_policy().group_name(group).policy_name(name).send();
        let answer = account.call(Lane::Issue, Repeat::Anything, get).await.map_err(told)?;
        let document = decode_form(answer.policy_document())
            .map_err(|_| Error::Invalid(format!("the policy {name} of the group {group} is not readable")))?;
        documents.push(document);
    }
    Ok((documents, attached.into_iter().filter_map(|policy| policy.policy_arn).collect()))
}

/// One document with the statements of all, in order.
///
/// # Errors
/// A document that can't be put among others without meaning something else.
fn merged(documents: impl IntoIterator<Item = String>, doing: &str) -> Result<String, Error> {
    const VERSION: &str = "2012-10-17";
    let refused = |why: &str| Error::Invalid(format!("{doing}: the policies can't be made one: {why}"));
    let mut statements = Vec::new();
    for text in documents {
        let mut document: Value = serde_json::from_str(&text).map_err(|_| refused("one is not JSON"))?;
        // Before that version a `${` is no variable.
        if document["Version"] != VERSION && text.contains("${") {
            return Err(refused("one with a variable is of another version than 2012-10-17"));
        }
        match document.get_mut("Statement").map(Value::take) {
            Some(Value::Array(many)) => statements.extend(many),
            Some(one @ Value::Object(_)) => statements.push(one),
            _ => return Err(refused("one has no statement")),
        }
    }
    Ok(json!({ "Version": VERSION, "Statement": statements }).to_string())
}

#[cfg(test)]
mod tests {
    use super::merged;

    #[test]
    fn documents_become_one_in_their_order() {
        let one = r#"{"Version":"2012-10-17","Statement":{"Sid":"a"}}"#;
        let two = r#"{"Statement":[{"Sid":"b"},{"Sid":"c"}]}"#;
        let merge =
            |texts: &[&str]| merged(texts.iter().map(|text| (*text).to_owned()), "x").map_err(|e| e.to_string());
        let both = merge(&[one, two]).expect("merges");
        assert_eq!(both, r#"{"Version":"2012-10-17","Statement":[{"Sid":"a"},{"Sid":"b"},{"Sid":"c"}]}"#);
        for (text, part) in
            [("{", "not JSON"), ("{}", "no statement"), (r#"{"Statement":{"Resource":"${aws:username}"}}"#, "version")]
        {
            let error = merge(&[one, text]).expect_err(text);
            assert!(error.contains(part), "{error}");
        }
    }
}
