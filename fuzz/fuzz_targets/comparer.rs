//! Two policies made of bytes: a witness flips, what is not told is not there, a policy does not differ from itself, and
//! the sandbox's own evaluator says the same.
#![no_main]
#![allow(dead_code, missing_docs)]

#[path = "../../src/acl/mod.rs"]
mod acl;
#[path = "../../src/iam/mod.rs"]
mod iam;
#[path = "../../src/sandbox/policy/mod.rs"]
mod second;

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;

use iam::compare::{Proof, compare};
use iam::json;
use iam::policy::{Policy, PolicySet};
use iam::reading::{
    Case, Colons, Doubt, Empty, EmptyVariable, Mistyped, Reading, Several, SeveralNegated, Unresolved,
};
use iam::request::Request;

/// Bytes as choices; when they end, the first of each.
struct Choices<'a>(&'a [u8], usize);

impl Choices<'_> {
    fn below(&mut self, count: usize) -> usize {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(first) % count
    }

    fn of(&mut self, words: &[&'static str]) -> &'static str {
        words[self.below(words.len())]
    }
}

const ACTIONS: &[&str] = &["*", "s3:*", "*", "s3:GetObject", "s3:Get*", "iam:PassRole", "s3:?etObject", "S3:PUTOBJECT"];
const RESOURCES: &[&str] = &[
    "*",
    "*",
    "*",
    "arn:aws:s3:::a/*",
    "arn:aws:s3:::a",
    "arn:aws:s3:::*",
    "arn:aws:s3:::${aws:username}/*",
    "arn:aws:s3:::a/${aws:username",
    "arn:aws:iam::1:role/?",
];
const PREFIXES: &[&str] = &["", "", "", "ForAnyValue:", "ForAllValues:"];
const TEXTS: &[&str] = &["a", "ab", "a*", "${aws:username}", "${aws:PrincipalTag/t, 'a'}", "${aws:username", "b"];

/// A key, the operators that it is mostly asked with, their values, and what requests send.
const FAMILIES: &[(&str, &[&str], &[&str], &[&str])] = &[
    (
        "s3:prefix",
        &[
            "StringEquals",
            "StringNotEquals",
            "StringLike",
            "StringNotLike",
            "StringEqualsIgnoreCase",
            "StringNotEqualsIgnoreCase",
        ],
        TEXTS,
        &["a", "ab", "A", "bob", "b"],
    ),
    (
        "aws:TagKeys",
        &["StringEquals", "StringNotEquals", "StringLike", "StringNotLike"],
        TEXTS,
        &["a", "ab", "b", "bob"],
    ),
    (
        "s3:max-keys",
        &[
            "NumericEquals",
            "NumericNotEquals",
            "NumericLessThan",
            "NumericLessThanEquals",
            "NumericGreaterThan",
            "NumericGreaterThanEquals",
        ],
        &["5", "5.00000000000000001", "5.00000000000000003", "-1", "1e3"],
        &["5", "5.00000000000000002", "4", "6", "-2"],
    ),
    (
        "aws:CurrentTime",
        &[
            "DateEquals",
            "DateNotEquals",
            "DateLessThan",
            "DateLessThanEquals",
            "DateGreaterThan",
            "DateGreaterThanEquals",
        ],
        &[
            "2030-01-01T00:00:00.1Z",
            "2030-01-01T00:00:00.3Z",
            "1893456001",
            "2030-01-01T00:00:00",
            "2030-1-1",
            "2030-01-01t00:00:00z",
        ],
        &["2030-01-01T00:00:00.2Z", "2030-01-01T00:00:00.5Z", "2030-01-01", "2030-01-01T00:00:00.1Z", "1893456002"],
    ),
    ("aws:SecureTransport", &["Bool", "Null"], &["true", "false", "${aws:username}", "yes"], &["true", "false"]),
    (
        "aws:SourceIp",
        &["IpAddress", "NotIpAddress"],
        &["203.0.113.0/24", "203.0.113.128/25", "2001:db8::/32", "203.0.113.0/33", "0.0.0.0/0"],
        &["203.0.113.1", "203.0.113.200", "192.0.2.1", "2001:db8::1", "::"],
    ),
    (
        "aws:PrincipalArn",
        &["ArnLike", "ArnNotLike", "ArnEquals", "ArnNotEquals"],
        &["arn:aws:iam::1:role/*", "arn:aws:iam::*:role/a", "arn:aws:iam:1:role/a", "*"],
        &["arn:aws:iam::1:role/a", "arn:aws:iam::2:role/a", "arn:aws:iam::1:user/a:b"],
    ),
    ("k:b", &["BinaryEquals"], &["eA==", "eHg=", "eA"], &["eA==", "eHg=", "eQ=="]),
];

#[derive(Clone)]
struct Line {
    effect: &'static str,
    action: (&'static str, &'static str),
    resource: (&'static str, [&'static str; 2]),
    conditions: Vec<(String, &'static str, Vec<&'static str>)>,
}

fn condition(choices: &mut Choices<'_>) -> (String, &'static str, Vec<&'static str>) {
    // Conditions that have nothing to do with each other find nothing: most are on one key.
    let family = if choices.below(4) == 0 { choices.below(FAMILIES.len()) } else { choices.1 };
    let (key, operators, values, _) = FAMILIES[family];
    let (prefix, operator) = (choices.of(PREFIXES), choices.of(operators));
    let suffix = if operator == "Null" { "" } else { choices.of(&["", "", "IfExists"]) };
    // Without a set operator in any of the policies, a key has one value: only this one may have several.
    let prefix = if key == "aws:TagKeys" { prefix } else { "" };
    (format!("{prefix}{operator}{suffix}"), key, (0..=choices.below(2)).map(|_| choices.of(values)).collect())
}

fn line(choices: &mut Choices<'_>) -> Line {
    Line {
        effect: choices.of(&["Allow", "Allow", "Deny"]),
        action: (choices.of(&["Action", "Action", "NotAction"]), choices.of(ACTIONS)),
        resource: (
            choices.of(&["Resource", "Resource", "NotResource"]),
            [choices.of(RESOURCES), choices.of(RESOURCES)],
        ),
        conditions: (0..choices.below(3)).map(|_| condition(choices)).collect(),
    }
}

fn lines(choices: &mut Choices<'_>) -> Vec<Line> {
    (0..=choices.below(3)).map(|_| line(choices)).collect()
}

/// The same lines with one thing changed.
fn mutated(lines: &[Line], choices: &mut Choices<'_>) -> Vec<Line> {
    let mut lines = lines.to_vec();
    let at = choices.below(lines.len());
    match choices.below(12) {
        0 => lines[at] = line(choices),
        1 => lines.push(line(choices)),
        2 => drop(lines.remove(at)),
        3 => lines[at].effect = if lines[at].effect == "Allow" { "Deny" } else { "Allow" },
        4 => lines[at].action = (choices.of(&["Action", "NotAction"]), choices.of(ACTIONS)),
        5 => lines[at].resource.1[0] = choices.of(RESOURCES),
        6 => lines[at].conditions.push(condition(choices)),
        7 => drop(lines[at].conditions.pop()),
        _ => {
            lines[at].conditions.pop();
            lines[at].conditions.push(condition(choices));
        }
    }
    lines
}

fn document(lines: &[Line]) -> serde_json::Value {
    let statements = lines.iter().map(|line| {
        let mut conditions = serde_json::Map::new();
        for (operator, key, values) in &line.conditions {
            conditions.entry(operator.clone()).or_insert_with(|| serde_json::json!({}))[*key] =
                serde_json::json!(values);
        }
        serde_json::json!({
            "Effect": line.effect, line.action.0: line.action.1, line.resource.0: line.resource.1,
            "Condition": conditions,
        })
    });
    serde_json::json!({"Version": "2012-10-17", "Statement": statements.collect::<Vec<_>>()})
}

/// The documents of one principal, as both evaluators take them.
struct Side {
    documents: [Option<Vec<serde_json::Value>>; 3],
    sets: Vec<PolicySet<std::ops::Range<usize>>>,
}

impl Side {
    fn new(identity: &[Line], boundary: Option<&[Line]>, session: Option<&[Line]>) -> Self {
        let documents = [Some(identity), boundary, session].map(|lines| lines.map(|lines| vec![document(lines)]));
        let policies = |documents: &Vec<serde_json::Value>| {
            let policy = |one: &serde_json::Value| Policy::of_checked(&json::parse(&one.to_string()).expect("JSON"));
            documents.iter().map(|one| Arc::new(policy(one))).collect::<Vec<_>>()
        };
        let [identity, boundary, session] = documents.each_ref().map(|documents| documents.as_ref().map(policies));
        let sets = vec![PolicySet { identity: identity.unwrap_or_default(), boundary, session }];
        Self { documents, sets }
    }

    fn allows(&self, request: &Request, reading: Reading) -> bool {
        self.sets[0].allows(request, reading)
    }

    /// What the second evaluator says, as what is allowed for sure, and what may be.
    fn second(&self, request: &Request, reading: Reading) -> (bool, bool) {
        let [identity, boundary, session] = self.documents.each_ref().map(Option::as_deref);
        let policies = second::Policies { identity: identity.unwrap_or_default(), boundary, session };
        let mut asked = second::Request::new(&request.action, &request.resource);
        for (key, values) in &request.context {
            asked.set(key, values.iter().map(String::as_str));
        }
        let verdict = second::judge(policies, &asked, forks(reading));
        (verdict == second::Verdict::Allowed, matches!(verdict, second::Verdict::Allowed | second::Verdict::Unsure))
    }
}

/// A way to read AWS's pages as the second evaluator takes it.
fn forks(reading: Reading) -> second::Forks {
    second::Forks {
        star: match reading.colons {
            Colons::Crossing => second::Star::Anywhere,
            Colons::Segmented => second::Star::InSegment,
            Colons::SegmentedFive => second::Star::InFirstFive,
        },
        unresolved: match reading.unresolved {
            Unresolved::MatchesNothing => second::Unresolved::MatchesNothing,
            Unresolved::Spoils => second::Unresolved::SpoilsStatement,
            Unresolved::SpoilsUnlessIfExists => second::Unresolved::SpoilsUnlessIfExists,
        },
        several: match reading.several {
            Several::Any => second::Several::AnyMatches,
            Several::All => second::Several::AllMatch,
        },
        several_negated: match reading.several_negated {
            SeveralNegated::None => second::SeveralNegated::NoneMatches,
            SeveralNegated::Some => second::SeveralNegated::SomeDoesNot,
        },
        blank: match reading.empty {
            Empty::Text => second::Blank::IsValue,
            Empty::NoValue => second::Blank::IsNull,
        },
        blank_variable: match reading.empty_variable {
            EmptyVariable::Text => second::Blank::IsValue,
            EmptyVariable::NoValue => second::Blank::IsNull,
        },
        foreign: match reading.mistyped {
            Mistyped::Differs => second::Foreign::Differs,
            Mistyped::Fails => second::Foreign::Fails,
        },
        letters: match reading.case {
            Case::Ascii => second::Letters::Ascii,
            Case::Unicode => second::Letters::All,
        },
    }
}

const PATHS: &[&str] = &["a", "a/*", "a/+", "a/+/b", "+/b", "*", "a/b", "a/b*", "+/+/*", "a/b/"];
const CAPABILITIES: &[&str] = &["read", "update", "list", "deny", "sudo", "read\", \"sudo"];

fn rules(choices: &mut Choices<'_>) -> acl::Acl {
    let stanza = |choices: &mut Choices<'_>| {
        format!("path \"{}\" {{ capabilities = [\"{}\"] }}\n", choices.of(PATHS), choices.of(CAPABILITIES))
    };
    let text: String = (0..choices.below(7)).map(|_| stanza(choices)).collect();
    acl::Acl::of_texts([("fuzzed", text.as_str())]).unwrap_or_else(|(_, error)| panic!("{text}: {error}"))
}

/// A request of the words that policies are made of.
fn request(choices: &mut Choices<'_>) -> Request {
    const ASKED: &[&str] = &["*", "arn:aws:s3:::a/b", "arn:aws:s3:::a", "arn:aws:s3:::bob/x", "arn:aws:iam::1:role/x"];
    let mut request = Request {
        action: choices
            .of(&["s3:getobject", "s3:getacl", "s3:putobject", "iam:passrole", "ec2:runinstances"])
            .to_owned(),
        resource: choices.of(ASKED).to_owned(),
        ..Request::default()
    };
    for (key, _, _, sent) in FAMILIES {
        let most = if *key == "aws:TagKeys" { 3 } else { 2 };
        let values: Vec<String> = (0..choices.below(most)).map(|_| choices.of(sent).to_owned()).collect();
        if !values.is_empty() {
            request.context.insert(key.to_ascii_lowercase(), values);
        }
    }
    for (key, value) in [("aws:username", "bob"), ("aws:principaltag/t", "ab")] {
        if choices.below(2) == 0 {
            request.context.insert(key.to_owned(), vec![value.to_owned()]);
        }
    }
    request
}

/// Whether one side surely allows a request and the other surely does not, under a reading.
fn flips(from: &Side, to: &Side, request: &Request, reading: Reading) -> bool {
    to.allows(request, reading.doubting(Doubt::Withholds)) && !from.allows(request, reading.doubting(Doubt::Grants))
}

/// As many bytes as all requests take, by a generator that the input seeds.
fn rolled(bytes: &[u8]) -> Vec<u8> {
    let mut state = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..4096).map(|_| next()).collect()
}

fuzz_target!(|bytes: &[u8]| {
    let choices = &mut Choices(bytes, 0);
    choices.1 = choices.below(FAMILIES.len());
    let (old, new) = (rules(choices), rules(choices));
    let comparison = acl::compare::compare(&old, &new);
    for (from, to, differences) in [(&old, &new, &comparison.gains), (&new, &old, &comparison.losses)] {
        for difference in differences {
            assert!(difference.certain, "without constraints all is certain: {difference:?}");
            let [before, after] = [from, to].map(|acl| acl::compare::permits(acl, &difference.witness));
            let held = |name: &str, all: &[acl::Capability]| all.iter().any(|capability| capability.name() == name);
            for name in difference.capabilities.iter().filter(|name| **name != "sudo") {
                assert!(held(name, &after) && !held(name, &before), "{difference:?}");
            }
        }
    }
    assert!(acl::compare::compare(&new, &new).is_equal());

    let before = lines(choices);
    let after = if choices.below(4) == 0 { lines(choices) } else { mutated(&before, choices) };
    let limits: Vec<Option<Vec<Line>>> = (0..2).map(|_| (choices.below(4) == 0).then(|| lines(choices))).collect();
    let (boundary, session) = (limits[0].as_deref(), limits[1].as_deref());
    let (old, new) = (Side::new(&before, boundary, session), Side::new(&after, boundary, session));
    // The requests are rolled from the input, which is mostly used up here.
    let rolled = rolled(bytes);
    let choices = &mut Choices(&rolled, 0);
    let requests: Vec<Request> = (0..24).map(|_| request(choices)).collect();
    check(&old, &new, &requests, choices);
    let mut backward = after.clone();
    backward.reverse();
    let same = Side::new(&backward, boundary, session);
    let same = compare(&same.sets, &new.sets);
    assert!(same.gains.is_empty() && same.losses.is_empty(), "differs from itself: {same:?}");
    for _ in 0..12 {
        nearly_alike(choices);
    }
});

/// Two sides that differ in one condition on one key, put to every value of it.
fn nearly_alike(choices: &mut Choices<'_>) {
    choices.1 = choices.below(FAMILIES.len());
    let (key, _, _, sent) = FAMILIES[choices.1];
    let all =
        |effect, conditions| Line { effect, action: ("Action", "*"), resource: ("Resource", ["*", "*"]), conditions };
    let denies = choices.below(3) == 0;
    let mut side = || {
        let mut of_key = condition(choices);
        while of_key.1 != key {
            of_key = condition(choices);
            choices.0 = if choices.0.is_empty() { &[7] } else { choices.0 };
        }
        match denies {
            true => Side::new(&[all("Allow", Vec::new()), all("Deny", vec![of_key])], None, None),
            false => Side::new(&[all("Allow", vec![of_key])], None, None),
        }
    };
    let (old, new) = (side(), side());
    let asked = |values: &[&str]| {
        let mut asked =
            Request { action: "s3:getobject".to_owned(), resource: "arn:aws:s3:::a".to_owned(), ..Request::default() };
        if !values.is_empty() {
            let values = values.iter().map(|value| (*value).to_owned()).collect();
            asked.context.insert(key.to_ascii_lowercase(), values);
        }
        asked
    };
    let requests: Vec<Request> = sent.iter().map(|value| asked(&[value])).chain([asked(&[])]).collect();
    check(&old, &new, &requests, choices);
}

/// Every witness flips, what is not told is not there, and both evaluators say the same.
fn check(old: &Side, new: &Side, requests: &[Request], choices: &mut Choices<'_>) {
    let comparison = compare(&old.sets, &new.sets);
    let readings = Reading::all();
    let directions = [(old, new, &comparison.gains), (new, old, &comparison.losses)];
    for (from, to, differences) in directions {
        for difference in differences {
            let Proof::Witness(request) = &difference.proof else { continue };
            assert!(readings.iter().any(|reading| flips(from, to, request, *reading)), "no witness: {request:?}");
        }
    }
    for request in requests {
        let reading = readings[(choices.below(256) << 8 | choices.below(256)) % readings.len()];
        for (from, to, differences) in directions.iter().filter(|(.., differences)| differences.is_empty()) {
            for reading in [Reading::default(), reading] {
                assert!(
                    !flips(from, to, request, reading),
                    "missed: {request:?} by {reading:?}\n{:?}\n{:?}",
                    from.documents,
                    to.documents
                );
            }
        }
        for side in [old, new] {
            let (surely, perhaps) = side.second(request, reading);
            let ours = [Doubt::Withholds, Doubt::Grants].map(|doubt| side.allows(request, reading.doubting(doubt)));
            assert_eq!(ours, [surely, perhaps], "two evaluators: {request:?} by {reading:?}\n{:?}", side.documents);
        }
    }
}
