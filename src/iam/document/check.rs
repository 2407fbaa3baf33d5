//! What is wrong with a policy document, everything at once.

use super::{Content, Finding, Json, Member, PolicyType, SIZE_CODE, size};
use crate::iam::operator::{Operator, Test};
use crate::iam::value::Type;
use crate::text::did_you_mean;

mod advice;
mod arn;
mod keys;
mod resources;
mod spelling;
mod values;

const VERSION: &str = "2012-10-17";

const TOP: &[&str] = &["Version", "Id", "Statement"];
const STATEMENT: &[&str] =
    &["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition", "Principal", "NotPrincipal"];

/// Checks a document as an inline policy of a user.
pub fn check<S: Clone>(json: &Json<S>) -> Vec<Finding<S>> {
    check_as(json, PolicyType::UserInline)
}

/// Checks a document as what it is to be. Its size is that of its compact text, which is what is sent.
pub fn check_as<S: Clone>(json: &Json<S>, policy_type: PolicyType) -> Vec<Finding<S>> {
    let mut checker = Checker { findings: Vec::new(), policy_type };
    checker.characters(json);
    checker.document(json);
    if checker.findings.iter().all(|finding| !finding.fatal) {
        checker.size(json, size(&json.compact()));
    }
    checker.findings
}

/// As [`check_as`] for a text that is sent as it stands, white space and all: a session policy's counts.
pub(super) fn check_text<S: Clone>(json: &Json<S>, text: &str, policy_type: PolicyType) -> Vec<Finding<S>> {
    let mut findings = check_as(json, policy_type);
    if policy_type.counts_white_space() && findings.iter().all(|finding| !finding.fatal) {
        findings.retain(|finding| finding.code != SIZE_CODE);
        let mut checker = Checker { findings, policy_type };
        checker.size(json, size(text));
        findings = checker.findings;
    }
    findings
}

/// What is odd about an action, or a pattern of actions, that stands outside a document: in what is forbidden, asked
/// or asserted. The same as in a document.
pub fn check_action(text: &str) -> Vec<Finding<()>> {
    alone(|checker| checker.action(&(), text))
}

/// As [`check_action`] for a resource.
pub fn check_resource(text: &str) -> Vec<Finding<()>> {
    alone(|checker| checker.resource(&(), text))
}

/// As [`check_resource`] for a pattern that is compared as it stands: a variable would match nothing but its own name.
pub fn check_resource_pattern(text: &str) -> Vec<Finding<()>> {
    if text.contains("${") {
        return alone(|checker| {
            let what =
                format!("`{text}` has a policy variable, and no request is known here that would give it a value");
            let hint = Some("write `*` for all that it may stand for".to_owned());
            checker.fatal("VARIABLE_UNSUPPORTED_IN_ELEMENT", &(), what, hint);
        });
    }
    check_resource(text)
}

/// As [`check_action`] for a condition key.
pub fn check_key(text: &str) -> Vec<Finding<()>> {
    alone(|checker| {
        if let Some(hint) = keys::misshapen(text) {
            let what = format!("`{text}` is not a condition key");
            return checker.fatal(keys::SHAPE_CODE, &(), what, Some(hint.to_owned()));
        }
        checker.known_key(&(), text);
        checker.known_service_of_key(&(), text);
    })
}

fn alone(check: impl FnOnce(&mut Checker<()>)) -> Vec<Finding<()>> {
    let mut checker = Checker { findings: Vec::new(), policy_type: PolicyType::UserInline };
    check(&mut checker);
    checker.findings
}

struct Checker<S> {
    findings: Vec<Finding<S>>,
    policy_type: PolicyType,
}

impl<S: Clone> Checker<S> {
    fn fatal(&mut self, code: &'static str, span: &S, what: impl Into<String>, hint: Option<String>) {
        self.findings.push(Finding { code, span: span.clone(), what: what.into(), hint, also: None, fatal: true });
    }

    fn warn(&mut self, code: &'static str, span: &S, what: impl Into<String>, hint: Option<String>) {
        self.findings.push(Finding { code, span: span.clone(), what: what.into(), hint, also: None, fatal: false });
    }

    fn size(&mut self, json: &Json<S>, taken: usize) {
        let (max, place) = (self.policy_type.size_max(), self.policy_type.place());
        if taken > max {
            let what = format!("this policy has {taken} characters; IAM allows {max} in {place}");
            let hint = match self.policy_type {
                PolicyType::UserInline | PolicyType::GroupInline | PolicyType::RoleInline => {
                    "use wildcards, or a managed policy in `policy_arns`"
                }
                PolicyType::Managed => "use wildcards, or split it: a principal may have ten managed policies",
                PolicyType::Session => "use wildcards, or leave to the role what the session need not narrow",
            };
            self.fatal(SIZE_CODE, &json.span, what, Some(hint.to_owned()));
        } else if taken * 10 > max * 8 {
            let what = format!("this policy has {taken} of the {max} characters that IAM allows");
            self.warn(SIZE_CODE, &json.span, what, None);
        }
    }

    fn members<'a>(&mut self, json: &'a Json<S>, what: &str, known: &[&str]) -> Option<&'a [Member<S>]> {
        let Content::Map(members) = &json.content else {
            self.fatal("DATA_TYPE_MISMATCH", &json.span, format!("expected {what}, found {}", json.type_name()), None);
            return None;
        };
        for (index, member) in members.iter().enumerate() {
            if let Some(first) = members[..index].iter().find(|other| other.key.eq_ignore_ascii_case(&member.key)) {
                self.findings.push(Finding {
                    code: "DUPLICATE_KEYS_WITH_DIFFERENT_CASE",
                    span: member.key_span.clone(),
                    what: format!("the key `{}` stands twice", member.key),
                    hint: None,
                    also: Some((first.key_span.clone(), "first here".to_owned())),
                    fatal: true,
                });
            }
            if !known.is_empty() && !known.contains(&member.key.as_str()) {
                let hint = did_you_mean(&member.key, known.iter().copied());
                self.fatal(
                    "INVALID_POLICY_ELEMENT",
                    &member.key_span,
                    format!("{what} has no element `{}`", member.key),
                    hint,
                );
            }
        }
        Some(members)
    }

    fn document(&mut self, json: &Json<S>) {
        let Some(members) = self.members(json, "a policy document", TOP) else { return };
        self.version(json, members);
        if let Some(id) = find(members, "Id") {
            if !matches!(id.value.content, Content::Text(_)) {
                let what = format!("`Id` is a text, found {}", id.value.type_name());
                self.fatal("DATA_TYPE_MISMATCH", &id.value.span, what, None);
            }
            self.warn("UNSUPPORTED_ELEMENT_ID", &id.key_span, "`Id` has no meaning in a policy of a user", None);
        }
        let Some(statement) = find(members, "Statement") else {
            self.fatal("MISSING_STATEMENT", &json.span, "the policy has no `Statement`", None);
            return;
        };
        match &statement.value.content {
            Content::List(items) if items.is_empty() => {
                self.fatal("MISSING_STATEMENT", &statement.value.span, "the policy has no statement", None);
            }
            Content::List(items) => {
                items.iter().for_each(|item| self.statement(item));
                self.unique_sids(items);
            }
            _ => self.statement(&statement.value),
        }
    }

    fn version(&mut self, json: &Json<S>, members: &[Member<S>]) {
        let hint = Some(format!("write \"Version\": \"{VERSION}\""));
        let Some(version) = find(members, "Version") else {
            if has_variable(json) {
                let what = "without a `Version`, IAM takes `${...}` literally";
                self.fatal("VARIABLE_UNSUPPORTED_IN_VERSION", &json.span, what, hint);
            } else {
                self.warn(
                    "MISSING_VERSION",
                    &json.span,
                    "the policy has no `Version`: IAM reads it by the rules of 2008",
                    hint,
                );
            }
            return;
        };
        match &version.value.content {
            Content::Text(text) if text == VERSION => {}
            Content::Text(text) if text == "2008-10-17" => {
                if has_variable(json) {
                    self.fatal(
                        "VARIABLE_UNSUPPORTED_IN_VERSION",
                        &version.value.span,
                        "by the rules of 2008, IAM takes `${...}` literally",
                        hint,
                    );
                } else {
                    self.warn("OLD_VERSION", &version.value.span, "this is the policy language of 2008", hint);
                }
            }
            _ => {
                self.fatal(
                    "INVALID_VERSION",
                    &version.value.span,
                    "this is not a version of the policy language",
                    hint,
                );
            }
        }
    }

    fn unique_sids(&mut self, items: &[Json<S>]) {
        let mut seen: std::collections::HashMap<&str, &S> = std::collections::HashMap::new();
        let sids = items.iter().filter_map(|item| match &item.content {
            Content::Map(members) => find(members, "Sid"),
            _ => None,
        });
        for sid in sids {
            let Content::Text(text) = &sid.value.content else { continue };
            if text.is_empty() {
                continue;
            }
            if let Some(first) = seen.insert(text, &sid.value.span) {
                self.findings.push(Finding {
                    code: "UNIQUE_SIDS_REQUIRED",
                    span: sid.value.span.clone(),
                    what: format!("two statements have the Sid `{text}`"),
                    hint: None,
                    also: Some((first.clone(), "first here".to_owned())),
                    fatal: true,
                });
            }
        }
    }

    fn statement(&mut self, json: &Json<S>) {
        let Some(members) = self.members(json, "a statement", STATEMENT) else { return };
        match find(members, "Effect").map(|effect| &effect.value) {
            Some(Json { content: Content::Text(text), .. }) if text == "Allow" || text == "Deny" => {}
            Some(effect) => {
                self.fatal("INVALID_EFFECT", &effect.span, "`Effect` is `Allow` or `Deny`, with a capital", None);
            }
            None => self.fatal("MISSING_EFFECT", &json.span, "the statement has no `Effect`", None),
        }
        for key in ["Principal", "NotPrincipal"] {
            if let Some(principal) = find(members, key) {
                let what = format!("`{key}` has no place in a policy of a user: the user is the principal");
                self.fatal("UNSUPPORTED_ELEMENT_PRINCIPAL", &principal.key_span, what, Some("remove it".to_owned()));
            }
        }
        if let Some(sid) = find(members, "Sid") {
            match &sid.value.content {
                Content::Text(text) if text.chars().all(|c| c.is_ascii_alphanumeric()) => {}
                _ => self.fatal("UNSUPPORTED_SID", &sid.value.span, "a Sid has letters A-Z, a-z and digits only", None),
            }
        }
        self.one_of(json, members, ("Action", "NotAction"), "MISSING_ACTION", Self::action);
        self.one_of(json, members, ("Resource", "NotResource"), "MISSING_RESOURCE", Self::resource);
        if let Some(condition) = find(members, "Condition") {
            self.condition(&condition.value);
        }
        self.advise(members);
        self.fitting_resources(members);
    }

    fn one_of(
        &mut self,
        statement: &Json<S>,
        members: &[Member<S>],
        (key, not_key): (&str, &str),
        missing: &'static str,
        item: fn(&mut Self, &S, &str),
    ) {
        match (find(members, key), find(members, not_key)) {
            (None, None) => {
                let what = format!("the statement has neither `{key}` nor `{not_key}`");
                self.fatal(missing, &statement.span, what, None);
            }
            (Some(first), Some(second)) => self.findings.push(Finding {
                code: "UNSUPPORTED_ELEMENT_COMBINATION",
                span: second.key_span.clone(),
                what: format!("the statement has both `{key}` and `{not_key}`"),
                hint: None,
                also: Some((first.key_span.clone(), "the other one".to_owned())),
                fatal: true,
            }),
            (Some(one), None) | (None, Some(one)) => self.texts(&one.value, missing, item),
        }
    }

    fn texts(&mut self, json: &Json<S>, missing: &'static str, item: fn(&mut Self, &S, &str)) {
        match &json.content {
            Content::Text(text) => item(self, &json.span, text),
            // IAM answers that the statement must contain actions, or resources.
            Content::List(items) if items.is_empty() => {
                self.fatal(missing, &json.span, "an empty list matches nothing, and IAM refuses it", None);
            }
            Content::List(items) => {
                for one in items {
                    match &one.content {
                        Content::Text(text) => item(self, &one.span, text),
                        _ => {
                            let what = format!("expected text, found {}", one.type_name());
                            self.fatal("DATA_TYPE_MISMATCH", &one.span, what, None);
                        }
                    }
                }
            }
            _ => {
                let what = format!("expected text or a list of texts, found {}", json.type_name());
                self.fatal("DATA_TYPE_MISMATCH", &json.span, what, None);
            }
        }
    }

    fn action(&mut self, span: &S, text: &str) {
        if text == "*" {
            return;
        }
        let named = text.split_once(':');
        let valid = named.is_some_and(|(service, name)| {
            let service_ok = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
            let name_ok = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'*' | b'?' | b'-' | b'_');
            !service.is_empty() && service.bytes().all(service_ok) && !name.is_empty() && name.bytes().all(name_ok)
        });
        if valid {
            return self.known_action(span, text);
        }
        if let Some((service, _)) = named.filter(|(service, _)| service.contains(['*', '?'])) {
            // IAM: "Action vendors (e.g., aws, ec2, etc.) must not contain wildcards." So also of `*:*`, which is `*`.
            let what = format!("`{text}` is not an action: `{service}` has a wildcard, and a service is named in full");
            let hint = match text {
                "*:*" => "write `*`",
                _ => "name each service: `s3:Get*`, `sqs:Get*`; or all of all services: `*`",
            };
            let hint = Some(hint.to_owned());
            return self.fatal("INVALID_SERVICE_IN_ACTION", span, what, hint);
        }
        let hint = Some("an action is `service:Name`, such as `s3:GetObject`, or `*`".to_owned());
        self.fatal("INVALID_ACTION", span, format!("`{text}` is not an action"), hint);
    }

    fn resource(&mut self, span: &S, text: &str) {
        if text != "*" && !text.starts_with("arn:") && !text.starts_with("${") {
            let hint = Some("a resource is an ARN, such as `arn:aws:s3:::bucket/*`, or `*`".to_owned());
            return self.fatal("INVALID_ARN_PREFIX", span, format!("`{text}` is not a resource"), hint);
        }
        if let Some(arn::Problem { code, what, hint, fatal }) = arn::problem(text) {
            let span = span.clone();
            self.findings.push(Finding { code, span, what, hint: hint.map(str::to_owned), also: None, fatal });
        }
        self.variables(span, text, true);
    }

    fn variables(&mut self, span: &S, text: &str, wildcards: bool) {
        if let Some((code, what)) = values::variable_problem(text, wildcards) {
            self.warn(code, span, what, Some("a variable is written `${key}` or `${key, 'default'}`".to_owned()));
        }
        self.spelling(span, text);
    }

    fn condition(&mut self, json: &Json<S>) {
        let Some(operators) = self.members(json, "a condition", &[]) else { return };
        self.empty(json, operators);
        for operator in operators {
            let parsed = Operator::parse(&operator.key);
            if parsed.is_none() {
                let bare = operator.key.trim_start_matches("ForAllValues:").trim_start_matches("ForAnyValue:");
                let names: Vec<&str> = Test::ALL.iter().map(|test| test.name()).collect();
                let (what, hint) = (
                    format!("`{}` is not a condition operator", operator.key),
                    did_you_mean(bare, names.iter().copied()),
                );
                self.fatal("INVALID_CONDITION_OPERATOR", &operator.key_span, what, hint);
            }
            let Some(keys) = self.members(&operator.value, "keys and their values", &[]) else { continue };
            self.empty(&operator.value, keys);
            for key in keys {
                self.condition_values(&key.value, parsed.map(|operator| operator.test));
            }
            if let Some(parsed) = parsed {
                self.condition_keys(parsed, keys);
            }
        }
    }

    /// A part of a condition without anything in it. Source: Access Analyzer policy check reference.
    fn empty(&mut self, json: &Json<S>, members: &[Member<S>]) {
        if members.is_empty() {
            let what = "there is no condition here: the statement holds as it would without this";
            self.warn("EMPTY_OBJECT_CONDITION", &json.span, what, Some("write the condition, or remove it".to_owned()));
        }
    }

    fn condition_values(&mut self, json: &Json<S>, test: Option<Test>) {
        if matches!(&json.content, Content::List(items) if items.is_empty()) {
            let what = "the list has no value: what IAM makes of it is not told, so it counts against you";
            self.warn("EMPTY_ARRAY_CONDITION", &json.span, what, Some("write the values, or remove it".to_owned()));
        }
        let items = match &json.content {
            Content::List(items) => items.as_slice(),
            _ => std::slice::from_ref(json),
        };
        for item in items {
            let text = match &item.content {
                Content::Text(text) | Content::Number(text) => text.clone(),
                Content::Bool(flag) => flag.to_string(),
                Content::Null | Content::List(_) | Content::Map(_) => {
                    let what = format!("expected text, found {}", item.type_name());
                    self.fatal("DATA_TYPE_MISMATCH", &item.span, what, None);
                    continue;
                }
            };
            let Some(test) = test else { continue };
            if let Some(values::Problem { code, what, hint, fatal }) = values::problem(test, &text) {
                let (span, hint) = (item.span.clone(), hint.map(str::to_owned));
                self.findings.push(Finding { code, span, what, hint, also: None, fatal });
            } else {
                let wildcards = test.value_type() == Type::Arn || test.name().ends_with("Like");
                self.variables(&item.span, &text, wildcards);
            }
        }
    }

    /// IAM takes tab, line feed, carriage return and U+0020 to U+00FF. Source: API reference, PutUserPolicy.
    fn characters(&mut self, json: &Json<S>) {
        let odd = |text: &str| text.chars().find(|c| !matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{ff}'));
        match &json.content {
            Content::Text(text) => {
                if let Some(c) = odd(text) {
                    let what = format!("IAM does not take the character U+{:04X}", u32::from(c));
                    self.fatal("UNSUPPORTED_CHARACTER", &json.span, what, None);
                }
            }
            Content::List(items) => items.iter().for_each(|item| self.characters(item)),
            Content::Map(members) => {
                for member in members {
                    if let Some(c) = odd(&member.key) {
                        let what = format!("IAM does not take the character U+{:04X}", u32::from(c));
                        self.fatal("UNSUPPORTED_CHARACTER", &member.key_span, what, None);
                    }
                    self.characters(&member.value);
                }
            }
            _ => {}
        }
    }
}

fn find<'a, S>(members: &'a [Member<S>], key: &str) -> Option<&'a Member<S>> {
    members.iter().find(|member| member.key == key)
}

fn has_variable<S>(json: &Json<S>) -> bool {
    match &json.content {
        Content::Text(text) => text.contains("${"),
        Content::List(items) => items.iter().any(has_variable),
        Content::Map(members) => members.iter().any(|member| has_variable(&member.value)),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
