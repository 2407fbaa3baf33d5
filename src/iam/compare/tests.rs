//! Pairs of policies with their verdicts, and random ones against a model that tries every request.

use std::sync::Arc;

use proptest::prelude::*;

use super::{Extent, Proof, Relation, compare, reach};
use crate::iam::json;
use crate::iam::policy::{Policy, PolicySet};
use crate::iam::reading::{Doubt, Reading};
use crate::iam::request::Request;

fn policy(statements: &str) -> Arc<Policy<()>> {
    let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
    let parsed = json::parse(&text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    Arc::new(Policy::of_checked(&parsed).map_spans(|_, _| ()))
}

fn set(statements: &str) -> Vec<PolicySet<()>> {
    vec![PolicySet::identity(vec![policy(statements)])]
}

fn allow(actions: &str, resources: &str) -> String {
    statement("Allow", actions, resources, "")
}

fn deny(actions: &str, resources: &str) -> String {
    statement("Deny", actions, resources, "")
}

fn allow_if(actions: &str, resources: &str, condition: &str) -> String {
    statement("Allow", actions, resources, condition)
}

/// Actions and resources are separated by blanks; one that begins with `!` is a `Not` element.
fn statement(effect: &str, actions: &str, resources: &str, condition: &str) -> String {
    let element = |name: &str, text: &str| {
        let (not, list) = text.strip_prefix('!').map_or(("", text), |rest| ("Not", rest));
        let list: Vec<&str> = list.split(' ').filter(|one| !one.is_empty()).collect();
        format!(r#""{not}{name}":{}"#, serde_json::Value::from(list))
    };
    let condition = if condition.is_empty() { String::new() } else { format!(r#","Condition":{{{condition}}}"#) };
    let (actions, resources) = (element("Action", actions), element("Resource", resources));
    format!(r#"{{"Effect":"{effect}",{actions},{resources}{condition}}}"#)
}

fn relation(old: &str, new: &str) -> Relation {
    compare(&set(old), &set(new)).relation()
}

const B: &str = "arn:aws:s3:::b";

#[test]
fn what_says_the_same_is_equal() {
    let both = [allow("s3:GetObject", B), allow("s3:PutObject", B)].join(",");
    for (old, new) in [
        (both.clone(), allow("s3:PutObject s3:GetObject", B)),
        (allow("s3:Get*", B), allow("S3:get*", B)),
        (allow("s3:*", "*"), [allow("s3:*", "*"), allow("s3:GetObject", B)].join(",")),
        (allow("s3:*", "*"), [allow("s3:*", "*"), deny("ec2:*", "*")].join(",")),
        (String::new(), deny("*", "*")),
        (allow("s3:?*", B), allow("s3:*?", B)),
        (allow("!s3:*", "*"), [allow("*", "*"), deny("s3:*", "*")].join(",")),
        (String::new(), allow("sts:GetCallerIdentity", "*")),
        (
            allow_if("s3:*", "*", r#""StringEquals":{"aws:x":["a","b"]}"#),
            [
                allow_if("s3:*", "*", r#""StringEquals":{"aws:x":"b"}"#),
                allow_if("s3:*", "*", r#""StringEquals":{"AWS:X":"a"}"#),
            ]
            .join(","),
        ),
        (
            allow("s3:*", "*"),
            [allow_if("s3:*", "*", r#""Null":{"aws:x":"true"}"#), allow_if("s3:*", "*", r#""Null":{"aws:x":"false"}"#)]
                .join(","),
        ),
    ] {
        assert_eq!(relation(&old, &new), Relation::Equal, "{old}\n{new}");
    }
}

#[test]
fn what_allows_more_is_wider_and_back_again_narrower() {
    let if_ = |condition: &str| allow_if("s3:*", "*", condition);
    for (narrow, wide) in [
        (String::new(), allow("s3:GetObject", B)),
        (allow("s3:GetObject", B), allow("s3:Get*", B)),
        (allow("s3:GetObject", B), allow("s3:GetObject", "arn:aws:s3:::b*")),
        (allow("s3:GetObject", "arn:aws:s3:::logs-*"), allow("s3:GetObject", "arn:aws:s3:::log*")),
        (allow("s3:*", B), allow("!iam:*", B)),
        (allow("s3:*", B), allow("s3:*", "!arn:aws:s3:::c")),
        (allow("s3:*", "arn:aws:s3:::b/${aws:username}/*"), allow("s3:*", "arn:aws:s3:::b/*")),
        (allow("s3:*", "arn:aws:s3:::b/${aws:username}/a"), allow("s3:*", "arn:aws:s3:::b/${aws:username}/*")),
        ([allow("s3:*", "*"), deny("s3:Put*", "*")].join(","), allow("s3:*", "*")),
        (
            [allow("s3:*", "*"), deny("s3:Put*", "*")].join(","),
            [allow("s3:*", "*"), deny("s3:PutObject", "*")].join(","),
        ),
        (
            [allow("s3:*", "*"), deny("s3:Put*", "*")].join(","),
            [allow("s3:*", "*"), statement("Deny", "s3:Put*", "*", r#""Bool":{"aws:MultiFactorAuthPresent":"false"}"#)]
                .join(","),
        ),
        (if_(r#""StringEquals":{"aws:x":"a"}"#), if_("")),
        (if_(r#""StringEquals":{"aws:x":"a"}"#), if_(r#""StringLike":{"aws:x":"a*"}"#)),
        (if_(r#""StringEquals":{"aws:x":"a"}"#), if_(r#""StringEqualsIgnoreCase":{"aws:x":"A"}"#)),
        (if_(r#""StringEquals":{"aws:x":"a"}"#), if_(r#""StringEqualsIfExists":{"aws:x":"a"}"#)),
        (if_(r#""StringEquals":{"aws:x":"a"}"#), if_(r#""Null":{"aws:x":"false"}"#)),
        (if_(r#""StringEquals":{"aws:x":"a"}"#), if_(r#""StringNotEquals":{"aws:x":"b"}"#)),
        (if_(r#""StringNotEquals":{"aws:x":["a","b"]}"#), if_(r#""StringNotEquals":{"aws:x":"b"}"#)),
        (if_(r#""StringEquals":{"aws:x":"a","aws:y":"b"}"#), if_(r#""StringEquals":{"aws:x":"a"}"#)),
        (if_(r#""NumericLessThan":{"aws:n":"10"}"#), if_(r#""NumericLessThanEquals":{"aws:n":10}"#)),
        (if_(r#""NumericEquals":{"aws:n":"10"}"#), if_(r#""NumericGreaterThan":{"aws:n":"9"}"#)),
        (
            if_(r#""DateLessThan":{"aws:t":"2026-01-01T00:00:00Z"}"#),
            if_(r#""DateLessThan":{"aws:t":"2026-01-02T00:00:00Z"}"#),
        ),
        (
            if_(r#""IpAddress":{"aws:SourceIp":"203.0.113.0/25"}"#),
            if_(r#""IpAddress":{"aws:SourceIp":"203.0.113.0/24"}"#),
        ),
        (
            if_(r#""IpAddress":{"aws:SourceIp":"203.0.113.7"}"#),
            if_(r#""NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}"#),
        ),
        (
            if_(r#""IpAddress":{"aws:SourceIp":"2001:db8::/64"}"#),
            if_(r#""IpAddress":{"aws:SourceIp":"2001:db8::/32"}"#),
        ),
        (
            if_(r#""ArnEquals":{"aws:SourceArn":"arn:aws:s3:::b"}"#),
            if_(r#""ArnLike":{"aws:SourceArn":"arn:aws:s3:*:*:b*"}"#),
        ),
        (if_(r#""Bool":{"aws:SecureTransport":"true"}"#), if_(r#""BoolIfExists":{"aws:SecureTransport":"true"}"#)),
        (if_(r#""BinaryEquals":{"k":"QQ=="}"#), if_(r#""BinaryEquals":{"k":["QQ==","QUI="]}"#)),
        (
            if_(
                r#""ForAnyValue:StringEquals":{"aws:TagKeys":"a"},"ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]}"#,
            ),
            if_(r#""ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]}"#),
        ),
        (
            if_(r#""ForAnyValue:StringEquals":{"aws:TagKeys":"a"}"#),
            if_(r#""ForAnyValue:StringLike":{"aws:TagKeys":"a*"}"#),
        ),
        (
            if_(r#""StringLike":{"s3:prefix":"home/${aws:username}/a*"}"#),
            if_(r#""StringLike":{"s3:prefix":"home/${aws:username}/*"}"#),
        ),
        (if_(r#""StringLike":{"s3:prefix":"home/${aws:username}/*"}"#), if_(r#""StringLike":{"s3:prefix":"home/*"}"#)),
    ] {
        assert_eq!(relation(&narrow, &wide), Relation::Wider, "{narrow}\n{wide}");
        assert_eq!(relation(&wide, &narrow), Relation::Narrower, "{wide}\n{narrow}");
    }
}

#[test]
fn what_differs_both_ways_is_both() {
    for (old, new) in [
        (allow("s3:GetObject", B), allow("s3:PutObject", B)),
        (allow("s3:*", "arn:aws:s3:::a*"), allow("s3:*", "arn:aws:s3:::*a")),
        (
            allow_if("s3:*", "*", r#""StringLike":{"aws:x":"a*"}"#),
            allow_if("s3:*", "*", r#""StringLike":{"aws:x":"*a"}"#),
        ),
    ] {
        assert_eq!(relation(&old, &new), Relation::Both, "{old}\n{new}");
    }
}

#[test]
fn boundaries_and_session_policies_limit_and_never_grant() {
    let s3 = || vec![policy(&allow("s3:*", "*"))];
    let all = || vec![policy(&allow("*", "*"))];
    let none = Vec::new;
    let bounded = |identity: Vec<_>, boundary: Option<Vec<_>>, session: Option<Vec<_>>| {
        vec![PolicySet { identity, boundary, session }]
    };
    for (old, new, expected) in [
        (bounded(all(), Some(s3()), None), bounded(s3(), None, None), Relation::Equal),
        (bounded(all(), Some(s3()), None), bounded(all(), None, None), Relation::Wider),
        (bounded(all(), Some(s3()), None), bounded(all(), Some(all()), None), Relation::Wider),
        (bounded(all(), None, Some(s3())), bounded(all(), Some(s3()), None), Relation::Equal),
        (bounded(s3(), Some(all()), None), bounded(s3(), None, None), Relation::Equal),
        (bounded(none(), None, None), bounded(none(), Some(all()), Some(all())), Relation::Equal),
        (bounded(all(), Some(none()), None), bounded(s3(), None, None), Relation::Wider),
        (
            bounded(vec![policy(&allow("s3:*", "arn:aws:s3:::b/${aws:username}/*"))], Some(s3()), None),
            bounded(vec![policy(&allow("s3:*", "arn:aws:s3:::b/${aws:username}/*"))], None, None),
            Relation::Equal,
        ),
    ] {
        assert_eq!(compare(&old, &new).relation(), expected, "{old:?}\n{new:?}");
    }
}

#[test]
fn a_statement_that_moves_between_the_roles_of_an_app_changes_nothing_for_the_app() {
    let (read, write) = (allow("s3:GetObject", B), allow("s3:PutObject", B));
    let roles = |first: &str, second: &str| {
        vec![PolicySet::identity(vec![policy(first)]), PolicySet::identity(vec![policy(second)])]
    };
    let (old, new) = (roles(&[read.clone(), write.clone()].join(","), ""), roles(&read, &write));
    assert_eq!(compare(&old, &new).relation(), Relation::Equal);
    // A denial in one role says nothing of the other.
    let denied = roles(&[read.clone(), deny("s3:PutObject", "*")].join(","), &write);
    assert_eq!(compare(&old, &denied).relation(), Relation::Equal);
}

#[test]
fn a_difference_says_what_about_it_differs() {
    let old = [allow("s3:GetObject", B), allow_if("kms:Decrypt", "*", r#""StringEquals":{"kms:ViaService":"s3"}"#)];
    let new = [allow("s3:GetObject s3:PutObject", "arn:aws:s3:::b arn:aws:s3:::c"), allow("kms:Decrypt", "*")];
    let (old, new) = (set(&old.join(",")), set(&new.join(",")));
    let comparison = compare(&old, &new);
    let told: Vec<_> = comparison
        .gains
        .iter()
        .map(|gain| {
            let texts = |scope: &crate::iam::policy::Scope| {
                scope.patterns.iter().map(|pattern| pattern.text.clone()).collect::<Vec<_>>().join(" ")
            };
            (texts(&gain.actions).to_lowercase(), texts(&gain.resources), gain.extent)
        })
        .collect();
    let told: Vec<(&str, &str, Extent)> = told.iter().map(|(a, r, e)| (a.as_str(), r.as_str(), *e)).collect();
    assert_eq!(
        told,
        [
            ("s3:getobject", "arn:aws:s3:::c", Extent::Part),
            ("s3:putobject", "arn:aws:s3:::b arn:aws:s3:::c", Extent::Whole),
            ("kms:decrypt", "*", Extent::Conditions),
        ]
    );
}

#[test]
fn reach_finds_a_request_or_proves_that_there_is_none() {
    let access = set(&[allow("s3:*", "arn:aws:s3:::raw/*"), deny("s3:Put*", "*")].join(","));
    let region = |actions: &str, resources: &str| {
        policy(&allow(actions, resources)).statements.first().cloned().expect("one statement")
    };
    assert_eq!(reach(&access, &region("s3:PutObject", "*"), &[]), None);
    assert_eq!(reach(&access, &region("s3:GetObject", "arn:aws:s3:::other/*"), &[]), None);
    assert!(matches!(reach(&access, &region("s3:*", "*"), &[]), Some(Proof::Witness(_))));
    let outside = [region("*", "arn:aws:s3:::raw/public/*")];
    assert_eq!(reach(&access, &region("s3:*", "arn:aws:s3:::raw/public/*"), &outside), None);
    assert!(reach(&access, &region("s3:*", "arn:aws:s3:::raw/*"), &outside).is_some());
    let open = set(&allow_if("s3:*", "*", r#""StringEquals":{"aws:SourceVpce":"vpce-1"}"#));
    let without = policy(&allow_if("s3:*", "*", r#""Null":{"aws:SourceVpce":"true"}"#)).statements[0].clone();
    assert_eq!(reach(&open, &without, &[]), None);
}

/// Values that validate takes and that no page of AWS's defines.
const UNREADABLE: &[&str] = &[
    r#""DateLessThan":{"aws:CurrentTime":"2030-01-01T00:00:00"}"#,
    r#""DateLessThan":{"aws:CurrentTime":"2030-01-01T00:00"}"#,
    r#""DateLessThan":{"aws:CurrentTime":"2030-1-1"}"#,
    r#""DateLessThan":{"aws:CurrentTime":"2030-01-01t00:00:00z"}"#,
    r#""DateLessThan":{"aws:CurrentTime":"2030-01-01T"}"#,
    r#""DateLessThan":{"aws:CurrentTime":"99999-01-01T00:00:00Z"}"#,
    r#""DateLessThan":{"aws:CurrentTime":"2030"}"#,
    r#""NumericLessThanEquals":{"s3:max-keys":"1e3"}"#,
    r#""NotIpAddress":{"aws:SourceIp":"203.0.113.0/33"}"#,
    r#""ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam:111122223333:role/a"}"#,
    r#""ArnLike":{"aws:PrincipalArn":"*"}"#,
    r#""Bool":{"aws:SecureTransport":"${aws:PrincipalTag/tls}"}"#,
    r#""StringEquals":{"aws:RequestedRegion":[]}"#,
    r#""StringNotEquals":{"aws:RequestedRegion":"${aws:PrincipalTag/region"}"#,
    r#""ForAnyValue:Null":{"aws:TagKeys":"true"}"#,
    r#""NumericLessThanEquals":{"s3:max-keys":"+1"}"#,
    r#""NumericNotEquals":{"s3:max-keys":[".5","1"]}"#,
    r#""NumericEquals":{"s3:max-keys":"5."}"#,
    r#""Bool":{"aws:SecureTransport":"TRUE"}"#,
    r#""Null":{"aws:RequestedRegion":"False"}"#,
    r#""StringEquals":{"aws:RequestedRegion":"${aws:PrincipalTag/region,'a'}"}"#,
    r#""StringEquals":{"aws:RequestedRegion":["a","${aws:PrincipalTag/region, 'a'b'}"]}"#,
    r#""StringNotEquals":{"aws:RequestedRegion":"${ aws:PrincipalTag/region }"}"#,
    r#""StringNotEquals":{"aws:RequestedRegion":"${aws:${aws:username}}"}"#,
    r#""StringLike":{"aws:RequestedRegion":"${}*"}"#,
    r#""StringLike":{"aws:RequestedRegion":"${aws:PrincipalTag/region, 'eu-*'}"}"#,
    r#""StringEquals":{"aws:RequestedRegion":"${aws:TagKeys}"}"#,
    r#""StringNotEquals":{"aws:RequestedRegion":"${aws:TagKeys, 'a'}"}"#,
    r#""StringEquals":{"aws:PrincipalTag/\u00dc":"a"}"#,
];

#[test]
fn what_no_page_defines_counts_against_the_change() {
    let base = allow("s3:ListAllMyBuckets", "*");
    let told = |differences: &[super::Difference<'_, ()>]| {
        let unsure = differences
            .iter()
            .all(|one| matches!(&one.proof, Proof::CannotTell(why) if why.contains("AWS does not say")));
        (!differences.is_empty(), unsure)
    };
    for condition in UNREADABLE {
        let granted = [base.clone(), allow_if("*", "*", condition)].join(",");
        let denied = [base.clone(), allow("*", "*"), statement("Deny", "*", "*", condition)].join(",");
        let open = [base.clone(), allow("*", "*")].join(",");
        // It may allow all where before there was little, or deny nothing where before it denied all.
        for (old, new) in [(&base, &granted), (&denied, &open), (&base, &denied), (&granted, &open)] {
            let (old, new) = (set(old), set(new));
            assert_eq!(told(&compare(&old, &new).gains), (true, true), "{condition}");
        }
        for same in [&granted, &denied] {
            let more = [same.as_str(), &allow("s3:ListAllMyBuckets", "*")].join(",");
            assert_eq!(relation(same, &more), Relation::Equal, "{condition}");
        }
        let certain = [granted.clone(), allow("sqs:*", "*")].join(",");
        let (old, new) = (set(&granted), set(&certain));
        assert!(!compare(&old, &new).gains.is_empty(), "{condition}");
    }
    for resource in ["arn:aws:s3:::b/${aws:username", "${aws:username}", "arn:${*}:s3:::b", "arn:aws:s3:${aws:x}::b"] {
        for resources in [resource.to_owned(), format!("arn:aws:s3:::b {resource}")] {
            let odd = allow("*", &resources);
            let gains = [base.clone(), odd].join(",");
            assert_eq!(told(&compare(&set(&base), &set(&gains)).gains), (true, true), "{resources}");
        }
    }
}

#[test]
fn what_no_page_defines_is_not_what_it_looks_like() {
    let like = |value: &str| allow_if("*", "*", &format!(r#""StringLike":{{"s3:prefix":"{value}"}}"#));
    let within = |resource: &str| allow("*", resource);
    for (sound, odd) in [
        (like("${aws:username}"), like("${ aws:username}")),
        (like("${aws:username, 'a'}"), like("${aws:username,'a'}")),
        (like("${$}{aws:username"), like("${aws:username")),
        (within("arn:aws:s3:::${aws:username, 'a'}"), within("arn:aws:s3:::${aws:username,'a'}")),
        (within("arn:aws:s3::$:a"), within("arn:aws:s3::${$}:a")),
    ] {
        assert_eq!(relation(&sound, &odd), Relation::CannotTell, "{sound}\n{odd}");
        assert_eq!(relation(&odd, &odd), Relation::Equal, "{odd}");
    }
}

#[test]
fn each_reading_of_a_fork_is_searched() {
    let tag = r#""StringEquals":{"s3:ExistingObjectTag/team":"${aws:PrincipalTag/team}"}"#;
    let not = r#""StringNotEquals":{"s3:ExistingObjectTag/team":"${aws:PrincipalTag/team}"}"#;
    let rewritten = [allow("s3:*", "*"), statement("Deny", "s3:*", "*", not)].join(",");
    assert_eq!(relation(&allow_if("s3:*", "*", tag), &rewritten), Relation::Wider);
    let outside = statement("Allow", "s3:*", "!arn:aws:s3:::${aws:PrincipalTag/team}/*", "");
    let denied = [allow("s3:*", "*"), deny("s3:*", "arn:aws:s3:::${aws:PrincipalTag/team}/*")].join(",");
    assert!(matches!(relation(&outside, &denied), Relation::Wider | Relation::Both));
    let keys = |operator: &str, effect: &str| {
        statement(effect, "s3:*", "*", &format!(r#""{operator}":{{"aws:TagKeys":"a"}}"#))
    };
    for (old, new) in [
        (keys("ForAllValues:StringEquals", "Allow"), keys("StringEquals", "Allow")),
        (
            [allow("s3:*", "*"), keys("ForAnyValue:StringNotEquals", "Deny")].join(","),
            [allow("s3:*", "*"), keys("StringNotEquals", "Deny")].join(","),
        ),
    ] {
        assert!(matches!(relation(&old, &new), Relation::Wider | Relation::Both), "{old}\n{new}");
    }
}

/// From the one to the other nothing is gained in the usual reading, and something in another.
#[test]
fn each_reading_of_values_is_searched() {
    let if_ = |condition: &str| allow_if("s3:*", "*", condition);
    let unless = |condition: &str| [allow("s3:*", "*"), statement("Deny", "s3:*", "*", condition)].join(",");
    let shared = "arn:aws:s3:::shared/* arn:aws:s3:::home/${aws:username}/*";
    for (old, new) in [
        // What a variable without a value does to what stands beside it in a list.
        (allow("s3:*", shared), allow("s3:*", "arn:aws:s3:::shared/*")),
        (if_(r#""StringEquals":{"k":["a","${v:x}"]}"#), if_(r#""StringEquals":{"k":"a"}"#)),
        (if_(r#""StringEqualsIfExists":{"k":"${v:x}"}"#), if_(r#""Null":{"k":"true"}"#)),
        (
            unless(r#""StringNotEquals":{"k":"a"}"#),
            unless(r#""StringNotEqualsIfExists":{"k":["a","${v:x}"]},"Null":{"v:x":"true"}"#),
        ),
        // Whether an empty text is a value.
        (
            unless(r#""ForAnyValue:StringLike":{"aws:TagKeys":"*"},"StringEquals":{"aws:TagKeys":""}"#),
            allow("s3:*", "*"),
        ),
        (if_(r#""StringNotEquals":{"k":""},"Null":{"k":"true"}"#), if_(r#""Null":{"k":"true"}"#)),
        (
            if_(r#""StringEquals":{"k":"${v:x}"},"StringLike":{"v:x":"?*"}"#),
            [
                if_(r#""StringLike":{"v:x":"?*"},"StringEquals":{"k":"${v:x}"}"#),
                [
                    allow("s3:*", "*"),
                    statement("Deny", "s3:*", "*", r#""StringLike":{"v:x":"?*"}"#),
                    statement("Deny", "s3:*", "*", r#""Null":{"v:x":"true"}"#),
                    statement("Deny", "s3:*", "*", r#""StringEquals":{"v:x":"${v:x}"}"#),
                ]
                .join(","),
            ]
            .join(","),
        ),
        // What a negation makes of a value that is not of its type.
        (if_(r#""NumericEquals":{"k":"5"}"#), unless(r#""NumericNotEquals":{"k":"5"}"#)),
        (if_(r#""IpAddress":{"k":"192.0.2.1"}"#), unless(r#""NotIpAddress":{"k":"192.0.2.1"}"#)),
        (if_(r#""ArnLike":{"k":"arn:aws:s3:::b"}"#), unless(r#""ArnNotLike":{"k":"arn:aws:s3:::b"}"#)),
        // Which letters are the same.
        (if_(r#""StringEquals":{"k":"\u00e9"}"#), if_(r#""StringEqualsIgnoreCase":{"k":"\u00e9"}"#)),
        (if_(r#""StringEquals":{"k":["k","K"]}"#), if_(r#""StringEqualsIgnoreCase":{"k":"k"}"#)),
        // Whether what follows the fifth colon is one segment.
        (
            [allow("s3:*", "arn:aws:s3:::a*b"), deny("s3:*", "arn:aws:s3:::a*:*b")].join(","),
            [allow("s3:*", "arn:aws:s3:::a*b"), deny("s3:*", "arn:*s3:::a*")].join(","),
        ),
    ] {
        let (old, new) = (set(&old), set(&new));
        assert!(!compare(&old, &new).gains.is_empty(), "{old:?}\n{new:?}");
    }
}

#[test]
fn a_variable_may_stand_for_the_empty_text() {
    // Where the empty text is no value, the key is not there and still like a variable that stands for it.
    let named = statement("Deny", "*", "*", r#""StringLike":{"aws:TagKeys":"${aws:username}"}"#);
    let old = [allow("*", "*"), named].join(",");
    let new = allow_if("*", "*", r#""Null":{"aws:TagKeys":"true"}"#);
    assert_eq!(relation(&old, &new), Relation::CannotTell);
}

#[test]
fn nothing_lies_between_the_points_that_are_tried() {
    let if_ = |condition: &str| allow_if("*", "*", condition);
    for (narrow, wide) in [
        (
            r#""DateLessThanEquals":{"aws:CurrentTime":"2030-01-01T00:00:00.1Z"}"#,
            r#""DateLessThan":{"aws:CurrentTime":"2030-01-01T00:00:00.3Z"}"#,
        ),
        (
            r#""DateLessThanEquals":{"aws:CurrentTime":"2030-01-01T00:00:00Z"}"#,
            r#""DateLessThan":{"aws:CurrentTime":"2030-01-01T00:00:01Z"}"#,
        ),
        (
            r#""NumericLessThanEquals":{"s3:max-keys":"1.00000000000000001"}"#,
            r#""NumericLessThan":{"s3:max-keys":"1.00000000000000003"}"#,
        ),
        (
            r#""NumericLessThan":{"s3:max-keys":"10000000000000000000000000000000000000000"}"#,
            r#""NumericLessThanEquals":{"s3:max-keys":"10000000000000000000000000000000000000000"}"#,
        ),
        (
            r#""NumericGreaterThan":{"s3:max-keys":"-0.00000000000000000001"}"#,
            r#""NumericGreaterThanEquals":{"s3:max-keys":"-0.00000000000000000001"}"#,
        ),
        (r#""BinaryEquals":{"k":"eA=="}"#, r#""BinaryEquals":{"k":["eA==","eHg="]}"#),
        (r#""IpAddress":{"aws:SourceIp":"0.0.0.0/0"}"#, r#""IpAddress":{"aws:SourceIp":["0.0.0.0/0","::/127"]}"#),
    ] {
        assert_eq!(relation(&if_(narrow), &if_(wide)), Relation::Wider, "{narrow}\n{wide}");
        assert_eq!(relation(&if_(wide), &if_(narrow)), Relation::Narrower, "{wide}\n{narrow}");
    }
}

#[test]
fn the_value_of_a_variable_in_another_case_is_another_text() {
    let denied = |operator: &str| {
        let condition = format!(r#""{operator}":{{"s3:prefix":"${{aws:PrincipalTag/t, 'a'}}"}}"#);
        [allow("*", "*"), statement("Deny", "*", "*", &condition)].join(",")
    };
    let found = relation(&denied("StringNotEqualsIfExists"), &denied("StringNotEqualsIgnoreCase"));
    assert!(matches!(found, Relation::Wider | Relation::CannotTell), "{found:?}");
}

#[test]
fn long_lists_are_compared_one_by_one() {
    let names = |count: usize| (0..count).map(|n| format!("s3:Action{n}")).collect::<Vec<_>>().join(" ");
    for count in [74, 76, 80, 990] {
        let (old, new) = (set(&allow(&names(count), "*")), set(&allow(&names(count - 1), "*")));
        let comparison = compare(&old, &new);
        assert!(comparison.gains.is_empty(), "{count}");
        assert!(matches!(&comparison.losses[..], [one] if matches!(one.proof, Proof::Witness(_))), "{count}");
    }
    let (first, second) = ("arn:aws:s3:::b/*-${aws:username}-*", "arn:aws:s3:::b/c");
    assert_eq!(relation(&allow("s3:*", &format!("{first} {second}")), &allow("s3:*", first)), Relation::Narrower);
}

#[test]
fn hostile_policies_end_in_bounded_work() {
    let stars = |letter: char, count: usize| format!("arn:aws:s3:::{}", format!("*{letter}").repeat(count));
    let mut old: Vec<String> = (0..40).map(|n| allow("s3:*", &stars((b'a' + n % 20) as char, 30))).collect();
    old.push(deny("s3:*", "arn:aws:s3:::*z*z*z*"));
    let new = [allow("s3:*", &(0..20).map(|n| stars((b'a' + n) as char, 31)).collect::<Vec<_>>().join(" "))];
    let relation = relation(&old.join(","), &new.join(","));
    // The denial is gone: whatever else is not found out, that must not be "nothing gained".
    assert!(matches!(relation, Relation::Wider | Relation::Both | Relation::CannotTell), "{relation:?}");
}

/// What random policies are made of, and every request over the same words.
mod world {
    pub(super) const ACTIONS: &[&str] = &["s:a", "s:b", "s:*", "s:?a", "*", "t:a", "!s:a", "!s:*"];
    pub(super) const RESOURCES: &[&str] = &[
        "arn:p:s:::x",
        "arn:p:s:::x/*",
        "arn:p:s:::*",
        "arn:p:s:::?",
        "*",
        "arn:p:s:::x/${u:n}",
        "arn:p:s:::x*y",
        "arn:p:s*x",
        "arn:p:s:::x arn:p:s:::${u:n}",
        "!arn:p:s:::x",
        "!arn:p:s:::x/*",
    ];
    pub(super) const CONDITIONS: &[&str] = &[
        "",
        "",
        "",
        r#""StringEquals":{"k":"a"}"#,
        r#""StringEquals":{"k":["a","b"]}"#,
        r#""StringNotEquals":{"k":"a"}"#,
        r#""StringLike":{"k":"a*"}"#,
        r#""StringNotLike":{"k":["a*","b"]}"#,
        r#""StringEqualsIfExists":{"k":"a"}"#,
        r#""StringEqualsIgnoreCase":{"k":"A"}"#,
        r#""Null":{"k":"true"}"#,
        r#""Null":{"k":"false"}"#,
        r#""StringEquals":{"k":"${u:n}"}"#,
        r#""NumericLessThan":{"m":"5"}"#,
        r#""NumericGreaterThanEquals":{"m":"5"}"#,
        r#""NumericNotEquals":{"m":"4"}"#,
        r#""IpAddress":{"i":"192.0.2.0/25"}"#,
        r#""NotIpAddress":{"i":"192.0.2.0/24"}"#,
        r#""Bool":{"b":"true"}"#,
        r#""BoolIfExists":{"b":"false"}"#,
        r#""ForAllValues:StringEquals":{"l":["a","b"]}"#,
        r#""ForAnyValue:StringEquals":{"l":"a"}"#,
        r#""ForAnyValue:StringNotEquals":{"l":"a"}"#,
        r#""ForAllValues:StringLike":{"l":"a*"}"#,
        r#""StringEquals":{"l":"a"}"#,
        r#""StringNotEquals":{"l":"a"}"#,
        r#""StringNotEquals":{"k":"${u:n}"}"#,
        r#""StringNotLike":{"k":["b","${u:n}*"]}"#,
        r#""DateLessThan":{"d":"2030-01-01T00:00:00.3Z"}"#,
        r#""DateLessThanEquals":{"d":"2030-01-01T00:00:00.1Z"}"#,
        r#""NumericLessThan":{"m":"1e3"}"#,
        r#""NotIpAddress":{"i":"192.0.2.0/33"}"#,
        r#""Bool":{"b":"${u:n}"}"#,
        r#""StringEquals":{"k":["a","${u:n}"]}"#,
        r#""StringNotEqualsIfExists":{"k":"${u:n}"}"#,
        r#""StringEqualsIgnoreCase":{"k":"\u00c9"}"#,
        r#""Null":{"u:n":"false"}"#,
        r#""StringEquals":{"k":["","a"]}"#,
        r#""ArnNotLike":{"r":"arn:p:s::1:x*"}"#,
        r#""ArnLike":{"r":"arn:p:s::*:x*y"}"#,
        r#""ArnEquals":{"r":"arn:p:s:${u:n}:1:x"}"#,
    ];
    pub(super) const REQUEST_ACTIONS: &[&str] = &["s:a", "s:b", "s:za", "t:a", "t:b"];
    pub(super) const REQUEST_RESOURCES: &[&str] =
        &["*", "arn:p:s:::x", "arn:p:s:::y", "arn:p:s:::x/bob", "arn:p:s:::x/a", "arn:p:s:::xy", "arn:p:s:::x:y"];
    pub(super) const CONTEXTS: &[(&str, &[&[&str]])] = &[
        ("k", &[&[], &["a"], &["A"], &["ab"], &["b"], &["bob"], &["c"], &[""], &["\u{e9}"]]),
        ("m", &[&[], &["4"], &["5"], &["4.5"], &["x"]]),
        ("i", &[&[], &["192.0.2.1"], &["192.0.2.200"], &["203.0.113.1"], &["192.0.2.0/24"]]),
        ("r", &[&[], &["arn:p:s::1:x"], &["arn:p:s::1:y"], &["arn:p:s::2:x:y"], &["x"]]),
        ("b", &[&[], &["true"], &["false"]]),
        ("l", &[&[], &[""], &["a"], &["b"], &["a", "b"], &["a", "c"], &["c"], &["ab"]]),
        ("u:n", &[&[], &["bob"], &["a"], &[""]]),
        ("d", &[&[], &["2030-01-01T00:00:00.2Z"], &["2030-01-01T00:00:00.1Z"], &["2029-01-01"]]),
    ];
}

/// A random statement: mostly `Allow`.
fn any_statement() -> impl Strategy<Value = String> {
    let pick = |list: &'static [&'static str]| proptest::sample::select(list);
    (0..4_u8, pick(world::ACTIONS), pick(world::RESOURCES), pick(world::CONDITIONS), pick(world::CONDITIONS)).prop_map(
        |(effect, actions, resources, first, second)| {
            let same_key = first.split(':').next() == second.split(':').next();
            let both: Vec<&str> =
                [first, if same_key { "" } else { second }].into_iter().filter(|c| !c.is_empty()).collect();
            statement(if effect == 0 { "Deny" } else { "Allow" }, actions, resources, &both.join(","))
        },
    )
}

fn any_policy() -> impl Strategy<Value = String> {
    proptest::collection::vec(any_statement(), 0..4).prop_map(|statements| statements.join(","))
}

/// Requests over the words of [`world`]; of the contexts, all pairs of the keys that stand in the policies.
fn requests(policies: &[&[PolicySet<()>]]) -> Vec<Request> {
    let texts = format!("{policies:?}");
    let keys: Vec<_> = world::CONTEXTS.iter().filter(|(key, _)| texts.contains(&format!("key: {key:?}"))).collect();
    let mut contexts: Vec<Vec<(&str, &[&str])>> = vec![Vec::new()];
    // Without a set operator somewhere, a key has one value.
    let sets = texts.contains("quantifier: Some");
    for (index, (key, values)) in keys.iter().enumerate() {
        for value in values.iter().filter(|values| sets || values.len() < 2) {
            contexts.push(vec![(key, value)]);
            for (other, others) in &keys[index + 1..] {
                let others = others.iter().filter(|values| sets || values.len() < 2);
                contexts.extend(others.map(|second| vec![(*key, *value), (*other, *second)]));
            }
        }
    }
    let mut all = Vec::new();
    for action in world::REQUEST_ACTIONS {
        for resource in world::REQUEST_RESOURCES {
            for context in &contexts {
                let context = context
                    .iter()
                    .filter(|(_, values)| !values.is_empty())
                    .map(|(key, values)| ((*key).to_owned(), values.iter().map(|v| (*v).to_owned()).collect()));
                all.push(Request {
                    action: (*action).to_owned(),
                    resource: (*resource).to_owned(),
                    context: context.collect(),
                });
            }
        }
    }
    all
}

/// Whether it is certain that one side allows a request and the other does not, under one of some readings.
fn flips(old: &[PolicySet<()>], new: &[PolicySet<()>], request: &Request, readings: &[Reading]) -> bool {
    readings.iter().any(|reading| {
        !old.iter().any(|set| set.allows(request, reading.doubting(Doubt::Grants)))
            && new.iter().any(|set| set.allows(request, reading.doubting(Doubt::Withholds)))
    })
}

/// By how many readings each request is judged: the usual one, and others in turn.
const READINGS: usize = 8;

fn check_against_every_request(old: &[PolicySet<()>], new: &[PolicySet<()>]) -> Result<(), TestCaseError> {
    let comparison = compare(old, new);
    let all = Reading::all();
    for gain in &comparison.gains {
        if let Proof::Witness(request) = &gain.proof {
            prop_assert!(flips(old, new, request, &all), "this is no gain: {request:?}");
        }
    }
    for loss in &comparison.losses {
        if let Proof::Witness(request) = &loss.proof {
            prop_assert!(flips(new, old, request, &all), "this is no loss: {request:?}");
        }
    }
    for (number, request) in requests(&[old, new]).iter().enumerate() {
        let turn = all.iter().copied().cycle().skip(number * (READINGS - 1)).take(READINGS - 1);
        let readings: Vec<Reading> = std::iter::once(Reading::default()).chain(turn).collect();
        let (gained, lost) = (flips(old, new, request, &readings), flips(new, old, request, &readings));
        prop_assert!(!comparison.gains.is_empty() || !gained, "a gain is missed: {request:?}");
        prop_assert!(!comparison.losses.is_empty() || !lost, "a loss is missed: {request:?}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn no_gain_is_missed_and_every_witness_flips(old in any_policy(), new in any_policy()) {
        check_against_every_request(&set(&old), &set(&new))?;
    }

    #[test]
    fn mutated_policies_are_told_apart(
        mut old in proptest::collection::vec(any_statement(), 1..5),
        other in any_statement(),
        at in 0_usize..5,
    ) {
        let before = set(&old.join(","));
        let at = at % old.len();
        old[at] = other;
        check_against_every_request(&before, &set(&old.join(",")))?;
    }

    #[test]
    fn a_policy_equals_itself_in_any_order(mut statements in proptest::collection::vec(any_statement(), 0..5)) {
        let forward = set(&statements.join(","));
        statements.reverse();
        let backward = set(&statements.join(","));
        prop_assert_eq!(compare(&forward, &backward).relation(), Relation::Equal);
    }

    #[test]
    fn narrower_is_transitive(a in any_policy(), b in any_policy(), c in any_policy()) {
        let (a, b, c) = (set(&a), set(&b), set(&c));
        let within = |x: &[PolicySet<()>], y: &[PolicySet<()>]| compare(y, x).gains.is_empty();
        if within(&a, &b) && within(&b, &c) {
            prop_assert!(within(&a, &c));
        }
    }
}

proptest! {
    // Each is three comparisons of long sets; the fuzzer has more of them.
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn boundaries_and_two_roles_as_well(a in any_policy(), b in any_policy(), c in any_policy(), d in any_policy()) {
        let bounded = |identity: &str, boundary: &str| {
            PolicySet { identity: vec![policy(identity)], boundary: Some(vec![policy(boundary)]), session: None }
        };
        check_against_every_request(&[bounded(&a, &b)], &[bounded(&a, &c)])?;
        let session = |identity: &str, boundary: &str, session: &str| {
            PolicySet { session: Some(vec![policy(session)]), ..bounded(identity, boundary) }
        };
        check_against_every_request(&[session(&a, &b, &c)], &[session(&a, &d, &b)])?;
        check_against_every_request(&[set(&a).remove(0), set(&b).remove(0)], &[set(&c).remove(0), bounded(&d, &a)])?;
    }
}
