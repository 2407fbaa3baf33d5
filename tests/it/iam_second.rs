//! Two evaluators, written apart from AWS's pages: `iam`, which Leasehold judges with, and the sandbox's own.
//!
//! Random policies of all operators and types of values are put to both. They must say the same wherever the pages
//! are read the same way; where one can't tell, the other may not claim to.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use leasehold::iam::evaluate::Decision;
use leasehold::iam::json;
use leasehold::iam::policy::{Policy, PolicySet};
use leasehold::iam::reading::{self, Doubt, Reading};
use leasehold::iam::request::Request;
use leasehold::sandbox::policy::{
    self as second, Blank, Foreign, Forks, Letters, Policies, Several, SeveralNegated, Star, Unresolved, Verdict,
};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::python;

const ASKED_ACTIONS: &[&str] = &["s3:GetObject", "s3:PutObject", "S3:GETOBJECT", "ec2:RunInstances"];
const ACTION_PATTERNS: &[&str] =
    &["*", "s3:*", "S3:get*", "s3:?etObject", "s3:GetObject", "s3:*Object", "ec2:*", "iam:*", "s3:Put?bject", "*:*"];
const ASKED_RESOURCES: &[&str] = &[
    "*",
    "arn:aws:s3:::a",
    "arn:aws:s3:::a/k",
    "arn:aws:s3:::a:b/k",
    "arn:aws:s3:::bob/k",
    "arn:aws:s3:::*/k",
    "arn:aws:iam::1:user/bob",
];
const RESOURCE_PATTERNS: &[&str] = &[
    "*",
    "arn:aws:s3:::*",
    "arn:aws:s3:::a",
    "arn:aws:s3:::a*",
    "arn:aws:s3:::a/?",
    "arn:aws:s3:::a?b/k",
    "arn:aws:s3:::*/k",
    "arn:aws:s3*",
    "arn:aws:*:::a",
    "arn:*/k",
    "arn:aws:*:*:*:*b*",
    "arn:aws:s3:::${k:user}/k",
    "arn:aws:s3:::${K:User}*",
    "arn:aws:s3:::${*}/k",
    "arn:aws:s3:::${k:none}/k",
    "arn:aws:s3:::a${k:none, ':b'}/k",
    "arn:aws:s3:::${k:user, 'a'}/k",
    "arn:aws:s3:::${k:empty}a/k",
    "arn:aws:iam::1:user/${k:user}",
    "arn:aws:s3*a:b*",
    "arn:aws:s3:::a*b/k",
];

const ODD_RESOURCES: &[&str] = &[
    "arn:aws:s3:::${k:user",
    "arn:aws:${k:none, 's3'}:::a",
    "arn:aws:${k:user}:::a",
    "arn:aws:s3:${k:user}::a",
    "arn:aws:${*}:::a",
    "${k:user}",
    "arn:aws:s3:::${k:many}/k",
    "arn:aws:s3:::${k:many, 'a'}/k",
    "arn:aws:s3:::${k:none,'a'}/k",
    "arn:aws:s3:::${k:none, 'a*'}/k",
];

/// A type of values: its operators, its key, and values that a policy or a request may have for it.
#[derive(Debug)]
struct Family {
    operators: &'static [&'static str],
    key: &'static str,
    wanted: &'static [&'static str],
    sent: &'static [&'static str],
}

const FAMILIES: &[Family] = &[
    Family {
        operators: &[
            "StringEquals",
            "StringNotEquals",
            "StringEqualsIgnoreCase",
            "StringNotEqualsIgnoreCase",
            "StringLike",
            "StringNotLike",
        ],
        key: "k:text",
        wanted: &[
            "a",
            "A",
            "b",
            "ab",
            "a*",
            "*b",
            "?",
            "a?",
            "*",
            "bob",
            "${k:user}",
            "${k:USER}*",
            "a${*}",
            "${?}",
            "${$}{k:user}",
            "${k:none, 'a'}",
            "${k:user, 'a'}",
            "${k:empty}",
            "${k:empty, 'a'}",
            "",
            "é",
            "K",
            "$",
            "a$b",
            "{k:user}",
        ],
        sent: &["a", "A", "b", "ab", "aab", "a*", "?", "bob", "${k:user}", "$", "a$b", "é", "É", "\u{212a}", ""],
    },
    Family {
        operators: &[
            "NumericEquals",
            "NumericNotEquals",
            "NumericLessThan",
            "NumericLessThanEquals",
            "NumericGreaterThan",
            "NumericGreaterThanEquals",
        ],
        key: "k:number",
        wanted: &[
            "0",
            "-0",
            "1",
            "01",
            "1.0",
            "1.5",
            "-1",
            "-1.5",
            "10",
            "9",
            "1.00000000000000000001",
            "98765432109876543210",
        ],
        sent: &[
            "0",
            "-0.0",
            "1",
            "1.00",
            "1.5",
            "-1",
            "-2",
            "10",
            "9.5",
            "1.00000000000000000002",
            "98765432109876543211",
        ],
    },
    Family {
        operators: &[
            "DateEquals",
            "DateNotEquals",
            "DateLessThan",
            "DateLessThanEquals",
            "DateGreaterThan",
            "DateGreaterThanEquals",
        ],
        key: "k:date",
        wanted: &[
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:00Z",
            "2026-01-01T02:00:00+02:00",
            "2025-12-31T23:30:00-00:30",
            "1767225600",
            "2024-02-29T12:00:00Z",
            "1969-12-31T23:59:59Z",
            "1969-12-31T23:59:58.75Z",
            "0000-01-01T00:00:00Z",
            "2026-01-01T00:00:00.25Z",
            "2026-01-01T00:00:00.25000000000000000001Z",
            "2026-01",
            "2026-01-01",
            "9999-12-31T23:59:59Z",
        ],
        sent: &[
            "2026-01-01T00:00:00.2Z",
            "2026-01-01T00:00:00.250Z",
            "2026-01-01T00:00:00.25000000000000000002Z",
            "253402300799",
            "1969-12-31T23:59:58.7Z",
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:00:01Z",
            "1767225600",
            "1767225599",
            "1709208000",
            "-1",
            "-2",
            "-62167219200",
        ],
    },
    Family { operators: &["Bool"], key: "k:bool", wanted: &["true", "false"], sent: &["true", "false"] },
    Family {
        operators: &["BinaryEquals"],
        key: "k:binary",
        wanted: &["QQ==", "QUI=", "QUJD"],
        sent: &["QQ==", "QUI=", "QUJD"],
    },
    Family {
        operators: &["IpAddress", "NotIpAddress"],
        key: "k:address",
        wanted: &[
            "10.0.0.0/8",
            "10.1.2.3",
            "10.1.2.3/32",
            "0.0.0.0/0",
            "203.0.113.0/25",
            "2001:DB8::/32",
            "::/0",
            "::1",
        ],
        sent: &["10.1.2.3", "10.255.0.1", "11.0.0.0", "203.0.113.127", "203.0.113.128", "2001:db8::1", "::1"],
    },
    Family {
        operators: &["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"],
        key: "k:arn",
        wanted: &[
            "arn:aws:iam::1:user/bob",
            "arn:aws:iam::*:user/*",
            "arn:aws:iam::1:user/${k:user}",
            "arn:aws:*:*:*:*",
            "arn:aws:sns:*:1:t?",
            "arn:aws:sns:*:t:x",
            "arn:*:*:*:*:*x",
        ],
        sent: &["arn:aws:iam::1:user/bob", "arn:aws:iam::1:user/Bob", "arn:aws:sns:eu:1:t1", "arn:aws:sns:eu:1:t:x"],
    },
];

/// Values that are no dates, numbers and so on, or that AWS's pages don't define.
const ODD: &[&str] = &[
    "",
    "*",
    "five",
    "1e3",
    "1,5",
    "${k:five}",
    "2030",
    "1767225600.5",
    "253402300800",
    "2030-01-01T00:00:00",
    "2030-01-01t00:00:00z",
    "2030-1-1",
    "2030-01-01T24:00:00Z",
    "99999-01-01T00:00:00Z",
    "yes",
    "%",
    "QQ",
    "10.0.0.0/33",
    "010.0.0.0",
    "203.0.113",
    "arn:aws:iam:*:user",
    "${k:user",
    "${k:none}",
    "${k:none}*",
    "+1",
    ".5",
    "5.",
    "TRUE",
    "${k:none,'a'}",
    "${k:none,  'a'}",
    "${k:none, 'a'b'}",
    "${k:none, 'a*'}",
    "${k:many}",
    "${k:many, 'a'}",
    "${a${k:user}}",
    "${**}",
    "${}",
    "${ k:user }",
    "${k:us er}",
    "${k:user, bob}",
    "${k:\u{dc}}",
    "${k:user}",
    "${k:whole}",
    "arn:aws:iam::${k:whole}:user/bob",
    "arn:aws:iam::${k:user}:user/bob",
];
/// Values that a request can't have for a key of their type.
const ODD_SENT: &[&str] = &["", "x", "TRUE", "+1", "10.0.0.0/8", "arn:aws:iam"];

/// Which values are among those that are generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Values {
    WellFormed,
    Odd,
}

impl Values {
    fn odd(self, odd: &[&'static str]) -> Vec<&'static str> {
        match self {
            Self::WellFormed => Vec::new(),
            Self::Odd => odd.to_vec(),
        }
    }
}

/// One of `words`, or one of `odd`, if there are any.
fn word(words: &'static [&'static str], odd: Vec<&'static str>) -> BoxedStrategy<&'static str> {
    if odd.is_empty() { select(words).boxed() } else { prop_oneof![2 => select(words), 1 => select(odd)].boxed() }
}

fn some(word: impl Strategy<Value = &'static str> + Clone + 'static) -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => word.clone().prop_map(|word| json!(word)),
        2 => prop::collection::vec(word, 1..4).prop_map(|words| json!(words)),
    ]
}

/// An operator with its key and values.
fn condition(values: Values) -> impl Strategy<Value = (String, String, Value)> {
    let family = (0..FAMILIES.len()).prop_map(|index| &FAMILIES[index]);
    let compare = family.prop_flat_map(move |family| {
        let set = select(&["", "", "", "ForAllValues:", "ForAnyValue:"][..]);
        let suffix = select(&["", "", "IfExists"][..]);
        let key = prop_oneof![8 => Just(family.key.to_owned()), 1 => Just(family.key.to_uppercase())];
        (set, select(family.operators), suffix, key, some(word(family.wanted, values.odd(ODD))))
            .prop_map(|(set, operator, suffix, key, values)| (format!("{set}{operator}{suffix}"), key, values))
    });
    let keys: Vec<&str> = FAMILIES.iter().map(|family| family.key).chain(["k:none", "K:User", "k:empty"]).collect();
    let null = (select(keys), select(vec![json!("true"), json!("false"), json!(true), json!(["true", "false"])]))
        .prop_map(|(key, value)| ("Null".to_owned(), key.to_owned(), value));
    prop_oneof![9 => compare, 1 => null]
}

fn statement(values: Values) -> impl Strategy<Value = Value> {
    let parts = (
        prop::bool::weighted(0.65),
        prop::bool::weighted(0.15),
        some(select(ACTION_PATTERNS)),
        prop::bool::weighted(0.2),
        some(word(RESOURCE_PATTERNS, values.odd(ODD_RESOURCES))),
        prop_oneof![1 => Just(Vec::new()), 4 => prop::collection::vec(condition(values), 1..3)],
    );
    parts.prop_map(|(allow, not_action, actions, not_resource, resources, conditions)| {
        let mut statement = json!({
            "Effect": if allow { "Allow" } else { "Deny" },
            if not_action { "NotAction" } else { "Action" }: actions,
            if not_resource { "NotResource" } else { "Resource" }: resources,
        });
        for (operator, key, values) in conditions {
            statement["Condition"][operator][key] = values;
        }
        statement
    })
}

fn documents(values: Values) -> impl Strategy<Value = Vec<Value>> {
    let version = prop_oneof![9 => Just(json!("2012-10-17")), 1 => Just(json!("2008-10-17"))];
    let document = (version, prop::collection::vec(statement(values), 1..4))
        .prop_map(|(version, statements)| json!({"Version": version, "Statement": statements}));
    prop::collection::vec(document, 1..3)
}

/// Action, resource and context.
type Asked = (String, String, BTreeMap<String, Vec<String>>);

fn asked() -> impl Strategy<Value = Asked> {
    let sent = |words: &'static [&'static str]| {
        let word = || word(words, ODD_SENT.to_vec()).prop_map(str::to_owned);
        prop_oneof![
            1 => Just(None),
            6 => word().prop_map(|word| Some(vec![word])),
            3 => prop::collection::vec(word(), 0..4).prop_map(Some),
        ]
    };
    let each: Vec<_> = FAMILIES.iter().map(|family| sent(family.sent)).collect();
    let user = prop_oneof![3 => Just(Some(vec!["bob".to_owned()])), 1 => Just(None)];
    (select(ASKED_ACTIONS), select(ASKED_RESOURCES), each, user).prop_map(|(action, resource, each, user)| {
        let many = Some(vec!["a".to_owned(), "b".to_owned()]);
        let one = |value: &str| Some(vec![value.to_owned()]);
        let others =
            [("k:user", user), ("k:many", many), ("k:empty", one("")), ("k:whole", one("arn:aws:iam::1:user/bob"))];
        let keys = FAMILIES.iter().map(|family| family.key).zip(each).chain(others);
        let context = keys.filter_map(|(key, values)| Some((key.to_owned(), values?))).collect();
        (action.to_owned(), resource.to_owned(), context)
    })
}

/// Policies of each kind that there can be, requests, and some of the ways to read AWS's pages.
#[derive(Debug)]
struct Case {
    readings: Vec<Reading>,
    identity: Vec<Value>,
    boundary: Option<Vec<Value>>,
    session: Option<Vec<Value>>,
    requests: Vec<Asked>,
}

fn case(values: Values) -> impl Strategy<Value = Case> {
    let parts = (
        documents(values),
        prop_oneof![3 => Just(None), 1 => documents(values).prop_map(Some)],
        prop_oneof![5 => Just(None), 1 => documents(values).prop_map(Some)],
        prop::collection::vec(asked(), 4),
        prop::collection::vec(select(Reading::all()), 12),
    );
    parts.prop_map(|(identity, boundary, session, requests, readings)| Case {
        identity,
        boundary,
        session,
        requests,
        readings,
    })
}

fn first(documents: &[Value]) -> Vec<Arc<Policy<std::ops::Range<usize>>>> {
    let one = |document: &Value| {
        let policy = Policy::of_checked(&json::parse(&document.to_string()).unwrap());
        let statements = document["Statement"].as_array().map_or(1, Vec::len);
        assert_eq!(policy.statements.len(), statements, "{document}");
        Arc::new(policy)
    };
    documents.iter().map(one).collect()
}

/// A way to read AWS's pages as the second evaluator takes it.
fn forks(reading: Reading) -> Forks {
    Forks {
        star: match reading.colons {
            reading::Colons::Crossing => Star::Anywhere,
            reading::Colons::Segmented => Star::InSegment,
            reading::Colons::SegmentedFive => Star::InFirstFive,
        },
        unresolved: match reading.unresolved {
            reading::Unresolved::MatchesNothing => Unresolved::MatchesNothing,
            reading::Unresolved::Spoils => Unresolved::SpoilsStatement,
            reading::Unresolved::SpoilsUnlessIfExists => Unresolved::SpoilsUnlessIfExists,
        },
        several: match reading.several {
            reading::Several::Any => Several::AnyMatches,
            reading::Several::All => Several::AllMatch,
        },
        several_negated: match reading.several_negated {
            reading::SeveralNegated::None => SeveralNegated::NoneMatches,
            reading::SeveralNegated::Some => SeveralNegated::SomeDoesNot,
        },
        blank: match reading.empty {
            reading::Empty::Text => Blank::IsValue,
            reading::Empty::NoValue => Blank::IsNull,
        },
        blank_variable: match reading.empty_variable {
            reading::EmptyVariable::Text => Blank::IsValue,
            reading::EmptyVariable::NoValue => Blank::IsNull,
        },
        foreign: match reading.mistyped {
            reading::Mistyped::Differs => Foreign::Differs,
            reading::Mistyped::Fails => Foreign::Fails,
        },
        letters: match reading.case {
            reading::Case::Ascii => Letters::Ascii,
            reading::Case::Unicode => Letters::All,
        },
    }
}

/// What the first says. It can't tell where a doubt decides.
fn first_says(policies: &PolicySet<std::ops::Range<usize>>, request: &Request, reading: Reading) -> Verdict {
    let [withheld, granted] =
        [Doubt::Withholds, Doubt::Grants].map(|doubt| policies.evaluate(request, reading.doubting(doubt)).decision);
    match (withheld, granted) {
        (Decision::Allowed, _) => Verdict::Allowed,
        (_, Decision::Allowed) => Verdict::Unsure,
        (_, Decision::ExplicitlyDenied) => Verdict::Denied,
        (_, Decision::ImplicitlyDenied) => Verdict::Silent,
    }
}

/// What either says to each request under each of some readings.
fn said(case: &Case, readings: &[Reading]) -> Vec<(Verdict, Verdict, String)> {
    let ours = PolicySet {
        identity: first(&case.identity),
        boundary: case.boundary.as_deref().map(first),
        session: case.session.as_deref().map(first),
    };
    let (boundary, session) = (case.boundary.as_deref(), case.session.as_deref());
    let theirs = Policies { identity: &case.identity, boundary, session };
    let mut said = Vec::new();
    for (action, resource, context) in &case.requests {
        let mut request = Request { action: action.clone(), resource: resource.clone(), ..Request::default() };
        let mut same = second::Request::new(action, resource);
        for (key, values) in context {
            request.context.insert(key.clone(), values.clone());
            same.set(key, values);
        }
        for &reading in readings {
            let first = first_says(&ours, &request, reading);
            said.push((first, second::judge(theirs, &same, forks(reading)), format!("{reading:?} {request:?}")));
        }
    }
    said
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn both_evaluators_say_the_same(case in case(Values::WellFormed)) {
        for (first, second, asked) in said(&case, &case.readings) {
            prop_assert!(second != Verdict::Unsure, "{}", asked);
            prop_assert_eq!(first, second, "{}", asked);
        }
    }

    #[test]
    fn both_evaluators_can_tell_the_same(case in case(Values::Odd)) {
        for (first, second, asked) in said(&case, &case.readings) {
            prop_assert_eq!(first, second, "{}", asked);
        }
    }
}

/// A text that a pattern of a policy matches.
fn matched(pattern: &str) -> String {
    pattern.replace('*', "x/y").replace('?', "z")
}

/// Requests that statements of a document are about: each of some actions on each of some resources, with what its
/// conditions ask for, and without.
fn about(document: &Value) -> Vec<Asked> {
    let texts = |value: &Value| -> Vec<String> {
        let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        values.iter().filter_map(Value::as_str).take(2).map(matched).collect()
    };
    let mut asked = Vec::new();
    for statement in
        document["Statement"].as_array().map_or(std::slice::from_ref(&document["Statement"]), Vec::as_slice)
    {
        let mut context = BTreeMap::new();
        let blocks = statement["Condition"].as_object().into_iter().flatten();
        let compared = blocks.filter(|(operator, _)| *operator != "Null");
        for (key, values) in compared.flat_map(|(_, keys)| keys.as_object().into_iter().flatten()) {
            context.insert(key.to_lowercase(), texts(values));
        }
        let one_of = |plain, negated| texts(statement.get(plain).unwrap_or(&statement[negated]));
        for action in one_of("Action", "NotAction") {
            for resource in one_of("Resource", "NotResource") {
                for context in [&context, &BTreeMap::new()] {
                    asked.push((action.clone(), resource.clone(), context.clone()));
                }
            }
        }
    }
    // Of long documents the first will do: each request is put to every statement.
    asked.truncate(REQUESTS_MAX);
    asked
}

const REQUESTS_MAX: usize = 4;

#[test]
fn of_awss_managed_policies_both_say_the_same() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/catalogue/actions.txt");
    let policies = python::script("policies.py", &["managed".as_ref(), file.as_os_str()]);
    let (mut allowed, mut refused) = (0, 0);
    for policy in &policies {
        let document: Value = serde_json::from_str(policy["document"].as_str().unwrap()).unwrap();
        let requests = about(&document);
        let case = Case { readings: Vec::new(), identity: vec![document], boundary: None, session: None, requests };
        for (first, second, asked) in said(&case, &[Reading::CROSSING, Reading::SEGMENTED]) {
            assert_eq!(first, second, "{}: {asked}", policy["name"]);
            if first == Verdict::Allowed { allowed += 1 } else { refused += 1 }
        }
    }
    assert!(allowed > 4_000 && refused > 500, "{allowed} requests allowed, {refused} refused");
}
