//! A witness as one would write it: an action that AWS has, and a resource that the action can have.
//!
//! The search finds some request, which says nothing of AWS. Here it is changed as far as it still shows what it
//! shows, so that somebody could make it. Where none is found that could be made, it stays as it was found.

use std::borrow::Cow;

use super::Proof;
use super::solve::Goal;
use crate::iam::catalogue::{Catalogue, Fit};
use crate::iam::pattern::{Part, Pattern, Syntax};
use crate::iam::reading::Reading;
use crate::iam::request::Request;
use crate::iam::scope::Scope;

/// How many actions are tried to find a witness that AWS knows.
const ACTIONS_MAX: usize = 400;

/// How many resources are tried, of all actions together.
const RESOURCES_MAX: usize = 32;

/// How many patterns of resources are looked at for each action.
const PATTERNS_MAX: usize = 4;

/// What stands for names that nothing says.
const NAME: &str = "example";

/// The same witness with an action that AWS has and a resource that it can have, where these show it too.
pub(super) fn presentable(request: Request, actions: &Scope, goals: &[Goal<'_>], reading: Reading) -> Request {
    let shows = |request: &Request| goals.iter().all(|goal| goal.is_met(request, reading));
    let catalogue = Catalogue::current();
    let near = near(&request, goals, reading);
    let own = catalogue.find(&request.action).map(|action| action.to_string());
    // Behind thousands of others there may be those that it is about.
    let service = request.action.split(':').next().unwrap_or_default();
    let others = catalogue
        .matching_of(service, actions)
        .chain(catalogue.matching(actions).filter(|action| !action.service.eq_ignore_ascii_case(service)))
        .map(|action| action.to_string())
        .filter(|name| Some(name) != own.as_ref());
    let mut tried = 0;
    let mut second: Option<(Request, Fit)> = None;
    for action in own.iter().cloned().chain(others).take(ACTIONS_MAX) {
        let found = Request { action, ..request.clone() };
        // Of what shows it, the first is the one to fall back on; of the others only what could be made counts.
        let worth = second.is_none() || catalogue.possible(&found) != Fit::No;
        if let Some(usual) = worth.then(|| usual(found.clone(), &shows)).filter(&shows) {
            if is_whole(catalogue, &usual) {
                return usual;
            }
            let fit = catalogue.possible(&usual);
            if second.as_ref().is_none_or(|(_, known)| *known != Fit::Yes && fit == Fit::Yes) {
                second = Some((usual, fit));
            }
        }
        if tried < RESOURCES_MAX
            && let Some(made) = made(catalogue, &found, &near, &mut tried).find(&shows)
        {
            return made;
        }
    }
    second.map_or(request, |(second, _)| second)
}

/// Whether one of two proofs of the same says more than the other: a request that could be made before one that could
/// not, and that before none.
pub(super) fn says_more(proof: &Proof, known: &Proof) -> bool {
    weight(proof) > weight(known)
}

/// Whether no other proof of the same says more, nor of what is as certain.
pub(super) fn says_all(proof: &Proof) -> bool {
    matches!(proof, Proof::CannotTell(_)) || weight(proof) == 2
}

fn weight(proof: &Proof) -> u8 {
    match proof {
        Proof::Witness(request) => 1 + u8::from(Catalogue::current().possible(request) == Fit::Yes),
        Proof::CannotTell(_) => 0,
    }
}

/// Whether a request is one as AWS makes it: each part of its ARN has something in it.
fn is_whole(catalogue: &Catalogue, request: &Request) -> bool {
    let pattern = |wildcards| Pattern::new(&request.resource, Syntax { wildcards, variables: false });
    // An action that can have a resource mostly has one, so that `*` is whole where it comes first.
    let star = request.resource == "*";
    let mut known = catalogue.examples(&request.action, &pattern(star), NAME, &|_| None);
    known.next().is_some_and(|first| !star || first == "*")
}

/// Where the resource of a request lies, by what allows it: a region that is asked about often says nothing.
fn near<'g>(request: &Request, goals: &[Goal<'g>], reading: Reading) -> Vec<Cow<'g, Pattern>> {
    let terms = goals.iter().flat_map(|goal| match goal {
        Goal::Inside(term) => std::slice::from_ref(*term),
        Goal::InsideAny(terms) => terms,
        _ => &[],
    });
    let named = terms.filter(|term| !term.resources.negated).flat_map(|term| term.resources.patterns());
    let near = named.filter(|one| one.parts != [Part::Any] && one.matches_resource(request, reading));
    let mut patterns: Vec<Cow<'g, Pattern>> = near.take(PATTERNS_MAX).map(Cow::Borrowed).collect();
    if patterns.is_empty() {
        patterns.push(Cow::Owned(Pattern::new("*", Syntax { wildcards: true, variables: false })));
    }
    patterns
}

/// The request with resources that its action can have and that lie in what is asked for.
fn made<'r>(
    catalogue: &'r Catalogue,
    request: &'r Request,
    near: &'r [Cow<'_, Pattern>],
    tried: &'r mut usize,
) -> impl Iterator<Item = Request> + use<'r> {
    let value = |key: &str| match request.context.get(key).map(Vec::as_slice) {
        Some([value]) => Some(value.clone()),
        _ => None,
    };
    let resources = near.iter().flat_map(move |pattern| {
        let mut examples: Vec<String> = catalogue.examples(&request.action, pattern, NAME, &value).collect();
        // The shortest is the plainest: an object rather than one behind an access point.
        examples.sort_by_key(|text| (text == "*", text.len()));
        examples
    });
    resources
        .take_while(move |_| {
            *tried += 1;
            *tried <= RESOURCES_MAX
        })
        .map(|resource| Request { resource, ..request.clone() })
}

/// An ARN with the partition and the service that it mostly has, as far as the request still shows what it shows.
fn usual(mut request: Request, shows: &dyn Fn(&Request) -> bool) -> Request {
    let service = request.action.split(':').next().unwrap_or_default().to_owned();
    if let Some(rest) = request.resource.strip_prefix("arn:") {
        let mut segments: Vec<String> = rest.splitn(5, ':').map(str::to_owned).collect();
        for (index, usual) in [(0, "aws"), (1, service.as_str())] {
            let Some(segment) = segments.get_mut(index) else { continue };
            let before = std::mem::replace(segment, usual.to_owned());
            let tried = Request { resource: format!("arn:{}", segments.join(":")), ..request.clone() };
            match shows(&tried) {
                true => request = tried,
                false => segments[index] = before,
            }
        }
    }
    request
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::iam::catalogue::{Catalogue, Fit};
    use crate::iam::compare::{Proof, compare};
    use crate::iam::json;
    use crate::iam::policy::{Policy, PolicySet};

    fn set(statements: &str) -> PolicySet<()> {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
        let policy = Policy::of_checked(&json::parse(&text).expect("JSON")).map_spans(|_, _| ());
        PolicySet::identity(vec![Arc::new(policy)])
    }

    fn statement(effect: &str, actions: &str, resources: &str) -> String {
        format!(r#"{{"Effect":"{effect}",{actions},{resources}}}"#)
    }

    #[test]
    fn a_witness_could_be_made_where_one_can() {
        let allow = |actions: &str, resources: &str| statement("Allow", actions, resources);
        for (old, new, example) in [
            (String::new(), allow(r#""Action":"*""#, r#""Resource":"*""#), None),
            (String::new(), allow(r#""Action":"s3:*""#, r#""Resource":"arn:aws:s3:::b""#), Some("arn:aws:s3:::b")),
            (
                String::new(),
                allow(r#""Action":"s3:*""#, r#""Resource":"arn:aws:s3:::b/*""#),
                Some("arn:aws:s3:::b/example"),
            ),
            (String::new(), allow(r#""Action":"ec2:D*""#, r#""Resource":"arn:aws:ec2:eu-west-1:*:volume/*""#), None),
            (String::new(), allow(r#""Action":["iam:*"]"#, r#""Resource":"arn:aws:iam::*:role/a*""#), None),
            (String::new(), allow(r#""NotAction":"iam:*""#, r#""Resource":"*""#), None),
            (String::new(), allow(r#""Action":"s3:GetObject""#, r#""NotResource":"arn:aws:s3:::b/*""#), None),
            (String::new(), allow(r#""Action":"ec2:DescribeInstances""#, r#""Resource":"*""#), Some("*")),
            (
                allow(r#""Action":"s3:GetObject""#, r#""Resource":"arn:aws:s3:::example/*""#),
                allow(r#""Action":"s3:Get*""#, r#""Resource":"arn:aws:s3:::e*/*""#),
                None,
            ),
            (
                String::new(),
                allow(r#""Action":"s3:GetObject""#, r#""Resource":"arn:aws:s3:::home/${aws:username}/*""#),
                Some("arn:aws:s3:::home/some-username/"),
            ),
            (
                allow(r#""NotAction":["iam:*","sts:*"]"#, r#""Resource":"*""#),
                allow(r#""NotAction":["iam:*","sts:AssumeRole"]"#, r#""Resource":"*""#),
                None,
            ),
            (
                String::new(),
                [
                    allow(r#""Action":"*""#, r#""Resource":"*""#),
                    statement("Deny", r#""NotAction":"workspaces:*""#, r#""Resource":"*""#),
                ]
                .join(","),
                None,
            ),
            (
                String::new(),
                [
                    allow(r#""Action":"dynamodb:*""#, r#""Resource":"*""#),
                    statement("Deny", r#""Action":"dynamodb:*""#, r#""Resource":"arn:aws:dynamodb:*:*:table/a*""#),
                ]
                .join(","),
                None,
            ),
        ] {
            let (old, new) = ([set(&old)], [set(&new)]);
            let comparison = compare(&old, &new);
            assert!(!comparison.gains.is_empty());
            for gain in &comparison.gains {
                let Proof::Witness(request) = &gain.proof else { panic!("{:?}", gain.proof) };
                assert_eq!(Catalogue::built_in().possible(request), Fit::Yes, "{request:?}");
                if let Some(example) = example {
                    assert_eq!(request.resource, example);
                }
            }
        }
    }

    #[test]
    fn where_none_can_be_made_the_witness_is_one_all_the_same() {
        let new = [set(&statement("Allow", r#""Action":"s3:ListBucket""#, r#""Resource":"arn:aws:s3:::b/*""#))];
        let comparison = compare(&[], &new);
        let Proof::Witness(request) = &comparison.gains[0].proof else { panic!("a gain") };
        assert_eq!((request.action.as_str(), Catalogue::built_in().possible(request)), ("s3:ListBucket", Fit::No));
        assert!(new[0].allows(request, crate::iam::reading::Reading::default()));
    }
}
