//! Two policies made of bytes: a witness flips, what is not told is not there, a policy does not differ from itself, and
//! the sandbox's own evaluator says the same.
#![no_main]
#![allow(dead_code, missing_docs, unused_imports)]

#[path = "../../src/acl/mod.rs"]
mod acl;
#[path = "../../src/iam/mod.rs"]
mod iam;
#[path = "../../src/text/mod.rs"]
mod text;
#[path = "../../src/units/mod.rs"]
mod units;
#[path = "../../src/sandbox/policy/mod.rs"]
mod second;

#[path = "comparer/made.rs"]
mod made;
#[path = "comparer/words.rs"]
mod words;

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;

use iam::compare::{Difference, Proof, compare};
use iam::json;
use iam::policy::{Policy, PolicySet};
use iam::reading::{Case, Colons, Doubt, Empty, EmptyVariable, Mistyped, Reading, Several, SeveralNegated, Unresolved};
use iam::request::Request;
use made::{Choices, Condition, Line, Never};

fn document(lines: &[Line]) -> serde_json::Value {
    let statements = lines.iter().map(|line| {
        let mut conditions = serde_json::Map::new();
        for one in &line.conditions {
            let operator = [one.prefix, one.operator, one.suffix].concat();
            conditions.entry(operator).or_insert_with(|| serde_json::json!({}))[one.key] =
                serde_json::json!(one.values);
        }
        serde_json::json!({
            "Effect": line.effect, line.action.0: line.action.1, line.resource.0: line.resource.1,
            "Condition": conditions,
        })
    });
    serde_json::json!({"Version": "2012-10-17", "Statement": statements.collect::<Vec<_>>()})
}

/// What one principal has: identity policies, and a boundary and session policies where there are such.
#[derive(Clone)]
struct Lines([Option<Vec<Line>>; 3]);

impl Lines {
    fn all(&self) -> impl Iterator<Item = &Line> {
        self.0.iter().flatten().flatten()
    }

    /// The same with what no page tells settled; `None` if there is nothing to settle.
    fn settled(&self, seed: usize) -> Option<Self> {
        let mut any = false;
        let settle = |line: &Line| {
            let settled = line.settled(seed);
            any = any || settled.is_some();
            settled.unwrap_or_else(|| line.clone())
        };
        let mut settle = settle;
        let lines = self.0.each_ref().map(|lines| lines.as_ref().map(|lines| lines.iter().map(&mut settle).collect()));
        any.then_some(Self(lines))
    }
}

/// The documents of one principal, as both evaluators take them.
struct Side {
    documents: [Option<Vec<serde_json::Value>>; 3],
    sets: Vec<PolicySet<std::ops::Range<usize>>>,
}

impl Side {
    fn new(lines: &Lines) -> Self {
        let documents = lines.0.each_ref().map(|lines| lines.as_ref().map(|lines| vec![document(lines)]));
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

/// What both sides say for sure, and what they may say: `[old, new]`, each `[surely, perhaps]`.
type Answers = [[bool; 2]; 2];

fn answers(sides: [&Side; 2], request: &Request, reading: Reading) -> Answers {
    sides.map(|side| [Doubt::Withholds, Doubt::Grants].map(|doubt| side.allows(request, reading.doubting(doubt))))
}

/// Whether what the new side surely allows, the old one surely does not; and the other way round.
fn flips([[old, old_perhaps], [new, new_perhaps]]: Answers) -> [bool; 2] {
    [new && !old_perhaps, old && !new_perhaps]
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
    (0..8192).map(|_| next()).collect()
}

fuzz_target!(|bytes: &[u8]| {
    let choices = &mut Choices(bytes);
    match choices.below(8) {
        7 => rules_compared(choices),
        _ => policies_compared(choices, &rolled(bytes)),
    }
});

fn rules_compared(choices: &mut Choices<'_>) {
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
}

fn policies_compared(choices: &mut Choices<'_>, rolled: &[u8]) {
    let family = choices.family();
    let before = made::lines(family, choices);
    let (after, never) = match choices.rarely(4) {
        true => (made::lines(family, choices), None),
        false => made::mutated(&before, family, choices),
    };
    let [boundary, session] = [(); 2].map(|()| choices.rarely(4).then(|| made::lines(family, choices)));
    let of = |identity: &[Line]| Lines([Some(identity.to_vec()), boundary.clone(), session.clone()]);
    let (old, new) = (of(&before), of(&after));
    let mut backward = after;
    backward.reverse();
    let (same, new_side) = (Side::new(&of(&backward)), Side::new(&new));
    let same = compare(&same.sets, &new_side.sets);
    assert!(same.gains.is_empty() && same.losses.is_empty(), "differs from itself: {same:?}");
    // What follows is rolled from the input, which is mostly used up here.
    let choices = &mut Choices(rolled);
    let several = made::several(old.all().chain(new.all()));
    let requests: Vec<Request> = (0..24).map(|_| made::request(&several, choices)).collect();
    check(&old, &new, &requests, never, choices);
    for _ in 0..16 {
        nearly_alike(choices);
    }
}

/// Two sides that differ in what is asked of one key, or in their resources, put to every value of it.
fn nearly_alike(choices: &mut Choices<'_>) {
    let family = (!choices.rarely(6)).then(|| choices.family());
    let place = [0, 0, 0, 0, 1, 2][choices.below(6)];
    let pair = match (family, choices.below(3)) {
        (Some(family), 0) => made::touching(family, choices),
        (_, 0 | 1) => {
            let first = made::narrow(family, choices);
            let second = made::twin(&first, family, choices);
            [first, second]
        }
        _ => [(); 2].map(|()| made::narrow(family, choices)),
    };
    let [old, new] = pair.map(|line| {
        let mut lines = Lines([Some(vec![Line::whole("Allow", Vec::new())]), None, None]);
        lines.0[place] = Some(made::alone(line));
        lines
    });
    let several = made::several(old.all().chain(new.all()));
    let requests = made::around(family, &several, choices);
    let told = check(&old, &new, &requests, None, choices);
    if told != [true, true] && family.is_none() {
        unchanged_doubt(&old, &new, told, &made::odd(choices));
    }
}

/// What may hold or not, but does the same on both sides, adds nothing to what is gained or lost.
fn unchanged_doubt(old: &Lines, new: &Lines, told: [bool; 2], odd: &Condition) {
    let [old, new] = [old, new].map(|lines| {
        let identity = lines.0[0].as_deref().map(|lines| made::where_holds(lines, odd));
        Side::new(&Lines([identity, lines.0[1].clone(), lines.0[2].clone()]))
    });
    let doubted = compare(&old.sets, &new.sets);
    let more = [!doubted.gains.is_empty() && !told[0], !doubted.losses.is_empty() && !told[1]];
    assert_eq!(more, [false, false], "unchanged doubt: {odd:?}\n{:?}\n{:?}", old.documents, new.documents);
}

/// Every witness flips, what is not told is not there, and both evaluators say the same.
fn check(old: &Lines, new: &Lines, requests: &[Request], never: Option<Never>, choices: &mut Choices<'_>) -> [bool; 2] {
    let sides = [old, new].map(Side::new);
    let sides = [&sides[0], &sides[1]];
    let all = [&sides[0].documents, &sides[1].documents];
    let comparison = compare(&sides[0].sets, &sides[1].sets);
    let told = [!comparison.gains.is_empty(), !comparison.losses.is_empty()];
    let readings = Reading::all();
    for (way, differences) in [&comparison.gains, &comparison.losses].into_iter().enumerate() {
        for Difference { proof, .. } in differences {
            let Proof::Witness(request) = proof else { continue };
            let shown = readings.iter().find(|reading| flips(answers(sides, request, **reading))[way]);
            let Some(reading) = shown else { panic!("no witness: {request:?}\n{all:?}") };
            let [old, new] = sides.map(|side| side.second(request, *reading));
            assert!([new.0 && !old.1, old.0 && !new.1][way], "witness to one: {request:?} by {reading:?}\n{all:?}");
        }
    }
    match never {
        Some(Never::Gains) => assert!(!told[0], "less gains: {:?}\n{all:?}", comparison.gains),
        Some(Never::Loses) => assert!(!told[1], "more loses: {:?}\n{all:?}", comparison.losses),
        None => {}
    }
    let seed = choices.below(256);
    let settled = match (old.settled(seed), new.settled(seed)) {
        (None, None) => None,
        pair => Some([pair.0.unwrap_or_else(|| old.clone()), pair.1.unwrap_or_else(|| new.clone())]),
    };
    let full = old.all().chain(new.all()).any(Line::is_full);
    let settled = settled.filter(|_| told != [true, true] && !full).map(|pair| pair.each_ref().map(Side::new));
    for request in requests {
        let other = readings[(choices.below(256) << 8 | choices.below(256)) % readings.len()];
        let seconds = sides.map(|side| <[bool; 2]>::from(side.second(request, other)));
        assert_eq!(answers(sides, request, other), seconds, "two evaluators: {request:?} by {other:?}\n{all:?}");
        for reading in [Reading::default(), other] {
            let ours = answers(sides, request, reading);
            let missed = |answers: Answers| (0..2).any(|way| flips(answers)[way] && !told[way]);
            assert!(!missed(ours), "missed: {request:?} by {reading:?}\n{all:?}");
            if let Some([old, new]) = &settled {
                let ours = answers([old, new], request, reading);
                assert!(!missed(ours), "missed in doubt {seed}: {request:?} by {reading:?}\n{all:?}");
            }
        }
    }
    told
}
