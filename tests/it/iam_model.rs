//! Our judgement of requests beside two models of it that are too slow and too plain to be wrong.

use std::collections::BTreeSet;
use std::sync::Arc;

use leasehold::iam::evaluate::Decision;
use leasehold::iam::json;
use leasehold::iam::pattern::{Pattern, Syntax};
use leasehold::iam::policy::{Policy, PolicySet};
use leasehold::iam::reading::Reading;
use leasehold::iam::request::Request;
use proptest::prelude::*;

/// Whether a pattern matches a text, by trying every way. In segments, a wildcard takes no colon, but for a `*`
/// that is the last character of its segment. Source: IAM User Guide, "IAM JSON policy elements: Resource".
fn matches(pattern: &[u8], text: &[u8], segmented: bool) -> bool {
    let Some((first, rest)) = pattern.split_first() else { return text.is_empty() };
    let may_take = |taken: &[u8], last: bool| !segmented || last || !taken.contains(&b':');
    match first {
        b'*' => {
            let last = rest.first().is_none_or(|next| *next == b':');
            (0..=text.len()).any(|end| may_take(&text[..end], last) && matches(rest, &text[end..], segmented))
        }
        b'?' => !text.is_empty() && may_take(&text[..1], false) && matches(rest, &text[1..], segmented),
        literal => text.first() == Some(literal) && matches(rest, &text[1..], segmented),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn both_readings_of_a_resource_match_what_trying_every_way_does(pattern in "[ab:*?]{0,8}", text in "[ab:]{0,8}") {
        // Two stars in a row say what one says; the model would ask each where its segment ends.
        let mut pattern = pattern;
        while pattern.contains("**") {
            pattern = pattern.replace("**", "*");
        }
        let ours = Pattern::new(&pattern, Syntax { wildcards: true, variables: false });
        let request = Request { resource: text.clone(), ..Request::default() };
        for (reading, segmented) in [(Reading::CROSSING, false), (Reading::SEGMENTED, true)] {
            let expected = matches(pattern.as_bytes(), text.as_bytes(), segmented);
            prop_assert_eq!(ours.matches_resource(&request, reading), expected, "{} {} {:?}", pattern, text, reading);
        }
    }
}

/// All actions, resources and contexts there are in the second model. A request is one of each.
const ACTIONS: [&str; 4] = ["s3:GetObject", "s3:GetObjectAcl", "s3:PutObject", "ec2:RunInstances"];
const RESOURCES: [&str; 4] = ["arn:aws:s3:::a", "arn:aws:s3:::a/k", "arn:aws:s3:::b", "*"];
const SENT: [Option<&[&str]>; 5] = [None, Some(&[]), Some(&["x"]), Some(&["y"]), Some(&["x", "y"])];

/// Patterns, each with the members of the list above that it means.
const ACTION_PATTERNS: [(&str, &[usize]); 6] = [
    ("s3:GetObject", &[0]),
    ("S3:get*", &[0, 1]),
    ("s3:*Object", &[0, 2]),
    ("s3:?etObject", &[0]),
    ("ec2:*", &[3]),
    ("*", &[0, 1, 2, 3]),
];
const RESOURCE_PATTERNS: [(&str, &[usize]); 5] = [
    ("arn:aws:s3:::a", &[0]),
    ("arn:aws:s3:::a*", &[0, 1]),
    ("arn:aws:s3:::?", &[0, 2]),
    ("arn:aws:s3:::${k:user}/k", &[1]),
    ("*", &[0, 1, 2, 3]),
];
/// Conditions, each with the contexts that meet it: absent, empty, x, y, both.
const CONDITIONS: [(&str, [bool; 5]); 13] = [
    (r#"{}"#, [true, true, true, true, true]),
    (r#"{"StringEquals":{"k:v":"x"}}"#, [false, false, true, false, true]),
    (r#"{"StringNotEquals":{"K:V":"x"}}"#, [true, true, false, true, false]),
    (r#"{"StringEquals":{"k:v":["x","y"]}}"#, [false, false, true, true, true]),
    (r#"{"StringNotEquals":{"k:v":["x","y"]}}"#, [true, true, false, false, false]),
    (r#"{"StringEqualsIfExists":{"k:v":"x"}}"#, [true, true, true, false, true]),
    (r#"{"ForAllValues:StringLike":{"k:v":"x*"}}"#, [true, true, true, false, false]),
    (r#"{"ForAnyValue:StringLike":{"k:v":"x*"}}"#, [false, false, true, false, true]),
    (r#"{"ForAllValues:StringNotEquals":{"k:v":"x"}}"#, [true, true, false, true, false]),
    (r#"{"ForAnyValue:StringNotEquals":{"k:v":"x"}}"#, [false, false, false, true, true]),
    (r#"{"Null":{"k:v":"true"}}"#, [true, true, false, false, false]),
    (r#"{"Null":{"k:v":"false"}}"#, [false, false, true, true, true]),
    (r#"{"StringEquals":{"k:v":"x"},"StringNotEquals":{"k:v":"y"}}"#, [false, false, true, false, false]),
];

/// A statement by its choices from the tables.
#[derive(Clone, Debug)]
struct Choice {
    allow: bool,
    not_action: bool,
    actions: BTreeSet<usize>,
    not_resource: bool,
    resources: BTreeSet<usize>,
    condition: usize,
}

/// A request: indices of its action, resource and context.
type Point = (usize, usize, usize);

impl Choice {
    fn text(&self) -> String {
        let list = |chosen: &BTreeSet<usize>, table: &[(&str, &[usize])]| {
            serde_json::to_string(&chosen.iter().map(|index| table[*index].0).collect::<Vec<_>>()).unwrap()
        };
        format!(
            r#"{{"Effect":"{}","{}Action":{},"{}Resource":{},"Condition":{}}}"#,
            if self.allow { "Allow" } else { "Deny" },
            if self.not_action { "Not" } else { "" },
            list(&self.actions, &ACTION_PATTERNS),
            if self.not_resource { "Not" } else { "" },
            list(&self.resources, &RESOURCE_PATTERNS),
            CONDITIONS[self.condition].0,
        )
    }

    /// Every request that it matches, counted out.
    fn points(&self) -> BTreeSet<Point> {
        let meant = |chosen: &BTreeSet<usize>, table: &[(&str, &[usize])], negated: bool| {
            let named: BTreeSet<usize> = chosen.iter().flat_map(|index| table[*index].1).copied().collect();
            (0..4).filter(|index| named.contains(index) != negated).collect::<Vec<_>>()
        };
        let resources = meant(&self.resources, &RESOURCE_PATTERNS, self.not_resource);
        let contexts: Vec<usize> = (0..SENT.len()).filter(|index| CONDITIONS[self.condition].1[*index]).collect();
        let mut points = BTreeSet::new();
        for action in meant(&self.actions, &ACTION_PATTERNS, self.not_action) {
            for resource in &resources {
                points.extend(contexts.iter().map(|context| (action, *resource, *context)));
            }
        }
        points
    }
}

/// What statements allow and what they deny.
fn counted(statements: &[Choice]) -> (BTreeSet<Point>, BTreeSet<Point>) {
    let of = |allow| statements.iter().filter(|one| one.allow == allow).flat_map(Choice::points).collect();
    (of(true), of(false))
}

fn choice() -> impl Strategy<Value = Choice> {
    let some = |size: usize| prop::collection::btree_set(0..size, 1..3);
    let condition = prop_oneof![Just(0), 0..CONDITIONS.len()];
    let parts = (
        prop::bool::weighted(0.7),
        prop::bool::weighted(0.2),
        some(ACTION_PATTERNS.len()),
        prop::bool::weighted(0.2),
        some(RESOURCE_PATTERNS.len()),
        condition,
    );
    parts.prop_map(|(allow, not_action, actions, not_resource, resources, condition)| Choice {
        allow,
        not_action,
        actions,
        not_resource,
        resources,
        condition,
    })
}

fn request((action, resource, context): Point) -> Request {
    let mut request =
        Request { action: ACTIONS[action].to_owned(), resource: RESOURCES[resource].to_owned(), ..Request::default() };
    request.context.insert("k:user".to_owned(), vec!["a".to_owned()]);
    if let Some(values) = SENT[context] {
        request.context.insert("k:v".to_owned(), values.iter().map(|value| (*value).to_owned()).collect());
    }
    request
}

fn policies(statements: &[Choice]) -> Vec<Arc<Policy<std::ops::Range<usize>>>> {
    let one = |choice: &Choice| {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, choice.text());
        let policy = Policy::of_checked(&json::parse(&text).unwrap());
        assert_eq!(policy.statements.len(), 1, "{text}");
        Arc::new(policy)
    };
    statements.iter().map(one).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Source: IAM User Guide, "Policy evaluation logic": what all sets that are there allow, less what any denies.
    #[test]
    fn every_request_is_judged_as_counting_all_of_them_out_does(
        identity in prop::collection::vec(choice(), 0..5),
        boundary in prop::option::of(prop::collection::vec(choice(), 0..3)),
        session in prop::option::of(prop::collection::vec(choice(), 0..3)),
    ) {
        let sets: Vec<_> = [Some(&identity), boundary.as_ref(), session.as_ref()]
            .into_iter()
            .flatten()
            .map(|statements| counted(statements))
            .collect();
        let ours = PolicySet {
            identity: policies(&identity),
            boundary: boundary.as_deref().map(policies),
            session: session.as_deref().map(policies),
        };
        for action in 0..ACTIONS.len() {
            for resource in 0..RESOURCES.len() {
                for context in 0..SENT.len() {
                    let point = (action, resource, context);
                    let expected = if sets.iter().any(|(_, denied)| denied.contains(&point)) {
                        Decision::ExplicitlyDenied
                    } else if sets.iter().all(|(allowed, _)| allowed.contains(&point)) {
                        Decision::Allowed
                    } else {
                        Decision::ImplicitlyDenied
                    };
                    let request = request(point);
                    prop_assert_eq!(ours.evaluate(&request, Reading::CROSSING).decision, expected, "{:?}", request);
                }
            }
        }
    }
}
