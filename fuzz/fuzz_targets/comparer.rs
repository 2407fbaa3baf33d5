//! Two policies made of bytes: a witness flips by the evaluator, and a policy does not differ from itself.
#![no_main]
#![allow(dead_code, missing_docs)]

#[path = "../../src/acl/mod.rs"]
mod acl;
#[path = "../../src/iam/mod.rs"]
mod iam;

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;

use iam::compare::{Proof, compare};
use iam::json;
use iam::policy::{Policy, PolicySet};
use iam::reading::Reading;
use iam::request::Request;

/// Bytes as choices; when they end, the first of each.
struct Choices<'a>(&'a [u8]);

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

const ACTIONS: &[&str] = &["s3:GetObject", "s3:Get*", "s3:*", "*", "iam:PassRole", "s3:?etObject", "S3:PUTOBJECT"];
const RESOURCES: &[&str] = &[
    "*",
    "arn:aws:s3:::a/*",
    "arn:aws:s3:::a",
    "arn:aws:s3:::*",
    "arn:aws:s3:::${aws:username}/*",
    "arn:aws:iam::1:role/?",
];
const OPERATORS: &[&str] = &[
    "StringEquals",
    "StringNotLike",
    "StringLikeIfExists",
    "Bool",
    "Null",
    "IpAddress",
    "NumericLessThan",
    "ForAnyValue:StringLike",
];
const KEYS: &[&str] = &["aws:SecureTransport", "aws:SourceIp", "aws:username", "s3:prefix"];
const VALUES: &[&str] = &["true", "false", "10.0.0.0/8", "a*", "5", "a"];

fn statement(choices: &mut Choices<'_>) -> String {
    let effect = choices.of(&["Allow", "Deny"]);
    let (action, resource) =
        (choices.of(&["Action", "NotAction"]), choices.of(&["Resource", "Resource", "NotResource"]));
    let (actions, resources) = (choices.of(ACTIONS), [choices.of(RESOURCES), choices.of(RESOURCES)]);
    let condition = match choices.below(2) {
        0 => String::new(),
        _ => format!(
            r#","Condition":{{"{}":{{"{}":"{}"}}}}"#,
            choices.of(OPERATORS),
            choices.of(KEYS),
            choices.of(VALUES)
        ),
    };
    format!(
        r#"{{"Effect":"{effect}","{action}":"{actions}","{resource}":["{}","{}"]{condition}}}"#,
        resources[0], resources[1]
    )
}

fn policy(choices: &mut Choices<'_>) -> Option<PolicySet<std::ops::Range<usize>>> {
    let statements: Vec<String> = (0..=choices.below(4)).map(|_| statement(choices)).collect();
    let text = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","));
    let policy = Policy::new(&json::parse(&text).expect("the grammar makes JSON")).ok()?;
    Some(PolicySet::identity(vec![Arc::new(policy)]))
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
    const SENT: &[&str] = &["true", "false", "10.1.2.3", "ab", "4", "a", "bob"];
    let mut request = Request {
        action: choices.of(&["s3:getobject", "s3:getacl", "s3:putobject", "iam:passrole", "ec2:runinstances"]).to_owned(),
        resource: choices.of(ASKED).to_owned(),
        ..Request::default()
    };
    for key in KEYS {
        let values: Vec<String> = (0..choices.below(3)).map(|_| choices.of(SENT).to_owned()).collect();
        if !values.is_empty() {
            request.context.insert(key.to_ascii_lowercase(), values);
        }
    }
    request
}

/// As many bytes as all requests take, by a generator that the input seeds.
fn rolled(bytes: &[u8]) -> Vec<u8> {
    let mut state = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..512).map(|_| next()).collect()
}

fuzz_target!(|bytes: &[u8]| {
    let choices = &mut Choices(bytes);
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

    let (Some(old), Some(new)) = (policy(choices), policy(choices)) else { return };
    let (old, new) = (vec![old], vec![new]);
    let comparison = compare(&old, &new);
    for (from, to, differences) in [(&old, &new, &comparison.gains), (&new, &old, &comparison.losses)] {
        for difference in differences {
            let Proof::Witness(request) = &difference.proof else { continue };
            let flips = |reading| {
                to.iter().any(|set| set.allows(request, reading))
                    && !from.iter().any(|set| set.allows(request, reading))
            };
            assert!(flips(Reading::CROSSING) || flips(Reading::SEGMENTED), "{request:?}");
        }
    }
    // What is not told must not be there. The requests are rolled from the input, which is mostly used up here.
    let rolled = rolled(bytes);
    let choices = &mut Choices(&rolled);
    for _ in 0..32 {
        let request = request(choices);
        for (from, to, differences) in [(&old, &new, &comparison.gains), (&new, &old, &comparison.losses)] {
            let flips = |reading| to[0].allows(&request, reading) && !from[0].allows(&request, reading);
            let flips = flips(Reading::CROSSING) || flips(Reading::SEGMENTED);
            assert!(!flips || !differences.is_empty(), "missed: {request:?}");
        }
    }
    let same = compare(&new, &new);
    assert!(same.gains.is_empty() && same.losses.is_empty());
});
