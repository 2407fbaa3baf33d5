//! Our judgement of requests beside that of `ministack`, an evaluator that nobody here wrote.
//!
//! Every case is put to its evaluation engine. Its `SimulateCustomPolicy` leaves `ContextEntries` and
//! `PermissionsBoundaryPolicyInputList` out of account, so it is asked, over the wire, about the cases that need
//! neither. Boundaries and session policies are enforced when calls are made, which the last test does.
//!
//! Where the two do not agree, the case says both answers and why ours is ours. The sources are pages of the IAM
//! User Guide.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use leasehold::iam::evaluate::Decision::{self, Allowed, ExplicitlyDenied, ImplicitlyDenied};
use leasehold::iam::json;
use leasehold::iam::policy::{Policy, PolicySet};
use leasehold::iam::reading::Reading;
use leasehold::iam::request::Request;
use serde_json::{Value, json};

use crate::python::{Ministack, simulator_python};

/// What the simulator takes for the context of every request.
const OBSERVED: &[(&str, &[&str])] = &[
    ("aws:principalarn", &["arn:aws:iam::000000000000:root"]),
    ("aws:principalaccount", &["000000000000"]),
    ("aws:principaltype", &["User"]),
    ("aws:requestedregion", &["us-east-1"]),
    ("aws:securetransport", &["false"]),
    ("aws:sourceip", &["127.0.0.1"]),
    ("aws:tagkeys", &[]),
];

/// A request under policies, and what either side says to it.
struct Case {
    policy: String,
    boundary: Option<String>,
    action: &'static str,
    resource: &'static str,
    /// `None`: what the simulator observes.
    context: Option<Vec<(&'static str, Vec<&'static str>)>>,
    ours: Decision,
    theirs: Decision,
    /// Why ours is ours, where they differ.
    why: &'static str,
}

fn document(statements: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)
}

impl Case {
    /// Statements, and a request with nothing in its context but what the simulator observes.
    fn of(statements: &str, action: &'static str, resource: &'static str, both: Decision) -> Self {
        let policy = document(statements);
        Self { policy, boundary: None, action, resource, context: None, ours: both, theirs: both, why: "" }
    }

    /// One condition on an `Allow` of everything, that is met or not.
    fn when(operator: &str, key: &str, values: &str, met: bool) -> Self {
        let condition = format!(r#"{{"{operator}":{{"{key}":{values}}}}}"#);
        let statement = format!(r#"{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{condition}}}"#);
        Self::of(&statement, "s3:GetObject", "arn:aws:s3:::b/k", if met { Allowed } else { ImplicitlyDenied })
    }

    /// With a context of its own.
    fn with(mut self, context: &[(&'static str, &[&'static str])]) -> Self {
        self.context = Some(context.iter().map(|(key, values)| (*key, values.to_vec())).collect());
        self
    }

    fn under(mut self, boundary: &str) -> Self {
        self.boundary = Some(document(boundary));
        self
    }

    /// Where the other side says something else.
    fn but_theirs(mut self, theirs: Decision, why: &'static str) -> Self {
        (self.theirs, self.why) = (theirs, why);
        self
    }

    fn question(&self) -> Value {
        let context = self.context.as_ref().map(|context| {
            let pairs = context.iter().map(|(key, values)| ((*key).to_owned(), json!(values)));
            pairs.collect::<serde_json::Map<_, _>>()
        });
        json!({
            "policy": self.policy,
            "boundary": self.boundary,
            "action": self.action,
            "resource": self.resource,
            "context": context,
        })
    }

    fn our_answer(&self) -> Decision {
        let policies = |text: &String| vec![policy(text)];
        let set = PolicySet {
            identity: policies(&self.policy),
            boundary: self.boundary.as_ref().map(policies),
            session: None,
        };
        let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        let context = match &self.context {
            Some(context) => context.iter().map(|(key, values)| ((*key).to_owned(), owned(values))).collect(),
            None => OBSERVED.iter().map(|(key, values)| ((*key).to_owned(), owned(values))).collect(),
        };
        let request = Request { action: self.action.to_owned(), resource: self.resource.to_owned(), context };
        set.evaluate(&request, Reading::CROSSING).decision
    }
}

/// A document as it is: what our check refuses is judged as well. None of its statements is left out.
fn policy(text: &str) -> Arc<Policy<std::ops::Range<usize>>> {
    let policy = Policy::of_checked(&json::parse(text).unwrap());
    let written: Value = serde_json::from_str(text).unwrap();
    assert_eq!(policy.statements.len(), written["Statement"].as_array().unwrap().len(), "{text}");
    Arc::new(policy)
}

fn spelt(decision: Decision) -> &'static str {
    match decision {
        Allowed => "allowed",
        ExplicitlyDenied => "explicitDeny",
        ImplicitlyDenied => "implicitDeny",
    }
}

/// Puts questions to the script beside this folder.
fn ask(command: &str, server: &Ministack, questions: &Value) -> Value {
    let mut child = Command::new(simulator_python())
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/aws/judge.py"))
        .args([command, &server.endpoint])
        .envs(Ministack::ROOT)
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(questions.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

const ALLOW_ALL: &str = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
const ALLOW_S3: &str = r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#;
const DENY_S3: &str = r#"{"Effect":"Deny","Action":"s3:*","Resource":"*"}"#;
const OBJECT: &str = "arn:aws:s3:::b/k";

/// "IAM JSON policy elements: Action", "NotAction", "Resource", "NotResource"; "Policy evaluation logic".
fn statements() -> Vec<Case> {
    let allow = |elements: &str, action, resource, allowed| {
        let statement = format!(r#"{{"Effect":"Allow",{elements}}}"#);
        Case::of(&statement, action, resource, if allowed { Allowed } else { ImplicitlyDenied })
    };
    let beside = |more: &str| format!("{ALLOW_ALL},{more}");
    vec![
        allow(r#""Action":"s3:GetObject","Resource":"*""#, "s3:GetObject", OBJECT, true),
        allow(r#""Action":"S3:getOBJECT","Resource":"*""#, "s3:GetObject", OBJECT, true),
        allow(r#""Action":"s3:Get*","Resource":"*""#, "s3:GetObjectAcl", OBJECT, true),
        allow(r#""Action":"s3:Get*","Resource":"*""#, "s3:PutObject", OBJECT, false),
        allow(r#""Action":"s3:*Object","Resource":"*""#, "s3:DeleteObject", OBJECT, true),
        allow(r#""Action":"s3:?etObject","Resource":"*""#, "s3:GetObject", OBJECT, true),
        allow(r#""Action":"s3:GetObject?","Resource":"*""#, "s3:GetObject", OBJECT, false),
        allow(r#""Action":"*","Resource":"*""#, "ec2:RunInstances", "*", true),
        allow(r#""Action":["ec2:*","s3:List*"],"Resource":"*""#, "s3:ListBucket", OBJECT, true),
        allow(r#""NotAction":"s3:*","Resource":"*""#, "s3:GetObject", OBJECT, false),
        allow(r#""NotAction":["iam:*","sts:*"],"Resource":"*""#, "s3:GetObject", OBJECT, true),
        allow(r#""Action":"s3:*","Resource":"arn:aws:s3:::b/k""#, "s3:GetObject", OBJECT, true),
        allow(r#""Action":"s3:*","Resource":"arn:aws:s3:::B/k""#, "s3:GetObject", OBJECT, false),
        allow(r#""Action":"s3:*","Resource":"arn:aws:s3:::b""#, "s3:GetObject", OBJECT, false),
        allow(r#""Action":"s3:*","Resource":"arn:aws:s3:::b*""#, "s3:GetObject", OBJECT, true),
        allow(r#""Action":"s3:*","Resource":"arn:aws:s3:::?/k""#, "s3:GetObject", OBJECT, true),
        allow(r#""Action":"s3:*","Resource":"arn:aws:*""#, "s3:GetObject", OBJECT, true),
        allow(r#""Action":"sns:*","Resource":"arn:aws:sns:*:1:t""#, "sns:Publish", "arn:aws:sns:eu:1:t", true),
        allow(r#""Action":"s3:*","Resource":"arn:aws:s3:::b/k""#, "s3:ListAllMyBuckets", "*", false),
        allow(r#""Action":"s3:*","NotResource":"arn:aws:s3:::b/*""#, "s3:GetObject", OBJECT, false),
        allow(r#""Action":"s3:*","NotResource":["arn:aws:s3:::a/*","arn:aws:s3:::c"]"#, "s3:GetObject", OBJECT, true),
        Case::of(&beside(DENY_S3), "s3:GetObject", OBJECT, ExplicitlyDenied),
        Case::of(&beside(DENY_S3), "ec2:RunInstances", "*", Allowed),
        Case::of(DENY_S3, "s3:GetObject", OBJECT, ExplicitlyDenied),
        Case::of(DENY_S3, "ec2:RunInstances", "*", ImplicitlyDenied),
        Case::of(
            &beside(r#"{"Effect":"Deny","NotAction":"s3:Get*","Resource":"*"}"#),
            "s3:PutObject",
            OBJECT,
            ExplicitlyDenied,
        ),
        Case::of(
            &beside(r#"{"Effect":"Deny","Action":"*","NotResource":"arn:aws:s3:::b/*"}"#),
            "s3:GetObject",
            "arn:aws:s3:::c/k",
            ExplicitlyDenied,
        ),
        Case::of(
            &beside(
                r#"{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}"#,
            ),
            "s3:GetObject",
            OBJECT,
            ExplicitlyDenied,
        ),
        // All operators and all keys of a block must hold.
        allow(
            r#""Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalType":"User","aws:RequestedRegion":"eu-west-1"}}"#,
            "s3:GetObject",
            OBJECT,
            false,
        ),
        allow(
            r#""Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalType":"User"},"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}}"#,
            "s3:GetObject",
            OBJECT,
            true,
        ),
    ]
}

/// "IAM JSON policy elements: Condition operators", on what the simulator observes.
fn observed() -> Vec<Case> {
    [
        ("StringEquals", "aws:PrincipalType", r#""User""#, true),
        ("StringEquals", "AWS:principaltype", r#""user""#, false),
        ("StringEquals", "aws:PrincipalType", r#"["Root","User"]"#, true),
        ("StringNotEquals", "aws:PrincipalType", r#"["Root","User"]"#, false),
        ("StringNotEquals", "aws:PrincipalType", r#"["Root","AssumedRole"]"#, true),
        ("StringEqualsIgnoreCase", "aws:PrincipalType", r#""uSER""#, true),
        ("StringNotEqualsIgnoreCase", "aws:PrincipalType", r#""uSER""#, false),
        ("StringLike", "aws:RequestedRegion", r#""us-*-?""#, true),
        ("StringLike", "aws:RequestedRegion", r#""US-*""#, false),
        ("StringNotLike", "aws:RequestedRegion", r#"["eu-*","us-*"]"#, false),
        ("NumericEquals", "aws:PrincipalAccount", "0", true),
        ("NumericNotEquals", "aws:PrincipalAccount", "0", false),
        ("NumericLessThan", "aws:PrincipalAccount", "0.5", true),
        ("NumericLessThanEquals", "aws:PrincipalAccount", "-1", false),
        ("NumericGreaterThan", "aws:PrincipalAccount", "-1", true),
        ("NumericGreaterThanEquals", "aws:PrincipalAccount", "1", false),
        ("Bool", "aws:SecureTransport", "false", true),
        ("Bool", "aws:SecureTransport", r#""TRUE""#, false),
        ("BinaryEquals", "aws:PrincipalAccount", r#""000000000000""#, true),
        ("BinaryEquals", "aws:PrincipalAccount", r#""AAAA""#, false),
        ("IpAddress", "aws:SourceIp", r#""127.0.0.0/8""#, true),
        ("IpAddress", "aws:SourceIp", r#"["203.0.113.0/24","2001:db8::/32"]"#, false),
        ("IpAddress", "aws:SourceIp", r#""127.0.0.1""#, true),
        ("NotIpAddress", "aws:SourceIp", r#""127.0.0.0/8""#, false),
        ("NotIpAddress", "aws:SourceIp", r#""203.0.113.0/24""#, true),
        ("ArnEquals", "aws:PrincipalArn", r#""arn:aws:iam::000000000000:root""#, true),
        ("ArnLike", "aws:PrincipalArn", r#""arn:*:iam::*:root""#, true),
        ("ArnNotEquals", "aws:PrincipalArn", r#""arn:aws:iam::*:user/*""#, true),
        ("ArnNotLike", "aws:PrincipalArn", r#""arn:aws:iam::*:root""#, false),
        ("Null", "aws:PrincipalArn", "false", true),
        ("Null", "aws:TokenIssueTime", r#""true""#, true),
        ("Null", "aws:TokenIssueTime", r#""false""#, false),
        ("StringEqualsIfExists", "aws:username", r#""bob""#, true),
        ("StringEqualsIfExists", "aws:PrincipalType", r#""Root""#, false),
        ("ForAnyValue:StringEquals", "aws:PrincipalType", r#""User""#, true),
        ("ForAllValues:StringEquals", "aws:PrincipalType", r#""Root""#, false),
        ("ForAllValues:StringEquals", "aws:TagKeys", r#""team""#, true),
        ("ForAnyValue:StringEquals", "aws:TagKeys", r#""team""#, false),
    ]
    .into_iter()
    .map(|(operator, key, values, met)| Case::when(operator, key, values, met))
    .collect()
}

/// The same page, and "Multivalued context keys", on values of the request's own.
fn own_values() -> Vec<Case> {
    let one = [
        ("NumericEquals", "10", "10.0", true),
        ("NumericEquals", "[1,10]", "10", true),
        ("NumericNotEquals", "10", "10.5", true),
        ("NumericLessThan", "10", "9.99", true),
        ("NumericLessThanEquals", "10", "10", true),
        ("NumericGreaterThan", "9", "10", true),
        ("NumericGreaterThanEquals", "10", "9", false),
        ("NumericEquals", "10", "ten", false),
        ("DateEquals", r#""2026-01-01T00:00:00Z""#, "1767225600", true),
        ("DateEquals", r#""2026-01-01T00:00:00Z""#, "2026-01-01T01:00:00+01:00", true),
        ("DateNotEquals", r#""2026-01-01T00:00:00Z""#, "2026-01-01T00:00:01Z", true),
        ("DateLessThan", r#""2026-01-02""#, "2026-01-01T23:59:59Z", true),
        ("DateLessThan", r#""2026-01-02T00:00:00Z""#, "2026-01-02T00:00:00Z", false),
        ("DateLessThanEquals", r#""2026-01-02T00:00:00Z""#, "2026-01-02T00:00:00Z", true),
        ("DateGreaterThan", r#""1767225600""#, "2026-01-01T00:00:01Z", true),
        ("DateGreaterThanEquals", r#""2026-01-02T00:00:00Z""#, "2026-01-01T00:00:00Z", false),
        ("DateGreaterThan", r#""2026-01-01T00:00:00Z""#, "yesterday", false),
        ("Bool", "true", "true", true),
        ("BinaryEquals", r#""QUI=""#, "QUI=", true),
        ("BinaryEquals", r#""QUI=""#, "QUM=", false),
        ("IpAddress", r#""2001:db8::/32""#, "2001:db8:1::1", true),
        ("IpAddress", r#""203.0.113.9/24""#, "203.0.113.255", true),
        ("IpAddress", r#""0.0.0.0/0""#, "2001:db8::1", false),
        ("IpAddress", r#""203.0.113.0/24""#, "nowhere", false),
        ("NotIpAddress", r#"["203.0.113.0/24","198.51.100.0/24"]"#, "198.51.100.7", false),
        ("ArnLike", r#""arn:aws:sns:*:1:*""#, "arn:aws:sns:eu-west-1:1:topic:sub", true),
        ("ArnEquals", r#""arn:aws:s3:::b*""#, "arn:aws:s3:::bucket", true),
        ("ArnLike", r#""arn:aws:s3:::B*""#, "arn:aws:s3:::bucket", false),
        ("Null", "true", "x", false),
    ];
    let absent = [
        ("StringEquals", false),
        ("StringNotEquals", true),
        ("StringNotLike", true),
        ("NumericLessThan", false),
        ("NumericNotEquals", true),
        ("DateNotEquals", true),
        ("DateGreaterThan", false),
        ("Bool", false),
        ("BinaryEquals", false),
        ("NotIpAddress", true),
        ("ArnLike", false),
        ("ArnNotLike", true),
        ("BoolIfExists", true),
        ("ArnLikeIfExists", true),
        ("ForAllValues:StringEquals", true),
        ("ForAnyValue:StringEquals", false),
        ("ForAnyValue:StringNotEquals", false),
        ("ForAnyValue:StringLikeIfExists", true),
    ];
    let sets: [(_, _, &[&str], _); 9] = [
        ("ForAllValues:StringEquals", r#"["a","b"]"#, &["a", "b"], true),
        ("ForAllValues:StringEquals", r#"["a","b"]"#, &["a", "c"], false),
        ("ForAllValues:StringLike", r#""a*""#, &["ab", "ac"], true),
        ("ForAllValues:StringNotEquals", r#"["a","z"]"#, &["b", "c"], true),
        ("ForAllValues:StringNotEquals", r#""a""#, &["b", "a"], false),
        ("ForAnyValue:StringEquals", r#""a""#, &["b", "a"], true),
        ("ForAnyValue:StringEquals", r#""a""#, &["b", "c"], false),
        ("ForAnyValue:StringNotEquals", r#""a""#, &["a", "b"], true),
        ("ForAnyValue:ArnNotLike", r#""arn:aws:s3:::*""#, &["arn:aws:s3:::a", "arn:aws:s3:::b"], false),
    ];
    let one =
        one.map(|(operator, values, sent, met)| Case::when(operator, "x:key", values, met).with(&[("x:key", &[sent])]));
    let value = |operator: &str| match operator {
        _ if operator.contains("Ip") => r#""192.0.2.1""#,
        _ if operator.contains("Arn") => r#""arn:aws:s3:::b""#,
        _ if operator.contains("Bool") => r#""true""#,
        _ if operator.contains("Binary") => r#""QUI=""#,
        _ => r#""1""#,
    };
    let absent = absent.map(|(operator, met)| Case::when(operator, "x:key", value(operator), met).with(&[]));
    let sets =
        sets.map(|(operator, values, sent, met)| Case::when(operator, "x:key", values, met).with(&[("x:key", sent)]));
    one.into_iter().chain(absent).chain(sets).collect()
}

/// "Permissions boundaries for IAM entities".
fn boundaries() -> Vec<Case> {
    let case =
        |identity: &str, boundary: &str, decision| Case::of(identity, "s3:GetObject", OBJECT, decision).under(boundary);
    vec![
        case(ALLOW_ALL, ALLOW_S3, Allowed),
        case(ALLOW_ALL, r#"{"Effect":"Allow","Action":"ec2:*","Resource":"*"}"#, ImplicitlyDenied),
        case(r#"{"Effect":"Allow","Action":"ec2:*","Resource":"*"}"#, ALLOW_ALL, ImplicitlyDenied),
        case(ALLOW_ALL, &format!("{ALLOW_ALL},{DENY_S3}"), ExplicitlyDenied),
        case(&format!("{ALLOW_ALL},{DENY_S3}"), ALLOW_ALL, ExplicitlyDenied),
        case(ALLOW_ALL, r#"{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}"#, Allowed),
        case(ALLOW_ALL, r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::a/*"}"#, ImplicitlyDenied),
    ]
}

/// Where they do not agree.
fn disagreements() -> Vec<Case> {
    let allow = |elements: &str, resource, ours| {
        Case::of(&format!(r#"{{"Effect":"Allow",{elements}}}"#), "s3:GetObject", resource, ours)
    };
    let of_bob = |case: Case| case.with(&[("aws:username", &["bob"])]);
    let sent = |operator, values, value: &'static str, met, why| {
        let theirs = if met { ImplicitlyDenied } else { Allowed };
        Case::when(operator, "x:key", values, met).with(&[("x:key", &[value])]).but_theirs(theirs, why)
    };
    let many = |operator, values, sent: &[&'static str], met, why| {
        let theirs = if met { ImplicitlyDenied } else { Allowed };
        Case::when(operator, "x:key", values, met).with(&[("x:key", sent)]).but_theirs(theirs, why)
    };
    let variables = "Policy elements: Variables and tags: a variable is replaced by its value. Theirs knows none.";
    let arn = "Condition operators: the six parts of an ARN are compared one by one. Theirs compares the whole text.";
    let empty = "Null: \"false\" asks for a key that exists and whose value is not null; a list of nothing has none.";
    let list = "Multivalued context keys want a set operator, which AWS's check warns of; without one we compare \
                each value. Theirs compares the list as Python prints it.";
    vec![
        of_bob(allow(r#""Action":"*","Resource":"arn:aws:s3:::${aws:username}""#, "arn:aws:s3:::bob", Allowed))
            .but_theirs(ImplicitlyDenied, variables),
        of_bob(allow(
            r#""Action":"*","NotResource":"arn:aws:s3:::${aws:username}""#,
            "arn:aws:s3:::bob",
            ImplicitlyDenied,
        ))
        .but_theirs(Allowed, variables),
        of_bob(allow(r#""Action":"*","Resource":"arn:aws:s3:::${aws:x, 'all'}""#, "arn:aws:s3:::all", Allowed))
            .but_theirs(ImplicitlyDenied, variables),
        allow(r#""Action":"*","Resource":"arn:aws:s3:::a${*}""#, "arn:aws:s3:::a*", Allowed)
            .but_theirs(ImplicitlyDenied, variables),
        sent("StringEquals", r#""a${?}""#, "a?", true, variables),
        sent("ArnLike", r#""arn:aws:sns:*:topic""#, "arn:aws:sns:eu-west-1:1:topic", false, arn),
        sent("ArnLike", r#""*""#, "arn:aws:s3:::bucket", false, arn),
        sent(
            "NumericEquals",
            "9007199254740993",
            "9007199254740992",
            false,
            "Condition operators: integers and decimals. Theirs rounds to a double.",
        ),
        sent(
            "NumericNotEquals",
            "10",
            "ten",
            true,
            "Condition operators: a negated operator is met where the positive one is not; the guide does not speak \
             of values that are no numbers. Theirs meets neither.",
        ),
        sent(
            "Bool",
            r#""maybe""#,
            "maybe",
            false,
            "Condition operators: Bool compares with true or false. Theirs compares any texts.",
        ),
        sent(
            "Bool",
            "true",
            "TRUE",
            false,
            "Condition operators: Bool compares with true or false; no page speaks of another case. Theirs ignores it.",
        ),
        sent(
            "BinaryEquals",
            r#""not base64""#,
            "not base64",
            false,
            "Condition operators: the values are base64. Theirs compares any texts.",
        ),
        sent(
            "StringLike",
            r#""a*b""#,
            "a\nb",
            true,
            "Condition operators: * is any characters. Theirs stops at a line feed.",
        ),
        many("Null", r#""true""#, &[], true, empty),
        many("Null", r#""false""#, &[], false, empty),
        many(
            "StringEqualsIfExists",
            r#""a""#,
            &[],
            true,
            "The set without values is an absent key to us, and IfExists is met by one; the guide speaks of absent \
             keys only.",
        ),
        many("StringEquals", r#""a""#, &["b", "a"], true, list),
        many("StringNotEquals", r#""a""#, &["b", "a"], false, list),
        Case::of(r#"{"Effect":"Deny","Action":"sts:*","Resource":"*"}"#, "sts:GetCallerIdentity", "*", Allowed)
            .but_theirs(
                ExplicitlyDenied,
                "STS API reference, GetCallerIdentity: no permissions are required, and a denial has no effect.",
            ),
        allow(r#""Action":[],"Resource":"*""#, OBJECT, ImplicitlyDenied)
            .but_theirs(Allowed, "Access Analyzer, \"Empty array\": it matches nothing. Theirs takes it for absent."),
        allow(r#""Action":"*","Resource":[]"#, OBJECT, ImplicitlyDenied)
            .but_theirs(Allowed, "Access Analyzer, \"Empty array\": it matches nothing. Theirs takes it for absent."),
    ]
}

#[test]
fn requests_are_judged_as_an_evaluator_of_others_judges_them() {
    let agreed: Vec<Case> = [statements(), observed(), own_values(), boundaries()].into_iter().flatten().collect();
    let disputed = disagreements();
    for case in &disputed {
        assert!(case.ours != case.theirs && !case.why.is_empty(), "{} is no disagreement", case.policy);
    }
    let cases: Vec<&Case> = agreed.iter().chain(&disputed).collect();
    assert!(agreed.len() >= 60, "{} cases are few", agreed.len());

    let server = Ministack::start();
    let answer = ask("cases", &server, &cases.iter().map(|case| case.question()).collect());
    let answers = answer["answers"].as_array().unwrap();
    assert_eq!(answers.len(), cases.len());

    let mut wrong = Vec::new();
    let mut by_wire = 0;
    for (case, answer) in cases.iter().zip(answers) {
        let asked = format!("{} on {} in {:?}\n  under {}", case.action, case.resource, case.context, case.policy);
        let mut expect = |side: &str, expected: Decision, found: &str| {
            if found != spelt(expected) {
                wrong.push(format!("{side}: {found}, not {}, to {asked}", spelt(expected)));
            }
        };
        expect("ours", case.ours, spelt(case.our_answer()));
        expect("their engine", case.theirs, answer["engine"].as_str().unwrap());
        if let Some(found) = answer["simulator"].as_str() {
            by_wire += 1;
            expect("their simulator", case.theirs, found);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(by_wire >= 60, "{by_wire} cases over the wire are few");
    // Once the simulator takes these into account, all cases can be put to it, and its engine left alone.
    assert_eq!(answer["ignores"], json!(["implicitDeny", "allowed"]));
}

/// A call that is made, by a user or, with a session policy, by an assumed role.
struct Call {
    policy: &'static str,
    boundary: Option<&'static str>,
    session: Option<&'static str>,
    allowed: bool,
}

/// "Policy evaluation logic": the identity's policies, its boundary and its session's policies each allow, and
/// none denies.
#[test]
fn calls_go_through_if_every_set_of_policies_allows_them() {
    const LIST: &str = r#"{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*"}"#;
    const GET: &str = r#"{"Effect":"Allow","Action":"iam:Get*","Resource":"*"}"#;
    const ALL_BUT_LIST: &str = concat!(
        r#"{"Effect":"Allow","Action":"*","Resource":"*"},"#,
        r#"{"Effect":"Deny","Action":"iam:List*","Resource":"*"}"#
    );
    let call = |policy, boundary, session, allowed| Call { policy, boundary, session, allowed };
    let calls = [
        call(LIST, None, None, true),
        call(GET, None, None, false),
        call(ALL_BUT_LIST, None, None, false),
        call(ALLOW_ALL, Some(LIST), None, true),
        call(ALLOW_ALL, Some(GET), None, false),
        call(GET, Some(ALLOW_ALL), None, false),
        call(ALLOW_ALL, Some(ALL_BUT_LIST), None, false),
        call(ALLOW_ALL, None, Some(LIST), true),
        call(ALLOW_ALL, None, Some(GET), false),
        call(GET, None, Some(ALLOW_ALL), false),
        call(ALLOW_ALL, None, Some(ALL_BUT_LIST), false),
        call(ALLOW_ALL, Some(LIST), Some(LIST), true),
        call(ALLOW_ALL, Some(GET), Some(LIST), false),
        call(ALLOW_ALL, Some(LIST), Some(GET), false),
    ];
    let questions = calls.iter().map(|call| {
        json!({
            "policy": document(call.policy),
            "boundary": call.boundary.map(document),
            "session": call.session.map(document),
            "call": ["iam", "list_users"],
        })
    });
    let server = Ministack::start();
    let answers = ask("live", &server, &questions.collect());
    let request = Request { action: "iam:ListUsers".to_owned(), resource: "*".to_owned(), ..Request::default() };
    for (call, answer) in calls.iter().zip(answers.as_array().unwrap()) {
        let policies = |text: &str| vec![policy(&document(text))];
        let set = PolicySet {
            identity: policies(call.policy),
            boundary: call.boundary.map(policies),
            session: call.session.map(policies),
        };
        let asked = format!("{} within {:?} and {:?}", call.policy, call.boundary, call.session);
        assert_eq!(answer, if call.allowed { "allowed" } else { "AccessDenied" }, "theirs: {asked}");
        assert_eq!(set.allows(&request, Reading::CROSSING), call.allowed, "ours: {asked}");
    }
    assert_eq!(answers.as_array().unwrap().len(), calls.len());
}
