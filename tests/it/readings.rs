//! What AWS's pages leave open, put to the front door: a change that gains something in any reading is never said to
//! gain nothing, and what stands unchanged is no gain.

use serde_json::{Value, json};

use crate::env::{TestEnv, commit_all};

const ESTATE: &str = r#"environment "prod" {
  address = "https://vault.example.com:8200"
}
aws "aws" {}
auth "approle" {}
app "shop" {
  role "shop" {
    mount           = "aws"
    credential_type = "iam_user"
    policy_document = "file:shop.json"
  }
  login "approle" {}
}
"#;

fn allow(condition: &Value) -> Value {
    json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": condition})
}

fn deny(condition: &Value) -> Value {
    json!({"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": condition})
}

fn on(resources: &Value) -> Value {
    json!({"Effect": "Allow", "Action": "s3:*", "Resource": resources})
}

/// All but what a condition denies.
fn but(condition: &Value) -> Vec<Value> {
    vec![allow(&json!({})), deny(condition)]
}

/// How the review of a change ends.
fn review(old: &[Value], new: &[Value]) -> (i32, String) {
    let env = TestEnv::new();
    let root = env.dir().join("estate");
    env.write("estate/estate.hcl", ESTATE);
    for statements in [old, new] {
        let base = json!({"Effect": "Allow", "Action": "sqs:ListQueues", "Resource": "*"});
        let all: Vec<&Value> = std::iter::once(&base).chain(statements).collect();
        env.write("estate/shop.json", &json!({"Version": "2012-10-17", "Statement": all}).to_string());
        commit_all(&root);
    }
    let output = env.run(&["review", "HEAD~1..HEAD", "-C", "estate"]);
    (output.code, output.normal())
}

/// What a change is about, and what stands before and after it.
type Change = (&'static str, Vec<Value>, Vec<Value>);

/// Values that no page defines, in place of those that say the same in a reader that guesses.
fn doubts() -> Vec<Change> {
    let spelt = |what, operator: &str, key: &str, defined: &str, odd: &str| {
        let of = |value: &str| vec![allow(&json!({operator: {key: value}}))];
        (what, of(defined), of(odd))
    };
    let variable = |what, odd: &str| {
        (
            what,
            vec![allow(&json!({"StringLike": {"s3:prefix": "*"}}))],
            but(&json!({"StringLike": {"s3:prefix": ["a", odd]}})),
        )
    };
    let mut all = vec![
        spelt("a sign", "NumericEquals", "s3:max-keys", "1", "+1"),
        spelt("nothing before the point", "NumericEquals", "s3:max-keys", "0.5", ".5"),
        spelt("nothing behind the point", "NumericEquals", "s3:max-keys", "5", "5."),
        spelt("a boolean in capitals", "Bool", "aws:SecureTransport", "true", "TRUE"),
        spelt("existence in capitals", "Null", "aws:RequestedRegion", "false", "False"),
        spelt("no space before a default", "StringEquals", "s3:prefix", "${aws:username, 'a'}", "${aws:username,'a'}"),
        spelt("two spaces", "StringEquals", "s3:prefix", "${aws:username, 'a'}", "${aws:username,  'a'}"),
        spelt("blanks around a name", "StringEquals", "s3:prefix", "${aws:username}", "${ aws:username }"),
        spelt("the case of a key", "StringEquals", "aws:PrincipalTag/\u{fc}", "a", "a"),
        (
            "a variable for all of a resource",
            vec![on(&json!("arn:aws:s3:::b"))],
            vec![json!({"Effect": "Allow", "Action": "s3:*", "Resource": "${aws:PrincipalTag/t}",
                "Condition": {"StringEquals": {"aws:PrincipalTag/t": "arn:aws:s3:::b"}}})],
        ),
        (
            "what stands beside it",
            but(&json!({"NumericLessThan": {"s3:max-keys": "6"}})),
            but(&json!({"NumericLessThan": {"s3:max-keys": ["6", "1e3"]}})),
        ),
    ];
    all.push(variable("a quote in a default", "${aws:username, 'a'b'}"));
    all.push(variable("a variable in a variable", "${aws:${aws:username}}"));
    all.push(variable("no name", "${}"));
    all.push(variable("a wildcard in a default", "${aws:username, 'a*'}"));
    all.push(variable("a key with several values", "${aws:TagKeys, 'a'}"));
    // The same key in another alphabet's capital.
    all[8].2 = vec![allow(&json!({"StringEquals": {"aws:PrincipalTag/\u{dc}": "a"}}))];
    all
}

/// Changes that gain nothing in the usual reading.
fn forks() -> Vec<Change> {
    let rewritten = |what, operator: &str, negated: &str, key: &str, value: &str| {
        (what, vec![allow(&json!({operator: {key: value}}))], but(&json!({negated: {key: value}})))
    };
    vec![
        (
            "a variable without a value beside a resource",
            vec![on(&json!(["arn:aws:s3:::shared/*", "arn:aws:s3:::home/${aws:PrincipalTag/t}/*"]))],
            vec![on(&json!(["arn:aws:s3:::shared/*"]))],
        ),
        (
            "a variable without a value beside a value",
            vec![allow(&json!({"StringEquals": {"s3:prefix": ["a", "${aws:PrincipalTag/t}"]}}))],
            vec![allow(&json!({"StringEquals": {"s3:prefix": "a"}}))],
        ),
        (
            "IfExists and a variable without a value",
            vec![allow(&json!({"StringEqualsIfExists": {"s3:prefix": "${aws:PrincipalTag/t}"}}))],
            vec![allow(&json!({"Null": {"s3:prefix": "true"}}))],
        ),
        (
            "an empty text and Null",
            vec![allow(&json!({"Null": {"s3:prefix": "false"}}))],
            vec![allow(&json!({"StringLike": {"s3:prefix": "*"}}))],
        ),
        (
            "an empty text and a set operator",
            vec![allow(&json!({"ForAnyValue:StringLike": {"aws:TagKeys": "*"}}))],
            vec![allow(&json!({"StringLike": {"aws:TagKeys": "*"}}))],
        ),
        (
            "a variable with an empty text",
            vec![
                allow(&json!({"StringEquals": {"s3:prefix": "${aws:PrincipalTag/t}"},
                "StringLike": {"aws:PrincipalTag/t": "*"}})),
                allow(&json!({"Null": {"aws:PrincipalTag/t": "true"}})),
                allow(&json!({"StringLike": {"aws:PrincipalTag/t": "?*"}})),
            ],
            vec![allow(
                &json!({"StringEquals": {"s3:prefix": "${aws:PrincipalTag/t, 'x'}", "aws:PrincipalTag/t": ""}}),
            )],
        ),
        rewritten("a number that is none", "NumericEquals", "NumericNotEquals", "s3:max-keys", "5"),
        rewritten("an address that is none", "IpAddress", "NotIpAddress", "aws:SourceIp", "192.0.2.0/24"),
        rewritten("an ARN that is none", "ArnLike", "ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::1:role/a"),
        (
            "letters of other alphabets",
            vec![allow(&json!({"StringEquals": {"s3:prefix": ["k", "K"]}}))],
            vec![allow(&json!({"StringEqualsIgnoreCase": {"s3:prefix": "k"}}))],
        ),
    ]
}

#[test]
fn no_reading_of_what_is_left_open_is_forgotten() {
    let mut wrong = String::new();
    for (what, old, new) in doubts() {
        let (code, told) = review(&old, &new);
        if code != 2 || !told.contains("AWS does not say what") {
            wrong.push_str(&format!("{what}: {told}\n"));
        }
        let unchanged = [new.clone(), vec![on(&json!("arn:aws:s3:::b"))]].concat();
        let (code, told) = review(&unchanged, &new);
        if code != 0 {
            wrong.push_str(&format!("{what}, unchanged: {told}\n"));
        }
    }
    for (what, old, new) in forks() {
        let (code, told) = review(&old, &new);
        if code != 2 {
            wrong.push_str(&format!("{what}: {told}\n"));
        }
        let unchanged = [new.clone(), vec![on(&json!("arn:aws:s3:::b"))]].concat();
        let (code, told) = review(&unchanged, &new);
        if code != 0 {
            wrong.push_str(&format!("{what}, unchanged: {told}\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
