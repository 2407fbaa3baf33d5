//! Trust policies of roles: checked, and read as policies, so that what compares and judges those does it with these.
//!
//! Who is meant is an element that identity policies don't have. Here it becomes a condition on a key of its own,
//! [`PRINCIPAL`]: the ARN of the caller, `Service:NAME` of a service, `Federated:NAME` of a provider. An account as a
//! whole is every ARN in it. The role itself becomes the resource `*`: a trust policy names none.
//!
//! # Source
//! IAM User Guide: "AWS JSON policy elements: Principal", "IAM and STS quotas"; API reference of IAM, `CreateRole`.

use super::document::{self, Finding, PolicyType};
use super::json::{Content, Json, Member};
use super::pattern::{Pattern, Syntax};
use super::policy::{Condition, Operator, Policy, Test};

/// The key that says who asks. No policy can name it: a key of AWS's has a prefix.
pub const PRINCIPAL: &str = "principal";

/// Everybody, as a pattern of [`PRINCIPAL`].
const EVERYBODY: &str = "arn:*";

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
        let wrong = |code, span: &S, what: &str, hint: &str| Finding {
            code,
            span: span.clone(),
            what: what.to_owned(),
            hint: Some(hint.to_owned()),
            also: None,
            fatal: true,
        };
        for key in ["Resource", "NotResource"] {
            if let Some(found) = member(statement, key) {
                let what = format!("a trust policy has no {key}: it is about the role that has it");
                findings.push(wrong("PROHIBITED_RESOURCE", &found.key_span, &what, "leave it out"));
            }
        }
        let element = member(statement, "Principal").or_else(|| member(statement, "NotPrincipal"));
        match element.map(|element| (element, principals(&element.value))) {
            None => {
                let hint = "add \"Principal\": {\"AWS\": \"arn:aws:iam::ACCOUNT:user/NAME\"}";
                findings.push(wrong(
                    "MISSING_PRINCIPAL",
                    &statement.span,
                    "it trusts nobody: Principal is missing",
                    hint,
                ));
            }
            Some((element, Err(what))) => {
                let hint = "it is \"*\", or a map of AWS, Service and Federated";
                findings.push(wrong("INVALID_PRINCIPAL", &element.value.span, &what, hint));
            }
            Some((_, Ok(_))) => {}
        }
        let actions = member(statement, "Action").map(|action| texts(&action.value)).unwrap_or_default();
        for (action, span) in actions {
            if !ACTIONS.contains(&action.to_ascii_lowercase().as_str()) {
                let what = format!("a trust policy is about assuming the role, and {action} is not");
                findings.push(wrong(
                    "INVALID_ACTION",
                    span,
                    &what,
                    "it is sts:AssumeRole, and sts:TagSession for tags",
                ));
            }
        }
    }
    findings.extend(document::check_as(&plain(json), PolicyType::RoleInline));
    let size = document::size(&json.compact());
    if size > SIZE_MAX {
        findings.push(Finding {
            code: document::SIZE_CODE,
            span: json.span.clone(),
            what: format!("it has {size} characters, and no trust policy more than {SIZE_MAX}"),
            hint: None,
            also: None,
            fatal: true,
        });
    }
    findings
}

/// What a document that was checked says, each statement with who is meant as a condition on [`PRINCIPAL`].
pub fn policy<S: Clone>(json: &Json<S>) -> Policy<S> {
    let mut policy = Policy::of_checked(&plain(json));
    for (statement, json) in policy.statements.iter_mut().zip(statements(json)) {
        let (test, element) = match (member(json, "Principal"), member(json, "NotPrincipal")) {
            (Some(element), _) => (Test::StringLike, element),
            (None, Some(element)) => (Test::StringNotLike, element),
            (None, None) => continue,
        };
        let values = principals(&element.value).unwrap_or_default();
        statement.conditions.push(Condition {
            operator: Operator { test, quantifier: None, if_exists: false },
            key: PRINCIPAL.to_owned(),
            values: values.iter().map(|text| pattern(text)).collect(),
        });
    }
    policy
}

/// Whom patterns of [`PRINCIPAL`] stand for, in words.
pub fn described(patterns: &[Pattern]) -> Vec<String> {
    let words = patterns.iter().filter_map(|pattern| match pattern.text.as_str() {
        EVERYBODY => Some("anybody".to_owned()),
        text => match text.strip_prefix("arn:*:").and_then(|rest| rest.strip_suffix(":*")) {
            // What a session is of stands beside what a user is.
            Some(part) if part.starts_with("sts::") => None,
            Some(part) => Some(format!("anybody of account {}", part.trim_start_matches("iam::"))),
            None => Some(text.to_owned()),
        },
    });
    words.collect()
}

/// A pattern of [`PRINCIPAL`].
fn pattern(text: &str) -> Pattern {
    Pattern::new(text, Syntax { wildcards: true, variables: false })
}

/// Everybody whom an element names, as patterns of [`PRINCIPAL`].
fn principals<S>(element: &Json<S>) -> Result<Vec<String>, String> {
    let everybody = || vec![EVERYBODY.to_owned()];
    match &element.content {
        Content::Text(text) if text == "*" => Ok(everybody()),
        Content::Map(kinds) if !kinds.is_empty() => {
            let mut all = Vec::new();
            for kind in kinds {
                let names = texts(&kind.value);
                if names.is_empty() {
                    return Err(format!("{} of Principal names nobody", kind.key));
                }
                let names = names.into_iter().map(|(name, _)| name);
                match kind.key.as_str() {
                    "AWS" => all.extend(names.flat_map(|name| match (name, account(name)) {
                        ("*", _) => everybody(),
                        (_, Some(account)) => {
                            vec![format!("arn:*:iam::{account}:*"), format!("arn:*:sts::{account}:*")]
                        }
                        (name, None) => vec![name.to_owned()],
                    })),
                    "Service" | "Federated" => all.extend(names.map(|name| format!("{}:{name}", kind.key))),
                    other => return Err(format!("nobody is a {other}")),
                }
            }
            Ok(all)
        }
        _ => Err("this is no principal".to_owned()),
    }
}

/// The number of an account that is named as a whole.
fn account(name: &str) -> Option<&str> {
    let number = match name.split(':').collect::<Vec<_>>().as_slice() {
        ["arn", _, "iam", "", number, "root"] => *number,
        [number] => *number,
        _ => return None,
    };
    (number.len() == 12 && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(number)
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

fn member<'j, S>(json: &'j Json<S>, key: &str) -> Option<&'j Member<S>> {
    let Content::Map(members) = &json.content else { return None };
    members.iter().find(|member| member.key == key)
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
    use super::{check, policy};
    use crate::iam::json;

    fn trust(principal: &str, action: &str) -> String {
        format!(r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow",{principal}"Action":"{action}"}}}}"#)
    }

    #[test]
    fn who_is_meant_is_a_condition() {
        for (principal, expected) in [
            (r#""*""#, &["arn:*"][..]),
            (r#"{"AWS":"111122223333"}"#, &["arn:*:iam::111122223333:*", "arn:*:sts::111122223333:*"]),
            (r#"{"AWS":["arn:aws:iam::111122223333:user/a"]}"#, &["arn:aws:iam::111122223333:user/a"]),
            (
                r#"{"Service":"ec2.amazonaws.com","Federated":"cognito"}"#,
                &["Service:ec2.amazonaws.com", "Federated:cognito"],
            ),
        ] {
            let text = trust(&format!(r#""Principal":{principal},"#), "sts:AssumeRole");
            let json = json::parse(&text).expect("JSON");
            assert_eq!(check(&json), [], "{text}");
            let said = policy(&json);
            let values = said.statements[0].conditions[0].values.iter().map(|value| value.text.as_str());
            assert_eq!(values.collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn what_iam_refuses_is_told() {
        for (principal, action, code) in [
            ("", "sts:AssumeRole", "MISSING_PRINCIPAL"),
            (r#""Principal":{},"#, "sts:AssumeRole", "INVALID_PRINCIPAL"),
            (r#""Principal":{"User":"a"},"#, "sts:AssumeRole", "INVALID_PRINCIPAL"),
            (r#""Principal":{"AWS":[]},"#, "sts:AssumeRole", "INVALID_PRINCIPAL"),
            (r#""Principal":"*","Resource":"*","#, "sts:AssumeRole", "PROHIBITED_RESOURCE"),
            (r#""Principal":"*","#, "s3:GetObject", "INVALID_ACTION"),
        ] {
            let found = check(&json::parse(&trust(principal, action)).expect("JSON"));
            assert!(found.iter().any(|finding| finding.code == code && finding.fatal), "{code}: {found:?}");
        }
    }
}
