//! What is wrong with a policy document, everything at once.

use super::{Finding, Json, Kind, Member, USER_INLINE_SIZE_MAX, size};

const VERSION: &str = "2012-10-17";

const TOP: &[&str] = &["Version", "Id", "Statement"];
const STATEMENT: &[&str] =
    &["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition", "Principal", "NotPrincipal"];

/// Condition operators without their `IfExists` suffix and `ForAllValues:`/`ForAnyValue:` prefixes.
const OPERATORS: &[&str] = &[
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
    "ArnEquals",
    "ArnLike",
    "ArnNotEquals",
    "ArnNotLike",
    "Null",
];

/// Checks a document as an inline policy of a user.
pub fn check<S: Clone>(json: &Json<S>) -> Vec<Finding<S>> {
    let mut checker = Checker { findings: Vec::new() };
    checker.characters(json);
    checker.document(json);
    if checker.findings.iter().all(|finding| !finding.fatal) {
        checker.size(json);
    }
    checker.findings
}

struct Checker<S> {
    findings: Vec<Finding<S>>,
}

impl<S: Clone> Checker<S> {
    fn fatal(&mut self, span: &S, what: impl Into<String>, hint: Option<String>) {
        self.findings.push(Finding { span: span.clone(), what: what.into(), hint, also: None, fatal: true });
    }

    fn warn(&mut self, span: &S, what: impl Into<String>, hint: Option<String>) {
        self.findings.push(Finding { span: span.clone(), what: what.into(), hint, also: None, fatal: false });
    }

    fn size(&mut self, json: &Json<S>) {
        let taken = size(&json.compact());
        if taken > USER_INLINE_SIZE_MAX {
            let what = format!(
                "this policy has {taken} characters; IAM allows {USER_INLINE_SIZE_MAX} in all inline policies of one user"
            );
            self.fatal(&json.span, what, Some("use wildcards, or a managed policy in `policy_arns`".to_owned()));
        } else if taken * 10 > USER_INLINE_SIZE_MAX * 8 {
            let what = format!("this policy has {taken} of the {USER_INLINE_SIZE_MAX} characters that IAM allows");
            self.warn(&json.span, what, None);
        }
    }

    fn members<'a>(&mut self, json: &'a Json<S>, what: &str, known: &[&str]) -> Option<&'a [Member<S>]> {
        let Kind::Map(members) = &json.kind else {
            self.fatal(&json.span, format!("expected {what}, found {}", json.sort()), None);
            return None;
        };
        for (index, member) in members.iter().enumerate() {
            if let Some(first) = members[..index].iter().find(|other| other.key.eq_ignore_ascii_case(&member.key)) {
                self.findings.push(Finding {
                    span: member.key_span.clone(),
                    what: format!("the key `{}` stands twice", member.key),
                    hint: None,
                    also: Some((first.key_span.clone(), "first here".to_owned())),
                    fatal: true,
                });
            }
            if !known.is_empty() && !known.contains(&member.key.as_str()) {
                let hint = nearest(&member.key, known);
                self.fatal(&member.key_span, format!("{what} has no element `{}`", member.key), hint);
            }
        }
        Some(members)
    }

    fn document(&mut self, json: &Json<S>) {
        let Some(members) = self.members(json, "a policy document", TOP) else { return };
        self.version(json, members);
        if let Some(id) = find(members, "Id") {
            self.warn(&id.key_span, "`Id` has no meaning in a policy of a user", None);
        }
        let Some(statement) = find(members, "Statement") else {
            self.fatal(&json.span, "the policy has no `Statement`", None);
            return;
        };
        match &statement.value.kind {
            Kind::List(items) if items.is_empty() => {
                self.fatal(&statement.value.span, "the policy has no statement", None);
            }
            Kind::List(items) => {
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
                self.fatal(&json.span, what, hint);
            } else {
                self.warn(&json.span, "the policy has no `Version`: IAM reads it by the rules of 2008", hint);
            }
            return;
        };
        match &version.value.kind {
            Kind::Text(text) if text == VERSION => {}
            Kind::Text(text) if text == "2008-10-17" => {
                if has_variable(json) {
                    self.fatal(&version.value.span, "by the rules of 2008, IAM takes `${...}` literally", hint);
                } else {
                    self.warn(&version.value.span, "this is the policy language of 2008", hint);
                }
            }
            _ => self.fatal(&version.value.span, "this is not a version of the policy language", hint),
        }
    }

    fn unique_sids(&mut self, items: &[Json<S>]) {
        let mut seen: std::collections::HashMap<&str, &S> = std::collections::HashMap::new();
        let sids = items.iter().filter_map(|item| match &item.kind {
            Kind::Map(members) => find(members, "Sid"),
            _ => None,
        });
        for sid in sids {
            let Kind::Text(text) = &sid.value.kind else { continue };
            if text.is_empty() {
                continue;
            }
            if let Some(first) = seen.insert(text, &sid.value.span) {
                self.findings.push(Finding {
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
            Some(Json { kind: Kind::Text(text), .. }) if text == "Allow" || text == "Deny" => {}
            Some(effect) => {
                self.fatal(&effect.span, "`Effect` is `Allow` or `Deny`, with a capital", None);
            }
            None => self.fatal(&json.span, "the statement has no `Effect`", None),
        }
        for key in ["Principal", "NotPrincipal"] {
            if let Some(principal) = find(members, key) {
                let what = format!("`{key}` has no place in a policy of a user: the user is the principal");
                self.fatal(&principal.key_span, what, Some("remove it".to_owned()));
            }
        }
        if let Some(sid) = find(members, "Sid") {
            match &sid.value.kind {
                Kind::Text(text) if text.chars().all(|c| c.is_ascii_alphanumeric()) => {}
                _ => self.fatal(&sid.value.span, "a Sid has letters A-Z, a-z and digits only", None),
            }
        }
        self.one_of(json, members, "Action", "NotAction", Self::action);
        self.one_of(json, members, "Resource", "NotResource", Self::resource);
        if let Some(condition) = find(members, "Condition") {
            self.condition(&condition.value);
        }
    }

    fn one_of(
        &mut self,
        statement: &Json<S>,
        members: &[Member<S>],
        key: &str,
        not_key: &str,
        item: fn(&mut Self, &S, &str),
    ) {
        match (find(members, key), find(members, not_key)) {
            (None, None) => {
                self.fatal(&statement.span, format!("the statement has neither `{key}` nor `{not_key}`"), None);
            }
            (Some(first), Some(second)) => self.findings.push(Finding {
                span: second.key_span.clone(),
                what: format!("the statement has both `{key}` and `{not_key}`"),
                hint: None,
                also: Some((first.key_span.clone(), "the other one".to_owned())),
                fatal: true,
            }),
            (Some(one), None) | (None, Some(one)) => self.texts(&one.value, item),
        }
    }

    fn texts(&mut self, json: &Json<S>, item: fn(&mut Self, &S, &str)) {
        match &json.kind {
            Kind::Text(text) => item(self, &json.span, text),
            Kind::List(items) if items.is_empty() => {
                self.warn(&json.span, "an empty list matches nothing", None);
            }
            Kind::List(items) => {
                for one in items {
                    match &one.kind {
                        Kind::Text(text) => item(self, &one.span, text),
                        _ => self.fatal(&one.span, format!("expected text, found {}", one.sort()), None),
                    }
                }
            }
            _ => self.fatal(&json.span, format!("expected text or a list of texts, found {}", json.sort()), None),
        }
    }

    fn action(&mut self, span: &S, text: &str) {
        if text == "*" {
            return;
        }
        let valid = text.split_once(':').is_some_and(|(service, name)| {
            let service_ok = !service.is_empty() && service.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            let name_ok = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'*' | b'?' | b'-' | b'_');
            service_ok && !name.is_empty() && name.bytes().all(name_ok)
        });
        if !valid {
            let hint = Some("an action is `service:Name`, such as `s3:GetObject`, or `*`".to_owned());
            self.fatal(span, format!("`{text}` is not an action"), hint);
        }
    }

    fn resource(&mut self, span: &S, text: &str) {
        if text != "*" && !text.starts_with("arn:") && !text.starts_with("${") {
            let hint = Some("a resource is an ARN, such as `arn:aws:s3:::bucket/*`, or `*`".to_owned());
            self.fatal(span, format!("`{text}` is not a resource"), hint);
        }
    }

    fn condition(&mut self, json: &Json<S>) {
        let Some(operators) = self.members(json, "a condition", &[]) else { return };
        for operator in operators {
            let bare = operator.key.trim_start_matches("ForAllValues:").trim_start_matches("ForAnyValue:");
            let bare = bare.strip_suffix("IfExists").filter(|bare| *bare != "Null").unwrap_or(bare);
            if !OPERATORS.contains(&bare) {
                let hint = nearest(bare, OPERATORS);
                self.fatal(&operator.key_span, format!("`{}` is not a condition operator", operator.key), hint);
            }
            let Some(keys) = self.members(&operator.value, "keys and their values", &[]) else { continue };
            for key in keys {
                self.condition_values(&key.value);
            }
        }
    }

    fn condition_values(&mut self, json: &Json<S>) {
        let items = match &json.kind {
            Kind::List(items) => items.as_slice(),
            _ => std::slice::from_ref(json),
        };
        for item in items {
            if matches!(item.kind, Kind::Null | Kind::List(_) | Kind::Map(_)) {
                self.fatal(&item.span, format!("expected text, found {}", item.sort()), None);
            }
        }
    }

    /// IAM takes tab, line feed, carriage return and U+0020 to U+00FF. Source: API reference, PutUserPolicy.
    fn characters(&mut self, json: &Json<S>) {
        let odd = |text: &str| text.chars().find(|c| !matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{ff}'));
        match &json.kind {
            Kind::Text(text) => {
                if let Some(c) = odd(text) {
                    self.fatal(&json.span, format!("IAM does not take the character U+{:04X}", u32::from(c)), None);
                }
            }
            Kind::List(items) => items.iter().for_each(|item| self.characters(item)),
            Kind::Map(members) => {
                for member in members {
                    if let Some(c) = odd(&member.key) {
                        let what = format!("IAM does not take the character U+{:04X}", u32::from(c));
                        self.fatal(&member.key_span, what, None);
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
    match &json.kind {
        Kind::Text(text) => text.contains("${"),
        Kind::List(items) => items.iter().any(has_variable),
        Kind::Map(members) => members.iter().any(|member| has_variable(&member.value)),
        _ => false,
    }
}

fn nearest(found: &str, known: &[&str]) -> Option<String> {
    let score = |name: &str| strsim::jaro_winkler(&found.to_lowercase(), &name.to_lowercase());
    let best = known.iter().max_by(|a, b| score(a).total_cmp(&score(b)))?;
    (score(best) > 0.8).then(|| format!("did you mean `{best}`?"))
}

#[cfg(test)]
mod tests {
    use crate::iam::{document, json};

    fn findings(text: &str) -> Vec<(String, String, bool)> {
        let parsed = json::parse(text).expect("JSON");
        document::check(&parsed)
            .into_iter()
            .map(|finding| (text[finding.span].to_owned(), finding.what, finding.fatal))
            .collect()
    }

    fn in_statement(statement: &str) -> String {
        format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#)
    }

    #[test]
    fn a_sound_document_has_no_findings() {
        for statement in [
            r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#,
            r#"{"Sid":"A1","Effect":"Deny","NotAction":["iam:*","sts:Get?aller"],"NotResource":["arn:aws:s3:::b/*"]}"#,
            r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ForAnyValue:StringLikeIfExists":{"aws:x":["a",1,true]},"Null":{"k":"true"}}}"#,
            r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/${aws:username}/*"}"#,
        ] {
            assert_eq!(findings(&in_statement(statement)), [], "{statement}");
        }
    }

    #[test]
    fn problems_are_found_where_they_are() {
        for (statement, at, what) in [
            (r#"{"Effect":"allow","Action":"*","Resource":"*"}"#, "\"allow\"", "`Effect` is `Allow` or `Deny`"),
            (r#"{"Action":"*","Resource":"*"}"#, "{", "no `Effect`"),
            (r#"{"Effect":"Allow","Resource":"*"}"#, "{", "neither `Action` nor `NotAction`"),
            (r#"{"Effect":"Allow","Action":"*","NotAction":"*","Resource":"*"}"#, "\"NotAction\"", "has both"),
            (r#"{"Effect":"Allow","Actions":"*","Resource":"*"}"#, "\"Actions\"", "no element `Actions`"),
            (r#"{"Effect":"Allow","Action":"s3","Resource":"*"}"#, "\"s3\"", "not an action"),
            (r#"{"Effect":"Allow","Action":"s3: Get","Resource":"*"}"#, "\"s3: Get\"", "not an action"),
            (r#"{"Effect":"Allow","Action":["*",1],"Resource":"*"}"#, "1", "expected text, found a number"),
            (r#"{"Effect":"Allow","Action":"*","Resource":"bucket"}"#, "\"bucket\"", "not a resource"),
            (r#"{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}"#, "\"Principal\"", "no place"),
            (r#"{"Sid":"a b","Effect":"Allow","Action":"*","Resource":"*"}"#, "\"a b\"", "a Sid has"),
            (r#"{"Effect":"Allow","Effect":"Deny","Action":"*","Resource":"*"}"#, "\"Effect\"", "stands twice"),
            (
                r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEqual":{}}}"#,
                "\"StringEqual\"",
                "not a condition operator",
            ),
            (r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::ł"}"#, "\"arn", "U+0142"),
            (r#"{"Effect":"Allow","Action":[],"Resource":"*"}"#, "[]", "matches nothing"),
        ] {
            let text = in_statement(statement);
            let found = findings(&text);
            assert!(
                found.iter().any(|(span, found, _)| span.starts_with(at) && found.contains(what)),
                "{statement}: {found:?}"
            );
        }
    }

    #[test]
    fn versions_matter_when_there_are_variables() {
        let statement = |resource: &str| format!(r#"[{{"Effect":"Allow","Action":"*","Resource":"{resource}"}}]"#);
        for (version, resource, fatal) in [
            ("", "*", Some(false)),
            ("", "arn:aws:s3:::${aws:username}", Some(true)),
            (r#""Version":"2008-10-17","#, "*", Some(false)),
            (r#""Version":"2008-10-17","#, "arn:aws:s3:::${aws:username}", Some(true)),
            (r#""Version":"2013-10-17","#, "*", Some(true)),
            (r#""Version":"2012-10-17","#, "arn:aws:s3:::${aws:username}", None),
        ] {
            let text = format!(r#"{{{version}"Statement":{}}}"#, statement(resource));
            assert_eq!(findings(&text).first().map(|finding| finding.2), fatal, "{text}");
        }
    }

    #[test]
    fn a_document_near_or_over_the_limit_is_told() {
        let sized = |count: usize| {
            let resources: Vec<String> = (0..count).map(|n| format!("\"arn:aws:s3:::bucket-{n:03}/*\"")).collect();
            in_statement(&format!(r#"{{"Effect":"Allow","Action":"s3:*","Resource":[{}]}}"#, resources.join(",")))
        };
        assert_eq!(findings(&sized(10)), []);
        assert!(findings(&sized(62)).iter().any(|(_, what, fatal)| !fatal && what.contains("of the 2048")));
        assert!(findings(&sized(90)).iter().any(|(_, what, fatal)| *fatal && what.contains("IAM allows 2048")));
    }

    #[test]
    fn statements_share_no_sid() {
        let one = r#"{"Sid":"A","Effect":"Allow","Action":"*","Resource":"*"}"#;
        assert!(findings(&in_statement(&format!("{one},{one}"))).iter().any(|(_, what, _)| what.contains("Sid `A`")));
        assert!(!findings(r#"{"Version":"2012-10-17","Statement":[]}"#).is_empty());
        assert!(!findings(r#"{"Version":"2012-10-17"}"#).is_empty());
        assert!(!findings("[]").is_empty());
    }
}
