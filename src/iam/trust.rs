//! Trust policies of roles: checked, and read as policies, so that what compares and judges those does it with these.
//!
//! Who is meant is an element that identity policies don't have. Here it becomes a condition on a key of its own,
//! [`PRINCIPAL`]. The role itself becomes the resource `*`: a trust policy names none.
//!
//! # Source
//! IAM User Guide: "AWS JSON policy elements: Principal", "AWS JSON policy elements: NotPrincipal" (which no trust policy
//! has), "IAM and STS quotas"; API reference of IAM, `CreateRole`.

use super::document::{self, Finding, PolicyType};
use super::json::{Content, Json, Member};
use super::policy::{Condition, Effect, Operator, Policy, Test};

mod principal;

use principal::Principal;
pub use principal::{ANYBODY, PRINCIPAL, beyond_names, caller, described};

/// Characters without white space that a trust policy may have, where the account's quota is raised as far as it goes.
const SIZE_MAX: usize = 8192;

/// What a trust policy may be about.
const ACTIONS: [&str; 7] = [
    "sts:*",
    "sts:assumerole",
    "sts:assumerolewithsaml",
    "sts:assumerolewithwebidentity",
    "sts:setsourceidentity",
    "sts:tagsession",
    "sts:setcontext",
];

/// What is wrong with a document as a trust policy, in the order of its parts.
pub fn check<S: Clone>(json: &Json<S>) -> Vec<Finding<S>> {
    let mut findings = Vec::new();
    for statement in statements(json) {
        check_principal(statement, &mut findings);
        if let Some(found) = member(statement, "NotPrincipal") {
            let what = "a role's trust policy has no NotPrincipal".to_owned();
            let hint = "deny with Principal \"*\", and a condition ArnNotEquals on aws:PrincipalArn";
            findings.push(fatal("PROHIBITED_NOT_PRINCIPAL", &found.key_span, what, hint));
        }
        for key in ["Resource", "NotResource"] {
            if let Some(found) = member(statement, key) {
                let what = format!("a trust policy has no {key}: it is about the role that has it");
                findings.push(fatal("PROHIBITED_RESOURCE", &found.key_span, what, "leave it out"));
            }
        }
        let actions = member(statement, "Action").map(|action| texts(&action.value)).unwrap_or_default();
        for (action, span) in actions {
            if !ACTIONS.contains(&action.to_ascii_lowercase().as_str()) {
                let what = format!("a trust policy is about assuming the role, and {action} is not");
                let hint = "it is sts:AssumeRole, and sts:TagSession for tags";
                findings.push(fatal("INVALID_ACTION", span, what, hint));
            }
        }
    }
    // What others may do with roles that are passed on is no matter of who may assume one.
    let of_actions = document::check_as(&plain(json), PolicyType::RoleInline);
    findings.extend(of_actions.into_iter().filter(|finding| !finding.code.starts_with("PASS_ROLE")));
    let size = document::size(&json.compact());
    if size > SIZE_MAX {
        let what = format!("it has {size} characters, and no trust policy more than {SIZE_MAX}");
        findings.push(Finding { hint: None, ..fatal(document::SIZE_CODE, &json.span, what, "") });
    }
    findings
}

/// A statement names whom it is about once.
fn check_principal<S: Clone>(statement: &Json<S>, findings: &mut Vec<Finding<S>>) {
    let named = |member: &&Member<S>| ["Principal", "NotPrincipal"].contains(&member.key.as_str());
    let elements: Vec<&Member<S>> = members(statement).iter().filter(named).collect();
    let Some(element) = elements.first() else {
        let hint = "add \"Principal\": {\"AWS\": \"arn:aws:iam::ACCOUNT:user/NAME\"}";
        let what = "it trusts nobody: Principal is missing".to_owned();
        findings.push(fatal("MISSING_PRINCIPAL", &statement.span, what, hint));
        return;
    };
    let twice = |first: &Member<S>, again: &Member<S>| Finding {
        also: Some((first.key_span.clone(), "first here".to_owned())),
        ..fatal(
            "DUPLICATE_KEYS_WITH_DIFFERENT_CASE",
            &again.key_span,
            format!("whom it is about stands here again, as {}", again.key),
            "write all of them in one element, or a statement for each",
        )
    };
    findings.extend(elements.iter().skip(1).map(|again| twice(element, again)));
    let types = members(&element.value);
    for (index, again) in types.iter().enumerate() {
        if let Some(first) = types[..index].iter().find(|other| other.key.eq_ignore_ascii_case(&again.key)) {
            findings.push(twice(first, again));
        }
    }
    if let Err(what) = principals(&element.value) {
        let hint = "it is \"*\", or a map of AWS, Service and Federated; AWS names accounts, users, roles or sessions";
        findings.push(fatal("INVALID_PRINCIPAL", &element.value.span, what, hint));
    }
}

fn fatal<S: Clone>(code: &'static str, span: &S, what: String, hint: &str) -> Finding<S> {
    Finding { code, span: span.clone(), what, hint: Some(hint.to_owned()), also: None, fatal: true }
}

/// What a document that was checked says, each statement with who is meant as a condition on [`PRINCIPAL`].
pub fn policy<S: Clone>(json: &Json<S>) -> Policy<S> {
    let mut policy = Policy::of_checked(&plain(json));
    for (statement, json) in policy.statements.iter_mut().zip(statements(json)) {
        let Some(element) = member(json, "Principal") else { continue };
        let principals = principals(&element.value).unwrap_or_default();
        let patterns = principals.iter().flat_map(|one| match statement.effect {
            Effect::Allow => one.allowed(),
            Effect::Deny => one.covered(),
        });
        statement.conditions.push(Condition {
            operator: Operator { test: Test::StringLike, quantifier: None, if_exists: false },
            key: PRINCIPAL.to_owned(),
            values: patterns.collect(),
        });
    }
    policy
}

/// Everybody whom an element names.
fn principals<S>(element: &Json<S>) -> Result<Vec<Principal>, String> {
    match &element.content {
        Content::Text(text) if text == "*" => Ok(vec![Principal::Everybody]),
        Content::Map(types) if !types.is_empty() => {
            let mut all = Vec::new();
            for of in types {
                let names = texts(&of.value);
                if names.is_empty() {
                    return Err(format!("{} of Principal names nobody", of.key));
                }
                let read = names.into_iter().map(|(name, _)| principal::read(&of.key, name));
                all.extend(read.collect::<Result<Vec<_>, _>>()?);
            }
            Ok(all)
        }
        _ => Err("this is no principal".to_owned()),
    }
}

/// The document as one that an identity may have.
fn plain<S: Clone>(json: &Json<S>) -> Json<S> {
    let mut json = json.clone();
    let Content::Map(members) = &mut json.content else { return json };
    let Some(found) = members.iter_mut().find(|member| member.key == "Statement") else { return json };
    let each = match &mut found.value.content {
        Content::List(items) => items.as_mut_slice(),
        _ => std::slice::from_mut(&mut found.value),
    };
    for statement in each {
        let span = statement.span.clone();
        if let Content::Map(members) = &mut statement.content {
            let others = ["Principal", "NotPrincipal", "Resource", "NotResource"];
            members.retain(|member| !others.contains(&member.key.as_str()));
            let everything = Json { content: Content::Text("*".to_owned()), span: span.clone() };
            members.push(Member { key: "Resource".to_owned(), key_span: span, value: everything });
        }
    }
    json
}

fn statements<S>(json: &Json<S>) -> &[Json<S>] {
    match member(json, "Statement").map(|member| &member.value) {
        Some(Json { content: Content::List(items), .. }) => items,
        Some(one) => std::slice::from_ref(one),
        None => &[],
    }
}

fn members<S>(json: &Json<S>) -> &[Member<S>] {
    match &json.content {
        Content::Map(members) => members,
        _ => &[],
    }
}

fn member<'j, S>(json: &'j Json<S>, key: &str) -> Option<&'j Member<S>> {
    members(json).iter().find(|member| member.key == key)
}

fn texts<S>(json: &Json<S>) -> Vec<(&str, &S)> {
    match &json.content {
        Content::Text(one) => vec![(one.as_str(), &json.span)],
        Content::List(items) => items
            .iter()
            .filter_map(|item| match &item.content {
                Content::Text(one) => Some((one.as_str(), &item.span)),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{check, described, policy};
    use crate::iam::json;

    fn trust(principal: &str, action: &str) -> String {
        format!(r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow",{principal}"Action":"{action}"}}}}"#)
    }

    #[test]
    fn who_is_meant_is_a_condition() {
        for (principal, expected) in [
            (r#""*""#, &["anybody"][..]),
            (r#"{"AWS":"111122223333"}"#, &["anybody of account 111122223333"]),
            (r#"{"AWS":["arn:aws:iam::111122223333:user/a"]}"#, &["arn:aws:iam::111122223333:user/a"]),
            (
                r#"{"Service":"ec2.amazonaws.com","Federated":"cognito"}"#,
                &["Service:ec2.amazonaws.com", "Federated:cognito"],
            ),
            (r#"{"AWS":"arn:aws:iam::111122223333:role/a/b"}"#, &["arn:aws:iam::111122223333:role/a/b"]),
        ] {
            let text = trust(&format!(r#""Principal":{principal},"#), "sts:AssumeRole");
            let json = json::parse(&text).expect("JSON");
            assert_eq!(check(&json), [], "{text}");
            let said = policy(&json);
            assert_eq!(described(&said.statements[0].conditions[0].values), expected);
        }
    }

    #[test]
    fn what_iam_refuses_is_told() {
        for (principal, action, code) in [
            ("", "sts:AssumeRole", "MISSING_PRINCIPAL"),
            (r#""Principal":{},"#, "sts:AssumeRole", "INVALID_PRINCIPAL"),
            (r#""Principal":{"User":"a"},"#, "sts:AssumeRole", "INVALID_PRINCIPAL"),
            (r#""Principal":{"AWS":[]},"#, "sts:AssumeRole", "INVALID_PRINCIPAL"),
            (r#""Principal":{"AWS":""},"#, "sts:AssumeRole", "INVALID_PRINCIPAL"),
            (r#""Principal":{"AWS":"bob"},"#, "sts:AssumeRole", "INVALID_PRINCIPAL"),
            (r#""Principal":"*","Principal":"*","#, "sts:AssumeRole", "DUPLICATE_KEYS_WITH_DIFFERENT_CASE"),
            (r#""Principal":"*","NotPrincipal":"*","#, "sts:AssumeRole", "DUPLICATE_KEYS_WITH_DIFFERENT_CASE"),
            (r#""Principal":{"Service":"a","service":"b"},"#, "sts:AssumeRole", "DUPLICATE_KEYS_WITH_DIFFERENT_CASE"),
            (r#""Principal":"*","Resource":"*","#, "sts:AssumeRole", "PROHIBITED_RESOURCE"),
            (r#""NotPrincipal":{"AWS":"111122223333"},"#, "sts:AssumeRole", "PROHIBITED_NOT_PRINCIPAL"),
            (r#""Principal":"*","#, "s3:GetObject", "INVALID_ACTION"),
        ] {
            let found = check(&json::parse(&trust(principal, action)).expect("JSON"));
            assert!(found.iter().any(|finding| finding.code == code && finding.fatal), "{code}: {found:?}");
        }
    }
}
