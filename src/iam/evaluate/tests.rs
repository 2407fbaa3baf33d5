//! The rules of matching and of the decision, each with its source.

use std::sync::Arc;

use proptest::prelude::*;

use super::Decision::{Allowed, ExplicitlyDenied, ImplicitlyDenied};
use crate::iam::json;
use crate::iam::pattern::{Pattern, Syntax};
use crate::iam::policy::{Policy, PolicySet};
use crate::iam::reading::Reading;
use crate::iam::request::Request;

fn policy(version: &str, statements: &str) -> Arc<Policy<std::ops::Range<usize>>> {
    let text = format!(r#"{{"Version":"{version}","Statement":[{statements}]}}"#);
    Arc::new(Policy::of_checked(&json::parse(&text).expect("JSON")))
}

fn one(statements: &str) -> Arc<Policy<std::ops::Range<usize>>> {
    policy("2012-10-17", statements)
}

fn request(action: &str, resource: &str) -> Request {
    let mut request = Request { action: action.to_owned(), resource: resource.to_owned(), ..Request::default() };
    request.context.insert("aws:username".to_owned(), vec!["bob".to_owned()]);
    request
}

fn allows(actions: &str, resources: &str, action: &str, resource: &str) -> bool {
    let text = format!(r#"{{"Effect":"Allow",{actions},{resources}}}"#);
    PolicySet::identity(vec![one(&text)]).allows(&request(action, resource), Reading::CROSSING)
}

/// Source: IAM User Guide, "IAM JSON policy elements: Action", "NotAction".
#[test]
fn actions_ignore_case_and_know_wildcards() {
    for (actions, action, expected) in [
        (r#""Action":"s3:GetObject""#, "s3:GetObject", true),
        (r#""Action":"S3:getobject""#, "s3:GetObject", true),
        (r#""Action":"s3:Get*""#, "s3:GetObjectAcl", true),
        (r#""Action":"s3:*Object""#, "s3:PutObject", true),
        (r#""Action":"s3:Get?bject""#, "s3:GetObject", true),
        (r#""Action":"s3:Get?""#, "s3:GetObject", false),
        (r#""Action":"*""#, "ec2:RunInstances", true),
        (r#""Action":["s3:GetObject","ec2:*"]"#, "ec2:RunInstances", true),
        (r#""Action":[]"#, "s3:GetObject", false),
        (r#""NotAction":"s3:*""#, "s3:GetObject", false),
        (r#""NotAction":"s3:*""#, "iam:CreateUser", true),
    ] {
        assert_eq!(allows(actions, r#""Resource":"*""#, action, "*"), expected, "{actions} {action}");
    }
}

/// Source: IAM User Guide, "IAM JSON policy elements: Resource", "Variables and tags".
#[test]
fn resources_mind_case_and_take_variables() {
    for (resources, resource, expected) in [
        (r#""Resource":"arn:aws:s3:::b""#, "arn:aws:s3:::b", true),
        (r#""Resource":"arn:aws:s3:::b""#, "arn:aws:s3:::B", false),
        (r#""Resource":"arn:aws:s3:::b*""#, "arn:aws:s3:::b/deep/key", true),
        (r#""Resource":"arn:aws:*""#, "arn:aws:s3:::b", true),
        (r#""Resource":"arn:aws:s3:::home/${aws:username}/*""#, "arn:aws:s3:::home/bob/x", true),
        (r#""Resource":"arn:aws:s3:::home/${AWS:UserName}/*""#, "arn:aws:s3:::home/eve/x", false),
        (r#""Resource":"arn:aws:s3:::home/${aws:userid}/*""#, "arn:aws:s3:::home//x", false),
        (r#""Resource":"arn:aws:s3:::home/${aws:userid, 'all'}/*""#, "arn:aws:s3:::home/all/x", true),
        (r#""Resource":"arn:aws:s3:::a${*}""#, "arn:aws:s3:::a*", true),
        (r#""Resource":"arn:aws:s3:::a${*}""#, "arn:aws:s3:::ab", false),
        (r#""NotResource":"arn:aws:s3:::b""#, "arn:aws:s3:::b", false),
        (r#""NotResource":"arn:aws:s3:::b""#, "*", true),
    ] {
        assert_eq!(
            allows(r#""Action":"s3:*""#, resources, "s3:GetObject", resource),
            expected,
            "{resources} {resource}"
        );
    }
    // The language of 2008 has no variables.
    let old = r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::${aws:username}"}"#;
    let old = PolicySet::identity(vec![policy("2008-10-17", old)]);
    assert!(!old.allows(&request("s3:GetObject", "arn:aws:s3:::bob"), Reading::CROSSING));
    assert!(old.allows(&request("s3:GetObject", "arn:aws:s3:::${aws:username}"), Reading::CROSSING));
}

#[test]
fn a_star_crosses_colons_by_one_reading_and_keeps_to_its_segment_by_the_other() {
    let matches = |pattern: &str, resource: &str, reading| {
        let pattern = Pattern::new(pattern, Syntax { wildcards: true, variables: true });
        pattern.matches_resource(&request("a:b", resource), reading)
    };
    for (pattern, resource, crossing, segmented) in [
        ("arn:aws:sns:*:1:t", "arn:aws:sns:eu:1:t", true, true),
        ("arn:aws:sns:e*u:1:t", "arn:aws:sns:e:x:u:1:t", true, false),
        ("arn:aws:logs:::a*b", "arn:aws:logs:::a:b", true, false),
        ("arn:aws:logs:::a*", "arn:aws:logs:::a:b", true, true),
        ("arn:aws:*", "arn:aws:s3:::b", true, true),
        ("arn:aws:logs:::a?b", "arn:aws:logs:::a:b", true, false),
        ("arn:aws:logs:::a?b", "arn:aws:logs:::axb", true, true),
    ] {
        assert_eq!(matches(pattern, resource, Reading::CROSSING), crossing, "{pattern} {resource}");
        assert_eq!(matches(pattern, resource, Reading::SEGMENTED), segmented, "{pattern} {resource} segmented");
    }
}

/// Source: IAM User Guide, "Policy evaluation logic", "Permissions boundaries", "Session policies".
#[test]
fn a_denial_wins_and_every_set_must_allow() {
    let allow = || vec![one(r#"{"Sid":"A","Effect":"Allow","Action":"s3:*","Resource":"*"}"#)];
    let other = || vec![one(r#"{"Effect":"Allow","Action":"ec2:*","Resource":"*"}"#)];
    let deny = || vec![one(r#"{"Sid":"D","Effect":"Deny","Action":"s3:Get*","Resource":"*"}"#)];
    let both = || [allow(), deny()].concat();
    let set = |identity, boundary, session| PolicySet { identity, boundary, session };
    for (set, decision, by) in [
        (set(Vec::new(), None, None), ImplicitlyDenied, vec![]),
        (set(allow(), None, None), Allowed, vec!["A"]),
        (set(both(), None, None), ExplicitlyDenied, vec!["D"]),
        (set(deny(), None, None), ExplicitlyDenied, vec!["D"]),
        (set(allow(), Some(allow()), None), Allowed, vec!["A", "A"]),
        (set(allow(), Some(other()), None), ImplicitlyDenied, vec!["A"]),
        (set(allow(), Some(both()), None), ExplicitlyDenied, vec!["D"]),
        (set(Vec::new(), Some(allow()), None), ImplicitlyDenied, vec![]),
        (set(allow(), None, Some(other())), ImplicitlyDenied, vec!["A"]),
        (set(allow(), Some(allow()), Some(allow())), Allowed, vec!["A", "A", "A"]),
        (set(allow(), Some(Vec::new()), None), ImplicitlyDenied, vec!["A"]),
    ] {
        let verdict = set.evaluate(&request("s3:GetObject", "arn:aws:s3:::b/k"), Reading::CROSSING);
        let sids: Vec<&str> = verdict.by.iter().filter_map(|one| one.sid.as_deref()).collect();
        assert_eq!((verdict.decision, sids), (decision, by));
    }
}

/// Source: STS API reference, GetCallerIdentity: "No permissions are required".
#[test]
fn nobody_can_be_kept_from_asking_who_he_is() {
    let deny = PolicySet::identity(vec![one(r#"{"Effect":"Deny","Action":"*","Resource":"*"}"#)]);
    assert!(deny.allows(&request("sts:GetCallerIdentity", "*"), Reading::CROSSING));
}

#[test]
fn hostile_patterns_take_bounded_work() {
    let pattern = Pattern::new(&"*a".repeat(500), Syntax { wildcards: true, variables: false });
    assert!(!pattern.matches(&"a".repeat(5_000).replace("aaaaaaaaaa", "b"), &Request::default()));
    assert!(!pattern.matches_resource(&request("a:b", &"ab".repeat(400)), Reading::SEGMENTED));
}

/// The model: every way a pattern can be read, tried one after the other.
fn model(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.first(), text.first()) {
        (None, None) => true,
        (Some(b'*'), _) => (0..=text.len()).any(|taken| model(&pattern[1..], &text[taken..])),
        (Some(b'?'), Some(_)) => model(&pattern[1..], &text[1..]),
        (Some(a), Some(b)) if a == b => model(&pattern[1..], &text[1..]),
        _ => false,
    }
}

proptest! {
    #[test]
    fn matching_agrees_with_trying_every_way(pattern in "[ab:*?]{0,7}", text in "[ab:]{0,7}") {
        let parsed = Pattern::new(&pattern, Syntax { wildcards: true, variables: false });
        prop_assert_eq!(parsed.matches(&text, &Request::default()), model(pattern.as_bytes(), text.as_bytes()));
        let segmented = parsed.matches_resource(&request("a:b", &text), Reading::SEGMENTED);
        prop_assert!(!segmented || parsed.matches(&text, &Request::default()), "segmented matches less");
    }
}
